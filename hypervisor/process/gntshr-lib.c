// SPDX-License-Identifier: MIT
/* The gntshr half of libxengnttab on Sluice's hypervisor. */
#include "config.h"

#include <errno.h>
#include <unistd.h>

#include "hypervisor/process/gnt-handle.h"

PUBLIC xengntshr_handle *xengntshr_open(xentoollog_logger *logger, unsigned open_flags)
{
	return gnt_handle_open("gntshr", logger);
}

PUBLIC int xengntshr_close(xengntshr_handle *xgs)
{
	if (xgs)
		gnt_handle_close(xgs);
	return 0;
}

PUBLIC int xengntshr_fd(xengntshr_handle *xgs)
{
	return xgs->fd;
}

static int share_locked(xengntshr_handle *xgs, struct gnt_region *r, uint32_t *refs,
	uint32_t notify_offset, evtchn_port_t notify_port)
{
	uint32_t action = 0;
	int rc = gnt_region_room(xgs);

	if (rc < 0)
		return rc;
	rc = hvshare_make(xgs->fd, &r->share, refs);
	if (rc < 0)
		return rc;
	if (notify_offset < WIRE_PAGE)
		action |= WIRE_NOTIFY_CLEAR;
	if (notify_port != (evtchn_port_t)-1)
		action |= WIRE_NOTIFY_SEND;
	if (action)
		rc = hvshare_notify(xgs->fd, &r->share, action,
			notify_offset < WIRE_PAGE ? notify_offset : 0, notify_port);
	if (rc < 0) {
		hvshare_end(xgs->fd, &r->share, 0, r->count);
		return rc;
	}
	r->addr = (uintptr_t)r->share.addr;
	gnt_region_add(xgs, r);
	return 0;
}

static void *share(xengntshr_handle *xgs, uint32_t domid, int count, uint32_t *refs, int writable,
	uint32_t notify_offset, evtchn_port_t notify_port)
{
	struct gnt_region r = { .count = count, .left = count };
	int rc;

	r.share = (struct hvshare){ .domid = domid, .pages = count, .writable = writable };
	pthread_mutex_lock(&xgs->lock);
	rc = count > 0 ? share_locked(xgs, &r, refs, notify_offset, notify_port) : -EINVAL;
	pthread_mutex_unlock(&xgs->lock);
	if (rc == 0)
		return r.share.addr;
	gnt_error(xgs, rc, "cannot share pages");
	return NULL;
}

PUBLIC void *xengntshr_share_pages(
	xengntshr_handle *xgs, uint32_t domid, int count, uint32_t *refs, int writable)
{
	return share(xgs, domid, count, refs, writable, -1, -1);
}

PUBLIC void *xengntshr_share_page_notify(xengntshr_handle *xgs, uint32_t domid, uint32_t *ref,
	int writable, uint32_t notify_offset, evtchn_port_t notify_port)
{
	return share(xgs, domid, 1, ref, writable, notify_offset, notify_port);
}

static int unshare_locked(xengntshr_handle *xgs, void *start, uint32_t count)
{
	struct gnt_region *r = gnt_region_find(xgs, start);
	uint32_t page;
	int rc;

	if (!r || !count || (uintptr_t)start % WIRE_PAGE)
		return -EINVAL;
	page = ((uintptr_t)start - r->addr) / WIRE_PAGE;
	if (count > r->count - page)
		return -EINVAL;
	rc = hvshare_end(xgs->fd, &r->share, page, count);
	if (rc < 0 && rc != -ENODEV)
		return rc;
	r->left -= count < r->left ? count : r->left;
	if (r->left == 0)
		gnt_region_remove(xgs, r);
	return rc;
}

PUBLIC int xengntshr_unshare(xengntshr_handle *xgs, void *start_address, uint32_t count)
{
	int rc;

	pthread_mutex_lock(&xgs->lock);
	rc = unshare_locked(xgs, start_address, count);
	pthread_mutex_unlock(&xgs->lock);
	if (rc == 0)
		return 0;
	errno = -rc;
	return -1;
}

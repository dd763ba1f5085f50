// SPDX-License-Identifier: MIT
/* The gnttab half of libxengnttab on Sluice's hypervisor: mapping. */
#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hypervisor/process/gnt-handle.h"

/* What a caller wants mapped; @stride 0: all of domids[0]. */
struct wanted {
	const uint32_t *domids;
	const uint32_t *refs;
	unsigned stride;
	uint32_t count;
	int prot;
};

PUBLIC xengnttab_handle *xengnttab_open(xentoollog_logger *logger, unsigned open_flags)
{
	return gnt_handle_open("gnttab", logger);
}

PUBLIC int xengnttab_close(xengnttab_handle *xgt)
{
	if (xgt)
		gnt_handle_close(xgt);
	return 0;
}

PUBLIC int xengnttab_fd(xengnttab_handle *xgt)
{
	return xgt->fd;
}

PUBLIC int xengnttab_set_max_grants(xengnttab_handle *xgt, uint32_t nr_grants)
{
	xgt->max_grants = nr_grants;
	return 0;
}

static int unmap_remote(xengnttab_handle *xgt, uint32_t id)
{
	struct wire_id req = { .head.op = WIRE_UNMAP, .id = id };
	struct wire_reply reply;
	ssize_t n = hvclient_call(xgt->fd, &req, sizeof(req), &reply, sizeof(reply), NULL, NULL);

	return n < 0 ? (int)n : 0;
}

/* Maps a reply's pages at @addr, a run of neighbours at a time. */
static int map_runs(const struct wire_map_reply *reply, const int *fds, unsigned nfds, char *addr,
	int prot)
{
	for (uint32_t i = 0; i < reply->count;) {
		const struct wire_mapped *first = &reply->pages[i];
		uint32_t n = 1;

		while (i + n < reply->count && first[n].fd == first->fd &&
			first[n].page == first->page + n)
			n++;
		if (first->fd >= nfds)
			return -EPROTO;
		if (mmap(addr + (size_t)i * WIRE_PAGE, (size_t)n * WIRE_PAGE, prot,
			    MAP_SHARED | MAP_FIXED, fds[first->fd],
			    (off_t)first->page * WIRE_PAGE) == MAP_FAILED)
			return -errno;
		i += n;
	}
	return 0;
}

/* Maps up to WIRE_MAP_MAX pages from @first on; gives the id of what was mapped. */
static int map_batch(xengnttab_handle *xgt, const struct wanted *w, uint32_t first, char *addr,
	uint32_t *id)
{
	struct wire_map req = { .head.op = WIRE_MAP, .readonly = !(w->prot & PROT_WRITE) };
	struct wire_map_reply reply;
	int fds[WIRE_MAP_MAX];
	unsigned nfds = WIRE_MAP_MAX;
	ssize_t n;
	int rc;

	req.count = w->count - first < WIRE_MAP_MAX ? w->count - first : WIRE_MAP_MAX;
	for (uint32_t i = 0; i < req.count; i++)
		req.refs[i] = (struct wire_ref){ .domid = w->domids[(first + i) * w->stride],
			.ref = w->refs[first + i] };
	n = hvclient_call(xgt->fd, &req,
		offsetof(struct wire_map, refs) + req.count * sizeof(req.refs[0]), &reply,
		sizeof(reply), fds, &nfds);
	if (n < 0)
		return n;
	if (reply.count != req.count || (size_t)n != offsetof(struct wire_map_reply, pages) +
							     reply.count * sizeof(reply.pages[0]))
		rc = -EPROTO;
	else
		rc = map_runs(&reply, fds, nfds, addr + (size_t)first * WIRE_PAGE, w->prot);
	for (unsigned i = 0; i < nfds; i++)
		close(fds[i]);
	if (rc < 0) {
		(void)unmap_remote(xgt, reply.id);
		return rc;
	}
	*id = reply.id;
	return 0;
}

static int notify_set(xengnttab_handle *xgt, uint32_t id, uint32_t offset, evtchn_port_t port)
{
	struct wire_notify req = { .head.op = WIRE_NOTIFY, .kind = WIRE_NOTIFY_MAP, .id = id };
	struct wire_reply reply;
	ssize_t n;

	if (offset < WIRE_PAGE) {
		req.action |= WIRE_NOTIFY_CLEAR;
		req.offset = offset;
	}
	if (port != (evtchn_port_t)-1) {
		req.action |= WIRE_NOTIFY_SEND;
		req.port = port;
	}
	if (!req.action)
		return 0;
	n = hvclient_call(xgt->fd, &req, sizeof(req), &reply, sizeof(reply), NULL, NULL);
	return n < 0 ? (int)n : 0;
}

/* Gives the addresses back first: what the hypervisor releases must not be seen here. */
static int region_end(xengnttab_handle *xgt, const struct gnt_region *r)
{
	int rc = 0;

	munmap((void *)r->addr, (size_t)r->count * WIRE_PAGE);
	for (uint32_t i = 0; i < r->nr_ids; i++) {
		int one = unmap_remote(xgt, r->ids[i]);

		rc = rc ? rc : one;
	}
	return rc;
}

/* Reserves addresses and makes room to remember the region. */
static int region_begin(xengnttab_handle *xgt, const struct wanted *w, struct gnt_region *r)
{
	void *addr;
	int rc;

	if (!w->count || w->count > INT32_MAX / WIRE_PAGE)
		return -EINVAL;
	if (xgt->max_grants && w->count > xgt->max_grants - xgt->mapped)
		return -ENOMEM; /* what Xen's driver said when it had this limit */
	rc = gnt_region_room(xgt);
	if (rc < 0)
		return rc;
	*r = (struct gnt_region){ .count = w->count, .left = w->count };
	r->ids = calloc((w->count + WIRE_MAP_MAX - 1) / WIRE_MAP_MAX, sizeof(*r->ids));
	if (!r->ids)
		return -ENOMEM;
	addr = mmap(NULL, (size_t)w->count * WIRE_PAGE, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (addr == MAP_FAILED) {
		rc = -errno;
		free(r->ids);
		return rc;
	}
	r->addr = (uintptr_t)addr;
	return 0;
}

static int map_locked(xengnttab_handle *xgt, const struct wanted *w, uint32_t notify_offset,
	evtchn_port_t notify_port, struct gnt_region *r)
{
	int rc = region_begin(xgt, w, r);

	if (rc < 0)
		return rc;
	for (uint32_t first = 0; rc == 0 && first < w->count; first += WIRE_MAP_MAX) {
		rc = map_batch(xgt, w, first, (char *)r->addr, &r->ids[r->nr_ids]);
		if (rc == 0)
			r->nr_ids++;
	}
	if (rc == 0)
		rc = notify_set(xgt, r->ids[0], notify_offset, notify_port);
	if (rc < 0) {
		(void)region_end(xgt, r);
		free(r->ids);
		return rc;
	}
	gnt_region_add(xgt, r);
	xgt->mapped += r->count;
	return 0;
}

static void *map(xengnttab_handle *xgt, const struct wanted *w, uint32_t notify_offset,
	evtchn_port_t notify_port)
{
	struct gnt_region r;
	int rc;

	pthread_mutex_lock(&xgt->lock);
	rc = map_locked(xgt, w, notify_offset, notify_port, &r);
	pthread_mutex_unlock(&xgt->lock);
	if (rc == 0)
		return (void *)r.addr;
	gnt_error(xgt, rc, "cannot map grants");
	return NULL;
}

PUBLIC void *xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid, uint32_t ref, int prot)
{
	struct wanted w = { .domids = &domid, .refs = &ref, .count = 1, .prot = prot };

	return map(xgt, &w, -1, -1);
}

PUBLIC void *xengnttab_map_grant_refs(
	xengnttab_handle *xgt, uint32_t count, uint32_t *domids, uint32_t *refs, int prot)
{
	struct wanted w = {
		.domids = domids, .refs = refs, .stride = 1, .count = count, .prot = prot
	};

	return map(xgt, &w, -1, -1);
}

PUBLIC void *xengnttab_map_domain_grant_refs(
	xengnttab_handle *xgt, uint32_t count, uint32_t domid, uint32_t *refs, int prot)
{
	struct wanted w = { .domids = &domid, .refs = refs, .count = count, .prot = prot };

	return map(xgt, &w, -1, -1);
}

PUBLIC void *xengnttab_map_grant_ref_notify(xengnttab_handle *xgt, uint32_t domid, uint32_t ref,
	int prot, uint32_t notify_offset, evtchn_port_t notify_port)
{
	struct wanted w = { .domids = &domid, .refs = &ref, .count = 1, .prot = prot };

	return map(xgt, &w, notify_offset, notify_port);
}

PUBLIC int xengnttab_unmap(xengnttab_handle *xgt, void *start_address, uint32_t count)
{
	struct gnt_region *r;
	int rc = -EINVAL;

	pthread_mutex_lock(&xgt->lock);
	r = gnt_region_find(xgt, start_address);
	/* As with Xen's driver: what one call mapped is unmapped by one call. */
	if (r && r->addr == (uintptr_t)start_address && r->count == count) {
		rc = region_end(xgt, r);
		xgt->mapped -= r->count;
		gnt_region_remove(xgt, r);
	}
	pthread_mutex_unlock(&xgt->lock);
	if (rc == 0)
		return 0;
	errno = -rc;
	return -1;
}

/* There is no DMA memory here to make a dma-buf of. */
static int no_dmabuf(void)
{
	errno = EOPNOTSUPP;
	return -1;
}

PUBLIC int xengnttab_dmabuf_exp_from_refs(xengnttab_handle *xgt, uint32_t domid, uint32_t flags,
	uint32_t count, const uint32_t *refs, uint32_t *fd)
{
	return no_dmabuf();
}

PUBLIC int xengnttab_dmabuf_exp_wait_released(
	xengnttab_handle *xgt, uint32_t fd, uint32_t wait_to_ms)
{
	return no_dmabuf();
}

PUBLIC int xengnttab_dmabuf_imp_to_refs(
	xengnttab_handle *xgt, uint32_t domid, uint32_t fd, uint32_t count, uint32_t *refs)
{
	return no_dmabuf();
}

PUBLIC int xengnttab_dmabuf_imp_release(xengnttab_handle *xgt, uint32_t fd)
{
	return no_dmabuf();
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/process/gnt-handle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/array.h"

/*
 * Xen's own library makes the handle useless here. The hypervisor can do what is
 * asked for, so it stays useful for @domid and what is mapped stays mapped.
 */
static int restrict_callback(struct toolcore_handle *handle, uint32_t domid)
{
	struct xengntdev_handle *h = container_of(handle, struct xengntdev_handle, toolcore);
	int rc = h->fd < 0 ? 0 : hvclient_restrict(h->fd, domid);

	if (rc == 0)
		return 0;
	errno = -rc;
	return -1;
}

void gnt_error(struct xengntdev_handle *h, int rc, const char *what)
{
	xtl_log(h->logger, XTL_ERROR, -rc, h->kind, "%s", what);
	errno = -rc;
}

static int handle_connect(struct xengntdev_handle *h)
{
	if (!h->logger)
		h->logger = h->logger_own =
			(xentoollog_logger *)xtl_createlogger_stdiostream(stderr, XTL_PROGRESS, 0);
	if (!h->logger)
		return -ENOMEM;
	h->fd = hvclient_open(NULL);
	return h->fd < 0 ? h->fd : 0;
}

struct xengntdev_handle *gnt_handle_open(const char *kind, xentoollog_logger *logger)
{
	struct xengntdev_handle *h = calloc(1, sizeof(*h));
	int rc;

	if (!h)
		return NULL;
	h->fd = -1;
	h->kind = kind;
	h->logger = logger;
	pthread_mutex_init(&h->lock, NULL);
	h->toolcore.restrict_callback = restrict_callback;
	xentoolcore__register_active_handle(&h->toolcore);
	rc = handle_connect(h);
	if (rc == 0)
		return h;
	if (h->logger)
		gnt_error(h, rc, "cannot connect to the hypervisor (SLUICE_HYPERVISOR)");
	gnt_handle_close(h);
	errno = -rc;
	return NULL;
}

void gnt_handle_close(struct xengntdev_handle *h)
{
	if (h->staging)
		munmap(h->staging, h->staging_bytes);
	for (unsigned i = 0; i < h->nr; i++) {
		const struct gnt_region *r = &h->regions[i];

		/* Of a share pages may be gone already, and be somebody else's now. */
		if (r->left == r->count)
			munmap((void *)r->addr, (size_t)r->count * WIRE_PAGE);
		free(r->ids);
	}
	/* The mappings are gone: now the hypervisor may release what they showed. */
	if (h->fd >= 0)
		close(h->fd);
	xentoolcore__deregister_active_handle(&h->toolcore);
	xtl_logger_destroy(h->logger_own);
	pthread_mutex_destroy(&h->lock);
	free(h->regions);
	free(h);
}

int gnt_region_room(struct xengntdev_handle *h)
{
	unsigned room = h->room ? h->room * 2 : 8;
	struct gnt_region *regions;

	if (h->nr < h->room)
		return 0;
	regions = realloc(h->regions, room * sizeof(*regions));
	if (!regions)
		return -ENOMEM;
	h->regions = regions;
	h->room = room;
	return 0;
}

/* The first region that begins beyond @addr. */
static unsigned region_after(const struct xengntdev_handle *h, uintptr_t addr)
{
	unsigned lo = 0, hi = h->nr;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (h->regions[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void gnt_region_add(struct xengntdev_handle *h, const struct gnt_region *r)
{
	unsigned i = region_after(h, r->addr);

	memmove(&h->regions[i + 1], &h->regions[i], (h->nr - i) * sizeof(*r));
	h->regions[i] = *r;
	h->nr++;
}

struct gnt_region *gnt_region_find(struct xengntdev_handle *h, const void *addr)
{
	unsigned i = region_after(h, (uintptr_t)addr);
	struct gnt_region *r;

	if (i == 0)
		return NULL;
	r = &h->regions[i - 1];
	return (uintptr_t)addr - r->addr < (size_t)r->count * WIRE_PAGE ? r : NULL;
}

void gnt_region_remove(struct xengntdev_handle *h, struct gnt_region *r)
{
	free(r->ids);
	h->nr--;
	memmove(r, r + 1, (h->nr - (r - h->regions)) * sizeof(*r));
}

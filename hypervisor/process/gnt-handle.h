/* SPDX-License-Identifier: MIT */
/* What gnttab, gntshr and grant copy handles have in common; private to libxengnttab. */
#ifndef SLUICE_HYPERVISOR_PROCESS_GNT_HANDLE_H
#define SLUICE_HYPERVISOR_PROCESS_GNT_HANDLE_H

#include <pthread.h>
#include <stdint.h>

#include <xengnttab.h>
#include <xentoollog.h>

#include "hypervisor/process/client.h"
#include "hypervisor/process/share-client.h"
#include "hypervisor/process/toolcore.h"

#define PUBLIC __attribute__((visibility("default")))

/** struct gnt_region - what one call mapped or shared. */
struct gnt_region {
	uintptr_t addr;
	uint32_t count;
	uint32_t left;   /* shared pages not yet ended */
	uint32_t nr_ids; /* maps: one id per WIRE_MAP */
	uint32_t *ids;
	struct hvshare share;
};

/** struct xengntdev_handle - of either kind; calls of several threads take turns. */
struct xengntdev_handle {
	struct toolcore_handle toolcore;
	pthread_mutex_t lock;
	const char *kind; /* "gnttab" or "gntshr", for messages */
	xentoollog_logger *logger;
	xentoollog_logger *logger_own;
	int fd;
	uint32_t max_grants; /* 0: no limit but the domain's */
	uint32_t mapped;
	struct wire_staging *staging;
	size_t staging_bytes; /* less than its type has: the hypervisor is an older one */
	struct gnt_region *regions; /* sorted by address */
	unsigned nr;
	unsigned room;
};

/** gnt_handle_open() - NULL with errno set; says why through the logger. */
struct xengntdev_handle *gnt_handle_open(const char *kind, xentoollog_logger *logger);
void gnt_handle_close(struct xengntdev_handle *h);
/** gnt_error() - log @what with -@rc and set errno. */
void gnt_error(struct xengntdev_handle *h, int rc, const char *what);

/** gnt_region_room() - make room for one more, so that adding cannot fail. 0, -ENOMEM. */
int gnt_region_room(struct xengntdev_handle *h) must_check;
void gnt_region_add(struct xengntdev_handle *h, const struct gnt_region *r);
/** gnt_region_find() - the region that contains @addr, or NULL. */
struct gnt_region *gnt_region_find(struct xengntdev_handle *h, const void *addr);
void gnt_region_remove(struct xengntdev_handle *h, struct gnt_region *r);

#endif

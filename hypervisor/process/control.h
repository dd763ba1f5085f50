/* SPDX-License-Identifier: MIT */
/*
 * The toolstack's side of the hypervisor's control socket. One handle belongs
 * to one thread. Calls block until the hypervisor answers.
 */
#ifndef SLUICE_HYPERVISOR_PROCESS_CONTROL_H
#define SLUICE_HYPERVISOR_PROCESS_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

struct hvctl;

/** HVCTL_DOMID_ANY - let the hypervisor choose the domid (1 and up). */
#define HVCTL_DOMID_ANY 0x7ff0u

/** struct hvctl_domain_config - what a new process domain is and may use. */
struct hvctl_domain_config {
	uint32_t domid; /* HVCTL_DOMID_ANY, or a free one that the caller names (0: the toolstack's own) */
	char name[64];
	uint32_t max_pages;    /* pages it may have granted at a time; 0: the default, 65536 */
	uint32_t max_channels; /* event channels; 0: the default, 4096 */
};

struct hvctl_domain_info {
	uint32_t domid;
	char name[64];
	uint32_t connections;  /* open connections of its processes */
	uint32_t channels;     /* event channels in use */
	uint32_t granted_pages;
	uint32_t mapped_pages; /* pages of others that it has mapped */
};

/** hvctl_open() - connect to the control socket at @path; NULL with errno set. */
struct hvctl *hvctl_open(const char *path);
/** hvctl_fdopen() - use a connected control socket; owns @fd from then on. */
struct hvctl *hvctl_fdopen(int fd);
void hvctl_close(struct hvctl *ctl);

/**
 * hvctl_domain_create() - create a process domain.
 * @listen_fd: a listening SOCK_SEQPACKET Unix socket. Whoever connects to it is
 *	that domain. The hypervisor takes a duplicate; the caller's stays the caller's.
 * @domid: the new domain's id
 *
 * Return: 0 or -errno: -EEXIST the domid is taken, -EINVAL a bad configuration or
 * descriptor, -ENOSPC no domid is free, -EPIPE the hypervisor is gone.
 */
int hvctl_domain_create(struct hvctl *ctl, const struct hvctl_domain_config *config,
	int listen_fd, uint32_t *domid) must_check;

/**
 * hvctl_domain_destroy() - end a process domain.
 *
 * Its connections are closed, its event channels closed, its grants revoked and its
 * mappings released. Its processes are the toolstack's to end. -ESRCH: no such domain.
 */
int hvctl_domain_destroy(struct hvctl *ctl, uint32_t domid);

/** hvctl_domain_list() - fills up to @max entries; returns how many exist, or -errno. */
int hvctl_domain_list(struct hvctl *ctl, struct hvctl_domain_info *info, unsigned max);

#endif

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

/** struct hvctl_vm_config - what a new vm domain is. */
struct hvctl_vm_config {
	uint32_t domid;        /* HVCTL_DOMID_ANY, or a free one that the caller names */
	char name[64];
	uint64_t memory_bytes; /* a multiple of the page size, 16 MiB at least */
	uint32_t vcpus;        /* online at the start */
	uint32_t max_vcpus;    /* 1 to 64 */
	uint32_t max_channels; /* event channels; 0: as many as the FIFO ABI has */
	uint32_t max_mapped;   /* pages of others it may have mapped; 0: the default */
	uint32_t backend_domid; /* who serves its store and console rings: 0 */
};

/** struct hvctl_vm_made - what the toolstack tells the store and the console's backend. */
struct hvctl_vm_made {
	uint32_t domid;
	uint32_t store_port, console_port; /* of the new domain, unbound, for backend_domid */
	uint64_t store_gfn, console_gfn;
};

/** enum hvctl_state - of a vm domain. */
enum hvctl_state {
	HVCTL_PROCESS,  /* a process domain */
	HVCTL_BUILDING, /* its builder has not finished */
	HVCTL_PAUSED,
	HVCTL_RUNNING,
	HVCTL_SHUTDOWN, /* it ended itself; shutdown_reason says how. Waits to be destroyed. */
};

/** struct hvctl_change - what a vm's life descriptor delivers, one per read. */
struct hvctl_change {
	uint32_t domid;
	uint32_t state;  /* enum hvctl_state */
	uint32_t reason; /* HVCTL_SHUTDOWN: SHUTDOWN_* of xen/sched.h */
};

struct hvctl_domain_info {
	uint32_t domid;
	char name[64];
	uint32_t connections;  /* open connections of its processes */
	uint32_t channels;     /* event channels in use */
	uint32_t granted_pages;
	uint32_t mapped_pages; /* pages of others that it has mapped */
	/* of a vm, otherwise 0 */
	uint32_t state;        /* enum hvctl_state */
	uint32_t shutdown_reason;
	uint32_t vcpus;
	uint32_t lent_pages;   /* its pages that are in grant arenas */
	uint64_t memory_bytes;
	uint64_t cpu_ns;       /* time its vCPUs ran */
	uint64_t unknown_calls; /* hypercalls refused as unknown */
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
 * hvctl_vm_create() - create a vm domain, HVCTL_BUILDING. When the domain builder at the
 * other end of @builder_fd has done its work it is HVCTL_PAUSED, and hvctl_domain_unpause()
 * starts it.
 * @builder_fd: one end of a SOCK_SEQPACKET pair; the other is the builder's (build-wire.h)
 * @life_fd: the write end of a pipe or socket that gets a struct hvctl_change whenever the
 *	state changes, and is closed when the domain is destroyed; -1: none
 * Both are duplicated; the caller's stay the caller's.
 *
 * Return: 0 or -errno: -ENODEV: no KVM; -EOPNOTSUPP: KVM lacks what vms need (the log says
 * what); otherwise as hvctl_domain_create().
 */
int hvctl_vm_create(struct hvctl *ctl, const struct hvctl_vm_config *config, int builder_fd,
	int life_fd, struct hvctl_vm_made *made) must_check;

/**
 * hvctl_domain_pause(), hvctl_domain_unpause() - stop a vm's vCPUs, or start them (again).
 * Pauses do not nest. -ESRCH: no such domain; -EINVAL: no vm, or it is building or shut down.
 */
int hvctl_domain_pause(struct hvctl *ctl, uint32_t domid);
int hvctl_domain_unpause(struct hvctl *ctl, uint32_t domid);

/**
 * hvctl_domain_destroy() - end a domain, at any time.
 *
 * Its connections are closed, its event channels closed, its grants revoked and its
 * mappings released; a vm's vCPUs and memory are gone when this returns. A process domain's
 * processes are the toolstack's to end. -ESRCH: no such domain.
 */
int hvctl_domain_destroy(struct hvctl *ctl, uint32_t domid);

/** hvctl_domain_list() - fills up to @max entries; returns how many exist, or -errno. */
int hvctl_domain_list(struct hvctl *ctl, struct hvctl_domain_info *info, unsigned max);
/** hvctl_domain_find() - that one, however many there are. 0, -ESRCH or another -errno. */
int hvctl_domain_find(struct hvctl *ctl, uint32_t domid, struct hvctl_domain_info *info) must_check;

#endif

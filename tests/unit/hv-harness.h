/* SPDX-License-Identifier: MIT */
/*
 * For tests with real process domains: a private sluice-hypervisor and domains in it.
 *
 * The test programs are linked with the distribution's libxenevtchn and libxengnttab
 * and run on ours through LD_LIBRARY_PATH, as a third party's program would.
 */
#ifndef SLUICE_TESTS_HV_HARNESS_H
#define SLUICE_TESTS_HV_HARNESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hypervisor/process/control.h"

#define HV_DOMAINS 4

/** struct hv_world - one hypervisor and its domains; [0] is domid 0. */
struct hv_world {
	char dir[64];
	pid_t pid;
	bool traced; /* set before the start: the caller is its tracer, see ptrace(2) */
	struct hvctl *ctl;
	uint32_t domid[HV_DOMAINS];
};

/** hv_dropin() - start this program again with our libraries; call first in main(). */
void hv_dropin(char **argv);

/**
 * hv_world_start() - domains 0, 1, 2 and 3 with default quotas; exits on failure, with
 * 77 where tracing was asked for and is not allowed.
 */
void hv_world_start(struct hv_world *w);
/** hv_world_stop() - exits non-zero if the hypervisor did not end well by itself. */
void hv_world_stop(struct hv_world *w);

/** hv_domain_add() - a further domain, whose socket is "DIR/@name". 0 or -errno. */
int hv_domain_add(struct hv_world *w, const struct hvctl_domain_config *config,
	const char *name, uint32_t *domid);

/** hv_enter() - library handles opened from now on are of domain @domid. */
void hv_enter(const struct hv_world *w, uint32_t domid);
/** hv_socket() - the path of domain @domid's socket; a static buffer. */
const char *hv_socket(const struct hv_world *w, uint32_t domid);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Process domains and vms in one hypervisor: its server runs in this process, with vms that have
 * no machine; what a vCPU does is done by another thread.
 */
#ifndef SLUICE_TESTS_UNIT_PAIR_RIG_H
#define SLUICE_TESTS_UNIT_PAIR_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hypervisor/process/server.h"
#include "vm-fake.h"

/** watch - pipes that a vm's thread would listen to. */
extern struct watch {
	uint32_t port;
	int fd; /* -1: none */
} watch[4];
extern int watch_error; /* what the next vm_watch_bell() returns */
/** watched() - how many are. */
unsigned watched(void);

extern struct hv hv;
extern struct vm_fake *vm;
extern uint32_t vmid; /* whom the helpers below name */

/** pair_setup() - a server with one process domain, 5, and a vm. */
int pair_setup(void **state);
int pair_teardown(void **state);

/** pump() - let the server do what there is to do. */
void pump(void);
/** rpc() - one request and its reply; @fds: room for *@nfds, NULL: none come. */
ssize_t rpc(int conn, const void *req, size_t len, void *reply, size_t room, int *fds,
	unsigned *nfds);

struct pdomain *process_make(uint32_t domid);
int process_connect(uint32_t domid);
void process_leave(int conn);

#endif

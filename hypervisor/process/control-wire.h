/* SPDX-License-Identifier: MIT */
/* What the toolstack and the hypervisor say to each other; private to one build. */
#ifndef SLUICE_HYPERVISOR_PROCESS_CONTROL_WIRE_H
#define SLUICE_HYPERVISOR_PROCESS_CONTROL_WIRE_H

#include <stdint.h>

#include "hypervisor/process/control.h"

#define CONTROL_VERSION 2u
#define CONTROL_LIST_MAX 32u

enum control_op {
	CONTROL_CREATE = 1, /* with the listening socket */
	CONTROL_DESTROY,
	CONTROL_LIST, /* from @domid on */
	CONTROL_VM_CREATE, /* with the builder's socket and, if there is one, the life descriptor */
	CONTROL_PAUSE,
	CONTROL_UNPAUSE,
	CONTROL_OP_END,
};

/** struct control_request - the only request; fields that an op has no use for are 0. */
struct control_request {
	uint32_t version;
	uint32_t op;
	struct hvctl_domain_config config;
	struct hvctl_vm_config vm; /* VM_CREATE */
};

/** struct control_reply - @count of @info are sent. */
struct control_reply {
	int32_t rc;
	uint32_t domid; /* CREATE */
	struct hvctl_vm_made vm; /* VM_CREATE */
	uint32_t total; /* LIST: domains from the asked domid on */
	uint32_t count;
	struct hvctl_domain_info info[CONTROL_LIST_MAX];
};

#endif

/* SPDX-License-Identifier: MIT */
/* A vm without a machine: domain 1, whose "guest" is event-consumer.c, and a sender, domain 2. */
#ifndef SLUICE_TESTS_UNIT_EVENT_RIG_H
#define SLUICE_TESTS_UNIT_EVENT_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "hypervisor/domain.h"
#include "hypervisor/event-abi.h"
#include "tools/event-consumer.h"

#define RIG_VCPUS 40u /* more than shared_info has vcpu_infos for */
#define RIG_GFN_CONTROL 100u /* + vCPU */
#define RIG_GFN_ARRAY 1000u /* + page */

extern struct rig {
	struct domain_set set;
	struct domain vm, sender;
	struct event_abi *abi;
	struct shared_info *shared;
	struct consumer guest[RIG_VCPUS]; /* one per vCPU */
	unsigned upcalls[RIG_VCPUS];
	unsigned pending_calls;
	unsigned nr_pages;         /* of the event array */
	unsigned pinned, unpinned; /* pages of FIFO */
	uint32_t log[256];         /* ports in the order in which the guest handled them */
	unsigned nr_log;
} rig;

int rig_setup(void **state);
int rig_teardown(void **state);
/** rig_setup_fifo() - and vCPU 0 has a control block, the array a page. */
int rig_setup_fifo(void **state);

/** rig_channel() - a port of the vm on @vcpu that @from of the sender raises; not pending. */
uint32_t rig_channel(unsigned vcpu, uint32_t *from);
/** rig_ipi() - a port of the vm that it raises itself. */
uint32_t rig_ipi(unsigned vcpu);
void rig_raise(uint32_t port);
/** rig_init() - EVTCHNOP_init_control for @vcpu at @offset in its page. */
int rig_init(unsigned vcpu, uint32_t offset);
int rig_expand(void);
/** rig_run() - @vcpu takes what is pending. Return: events handled. */
unsigned rig_run(unsigned vcpu);
/** rig_word() - the word of @port as the guest sees it. */
event_word_t *rig_word(uint32_t port);
/** rig_control() - the control block of @vcpu. */
struct evtchn_fifo_control_block *rig_control(unsigned vcpu);
bool rig_is_pending(uint32_t port);

#endif

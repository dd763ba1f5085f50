/* SPDX-License-Identifier: MIT */
/*
 * Bridges of the host for guests that name no driver domain. The stack's own network driver
 * domain has no rights over the host's network: it has a bridge of the same name in its own, and
 * a cable (veth) leads from there to the host's.
 */
#ifndef SLUICE_TOOLS_STACK_BRIDGE_H
#define SLUICE_TOOLS_STACK_BRIDGE_H

#include <stddef.h>

#include "common/cleanup.h"

struct stack;
struct stack_process;
/** struct stack_own_network - what the stack's own network driver domain is made of. */
struct stack_own_network;

/** stack_network_new() - without bridges; NULL: out of memory. free() ends it. */
struct stack_own_network *stack_network_new(void);
/** stack_network_config() - as long as it lives. */
const struct stack_process_config *stack_network_config(const struct stack_own_network *network);
/**
 * stack_bridge_reach() - have the domain @p reach the host's bridge @name, unless there is
 * a bridge of that name in its network already. Takes root. 0 or -errno with @why.
 */
int stack_bridge_reach(struct stack_process *p, const char *name, char *why, size_t why_room) must_check;

#endif

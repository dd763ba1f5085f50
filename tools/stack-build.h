/* SPDX-License-Identifier: MIT */
/* A vm's making; see stack-vm.h. */
#ifndef SLUICE_TOOLS_STACK_BUILD_H
#define SLUICE_TOOLS_STACK_BUILD_H

#include "tools/stack-vm.h"

/**
 * stack_build() - have the hypervisor make @vm and the domain builder fill it.
 * @vm: st, config and domid are set; made, state and life_fd are from then on. If the state
 *	is not 0 (HVCTL_PROCESS), there is a domain to destroy, also on failure.
 *
 * Return: 0 with the vm paused, or -errno with @why.
 */
int stack_build(struct stack_vm *vm, char *why, size_t why_room) must_check;

#endif

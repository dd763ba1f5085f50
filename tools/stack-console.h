/* SPDX-License-Identifier: MIT */
/* The backend of a vm's primary console: started, watched, started again. */
#ifndef SLUICE_TOOLS_STACK_CONSOLE_H
#define SLUICE_TOOLS_STACK_CONSOLE_H

#include <stddef.h>

#include "common/cleanup.h"

struct stack_vm;

/** stack_console_path() - the socket of its console. */
void stack_console_path(const struct stack_vm *vm, char *path, size_t room);
/** stack_console_start() - until it serves. 0 or -errno with @why. */
int stack_console_start(struct stack_vm *vm, char *why, size_t why_room) must_check;
/**
 * stack_console_check() - call now and then: one that died is started again; the guest notices nothing.
 * Where the terminal was the guest's, it is no more.
 *
 * Return: 0, or -errno with @why, once: it is not started again.
 */
int stack_console_check(struct stack_vm *vm, char *why, size_t why_room) must_check;
/** stack_console_stop() - and forget what was said. */
void stack_console_stop(struct stack_vm *vm);

#endif

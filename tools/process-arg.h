/* SPDX-License-Identifier: MIT */
/* What sluice boot is told of a process domain. Texts are what the configuration points into. */
#ifndef SLUICE_TOOLS_PROCESS_ARG_H
#define SLUICE_TOOLS_PROCESS_ARG_H

#include <stdbool.h>

#include "common/cleanup.h"
#include "tools/stack-process.h"

/** process_arg_path() - a device, or a @directory with ",ro" or ",rw". 0 or -errno, said. */
int process_arg_path(struct stack_process_config *c, char *text, bool directory) must_check;
/** process_arg_interface() - 0 or -errno, said. */
int process_arg_interface(struct stack_process_config *c, const char *name) must_check;
/**
 * process_arg_bridge() - NAME or NAME=INTERFACE, which need not be named a second time.
 * @text: changed. Return: 0 or -errno, said.
 */
int process_arg_bridge(struct stack_process_config *c, char *text) must_check;
/** process_arg_server() - HOST:PORT and the like, looked up now. @text: changed. Return: 0 or -errno, said. */
int process_arg_server(struct stack_process_config *c, char *text) must_check;

#endif

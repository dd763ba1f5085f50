/* SPDX-License-Identifier: MIT */
/* What a process domain may reach, as an option or a configuration file has it. */
#ifndef SLUICE_TOOLS_REACH_ARG_H
#define SLUICE_TOOLS_REACH_ARG_H

#include "tools/stack-process.h"

/**
 * reach_arg_parse() - PATH, PATH,ro or PATH,rw.
 * @text: is changed, and @reach points into it
 */
void reach_arg_parse(char *text, struct stack_reach *reach);

#endif

/* SPDX-License-Identifier: MIT */
/* A network interface as xl-network-configuration(5) has it: an entry of vif=, and --net=. */
#ifndef SLUICE_TOOLS_NET_ARG_H
#define SLUICE_TOOLS_NET_ARG_H

#include <stddef.h>

#include "common/cleanup.h"
#include "tools/cfg-keys.h"
#include "tools/stack-net.h"

/** net_arg_nkeys - how many keys of an interface there are; net_arg_key() - each. */
extern const unsigned net_arg_nkeys;
/**
 * net_arg_key() - what becomes of a key.
 * @why: NULL: it is honoured; else why it is refused
 * @ours: xl does not know it
 */
const char *net_arg_key(unsigned i, const char **why, bool *ours);

/**
 * net_arg_parse() - KEY=VALUE[,KEY=VALUE]...
 * @text: changed, and what @vif points into
 * @vif: the handle is STACK_VIF_ANY when it is not given
 * @why: what is wrong with it
 *
 * Return: 0 or -errno.
 */
int net_arg_parse(char *text, struct stack_vif *vif, char *why, size_t why_room) must_check;
/** net_arg_mac_is_good() - six bytes in hexadecimal with colons between, of one station. */
bool net_arg_mac_is_good(const char *text);
/** net_arg_number() - the lowest handle that none of @vifs has. */
unsigned net_arg_number(const struct stack_vif *vifs, unsigned count);

#endif

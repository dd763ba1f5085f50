/* SPDX-License-Identifier: MIT */
/* What is in a process domain's own network before its command is started. */
#ifndef SLUICE_HYPERVISOR_PROCESS_DOMAIN_NET_H
#define SLUICE_HYPERVISOR_PROCESS_DOMAIN_NET_H

#include "common/cleanup.h"

/** DOMAIN_BRIDGES_MAX - as many as a toolstack gives interfaces to a domain. */
#define DOMAIN_BRIDGES_MAX 16u

/** struct domain_net - what is wanted there. Strings are borrowed. */
struct domain_net {
	const char *bridges[DOMAIN_BRIDGES_MAX];
	unsigned nbridges;
	int filled; /* a socket of the toolstack's, which puts interfaces there; or -1 */
};

/** domain_net_add_bridge() - dies on a bad name and on too many. */
void domain_net_add_bridge(struct domain_net *net, const char *name);
/** domain_net_parse_fd() - of --network-fd; dies where @text is no open descriptor. */
void domain_net_parse_fd(struct domain_net *net, const char *text);
/** domain_net_make() - the bridges, up, in the network that is the caller's now. Dies. */
void domain_net_make(const struct domain_net *net);
/**
 * domain_net_await() - tell the toolstack that its interfaces can come, and wait until
 * they are there, or until it gives up: then the caller ends.
 */
void domain_net_await(struct domain_net *net);
/** domain_net_leave() - in a process that only waits: the toolstack sees the end of the others. */
void domain_net_leave(struct domain_net *net);

#endif

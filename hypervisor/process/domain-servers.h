/* SPDX-License-Identifier: MIT */
/*
 * The servers that a process domain was given a way to, made in its own network namespace: their
 * addresses are on its lo, and listening sockets there await whoever in the domain connects to
 * them. The sockets go to the toolstack, whose sluice-relay carries the connections on.
 */
#ifndef SLUICE_HYPERVISOR_PROCESS_DOMAIN_SERVERS_H
#define SLUICE_HYPERVISOR_PROCESS_DOMAIN_SERVERS_H

#include "common/servers-named.h"
#include "hypervisor/process/domain-place.h"

/** struct domain_servers - what is wanted, and where its sockets go. */
struct domain_servers {
	struct servers_named named;
	int fd; /* a SOCK_SEQPACKET socket, for fd_send_many(); or -1 */
};

/** domain_servers_add() - of --server, referred to from now on; dies where it is none. */
void domain_servers_add(struct domain_servers *d, char *text);
/** domain_servers_parse_fd() - of --servers-fd; dies where @text is no open descriptor. */
void domain_servers_parse_fd(struct domain_servers *d, const char *text);
/** domain_servers_check() - dies where the options do not fit. @own: its network is its own, for certain */
void domain_servers_check(const struct domain_servers *d, bool own);
/**
 * domain_servers_hosts() - the domain is to know their names: its /etc/hosts, a file in @dir.
 * Return: 0 or -errno. Without names nothing is done.
 */
int domain_servers_hosts(const struct domain_servers *d, const char *dir, struct domain_list *list) must_check;
/** domain_servers_make() - domain_listen(), before anybody is there who could be first. Dies. */
void domain_servers_make(struct domain_servers *d);
/** domain_servers_leave() - in a process that only waits: the toolstack sees the end of the others. */
void domain_servers_leave(struct domain_servers *d);

#endif

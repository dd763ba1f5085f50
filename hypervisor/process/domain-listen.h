/* SPDX-License-Identifier: MIT */
/* Servers in a process domain's own network: their addresses on its lo, and sockets that listen there. */
#ifndef SLUICE_HYPERVISOR_PROCESS_DOMAIN_LISTEN_H
#define SLUICE_HYPERVISOR_PROCESS_DOMAIN_LISTEN_H

#include "common/servers-named.h"

/**
 * domain_listen() - addresses and sockets, in the network namespace that the caller is in
 * with all rights over it; the sockets go to @fd, a SOCK_SEQPACKET socket, by fd_send_many().
 * @failed: receives what it was that failed, SERVERS_FORMAT_MAX bytes
 *
 * IPv6 addresses are left out, with a line, where the kernel has no IPv6. Return: 0 or -errno.
 */
int domain_listen(const struct servers *s, int fd, char *failed) must_check;

#endif

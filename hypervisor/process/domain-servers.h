/* SPDX-License-Identifier: MIT */
/*
 * The servers that a process domain reaches although its network has no interfaces: a broker
 * (common/servers.h) stays outside of the domain, where the network is, and answers on a socket
 * among the domain's own.
 */
#ifndef SLUICE_HYPERVISOR_PROCESS_DOMAIN_SERVERS_H
#define SLUICE_HYPERVISOR_PROCESS_DOMAIN_SERVERS_H

#include "common/servers.h"

/**
 * domain_servers_start() - start it, a child that is confined and dies with us, and set
 * $SLUICE_SERVERS for the command. Before any namespace is left.
 * @dir: the domain's own directory
 *
 * Return: 0 or -errno.
 */
int domain_servers_start(const struct servers *s, const char *dir) must_check;

#endif

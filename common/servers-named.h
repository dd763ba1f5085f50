/* SPDX-License-Identifier: MIT */
/*
 * Servers that a domain is given a way to, as configurations name them and as one part of the
 * toolstack tells another: "HOST:PORT[-PORT]", or "ADDRESS:PORT[-PORT],NAME" once the name was
 * looked up.
 */
#ifndef SLUICE_COMMON_SERVERS_NAMED_H
#define SLUICE_COMMON_SERVERS_NAMED_H

#include "common/servers.h"

/** SERVERS_PORTS_MAX - the most pairs of address and port that a domain is given. */
#define SERVERS_PORTS_MAX 512u
/** SERVERS_FORMAT_MAX - room for servers_named_format(), with the name that servers_named_add() takes. */
#define SERVERS_FORMAT_MAX 330u

/** struct servers_named - zero at first. */
struct servers_named {
	struct servers servers;
	const char *names[SERVERS_MAX]; /* of each of them the host's name; NULL: it has none */
};

/**
 * servers_named_add() - look up what @text says.
 * @text: changed, and referred to as long as @n is
 * @why: room for the reason, naming the remedy
 *
 * Only what a socket of IPv4 or IPv6 gets to without naming an interface. Return: 0 or
 * -errno: nothing was added.
 */
int servers_named_add(struct servers_named *n, char *text, char *why, size_t room) must_check;
/** servers_named_format() - the one at @index, for servers_named_add() elsewhere, which looks nothing up. */
void servers_named_format(const struct servers_named *n, unsigned index, char *text, size_t room);

/** servers_ports() - pairs of address and port that @s has, each counted once; those beyond SERVERS_PORTS_MAX as one. */
unsigned servers_ports(const struct servers *s);
/**
 * servers_port() - the address of @server with @port.
 * Return: its length, or 0: another server of @s, before this one, has the same.
 */
socklen_t servers_port(const struct servers *s, const struct server *server, uint16_t port,
	struct sockaddr_storage *to) must_check;

#endif

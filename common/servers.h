/* SPDX-License-Identifier: MIT */
/*
 * The servers that a process may connect to after it was confined, and the way there.
 *
 * Its network namespace has no interfaces, and its seccomp list neither socket() nor connect().
 * A process of its own, the broker, stays where the network is. It makes stream sockets, hands
 * them over, and connects those that it is handed to addresses of the list and to no others. An
 * address arrives in a message, so that nobody can change it between check and use. The program's own socket()
 * and connect(), which libraries find before those of the C library, ask the broker: libraries
 * that reconnect know nothing of it. Its getaddrinfo() knows the names of the list.
 *
 * Who is handed such a socket must be confined like that: it lies in the broker's network
 * namespace, where connect() would reach anything.
 */
#ifndef SLUICE_COMMON_SERVERS_H
#define SLUICE_COMMON_SERVERS_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/cleanup.h"

#define SERVERS_MAX 64u
#define SERVERS_TEXT 200u
#define SERVERS_HOST 256u

/** struct server - an address, without its port, and the ports there. */
struct server {
	struct sockaddr_storage address; /* IPv4 never in IPv6's clothes */
	uint16_t first, last;            /* in the host's order; of AF_UNIX 0 */
	char host[SERVERS_HOST];         /* what it was named as, a name or an address; of AF_UNIX "" */
};

/** struct servers - zero at first; filled by servers_add(). */
struct servers {
	struct server list[SERVERS_MAX];
	unsigned count;
	char text[SERVERS_TEXT]; /* as they were named, for people; " .." at its end: there are more */
};

/**
 * servers_add() - "HOST:PORT", "HOST:FIRST-LAST", "[IPV6]:PORT" or "unix:/PATH".
 * @why: room for the reason, naming the remedy
 *
 * A HOST's name is resolved, now and once: what it connects to later are these addresses.
 * Return: 0 or -errno.
 */
FOR_MODULES int servers_add(struct servers *s, const char *text, char *why, size_t room) must_check;

/**
 * servers_find() - the server that an address, which may be anything, is of. NULL: of none.
 * @length: bytes that are there at @address
 */
const struct server *servers_find(const struct servers *s, const void *address, size_t length) must_check;

/**
 * servers_address() - what to connect to, made of what @server says and not of what was asked.
 * @family: of the socket: AF_INET6 gets an IPv4 address in its own form
 * @asked: what servers_find() found @server for: its port alone is used
 *
 * Return: the length of *@to; 0: a socket of that family does not get there.
 */
socklen_t servers_address(const struct server *server, int family, const void *asked,
	struct sockaddr_storage *to) must_check;

/**
 * servers_resolve() - what getaddrinfo() says of a host when only @s is known: of the names
 * in there the addresses that they had, and numeric addresses as they are.
 * @node, @service, @hints: as getaddrinfo() has them; @service is a port's number or NULL
 *
 * Return: 0 or an EAI_*; *@list is for freeaddrinfo().
 */
int servers_resolve(const struct servers *s, const char *node, const char *service,
	const struct addrinfo *hints, struct addrinfo **list) must_check;

/** servers_has_family() - whether a socket of @family could get to any. AF_INET6 gets to IPv4, too. */
bool servers_has_family(const struct servers *s, int family);

/** struct servers_way - that there is a broker: servers_start()'s, for confine_self(). */
struct servers_way {
	const char *text; /* the list, for people */
	int broker;       /* its process id */
};

/**
 * servers_start() - start a broker, a child that is confined and ends with us, and have
 * socket() and connect() ask it from now on, and getaddrinfo() servers_resolve().
 * @way: filled; its text is that of @s
 *
 * Once, before confine_self(), in the process' only thread that makes connections. What is
 * connected already stays. Return: 0 or -errno: nothing changed.
 */
FOR_MODULES int servers_start(const struct servers *s, struct servers_way *way) must_check;

#endif

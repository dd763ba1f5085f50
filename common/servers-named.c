// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/servers-named.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* As long as a name in the DNS is. */
#define NAME_MAX_LENGTH 253u

static int named_fail(char *why, size_t room, const char *text, const char *reason)
{
	snprintf(why, room, "server \"%s\": %s", text, reason);
	return -EINVAL;
}

/* Why nobody can be reached at that address from elsewhere; NULL: somebody can. */
static const char *address_why(const struct sockaddr_storage *a)
{
	const struct sockaddr_in *four = (const void *)a;
	const struct sockaddr_in6 *six = (const void *)a;

	if (a->ss_family == AF_INET && ntohl(four->sin_addr.s_addr) >= 0xe0000000u)
		return "that is an address of many, or of none";
	if (a->ss_family == AF_INET6 && IN6_IS_ADDR_MULTICAST(&six->sin6_addr))
		return "that is an address of many";
	if (a->ss_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr))
		return "an address of one link is reached by an interface: name that in interfaces=";
	return NULL;
}

/* Cuts @text to its host if that is a name; NULL: it is an address. */
static const char *host_name(char *text)
{
	char *colon = strrchr(text, ':');
	struct in_addr four;

	if (!colon || text[0] == '[' || (size_t)(colon - text) > NAME_MAX_LENGTH)
		return NULL;
	*colon = '\0';
	if (inet_pton(AF_INET, text, &four) != 1)
		return text;
	*colon = ':';
	return NULL;
}

/* Only what servers_add() takes, too: it is written in lines. */
static bool name_is_plain(const char *name)
{
	size_t n = strlen(name);

	for (const char *c = name; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || strchr(";,#", *c))
			return false;
	return n > 0 && n <= NAME_MAX_LENGTH;
}

/* All of @more, with that name, NULL: without one. What is there already may have several names. */
static int named_append(struct servers_named *n, const struct servers *more, const char *name)
{
	if (more->count > SERVERS_MAX - n->servers.count)
		return -E2BIG;
	for (unsigned i = 0; i < more->count; i++) {
		n->servers.list[n->servers.count] = more->list[i];
		n->names[n->servers.count++] = name;
	}
	return 0;
}

int servers_named_add(struct servers_named *n, char *text, char *why, size_t room)
{
	struct servers more = { .count = 0 };
	char *name = strchr(text, ',');
	const char *reason = NULL;
	int rc;

	if (name)
		*name++ = '\0';
	if (name && !name_is_plain(name))
		return named_fail(why, room, text, "a comma is followed by a name");
	if (strncmp(text, "unix:", 5) == 0)
		return named_fail(why, room, text, "a Unix socket is reached by its directory: name that in"
			" directories=");
	rc = servers_add(&more, text, why, room);
	for (unsigned i = 0; rc == 0 && !reason && i < more.count; i++)
		reason = address_why(&more.list[i].address);
	if (reason)
		return named_fail(why, room, text, reason);
	if (rc < 0)
		return rc;
	rc = named_append(n, &more, name ? name : host_name(text));
	return rc < 0 ? named_fail(why, room, text, "there are too many addresses: name fewer servers") : 0;
}

void servers_named_format(const struct servers_named *n, unsigned index, char *text, size_t room)
{
	const struct server *s = &n->servers.list[index];
	const struct sockaddr_in *four = (const void *)&s->address;
	const struct sockaddr_in6 *six = (const void *)&s->address;
	bool is_six = s->address.ss_family == AF_INET6;
	const char *name = n->names[index];
	char host[INET6_ADDRSTRLEN], range[8] = "";

	inet_ntop(s->address.ss_family, is_six ? (const void *)&six->sin6_addr : (const void *)&four->sin_addr,
		host, sizeof(host));
	if (s->last != s->first)
		snprintf(range, sizeof(range), "-%u", s->last);
	snprintf(text, room, "%s%s%s:%u%s%s%s", is_six ? "[" : "", host, is_six ? "]" : "", s->first, range,
		name ? "," : "", name ? name : "");
}

socklen_t servers_port(const struct servers *s, const struct server *server, uint16_t port,
	struct sockaddr_storage *to)
{
	int family = server->address.ss_family;
	/* The port lies at the same place in both. */
	const struct sockaddr_in asked = { .sin_family = (sa_family_t)family, .sin_port = htons(port) };
	socklen_t length = servers_address(server, family, &asked, to);

	return length && servers_find(s, to, length) == server ? length : 0;
}

unsigned servers_ports(const struct servers *s)
{
	struct sockaddr_storage to;
	unsigned count = 0;

	for (unsigned i = 0; i < s->count; i++)
		for (uint32_t port = s->list[i].first;
			port <= s->list[i].last && count <= SERVERS_PORTS_MAX; port++)
			count += servers_port(s, &s->list[i], (uint16_t)port, &to) > 0;
	return count;
}

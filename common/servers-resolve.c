// SPDX-License-Identifier: MIT
/*
 * getaddrinfo() of the whole program: confined, it reaches no name server and no file. It
 * answers of what servers_add() looked up, so that who answers for the names later decides nothing.
 */
#include "config.h"
#include "common/servers-private.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* --- one answer ------------------------------------------------------------- */

/* One allocation each, as freeaddrinfo() of the C library expects it. */
struct answer {
	struct addrinfo ai;
	struct sockaddr_storage address;
};

static bool answer_is_known(const struct addrinfo *list, const struct sockaddr_storage *address)
{
	for (; list; list = list->ai_next)
		if (memcmp(list->ai_addr, address, list->ai_addrlen) == 0)
			return true;
	return false;
}

/* Into the list's end. 0 or an EAI_*. */
static int answer_add(struct addrinfo **list, const struct sockaddr_storage *address, const struct addrinfo *hints)
{
	struct answer *a;

	if (hints && hints->ai_family != AF_UNSPEC && hints->ai_family != address->ss_family)
		return 0;
	if (answer_is_known(*list, address))
		return 0;
	a = calloc(1, sizeof(*a));
	if (!a)
		return EAI_MEMORY;
	a->address = *address;
	a->ai = (struct addrinfo){
		.ai_family = address->ss_family,
		.ai_socktype = hints && hints->ai_socktype ? hints->ai_socktype : SOCK_STREAM,
		.ai_protocol = hints && hints->ai_protocol ? hints->ai_protocol : IPPROTO_TCP,
		.ai_addrlen = address->ss_family == AF_INET ? sizeof(struct sockaddr_in) :
			sizeof(struct sockaddr_in6),
		.ai_addr = (struct sockaddr *)&a->address,
	};
	while (*list)
		list = &(*list)->ai_next;
	*list = &a->ai;
	return 0;
}

/* --- what is asked ---------------------------------------------------------- */

static int parse_service(const char *service, uint16_t *port)
{
	unsigned long n = 0;
	char *end = NULL;

	if (service)
		n = strtoul(service, &end, 10);
	*port = (uint16_t)n;
	return n > UINT16_MAX || (end && (end == service || *end)) ? EAI_SERVICE : 0;
}

static void set_port(struct sockaddr_storage *a, uint16_t port)
{
	if (a->ss_family == AF_INET)
		((struct sockaddr_in *)a)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)a)->sin6_port = htons(port);
}

/* True: @node is an address. */
static bool parse_numeric(const char *node, struct sockaddr_storage *a)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, node, &((struct sockaddr_in *)a)->sin_addr) == 1)
		a->ss_family = AF_INET;
	else if (inet_pton(AF_INET6, node, &((struct sockaddr_in6 *)a)->sin6_addr) == 1)
		a->ss_family = AF_INET6;
	return a->ss_family != AF_UNSPEC;
}

static int resolve_name(const struct servers *s, const char *node, uint16_t port,
	const struct addrinfo *hints, struct addrinfo **list)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < s->count; i++) {
		struct sockaddr_storage a = s->list[i].address;

		if (a.ss_family == AF_UNIX || strcasecmp(s->list[i].host, node) != 0)
			continue;
		set_port(&a, port);
		rc = answer_add(list, &a, hints);
	}
	return rc;
}

int servers_resolve(const struct servers *s, const char *node, const char *service,
	const struct addrinfo *hints, struct addrinfo **list)
{
	struct addrinfo *found = NULL;
	struct sockaddr_storage numeric;
	uint16_t port;
	int rc = parse_service(service, &port);

	if (rc)
		return rc;
	if (!node || !node[0])
		return EAI_NONAME;
	if (parse_numeric(node, &numeric)) {
		set_port(&numeric, port);
		rc = answer_add(&found, &numeric, hints);
	} else {
		rc = resolve_name(s, node, port, hints, &found);
	}
	if (rc) {
		freeaddrinfo(found);
		return rc;
	}
	*list = found;
	return found ? 0 : EAI_NONAME;
}

/* --- the program's own --------------------------------------------------------- */

static struct servers resolve_servers;
/* Set behind the list, before there are threads. */
static bool resolve_by_list;

void resolve_use(const struct servers *s)
{
	resolve_servers = *s;
	resolve_by_list = true;
}

__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
	const struct addrinfo *hints, struct addrinfo **list)
{
	int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

	if (resolve_by_list)
		return servers_resolve(&resolve_servers, node, service, hints, list);
	*(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
	return next ? next(node, service, hints, list) : EAI_SYSTEM;
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/servers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

/* --- parsing ------------------------------------------------------------- */

static int add_fail(char *why, size_t room, int error, const char *text, const char *reason)
{
	snprintf(why, room, "server \"%s\": %s", text, reason);
	return error;
}

/* A port, and where its text ends. 0: it is none. */
static uint16_t parse_port(const char **text)
{
	unsigned n = 0;

	for (; **text >= '0' && **text <= '9' && n <= UINT16_MAX; (*text)++)
		n = n * 10 + (unsigned)(**text - '0');
	return n <= UINT16_MAX ? (uint16_t)n : 0;
}

static int parse_ports(const char *text, struct server *server)
{
	server->first = server->last = parse_port(&text);
	if (*text == '-') {
		text++;
		server->last = parse_port(&text);
	}
	return *text || !server->first || server->last < server->first ? -EINVAL : 0;
}

static int parse_host(const char *text, const char *colon, char *host, size_t room)
{
	size_t n = (size_t)(colon - text);

	if (n > 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	} else if (memchr(text, ':', n)) {
		return -EINVAL;
	}
	if (n == 0 || n >= room)
		return -EINVAL;
	memcpy(host, text, n);
	host[n] = '\0';
	return 0;
}

/* An address that IPv6 has for one of IPv4: that one; any other stays as it is. */
static void address_plain(struct sockaddr_storage *a)
{
	struct sockaddr_in6 six;
	struct sockaddr_in four = { .sin_family = AF_INET };

	if (a->ss_family != AF_INET6)
		return;
	memcpy(&six, a, sizeof(six));
	if (!IN6_IS_ADDR_V4MAPPED(&six.sin6_addr))
		return;
	memcpy(&four.sin_addr, &six.sin6_addr.s6_addr[12], sizeof(four.sin_addr));
	four.sin_port = six.sin6_port;
	memset(a, 0, sizeof(*a));
	memcpy(a, &four, sizeof(four));
}

/* "This host", whatever that is: to the kernel it is loopback. */
static bool address_is_any(const struct sockaddr_storage *a)
{
	const struct sockaddr_in *four = (const void *)a;
	const struct sockaddr_in6 *six = (const void *)a;

	return a->ss_family == AF_INET ? four->sin_addr.s_addr == htonl(INADDR_ANY) :
		IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr);
}

static void address_set_port(struct sockaddr_storage *a, uint16_t port)
{
	if (a->ss_family == AF_INET)
		((struct sockaddr_in *)a)->sin_port = htons(port);
	else if (a->ss_family == AF_INET6)
		((struct sockaddr_in6 *)a)->sin6_port = htons(port);
}

static uint16_t address_port(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)a)->sin_port);
	return a->ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)a)->sin6_port) : 0;
}

static bool same_server(const struct server *a, const struct server *b)
{
	return a->first == b->first && a->last == b->last && strcasecmp(a->host, b->host) == 0 &&
		memcmp(&a->address, &b->address, sizeof(a->address)) == 0;
}

static int add_one(struct servers *s, const struct server *server)
{
	for (unsigned i = 0; i < s->count; i++)
		if (same_server(&s->list[i], server))
			return 0;
	if (s->count == SERVERS_MAX)
		return -E2BIG;
	s->list[s->count++] = *server;
	return 0;
}

static int add_address(struct servers *s, struct server server, const struct addrinfo *ai)
{
	if (ai->ai_addrlen > sizeof(server.address))
		return -EINVAL;
	memcpy(&server.address, ai->ai_addr, ai->ai_addrlen);
	address_plain(&server.address);
	if (address_is_any(&server.address))
		return -EADDRNOTAVAIL;
	return add_one(s, &server);
}

static int add_host(struct servers *s, const struct server *ports, const char **reason)
{
	const char *host = ports->host;
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC };
	struct addrinfo *found;
	int rc = getaddrinfo(host, NULL, &hints, &found);

	if (rc) {
		*reason = gai_strerror(rc);
		return -EHOSTUNREACH;
	}
	for (const struct addrinfo *ai = found; ai && rc == 0; ai = ai->ai_next)
		if (ai->ai_family == AF_INET || ai->ai_family == AF_INET6)
			rc = add_address(s, *ports, ai);
	freeaddrinfo(found);
	if (rc == -EADDRNOTAVAIL)
		*reason = "that is no address of a server: name the one that it is reached by";
	else if (rc == -E2BIG)
		*reason = "there are too many addresses: name fewer servers";
	return rc;
}

static int add_unix(struct servers *s, const char *path, const char **reason)
{
	struct server server = { .address = { .ss_family = AF_UNIX } };
	struct sockaddr_un *sun = (struct sockaddr_un *)&server.address;

	if (path[0] != '/' || strlen(path) >= sizeof(sun->sun_path) || path[strlen(path) - 1] == '/') {
		*reason = "a Unix socket's path begins with / and has at most 107 bytes";
		return -EINVAL;
	}
	strcpy(sun->sun_path, path);
	*reason = "there are too many servers";
	return add_one(s, &server);
}

static void say(struct servers *s, const char *text)
{
	size_t used = strlen(s->text), more = strlen(" ..");

	if (used + 1 + strlen(text) + more < sizeof(s->text))
		sprintf(s->text + used, "%s%s", used ? " " : "", text);
	else if (used < more || strcmp(s->text + used - more, " ..") != 0)
		strcpy(s->text + used, " ..");
}

int servers_add(struct servers *s, const char *text, char *why, size_t room)
{
	const char *colon = strrchr(text, ':'), *reason = "it is not HOST:PORT, HOST:FIRST-LAST, [IPV6]:PORT or"
		" unix:/PATH";
	struct server ports = { .first = 0 };
	unsigned before = s->count;
	int rc;

	/* It is shown to people, and written in lines. */
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || *c == ';' || *c == ',')
			return add_fail(why, room, -EINVAL, "..", "it has characters that no server's name has");
	if (strncmp(text, "unix:", 5) == 0)
		rc = add_unix(s, text + 5, &reason);
	else if (!colon || parse_ports(colon + 1, &ports) < 0 || parse_host(text, colon, ports.host, sizeof(ports.host)) < 0)
		rc = -EINVAL;
	else
		rc = add_host(s, &ports, &reason);
	if (rc < 0) {
		s->count = before;
		return add_fail(why, room, rc, text, reason);
	}
	say(s, text);
	return 0;
}

/* --- matching ------------------------------------------------------------ */

static bool same_path(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_un *x = (const void *)a, *y = (const void *)b;

	return strncmp(x->sun_path, y->sun_path, sizeof(x->sun_path)) == 0;
}

static bool same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *x = (const void *)a, *y = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
			((const struct sockaddr_in *)b)->sin_addr.s_addr;
	if (a->ss_family == AF_INET6)
		return IN6_ARE_ADDR_EQUAL(&x->sin6_addr, &y->sin6_addr) && x->sin6_scope_id == y->sin6_scope_id;
	return a->ss_family == AF_UNIX && same_path(a, b);
}

/* Bytes of @family's address that must be there; the kernel reads no more of them than that. */
static size_t address_size(int family)
{
	switch (family) {
	case AF_INET:
		return sizeof(struct sockaddr_in);
	case AF_INET6:
		return sizeof(struct sockaddr_in6);
	case AF_UNIX:
		return offsetof(struct sockaddr_un, sun_path) + 2;
	default:
		return SIZE_MAX;
	}
}

/* A copy with zeroes behind its end. False: it is nothing that could be in a list. */
static bool address_take(const void *address, size_t length, struct sockaddr_storage *copy)
{
	size_t n = length < sizeof(*copy) ? length : sizeof(*copy);

	memset(copy, 0, sizeof(*copy));
	memcpy(copy, address, n);
	if (length < sizeof(copy->ss_family) || length < address_size(copy->ss_family))
		return false;
	/* The last byte stays a zero, so that it is a string. */
	if (copy->ss_family == AF_UNIX && length >= sizeof(struct sockaddr_un))
		((char *)copy)[sizeof(struct sockaddr_un) - 1] = '\0';
	address_plain(copy);
	return true;
}

const struct server *servers_find(const struct servers *s, const void *address, size_t length)
{
	struct sockaddr_storage a;
	uint16_t port;

	if (!address_take(address, length, &a))
		return NULL;
	port = address_port(&a);
	for (unsigned i = 0; i < s->count; i++) {
		const struct server *server = &s->list[i];

		if (port >= server->first && port <= server->last && same_host(&server->address, &a))
			return server;
	}
	return NULL;
}

static socklen_t address_mapped(const struct server *server, uint16_t port, struct sockaddr_storage *to)
{
	const struct sockaddr_in *four = (const void *)&server->address;
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	six.sin6_addr.s6_addr[10] = six.sin6_addr.s6_addr[11] = 0xff;
	memcpy(&six.sin6_addr.s6_addr[12], &four->sin_addr, sizeof(four->sin_addr));
	memcpy(to, &six, sizeof(six));
	return sizeof(six);
}

socklen_t servers_address(const struct server *server, int family, const void *asked,
	struct sockaddr_storage *to)
{
	int own = server->address.ss_family;
	uint16_t port = 0;

	/* It lies at the same place in both. */
	if (own != AF_UNIX)
		memcpy(&port, (const char *)asked + offsetof(struct sockaddr_in, sin_port), sizeof(port));
	port = ntohs(port);
	memset(to, 0, sizeof(*to));
	if (family == AF_INET6 && own == AF_INET)
		return address_mapped(server, port, to);
	if (family != own)
		return 0;
	*to = server->address;
	address_set_port(to, port);
	return own == AF_INET ? sizeof(struct sockaddr_in) :
		own == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_un);
}

bool servers_has_family(const struct servers *s, int family)
{
	for (unsigned i = 0; i < s->count; i++) {
		int own = s->list[i].address.ss_family;

		if (own == family || (family == AF_INET6 && own == AF_INET))
			return true;
	}
	return false;
}

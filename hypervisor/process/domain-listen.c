// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/process/domain-listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "backends/net/link.h"
#include "common/fdpass.h"
#include "common/log.h"

/* Connections that wait for the relay, while it is started again or lets nobody in. */
#define BACKLOG 64

/* --- addresses ----------------------------------------------------------- */

/* Those that lo has by itself. */
static bool is_loopback(const struct sockaddr_storage *a)
{
	const struct sockaddr_in *four = (const void *)a;
	const struct sockaddr_in6 *six = (const void *)a;

	return a->ss_family == AF_INET ? ntohl(four->sin_addr.s_addr) >> 24 == 127 :
		IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

static int add_addresses(const struct servers *s, bool *no_six)
{
	const struct link_change up = { .up = true };
	CLEANUP_CLOSE int nl = link_socket();
	struct link_info lo;
	int rc = nl < 0 ? nl : link_get(nl, "lo", &lo);

	if (rc == 0)
		rc = link_set(nl, lo.index, &up);
	for (unsigned i = 0; i < s->count && rc == 0; i++) {
		const struct sockaddr_storage *a = &s->list[i].address;

		if (is_loopback(a))
			continue;
		rc = link_add_address(nl, lo.index, (const struct sockaddr *)a);
		if (rc < 0 && rc != -EEXIST && a->ss_family == AF_INET6)
			*no_six = true;
		if (rc == -EEXIST || a->ss_family == AF_INET6)
			rc = 0;
	}
	return rc;
}

/* --- sockets ------------------------------------------------------------- */

static int set_number(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* Who comes by another interface of the domain does not get in. */
static int prepare(int fd, int family)
{
	int rc = setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof("lo")) < 0 ? -errno : 0;

	return rc < 0 || family != AF_INET6 ? rc : set_number(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
}

/* Descriptor or -errno. */
static int listen_at(const struct sockaddr_storage *a, socklen_t length)
{
	int fd = socket(a->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	int rc = fd < 0 ? -errno : prepare(fd, a->ss_family);

	if (rc == 0 && (bind(fd, (const struct sockaddr *)a, length) < 0 || listen(fd, BACKLOG) < 0))
		rc = -errno;
	if (rc == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return rc;
}

/* struct made - the sockets so far. */
struct made {
	int fds[SERVERS_PORTS_MAX];
	unsigned count;
};

/* All ports of one server. */
static int make_server(const struct servers *s, const struct server *server, struct made *made)
{
	struct sockaddr_storage to;
	int rc = 0;

	for (uint32_t port = server->first; port <= server->last && rc >= 0; port++) {
		socklen_t length = servers_port(s, server, (uint16_t)port, &to);

		if (!length)
			continue;
		rc = made->count == SERVERS_PORTS_MAX ? -E2BIG : listen_at(&to, length);
		if (rc >= 0)
			made->fds[made->count++] = rc;
	}
	return rc < 0 ? rc : 0;
}

static int make_all(const struct servers *s, struct made *made, bool no_six, char *failed)
{
	struct servers_named one = { .servers = { .count = 0 } };

	for (unsigned i = 0; i < s->count; i++) {
		bool six = s->list[i].address.ss_family == AF_INET6;
		int rc = make_server(s, &s->list[i], made);

		one.servers.list[0] = s->list[i];
		servers_named_format(&one, 0, failed, SERVERS_FORMAT_MAX);
		if (rc < 0 && six && (no_six || rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL))
			log_warn("%s is not reached: there is no IPv6 (%s)", failed, strerror(-rc));
		else if (rc < 0)
			return rc;
	}
	return 0;
}

int domain_listen(const struct servers *s, int fd, char *failed)
{
	struct made made = { .count = 0 };
	bool no_six = false;
	int rc;

	strcpy(failed, "lo");
	rc = add_addresses(s, &no_six);
	if (rc == 0)
		rc = make_all(s, &made, no_six, failed);
	if (rc == 0)
		rc = fd_send_many(fd, made.fds, made.count);
	while (made.count)
		close(made.fds[--made.count]);
	return rc;
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/process/domain-servers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "hypervisor/process/domain-listen.h"

void domain_servers_leave(struct domain_servers *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

void domain_servers_make(struct domain_servers *d)
{
	char failed[SERVERS_FORMAT_MAX];
	int rc = d->fd < 0 ? 0 : domain_listen(&d->named.servers, d->fd, failed);

	if (rc < 0)
		die("the domain cannot be given a way to its servers: %s: %s", failed, strerror(-rc));
	domain_servers_leave(d);
}

/* --- options ------------------------------------------------------------- */

void domain_servers_add(struct domain_servers *d, char *text)
{
	char why[400];

	if (servers_named_add(&d->named, text, why, sizeof(why)) < 0)
		die("--server: %s", why);
}

void domain_servers_parse_fd(struct domain_servers *d, const char *text)
{
	char *end;
	long fd = strtol(text, &end, 10);

	if (end == text || *end || fd < 0 || fd > INT_MAX || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		die("--servers-fd=%s is no descriptor that is open here", text);
	d->fd = (int)fd;
}

void domain_servers_check(const struct domain_servers *d, bool own)
{
	/* On the host's lo they would be the host's. */
	if (d->named.servers.count && !own)
		die("--server is for a confined domain with a network of its own: --confined, --own-network");
	if (!d->named.servers.count != (d->fd < 0))
		die("--server and --servers-fd are of use together only");
}

/* --- names --------------------------------------------------------------- */

static void write_name(FILE *f, const struct servers_named *n, unsigned i)
{
	const struct sockaddr_storage *a = &n->servers.list[i].address;
	const struct sockaddr_in *four = (const void *)a;
	const struct sockaddr_in6 *six = (const void *)a;
	char host[INET6_ADDRSTRLEN] = "";

	inet_ntop(a->ss_family, a->ss_family == AF_INET6 ? (const void *)&six->sin6_addr :
		(const void *)&four->sin_addr, host, sizeof(host));
	fprintf(f, "%s %s\n", host, n->names[i]);
}

int domain_servers_hosts(const struct domain_servers *d, const char *dir, struct domain_list *list)
{
	const struct servers_named *n = &d->named;
	CLEANUP_FREE char *path = NULL;
	bool any = false;
	FILE *f;
	int rc;

	for (unsigned i = 0; i < n->servers.count; i++)
		any |= n->names[i] != NULL;
	if (!any)
		return 0;
	if (asprintf(&path, "%s/hosts", dir) < 0)
		return -ENOMEM;
	/* A predecessor's may be anything: the directory was that domain's. */
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	f = fopen(path, "wxe");
	if (!f)
		return -errno;
	fputs("127.0.0.1 localhost\n::1 localhost\n", f);
	for (unsigned i = 0; i < n->servers.count; i++)
		if (n->names[i])
			write_name(f, n, i);
	rc = fclose(f) < 0 ? -errno : 0;
	return rc < 0 ? rc : domain_list_add_at(list, "/etc/hosts", path, true);
}

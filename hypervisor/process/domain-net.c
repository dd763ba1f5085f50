// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/process/domain-net.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backends/net/link.h"
#include "common/log.h"

void domain_net_add_bridge(struct domain_net *net, const char *name)
{
	const char *why = link_name_why(name);

	if (why)
		die("--bridge=%s: %s", name, why);
	if (net->nbridges == DOMAIN_BRIDGES_MAX)
		die("at most %u bridges", DOMAIN_BRIDGES_MAX);
	net->bridges[net->nbridges++] = name;
}

void domain_net_parse_fd(struct domain_net *net, const char *text)
{
	char *end;
	long fd = strtol(text, &end, 10);

	if (end == text || *end || fd < 0 || fd > INT_MAX || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		die("--network-fd=%s is no descriptor that is open here", text);
	net->filled = (int)fd;
}

/* Nobody speaks on it but what is put on it: the domain itself has no address there. */
static int make_bridge(int nl, const char *name)
{
	const struct link_change change = { .silent = true, .up = true };
	struct link_info info;
	int rc = link_add_bridge(nl, name);

	if (rc == 0)
		rc = link_get(nl, name, &info);
	return rc == 0 ? link_set(nl, info.index, &change) : rc;
}

void domain_net_make(const struct domain_net *net)
{
	CLEANUP_CLOSE int nl = net->nbridges ? link_socket() : -1;

	for (unsigned i = 0; i < net->nbridges; i++) {
		int rc = nl < 0 ? nl : make_bridge(nl, net->bridges[i]);

		if (rc < 0)
			die("cannot make the bridge %s: %s%s", net->bridges[i], strerror(-rc),
				rc == -EOPNOTSUPP ? "; the kernel's module bridge must be loaded (modprobe bridge)" : "");
	}
}

void domain_net_leave(struct domain_net *net)
{
	if (net->filled >= 0)
		close(net->filled);
	net->filled = -1;
}

void domain_net_await(struct domain_net *net)
{
	char byte = 0;
	ssize_t n;

	if (net->filled < 0)
		return;
	if (send(net->filled, &byte, 1, MSG_NOSIGNAL) != 1)
		die("nobody at --network-fd wants to know of the network: %s", strerror(errno));
	do
		n = read(net->filled, &byte, 1);
	while (n < 0 && errno == EINTR);
	/* It says why itself. */
	if (n != 1)
		exit(1);
	domain_net_leave(net);
}

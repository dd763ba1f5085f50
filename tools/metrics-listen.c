// SPDX-License-Identifier: MIT
/* Where sluice metrics may be reached: by this user's programs, or by those of this machine. */
#include "config.h"
#include "tools/metrics-http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define LISTEN_QUEUE 32

/* A socket whose listener is gone is in the way; anything else is somebody's. */
static int remove_stale(const struct sockaddr_un *sun, char *why, size_t room)
{
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat sb;

	if (lstat(sun->sun_path, &sb) < 0)
		return 0;
	if (!S_ISSOCK(sb.st_mode)) {
		snprintf(why, room, "%s is there and is no socket; remove it or name another",
			sun->sun_path);
		return -EEXIST;
	}
	if (fd < 0 || connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 ||
		errno != ECONNREFUSED) {
		snprintf(why, room, "%s is in use; name another", sun->sun_path);
		return -EADDRINUSE;
	}
	unlink(sun->sun_path);
	return 0;
}

int metrics_http_listen_unix(const char *path, char *why, size_t room)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, rc;

	if (!path[0] || strlen(path) >= sizeof(sun.sun_path)) {
		snprintf(why, room, "\"%s\" is no name for a socket: it must have 1 to %zu bytes", path,
			sizeof(sun.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(sun.sun_path, path, strlen(path));
	rc = remove_stale(&sun, why, room);
	if (rc < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* What guests do is their owner's business. */
	mask = umask(0177);
	rc = fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
			     listen(fd, LISTEN_QUEUE) < 0 ? -errno : 0;
	umask(mask);
	if (rc == 0)
		return fd;
	snprintf(why, room, "cannot listen at %s: %s", path, strerror(-rc));
	if (fd >= 0)
		close(fd);
	return rc;
}

/* Numbers alone: a name is whatever a resolver makes of it. 0 or -EINVAL. */
static int parse_address(const char *text, struct sockaddr_storage *address, socklen_t *length)
{
	struct sockaddr_in *in = (void *)address;
	struct sockaddr_in6 *in6 = (void *)address;
	const char *colon = strrchr(text, ':');
	unsigned long port;
	char host[64];
	char *end;

	if (!colon || colon[1] < '0' || colon[1] > '9' || (size_t)(colon - text) >= sizeof(host))
		return -EINVAL;
	port = strtoul(colon + 1, &end, 10);
	if (*end || port > 65535)
		return -EINVAL;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	memset(address, 0, sizeof(*address));
	if (strcmp(host, "[::1]") == 0) {
		*in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port),
			.sin6_addr = in6addr_loopback };
		*length = sizeof(*in6);
		return 0;
	}
	*in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
	*length = sizeof(*in);
	return inet_pton(AF_INET, host, &in->sin_addr) == 1 &&
			       ntohl(in->sin_addr.s_addr) >> 24 == 127 ? 0 : -EINVAL;
}

static void describe(int fd, char *where)
{
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	struct sockaddr_in *in = (void *)&address;
	struct sockaddr_in6 *in6 = (void *)&address;
	socklen_t length = sizeof(address);
	char host[INET_ADDRSTRLEN] = "";

	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		where[0] = '\0';
	else if (address.ss_family == AF_INET6)
		snprintf(where, 64, "[::1]:%u", ntohs(in6->sin6_port));
	else
		snprintf(where, 64, "%s:%u", inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host)),
			ntohs(in->sin_port));
}

int metrics_http_listen(const char *text, char *where, char *why, size_t room)
{
	struct sockaddr_storage address;
	socklen_t length;
	int fd, rc, on = 1;

	if (parse_address(text, &address, &length) < 0) {
		snprintf(why, room, "\"%s\" is no address of this machine alone: 127.0.0.1:PORT or"
			" [::1]:PORT; for other machines put a server with access control before it", text);
		return -EINVAL;
	}
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	rc = fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 ||
			     listen(fd, LISTEN_QUEUE) < 0 ? -errno : 0;
	if (rc == 0) {
		describe(fd, where);
		return fd;
	}
	snprintf(why, room, "cannot listen at %s: %s", text, strerror(-rc));
	if (fd >= 0)
		close(fd);
	return rc;
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/process/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fdpass.h"
#include "hypervisor/process/restrict.h"

int hvclient_send(int fd, const void *req, size_t len)
{
	int rc = fd_send(fd, req, len, NULL, 0);

	return rc == -EPIPE || rc == -ECONNRESET ? -ENODEV : rc;
}

ssize_t hvclient_receive(int fd, uint32_t op, void *reply, size_t room, int *fds, unsigned *nfds)
{
	struct wire_reply *r = reply;
	unsigned none = 0;
	ssize_t n = fd_recv(fd, reply, room, fds, nfds ? nfds : &none);
	int rc;

	if (n < 0)
		return n == -ECONNRESET ? -ENODEV : n;
	if (n < (ssize_t)sizeof(*r))
		rc = n ? -EPROTO : -ENODEV;
	else
		rc = r->op == op ? r->rc : -EPROTO;
	if (rc == 0)
		return n;
	for (unsigned i = 0; nfds && i < *nfds; i++)
		close(fds[i]);
	if (nfds)
		*nfds = 0;
	return rc;
}

ssize_t hvclient_call(int fd, const void *req, size_t len, void *reply, size_t room, int *fds,
	unsigned *nfds)
{
	const struct wire_head *head = req;
	int rc = hvclient_send(fd, req, len);

	return rc < 0 ? rc : hvclient_receive(fd, head->op, reply, room, fds, nfds);
}

int hvclient_hello(int fd, uint32_t *domid)
{
	struct wire_hello req = { .head.op = WIRE_HELLO, .version = WIRE_VERSION };
	struct wire_hello_reply reply;
	ssize_t n = hvclient_call(fd, &req, sizeof(req), &reply, sizeof(reply), NULL, NULL);

	if (n < 0)
		/* A refused connection shows only now. */
		return n == -ENODEV ? -ECONNREFUSED : (int)n;
	*domid = reply.domid;
	return 0;
}

int hvclient_restrict(int fd, uint32_t domid)
{
	struct wire_domid req = { .head.op = WIRE_RESTRICT, .domid = domid };
	struct wire_reply reply;
	ssize_t n = hvclient_call(fd, &req, sizeof(req), &reply, sizeof(reply), NULL, NULL);

	return n < 0 ? (int)n : 0;
}

/* A new connection over one that exists; several processes may use it at a time. */
static int connect_factory(const char *text)
{
	struct wire_hello req = { .head.op = WIRE_CONNECT, .version = WIRE_VERSION };
	struct wire_reply reply;
	char *end;
	long factory = strtol(text, &end, 10);
	unsigned nfds = 1;
	int fd = -1;
	ssize_t n;

	if (*text == '\0' || *end != '\0' || factory < 0 || factory > 1 << 20)
		return -EINVAL;
	n = hvclient_call(factory, &req, sizeof(req), &reply, sizeof(reply), &fd, &nfds);
	if (n < 0)
		return n == -ENODEV || n == -ENOSPC ? -ECONNREFUSED : (int)n;
	return nfds == 1 ? fd : -EPROTO;
}

/* The socket's address; a long path is reached through its directory, held in @dirfd. */
static int address_of(const char *path, struct sockaddr_un *sa, int *dirfd)
{
	const char *slash = strrchr(path, '/');
	int n;

	sa->sun_family = AF_UNIX;
	n = snprintf(sa->sun_path, sizeof(sa->sun_path), "%s", path);
	if (n < (int)sizeof(sa->sun_path))
		return 0;
	if (slash) {
		CLEANUP_FREE char *dir = strndup(path, slash - path);

		*dirfd = dir ? open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
		if (*dirfd < 0)
			return -errno;
		n = snprintf(sa->sun_path, sizeof(sa->sun_path), "/proc/self/fd/%d%s", *dirfd,
			slash);
	}
	return n < (int)sizeof(sa->sun_path) ? 0 : -ENAMETOOLONG;
}

static int connect_path(const char *path)
{
	CLEANUP_CLOSE int dirfd = -1;
	struct sockaddr_un sa;
	int rc = address_of(path, &sa, &dirfd);
	int fd;

	if (rc < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

int hvclient_open(const char *hypervisor)
{
	uint32_t domid;
	int fd, rc;

	if (!hypervisor)
		hypervisor = getenv("SLUICE_HYPERVISOR");
	if (!hypervisor)
		hypervisor = HVCLIENT_DEFAULT;
	if (strncmp(hypervisor, "fd:", 3) == 0)
		fd = connect_factory(hypervisor + 3);
	else
		fd = connect_path(hypervisor);
	if (fd < 0)
		return fd;
	rc = hvclient_hello(fd, &domid);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

int hvconn_restricted(const char *hypervisor, uint32_t domid)
{
	int fd = hvclient_open(hypervisor);
	int rc;

	if (fd < 0)
		return fd;
	rc = hvclient_restrict(fd, domid);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

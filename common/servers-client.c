// SPDX-License-Identifier: MIT
/*
 * socket() and connect() of the whole program. A program's own functions come before the C
 * library's, for the libraries that it uses, too, those that they load later included. Who
 * goes round them by the system call gets what confinement left: nothing.
 */
#include "config.h"
#include "common/servers-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/fdpass.h"

static pthread_mutex_t client_lock = PTHREAD_MUTEX_INITIALIZER;
static int client_fd = -1;

static int socket_of_kernel(int family, int type, int protocol)
{
	return (int)syscall(SYS_socket, family, type, protocol);
}

static int connect_of_kernel(int fd, const struct sockaddr *address, socklen_t length)
{
	return (int)syscall(SYS_connect, fd, address, length);
}

void client_use(int fd)
{
	pthread_mutex_lock(&client_lock);
	if (client_fd >= 0)
		close(client_fd);
	client_fd = fd;
	pthread_mutex_unlock(&client_lock);
}

/* Whether somebody is to be asked at all. */
static bool client_asks(void)
{
	bool asks;

	pthread_mutex_lock(&client_lock);
	asks = client_fd >= 0;
	pthread_mutex_unlock(&client_lock);
	return asks;
}

/* One at a time: the broker never waits for a server. @fd: to send along, or -1. */
static int client_ask(const struct broker_request *r, int fd, int *got)
{
	struct broker_reply reply = { .error = 0 };
	unsigned n = 1;
	ssize_t len;
	int rc;

	*got = -1;
	pthread_mutex_lock(&client_lock);
	rc = fd_send(client_fd, r, sizeof(*r), &fd, fd >= 0);
	len = rc < 0 ? rc : fd_recv(client_fd, &reply, sizeof(reply), got, &n);
	pthread_mutex_unlock(&client_lock);
	/* The broker is gone, and with it the network. */
	if (len != sizeof(reply))
		return -ENETDOWN;
	return -reply.error;
}

static int return_of(int rc)
{
	if (rc >= 0)
		return rc;
	errno = -rc;
	return -1;
}

static bool is_asked_for(int family)
{
	return (family == AF_INET || family == AF_INET6 || family == AF_UNIX) && client_asks();
}

__attribute__((visibility("default"))) int socket(int family, int type, int protocol)
{
	const struct broker_request r = { .op = BROKER_SOCKET, .family = family, .type = type,
		.protocol = protocol };
	int fd, rc;

	if (!is_asked_for(family))
		return socket_of_kernel(family, type, protocol);
	rc = client_ask(&r, -1, &fd);
	if (rc < 0 && family == AF_UNIX)
		return socket_of_kernel(family, type, protocol);
	return return_of(rc < 0 ? rc : fd);
}

static int connect_ask(int fd, const struct broker_request *r)
{
	int got, rc = client_ask(r, fd, &got);

	if (got >= 0)
		close(got);
	return rc;
}

/* For a socket that waits: the broker did not. Asked again it says how it went, and the kernel notes that. */
static int connect_wait(int fd, const struct broker_request *r)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int rc;

	do {
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return -errno;
		rc = connect_ask(fd, r);
	} while (rc == -EINPROGRESS || rc == -EALREADY);
	return rc == -EISCONN ? 0 : rc;
}

static int connect_by_broker(int fd, const struct broker_request *r)
{
	int flags = fcntl(fd, F_GETFL), rc;

	if (flags < 0)
		return -errno;
	rc = connect_ask(fd, r);
	if (flags & O_NONBLOCK)
		return rc;
	if (rc == -EINPROGRESS)
		rc = connect_wait(fd, r);
	/* The broker made it one that does not wait, for all who hold it. */
	return fcntl(fd, F_SETFL, flags) < 0 && rc == 0 ? -errno : rc;
}

__attribute__((visibility("default"))) int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	struct broker_request r = { .op = BROKER_CONNECT, .length = length };
	int rc;

	if (length < sizeof(address->sa_family) || length > sizeof(r.address) || !is_asked_for(address->sa_family))
		return connect_of_kernel(fd, address, length);
	memcpy(r.address, address, length);
	rc = connect_by_broker(fd, &r);
	if ((rc == -EACCES || rc == -ENETDOWN) && address->sa_family == AF_UNIX)
		return connect_of_kernel(fd, address, length);
	return return_of(rc);
}

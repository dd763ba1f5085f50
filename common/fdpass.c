// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/fdpass.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union fd_control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(sizeof(int) * FDPASS_MAX)];
};

static int send_flags(int sock, const struct iovec *iov, unsigned niov, const int *fds,
	unsigned nfds, int flags)
{
	union fd_control control;
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = niov };
	ssize_t n;

	if (nfds > FDPASS_MAX)
		return -EMSGSIZE;
	if (nfds) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
	}
	do
		n = sendmsg(sock, &msg, flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int fd_sendv(int sock, const struct iovec *iov, unsigned niov, const int *fds, unsigned nfds)
{
	return send_flags(sock, iov, niov, fds, nfds, 0);
}

int fd_send_now(int sock, const void *data, size_t len, const int *fds, unsigned nfds)
{
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };

	return send_flags(sock, &iov, 1, fds, nfds, MSG_DONTWAIT);
}

int fd_send(int sock, const void *data, size_t len, const int *fds, unsigned nfds)
{
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };

	return fd_sendv(sock, &iov, 1, fds, nfds);
}

/* Takes what fits into fds[room] and closes the rest; false when some did not fit. */
static bool take_fds(struct msghdr *msg, int *fds, unsigned room, unsigned *nfds)
{
	bool fit = !(msg->msg_flags & MSG_CTRUNC);

	*nfds = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		unsigned n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (unsigned i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (*nfds < room) {
				fds[(*nfds)++] = fd;
			} else {
				close(fd);
				fit = false;
			}
		}
	}
	return fit;
}

static ssize_t recv_flags(
	int sock, void *data, size_t room, int *fds, unsigned *nfds, int flags)
{
	union fd_control control;
	struct iovec iov = { .iov_base = data, .iov_len = room };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	unsigned fd_room = *nfds;
	ssize_t n;
	bool fit;

	/* Without room for any the kernel drops them: they are never ours, nor ours to close. */
	if (fd_room) {
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
	}
	*nfds = 0;
	do
		n = recvmsg(sock, &msg, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	fit = !fd_room || take_fds(&msg, fds, fd_room, nfds);
	if (!fit || (msg.msg_flags & MSG_TRUNC)) {
		for (unsigned i = 0; i < *nfds; i++)
			close(fds[i]);
		*nfds = 0;
		return -EMSGSIZE;
	}
	return n;
}

ssize_t fd_recv(int sock, void *data, size_t room, int *fds, unsigned *nfds)
{
	return recv_flags(sock, data, room, fds, nfds, 0);
}

ssize_t fd_recv_now(int sock, void *data, size_t room, int *fds, unsigned *nfds)
{
	return recv_flags(sock, data, room, fds, nfds, MSG_DONTWAIT);
}

int fd_set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

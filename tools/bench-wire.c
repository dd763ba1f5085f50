// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/bench-wire.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

int bench_send(int sock, enum bench_message_type type, const void *body, size_t length)
{
	uint64_t head = type;
	struct iovec iov[2] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_base = (void *)body, .iov_len = length },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

ssize_t bench_recv(int sock, enum bench_message_type *type, void *body, size_t room, bool wait)
{
	uint64_t head;
	struct iovec iov[2] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_base = body, .iov_len = room },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	do
		n = recvmsg(sock, &msg, wait ? 0 : MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	if (n == 0)
		return -EPIPE;
	if (n < (ssize_t)sizeof(head) || (msg.msg_flags & MSG_TRUNC) || head > BENCH_FAILED)
		return -EBADMSG;
	*type = head;
	return n - (ssize_t)sizeof(head);
}

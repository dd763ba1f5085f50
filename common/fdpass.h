/* SPDX-License-Identifier: MIT */
/* Messages with descriptors over Unix sockets (SCM_RIGHTS). */
#ifndef SLUICE_COMMON_FDPASS_H
#define SLUICE_COMMON_FDPASS_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "common/cleanup.h"

/** The kernel's own limit per message (SCM_MAX_FD) is 253. */
#define FDPASS_MAX 128

/**
 * fd_send() - send one message with descriptors.
 * @sock: a connected SOCK_SEQPACKET or SOCK_DGRAM Unix socket
 * @fds: stay the caller's; at most FDPASS_MAX
 *
 * Never raises SIGPIPE. Return: 0 or -errno (-EAGAIN on a full non-blocking
 * socket, -EPIPE when the peer is gone).
 */
int fd_send(int sock, const void *data, size_t len, const int *fds, unsigned nfds) must_check;
/**
 * fd_send_now() - fd_send() that never blocks (-EAGAIN), whatever the flags of @sock:
 * for a socket whose other holders may change them.
 */
int fd_send_now(int sock, const void *data, size_t len, const int *fds, unsigned nfds) must_check;
/** fd_sendv() - fd_send() from several buffers. */
int fd_sendv(int sock, const struct iovec *iov, unsigned niov, const int *fds,
	unsigned nfds) must_check;

/**
 * fd_recv() - receive one message with descriptors.
 * @fds: receives up to *@nfds descriptors, all close-on-exec, the caller's from then
 * @nfds: in: room in @fds; out: how many came. With room 0 any that came are dropped without
 *	ever being a descriptor of this process: closing a stranger's can take for ever (FUSE).
 *
 * Return: the message's length, 0 at the end of the stream, or -errno
 * (-EMSGSIZE: the message or its descriptors did not fit; nothing is kept).
 */
ssize_t fd_recv(int sock, void *data, size_t room, int *fds, unsigned *nfds) must_check;
/** fd_recv_now() - fd_recv() that never blocks (-EAGAIN), whatever the flags of @sock. */
ssize_t fd_recv_now(int sock, void *data, size_t room, int *fds, unsigned *nfds) must_check;

/**
 * fd_send_many() - fd_send() of any number of descriptors, in as many messages as that takes.
 *
 * Return: 0 or -errno; then the other end gets an error, too, once @sock is closed.
 */
int fd_send_many(int sock, const int *fds, unsigned nfds) must_check;
/**
 * fd_recv_many() - what fd_send_many() sent.
 * @nfds: in: room in @fds; out: how many came
 * @timeout_ms: how long to wait for each message; -1: for ever
 *
 * Return: 0 or -errno: nothing is kept. -ETIMEDOUT; -EPIPE: the other end was closed before the last.
 */
int fd_recv_many(int sock, int *fds, unsigned *nfds, int timeout_ms) must_check;

/**
 * fd_set_nonblock() - reads and writes of this description never wait.
 *
 * For xenevtchn_fd() it is a must where a loop watches it: io_uring takes the word of
 * a wake-up for readiness, and one that comes late finds nothing pending, for which
 * xenevtchn_pending() would wait. Return: 0 or -errno.
 */
int fd_set_nonblock(int fd) must_check;

#endif

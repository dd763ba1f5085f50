// SPDX-License-Identifier: MIT
/*
 * NBD's fixed newstyle negotiation (doc/proto.md of the NBD project): list the exports, choose the
 * first, send one NBD_CMD_FLUSH. The server has read a stranger's image, and the daemon has the
 * driver domain's rights: it keeps to these few bounded answers, where libnbd would parse all
 * that a server may say, in states and threads of its own.
 */
#include "config.h"
#include "drivers-domain/format-flush.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/loop.h"

#define NBD_MAGIC UINT64_C(0x4e42444d41474943)
#define NBD_OPTION_MAGIC UINT64_C(0x49484156454f5054)
#define NBD_OPTION_REPLY UINT64_C(0x0003e889045565a9)
#define NBD_REQUEST UINT32_C(0x25609513)
#define NBD_REPLY UINT32_C(0x67446698)
enum { NBD_FIXED = 1, NBD_NO_ZEROES = 2, NBD_HAS_FLUSH = 4 };
enum { NBD_OPT_EXPORT_NAME = 1, NBD_OPT_LIST = 3, NBD_REP_ACK = 1, NBD_REP_SERVER = 2 };
enum { NBD_CMD_DISC = 2, NBD_CMD_FLUSH = 3 };

/* What is awaited, and how long it is. */
enum flush_step { FLUSH_GREETING, FLUSH_LIST, FLUSH_NAME, FLUSH_EXPORT, FLUSH_REPLY };
#define FLUSH_NAME_MAX 4096u /* the protocol's limit */
#define FLUSH_COOKIE UINT64_C(0x736c756963650001)

struct format_flush {
	struct loop *loop;
	struct loop_source *source;
	void (*done)(void *opaque, int rc);
	void *opaque;
	int fd;
	enum flush_step step;
	size_t have, want;
	bool named;
	uint32_t name_len;
	uint8_t in[4 + 2 * FLUSH_NAME_MAX]; /* a name and its description */
	uint8_t name[FLUSH_NAME_MAX];
};

static uint16_t flush_get16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }
static uint32_t flush_get32(const uint8_t *at) { return (uint32_t)flush_get16(at) << 16 | flush_get16(at + 2); }
static uint64_t flush_get64(const uint8_t *at) { return (uint64_t)flush_get32(at) << 32 | flush_get32(at + 4); }

/* On a connection that has hardly anything underway: it fits, or the server is not well. */
static int flush_send(const struct format_flush *q, const void *data, size_t n)
{
	ssize_t sent = send(q->fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent < 0)
		return -errno;
	return (size_t)sent == n ? 0 : -EIO;
}

static void flush_await(struct format_flush *q, enum flush_step step, size_t n)
{
	q->step = step;
	q->have = 0;
	q->want = n;
}

static int flush_option(const struct format_flush *q, uint32_t option, const void *data, uint32_t n)
{
	struct {
		uint64_t magic;
		uint32_t option, length;
	} head = { htobe64(NBD_OPTION_MAGIC), htobe32(option), htobe32(n) };
	int rc = flush_send(q, &head, sizeof(head));

	return rc < 0 || n == 0 ? rc : flush_send(q, data, n);
}

static int flush_command(const struct format_flush *q, uint16_t command)
{
	struct __attribute__((packed)) {
		uint32_t magic;
		uint16_t flags, command;
		uint64_t cookie, offset;
		uint32_t length;
	} request = { .magic = htobe32(NBD_REQUEST), .command = htobe16(command), .cookie = htobe64(FLUSH_COOKIE) };

	return flush_send(q, &request, sizeof(request));
}

/* --- steps: 0, and the next one is awaited, or -errno ------------------------------------------ */

static int flush_greeting(struct format_flush *q)
{
	const uint32_t flags = htobe32(NBD_FIXED | NBD_NO_ZEROES);
	int rc;

	if (flush_get64(q->in) != NBD_MAGIC || flush_get64(q->in + 8) != NBD_OPTION_MAGIC ||
		(~flush_get16(q->in + 16) & (NBD_FIXED | NBD_NO_ZEROES)))
		return -EPROTO;
	rc = flush_send(q, &flags, sizeof(flags));
	if (rc == 0)
		rc = flush_option(q, NBD_OPT_LIST, NULL, 0);
	flush_await(q, FLUSH_LIST, 20);
	return rc;
}

static int flush_list(struct format_flush *q)
{
	uint32_t type = flush_get32(q->in + 12), n = flush_get32(q->in + 16);

	if (flush_get64(q->in) != NBD_OPTION_REPLY || flush_get32(q->in + 8) != NBD_OPT_LIST)
		return -EPROTO;
	if (type == NBD_REP_SERVER && !q->named && n >= 4 && n <= sizeof(q->in)) {
		flush_await(q, FLUSH_NAME, n);
		return 0;
	}
	if (type != NBD_REP_ACK || n != 0 || !q->named)
		return -EPROTO;
	flush_await(q, FLUSH_EXPORT, 10);
	return flush_option(q, NBD_OPT_EXPORT_NAME, q->name, q->name_len);
}

static int flush_name(struct format_flush *q)
{
	q->name_len = flush_get32(q->in);
	if (q->name_len > sizeof(q->name) || q->name_len > q->want - 4)
		return -EPROTO;
	memcpy(q->name, q->in + 4, q->name_len);
	q->named = true;
	flush_await(q, FLUSH_LIST, 20);
	return 0;
}

static int flush_export(struct format_flush *q)
{
	if (!(flush_get16(q->in + 8) & NBD_HAS_FLUSH))
		return -EOPNOTSUPP;
	flush_await(q, FLUSH_REPLY, 16);
	return flush_command(q, NBD_CMD_FLUSH);
}

/* The protocol's numbers are Linux's. */
static int flush_error(uint32_t error)
{
	return error == EPERM || error == ENOMEM || error == EINVAL || error == ENOSPC ? -(int)error : -EIO;
}

/* -EALREADY: it is done. */
static int flush_reply(struct format_flush *q)
{
	uint32_t error = flush_get32(q->in + 4);

	if (flush_get32(q->in) != NBD_REPLY || flush_get64(q->in + 8) != FLUSH_COOKIE)
		return -EPROTO;
	if (error)
		return flush_error(error);
	(void)!flush_command(q, NBD_CMD_DISC);
	return -EALREADY;
}

static int flush_step(struct format_flush *q)
{
	switch (q->step) {
	case FLUSH_GREETING: return flush_greeting(q);
	case FLUSH_LIST: return flush_list(q);
	case FLUSH_NAME: return flush_name(q);
	case FLUSH_EXPORT: return flush_export(q);
	case FLUSH_REPLY: return flush_reply(q);
	}
	return -EPROTO;
}

static void flush_event(void *opaque, uint32_t events)
{
	struct format_flush *q = opaque;
	ssize_t n = recv(q->fd, q->in + q->have, q->want - q->have, MSG_DONTWAIT);
	int rc;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	rc = n < 0 ? -errno : n == 0 ? -ECONNRESET : 0;
	if (rc == 0) {
		q->have += (size_t)n;
		if (q->have < q->want)
			return;
		rc = flush_step(q);
	}
	if (rc < 0) {
		/* Once: what comes later is nobody's. */
		loop_remove(q->source);
		q->source = NULL;
		q->done(q->opaque, rc == -EALREADY ? 0 : rc);
	}
}

struct format_flush *format_flush_start(struct loop *loop, const char *path,
	void (*done)(void *opaque, int rc), void *opaque)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct format_flush *q = calloc(1, sizeof(*q));
	int error;

	if (!q)
		return NULL;
	q->loop = loop;
	q->done = done;
	q->opaque = opaque;
	flush_await(q, FLUSH_GREETING, 18);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	q->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (q->fd >= 0 && connect(q->fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		q->source = loop_add_fd(loop, q->fd, EPOLLIN, flush_event, q);
	if (q->source)
		return q;
	error = errno;
	format_flush_stop(q);
	errno = error;
	return NULL;
}

void format_flush_stop(struct format_flush *q)
{
	if (!q)
		return;
	loop_remove(q->source);
	if (q->fd >= 0)
		close(q->fd);
	free(q);
}

// SPDX-License-Identifier: MIT
/*
 * Connections of domains. Everything a client sends is hostile; a message that is
 * not exactly what its op asks for costs the connection, and nothing else.
 */
#include "config.h"
#include "hypervisor/process/server.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/array.h"
#include "common/fdpass.h"

/* The largest request, WIRE_MAP, and a little room to see what is too long. */
#define MSG_ROOM (sizeof(struct wire_map) + 8)
/* As SIOCOUTQ counts: some dozens of replies to WIRE_CONNECT. */
#define UNREAD_CONNECTS 65536

void socket_refuse_fds(int fd)
{
	/* Linux 6.16 has it; before that they are dropped when they are read. */
	(void)setsockopt(fd, SOL_SOCKET, SERVER_SO_PASSRIGHTS, &(int){ 0 }, sizeof(int));
}

int conn_reply(struct conn *conn, const void *reply, size_t len, const int *fds, unsigned nfds)
{
	return fd_send_now(conn->fd, reply, len, fds, nfds);
}

int conn_result(struct conn *conn, uint32_t op, int rc)
{
	struct wire_reply reply = { .op = op, .rc = rc };

	return conn_reply(conn, &reply, sizeof(reply), NULL, 0);
}

bool conn_may_name(const struct conn *conn, uint32_t domid)
{
	if (domid == DOMID_SELF)
		domid = conn->pd->d.domid;
	return conn->restricted < 0 || (uint32_t)conn->restricted == domid;
}

void conn_close(struct conn *conn)
{
	struct pdomain *pd = conn->pd;

	for (struct conn **pp = &pd->conns; *pp; pp = &(*pp)->next) {
		if (*pp == conn) {
			*pp = conn->next;
			break;
		}
	}
	loop_remove(conn->source);
	/* Notifications go out before the ports that they use are closed. */
	map_release_all(conn);
	share_release_all(conn);
	event_close_owned(&pd->hv->set, &pd->d, conn);
	copy_release(conn);
	close(conn->fd);
	hv_fd_uncharge(pd, 1);
	pd->nr_conns--;
	free(conn);
}

static int serve_hello(struct conn *conn, const void *msg, size_t len)
{
	const struct wire_hello *hello = msg;
	struct wire_hello_reply reply = { .reply.op = WIRE_HELLO };

	if (len != sizeof(*hello))
		return -EPROTO;
	reply.version = WIRE_VERSION;
	reply.domid = conn->pd->d.domid;
	if (hello->version != WIRE_VERSION)
		reply.reply.rc = -EPROTONOSUPPORT;
	else
		conn->greeted = true;
	return conn_reply(conn, &reply, sizeof(reply), NULL, 0);
}

static int serve_restrict(struct conn *conn, const void *msg, size_t len)
{
	const struct wire_domid *req = msg;
	int rc = 0;

	if (len != sizeof(*req))
		return -EPROTO;
	if (req->domid >= DOMID_FIRST_RESERVED)
		rc = -EINVAL;
	else if (!conn_may_name(conn, req->domid))
		rc = -EACCES;
	else
		conn->restricted = req->domid;
	return conn_result(conn, WIRE_RESTRICT, rc);
}

static int serve_connect(struct conn *conn, const void *msg, size_t len)
{
	struct wire_reply reply = { .op = WIRE_CONNECT };
	int pair[2];
	int rc;

	if (len != sizeof(struct wire_hello))
		return -EPROTO;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return conn_result(conn, WIRE_CONNECT, -errno);
	rc = conn_new(conn->pd, pair[0], conn->restricted);
	if (rc < 0)
		rc = conn_result(conn, WIRE_CONNECT, rc);
	else
		rc = conn_reply(conn, &reply, sizeof(reply), &pair[1], 1);
	close(pair[1]);
	return rc;
}

static int (*const handlers[WIRE_OP_END])(struct conn *, const void *, size_t) = {
	[WIRE_HELLO] = serve_hello,
	[WIRE_CONNECT] = serve_connect,
	[WIRE_RESTRICT] = serve_restrict,
	[WIRE_EVENT_UNBOUND] = serve_event_unbound,
	[WIRE_EVENT_BIND] = serve_event_bind,
	[WIRE_EVENT_VIRQ] = serve_event_virq,
	[WIRE_EVENT_CLOSE] = serve_event_close,
	[WIRE_SHARE] = serve_share,
	[WIRE_GRANT] = serve_grant,
	[WIRE_UNSHARE] = serve_unshare,
	[WIRE_MAP] = serve_map,
	[WIRE_UNMAP] = serve_unmap,
	[WIRE_NOTIFY] = serve_notify,
	[WIRE_COPY_SETUP] = serve_copy_setup,
	[WIRE_COPY] = serve_copy,
};

/* May the connection have this much of what we sent it unread, when it asks for @op? */
static bool unread_ok(uint32_t op, int unread)
{
	/* Those of other processes that share it: one may have died before it read its own. */
	return op == WIRE_CONNECT ? unread < UNREAD_CONNECTS : unread == 0;
}

static int conn_dispatch(struct conn *conn, const void *msg, size_t len)
{
	const struct wire_head *head = msg;
	int unread = 0;

	if (len < sizeof(*head) || head->zero || head->op >= WIRE_OP_END)
		return -EPROTO;
	if (!handlers[head->op])
		return -EPROTO;
	if (!conn->greeted && head->op != WIRE_HELLO && head->op != WIRE_CONNECT)
		return -EPROTO;
	/* Replies that pile up unread would fill our buffers, and descriptors in flight. */
	if (ioctl(conn->fd, SIOCOUTQ, &unread) < 0 || !unread_ok(head->op, unread))
		return -EPROTO;
	return handlers[head->op](conn, msg, len);
}

static void conn_ready(void *opaque, uint32_t events)
{
	struct conn *conn = opaque;
	union {
		struct wire_head head;
		uint8_t bytes[MSG_ROOM];
	} msg;
	unsigned none = 0;
	ssize_t n = fd_recv_now(conn->fd, &msg, sizeof(msg), NULL, &none);
	int rc;

	if (n == -EAGAIN)
		return;
	if (n <= 0)
		rc = n ? n : -EPIPE;
	else
		rc = conn_dispatch(conn, &msg, n);
	if (rc == 0)
		return;
	if (rc != -EPIPE && rc != -ECONNRESET && log_limit_ok(&conn->pd->limit))
		log_warn("domain %u (%s): a connection was closed: %s", conn->pd->d.domid,
			conn->pd->d.name, strerror(-rc));
	conn_close(conn);
}

int conn_new(struct pdomain *pd, int fd, int32_t restricted)
{
	struct conn *conn;
	int rc;

	if (pd->nr_conns >= HV_MAX_CONNECTIONS || !hv_fd_charge(pd, 1)) {
		close(fd);
		return -ENOSPC;
	}
	socket_refuse_fds(fd);
	conn = calloc(1, sizeof(*conn));
	if (!conn) {
		rc = -ENOMEM;
		goto out;
	}
	conn->source = loop_add_fd(pd->hv->loop, fd, EPOLLIN, conn_ready, conn);
	if (!conn->source) {
		rc = -errno;
		goto out;
	}
	conn->fd = fd;
	conn->pd = pd;
	conn->restricted = restricted;
	map_init(conn);
	conn->next = pd->conns;
	pd->conns = conn;
	pd->nr_conns++;
	return 0;
out:
	free(conn);
	close(fd);
	hv_fd_uncharge(pd, 1);
	return rc;
}

// SPDX-License-Identifier: MIT
/* Event channels of a connection. */
#include "config.h"
#include "hypervisor/process/server.h"

#include <errno.h>

#include "hypervisor/vm/vm.h"

/* Replies with the port's descriptors; a port that cannot be delivered is closed. */
static int reply_port(struct conn *conn, uint32_t op, int port)
{
	struct wire_event_reply reply = { .reply.op = op };
	struct event_port *p;
	unsigned nfds;
	int fds[2];

	if (port < 0)
		return conn_result(conn, op, port);
	reply.port = port;
	domain_lock(&conn->pd->d);
	p = event_port_get(&conn->pd->d, port);
	nfds = channel_fds(event_port_link(&conn->pd->d, port), p->side, fds);
	domain_unlock(&conn->pd->d);
	if (!nfds) {
		(void)event_close(&conn->pd->hv->set, &conn->pd->d, port, conn);
		return conn_result(conn, op, -EBUSY);
	}
	return conn_reply(conn, &reply, sizeof(reply), fds, nfds);
}

static bool domid_is_vm(struct conn *conn, uint32_t domid)
{
	struct domain *d = domain_get(&conn->pd->hv->set, &conn->pd->d, domid);
	bool vm = d && vm_is(d);

	if (d)
		domain_put(&conn->pd->hv->set, d);
	return vm;
}

int serve_event_unbound(struct conn *conn, const void *msg, size_t len)
{
	const struct wire_domid *req = msg;
	struct channel *ch;
	int port;

	if (len != sizeof(*req))
		return -EPROTO;
	if (!conn_may_name(conn, req->domid))
		return conn_result(conn, WIRE_EVENT_UNBOUND, -EACCES);
	ch = channel_new(
		conn->pd, domid_is_vm(conn, req->domid) ? CHANNEL_VM : CHANNEL_PROCESS);
	if (!ch)
		return conn_result(conn, WIRE_EVENT_UNBOUND, -errno);
	port = event_alloc_unbound(&conn->pd->d, req->domid, conn, ch);
	if (port < 0)
		channel_free(ch);
	return reply_port(conn, WIRE_EVENT_UNBOUND, port);
}

int serve_event_bind(struct conn *conn, const void *msg, size_t len)
{
	const struct wire_event_bind *req = msg;
	void *link = NULL;
	int port;

	if (len != sizeof(*req))
		return -EPROTO;
	if (!conn_may_name(conn, req->domid))
		return conn_result(conn, WIRE_EVENT_BIND, -EACCES);
	/* Between process domains both ends share what the other one made. */
	if (domid_is_vm(conn, req->domid)) {
		link = channel_new(conn->pd, CHANNEL_VM);
		if (!link)
			return conn_result(conn, WIRE_EVENT_BIND, -errno);
	}
	port = event_bind_interdomain(
		&conn->pd->hv->set, &conn->pd->d, req->domid, req->port, conn, &link);
	if (link)
		channel_free(link);
	return reply_port(conn, WIRE_EVENT_BIND, port);
}

int serve_event_virq(struct conn *conn, const void *msg, size_t len)
{
	const struct wire_virq *req = msg;
	struct channel *ch;
	int port;

	if (len != sizeof(*req))
		return -EPROTO;
	/* As with Xen's driver: a restricted handle binds no virq. */
	if (conn->restricted >= 0)
		return conn_result(conn, WIRE_EVENT_VIRQ, -EACCES);
	ch = channel_new(conn->pd, CHANNEL_VIRQ);
	if (!ch)
		return conn_result(conn, WIRE_EVENT_VIRQ, -errno);
	port = event_bind_virq(&conn->pd->d, req->virq, conn, ch);
	if (port < 0)
		channel_free(ch);
	return reply_port(conn, WIRE_EVENT_VIRQ, port);
}

int serve_event_close(struct conn *conn, const void *msg, size_t len)
{
	const struct wire_port *req = msg;

	if (len != sizeof(*req))
		return -EPROTO;
	return conn_result(conn, WIRE_EVENT_CLOSE,
		event_close(&conn->pd->hv->set, &conn->pd->d, req->port, conn));
}

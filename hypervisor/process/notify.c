// SPDX-License-Identifier: MIT
/* Unmap notifications: what a handle leaves to be done when a page goes. */
#include "config.h"
#include "hypervisor/process/server.h"

#include <errno.h>
#include <string.h>

/* May the connection have events sent on @port? 0, or -errno. */
static int port_check(struct conn *conn, uint32_t port)
{
	struct event_status status;
	int rc = event_status(&conn->pd->d, port, &status);

	if (rc < 0)
		return rc;
	if (status.state != EVENT_UNBOUND && status.state != EVENT_INTERDOMAIN)
		return -EINVAL;
	return conn_may_name(conn, status.remote_domid) ? 0 : -EACCES;
}

/* The notification that @req is about; NULL: there is no such share or map. */
static struct notify *notify_target(struct conn *conn, const struct wire_notify *req, int *rc)
{
	bool clear = req->action & WIRE_NOTIFY_CLEAR;
	struct share *share;
	struct map *map;

	*rc = -EINVAL;
	if (req->kind == WIRE_NOTIFY_SHARE) {
		share = share_find(conn, req->id);
		return share ? &share->notify : NULL;
	}
	if (req->kind != WIRE_NOTIFY_MAP)
		return NULL;
	map = map_find(conn, req->id);
	/* A byte may be cleared only by whom the page was granted for writing. */
	return map && !(clear && map->readonly) ? &map->notify : NULL;
}

static void notify_forget(struct conn *conn, struct notify *n)
{
	if (n->action & WIRE_NOTIFY_SEND)
		event_unhold(&conn->pd->hv->set, &conn->pd->d, n->port);
	memset(n, 0, sizeof(*n));
}

int serve_notify(struct conn *conn, const void *msg, size_t len)
{
	const struct wire_notify *req = msg;
	struct notify *n;
	int rc;

	if (len != sizeof(*req) || (req->action & ~(WIRE_NOTIFY_CLEAR | WIRE_NOTIFY_SEND)) ||
		req->offset >= WIRE_PAGE)
		return -EPROTO;
	n = notify_target(conn, req, &rc);
	if (!n)
		return conn_result(conn, WIRE_NOTIFY, rc);
	if (req->action & WIRE_NOTIFY_SEND) {
		rc = port_check(conn, req->port);
		if (rc == 0)
			rc = event_hold(&conn->pd->d, req->port);
		if (rc < 0)
			return conn_result(conn, WIRE_NOTIFY, rc);
	}
	notify_forget(conn, n);
	*n = (struct notify){ .action = req->action, .offset = req->offset, .port = req->port };
	return conn_result(conn, WIRE_NOTIFY, 0);
}

void notify_run(struct conn *conn, struct notify *n, uint8_t *page)
{
	/* The byte before the event: who is woken must see it. */
	if (page && (n->action & WIRE_NOTIFY_CLEAR))
		__atomic_store_n(page + n->offset, 0, __ATOMIC_RELEASE);
	if (n->action & WIRE_NOTIFY_SEND)
		event_send(&conn->pd->hv->set, &conn->pd->d, n->port);
	notify_forget(conn, n);
}

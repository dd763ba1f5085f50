// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/store/conn.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/log.h"
#include "hypervisor/store/request.h"
#include "hypervisor/store/state.h"
#include "hypervisor/store/watch.h"

/* Output that a privileged connection may leave unread, and replies it may wait for. */
#define CONN_PRIVILEGED_BYTES (64ul << 20)
#define CONN_PRIVILEGED_REPLIES 1024
/* malloc's and tsearch's share of each message. */
#define CONN_OUT_OVERHEAD 64

static struct log_limit conn_log_limit = { .burst = 10, .interval_ms = 10000 };

struct conn *conn_new(struct store *store, uint32_t domid)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->store = store;
	conn->domid = domid;
	conn->out_end = &conn->out;
	conn->held_end = &conn->held;
	conn->next = store->conns;
	conn->link = &store->conns;
	if (conn->next)
		conn->next->link = &conn->next;
	store->conns = conn;
	return conn;
}

static void conn_ignore(void *p)
{
}

static void conn_free_out(struct conn_out *out)
{
	while (out) {
		struct conn_out *next = out->next;

		free(out);
		out = next;
	}
}

void conn_reset(struct conn *conn)
{
	watch_remove_all(conn);
	request_end_transactions(conn);
	tdestroy(conn->events, conn_ignore);
	conn->events = NULL;
	conn_free_out(conn->out);
	conn_free_out(conn->held);
	conn->out = NULL;
	conn->out_end = &conn->out;
	conn->held = NULL;
	conn->held_end = &conn->held;
	conn->store->accounts[conn->domid].memory -= conn->out_bytes;
	conn->out_bytes = 0;
	conn->out_done = 0;
	conn->replies = 0;
	conn->in_used = 0;
	conn->bad = NULL;
	state_reset(conn);
}

void conn_free(struct conn *conn)
{
	if (!conn)
		return;
	conn_reset(conn);
	*conn->link = conn->next;
	if (conn->next)
		conn->next->link = conn->link;
	free(conn);
}

const struct quota_limits *conn_limits(const struct conn *conn)
{
	return conn->domid == 0 ? NULL : &conn->store->limits;
}

unsigned conn_access(const struct conn *conn, const struct node *node)
{
	const struct domain *domain = store_find_domain(conn->store, conn->domid);

	return perms_access(node->perms, node->perm_count, conn->domid,
		domain ? domain->target : STORE_NO_DOMID);
}

void conn_drop(struct conn *conn, const char *why)
{
	if (conn->bad)
		return;
	conn->bad = why;
	state_bad(conn);
	if (log_limit_ok(&conn_log_limit))
		log_warn("a connection of domain %u is dropped: %s", conn->domid, why);
	if (conn->wake)
		conn->wake(conn);
}

bool conn_may_input(const struct conn *conn)
{
	const struct quota_limits *limits = conn_limits(conn);

	if (conn->bad)
		return false;
	if (!limits)
		return conn->replies < CONN_PRIVILEGED_REPLIES;
	/* One reply is always allowed, so that every connection goes on some time. */
	if (conn->replies == 0)
		return true;
	return conn->replies < limits->outstanding &&
		conn->store->accounts[conn->domid].memory < limits->memory;
}

size_t conn_input_room(struct conn *conn, char **at)
{
	size_t want = sizeof(conn->in_header);

	*at = conn->in_bytes + conn->in_used;
	if (conn->in_used >= want)
		want += conn->in_header.len;
	return want - conn->in_used;
}

/* Events that had to wait for the reply. */
static void conn_release_held(struct conn *conn)
{
	if (!conn->held)
		return;
	for (const struct conn_out *out = conn->held; out; out = out->next)
		state_output(conn, out);
	*conn->out_end = conn->held;
	conn->out_end = conn->held_end;
	conn->held = NULL;
	conn->held_end = &conn->held;
}

int conn_input_done(struct conn *conn, size_t len)
{
	const size_t header = sizeof(conn->in_header);

	conn->in_used += len;
	if (conn->in_used < header)
		return 0;
	/* The header is the store's copy: a guest cannot change it after this. */
	if (conn->in_header.len > XENSTORE_PAYLOAD_MAX) {
		conn_drop(conn, "a request is longer than 4096 bytes");
		return -EPROTO;
	}
	if (conn->in_used < header + conn->in_header.len)
		return 0;
	conn->answering = true;
	request_answer(conn, conn->in_bytes + header, conn->in_header.len);
	conn->answering = false;
	conn->in_used = 0;
	state_answered(conn);
	conn_release_held(conn);
	/* Nothing of it was sent yet, on any connection. */
	state_commit(conn->store);
	return 1;
}

size_t conn_output(struct conn *conn, const char **at)
{
	struct conn_out *out = conn->out;

	if (!out)
		return 0;
	*at = out->data + conn->out_done;
	return out->len - conn->out_done;
}

static int conn_event_compare(const void *a, const void *b)
{
	const struct conn_out *x = a, *y = b;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return memcmp(x->data, y->data, x->len);
}

static void conn_account_out(struct conn *conn, const struct conn_out *out, bool add)
{
	size_t bytes = sizeof(*out) + out->len + CONN_OUT_OVERHEAD;
	struct account *account = &conn->store->accounts[conn->domid];

	conn->out_bytes += add ? bytes : -bytes;
	account->memory += add ? bytes : -bytes;
}

void conn_output_done(struct conn *conn, size_t len)
{
	struct conn_out *out = conn->out;

	/* From its first byte on, a later change needs an event of its own. */
	if (conn->out_done == 0 && len && out->is_event)
		tdelete(out, &conn->events, conn_event_compare);
	conn->out_done += len;
	if (conn->out_done < out->len)
		return;
	conn->out_done = 0;
	conn->out = out->next;
	if (!conn->out)
		conn->out_end = &conn->out;
	if (!out->is_event)
		conn->replies--;
	conn_account_out(conn, out, false);
	free(out);
}

static struct conn_out *conn_out_new(uint32_t type, uint32_t req_id, uint32_t tx_id, size_t len)
{
	const struct xsd_sockmsg header = {
		.type = type, .req_id = req_id, .tx_id = tx_id, .len = len
	};
	struct conn_out *out = malloc(sizeof(*out) + sizeof(header) + len);

	if (!out)
		return NULL;
	out->next = NULL;
	out->is_event = type == XS_WATCH_EVENT;
	out->len = sizeof(header) + len;
	memcpy(out->data, &header, sizeof(header));
	return out;
}

/* Is there room for @bytes more of output? Replies are bounded by their number. */
static bool conn_has_room(const struct conn *conn, size_t bytes)
{
	const struct quota_limits *limits = conn_limits(conn);
	unsigned long used = conn->store->accounts[conn->domid].memory;

	if (!limits)
		return quota_check(conn->out_bytes, bytes, CONN_PRIVILEGED_BYTES, -1) == 0;
	return quota_check(used, bytes, limits->memory, -1) == 0;
}

void conn_reply(struct conn *conn, uint32_t type, const void *data, size_t len)
{
	const struct xsd_sockmsg *request = &conn->in_header;
	struct conn_out *out;

	out = conn_out_new(type, request->req_id, request->tx_id, len);
	if (!out) {
		conn_drop(conn, "no memory for a reply");
		return;
	}
	memcpy(out->data + sizeof(*request), data, len);
	*conn->out_end = out;
	conn->out_end = &out->next;
	conn->replies++;
	conn_account_out(conn, out, true);
	state_output(conn, out);
	if (conn->wake)
		conn->wake(conn);
}

void conn_reply_error(struct conn *conn, int error)
{
	const char *name = "EINVAL";

	if (error < 0)
		error = -error;
	for (unsigned i = 0; i < ARRAY_SIZE(xsd_errors); i++)
		if (xsd_errors[i].errnum == error)
			name = xsd_errors[i].errstring;
	conn_reply(conn, XS_ERROR, name, strlen(name) + 1);
}

static void conn_queue_event(struct conn *conn, struct conn_out *out)
{
	if (conn->answering) {
		*conn->held_end = out;
		conn->held_end = &out->next;
	} else {
		*conn->out_end = out;
		conn->out_end = &out->next;
		state_output(conn, out);
	}
	conn_account_out(conn, out, true);
	if (conn->wake)
		conn->wake(conn);
}

void conn_event(struct conn *conn, const char *path, const char *token)
{
	size_t path_len = strlen(path) + 1, token_len = strlen(token) + 1;
	struct conn_out *out, **same;

	if (conn->bad)
		return;
	if (!conn_has_room(conn, path_len + token_len + sizeof(*out) + CONN_OUT_OVERHEAD)) {
		conn_drop(conn, "it does not read its watch events");
		return;
	}
	out = conn_out_new(XS_WATCH_EVENT, 0, 0, path_len + token_len);
	if (!out) {
		conn_drop(conn, "no memory for a watch event");
		return;
	}
	memcpy(out->data + sizeof(struct xsd_sockmsg), path, path_len);
	memcpy(out->data + sizeof(struct xsd_sockmsg) + path_len, token, token_len);
	same = tsearch(out, &conn->events, conn_event_compare);
	if (same && *same == out) {
		conn_queue_event(conn, out);
		return;
	}
	free(out);
	if (!same)
		conn_drop(conn, "no memory for a watch event");
}

int conn_restore_input(struct conn *conn, const char *data, size_t len)
{
	while (len) {
		char *at;
		size_t room = conn_input_room(conn, &at), piece = len < room ? len : room;

		if (piece == 0)
			return -EINVAL;
		memcpy(at, data, piece);
		conn->in_used += piece;
		data += piece;
		len -= piece;
		if (conn->in_used >= sizeof(conn->in_header) &&
			conn->in_header.len > XENSTORE_PAYLOAD_MAX)
			return -EINVAL;
	}
	return 0;
}

int conn_restore_output(struct conn *conn, const char *data, size_t len)
{
	struct xsd_sockmsg header;
	struct conn_out *out;

	if (len < sizeof(header))
		return -EINVAL;
	memcpy(&header, data, sizeof(header));
	if (header.type >= XS_TYPE_COUNT && header.type != XS_ERROR)
		return -EINVAL;
	if (header.len != len - sizeof(header))
		return -EINVAL;
	out = conn_out_new(header.type, header.req_id, header.tx_id, header.len);
	if (!out)
		return -ENOMEM;
	memcpy(out->data, data, len);
	if (out->is_event) {
		struct conn_out **same = tsearch(out, &conn->events, conn_event_compare);

		if (!same || *same != out) {
			free(out);
			return same ? -EINVAL : -ENOMEM;
		}
	} else {
		conn->replies++;
	}
	*conn->out_end = out;
	conn->out_end = &out->next;
	conn_account_out(conn, out, true);
	return 0;
}

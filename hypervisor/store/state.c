// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/store/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "hypervisor/store/record.h"
#include "hypervisor/store/watch.h"

/* A log is replaced by a snapshot once it is this long and twice the last snapshot. */
#define STATE_LOG_MIN (1ul << 20)
/* After a failure, changes until the next attempt. */
#define STATE_RETRY 256

struct state {
	const struct state_sink *sink;
	void *opaque;
	struct record_writer noted; /* a group's room, then the records */
	size_t log, snapshot;       /* bytes */
	unsigned lost;              /* changes since keeping failed; 0: it works */
};

static struct record_writer *state_open(struct state *state, enum state_record type)
{
	static const struct state_group group;

	if (state->noted.used == 0)
		record_put_raw(&state->noted, &group, sizeof(group));
	record_begin(&state->noted, type);
	return &state->noted;
}

/* The writer for a record about a ring's connection; NULL: it is not kept. */
static struct record_writer *state_open_conn(const struct conn *conn, enum state_record type)
{
	struct record_writer *to;

	if (!conn->kept || !conn->store->state)
		return NULL;
	to = state_open(conn->store->state, type);
	record_put_u32(to, conn->domid);
	return to;
}

static void state_put_node(struct record_writer *to, const struct node *node)
{
	record_put_u64(to, node->generation);
	record_put_bytes(to, node->path, strlen(node->path) + 1);
	record_put_bytes(to, node->value, node->value_len);
	record_put_bytes(to, node->children, node->children_len);
	for (unsigned i = 0; i < node->perm_count; i++) {
		record_put_u32(to, node->perms[i].domid);
		record_put_u32(to, node->perms[i].access);
	}
	record_end(to);
}

/* The tree's own hook. @node: NULL: it is gone */
static void state_node(void *opaque, const char *path, const struct node *node)
{
	struct record_writer *to = state_open(opaque, node ? STATE_NODE : STATE_GONE);

	if (node) {
		state_put_node(to, node);
		return;
	}
	record_put_bytes(to, path, strlen(path) + 1);
	record_end(to);
}

void state_domain(struct store *store, const struct domain *domain)
{
	struct record_writer *to;

	if (!store->state)
		return;
	to = state_open(store->state, STATE_DOMAIN);
	record_put_u32(to, domain->domid);
	record_put_u32(to, domain->target);
	record_put_u64(to, domain->gfn);
	record_put_u32(to, domain->port);
	record_end(to);
}

void state_released(struct store *store, uint32_t domid)
{
	struct record_writer *to;

	if (!store->state)
		return;
	to = state_open(store->state, STATE_RELEASED);
	record_put_u32(to, domid);
	record_end(to);
}

void state_ring(const struct conn *conn)
{
	struct record_writer *to = state_open_conn(conn, STATE_RING);

	if (!to)
		return;
	record_put_u32(to, conn->kept->req_cons);
	record_put_u32(to, conn->kept->rsp_prod);
	record_put_u32(to, conn->kept->error);
	record_end(to);
}

/* A record of nothing but the domid. */
static void state_plain(const struct conn *conn, enum state_record type)
{
	struct record_writer *to = state_open_conn(conn, type);

	if (to)
		record_end(to);
}

void state_reset(const struct conn *conn)
{
	state_plain(conn, STATE_RESET);
}

void state_bad(const struct conn *conn)
{
	state_plain(conn, STATE_BAD);
}

void state_answered(const struct conn *conn)
{
	state_plain(conn, STATE_ANSWERED);
}

void state_input(const struct conn *conn, const void *data, size_t len)
{
	struct record_writer *to = state_open_conn(conn, STATE_INPUT);

	if (!to)
		return;
	record_put_u32(to, conn->kept->req_cons);
	record_put_bytes(to, data, len);
	record_end(to);
}

void state_output(const struct conn *conn, const struct conn_out *out)
{
	struct record_writer *to = state_open_conn(conn, STATE_OUTPUT);

	if (!to)
		return;
	record_put_bytes(to, out->data, out->len);
	record_end(to);
}

void state_sent(const struct conn *conn, size_t len)
{
	struct record_writer *to = state_open_conn(conn, STATE_SENT);

	if (!to)
		return;
	record_put_u32(to, conn->kept->rsp_prod);
	record_put_u32(to, len);
	record_end(to);
}

static void state_strings(const struct conn *conn, enum state_record type, const char *path,
	const char *token)
{
	struct record_writer *to = state_open_conn(conn, type);

	if (!to)
		return;
	record_put_bytes(to, path, strlen(path) + 1);
	record_put_bytes(to, token, strlen(token) + 1);
	record_end(to);
}

void state_watch(const struct conn *conn, const char *path, const char *token)
{
	state_strings(conn, STATE_WATCH, path, token);
}

void state_unwatch(const struct conn *conn, const char *path, const char *token)
{
	state_strings(conn, STATE_UNWATCH, path, token);
}

static void state_transaction(const struct conn *conn, enum state_record type, uint32_t id)
{
	struct record_writer *to = state_open_conn(conn, type);

	if (!to)
		return;
	record_put_u32(to, id);
	record_end(to);
}

void state_begin(const struct conn *conn, uint32_t id)
{
	state_transaction(conn, STATE_BEGIN, id);
}

void state_end(const struct conn *conn, uint32_t id)
{
	state_transaction(conn, STATE_END, id);
}

/* Later watches are first in the list; which of two is first matters to nobody. */
static void state_watches(const struct conn *conn)
{
	const char *path, *token;

	for (const struct watch *w = conn->watches; w;) {
		w = watch_describe(w, &path, &token);
		state_watch(conn, path, token);
	}
}

static void state_conn(const struct conn *conn)
{
	state_ring(conn);
	if (conn->in_used)
		state_input(conn, conn->in_bytes, conn->in_used);
	for (const struct transaction *tx = conn->transactions; tx; tx = tx->next)
		state_begin(conn, tx->id);
	state_watches(conn);
	for (const struct conn_out *out = conn->out; out; out = out->next) {
		state_output(conn, out);
		/* Before the others: one of them may be an event like this one. */
		if (out == conn->out && conn->out_done)
			state_sent(conn, conn->out_done);
	}
	if (conn->bad)
		state_bad(conn);
}

static void state_close_group(struct record_writer *to, size_t at)
{
	const struct state_group group = { .len = to->used - at - sizeof(group) };

	if (!to->failed)
		memcpy(to->data + at, &group, sizeof(group));
}

static void state_walk_node(struct node *node, void *opaque)
{
	state_node(opaque, node->path, node);
}

/* All that there is, in place of all that was said before. */
static int state_snapshot(struct store *store)
{
	const struct state_head head = {
		.magic = STATE_MAGIC, .version = STATE_VERSION, .order = STATE_ORDER
	};
	static const struct state_group group;
	struct state *state = store->state;
	int rc;

	record_clear(&state->noted);
	record_put_raw(&state->noted, &head, sizeof(head));
	record_put_raw(&state->noted, &group, sizeof(group));
	tree_walk(&store->tree, state_walk_node, state);
	for (const struct domain *d = store->domains; d; d = d->next)
		state_domain(store, d);
	for (const struct conn *conn = store->conns; conn; conn = conn->next)
		state_conn(conn);
	state_close_group(&state->noted, sizeof(head));
	rc = state->noted.failed ? -ENOMEM :
		state->sink->replace(state->opaque, state->noted.data, state->noted.used);
	state->snapshot = state->noted.used;
	state->log = 0;
	/* As big as all that the store keeps: more than groups need. */
	record_dispose(&state->noted);
	return rc;
}

static int state_append(struct store *store)
{
	struct state *state = store->state;
	size_t len = state->noted.used;
	int rc;

	if (state->log + len > STATE_LOG_MIN && state->log + len > 2 * state->snapshot)
		return state_snapshot(store);
	if (state->noted.failed)
		return -ENOMEM;
	state_close_group(&state->noted, 0);
	rc = state->sink->append(state->opaque, state->noted.data, len);
	state->log += len;
	record_clear(&state->noted);
	return rc;
}

void state_commit(struct store *store)
{
	struct state *state = store->state;
	bool was_lost;
	int rc;

	if (!state || (state->noted.used == 0 && !state->noted.failed))
		return;
	was_lost = state->lost > 0;
	if (was_lost && state->lost++ % STATE_RETRY) {
		record_clear(&state->noted);
		return;
	}
	rc = was_lost ? state_snapshot(store) : state_append(store);
	if (rc == 0 && was_lost) {
		state->lost = 0;
		log_warn("the store's state is kept again");
	}
	if (rc == 0 || was_lost)
		return;
	/* Better none than one that lacks what was acknowledged. */
	log_err("the store's state cannot be kept: %s; a restart would lose it all",
		strerror(-rc));
	state->lost = 1;
	record_clear(&state->noted);
	state->sink->lose(state->opaque);
}

int state_start(struct store *store, const struct state_sink *sink, void *opaque)
{
	struct state *state = calloc(1, sizeof(*state));
	int rc;

	if (!state)
		return -ENOMEM;
	state->sink = sink;
	state->opaque = opaque;
	store->state = state;
	rc = state_snapshot(store);
	if (rc < 0) {
		state_stop(store);
		return rc;
	}
	tree_follow(&store->tree, state_node, state);
	return 0;
}

void state_stop(struct store *store)
{
	if (!store->state)
		return;
	tree_follow(&store->tree, NULL, NULL);
	record_dispose(&store->state->noted);
	free(store->state);
	store->state = NULL;
}

// SPDX-License-Identifier: MIT
/* A client of the gate: its requests, its answers, its transactions and watches. */
#include "config.h"
#include "drivers-domain/gate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gate_client *gate_client_new(struct gate *g, const struct gate_rules *rules, void *transport)
{
	struct gate_client *c;
	unsigned slot = 0;

	while (slot < GATE_CLIENTS_MAX && g->clients[slot])
		slot++;
	c = slot < GATE_CLIENTS_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (!c)
		return NULL;
	c->gate = g;
	c->rules = *rules;
	c->transport = transport;
	c->slot = slot;
	g->clients[slot] = c;
	g->count++;
	return c;
}

/* --- answers to the client ---------------------------------------------------------------- */

/* Ends the request under way. */
static void client_reply(struct gate_client *c, uint32_t type, const void *payload, size_t len)
{
	struct xsd_sockmsg header = { .type = type, .req_id = c->in.header.req_id,
		.tx_id = c->in.header.tx_id, .len = len };

	memcpy(c->reply.bytes, &header, sizeof(header));
	memcpy(c->reply.bytes + sizeof(header), payload, len);
	c->reply.len = sizeof(header) + len;
	c->pending = false;
	c->in.used = 0;
	gate_mark_dirty(c);
}

static void client_reply_error(struct gate_client *c, int error)
{
	const char *name = gate_error_name(error);

	client_reply(c, XS_ERROR, name, strlen(name) + 1);
}

static void client_reply_ok(struct gate_client *c)
{
	client_reply(c, c->in.header.type, "OK", sizeof("OK"));
}

/* --- transactions -------------------------------------------------------------------------- */

static int client_find_tx(const struct gate_client *c, uint32_t local)
{
	for (unsigned i = 0; i < GATE_CLIENT_TX; i++)
		if (c->tx[i].local == local)
			return (int)i;
	return -ENOENT;
}

/* Neither the client nor the store knows it any more: it is free. */
static void tx_tidy(struct gate_tx *tx)
{
	if (!tx->local && tx->held == GATE_TX_NONE)
		*tx = (struct gate_tx){ .local = 0 };
}

/* The store has it no more. */
static void client_tx_ended(struct gate_client *c, struct gate_tx *tx)
{
	bool at_store = tx->held == GATE_TX_ASKED || tx->held == GATE_TX_OPEN;

	tx->held = GATE_TX_NONE;
	tx->abort = false;
	tx_tidy(tx);
	if (at_store)
		gate_tx_release(c->gate);
}

static int client_begin_tx(struct gate_client *c)
{
	for (unsigned i = 0; i < GATE_CLIENT_TX; i++) {
		if (c->tx[i].local || c->tx[i].held)
			continue;
		c->tx[i].held = GATE_TX_WANTED;
		c->index = i;
		return 0;
	}
	return -ENOSPC;
}

/* --- requests: 1 it is to go to the store, 0 it was answered, -errno to answer -------------- */

static int client_begin_end(struct gate_client *c)
{
	int i = c->in.header.tx_id ? client_find_tx(c, c->in.header.tx_id) : -ENOENT;
	bool commit = c->in.bytes[sizeof(c->in.header)] == 'T';
	struct gate_tx *tx;

	if (i < 0)
		return i;
	tx = &c->tx[i];
	c->index = (unsigned)i;
	if (!tx->broken)
		return 1;
	tx->local = 0; /* the store's, if there is one still, is being ended */
	tx_tidy(tx);
	if (commit)
		return -EAGAIN;
	client_reply_ok(c);
	return 0;
}

static int client_begin_watch(struct gate_client *c, const struct gate_request *q)
{
	int i = gate_watch_add(&c->watches, ++c->gate->last_watch, q->path, q->relative, q->rest);

	if (i < 0)
		return i;
	c->index = (unsigned)i;
	return 1;
}

static int client_begin_unwatch(struct gate_client *c, const struct gate_request *q)
{
	int i = gate_watch_find(&c->watches, q->path, q->relative, q->rest);
	struct gate_watch *watch;

	if (i < 0)
		return i;
	watch = &c->watches.at[i];
	c->index = (unsigned)i;
	if (watch->state == GATE_WATCH_ON) {
		watch->state = GATE_WATCH_ENDING;
		return 1;
	}
	/* The store does not know it, or is just being told of it. */
	if (c->job == GATE_WATCH && c->job_index == c->index)
		watch->state = GATE_WATCH_DROP;
	else
		gate_watch_free(watch);
	client_reply_ok(c);
	return 0;
}

static int client_begin_other(struct gate_client *c)
{
	int i = c->in.header.tx_id ? client_find_tx(c, c->in.header.tx_id) : 0;

	if (i < 0)
		return i;
	c->index = (unsigned)i;
	return c->in.header.tx_id && c->tx[i].broken ? -EAGAIN : 1;
}

static int client_begin_type(struct gate_client *c)
{
	const char *payload = c->in.bytes + sizeof(c->in.header);
	const struct xsd_sockmsg *h = &c->in.header;
	struct gate_request q;
	int rc = gate_policy_check(&c->rules, h, payload, &q);

	if (rc < 0)
		return rc;
	/* With the path in full it is longer. */
	if (strlen(q.path) + 1 + q.rest_len > XENSTORE_PAYLOAD_MAX)
		return -E2BIG;
	switch (h->type) {
	case XS_TRANSACTION_START:
		rc = h->tx_id ? -EBUSY : client_begin_tx(c);
		return rc < 0 ? rc : 1;
	case XS_TRANSACTION_END:
		return client_begin_end(c);
	case XS_WATCH:
		return h->tx_id ? -EINVAL : client_begin_watch(c, &q);
	case XS_UNWATCH:
		return h->tx_id ? -EINVAL : client_begin_unwatch(c, &q);
	default:
		return client_begin_other(c);
	}
}

static void client_begin(struct gate_client *c)
{
	int rc;

	c->pending = true;
	rc = client_begin_type(c);
	if (rc < 0)
		client_reply_error(c, rc);
	else if (rc > 0)
		gate_schedule(c);
}

/* The request under way is of a transaction that has just been broken, and not at the store. */
static void client_begin_again(struct gate_client *c)
{
	if (c->pending && c->job != GATE_REQUEST && c->in.header.tx_id)
		client_begin(c);
}

void gate_client_break(struct gate_client *c, uint64_t before_ms)
{
	bool any = false;

	for (unsigned i = 0; i < GATE_CLIENT_TX; i++) {
		struct gate_tx *tx = &c->tx[i];

		if (tx->held != GATE_TX_OPEN || tx->abort || tx->since_ms > before_ms)
			continue;
		tx->broken = tx->abort = any = true;
	}
	if (!any)
		return;
	client_begin_again(c);
	gate_schedule(c);
}

size_t gate_client_room(struct gate_client *c, char **at)
{
	struct gate_in *in = &c->in;
	size_t want = sizeof(in->header) + (in->used < sizeof(in->header) ? 0 : in->header.len);

	*at = in->bytes + in->used;
	return c->pending || c->reply.len || c->bad || c->closing ? 0 : want - in->used;
}

void gate_client_received(struct gate_client *c, size_t n)
{
	struct gate_in *in = &c->in;

	in->used += n;
	if (in->used < sizeof(in->header))
		return;
	if (in->header.len > XENSTORE_PAYLOAD_MAX) {
		c->bad = "a message longer than the protocol has";
		gate_mark_dirty(c);
	} else if (in->used == sizeof(in->header) + in->header.len) {
		client_begin(c);
	}
}

/* --- what the store is to be asked ------------------------------------------------------------ */

enum gate_job gate_client_job(const struct gate_client *c, unsigned *index)
{
	for (*index = 0; *index < GATE_CLIENT_TX; ++*index)
		if (c->tx[*index].abort)
			return GATE_ABORT;
	for (*index = 0; *index < GATE_WATCHES; ++*index) {
		if (c->watches.at[*index].state == GATE_WATCH_AGAIN)
			return GATE_WATCH;
		if (c->watches.at[*index].state == GATE_WATCH_DROP)
			return GATE_UNWATCH;
	}
	*index = c->index;
	return c->pending ? GATE_REQUEST : GATE_IDLE;
}

static void compose(struct gate_out *out, uint32_t type, uint32_t tx, const char *path,
	const void *rest, size_t rest_len)
{
	struct xsd_sockmsg header = { .type = type, .tx_id = tx };
	size_t n = path ? strlen(path) + 1 : 0;

	header.len = n + rest_len;
	memcpy(out->bytes, &header, sizeof(header));
	if (path)
		memcpy(out->bytes + sizeof(header), path, n);
	memcpy(out->bytes + sizeof(header) + n, rest, rest_len);
	out->len = sizeof(header) + header.len;
}

static void compose_watch(const struct gate_client *c, uint32_t type, const struct gate_watch *watch,
	struct gate_out *out)
{
	char token[40];
	int n = snprintf(token, sizeof(token), "%u/%" PRIx64, c->slot, watch->serial);

	compose(out, type, 0, watch->path, token, (size_t)n + 1);
}

static void compose_request(struct gate_client *c, struct gate_out *out)
{
	const char *payload = c->in.bytes + sizeof(c->in.header);
	const struct xsd_sockmsg *h = &c->in.header;
	struct gate_tx *tx = &c->tx[c->index % GATE_CLIENT_TX];
	struct gate_request q;

	switch (h->type) {
	case XS_WATCH:
	case XS_UNWATCH:
		compose_watch(c, h->type, &c->watches.at[c->index], out);
		break;
	case XS_TRANSACTION_START:
		tx->held = GATE_TX_ASKED;
		c->gate->tx_held++;
		compose(out, h->type, 0, NULL, "", 1);
		break;
	case XS_TRANSACTION_END:
		compose(out, h->type, tx->real, NULL, payload, h->len);
		break;
	default:
		/* It was in order when it came, and is the same still. */
		(void)!gate_policy_check(&c->rules, h, payload, &q);
		compose(out, h->type, h->tx_id ? tx->real : 0, q.path, q.rest, q.rest_len);
		break;
	}
}

void gate_client_compose(struct gate_client *c, struct gate_out *out)
{
	c->job = gate_client_job(c, &c->job_index);
	switch (c->job) {
	case GATE_ABORT:
		compose(out, XS_TRANSACTION_END, c->tx[c->job_index].real, NULL, "F", 2);
		break;
	case GATE_WATCH:
	case GATE_UNWATCH:
		compose_watch(c, c->job == GATE_WATCH ? XS_WATCH : XS_UNWATCH,
			&c->watches.at[c->job_index], out);
		break;
	default:
		compose_request(c, out);
		break;
	}
}

/* --- what it answered --------------------------------------------------------------------------- */

static int client_tx_begun(struct gate_client *c, const char *payload, size_t len)
{
	struct gate_tx *tx = &c->tx[c->index];
	char text[12], *end;
	unsigned long id;
	int n;

	snprintf(text, sizeof(text), "%.*s", (int)(len < 11 ? len : 11), payload);
	errno = 0;
	id = strtoul(text, &end, 10);
	if (errno || text[0] < '0' || text[0] > '9' || *end || id == 0 || id > UINT32_MAX)
		return -EPROTO;
	tx->real = (uint32_t)id;
	tx->held = GATE_TX_OPEN;
	tx->since_ms = c->gate->now_ms;
	if (c->closing) {
		tx->abort = true;
		return 0;
	}
	tx->local = ++c->last_tx ?: ++c->last_tx;
	n = snprintf(text, sizeof(text), "%" PRIu32, tx->local);
	client_reply(c, XS_TRANSACTION_START, text, (size_t)n + 1);
	return 0;
}

/* What the store's answer means for what we keep. */
static void client_settle(struct gate_client *c, bool ok)
{
	struct gate_watch *watch = &c->watches.at[c->index % GATE_WATCHES];
	struct gate_tx *tx = &c->tx[c->index % GATE_CLIENT_TX];

	switch (c->in.header.type) {
	case XS_WATCH:
		watch->state = c->closing ? GATE_WATCH_DROP : GATE_WATCH_ON;
		if (!ok)
			gate_watch_free(watch);
		break;
	case XS_UNWATCH:
		gate_watch_free(watch);
		break;
	case XS_TRANSACTION_START:
		if (!ok)
			client_tx_ended(c, tx);
		break;
	case XS_TRANSACTION_END:
		tx->local = 0;
		client_tx_ended(c, tx);
		break;
	default:
		break;
	}
}

static int client_request_done(struct gate_client *c, const struct xsd_sockmsg *header,
	const char *payload)
{
	bool ok = header->type == c->in.header.type;

	if (!ok && header->type != XS_ERROR)
		return -EPROTO;
	client_settle(c, ok);
	if (ok && c->in.header.type == XS_TRANSACTION_START)
		return client_tx_begun(c, payload, header->len);
	if (!c->closing)
		client_reply(c, header->type, payload, header->len);
	return 0;
}

static void client_watch_renewed(struct gate_client *c, bool ok)
{
	struct gate_watch *watch = &c->watches.at[c->job_index];

	if (watch->state != GATE_WATCH_DROP)
		watch->state = c->closing ? GATE_WATCH_DROP : GATE_WATCH_ON;
	if (ok || watch->state == GATE_WATCH_DROP)
		return;
	/* It would wait for ever for events. */
	c->bad = "the store refuses a watch that it had before it was restarted";
	gate_mark_dirty(c);
}

/* On with what is to be done, or gone when that was all. */
static void client_go_on(struct gate_client *c)
{
	unsigned index;

	if (c->closing && gate_client_job(c, &index) == GATE_IDLE)
		gate_forget(c);
	else
		gate_schedule(c);
}

int gate_client_answer(struct gate_client *c, const struct xsd_sockmsg *header, const char *payload)
{
	enum gate_job job = c->job;
	int rc = 0;

	c->job = GATE_IDLE;
	switch (job) {
	case GATE_REQUEST:
		rc = client_request_done(c, header, payload);
		c->pending = c->pending && !c->closing;
		break;
	case GATE_ABORT:
		/* If the client has its id still, it hears of it at the end. */
		client_tx_ended(c, &c->tx[c->job_index]);
		break;
	case GATE_WATCH:
		client_watch_renewed(c, header->type == XS_WATCH);
		break;
	case GATE_UNWATCH:
		gate_watch_free(&c->watches.at[c->job_index]);
		break;
	case GATE_IDLE:
		rc = -EPROTO;
		break;
	}
	client_go_on(c);
	return rc;
}

void gate_client_event(struct gate_client *c, uint64_t serial, const char *path)
{
	for (unsigned i = 0; i < GATE_WATCHES; i++) {
		struct gate_watch *watch = &c->watches.at[i];

		if (watch->serial != serial || watch->state == GATE_WATCH_FREE || c->closing ||
			!gate_path_is_below(path, watch->path))
			continue;
		if (gate_watch_event(watch, path) < 0)
			c->bad = "there is no memory for its events";
		gate_mark_dirty(c);
	}
}

/* --- the store or the client goes ------------------------------------------------------------- */

static void client_watches_down(struct gate_client *c)
{
	for (unsigned i = 0; i < GATE_WATCHES; i++) {
		struct gate_watch *watch = &c->watches.at[i];

		if (watch->state == GATE_WATCH_ON)
			watch->state = GATE_WATCH_AGAIN;
		else if (watch->state == GATE_WATCH_ENDING || watch->state == GATE_WATCH_DROP)
			gate_watch_free(watch);
	}
}

static void client_transactions_down(struct gate_client *c)
{
	for (unsigned i = 0; i < GATE_CLIENT_TX; i++) {
		struct gate_tx *tx = &c->tx[i];

		/* A start without an answer is asked for again: nobody knows of the first. */
		tx->held = tx->held == GATE_TX_ASKED ? GATE_TX_WANTED :
			   tx->held == GATE_TX_OPEN ? GATE_TX_NONE : tx->held;
		tx->broken = tx->local != 0;
		tx->abort = false;
		tx_tidy(tx);
	}
}

void gate_client_down(struct gate_client *c)
{
	if (c->closing) {
		gate_forget(c);
		return;
	}
	c->job = GATE_IDLE;
	client_watches_down(c);
	client_transactions_down(c);
	if (c->pending && c->in.header.type == XS_UNWATCH)
		client_reply_ok(c); /* it is gone with the store that had it */
	client_begin_again(c);
}

/* What was never sent leaves nothing at the store. */
static void client_drop_request(struct gate_client *c)
{
	if (!c->pending || c->job == GATE_REQUEST)
		return;
	c->pending = false;
	if (c->in.header.type == XS_TRANSACTION_START)
		c->tx[c->index].held = GATE_TX_NONE;
}

static void client_drop_watch(struct gate_client *c, unsigned i)
{
	struct gate_watch *watch = &c->watches.at[i];

	/* In flight: its answer goes on from there. */
	if ((c->job == GATE_REQUEST && c->pending && c->index == i &&
		    (watch->state == GATE_WATCH_ASKED || watch->state == GATE_WATCH_ENDING)) ||
		(c->job == GATE_WATCH && c->job_index == i))
		return;
	if (watch->state == GATE_WATCH_ON || watch->state == GATE_WATCH_ENDING)
		watch->state = GATE_WATCH_DROP;
	else if (watch->state != GATE_WATCH_DROP)
		gate_watch_free(watch);
}

void gate_client_close(struct gate_client *c)
{
	struct gate *g = c->gate;

	c->closing = true;
	if (c->dirty)
		TAILQ_REMOVE(&g->dirty, c, dirty_link);
	c->dirty = false;
	client_drop_request(c);
	for (unsigned i = 0; i < GATE_WATCHES; i++)
		client_drop_watch(c, i);
	for (unsigned i = 0; i < GATE_CLIENT_TX; i++) {
		c->tx[i].local = 0;
		c->tx[i].abort = c->tx[i].held == GATE_TX_OPEN &&
				 !(c->job == GATE_REQUEST && c->in.header.type == XS_TRANSACTION_END && c->index == i);
		tx_tidy(&c->tx[i]);
	}
	if (!g->up)
		gate_forget(c);
	else if (c->queue != GATE_IN_FLIGHT)
		client_go_on(c);
}

/* --- to the client ----------------------------------------------------------------------------- */

static void client_next_event(struct gate_client *c)
{
	CLEANUP_FREE char *path = NULL;
	const struct gate_watch *watch = gate_watch_next(&c->watches, &path);

	if (watch)
		compose(&c->out, XS_WATCH_EVENT, 0,
			watch->relative ? path + strlen(c->rules.home) + 1 : path, watch->token,
			strlen(watch->token) + 1);
}

size_t gate_client_output(struct gate_client *c, const char **at)
{
	if (c->out.done == c->out.len) {
		c->out.len = c->out.done = 0;
		if (c->reply.len) {
			memcpy(c->out.bytes, c->reply.bytes, c->reply.len);
			c->out.len = c->reply.len;
			c->reply.len = 0;
		} else {
			client_next_event(c);
		}
	}
	*at = c->out.bytes + c->out.done;
	return c->out.len - c->out.done;
}

void gate_client_sent(struct gate_client *c, size_t n)
{
	c->out.done += n;
}

// SPDX-License-Identifier: MIT
/* The gate's side towards the store: whose turn it is, and whose answer came. */
#include "config.h"
#include "drivers-domain/gate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

void gate_init(struct gate *g, uint32_t own)
{
	memset(g, 0, sizeof(*g));
	g->own = own;
	TAILQ_INIT(&g->ready);
	TAILQ_INIT(&g->tx_wait);
	TAILQ_INIT(&g->dirty);
}

void gate_clear(struct gate *g)
{
	for (unsigned i = 0; i < GATE_CLIENTS_MAX; i++)
		if (g->clients[i])
			gate_forget(g->clients[i]);
}

/* --- lists -------------------------------------------------------------------------------- */

static void gate_unqueue(struct gate_client *c)
{
	struct gate *g = c->gate;

	if (c->queue == GATE_READY)
		TAILQ_REMOVE(&g->ready, c, link);
	else if (c->queue == GATE_TX_WAIT)
		TAILQ_REMOVE(&g->tx_wait, c, link);
	else if (c->queue == GATE_IN_FLIGHT)
		for (unsigned i = 0; i < GATE_FLIGHT; i++)
			if (g->flight[i] == c)
				g->flight[i] = NULL;
	c->queue = GATE_NOWHERE;
}

void gate_schedule(struct gate_client *c)
{
	enum gate_job job;
	unsigned index;

	job = gate_client_job(c, &index);
	/* Who waits for a transaction may be to give back another one, or to go. */
	if (c->queue == GATE_TX_WAIT && job != GATE_REQUEST)
		gate_unqueue(c);
	if (c->queue != GATE_NOWHERE || !c->gate->up || job == GATE_IDLE)
		return;
	TAILQ_INSERT_TAIL(&c->gate->ready, c, link);
	c->queue = GATE_READY;
}

void gate_mark_dirty(struct gate_client *c)
{
	if (c->dirty || c->closing)
		return;
	c->dirty = true;
	TAILQ_INSERT_TAIL(&c->gate->dirty, c, dirty_link);
}

struct gate_client *gate_take_dirty(struct gate *g)
{
	struct gate_client *c = TAILQ_FIRST(&g->dirty);

	if (c) {
		TAILQ_REMOVE(&g->dirty, c, dirty_link);
		c->dirty = false;
	}
	return c;
}

void gate_forget(struct gate_client *c)
{
	struct gate *g = c->gate;

	gate_unqueue(c);
	if (c->dirty)
		TAILQ_REMOVE(&g->dirty, c, dirty_link);
	gate_watches_clear(&c->watches);
	g->clients[c->slot] = NULL;
	g->count--;
	free(c);
}

void gate_tx_release(struct gate *g)
{
	struct gate_client *c = TAILQ_FIRST(&g->tx_wait);

	g->tx_held--;
	if (!c)
		return;
	gate_unqueue(c);
	/* In front: it has had its turn. */
	TAILQ_INSERT_HEAD(&g->ready, c, link);
	c->queue = GATE_READY;
}

bool gate_wants_tick(const struct gate *g)
{
	return !TAILQ_EMPTY(&g->tx_wait);
}

void gate_tick(struct gate *g, uint64_t now_ms)
{
	g->now_ms = now_ms;
	if (!gate_wants_tick(g) || now_ms < GATE_TX_MS)
		return;
	for (unsigned i = 0; i < GATE_CLIENTS_MAX; i++)
		if (g->clients[i])
			gate_client_break(g->clients[i], now_ms - GATE_TX_MS);
}

const char *gate_error_name(int error)
{
	for (unsigned i = 0; i < ARRAY_SIZE(xsd_errors); i++)
		if (xsd_errors[i].errnum == -error)
			return xsd_errors[i].errstring;
	return "EINVAL";
}

/* --- to the store ---------------------------------------------------------------------------- */

static int gate_free_flight(const struct gate *g)
{
	for (unsigned i = 0; i < g->flight_max; i++)
		if (!g->flight[i])
			return (int)i;
	return -1;
}

/* Who begins a transaction while the store has enough of them waits for one to end. */
static bool gate_must_wait(const struct gate_client *c)
{
	unsigned index;

	return gate_client_job(c, &index) == GATE_REQUEST && c->in.header.type == XS_TRANSACTION_START &&
	       c->gate->tx_held >= GATE_TX;
}

static struct gate_client *gate_next(struct gate *g)
{
	struct gate_client *c;

	while ((c = TAILQ_FIRST(&g->ready))) {
		unsigned index;

		gate_unqueue(c);
		if (gate_client_job(c, &index) == GATE_IDLE)
			continue;
		if (!gate_must_wait(c))
			return c;
		TAILQ_INSERT_TAIL(&g->tx_wait, c, link);
		c->queue = GATE_TX_WAIT;
	}
	return NULL;
}

size_t gate_up_output(struct gate *g, const char **at)
{
	struct gate_client *c;
	int i = gate_free_flight(g);

	if (g->up && g->up_out.done == g->up_out.len && i >= 0 && (c = gate_next(g))) {
		struct xsd_sockmsg *header = (struct xsd_sockmsg *)g->up_out.bytes;

		g->up_out.done = 0;
		gate_client_compose(c, &g->up_out);
		header->req_id = ++g->last_id;
		g->flight[i] = c;
		g->flight_id[i] = g->last_id;
		c->queue = GATE_IN_FLIGHT;
	}
	*at = g->up_out.bytes + g->up_out.done;
	return g->up_out.len - g->up_out.done;
}

void gate_up_sent(struct gate *g, size_t n)
{
	g->up_out.done += n;
}

/* --- from the store ---------------------------------------------------------------------------- */

static struct gate_client *gate_take_flight(struct gate *g, uint32_t id)
{
	for (unsigned i = 0; i < GATE_FLIGHT; i++) {
		struct gate_client *c = g->flight[i];

		if (c && g->flight_id[i] == id) {
			gate_unqueue(c);
			return c;
		}
	}
	return NULL;
}

/* Its token is ours: whose it is, and which watch's. */
static int gate_event(struct gate *g, const char *payload, size_t len)
{
	const char *end = memchr(payload, '\0', len);
	size_t n = end ? (size_t)(end - payload) : 0;
	uint64_t serial;
	unsigned slot;

	if (!end || n > XENSTORE_ABS_PATH_MAX || !memchr(end + 1, '\0', len - n - 1) ||
		sscanf(end + 1, "%u/%" SCNx64, &slot, &serial) != 2 || slot >= GATE_CLIENTS_MAX)
		return -EPROTO;
	/* It may have been under way when its client went. */
	if (g->clients[slot])
		gate_client_event(g->clients[slot], serial, payload);
	return 0;
}

static int gate_message(struct gate *g, const struct xsd_sockmsg *header, const char *payload)
{
	struct gate_client *c;

	if (header->type == XS_WATCH_EVENT)
		return gate_event(g, payload, header->len);
	c = gate_take_flight(g, header->req_id);
	return c ? gate_client_answer(c, header, payload) : -EPROTO;
}

size_t gate_up_room(struct gate *g, char **at)
{
	struct gate_in *in = &g->up_in;
	size_t want = sizeof(in->header) + (in->used < sizeof(in->header) ? 0 : in->header.len);

	*at = in->bytes + in->used;
	return want - in->used;
}

int gate_up_received(struct gate *g, size_t n)
{
	struct gate_in *in = &g->up_in;

	in->used += n;
	if (in->used < sizeof(in->header))
		return 0;
	if (in->header.len > XENSTORE_PAYLOAD_MAX)
		return -EPROTO;
	if (in->used < sizeof(in->header) + in->header.len)
		return 0;
	in->used = 0;
	return gate_message(g, &in->header, in->bytes + sizeof(in->header));
}

void gate_up_refused(struct gate *g, int error)
{
	struct xsd_sockmsg header = { .type = XS_ERROR,
		.req_id = ((struct xsd_sockmsg *)g->up_out.bytes)->req_id };
	struct gate_client *c = gate_take_flight(g, header.req_id);
	const char *name = gate_error_name(error);

	g->up_out.done = g->up_out.len;
	header.len = strlen(name) + 1;
	if (c)
		(void)!gate_client_answer(c, &header, name); /* an error is well formed */
}

/* --- the store comes and goes -------------------------------------------------------------------- */

void gate_up(struct gate *g, unsigned flight)
{
	g->up = true;
	g->flight_max = flight;
	g->up_in.used = 0;
	g->up_out.len = g->up_out.done = 0;
	for (unsigned i = 0; i < GATE_CLIENTS_MAX; i++)
		if (g->clients[i])
			gate_schedule(g->clients[i]);
}

void gate_down(struct gate *g)
{
	g->up = false;
	g->up_out.len = g->up_out.done = 0;
	g->tx_held = 0;
	for (unsigned i = 0; i < GATE_CLIENTS_MAX; i++) {
		struct gate_client *c = g->clients[i];

		if (!c)
			continue;
		gate_unqueue(c);
		gate_client_down(c);
	}
}

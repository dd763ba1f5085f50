// SPDX-License-Identifier: MIT
/* The gate between backends and a store that is played by the test. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "drivers-domain/gate.h"

#define HOME "/local/domain/1"
#define LEAF "backend/vbd/2/51712"
#define OWN HOME "/" LEAF
#define LITERAL(text) text, sizeof(text) - 1

static struct gate gate;

/* struct message - one that came out, payload with a NUL behind it. */
struct message {
	struct xsd_sockmsg header;
	char payload[XENSTORE_PAYLOAD_MAX + 1];
};
static struct message got;

static int setup(void **state)
{
	gate_init(&gate, 1);
	gate_up(&gate, GATE_FLIGHT);
	gate_tick(&gate, 100000);
	return 0;
}

static int teardown(void **state)
{
	gate_clear(&gate);
	return 0;
}

static struct gate_client *client_new(void)
{
	struct leaf_name name = { .kind = "vbd", .frontend = 2, .devid = 51712 };
	struct gate_rules rules;
	struct gate_client *c;

	assert_int_equal(gate_rules_init(&rules, 1, &name, "/local/domain/2/device/vbd/51712"), 0);
	c = gate_client_new(&gate, &rules, NULL);
	assert_non_null(c);
	return c;
}

/* --- the client's end --------------------------------------------------------------------- */

static size_t client_put(struct gate_client *c, const void *data, size_t len)
{
	size_t done = 0, room;
	char *at;

	while (done < len && (room = gate_client_room(c, &at)) > 0) {
		size_t n = room < len - done ? room : len - done;

		memcpy(at, (const char *)data + done, n);
		gate_client_received(c, n);
		done += n;
	}
	return done;
}

static void client_ask(struct gate_client *c, uint32_t type, uint32_t tx, const char *payload, size_t len)
{
	struct xsd_sockmsg header = { .type = type, .req_id = 77, .tx_id = tx, .len = (uint32_t)len };

	assert_int_equal(client_put(c, &header, sizeof(header)), sizeof(header));
	assert_int_equal(client_put(c, payload, len), len);
}

static void client_read(struct gate_client *c, const char *path)
{
	client_ask(c, XS_READ, 0, path, strlen(path) + 1);
}

static bool client_take(struct gate_client *c)
{
	const char *at;
	size_t n = gate_client_output(c, &at);

	if (n == 0)
		return false;
	assert_true(n >= sizeof(got.header));
	memcpy(&got.header, at, sizeof(got.header));
	assert_int_equal(n, sizeof(got.header) + got.header.len);
	memcpy(got.payload, at + sizeof(got.header), got.header.len);
	got.payload[got.header.len] = '\0';
	gate_client_sent(c, n);
	return true;
}

static void client_hears(struct gate_client *c, uint32_t type, const char *payload)
{
	assert_true(client_take(c));
	assert_int_equal(got.header.type, type);
	assert_int_equal(got.header.req_id, type == XS_WATCH_EVENT ? 0 : 77);
	assert_string_equal(got.payload, payload);
}

/* --- the store's end ------------------------------------------------------------------------ */

static bool store_take(void)
{
	const char *at;
	size_t n = gate_up_output(&gate, &at);

	if (n == 0)
		return false;
	memcpy(&got.header, at, sizeof(got.header));
	assert_int_equal(n, sizeof(got.header) + got.header.len);
	memcpy(got.payload, at + sizeof(got.header), got.header.len);
	got.payload[got.header.len] = '\0';
	gate_up_sent(&gate, n);
	return true;
}

/* The next request; its id stays in got. */
static void store_hears(uint32_t type, uint32_t tx, const char *payload)
{
	assert_true(store_take());
	assert_int_equal(got.header.type, type);
	assert_int_equal(got.header.tx_id, tx);
	assert_string_equal(got.payload, payload);
}

static int store_put(const void *data, size_t len)
{
	size_t done = 0, room;
	char *at;
	int rc = 0;

	while (rc == 0 && done < len) {
		size_t n;

		room = gate_up_room(&gate, &at);
		n = room < len - done ? room : len - done;
		memcpy(at, (const char *)data + done, n);
		done += n;
		rc = gate_up_received(&gate, n);
	}
	return rc;
}

static int store_send(uint32_t id, uint32_t type, const char *payload, size_t len)
{
	struct xsd_sockmsg header = { .type = type, .req_id = id, .len = (uint32_t)len };
	int rc = store_put(&header, sizeof(header));

	return rc < 0 || !len ? rc : store_put(payload, len);
}

static void store_says(uint32_t id, uint32_t type, const char *payload)
{
	assert_int_equal(store_send(id, type, payload, strlen(payload) + 1), 0);
}

static void store_ok(void)
{
	store_says(got.header.req_id, got.header.type, "OK");
}

/* --- requests -------------------------------------------------------------------------------- */

static void test_a_request_and_its_answer(void **state)
{
	struct gate_client *c = client_new();

	client_read(c, LEAF "/state");
	store_hears(XS_READ, 0, OWN "/state");
	assert_int_equal(store_send(got.header.req_id, XS_READ, LITERAL("4")), 0);
	client_hears(c, XS_READ, "4");
	assert_int_equal(got.header.len, 1);
	assert_false(client_take(c));
}

static void test_a_value_goes_with_its_path(void **state)
{
	struct gate_client *c = client_new();

	client_ask(c, XS_WRITE, 0, LITERAL(LEAF "/state\0" "4"));
	store_hears(XS_WRITE, 0, OWN "/state");
	assert_int_equal(got.header.len, sizeof(OWN "/state") + 1);
	assert_int_equal(got.payload[sizeof(OWN "/state")], '4');
	store_ok();
	client_hears(c, XS_WRITE, "OK");
}

static void test_what_is_refused_does_not_reach_the_store(void **state)
{
	struct gate_client *c = client_new();

	client_read(c, "backend/vbd/3/51712/state");
	assert_false(store_take());
	client_hears(c, XS_ERROR, "EACCES");
	client_ask(c, XS_CONTROL, 0, LITERAL("help\0"));
	assert_false(store_take());
	client_hears(c, XS_ERROR, "EACCES");
	client_ask(c, 99, 0, LITERAL("x\0"));
	client_hears(c, XS_ERROR, "ENOSYS");
	client_ask(c, XS_READ, 0, LITERAL("no end"));
	client_hears(c, XS_ERROR, "EINVAL");
}

static void test_a_request_in_pieces(void **state)
{
	struct gate_client *c = client_new();
	struct xsd_sockmsg header = { .type = XS_READ, .req_id = 77, .len = sizeof(OWN) };

	for (size_t i = 0; i < sizeof(header); i++)
		assert_int_equal(client_put(c, (char *)&header + i, 1), 1);
	for (size_t i = 0; i < sizeof(OWN); i++) {
		assert_false(store_take());
		assert_int_equal(client_put(c, &OWN[i], 1), 1);
	}
	store_hears(XS_READ, 0, OWN);
}

static void test_a_message_that_is_too_long_ends_its_client(void **state)
{
	struct gate_client *c = client_new(), *other = client_new();
	struct xsd_sockmsg header = { .type = XS_READ, .len = XENSTORE_PAYLOAD_MAX + 1 };
	char *at;

	client_put(c, &header, sizeof(header));
	assert_non_null(c->bad);
	assert_ptr_equal(gate_take_dirty(&gate), c);
	assert_int_equal(gate_client_room(c, &at), 0);
	gate_client_close(c);
	assert_int_equal(gate.count, 1);
	client_read(other, OWN);
	store_hears(XS_READ, 0, OWN);
}

static void test_the_whole_path_may_be_too_long(void **state)
{
	static char payload[XENSTORE_PAYLOAD_MAX];
	struct gate_client *c = client_new();

	strcpy(payload, LEAF "/state");
	client_ask(c, XS_WRITE, 0, payload, sizeof(payload));
	assert_false(store_take());
	client_hears(c, XS_ERROR, "E2BIG");
	client_ask(c, XS_WRITE, 0, payload, sizeof(payload) - strlen(HOME "/"));
	assert_true(store_take());
	assert_int_equal(got.header.len, XENSTORE_PAYLOAD_MAX);
}

static void test_one_request_at_a_time(void **state)
{
	struct gate_client *c = client_new();
	char *at;

	client_read(c, OWN);
	assert_int_equal(gate_client_room(c, &at), 0);
	store_hears(XS_READ, 0, OWN);
	assert_int_equal(gate_client_room(c, &at), 0);
	store_ok();
	/* Nor while it does not take its answer. */
	assert_int_equal(gate_client_room(c, &at), 0);
	client_hears(c, XS_READ, "OK");
	assert_true(gate_client_room(c, &at) > 0);
}

static void test_one_that_takes_no_answers_stops_nobody(void **state)
{
	struct gate_client *deaf = client_new(), *c = client_new();

	client_read(deaf, OWN);
	store_hears(XS_READ, 0, OWN);
	store_ok();
	for (int i = 0; i < 100; i++) {
		client_read(c, OWN "/state");
		store_hears(XS_READ, 0, OWN "/state");
		store_ok();
		client_hears(c, XS_READ, "OK");
	}
}

static void test_clients_take_turns(void **state)
{
	struct gate_client *a = client_new(), *b = client_new();

	client_read(a, OWN "/a");
	client_read(b, OWN "/b");
	store_hears(XS_READ, 0, OWN "/a");
	store_ok();
	client_hears(a, XS_READ, "OK");
	client_read(a, OWN "/again");
	store_hears(XS_READ, 0, OWN "/b");
	store_hears(XS_READ, 0, OWN "/again");
}

static void test_answers_in_any_order(void **state)
{
	struct gate_client *a = client_new(), *b = client_new();
	uint32_t id;

	client_read(a, OWN "/a");
	client_read(b, OWN "/b");
	store_hears(XS_READ, 0, OWN "/a");
	id = got.header.req_id;
	store_hears(XS_READ, 0, OWN "/b");
	store_says(got.header.req_id, XS_READ, "of b");
	client_hears(b, XS_READ, "of b");
	store_says(id, XS_READ, "of a");
	client_hears(a, XS_READ, "of a");
}

static void test_the_store_gets_no_more_than_it_takes(void **state)
{
	struct gate_client *c[GATE_FLIGHT + 1];

	for (unsigned i = 0; i < ARRAY_SIZE(c); i++) {
		c[i] = client_new();
		client_read(c[i], OWN);
	}
	for (unsigned i = 0; i < GATE_FLIGHT; i++)
		assert_true(store_take());
	assert_false(store_take());
	store_ok();
	assert_true(store_take());
}

/* Watches, transactions and what a client left behind, too: each waits for the answer before. */
static void test_a_connection_that_takes_one_request_at_a_time(void **state)
{
	struct gate_client *a = client_new(), *b = client_new(), *gone = client_new();

	gate_down(&gate);
	gate_up(&gate, 1);
	client_ask(gone, XS_WATCH, 0, LITERAL(OWN "\0t\0"));
	store_hears(XS_WATCH, 0, OWN);
	client_ask(a, XS_TRANSACTION_START, 0, LITERAL("\0"));
	client_read(b, OWN "/b");
	assert_false(store_take());
	store_ok();
	gate_client_close(gone);
	store_hears(XS_TRANSACTION_START, 0, "");
	assert_false(store_take());
	assert_int_equal(store_send(0, XS_WATCH_EVENT, LITERAL(OWN "\0" "2/1\0")), 0);
	assert_false(store_take());
	store_says(got.header.req_id, XS_TRANSACTION_START, "5");
	store_hears(XS_READ, 0, OWN "/b");
	assert_false(store_take());
	store_says(got.header.req_id, XS_READ, "of b");
	store_hears(XS_UNWATCH, 0, OWN);
	store_ok();
	client_hears(a, XS_TRANSACTION_START, "1");
	client_hears(b, XS_READ, "of b");
	assert_false(store_take());
}

static void test_a_connection_that_refuses_a_message(void **state)
{
	struct gate_client *c = client_new();

	client_read(c, OWN);
	assert_true(store_take());
	gate_up_refused(&gate, -E2BIG);
	client_hears(c, XS_ERROR, "E2BIG");
	client_read(c, OWN);
	assert_true(store_take());
	gate_up_refused(&gate, -ENOSPC);
	client_hears(c, XS_ERROR, "ENOSPC");
	client_read(c, OWN);
	assert_true(store_take());
	gate_up_refused(&gate, -EPIPE); /* the protocol has no name for it */
	client_hears(c, XS_ERROR, "EINVAL");
}

static void test_a_store_that_breaks_the_protocol(void **state)
{
	struct gate_client *c = client_new();
	struct xsd_sockmsg header = { .type = XS_READ, .len = XENSTORE_PAYLOAD_MAX + 1 };

	client_read(c, OWN);
	assert_true(store_take());
	assert_int_equal(store_send(got.header.req_id + 1, XS_READ, LITERAL("x")), -EPROTO);
	assert_int_equal(store_send(got.header.req_id, XS_WRITE, LITERAL("x")), -EPROTO);
	assert_int_equal(store_put(&header, sizeof(header)), -EPROTO);
	gate_down(&gate);
	gate_up(&gate, GATE_FLIGHT);
	assert_int_equal(store_send(0, XS_WATCH_EVENT, LITERAL("no end")), -EPROTO);
	gate_down(&gate);
	gate_up(&gate, GATE_FLIGHT);
	assert_int_equal(store_send(0, XS_WATCH_EVENT, LITERAL("/path\0token\0")), -EPROTO);
	gate_down(&gate);
	gate_up(&gate, GATE_FLIGHT);
	assert_int_equal(store_send(0, XS_WATCH_EVENT, LITERAL("/path\0" "4096/1\0")), -EPROTO);
}

/* --- transactions ---------------------------------------------------------------------------- */

/* Return: the client's id of it; the store's is @real. */
static uint32_t client_begin(struct gate_client *c, const char *real)
{
	client_ask(c, XS_TRANSACTION_START, 0, LITERAL("\0"));
	assert_true(store_take());
	assert_int_equal(got.header.type, XS_TRANSACTION_START);
	store_says(got.header.req_id, XS_TRANSACTION_START, real);
	assert_true(client_take(c));
	assert_int_equal(got.header.type, XS_TRANSACTION_START);
	return (uint32_t)atoi(got.payload);
}

static void client_end(struct gate_client *c, uint32_t tx, bool commit)
{
	client_ask(c, XS_TRANSACTION_END, tx, commit ? "T" : "F", 2);
}

static void test_transactions_have_ids_of_their_own(void **state)
{
	struct gate_client *c = client_new(), *other = client_new();
	uint32_t tx = client_begin(c, "4711");

	assert_int_equal(tx, 1);
	client_ask(c, XS_READ, tx, LITERAL(OWN "\0"));
	store_hears(XS_READ, 4711, OWN);
	store_ok();
	client_hears(c, XS_READ, "OK");
	assert_int_equal(got.header.tx_id, tx);
	/* Neither the store's own id nor another client's. */
	client_ask(c, XS_READ, 4711, LITERAL(OWN "\0"));
	client_hears(c, XS_ERROR, "ENOENT");
	client_ask(other, XS_READ, tx, LITERAL(OWN "\0"));
	client_hears(other, XS_ERROR, "ENOENT");
	client_end(other, tx, true);
	client_hears(other, XS_ERROR, "ENOENT");
	client_end(c, 0, true);
	client_hears(c, XS_ERROR, "ENOENT");
	client_end(c, tx, true);
	store_hears(XS_TRANSACTION_END, 4711, "T");
	store_ok();
	client_hears(c, XS_TRANSACTION_END, "OK");
	client_end(c, tx, true);
	client_hears(c, XS_ERROR, "ENOENT");
	assert_int_equal(gate.tx_held, 0);
}

static void test_a_conflict_is_told(void **state)
{
	struct gate_client *c = client_new();
	uint32_t tx = client_begin(c, "5");

	client_end(c, tx, true);
	store_hears(XS_TRANSACTION_END, 5, "T");
	store_says(got.header.req_id, XS_ERROR, "EAGAIN");
	client_hears(c, XS_ERROR, "EAGAIN");
	assert_int_equal(gate.tx_held, 0);
	assert_int_equal(client_begin(c, "6"), 2);
}

static void test_few_transactions_per_client(void **state)
{
	struct gate_client *c = client_new();

	for (unsigned i = 0; i < GATE_CLIENT_TX; i++)
		client_begin(c, "9");
	client_ask(c, XS_TRANSACTION_START, 0, LITERAL("\0"));
	assert_false(store_take());
	client_hears(c, XS_ERROR, "ENOSPC");
}

static void test_transactions_that_the_store_refuses(void **state)
{
	struct gate_client *c = client_new();

	for (unsigned i = 0; i < 10; i++) {
		client_ask(c, XS_TRANSACTION_START, 0, LITERAL("\0"));
		assert_true(store_take());
		store_says(got.header.req_id, XS_ERROR, "ENOSPC");
		client_hears(c, XS_ERROR, "ENOSPC");
	}
	assert_int_equal(gate.tx_held, 0);
	client_ask(c, XS_TRANSACTION_START, 0, LITERAL("\0"));
	assert_true(store_take());
	assert_int_equal(store_send(got.header.req_id, XS_TRANSACTION_START, LITERAL("0\0")), -EPROTO);
}

static void hold_all(struct gate_client *c[GATE_TX], uint32_t tx[GATE_TX])
{
	for (unsigned i = 0; i < GATE_TX; i++) {
		char real[12];

		snprintf(real, sizeof(real), "%u", 100 + i);
		c[i] = client_new();
		tx[i] = client_begin(c[i], real);
	}
}

static void test_transactions_are_waited_for(void **state)
{
	struct gate_client *c[GATE_TX], *late = client_new();
	uint32_t tx[GATE_TX];

	hold_all(c, tx);
	assert_false(gate_wants_tick(&gate));
	client_ask(late, XS_TRANSACTION_START, 0, LITERAL("\0"));
	assert_false(store_take());
	assert_true(gate_wants_tick(&gate));
	client_end(c[3], tx[3], false);
	store_hears(XS_TRANSACTION_END, 103, "F");
	store_ok();
	store_hears(XS_TRANSACTION_START, 0, "");
	assert_false(gate_wants_tick(&gate));
}

/* Each has one and wants a second: none of them will end its first by itself. */
static void test_those_who_wait_lose_theirs_too(void **state)
{
	struct gate_client *c[GATE_TX];
	uint32_t tx[GATE_TX];

	hold_all(c, tx);
	for (unsigned i = 0; i < GATE_TX; i++)
		client_ask(c[i], XS_TRANSACTION_START, 0, LITERAL("\0"));
	assert_false(store_take());
	gate_tick(&gate, 100000 + GATE_TX_MS);
	for (unsigned i = 0; i < GATE_TX; i++) {
		store_hears(XS_TRANSACTION_END, 100 + i, "F");
		store_ok();
	}
	for (unsigned i = 0; i < GATE_TX; i++)
		store_hears(XS_TRANSACTION_START, 0, "");
	assert_int_equal(gate.tx_held, GATE_TX);
}

/* One that goes while it waits is not woken in the place of one that stays. */
static void test_one_that_goes_while_it_waits(void **state)
{
	struct gate_client *c[GATE_TX], *goes = client_new(), *stays = client_new();
	uint32_t tx[GATE_TX];

	client_ask(goes, XS_WATCH, 0, LITERAL(OWN "\0" "token\0"));
	assert_true(store_take());
	store_ok();
	hold_all(c, tx);
	assert_true(client_take(goes));
	client_ask(goes, XS_TRANSACTION_START, 0, LITERAL("\0"));
	client_ask(stays, XS_TRANSACTION_START, 0, LITERAL("\0"));
	assert_false(store_take());
	gate_client_close(goes);
	assert_true(store_take());
	assert_int_equal(got.header.type, XS_UNWATCH);
	store_ok();
	client_end(c[0], tx[0], false);
	store_hears(XS_TRANSACTION_END, 100, "F");
	store_ok();
	store_hears(XS_TRANSACTION_START, 0, "");
}

static void test_who_keeps_one_loses_it(void **state)
{
	struct gate_client *c[GATE_TX], *late = client_new();
	uint32_t tx[GATE_TX];

	hold_all(c, tx);
	/* Nobody waits: it may last. */
	gate_tick(&gate, 100000 + 10 * GATE_TX_MS);
	assert_false(store_take());
	client_ask(late, XS_TRANSACTION_START, 0, LITERAL("\0"));
	assert_false(store_take());
	client_ask(c[1], XS_READ, tx[1], LITERAL(OWN "\0"));
	gate_tick(&gate, 100000 + 10 * GATE_TX_MS);
	/* What it asked meanwhile is answered without the store. */
	client_hears(c[1], XS_ERROR, "EAGAIN");
	for (unsigned i = 0; i < GATE_TX; i++) {
		assert_true(store_take());
		if (got.header.type == XS_TRANSACTION_START)
			break;
		assert_int_equal(got.header.type, XS_TRANSACTION_END);
		assert_string_equal(got.payload, "F");
		store_ok();
	}
	store_says(got.header.req_id, got.header.type, "200");
	client_hears(late, XS_TRANSACTION_START, "1");
	client_end(c[0], tx[0], true);
	client_hears(c[0], XS_ERROR, "EAGAIN");
	client_end(c[1], tx[1], false);
	client_hears(c[1], XS_TRANSACTION_END, "OK");
	client_end(c[1], tx[1], false);
	client_hears(c[1], XS_ERROR, "ENOENT");
}

/* --- watches ---------------------------------------------------------------------------------- */

static char token[64];

/* A watch; the store's token for it is left in token. */
static void client_watch(struct gate_client *c, const char *path, const char *name)
{
	char payload[600];
	int n = snprintf(payload, sizeof(payload), "%s%c%s", path, '\0', name);

	client_ask(c, XS_WATCH, 0, payload, (size_t)n + 1);
	assert_true(store_take());
	assert_int_equal(got.header.type, XS_WATCH);
	snprintf(token, sizeof(token), "%s", got.payload + strlen(got.payload) + 1);
	store_ok();
	client_hears(c, XS_WATCH, "OK");
}

static void store_fires(const char *path, const char *which)
{
	char payload[600];
	int n = snprintf(payload, sizeof(payload), "%s%c%s", path, '\0', which);

	assert_int_equal(store_send(0, XS_WATCH_EVENT, payload, (size_t)n + 1), 0);
}

static void client_sees(struct gate_client *c, const char *path, const char *name)
{
	client_hears(c, XS_WATCH_EVENT, path);
	assert_string_equal(got.payload + strlen(path) + 1, name);
	assert_int_equal(got.header.len, strlen(path) + strlen(name) + 2);
}

static void test_events_come_as_they_were_asked_for(void **state)
{
	struct gate_client *c = client_new();
	char relative[64];

	client_watch(c, LEAF, "mine");
	snprintf(relative, sizeof(relative), "%s", token);
	assert_string_not_equal(relative, "mine");
	client_watch(c, OWN, "mine");
	assert_string_not_equal(relative, token);
	store_fires(OWN "/state", relative);
	client_sees(c, LEAF "/state", "mine");
	store_fires(OWN "/state", token);
	client_sees(c, OWN "/state", "mine");
	store_fires(OWN, relative);
	client_sees(c, LEAF, "mine");
	assert_false(client_take(c));
}

static void test_answers_come_before_events(void **state)
{
	struct gate_client *c = client_new();
	const char *payload = OWN "\0name";

	client_ask(c, XS_WATCH, 0, payload, sizeof(OWN) + 5);
	assert_true(store_take());
	snprintf(token, sizeof(token), "%s", got.payload + strlen(got.payload) + 1);
	store_ok();
	store_fires(OWN, token);
	client_hears(c, XS_WATCH, "OK");
	client_sees(c, OWN, "name");
}

static void test_events_of_nobody(void **state)
{
	struct gate_client *c = client_new(), *gone = client_new();

	client_watch(gone, OWN, "name");
	gate_client_close(gone);
	store_fires(OWN, token); /* under way still */
	store_hears(XS_UNWATCH, 0, OWN);
	store_ok();
	assert_int_equal(gate.count, 1);
	store_fires(OWN, token);
	assert_false(client_take(c));
	client_watch(c, OWN, "name");
	store_fires("/local/domain/3/secret", token);
	assert_false(client_take(c));
}

static void test_an_event_that_waits_is_not_told_twice(void **state)
{
	struct gate_client *c = client_new();

	client_watch(c, OWN, "name");
	for (int i = 0; i < 1000; i++)
		store_fires(OWN "/state", token);
	client_sees(c, OWN "/state", "name");
	assert_false(client_take(c));
}

static void test_of_too_many_events_one_is_left(void **state)
{
	struct gate_client *c = client_new();
	char path[128];
	unsigned n = 0;

	client_watch(c, OWN, "name");
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), OWN "/node-%u", i);
		store_fires(path, token);
	}
	client_sees(c, OWN, "name");
	while (client_take(c))
		n++;
	assert_true(n < GATE_EVENTS);
	assert_int_equal(strcmp(got.payload, path), 0);
}

static void test_watches_are_bounded(void **state)
{
	struct gate_client *c = client_new();
	char name[8];

	for (unsigned i = 0; i < GATE_WATCHES; i++) {
		snprintf(name, sizeof(name), "%u", i);
		client_watch(c, OWN, name);
	}
	client_ask(c, XS_WATCH, 0, LITERAL(OWN "\0more\0"));
	assert_false(store_take());
	client_hears(c, XS_ERROR, "ENOSPC");
	client_ask(c, XS_WATCH, 0, LITERAL(OWN "\0" "0\0"));
	client_hears(c, XS_ERROR, "EEXIST");
	client_ask(c, XS_UNWATCH, 0, LITERAL(OWN "\0" "0\0"));
	store_hears(XS_UNWATCH, 0, OWN);
	store_ok();
	client_hears(c, XS_UNWATCH, "OK");
	client_ask(c, XS_UNWATCH, 0, LITERAL(OWN "\0" "0\0"));
	assert_false(store_take());
	client_hears(c, XS_ERROR, "ENOENT");
	client_watch(c, OWN, "more");
}

static void test_a_watch_that_the_store_refuses(void **state)
{
	struct gate_client *c = client_new();

	for (unsigned i = 0; i < 2 * GATE_WATCHES; i++) {
		client_ask(c, XS_WATCH, 0, LITERAL(OWN "\0name\0"));
		assert_true(store_take());
		store_says(got.header.req_id, XS_ERROR, "ENOSPC");
		client_hears(c, XS_ERROR, "ENOSPC");
	}
}

/* --- clients go -------------------------------------------------------------------------------- */

static void test_what_a_client_had_is_given_back(void **state)
{
	struct gate_client *c = client_new();

	client_watch(c, OWN, "a");
	client_watch(c, OWN, "b");
	client_begin(c, "31");
	gate_client_close(c);
	store_hears(XS_TRANSACTION_END, 31, "F");
	assert_false(store_take());
	store_ok();
	store_hears(XS_UNWATCH, 0, OWN);
	store_ok();
	store_hears(XS_UNWATCH, 0, OWN);
	assert_int_equal(gate.count, 1);
	store_ok();
	assert_int_equal(gate.count, 0);
	assert_int_equal(gate.tx_held, 0);
}

static void test_a_client_goes_in_the_middle_of_a_request(void **state)
{
	static const struct {
		uint32_t type;
		const char *payload, *answer, *then;
		size_t len;
	} cases[] = {
		{ XS_READ, OWN, "x", NULL, sizeof(OWN) },
		{ XS_TRANSACTION_START, "", "8", "F", 1 },
		{ XS_WATCH, OWN "\0name", "OK", OWN, sizeof(OWN) + 5 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct gate_client *c = client_new();

		/* Before it was sent nothing is left to do. */
		client_ask(c, cases[i].type, 0, cases[i].payload, cases[i].len);
		gate_client_close(c);
		assert_false(store_take());
		assert_int_equal(gate.count, 0);
		c = client_new();
		client_ask(c, cases[i].type, 0, cases[i].payload, cases[i].len);
		assert_true(store_take());
		gate_client_close(c);
		assert_int_equal(gate.count, 1);
		store_says(got.header.req_id, cases[i].type, cases[i].answer);
		if (cases[i].then) {
			assert_true(store_take());
			assert_string_equal(got.payload, cases[i].then);
			store_ok();
		}
		assert_int_equal(gate.count, 0);
		assert_int_equal(gate.tx_held, 0);
	}
}

static void test_a_client_goes_while_it_commits(void **state)
{
	struct gate_client *c = client_new();
	uint32_t tx = client_begin(c, "12");

	client_end(c, tx, true);
	store_hears(XS_TRANSACTION_END, 12, "T");
	gate_client_close(c);
	store_ok();
	assert_false(store_take());
	assert_int_equal(gate.count, 0);
	assert_int_equal(gate.tx_held, 0);
}

static void test_too_many_clients(void **state)
{
	struct leaf_name name = { .kind = "vbd", .frontend = 2 };
	struct gate_rules rules;

	assert_int_equal(gate_rules_init(&rules, 1, &name, "/local/domain/2/x"), 0);
	for (unsigned i = 0; i < GATE_CLIENTS_MAX; i++)
		assert_non_null(gate_client_new(&gate, &rules, NULL));
	assert_null(gate_client_new(&gate, &rules, NULL));
	gate_client_close(gate.clients[17]);
	assert_non_null(gate_client_new(&gate, &rules, NULL));
}

/* --- the store goes and comes -------------------------------------------------------------------- */

static void restart(void)
{
	gate_down(&gate);
	assert_false(store_take());
	gate_up(&gate, GATE_FLIGHT);
}

static void test_watches_are_made_anew(void **state)
{
	struct gate_client *c = client_new();
	char before[64];
	uint32_t id;

	client_watch(c, LEAF, "name");
	snprintf(before, sizeof(before), "%s", token);
	restart();
	store_hears(XS_WATCH, 0, OWN);
	id = got.header.req_id;
	assert_string_equal(got.payload + sizeof(OWN), before);
	/* Its first event may come before the answer, and after. */
	store_fires(OWN, before);
	client_sees(c, LEAF, "name");
	store_says(id, XS_WATCH, "OK");
	assert_false(client_take(c));
	store_fires(OWN "/state", before);
	client_sees(c, LEAF "/state", "name");
	assert_null(c->bad);
}

static void test_a_watch_that_cannot_be_made_anew(void **state)
{
	struct gate_client *c = client_new();

	client_watch(c, OWN, "name");
	restart();
	store_hears(XS_WATCH, 0, OWN);
	store_says(got.header.req_id, XS_ERROR, "ENOSPC");
	assert_non_null(c->bad);
}

static void test_a_watch_ends_while_it_is_made_anew(void **state)
{
	struct gate_client *c = client_new();

	client_watch(c, OWN, "name");
	restart();
	store_hears(XS_WATCH, 0, OWN);
	client_ask(c, XS_UNWATCH, 0, LITERAL(OWN "\0name\0"));
	store_ok();
	client_hears(c, XS_UNWATCH, "OK");
	store_hears(XS_UNWATCH, 0, OWN);
	store_ok();
	client_watch(c, OWN, "name");
}

static void test_requests_are_asked_again(void **state)
{
	static const struct {
		uint32_t type;
		const char *payload;
		size_t len;
	} cases[] = {
		{ XS_READ, OWN, sizeof(OWN) },
		{ XS_DIRECTORY, OWN, sizeof(OWN) },
		{ XS_WRITE, OWN "/state\0" "4", sizeof(OWN "/state\0" "4") - 1 },
		{ XS_RM, OWN "/error", sizeof(OWN "/error") },
		{ XS_MKDIR, OWN "/error", sizeof(OWN "/error") },
		{ XS_WATCH, OWN "\0name", sizeof(OWN "\0name") },
		{ XS_TRANSACTION_START, "", 1 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct gate_client *c = client_new();
		struct message first;

		client_ask(c, cases[i].type, 0, cases[i].payload, cases[i].len);
		assert_true(store_take());
		first = got;
		restart();
		assert_false(client_take(c));
		assert_true(store_take());
		assert_int_not_equal(got.header.req_id, first.header.req_id);
		got.header.req_id = first.header.req_id;
		assert_memory_equal(&got, &first, sizeof(got.header) + first.header.len);
		/* An answer of the store that is gone is of no use. */
		store_says(gate.last_id, cases[i].type, "6");
		client_hears(c, cases[i].type, cases[i].type == XS_TRANSACTION_START ? "1" : "6");
		assert_false(store_take());
		gate_client_close(c);
		while (store_take())
			store_ok();
		assert_int_equal(gate.count, 0);
	}
}

static void test_requests_wait_for_a_store(void **state)
{
	struct gate_client *c = client_new(), *gone = client_new();

	gate_down(&gate);
	client_read(c, OWN);
	client_read(gone, OWN);
	assert_false(store_take());
	assert_false(client_take(c));
	gate_client_close(gone);
	assert_int_equal(gate.count, 1);
	/* What needs no store does not wait for it. */
	gate_up(&gate, GATE_FLIGHT);
	store_hears(XS_READ, 0, OWN);
	store_ok();
	client_hears(c, XS_READ, "OK");
}

static void test_transactions_end_with_their_store(void **state)
{
	struct gate_client *c = client_new();
	uint32_t tx = client_begin(c, "50"), two = client_begin(c, "51");

	restart();
	assert_int_equal(gate.tx_held, 0);
	client_ask(c, XS_WRITE, tx, LITERAL(OWN "/state\0" "4"));
	assert_false(store_take());
	client_hears(c, XS_ERROR, "EAGAIN");
	client_end(c, tx, true);
	assert_false(store_take());
	client_hears(c, XS_ERROR, "EAGAIN");
	client_end(c, two, false);
	client_hears(c, XS_TRANSACTION_END, "OK");
	client_begin(c, "52");
	client_begin(c, "53");
}

static void test_a_commit_without_an_answer_is_to_be_tried_again(void **state)
{
	struct gate_client *c = client_new();
	uint32_t tx = client_begin(c, "60");

	client_end(c, tx, true);
	assert_true(store_take());
	restart();
	assert_false(store_take());
	client_hears(c, XS_ERROR, "EAGAIN");
	tx = client_begin(c, "61");
	client_end(c, tx, false);
	assert_true(store_take());
	restart();
	client_hears(c, XS_TRANSACTION_END, "OK");
	tx = client_begin(c, "62");
	client_ask(c, XS_READ, tx, LITERAL(OWN "\0"));
	assert_true(store_take());
	restart();
	client_hears(c, XS_ERROR, "EAGAIN");
}

static void test_an_unwatch_without_an_answer_is_done(void **state)
{
	struct gate_client *c = client_new();

	client_watch(c, OWN, "name");
	client_ask(c, XS_UNWATCH, 0, LITERAL(OWN "\0name\0"));
	assert_true(store_take());
	restart();
	client_hears(c, XS_UNWATCH, "OK");
	assert_false(store_take());
	client_watch(c, OWN, "name");
}

static void test_a_message_that_was_half_sent(void **state)
{
	struct gate_client *c = client_new();
	const char *at;

	client_read(c, OWN);
	assert_true(gate_up_output(&gate, &at) > 5);
	gate_up_sent(&gate, 5);
	restart();
	store_hears(XS_READ, 0, OWN);
}

static void test_who_waits_for_a_transaction_gets_one_of_the_new_store(void **state)
{
	struct gate_client *c[GATE_TX], *late = client_new();
	uint32_t tx[GATE_TX];

	hold_all(c, tx);
	client_ask(late, XS_TRANSACTION_START, 0, LITERAL("\0"));
	assert_false(store_take());
	restart();
	store_hears(XS_TRANSACTION_START, 0, "");
	store_says(got.header.req_id, XS_TRANSACTION_START, "1");
	client_hears(late, XS_TRANSACTION_START, "1");
}

/* --- anything --------------------------------------------------------------------------------------- */

static uint64_t noise_state;

static unsigned noise(unsigned most)
{
	noise_state = noise_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(noise_state >> 33) % most;
}

#define PAYLOAD(text) { text, sizeof(text) - 1 }

static void noise_request(struct gate_client *c)
{
	static const struct {
		const char *text;
		size_t len;
	} payloads[] = { PAYLOAD(OWN "\0"), PAYLOAD(LEAF "/state\0"), PAYLOAD(OWN "\0t\0"),
		PAYLOAD(LEAF "\0u\0"), PAYLOAD(OWN "\0v\0"), PAYLOAD("T\0"), PAYLOAD("F\0"),
		PAYLOAD("\0"), PAYLOAD(OWN "/state\0" "4"), PAYLOAD("/") };
	static const uint32_t types[] = { XS_READ, XS_WATCH, XS_UNWATCH, XS_TRANSACTION_START,
		XS_TRANSACTION_END, XS_WRITE, XS_RM, XS_CONTROL, 1000 };
	struct xsd_sockmsg header = { .type = types[noise(ARRAY_SIZE(types))] };
	unsigned i = noise(ARRAY_SIZE(payloads));
	char message[128] = "";

	if (header.type != XS_TRANSACTION_START && noise(2))
		header.tx_id = c->last_tx - noise(3);
	header.len = (uint32_t)payloads[i].len;
	memcpy(message, &header, sizeof(header));
	memcpy(message + sizeof(header), payloads[i].text, payloads[i].len);
	/* What was left of one that was cut short begins the next. */
	client_put(c, message, noise(40) ? sizeof(header) + header.len : noise(sizeof(message)));
}

static void noise_answer(void)
{
	unsigned i = noise(GATE_FLIGHT);
	struct gate_client *c = gate.flight[i];
	const char *texts[] = { "OK", "17", "EAGAIN", "ENOENT" };
	const char *text = texts[noise(ARRAY_SIZE(texts))];
	uint32_t type = XS_ERROR;
	int rc;

	if (!c)
		return;
	if (noise(4))
		type = c->job == GATE_ABORT ? XS_TRANSACTION_END : c->job == GATE_WATCH ? XS_WATCH :
		       c->job == GATE_UNWATCH ? XS_UNWATCH : c->in.header.type;
	rc = store_send(gate.flight_id[i], type, text, strlen(text) + 1);
	if (rc < 0)
		gate_down(&gate);
}

static void noise_step(struct gate_client *c[8])
{
	unsigned i = noise(8);
	char path[64];

	switch (noise(12)) {
	case 0:
		if (c[i] && noise(8) == 0) {
			gate_client_close(c[i]);
			c[i] = NULL;
		}
		break;
	case 1:
		snprintf(path, sizeof(path), "%u/%x", noise(10), noise(2000));
		if (gate.up)
			store_fires(OWN "/state", path);
		break;
	case 2:
		if (noise(20) == 0 && gate.up)
			gate_down(&gate);
		else if (!gate.up)
			gate_up(&gate, noise(2) ? GATE_FLIGHT : 1);
		break;
	case 3:
		gate_tick(&gate, gate.now_ms + noise(300));
		break;
	case 4:
	case 5:
		noise_answer();
		break;
	case 6:
	case 7:
		(void)store_take();
		break;
	default:
		if (c[i] && c[i]->bad) {
			gate_client_close(c[i]);
			c[i] = NULL;
		}
		if (!c[i])
			c[i] = client_new();
		noise_request(c[i]);
		(void)client_take(c[i]);
		break;
	}
}

static void test_anything_in_any_order(void **state)
{
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct gate_client *c[8] = { NULL };

		noise_state = seed;
		for (unsigned i = 0; i < 20000; i++)
			noise_step(c);
		for (unsigned i = 0; i < 8; i++)
			if (c[i])
				gate_client_close(c[i]);
		if (!gate.up)
			gate_up(&gate, GATE_FLIGHT);
		for (unsigned i = 0; i < 1000 && gate.count; i++) {
			while (store_take())
				;
			for (unsigned j = 0; j < GATE_FLIGHT; j++)
				if (gate.flight[j]) {
					struct gate_client *f = gate.flight[j];
					uint32_t type = f->job == GATE_ABORT ? XS_TRANSACTION_END :
							f->job == GATE_REQUEST ? f->in.header.type : XS_UNWATCH;

					assert_int_equal(store_send(gate.flight_id[j], type, LITERAL("3\0")), 0);
				}
		}
		assert_int_equal(gate.count, 0);
		assert_int_equal(gate.tx_held, 0);
		assert_null(gate_take_dirty(&gate));
	}
}

#define GATE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		GATE_TEST(test_a_request_and_its_answer),
		GATE_TEST(test_a_value_goes_with_its_path),
		GATE_TEST(test_what_is_refused_does_not_reach_the_store),
		GATE_TEST(test_a_request_in_pieces),
		GATE_TEST(test_a_message_that_is_too_long_ends_its_client),
		GATE_TEST(test_the_whole_path_may_be_too_long),
		GATE_TEST(test_one_request_at_a_time),
		GATE_TEST(test_one_that_takes_no_answers_stops_nobody),
		GATE_TEST(test_clients_take_turns),
		GATE_TEST(test_answers_in_any_order),
		GATE_TEST(test_the_store_gets_no_more_than_it_takes),
		GATE_TEST(test_a_connection_that_takes_one_request_at_a_time),
		GATE_TEST(test_a_connection_that_refuses_a_message),
		GATE_TEST(test_a_store_that_breaks_the_protocol),
		GATE_TEST(test_transactions_have_ids_of_their_own),
		GATE_TEST(test_a_conflict_is_told),
		GATE_TEST(test_few_transactions_per_client),
		GATE_TEST(test_transactions_that_the_store_refuses),
		GATE_TEST(test_transactions_are_waited_for),
		GATE_TEST(test_who_keeps_one_loses_it),
		GATE_TEST(test_those_who_wait_lose_theirs_too),
		GATE_TEST(test_one_that_goes_while_it_waits),
		GATE_TEST(test_events_come_as_they_were_asked_for),
		GATE_TEST(test_answers_come_before_events),
		GATE_TEST(test_events_of_nobody),
		GATE_TEST(test_an_event_that_waits_is_not_told_twice),
		GATE_TEST(test_of_too_many_events_one_is_left),
		GATE_TEST(test_watches_are_bounded),
		GATE_TEST(test_a_watch_that_the_store_refuses),
		GATE_TEST(test_what_a_client_had_is_given_back),
		GATE_TEST(test_a_client_goes_in_the_middle_of_a_request),
		GATE_TEST(test_a_client_goes_while_it_commits),
		GATE_TEST(test_too_many_clients),
		GATE_TEST(test_watches_are_made_anew),
		GATE_TEST(test_a_watch_that_cannot_be_made_anew),
		GATE_TEST(test_a_watch_ends_while_it_is_made_anew),
		GATE_TEST(test_requests_are_asked_again),
		GATE_TEST(test_requests_wait_for_a_store),
		GATE_TEST(test_transactions_end_with_their_store),
		GATE_TEST(test_a_commit_without_an_answer_is_to_be_tried_again),
		GATE_TEST(test_an_unwatch_without_an_answer_is_done),
		GATE_TEST(test_a_message_that_was_half_sent),
		GATE_TEST(test_who_waits_for_a_transaction_gets_one_of_the_new_store),
		GATE_TEST(test_anything_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/* The gate between backends and the store: requests, and clients that go. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/gate-rig.h"

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
		GATE_TEST(test_what_a_client_had_is_given_back),
		GATE_TEST(test_a_client_goes_in_the_middle_of_a_request),
		GATE_TEST(test_a_client_goes_while_it_commits),
		GATE_TEST(test_too_many_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

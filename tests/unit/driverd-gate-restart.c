// SPDX-License-Identifier: MIT
/* The gate between backends and a store that goes and comes. */
#include "config.h"

#include <stdio.h>

#include "tests/unit/gate-rig.h"

static void test_watches_are_made_anew(void **state)
{
	struct gate_client *c = client_new();
	char before[64];
	uint32_t id;

	client_watch(c, LEAF, "name");
	snprintf(before, sizeof(before), "%s", token);
	store_restarts();
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
	store_restarts();
	store_hears(XS_WATCH, 0, OWN);
	store_says(got.header.req_id, XS_ERROR, "ENOSPC");
	assert_non_null(c->bad);
}

static void test_a_watch_ends_while_it_is_made_anew(void **state)
{
	struct gate_client *c = client_new();

	client_watch(c, OWN, "name");
	store_restarts();
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
		store_restarts();
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

	store_restarts();
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
	store_restarts();
	assert_false(store_take());
	client_hears(c, XS_ERROR, "EAGAIN");
	tx = client_begin(c, "61");
	client_end(c, tx, false);
	assert_true(store_take());
	store_restarts();
	client_hears(c, XS_TRANSACTION_END, "OK");
	tx = client_begin(c, "62");
	client_ask(c, XS_READ, tx, LITERAL(OWN "\0"));
	assert_true(store_take());
	store_restarts();
	client_hears(c, XS_ERROR, "EAGAIN");
}

static void test_an_unwatch_without_an_answer_is_done(void **state)
{
	struct gate_client *c = client_new();

	client_watch(c, OWN, "name");
	client_ask(c, XS_UNWATCH, 0, LITERAL(OWN "\0name\0"));
	assert_true(store_take());
	store_restarts();
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
	store_restarts();
	store_hears(XS_READ, 0, OWN);
}

static void test_who_waits_for_a_transaction_gets_one_of_the_new_store(void **state)
{
	struct gate_client *c[GATE_TX], *late = client_new();
	uint32_t tx[GATE_TX];

	hold_all(c, tx);
	client_ask(late, XS_TRANSACTION_START, 0, LITERAL("\0"));
	assert_false(store_take());
	store_restarts();
	store_hears(XS_TRANSACTION_START, 0, "");
	store_says(got.header.req_id, XS_TRANSACTION_START, "1");
	client_hears(late, XS_TRANSACTION_START, "1");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

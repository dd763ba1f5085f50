// SPDX-License-Identifier: MIT
/* The gate between backends and the store: transactions. */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "tests/unit/gate-rig.h"

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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		GATE_TEST(test_transactions_have_ids_of_their_own),
		GATE_TEST(test_a_conflict_is_told),
		GATE_TEST(test_few_transactions_per_client),
		GATE_TEST(test_transactions_that_the_store_refuses),
		GATE_TEST(test_transactions_are_waited_for),
		GATE_TEST(test_who_keeps_one_loses_it),
		GATE_TEST(test_those_who_wait_lose_theirs_too),
		GATE_TEST(test_one_that_goes_while_it_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

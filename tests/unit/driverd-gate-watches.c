// SPDX-License-Identifier: MIT
/* The gate between backends and the store: watches and their events. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/gate-rig.h"

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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		GATE_TEST(test_events_come_as_they_were_asked_for),
		GATE_TEST(test_answers_come_before_events),
		GATE_TEST(test_events_of_nobody),
		GATE_TEST(test_an_event_that_waits_is_not_told_twice),
		GATE_TEST(test_of_too_many_events_one_is_left),
		GATE_TEST(test_watches_are_bounded),
		GATE_TEST(test_a_watch_that_the_store_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

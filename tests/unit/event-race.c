// SPDX-License-Identifier: MIT
/*
 * A guest that takes events while they are raised: none is lost, none stays behind, and one
 * that writes nonsense meanwhile stops nobody. Meant for the thread sanitizer, too.
 */
#include "config.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/event-rig.h"

#define PORTS 24u
#define ROUNDS 60000u

static uint32_t ports[PORTS];
static atomic_uint sent[4096], seen[4096];
static atomic_bool stop;

/* An event says that something was sent; how much, the counters say. */
static void on_event(void *opaque, uint32_t port)
{
	seen[port] = sent[port];
}

static void *guest_main(void *opaque)
{
	struct consumer *c = opaque;

	while (!stop) {
		consumer_run(c);
		sched_yield();
	}
	consumer_run(c);
	return NULL;
}

static void send_all(void)
{
	uint32_t seed = 12345;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t port;

		seed = seed * 1664525 + 1013904223;
		port = ports[(seed >> 16) % PORTS];
		sent[port]++;
		rig_raise(port);
		/* Queues change under it, too. */
		if (event_abi_is_fifo(rig.abi) && i % 7 == 0)
			(void)!event_abi_set_priority(rig.abi, port, seed >> 28);
		if (i % 64 == 0)
			sched_yield();
	}
}

static void race(void *(*main)(void *))
{
	pthread_t thread;

	stop = false;
	rig.guest[0].handle = on_event;
	for (unsigned i = 0; i < PORTS; i++) {
		ports[i] = rig_ipi(0);
		sent[ports[i]] = seen[ports[i]] = 0;
	}
	assert_int_equal(pthread_create(&thread, NULL, main, &rig.guest[0]), 0);
	send_all();
	stop = true;
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void assert_all_seen(void)
{
	for (unsigned i = 0; i < PORTS; i++) {
		assert_int_equal(sent[ports[i]], seen[ports[i]]);
		assert_false(rig_is_pending(ports[i]));
	}
}

static void test_fifo(void **state)
{
	race(guest_main);
	assert_all_seen();
	for (unsigned i = 0; i < PORTS; i++)
		assert_int_equal(*rig_word(ports[i]), 0);
}

static void test_two_level(void **state)
{
	race(guest_main);
	assert_all_seen();
}

/* Writes all over what it shares. */
static void *hostile_main(void *opaque)
{
	struct consumer *c = opaque;
	uint32_t seed = 99;

	while (!stop) {
		uint32_t port;

		seed = seed * 1664525 + 1013904223;
		port = ports[(seed >> 16) % PORTS];
		__atomic_store_n(consumer_word(c, port), seed ^ seed >> 7, __ATOMIC_SEQ_CST);
		__atomic_store_n(&c->control->head[seed >> 28], seed, __ATOMIC_SEQ_CST);
		__atomic_store_n(&c->control->ready, seed, __ATOMIC_SEQ_CST);
		__atomic_store_n(&c->info->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void test_hostile(void **state)
{
	uint32_t port;

	race(hostile_main);
	/* Others' ports, and its own once it behaves, are as they were. */
	port = rig_ipi(0);
	for (unsigned i = 0; i < PORTS; i++)
		*rig_word(ports[i]) = 0;
	*rig_word(port) = 0;
	rig_control(0)->ready = 0;
	rig.guest[0].info->evtchn_upcall_pending = 0;
	rig_raise(port);
	assert_int_equal(rig_run(0), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fifo, rig_setup_fifo, rig_teardown),
		cmocka_unit_test_setup_teardown(test_two_level, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_hostile, rig_setup_fifo, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

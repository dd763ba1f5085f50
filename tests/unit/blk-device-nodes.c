// SPDX-License-Identifier: MIT
/* What a frontend writes to connect, with one ring and with several, right and wrong. */
#include "config.h"
#include "tests/unit/blk-device-rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "protocol/ring.h"
#include "tests/peers/fake-xen.h"

/* Those of all rings, which stay open for the next connection. */
#define HANDLES_MAX (2 * 8)

/* --- how long it stays at InitWait ------------------------------------------------------ */

static void initwait_lasts_as_long_as_libxl_needs(void **state)
{
	setenv("SLUICE_INITWAIT_MS", "400", 1);
	start_device();
	unsetenv("SLUICE_INITWAIT_MS");
	run_until(BACK "/state", "2");
	front_ring();
	front("state", "3");
	settle();
	expect_node("state", "2");
	run_until(BACK "/state", "4");
	/* The toolstack waits for it once: a guest that boots again need not. */
	front("state", "6");
	run_until(BACK "/state", "6");
	fake_store_rm(FRONT);
	front_ring();
	front("state", "1");
	run_until(BACK "/state", "2");
	front("state", "3");
	settle();
	expect_node("state", "4");
}

static void initwait_for_no_time(void **state)
{
	setenv("SLUICE_INITWAIT_MS", "-1", 1);
	start_device();
	unsetenv("SLUICE_INITWAIT_MS");
	run_until(BACK "/state", "2");
	front_ring();
	front("state", "3");
	settle();
	expect_node("state", "4");
}

/* --- the frontend's mistakes: error node, Closing, and a better try later works --- */

static void refuses(const char *name, const char *value, const char *error)
{
	start_device();
	run_until(BACK "/state", "2");
	front_ring();
	if (value)
		front(name, value);
	else {
		char path[128];

		snprintf(path, sizeof(path), FRONT "/%s", name);
		fake_store_rm(path);
	}
	front("state", "3");
	run_until(BACK "/state", "5");
	expect_error(error);
	assert_int_equal(fake_counts().mapped, 0);
	assert_int_equal(fake_counts().bound, 0);
	assert_true(fake_counts().open_handles <= HANDLES_MAX);
	front("state", "6");
	run_until(BACK "/state", "6");
	fake_store_rm(FRONT);
	front_ring();
	front("state", "1");
	run_until(BACK "/state", "2");
	expect_node("error", NULL);
	front("state", "3");
	run_until(BACK "/state", "4");
}

static void rule18_ring_order_too_large(void **state)
{
	refuses("ring-page-order", "5", "ring-page-order");
}

static void rule18_ring_order_negative(void **state)
{
	refuses("ring-page-order", "-1", "ring-page-order");
}

static void rule18_too_many_queues(void **state)
{
	refuses("multi-queue-num-queues", "2", "multi-queue-num-queues");
}

static void rule18_absurd_number_of_queues(void **state)
{
	refuses("multi-queue-num-queues", "4294967295", "multi-queue-num-queues");
}

static void rule18_ring_ref_missing(void **state)
{
	refuses("ring-ref", NULL, "ring-ref");
}

static void rule18_ring_ref_is_no_number(void **state)
{
	refuses("ring-ref", "0x1", "ring-ref");
}

static void ring_ref_that_was_not_granted(void **state)
{
	refuses("ring-ref", "1999", "1999");
}

static void event_channel_missing(void **state)
{
	refuses("event-channel", NULL, "event-channel");
}

static void event_channel_of_nobody(void **state)
{
	refuses("event-channel", "4000", "4000");
}

static void unknown_protocol(void **state)
{
	refuses("protocol", "ia64-abi", "protocol");
}

static void persistent_that_is_no_bool(void **state)
{
	refuses("feature-persistent", "maybe", "feature-persistent");
}

/* Rule 1: told in the error node, and only this device is over. */
static void rule01_broken_ring_ends_in_the_error_node(void **state)
{
	volatile uint32_t *req_prod;

	connect_disk();
	req_prod = fake_grant_ring(1, 1); /* the same page, zeroed */
	*req_prod = 100000;
	fake_notify();
	run_until(BACK "/error", NULL);
	expect_error("request index is out of range");
	run_until(BACK "/state", "6");
	assert_int_equal(fake_counts().mapped, 0);
	front("state", "6");
	front("state", "1");
	run_until(BACK "/state", "2");
}

static void states_that_are_none_change_nothing(void **state)
{
	start_device();
	run_until(BACK "/state", "2");
	front("state", "99");
	front("state", "-4");
	front("state", "x");
	front("state", "");
	front_ring();
	front("state", "3");
	run_until(BACK "/state", "4");
}

/* --- several rings --- */

static void connect_queues(unsigned n)
{
	rig.max_queues = n;
	start_device();
	run_until(BACK "/state", "2");
	front_queues(n);
	front("state", "3");
	run_until(BACK "/state", "4");
}

static void eight_rings_connect_and_disconnect(void **state)
{
	connect_queues(8);
	expect_node("multi-queue-max-queues", "8");
	assert_int_equal(fake_counts().bound, 8);
	assert_int_equal(fake_counts().mapped, 8);
	front("state", "6");
	run_until(BACK "/state", "6");
	assert_int_equal(fake_counts().bound, 0);
	assert_int_equal(fake_counts().mapped, 0);
	assert_true(fake_counts().open_handles <= HANDLES_MAX);
	front("state", "1");
	run_until(BACK "/state", "2");
}

static void fewer_rings_than_offered(void **state)
{
	rig.max_queues = 8;
	start_device();
	run_until(BACK "/state", "2");
	front_queues(3);
	front("state", "3");
	run_until(BACK "/state", "4");
	assert_int_equal(fake_counts().bound, 3);
}

/* A kernel after GRUB: the nodes of its one ring count, whatever else lies around. */
static void stale_nodes_of_several_rings_do_not_count(void **state)
{
	rig.max_queues = 8;
	start_device();
	run_until(BACK "/state", "2");
	front_queues(4);
	front("queue-0/ring-ref", "1999");
	front("multi-queue-num-queues", "");
	front_ring();
	front("state", "4");
	run_until(BACK "/state", "4");
	assert_int_equal(fake_counts().bound, 1);
}

/* And the other way: GRUB's flat nodes beside those of several rings. */
static void stale_nodes_of_one_ring_do_not_count(void **state)
{
	front("ring-ref", "1999");
	front("event-channel", "4000");
	connect_queues(2);
	assert_int_equal(fake_counts().bound, 2);
}

static void refuses_queue(unsigned n, const char *name, const char *value, const char *error)
{
	rig.max_queues = 4;
	start_device();
	run_until(BACK "/state", "2");
	front_queues(n);
	front(name, value);
	front("state", "3");
	run_until(BACK "/state", "5");
	expect_error(error);
	assert_int_equal(fake_counts().mapped, 0);
	assert_int_equal(fake_counts().bound, 0);
	assert_true(fake_counts().open_handles <= HANDLES_MAX);
	front("state", "6");
	run_until(BACK "/state", "6");
}

static void one_ring_of_several_without_grant(void **state)
{
	refuses_queue(4, "queue-3/ring-ref", "1999", "queue 3");
}

static void one_ring_of_several_without_nodes(void **state)
{
	refuses_queue(4, "queue-2/ring-ref", "", "queue-2/ring-ref is missing");
}

static void two_rings_with_the_same_event_channel(void **state)
{
	refuses_queue(2, "queue-1/event-channel", "5", "event channel 5 of queue 1");
}

static void rule18_more_rings_than_offered(void **state)
{
	refuses_queue(4, "multi-queue-num-queues", "5", "at most 4");
}

static void one_broken_ring_disconnects_the_device(void **state)
{
	volatile uint32_t *req_prod;

	connect_queues(3);
	req_prod = fake_grant_ring(11, 1);
	*req_prod = 100000;
	fake_notify_on(1);
	run_until(BACK "/error", NULL);
	expect_error("ring 1");
	run_until(BACK "/state", "6");
	assert_int_equal(fake_counts().mapped, 0);
	assert_int_equal(fake_counts().bound, 0);
	front("state", "6");
	front("state", "1");
	run_until(BACK "/state", "2");
}

#define T(f) cmocka_unit_test_setup_teardown(f, device_setup, device_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(initwait_lasts_as_long_as_libxl_needs),
		T(initwait_for_no_time),
		T(rule18_ring_order_too_large),
		T(rule18_ring_order_negative),
		T(rule18_too_many_queues),
		T(rule18_absurd_number_of_queues),
		T(rule18_ring_ref_missing),
		T(rule18_ring_ref_is_no_number),
		T(ring_ref_that_was_not_granted),
		T(event_channel_missing),
		T(event_channel_of_nobody),
		T(unknown_protocol),
		T(persistent_that_is_no_bool),
		T(rule01_broken_ring_ends_in_the_error_node),
		T(states_that_are_none_change_nothing),
		T(eight_rings_connect_and_disconnect),
		T(fewer_rings_than_offered),
		T(stale_nodes_of_several_rings_do_not_count),
		T(stale_nodes_of_one_ring_do_not_count),
		T(one_ring_of_several_without_grant),
		T(one_ring_of_several_without_nodes),
		T(two_rings_with_the_same_event_channel),
		T(rule18_more_rings_than_offered),
		T(one_broken_ring_disconnects_the_device),
	};

	return cmocka_run_group_tests_name("blk-device-nodes", tests, NULL, NULL);
}

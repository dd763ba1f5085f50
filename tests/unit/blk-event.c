// SPDX-License-Identifier: MIT
/* The event channel where the handle's descriptor is Xen's device: io_uring reads and writes it. */
#include "config.h"
#include "tests/unit/blk-request-rig.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS 100
#define WAIT_MS 60000u

static int setup(void **state)
{
	fake_use_device(true);
	return request_setup(state);
}

static int teardown(void **state)
{
	fake_use_device(false);
	return request_teardown(state);
}

static void do_one(void)
{
	struct blkif_req req = rig_request(&rig, BLKIF_OP_READ, 0, 1);

	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
}

/* It is on its way to sleep: what comes from here on comes with an event. */
static void wait_for_unmask(unsigned unmasks)
{
	for (unsigned waited = 0; fake_counts().unmasks < unmasks; waited++) {
		assert_true(waited < WAIT_MS * 10);
		usleep(100);
	}
}

static void events_are_read_and_unmasked(void **state)
{
	start_ring((struct rig_options){ 0 });
	for (unsigned i = 1; i <= ROUNDS; i++) {
		do_one();
		wait_for_unmask(i);
	}
	assert_int_equal(rig_metric(&rig, QUEUE_WAKEUPS), ROUNDS);
	stop_clean();
	assert_int_equal(fake_counts().unmasks, ROUNDS);
}

/* Rule 16 (XSA-332): one per pass, as the port stays masked until the queue sleeps again. */
static void storm_is_one_event_per_pass(void **state)
{
	start_ring((struct rig_options){ 0 });
	for (int i = 0; i < 10000; i++)
		fake_notify();
	do_one();
	stop_clean();
	assert_true(fake_counts().notifies <= 1);
	assert_true(fake_counts().unmasks < 10000);
}

/* What an earlier connection left in the device. */
static void another_port_is_ignored(void **state)
{
	start_ring((struct rig_options){ 0 });
	for (unsigned i = 1; i <= ROUNDS; i++) {
		fake_stray_port(FAKE_LOCAL_PORT + 5);
		do_one();
		wait_for_unmask(i);
	}
	stop_clean();
	assert_int_equal(fake_counts().unmasks, ROUNDS);
}

static void device_that_fails_ends_the_ring(void **state)
{
	char *why;

	start_ring((struct rig_options){ 0 });
	do_one();
	fake_break_device();
	rig_wait_ended(&rig);
	why = rig_stop(&rig);
	assert_non_null(why);
	assert_non_null(strstr(why, "event channel"));
	free(why);
}

static void ends_while_it_waits(void **state)
{
	start_ring((struct rig_options){ 0 });
	stop_clean();
	start_ring((struct rig_options){ 0 });
	do_one();
	wait_for_unmask(1);
	stop_clean();
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(events_are_read_and_unmasked),
		T(storm_is_one_event_per_pass),
		T(another_port_is_ignored),
		T(device_that_fails_ends_the_ring),
		T(ends_while_it_waits),
	};

	return cmocka_run_group_tests_name("blk-event", tests, NULL, NULL);
}

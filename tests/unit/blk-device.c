// SPDX-License-Identifier: MIT
/*
 * A block device's life over a store in memory: the test is toolstack and frontend,
 * and runs the loop until what it waits for is in the store.
 */
#include "config.h"
#include "backends/blk/device.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/blkif.h"
#include "protocol/ring.h"
#include "tests/peers/fake-xen.h"

#define BACK "backend/vbd/7/51712"
#define FRONT "/local/domain/7/device/vbd/51712"
#define PENDING 99

static struct loop *loop;
static struct device *device;
static int status;
static unsigned max_queues;
static char image[64];
static char *expected_path, *expected_value;

static int setup(void **state)
{
	int fd;

	fake_reset();
	max_queues = 1;
	snprintf(image, sizeof(image), "/dev/shm/sluice-blk-XXXXXX");
	fd = mkstemp(image);
	if (fd < 0 || ftruncate(fd, 1 << 20) < 0)
		return -1;
	close(fd);
	loop = loop_new();
	fake_store_write(BACK "/frontend", FRONT);
	fake_store_write(BACK "/frontend-id", "7");
	fake_store_write(BACK "/params", image);
	fake_store_write(BACK "/mode", "w");
	fake_store_write(BACK "/online", "1");
	fake_store_write(BACK "/state", "1");
	fake_store_write(FRONT "/state", "1");
	return 0;
}

static int teardown(void **state)
{
	device_free(device);
	device = NULL;
	loop_free(loop);
	unlink(image);
	return 0;
}

static bool is_there(void)
{
	char *value = fake_store_read(expected_path);
	bool yes = expected_value ? value && strcmp(value, expected_value) == 0 : !!value;

	free(value);
	return yes;
}

static int ticks;

static void tick(void *opaque)
{
	if (is_there() || --ticks <= 0)
		loop_stop(loop, PENDING);
	else
		assert_non_null(loop_add_timer(loop, 2, tick, NULL));
}

/* Run until the node has the value; fails after ten seconds. Returns the loop's status. */
static int run_until(const char *path, const char *value)
{
	int rc;

	expected_path = (char *)(uintptr_t)path;
	expected_value = (char *)(uintptr_t)value;
	ticks = 5000;
	assert_non_null(loop_add_timer(loop, 0, tick, NULL));
	rc = loop_run(loop);
	if (!is_there()) {
		char *now = fake_store_read(path);

		fail_msg("%s is %s, not %s", path, now ? now : "absent", value);
	}
	return rc;
}

static void start(void)
{
	struct device_options o = { .path = BACK, .ready_fd = -1, .max_queues = max_queues };

	device = device_start(loop, &o, &status);
}

static void stop_now(void *opaque)
{
	device_stop(device);
}

/* As sluice-blk does on SIGTERM: from inside the loop. */
static void stop(void)
{
	assert_non_null(loop_add_timer(loop, 0, stop_now, NULL));
}

static void front(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), FRONT "/%s", name);
	fake_store_write(path, value);
}

static void front_ring(void)
{
	struct ring_front ring;

	assert_int_equal(ring_front_init(&ring, fake_grant_ring(1, 1), 4096,
				 blkif_slot_size(BLKIF_ABI_NATIVE)),
		0);
	front("ring-ref", "1");
	front("event-channel", "5");
	front("protocol", "x86_64-abi");
}

static void expect_node(const char *name, const char *value)
{
	char path[128], *text;

	snprintf(path, sizeof(path), BACK "/%s", name);
	text = fake_store_read(path);
	if (!value) {
		assert_null(text);
		return;
	}
	assert_non_null(text);
	assert_string_equal(text, value);
	free(text);
}

static void expect_error(const char *part)
{
	char *own = fake_store_read(BACK "/error");
	char *tree = fake_store_read("error/" BACK "/error");

	assert_non_null(own);
	assert_non_null(tree);
	assert_string_equal(own, tree);
	if (!strstr(own, part))
		fail_msg("the error says: %s", own);
	free(own);
	free(tree);
}

static void connect_disk(void)
{
	start();
	assert_non_null(device);
	run_until(BACK "/state", "2");
	front_ring();
	front("state", "3");
	run_until(BACK "/state", "4");
}

static void publishes_what_frontends_read_before_init_wait(void **state)
{
	start();
	run_until(BACK "/state", "2");
	expect_node("feature-max-indirect-segments", "256");
	expect_node("feature-persistent", "1");
	expect_node("max-ring-page-order", "4");
	expect_node("feature-flush-cache", "1");
	expect_node("sectors", NULL);
}

static void connects_and_is_removed(void **state)
{
	connect_disk();
	expect_node("sectors", "2048");
	expect_node("sector-size", "512");
	expect_node("info", "0");
	assert_int_equal(fake_counts().bound, 1);
	fake_store_write(BACK "/online", "0");
	fake_store_write(BACK "/state", "5"); /* the toolstack detaches */
	run_until(BACK "/state", "5");
	front("state", "5");
	run_until(BACK "/state", "5");
	assert_int_equal(fake_counts().bound, 1); /* rule 19: served while Closing */
	front("state", "6");
	assert_int_equal(run_until(BACK "/state", "6"), DEVICE_REMOVED);
	assert_int_equal(fake_counts().bound, 0);
	assert_int_equal(fake_counts().mapped, 0);
}

/* GRUB: straight 2 to 4, closes with 6 at once, empties its nodes, starts again at 1. */
static void grub_then_a_kernel(void **state)
{
	connect_disk();
	front("state", "6");
	run_until(BACK "/state", "6");
	front("ring-ref", "");
	front("event-channel", "");
	front("state", "1");
	run_until(BACK "/state", "2");
	front_ring();
	front("state", "4"); /* Mini-OS, OVMF, MirageOS do this */
	run_until(BACK "/state", "4");
	assert_int_equal(fake_counts().bound, 1);
	stop();
	run_until(BACK "/state", "6");
}

/* Windows closes before it was ever connected and expects InitWait after. */
static void windows_closes_first(void **state)
{
	start();
	run_until(BACK "/state", "2");
	front("state", "5");
	run_until(BACK "/state", "5");
	front("state", "6");
	run_until(BACK "/state", "6");
	front("state", "1");
	run_until(BACK "/state", "2");
}

static void rule17_xsa350_rapid_connect_and_disconnect(void **state)
{
	start();
	for (int i = 0; i < 50; i++) {
		run_until(BACK "/state", "2");
		front_ring();
		front("state", "3");
		if (i % 2)
			run_until(BACK "/state", "4");
		front("state", "6");
		run_until(BACK "/state", "6");
		front("state", "1");
	}
	run_until(BACK "/state", "2");
	assert_int_equal(fake_counts().mapped, 0);
	assert_int_equal(fake_counts().open_handles, 0);
}

static void frontend_vanishes_while_connected(void **state)
{
	connect_disk();
	fake_store_write(BACK "/online", "0");
	fake_store_rm(FRONT);
	assert_int_equal(run_until(BACK "/state", "6"), DEVICE_REMOVED);
}

/* What libxl does to a qdisk of a guest that is paused or dying: Closed, and nothing else. */
static void closed_by_the_toolstack_alone_is_removal(void **state)
{
	connect_disk();
	fake_store_write(BACK "/state", "6");
	assert_int_equal(run_until(BACK "/online", "0"), DEVICE_REMOVED);
	expect_node("state", "6");
	assert_int_equal(fake_counts().bound, 0);
	assert_int_equal(fake_counts().mapped, 0);
}

static void closed_by_a_predecessor_is_none(void **state)
{
	fake_store_write(BACK "/state", "6");
	connect_disk();
	expect_node("online", "1");
}

static void removed_directory_stays_removed(void **state)
{
	int rc;

	connect_disk();
	fake_store_rm(BACK);
	rc = loop_run(loop);
	assert_int_equal(rc, DEVICE_REMOVED);
	assert_null(fake_store_read(BACK "/state"));
	assert_null(fake_store_read(BACK "/error"));
}

static void sigterm_closes(void **state)
{
	connect_disk();
	stop();
	assert_int_equal(run_until(BACK "/state", "6"), DEVICE_REMOVED);
	assert_int_equal(fake_counts().bound, 0);
}

static void a_conflicting_transaction_is_tried_again(void **state)
{
	fake_store_conflicts(3);
	connect_disk();
}

/* --- the frontend's mistakes: error node, Closing, and a better try later works --- */

static void refuses(const char *name, const char *value, const char *error)
{
	start();
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
	assert_int_equal(fake_counts().open_handles, 0);
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
	refuses("protocol", "arm-abi", "protocol");
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
	start();
	run_until(BACK "/state", "2");
	front("state", "99");
	front("state", "-4");
	front("state", "x");
	front("state", "");
	front_ring();
	front("state", "3");
	run_until(BACK "/state", "4");
}

/* --- storage that cannot be opened --- */

static void expect_no_storage(const char *error)
{
	start();
	assert_null(device);
	assert_int_equal(status, DEVICE_NO_STORAGE);
	expect_node("state", "6");
	expect_error(error);
}

static void missing_file(void **state)
{
	fake_store_write(BACK "/params", "/nonexistent/disk");
	expect_no_storage("/nonexistent/disk: no such file");
}

static void unknown_format(void **state)
{
	fake_store_write(BACK "/params", "qcow2:/x");
	expect_no_storage("qcow2");
}

static void driver_left_out(void **state)
{
	fake_store_write(BACK "/driver", "iscsi");
	expect_no_storage("iscsi");
}

static void unknown_driver(void **state)
{
	fake_store_write(BACK "/driver", "nonsense");
	expect_no_storage("nonsense");
}

static void toolstack_node_missing(void **state)
{
	fake_store_rm(BACK "/mode");
	start();
	assert_null(device);
	assert_int_equal(status, DEVICE_USAGE);
	expect_error("mode");
}

static void no_such_directory(void **state)
{
	fake_store_rm(BACK);
	start();
	assert_null(device);
	assert_int_equal(status, DEVICE_USAGE);
	assert_null(fake_store_read(BACK "/state"));
}

static void read_only_disk_says_so(void **state)
{
	fake_store_write(BACK "/mode", "r");
	fake_store_write(BACK "/device-type", "cdrom");
	connect_disk();
	expect_node("info", "5"); /* cdrom, read-only */
	expect_node("feature-flush-cache", "0");
}

/* A predecessor killed while connected: its ring must not be attached to without a replay. */
static void successor_does_not_attach_to_an_orphaned_ring(void **state)
{
	fake_store_write(BACK "/state", "4");
	front_ring();
	front("state", "4");
	start();
	run_until(BACK "/state", "5");
	expect_error("earlier backend");
	assert_int_equal(fake_counts().mapped, 0);
	front("state", "6");
	run_until(BACK "/state", "6");
	front("state", "1");
	run_until(BACK "/state", "2");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(publishes_what_frontends_read_before_init_wait),
		T(connects_and_is_removed),
		T(grub_then_a_kernel),
		T(windows_closes_first),
		T(rule17_xsa350_rapid_connect_and_disconnect),
		T(frontend_vanishes_while_connected),
		T(closed_by_the_toolstack_alone_is_removal),
		T(closed_by_a_predecessor_is_none),
		T(removed_directory_stays_removed),
		T(sigterm_closes),
		T(a_conflicting_transaction_is_tried_again),
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
		T(missing_file),
		T(unknown_format),
		T(driver_left_out),
		T(unknown_driver),
		T(toolstack_node_missing),
		T(no_such_directory),
		T(read_only_disk_says_so),
		T(successor_does_not_attach_to_an_orphaned_ring),
	};

	return cmocka_run_group_tests_name("blk-device", tests, NULL, NULL);
}

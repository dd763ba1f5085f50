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

#include "backends/common/journal.h"
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
static const char *journal_path;
static char *expected_path, *expected_value;

static int setup(void **state)
{
	int fd;

	fake_reset();
	max_queues = 1;
	journal_path = NULL;
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
	struct device_options o = { .path = BACK, .ready_fd = -1, .max_queues = max_queues,
		.journal = journal_path };

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

/* The nodes of ring @i of several, in queue-@i/. */
static void front_queue(unsigned i, uint32_t gref, uint32_t port)
{
	struct ring_front ring;
	char name[40], value[16];

	assert_int_equal(ring_front_init(&ring, fake_grant_ring(gref, 1), 4096,
				 blkif_slot_size(BLKIF_ABI_NATIVE)),
		0);
	snprintf(name, sizeof(name), "queue-%u/ring-ref", i);
	snprintf(value, sizeof(value), "%u", gref);
	front(name, value);
	snprintf(name, sizeof(name), "queue-%u/event-channel", i);
	snprintf(value, sizeof(value), "%u", port);
	front(name, value);
}

static void front_queues(unsigned n)
{
	char value[16];

	for (unsigned i = 0; i < n; i++)
		front_queue(i, 10 + i, FAKE_REMOTE_PORT + i);
	snprintf(value, sizeof(value), "%u", n);
	front("multi-queue-num-queues", value);
	front("protocol", "x86_64-abi");
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

/* Writes of the toolstack are looked at in the loop; this one is the last of them. */
static void settle(void)
{
	static unsigned n;
	char path[64];

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), BACK "/settle-%u", n++);
		fake_store_write(path, "");
		run_until(path, NULL);
	}
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

static void ovmf_connects_at_once_and_closes_in_steps(void **state)
{
	start();
	run_until(BACK "/state", "2");
	front_ring();
	front("state", "4");
	run_until(BACK "/state", "4");
	front("state", "5");
	run_until(BACK "/state", "5");
	front("state", "6");
	run_until(BACK "/state", "6");
	front("state", "1");
	run_until(BACK "/state", "2");
}

static void ring_pages(unsigned n)
{
	struct ring_front ring;
	char name[16], value[16];

	assert_int_equal(ring_front_init(&ring, fake_grant_ring(40, n), n * 4096,
				 blkif_slot_size(BLKIF_ABI_NATIVE)),
		0);
	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "ring-ref%u", i);
		snprintf(value, sizeof(value), "%u", 40 + i);
		front(name, value);
	}
	front("event-channel", "5");
}

static void mirage_connects_with_four_ring_pages(void **state)
{
	start();
	run_until(BACK "/state", "2");
	ring_pages(4);
	front("ring-page-order", "2");
	front("protocol", "x86_64-abi");
	front("state", "4");
	run_until(BACK "/state", "4");
	assert_int_equal(fake_counts().mapped, 4);
}

static void freebsd_names_its_ring_pages_in_both_ways(void **state)
{
	start();
	run_until(BACK "/state", "2");
	expect_node("max-ring-pages", "16");
	ring_pages(8);
	front("num-ring-pages", "8");
	front("ring-page-order", "3");
	front("state", "3");
	run_until(BACK "/state", "4");
	assert_int_equal(fake_counts().mapped, 8);
}

/* Linux after a resume that did not happen; blkback ignores it, too. */
static void initialised_again_while_connected_changes_nothing(void **state)
{
	connect_disk();
	front("state", "3");
	settle();
	expect_node("state", "4");
	assert_int_equal(fake_counts().bound, 1);
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

/* --- several rings --- */

static void connect_queues(unsigned n)
{
	max_queues = n;
	start();
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
	assert_int_equal(fake_counts().open_handles, 0);
	front("state", "1");
	run_until(BACK "/state", "2");
}

static void fewer_rings_than_offered(void **state)
{
	max_queues = 8;
	start();
	run_until(BACK "/state", "2");
	front_queues(3);
	front("state", "3");
	run_until(BACK "/state", "4");
	assert_int_equal(fake_counts().bound, 3);
}

/* A kernel after GRUB: the nodes of its one ring count, whatever else lies around. */
static void stale_nodes_of_several_rings_do_not_count(void **state)
{
	max_queues = 8;
	start();
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
	max_queues = 4;
	start();
	run_until(BACK "/state", "2");
	front_queues(n);
	front(name, value);
	front("state", "3");
	run_until(BACK "/state", "5");
	expect_error(error);
	assert_int_equal(fake_counts().mapped, 0);
	assert_int_equal(fake_counts().bound, 0);
	assert_int_equal(fake_counts().open_handles, 0);
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

/* --- what changes while connected --- */

static void grows_while_connected(void **state)
{
	connect_disk();
	assert_int_equal(truncate(image, 3 << 20), 0);
	fake_store_write(BACK "/resize", "1");
	run_until(BACK "/sectors", "6144");
	expect_node("state", "4");
	assert_int_equal(truncate(image, 4 << 20), 0);
	settle();
	expect_node("sectors", "6144"); /* nobody said so */
	fake_store_write(BACK "/resize", "2");
	run_until(BACK "/sectors", "8192");
}

static void shrinks_while_connected(void **state)
{
	connect_disk();
	assert_int_equal(truncate(image, 4096), 0);
	fake_store_write(BACK "/resize", "again");
	run_until(BACK "/sectors", "8");
}

static void check_size_now(void *opaque)
{
	device_check_size(device);
}

static void sighup_looks_at_the_size(void **state)
{
	connect_disk();
	assert_int_equal(truncate(image, 2 << 20), 0);
	assert_non_null(loop_add_timer(loop, 0, check_size_now, NULL));
	run_until(BACK "/sectors", "4096");
}

static void resized_before_the_frontend_came(void **state)
{
	start();
	run_until(BACK "/state", "2");
	assert_int_equal(truncate(image, 2 << 20), 0);
	fake_store_write(BACK "/resize", "1");
	settle();
	expect_node("sectors", NULL);
	expect_node("state", "2");
	front_ring();
	front("state", "3");
	run_until(BACK "/state", "4");
	expect_node("sectors", "4096");
}

static unsigned responses(struct ring_front *ring, unsigned want)
{
	uint8_t slot[BLKIF_SLOT_MAX];
	unsigned n = 0;

	for (int i = 0; i < 300 && n < want; i++) {
		for (; ring_front_pending(ring) > 0; n++)
			ring_front_get(ring, slot, blkif_rsp_size(BLKIF_ABI_NATIVE));
		fake_sync();
		usleep(1000);
	}
	return n;
}

static void put_reads(struct ring_front *ring, unsigned n)
{
	struct blkif_req req = { .operation = BLKIF_OP_READ, .nr_segments = 1 };
	uint8_t slot[BLKIF_SLOT_MAX];

	fake_grant(60, false);
	req.seg[0] = (struct blkif_segment){ 60, 0, 7 };
	blkif_encode(BLKIF_ABI_NATIVE, &req, slot);
	for (unsigned i = 0; i < n; i++)
		ring_front_put(ring, slot, blkif_slot_size(BLKIF_ABI_NATIVE));
	fake_sync();
	ring_front_push(ring);
	fake_notify();
}

static void limits_change_while_connected(void **state)
{
	struct ring_front ring;

	connect_disk();
	assert_int_equal(ring_front_init(&ring, fake_grant_ring(1, 1), 4096,
				 blkif_slot_size(BLKIF_ABI_NATIVE)), 0);
	fake_store_write(BACK "/limit-read-iops", "1");
	fake_store_write(BACK "/limit-read-iops-burst", "2");
	settle();
	put_reads(&ring, 5);
	assert_true(responses(&ring, 5) < 5); /* two, and what 300 ms bring */
	fake_store_rm(BACK "/limit-read-iops");
	settle();
	assert_true(responses(&ring, 1) > 0);
	put_reads(&ring, 20);
	assert_true(responses(&ring, 20) >= 20);
}

static void limits_that_make_no_sense_are_refused_at_start(void **state)
{
	fake_store_write(BACK "/limit-iops", "-5");
	start();
	assert_null(device);
	assert_int_equal(status, DEVICE_USAGE);
	expect_error("limit-iops");
}

static void bad_limits_while_connected_change_nothing(void **state)
{
	connect_disk();
	fake_store_write(BACK "/limit-iops", "many");
	fake_store_write(BACK "/limit-bps-burst", "99999999999999999999999");
	settle();
	expect_node("state", "4");
	expect_node("error", NULL);
}

/* --- after another backend of the same disk --- */

static int flush(struct ring_front *ring)
{
	struct blkif_req req = { .operation = BLKIF_OP_FLUSH_DISKCACHE };
	struct blkif_rsp rsp;
	uint8_t slot[BLKIF_SLOT_MAX];

	blkif_encode(BLKIF_ABI_NATIVE, &req, slot);
	ring_front_put(ring, slot, blkif_slot_size(BLKIF_ABI_NATIVE));
	fake_sync();
	ring_front_push(ring);
	fake_notify();
	for (int i = 0; i < 10000 && ring_front_pending(ring) == 0; i++) {
		fake_sync();
		usleep(1000);
	}
	ring_front_get(ring, slot, blkif_rsp_size(BLKIF_ABI_NATIVE));
	blkif_decode_rsp(BLKIF_ABI_NATIVE, slot, &rsp);
	return rsp.status;
}

static void a_flush_that_failed_in_an_earlier_backend_is_not_forgotten(void **state)
{
	char path[] = "/dev/shm/sluice-journal-XXXXXX";
	struct journal *before = NULL;
	struct ring_front ring;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(journal_open(path, BACK, 7, &before), 0);
	journal_note_flush_error(before, -EIO);
	journal_close(before);
	journal_path = path;
	connect_disk();
	unlink(path);
	assert_int_equal(ring_front_init(&ring, fake_grant_ring(1, 1), 4096,
				 blkif_slot_size(BLKIF_ABI_NATIVE)), 0);
	assert_int_equal(flush(&ring), BLKIF_RSP_ERROR);
}

/* --- kinds of disks --- */

static void disk_of_4096_byte_sectors(void **state)
{
	assert_int_equal(truncate(image, (1 << 20) + 512), 0);
	fake_store_write(BACK "/logical-block-size", "4096");
	connect_disk();
	expect_node("sector-size", "4096");
	expect_node("physical-sector-size", "4096");
	expect_node("sectors", "2048"); /* in units of 512, whole blocks only */
}

static void logical_block_size_that_no_disk_has(void **state)
{
	fake_store_write(BACK "/logical-block-size", "2048");
	start();
	assert_null(device);
	assert_int_equal(status, DEVICE_NO_STORAGE);
	expect_error("logical-block-size");
}

static void storage_smaller_than_its_sectors(void **state)
{
	assert_int_equal(truncate(image, 3584), 0);
	fake_store_write(BACK "/logical-block-size", "4096");
	start();
	assert_null(device);
	assert_int_equal(status, DEVICE_NO_STORAGE);
	expect_error("not even one sector");
}

static void removable_disk_says_so(void **state)
{
	fake_store_write(BACK "/removable", "1");
	connect_disk();
	expect_node("info", "2");
	expect_node("feature-barrier", "1");
}

static void discard_is_offered_where_storage_can(void **state)
{
	connect_disk();
	expect_node("feature-discard", "1"); /* tmpfs punches holes */
	expect_node("discard-alignment", "0");
	expect_node("discard-secure", "0");
}

static void discard_that_the_toolstack_forbids(void **state)
{
	fake_store_write(BACK "/discard-enable", "0");
	connect_disk();
	expect_node("feature-discard", "0");
	expect_node("discard-granularity", NULL);
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
	expect_node("feature-barrier", "0");
	expect_node("feature-discard", "0");
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
		T(ovmf_connects_at_once_and_closes_in_steps),
		T(mirage_connects_with_four_ring_pages),
		T(freebsd_names_its_ring_pages_in_both_ways),
		T(initialised_again_while_connected_changes_nothing),
		T(rule17_xsa350_rapid_connect_and_disconnect),
		T(frontend_vanishes_while_connected),
		T(closed_by_the_toolstack_alone_is_removal),
		T(closed_by_a_predecessor_is_none),
		T(removed_directory_stays_removed),
		T(sigterm_closes),
		T(a_conflicting_transaction_is_tried_again),
		T(eight_rings_connect_and_disconnect),
		T(fewer_rings_than_offered),
		T(stale_nodes_of_several_rings_do_not_count),
		T(stale_nodes_of_one_ring_do_not_count),
		T(one_ring_of_several_without_grant),
		T(one_ring_of_several_without_nodes),
		T(two_rings_with_the_same_event_channel),
		T(rule18_more_rings_than_offered),
		T(one_broken_ring_disconnects_the_device),
		T(grows_while_connected),
		T(shrinks_while_connected),
		T(sighup_looks_at_the_size),
		T(resized_before_the_frontend_came),
		T(limits_change_while_connected),
		T(limits_that_make_no_sense_are_refused_at_start),
		T(bad_limits_while_connected_change_nothing),
		T(a_flush_that_failed_in_an_earlier_backend_is_not_forgotten),
		T(disk_of_4096_byte_sectors),
		T(logical_block_size_that_no_disk_has),
		T(storage_smaller_than_its_sectors),
		T(removable_disk_says_so),
		T(discard_is_offered_where_storage_can),
		T(discard_that_the_toolstack_forbids),
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

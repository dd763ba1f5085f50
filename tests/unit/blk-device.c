// SPDX-License-Identifier: MIT
/*
 * A block device's life over a store in memory: connecting and closing in the orders that
 * frontends and toolstacks have, what changes meanwhile, and what a successor finds.
 */
#include "config.h"
#include "tests/unit/blk-device-rig.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/common/journal.h"
#include "backends/common/program.h"
#include "protocol/blkif.h"
#include "protocol/ring.h"
#include "tests/peers/fake-xen.h"

static void publishes_what_frontends_read_before_init_wait(void **state)
{
	start_device();
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

static bool ends_at_once(void)
{
	sigset_t blocked;

	assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &blocked), 0);
	return !sigismember(&blocked, SIGTERM);
}

/* As while it waited for its storage: a guest that may be served by then has a backend that ends in order. */
static void serves_nobody_while_it_may_end_at_once(void **state)
{
	program_may_end(true);
	assert_true(ends_at_once());
	start_device();
	assert_false(ends_at_once());
	run_until(BACK "/state", "2");
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
	stop_device();
	run_until(BACK "/state", "6");
}

/* Windows closes before it was ever connected and expects InitWait after. */
static void windows_closes_first(void **state)
{
	start_device();
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
	start_device();
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
	char name[24], value[16];

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
	start_device();
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
	start_device();
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
	start_device();
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
	/* Kept for the next connection; more than one ring's would be a leak. */
	assert_int_equal(fake_counts().open_handles, 2);
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

static void refuse_a_read(const char *path, int error)
{
	fake_store_refuse(path, error);
	settle(); /* fires the watch */
	assert_true(fake_store_refused());
}

/* Of a device that has no frontend just now, where it is what decides. */
static void online_that_cannot_be_read_is_not_offline(void **state)
{
	connect_disk();
	front("state", "6");
	run_until(BACK "/state", "6");
	refuse_a_read(BACK "/online", EINVAL);
	front("state", "1");
	run_until(BACK "/state", "2");
	fake_store_rm(FRONT);
	refuse_a_read(BACK "/online", EAGAIN);
	expect_node("state", "2");
}

static void nodes_that_cannot_be_read_change_nothing(void **state)
{
	connect_disk();
	refuse_a_read(BACK "/frontend", EINVAL);
	refuse_a_read(FRONT "/state", ENOMEM);
	refuse_a_read(BACK "/state", ENOMEM);
	expect_node("state", "4");
	assert_int_equal(fake_counts().bound, 1);
}

/* Nothing else wakes it. */
static void nodes_that_cannot_be_read_are_looked_at_again(void **state)
{
	connect_disk();
	fake_store_refuse(BACK "/online", EINVAL);
	front("state", "6");
	run_until(BACK "/state", "6");
	assert_true(fake_store_refused());
	expect_node("online", "1");
}

static void a_detach_that_cannot_be_read_is_seen_later(void **state)
{
	connect_disk();
	fake_store_refuse(BACK "/state", ENOMEM);
	fake_store_write(BACK "/state", "6");
	assert_int_equal(run_until(BACK "/online", "0"), DEVICE_REMOVED);
	assert_true(fake_store_refused());
}

static void removed_directory_stays_removed(void **state)
{
	int rc;

	connect_disk();
	fake_store_rm(BACK);
	rc = loop_run(rig.loop);
	assert_int_equal(rc, DEVICE_REMOVED);
	assert_null(fake_store_read(BACK "/state"));
	assert_null(fake_store_read(BACK "/error"));
}

static void sigterm_closes(void **state)
{
	connect_disk();
	stop_device();
	assert_int_equal(run_until(BACK "/state", "6"), DEVICE_REMOVED);
	assert_int_equal(fake_counts().bound, 0);
}

static void a_conflicting_transaction_is_tried_again(void **state)
{
	fake_store_conflicts(3);
	connect_disk();
}

/* --- what changes while connected --- */

static void grows_while_connected(void **state)
{
	connect_disk();
	assert_int_equal(truncate(rig.image, 3 << 20), 0);
	fake_store_write(BACK "/resize", "1");
	run_until(BACK "/sectors", "6144");
	expect_node("state", "4");
	assert_int_equal(truncate(rig.image, 4 << 20), 0);
	settle();
	expect_node("sectors", "6144"); /* nobody said so */
	fake_store_write(BACK "/resize", "2");
	run_until(BACK "/sectors", "8192");
}

static void shrinks_while_connected(void **state)
{
	connect_disk();
	assert_int_equal(truncate(rig.image, 4096), 0);
	fake_store_write(BACK "/resize", "again");
	run_until(BACK "/sectors", "8");
}

static void check_size_now(void *opaque)
{
	device_check_size(rig.device);
}

static void sighup_looks_at_the_size(void **state)
{
	connect_disk();
	assert_int_equal(truncate(rig.image, 2 << 20), 0);
	assert_non_null(loop_add_timer(rig.loop, 0, check_size_now, NULL));
	run_until(BACK "/sectors", "4096");
}

static void resized_before_the_frontend_came(void **state)
{
	start_device();
	run_until(BACK "/state", "2");
	assert_int_equal(truncate(rig.image, 2 << 20), 0);
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
	start_device();
	assert_null(rig.device);
	assert_int_equal(rig.status, DEVICE_USAGE);
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
	rig.journal = path;
	connect_disk();
	unlink(path);
	assert_int_equal(ring_front_init(&ring, fake_grant_ring(1, 1), 4096,
				 blkif_slot_size(BLKIF_ABI_NATIVE)), 0);
	assert_int_equal(flush(&ring), BLKIF_RSP_ERROR);
}

/* A predecessor killed while connected: its ring must not be attached to without a replay. */
static void successor_does_not_attach_to_an_orphaned_ring(void **state)
{
	fake_store_write(BACK "/state", "4");
	front_ring();
	front("state", "4");
	start_device();
	run_until(BACK "/state", "5");
	expect_error("earlier backend");
	assert_int_equal(fake_counts().mapped, 0);
	front("state", "6");
	run_until(BACK "/state", "6");
	front("state", "1");
	run_until(BACK "/state", "2");
}

#define T(f) cmocka_unit_test_setup_teardown(f, device_setup, device_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(publishes_what_frontends_read_before_init_wait),
		T(connects_and_is_removed),
		T(serves_nobody_while_it_may_end_at_once),
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
		T(online_that_cannot_be_read_is_not_offline),
		T(nodes_that_cannot_be_read_change_nothing),
		T(nodes_that_cannot_be_read_are_looked_at_again),
		T(a_detach_that_cannot_be_read_is_seen_later),
		T(removed_directory_stays_removed),
		T(sigterm_closes),
		T(a_conflicting_transaction_is_tried_again),
		T(grows_while_connected),
		T(shrinks_while_connected),
		T(sighup_looks_at_the_size),
		T(resized_before_the_frontend_came),
		T(limits_change_while_connected),
		T(limits_that_make_no_sense_are_refused_at_start),
		T(bad_limits_while_connected_change_nothing),
		T(a_flush_that_failed_in_an_earlier_backend_is_not_forgotten),
		T(successor_does_not_attach_to_an_orphaned_ring),
	};

	return cmocka_run_group_tests_name("blk-device", tests, NULL, NULL);
}

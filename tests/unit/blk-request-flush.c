// SPDX-License-Identifier: MIT
/* From ring to storage to response: flushes, and storage that fails. */
#include "config.h"
#include "tests/unit/blk-request-rig.h"

#include <errno.h>
#include <unistd.h>

static struct blkif_req flush_request(void)
{
	struct blkif_req req = rig_request(&rig, BLKIF_OP_FLUSH_DISKCACHE, 0x5a5a5a5a5a5a, 0);

	return req;
}

/* What the driver saw, in order: each write acknowledged before the flush was sent is done. */
static void flush_reaches_storage_after_acknowledged_writes(void **state)
{
	struct blkif_req req, flush;
	unsigned done = 0, i;

	start_ring((struct rig_options){ .persistent = true });
	for (i = 0; i < 20; i++) {
		req = rig_request(&rig, BLKIF_OP_WRITE, 8 * i, 1);
		rig_put(&rig, &req);
	}
	rig_push(&rig);
	for (i = 0; i < 20; i++)
		assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	flush = flush_request();
	assert_int_equal(rig_do(&rig, &flush), BLKIF_RSP_OKAY);
	stop_clean();
	for (i = 0; i < mem.events && mem.event[i].op != BLK_FLUSH; i++)
		done += mem.event[i].done;
	assert_int_equal(done, 20);
	assert_true(i + 1 < mem.events);
	assert_int_equal(mem.event[i].op, BLK_FLUSH);
	assert_false(mem.event[i].done);
	assert_true(mem.event[i + 1].done); /* and it was carried out */
}

static void flush_is_not_answered_before_storage_did_it(void **state)
{
	struct blkif_req flush;

	start_ring((struct rig_options){ 0 });
	mem_set(&mem.hold, true);
	flush = flush_request();
	rig_put(&rig, &flush);
	rig_push(&rig);
	while (!__atomic_load_n(&mem.submitted, __ATOMIC_ACQUIRE))
		usleep(1000);
	usleep(20000);
	assert_int_equal(ring_front_pending(&rig.ring), 0);
	mem_driver_release(&mem);
	assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	stop_clean();
}

static void failed_flush_is_never_forgotten(void **state)
{
	struct blkif_req flush, write;

	start_ring((struct rig_options){ 0 });
	mem_set(&mem.fail_flush, -EIO);
	flush = flush_request();
	assert_int_equal(rig_do(&rig, &flush), BLKIF_RSP_ERROR);
	mem_set(&mem.fail_flush, 0); /* storage would say yes now, as Linux does after one fsync error */
	for (int i = 0; i < 3; i++)
		assert_int_equal(rig_do(&rig, &flush), BLKIF_RSP_ERROR);
	write = rig_request(&rig, BLKIF_OP_WRITE, 0, 1);
	assert_int_equal(rig_do(&rig, &write), BLKIF_RSP_OKAY);
	assert_int_equal(rig.shared.flush_error, -EIO);
	stop_clean();
	assert_int_equal(mem.submitted, 2); /* one flush, one write */
}

/* Frontends take EOPNOTSUPP for a flush as success: it must not come from storage. */
static void flush_failing_with_eopnotsupp_is_an_error(void **state)
{
	struct blkif_req flush;

	start_ring((struct rig_options){ 0 });
	mem_set(&mem.fail_flush, -EOPNOTSUPP);
	flush = flush_request();
	assert_int_equal(rig_do(&rig, &flush), BLKIF_RSP_ERROR);
	stop_clean();
}

static void storage_errors_are_reported_on_their_request(void **state)
{
	struct blkif_req r, w;

	start_ring((struct rig_options){ 0 });
	r = rig_request(&rig, BLKIF_OP_READ, 0, 1);
	w = rig_request(&rig, BLKIF_OP_WRITE, 0, 1);
	mem_set(&mem.fail_read, -EIO);
	assert_int_equal(rig_do(&rig, &r), BLKIF_RSP_ERROR);
	for (int i = 0; i < 4096; i++)
		assert_int_equal(rig.data[0][i], 0); /* nothing of ours was copied out */
	mem_set(&mem.fail_read, 0);
	mem_set(&mem.fail_write, -ENOSPC);
	assert_int_equal(rig_do(&rig, &w), BLKIF_RSP_ERROR);
	assert_int_equal(rig_do(&rig, &r), BLKIF_RSP_OKAY);
	assert_int_equal(rig_metric(&rig, QUEUE_ERRORS), 2);
	stop_clean();
}

#define T(f) cmocka_unit_test_setup_teardown(f, request_setup, request_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(flush_reaches_storage_after_acknowledged_writes),
		T(flush_is_not_answered_before_storage_did_it),
		T(failed_flush_is_never_forgotten),
		T(flush_failing_with_eopnotsupp_is_an_error),
		T(storage_errors_are_reported_on_their_request),
	};

	return cmocka_run_group_tests_name("blk-request-flush", tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/* From ring to storage to response: what hostile frontends do, each rule by name. */
#include "config.h"
#include "tests/unit/blk-request-rig.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- bad requests: an error answer, and the next request works --- */

static void refused(struct blkif_req req, int status)
{
	struct blkif_req good = rig_request(&rig, BLKIF_OP_READ, 0, 1);

	assert_int_equal(rig_do(&rig, &req), status);
	assert_int_equal(rig_do(&rig, &good), BLKIF_RSP_OKAY);
}

static void rule04_unknown_operation_is_not_supported(void **state)
{
	start_ring((struct rig_options){ 0 });
	refused(rig_request(&rig, 77, 0, 1), BLKIF_RSP_EOPNOTSUPP);
	refused(rig_request(&rig, BLKIF_OP_RESERVED_1, 0, 1), BLKIF_RSP_EOPNOTSUPP);
	refused(rig_request(&rig, BLKIF_OP_WRITE_BARRIER, 0, 1), BLKIF_RSP_EOPNOTSUPP);
	refused(rig_request(&rig, BLKIF_OP_DISCARD, 0, 1), BLKIF_RSP_EOPNOTSUPP);
	assert_int_equal(rig_metric(&rig, QUEUE_REFUSED), 4);
	stop_clean();
}

static void rule04_indirect_operation_other_than_read_or_write(void **state)
{
	struct blkif_req req;

	start_ring((struct rig_options){ 0 });
	req = rig_request(&rig, BLKIF_OP_FLUSH_DISKCACHE, 0, 12);
	refused(req, BLKIF_RSP_ERROR);
	req = rig_request(&rig, BLKIF_OP_INDIRECT, 0, 12);
	refused(req, BLKIF_RSP_ERROR);
	stop_clean();
}

static void rule05_segment_counts(void **state)
{
	struct blkif_req req;

	start_ring((struct rig_options){ .max_indirect = 64 });
	req = rig_request(&rig, BLKIF_OP_READ, 0, 1);
	req.nr_segments = 0;
	refused(req, BLKIF_RSP_ERROR);
	req.nr_segments = 12;
	refused(req, BLKIF_RSP_ERROR);
	req.nr_segments = 255;
	refused(req, BLKIF_RSP_ERROR);
	req = rig_request(&rig, BLKIF_OP_READ, 0, 12);
	req.nr_segments = 0;
	refused(req, BLKIF_RSP_ERROR);
	refused(rig_request(&rig, BLKIF_OP_READ, 0, 65), BLKIF_RSP_ERROR);
	req = rig_request(&rig, BLKIF_OP_READ, 0, 5);
	req.indirect = true; /* few are legal */
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	stop_clean();
}

static void rule05_indirect_where_none_was_offered(void **state)
{
	start_ring((struct rig_options){ .no_indirect = true });
	refused(rig_request(&rig, BLKIF_OP_READ, 0, 12), BLKIF_RSP_EOPNOTSUPP);
	stop_clean();
}

static void rule06_segments_outside_their_page(void **state)
{
	struct blkif_req req;

	start_ring((struct rig_options){ .persistent = true });
	req = rig_request(&rig, BLKIF_OP_WRITE, 0, 2);
	req.seg[1].first_sect = 5;
	req.seg[1].last_sect = 4;
	refused(req, BLKIF_RSP_ERROR);
	req.seg[1] = (struct blkif_segment){ RIG_DATA_GREF, 0, 8 };
	refused(req, BLKIF_RSP_ERROR);
	req.seg[1] = (struct blkif_segment){ RIG_DATA_GREF, 255, 255 };
	refused(req, BLKIF_RSP_ERROR);
	stop_clean();
	assert_int_equal(mem.event[0].op, BLK_READ); /* no write came through */
}

static void rule07_sectors_beyond_the_end_or_wrapping(void **state)
{
	start_ring((struct rig_options){ 0 });
	refused(rig_request(&rig, BLKIF_OP_READ, RIG_SECTORS, 1), BLKIF_RSP_ERROR);
	refused(rig_request(&rig, BLKIF_OP_READ, RIG_SECTORS - 7, 1), BLKIF_RSP_ERROR);
	refused(rig_request(&rig, BLKIF_OP_WRITE, UINT64_MAX, 1), BLKIF_RSP_ERROR);
	refused(rig_request(&rig, BLKIF_OP_WRITE, UINT64_MAX - 3, 1), BLKIF_RSP_ERROR);
	refused(rig_request(&rig, BLKIF_OP_WRITE, UINT64_MAX / 512, 1), BLKIF_RSP_ERROR);
	stop_clean();
}

static void rule07_last_sectors_can_be_used(void **state)
{
	struct blkif_req req;

	start_ring((struct rig_options){ 0 });
	req = rig_request(&rig, BLKIF_OP_READ, RIG_SECTORS - 8, 1);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	stop_clean();
}

static void rule09_cve_2013_2140_read_only_refuses_changes(void **state)
{
	start_ring((struct rig_options){ .readonly = true });
	refused(rig_request(&rig, BLKIF_OP_WRITE, 0, 1), BLKIF_RSP_ERROR);
	refused(rig_request(&rig, BLKIF_OP_WRITE, 0, 32), BLKIF_RSP_ERROR);
	refused(rig_request(&rig, BLKIF_OP_DISCARD, 0, 1), BLKIF_RSP_EOPNOTSUPP);
	stop_clean();
	for (unsigned i = 0; i < mem.events; i++)
		assert_int_equal(mem.event[i].op, BLK_READ);
}

/* --- rule 12: every element of a mapping or copy is checked on its own --- */

static void check_bad_gref(bool persistent)
{
	struct blkif_req good, bad;
	unsigned errors = 0;

	start_ring((struct rig_options){ .persistent = persistent });
	good = rig_request(&rig, BLKIF_OP_READ, 0, 2);
	bad = rig_request(&rig, BLKIF_OP_READ, 0, 3);
	bad.seg[1].gref = FAKE_GRANTS - 1;
	for (int i = 0; i < 3; i++) {
		good.seg[0].gref = RIG_DATA_GREF + 10 * i;
		rig_put(&rig, &good);
		rig_put(&rig, &bad);
	}
	rig_push(&rig);
	for (int i = 0; i < 6; i++) {
		struct blkif_rsp rsp = rig_get(&rig);

		assert_int_equal(rsp.status,
			rsp.id == bad.id ? BLKIF_RSP_ERROR : BLKIF_RSP_OKAY);
		errors += rsp.status == BLKIF_RSP_ERROR;
	}
	assert_int_equal(errors, 3);
	stop_clean();
}

static void rule12_xsa361_bad_gref_by_copy(void **state)
{
	check_bad_gref(false);
}

static void rule12_xsa361_bad_gref_by_mapping(void **state)
{
	check_bad_gref(true);
}

static void rule12_bad_gref_for_write_reaches_no_storage(void **state)
{
	struct blkif_req req;

	start_ring((struct rig_options){ 0 });
	req = rig_request(&rig, BLKIF_OP_WRITE, 0, 2);
	req.seg[1].gref = 0xfffffff0;
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_ERROR);
	stop_clean();
	assert_int_equal(mem.submitted, 0);
}

static void check_bad_indirect(bool persistent)
{
	struct blkif_req req;

	start_ring((struct rig_options){ .persistent = persistent });
	req = rig_request(&rig, BLKIF_OP_READ, 0, 64);
	req.indirect_gref[0] = 0x7fffffff;
	refused(req, BLKIF_RSP_ERROR);
	stop_clean();
}

static void rule12_bad_indirect_gref_by_copy(void **state)
{
	check_bad_indirect(false);
}

static void rule12_bad_indirect_gref_by_mapping(void **state)
{
	check_bad_indirect(true);
}

static void read_into_a_read_only_grant_is_an_error(void **state)
{
	struct blkif_req req;

	start_ring((struct rig_options){ 0 });
	fake_grant(RIG_DATA_GREF, true);
	req = rig_request(&rig, BLKIF_OP_READ, 0, 1);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_ERROR);
	req = rig_request(&rig, BLKIF_OP_WRITE, 0, 1);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	stop_clean();
}

/* Rule 20: no room for mappings: copied, not failed. */
static void rule20_out_of_mappings_falls_back_to_copy(void **state)
{
	struct blkif_req req;

	start_ring((struct rig_options){ .persistent = true });
	fake_map_limit(8);
	for (int i = 0; i < 8; i++) {
		req = rig_request(&rig, BLKIF_OP_READ, 8 * i, 11);
		assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
		assert_memory_equal(rig.data[10], mem.disk + 8 * i * 512 + 40960, 4096);
	}
	assert_int_equal(fake_counts().mapped, 1);
	assert_int_equal(rig_metric(&rig, QUEUE_COPIED), 8);
	/* Not one failing call per request. */
	assert_true(fake_counts().map_calls < 8);
	stop_clean();
}

/* Rules 2 and 3 (XSA-155): what the slot and the page become later changes nothing. */
static void rule03_xsa155_descriptors_are_copied_once(void **state)
{
	struct blkif_req req, other;

	start_ring((struct rig_options){ .persistent = true });
	req = rig_request(&rig, BLKIF_OP_READ, 0, 16);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY); /* everything is mapped now */
	mem_set(&mem.hold, true);
	memset(rig.data[0], 0, 4096);
	rig_put(&rig, &req);
	rig_push(&rig);
	while (__atomic_load_n(&mem.submitted, __ATOMIC_ACQUIRE) < 2)
		usleep(1000);
	other = rig_request(&rig, BLKIF_OP_READ, 0, 16);
	for (unsigned i = 0; i < 16; i++)
		other.seg[i].gref = FAKE_GRANTS - 1;
	blkif_encode_segments(&other, 0, rig.indirect);
	memset(rig.ring.page + 64, 0xff, 4096 - 64);
	mem_driver_release(&mem);
	assert_int_equal(rig_get(&rig).id, req.id);
	assert_memory_equal(rig.data[0], mem.disk, 4096);
	stop_clean();
}

/* Rule 15 (XSA-216): no byte of a response is left from anything else. */
static void rule15_xsa216_response_padding_is_clear(void **state)
{
	struct blkif_req req;
	uint8_t *slot;

	start_ring((struct rig_options){ .abi = BLKIF_ABI_X86_64 });
	slot = rig.ring.page + 64;
	req = rig_request(&rig, BLKIF_OP_READ, 0, 1);
	rig_put(&rig, &req);
	memset(slot + 100, 0xee, 12);
	rig_push(&rig);
	assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	/* id 8, operation 1, pad 1, status 2, pad 4 */
	assert_int_equal(slot[9], 0);
	for (unsigned i = 12; i < 16; i++)
		assert_int_equal(slot[i], 0);
	stop_clean();
}

static void rule15_response_has_the_inner_operation_of_indirect(void **state)
{
	struct blkif_req req;

	start_ring((struct rig_options){ 0 });
	req = rig_request(&rig, BLKIF_OP_WRITE, 0, 12);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY); /* rig_do() checks it */
	stop_clean();
}

/* Rule 1: the ring is over for good, and says so; the process lives. */
static void rule01_producer_overflow_ends_the_ring(void **state)
{
	char *why;

	start_ring((struct rig_options){ 0 });
	*(volatile uint32_t *)rig.ring.page = 1000; /* req_prod */
	fake_notify();
	rig_wait_ended(&rig);
	why = rig_stop(&rig);
	assert_non_null(why);
	assert_non_null(strstr(why, "request index is out of range"));
	free(why);
}

static void rule01_overflow_with_requests_in_flight_drains_them(void **state)
{
	struct blkif_req req;
	char *why;

	start_ring((struct rig_options){ .persistent = true });
	mem_set(&mem.hold, true);
	req = rig_request(&rig, BLKIF_OP_WRITE, 0, 1);
	rig_put(&rig, &req);
	rig_push(&rig);
	while (!__atomic_load_n(&mem.submitted, __ATOMIC_ACQUIRE))
		usleep(1000);
	*(volatile uint32_t *)rig.ring.page = 0x80000000;
	fake_notify();
	usleep(20000);
	assert_false(queue_has_ended(rig.queue)); /* storage still writes from its page */
	assert_int_equal(fake_counts().mapped, 2);
	mem_driver_release(&mem);
	rig_wait_ended(&rig);
	why = rig_stop(&rig);
	assert_non_null(why);
	free(why);
}

/* Rule 16 (XSA-332): an event storm without requests costs passes, not answers. */
static void rule16_xsa332_events_without_requests(void **state)
{
	struct blkif_req req;

	start_ring((struct rig_options){ 0 });
	for (int i = 0; i < 1000; i++)
		fake_notify();
	req = rig_request(&rig, BLKIF_OP_READ, 0, 1);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	stop_clean();
	assert_int_equal(fake_counts().notifies, 1);
}

/* A wake-up with nothing pending, as late ones of a storm are: the thread must not wait for more. */
static void rule16_xsa332_wake_up_without_an_event(void **state)
{
	struct blkif_req req;

	start_ring((struct rig_options){ 0 });
	for (int i = 0; i < 50; i++) {
		fake_spurious_wake(0);
		req = rig_request(&rig, BLKIF_OP_READ, 0, 1);
		assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	}
	fake_spurious_wake(0);
	stop_clean();
}

#define T(f) cmocka_unit_test_setup_teardown(f, request_setup, request_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(rule04_unknown_operation_is_not_supported),
		T(rule04_indirect_operation_other_than_read_or_write),
		T(rule05_segment_counts),
		T(rule05_indirect_where_none_was_offered),
		T(rule06_segments_outside_their_page),
		T(rule07_sectors_beyond_the_end_or_wrapping),
		T(rule07_last_sectors_can_be_used),
		T(rule09_cve_2013_2140_read_only_refuses_changes),
		T(rule12_xsa361_bad_gref_by_copy),
		T(rule12_xsa361_bad_gref_by_mapping),
		T(rule12_bad_gref_for_write_reaches_no_storage),
		T(rule12_bad_indirect_gref_by_copy),
		T(rule12_bad_indirect_gref_by_mapping),
		T(read_into_a_read_only_grant_is_an_error),
		T(rule20_out_of_mappings_falls_back_to_copy),
		T(rule03_xsa155_descriptors_are_copied_once),
		T(rule15_xsa216_response_padding_is_clear),
		T(rule15_response_has_the_inner_operation_of_indirect),
		T(rule01_producer_overflow_ends_the_ring),
		T(rule01_overflow_with_requests_in_flight_drains_them),
		T(rule16_xsa332_events_without_requests),
		T(rule16_xsa332_wake_up_without_an_event),
	};

	return cmocka_run_group_tests_name("blk-request-bad", tests, NULL, NULL);
}

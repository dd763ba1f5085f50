// SPDX-License-Identifier: MIT
/* From ring to storage to response, each rule by name; real queue code, fake Xen. */
#include "config.h"
#include "tests/unit/blk-rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct mem_driver mem;
static struct rig rig;

static void start(struct rig_options o)
{
	if (!o.driver) {
		o.driver = &mem_driver;
		o.driver_state = &mem;
	}
	rig_start(&rig, &o);
}

static void stop_clean(void)
{
	assert_null(rig_stop(&rig));
}

static int setup(void **state)
{
	fake_reset();
	mem_driver_init(&mem);
	return 0;
}

static int teardown(void **state)
{
	struct fake_counts n = fake_counts();

	mem_driver_fini(&mem);
	assert_int_equal(n.mapped, 0);
	assert_int_equal(n.bound, 0);
	assert_int_equal(n.open_handles, 0);
	return 0;
}

static void check_read(enum blkif_abi abi, bool persistent, unsigned segments)
{
	struct blkif_req req;

	start((struct rig_options){ .abi = abi, .persistent = persistent });
	req = rig_request(&rig, BLKIF_OP_READ, 16, segments);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	for (unsigned i = 0; i < segments; i++)
		assert_memory_equal(rig.data[i], mem.disk + 16 * 512 + i * 4096, 4096);
	stop_clean();
}

static void read_by_copy(void **state)
{
	check_read(BLKIF_ABI_NATIVE, false, 1);
}

static void read_by_persistent_grants(void **state)
{
	check_read(BLKIF_ABI_NATIVE, true, 11);
}

static void read_indirect_by_copy(void **state)
{
	check_read(BLKIF_ABI_NATIVE, false, 256);
}

static void read_indirect_by_persistent_grants(void **state)
{
	check_read(BLKIF_ABI_NATIVE, true, 256);
}

static void read_x86_32(void **state)
{
	check_read(BLKIF_ABI_X86_32, false, 11);
}

static void read_x86_32_indirect(void **state)
{
	check_read(BLKIF_ABI_X86_32, true, 64);
}

static void read_x86_64(void **state)
{
	check_read(BLKIF_ABI_X86_64, true, 11);
}

static void check_write(bool persistent, unsigned segments)
{
	struct blkif_req req;

	start((struct rig_options){ .persistent = persistent });
	req = rig_request(&rig, BLKIF_OP_WRITE, 8, segments);
	for (unsigned i = 0; i < segments; i++)
		memset(rig.data[i], 'a' + i % 26, 4096);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	for (unsigned i = 0; i < segments; i++)
		assert_memory_equal(rig.data[i], mem.disk + 8 * 512 + i * 4096, 4096);
	stop_clean();
}

static void write_by_copy(void **state)
{
	check_write(false, 3);
}

static void write_by_persistent_grants(void **state)
{
	check_write(true, 3);
}

static void write_indirect_by_copy(void **state)
{
	check_write(false, 200);
}

static void write_indirect_by_persistent_grants(void **state)
{
	check_write(true, 200);
}

/* Parts of pages, in an order that is not the pages' own; the rest must stay as it was. */
static void check_partial(bool persistent)
{
	struct blkif_req req;

	start((struct rig_options){ .persistent = persistent });
	req = rig_request(&rig, BLKIF_OP_READ, 100, 3);
	req.seg[0] = (struct blkif_segment){ RIG_DATA_GREF + 2, 7, 7 };
	req.seg[1] = (struct blkif_segment){ RIG_DATA_GREF + 0, 1, 3 };
	req.seg[2] = (struct blkif_segment){ RIG_DATA_GREF + 0, 5, 5 };
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	assert_memory_equal(rig.data[2] + 7 * 512, mem.disk + 100 * 512, 512);
	assert_memory_equal(rig.data[0] + 1 * 512, mem.disk + 101 * 512, 3 * 512);
	assert_memory_equal(rig.data[0] + 5 * 512, mem.disk + 104 * 512, 512);
	for (unsigned i = 0; i < 512; i++) {
		assert_int_equal(rig.data[0][i], 0);
		assert_int_equal(rig.data[0][4 * 512 + i], 0);
		assert_int_equal(rig.data[2][6 * 512 + i], 0);
	}
	stop_clean();
}

static void partial_pages_by_copy(void **state)
{
	check_partial(false);
}

static void partial_pages_by_persistent_grants(void **state)
{
	check_partial(true);
}

static void same_gref_twice_in_one_request_and_in_two(void **state)
{
	struct blkif_req req;

	start((struct rig_options){ .persistent = true });
	for (int i = 0; i < 2; i++) {
		req = rig_request(&rig, BLKIF_OP_READ, 8 * i, 2);
		req.seg[0] = (struct blkif_segment){ RIG_DATA_GREF, 0, 3 };
		req.seg[1] = (struct blkif_segment){ RIG_DATA_GREF, 4, 7 };
		rig_put(&rig, &req);
	}
	rig_push(&rig);
	assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	assert_int_equal(fake_counts().mapped, 2); /* ring and data */
	stop_clean();
}

/* Rule 14: without negotiated persistence nothing is mapped when the answer arrives. */
static void rule14_nothing_stays_mapped_without_persistence(void **state)
{
	struct blkif_req req;

	start((struct rig_options){ 0 });
	req = rig_request(&rig, BLKIF_OP_READ, 0, 64);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	assert_int_equal(fake_counts().mapped, 1); /* the ring */
	assert_int_equal(fake_counts().map_calls, 1);
	assert_true(fake_end_access(RIG_DATA_GREF));
	assert_true(fake_end_access(RIG_INDIRECT_GREF));
	stop_clean();
}

static void persistent_grants_are_mapped_once_and_released_at_disconnect(void **state)
{
	struct blkif_req req;

	start((struct rig_options){ .persistent = true });
	for (int i = 0; i < 10; i++) {
		req = rig_request(&rig, i % 2 ? BLKIF_OP_WRITE : BLKIF_OP_READ, 0, 11);
		assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	}
	assert_int_equal(fake_counts().map_calls, 2); /* the ring, and all pages at once */
	assert_int_equal(fake_counts().mapped, 12);
	assert_int_equal(fake_counts().copy_calls, 0);
	assert_false(fake_end_access(RIG_DATA_GREF));
	stop_clean();
	assert_true(fake_end_access(RIG_DATA_GREF));
}

/* A batch in one push: one mapping call, one kick, one event. */
static void a_sweep_maps_kicks_and_notifies_once(void **state)
{
	start((struct rig_options){ .persistent = true });
	for (unsigned i = 0; i < 16; i++) {
		struct blkif_req req = rig_request(&rig, BLKIF_OP_READ, 0, 1);

		req.seg[0].gref = RIG_DATA_GREF + i;
		rig_put(&rig, &req);
	}
	rig_push(&rig);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	assert_int_equal(fake_counts().map_calls, 2);
	assert_int_equal(__atomic_load_n(&mem.kicks, __ATOMIC_RELAXED), 1);
	assert_int_equal(fake_counts().notifies, 1);
	stop_clean();
}

static void a_sweep_copies_once_per_direction(void **state)
{
	start((struct rig_options){ 0 });
	for (unsigned i = 0; i < 8; i++) {
		struct blkif_req r = rig_request(&rig, BLKIF_OP_READ, 0, 2);
		struct blkif_req w = rig_request(&rig, BLKIF_OP_WRITE, 800, 2);

		rig_put(&rig, &r);
		rig_put(&rig, &w);
	}
	rig_push(&rig);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	assert_int_equal(fake_counts().copy_calls, 2);
	assert_int_equal(fake_counts().copy_ops, 32);
	stop_clean();
}

/* More than the bounce arena holds at a time: they wait for room and all are served. */
static void copies_beyond_the_arena_wait_for_room(void **state)
{
	unsigned n = 0;

	start((struct rig_options){ .order = 1 });
	mem_set(&mem.hold, true);
	for (; n < 64; n++) {
		struct blkif_req req = rig_request(&rig, BLKIF_OP_READ, n, 256);

		rig_put(&rig, &req);
	}
	rig_push(&rig);
	while (__atomic_load_n(&mem.submitted, __ATOMIC_ACQUIRE) < 8) /* 2048 pages */
		usleep(1000);
	mem_driver_release(&mem);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	stop_clean();
}

static void requests_complete_out_of_order_with_the_right_ids(void **state)
{
	struct blkif_req a, b;
	struct blkif_rsp rsp;

	start((struct rig_options){ .persistent = true });
	mem_set(&mem.hold, true);
	a = rig_request(&rig, BLKIF_OP_WRITE, 0, 1);
	rig_put(&rig, &a);
	rig_push(&rig);
	while (!__atomic_load_n(&mem.submitted, __ATOMIC_ACQUIRE))
		usleep(1000);
	/* Refused at once, while the write is held. */
	b = rig_request(&rig, BLKIF_OP_READ, RIG_SECTORS, 1);
	rig_put(&rig, &b);
	rig_push(&rig);
	rsp = rig_get(&rig);
	assert_int_equal(rsp.id, b.id);
	assert_int_equal(rsp.status, BLKIF_RSP_ERROR);
	mem_driver_release(&mem);
	rsp = rig_get(&rig);
	assert_int_equal(rsp.id, a.id);
	assert_int_equal(rsp.status, BLKIF_RSP_OKAY);
	stop_clean();
}

/* --- bad requests: an error answer, and the next request works --- */

static void refused(struct blkif_req req, int status)
{
	struct blkif_req good = rig_request(&rig, BLKIF_OP_READ, 0, 1);

	assert_int_equal(rig_do(&rig, &req), status);
	assert_int_equal(rig_do(&rig, &good), BLKIF_RSP_OKAY);
}

static void rule04_unknown_operation_is_not_supported(void **state)
{
	start((struct rig_options){ 0 });
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

	start((struct rig_options){ 0 });
	req = rig_request(&rig, BLKIF_OP_FLUSH_DISKCACHE, 0, 12);
	refused(req, BLKIF_RSP_ERROR);
	req = rig_request(&rig, BLKIF_OP_INDIRECT, 0, 12);
	refused(req, BLKIF_RSP_ERROR);
	stop_clean();
}

static void rule05_segment_counts(void **state)
{
	struct blkif_req req;

	start((struct rig_options){ .max_indirect = 64 });
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
	start((struct rig_options){ .no_indirect = true });
	refused(rig_request(&rig, BLKIF_OP_READ, 0, 12), BLKIF_RSP_EOPNOTSUPP);
	stop_clean();
}

static void rule06_segments_outside_their_page(void **state)
{
	struct blkif_req req;

	start((struct rig_options){ .persistent = true });
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
	start((struct rig_options){ 0 });
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

	start((struct rig_options){ 0 });
	req = rig_request(&rig, BLKIF_OP_READ, RIG_SECTORS - 8, 1);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	stop_clean();
}

static void rule09_cve_2013_2140_read_only_refuses_changes(void **state)
{
	start((struct rig_options){ .readonly = true });
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

	start((struct rig_options){ .persistent = persistent });
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

	start((struct rig_options){ 0 });
	req = rig_request(&rig, BLKIF_OP_WRITE, 0, 2);
	req.seg[1].gref = 0xfffffff0;
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_ERROR);
	stop_clean();
	assert_int_equal(mem.submitted, 0);
}

static void check_bad_indirect(bool persistent)
{
	struct blkif_req req;

	start((struct rig_options){ .persistent = persistent });
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

	start((struct rig_options){ 0 });
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

	start((struct rig_options){ .persistent = true });
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

	start((struct rig_options){ .persistent = true });
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

	start((struct rig_options){ .abi = BLKIF_ABI_X86_64 });
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

	start((struct rig_options){ 0 });
	req = rig_request(&rig, BLKIF_OP_WRITE, 0, 12);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY); /* rig_do() checks it */
	stop_clean();
}

/* Rule 1: the ring is over for good, and says so; the process lives. */
static void rule01_producer_overflow_ends_the_ring(void **state)
{
	char *why;

	start((struct rig_options){ 0 });
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

	start((struct rig_options){ .persistent = true });
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

	start((struct rig_options){ 0 });
	for (int i = 0; i < 1000; i++)
		fake_notify();
	req = rig_request(&rig, BLKIF_OP_READ, 0, 1);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	stop_clean();
	assert_int_equal(fake_counts().notifies, 1);
}

/* --- flush --- */

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

	start((struct rig_options){ .persistent = true });
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

	start((struct rig_options){ 0 });
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

	start((struct rig_options){ 0 });
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

	start((struct rig_options){ 0 });
	mem_set(&mem.fail_flush, -EOPNOTSUPP);
	flush = flush_request();
	assert_int_equal(rig_do(&rig, &flush), BLKIF_RSP_ERROR);
	stop_clean();
}

static void storage_errors_are_reported_on_their_request(void **state)
{
	struct blkif_req r, w;

	start((struct rig_options){ 0 });
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

/* --- life --- */

static void stop_answers_what_was_taken(void **state)
{
	struct blkif_req req;

	start((struct rig_options){ .persistent = true });
	mem_set(&mem.hold, true);
	req = rig_request(&rig, BLKIF_OP_WRITE, 0, 1);
	rig_put(&rig, &req);
	rig_push(&rig);
	while (!__atomic_load_n(&mem.submitted, __ATOMIC_ACQUIRE))
		usleep(1000);
	queue_stop(rig.queue);
	usleep(20000);
	assert_false(queue_has_ended(rig.queue));
	mem_driver_release(&mem);
	assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	stop_clean();
}

static void requests_put_before_the_event_channel_was_bound_are_served(void **state)
{
	struct blkif_req req;

	start((struct rig_options){ .poll_us = 50 });
	req = rig_request(&rig, BLKIF_OP_READ, 0, 1);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	stop_clean();
}

static void ring_of_sixteen_pages(void **state)
{
	start((struct rig_options){ .order = 4, .persistent = true, .poll_us = 50 });
	assert_int_equal(rig.ring.nr, 512);
	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < 512; i++) {
			struct blkif_req req = rig_request(&rig, BLKIF_OP_READ, i, 1);

			req.seg[0].gref = RIG_DATA_GREF + i;
			rig_put(&rig, &req);
		}
		rig_push(&rig);
		for (unsigned i = 0; i < 512; i++)
			assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	}
	assert_int_equal(rig_metric(&rig, QUEUE_READS), 2560);
	stop_clean();
}

static void many_rounds_with_polling(void **state)
{
	start((struct rig_options){ .persistent = true, .poll_us = 50 });
	for (unsigned i = 0; i < 5000; i++) {
		struct blkif_req req = rig_request(&rig, BLKIF_OP_READ, i % 1000, 1);

		assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	}
	stop_clean();
}

static void a_ring_that_cannot_be_mapped_leaves_nothing(void **state)
{
	struct queue_shared shared = { .poll_us = 0 };
	struct queue_setup setup = {
		.domid = FAKE_FRONTEND,
		.nodes = { .ring_ref = { 99 }, .event_channel = FAKE_REMOTE_PORT },
	};
	struct queue *q;
	char why[200];

	assert_int_equal(queue_create(&shared, &setup, &q, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "grant 99"));
	fake_grant_ring(RIG_RING_GREF, 1);
	setup.nodes.ring_ref[0] = RIG_RING_GREF;
	setup.nodes.event_channel = 1234;
	assert_int_equal(queue_create(&shared, &setup, &q, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "event channel 1234"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(read_by_copy),
		T(read_by_persistent_grants),
		T(read_indirect_by_copy),
		T(read_indirect_by_persistent_grants),
		T(read_x86_32),
		T(read_x86_32_indirect),
		T(read_x86_64),
		T(write_by_copy),
		T(write_by_persistent_grants),
		T(write_indirect_by_copy),
		T(write_indirect_by_persistent_grants),
		T(partial_pages_by_copy),
		T(partial_pages_by_persistent_grants),
		T(same_gref_twice_in_one_request_and_in_two),
		T(rule14_nothing_stays_mapped_without_persistence),
		T(persistent_grants_are_mapped_once_and_released_at_disconnect),
		T(a_sweep_maps_kicks_and_notifies_once),
		T(a_sweep_copies_once_per_direction),
		T(copies_beyond_the_arena_wait_for_room),
		T(requests_complete_out_of_order_with_the_right_ids),
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
		T(flush_reaches_storage_after_acknowledged_writes),
		T(flush_is_not_answered_before_storage_did_it),
		T(failed_flush_is_never_forgotten),
		T(flush_failing_with_eopnotsupp_is_an_error),
		T(storage_errors_are_reported_on_their_request),
		T(stop_answers_what_was_taken),
		T(requests_put_before_the_event_channel_was_bound_are_served),
		T(ring_of_sixteen_pages),
		T(many_rounds_with_polling),
		T(a_ring_that_cannot_be_mapped_leaves_nothing),
	};

	return cmocka_run_group_tests_name("blk-request", tests, NULL, NULL);
}

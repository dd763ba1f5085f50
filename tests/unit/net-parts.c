// SPDX-License-Identifier: MIT
/* The network backend's pure parts: rates, stalls, what waits, the filter of groups. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backends/net/backlog.h"
#include "backends/net/drops.h"
#include "backends/net/mcast.h"
#include "backends/net/rate.h"
#include "backends/net/stall.h"

#define SECOND UINT64_C(1000000000)

/* --- rates --------------------------------------------------------------------------------- */

/* Bytes that go from @from on in a second in which somebody always has a packet of @len. */
static uint64_t sent(struct rate *r, uint64_t from, uint32_t len)
{
	uint64_t bytes = 0, now = from;

	while (now < from + SECOND) {
		uint64_t at = rate_ready_at(r);

		if (at > now) {
			now = at;
			continue;
		}
		rate_take(r, len, now);
		bytes += len;
	}
	return bytes;
}

static void check_rate(uint64_t bytes, uint64_t usec, uint32_t len, uint64_t expected)
{
	struct rate r;
	uint64_t total = 0;

	rate_init(&r);
	assert_true(rate_set(&r, bytes, usec));
	(void)sent(&r, SECOND, len); /* with what the bucket held */
	for (unsigned i = 2; i < 12; i++)
		total += sent(&r, i * SECOND, len);
	assert_in_range(total, expected * 10 * 99 / 100, expected * 10 * 101 / 100 + len);
	rate_dispose(&r);
}

static void a_rate_is_kept_whatever_the_packets(void **state)
{
	check_rate(1000000, 1000000, 1514, 1000000);
	check_rate(1000000, 1000000, 60, 1000000);
	check_rate(50000, 50000, 65535, 1000000); /* larger than the bucket */
	check_rate(125000000, 1000000, 65535, 125000000);
	check_rate(625000, 50000, 1514, 12500000); /* libxl's 100 Mbit/s */
}

static void without_a_rate_nothing_waits(void **state)
{
	struct rate r;

	rate_init(&r);
	rate_take(&r, 1u << 30, SECOND);
	assert_int_equal(rate_ready_at(&r), 0);
	assert_true(rate_set(&r, 1000, 1000000));
	assert_false(rate_set(&r, 1000, 1000000));
	rate_take(&r, 100000, SECOND);
	assert_in_range(rate_ready_at(&r), 99 * SECOND, 101 * SECOND);
	assert_true(rate_set(&r, 0, 0));
	assert_int_equal(rate_ready_at(&r), 0);
	rate_dispose(&r);
}

/* --- drops ---------------------------------------------------------------------------------- */

static void packets_that_were_dropped_are_spoken_of_later(void **state)
{
	struct drops d = { .due_ns = 0 }, said;

	assert_false(drops_take(&d, SECOND, &said));
	drops_note(&d, DROPS_TX, -1, SECOND);
	drops_note(&d, DROPS_RX, -3, 2 * SECOND);
	drops_note(&d, DROPS_TX, -3, 2 * SECOND);
	/* The guest may be about to be gone: then nobody asks any more. */
	assert_false(drops_take(&d, SECOND + DROPS_WAIT_NS - 1, &said));
	assert_true(drops_take(&d, SECOND + DROPS_WAIT_NS, &said));
	assert_int_equal(said.status, -1);
	assert_int_equal(said.count[DROPS_TX], 2);
	assert_int_equal(said.count[DROPS_RX], 1);
	assert_false(drops_take(&d, 100 * SECOND, &said));
	drops_note(&d, DROPS_RX, -2, 200 * SECOND);
	assert_false(drops_take(&d, 200 * SECOND, &said));
	assert_true(drops_take(&d, 300 * SECOND, &said));
	assert_int_equal(said.count[DROPS_TX], 0);
}

/* --- stalls -------------------------------------------------------------------------------- */

static void a_minute_without_buffers_is_a_stall(void **state)
{
	struct stall s;
	uint64_t t = SECOND;

	stall_init(&s, true);
	assert_int_equal(stall_look(&s, 3, 4, t), STALL_SAME);
	assert_int_equal(stall_look(&s, 3, 4, t + 59 * SECOND), STALL_SAME);
	assert_int_equal(stall_look(&s, 3, 4, t + 60 * SECOND), STALL_BEGINS);
	assert_int_equal(stall_look(&s, 3, 4, t + 200 * SECOND), STALL_SAME);
	/* XSA-392: as many as it needed, not "at least one". */
	assert_int_equal(stall_look(&s, 3, 0, t + 201 * SECOND), STALL_SAME);
	assert_int_equal(stall_look(&s, 4, 0, t + 202 * SECOND), STALL_ENDS);
	assert_false(s.stalled);
}

static void progress_ends_the_wait(void **state)
{
	struct stall s;
	uint64_t t = SECOND;

	stall_init(&s, true);
	assert_int_equal(stall_look(&s, 1, 4, t), STALL_SAME);
	stall_progress(&s);
	assert_int_equal(stall_look(&s, 1, 4, t + 61 * SECOND), STALL_SAME);
	assert_int_equal(stall_look(&s, 1, 4, t + 122 * SECOND), STALL_BEGINS);
}

/* iPXE gives its first buffers when somebody uses the interface. */
static void who_never_gave_any_is_not_stalled(void **state)
{
	struct stall s;

	stall_init(&s, true);
	for (unsigned i = 1; i < 1000; i++)
		assert_int_equal(stall_look(&s, 0, 1, i * SECOND), STALL_SAME);
}

static void who_says_nothing_of_buffers_is_not_stalled(void **state)
{
	struct stall s;

	stall_init(&s, false);
	assert_int_equal(stall_look(&s, 1, 2, SECOND), STALL_SAME);
	assert_int_equal(stall_look(&s, 1, 2, 500 * SECOND), STALL_SAME);
	assert_int_equal(stall_drain_ns(&s), 30000000);
	assert_int_equal(stall_next_look(&s, SECOND, SECOND), SECOND + 1000000);
}

static void frames_wait_ten_seconds(void **state)
{
	struct stall s;

	stall_init(&s, true);
	assert_int_equal(stall_drain_ns(&s), 10 * SECOND);
	assert_int_equal(stall_look(&s, 1, 2, SECOND), STALL_SAME);
	assert_int_equal(stall_next_look(&s, SECOND, SECOND), 11 * SECOND);
	assert_int_equal(stall_next_look(&s, 55 * SECOND, 56 * SECOND), 61 * SECOND);
}

/* --- what waits ---------------------------------------------------------------------------- */

static uint8_t bytes[BACKLOG_ROOM];

static void fill(uint32_t len, uint32_t seed)
{
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i + seed * 31 + (i >> 8));
}

static bool put(struct backlog *b, uint32_t len, uint32_t seed)
{
	struct frame f = { .data = bytes, .len = len, .hash = seed };

	fill(len, seed);
	return backlog_copy(b, &f, seed);
}

static void check_first(struct backlog *b, uint32_t len, uint32_t seed)
{
	struct backlog_entry *e = backlog_first(b);

	assert_non_null(e);
	fill(len, seed);
	assert_int_equal(e->frame.len, len);
	assert_int_equal(e->frame.hash, seed);
	assert_int_equal(e->since_ns, seed);
	assert_memory_equal(e->frame.data, bytes, len);
}

/* All sizes, around its end many times, with room asked for and not used in between. */
static void frames_come_out_as_they_went_in(void **state)
{
	struct backlog b;
	uint32_t in = 0, out = 0, seed = 7;

	assert_int_equal(backlog_init(&b), 0);
	while (out < 5000) {
		seed = seed * 1664525 + 1013904223;
		if ((seed >> 20) % 3 && put(&b, 14 + (in * 7919) % 65000, in)) {
			in++;
		} else if (in > out) {
			struct backlog_entry *e;
			unsigned n = 0;

			check_first(&b, 14 + (out * 7919) % 65000, out);
			for (e = backlog_first(&b); e; e = backlog_next(&b, e))
				assert_int_equal(e->frame.hash, out + n++);
			assert_int_equal(n, in - out);
			backlog_drop_first(&b);
			out++;
		}
		(void)backlog_reserve(&b);
	}
	backlog_dispose(&b);
	backlog_dispose(&b);
}

static void what_waits_is_bounded_in_bytes(void **state)
{
	struct backlog b;
	unsigned large = 0, small = 0;

	assert_int_equal(backlog_init(&b), 0);
	while (put(&b, 65535, large))
		large++;
	assert_in_range(large, 8, 9);
	while (!backlog_is_empty(&b))
		backlog_drop_first(&b);
	while (put(&b, 60, small))
		small++;
	assert_in_range(small, 2000, 512 * 1024 / 60);
	backlog_dispose(&b);
}

/* Pages of ours that @e's frame is on. */
static unsigned pages_of(const struct backlog *b, const struct backlog_entry *e)
{
	size_t first = (size_t)(e->frame.data - b->memory) / NETIF_PAGE_SIZE;

	return (unsigned)((size_t)(e->frame.data + e->frame.len - 1 - b->memory) / NETIF_PAGE_SIZE - first) + 1;
}

/* Xen copies by pages: a frame that is on more than it must be takes more copies. */
static void frames_lie_on_as_few_pages_as_they_can(void **state)
{
	static const uint32_t len[] = { 60, 1514, 4096, 4097, 9014, 65535 };
	struct backlog b;

	assert_int_equal(backlog_init(&b), 0);
	for (unsigned i = 0; i < 6; i++) {
		for (unsigned n = 0; n < 3; n++)
			assert_true(put(&b, len[i], n));
		for (struct backlog_entry *e = backlog_first(&b); e; e = backlog_next(&b, e))
			assert_int_equal(pages_of(&b, e), (len[i] + 4095) / 4096);
		while (!backlog_is_empty(&b))
			backlog_drop_first(&b);
	}
	backlog_dispose(&b);
}

/* What is received right into it is taken to be as large as the last. */
static void room_is_where_one_like_the_last_fits(void **state)
{
	struct backlog b;

	assert_int_equal(backlog_init(&b), 0);
	assert_true(put(&b, 65226, 0));
	assert_int_equal((uintptr_t)backlog_reserve(&b)->data % NETIF_PAGE_SIZE, 0);
	while (!backlog_is_empty(&b))
		backlog_drop_first(&b);
	assert_true(put(&b, 1514, 0));
	assert_in_range((uintptr_t)backlog_reserve(&b)->data % NETIF_PAGE_SIZE, 1, NETIF_PAGE_SIZE - 1514);
	backlog_dispose(&b);
}

/* A guest that keeps up has its frames in the same few cache lines. */
static void an_empty_one_begins_anew(void **state)
{
	struct backlog b;
	struct frame *first;

	assert_int_equal(backlog_init(&b), 0);
	first = backlog_reserve(&b);
	for (unsigned i = 0; i < 100; i++) {
		assert_true(put(&b, 1000, i));
		backlog_drop_first(&b);
		assert_ptr_equal(backlog_reserve(&b), first);
	}
	backlog_dispose(&b);
}

/* --- groups --------------------------------------------------------------------------------- */

static unsigned changes;

static void changed(void *opaque, const struct mcast_list *list)
{
	changes++;
}

static void the_filter(void **state)
{
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 }, one[6] = { 0, 1, 2, 3, 4, 5 };
	static const uint8_t a[6] = { 1, 0, 0x5e, 0, 0, 1 }, b[6] = { 1, 0, 0x5e, 0, 0, 2 };
	struct mcast m;

	mcast_init(&m, changed, NULL);
	assert_true(mcast_passes(&m, a)); /* off */
	mcast_set_on(&m, true);
	assert_true(mcast_passes(&m, all)); /* broadcast is never filtered */
	assert_true(mcast_passes(&m, one));
	assert_false(mcast_passes(&m, a));
	assert_int_equal(mcast_change(&m, true, a), 0);
	assert_int_equal(mcast_change(&m, true, a), 0);
	assert_int_equal(changes, 1);
	assert_true(mcast_passes(&m, a));
	assert_false(mcast_passes(&m, b));
	assert_int_equal(mcast_change(&m, true, one), -EINVAL);
	assert_int_equal(mcast_change(&m, false, b), 0);
	assert_int_equal(mcast_change(&m, false, a), 0);
	assert_false(mcast_passes(&m, a));
	mcast_dispose(&m);
}

static void a_predecessors_list_that_is_too_long(void **state)
{
	struct mcast_list list = { .count = 1000 };
	static const uint8_t a[6] = { 1, 0, 0x5e, 0, 0, 1 };
	struct mcast m;

	mcast_init(&m, NULL, NULL);
	mcast_set_on(&m, true);
	mcast_set_list(&m, &list);
	assert_false(mcast_passes(&m, a));
	mcast_dispose(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_that_were_dropped_are_spoken_of_later),
		cmocka_unit_test(a_rate_is_kept_whatever_the_packets),
		cmocka_unit_test(without_a_rate_nothing_waits),
		cmocka_unit_test(a_minute_without_buffers_is_a_stall),
		cmocka_unit_test(progress_ends_the_wait),
		cmocka_unit_test(who_never_gave_any_is_not_stalled),
		cmocka_unit_test(who_says_nothing_of_buffers_is_not_stalled),
		cmocka_unit_test(frames_wait_ten_seconds),
		cmocka_unit_test(frames_come_out_as_they_went_in),
		cmocka_unit_test(what_waits_is_bounded_in_bytes),
		cmocka_unit_test(frames_lie_on_as_few_pages_as_they_can),
		cmocka_unit_test(room_is_where_one_like_the_last_fits),
		cmocka_unit_test(an_empty_one_begins_anew),
		cmocka_unit_test(the_filter),
		cmocka_unit_test(a_predecessors_list_that_is_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

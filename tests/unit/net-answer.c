// SPDX-License-Identifier: MIT
/*
 * A batch's responses are recorded before the first of them is put, and stay so until all are
 * published: what a successor of a killed backend goes by. Looked at from inside the calls
 * that put and publish.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backends/net/queue-private.h"

void __real_ring_back_put(struct ring_back *r, const void *rsp, size_t len);
bool __real_ring_back_push(struct ring_back *r);
void __wrap_ring_back_put(struct ring_back *r, const void *rsp, size_t len);
bool __wrap_ring_back_push(struct ring_back *r);

static uint32_t page[1024];
static struct record_batch batch;
static struct channel channel;
static unsigned nput, npush, expected;

static void is_recorded(const struct ring_back *r)
{
	assert_int_equal(batch.commit, (uint64_t)r->rsp_published << 32 | expected);
	assert_int_equal(record_pending(&batch, r->rsp_published), expected);
	for (unsigned i = 0; i < expected; i++)
		assert_memory_equal(batch.response[i], channel.answer[i], 8);
}

void __wrap_ring_back_put(struct ring_back *r, const void *rsp, size_t len)
{
	is_recorded(r);
	assert_memory_equal(rsp, batch.response[nput++], len);
	__real_ring_back_put(r, rsp, len);
}

bool __wrap_ring_back_push(struct ring_back *r)
{
	bool event;

	is_recorded(r);
	npush++;
	event = __real_ring_back_push(r);
	/* A successor sees another index now: what is recorded is over. */
	assert_int_equal(record_pending(&batch, page[2]), 0);
	return event;
}

static void recorded_before_put_until_published(void **state)
{
	assert_int_equal(ring_back_init(&channel.ring, page, sizeof(page), 8), 0);
	channel.answer_size = 8;
	channel.record = &batch;
	for (unsigned round = 0; round < 10; round++) {
		expected = 20 + round;
		nput = npush = 0;
		page[0] += expected; /* so many requests */
		for (unsigned i = 0; i < expected; i++) {
			uint64_t slot;

			ring_back_get(&channel.ring, &slot);
			slot = round * 1000 + i;
			channel_answer(&channel, &slot);
		}
		assert_int_equal(nput, 0);
		assert_true(channel_push(&channel));
		assert_int_equal(nput, expected);
		assert_int_equal(npush, 1);
		assert_int_equal(batch.commit, 0);
		assert_int_equal(page[2], page[0]);
		assert_false(channel_push(&channel));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_before_put_until_published),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/* 512-byte requests, and badly aligned memory, on storage of larger blocks. */
#include "config.h"
#include "tests/unit/io-disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct blk_info blocks_and_memory = {
	.size = SIZE, .block_size = 4096, .memory_align = 4096, .max_iov = 64,
};

static void sectors_of_blocks_are_read_modified_and_written(void **state)
{
	io_disk_start(&blocks);
	memset(memory, 0xee, 8192);
	/* Within one block: read once, written once. */
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, 4096 + 512, 1024, memory), 0);
	assert_int_equal(disk.logged, 2);
	assert_int_equal(disk.log[0].op, BLK_READ);
	assert_int_equal(disk.log[0].offset, 4096);
	assert_int_equal(disk.log[1].op, BLK_WRITE);
	assert_int_equal(disk.log[1].length, 4096);
	for (unsigned s = 8; s < 16; s++)
		assert_int_equal(disk.data[s * 512 + 7], s == 9 || s == 10 ? 0xee : s);
	/* A beginning and an end: both are read. */
	disk.logged = 0;
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, 8192 + 3584, 5120, memory), 0);
	assert_int_equal(disk.logged, 3);
	assert_int_equal(disk.log[2].length, 12288);
	/* Only a beginning, of two blocks. */
	disk.logged = 0;
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, 40960 + 512, 8192 - 512, memory), 0);
	assert_int_equal(disk.logged, 2);
	assert_int_equal(disk.log[0].offset, 40960);
	assert_int_equal(io_counters(&rig.io)[IO_BOUNCED], 3);
	assert_int_equal(io_counters(&rig.io)[IO_RMW_READS], 4);
	/* Aligned: as ever. */
	disk.logged = 0;
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, 40960, 8192, memory), 0);
	assert_int_equal(disk.logged, 1);
	io_disk_finish();
}

/* A server that answers without data: what freed memory has goes neither to it nor to the guest. */
static void what_was_not_read_is_zero(void **state)
{
	static const uint8_t none[4096];

	for (unsigned i = 0; i < 16; i++) {
		void *old = NULL;

		assert_int_equal(posix_memalign(&old, 4096, 4096), 0);
		memset(old, 0x5e, 4096);
		free(old);
	}
	io_disk_start(&blocks);
	disk.lies = true;
	assert_int_equal(io_rig_do(&rig, BLK_READ, 4096 + 512, 1024, memory), 0);
	assert_memory_equal(memory, none, 1024);
	memset(memory, 0xee, 512);
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, 8192 + 512, 512, memory), 0);
	assert_memory_equal(disk.data + 8192, none, 512);
	assert_memory_equal(disk.data + 8192 + 1024, none, 3072);
	io_disk_finish();
}

static void whole_blocks_in_unaligned_memory_need_no_reading(void **state)
{
	io_disk_start(&blocks_and_memory);
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, 4096, 8192, memory + 512), 0);
	assert_int_equal(disk.logged, 1);
	assert_int_equal(io_counters(&rig.io)[IO_RMW_READS], 0);
	assert_memory_equal(disk.data + 4096, memory + 512, 8192);
	io_disk_finish();
}

static void scattered_sectors_on_blocks(void **state)
{
	io_disk_scattered(&blocks, 200, 512, 512 * 3, 0);
	io_disk_scattered(&blocks_and_memory, 200, 512, 512 * 3, 0);
	io_disk_scattered(&blocks_and_memory, 64, 4096, 4096 * 3, 0);
}

/* Any requests against a model of the disk. */
static void check_random(const struct blk_info *info, unsigned rounds)
{
	CLEANUP_FREE uint8_t *model = malloc(SIZE);
	unsigned seed = 42;

	io_disk_start(info);
	memcpy(model, disk.data, SIZE);
	for (unsigned i = 0; i < rounds; i++) {
		unsigned shift = rand_r(&seed) % 11;
		uint64_t length = (1 + rand_r(&seed) % (1u << shift)) * 512;
		uint64_t offset = rand_r(&seed) % (SIZE / 512 - length / 512 + 1) * 512;
		uint8_t *at = memory + rand_r(&seed) % 8 * 512;
		unsigned what = rand_r(&seed) % 8;

		if (what < 4) {
			memset(at, i, length);
			assert_int_equal(io_rig_do(&rig, BLK_WRITE, offset, length, at), 0);
			memset(model + offset, i, length);
		} else if (what == 4) {
			assert_int_equal(io_rig_do(&rig, BLK_ZEROES, offset, length, NULL), 0);
			memset(model + offset, 0, length);
		} else {
			assert_int_equal(io_rig_do(&rig, BLK_READ, offset, length, at), 0);
			assert_memory_equal(at, model + offset, length);
		}
	}
	assert_memory_equal(model, disk.data, SIZE);
	io_disk_finish();
}

static void any_requests_like_a_model(void **state)
{
	struct blk_info info = blocks_and_memory;

	check_random(&info, 2000);
	info.max_length = 20480;
	check_random(&info, 500);
	info.block_size = 65536;
	info.max_length = 0;
	check_random(&info, 500);
	info.flags = BLK_INFO_ZEROES;
	check_random(&info, 500);
	info = plain;
	info.max_iov = 1;
	check_random(&info, 500);
}

static void errors_within_read_modify_write(void **state)
{
	io_disk_start(&blocks);
	disk.rule[disk.rules++] = (struct fail_rule){ BLK_READ, 0, 4096, 0, 1, -EIO };
	disk.rule[disk.rules++] = (struct fail_rule){ BLK_WRITE, 0, 4096, 0, 1, -ENOSPC };
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, 512, 512, memory), -EIO);
	assert_int_equal(disk.submitted, 1); /* what could not be read is not written */
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, 512, 512, memory), -ENOSPC);
	/* The range was let go each time. */
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, 512, 512, memory), 0);
	io_disk_finish();
}

/* More than all buffers at once: some wait, all are served. */
static void buffers_are_bounded(void **state)
{
	struct iovec iov[80];
	struct blk_req req[80];

	io_disk_start(&blocks_and_memory);
	disk.later = true;
	disk.hold = true;
	for (unsigned i = 0; i < 80; i++) {
		req[i] = io_rig_req(i % 2 ? BLK_READ : BLK_WRITE, 512 + i * 512, MiB, &iov[i], memory);
		io_queue_submit(&rig.io, &req[i]);
	}
	io_kick(&rig.io);
	assert_true(rig.io.buffer_bytes <= 8 * MiB);
	fail_disk_release(&disk, &rig.pub);
	io_rig_wait(&rig, 80);
	assert_int_equal(rig.io.buffer_bytes, 0);
	for (unsigned i = 0; i < 80; i++)
		assert_int_equal(req[i].error, 0);
	io_disk_finish();
}

/* --- several queues ------------------------------------------------------------------------------- */

/* A write of a whole block, of another queue, while one of its sectors is being changed. */
static void a_whole_block_waits_for_its_read_modify_write(void **state)
{
	struct blk_req part, whole, away;
	struct iovec iov[3];
	struct io_rig other;

	io_disk_start(&blocks);
	io_rig_start(&other, io);
	disk.later = true;
	disk.hold = true;
	memset(memory, 0x11, 4096);
	memset(memory + 4096, 0x22, 4096);
	part = io_rig_req(BLK_WRITE, 512, 512, &iov[0], memory);
	whole = io_rig_req(BLK_WRITE, 0, 4096, &iov[1], memory + 4096);
	away = io_rig_req(BLK_WRITE, 4096, 4096, &iov[2], memory + 4096);
	io_queue_submit(&rig.io, &part);
	io_kick(&rig.io);
	assert_int_equal(disk.submitted, 1);
	io_queue_submit(&other.io, &whole);
	io_queue_submit(&other.io, &away);
	io_kick(&other.io);
	assert_int_equal(disk.submitted, 2); /* only the one that is not in the way */
	assert_int_equal(disk.log[1].offset, 4096);
	assert_int_equal(io_counters(&other.io)[IO_WAITS], 1);
	fail_disk_release(&disk, &rig.pub);
	fail_disk_release(&disk, &other.pub);
	io_rig_wait(&rig, 1);
	io_rig_wait(&other, 2);
	for (unsigned i = 0; i < 8192; i++)
		assert_int_equal(disk.data[i], 0x22);
	io_rig_stop(&other);
	io_disk_finish();
}

/* The reverse: what is being written whole is not read for a change until it is done. */
static void a_read_modify_write_waits_for_its_whole_block(void **state)
{
	struct blk_req part, whole;
	struct iovec iov[2];
	struct io_rig other;

	io_disk_start(&blocks);
	io_rig_start(&other, io);
	disk.later = true;
	disk.hold = true;
	memset(memory, 0x11, 4096);
	memset(memory + 4096, 0x22, 4096);
	whole = io_rig_req(BLK_WRITE, 0, 4096, &iov[1], memory + 4096);
	part = io_rig_req(BLK_WRITE, 512, 512, &iov[0], memory);
	io_queue_submit(&other.io, &whole);
	io_kick(&other.io);
	io_queue_submit(&rig.io, &part);
	io_kick(&rig.io);
	assert_int_equal(disk.submitted, 1);
	fail_disk_release(&disk, &other.pub);
	io_rig_wait(&other, 1);
	io_rig_wait(&rig, 1);
	for (unsigned i = 0; i < 4096; i++)
		assert_int_equal(disk.data[i], i / 512 == 1 ? 0x11 : 0x22);
	io_rig_stop(&other);
	io_disk_finish();
}

#define NEIGHBOURS 4u
#define WRITES 300u

struct neighbour {
	pthread_t thread;
	unsigned number;
	int failed;
};

/* Its own sectors of blocks that all share, a few at a time; and now and then a block. */
static void *write_sectors(void *opaque)
{
	struct neighbour *n = opaque;
	CLEANUP_FREE uint8_t *mine = NULL;
	struct io_rig own;
	struct iovec iov[8];
	struct blk_req req[8];

	if (posix_memalign((void **)&mine, 4096, 8 * 4096))
		abort();
	io_rig_start(&own, io);
	for (unsigned round = 1; round <= WRITES; round++) {
		for (unsigned i = 0; i < 8; i++) {
			uint64_t sector = (round % 4 * 8 + i) * 8 + n->number;

			memset(mine + i * 4096, round, 512);
			req[i] = io_rig_req(BLK_WRITE, sector * 512, 512, &iov[i], mine + i * 4096);
			io_queue_submit(&own.io, &req[i]);
		}
		io_kick(&own.io);
		io_rig_wait(&own, round * 8);
		for (unsigned i = 0; i < 8; i++)
			n->failed |= req[i].error;
	}
	io_rig_stop(&own);
	return NULL;
}

static void check_neighbours(bool later)
{
	struct neighbour n[NEIGHBOURS];

	io_disk_start(&blocks);
	disk.later = later;
	for (unsigned i = 0; i < NEIGHBOURS; i++) {
		n[i] = (struct neighbour){ .number = i };
		assert_int_equal(pthread_create(&n[i].thread, NULL, write_sectors, &n[i]), 0);
	}
	for (unsigned i = 0; i < NEIGHBOURS; i++) {
		pthread_join(n[i].thread, NULL);
		assert_int_equal(n[i].failed, 0);
	}
	/* The last round that wrote to each block. */
	for (unsigned block = 0; block < 32; block++)
		for (unsigned s = 0; s < 8; s++) {
			unsigned last = WRITES - (WRITES - block / 8) % 4;
			uint8_t expected = s < NEIGHBOURS ? last : block * 8 + s;

			assert_int_equal(disk.data[block * 4096 + s * 512 + 99], expected);
		}
	io_disk_finish();
}

static void queues_that_write_sectors_of_one_block_lose_nothing(void **state)
{
	check_neighbours(true);
	check_neighbours(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sectors_of_blocks_are_read_modified_and_written),
		cmocka_unit_test(what_was_not_read_is_zero),
		cmocka_unit_test(whole_blocks_in_unaligned_memory_need_no_reading),
		cmocka_unit_test(scattered_sectors_on_blocks),
		cmocka_unit_test(any_requests_like_a_model),
		cmocka_unit_test(errors_within_read_modify_write),
		cmocka_unit_test(buffers_are_bounded),
		cmocka_unit_test(a_whole_block_waits_for_its_read_modify_write),
		cmocka_unit_test(a_read_modify_write_waits_for_its_whole_block),
		cmocka_unit_test(queues_that_write_sectors_of_one_block_lose_nothing),
	};

	return cmocka_run_group_tests_name("blk-rmw", tests, NULL, NULL);
}

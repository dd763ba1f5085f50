// SPDX-License-Identifier: MIT
/* What the io layer makes of requests, seen by a driver that checks and records. */
#include "config.h"
#include "tests/unit/io-rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/array.h"
#include "tests/peers/drv-fail.h"

#define SIZE (4u << 20)
#define MiB (1u << 20)

static struct fail_disk disk;
static struct io *io;
static struct io_rig rig;
static uint8_t *memory; /* 4096-byte aligned */

static const struct blk_info plain = {
	.size = SIZE, .block_size = 512, .max_iov = 64, .discard_granularity = 4096,
	.flags = BLK_INFO_FLUSH | BLK_INFO_DISCARD | BLK_INFO_ZEROES,
};

static void start(const struct blk_info *info)
{
	fail_disk_init(&disk, info);
	assert_int_equal(io_adopt(&fail_driver, &disk, info, &io), 0);
	io_rig_start(&rig, io);
	assert_int_equal(posix_memalign((void **)&memory, 4096, SIZE), 0);
}

static void finish(void)
{
	io_rig_stop(&rig);
	io_close(io);
	assert_int_equal(disk.broken_promises, 0);
	assert_int_equal(disk.submitted, disk.completed);
	fail_disk_fini(&disk);
	free(memory);
}

/* --- straight through, refused, larger than the driver's ------------------------------------ */

static void plain_requests_go_straight_through(void **state)
{
	static const struct { enum blk_op op; uint64_t offset, length; } is[] = {
		{ BLK_READ, 0, 512 }, { BLK_WRITE, 512, 512 }, { BLK_WRITE, SIZE - 65536, 65536 },
		{ BLK_READ, 3 * 512, 7 * 512 },
	};

	start(&plain);
	for (unsigned i = 0; i < ARRAY_SIZE(is); i++) {
		assert_int_equal(io_rig_do(&rig, is[i].op, is[i].offset, is[i].length, memory + 512), 0);
		assert_int_equal(disk.logged, i + 1);
		assert_int_equal(disk.log[i].offset, is[i].offset);
		assert_int_equal(disk.log[i].length, is[i].length);
	}
	assert_int_equal(io_rig_do(&rig, BLK_FLUSH, 0, 0, NULL), 0);
	assert_int_equal(disk.log[4].op, BLK_FLUSH);
	for (unsigned i = 0; i < IO_COUNTERS; i++)
		assert_int_equal(io_counters(&rig.io)[i], 0);
	finish();
}

/* Completions that arrive later, by reap(). */
static void check_reaped(void)
{
	struct iovec iov[32];
	struct blk_req req[32];

	for (unsigned round = 1; round <= 5; round++) {
		for (unsigned i = 0; i < 32; i++) {
			req[i] = io_rig_req(BLK_READ, i * 4096, 4096, &iov[i], memory + i * 4096);
			io_queue_submit(&rig.io, &req[i]);
		}
		io_kick(&rig.io);
		assert_int_equal(rig.done, 32 * (round - 1));
		io_rig_wait(&rig, 32 * round);
		assert_int_equal(disk.kicks, round);
		assert_true(disk.reaps >= round);
	}
	assert_memory_equal(memory, disk.data, 32 * 4096);
}

static void a_drivers_descriptor_is_polled_and_reaped(void **state)
{
	start(&plain);
	disk.later = true;
	check_reaped();
	finish();
}

static void a_drivers_descriptor_may_change(void **state)
{
	start(&plain);
	disk.later = true;
	disk.moves = true;
	check_reaped();
	finish();
}

/* No descriptor at all, only a time; and once nothing is in flight, not even that. */
static void a_driver_that_wants_time_gets_it(void **state)
{
	unsigned reaps;

	fail_disk_init(&disk, &plain);
	disk.later = true;
	disk.ticks = true;
	assert_int_equal(io_adopt(&fail_driver, &disk, &plain, &io), 0);
	io_rig_start(&rig, io);
	assert_int_equal(posix_memalign((void **)&memory, 4096, SIZE), 0);
	check_reaped();
	reaps = disk.reaps;
	usleep(30000);
	io_rig_turn(&rig, false);
	assert_true(disk.reaps <= reaps + 1);
	finish();
}

static void expect_refused(int error, enum blk_op op, uint64_t offset, uint64_t length)
{
	assert_int_equal(io_rig_do(&rig, op, offset, length, memory), error);
	assert_int_equal(disk.submitted, 0);
}

static void what_cannot_be_is_refused_before_the_driver(void **state)
{
	struct blk_info info = plain;

	info.flags = BLK_INFO_READONLY;
	start(&info);
	expect_refused(-EIO, BLK_READ, SIZE - 512, 1024);
	expect_refused(-EIO, BLK_READ, UINT64_MAX - 511, 1024); /* wraps */
	expect_refused(-EIO, BLK_READ, 0, SIZE + 512);
	expect_refused(-EINVAL, BLK_READ, 100, 512);
	expect_refused(-EINVAL, BLK_READ, 0, 100);
	expect_refused(-EINVAL, BLK_READ, 0, 0);
	expect_refused(-EROFS, BLK_WRITE, 0, 512);
	expect_refused(-EROFS, BLK_DISCARD, 0, 512);
	expect_refused(-EROFS, BLK_ZEROES, 0, 512);
	expect_refused(0, BLK_FLUSH, 0, 0); /* nothing volatile */
	finish();
	info.flags = 0;
	start(&info);
	expect_refused(-EOPNOTSUPP, BLK_DISCARD, 0, 512);
	finish();
}

static void secure_discard_only_where_it_works(void **state)
{
	struct blk_info info = plain;
	struct blk_req req = { .op = BLK_DISCARD, .flags = BLK_REQ_SECURE, .length = 4096 };

	start(&info);
	io_queue_submit(&rig.io, &req);
	io_rig_wait(&rig, 1);
	assert_int_equal(req.error, -EOPNOTSUPP);
	finish();
	info.flags |= BLK_INFO_SECURE_DISCARD;
	info.block_size = 4096;
	start(&info);
	io_queue_submit(&rig.io, &req);
	io_kick(&rig.io);
	io_rig_wait(&rig, 1);
	assert_int_equal(req.error, 0);
	assert_int_equal(disk.log[0].flags, BLK_REQ_SECURE);
	/* Half a block cannot be erased, and leaving it would be no erasure. */
	req.length = 4096 + 512;
	io_queue_submit(&rig.io, &req);
	io_rig_wait(&rig, 2);
	assert_int_equal(req.error, -EINVAL);
	finish();
}

static void storage_that_makes_no_sense_is_refused(void **state)
{
	static const struct blk_info bad[] = {
		{ .size = SIZE, .block_size = 0, .max_iov = 1 },
		{ .size = SIZE, .block_size = 256, .max_iov = 1 },
		{ .size = SIZE, .block_size = 1536, .max_iov = 1 },
		{ .size = SIZE, .block_size = 131072, .max_iov = 1 },
		{ .size = 0, .block_size = 512, .max_iov = 1 },
		{ .size = SIZE + 512, .block_size = 4096, .max_iov = 1 },
		{ .size = SIZE, .block_size = 512, .max_iov = 0 },
		{ .size = SIZE, .block_size = 512, .memory_align = 4096, .max_iov = 1 },
		{ .size = SIZE, .block_size = 4096, .max_length = 2048, .max_iov = 1 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(io_adopt(&fail_driver, &disk, &bad[i], &io), -EINVAL);
}

/* Elements of 512 to 4096 bytes, back to back or not, @n of them. */
static uint64_t scatter(struct iovec *iov, unsigned n, unsigned unit)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++) {
		iov[i] = (struct iovec){ memory + i * 8192 + (i % 5) * unit, unit * (1 + i % 7) };
		sum += iov[i].iov_len;
	}
	return sum;
}

static void check_scattered(const struct blk_info *info, unsigned n, unsigned unit,
	uint64_t offset, unsigned parts)
{
	struct iovec iov[256], keep[256];
	struct blk_req req = { .op = BLK_WRITE, .offset = offset, .iov = iov, .niov = n };
	uint64_t at;

	start(info);
	for (unsigned i = 0; i < SIZE; i++)
		memory[i] = i * 31 + (i >> 9);
	req.length = scatter(iov, n, unit);
	memcpy(keep, iov, sizeof(keep));
	io_queue_submit(&rig.io, &req);
	io_kick(&rig.io);
	io_rig_wait(&rig, 1);
	assert_int_equal(req.error, 0);
	if (parts)
		assert_int_equal(disk.submitted, parts);
	at = offset;
	for (unsigned i = 0; i < n; at += keep[i++].iov_len)
		assert_memory_equal(disk.data + at, keep[i].iov_base, keep[i].iov_len);
	assert_int_equal(disk.data[offset - 1], (uint8_t)((offset - 1) >> 9));
	assert_int_equal(disk.data[at], (uint8_t)(at >> 9));
	/* And back. */
	memset(memory, 0, SIZE);
	memcpy(iov, keep, sizeof(keep));
	req.op = BLK_READ;
	req.iov = iov;
	req.niov = n;
	io_queue_submit(&rig.io, &req);
	io_kick(&rig.io);
	io_rig_wait(&rig, 2);
	assert_int_equal(req.error, 0);
	at = offset;
	for (unsigned i = 0; i < n; at += keep[i++].iov_len)
		assert_memory_equal(disk.data + at, keep[i].iov_base, keep[i].iov_len);
	finish();
}

static void more_elements_than_the_driver_takes(void **state)
{
	struct blk_info info = plain;

	info.max_iov = 11;
	check_scattered(&info, 256, 512, 512 * 3, 24); /* ceil(256 / 11) */
	info.max_iov = 1;
	check_scattered(&info, 11, 512, 512 * 3, 11);
}

static void longer_than_the_driver_takes(void **state)
{
	struct blk_info info = plain;

	info.max_length = 1536; /* cuts elements in two */
	check_scattered(&info, 200, 512, 512 * 7, 0);
	info.max_length = 4096 + 100; /* is rounded down */
	check_scattered(&info, 64, 512, 512 * 7, 0);
	info.max_iov = 3;
	check_scattered(&info, 64, 512, 512 * 7, 0);
}

static void a_part_that_fails_ends_the_request(void **state)
{
	struct blk_info info = plain;

	info.max_length = 4096;
	start(&info);
	disk.rule[disk.rules++] = (struct fail_rule){ BLK_WRITE, 8192, 8193, 0, 0, -ENOSPC };
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, 0, 65536, memory), -ENOSPC);
	assert_int_equal(disk.submitted, 3);
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, 65536, 65536, memory), 0);
	finish();
}

/* --- 4096-byte blocks -------------------------------------------------------------------------- */

static const struct blk_info blocks = {
	.size = SIZE, .block_size = 4096, .memory_align = 512, .max_iov = 64,
	.flags = BLK_INFO_FLUSH | BLK_INFO_DISCARD,
};
static const struct blk_info blocks_and_memory = {
	.size = SIZE, .block_size = 4096, .memory_align = 4096, .max_iov = 64,
};

static void sectors_of_blocks_are_read_modified_and_written(void **state)
{
	start(&blocks);
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
	finish();
}

static void whole_blocks_in_unaligned_memory_need_no_reading(void **state)
{
	start(&blocks_and_memory);
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, 4096, 8192, memory + 512), 0);
	assert_int_equal(disk.logged, 1);
	assert_int_equal(io_counters(&rig.io)[IO_RMW_READS], 0);
	assert_memory_equal(disk.data + 4096, memory + 512, 8192);
	finish();
}

static void scattered_sectors_on_blocks(void **state)
{
	check_scattered(&blocks, 200, 512, 512 * 3, 0);
	check_scattered(&blocks_and_memory, 200, 512, 512 * 3, 0);
	check_scattered(&blocks_and_memory, 64, 4096, 4096 * 3, 0);
}

/* Any requests against a model of the disk. */
static void check_random(const struct blk_info *info, unsigned rounds)
{
	CLEANUP_FREE uint8_t *model = malloc(SIZE);
	unsigned seed = 42;

	start(info);
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
	finish();
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
	start(&blocks);
	disk.rule[disk.rules++] = (struct fail_rule){ BLK_READ, 0, 4096, 0, 1, -EIO };
	disk.rule[disk.rules++] = (struct fail_rule){ BLK_WRITE, 0, 4096, 0, 1, -ENOSPC };
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, 512, 512, memory), -EIO);
	assert_int_equal(disk.submitted, 1); /* what could not be read is not written */
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, 512, 512, memory), -ENOSPC);
	/* The range was let go each time. */
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, 512, 512, memory), 0);
	finish();
}

/* More than all buffers at once: some wait, all are served. */
static void buffers_are_bounded(void **state)
{
	struct iovec iov[80];
	struct blk_req req[80];

	start(&blocks_and_memory);
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
	finish();
}

/* --- several queues ------------------------------------------------------------------------------- */

/* A write of a whole block, of another queue, while one of its sectors is being changed. */
static void a_whole_block_waits_for_its_read_modify_write(void **state)
{
	struct blk_req part, whole, away;
	struct iovec iov[3];
	struct io_rig other;

	start(&blocks);
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
	finish();
}

/* The reverse: what is being written whole is not read for a change until it is done. */
static void a_read_modify_write_waits_for_its_whole_block(void **state)
{
	struct blk_req part, whole;
	struct iovec iov[2];
	struct io_rig other;

	start(&blocks);
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
	finish();
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

	start(&blocks);
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
	finish();
}

static void queues_that_write_sectors_of_one_block_lose_nothing(void **state)
{
	check_neighbours(true);
	check_neighbours(false);
}

/* --- discards and zeroes ----------------------------------------------------------------------------- */

static void discards_leave_partial_blocks_alone(void **state)
{
	start(&blocks);
	assert_int_equal(io_rig_do(&rig, BLK_DISCARD, 512, 12288, NULL), 0);
	assert_int_equal(disk.logged, 1);
	assert_int_equal(disk.log[0].offset, 4096);
	assert_int_equal(disk.log[0].length, 8192);
	assert_int_equal(io_rig_do(&rig, BLK_DISCARD, 512, 4096, NULL), 0);
	assert_int_equal(disk.logged, 1); /* nothing whole in it */
	finish();
}

static void large_discards_are_parts_on_granules(void **state)
{
	struct blk_info info = plain;

	info.max_discard = 100 * 1024;
	info.discard_granularity = 65536;
	start(&info);
	assert_int_equal(io_rig_do(&rig, BLK_DISCARD, 512, 300 * 1024, NULL), 0);
	for (unsigned i = 0; i < disk.logged; i++) {
		assert_true(disk.log[i].length <= info.max_discard);
		if (i + 1 < disk.logged)
			assert_int_equal((disk.log[i].offset + disk.log[i].length) % 65536, 0);
	}
	for (unsigned i = 0; i < 300 * 1024; i++)
		assert_int_equal(disk.data[512 + i], 0);
	assert_int_equal(disk.data[511], 0);
	assert_int_equal(disk.data[512 + 300 * 1024], (uint8_t)(1 + 600));
	finish();
}

static void a_discard_and_its_parts_end_at_disconnect(void **state)
{
	struct blk_info info = plain;
	struct blk_req req = { .op = BLK_DISCARD, .length = SIZE };

	info.max_discard = 4096;
	start(&info);
	disk.later = true;
	disk.hold = true;
	io_queue_submit(&rig.io, &req);
	io_kick(&rig.io);
	io_queue_cancel(&rig.io);
	fail_disk_release(&disk, &rig.pub);
	io_rig_wait(&rig, 1);
	assert_int_equal(req.error, -ECANCELED);
	assert_int_equal(disk.submitted, 1); /* of 1024 */
	finish();
}

/* Writes sent before a discard are not lost behind it; those sent after it are not eaten. */
static void discards_and_writes_keep_their_order(void **state)
{
	struct blk_req before, discard = { .op = BLK_DISCARD, .length = 65536 }, after, away;
	struct iovec iov[3];

	start(&plain);
	disk.later = true;
	disk.hold = true;
	memset(memory, 0x55, 4096);
	before = io_rig_req(BLK_WRITE, 0, 4096, &iov[0], memory);
	after = io_rig_req(BLK_WRITE, 4096, 4096, &iov[1], memory);
	away = io_rig_req(BLK_WRITE, 65536, 4096, &iov[2], memory);
	io_queue_submit(&rig.io, &before);
	io_queue_submit(&rig.io, &discard);
	io_queue_submit(&rig.io, &after);
	io_queue_submit(&rig.io, &away);
	io_kick(&rig.io);
	assert_int_equal(disk.submitted, 2);
	assert_int_equal(disk.log[0].offset, 0);
	assert_int_equal(disk.log[1].offset, 65536);
	fail_disk_release(&disk, &rig.pub);
	io_rig_wait(&rig, 4);
	assert_int_equal(disk.log[2].op, BLK_DISCARD);
	assert_int_equal(disk.log[3].offset, 4096);
	assert_int_equal(disk.data[100], 0);
	assert_int_equal(disk.data[4096 + 100], 0x55);
	finish();
}

static void zeroes_are_written_where_the_storage_has_none(void **state)
{
	struct blk_info info = plain;

	info.flags &= ~BLK_INFO_ZEROES;
	start(&info);
	assert_int_equal(io_rig_do(&rig, BLK_ZEROES, 512, MiB, NULL), 0);
	for (unsigned i = 0; i < disk.logged; i++)
		assert_int_equal(disk.log[i].op, BLK_WRITE);
	for (unsigned i = 0; i < MiB; i++)
		assert_int_equal(disk.data[512 + i], 0);
	assert_int_equal(disk.data[512 + MiB], 1 + (MiB >> 9) % 256);
	finish();
}

/* A file system that says no at the second part. */
static void zeroes_that_the_storage_refuses_are_written(void **state)
{
	struct blk_info info = plain;

	info.max_discard = 65536;
	start(&info);
	disk.rule[disk.rules++] = (struct fail_rule){ BLK_ZEROES, 0, 0, 1, 0, -EOPNOTSUPP };
	assert_int_equal(io_rig_do(&rig, BLK_ZEROES, 4096, MiB, NULL), 0);
	assert_int_equal(disk.log[0].op, BLK_ZEROES);
	assert_int_equal(disk.log[1].op, BLK_ZEROES);
	assert_int_equal(disk.log[2].op, BLK_WRITE);
	assert_int_equal(disk.log[2].offset, 4096 + 65536); /* from there on */
	for (unsigned i = 0; i < MiB; i++)
		assert_int_equal(disk.data[4096 + i], 0);
	finish();
}

/* --- the rest ------------------------------------------------------------------------------------------ */

static void a_new_size_counts_for_requests_from_then_on(void **state)
{
	start(&plain);
	assert_int_equal(io_refresh(io), 0);
	disk.info.size = SIZE / 2;
	assert_int_equal(io_rig_do(&rig, BLK_READ, SIZE / 2 - 512, 512, memory), 0);
	assert_int_equal(io_refresh(io), 1);
	assert_int_equal(io_info(io)->size, SIZE / 2);
	assert_int_equal(io_rig_do(&rig, BLK_READ, SIZE / 2, 512, memory), -EIO);
	disk.info.size = SIZE;
	assert_int_equal(io_refresh(io), 1);
	assert_int_equal(io_rig_do(&rig, BLK_READ, SIZE / 2, 512, memory), 0);
	disk.info.size = 0;
	assert_int_equal(io_refresh(io), -EINVAL);
	disk.info.size = SIZE;
	finish();
}

struct call {
	struct blk_post post;
	pthread_t thread;
	bool called;
};

static void on_call(struct blk_queue *queue, struct blk_post *post)
{
	struct call *c = container_of(post, struct call, post);

	assert_true(pthread_equal(pthread_self(), c->thread));
	c->called = true;
}

static void *post_calls(void *opaque)
{
	struct call *c = opaque;

	for (unsigned i = 0; i < 100; i++)
		blk_queue_post(&rig.pub, &c[i].post);
	return NULL;
}

static void posts_of_other_threads_arrive_in_the_queues(void **state)
{
	static struct call call[2][100];
	pthread_t thread[2];
	bool all = false;

	start(&plain);
	for (unsigned i = 0; i < 200; i++)
		call[i / 100][i % 100] = (struct call){ .post.fn = on_call, .thread = pthread_self() };
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, post_calls, call[i]), 0);
	while (!all) {
		io_rig_turn(&rig, true);
		all = true;
		for (unsigned i = 0; i < 200; i++)
			all &= call[i / 100][i % 100].called;
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_requests_go_straight_through),
		cmocka_unit_test(a_drivers_descriptor_is_polled_and_reaped),
		cmocka_unit_test(a_drivers_descriptor_may_change),
		cmocka_unit_test(a_driver_that_wants_time_gets_it),
		cmocka_unit_test(what_cannot_be_is_refused_before_the_driver),
		cmocka_unit_test(secure_discard_only_where_it_works),
		cmocka_unit_test(storage_that_makes_no_sense_is_refused),
		cmocka_unit_test(more_elements_than_the_driver_takes),
		cmocka_unit_test(longer_than_the_driver_takes),
		cmocka_unit_test(a_part_that_fails_ends_the_request),
		cmocka_unit_test(sectors_of_blocks_are_read_modified_and_written),
		cmocka_unit_test(whole_blocks_in_unaligned_memory_need_no_reading),
		cmocka_unit_test(scattered_sectors_on_blocks),
		cmocka_unit_test(any_requests_like_a_model),
		cmocka_unit_test(errors_within_read_modify_write),
		cmocka_unit_test(buffers_are_bounded),
		cmocka_unit_test(a_whole_block_waits_for_its_read_modify_write),
		cmocka_unit_test(a_read_modify_write_waits_for_its_whole_block),
		cmocka_unit_test(queues_that_write_sectors_of_one_block_lose_nothing),
		cmocka_unit_test(discards_leave_partial_blocks_alone),
		cmocka_unit_test(large_discards_are_parts_on_granules),
		cmocka_unit_test(a_discard_and_its_parts_end_at_disconnect),
		cmocka_unit_test(discards_and_writes_keep_their_order),
		cmocka_unit_test(zeroes_are_written_where_the_storage_has_none),
		cmocka_unit_test(zeroes_that_the_storage_refuses_are_written),
		cmocka_unit_test(a_new_size_counts_for_requests_from_then_on),
		cmocka_unit_test(posts_of_other_threads_arrive_in_the_queues),
	};

	return cmocka_run_group_tests_name("blk-io", tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/* A disk that is a part of a storage: nothing of the guest's reaches what is beside it. */
#include "config.h"
#include "tests/unit/io-disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

#define START (1u << 20)
#define LENGTH (1u << 20)

static struct blk_info given;
static char why[256];

static int range_open(const struct blk_conf *conf, struct blk_info *info, void **state, char *text,
	size_t room)
{
	*info = given;
	*state = &disk;
	return 0;
}

static int range_refresh(void *state, struct blk_info *info)
{
	info->size = given.size;
	return 0;
}

static struct blk_driver driver;

static int try_open(const struct blk_info *info, uint64_t start, uint64_t length)
{
	struct blk_conf conf = { .filename = "the disk", .range_start = start,
		.range_length = length };

	given = *info;
	driver = fail_driver;
	driver.open = range_open;
	driver.refresh = range_refresh;
	driver.close = NULL;
	io = NULL;
	return io_open(&driver, &conf, &io, why, sizeof(why));
}

static void start_part(const struct blk_info *info)
{
	fail_disk_init(&disk, info);
	assert_int_equal(try_open(info, START, LENGTH), 0);
	assert_int_equal(io_info(io)->size, LENGTH);
	io_rig_start(&rig, io);
	assert_int_equal(posix_memalign((void **)&memory, 4096, SIZE), 0);
}

/* Each byte of the storage is its sector's number at first. */
static void expect_untouched(uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		if (disk.data[i] != (uint8_t)(i >> 9))
			fail_msg("byte %llu was changed", (unsigned long long)i);
}

static void expect_beside_untouched(void)
{
	expect_untouched(0, START);
	expect_untouched(START + LENGTH, SIZE);
}

static void requests_are_moved_by_the_start(void **state)
{
	start_part(&plain);
	memset(memory, 0xee, SIZE);
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, 0, 4096, memory), 0);
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, LENGTH - 512, 512, memory), 0);
	assert_int_equal(disk.data[START], 0xee);
	assert_int_equal(disk.data[START + LENGTH - 1], 0xee);
	assert_int_equal(io_rig_do(&rig, BLK_READ, 8192, 512, memory), 0);
	assert_int_equal(memory[0], (uint8_t)((START + 8192) >> 9));
	expect_beside_untouched();
	io_disk_finish();
}

static void requests_beyond_the_end_are_refused(void **state)
{
	static const struct { uint64_t offset, length; } is[] = {
		{ LENGTH, 512 }, { LENGTH - 512, 1024 }, { START, LENGTH }, { SIZE - 512, 512 },
		{ 0, LENGTH + 512 }, { UINT64_MAX - 511, 512 }, { UINT64_MAX - START + 1, 512 },
		{ UINT64_MAX & ~UINT64_C(511), 1024 },
	};
	static const enum blk_op ops[] = { BLK_READ, BLK_WRITE, BLK_DISCARD, BLK_ZEROES };

	start_part(&plain);
	for (unsigned i = 0; i < ARRAY_SIZE(is); i++)
		for (unsigned k = 0; k < ARRAY_SIZE(ops); k++)
			if (io_rig_do(&rig, ops[k], is[i].offset, is[i].length, memory) != -EIO)
				fail_msg("request %u of kind %u was not refused", i, ops[k]);
	assert_int_equal(disk.submitted, 0);
	expect_untouched(0, SIZE);
	io_disk_finish();
}

static void discards_and_zeroes_stay_inside(void **state)
{
	start_part(&plain);
	assert_int_equal(io_rig_do(&rig, BLK_DISCARD, 0, LENGTH, NULL), 0);
	assert_int_equal(disk.log[0].offset, START);
	assert_int_equal(io_rig_do(&rig, BLK_ZEROES, 512, LENGTH - 1024, NULL), 0);
	expect_beside_untouched();
	assert_int_equal(disk.data[START + 512], 0);
	io_disk_finish();
}

/* Read-modify-write of the first and the last sector, on blocks of 4096. */
static void unaligned_requests_stay_inside(void **state)
{
	start_part(&blocks);
	memset(memory, 0xee, SIZE);
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, 0, 512, memory), 0);
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, LENGTH - 512, 512, memory), 0);
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, 512 * 3, 512 * 20, memory), 0);
	assert_int_equal(disk.data[START], 0xee);
	expect_untouched(START + 512, START + 3 * 512);
	expect_untouched(START + LENGTH - 4096, START + LENGTH - 512);
	expect_beside_untouched();
	io_disk_finish();
}

static void a_part_beyond_the_storage_is_refused(void **state)
{
	assert_int_equal(try_open(&plain, SIZE, 512), -ERANGE);
	assert_non_null(strstr(why, "beyond its end"));
	assert_int_equal(try_open(&plain, SIZE - 512, 1024), -ERANGE);
	assert_int_equal(try_open(&plain, UINT64_MAX - 511, 1024), -ERANGE);
	assert_int_equal(try_open(&plain, 512, UINT64_MAX - 511), -ERANGE);
	assert_null(io);
}

static void a_part_that_cuts_a_block_is_refused(void **state)
{
	assert_int_equal(try_open(&blocks, 512, 4096), -EINVAL);
	assert_non_null(strstr(why, "blocks of 4096"));
	assert_int_equal(try_open(&blocks, 4096, 4096 + 512), -EINVAL);
	assert_int_equal(try_open(&blocks, 4096, 4096), 0);
	io_close(io);
}

static void a_storage_that_shrinks_takes_the_part_along(void **state)
{
	fail_disk_init(&disk, &plain);
	assert_int_equal(try_open(&plain, START, LENGTH), 0);
	given.size = START + 4096;
	assert_int_equal(io_refresh(io), 1);
	assert_int_equal(io_info(io)->size, 4096);
	given.size = START;
	assert_int_equal(io_refresh(io), -EINVAL);
	given.size = SIZE;
	assert_int_equal(io_refresh(io), 1);
	assert_int_equal(io_info(io)->size, LENGTH);
	io_close(io);
	fail_disk_fini(&disk);
}

/* Or a journal of one would be replayed on the other. */
static void parts_are_storages_of_their_own(void **state)
{
	uint64_t whole, first, second, shorter;

	assert_int_equal(try_open(&plain, 0, 0), 0);
	whole = io_info(io)->identity[1];
	io_close(io);
	assert_int_equal(try_open(&plain, 0, LENGTH), 0);
	first = io_info(io)->identity[1];
	io_close(io);
	assert_int_equal(try_open(&plain, START, LENGTH), 0);
	second = io_info(io)->identity[1];
	io_close(io);
	assert_int_equal(try_open(&plain, START, LENGTH / 2), 0);
	shorter = io_info(io)->identity[1];
	io_close(io);
	assert_true(whole != first && first != second && whole != second && shorter != second);
}

static void the_first_granule_of_discards_is_told(void **state)
{
	assert_int_equal(try_open(&plain, 512, LENGTH), 0);
	assert_int_equal(io_info(io)->discard_alignment, 4096 - 512);
	io_close(io);
	assert_int_equal(try_open(&plain, 4096, LENGTH), 0);
	assert_int_equal(io_info(io)->discard_alignment, 0);
	io_close(io);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_moved_by_the_start),
		cmocka_unit_test(requests_beyond_the_end_are_refused),
		cmocka_unit_test(discards_and_zeroes_stay_inside),
		cmocka_unit_test(unaligned_requests_stay_inside),
		cmocka_unit_test(a_part_beyond_the_storage_is_refused),
		cmocka_unit_test(a_part_that_cuts_a_block_is_refused),
		cmocka_unit_test(a_storage_that_shrinks_takes_the_part_along),
		cmocka_unit_test(parts_are_storages_of_their_own),
		cmocka_unit_test(the_first_granule_of_discards_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/bench-verify.h"
#include "tools/crc32c.h"
#include "tools/prng.h"

static char block[16384];
static char why[256];

static const struct verify_write written = {
	.start = 1048576, .length = sizeof(block), .sequence = 7, .run = 99,
};

static int fill(void **state)
{
	verify_fill(block, sizeof(block), &written, 0);
	why[0] = '\0';
	return 0;
}

static int check(struct verify_write w)
{
	return verify_check(block, sizeof(block), &w, 0, why, sizeof(why));
}

static void test_crc32c_of_rfc3720(void **state)
{
	unsigned char data[32];

	memset(data, 0, sizeof(data));
	assert_int_equal(crc32c(0, data, 32), 0x8a9136aa);
	memset(data, 0xff, sizeof(data));
	assert_int_equal(crc32c(0, data, 32), 0x62a8ab43);
	for (unsigned i = 0; i < 32; i++)
		data[i] = i;
	assert_int_equal(crc32c(0, data, 32), 0x46dd794e);
	assert_int_equal(crc32c_table(0, data, 32), 0x46dd794e);
}

static void test_crc32c_by_cpu_and_table_agree(void **state)
{
	uint64_t seed = 3;
	unsigned char data[300];

	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = prng_next(&seed);
	for (unsigned n = 0; n < 200; n++)
		for (unsigned at = 0; at < 9; at++)
			assert_int_equal(crc32c(n, data + at, n), crc32c_table(n, data + at, n));
}

static void test_good_data_pass(void **state)
{
	assert_int_equal(check(written), 0);
}

static void test_parts_make_the_same_block(void **state)
{
	char whole[sizeof(block)];

	memcpy(whole, block, sizeof(block));
	memset(block, 0, sizeof(block));
	verify_fill(block + 8192, 8192, &written, 8192);
	verify_fill(block, 8192, &written, 0);
	assert_memory_equal(block, whole, sizeof(block));
}

static void test_each_flipped_bit_is_found(void **state)
{
	for (unsigned bit = 0; bit < sizeof(block) * 8; bit += 61) {
		block[bit / 8] ^= 1 << bit % 8;
		assert_int_equal(check(written), -EILSEQ);
		block[bit / 8] ^= 1 << bit % 8;
	}
	assert_int_equal(check(written), 0);
}

static void test_misplaced_data_are_found(void **state)
{
	struct verify_write elsewhere = written;

	elsewhere.start += sizeof(block);
	assert_int_equal(check(elsewhere), -EILSEQ);
	assert_non_null(strstr(why, "misplaced"));
	assert_non_null(strstr(why, "offset 1064960"));
}

static void test_units_in_the_wrong_order_are_found(void **state)
{
	memcpy(block + 4096, block, 4096);
	assert_int_equal(check(written), -EILSEQ);
	assert_non_null(strstr(why, "misplaced"));
}

static void test_old_data_are_found(void **state)
{
	struct verify_write later = written;

	later.sequence = 8;
	assert_int_equal(check(later), -EILSEQ);
	assert_non_null(strstr(why, "expected write number 8, found number 7: old"));
}

static void test_old_runs_data_are_found(void **state)
{
	struct verify_write later = written;

	later.run = 100;
	assert_int_equal(check(later), -EILSEQ);
	assert_non_null(strstr(why, "old data"));
}

static void test_torn_data_are_found_without_knowing_the_write(void **state)
{
	struct verify_write newer = written, any = { .start = written.start, .length = written.length };

	newer.sequence = 8;
	verify_fill(block, 4096, &newer, 0);
	assert_int_equal(check(any), -EILSEQ);
	assert_non_null(strstr(why, "torn"));
}

static void test_unknown_write_is_accepted_whole(void **state)
{
	struct verify_write any = { .start = written.start, .length = written.length };

	assert_int_equal(verify_check(block, sizeof(block), &any, 0, why, sizeof(why)), 0);
	assert_int_equal(any.sequence, 7);
	assert_int_equal(any.run, 99);
}

static void test_zeroes_and_noise_are_found(void **state)
{
	memset(block, 0, sizeof(block));
	assert_int_equal(check(written), -EILSEQ);
	assert_non_null(strstr(why, "zeroes"));
	memset(block, 0x5a, sizeof(block));
	assert_int_equal(check(written), -EILSEQ);
	assert_non_null(strstr(why, "5a5a5a5a"));
}

static void test_other_block_size_is_found(void **state)
{
	struct verify_write other = written;

	other.length = 4096;
	assert_int_equal(verify_check(block, 4096, &other, 0, why, sizeof(why)), -EILSEQ);
	assert_non_null(strstr(why, "16384"));
}

static void test_units_divide_every_block_size(void **state)
{
	for (uint32_t bs = 512; bs <= 1 << 20; bs += 512) {
		assert_int_equal(bs % verify_unit(bs), 0);
		assert_true(verify_unit(bs) <= 4096);
		assert_true(verify_unit(bs) > sizeof(struct verify_header));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc32c_of_rfc3720),
		cmocka_unit_test(test_crc32c_by_cpu_and_table_agree),
		cmocka_unit_test_setup(test_good_data_pass, fill),
		cmocka_unit_test_setup(test_parts_make_the_same_block, fill),
		cmocka_unit_test_setup(test_each_flipped_bit_is_found, fill),
		cmocka_unit_test_setup(test_misplaced_data_are_found, fill),
		cmocka_unit_test_setup(test_units_in_the_wrong_order_are_found, fill),
		cmocka_unit_test_setup(test_old_data_are_found, fill),
		cmocka_unit_test_setup(test_old_runs_data_are_found, fill),
		cmocka_unit_test_setup(test_torn_data_are_found_without_knowing_the_write, fill),
		cmocka_unit_test_setup(test_unknown_write_is_accepted_whole, fill),
		cmocka_unit_test_setup(test_zeroes_and_noise_are_found, fill),
		cmocka_unit_test_setup(test_other_block_size_is_found, fill),
		cmocka_unit_test(test_units_divide_every_block_size),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}

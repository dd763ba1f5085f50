// SPDX-License-Identifier: MIT
/* Every rule that a request of the block protocol must pass. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "protocol/blkif.h"

static const struct blkif_limits generous = {
	.sectors = 1000, .logical_sectors = 1, .max_indirect = 256, .flush = true,
	.barrier = true, .discard = true, .secure_discard = true,
};

static enum blkif_verdict verdict(const struct blkif_req *req, const struct blkif_limits *limits)
{
	enum blkif_verdict v = blkif_check_header(req, limits);
	uint32_t total;

	return v == BLKIF_OK ? blkif_check_segments(req, limits, &total) : v;
}

/* A request at sector 0 that its operation allows. */
static struct blkif_req good(uint8_t operation, unsigned segments)
{
	struct blkif_req req;

	memset(&req, 0, sizeof(req));
	req.operation = operation;
	req.nr_segments = segments;
	for (unsigned i = 0; i < segments && i < BLKIF_INDIRECT_SEGMENTS; i++)
		req.seg[i] = (struct blkif_segment){ 0x80000000u + i, i % 8, 7 };
	return req;
}

static void test_unknown_operations(void **state)
{
	for (unsigned op = 0; op < 256; op++) {
		struct blkif_req req = good(op, 1);
		enum blkif_verdict v = blkif_check_header(&req, &generous);

		if (op == BLKIF_OP_READ || op == BLKIF_OP_WRITE || op == BLKIF_OP_WRITE_BARRIER ||
				op == BLKIF_OP_DISCARD || op == BLKIF_OP_FLUSH_DISKCACHE)
			assert_int_not_equal(v, BLKIF_BAD_OPERATION);
		else
			assert_int_equal(v, BLKIF_BAD_OPERATION);
	}
}

static void test_unadvertised_operations(void **state)
{
	const struct blkif_limits bare = { .sectors = 1000, .logical_sectors = 1 };
	struct blkif_req req = good(BLKIF_OP_WRITE_BARRIER, 1);

	assert_int_equal(verdict(&req, &bare), BLKIF_BAD_OPERATION);
	req = good(BLKIF_OP_FLUSH_DISKCACHE, 0);
	assert_int_equal(verdict(&req, &bare), BLKIF_BAD_OPERATION);
	req = good(BLKIF_OP_DISCARD, 0);
	assert_int_equal(verdict(&req, &bare), BLKIF_BAD_OPERATION);
	req = good(BLKIF_OP_READ, 1);
	req.indirect = true;
	assert_int_equal(verdict(&req, &bare), BLKIF_BAD_OPERATION);
	req.indirect = false;
	assert_int_equal(verdict(&req, &bare), BLKIF_OK);
}

static void test_indirect_operation(void **state)
{
	for (unsigned op = 0; op < 256; op++) {
		struct blkif_req req = good(op, 1);

		req.indirect = true;
		assert_int_equal(verdict(&req, &generous),
			op == BLKIF_OP_READ || op == BLKIF_OP_WRITE ? BLKIF_OK :
								      BLKIF_BAD_INDIRECT_OP);
	}
}

static void test_direct_counts(void **state)
{
	for (unsigned n = 0; n < 256; n++) {
		struct blkif_req req = good(BLKIF_OP_READ, n);
		enum blkif_verdict rw = n >= 1 && n <= 11 ? BLKIF_OK : BLKIF_BAD_SEGMENT_COUNT;

		assert_int_equal(verdict(&req, &generous), rw);
		req.operation = BLKIF_OP_WRITE;
		assert_int_equal(verdict(&req, &generous), rw);
		req.operation = BLKIF_OP_WRITE_BARRIER;
		assert_int_equal(verdict(&req, &generous),
			n <= 11 ? BLKIF_OK : BLKIF_BAD_SEGMENT_COUNT);
		req.operation = BLKIF_OP_FLUSH_DISKCACHE;
		assert_int_equal(verdict(&req, &generous),
			n == 0 ? BLKIF_OK : BLKIF_BAD_SEGMENT_COUNT);
	}
}

static void test_indirect_counts(void **state)
{
	struct blkif_limits limits = generous;
	struct blkif_req req;

	limits.sectors = 4096;
	for (unsigned n = 0; n < 65536; n += n < 600 ? 1 : 997) {
		req = good(BLKIF_OP_WRITE, n);
		req.indirect = true;
		limits.max_indirect = 256;
		assert_int_equal(verdict(&req, &limits),
			n >= 1 && n <= 256 ? BLKIF_OK : BLKIF_BAD_SEGMENT_COUNT);
		limits.max_indirect = 32;
		assert_int_equal(verdict(&req, &limits),
			n >= 1 && n <= 32 ? BLKIF_OK : BLKIF_BAD_SEGMENT_COUNT);
		/* never more than there is room for, whatever was advertised */
		limits.max_indirect = UINT16_MAX;
		assert_int_equal(blkif_check_header(&req, &limits),
			n >= 1 && n <= 256 ? BLKIF_OK : BLKIF_BAD_SEGMENT_COUNT);
	}
}

/* blkif_check_segments() alone stays inside its arrays. */
static void test_segments_without_header(void **state)
{
	struct blkif_req req = good(BLKIF_OP_READ, 12);
	uint32_t total = 99;

	assert_int_equal(blkif_check_segments(&req, &generous, &total), BLKIF_BAD_SEGMENT_COUNT);
	assert_int_equal(total, 0);
	req.indirect = true;
	req.nr_segments = 257;
	assert_int_equal(blkif_check_segments(&req, &generous, &total), BLKIF_BAD_SEGMENT_COUNT);
}

static void test_segment_bounds(void **state)
{
	for (unsigned first = 0; first < 256; first++) {
		for (unsigned last = 0; last < 256; last++) {
			struct blkif_req req = good(BLKIF_OP_READ, 2);
			uint32_t total;
			bool ok = first <= last && last < 8;

			req.seg[1].first_sect = first;
			req.seg[1].last_sect = last;
			assert_int_equal(blkif_check_segments(&req, &generous, &total),
				ok ? BLKIF_OK : BLKIF_BAD_SEGMENT);
			assert_int_equal(total, ok ? 8 + last - first + 1 : 0);
		}
	}
}

static void test_range(void **state)
{
	static const struct {
		uint64_t sectors, sector;
		bool ok;
	} cases[] = {
		{ 1000, 0, true }, { 1000, 992, true }, { 1000, 993, false }, { 1000, 999, false },
		{ 1000, 1000, false }, { 1000, UINT64_MAX, false }, { 1000, UINT64_MAX - 7, false },
		{ 1000, UINT64_C(1) << 63, false }, { 8, 0, true }, { 7, 0, false }, { 0, 0, false },
		{ UINT64_MAX, UINT64_MAX - 8, true }, { UINT64_MAX, UINT64_MAX - 7, false },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct blkif_limits limits = generous;
		struct blkif_req req = good(BLKIF_OP_READ, 1);

		limits.sectors = cases[i].sectors;
		req.sector = cases[i].sector;
		assert_int_equal(verdict(&req, &limits), cases[i].ok ? BLKIF_OK : BLKIF_BAD_RANGE);
	}
}

/* 256 whole segments are 2048 sectors: the sum, not each segment, must fit. */
static void test_range_of_sum(void **state)
{
	struct blkif_limits limits = generous;
	struct blkif_req req = good(BLKIF_OP_WRITE, 256);
	uint32_t total;

	req.indirect = true;
	for (unsigned i = 0; i < 256; i++)
		req.seg[i].first_sect = 0;
	limits.sectors = 2048;
	assert_int_equal(blkif_check_segments(&req, &limits, &total), BLKIF_OK);
	assert_int_equal(total, 2048);
	limits.sectors = 2047;
	assert_int_equal(blkif_check_segments(&req, &limits, &total), BLKIF_BAD_RANGE);
	assert_int_equal(total, 0);
}

/* Windows leaves sector_number as it was. */
static void test_sector_of_empty_requests(void **state)
{
	struct blkif_req req = good(BLKIF_OP_FLUSH_DISKCACHE, 0);
	struct blkif_limits limits = generous;
	uint32_t total = 7;

	limits.logical_sectors = 8;
	req.sector = UINT64_MAX - 2;
	assert_int_equal(blkif_check_header(&req, &limits), BLKIF_OK);
	assert_int_equal(blkif_check_segments(&req, &limits, &total), BLKIF_OK);
	assert_int_equal(total, 0);
	req.operation = BLKIF_OP_WRITE_BARRIER;
	assert_int_equal(verdict(&req, &limits), BLKIF_OK);
}

static void test_readonly(void **state)
{
	struct blkif_limits limits = generous;
	struct blkif_req req;

	limits.readonly = true;
	req = good(BLKIF_OP_WRITE, 1);
	assert_int_equal(verdict(&req, &limits), BLKIF_READONLY);
	req.indirect = true;
	assert_int_equal(verdict(&req, &limits), BLKIF_READONLY);
	req = good(BLKIF_OP_WRITE_BARRIER, 1);
	assert_int_equal(verdict(&req, &limits), BLKIF_READONLY);
	req = good(BLKIF_OP_WRITE_BARRIER, 0);
	assert_int_equal(verdict(&req, &limits), BLKIF_READONLY);
	req = good(BLKIF_OP_DISCARD, 0); /* CVE-2013-2140 */
	req.nr_sectors = 8;
	assert_int_equal(verdict(&req, &limits), BLKIF_READONLY);
	req = good(BLKIF_OP_FLUSH_DISKCACHE, 0);
	assert_int_equal(verdict(&req, &limits), BLKIF_OK);
	req = good(BLKIF_OP_READ, 1);
	assert_int_equal(verdict(&req, &limits), BLKIF_OK);
	req.indirect = true;
	assert_int_equal(verdict(&req, &limits), BLKIF_OK);
}

static void test_alignment(void **state)
{
	struct blkif_limits limits = generous;

	limits.logical_sectors = 8;
	for (unsigned first = 0; first < 8; first++) {
		for (unsigned last = first; last < 8; last++) {
			struct blkif_req req = good(BLKIF_OP_READ, 1);

			req.seg[0].first_sect = first;
			req.seg[0].last_sect = last;
			assert_int_equal(verdict(&req, &limits),
				first == 0 && last == 7 ? BLKIF_OK : BLKIF_BAD_ALIGNMENT);
		}
	}
	for (unsigned sector = 0; sector < 32; sector++) {
		struct blkif_req req = good(BLKIF_OP_WRITE, 1);

		req.sector = sector;
		assert_int_equal(verdict(&req, &limits),
			sector % 8 == 0 ? BLKIF_OK : BLKIF_BAD_ALIGNMENT);
		req = good(BLKIF_OP_DISCARD, 0);
		req.sector = sector;
		req.nr_sectors = 8;
		assert_int_equal(verdict(&req, &limits),
			sector % 8 == 0 ? BLKIF_OK : BLKIF_BAD_ALIGNMENT);
		req.sector = 0;
		req.nr_sectors = sector;
		assert_int_equal(verdict(&req, &limits),
			sector % 8 == 0 ? BLKIF_OK : BLKIF_BAD_ALIGNMENT);
	}
}

static void test_discard_range(void **state)
{
	static const struct {
		uint64_t sector, count;
		bool ok;
	} cases[] = {
		{ 0, 0, true }, { 0, 1000, true }, { 0, 1001, false }, { 1000, 0, true },
		{ 1000, 1, false }, { 999, 1, true }, { 1001, 0, false }, { 1, UINT64_MAX, false },
		{ UINT64_MAX, 1, false }, { UINT64_MAX, 2, false }, { 500, UINT64_MAX - 499, false },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct blkif_req req = good(BLKIF_OP_DISCARD, 0);

		req.sector = cases[i].sector;
		req.nr_sectors = cases[i].count;
		assert_int_equal(verdict(&req, &generous),
			cases[i].ok ? BLKIF_OK : BLKIF_BAD_RANGE);
	}
}

static void test_discard_flags(void **state)
{
	struct blkif_limits plain = generous;

	plain.secure_discard = false;
	for (unsigned flag = 0; flag < 256; flag++) {
		struct blkif_req req = good(BLKIF_OP_DISCARD, 0);

		req.flag = flag;
		assert_int_equal(verdict(&req, &generous), flag <= 1 ? BLKIF_OK : BLKIF_BAD_FLAG);
		assert_int_equal(verdict(&req, &plain), flag == 0 ? BLKIF_OK : BLKIF_BAD_FLAG);
	}
}

static void test_verdicts(void **state)
{
	for (int v = BLKIF_OK; v <= BLKIF_BAD_FLAG; v++) {
		assert_true(strlen(blkif_verdict_text(v)) > 1);
		assert_int_equal(blkif_verdict_status(v),
			v == BLKIF_OK ? BLKIF_RSP_OKAY :
			v == BLKIF_BAD_OPERATION ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_ERROR);
	}
	assert_string_equal(blkif_verdict_text(BLKIF_BAD_FLAG + 1), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown_operations),
		cmocka_unit_test(test_unadvertised_operations),
		cmocka_unit_test(test_indirect_operation),
		cmocka_unit_test(test_direct_counts),
		cmocka_unit_test(test_indirect_counts),
		cmocka_unit_test(test_segments_without_header),
		cmocka_unit_test(test_segment_bounds),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_range_of_sum),
		cmocka_unit_test(test_sector_of_empty_requests),
		cmocka_unit_test(test_readonly),
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_discard_range),
		cmocka_unit_test(test_discard_flags),
		cmocka_unit_test(test_verdicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

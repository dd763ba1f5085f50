// SPDX-License-Identifier: MIT
/* What a SCSI unit says, true or not, what is made of it, the commands, and what answers mean. */
#include "config.h"
#include "backends/blk/iscsi-lun.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "backends/blk/iscsi-local.h"

static char why[256];

/* 2048 blocks of 512 in 4096, provisioned, zeroes. */
static void capacity_bytes(uint8_t c[32], uint64_t last, uint32_t size)
{
	memset(c, 0, 32);
	lun_put(c, last, 8);
	lun_put(c + 8, size, 4);
	c[13] = 3;
	c[14] = 0xc0;
}

static struct lun provisioned(uint8_t page_b2)
{
	const uint8_t b2[8] = { 0, 0xb2, 0, 4, 0, page_b2, 2, 0 };
	struct lun lun = { 0 };
	uint8_t c[32];

	capacity_bytes(c, 2047, 512);
	assert_int_equal(lun_parse_capacity(c, sizeof(c), &lun, why, sizeof(why)), 0);
	lun_parse_page(b2, sizeof(b2), &lun);
	return lun;
}

static void capacity(void **state)
{
	struct lun lun = { 0 };
	uint8_t c[32];

	capacity_bytes(c, 2047, 512);
	assert_int_equal(lun_parse_capacity(c, sizeof(c), &lun, why, sizeof(why)), 0);
	assert_int_equal(lun.blocks, 2048);
	assert_int_equal(lun.block_size, 512);
	assert_int_equal(lun.physical_size, 4096);
	assert_true(lun.provisioned && lun.zeroes);
	assert_int_equal(lun_parse_capacity(c, 15, &lun, why, sizeof(why)), -EINVAL);
	for (unsigned size = 0; size < 70000; size++) {
		bool fine = size >= 512 && size <= 65536 && (size & (size - 1)) == 0;

		capacity_bytes(c, 2047, size);
		assert_int_equal(lun_parse_capacity(c, sizeof(c), &lun, why, sizeof(why)), fine ? 0 : -EINVAL);
	}
	capacity_bytes(c, UINT64_MAX, 512);
	assert_int_equal(lun_parse_capacity(c, sizeof(c), &lun, why, sizeof(why)), -EINVAL);
	capacity_bytes(c, INT64_MAX / 512, 512);
	assert_int_equal(lun_parse_capacity(c, sizeof(c), &lun, why, sizeof(why)), -EINVAL);
	capacity_bytes(c, 7, 512);
	c[13] = 0xf; /* a physical block of 16 MiB: not believed */
	assert_int_equal(lun_parse_capacity(c, sizeof(c), &lun, why, sizeof(why)), 0);
	assert_int_equal(lun.physical_size, 512);
}

static void inquiry(void **state)
{
	uint8_t data[36] = { 0 };

	assert_int_equal(lun_parse_inquiry(data, 36, why, sizeof(why)), 0);
	assert_int_equal(lun_parse_inquiry(data, 35, why, sizeof(why)), -ENXIO);
	data[0] = 0x7f;
	assert_int_equal(lun_parse_inquiry(data, 36, why, sizeof(why)), -ENXIO);
	assert_non_null(strstr(why, "no such unit"));
	data[0] = 5;
	assert_int_equal(lun_parse_inquiry(data, 36, why, sizeof(why)), -ENXIO);
	assert_non_null(strstr(why, "type 5"));
}

static void mode_pages(void **state)
{
	const uint8_t caching[] = { 23, 0, 0x80, 0, 0x08, 0x12, 0x04, 0 };
	const uint8_t through[] = { 23, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x88, 0x12, 0x00, 0 };
	struct lun lun = { 0 };

	assert_int_equal(lun_parse_mode(caching, sizeof(caching), &lun), 0);
	assert_true(lun.write_protected && lun.cache_known && lun.cache);
	lun = (struct lun){ 0 };
	assert_int_equal(lun_parse_mode(through, sizeof(through), &lun), 0);
	assert_true(!lun.write_protected && lun.cache_known && !lun.cache);
	for (size_t len = 4; len < 7; len++) {
		lun = (struct lun){ 0 };
		assert_int_equal(lun_parse_mode(caching, len, &lun), 0);
		assert_true(lun.write_protected && !lun.cache_known);
	}
	assert_int_equal(lun_parse_mode(caching, 3, &lun), -EINVAL);
}

static void limits(void **state)
{
	uint8_t b0[64] = { 0, 0xb0, 0, 60 };
	struct lun lun = provisioned(0xc4);
	struct blk_info info;

	lun_put(b0 + 8, 256, 4);   /* transfer */
	lun_put(b0 + 20, 1000, 4); /* unmap */
	lun_put(b0 + 24, 1, 4);
	lun_put(b0 + 28, 8, 4);    /* granule */
	lun_put(b0 + 36, 500, 8);  /* write same */
	lun_parse_page(b0, sizeof(b0), &lun);
	lun_describe(&lun, false, &info);
	assert_int_equal(info.size, 2048 * 512);
	assert_int_equal(info.max_length, 256 * 512);
	assert_int_equal(info.max_discard, 500 * 512); /* of both, which share it */
	assert_int_equal(info.discard_granularity, 4096);
	assert_int_equal(info.flags, BLK_INFO_SERVED | BLK_INFO_DISCARD | BLK_INFO_ZEROES);
	lun_describe(&lun, true, &info);
	assert_int_equal(info.flags, BLK_INFO_SERVED | BLK_INFO_READONLY);
	/* No descriptor, no UNMAP. */
	lun_put(b0 + 24, 0, 4);
	lun_parse_page(b0, sizeof(b0), &lun);
	assert_int_equal(lun_trim_for(&lun, BLK_DISCARD), LUN_TRIM_WRITE_SAME);
}

/* What page B2 says counts only for a unit that is provisioned. */
static void discards(void **state)
{
	struct lun lun = provisioned(0xc4);

	assert_int_equal(lun_trim_for(&lun, BLK_DISCARD), LUN_TRIM_UNMAP);
	lun.provisioned = false;
	assert_int_equal(lun_trim_for(&lun, BLK_DISCARD), LUN_TRIM_NONE);
	lun = provisioned(0x44);
	assert_int_equal(lun_trim_for(&lun, BLK_DISCARD), LUN_TRIM_WRITE_SAME);
	lun = provisioned(0x00);
	assert_int_equal(lun_trim_for(&lun, BLK_DISCARD), LUN_TRIM_NONE);
}

/* Zeroes by unmapping only where unmapped blocks read as zeroes. */
static void zeroes(void **state)
{
	struct lun lun = provisioned(0xc4);
	uint8_t cdb[LUN_CDB];

	lun_command(&lun, BLK_ZEROES, 5, 6, cdb);
	assert_int_equal(cdb[0], 0x93);
	assert_int_equal(cdb[1], 0x08);
	lun.zeroes = false;
	lun_command(&lun, BLK_ZEROES, 5, 6, cdb);
	assert_int_equal(cdb[1], 0);
	lun = provisioned(0xc8); /* a pattern of its own, though LBPRZ is set in the capacity */
	lun_command(&lun, BLK_ZEROES, 5, 6, cdb);
	assert_int_equal(cdb[1], 0);
	lun = provisioned(0x84); /* UNMAP alone */
	lun_command(&lun, BLK_ZEROES, 5, 6, cdb);
	assert_int_equal(cdb[1], 0);
}

static void commands(void **state)
{
	struct lun lun = provisioned(0xc4);
	uint8_t cdb[LUN_CDB], list[LUN_UNMAP_LIST];

	lun_command(&lun, BLK_READ, 0x0102030405060708, 0x090a0b0c, cdb);
	assert_memory_equal(cdb, "\x88\0\1\2\3\4\5\6\7\10\11\12\13\14\0\0", 16);
	lun_command(&lun, BLK_WRITE, 1, 2, cdb);
	assert_int_equal(cdb[0], 0x8a);
	lun_command(&lun, BLK_FLUSH, 0, 0, cdb);
	assert_memory_equal(cdb, "\x91\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	lun_command(&lun, BLK_DISCARD, 1, 2, cdb);
	assert_memory_equal(cdb, "\x42\0\0\0\0\0\0\0\30\0", 10);
	lun_unmap_list(0x0102, 3, list);
	assert_memory_equal(list, "\0\26\0\20\0\0\0\0\0\0\0\0\0\0\1\2\0\0\0\3\0\0\0\0", 24);
}

static void identities(void **state)
{
	uint8_t page[40] = { 0, 0x83, 0, 36, 1, 0x01, 0, 8, 'v', 'e', 'n', 'd', 'o', 'r', '1', '2',
		1, 0x03, 0, 8, 6, 1, 2, 3, 4, 5, 6, 7,    /* NAA */
		1, 0x13, 0, 8, 6, 9, 9, 9, 9, 9, 9, 9 };  /* the port's */
	struct lun a = { 0 }, b = { 0 };

	lun_parse_page(page, sizeof(page), &a);
	assert_true(a.identity[0] == lun_hash(1, page + 20, 8) && a.identity[1] == lun_hash(2, page + 20, 8));
	/* Two targets that say the same. */
	b = a;
	lun_identify(&a, "iqn.a", 1);
	lun_identify(&b, "iqn.b", 1);
	assert_true(a.identity[0] != b.identity[0] && a.identity[1] != b.identity[1]);
	/* Lengths that lie, everywhere: read within bounds (sanitizers look). */
	for (size_t len = 0; len <= sizeof(page); len++)
		for (unsigned at = 2; at < sizeof(page); at++) {
			uint8_t *copy = malloc(len ? len : 1);

			memcpy(copy, page, len);
			if (at < len)
				copy[at] = 0xff;
			lun_parse_page(copy, len, &b);
			(void)lun_page_listed(copy, len, 0xb0);
			(void)!lun_parse_mode(copy, len, &b);
			free(copy);
		}
}

static void answers(void **state)
{
	static const struct {
		int status;
		unsigned key, code;
		enum lun_verdict verdict;
		int error;
		bool changed;
	} rows[] = {
		{ 0, 0, 0, LUN_DONE, 0, false },
		{ 2, 0x1, 0x1701, LUN_DONE, 0, false },
		{ 2, 0x2, 0x0401, LUN_LATER, -EIO, false },
		{ 2, 0x2, 0x3a00, LUN_DONE, -ENOMEDIUM, false },
		{ 2, 0x3, 0x1100, LUN_DONE, -EIO, false },
		{ 2, 0x4, 0x4400, LUN_DONE, -EIO, false },
		{ 2, 0x5, 0x2000, LUN_DONE, -EOPNOTSUPP, false },
		{ 2, 0x5, 0x2400, LUN_DONE, -EOPNOTSUPP, false },
		{ 2, 0x5, 0x2100, LUN_DONE, -EIO, true },
		{ 2, 0x5, 0x2500, LUN_LATER, -ENXIO, false },
		{ 2, 0x6, 0x2a09, LUN_AGAIN, -EIO, true },
		{ 2, 0x6, 0x2900, LUN_RECONNECT, -EIO, true },
		{ 2, 0x6, 0x2f00, LUN_RECONNECT, -EIO, false },
		{ 2, 0x6, 0x3f0e, LUN_AGAIN, -EIO, true },
		{ 2, 0x6, 0x1234, LUN_AGAIN, -EIO, false },
		{ 2, 0x7, 0x2707, LUN_DONE, -ENOSPC, false },
		{ 2, 0x7, 0x2700, LUN_DONE, -EROFS, false },
		{ 2, 0xb, 0x4b00, LUN_LATER, -EIO, false },
		{ 2, 0xe, 0x1d00, LUN_DONE, -EIO, false },
		{ 0x08, 0, 0, LUN_LATER, -EBUSY, false },
		{ 0x28, 0, 0, LUN_LATER, -EBUSY, false },
		{ 0x18, 0, 0, LUN_DONE, -EACCES, false },
		{ 0x40, 0, 0, LUN_AGAIN, -EIO, false },
		{ 0x0f000000, 0, 0, LUN_RECONNECT, -EIO, false }, /* cancelled */
		{ 0x77, 0, 0, LUN_RECONNECT, -EIO, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lun_answer a = lun_judge(rows[i].status, rows[i].key, rows[i].code);

		if (a.verdict != rows[i].verdict || a.error != rows[i].error || a.changed != rows[i].changed)
			fail_msg("status %x key %x code %x: verdict %d error %d", rows[i].status, rows[i].key,
				rows[i].code, a.verdict, a.error);
		assert_non_null(a.text);
	}
}

static void our_name(void **state)
{
	char name[ISCSI_URI_NAME], text[600];

	assert_true(iscsi_local_initiator_parse("# x\nInitiatorName=iqn.1993-08.org.debian:01:abc \n", name));
	assert_string_equal(name, "iqn.1993-08.org.debian:01:abc");
	assert_false(iscsi_local_initiator_parse("GenerateName=yes\n", name));
	assert_false(iscsi_local_initiator_parse("InitiatorName=\n", name));
	assert_false(iscsi_local_initiator_parse("InitiatorName=a\x01" "b", name));
	snprintf(text, sizeof(text), "InitiatorName=%0300d\n", 1);
	assert_false(iscsi_local_initiator_parse(text, name));
}

/* The same disk's is the same, every other's another: of the device, the unit, the machine. */
static void session_names(void **state)
{
	const struct iscsi_uri a = { .target = "iqn.x", .lun = 1 }, b = { .target = "iqn.x", .lun = 2 };
	uint32_t isid[5];
	uint16_t qualifier[5];

	iscsi_local_isid(&a, "iqn.we", "backend/vbd/1/51712", &isid[0], &qualifier[0]);
	iscsi_local_isid(&a, "iqn.we", "backend/vbd/1/51712", &isid[1], &qualifier[1]);
	iscsi_local_isid(&a, "iqn.we", "backend/vbd/2/51712", &isid[2], &qualifier[2]);
	iscsi_local_isid(&b, "iqn.we", "backend/vbd/1/51712", &isid[3], &qualifier[3]);
	iscsi_local_isid(&a, "iqn.them", "backend/vbd/1/51712", &isid[4], &qualifier[4]);
	assert_true(isid[0] == isid[1] && qualifier[0] == qualifier[1]);
	for (unsigned i = 2; i < 5; i++)
		assert_true(isid[0] != isid[i] && qualifier[0] != qualifier[i]);
	assert_true(isid[0] < 1u << 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capacity),
		cmocka_unit_test(inquiry),
		cmocka_unit_test(mode_pages),
		cmocka_unit_test(limits),
		cmocka_unit_test(discards),
		cmocka_unit_test(zeroes),
		cmocka_unit_test(commands),
		cmocka_unit_test(identities),
		cmocka_unit_test(answers),
		cmocka_unit_test(our_name),
		cmocka_unit_test(session_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

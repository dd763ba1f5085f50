// SPDX-License-Identifier: MIT
/* Slots and responses of the three ABIs, byte by byte. The rules are in blkif-rules.c. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "protocol/blkif.h"

static const enum blkif_abi abis[] = { BLKIF_ABI_NATIVE, BLKIF_ABI_X86_32, BLKIF_ABI_X86_64 };

/* Offsets as the headers of each machine give them, by hand. */
struct offsets {
	enum blkif_abi abi;
	unsigned slot, id, sector, seg, nr_sectors, handle, grefs, rsp;
};
static const struct offsets known[] = {
	{ BLKIF_ABI_X86_32, 108, 4, 12, 20, 20, 20, 24, 12 },
	{ BLKIF_ABI_X86_64, 112, 8, 16, 24, 24, 24, 28, 16 },
};

static void put(uint8_t *slot, unsigned at, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		slot[at + i] = value >> (8 * i);
}

static struct blkif_req request(uint8_t operation, unsigned segments)
{
	struct blkif_req req;

	memset(&req, 0, sizeof(req));
	req.operation = operation;
	req.id = 0x1122334455667788;
	req.sector = 0x0102030405060708;
	req.nr_segments = segments;
	for (unsigned i = 0; i < segments && i < BLKIF_INDIRECT_SEGMENTS; i++)
		req.seg[i] = (struct blkif_segment){ 0x80000000u + i, i % 8, 7 };
	return req;
}

static void test_abi_names(void **state)
{
	enum blkif_abi abi;

	assert_int_equal(blkif_abi_parse(NULL, &abi), 0);
	assert_int_equal(abi, BLKIF_ABI_NATIVE);
	assert_int_equal(blkif_abi_parse("", &abi), 0);
	assert_int_equal(abi, BLKIF_ABI_NATIVE);
	assert_int_equal(blkif_abi_parse("x86_32-abi", &abi), 0);
	assert_int_equal(abi, BLKIF_ABI_X86_32);
	assert_int_equal(blkif_abi_parse("x86_64-abi", &abi), 0);
	assert_int_equal(abi, BLKIF_ABI_X86_64);
	assert_int_equal(blkif_abi_parse("x86_64", &abi), -EPROTONOSUPPORT);
	assert_int_equal(blkif_abi_parse("x86_64-abi ", &abi), -EPROTONOSUPPORT);
	assert_int_equal(blkif_abi_parse("vax-abi", &abi), -EPROTONOSUPPORT);
	assert_string_equal(blkif_abi_name(BLKIF_ABI_NATIVE), "native");
	assert_string_equal(blkif_abi_name(BLKIF_ABI_X86_32), "x86_32-abi");
	assert_string_equal(blkif_abi_name(BLKIF_ABI_X86_64), "x86_64-abi");
}

static void test_sizes(void **state)
{
	assert_int_equal(blkif_slot_size(BLKIF_ABI_NATIVE), sizeof(struct blkif_request));
	assert_int_equal(blkif_rsp_size(BLKIF_ABI_NATIVE), sizeof(struct blkif_response));
	for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
		assert_int_equal(blkif_slot_size(known[i].abi), known[i].slot);
		assert_int_equal(blkif_rsp_size(known[i].abi), known[i].rsp);
	}
}

static void test_decode_direct(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
		const struct offsets *o = &known[i];
		uint8_t slot[BLKIF_SLOT_MAX];
		struct blkif_req req;

		memset(slot, 0xcc, sizeof(slot));
		put(slot, 0, BLKIF_OP_WRITE, 1);
		put(slot, 1, 11, 1);
		put(slot, o->id, 0x1122334455667788, 8);
		put(slot, o->sector, 0x99aabbccddeeff00, 8);
		for (unsigned s = 0; s < 11; s++) {
			put(slot, o->seg + 8 * s, 0xf0000000u + s, 4);
			put(slot, o->seg + 8 * s + 4, s, 1);
			put(slot, o->seg + 8 * s + 5, s + 100, 1);
		}
		blkif_decode(o->abi, slot, &req);
		assert_int_equal(req.operation, BLKIF_OP_WRITE);
		assert_false(req.indirect);
		assert_int_equal(req.nr_segments, 11);
		assert_true(req.id == 0x1122334455667788);
		assert_true(req.sector == 0x99aabbccddeeff00);
		for (unsigned s = 0; s < 11; s++) {
			assert_int_equal(req.seg[s].gref, 0xf0000000u + s);
			assert_int_equal(req.seg[s].first_sect, s);
			assert_int_equal(req.seg[s].last_sect, s + 100);
		}
	}
}

static void test_decode_discard(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
		const struct offsets *o = &known[i];
		uint8_t slot[BLKIF_SLOT_MAX] = { BLKIF_OP_DISCARD, 0x81 };
		struct blkif_req req;

		put(slot, o->id, 3, 8);
		put(slot, o->sector, 0xfedcba9876543210, 8);
		put(slot, o->nr_sectors, 0x0123456789abcdef, 8);
		blkif_decode(o->abi, slot, &req);
		assert_int_equal(req.operation, BLKIF_OP_DISCARD);
		assert_int_equal(req.flag, 0x81);
		assert_int_equal(req.nr_segments, 0);
		assert_true(req.sector == 0xfedcba9876543210);
		assert_true(req.nr_sectors == 0x0123456789abcdef);
	}
}

static void test_decode_indirect(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
		const struct offsets *o = &known[i];
		uint8_t slot[BLKIF_SLOT_MAX] = { BLKIF_OP_INDIRECT, BLKIF_OP_WRITE };
		struct blkif_req req;

		put(slot, 2, 0xabcd, 2);
		put(slot, o->id, 4, 8);
		put(slot, o->sector, 5, 8);
		put(slot, o->handle, 0xffff, 2);
		for (unsigned g = 0; g < 8; g++)
			put(slot, o->grefs + 4 * g, 0xe0000000u + g, 4);
		blkif_decode(o->abi, slot, &req);
		assert_true(req.indirect);
		assert_int_equal(req.operation, BLKIF_OP_WRITE);
		assert_int_equal(req.nr_segments, 0xabcd);
		assert_true(req.id == 4 && req.sector == 5);
		for (unsigned g = 0; g < 8; g++)
			assert_int_equal(req.indirect_gref[g], 0xe0000000u + g);
	}
}

/* The native ABI against the structures of Xen's own header. */
static void test_native_is_the_header(void **state)
{
	union {
		struct blkif_request rw;
		struct blkif_request_discard discard;
		struct blkif_request_indirect indirect;
	} slot;
	struct blkif_req req;

	memset(&slot, 0, sizeof(slot));
	slot.rw.operation = BLKIF_OP_READ;
	slot.rw.nr_segments = 11;
	slot.rw.id = 1;
	slot.rw.sector_number = 2;
	slot.rw.seg[10] = (struct blkif_request_segment){ .gref = 3, .first_sect = 4, .last_sect = 5 };
	blkif_decode(BLKIF_ABI_NATIVE, &slot, &req);
	assert_true(req.id == 1 && req.sector == 2 && req.seg[10].gref == 3);
	assert_true(req.seg[10].first_sect == 4 && req.seg[10].last_sect == 5);
	memset(&slot, 0, sizeof(slot));
	slot.discard.operation = BLKIF_OP_DISCARD;
	slot.discard.nr_sectors = 6;
	blkif_decode(BLKIF_ABI_NATIVE, &slot, &req);
	assert_true(req.nr_sectors == 6);
	memset(&slot, 0, sizeof(slot));
	slot.indirect.operation = BLKIF_OP_INDIRECT;
	slot.indirect.indirect_grefs[7] = 7;
	blkif_decode(BLKIF_ABI_NATIVE, &slot, &req);
	assert_int_equal(req.indirect_gref[7], 7);
}

static void check_same(const struct blkif_req *a, const struct blkif_req *b, unsigned segments)
{
	assert_int_equal(a->operation, b->operation);
	assert_int_equal(a->indirect, b->indirect);
	assert_int_equal(a->nr_segments, b->nr_segments);
	assert_true(a->id == b->id && a->sector == b->sector);
	assert_true(a->flag == b->flag && a->nr_sectors == b->nr_sectors);
	for (unsigned i = 0; i < segments; i++)
		assert_memory_equal(&a->seg[i], &b->seg[i], 6);
}

static void test_round_trips(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(abis); i++) {
		struct blkif_req in = request(BLKIF_OP_WRITE, 11), out;
		uint8_t slot[BLKIF_SLOT_MAX], page[4096];

		blkif_encode(abis[i], &in, slot);
		blkif_decode(abis[i], slot, &out);
		check_same(&in, &out, 11);

		in = request(BLKIF_OP_DISCARD, 0);
		in.flag = BLKIF_DISCARD_SECURE;
		in.nr_sectors = UINT64_MAX;
		blkif_encode(abis[i], &in, slot);
		blkif_decode(abis[i], slot, &out);
		check_same(&in, &out, 0);

		in = request(BLKIF_OP_READ, 256);
		in.indirect = true;
		in.indirect_gref[0] = 42;
		blkif_encode(abis[i], &in, slot);
		blkif_encode_segments(&in, 0, page);
		blkif_decode(abis[i], slot, &out);
		blkif_decode_segments(&out, 0, page);
		check_same(&in, &out, 256);
		assert_int_equal(out.indirect_gref[0], 42);
		assert_int_equal(slot[0], BLKIF_OP_INDIRECT);
	}
}

/* Nothing of the sender's stack or heap goes over: the whole slot is written. */
static void test_encode_writes_all(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(abis); i++) {
		struct blkif_req req = request(BLKIF_OP_READ, 1);
		uint8_t a[BLKIF_SLOT_MAX], b[BLKIF_SLOT_MAX];

		memset(a, 0x00, sizeof(a));
		memset(b, 0xff, sizeof(b));
		memset(req.seg + 1, 0x5a, sizeof(req.seg) - sizeof(req.seg[0]));
		blkif_encode(abis[i], &req, a);
		blkif_encode(abis[i], &req, b);
		assert_memory_equal(a, b, blkif_slot_size(abis[i]));
		assert_int_equal(a[blkif_slot_size(abis[i]) - 1], 0);
	}
}

static void test_descriptor_pages(void **state)
{
	struct blkif_req req = request(BLKIF_OP_READ, 0);

	req.indirect = true;
	assert_int_equal(blkif_indirect_pages(&req), 0);
	req.nr_segments = 1;
	assert_int_equal(blkif_indirect_pages(&req), 1);
	req.nr_segments = 512;
	assert_int_equal(blkif_indirect_pages(&req), 1);
	req.nr_segments = 513;
	assert_int_equal(blkif_indirect_pages(&req), 2);
	req.nr_segments = 4096;
	assert_int_equal(blkif_indirect_pages(&req), 8);
}

/* Total functions: no count makes them leave their arrays (the sanitizers watch). */
static void test_decode_is_total(void **state)
{
	struct blkif_req *req = test_malloc(sizeof(*req));
	uint8_t *slot = test_malloc(BLKIF_SLOT_MAX);
	uint8_t *page = test_malloc(4096);

	memset(slot, 0xff, BLKIF_SLOT_MAX);
	memset(page, 0xff, 4096);
	for (unsigned i = 0; i < ARRAY_SIZE(abis); i++) {
		for (unsigned op = 0; op < 256; op++) {
			slot[0] = op;
			blkif_decode(abis[i], slot, req);
			for (unsigned p = 0; p < 128; p++)
				blkif_decode_segments(req, p, page);
			blkif_encode(abis[i], req, slot);
			blkif_encode_segments(req, 0, page);
			blkif_encode_segments(req, UINT32_MAX, page);
		}
	}
	test_free(page);
	test_free(slot);
	test_free(req);
}

static void test_response(void **state)
{
	static const uint8_t want[16] = { 8, 7, 6, 5, 4, 3, 2, 1, BLKIF_OP_DISCARD, 0, 0xfe, 0xff };
	const struct blkif_rsp in = { 0x0102030405060708, BLKIF_OP_DISCARD, BLKIF_RSP_EOPNOTSUPP };

	for (unsigned i = 0; i < ARRAY_SIZE(abis); i++) {
		uint8_t out[20];
		struct blkif_rsp back;

		memset(out, 0xee, sizeof(out));
		blkif_encode_rsp(abis[i], &in, out);
		/* padding is zero (XSA-216), and nothing beyond the response is touched */
		assert_memory_equal(out, want, blkif_rsp_size(abis[i]));
		assert_int_equal(out[blkif_rsp_size(abis[i])], 0xee);
		blkif_decode_rsp(abis[i], out, &back);
		assert_true(back.id == in.id && back.status == -2);
		assert_int_equal(back.operation, BLKIF_OP_DISCARD);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_abi_names),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_decode_direct),
		cmocka_unit_test(test_decode_discard),
		cmocka_unit_test(test_decode_indirect),
		cmocka_unit_test(test_native_is_the_header),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_encode_writes_all),
		cmocka_unit_test(test_descriptor_pages),
		cmocka_unit_test(test_decode_is_total),
		cmocka_unit_test(test_response),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

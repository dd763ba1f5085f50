// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/build/rewrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PORT 0xe4

/* Code at @paddr of 64 bytes with @bytes at @at; returns how many were rewritten. */
static uint8_t code[64];

static unsigned rewritten(uint64_t paddr, unsigned at, const void *bytes, size_t n)
{
	memset(code, 0xcc, sizeof(code));
	memcpy(code + at, bytes, n);
	return rewrite_hypercalls(code, sizeof(code), paddr, PORT);
}

static void is_out(unsigned at)
{
	static const uint8_t out[] = { 0xe7, PORT, 0x90 };

	assert_memory_equal(code + at, out, 3);
}

static void test_vmcall_ret(void **state)
{
	assert_int_equal(rewritten(0, 16, "\x0f\x01\xc1\xc3", 4), 1);
	is_out(16);
	assert_int_equal(code[19], 0xc3);
}

static void test_vmmcall_jmp(void **state)
{
	assert_int_equal(rewritten(0x1000, 32, "\x0f\x01\xd9\xe9\1\2\3\4", 8), 1);
	is_out(32);
	assert_memory_equal(code + 35, "\xe9\1\2\3\4", 5);
}

/* Linux 6.12 */
static void test_endbr(void **state)
{
	assert_int_equal(rewritten(0, 16, "\xf3\x0f\x1e\xfa\x0f\x01\xc1\xe9", 8), 1);
	is_out(20);
	assert_memory_equal(code + 16, "\xf3\x0f\x1e\xfa", 4);
}

static void test_both(void **state)
{
	assert_int_equal(rewritten(0, 0,
		"\x0f\x01\xd9\xe9\1\2\3\4\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc\x0f\x01\xc1\xe9", 20), 2);
	is_out(0);
	is_out(16);
}

/* It is the address that is aligned, not the place in the segment. */
static void test_alignment(void **state)
{
	assert_int_equal(rewritten(0x1004, 12, "\x0f\x01\xc1\xc3", 4), 1);
	is_out(12);
	assert_int_equal(rewritten(0x1004, 16, "\x0f\x01\xc1\xc3", 4), 0);
	assert_int_equal(rewritten(0, 17, "\x0f\x01\xc1\xc3", 4), 0);
	assert_int_equal(rewritten(0, 20, "\x0f\x01\xc1\xc3", 4), 0);
}

static void untouched(const char *bytes, size_t n)
{
	assert_int_equal(rewritten(0, 16, bytes, n), 0);
	assert_memory_equal(code + 16, bytes, n);
}

static void test_other_code(void **state)
{
	untouched("\x0f\x01\xc1\x48", 4); /* goes on after it: KVM's own calls */
	untouched("\x0f\x01\xca\xc3", 4); /* CLAC */
	untouched("\x0f\x01\xd0\xc3", 4); /* XGETBV */
	untouched("\x0f\x00\xc1\xc3", 4);
	untouched("\xf3\x0f\x1e\xfb\x0f\x01\xc1\xc3", 8);     /* ENDBR32 */
	untouched("\xf3\x0f\x1e\xfa\x90\x0f\x01\xc1\xc3", 9); /* not at the beginning */
}

/* What is cut by the segment's end is none; a sanitizer sees a read behind it. */
static void test_end(void **state)
{
	static const uint8_t whole[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x0f, 0x01, 0xc1, 0xc3 };

	for (size_t len = 0; len <= sizeof(whole); len++) {
		uint8_t *exact = malloc(len ? len : 1);

		assert_non_null(exact);
		memcpy(exact, whole, len);
		assert_int_equal(rewrite_hypercalls(exact, len, 0, PORT), len == sizeof(whole));
		free(exact);
	}
	for (size_t len = 0; len <= 4; len++) {
		uint8_t *exact = malloc(len ? len : 1);

		assert_non_null(exact);
		memcpy(exact, whole + 4, len);
		assert_int_equal(rewrite_hypercalls(exact, len, 0, PORT), len == 4);
		free(exact);
	}
	assert_int_equal(rewrite_hypercalls(code, 3, 0x1005, PORT), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vmcall_ret), cmocka_unit_test(test_vmmcall_jmp),
		cmocka_unit_test(test_endbr), cmocka_unit_test(test_both),
		cmocka_unit_test(test_alignment), cmocka_unit_test(test_other_code),
		cmocka_unit_test(test_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

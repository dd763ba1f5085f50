// SPDX-License-Identifier: MIT
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tools/cfg-keys.h"
#include "tools/cfg-scan.h"

/* "key:line " for each assignment. */
static const char *scan(const char *text)
{
	static char all[1024];
	char name[CFG_SCAN_NAME_MAX];
	struct cfg_scan s;
	unsigned line;
	size_t used = 0;

	all[0] = '\0';
	cfg_scan_begin(&s, text, strlen(text));
	while ((line = cfg_scan_next(&s, name)))
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s:%u ", name, line);
	return all;
}

static void test_keys_and_lines(void **state)
{
	assert_string_equal(scan(""), "");
	assert_string_equal(scan("a=1"), "a:1 ");
	assert_string_equal(scan("a=1\n\n  b =\t\"x\" ; c=2\n"), "a:1 b:3 c:3 ");
	assert_string_equal(scan("a = [ ]\na += [ \"x\" ]\n"), "a:1 a:2 ");
}

static void test_what_is_no_key(void **state)
{
	assert_string_equal(scan("# a=1\nb=2 # c=3\n"), "b:2 ");
	assert_string_equal(scan("a=\"b=1\" ; c='d=\"2' ; e=3"), "a:1 c:1 e:1 ");
	assert_string_equal(scan("a=\"\\\"b=1\" ; c=2"), "a:1 c:1 ");
	assert_string_equal(scan("a=[ 'b=1,\n#]\nc=2', [ \"d=4\" ],\n e=5 ]\nf=6"), "a:1 f:5 ");
	assert_string_equal(scan("a\n"), "");
}

/* Never beyond the end, whatever the text is. */
static void test_texts_that_end_early(void **state)
{
	assert_string_equal(scan("a=\""), "a:1 ");
	assert_string_equal(scan("a='\\"), "a:1 ");
	assert_string_equal(scan("a=[[["), "a:1 ");
	assert_string_equal(scan("]]a=1"), "a:1 ");
	assert_string_equal(scan("#"), "");
	assert_string_equal(scan("a+"), "");
}

static void test_long_names_are_cut(void **state)
{
	char text[300], name[CFG_SCAN_NAME_MAX];
	struct cfg_scan s;

	memset(text, 'x', sizeof(text));
	text[290] = '=';
	cfg_scan_begin(&s, text, sizeof(text));
	assert_int_equal(cfg_scan_next(&s, name), 1);
	assert_int_equal(strlen(name), CFG_SCAN_NAME_MAX - 1);
}

static void test_table(void **state)
{
	for (unsigned i = 0; i < cfg_nkeys; i++) {
		const struct cfg_key *k = &cfg_keys[i];

		assert_ptr_equal(cfg_key_find(k->name), k);
		assert_int_equal(k->why == NULL, k->verdict == CFG_HONOURED);
	}
	assert_null(cfg_key_find("memroy"));
}

static void test_values_that_need_no_word(void **state)
{
	const struct cfg_key *tsc = cfg_key_find("tsc_mode"), *hap = cfg_key_find("hap");

	assert_true(cfg_key_is_fine(tsc, "default"));
	assert_true(cfg_key_is_fine(tsc, "native"));
	assert_true(cfg_key_is_fine(tsc, ""));
	assert_false(cfg_key_is_fine(tsc, "nat"));
	assert_false(cfg_key_is_fine(tsc, "native "));
	assert_false(cfg_key_is_fine(tsc, "always_emulate"));
	/* One that is ignored is told of unless it asks for what there is. */
	assert_true(cfg_key_is_fine(hap, "1"));
	assert_false(cfg_key_is_fine(hap, "0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_and_lines),
		cmocka_unit_test(test_what_is_no_key),
		cmocka_unit_test(test_texts_that_end_early),
		cmocka_unit_test(test_long_names_are_cut),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_values_that_need_no_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

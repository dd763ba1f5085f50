// SPDX-License-Identifier: MIT
/* Names of logical volumes: LVM's rules, and nothing that an option or a path could be made of. */
#include "config.h"
#include "common/lvm-name.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect_refused(const char *text, const char *because)
{
	struct lvm_name name;
	char why[400] = "";

	assert_int_equal(lvm_name_parse(text, &name, why, sizeof(why)), -EINVAL);
	if (!strstr(why, because))
		fail_msg("\"%s\": \"%s\" does not say \"%s\"", text, why, because);
}

static void good_names_are_taken(void **state)
{
	struct lvm_name name;
	char why[400];

	assert_int_equal(lvm_name_parse("vg0/root", &name, why, sizeof(why)), 0);
	assert_string_equal(name.vg, "vg0");
	assert_string_equal(name.lv, "root");
	assert_string_equal(name.path, "/dev/vg0/root");
	assert_string_equal(name.full, "vg0/root");
	assert_int_equal(lvm_name_parse("a-b+c_d.e/..f", &name, why, sizeof(why)), 0);
	assert_string_equal(name.lv, "..f");
}

static void both_parts_are_needed(void **state)
{
	expect_refused("", "lvm:VG/LV");
	expect_refused("vg", "lvm:VG/LV");
	expect_refused("/lv", "volume group, \"\", is missing");
	expect_refused("vg/", "logical volume, \"\", is missing");
}

static void no_path_can_be_made_of_them(void **state)
{
	expect_refused("vg/a/b", "logical volume");
	expect_refused("../lv", "volume group");
	expect_refused("vg/..", "logical volume");
	expect_refused("./lv", "volume group");
	expect_refused("/dev/vg/lv", "volume group");
}

static void no_option_can_be_made_of_them(void **state)
{
	expect_refused("--config=x/lv", "volume group");
	expect_refused("-vg/lv", "begins with");
	expect_refused("vg/-lv", "begins with");
}

static void other_characters_are_refused(void **state)
{
	expect_refused("v g/lv", "a character");
	expect_refused("vg/l\nv", "a character");
	expect_refused("vg/lv@tag", "a character");
	expect_refused("@tag/lv", "a character");
	expect_refused("vg/l\xc3\xbcv", "a character");
	expect_refused("vg/$(id)", "a character");
}

static void names_are_at_most_127_characters(void **state)
{
	char text[300], why[400];
	struct lvm_name name;

	memset(text, 'v', sizeof(text));
	text[127] = '/';
	text[255] = '\0';
	assert_int_equal(lvm_name_parse(text, &name, why, sizeof(why)), 0);
	text[255] = 'v';
	text[256] = '\0';
	expect_refused(text, "logical volume");
	memset(text, 'v', 255);
	strcpy(text + 128, "/lv");
	expect_refused(text, "volume group");
	strcpy(text + 250, "/lv");
	memset(text + 128, 'v', 122);
	expect_refused(text, "volume group");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_names_are_taken),
		cmocka_unit_test(both_parts_are_needed),
		cmocka_unit_test(no_path_can_be_made_of_them),
		cmocka_unit_test(no_option_can_be_made_of_them),
		cmocka_unit_test(other_characters_are_refused),
		cmocka_unit_test(names_are_at_most_127_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

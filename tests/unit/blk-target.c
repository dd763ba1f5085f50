// SPDX-License-Identifier: MIT
/* What names of storage stand for, and what is said of those that stand for nothing. */
#include "config.h"
#include "backends/blk/target.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backends/blk/drivers.h"

static char why[256];

static void expect(const char *name, const char *driver, const struct blk_driver *is, const char *filename)
{
	const struct target_wish wish = { .driver = driver };
	struct blk_target t;

	assert_int_equal(target_resolve(name, &wish, &t, why, sizeof(why)), 0);
	assert_ptr_equal(t.driver, is);
	assert_string_equal(t.filename, filename);
	assert_int_equal(t.length, 0);
	target_release(&t);
	assert_null(t.filename);
}

static void expect_refused(const char *name, const char *driver, const char *text)
{
	const struct target_wish wish = { .driver = driver };
	struct blk_target t;

	assert_true(target_resolve(name, &wish, &t, why, sizeof(why)) < 0);
	if (!strstr(why, text))
		fail_msg("of \"%s\" it says: %s", name, why);
}

static void paths(void **state)
{
	expect("/dev/vg/disk", NULL, &blk_driver_uring, "/dev/vg/disk");
	expect("/a:b/c", "", &blk_driver_uring, "/a:b/c");
	expect("/srv/iscsi://x", NULL, &blk_driver_uring, "/srv/iscsi://x");
	expect("/x", "aio", &blk_driver_aio, "/x");
	expect("", "null", &blk_driver_null, "");
}

static void prefixes_of_raw_images(void **state)
{
	expect("aio:/a:b/c", NULL, &blk_driver_uring, "/a:b/c");
	expect("raw:/x", NULL, &blk_driver_uring, "/x");
	expect("tap:aio:/x", NULL, &blk_driver_uring, "/x");
	expect("phy:/dev/sda", "aio", &blk_driver_aio, "/dev/sda");
}

static void formats_are_refused_by_name(void **state)
{
	expect_refused("qcow2:/x", NULL, "qcow2");
	expect_refused("qcow2:/x", NULL, "convert");
	expect_refused("aio:vhd:/x", NULL, "vhd");
	expect_refused("fat:/x", NULL, "'fat:' is no known format");
}

static void schemes_that_are_not_known(void **state)
{
	expect_refused("http://server/x", NULL, "\"http://\"");
	expect_refused("://x", NULL, "\"://\"");
	expect_refused("raw:http://server/x", NULL, "\"http://\"");
}

static void drivers_that_are_not_known(void **state)
{
	expect_refused("/x", "nonsense", "nonsense");
	expect_refused("/x", "nonsense", "--help");
}

static void partitions_that_make_no_sense(void **state)
{
	expect_refused("partition:", NULL, "write partition:PATH:WHICH");
	expect_refused("partition:/dev/sda", NULL, "write partition:PATH:WHICH");
	expect_refused("partition:/dev/sda:", NULL, "write partition:PATH:WHICH");
	expect_refused("partition::1", NULL, "write partition:PATH:WHICH");
	expect_refused("partition:/nowhere/at/all:1", NULL, "/nowhere/at/all: its partitions cannot be read");
	expect_refused("partition:qcow2:/x:1", NULL, "qcow2");
}

static void partitions_of_what_has_none(void **state)
{
	expect_refused("partition:/x:1", "null", "files and block devices only");
}

static void schemes_are_whole_words(void **state)
{
	assert_string_equal(blk_driver_by_scheme("nbd+unix:", 8)->name, "nbd");
	assert_string_equal(blk_driver_by_scheme("nbd", 3)->name, "nbd");
	assert_string_equal(blk_driver_by_scheme("gluster+tcp", 11)->name, "gluster");
	assert_null(blk_driver_by_scheme("nb", 2));
	assert_null(blk_driver_by_scheme("unix", 4));
	assert_null(blk_driver_by_scheme("", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(prefixes_of_raw_images),
		cmocka_unit_test(formats_are_refused_by_name),
		cmocka_unit_test(schemes_that_are_not_known),
		cmocka_unit_test(schemes_are_whole_words),
		cmocka_unit_test(drivers_that_are_not_known),
		cmocka_unit_test(partitions_that_make_no_sense),
		cmocka_unit_test(partitions_of_what_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

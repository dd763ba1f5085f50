// SPDX-License-Identifier: MIT
/* What a device says of its disk, and of one that it cannot have. */
#include "config.h"
#include "tests/unit/blk-device-rig.h"

#include <unistd.h>

#include "tests/peers/fake-xen.h"

/* --- kinds of disks --- */

static void disk_of_4096_byte_sectors(void **state)
{
	assert_int_equal(truncate(rig.image, (1 << 20) + 512), 0);
	fake_store_write(BACK "/logical-block-size", "4096");
	connect_disk();
	expect_node("sector-size", "4096");
	expect_node("physical-sector-size", "4096");
	expect_node("sectors", "2048"); /* in units of 512, whole blocks only */
}

static void logical_block_size_that_no_disk_has(void **state)
{
	fake_store_write(BACK "/logical-block-size", "2048");
	start_device();
	assert_null(rig.device);
	assert_int_equal(rig.status, DEVICE_NO_STORAGE);
	expect_error("logical-block-size");
}

static void storage_smaller_than_its_sectors(void **state)
{
	assert_int_equal(truncate(rig.image, 3584), 0);
	fake_store_write(BACK "/logical-block-size", "4096");
	start_device();
	assert_null(rig.device);
	assert_int_equal(rig.status, DEVICE_NO_STORAGE);
	expect_error("not even one sector");
}

static void removable_disk_says_so(void **state)
{
	fake_store_write(BACK "/removable", "1");
	connect_disk();
	expect_node("info", "2");
	expect_node("feature-barrier", "1");
}

static void discard_is_offered_where_storage_can(void **state)
{
	connect_disk();
	expect_node("feature-discard", "1"); /* tmpfs punches holes */
	expect_node("discard-alignment", "0");
	expect_node("discard-secure", "0");
}

static void discard_that_the_toolstack_forbids(void **state)
{
	fake_store_write(BACK "/discard-enable", "0");
	connect_disk();
	expect_node("feature-discard", "0");
	expect_node("discard-granularity", NULL);
}

static void read_only_disk_says_so(void **state)
{
	fake_store_write(BACK "/mode", "r");
	fake_store_write(BACK "/device-type", "cdrom");
	connect_disk();
	expect_node("info", "5"); /* cdrom, read-only */
	expect_node("feature-barrier", "0");
	expect_node("feature-discard", "0");
	expect_node("feature-flush-cache", "0");
}

/* --- storage that cannot be opened --- */

static void expect_no_storage(const char *error)
{
	start_device();
	assert_null(rig.device);
	assert_int_equal(rig.status, DEVICE_NO_STORAGE);
	expect_node("state", "6");
	expect_error(error);
}

static void missing_file(void **state)
{
	fake_store_write(BACK "/params", "/nonexistent/disk");
	expect_no_storage("/nonexistent/disk: no such file");
}

static void unknown_format(void **state)
{
	fake_store_write(BACK "/params", "qcow2:/x");
	expect_no_storage("qcow2");
}

static void path_that_a_script_wrote(void **state)
{
	fake_store_write(BACK "/params", "iqn=x,portal=y");
	fake_store_write(BACK "/physical-device-path", rig.image);
	connect_disk();
}

static void driver_left_out(void **state)
{
	fake_store_write(BACK "/driver", "iscsi");
	expect_no_storage("iscsi");
}

static void unknown_driver(void **state)
{
	fake_store_write(BACK "/driver", "nonsense");
	expect_no_storage("nonsense");
}

static void toolstack_node_missing(void **state)
{
	fake_store_rm(BACK "/mode");
	start_device();
	assert_null(rig.device);
	assert_int_equal(rig.status, DEVICE_USAGE);
	expect_error("mode");
}

static void no_such_directory(void **state)
{
	fake_store_rm(BACK);
	start_device();
	assert_null(rig.device);
	assert_int_equal(rig.status, DEVICE_USAGE);
	assert_null(fake_store_read(BACK "/state"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, device_setup, device_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(disk_of_4096_byte_sectors),
		T(logical_block_size_that_no_disk_has),
		T(storage_smaller_than_its_sectors),
		T(removable_disk_says_so),
		T(discard_is_offered_where_storage_can),
		T(discard_that_the_toolstack_forbids),
		T(read_only_disk_says_so),
		T(missing_file),
		T(unknown_format),
		T(path_that_a_script_wrote),
		T(driver_left_out),
		T(unknown_driver),
		T(toolstack_node_missing),
		T(no_such_directory),
	};

	return cmocka_run_group_tests_name("blk-device-disk", tests, NULL, NULL);
}

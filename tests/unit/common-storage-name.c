// SPDX-License-Identifier: MIT
/* Where in a storage's name the path is. */
#include "config.h"
#include "common/storage-name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *name, const char *path, const char *with)
{
	char *is = storage_name_path(name), *other = storage_name_with_path(name, "/other");

	assert_non_null(is);
	assert_non_null(other);
	assert_string_equal(is, path);
	assert_string_equal(other, with);
	free(is);
	free(other);
}

static void paths_are_themselves(void **state)
{
	expect("/srv/a.img", "/srv/a.img", "/other");
	expect("a:b", "a:b", "/other");
	expect("partitions/a", "partitions/a", "/other");
	expect("", "", "/other");
}

static void partitions_have_a_path(void **state)
{
	expect("partition:/dev/sda:3", "/dev/sda", "partition:/other:3");
	expect("partition:a.img:PARTUUID=1-2", "a.img", "partition:/other:PARTUUID=1-2");
	expect("partition:/a:b:LABEL=x", "/a:b", "partition:/other:LABEL=x");
	expect("partition:/dev/sda", "/dev/sda", "partition:/other");
}

static void labels_may_have_colons(void **state)
{
	expect("partition:/a:PARTLABEL=x:y", "/a", "partition:/other:PARTLABEL=x:y");
	expect("partition:/a:LABEL=x:UUID=y", "/a", "partition:/other:LABEL=x:UUID=y");
}

static void uris_have_no_path(void **state)
{
	static const char *const names[] = { "nbd://h/e", "iscsi://h/t/1", "gluster+tcp://h/v/p", "lvm:vg/lv",
		"nbd+unix:///e", "nbd+unix:///e?socket=%2frun/s", "nbd+unix:///e?socket=run" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = storage_name_path(names[i]), *same = storage_name_with_path(names[i], "");

		assert_string_equal(path, "");
		assert_string_equal(same, names[i]);
		free(path);
		free(same);
	}
	expect("+://x", "+://x", "/other");
	expect("A://x", "A://x", "/other");
}

static void passwords_are_seen(void **state)
{
	assert_true(storage_name_has_password("nbd://user:secret@h/e"));
	assert_true(storage_name_has_password("iscsi://u:p@w@h/t/1"));
	assert_true(storage_name_has_password("iscsi://user%secret@h/iqn.x/1"));
	assert_true(storage_name_has_password("iscsi://h/iqn.x/1?target_password=secret"));
	assert_true(storage_name_has_password("gluster://h/v/a?timeout=1&secret=x"));
	assert_false(storage_name_has_password("iscsi://h/iqn.x/1?credentials=/root/passwords"));
	assert_false(storage_name_has_password("iscsi://h/iqn.x:a%40b/1"));
	assert_false(storage_name_has_password("/srv/a?password=b"));
	assert_false(storage_name_has_password("nbd://user@h:10809/e"));
	assert_false(storage_name_has_password("nbd://h:1/a:b@c"));
	assert_false(storage_name_has_password("nbd://h:1?x=a:b@c"));
	assert_false(storage_name_has_password("/srv/a:b@c"));
}

static void sockets_are_paths(void **state)
{
	expect("nbd+unix:///e?socket=/run/s", "/run/s", "nbd+unix:///e?socket=/other");
	expect("nbd+unix:///?timeout=1&socket=/s&unflushed=fail", "/s",
		"nbd+unix:///?timeout=1&socket=/other&unflushed=fail");
}

static void formats_have_a_path(void **state)
{
	const char *rest = NULL;

	expect("qcow2:/srv/a.qcow2", "/srv/a.qcow2", "qcow2:/other");
	expect("vhd:a:b", "a:b", "vhd:/other");
	assert_string_equal(storage_name_format("vmdk:/a", &rest), "vmdk");
	assert_string_equal(rest, "/a");
	assert_string_equal(storage_name_format("vhdx:/a", NULL), "vhdx");
	assert_null(storage_name_format("raw:/a", NULL));
	assert_null(storage_name_format("qcow2", NULL));
	assert_null(storage_name_format("qcow2://a", NULL));
	assert_null(storage_name_format("/qcow2:a", NULL));
}

static void expect_volume(const char *name, const char *volume, const char *with)
{
	char *is, *other, *path = storage_name_path(name);

	assert_true(storage_name_is_lvm(name));
	assert_string_equal(path, "");
	free(path);
	is = storage_name_lvm(name);
	other = storage_name_with_device(name, "/dev/x");
	assert_string_equal(is, volume);
	assert_string_equal(other, with);
	free(is);
	free(other);
}

static void logical_volumes_have_a_device(void **state)
{
	expect_volume("lvm:vg/lv", "vg/lv", "/dev/x");
	expect_volume("partition:lvm:vg/lv:1", "vg/lv", "partition:/dev/x:1");
	expect_volume("partition:lvm:vg/lv:LABEL=a:b", "vg/lv", "partition:/dev/x:LABEL=a:b");
	expect_volume("partition:lvm:vg/lv", "vg/lv", "partition:/dev/x");
	expect_volume("lvm:", "", "/dev/x");
	assert_false(storage_name_is_lvm("/dev/vg/lv"));
	assert_false(storage_name_is_lvm("partition:/lvm:a:1"));
}

static void what_toolstacks_put_before_is_skipped(void **state)
{
	assert_string_equal(storage_name_plain("raw:lvm:vg/lv"), "lvm:vg/lv");
	assert_string_equal(storage_name_plain("tapdisk:aio:/a:b"), "/a:b");
	assert_string_equal(storage_name_plain("raw:"), "");
	assert_string_equal(storage_name_plain("phy:partition:lvm:vg/lv:1"), "partition:lvm:vg/lv:1");
	/* None of them: paths, words that begin so, URIs. */
	assert_string_equal(storage_name_plain("/raw:a"), "/raw:a");
	assert_string_equal(storage_name_plain("raws:/a"), "raws:/a");
	assert_string_equal(storage_name_plain("ra:/a"), "ra:/a");
	assert_string_equal(storage_name_plain("file:///a"), "file:///a");
	assert_string_equal(storage_name_plain("qcow2:/a"), "qcow2:/a");
	assert_string_equal(storage_name_plain("raw"), "raw");
	assert_string_equal(storage_name_plain(""), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_themselves),
		cmocka_unit_test(logical_volumes_have_a_device),
		cmocka_unit_test(partitions_have_a_path),
		cmocka_unit_test(labels_may_have_colons),
		cmocka_unit_test(uris_have_no_path),
		cmocka_unit_test(passwords_are_seen),
		cmocka_unit_test(sockets_are_paths),
		cmocka_unit_test(formats_have_a_path),
		cmocka_unit_test(what_toolstacks_put_before_is_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

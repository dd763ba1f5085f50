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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_themselves),
		cmocka_unit_test(partitions_have_a_path),
		cmocka_unit_test(labels_may_have_colons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

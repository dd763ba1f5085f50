// SPDX-License-Identifier: MIT
/* What images' first bytes say: formats that are what they are called, and those that name others. */
#include "config.h"
#include "drivers-domain/format-header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct format_header h;
static char why[256];

static int check(const char *format)
{
	why[0] = '\0';
	return format_header_check(format, &h, why, sizeof(why));
}

static void begin(const void *magic, size_t n)
{
	memset(&h, 0, sizeof(h));
	h.head_len = sizeof(h.head);
	memcpy(h.head, magic, n);
}

static void put(size_t at, const char *text) { memcpy(h.head + at, text, strlen(text)); }

static int refused(const char *format, const char *says)
{
	return check(format) < 0 && strstr(why, says) != NULL;
}

static void test_qcow2(void **state)
{
	begin("QFI\xfb\0\0\0\3", 8);
	assert_int_equal(check("qcow2"), 0);
	h.head[15] = 1; /* where the name of the backing file is */
	assert_true(refused("qcow2", "a backing file"));
	assert_non_null(strstr(why, "qemu-img convert -O qcow2"));
	h.head[15] = 0;
	h.head[79] = 4; /* the incompatible feature of a data file */
	assert_true(refused("qcow2", "a data file"));
	h.head[7] = 2; /* version 2 has no features there */
	assert_int_equal(check("qcow2"), 0);
}

static void test_vhd(void **state)
{
	begin("conectix", 8);
	h.head[63] = 3;
	assert_int_equal(check("vhd"), 0);
	h.head[63] = 4;
	assert_true(refused("vhd", "a parent"));
	assert_non_null(strstr(why, "-O vpc"));
	/* A fixed one is known by its end alone. */
	begin("guest's data", 12);
	assert_true(refused("vhd", "is no vhd image"));
	memcpy(h.foot, "conectix", 8);
	h.foot_len = 511;
	assert_true(refused("vhd", "is no vhd image"));
	h.foot_len = 512;
	h.foot[63] = 2;
	assert_int_equal(check("vhd"), 0);
	h.foot[63] = 4;
	assert_true(refused("vhd", "a parent"));
}

static void test_vmdk(void **state)
{
	begin("KDMV", 4);
	assert_true(refused("vmdk", "no descriptor"));
	h.head[28] = 1;
	assert_true(refused("vmdk", "extents"));
	put(600, "createType=\"monolithicSparse\"\n");
	assert_true(refused("vmdk", "a parent"));
	put(700, "parentCID=ffffffff\n");
	assert_int_equal(check("vmdk"), 0);
	put(600, "createType=\"twoGbMaxExtentFlat\"\n");
	assert_true(refused("vmdk", "extents"));
	/* A descriptor alone, of files that it names. */
	begin("# Disk DescriptorFile\n", 22);
	assert_true(refused("vmdk", "extents"));
	/* A descriptor that is said to be far away. */
	begin("KDMV", 4);
	memset(h.head + 28, 0xff, 8);
	assert_true(refused("vmdk", "no descriptor"));
}

static void test_others(void **state)
{
	begin("vhdxfile", 8);
	assert_int_equal(check("vhdx"), 0);
	begin("QED", 4);
	assert_int_equal(check("qed"), 0);
	h.head[16] = 1;
	assert_true(refused("qed", "a backing file"));
	begin("<<< Oracle", 10);
	assert_true(refused("vdi", "is no vdi image"));
	memcpy(h.head + 64, "\x7f\x10\xda\xbe", 4);
	h.head[76] = 1;
	assert_int_equal(check("vdi"), 0);
	h.head[76] = 4;
	assert_true(refused("vdi", "a parent"));
}

/* The format is the one that the disk names, whatever the image looks like. */
static void test_never_guessed(void **state)
{
	static const char *const formats[] = { "qcow2", "vhd", "vhdx", "vmdk", "vdi", "qed" };

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		begin("just data", 9);
		assert_true(refused(formats[i], "its format is never guessed"));
		memset(&h, 0, sizeof(h));
		assert_true(check(formats[i]) < 0);
		memset(&h, 0xff, sizeof(h));
		h.head_len = 8;
		h.foot_len = 0;
		assert_true(check(formats[i]) < 0);
	}
	begin("QFI\xfb\0\0\0\3", 8);
	assert_true(refused("raw", "there is no format"));
	assert_true(refused("vmdk", "is no vmdk"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_qcow2),
		cmocka_unit_test(test_vhd),
		cmocka_unit_test(test_vmdk),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_never_guessed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

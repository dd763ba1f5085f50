// SPDX-License-Identifier: MIT
/* Opening what is behind a disk: its path, what is refused and why, and locks. */
#include "config.h"
#include "backends/blk/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char path[128];
static int file = -1;
static char why[256];

static void make_file(void)
{
	snprintf(path, sizeof(path), "/dev/shm/sluice-blk-XXXXXX");
	file = mkostemp(path, O_CLOEXEC);
	assert_true(file >= 0);
	assert_int_equal(ftruncate(file, 1 << 20), 0);
}

static int teardown(void **state)
{
	if (file >= 0) {
		close(file);
		unlink(path);
	}
	file = -1;
	return 0;
}

static int try_open(const char *name, bool readonly)
{
	struct blk_conf conf = { .filename = name, .readonly = readonly };
	struct storage st;
	int rc = storage_open(&conf, &st, why, sizeof(why));

	if (rc == 0)
		storage_close(&st);
	else
		assert_int_equal(st.fd, -1);
	return rc;
}

static void expect_refused(const char *name, int error, const char *text)
{
	assert_int_equal(try_open(name, false), error);
	if (!strstr(why, text) || (name[0] && !strstr(why, name)))
		fail_msg("says: %s", why);
}

static void open_refuses_what_is_no_disk(void **state)
{
	char fifo[160];

	expect_refused("/nonexistent/disk.img", -ENOENT, "no such file");
	expect_refused("/tmp", -EISDIR, "directory");
	expect_refused("/dev/null", -EINVAL, "neither a file nor a block device");
	expect_refused("relative.img", -EINVAL, "absolute path");
	expect_refused("", -EINVAL, "no file");
	make_file();
	snprintf(fifo, sizeof(fifo), "%s.fifo", path);
	assert_int_equal(mknod(fifo, S_IFIFO | 0600, 0), 0);
	assert_int_equal(try_open(fifo, true), -EINVAL); /* and does not hang */
	unlink(fifo);
}

static void open_refuses_odd_sizes(void **state)
{
	make_file();
	assert_int_equal(ftruncate(file, 1000), 0);
	expect_refused(path, -EINVAL, "1000 bytes, is no multiple of 512");
	assert_int_equal(ftruncate(file, 0), 0);
	expect_refused(path, -EINVAL, "is empty");
	assert_int_equal(ftruncate(file, 512), 0);
	assert_int_equal(try_open(path, false), 0);
}

static void open_refuses_what_others_hold(void **state)
{
	struct blk_conf conf;
	struct storage st;

	make_file();
	conf = (struct blk_conf){ .filename = path };
	assert_int_equal(storage_open(&conf, &st, why, sizeof(why)), 0);
	expect_refused(path, -EBUSY, "in use by another process");
	assert_int_equal(try_open(path, true), -EBUSY);
	storage_close(&st);
	/* Readers share. */
	conf.readonly = true;
	assert_int_equal(storage_open(&conf, &st, why, sizeof(why)), 0);
	assert_int_equal(try_open(path, true), 0);
	assert_int_equal(try_open(path, false), -EBUSY);
	storage_close(&st);
}

/* What QEMU does to say that it uses something. */
static void qemu_locks(off_t byte)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	assert_int_equal(fcntl(file, F_OFD_SETLK, &lock), 0);
}

/* And to find out whether somebody minds. */
static bool qemu_sees(off_t byte)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	assert_int_equal(fcntl(file, F_OFD_GETLK, &lock), 0);
	return lock.l_type != F_UNLCK;
}

static void open_refuses_what_qemu_uses(void **state)
{
	make_file();
	/* It reads. */
	qemu_locks(100);
	expect_refused(path, -EBUSY, "in use by QEMU");
	assert_int_equal(try_open(path, true), 0);
	/* And writes. */
	qemu_locks(101);
	expect_refused(path, -EBUSY, "in use by QEMU");
	assert_int_equal(try_open(path, true), -EBUSY);
}

static void qemu_is_told_of_our_writers(void **state)
{
	struct blk_conf conf = { .filename = path };
	struct storage st;

	make_file();
	assert_int_equal(storage_open(&conf, &st, why, sizeof(why)), 0);
	/* Its readers look at 200, its writers at 201, who minds writers at 101; 100 is its own. */
	assert_true(qemu_sees(200) && qemu_sees(201) && qemu_sees(101));
	assert_false(qemu_sees(100));
	storage_close(&st);
}

static void qemu_is_told_of_our_readers(void **state)
{
	struct blk_conf conf = { .filename = path, .readonly = true };
	struct storage st;

	make_file();
	assert_int_equal(storage_open(&conf, &st, why, sizeof(why)), 0);
	assert_true(qemu_sees(201));
	assert_false(qemu_sees(200) || qemu_sees(101) || qemu_sees(100));
	storage_close(&st);
}

static void qemu_is_told_of_nothing_that_is_shared(void **state)
{
	struct blk_conf conf = { .filename = path, .shared = true };
	struct storage st;

	make_file();
	qemu_locks(100);
	qemu_locks(101);
	assert_int_equal(storage_open(&conf, &st, why, sizeof(why)), 0);
	assert_false(qemu_sees(200) || qemu_sees(201));
	storage_close(&st);
}

/* Parts that do not touch are nothing to each other, and QEMU, which has all of it, to both. */
static void parts_are_apart_and_qemu_beside_none(void **state)
{
	struct blk_conf first = { .filename = path, .range_start = 0, .range_length = 4096 };
	struct blk_conf second = { .filename = path, .range_start = 4096, .range_length = 4096 };
	struct storage one, two;

	make_file();
	assert_int_equal(storage_open(&first, &one, why, sizeof(why)), 0);
	assert_int_equal(storage_open(&second, &two, why, sizeof(why)), 0);
	storage_close(&two);
	second.readonly = true;
	assert_int_equal(storage_open(&second, &two, why, sizeof(why)), 0);
	storage_close(&two);
	second.range_start = 3584;
	assert_int_equal(storage_open(&second, &two, why, sizeof(why)), -EBUSY);
	assert_true(qemu_sees(201));
	storage_close(&one);
	qemu_locks(100);
	qemu_locks(101);
	assert_int_equal(storage_open(&first, &one, why, sizeof(why)), -EBUSY);
	assert_int_equal(storage_open(&second, &two, why, sizeof(why)), -EBUSY);
}

static void read_only_storage_is_opened_read_only(void **state)
{
	struct blk_conf conf;
	struct storage st;

	make_file();
	conf = (struct blk_conf){ .filename = path, .readonly = true };
	assert_int_equal(storage_open(&conf, &st, why, sizeof(why)), 0);
	assert_int_equal(fcntl(st.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	storage_close(&st);
}

#define T(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(open_refuses_what_is_no_disk),
		T(open_refuses_odd_sizes),
		T(open_refuses_what_others_hold),
		T(open_refuses_what_qemu_uses),
		T(qemu_is_told_of_our_writers),
		T(qemu_is_told_of_our_readers),
		T(qemu_is_told_of_nothing_that_is_shared),
		T(parts_are_apart_and_qemu_beside_none),
		T(read_only_storage_is_opened_read_only),
	};

	return cmocka_run_group_tests_name("blk-storage", tests, NULL, NULL);
}

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
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
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
	/* QEMU locks bytes of its images like this. */
	lock.l_start = 100;
	lock.l_len = 1;
	assert_int_equal(fcntl(file, F_OFD_SETLK, &lock), 0);
	expect_refused(path, -EBUSY, "in use by another process");
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
		T(read_only_storage_is_opened_read_only),
	};

	return cmocka_run_group_tests_name("blk-storage", tests, NULL, NULL);
}

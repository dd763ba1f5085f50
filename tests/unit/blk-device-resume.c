// SPDX-License-Identifier: MIT
/* What happens to a device while its backend is dead: its successor meets it. */
#include "config.h"
#include "tests/unit/blk-device-rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/common/journal.h"
#include "common/loop.h"
#include "tests/peers/fake-xen.h"

#define PENDING 77

static char path[] = "/dev/shm/sluice-journal-XXXXXX";
static uint8_t *journal;

static int setup(void **state)
{
	int fd;

	strcpy(path + strlen(path) - 6, "XXXXXX");
	fd = mkstemp(path);
	journal = malloc(journal_file_size());
	if (fd < 0 || !journal || device_setup(state) < 0)
		return -1;
	close(fd);
	rig.journal = path;
	return 0;
}

static int teardown(void **state)
{
	int rc = device_teardown(state);

	unlink(path);
	free(journal);
	return rc;
}

static void copy_journal(bool back)
{
	ssize_t size = (ssize_t)journal_file_size(), n;
	int fd = open(path, O_RDWR);

	n = back ? pwrite(fd, journal, size, 0) : pread(fd, journal, size, 0);
	assert_int_equal(n, size);
	close(fd);
}

/*
 * A backend that was killed while connected: of its process all is gone, its journal, its
 * nodes and its frontend's are as they were.
 */
static void killed(void)
{
	connect_disk();
	front("state", "4");
	settle();
	copy_journal(false);
	stop_device();
	(void)loop_run(rig.loop);
	device_free(rig.device);
	rig.device = NULL;
	copy_journal(true);
	fake_store_write(BACK "/state", "4");
	front_ring();
}

static void a_successor_goes_on(void **state)
{
	killed();
	start_device();
	assert_non_null(rig.device);
	settle();
	expect_node("state", "4");
	expect_node("error", NULL);
	assert_int_equal(fake_counts().mapped, 1);
	assert_int_equal(fake_counts().bound, 1);
}

static void a_disk_that_grew_meanwhile(void **state)
{
	killed();
	assert_int_equal(truncate(rig.image, 2 << 20), 0);
	start_device();
	run_until(BACK "/sectors", "4096");
	settle();
	expect_node("state", "4");
	expect_node("error", NULL);
}

static void a_disk_that_shrank_meanwhile(void **state)
{
	killed();
	assert_int_equal(truncate(rig.image, 65536), 0);
	start_device();
	run_until(BACK "/sectors", "128");
	settle();
	expect_node("state", "4");
}

/* Each of what a frontend does on its way out. */
static void a_frontend_that_closes_meanwhile(void **state)
{
	killed();
	front("state", "5");
	start_device();
	run_until(BACK "/state", "5");
	front("state", "6");
	run_until(BACK "/state", "6");
	assert_int_equal(fake_counts().mapped, 0);
	/* And comes again. */
	front("state", "1");
	run_until(BACK "/state", "2");
}

static void a_frontend_that_is_closed_already(void **state)
{
	killed();
	front("state", "6");
	start_device();
	run_until(BACK "/state", "6");
	assert_int_equal(fake_counts().mapped, 0);
	assert_int_equal(fake_counts().bound, 0);
}

/* The toolstack's detach: the frontend lets go, and the successor ends. */
static void a_disk_that_is_detached_meanwhile(void **state)
{
	killed();
	fake_store_write(BACK "/online", "0");
	fake_store_write(BACK "/state", "5");
	start_device();
	run_until(BACK "/state", "5");
	front("state", "5");
	settle();
	front("state", "6");
	assert_int_not_equal(run_until(BACK "/state", "6"), PENDING);
	assert_int_equal(fake_counts().mapped, 0);
}

/* What it served was another one. */
static void another_disk_by_now(void **state)
{
	killed();
	unlink(rig.image);
	close(open(rig.image, O_RDWR | O_CREAT | O_EXCL, 0600));
	assert_int_equal(truncate(rig.image, 1 << 20), 0);
	start_device();
	run_until(BACK "/state", "5");
	expect_error("it served another storage");
	assert_int_equal(fake_counts().mapped, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_successor_goes_on),
		T(a_disk_that_grew_meanwhile),
		T(a_disk_that_shrank_meanwhile),
		T(a_frontend_that_closes_meanwhile),
		T(a_frontend_that_is_closed_already),
		T(a_disk_that_is_detached_meanwhile),
		T(another_disk_by_now),
	};

	return cmocka_run_group_tests_name("blk-device-resume", tests, NULL, NULL);
}

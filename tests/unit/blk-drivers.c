// SPDX-License-Identifier: MIT
/*
 * What every storage driver must do, run on each, from the ring to the file; then
 * what only files have: errors, truncation, and that a flush really flushes.
 */
#include "config.h"
#include "tests/unit/blk-rig.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/array.h"
#include "tests/unit/io-rig.h"

#define SIZE ((off_t)RIG_SECTORS * 512)
#define DISK_DIR "/var/tmp"     /* a disk's file system, most likely */
#define MEMORY_DIR "/dev/shm"

static struct rig rig;
static char path[128];
static int file = -1;
static char why[256];
static struct blk_info info; /* of what was opened last */

static void make_file(const char *dir)
{
	uint8_t page[4096];

	snprintf(path, sizeof(path), "%s/sluice-blk-XXXXXX", dir);
	file = mkostemp(path, O_CLOEXEC);
	assert_true(file >= 0);
	for (unsigned i = 0; i < SIZE / sizeof(page); i++) {
		memset(page, i, sizeof(page));
		memcpy(page, &i, sizeof(i));
		assert_int_equal(pwrite(file, page, sizeof(page), (off_t)i * sizeof(page)), sizeof(page));
	}
	assert_int_equal(fsync(file), 0);
}

static int setup(void **state)
{
	fake_reset();
	return 0;
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

static void *open_driver(const struct blk_driver *driver, bool buffered, bool readonly)
{
	struct blk_conf conf = { .filename = path, .readonly = readonly, .buffered = buffered };
	void *state = NULL;
	int rc = driver->open(&conf, &info, &state, why, sizeof(why));

	if (rc < 0)
		fail_msg("%s", why);
	assert_int_equal(info.size, SIZE);
	return state;
}

static void start(const struct blk_driver *driver, void *state, bool persistent)
{
	rig_start(&rig, &(struct rig_options){ .driver = driver, .driver_state = state,
			       .persistent = persistent, .info = &info });
}

/* @state: of the driver; the rig closes it. */
static void stop(void *state)
{
	assert_null(rig_stop(&rig)); /* closes the driver's state, too */
}

/* --- conformance ---------------------------------------------------------------------------- */

/* Every operation, size and alignment completes once and well; data if the driver keeps it. */
static void conform(const struct blk_driver *driver, void *state, bool persistent, bool keeps)
{
	static const unsigned segments[] = { 1, 2, 11, 12, 64, 256 };
	struct blkif_req w, r, f;

	start(driver, state, persistent);
	for (unsigned k = 0; k < 6; k++) {
		unsigned n = segments[k];

		w = rig_request(&rig, BLKIF_OP_WRITE, 3 + k, n);
		for (unsigned i = 0; i < n; i++)
			memset(rig.data[i], 'A' + k + i % 7, 4096);
		assert_int_equal(rig_do(&rig, &w), BLKIF_RSP_OKAY);
		for (unsigned i = 0; i < n && keeps; i++)
			memset(rig.data[i], 0, 4096);
		r = rig_request(&rig, BLKIF_OP_READ, 3 + k, n);
		assert_int_equal(rig_do(&rig, &r), BLKIF_RSP_OKAY);
		for (unsigned i = 0; i < n && keeps; i++)
			for (unsigned b = 0; b < 4096; b += 511)
				assert_int_equal(rig.data[i][b], 'A' + k + i % 7);
	}
	/* One sector, the last one, and scattered pieces. */
	w = rig_request(&rig, BLKIF_OP_WRITE, RIG_SECTORS - 1, 1);
	w.seg[0].first_sect = w.seg[0].last_sect = 6;
	assert_int_equal(rig_do(&rig, &w), BLKIF_RSP_OKAY);
	w = rig_request(&rig, BLKIF_OP_WRITE, 77, 5);
	for (unsigned i = 0; i < 5; i++)
		w.seg[i] = (struct blkif_segment){ RIG_DATA_GREF + 9 - 2 * i, i, i + 2 };
	assert_int_equal(rig_do(&rig, &w), BLKIF_RSP_OKAY);
	f = rig_request(&rig, BLKIF_OP_FLUSH_DISKCACHE, 0, 0);
	assert_int_equal(rig_do(&rig, &f), BLKIF_RSP_OKAY);
	stop(state);
}

static void null_conforms(void **state)
{
	struct blk_conf conf = { .filename = "" };
	void *s;

	assert_int_equal(blk_driver_null.open(&conf, &info, &s, why, sizeof(why)), 0);
	conform(&blk_driver_null, s, false, false);
	fake_reset();
	conform(&blk_driver_null, s, true, false);
}

/* --- each driver of files, on each kind of file ------------------------------------------------ */

struct place {
	const struct blk_driver *driver;
	const char *dir;
	bool buffered, persistent;
};

static void conforms(void **state)
{
	const struct place *p = *state;

	make_file(p->dir);
	conform(p->driver, open_driver(p->driver, p->buffered, false), p->persistent, true);
}

/* What the ring wrote is what the file holds, and the reverse. */
static void reads_and_writes_the_file(void **state)
{
	const struct place *p = *state;
	struct blkif_req req;
	uint8_t page[4096];

	make_file(p->dir);
	start(p->driver, open_driver(p->driver, p->buffered, false), p->persistent);
	for (unsigned i = 0; i < 200; i += 13) {
		unsigned number;

		req = rig_request(&rig, BLKIF_OP_READ, i * 8, 1);
		assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
		memcpy(&number, rig.data[0], sizeof(number));
		assert_int_equal(number, i);
		req = rig_request(&rig, BLKIF_OP_WRITE, i * 8, 1);
		memset(rig.data[0], ~i, 4096);
		assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
		assert_int_equal(pread(file, page, sizeof(page), i * 4096), sizeof(page));
		assert_memory_equal(page, rig.data[0], 4096);
	}
	stop(NULL);
}

/* A ring full of requests at once, several times: each is answered once. */
static void a_full_ring_at_once(void **state)
{
	const struct place *p = *state;
	bool seen[32];

	make_file(p->dir);
	start(p->driver, open_driver(p->driver, p->buffered, false), p->persistent);
	for (unsigned round = 0; round < 20; round++) {
		uint64_t first = 0;

		memset(seen, 0, sizeof(seen));
		for (unsigned i = 0; i < 32; i++) {
			struct blkif_req req = rig_request(&rig,
				round % 2 ? BLKIF_OP_READ : BLKIF_OP_WRITE, i * 64, 1);

			req.seg[0].gref = RIG_DATA_GREF + i;
			if (i == 0)
				first = req.id;
			rig_put(&rig, &req);
		}
		rig_push(&rig);
		for (unsigned i = 0; i < 32; i++) {
			struct blkif_rsp rsp = rig_get(&rig);

			assert_int_equal(rsp.status, BLKIF_RSP_OKAY);
			assert_in_range(rsp.id - first, 0, 31);
			assert_false(seen[rsp.id - first]);
			seen[rsp.id - first] = true;
		}
	}
	stop(NULL);
}

/* Several large reads at once, some of which a driver may give to others: all arrive whole. */
static void large_reads_at_once(void **state)
{
	enum { READS = 7, PAGES = 128, DESCRIPTORS = READS * PAGES };
	const struct place *p = *state;
	unsigned number;

	make_file(p->dir);
	start(p->driver, open_driver(p->driver, p->buffered, false), p->persistent);
	for (unsigned round = 0; round < 8; round++) {
		for (unsigned k = 0; k < READS; k++) {
			struct blkif_req req =
				rig_request(&rig, BLKIF_OP_READ, (k + round) * PAGES / 2 * 8, PAGES);

			for (unsigned i = 0; i < PAGES; i++) {
				req.seg[i].gref = RIG_DATA_GREF + k * PAGES + i;
				memset(rig.data[k * PAGES + i], 0xff, 4096);
			}
			/* Each with a page of descriptors of its own. */
			req.indirect_gref[0] = RIG_DATA_GREF + DESCRIPTORS + k;
			blkif_encode_segments(&req, 0, rig.data[DESCRIPTORS + k]);
			rig_put(&rig, &req);
		}
		rig_push(&rig);
		for (unsigned k = 0; k < READS; k++)
			assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
		for (unsigned n = 0; n < READS * PAGES; n++) {
			memcpy(&number, rig.data[n], sizeof(number));
			assert_int_equal(number, (n / PAGES + round) * PAGES / 2 + n % PAGES);
		}
	}
	stop(NULL);
}

/* --- discards and zeroes ------------------------------------------------------------------------ */

static bool is_hole(off_t offset)
{
	return lseek(file, offset, SEEK_HOLE) == offset;
}

static void discards_punch_holes(void **state)
{
	const struct place *p = *state;
	uint8_t page[4096];
	struct io_rig direct;
	struct io *io;
	void *s;

	make_file(p->dir);
	s = open_driver(p->driver, p->buffered, false);
	assert_true(info.flags & BLK_INFO_DISCARD);
	assert_false(info.flags & BLK_INFO_SECURE_DISCARD); /* a hole erases nothing */
	assert_int_equal(info.discard_granularity, 4096);
	assert_int_equal(io_adopt(p->driver, s, &info, &io), 0);
	io_rig_start(&direct, io);
	assert_false(is_hole(65536));
	assert_int_equal(io_rig_do(&direct, BLK_DISCARD, 65536, 1 << 20, NULL), 0);
	assert_true(is_hole(65536));
	assert_int_equal(lseek(file, 65536, SEEK_DATA), 65536 + (1 << 20));
	assert_int_equal(io_rig_do(&direct, BLK_ZEROES, 8192, 4096, NULL), 0);
	assert_int_equal(pread(file, page, sizeof(page), 8192), sizeof(page));
	for (unsigned i = 0; i < sizeof(page); i++)
		assert_int_equal(page[i], 0);
	assert_int_equal(pread(file, page, sizeof(page), 12288), sizeof(page));
	assert_int_equal(page[4095], 3);
	assert_int_equal(lseek(file, 0, SEEK_END), SIZE);
	io_rig_stop(&direct);
	io_close(io);
}

/* Cached reads that are not cached: they come through the ring. */
static void uring_page_cache_read_of_what_is_not_cached(void **state)
{
	struct blkif_req req;
	void *s;

	make_file(DISK_DIR);
	s = open_driver(&blk_driver_uring, true, false);
	start(&blk_driver_uring, s, true);
	assert_int_equal(posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED), 0);
	for (unsigned i = 0; i < 16; i++) {
		req = rig_request(&rig, BLKIF_OP_READ, i * 8, 64);
		rig_put(&rig, &req);
		rig_push(&rig);
		assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
		for (unsigned k = 0; k < 64; k++)
			assert_int_equal(rig.data[k][4095], (uint8_t)(i + k));
	}
	stop(s);
}

/* --- errors ------------------------------------------------------------------------------------- */

static void a_truncated_file_is_an_error(void **state)
{
	const struct place *p = *state;
	struct blkif_req req;

	make_file(p->dir);
	start(p->driver, open_driver(p->driver, p->buffered, false), p->persistent);
	assert_int_equal(ftruncate(file, 8 * 4096), 0);
	req = rig_request(&rig, BLKIF_OP_READ, 7 * 8, 1);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	req = rig_request(&rig, BLKIF_OP_READ, 7 * 8, 2); /* half of it is left */
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_ERROR);
	req = rig_request(&rig, BLKIF_OP_READ, 100 * 8, 1);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_ERROR);
	assert_int_equal(rig_metric(&rig, QUEUE_ERRORS), 2);
	stop(NULL);
}

/* A limit on file size makes a write short, then fail: reported, and the next one works. */
static void a_short_write_is_an_error_once(void **state)
{
	const struct place *p = *state;
	struct rlimit old, limit;
	struct blkif_req req;

	make_file(p->dir);
	start(p->driver, open_driver(p->driver, p->buffered, false), p->persistent);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = 10 * 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	req = rig_request(&rig, BLKIF_OP_WRITE, 9 * 8, 4);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_ERROR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	assert_int_equal(rig_metric(&rig, QUEUE_ERRORS), 1);
	stop(NULL);
}

/* --- a flush really flushes ----------------------------------------------------------------------- */

struct cache_range {
	uint64_t off, len;
};
struct cache_pages {
	uint64_t nr_cache, nr_dirty, nr_writeback, nr_evicted, nr_recently_evicted;
};
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

/* Pages of the file that are not on the disk yet, by cachestat(2) of Linux 6.5. */
static long unwritten_pages(void)
{
	struct cache_range range = { 0, 0 };
	struct cache_pages pages;

	if (syscall(SYS_cachestat, file, &range, &pages, 0) < 0)
		return -1;
	return pages.nr_dirty + pages.nr_writeback;
}

/*
 * Acknowledged writes leave pages that exist only in memory; when the flush that
 * follows is acknowledged none of them is left. Nothing but an fdatasync (or fsync) of
 * this file after those writes does that in the meantime.
 */
static void flush_is_an_fdatasync_that_covers_acknowledged_writes(void **state)
{
	struct blkif_req req;
	void *s;

	make_file(DISK_DIR);
	if (unwritten_pages() != 0)
		skip(); /* no cachestat(2) */
	s = open_driver(&blk_driver_uring, true, false);
	start(&blk_driver_uring, s, true);
	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < 20; i++) {
			req = rig_request(&rig, BLKIF_OP_WRITE, 800 * round + 16 * i, 1);
			memset(rig.data[0], round + i, 4096);
			assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
		}
		assert_true(unwritten_pages() >= 10);
		req = rig_request(&rig, BLKIF_OP_FLUSH_DISKCACHE, 0, 0);
		assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
		assert_int_equal(unwritten_pages(), 0);
	}
	stop(s);
}

/* --- names ---------------------------------------------------------------------------------------- */

static void drivers_by_name(void **state)
{

	assert_ptr_equal(blk_driver_load(blk_driver_by_name(NULL), why, sizeof(why)), &blk_driver_uring);
	assert_ptr_equal(blk_driver_load(blk_driver_by_name(""), why, sizeof(why)), &blk_driver_uring);
	assert_ptr_equal(blk_driver_load(blk_driver_by_name("null"), why, sizeof(why)), &blk_driver_null);
	assert_ptr_equal(blk_driver_load(blk_driver_by_name("aio"), why, sizeof(why)), &blk_driver_aio);
	assert_null(blk_driver_by_name("nonsense"));
}

static void modules_that_cannot_be_had(void **state)
{
	static const struct blk_driver_kind not_built = { .name = "x", .absent = "install x-dev" },
		not_there = { .name = "nonsense" };

	assert_null(blk_driver_load(&not_built, why, sizeof(why)));
	assert_string_equal(why, "storage driver x: install x-dev");
	assert_null(blk_driver_load(&not_there, why, sizeof(why)));
	assert_string_equal(why, "storage driver nonsense: its module blk-nonsense.so is not installed;"
		" Debian's package sluice-backends-nonsense has it");
}

/* --- aio's contexts are limited by the system ------------------------------------------------------ */

/* More than the system's limit at once, so that nobody else is short of any meanwhile. */
static void aio_says_what_to_raise_when_there_is_no_room(void **state)
{
	struct blk_queue queue = { .depth = 4000000 };
	int log = memfd_create("log", MFD_CLOEXEC), old = dup(STDERR_FILENO);
	char said[512] = "";
	void *s;
	int rc;

	make_file(MEMORY_DIR);
	s = open_driver(&blk_driver_aio, false, false);
	assert_true(log >= 0 && old >= 0 && dup2(log, STDERR_FILENO) >= 0);
	rc = blk_driver_aio.queue_start(s, &queue);
	assert_true(dup2(old, STDERR_FILENO) >= 0);
	close(old);
	assert_true(pread(log, said, sizeof(said) - 1, 0) >= 0);
	close(log);
	if (rc == 0)
		blk_driver_aio.queue_stop(s, &queue);
	blk_driver_aio.close(s);
	if (rc == 0)
		skip(); /* the system has as much */
	assert_int_equal(rc, -EAGAIN);
	assert_non_null(strstr(said, "fs.aio-max-nr"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* cmocka's state of a test is its place; setup has nothing to add. */
static struct place places[] = {
	{ &blk_driver_uring, DISK_DIR, false, false },
	{ &blk_driver_uring, DISK_DIR, false, true },
	{ &blk_driver_uring, DISK_DIR, true, false },
	{ &blk_driver_uring, DISK_DIR, true, true },
	{ &blk_driver_uring, MEMORY_DIR, false, false },
	{ &blk_driver_uring, MEMORY_DIR, false, true },
	{ &blk_driver_aio, DISK_DIR, false, false },
	{ &blk_driver_aio, DISK_DIR, false, true },
	{ &blk_driver_aio, DISK_DIR, true, true },
	{ &blk_driver_aio, MEMORY_DIR, false, true },
};
static const struct {
	const char *name;
	CMUnitTestFunction fn;
} everywhere[] = {
	{ "conforms", conforms },
	{ "reads_and_writes_the_file", reads_and_writes_the_file },
	{ "a_full_ring_at_once", a_full_ring_at_once },
	{ "large_reads_at_once", large_reads_at_once },
	{ "discards_punch_holes", discards_punch_holes },
	{ "a_truncated_file_is_an_error", a_truncated_file_is_an_error },
	{ "a_short_write_is_an_error_once", a_short_write_is_an_error_once },
};

static const struct CMUnitTest once[] = {
	T(null_conforms),
	T(uring_page_cache_read_of_what_is_not_cached),
	T(flush_is_an_fdatasync_that_covers_acknowledged_writes),
	T(drivers_by_name),
	T(modules_that_cannot_be_had),
	T(aio_says_what_to_raise_when_there_is_no_room),
};

/* One group, for TAP knows one plan; a test at a place has the place in its name. */
int main(void)
{
	static struct CMUnitTest tests[ARRAY_SIZE(once) + ARRAY_SIZE(everywhere) * ARRAY_SIZE(places)];
	static char names[ARRAY_SIZE(tests)][96];
	unsigned n = ARRAY_SIZE(once);

	memcpy(tests, once, sizeof(once));
	for (unsigned p = 0; p < ARRAY_SIZE(places); p++)
		for (unsigned e = 0; e < ARRAY_SIZE(everywhere); e++, n++) {
			snprintf(names[n], sizeof(names[n]), "%s: %s on %s%s, %s", everywhere[e].name,
				places[p].driver->name, places[p].dir,
				places[p].buffered ? ", page cache" : "",
				places[p].persistent ? "mapped" : "copied");
			tests[n] = (struct CMUnitTest){ names[n], everywhere[e].fn, setup, teardown,
				&places[p] };
		}
	return cmocka_run_group_tests_name("blk-drivers", tests, NULL, NULL);
}

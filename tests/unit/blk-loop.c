// SPDX-License-Identifier: MIT
/*
 * Real block devices of 4096-byte sectors, and a file system that is full: needs the
 * right to set up loop devices and mounts; skipped as a whole without.
 */
#include "config.h"
#include "tests/unit/blk-rig.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/blk/storage.h"
#include "common/array.h"
#include "tests/unit/io-rig.h"

#define SIZE ((off_t)RIG_SECTORS * 512)

static struct rig rig;
static struct blk_info info;
static char image[64], device[64];
static int image_fd = -1, loop_fd = -1;
static char why[256];

/* 0 or -errno. */
static int attach(uint32_t block_size)
{
	struct loop_config config = { .block_size = block_size };
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int n = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	int rc = n < 0 ? -errno : 0;

	if (control >= 0)
		close(control);
	if (rc < 0)
		return rc;
	snprintf(device, sizeof(device), "/dev/loop%d", n);
	loop_fd = open(device, O_RDWR | O_CLOEXEC);
	config.fd = image_fd;
	if (loop_fd < 0 || ioctl(loop_fd, LOOP_CONFIGURE, &config) < 0)
		return -errno;
	return 0;
}

static void detach(void)
{
	if (loop_fd >= 0) {
		(void)ioctl(loop_fd, LOOP_CLR_FD, 0);
		close(loop_fd);
	}
	loop_fd = -1;
}

static void make_image(off_t size)
{
	strcpy(image, "/var/tmp/sluice-loop-XXXXXX");
	image_fd = mkostemp(image, O_CLOEXEC);
	assert_true(image_fd >= 0);
	for (off_t at = 0; at < size; at += 4096) {
		uint8_t page[4096];

		for (unsigned i = 0; i < sizeof(page); i++)
			page[i] = (at + i) >> 9;
		assert_int_equal(pwrite(image_fd, page, sizeof(page), at), sizeof(page));
	}
}

static int setup(void **state)
{
	fake_reset();
	make_image(SIZE);
	return attach(4096);
}

static int teardown(void **state)
{
	detach();
	close(image_fd);
	unlink(image);
	return 0;
}

static void *open_device(const struct blk_driver *driver)
{
	struct blk_conf conf = { .filename = device };
	void *state;

	if (driver->open(&conf, &info, &state, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	return state;
}

static void start(const struct blk_driver *driver)
{
	void *s = open_device(driver);

	/* What the device says, not a guess; and no page cache. */
	assert_int_equal(info.block_size, 4096);
	assert_int_equal(info.size, SIZE);
	rig_start(&rig, &(struct rig_options){ .driver = driver, .driver_state = s, .info = &info,
			       .persistent = true });
}

static void stop(void)
{
	assert_null(rig_stop(&rig));
}

/* --- 4096-byte sectors behind 512-byte requests ------------------------------------------------ */

/* Sectors of the device as the image holds them once the device's cache is written. */
static void check_image(uint64_t sector, const uint8_t *expected, size_t bytes)
{
	uint8_t is[8192];

	assert_int_equal(fsync(loop_fd), 0);
	assert_int_equal(pread(image_fd, is, bytes, sector * 512), bytes);
	assert_memory_equal(is, expected, bytes);
}

static void check_sectors(const struct blk_driver *driver)
{
	uint8_t model[8192];
	struct blkif_req req;

	start(driver);
	assert_int_equal(pread(image_fd, model, sizeof(model), 64 * 512), sizeof(model));
	for (unsigned sector = 0; sector < 16; sector += 3) {
		req = rig_request(&rig, BLKIF_OP_WRITE, 64 + sector, 1);
		req.seg[0].first_sect = req.seg[0].last_sect = sector % 8;
		memset(rig.data[0] + sector % 8 * 512, 0xa0 + sector, 512);
		memset(model + sector * 512, 0xa0 + sector, 512);
		assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
		check_image(64, model, sizeof(model));
	}
	/* Across blocks, and read back one sector further on. */
	req = rig_request(&rig, BLKIF_OP_WRITE, 1001, 11);
	for (unsigned i = 0; i < 11; i++)
		memset(rig.data[i], 'a' + i, 4096);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	req = rig_request(&rig, BLKIF_OP_READ, 1000, 11);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	assert_int_equal(rig.data[0][0], 1000 % 256);
	assert_int_equal(rig.data[0][512], 'a');
	assert_int_equal(rig.data[10][511], 'j');
	assert_int_equal(rig.data[10][512], 'k');
	stop();
}

static void sectors_of_512_bytes_on_4096_by_uring(void **state)
{
	check_sectors(&blk_driver_uring);
}

static void sectors_of_512_bytes_on_4096_by_aio(void **state)
{
	check_sectors(&blk_driver_aio);
}

/* Two queues, each its own half of the same blocks. */
struct half {
	pthread_t thread;
	struct io *io;
	unsigned number;
};

static void *write_half(void *opaque)
{
	struct half *h = opaque;
	CLEANUP_FREE uint8_t *memory = NULL;
	struct io_rig own;

	if (posix_memalign((void **)&memory, 4096, 4096))
		abort();
	io_rig_start(&own, h->io);
	for (unsigned round = 1; round <= 200; round++) {
		memset(memory, round, 4096);
		if (io_rig_do(&own, BLK_WRITE, round % 4 * 4096 + h->number * 2048, 2048, memory))
			abort();
	}
	io_rig_stop(&own);
	return NULL;
}

static void queues_that_write_halves_of_blocks_lose_nothing(void **state)
{
	struct half h[2];
	uint8_t block[4096];
	struct io *io;
	void *s = open_device(&blk_driver_uring);

	assert_int_equal(io_adopt(&blk_driver_uring, s, &info, &io), 0);
	for (unsigned i = 0; i < 2; i++) {
		h[i] = (struct half){ .io = io, .number = i };
		assert_int_equal(pthread_create(&h[i].thread, NULL, write_half, &h[i]), 0);
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_join(h[i].thread, NULL);
	io_close(io);
	for (unsigned i = 0; i < 4; i++) {
		memset(block, 200 - (200 - i) % 4, sizeof(block));
		check_image(i * 8, block, sizeof(block));
	}
}

/* --- discards of a device ------------------------------------------------------------------------- */

static void check_discards(const struct blk_driver *driver)
{
	void *s = open_device(driver);
	uint8_t zero[8192] = { 0 }, page[4096];
	struct io_rig own;
	struct io *io;

	assert_true(info.flags & BLK_INFO_DISCARD);
	assert_false(info.flags & BLK_INFO_SECURE_DISCARD); /* loop devices have none */
	assert_true(info.discard_granularity >= 512);
	assert_int_equal(io_adopt(driver, s, &info, &io), 0);
	io_rig_start(&own, io);
	assert_int_equal(lseek(image_fd, 0, SEEK_HOLE), SIZE);
	assert_int_equal(io_rig_do(&own, BLK_DISCARD, 65536, 65536, NULL), 0);
	assert_int_equal(lseek(image_fd, 0, SEEK_HOLE), 65536);
	assert_int_equal(lseek(image_fd, 65536, SEEK_DATA), 131072);
	/* Not of whole sectors: the whole ones in it. */
	assert_int_equal(io_rig_do(&own, BLK_DISCARD, 262144 + 512, 8192, NULL), 0);
	assert_int_equal(pread(image_fd, page, sizeof(page), 262144), sizeof(page));
	assert_int_equal(page[4095], (262144 / 512 + 7) % 256);
	assert_int_equal(io_rig_do(&own, BLK_ZEROES, 524288, 8192, NULL), 0);
	check_image(1024, zero, sizeof(zero));
	io_rig_stop(&own);
	io_close(io);
}

static void discards_and_zeroes_of_a_device_by_uring(void **state)
{
	check_discards(&blk_driver_uring);
}

static void discards_and_zeroes_of_a_device_by_aio(void **state)
{
	check_discards(&blk_driver_aio);
}

/* --- opening, resizing -------------------------------------------------------------------------------- */

static void a_device_in_use_is_refused(void **state)
{
	struct blk_conf conf = { .filename = device };
	struct storage st, again;

	assert_int_equal(storage_open(&conf, &st, why, sizeof(why)), 0);
	assert_int_equal(storage_open(&conf, &again, why, sizeof(why)), -EBUSY);
	assert_non_null(strstr(why, device));
	storage_close(&st);
}

static void a_device_that_grows_is_seen_by_refresh(void **state)
{
	void *s = open_device(&blk_driver_uring);
	struct io *io;

	assert_int_equal(io_adopt(&blk_driver_uring, s, &info, &io), 0);
	assert_int_equal(io_refresh(io), 0);
	assert_int_equal(ftruncate(image_fd, SIZE + 65536 + 512), 0);
	assert_int_equal(ioctl(loop_fd, LOOP_SET_CAPACITY, 0), 0);
	assert_int_equal(io_refresh(io), 1);
	assert_int_equal(io_info(io)->size, SIZE + 65536);
	io_close(io);
}

/* --- a full file system ---------------------------------------------------------------------------------- */

static void check_full(const struct blk_driver *driver)
{
	char dir[] = "/tmp/sluice-full-XXXXXX", path[64];
	struct blk_conf conf = { .filename = path };
	struct blkif_req req;
	void *s;
	int fd;

	fake_reset();
	assert_non_null(mkdtemp(dir));
	if (mount("sluice-test", dir, "tmpfs", 0, "size=1m") < 0) {
		rmdir(dir);
		skip();
	}
	snprintf(path, sizeof(path), "%s/disk", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, SIZE), 0); /* sparse: 4 MiB of which 1 has room */
	close(fd);
	assert_int_equal(driver->open(&conf, &info, &s, why, sizeof(why)), 0);
	rig_start(&rig, &(struct rig_options){ .driver = driver, .driver_state = s, .info = &info });
	req = rig_request(&rig, BLKIF_OP_WRITE, 0, 128);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	req = rig_request(&rig, BLKIF_OP_WRITE, 4096, 256); /* more than is left */
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_ERROR);
	assert_int_equal(rig_metric(&rig, QUEUE_ERRORS), 1);
	/* What has room goes on, and reading does. */
	req = rig_request(&rig, BLKIF_OP_WRITE, 8, 11);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	req = rig_request(&rig, BLKIF_OP_READ, 6000, 11);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	stop();
	assert_int_equal(umount(dir), 0);
	rmdir(dir);
}

static void a_full_file_system_by_uring(void **state)
{
	check_full(&blk_driver_uring);
}

static void a_full_file_system_by_aio(void **state)
{
	check_full(&blk_driver_aio);
}

/* --- a file system without holes ----------------------------------------------------------------------- */

/* ramfs has no fallocate(2): discards are not offered, and zeroes are written. */
static void check_no_holes(const struct blk_driver *driver)
{
	char dir[] = "/tmp/sluice-ramfs-XXXXXX", path[64];
	struct blk_conf conf = { .filename = path };
	uint8_t page[4096];
	struct io_rig own;
	struct io *io;
	void *s;
	int fd;

	assert_non_null(mkdtemp(dir));
	if (mount("sluice-test", dir, "ramfs", 0, NULL) < 0) {
		rmdir(dir);
		skip();
	}
	snprintf(path, sizeof(path), "%s/disk", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	memset(page, 0x77, sizeof(page));
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(write(fd, page, sizeof(page)), sizeof(page));
	assert_int_equal(driver->open(&conf, &info, &s, why, sizeof(why)), 0);
	assert_false(info.flags & (BLK_INFO_DISCARD | BLK_INFO_SECURE_DISCARD));
	assert_int_equal(io_adopt(driver, s, &info, &io), 0);
	io_rig_start(&own, io);
	assert_int_equal(io_rig_do(&own, BLK_DISCARD, 0, 4096, NULL), -EOPNOTSUPP);
	assert_int_equal(io_rig_do(&own, BLK_ZEROES, 4096, 8192, NULL), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(pread(fd, page, sizeof(page), i * 4096), sizeof(page));
		assert_int_equal(page[0], i == 1 || i == 2 ? 0 : 0x77);
		assert_int_equal(page[4095], i == 1 || i == 2 ? 0 : 0x77);
	}
	io_rig_stop(&own);
	io_close(io);
	close(fd);
	assert_int_equal(umount(dir), 0);
	rmdir(dir);
}

static void a_file_system_without_holes_by_uring(void **state)
{
	check_no_holes(&blk_driver_uring);
}

static void a_file_system_without_holes_by_aio(void **state)
{
	check_no_holes(&blk_driver_aio);
}

/* --- a file whose size does not fit the device ------------------------------------------------------------ */

/* A partial last block could not be read directly: the page cache serves it, in sectors. */
static void a_file_of_odd_size_is_served_to_its_end(void **state)
{
	struct blk_conf conf = { .filename = image };
	struct storage st;

	assert_int_equal(ftruncate(image_fd, SIZE - 512), 0);
	assert_int_equal(storage_open(&conf, &st, why, sizeof(why)), 0);
	assert_int_equal(st.size, SIZE - 512);
	assert_int_equal(st.size % st.block_size, 0);
	storage_close(&st);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(sectors_of_512_bytes_on_4096_by_uring),
		T(sectors_of_512_bytes_on_4096_by_aio),
		T(queues_that_write_halves_of_blocks_lose_nothing),
		T(discards_and_zeroes_of_a_device_by_uring),
		T(discards_and_zeroes_of_a_device_by_aio),
		T(a_device_in_use_is_refused),
		T(a_device_that_grows_is_seen_by_refresh),
		cmocka_unit_test(a_full_file_system_by_uring),
		cmocka_unit_test(a_full_file_system_by_aio),
		cmocka_unit_test(a_file_system_without_holes_by_uring),
		cmocka_unit_test(a_file_system_without_holes_by_aio),
		T(a_file_of_odd_size_is_served_to_its_end),
	};
	int rc;

	make_image(65536);
	rc = attach(4096);
	teardown(NULL);
	if (rc < 0) {
		printf("skipped: no loop devices here: %s\n", strerror(-rc));
		return 77;
	}
	return cmocka_run_group_tests_name("blk-loop", tests, NULL, NULL);
}

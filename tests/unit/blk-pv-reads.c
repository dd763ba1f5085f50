// SPDX-License-Identifier: MIT
/*
 * drv-uring in a PV domain of Xen's. System calls are dear there: several small cached reads
 * are one submission, a lone one stays with preadv2(). And the pages of a killed process are gone
 * before its O_DIRECT is: what a ring may still hold is not the frontend's memory. The kernel's
 * word on what kind of domain this is comes from here.
 */
#include "config.h"
#include "tests/unit/blk-rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "backends/blk/offer.h"

#define READS 16u

static struct rig rig;
static char path[] = "/var/tmp/sluice-pv-XXXXXX";
static const char *guest_type; /* NULL: no domain of Xen's */
static unsigned calls;         /* atomic: of preadv2() */

FILE *__real_fopen(const char *name, const char *mode);
FILE *__wrap_fopen(const char *name, const char *mode);
ssize_t __real_preadv2(int fd, const struct iovec *iov, int niov, off_t offset, int flags);
ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int niov, off_t offset, int flags);

FILE *__wrap_fopen(const char *name, const char *mode)
{
	if (strcmp(name, "/sys/hypervisor/guest_type") != 0)
		return __real_fopen(name, mode);
	return guest_type ? fmemopen((char *)(uintptr_t)guest_type, strlen(guest_type), "r") : NULL;
}

ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int niov, off_t offset, int flags)
{
	__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
	return __real_preadv2(fd, iov, niov, offset, flags);
}

static int setup(void **state)
{
	uint8_t page[4096];
	int fd = mkostemp(path, O_CLOEXEC);
	struct statfs fs;

	fake_reset();
	assert_true(fd >= 0);
	for (unsigned i = 0; i < RIG_SECTORS / 8; i++) {
		memset(page, (int)i, sizeof(page));
		assert_int_equal(write(fd, page, sizeof(page)), sizeof(page));
	}
	assert_int_equal(fstatfs(fd, &fs), 0);
	close(fd);
	if (fs.f_type != TMPFS_MAGIC)
		return 0;
	unlink(path);
	printf("1..0 # SKIP /var/tmp is in memory, where reads go another way\n");
	exit(77);
}

static int teardown(void **state)
{
	return unlink(path);
}

static void *start(const char *type)
{
	struct blk_conf conf = { .filename = path, .buffered = true };
	struct blk_info info;
	char why[256];
	void *driver = NULL;

	guest_type = type;
	if (blk_driver_uring.open(&conf, &info, &driver, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	rig_start(&rig, &(struct rig_options){ .driver = &blk_driver_uring, .driver_state = driver,
			       .persistent = true, .info = &info });
	return driver;
}

/* @n reads of one sweep, and what is in the file. Return: how often preadv2() was called. */
static unsigned reads(unsigned n, unsigned pages)
{
	unsigned before = __atomic_load_n(&calls, __ATOMIC_RELAXED);

	for (unsigned i = 0; i < n; i++) {
		struct blkif_req req = rig_request(&rig, BLKIF_OP_READ, 8ull * (7 + i * pages), pages);

		for (unsigned p = 0; p < pages; p++)
			req.seg[p].gref = RIG_DATA_GREF + i * pages + p;
		rig_put(&rig, &req);
	}
	rig_push(&rig);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	for (unsigned i = 0; i < n * pages; i++)
		assert_int_equal(rig.data[i][4095], (uint8_t)(7 + i));
	return __atomic_load_n(&calls, __ATOMIC_RELAXED) - before;
}

static void several_small_ones_are_one_submission(void **state)
{
	start("PV\n");
	assert_int_equal(reads(READS, 1), 0);
	assert_null(rig_stop(&rig));
}

static void one_alone_is_a_call(void **state)
{
	start("PV\n");
	assert_int_equal(reads(1, 1), 1);
	assert_null(rig_stop(&rig));
}

static void larger_ones_are_calls(void **state)
{
	start("PV\n");
	assert_int_equal(reads(READS, 8), READS);
	assert_null(rig_stop(&rig));
}

static void elsewhere_each_is_a_call(void **state)
{
	static const char *const types[] = { NULL, "PVH\n", "HVM\n", "" };

	for (unsigned i = 0; i < 4; i++) {
		start(types[i]);
		assert_int_equal(reads(READS, 1), READS);
		assert_null(rig_stop(&rig));
	}
}

/* Whether a disk on @type of domain offers to keep grants mapped. */
static bool maps_grants(const char *type, bool buffered)
{
	char mode[] = "w";
	struct blkif_toolstack_nodes toolstack = { .logical_block_size = 512, .mode = mode };
	struct blk_conf conf = { .filename = path, .buffered = buffered };
	struct blkif_backend_nodes offer;
	struct blk_info info;
	char why[256] = "";
	void *driver = NULL;

	guest_type = type;
	if (blk_driver_uring.open(&conf, &info, &driver, why, sizeof(why)) < 0 ||
		offer_make(&toolstack, &info, 1, &offer, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	blk_driver_uring.close(driver);
	return offer.persistent;
}

static void what_a_ring_may_hold_is_not_the_frontends(void **state)
{
	assert_false(maps_grants("PV\n", false));
	assert_true(maps_grants("PV\n", true));
	assert_true(maps_grants("PVH\n", false));
	assert_true(maps_grants(NULL, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_small_ones_are_one_submission),
		cmocka_unit_test(one_alone_is_a_call),
		cmocka_unit_test(larger_ones_are_calls),
		cmocka_unit_test(elsewhere_each_is_a_call),
		cmocka_unit_test(what_a_ring_may_hold_is_not_the_frontends),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

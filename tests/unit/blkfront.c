// SPDX-License-Identifier: MIT
/* The block frontend's data path and waiting, with a backend that keeps the rules. */
#include "config.h"
#include "tests/unit/blkfront-test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>

static void fill(void *data, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)data)[i] = (i >> 9) * 7 + i + seed;
}

/* Write at @offset, read it back into another buffer, compare with the disk, too. */
static void roundtrip(struct blkfront *bf, uint64_t offset, size_t len)
{
	struct blkfront_io *w = blkfront_get(bf), *r;

	assert_non_null(w);
	w->op = BLKFRONT_WRITE;
	w->offset = offset;
	w->length = len;
	w->done = NULL;
	fill(w->data, len, offset >> 9);
	assert_int_equal(blkfront_submit(bf, w), 0);
	assert_int_equal(blkfront_wait(bf, 2000), 1);
	assert_int_equal(w->error, 0);
	assert_memory_equal(backend.disk + offset, w->data, len);
	r = test_start(bf, BLKFRONT_READ, offset, len);
	assert_ptr_not_equal(r->data, w->data);
	assert_int_equal(blkfront_wait(bf, 2000), 1);
	assert_int_equal(r->error, 0);
	assert_memory_equal(r->data, w->data, len);
	blkfront_put(bf, r);
	blkfront_put(bf, w);
}

static void roundtrips(struct blkfront *bf)
{
	static const size_t sizes[] = { 512, 4096, 4608, 11 * 4096 - 512, 11 * 4096,
		11 * 4096 + 512, 12 * 4096, 131072, 256 * 4096 };
	unsigned indirect = 0;

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (sizes[i] > blkfront_get_info(bf)->max_io)
			continue;
		roundtrip(bf, i * 1024, sizes[i]);
		roundtrip(bf, BACKEND_DISK_BYTES - sizes[i], sizes[i]);
		indirect += sizes[i] > 11 * 4096 ? 4 : 0;
	}
	assert_int_equal(backend.indirect, indirect);
	blkfront_close(bf);
}

static void test_roundtrip_native(void **state)
{
	roundtrips(test_open());
}

static void test_roundtrip_x86_32(void **state)
{
	roundtrips(test_open_with((struct blkfront_config){ .protocol = "x86_32-abi" }));
}

static void test_roundtrip_x86_64(void **state)
{
	roundtrips(test_open_with((struct blkfront_config){ .protocol = "x86_64-abi" }));
}

static void test_roundtrip_large_ring(void **state)
{
	struct blkfront *bf = test_open_with((struct blkfront_config){ .ring_order = 2,
		.max_segments = 32 });

	assert_int_equal(blkfront_get_info(bf)->depth, 128);
	roundtrips(bf);
}

static void test_direct_only(void **state)
{
	struct blkfront *bf;

	backend_node("feature-max-indirect-segments", NULL);
	bf = test_open();
	assert_int_equal(blkfront_get_info(bf)->max_io, 11 * 4096);
	assert_false(blkfront_get_info(bf)->indirect);
	roundtrips(bf);
}

/* Which pages a slot uses decides whether the backend's mapping is one run. */
static void test_pages_in_order(void **state)
{
	struct blkfront *bf = test_open_with((struct blkfront_config){ .max_segments = 32 });
	struct blkfront_io *io;
	uint32_t first;

	backend.serve = false;
	io = test_start(bf, BLKFRONT_READ, 0, 32 * 4096);
	assert_true(backend_take(&backend.req));
	first = backend.req.seg[0].gref;
	for (unsigned i = 0; i < 32; i++) {
		assert_int_equal(backend.req.seg[i].gref, first + i);
		assert_ptr_equal(fake_page(first + i), (char *)io->data + i * 4096);
	}
	backend_answer(backend.req.id, BLKIF_OP_READ, BLKIF_RSP_OKAY);
	assert_int_equal(blkfront_wait(bf, 0), 1);
	/* The same buffer has the same references the next time, also in a direct request. */
	io->length = 4096;
	assert_int_equal(blkfront_submit(bf, io), 0);
	assert_int_equal(blkfront_kick(bf), 0);
	assert_true(backend_take(&backend.req));
	assert_int_equal(backend.req.seg[0].gref, first);
	backend_answer(backend.req.id, BLKIF_OP_READ, BLKIF_RSP_OKAY);
	assert_int_equal(blkfront_wait(bf, 0), 1);
	blkfront_put(bf, io);
	blkfront_close(bf);
}

static int try(struct blkfront *bf, enum blkfront_op op, uint64_t offset, uint64_t length)
{
	struct blkfront_io *io = blkfront_get(bf);
	int rc;

	io->op = op;
	io->offset = offset;
	io->length = length;
	rc = blkfront_submit(bf, io);
	blkfront_put(bf, io);
	return rc;
}

static void test_refused_range(void **state)
{
	const uint64_t size = BACKEND_DISK_BYTES;
	struct blkfront *bf = test_open();

	assert_int_equal(try(bf, BLKFRONT_READ, 1, 512), -EINVAL);
	assert_int_equal(try(bf, BLKFRONT_READ, 0, 100), -EINVAL);
	assert_int_equal(try(bf, BLKFRONT_READ, 0, 0), -EINVAL);
	assert_int_equal(try(bf, BLKFRONT_WRITE, size, 512), -EINVAL);
	assert_int_equal(try(bf, BLKFRONT_WRITE, size - 512, 1024), -EINVAL);
	assert_int_equal(try(bf, BLKFRONT_WRITE, UINT64_MAX - 511, 512), -EINVAL);
	assert_int_equal(try(bf, BLKFRONT_READ, 0, 257 * 4096), -EINVAL);
	assert_int_equal(try(bf, BLKFRONT_DISCARD, 512, size), -EINVAL);
	assert_int_equal(try(bf, BLKFRONT_DISCARD, 512, UINT64_MAX - 511), -EINVAL);
	assert_int_equal(try(bf, BLKFRONT_DISCARD, 0, 0), -EINVAL);
	assert_int_equal(try(bf, BLKFRONT_FLUSH, 0, 512), -EINVAL);
	assert_int_equal(fakes.notifies, 0);
	assert_int_equal(blkfront_wait(bf, 0), 0);
	blkfront_close(bf);
}

static void test_refused_twice(void **state)
{
	struct blkfront *bf = test_open();
	struct blkfront_io *io;

	backend.serve = false;
	io = test_start(bf, BLKFRONT_READ, 0, 512);
	assert_int_equal(blkfront_submit(bf, io), -EINVAL);
	blkfront_put(bf, io); /* ignored: it is the backend's to write to */
	backend_serve_all();
	assert_int_equal(blkfront_wait(bf, 0), 1);
	assert_int_equal(io->error, 0);
	blkfront_put(bf, io);
	blkfront_close(bf);
}

static void test_refused_readonly(void **state)
{
	struct blkfront *bf;

	backend_node("info", "5"); /* VDISK_READONLY | VDISK_CDROM */
	backend_node("feature-barrier", "1");
	bf = test_open();
	assert_true(blkfront_get_info(bf)->readonly);
	assert_true(blkfront_get_info(bf)->cdrom);
	assert_int_equal(try(bf, BLKFRONT_WRITE, 0, 512), -EROFS);
	assert_int_equal(try(bf, BLKFRONT_DISCARD, 0, 512), -EOPNOTSUPP);
	assert_int_equal(test_run(bf, BLKFRONT_READ, 0, 512), 0);
	blkfront_close(bf);
}

static void test_refused_unsupported(void **state)
{
	struct blkfront *bf;

	backend_node("feature-flush-cache", NULL);
	backend_node("feature-discard", "0");
	bf = test_open();
	assert_int_equal(try(bf, BLKFRONT_FLUSH, 0, 0), -EOPNOTSUPP);
	assert_int_equal(try(bf, BLKFRONT_BARRIER, 0, 0), -EOPNOTSUPP);
	assert_int_equal(try(bf, BLKFRONT_DISCARD, 0, 512), -EOPNOTSUPP);
	assert_int_equal(try(bf, (enum blkfront_op)77, 0, 512), -EOPNOTSUPP);
	blkfront_close(bf);
}

static void test_4k_sectors(void **state)
{
	struct blkfront *bf;

	backend_node("sector-size", "4096");
	bf = test_open();
	assert_int_equal(blkfront_get_info(bf)->sector_size, 4096);
	/* "sectors" stays in 512-byte units (blkif.h of Xen 4.23) */
	assert_int_equal(blkfront_get_info(bf)->size, BACKEND_DISK_BYTES);
	assert_int_equal(try(bf, BLKFRONT_READ, 512, 4096), -EINVAL);
	roundtrip(bf, 8192, 4096);
	blkfront_close(bf);
}

static void test_flush_and_discard(void **state)
{
	struct blkfront *bf = test_open();

	assert_int_equal(test_run(bf, BLKFRONT_FLUSH, 0, 0), 0);
	assert_int_equal(backend.last_op, BLKIF_OP_FLUSH_DISKCACHE);
	assert_int_equal(test_run(bf, BLKFRONT_DISCARD, 4096, 8192), 0);
	assert_int_equal(backend.last_op, BLKIF_OP_DISCARD);
	assert_int_equal(backend.disk[4095], 0);
	assert_int_equal(backend.disk[4096], 0xdd);
	assert_int_equal(backend.disk[12287], 0xdd);
	assert_int_equal(backend.disk[12288], 0);
	blkfront_close(bf);
}

static void test_barrier(void **state)
{
	struct blkfront *bf;

	backend_node("feature-barrier", "1");
	bf = test_open();
	assert_int_equal(test_run(bf, BLKFRONT_BARRIER, 0, 0), 0);
	assert_int_equal(backend.last_op, BLKIF_OP_WRITE_BARRIER);
	blkfront_close(bf);
}

static void test_error_status(void **state)
{
	struct blkfront *bf = test_open();

	backend.status = BLKIF_RSP_ERROR;
	assert_int_equal(test_run(bf, BLKFRONT_READ, 0, 512), -EIO);
	backend.status = BLKIF_RSP_EOPNOTSUPP;
	assert_int_equal(test_run(bf, BLKFRONT_FLUSH, 0, 0), -EOPNOTSUPP);
	backend.status = 0;
	assert_int_equal(test_run(bf, BLKFRONT_READ, 0, 512), 0);
	assert_string_equal(blkfront_why(bf), "");
	blkfront_close(bf);
}

/* All of the depth at once, answered in reverse; ids must not depend on order. */
static void test_depth_out_of_order(void **state)
{
	struct blkfront *bf = test_open();
	struct blkfront_io *io[33];
	uint64_t ids[32];

	backend.serve = false;
	for (unsigned i = 0; i < 32; i++)
		io[i] = test_start(bf, BLKFRONT_READ, i * 512, 512);
	assert_null(blkfront_get(bf));
	for (unsigned i = 0; i < 32; i++) {
		assert_true(backend_take(&backend.req));
		ids[i] = backend.req.id;
	}
	for (unsigned i = 32; i-- > 0;)
		backend_answer(ids[i], BLKIF_OP_READ, i % 2 ? BLKIF_RSP_ERROR : BLKIF_RSP_OKAY);
	assert_int_equal(blkfront_wait(bf, 0), 32);
	for (unsigned i = 0; i < 32; i++) {
		assert_int_equal(io[i]->error, i % 2 ? -EIO : 0);
		blkfront_put(bf, io[i]);
	}
	assert_non_null(blkfront_get(bf));
	blkfront_close(bf);
}

static void test_config_depth(void **state)
{
	struct blkfront *bf = test_open_with((struct blkfront_config){ .depth = 3 });

	assert_int_equal(blkfront_get_info(bf)->depth, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_non_null(blkfront_get(bf));
	assert_null(blkfront_get(bf));
	blkfront_close(bf);
}

struct chain {
	struct blkfront *bf;
	unsigned left;
};

static void chain_next(struct blkfront_io *io)
{
	struct chain *c = io->opaque;

	assert_int_equal(io->error, 0);
	if (--c->left)
		assert_int_equal(blkfront_submit(c->bf, io), 0);
}

/* More I/Os than the ring has slots, each from the last one's callback. */
static void test_done_submits(void **state)
{
	struct chain c = { test_open(), 1000 };
	struct blkfront_io *io = blkfront_get(c.bf);
	unsigned total = 0;

	io->op = BLKFRONT_READ;
	io->offset = 0;
	io->length = 4096;
	io->done = chain_next;
	io->opaque = &c;
	assert_int_equal(blkfront_submit(c.bf, io), 0);
	while (c.left) {
		int n = blkfront_wait(c.bf, 2000); /* kicks by itself */

		assert_true(n > 0);
		total += n;
	}
	assert_int_equal(total, 1000);
	blkfront_put(c.bf, io);
	blkfront_close(c.bf);
}

static void test_one_notify_per_kick(void **state)
{
	struct blkfront *bf = test_open();
	struct blkfront_io *io[8];

	for (unsigned i = 0; i < 8; i++) {
		io[i] = blkfront_get(bf);
		io[i]->op = BLKFRONT_READ;
		io[i]->offset = 0;
		io[i]->length = 512;
		assert_int_equal(blkfront_submit(bf, io[i]), 0);
	}
	assert_int_equal(fakes.notifies, 0);
	assert_int_equal(blkfront_kick(bf), 0);
	assert_int_equal(fakes.notifies, 1);
	assert_int_equal(blkfront_kick(bf), 0);
	assert_int_equal(fakes.notifies, 1);
	assert_int_equal(blkfront_wait(bf, 0), 8);
	blkfront_close(bf);
}

/* A backend that polls has not asked for an event: none is sent. */
static void test_no_notify_unasked(void **state)
{
	struct blkfront *bf = test_open();

	backend.serve = false;
	(void)test_start(bf, BLKFRONT_READ, 0, 512);
	assert_int_equal(fakes.notifies, 1);
	(void)test_start(bf, BLKFRONT_READ, 0, 512);
	assert_int_equal(fakes.notifies, 1);
	backend_serve_all();
	assert_int_equal(blkfront_wait(bf, 0), 2);
	blkfront_close(bf);
}

/* While responses keep coming, neither side makes a call into the hypervisor. */
static void test_polling_makes_no_calls(void **state)
{
	struct blkfront *bf = test_open();
	unsigned calls;

	backend.serve = false;
	(void)test_start(bf, BLKFRONT_READ, 0, 512);
	calls = fakes.calls;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(blkfront_poll(bf), 0);
	while (backend_take(&backend.req))
		backend_answer(backend.req.id, backend.req.operation, BLKIF_RSP_OKAY);
	assert_int_equal(blkfront_poll(bf), 1);
	for (unsigned i = 0; i < 20; i++) {
		(void)test_start(bf, BLKFRONT_READ, 0, 512);
		assert_true(backend_take(&backend.req));
		backend_answer(backend.req.id, backend.req.operation, BLKIF_RSP_OKAY);
		assert_int_equal(blkfront_wait(bf, -1), 1);
	}
	assert_int_equal(fakes.calls, calls);
	blkfront_close(bf);
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

static void test_fd(void **state)
{
	struct blkfront *bf = test_open();
	int fd = blkfront_fd(bf);
	struct blkfront_io *io;

	assert_true(fd >= 0);
	assert_int_equal(blkfront_wait(bf, 0), 0);
	assert_false(readable(fd));
	backend.serve = false;
	io = test_start(bf, BLKFRONT_READ, 0, 512);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(blkfront_wait(bf, 0), 0);
		assert_false(readable(fd));
		backend_serve_all();
		assert_true(readable(fd));
		assert_int_equal(blkfront_wait(bf, 0), 1);
		assert_int_equal(blkfront_submit(bf, io), 0);
	}
	backend.serve = true;
	(void)blkfront_kick(bf);
	assert_int_equal(blkfront_wait(bf, 1000), 1);
	blkfront_close(bf);
}

/* An event without an answer neither ends the wait nor spoils the next one. */
static void test_spurious_event(void **state)
{
	struct blkfront *bf = test_open();
	struct blkfront_io *io;

	backend.serve = false;
	io = test_start(bf, BLKFRONT_READ, 0, 512);
	for (unsigned i = 0; i < 5; i++) {
		fake_event();
		assert_int_equal(blkfront_wait(bf, 5), 0);
	}
	backend_serve_all();
	assert_int_equal(blkfront_wait(bf, 2000), 1);
	assert_int_equal(io->error, 0);
	blkfront_close(bf);
}

static void on_alarm(int sig)
{
}

static void test_signal_ends_wait(void **state)
{
	const struct itimerval soon = { .it_value = { .tv_usec = 20000 } };
	struct sigaction action = { .sa_handler = on_alarm };
	struct blkfront *bf = test_open();

	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(blkfront_wait(bf, -1), 0);
	blkfront_close(bf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_roundtrip_native),
		TEST(test_roundtrip_x86_32),
		TEST(test_roundtrip_x86_64),
		TEST(test_roundtrip_large_ring),
		TEST(test_direct_only),
		TEST(test_pages_in_order),
		TEST(test_refused_range),
		TEST(test_refused_twice),
		TEST(test_refused_readonly),
		TEST(test_refused_unsupported),
		TEST(test_4k_sectors),
		TEST(test_flush_and_discard),
		TEST(test_barrier),
		TEST(test_error_status),
		TEST(test_depth_out_of_order),
		TEST(test_config_depth),
		TEST(test_done_submits),
		TEST(test_one_notify_per_kick),
		TEST(test_no_notify_unasked),
		TEST(test_polling_makes_no_calls),
		TEST(test_fd),
		TEST(test_spurious_event),
		TEST(test_signal_ends_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

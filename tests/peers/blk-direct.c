// SPDX-License-Identifier: MIT
/*
 * A storage driver called directly, for what no frontend can ask for: write zeroes, elements of
 * odd lengths, as many as the driver takes, at the worst alignment that it said it takes. One
 * thread, unconfined; the storage is as tests/scripts/storage-*.sh made it.
 *
 *     blk-direct STORAGE [DRIVER]
 *
 * A line "ok NAME" for each case; exit status 0, or 1 with a line "FAILED".
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <liburing.h>

#include "backends/blk/io.h"
#include "backends/blk/target.h"
#include "common/array.h"
#include "common/log.h"

#define ENTRIES 512u
#define DEPTH 256u
#define ROOM (8u << 20) /* bytes of memory for data */
#define MODEL (4u << 20) /* bytes of the storage that are played with */
#define SECTOR 512u
#define PATIENCE_S 60

struct direct {
	struct blk_target target;
	struct blk_conf conf;
	struct io *io;
	const struct blk_info *info;
	struct io_uring ring;
	struct blk_queue pub;
	struct io_queue queue;
	unsigned done;
	uint8_t *room;      /* what requests carry */
	uint8_t *model;     /* what the storage must hold */
	unsigned seed;
};

static void failed(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

static void failed(const char *fmt, ...)
{
	va_list ap;

	printf("FAILED: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	exit(1); /* a test's end */
}

static unsigned some(struct direct *d, unsigned n)
{
	return (unsigned)rand_r(&d->seed) % n;
}

/* --- a queue, as sluice-blk has them -------------------------------------- */

/* What somebody still has who is about to let go of it, as a predecessor does, is waited for. */
static int attach(struct direct *d, char *why, size_t room)
{
	int rc = io_attach(d->io, why, room);

	for (unsigned i = 0; rc == -EBUSY && i < PATIENCE_S * 10; i++) {
		usleep(100000);
		rc = io_attach(d->io, why, room);
	}
	return rc;
}

static void begin(struct direct *d, const char *name, const char *driver, bool readonly)
{
	struct target_wish wish = { .driver = driver, .readonly = readonly };
	char why[512] = "";
	int rc = target_resolve(name, &wish, &d->target, why, sizeof(why));

	d->conf = (struct blk_conf){ .filename = d->target.filename, .device = "blk-direct", .readonly = readonly,
		.range_start = d->target.start, .range_length = d->target.length };
	if (rc == 0)
		rc = io_open(d->target.driver, &d->conf, &d->io, why, sizeof(why));
	if (rc == 0 && io_attaches_later(d->io))
		rc = attach(d, why, sizeof(why));
	if (rc < 0)
		failed("%s: %s", name, why);
	d->info = io_info(d->io);
	rc = io_uring_queue_init(ENTRIES, &d->ring, 0);
	d->pub = (struct blk_queue){ .ring = &d->ring, .depth = DEPTH };
	if (rc == 0)
		rc = io_queue_start(d->io, &d->queue, &d->pub);
	if (rc < 0)
		failed("the queue does not start: %s", strerror(-rc));
}

static void end(struct direct *d)
{
	io_queue_stop(&d->queue);
	io_uring_queue_exit(&d->ring);
	io_close(d->io);
	target_release(&d->target);
	memset(&d->queue, 0, sizeof(d->queue));
	d->io = NULL;
}

static void collect(struct direct *d)
{
	for (struct blk_req *req = io_take_done(&d->queue); req; req = req->next)
		d->done++;
}

static void turn(struct direct *d)
{
	struct __kernel_timespec limit = { .tv_sec = PATIENCE_S };
	struct io_uring_cqe *cqe;
	int rc;

	io_uring_submit(&d->ring);
	rc = io_uring_wait_cqe_timeout(&d->ring, &cqe, &limit);
	if (rc == -ETIME)
		failed("nothing happens any more");
	while (io_uring_peek_cqe(&d->ring, &cqe) == 0) {
		struct blk_cqe *to = io_uring_cqe_get_data(cqe);
		int res = cqe->res;

		io_uring_cqe_seen(&d->ring, cqe);
		if (to && (uintptr_t)to != LIBURING_UDATA_TIMEOUT)
			to->fn(&d->pub, to, res);
	}
}

static void await(struct direct *d, unsigned n)
{
	io_kick(&d->queue);
	collect(d);
	while (d->done < n) {
		turn(d);
		collect(d);
	}
}

static int do_iov(struct direct *d, enum blk_op op, uint64_t offset, uint64_t length, struct iovec *iov,
	unsigned niov)
{
	struct blk_req req = { .op = op, .offset = offset, .length = length, .iov = iov, .niov = niov };
	unsigned n = d->done;

	io_queue_submit(&d->queue, &req);
	await(d, n + 1);
	return req.error;
}

static int do_one(struct direct *d, enum blk_op op, uint64_t offset, uint64_t length, void *memory)
{
	struct iovec iov = { memory, length };

	return do_iov(d, op, offset, length, &iov, memory ? 1 : 0);
}

/* --- the model ------------------------------------------------------------- */

static void fill(struct direct *d, uint8_t *data, size_t length)
{
	for (size_t i = 0; i < length; i += 4) {
		uint32_t word = (uint32_t)rand_r(&d->seed) | 1;

		memcpy(data + i, &word, 4);
	}
}

static void check(struct direct *d, const char *what, uint64_t offset, uint64_t length)
{
	int rc;

	memset(d->room, 0xa5, length);
	rc = do_one(d, BLK_READ, offset, length, d->room);
	if (rc < 0)
		failed("%s: reading %" PRIu64 "+%" PRIu64 ": %s", what, offset, length, strerror(-rc));
	for (uint64_t i = 0; i < length; i++)
		if (d->room[i] != d->model[offset + i])
			failed("%s: byte %" PRIu64 " is %02x, not %02x", what, offset + i, d->room[i],
				d->model[offset + i]);
}

static void check_all(struct direct *d, const char *what)
{
	for (uint64_t at = 0; at < MODEL; at += 1 << 20)
		check(d, what, at, 1 << 20);
}

static void write_all(struct direct *d)
{
	for (uint64_t at = 0; at < MODEL; at += 1 << 20) {
		fill(d, d->model + at, 1 << 20);
		memcpy(d->room, d->model + at, 1 << 20);
		if (do_one(d, BLK_WRITE, at, 1 << 20, d->room) < 0)
			failed("the storage cannot be written");
	}
}

/* --- cases ------------------------------------------------------------------ */

static bool power_of_two(uint32_t n)
{
	return n && !(n & (n - 1));
}

/* What a driver says of itself must make sense: the core relies on it. */
static void says(struct direct *d)
{
	const struct blk_info *i = d->info;

	if (i->size < MODEL || i->size % SECTOR)
		failed("a size of %" PRIu64, i->size);
	if (!power_of_two(i->block_size) || i->block_size < SECTOR || i->block_size > 65536)
		failed("a block size of %u", i->block_size);
	if (i->memory_align && (!power_of_two(i->memory_align) || i->memory_align > i->block_size))
		failed("memory aligned to %u, of blocks of %u", i->memory_align, i->block_size);
	if (!i->max_iov)
		failed("no elements at all");
	if (i->flags & BLK_INFO_DISCARD && !power_of_two(i->discard_granularity))
		failed("granules of %u", i->discard_granularity);
	if (i->discard_alignment && !d->conf.range_length)
		failed("discard_alignment is the core's");
	printf("says: %" PRIu64 " MiB, blocks %u, physical %u, memory %u, at most %u elements, %" PRIu64
		" bytes; flags %x\n", i->size >> 20, i->block_size, i->physical_size, i->memory_align, i->max_iov,
		i->max_length, i->flags);
}

static void zero(struct direct *d, uint64_t offset, uint64_t length)
{
	int rc = do_one(d, BLK_ZEROES, offset, length, NULL);

	if (rc < 0)
		failed("zeroes at %" PRIu64 "+%" PRIu64 ": %s", offset, length, strerror(-rc));
	memset(d->model + offset, 0, length);
	check_all(d, "zeroes");
}

/* Zeroes are zeroes at once, and nothing beside them changes; twice is the same. */
static void zeroes(struct direct *d)
{
	write_all(d);
	zero(d, 0, SECTOR);
	zero(d, 3 * SECTOR, SECTOR);
	zero(d, 65536, 65536);
	zero(d, 65536, 65536);
	zero(d, 200 * SECTOR + 65536, 77 * SECTOR);
	zero(d, 1 << 20, 2 << 20);
	zero(d, MODEL - SECTOR, SECTOR);
	for (unsigned i = 0; i < 16; i++) {
		uint64_t at = some(d, MODEL / SECTOR - 300) * SECTOR;

		zero(d, at, (1 + some(d, 299)) * SECTOR);
	}
	if (do_one(d, BLK_FLUSH, 0, 0, NULL) < 0)
		failed("a flush after zeroes fails");
}

/* Elements of 1 sector each, as many as the driver takes and one more, scattered. */
static void elements(struct direct *d)
{
	unsigned most = d->info->max_iov < 1024 ? d->info->max_iov : 1023;
	unsigned counts[] = { 1, 2, 3, 11, 32, 256, most, most + 1 };
	struct iovec *iov = calloc(most + 1, sizeof(*iov));

	for (unsigned i = 0; iov && i < ARRAY_SIZE(counts); i++) {
		unsigned n = counts[i] <= most + 1 ? counts[i] : most + 1;
		uint64_t at = SECTOR * (1 + some(d, 64)), length = 0;

		for (unsigned e = 0; e < n; e++) {
			/* Every other sector of memory: no two are neighbours. */
			iov[e] = (struct iovec){ d->room + (size_t)e * 2 * SECTOR, SECTOR };
			fill(d, iov[e].iov_base, SECTOR);
			memcpy(d->model + at + length, iov[e].iov_base, SECTOR);
			length += SECTOR;
		}
		if (do_iov(d, BLK_WRITE, at, length, iov, n) < 0)
			failed("a write of %u elements", n);
		check_all(d, "elements");
		for (unsigned e = 0; e < n; e++)
			iov[e] = (struct iovec){ d->room + ((size_t)(n - 1 - e) * 2 + 1) * SECTOR, SECTOR };
		if (do_iov(d, BLK_READ, at, length, iov, n) < 0)
			failed("a read of %u elements", n);
		for (unsigned e = 0; e < n; e++)
			if (memcmp(d->room + ((size_t)(n - 1 - e) * 2 + 1) * SECTOR,
				    d->model + at + (uint64_t)e * SECTOR, SECTOR) != 0)
				failed("element %u of %u read is wrong", e, n);
	}
	if (!iov)
		failed("no memory");
	free(iov);
}

/* Elements of 1 to 16 sectors in memory that is aligned to a sector, and no better. */
static void odd(struct direct *d)
{
	struct iovec iov[40];

	for (unsigned turns = 0; turns < 60; turns++) {
		unsigned n = 1 + some(d, ARRAY_SIZE(iov));
		uint64_t at = some(d, 2048) * SECTOR, length = 0;
		uint8_t *memory = d->room + SECTOR;

		for (unsigned e = 0; e < n; e++) {
			size_t part = (1 + some(d, 16)) * SECTOR;

			iov[e] = (struct iovec){ memory, part };
			fill(d, memory, part);
			memcpy(d->model + at + length, memory, part);
			memory += part + some(d, 3) * SECTOR;
			length += part;
		}
		if (do_iov(d, BLK_WRITE, at, length, iov, n) < 0)
			failed("a write of %u odd elements", n);
		check(d, "odd elements", at, length);
	}
	check_all(d, "odd elements");
}

/* Many at once on blocks of their own: none is lost, mixed up or answered twice. */
static void many(struct direct *d)
{
	static struct blk_req reqs[DEPTH];
	static struct iovec iovs[DEPTH];
	size_t each = MODEL / DEPTH;
	unsigned n = d->done;

	for (unsigned i = 0; i < DEPTH; i++) {
		enum blk_op op = i % 8 == 7 ? BLK_ZEROES : BLK_WRITE;
		uint8_t *memory = d->room + i * each;

		if (op == BLK_WRITE)
			fill(d, memory, each);
		else
			memset(memory, 0, each);
		memcpy(d->model + i * each, memory, each);
		iovs[i] = (struct iovec){ memory, each };
		reqs[i] = (struct blk_req){ .op = op, .offset = i * each, .length = each, .iov = &iovs[i],
			.niov = op == BLK_WRITE };
		io_queue_submit(&d->queue, &reqs[i]);
	}
	await(d, n + DEPTH);
	for (unsigned i = 0; i < DEPTH; i++)
		if (reqs[i].error)
			failed("one of %u at once: %s", DEPTH, strerror(-reqs[i].error));
	check_all(d, "many at once");
}

/* The storage holds it, not the process: another open finds it, and one for reading cannot write. */
static void again(struct direct *d, const char *name, const char *driver)
{
	if (do_one(d, BLK_FLUSH, 0, 0, NULL) < 0)
		failed("the last flush fails");
	end(d);
	begin(d, name, driver, true);
	check_all(d, "opened again");
	if (!(d->info->flags & BLK_INFO_READONLY))
		failed("opened for reading, it is not read only");
	if (d->info->flags & (BLK_INFO_DISCARD | BLK_INFO_ZEROES | BLK_INFO_SECURE_DISCARD))
		failed("opened for reading, it would discard or zero");
	if (do_one(d, BLK_WRITE, 0, SECTOR, d->room) == 0 || do_one(d, BLK_ZEROES, 0, SECTOR, NULL) == 0)
		failed("opened for reading, it is written");
	check_all(d, "after refused writes");
	end(d);
	/* What is left behind would show here: a lock, a connection that is still served. */
	begin(d, name, driver, false);
	check_all(d, "opened for writing again");
	end(d);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct direct *d);
	} cases[] = { { "says", says }, { "zeroes", zeroes }, { "elements", elements }, { "odd", odd },
		{ "many", many } };
	struct direct d = { .seed = 1 };
	const char *driver = argc > 2 && argv[2][0] ? argv[2] : NULL;

	if (argc < 2) {
		fprintf(stderr, "usage: blk-direct STORAGE [DRIVER]\n");
		return 2;
	}
	log_init("blk-direct");
	d.room = aligned_alloc(4096, ROOM);
	d.model = calloc(1, MODEL);
	if (!d.room || !d.model)
		failed("no memory");
	begin(&d, argv[1], driver, false);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		cases[i].run(&d);
		printf("ok %s\n", cases[i].name);
	}
	again(&d, argv[1], driver);
	printf("ok again\n");
	free(d.room);
	free(d.model);
	return 0;
}

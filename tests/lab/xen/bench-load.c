/* SPDX-License-Identifier: MIT */
/*
 * The guest's load for bench-blk: so many requests on a disk, past the page cache, with so many
 * in flight. Each 4 KiB block says where it belongs, so that a backend cannot win by moving nothing.
 *
 *   bench-load DEVICE read|write random|seq BLOCK DEPTH SPAN COUNT
 *
 * BLOCK and SPAN (the part of the disk that is used, from its start) are bytes, COUNT is requests.
 * Prints how many microseconds they took. Random places are the same in each run.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STAMP_EVERY = 4096, MAX_DEPTH = 256 };

/** struct load - what was asked for, and how far it is. */
struct load {
	int fd;
	bool write, random;
	uint64_t block, blocks, count; /* bytes each; in the span; requests */
	unsigned depth;
	uint64_t begun, ended, state;  /* requests; of the generator */
	struct io_uring ring;
	uint8_t *buffer[MAX_DEPTH];
	uint64_t offset[MAX_DEPTH];
};

static void give_up(const char *what, int err)
{
	fprintf(stderr, "bench-load: %s: %s\n", what, strerror(err));
	exit(1);
}

static uint64_t number(const char *text, uint64_t most)
{
	char *end;
	uint64_t n = strtoull(text, &end, 10);

	if (*end || !n || n > most)
		give_up(text, ERANGE);
	return n;
}

static uint64_t next_offset(struct load *l)
{
	if (!l->random)
		return l->begun % l->blocks * l->block;
	l->state ^= l->state << 13;
	l->state ^= l->state >> 7;
	l->state ^= l->state << 17;
	return l->state % l->blocks * l->block;
}

static void stamp(const struct load *l, unsigned slot)
{
	for (uint64_t at = 0; at < l->block; at += STAMP_EVERY) {
		uint64_t where = l->offset[slot] + at;

		memcpy(l->buffer[slot] + at, &where, sizeof(where));
	}
}

static void check(const struct load *l, unsigned slot)
{
	for (uint64_t at = 0; at < l->block; at += STAMP_EVERY) {
		uint64_t where;

		memcpy(&where, l->buffer[slot] + at, sizeof(where));
		if (where != l->offset[slot] + at)
			give_up("a block is not what was written there", EILSEQ);
	}
	/* A read that leaves the buffer alone is found out the next time. */
	memset(l->buffer[slot], 0xff, sizeof(uint64_t));
}

static void begin(struct load *l, unsigned slot)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&l->ring);

	l->offset[slot] = next_offset(l);
	l->begun++;
	if (l->write) {
		stamp(l, slot);
		io_uring_prep_write_fixed(sqe, l->fd, l->buffer[slot], l->block, l->offset[slot], slot);
	} else {
		io_uring_prep_read_fixed(sqe, l->fd, l->buffer[slot], l->block, l->offset[slot], slot);
	}
	io_uring_sqe_set_data64(sqe, slot);
}

static void end(struct load *l, const struct io_uring_cqe *cqe)
{
	if (cqe->res < 0)
		give_up("a request failed", -cqe->res);
	if ((uint64_t)cqe->res != l->block)
		give_up("a request was cut short", EIO);
	if (!l->write)
		check(l, io_uring_cqe_get_data64(cqe));
	l->ended++;
}

static void run(struct load *l)
{
	struct io_uring_cqe *cqe;

	for (unsigned slot = 0; slot < l->depth && l->begun < l->count; slot++)
		begin(l, slot);
	while (l->ended < l->count) {
		int rc = io_uring_submit_and_wait(&l->ring, 1);

		if (rc < 0)
			give_up("io_uring_enter", -rc);
		while (io_uring_peek_cqe(&l->ring, &cqe) == 0) {
			unsigned slot = io_uring_cqe_get_data64(cqe);

			end(l, cqe);
			io_uring_cqe_seen(&l->ring, cqe);
			if (l->begun < l->count)
				begin(l, slot);
		}
	}
}

static void prepare(struct load *l)
{
	struct iovec iov[MAX_DEPTH];
	int rc = io_uring_queue_init(l->depth, &l->ring, 0);

	if (rc < 0)
		give_up("io_uring", -rc);
	for (unsigned slot = 0; slot < l->depth; slot++) {
		rc = posix_memalign((void **)&l->buffer[slot], STAMP_EVERY, l->block);
		if (rc)
			give_up("no memory", rc);
		memset(l->buffer[slot], 0xff, l->block);
		iov[slot] = (struct iovec){ l->buffer[slot], l->block };
	}
	rc = io_uring_register_buffers(&l->ring, iov, l->depth);
	if (rc < 0)
		give_up("buffers", -rc);
}

int main(int argc, char **argv)
{
	struct load l = { .state = UINT64_C(0x9e3779b97f4a7c15) };
	struct timespec from, to;

	if (argc != 8)
		give_up("DEVICE read|write random|seq BLOCK DEPTH SPAN COUNT", EINVAL);
	l.write = strcmp(argv[2], "write") == 0;
	l.random = strcmp(argv[3], "random") == 0;
	l.block = number(argv[4], 1u << 24);
	l.depth = number(argv[5], MAX_DEPTH);
	l.blocks = number(argv[6], UINT64_MAX) / l.block;
	l.count = number(argv[7], UINT64_MAX);
	l.fd = open(argv[1], (l.write ? O_WRONLY : O_RDONLY) | O_DIRECT | O_CLOEXEC);
	if (l.fd < 0)
		give_up(argv[1], errno);
	if (!l.blocks || l.block % STAMP_EVERY)
		give_up("BLOCK", EINVAL);
	prepare(&l);
	clock_gettime(CLOCK_MONOTONIC, &from);
	run(&l);
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%lld\n", (to.tv_sec - from.tv_sec) * 1000000ll + (to.tv_nsec - from.tv_nsec) / 1000);
	return 0;
}

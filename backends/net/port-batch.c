// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/net/port-batch.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/confine.h"

/* Fewer are written one by one as fast. */
#define BATCH_LEAST 3u

CONFINE_RULES(port_batch, CONFINE_CALL(io_uring_enter));

/* Debian's liburing 2.3 does not export its functions for these. */
static int batch_register(struct batch *b, unsigned what, void *list, unsigned n)
{
	return syscall(SYS_io_uring_register, b->ring.ring_fd, what, list, n) < 0 ? -errno : 0;
}

/*
 * Nothing but reads and writes, which the process can make without it, of the same descriptors. Not
 * to a registered one: a ring is taken apart some time after its process is gone, and the
 * interface would stay as long.
 */
static int batch_restrict(struct batch *b)
{
	struct io_uring_restriction list[3];

	memset(list, 0, sizeof(list));
	list[0].opcode = IORING_RESTRICTION_SQE_OP;
	list[0].sqe_op = IORING_OP_WRITE;
	list[1].opcode = IORING_RESTRICTION_SQE_OP;
	list[1].sqe_op = IORING_OP_READ;
	list[2].opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
	return batch_register(b, IORING_REGISTER_RESTRICTIONS, list, 3);
}

/* One that has ended, its number in the batch and its result. */
struct batch_end {
	unsigned i;
	int res;
};

static int batch_next(struct batch *b, struct batch_end *end)
{
	struct io_uring_cqe *cqe;
	int rc;

	do
		rc = io_uring_wait_cqe(&b->ring, &cqe);
	while (rc == -EINTR);
	if (rc < 0)
		return rc;
	*end = (struct batch_end){ (unsigned)cqe->user_data, cqe->res };
	io_uring_cqe_seen(&b->ring, cqe);
	return 0;
}

/* Submit @n and wait for all of them: their memory is the caller's again. 0 or -errno. */
static int batch_finish(struct batch *b, unsigned n, int *result)
{
	struct batch_end end;
	unsigned submitted = 0;
	int rc = 0;

	while (submitted < n && rc >= 0) {
		rc = io_uring_submit(&b->ring);
		if (rc > 0)
			submitted += (unsigned)rc;
		else if (rc == -EINTR || rc == -EAGAIN)
			rc = 0;
	}
	for (unsigned done = 0; done < submitted; done++) {
		int res = batch_next(b, &end);

		if (res < 0)
			return res;
		result[end.i] = end.res;
	}
	return rc < 0 ? rc : 0;
}

static void batch_put(struct batch *b, unsigned i, const void *data, unsigned bytes)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&b->ring);

	io_uring_prep_write(sqe, b->fd, data, bytes, 0);
	sqe->user_data = i;
}

/* Without waiting, whatever the descriptor says: one that waited would have its memory for good. */
static void batch_get(struct batch *b, unsigned i, void *data, unsigned bytes)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&b->ring);

	io_uring_prep_read(sqe, b->fd, data, bytes, 0);
	sqe->rw_flags = RWF_NOWAIT;
	sqe->user_data = i;
}

/*
 * Whether writes through the ring are made at once: of a kernel whose taps cannot be written
 * without waiting the ring says so (EAGAIN). One byte is no frame, and refused by all others.
 */
static bool batch_writes(struct batch *b)
{
	int res = -EIO;

	batch_put(b, 0, "", 1);
	return batch_finish(b, 1, &res) == 0 && res != -EAGAIN;
}

/* Nothing waits yet, or is lost: of a kernel whose taps know no reading without waiting it is refused. */
static bool batch_may_read(struct batch *b)
{
	uint8_t some[16];
	int res = -EIO;

	batch_get(b, 0, some, sizeof(some));
	return batch_finish(b, 1, &res) == 0 && (res >= 0 || res == -EAGAIN);
}

void batch_open(struct batch *b, int fd)
{
	struct io_uring_params p = { .flags = IORING_SETUP_R_DISABLED };
	int rc;

	b->fd = fd;
	b->ringed = b->reads = false;
	if (io_uring_queue_init_params(BATCH_FRAMES, &b->ring, &p) < 0)
		return;
	rc = batch_restrict(b);
	if (rc == 0)
		rc = batch_register(b, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	b->ringed = rc == 0 && batch_writes(b);
	b->reads = b->ringed && batch_may_read(b);
	if (!b->ringed)
		io_uring_queue_exit(&b->ring);
}

void batch_close(struct batch *b)
{
	if (b->ringed)
		io_uring_queue_exit(&b->ring);
	b->ringed = b->reads = false;
}

/* One by one. As batch_write(). */
static unsigned batch_write_each(
	struct batch *b, const struct frame *frames, unsigned n, unsigned before, int *error)
{
	for (unsigned i = 0; i < n; i++) {
		if (write(b->fd, frames[i].data - before, frames[i].len + before) >= 0)
			continue;
		if (errno == EAGAIN)
			return i;
		*error = errno;
	}
	return n;
}

/* At most BATCH_FRAMES. What a full queue does not take is lost, as it is for a switch. */
static void batch_write_ring(
	struct batch *b, const struct frame *frames, unsigned n, unsigned before, int *error)
{
	int result[BATCH_FRAMES] = { 0 };

	for (unsigned i = 0; i < n; i++)
		batch_put(b, i, frames[i].data - before, frames[i].len + before);
	if (batch_finish(b, n, result) < 0)
		batch_close(b);
	for (unsigned i = 0; i < n; i++)
		if (result[i] < 0)
			*error = -result[i];
}

unsigned batch_write(struct batch *b, const struct frame *frames, unsigned n, unsigned before, int *error)
{
	unsigned done = 0;

	*error = 0;
	while (b->ringed && n - done >= BATCH_LEAST) {
		unsigned batch = n - done < BATCH_FRAMES ? n - done : BATCH_FRAMES;

		batch_write_ring(b, frames + done, batch, before, error);
		done += batch;
	}
	return done + batch_write_each(b, frames + done, n - done, before, error);
}

unsigned batch_read(struct batch *b, const struct frame *frames, unsigned n, unsigned before, int *result)
{
	if (!b->reads)
		return 0;
	if (n > BATCH_FRAMES)
		n = BATCH_FRAMES;
	for (unsigned i = 0; i < n; i++) {
		result[i] = -EAGAIN;
		batch_get(b, i, frames[i].data - before, frames[i].room + before);
	}
	if (batch_finish(b, n, result) < 0)
		batch_close(b);
	return n;
}

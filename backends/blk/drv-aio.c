// SPDX-License-Identifier: MIT
/*
 * Files and block devices by Linux' older asynchronous I/O (libaio), for hosts where
 * io_uring is forbidden to programs like this one's storage, and to compare with.
 *
 * One context per queue; what a sweep staged goes in with one io_submit(), and an
 * eventfd tells the queue's loop of completions. The kernel does this asynchronously
 * with O_DIRECT only: through the page cache io_submit() blocks until data are read.
 */
#include "config.h"
#include "backends/blk/drivers.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <libaio.h>

#include "backends/blk/storage.h"
#include "common/array.h"
#include "common/confine.h"
#include "common/log.h"

#define AIO_BATCH 64u
#define AIO_RETRY_MS 1
#define AIO_RETRIES 1000u
#define AIO_MAX_NR "/proc/sys/fs/aio-max-nr"

struct aio {
	struct storage st;
	bool flush_works; /* atomic: IOCB_CMD_FDSYNC; cleared when the kernel has none */
};

/* In blk_req.driver_private. */
struct aio_op {
	struct iocb iocb;
	struct storage_op at;
};
_Static_assert(sizeof(struct aio_op) <= sizeof(((struct blk_req *)0)->driver_private),
	"aio_op fits a request's private room");

struct aio_queue {
	io_context_t context;
	int event_fd;
	struct blk_req *staged, **tail;
	unsigned in_kernel;
};

static struct aio_op *aio_op(struct blk_req *req)
{
	return (struct aio_op *)req->driver_private;
}

static struct blk_req *aio_req(struct iocb *iocb)
{
	struct aio_op *op = container_of(iocb, struct aio_op, iocb);

	return container_of((void *)op, struct blk_req, driver_private);
}

/* --- submission ------------------------------------------------------------------------- */

static void aio_stage(struct aio_queue *aq, struct blk_req *req)
{
	req->next = NULL;
	*aq->tail = req;
	aq->tail = &req->next;
}

static struct blk_req *aio_unstage(struct aio_queue *aq)
{
	struct blk_req *req = aq->staged;

	aq->staged = req->next;
	if (!aq->staged)
		aq->tail = &aq->staged;
	return req;
}

static void aio_prepare(struct aio *a, struct aio_queue *aq, struct blk_req *req)
{
	struct aio_op *op = aio_op(req);
	int fd = a->st.fd;

	if (req->op == BLK_READ)
		io_prep_preadv(&op->iocb, fd, req->iov, req->niov, op->at.offset);
	else if (req->op == BLK_WRITE)
		io_prep_pwritev(&op->iocb, fd, req->iov, req->niov, op->at.offset);
	else
		io_prep_fdsync(&op->iocb, fd);
	io_set_eventfd(&op->iocb, aq->event_fd);
}

/* What the kernel does not do asynchronously in this way. */
static bool aio_needs_worker(struct aio *a, const struct blk_req *req)
{
	if (req->op == BLK_FLUSH)
		return !__atomic_load_n(&a->flush_works, __ATOMIC_RELAXED);
	return req->op > BLK_WRITE;
}

/* The first staged request was refused: its end, if not a matter of time. */
static bool aio_refused(struct aio *a, struct aio_queue *aq, struct blk_queue *queue, int error)
{
	struct blk_req *req = aq->staged;

	if (error == -EAGAIN || error == -EINTR) {
		if (aq->in_kernel || ++aio_op(req)->at.retries < AIO_RETRIES)
			return false; /* aio_poll() asks for another try */
		error = -EIO;
	}
	aio_unstage(aq);
	if (req->op == BLK_FLUSH && error == -EINVAL) {
		/* Before Linux 4.18, and file systems without it. */
		__atomic_store_n(&a->flush_works, false, __ATOMIC_RELAXED);
		storage_work(&a->st, queue, req); /* which also has the last word on it */
	} else {
		blk_req_done(queue, req, error);
	}
	return true;
}

/* The next of the staged that go to the kernel. */
static long aio_collect(struct aio *a, struct aio_queue *aq, struct iocb **list)
{
	long n = 0;

	for (struct blk_req *req = aq->staged; req && n < AIO_BATCH; req = req->next) {
		if (aio_needs_worker(a, req))
			break;
		aio_prepare(a, aq, req);
		list[n++] = &aio_op(req)->iocb;
	}
	return n;
}

static void aio_push(struct aio *a, struct aio_queue *aq, struct blk_queue *queue)
{
	struct iocb *list[AIO_BATCH];

	while (aq->staged) {
		long n = aio_collect(a, aq, list);
		int rc;

		if (n == 0) {
			storage_work(&a->st, queue, aio_unstage(aq));
			continue;
		}
		rc = io_submit(aq->context, n, list); /* -errno */
		for (int i = 0; i < rc; i++)
			aio_unstage(aq);
		if (rc > 0)
			aq->in_kernel += rc;
		else if (!aio_refused(a, aq, queue, rc ? rc : -EAGAIN))
			return;
	}
}

static void aio_submit(void *state, struct blk_queue *queue, struct blk_req *req)
{
	storage_op_begin(&aio_op(req)->at, req);
	aio_stage(queue->driver_private, req);
}

static void aio_kick(void *state, struct blk_queue *queue)
{
	aio_push(state, queue->driver_private, queue);
}

/* --- completion --------------------------------------------------------------------------- */

static void aio_complete(struct aio *a, struct aio_queue *aq, struct blk_queue *queue,
	const struct io_event *event)
{
	struct blk_req *req = aio_req(event->obj);
	int error;

	aq->in_kernel--;
	if (storage_op_result(&aio_op(req)->at, req, (long)event->res, &error))
		blk_req_done(queue, req, error);
	else
		aio_stage(aq, req);
}

static void aio_reap(void *state, struct blk_queue *queue, uint32_t revents)
{
	struct aio_queue *aq = queue->driver_private;
	struct io_event events[AIO_BATCH];
	struct timespec none = { 0, 0 };
	uint64_t count;
	int n;

	/* Emptied first: what completes from here on makes it readable again. */
	if (revents && read(aq->event_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_err("aio: eventfd: %s", strerror(errno));
	do {
		n = io_getevents(aq->context, 0, AIO_BATCH, events, &none);
		for (int i = 0; i < n; i++)
			aio_complete(state, aq, queue, &events[i]);
	} while (n == (int)AIO_BATCH || n == -EINTR);
	aio_push(state, aq, queue);
}

static void aio_poll(void *state, struct blk_queue *queue, struct blk_poll *poll)
{
	struct aio_queue *aq = queue->driver_private;

	poll->fd = aq->event_fd;
	poll->events = POLLIN;
	/* The kernel was short of something, and none of ours will tell when it no longer is. */
	if (aq->staged && !aq->in_kernel)
		poll->timeout_ms = AIO_RETRY_MS;
}

/* --- queues, opening ------------------------------------------------------------------------ */

static void aio_say_why(int error, char *why, size_t room)
{
	unsigned long most = 0;
	FILE *f;

	if (error == -ENOSYS || error == -EPERM) {
		snprintf(why, room, "this kernel has or permits no asynchronous I/O; use the driver uring");
		return;
	}
	f = fopen(AIO_MAX_NR, "re");
	if (f) {
		if (fscanf(f, "%lu", &most) != 1)
			most = 0;
		fclose(f);
	}
	snprintf(why, room,
		"no room for another context of asynchronous I/O (%s); raise fs.aio-max-nr, now %lu, with sysctl, or use the driver uring",
		strerror(-error), most);
}

static int aio_queue_start(void *state, struct blk_queue *queue)
{
	struct aio_queue *aq = calloc(1, sizeof(*aq));
	char why[256];
	int rc;

	if (!aq)
		return -ENOMEM;
	aq->tail = &aq->staged;
	aq->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = aq->event_fd < 0 ? -errno : io_setup(queue->depth, &aq->context); /* -errno */
	if (rc < 0) {
		aio_say_why(rc, why, sizeof(why));
		log_err("%s", why);
		if (aq->event_fd >= 0)
			close(aq->event_fd);
		free(aq);
		return rc;
	}
	queue->driver_private = aq;
	return 0;
}

static void aio_queue_stop(void *state, struct blk_queue *queue)
{
	struct aio_queue *aq = queue->driver_private;

	io_destroy(aq->context);
	close(aq->event_fd);
	free(aq);
	queue->driver_private = NULL;
}

/* Tell at once what would else fail when a guest connects. */
static int aio_probe(const struct blk_conf *conf, char *why, size_t room)
{
	io_context_t context = NULL;
	char text[256];
	int rc = io_setup(1, &context); /* -errno */

	if (rc == 0) {
		io_destroy(context);
		return 0;
	}
	aio_say_why(rc, text, sizeof(text));
	snprintf(why, room, "%s: %s", conf->filename, text);
	return rc;
}

static int aio_open(const struct blk_conf *conf, struct blk_info *info, void **state, char *why,
	size_t why_room)
{
	struct aio *a;
	int rc = aio_probe(conf, why, why_room);

	if (rc < 0)
		return rc;
	a = calloc(1, sizeof(*a));
	if (!a) {
		snprintf(why, why_room, "out of memory");
		return -ENOMEM;
	}
	rc = storage_open(conf, &a->st, why, why_room);
	if (rc < 0) {
		free(a);
		return rc;
	}
	a->flush_works = true;
	storage_describe(&a->st, conf, info);
	/* A process that ends waits for its contexts, and the journal's lock for the process. */
	info->flags |= BLK_INFO_FENCED;
	if (!a->st.direct)
		log_warn("%s: not opened with O_DIRECT: reads that are not cached hold up the disk; use the driver uring",
			conf->filename);
	*state = a;
	return 0;
}

static void aio_close(void *state)
{
	struct aio *a = state;

	if (!a)
		return;
	storage_close(&a->st);
	free(a);
}

static int aio_refresh(void *state, struct blk_info *info)
{
	struct aio *a = state;

	return storage_refresh(&a->st, info);
}

CONFINE_TABLE(aio_calls, CONFINE_CALL(io_setup), CONFINE_CALL(io_submit),
	CONFINE_CALL(io_getevents), CONFINE_CALL(io_pgetevents), CONFINE_CALL(io_destroy));

const struct blk_driver blk_driver_aio = {
	.name = "aio",
	.confine = &aio_calls,
	.open = aio_open,
	.queue_start = aio_queue_start,
	.queue_stop = aio_queue_stop,
	.submit = aio_submit,
	.kick = aio_kick,
	.poll = aio_poll,
	.reap = aio_reap,
	.refresh = aio_refresh,
	.close = aio_close,
};

// SPDX-License-Identifier: MIT
/*
 * Images on GlusterFS volumes, by libgfapi's asynchronous calls. Its threads complete them,
 * and post that to the queue. It copies what is written before its call returns, and what is
 * read in its thread.
 *
 * When no brick can be reached libgfapi fails requests at once. Those that were not sent yet,
 * and reads, are tried again for a while; a write that was under way is not, since a brick may
 * still come to do it, behind a later one.
 */
#include "config.h"
#include "backends/blk/gluster-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <liburing.h>

#include "common/array.h"
#include "common/confine-files.h"
#include "common/log.h"
#include "common/servers.h"

#define GLUSTER_RETRY_MS 500
#define GLUSTER_CLOSE_MS 2000

/** struct gluster_op - in a request's private room. */
struct gluster_op {
	struct blk_post post;
	struct blk_queue *queue;
	struct gluster *g;
	ssize_t result;
	uint64_t offset, left;
	int64_t give_up_ms;  /* 0: it did not have to wait yet */
	bool sent;           /* a brick may have it */
};
_Static_assert(sizeof(struct gluster_op) <= sizeof(((struct blk_req *)0)->driver_private),
	"gluster_op fits a request's private room");

/** struct gluster_queue - requests of one queue that are not libgfapi's. */
struct gluster_queue {
	struct blk_req *staged, **staged_tail;
	struct blk_req *waiting, **waiting_tail; /* for bricks to be there again */
	struct blk_cqe timer;                    /* in the queue's ring while any wait */
	struct __kernel_timespec pause;
	struct log_limit limit;
};

/* The request that this thread is sending: completed meanwhile, it never was sent. */
static __thread struct gluster_op *sending;

static struct gluster_op *gluster_op(struct blk_req *req)
{
	return (struct gluster_op *)req->driver_private;
}

static void list_add(struct blk_req ***tail, struct blk_req *req)
{
	req->next = NULL;
	**tail = req;
	*tail = &req->next;
}

static bool is_away(ssize_t result)
{
	return result == -ENOTCONN || result == -EBADFD || result == -ESHUTDOWN;
}

/* --- completion ------------------------------------------------------------------------- */

/* In a thread of libgfapi's, or in the queue's within the call. */
static void on_completed(struct glfs_fd *fd, ssize_t result, struct glfs_stat *before, struct glfs_stat *after,
	void *opaque)
{
	struct gluster_op *op = opaque;

	op->result = result < 0 ? (errno ? -errno : -EIO) : result;
	op->sent = sending != op;
	if (is_away(op->result))
		gluster_lock_doubt(op->g);
	blk_queue_post(op->queue, &op->post);
}

static void begin_pause(struct blk_queue *queue, struct gluster_queue *gq)
{
	struct io_uring_sqe *sqe = blk_queue_get_sqe(queue);

	gq->pause = (struct __kernel_timespec){ .tv_nsec = GLUSTER_RETRY_MS * INT64_C(1000000) };
	io_uring_prep_timeout(sqe, &gq->pause, 0, 0);
	io_uring_sqe_set_data(sqe, &gq->timer);
}

/* True: it waits for bricks. */
static bool wait_for_bricks(struct blk_queue *queue, struct blk_req *req)
{
	struct gluster_queue *gq = queue->driver_private;
	struct gluster_op *op = gluster_op(req);
	int64_t now = gluster_now_ms();

	if (!is_away(op->result) || (op->sent && req->op != BLK_READ))
		return false;
	if (!op->give_up_ms)
		op->give_up_ms = now + gluster_wait_ms(op->g);
	if (now >= op->give_up_ms)
		return false;
	if (!gq->waiting)
		begin_pause(queue, gq);
	if (!gq->waiting && log_limit_ok(&gq->limit))
		log_warn("volume %s cannot be reached (%s); requests wait", op->g->uri.volume, strerror((int)-op->result));
	list_add(&gq->waiting_tail, req);
	return true;
}

static void gluster_send(struct gluster *g, struct blk_req *req);

/* In the queue's thread. */
static void on_posted(struct blk_queue *queue, struct blk_post *post)
{
	struct gluster_op *op = container_of(post, struct gluster_op, post);
	struct blk_req *req = container_of((void *)op, struct blk_req, driver_private);

	if (op->result < 0) {
		if (!wait_for_bricks(queue, req))
			blk_req_done(queue, req, (int)op->result);
		return;
	}
	if (req->op > BLK_WRITE) {
		blk_req_done(queue, req, 0);
		return;
	}
	/* The image ends here: somebody truncated it. Or libgfapi says what cannot be. */
	if (op->result == 0 || (uint64_t)op->result > op->left) {
		blk_req_done(queue, req, -EIO);
		return;
	}
	blk_iov_advance(req, (size_t)op->result);
	op->offset += (uint64_t)op->result;
	op->left -= (uint64_t)op->result;
	if (op->left)
		gluster_send(op->g, req);
	else
		blk_req_done(queue, req, 0);
}

/* --- submission ------------------------------------------------------------------------- */

static int call_async(struct gluster *g, struct blk_req *req)
{
	struct gluster_op *op = gluster_op(req);
	off_t offset = (off_t)op->offset;

	switch (req->op) {
	case BLK_READ:
		return glfs_preadv_async(g->fd, req->iov, (int)req->niov, offset, 0, on_completed, op);
	case BLK_WRITE:
		return glfs_pwritev_async(g->fd, req->iov, (int)req->niov, offset, 0, on_completed, op);
	case BLK_FLUSH:
		return glfs_fdatasync_async(g->fd, on_completed, op);
	case BLK_DISCARD:
		return glfs_discard_async(g->fd, offset, op->left, on_completed, op);
	default:
		return glfs_zerofill_async(g->fd, offset, (off_t)op->left, on_completed, op);
	}
}

static void gluster_send(struct gluster *g, struct blk_req *req)
{
	struct gluster_op *op = gluster_op(req);
	int rc = gluster_lock_check(g);

	op->result = rc;
	if (rc == 0) {
		sending = op;
		errno = 0;
		rc = call_async(g, req);
		sending = NULL;
		if (rc == 0)
			return;
		/* It will not be called back. */
		op->result = errno ? -errno : -EIO;
		if (is_away(op->result))
			gluster_lock_doubt(g);
	}
	op->sent = false;
	blk_queue_post(op->queue, &op->post);
}

static void gluster_submit(void *state, struct blk_queue *queue, struct blk_req *req)
{
	struct gluster_queue *gq = queue->driver_private;

	*gluster_op(req) = (struct gluster_op){
		.post.fn = on_posted,
		.queue = queue,
		.g = state,
		.offset = req->offset,
		.left = req->length,
	};
	list_add(&gq->staged_tail, req);
}

static void gluster_kick(void *state, struct blk_queue *queue)
{
	struct gluster_queue *gq = queue->driver_private;
	struct blk_req *req = gq->staged;

	gq->staged = NULL;
	gq->staged_tail = &gq->staged;
	while (req) {
		struct blk_req *next = req->next;

		gluster_send(state, req);
		req = next;
	}
}

/* The pause is over: those that wait are tried again, or come back to wait. */
static void on_pause_over(struct blk_queue *queue, struct blk_cqe *cqe, int res)
{
	struct gluster_queue *gq = queue->driver_private;
	struct blk_req *req = gq->waiting;

	gq->waiting = NULL;
	gq->waiting_tail = &gq->waiting;
	while (req) {
		struct blk_req *next = req->next;

		gluster_send(gluster_op(req)->g, req);
		req = next;
	}
}

static int gluster_queue_start(void *state, struct blk_queue *queue)
{
	struct gluster_queue *gq = calloc(1, sizeof(*gq));

	if (!gq)
		return -ENOMEM;
	gq->staged_tail = &gq->staged;
	gq->waiting_tail = &gq->waiting;
	gq->timer.fn = on_pause_over;
	gq->limit = (struct log_limit){ .interval_ms = 10000, .burst = 1 };
	queue->driver_private = gq;
	blk_queue_lasts(queue, &gq->timer);
	gluster_become(state);
	return 0;
}

static void gluster_queue_stop(void *state, struct blk_queue *queue)
{
	free(queue->driver_private);
	queue->driver_private = NULL;
}

/* --- opening ------------------------------------------------------------------------------ */

/* A write that was acknowledged must not be in this process' memory alone. */
static int check_write_behind(const struct gluster *g, char *why, size_t room)
{
	if (g->conf.readonly || !g->volfile.write_behind || g->volfile.strict_o_direct)
		return 0;
	snprintf(why, room, "its write-behind acknowledges writes that are in memory alone: gluster volume set %.32s performance.write-behind off (or performance.strict-o-direct on)",
		g->uri.volume);
	return -EINVAL;
}

static int open_volume(struct gluster *g, char *why, size_t room)
{
	int rc = gluster_preload(why, room);

	if (rc == 0)
		rc = gluster_fetch(&g->uri, g->deadline_ms, &g->volfile, why, room);
	if (rc == 0)
		rc = check_write_behind(g, why, room);
	if (rc == 0) {
		rc = confine_files_prepare();
		if (rc < 0)
			snprintf(why, room, "/dev/null: %s", strerror(-rc));
	}
	return rc;
}

static int gluster_open(const struct blk_conf *conf, struct blk_info *info, void **state, char *why, size_t room)
{
	struct gluster *g = calloc(1, sizeof(*g));
	char reason[240] = "out of memory";
	int rc = g ? gluster_uri_parse(conf->filename, &g->uri, reason, sizeof(reason)) : -ENOMEM;

	if (rc == 0) {
		g->conf = *conf;
		g->uid = geteuid();
		g->gid = getegid();
		g->deadline_ms = gluster_now_ms() + gluster_attach_s(&g->uri) * INT64_C(1000);
		rc = open_volume(g, reason, sizeof(reason));
	}
	if (rc < 0) {
		snprintf(why, room, "%.100s: %s", conf->filename, reason);
		free(g);
		return rc == -EBUSY ? -EIO : rc;
	}
	*state = g;
	return 0;
}

void gluster_glusterd(const struct gluster_uri *uri, char *text, size_t room)
{
	bool six = strchr(uri->host, ':');

	if (uri->is_unix)
		snprintf(text, room, "unix:%s", uri->socket);
	else
		snprintf(text, room, "%s%s%s:%u", six ? "[" : "", uri->host, six ? "]" : "", uri->port);
}

static int add_host(struct servers *list, const char *host, unsigned first, unsigned last, char *why, size_t room)
{
	char text[VOLFILE_HOST + 32];
	bool six = strchr(host, ':');

	snprintf(text, sizeof(text), "%s%s%s:%u-%u", six ? "[" : "", host, six ? "]" : "", first, last);
	return servers_add(list, text, why, room);
}

static int gluster_servers(void *state, struct servers *list, char *why, size_t room)
{
	const struct gluster *g = state;
	char text[GLUSTER_HOST + 16];
	int rc;

	gluster_glusterd(&g->uri, text, sizeof(text));
	rc = servers_add(list, text, why, room);
	for (unsigned i = 0; rc == 0 && i < g->volfile.hosts; i++) {
		const struct volfile_host *h = &g->volfile.host[i];

		rc = add_host(list, h->name, h->port, h->port, why, room);
		if (rc == 0)
			rc = add_host(list, h->name, g->uri.first, g->uri.last, why, room);
	}
	return rc;
}

static int close_image(void *arg)
{
	struct gluster *g = arg;

	gluster_become(g);
	gluster_lock_stop(g);
	return glfs_close(g->fd) < 0 ? -errno : 0;
}

/* The process ends after this; libgfapi's threads, which would have to be waited for, end with it. */
static void gluster_close(void *state)
{
	struct gluster *g = state;
	int rc = g && g->fd ? gluster_call(close_image, g, GLUSTER_CLOSE_MS) : 0;

	if (rc < 0)
		log_warn("%s: not closed in order: %s", g->conf.filename, strerror(-rc));
}

/*
 * What it calls of the kernel, found by tracing it. What it wants beyond that fails and does no
 * harm: reserved ports, names of threads and of services, the system's log, binding to a low port.
 */
static const struct confine_rule gluster_rules[] = {
	CONFINE_CALL(memfd_create), CONFINE_CALL(dup), CONFINE_CALL(epoll_create), CONFINE_CALL(epoll_create1),
	CONFINE_CALL(epoll_ctl), CONFINE_CALL(epoll_wait), CONFINE_CALL(epoll_pwait), CONFINE_CALL(pipe2),
	CONFINE_CALL(readv), CONFINE_CALL(writev), CONFINE_CALL(poll), CONFINE_CALL(ppoll), CONFINE_CALL(lseek),
	CONFINE_CALL(getgroups), CONFINE_CALL(getuid), CONFINE_CALL(geteuid), CONFINE_CALL(getgid),
	CONFINE_CALL(getegid), CONFINE_CALL(getppid), CONFINE_CALL(sysinfo), CONFINE_CALL(uname),
	CONFINE_CALL(nanosleep), CONFINE_CALL_IF(fcntl, 1, F_SETFL),
};
const struct confine_table gluster_calls = { gluster_rules, ARRAY_SIZE(gluster_rules) };

static const struct blk_driver driver_gluster = {
	.name = "gluster",
	.servers = gluster_servers,
	.confine = &gluster_calls,
	.open = gluster_open,
	.attach = gluster_attach,
	.queue_start = gluster_queue_start,
	.queue_stop = gluster_queue_stop,
	.submit = gluster_submit,
	.kick = gluster_kick,
	.refresh = gluster_refresh,
	.close = gluster_close,
};
BLK_MODULE(driver_gluster);

// SPDX-License-Identifier: MIT
/*
 * A list and an eventfd that the queue's ring polls. Both are written under the mutex:
 * the queue can be over as soon as its thread has seen a post, and whoever posted may
 * not touch it after that.
 */
#include "config.h"
#include "backends/blk/inbox.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "common/array.h"

struct inbox {
	pthread_mutex_t mutex;
	struct blk_post *first, **tail;
	int fd;
	struct blk_cqe cqe;
};

void blk_queue_post(struct blk_queue *queue, struct blk_post *post)
{
	struct inbox *in = queue->inbox;
	uint64_t one = 1;

	pthread_mutex_lock(&in->mutex);
	post->next = NULL;
	/* A counter cannot be full. */
	if (in->tail == &in->first)
		(void)!write(in->fd, &one, sizeof(one));
	*in->tail = post;
	in->tail = &post->next;
	pthread_mutex_unlock(&in->mutex);
}

static void inbox_arm(struct blk_queue *queue)
{
	struct io_uring_sqe *sqe = blk_queue_get_sqe(queue);

	io_uring_prep_poll_add(sqe, queue->inbox->fd, POLLIN);
	io_uring_sqe_set_data(sqe, &queue->inbox->cqe);
}

static struct blk_post *inbox_take(struct inbox *in)
{
	struct blk_post *list;
	uint64_t count;

	pthread_mutex_lock(&in->mutex);
	(void)!read(in->fd, &count, sizeof(count));
	list = in->first;
	in->first = NULL;
	in->tail = &in->first;
	pthread_mutex_unlock(&in->mutex);
	return list;
}

static void inbox_on_ready(struct blk_queue *queue, struct blk_cqe *cqe, int res)
{
	struct blk_post *post = inbox_take(queue->inbox);

	while (post) {
		struct blk_post *next = post->next;

		post->fn(queue, post);
		post = next;
	}
	inbox_arm(queue);
}

int inbox_start(struct blk_queue *queue)
{
	struct inbox *in = calloc(1, sizeof(*in));
	int rc;

	if (!in)
		return -ENOMEM;
	in->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (in->fd < 0) {
		rc = -errno;
		free(in);
		return rc;
	}
	pthread_mutex_init(&in->mutex, NULL);
	in->tail = &in->first;
	in->cqe.fn = inbox_on_ready;
	queue->inbox = in;
	blk_queue_lasts(queue, &in->cqe);
	inbox_arm(queue);
	return 0;
}

void inbox_stop(struct blk_queue *queue)
{
	struct inbox *in = queue->inbox;

	if (!in)
		return;
	/* Behind the last poster, which may not have let go yet. */
	pthread_mutex_lock(&in->mutex);
	pthread_mutex_unlock(&in->mutex);
	pthread_mutex_destroy(&in->mutex);
	close(in->fd);
	free(in);
	queue->inbox = NULL;
}

void blk_queue_resized(struct blk_queue *queue)
{
	if (queue->resized)
		queue->resized(queue);
}

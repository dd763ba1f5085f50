// SPDX-License-Identifier: MIT
/*
 * The thread that owns the block device. Between two requests it spins for a
 * moment on the ring and on its queue, then sleeps on both; who queues a request
 * wakes it only if it sleeps.
 *
 * A job lives on its requester's stack. It is the worker's from worker_run()'s
 * lock to the moment that job->finished is set under the lock.
 */
#include "config.h"
#include "frontends/nbdkit/worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "common/log.h"

#define SPIN_US 20
#define SPIN_LOOKS 32
/* blkfront_wait() looks after a silent backend once a second, if it is called. */
#define SLEEP_MS 1000

struct job {
	enum blkfront_op op;
	uint64_t offset;
	uint64_t length;
	uint8_t *buf;
	uint64_t issued;      /* bytes on the ring or done */
	unsigned in_flight;
	bool started;         /* something was issued: a flush has no bytes */
	bool listed;          /* on the queue or on the worker's list */
	bool finished;
	int error;
	pthread_cond_t done;
	struct worker *worker;
	struct job *next;
};

struct worker {
	struct blkfront *bf;
	struct blkfront_info info;
	_Atomic uint64_t size;
	pthread_t thread;
	int wake_fd;
	int failed;               /* the worker's own: the device is gone */
	struct job *jobs, **tail; /* the worker's own: not wholly issued, oldest first */

	pthread_mutex_t lock;     /* for what follows */
	struct job *queue, **queue_tail;
	atomic_bool queued;       /* queue is not empty; read without the lock as a hint */
	bool sleeping;
	bool stopping;
};

static void job_finish(struct job *job)
{
	struct worker *w = job->worker;

	pthread_mutex_lock(&w->lock);
	job->finished = true;
	/* Under the lock: as soon as it is free the job may be gone. */
	pthread_cond_signal(&job->done);
	pthread_mutex_unlock(&w->lock);
}

/* All of it is issued, or no more will be. */
static bool job_is_issued(const struct job *job)
{
	return job->error || (job->started && job->issued == job->length);
}

static void io_done(struct blkfront_io *io)
{
	struct job *job = io->opaque;

	if (io->error && !job->error)
		job->error = io->error;
	if (io->op == BLKFRONT_READ && !io->error)
		memcpy(job->buf + (io->offset - job->offset), io->data, io->length);
	job->in_flight--;
	blkfront_put(job->worker->bf, io);
	/* One that is still on the list is finished when it leaves it. */
	if (!job->in_flight && !job->listed)
		job_finish(job);
}

/* Put one piece of a job on the ring. False: no I/O is idle. */
static bool job_issue(struct worker *w, struct job *job)
{
	struct blkfront_io *io = blkfront_get(w->bf);
	uint64_t left = job->length - job->issued;
	bool data = job->op == BLKFRONT_READ || job->op == BLKFRONT_WRITE;
	int rc;

	if (!io)
		return false;
	io->op = job->op;
	io->offset = job->offset + job->issued;
	io->length = data && left > w->info.max_io ? w->info.max_io : left;
	io->done = io_done;
	io->opaque = job;
	if (job->op == BLKFRONT_WRITE)
		memcpy(io->data, job->buf + job->issued, io->length);
	rc = blkfront_submit(w->bf, io);
	if (rc < 0) {
		job->error = rc;
		blkfront_put(w->bf, io);
		return true;
	}
	job->started = true;
	job->issued += io->length;
	job->in_flight++;
	return true;
}

/* Take the oldest job off the list; its last completion, or this, finishes it. */
static void job_leave(struct worker *w, struct job *job)
{
	w->jobs = job->next;
	if (!w->jobs)
		w->tail = &w->jobs;
	job->listed = false;
	if (!job->in_flight)
		job_finish(job);
}

/* Issue what fits. Return: whether anything was done. */
static bool issue_jobs(struct worker *w)
{
	bool busy = false;

	while (w->jobs) {
		struct job *job = w->jobs;

		if (w->failed && !job->error)
			job->error = w->failed;
		if (job_is_issued(job))
			job_leave(w, job);
		else if (!job_issue(w, job))
			break;
		busy = true;
	}
	return busy;
}

static void take_queue(struct worker *w)
{
	if (!atomic_load_explicit(&w->queued, memory_order_relaxed))
		return;
	pthread_mutex_lock(&w->lock);
	*w->tail = w->queue;
	w->tail = w->queue_tail;
	w->queue = NULL;
	w->queue_tail = &w->queue;
	atomic_store_explicit(&w->queued, false, memory_order_relaxed);
	pthread_mutex_unlock(&w->lock);
}

static void check_failed(struct worker *w, int rc)
{
	if (rc < 0)
		w->failed = rc;
}

/* One round without system calls but the notification. Return: whether there was work. */
static bool work(struct worker *w)
{
	int n = blkfront_poll(w->bf); /* on a failed device, too: that ends what is in flight */
	bool busy;

	check_failed(w, n);
	take_queue(w);
	busy = issue_jobs(w);
	if (!w->failed)
		check_failed(w, blkfront_kick(w->bf));
	return busy || n > 0;
}

static bool spin(struct worker *w)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		for (unsigned i = 0; i < SPIN_LOOKS; i++)
			if (work(w))
				return true;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - start.tv_sec) * 1000000 + (now.tv_nsec - start.tv_nsec) / 1000 <
		 SPIN_US);
	return false;
}

/* Announce sleep, unless something came in between. False: do not sleep; or stop. */
static bool may_sleep(struct worker *w, bool *stop)
{
	bool empty;

	pthread_mutex_lock(&w->lock);
	empty = !w->queue;
	*stop = empty && w->stopping;
	w->sleeping = empty && !*stop;
	pthread_mutex_unlock(&w->lock);
	return empty && !*stop;
}

static void sleep_once(struct worker *w)
{
	/* A device that failed would stay readable for ever: only jobs matter then. */
	struct pollfd fds[] = {
		{ .fd = w->wake_fd, .events = POLLIN },
		{ .fd = w->failed ? -1 : blkfront_fd(w->bf), .events = POLLIN },
	};
	uint64_t count;

	(void)poll(fds, 2, SLEEP_MS); /* any reason to wake up is fine */
	if (fds[0].revents & POLLIN)
		(void)!read(w->wake_fd, &count, sizeof(count));
}

static void *worker_main(void *opaque)
{
	struct worker *w = opaque;
	bool stop = false;

	while (!stop) {
		int n;

		if (spin(w))
			continue;
		/* Asks for events, looks at the backend's state. */
		n = w->failed ? 0 : blkfront_wait(w->bf, 0);
		check_failed(w, n);
		atomic_store(&w->size, blkfront_get_info(w->bf)->size);
		if (n == 0 && may_sleep(w, &stop))
			sleep_once(w);
	}
	return NULL;
}

int worker_run(struct worker *w, enum blkfront_op op, uint64_t offset, uint64_t length, void *buf)
{
	struct job job = { .op = op, .offset = offset, .length = length, .buf = buf,
		.listed = true, .done = PTHREAD_COND_INITIALIZER, .worker = w };
	uint64_t one = 1;
	bool wake;

	pthread_mutex_lock(&w->lock);
	*w->queue_tail = &job;
	w->queue_tail = &job.next;
	atomic_store_explicit(&w->queued, true, memory_order_relaxed);
	wake = w->sleeping;
	w->sleeping = false;
	if (wake)
		(void)!write(w->wake_fd, &one, sizeof(one)); /* only fails when it is readable anyway */
	while (!job.finished)
		pthread_cond_wait(&job.done, &w->lock);
	pthread_mutex_unlock(&w->lock);
	pthread_cond_destroy(&job.done);
	return job.error;
}

static void worker_free(struct worker *w)
{
	blkfront_close(w->bf);
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static int worker_launch(struct worker *w)
{
	int rc = blkfront_fd(w->bf);

	if (rc < 0)
		return rc;
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->wake_fd < 0)
		return -errno;
	return -pthread_create(&w->thread, NULL, worker_main, w);
}

struct worker *worker_start(const struct blkfront_config *config, char *why, size_t why_room)
{
	struct worker *w = calloc(1, sizeof(*w));
	int rc;

	if (!w) {
		snprintf(why, why_room, "no memory");
		return NULL;
	}
	w->wake_fd = -1;
	w->tail = &w->jobs;
	w->queue_tail = &w->queue;
	pthread_mutex_init(&w->lock, NULL);
	w->bf = blkfront_open(config, why, why_room);
	if (!w->bf) {
		rc = -errno;
	} else {
		w->info = *blkfront_get_info(w->bf);
		atomic_store(&w->size, w->info.size);
		rc = worker_launch(w);
		if (rc == 0)
			return w;
		snprintf(why, why_room, "cannot start the disk's thread: %s", strerror(-rc));
	}
	worker_free(w);
	errno = -rc;
	return NULL;
}

const struct blkfront_info *worker_info(const struct worker *w)
{
	return &w->info;
}

uint64_t worker_size(const struct worker *w)
{
	return atomic_load(&w->size);
}

void worker_stop(struct worker *w)
{
	uint64_t one = 1;

	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_mutex_unlock(&w->lock);
	(void)!write(w->wake_fd, &one, sizeof(one)); /* only fails when it is readable anyway */
	pthread_join(w->thread, NULL);
	worker_free(w);
}

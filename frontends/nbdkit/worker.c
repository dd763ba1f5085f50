// SPDX-License-Identifier: MIT
/*
 * The threads that own the block device: a lane per queue of it. Between two requests
 * a lane's thread spins for a moment on the ring and on its list, then sleeps on both;
 * who hands over a request wakes it only if it sleeps. A requester's thread keeps to
 * one lane.
 *
 * A job lives on its requester's stack. It is the lane's from worker_run()'s lock to
 * the moment that job->finished is set under the lock.
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
	bool listed;          /* handed over or on the lane's own list */
	bool finished;
	int error;
	pthread_cond_t done;
	struct lane *lane;
	struct job *next;
};

struct lane {
	struct worker *worker;
	struct blkfront_queue *bq;
	pthread_t thread;
	bool running;
	int wake_fd;
	int failed;               /* the thread's own: the device is gone */
	struct job *jobs, **tail; /* the thread's own: not wholly issued, oldest first */

	pthread_mutex_t lock;     /* for what follows */
	struct job *queue, **queue_tail;
	atomic_bool queued;       /* queue is not empty; read without the lock as a hint */
	bool sleeping;
	bool stopping;
};

struct worker {
	struct blkfront *bf;
	struct blkfront_info info;
	unsigned nr_lanes;
	struct lane *lanes;
	atomic_uint requesters;   /* threads that were given a lane */
};

static void job_finish(struct job *job)
{
	struct lane *l = job->lane;

	pthread_mutex_lock(&l->lock);
	job->finished = true;
	/* Under the lock: as soon as it is free the job may be gone. */
	pthread_cond_signal(&job->done);
	pthread_mutex_unlock(&l->lock);
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
	blkfront_queue_put(job->lane->bq, io);
	/* One that is still on the list is finished when it leaves it. */
	if (!job->in_flight && !job->listed)
		job_finish(job);
}

/* Put one piece of a job on the ring. False: no I/O is idle. */
static bool job_issue(struct lane *l, struct job *job)
{
	struct blkfront_io *io = blkfront_queue_get(l->bq);
	uint64_t left = job->length - job->issued;
	bool data = job->op == BLKFRONT_READ || job->op == BLKFRONT_WRITE;
	int rc;

	if (!io)
		return false;
	io->op = job->op;
	io->offset = job->offset + job->issued;
	io->length = data && left > l->worker->info.max_io ? l->worker->info.max_io : left;
	io->done = io_done;
	io->opaque = job;
	if (job->op == BLKFRONT_WRITE)
		memcpy(io->data, job->buf + job->issued, io->length);
	rc = blkfront_queue_submit(l->bq, io);
	if (rc < 0) {
		job->error = rc;
		blkfront_queue_put(l->bq, io);
		return true;
	}
	job->started = true;
	job->issued += io->length;
	job->in_flight++;
	return true;
}

/* Take the oldest job off the list; its last completion, or this, finishes it. */
static void job_leave(struct lane *l, struct job *job)
{
	l->jobs = job->next;
	if (!l->jobs)
		l->tail = &l->jobs;
	job->listed = false;
	if (!job->in_flight)
		job_finish(job);
}

/* Issue what fits. Return: whether anything was done. */
static bool issue_jobs(struct lane *l)
{
	bool busy = false;

	while (l->jobs) {
		struct job *job = l->jobs;

		if (l->failed && !job->error)
			job->error = l->failed;
		if (job_is_issued(job))
			job_leave(l, job);
		else if (!job_issue(l, job))
			break;
		busy = true;
	}
	return busy;
}

static void take_queue(struct lane *l)
{
	if (!atomic_load_explicit(&l->queued, memory_order_relaxed))
		return;
	pthread_mutex_lock(&l->lock);
	*l->tail = l->queue;
	l->tail = l->queue_tail;
	l->queue = NULL;
	l->queue_tail = &l->queue;
	atomic_store_explicit(&l->queued, false, memory_order_relaxed);
	pthread_mutex_unlock(&l->lock);
}

static void check_failed(struct lane *l, int rc)
{
	if (rc < 0)
		l->failed = rc;
}

/* One round without system calls but the notification. Return: whether there was work. */
static bool work(struct lane *l)
{
	int n = blkfront_queue_poll(l->bq); /* on a failed device, too: that ends what is in flight */
	bool busy;

	check_failed(l, n);
	take_queue(l);
	busy = issue_jobs(l);
	if (!l->failed)
		check_failed(l, blkfront_queue_kick(l->bq));
	return busy || n > 0;
}

static bool spin(struct lane *l)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		for (unsigned i = 0; i < SPIN_LOOKS; i++)
			if (work(l))
				return true;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - start.tv_sec) * 1000000 + (now.tv_nsec - start.tv_nsec) / 1000 <
		 SPIN_US);
	return false;
}

/* Announce sleep, unless something came in between. False: do not sleep; or stop. */
static bool may_sleep(struct lane *l, bool *stop)
{
	bool empty;

	pthread_mutex_lock(&l->lock);
	empty = !l->queue;
	*stop = empty && l->stopping;
	l->sleeping = empty && !*stop;
	pthread_mutex_unlock(&l->lock);
	return empty && !*stop;
}

static void sleep_once(struct lane *l)
{
	/* A device that failed would stay readable for ever: only jobs matter then. */
	struct pollfd fds[] = {
		{ .fd = l->wake_fd, .events = POLLIN },
		{ .fd = l->failed ? -1 : blkfront_queue_fd(l->bq), .events = POLLIN },
	};
	uint64_t count;

	(void)poll(fds, 2, SLEEP_MS); /* any reason to wake up is fine */
	if (fds[0].revents & POLLIN)
		(void)!read(l->wake_fd, &count, sizeof(count));
}

static void *lane_main(void *opaque)
{
	struct lane *l = opaque;
	bool stop = false;

	while (!stop) {
		int n;

		if (spin(l))
			continue;
		/* Asks for events, looks at the backend's state. */
		n = l->failed ? 0 : blkfront_queue_wait(l->bq, 0);
		check_failed(l, n);
		if (n == 0 && may_sleep(l, &stop))
			sleep_once(l);
	}
	return NULL;
}

/* The lane of the calling thread: the same each time, the next one for each new thread. */
static struct lane *my_lane(struct worker *w)
{
	static _Thread_local unsigned requester;

	if (!requester)
		requester = atomic_fetch_add(&w->requesters, 1) + 1;
	return &w->lanes[requester % w->nr_lanes];
}

int worker_run(struct worker *w, enum blkfront_op op, uint64_t offset, uint64_t length, void *buf)
{
	struct lane *l = my_lane(w);
	struct job job = { .op = op, .offset = offset, .length = length, .buf = buf,
		.listed = true, .done = PTHREAD_COND_INITIALIZER, .lane = l };
	uint64_t one = 1;
	bool wake;

	pthread_mutex_lock(&l->lock);
	*l->queue_tail = &job;
	l->queue_tail = &job.next;
	atomic_store_explicit(&l->queued, true, memory_order_relaxed);
	wake = l->sleeping;
	l->sleeping = false;
	if (wake)
		(void)!write(l->wake_fd, &one, sizeof(one)); /* only fails when it is readable anyway */
	while (!job.finished)
		pthread_cond_wait(&job.done, &l->lock);
	pthread_mutex_unlock(&l->lock);
	pthread_cond_destroy(&job.done);
	return job.error;
}

static void lane_stop(struct lane *l)
{
	uint64_t one = 1;

	if (!l->running)
		return;
	pthread_mutex_lock(&l->lock);
	l->stopping = true;
	pthread_mutex_unlock(&l->lock);
	(void)!write(l->wake_fd, &one, sizeof(one)); /* only fails when it is readable anyway */
	pthread_join(l->thread, NULL);
}

static int lane_start(struct worker *w, unsigned i)
{
	struct lane *l = &w->lanes[i];
	int rc;

	*l = (struct lane){ .worker = w, .bq = blkfront_queue(w->bf, i), .tail = &l->jobs,
		.queue_tail = &l->queue };
	pthread_mutex_init(&l->lock, NULL);
	w->nr_lanes++;
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->wake_fd < 0)
		return -errno;
	rc = blkfront_queue_fd(l->bq);
	if (rc >= 0)
		rc = -pthread_create(&l->thread, NULL, lane_main, l);
	l->running = rc == 0;
	return rc;
}

static int lanes_start(struct worker *w)
{
	int rc = 0;

	w->lanes = calloc(w->info.queues, sizeof(*w->lanes));
	if (!w->lanes)
		return -ENOMEM;
	for (unsigned i = 0; rc == 0 && i < w->info.queues; i++)
		rc = lane_start(w, i);
	return rc;
}

struct worker *worker_start(const struct blkfront_config *config, char *why, size_t why_room)
{
	struct worker *w = calloc(1, sizeof(*w));
	int rc;

	if (!w) {
		snprintf(why, why_room, "no memory");
		return NULL;
	}
	w->bf = blkfront_open(config, why, why_room);
	if (!w->bf) {
		rc = -errno;
	} else {
		w->info = *blkfront_get_info(w->bf);
		rc = lanes_start(w);
		if (rc == 0)
			return w;
		snprintf(why, why_room, "cannot start the disk's thread: %s", strerror(-rc));
	}
	worker_stop(w);
	errno = -rc;
	return NULL;
}

const struct blkfront_info *worker_info(const struct worker *w)
{
	return &w->info;
}

uint64_t worker_size(const struct worker *w)
{
	return blkfront_size(w->bf);
}

void worker_stop(struct worker *w)
{
	if (!w)
		return;
	for (unsigned i = 0; i < w->nr_lanes; i++)
		lane_stop(&w->lanes[i]);
	blkfront_close(w->bf);
	for (unsigned i = 0; i < w->nr_lanes; i++) {
		if (w->lanes[i].wake_fd >= 0)
			close(w->lanes[i].wake_fd);
		pthread_mutex_destroy(&w->lanes[i].lock);
	}
	free(w->lanes);
	free(w);
}

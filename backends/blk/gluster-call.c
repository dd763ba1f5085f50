// SPDX-License-Identifier: MIT
/* Calls that wait for servers, made by a control thread that does not. */
#include "config.h"
#include "backends/blk/gluster-private.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "common/thread.h"

/** struct call - of two threads: the last frees it. */
struct call {
	pthread_mutex_t mutex;
	pthread_cond_t ended;
	int (*fn)(void *arg);
	void *arg;
	int result;
	bool done, left; /* under the mutex */
};

int64_t gluster_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void call_free(struct call *c)
{
	pthread_cond_destroy(&c->ended);
	pthread_mutex_destroy(&c->mutex);
	free(c);
}

static void *call_run(void *opaque)
{
	struct call *c = opaque;
	int result = c->fn(c->arg);
	bool left;

	pthread_mutex_lock(&c->mutex);
	c->result = result;
	c->done = true;
	left = c->left;
	pthread_cond_signal(&c->ended);
	pthread_mutex_unlock(&c->mutex);
	if (left)
		call_free(c);
	return NULL;
}

static int call_wait(struct call *c, int64_t ms)
{
	int64_t end = gluster_now_ms() + ms;
	struct timespec at = { .tv_sec = end / 1000, .tv_nsec = end % 1000 * 1000000 };
	bool done;
	int rc = 0;

	pthread_mutex_lock(&c->mutex);
	while (!c->done && rc == 0)
		rc = pthread_cond_timedwait(&c->ended, &c->mutex, &at);
	done = c->done;
	c->left = !done;
	rc = done ? c->result : -ETIMEDOUT;
	pthread_mutex_unlock(&c->mutex);
	if (done)
		call_free(c);
	return rc;
}

int gluster_call(int (*fn)(void *arg), void *arg, int64_t ms)
{
	struct call *c = calloc(1, sizeof(*c));
	pthread_condattr_t attr;
	pthread_t thread;

	if (!c)
		return -ENOMEM;
	c->fn = fn;
	c->arg = arg;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->ended, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&c->mutex, NULL);
	if (thread_start(&thread, 0, call_run, c) < 0) {
		call_free(c);
		return -EAGAIN;
	}
	pthread_detach(thread);
	return call_wait(c, ms < 0 ? 0 : ms);
}

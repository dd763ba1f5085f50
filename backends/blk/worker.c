// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/worker.h"

#include "common/thread.h"

#define WORKER_STACK (128u << 10)

void worker_init(struct worker *w)
{
	*w = (struct worker){ .tail = &w->first };
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->wake, NULL);
}

/* The next job, or NULL at the end; the mutex is held. */
static struct worker_job *worker_next(struct worker *w)
{
	struct worker_job *job;

	while (!w->first && !w->ending)
		pthread_cond_wait(&w->wake, &w->mutex);
	job = w->first;
	if (!job)
		return NULL;
	w->first = job->next;
	if (!w->first)
		w->tail = &w->first;
	return job;
}

static void *worker_thread(void *opaque)
{
	struct worker *w = opaque;
	struct worker_job *job;

	pthread_mutex_lock(&w->mutex);
	while ((job = worker_next(w))) {
		pthread_mutex_unlock(&w->mutex);
		job->run(job);
		pthread_mutex_lock(&w->mutex);
	}
	pthread_mutex_unlock(&w->mutex);
	return NULL;
}

/* The mutex is held. */
static int worker_start(struct worker *w)
{
	int rc;

	if (w->has_thread)
		return 0;
	rc = thread_start(&w->thread, WORKER_STACK, worker_thread, w);
	w->has_thread = rc == 0;
	return rc;
}

int worker_submit(struct worker *w, struct worker_job *job)
{
	int rc;

	pthread_mutex_lock(&w->mutex);
	rc = worker_start(w);
	if (rc == 0) {
		job->next = NULL;
		*w->tail = job;
		w->tail = &job->next;
		pthread_cond_signal(&w->wake);
	}
	pthread_mutex_unlock(&w->mutex);
	return rc;
}

void worker_dispose(struct worker *w)
{
	pthread_mutex_lock(&w->mutex);
	w->ending = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->mutex);
	if (w->has_thread)
		pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->mutex);
}

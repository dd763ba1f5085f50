// SPDX-License-Identifier: MIT
/*
 * The image's lock. Bricks forget it when they are started anew or lose our connection, and
 * libgfapi opens the image there again without it. So a thread takes it again and again, and
 * whenever bricks were away requests wait until it has it. If somebody else has it they fail.
 */
#include "config.h"
#include "backends/blk/gluster-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "common/log.h"
#include "common/thread.h"

/* How often it is taken, and how often once it may be lost. */
#define LOCK_MS 2000
#define LOCK_DOUBT_MS 500

/* --- taking it ----------------------------------------------------------------------------- */

/*
 * The bricks keep it until they see the connection end. Of a process that was killed some may
 * be at a write by then that they have taken: it says nothing of those.
 */
static int lock_ask(struct gluster *g)
{
	struct flock lock = {
		.l_type = g->conf.readonly ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)g->conf.range_start,
		.l_len = (off_t)g->conf.range_length,
	};

	errno = 0;
	if (glfs_posix_lock(g->fd, F_SETLK, &lock) == 0)
		return 0;
	return errno ? -errno : -EIO;
}

int gluster_lock_take(struct gluster *g, char *why, size_t room)
{
	uint8_t *owner = g->lock.owner;
	int rc;

	if (g->conf.shared) {
		log_warn("%s: is shared: nothing keeps other writers away", g->conf.filename);
		return 0;
	}
	if (getrandom(owner, sizeof(g->lock.owner), 0) != sizeof(g->lock.owner) ||
		glfs_fd_set_lkowner(g->fd, owner, sizeof(g->lock.owner)) < 0) {
		snprintf(why, room, "its lock has no owner");
		return -EIO;
	}
	rc = lock_ask(g);
	if (rc == -EAGAIN) {
		snprintf(why, room, "%.100s is in use by another process (locked), all of it or a part; detach it there first",
			g->uri.path);
		return -EBUSY;
	}
	if (rc < 0)
		snprintf(why, room, "%.100s cannot be locked: %s", g->uri.path, strerror(-rc));
	return rc;
}

/* --- keeping it ---------------------------------------------------------------------------- */

void gluster_lock_doubt(struct gluster *g)
{
	struct gluster_lock *l = &g->lock;

	if (!l->kept)
		return;
	pthread_mutex_lock(&l->mutex);
	__atomic_add_fetch(&l->doubts, 1, __ATOMIC_RELEASE);
	pthread_cond_signal(&l->changed);
	pthread_mutex_unlock(&l->mutex);
}

static bool lock_is_sure(const struct gluster_lock *l)
{
	return __atomic_load_n(&l->sure, __ATOMIC_ACQUIRE) == __atomic_load_n(&l->doubts, __ATOMIC_ACQUIRE);
}

int gluster_lock_check(struct gluster *g)
{
	struct gluster_lock *l = &g->lock;

	if (__atomic_load_n(&l->lost, __ATOMIC_ACQUIRE))
		return -EIO;
	return lock_is_sure(l) ? 0 : -ENOTCONN;
}

/* It was had when @doubts were all. */
static void lock_had(struct gluster *g, unsigned doubts)
{
	struct gluster_lock *l = &g->lock;
	bool was_sure = lock_is_sure(l);

	l->refused_ms = 0;
	__atomic_store_n(&l->sure, doubts, __ATOMIC_RELEASE);
	if (!was_sure && lock_is_sure(l) && log_limit_ok(&l->limit))
		log_info("%s: is locked again", g->conf.filename);
}

/*
 * Refused it may still be ours of a connection that a brick has not seen end; that is over by
 * the time that requests wait.
 */
static void lock_not_had(struct gluster *g, int rc)
{
	struct gluster_lock *l = &g->lock;
	int64_t now = gluster_now_ms();

	if (lock_is_sure(l)) {
		__atomic_add_fetch(&l->doubts, 1, __ATOMIC_RELEASE);
		if (log_limit_ok(&l->limit))
			log_warn("%s: its lock may be lost (%s); requests wait", g->conf.filename, strerror(-rc));
	}
	if (rc != -EAGAIN)
		l->refused_ms = 0;
	else if (!l->refused_ms)
		l->refused_ms = now;
	if (!l->refused_ms || now - l->refused_ms < gluster_wait_ms(g))
		return;
	__atomic_store_n(&l->lost, true, __ATOMIC_RELEASE);
	log_err("%s: another process has locked it while bricks were away; all requests fail until it is attached anew",
		g->conf.filename);
}

/* True: go on. */
static bool lock_pause(struct gluster_lock *l)
{
	bool sure = lock_is_sure(l), stop;
	int64_t at_ms = gluster_now_ms() + (sure ? LOCK_MS : LOCK_DOUBT_MS);
	struct timespec at = { .tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000 };
	int rc = 0;

	pthread_mutex_lock(&l->mutex);
	/* Awake early but once: each request that fails says so. */
	while (!l->stop && rc == 0 && !(sure && !lock_is_sure(l)))
		rc = pthread_cond_timedwait(&l->changed, &l->mutex, &at);
	stop = l->stop;
	pthread_mutex_unlock(&l->mutex);
	return !stop && !l->lost;
}

static void *lock_run(void *opaque)
{
	struct gluster *g = opaque;
	struct gluster_lock *l = &g->lock;
	int rc;

	gluster_become(g);
	while (lock_pause(l)) {
		unsigned doubts = __atomic_load_n(&l->doubts, __ATOMIC_ACQUIRE);
		rc = lock_ask(g);
		if (rc < 0)
			lock_not_had(g, rc);
		else
			lock_had(g, doubts);
	}
	pthread_mutex_lock(&l->mutex);
	l->ended = true;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->mutex);
	return NULL;
}

int gluster_lock_keep(struct gluster *g)
{
	struct gluster_lock *l = &g->lock;
	pthread_condattr_t attr;
	pthread_t thread;

	if (g->conf.shared || l->kept)
		return 0;
	l->limit = (struct log_limit){ .interval_ms = 10000, .burst = 4 };
	pthread_mutex_init(&l->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->changed, &attr);
	pthread_condattr_destroy(&attr);
	if (thread_start(&thread, 0, lock_run, g) < 0)
		return -EAGAIN;
	pthread_detach(thread);
	l->kept = true;
	return 0;
}

void gluster_lock_stop(struct gluster *g)
{
	struct gluster_lock *l = &g->lock;

	if (!l->kept)
		return;
	pthread_mutex_lock(&l->mutex);
	l->stop = true;
	pthread_cond_broadcast(&l->changed);
	while (!l->ended)
		pthread_cond_wait(&l->changed, &l->mutex);
	pthread_mutex_unlock(&l->mutex);
}

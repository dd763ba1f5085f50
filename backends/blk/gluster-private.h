/* SPDX-License-Identifier: MIT */
/* What the parts of the gluster driver share; nobody else. */
#ifndef SLUICE_BACKENDS_BLK_GLUSTER_PRIVATE_H
#define SLUICE_BACKENDS_BLK_GLUSTER_PRIVATE_H

#include <glusterfs/api/glfs.h>
#include <pthread.h>

#include "backends/blk/driver.h"
#include "backends/blk/gluster-uri.h"
#include "backends/blk/gluster-volfile.h"
#include "common/log.h"

/**
 * struct gluster_lock - whether we have the image's lock. Bricks forget it when they are started anew
 * or lose our connection.
 */
struct gluster_lock {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool kept;              /* a thread takes it again and again */
	bool stop, ended;       /* that thread; under the mutex */
	uint8_t owner[16];
	unsigned doubts;        /* times that it may have been lost; atomic */
	unsigned sure;          /* doubts as they were when it was last had; atomic */
	bool lost;              /* somebody else has it; atomic, for good */
	int64_t refused_ms;     /* the thread's: since when it is somebody else's; 0: it is not */
	struct log_limit limit; /* the thread's */
};

/** struct gluster - an image on a volume. */
struct gluster {
	struct gluster_uri uri;
	struct blk_conf conf;
	struct volfile volfile;
	uid_t uid;              /* whom bricks let open the image: who we are outside of our namespace */
	gid_t gid;
	int64_t deadline_ms;    /* until then it is attached, or is not */
	struct glfs *fs;
	struct glfs_fd *fd;
	uint64_t size;          /* of the image, bytes, as last looked at */
	struct blk_info info;
	struct gluster_lock lock;
	char why[256];          /* of the thread that connects */
};

/** gluster_calls - what libgfapi calls of the kernel, by tracing it. */
extern const struct confine_table gluster_calls;

/** gluster_wait_ms() - how long requests wait for bricks. */
static inline int64_t gluster_wait_ms(const struct gluster *g)
{
	return (g->uri.timeout_s ? g->uri.timeout_s : 30u) * INT64_C(1000);
}

/** gluster_now_ms() - a clock that only goes on. */
int64_t gluster_now_ms(void);

/* --- gluster-call.c --- */

/**
 * gluster_call() - have @fn called in a thread of its own, and wait no longer than @ms for it.
 *
 * Return: what it returned, -EAGAIN: no thread, or -ETIMEDOUT: it goes on, with @arg.
 */
int gluster_call(int (*fn)(void *arg), void *arg, int64_t ms) must_check;

/* --- gluster-preload.c --- */

/** gluster_preload() - the translators, which libgfapi loads by path when it connects. 0 or -errno with @why. */
int gluster_preload(char *why, size_t room) must_check;

/*
 * Stock xl gives a device 10 s, and the daemon as much to a backend that is to take over from
 * one that serves: the reason has to be told before they lose patience.
 */
#define GLUSTER_ATTACH_S 8u

/** gluster_attach_s() - how long an attach waits for servers, in seconds. */
static inline unsigned gluster_attach_s(const struct gluster_uri *uri)
{
	return uri->timeout_s && uri->timeout_s < GLUSTER_ATTACH_S ? uri->timeout_s : GLUSTER_ATTACH_S;
}

/* --- gluster-fetch.c --- */

/**
 * gluster_fetch() - have glusterd tell what the volume is. Asked by a process of its own, confined,
 * since libgfapi runs commands that a volume's file may contain.
 * Return: 0 or -errno with @why.
 */
int gluster_fetch(const struct gluster_uri *uri, int64_t deadline_ms, struct volfile *v, char *why, size_t room)
	must_check;
/** gluster_glusterd() - as servers_add() has it. */
void gluster_glusterd(const struct gluster_uri *uri, char *text, size_t room);

/* --- gluster-lock.c --- */

/** gluster_lock_take() - where the disk wants one. 0, or -errno with @why. Again after -EBUSY. */
int gluster_lock_take(struct gluster *g, char *why, size_t room) must_check;
/** gluster_lock_keep() - from now on see to it that we still have it. 0 or -errno. */
int gluster_lock_keep(struct gluster *g) must_check;
/** gluster_lock_doubt() - a brick was away: it may have been lost. Any thread. */
void gluster_lock_doubt(struct gluster *g);
/** gluster_lock_check() - 0, -ENOTCONN: it has to be taken again first, or -EIO: never. Any thread. */
int gluster_lock_check(struct gluster *g) must_check;
/** gluster_lock_stop() - wait until nobody uses the image for it. Safe without gluster_lock_keep(). */
void gluster_lock_stop(struct gluster *g);

/* --- gluster-attach.c --- */

/** gluster_become() - have requests of this thread be those of g->uid and g->gid. */
void gluster_become(const struct gluster *g);
/** gluster_new() - an unconnected volume. NULL with errno. */
struct glfs *gluster_new(const struct gluster_uri *uri) must_check;
/** gluster_attach() - connect, open, lock, describe: struct blk_driver's attach(). */
int gluster_attach(void *state, struct blk_info *info, char *why, size_t room) must_check;
/** gluster_refresh() - struct blk_driver's. */
int gluster_refresh(void *state, struct blk_info *info) must_check;

#endif

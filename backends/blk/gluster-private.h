/* SPDX-License-Identifier: MIT */
/* What the parts of the gluster driver share; nobody else. */
#ifndef SLUICE_BACKENDS_BLK_GLUSTER_PRIVATE_H
#define SLUICE_BACKENDS_BLK_GLUSTER_PRIVATE_H

#include <glusterfs/api/glfs.h>

#include "backends/blk/driver.h"
#include "backends/blk/gluster-uri.h"
#include "backends/blk/gluster-volfile.h"

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
	char why[256];          /* of the thread that connects */
};

/** gluster_calls - what libgfapi calls of the kernel, by tracing it. */
extern const struct confine_table gluster_calls;

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

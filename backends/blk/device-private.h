/* SPDX-License-Identifier: MIT */
/* What device.c and device-resume.c share; nobody else. */
#ifndef SLUICE_BACKENDS_BLK_DEVICE_PRIVATE_H
#define SLUICE_BACKENDS_BLK_DEVICE_PRIVATE_H

#include "backends/blk/device.h"
#include "backends/blk/queue.h"
#include "backends/blk/target.h"
#include "backends/common/backend.h"
#include "protocol/blkif-nodes.h"

#define DEVICE_WHY 256

struct device {
	struct loop *loop;
	struct device_options options;
	struct backend *backend;
	struct blkif_toolstack_nodes toolstack;
	struct blkif_backend_nodes offer;
	bool readonly;
	struct blk_target target;
	struct queue_shared shared;
	struct queue *queue[BLKIF_MAX_QUEUES];
	unsigned nqueues;
	bool draining;       /* queues were asked to stop */
	bool resuming;       /* a connection of a predecessor's, not a new one */
	int ended_fd;
	struct loop_source *ended_source;
	struct loop_source *resized_source; /* target.resized_fd's */
	int exit_status;     /* the loop's, once everything has ended */
	bool exiting;
};

/** device_attach() - read what the frontend chose, map its rings, serve them. 0, or -errno with @why. */
int device_attach(struct device *d, struct backend_dir *frontend, char *why, size_t room) must_check;
/** device_tell_size() - where the storage's size is not what was advertised, advertise it. */
void device_tell_size(struct device *d);

/** device_apply_limits() - what the toolstack's nodes say of them. */
void device_apply_limits(struct device *d, const struct blkif_toolstack_nodes *t);

/* device-open.c */
/**
 * device_open_all() - journal, storage, metrics, then confinement, then what the storage
 * connects to. Return: 0, or an enum device_exit after telling why.
 */
int device_open_all(struct device *d) must_check;

/* device-target.c */
/** device_target_watch() - from now on, what stays beside the storage is listened to. 0 or -errno. */
int device_target_watch(struct device *d) must_check;
/** device_target_release() - it ends, or waits for a successor. */
void device_target_release(struct device *d);

/* device-resume.c */
/** device_has_predecessor() - a backend of this disk was killed while it was connected. */
bool device_has_predecessor(const struct device *d);
/**
 * device_await_fence() - open journal or storage; wait, for a while, for a predecessor that
 * was killed and its I/O to let go of it. Return: as @open; -EBUSY: they did not in time.
 */
int device_await_fence(struct device *d, int (*open)(struct device *d, char *why, size_t room),
	char *why, size_t room) must_check;
/** device_check_sections() - the journal tells of the rings that the frontend has now. */
int device_check_sections(struct device *d, uint32_t num_queues, char *why, size_t room) must_check;
/** device_resume() - see struct backend_ops. */
int device_resume(void *opaque, struct backend_dir *frontend, char *why, size_t room);

#endif

// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/slot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/common/xenlog.h"
#include "common/array.h"
#include "common/confine.h"
#include "common/log.h"
#include "protocol/blkif-nodes.h"

#define SLOT_STACK (256u << 10)
/* Slots of the largest ring there is, and what a queue wants for itself. */
#define SLOT_SQ 512u
#define SLOT_CQ (2 * SLOT_SQ + 16)

CONFINE_RULES(slot,
	CONFINE_CALL(io_uring_enter), CONFINE_CALL(eventfd2),
	/* The one thing that is left to do with a ring: it has its restrictions. */
	CONFINE_CALL_IF(io_uring_register, 1, IORING_REGISTER_ENABLE_RINGS));

/* --- the io_uring ------------------------------------------------------------------- */

/* All that queues and storage drivers ask for, on descriptors that are open. */
static const uint8_t slot_operations[] = {
	IORING_OP_READ, IORING_OP_READV, IORING_OP_READ_FIXED,
	IORING_OP_WRITE, IORING_OP_WRITEV, IORING_OP_WRITE_FIXED,
	IORING_OP_FSYNC, IORING_OP_FALLOCATE,
	IORING_OP_POLL_ADD, IORING_OP_POLL_REMOVE,
	IORING_OP_TIMEOUT, IORING_OP_TIMEOUT_REMOVE, IORING_OP_ASYNC_CANCEL,
};

/* Debian's liburing 2.3 does not export its functions for these. */
static int slot_register(struct slot *s, unsigned what, void *list, unsigned n)
{
	return syscall(SYS_io_uring_register, s->uring.ring_fd, what, list, n) < 0 ? -errno : 0;
}

static int slot_restrict_uring(struct slot *s)
{
	struct io_uring_restriction list[ARRAY_SIZE(slot_operations) + 1];
	unsigned n = 0;

	memset(list, 0, sizeof(list));
	for (; n < ARRAY_SIZE(slot_operations); n++) {
		list[n].opcode = IORING_RESTRICTION_SQE_OP;
		list[n].sqe_op = slot_operations[n];
	}
	list[n].opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
	list[n].sqe_flags = IOSQE_ASYNC;
	return slot_register(s, IORING_REGISTER_RESTRICTIONS, list, n + 1);
}

/*
 * Newer kernels run completions in the submitting thread when it asks; older ones know no
 * such flag. Who that thread is, is settled when the ring is enabled.
 */
static int slot_make_uring(struct slot *s)
{
	static const unsigned flags[] = {
		IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER |
			IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG, /* 6.1 */
		IORING_SETUP_R_DISABLED | IORING_SETUP_COOP_TASKRUN |
			IORING_SETUP_TASKRUN_FLAG, /* 5.19 */
		IORING_SETUP_R_DISABLED, /* 5.10 */
	};
	int rc = -EINVAL;

	for (unsigned i = 0; i < ARRAY_SIZE(flags) && rc == -EINVAL; i++) {
		struct io_uring_params p = {
			.flags = flags[i] | IORING_SETUP_CQSIZE,
			/* One per request and per source of ours: it cannot overflow. */
			.cq_entries = SLOT_CQ,
		};

		rc = io_uring_queue_init_params(SLOT_SQ, &s->uring, &p);
	}
	if (rc < 0)
		return rc;
	s->has_uring = true;
	s->enabled = false;
	s->spoiled = false;
	if (s->witness)
		rc = slot_register(s, IORING_REGISTER_FILES, &s->witness, 1);
	return rc < 0 ? rc : slot_restrict_uring(s);
}

static void slot_drop_uring(struct slot *s)
{
	if (s->has_uring)
		io_uring_queue_exit(&s->uring);
	s->has_uring = false;
}

int slot_enable_uring(struct slot *s)
{
	int rc = 0;

	/* Where an earlier connection's polls could not be taken out (before Linux 5.19). */
	if (s->spoiled)
		slot_drop_uring(s);
	if (!s->has_uring)
		rc = slot_make_uring(s);
	if (rc == 0 && !s->enabled)
		rc = slot_register(s, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	if (rc == 0)
		s->enabled = true;
	return rc;
}

/* --- handles ------------------------------------------------------------------------ */

static int slot_open_handles(struct slot *s, char *why, size_t room)
{
	s->xgt = xengnttab_open(xenlog(), 0);
	if (!s->xgt) {
		snprintf(why, room, "no access to the grant device: %s", strerror(errno));
		return errno ? -errno : -EIO;
	}
	s->xce = xenevtchn_open(xenlog(), 0);
	if (!s->xce) {
		snprintf(why, room, "no access to event channels: %s", strerror(errno));
		return errno ? -errno : -EIO;
	}
	return 0;
}

int slot_make(struct slot *s, char *why, size_t room)
{
	int rc;

	if (s->made)
		return 0;
	*s = (struct slot){ .made = true, .witness = s->witness };
	sem_init(&s->work, 0, 0);
	sem_init(&s->idle, 0, 0);
	rc = slot_open_handles(s, why, room);
	if (rc == 0) {
		rc = slot_make_uring(s);
		if (rc < 0)
			snprintf(why, room, "no io_uring: %s%s", strerror(-rc),
				rc == -EPERM || rc == -ENOSYS ? "; is it forbidden here?" : "");
	}
	if (rc < 0)
		slot_dispose(s);
	return rc;
}

void slot_dispose(struct slot *s)
{
	if (!s->made)
		return;
	if (s->has_thread) {
		s->ending = true;
		sem_post(&s->work);
		pthread_join(s->thread, NULL);
	}
	slot_drop_uring(s);
	if (s->xce)
		xenevtchn_close(s->xce);
	if (s->xgt)
		xengnttab_close(s->xgt);
	sem_destroy(&s->work);
	sem_destroy(&s->idle);
	*s = (struct slot){ .made = false };
}

/* --- the thread --------------------------------------------------------------------- */

static void slot_wait(sem_t *sem)
{
	while (sem_wait(sem) < 0)
		; /* EINTR */
}

static void *slot_thread(void *opaque)
{
	struct slot *s = opaque;

	for (;;) {
		slot_wait(&s->work);
		if (s->ending)
			return NULL;
		s->run(s->opaque);
		sem_post(&s->idle);
	}
}

int slot_run(struct slot *s, void (*run)(void *opaque), void *opaque)
{
	pthread_attr_t attr;
	int rc;

	s->run = run;
	s->opaque = opaque;
	if (!s->has_thread) {
		pthread_attr_init(&attr);
		pthread_attr_setstacksize(&attr, SLOT_STACK);
		rc = -pthread_create(&s->thread, &attr, slot_thread, s);
		pthread_attr_destroy(&attr);
		if (rc < 0)
			return rc;
		s->has_thread = true;
	}
	sem_post(&s->work);
	return 0;
}

void slot_join(struct slot *s)
{
	slot_wait(&s->idle);
}

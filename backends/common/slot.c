// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/common/slot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/thread.h"
#include "xenstore/xenlog.h"

#define SLOT_STACK (256u << 10)

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
	*s = (struct slot){ .made = true };
	sem_init(&s->work, 0, 0);
	sem_init(&s->idle, 0, 0);
	rc = slot_open_handles(s, why, room);
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
	if (s->xce)
		xenevtchn_close(s->xce);
	if (s->xgt)
		xengnttab_close(s->xgt);
	sem_destroy(&s->work);
	sem_destroy(&s->idle);
	*s = (struct slot){ .made = false };
}

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
	int rc;

	s->run = run;
	s->opaque = opaque;
	if (!s->has_thread) {
		rc = thread_start(&s->thread, SLOT_STACK, slot_thread, s);
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

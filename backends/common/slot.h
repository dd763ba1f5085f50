/* SPDX-License-Identifier: MIT */
/*
 * What a ring is served with, kept for the life of the process: connections come and go,
 * but a confined process can open no device any more. A slot has handles of the grant
 * device and of event channels, and a thread. Created, started and joined by the control
 * thread.
 */
#ifndef SLUICE_BACKENDS_COMMON_SLOT_H
#define SLUICE_BACKENDS_COMMON_SLOT_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "common/cleanup.h"

/** struct slot - all zero to begin with. */
struct slot {
	bool made;
	xengnttab_handle *xgt;
	xenevtchn_handle *xce;
	pthread_t thread;
	bool has_thread;
	bool ending;
	sem_t work, idle;
	void (*run)(void *opaque);
	void *opaque;
};

/** slot_make() - open its handles. 0, or -errno with @why; then nothing of it is kept. */
int slot_make(struct slot *s, char *why, size_t room) must_check;
/** slot_dispose() - end the thread, close everything. Nothing may run; may be called twice. */
void slot_dispose(struct slot *s);

/** slot_run() - have @run called in the slot's thread; slot_join() before the next. 0 or -errno. */
int slot_run(struct slot *s, void (*run)(void *opaque), void *opaque) must_check;
/** slot_join() - wait until run() has returned. */
void slot_join(struct slot *s);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What a ring is served with, kept for the life of the process: connections come and go,
 * but a confined process can open no device and make no io_uring any more. A slot has
 * handles of the grant device and of event channels, an io_uring, and the thread that
 * alone may submit to it. Created, started and joined by the control thread.
 */
#ifndef SLUICE_BACKENDS_BLK_SLOT_H
#define SLUICE_BACKENDS_BLK_SLOT_H

#include <liburing.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "common/cleanup.h"

/** struct slot - all zero to begin with. */
struct slot {
	bool made;
	/*
	 * To be registered in the io_uring, or 0: its file stays open until the last request of
	 * the io_uring has ended, also when the process is killed.
	 */
	int witness;
	xengnttab_handle *xgt;
	xenevtchn_handle *xce;
	struct io_uring uring;
	bool has_uring;
	bool enabled;    /* the thread has taken the io_uring for itself */
	bool spoiled;    /* something of an earlier connection may still be in the io_uring */
	pthread_t thread;
	bool has_thread;
	bool ending;
	sem_t work, idle;
	void (*run)(void *opaque);
	void *opaque;
};

/** slot_make() - open what it has; set witness before. 0, or -errno with @why; then nothing of it is kept. */
int slot_make(struct slot *s, char *why, size_t room) must_check;
/** slot_dispose() - end the thread, close everything. Nothing may run; may be called twice. */
void slot_dispose(struct slot *s);

/** slot_run() - have @run called in the slot's thread; slot_join() before the next. 0 or -errno. */
int slot_run(struct slot *s, void (*run)(void *opaque), void *opaque) must_check;
/** slot_join() - wait until run() has returned. */
void slot_join(struct slot *s);

/**
 * slot_enable_uring() - its io_uring, ready for use. In the slot's thread.
 *
 * Its operations are those that serving takes, irrevocably: none opens, connects or sends.
 * Return: 0 or -errno.
 */
int slot_enable_uring(struct slot *s) must_check;

#endif

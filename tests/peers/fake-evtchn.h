/* SPDX-License-Identifier: MIT */
/*
 * A device of event channels as Xen's (xen/sys/evtchn.h): what is read are ports that have an
 * event, what is written are ports to unmask. A terminal in raw mode: it is a character device, can
 * be polled, and has another end, where a thread is the kernel.
 */
#ifndef SLUICE_TESTS_PEERS_FAKE_EVTCHN_H
#define SLUICE_TESTS_PEERS_FAKE_EVTCHN_H

#include <pthread.h>
#include <stdint.h>

/** struct fake_evtchn - fields are private, but for fd. */
struct fake_evtchn {
	int fd; /* the backend's */
	int kernel;
	int end; /* an eventfd */
	pthread_t thread;
	void (*unmask)(void *opaque, uint32_t port);
	void *opaque;
};

/** fake_evtchn_open() - @unmask: is called for ports that are written, in a thread of its own. 0 or -errno. */
int fake_evtchn_open(struct fake_evtchn *e, void (*unmask)(void *opaque, uint32_t port), void *opaque);
/** fake_evtchn_close() - once; @unmask is not called any more. */
void fake_evtchn_close(struct fake_evtchn *e);
/** fake_evtchn_raise() - @port can be read. */
void fake_evtchn_raise(struct fake_evtchn *e, uint32_t port);
/** fake_evtchn_break() - whoever reads or writes gets an error from now on. */
void fake_evtchn_break(struct fake_evtchn *e);

#endif

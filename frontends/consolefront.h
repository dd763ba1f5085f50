/* SPDX-License-Identifier: MIT */
/*
 * A frontend of secondary consoles (device/console/N) for process domains, and for the user space
 * of a Linux domU on Xen. Like Linux's hvc_xen it grants a page, offers an event channel, goes to
 * Initialised and to Connected when its backend does. One thread per handle.
 *
 * The backend can write anything in the page: what it says is checked, and a wrong index ends the
 * console with -EPROTO for good.
 */
#ifndef SLUICE_FRONTENDS_CONSOLEFRONT_H
#define SLUICE_FRONTENDS_CONSOLEFRONT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"

struct consolefront;
struct xencons_interface;

/**
 * consolefront_open() - connect to console @devid of this domain.
 * @timeout_ms: for its backend to connect
 * @why: the reason of a failure for the user
 *
 * Return: 0 or -errno (-ENODEV: there is none, -ETIMEDOUT, -ENOTCONN: the backend closed).
 */
int consolefront_open(unsigned devid, unsigned timeout_ms, struct consolefront **cf, char *why,
	size_t why_room) must_check;
/** consolefront_close() - go to Closed; NULL is fine. */
void consolefront_close(struct consolefront *cf);

/** consolefront_write() - as much as there is room for now: how much, or -EPROTO, -EIO. */
ssize_t consolefront_write(struct consolefront *cf, const void *data, size_t len) must_check;
/** consolefront_read() - what there is now, at most @room bytes; 0: nothing; or -EPROTO, -EIO. */
ssize_t consolefront_read(struct consolefront *cf, void *data, size_t room) must_check;
/**
 * consolefront_wait() - until the backend did something.
 * Return: 0, -ETIMEDOUT, -ENOTCONN when it left, -EIO when the hypervisor is gone.
 */
int consolefront_wait(struct consolefront *cf, unsigned timeout_ms) must_check;
/** consolefront_state() - of the backend: a XenbusState. */
int consolefront_state(struct consolefront *cf);

/** consolefront_page() - the ring itself, for tests that break its rules. */
struct xencons_interface *consolefront_page(struct consolefront *cf);
/** consolefront_notify() - send an event; 0 or -EIO. */
int consolefront_notify(struct consolefront *cf) must_check;

#endif

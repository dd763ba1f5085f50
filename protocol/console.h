/* SPDX-License-Identifier: MIT */
/*
 * The backend's end of a console ring (xen/io/console.h): two byte rings in one page,
 * "out" from the guest and "in" to it. Pure.
 *
 * The guest may write anything anywhere in the page at any time. So the indices that are
 * the backend's own (out_cons, in_prod) are private and only published; the guest's are
 * read once, and one that claims more than a ring holds breaks the console for good. A
 * ring belongs to one thread.
 */
#ifndef SLUICE_PROTOCOL_CONSOLE_H
#define SLUICE_PROTOCOL_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"

/** CONSOLE_OUT_SIZE - bytes of the ring from the guest. */
#define CONSOLE_OUT_SIZE 2048u
/** CONSOLE_IN_SIZE - bytes of the ring to the guest. */
#define CONSOLE_IN_SIZE 1024u

struct xencons_interface;

/** struct console_ring - all zero is no ring: use console_ring_init(). */
struct console_ring {
	struct xencons_interface *page;
	uint32_t out_cons; /* taken from the guest */
	uint32_t in_prod;  /* given to the guest */
	bool broken;       /* for good: the guest broke the ring's rules */
};

/**
 * console_ring_init() - attach to a page and tell the guest that its console is connected.
 * @page: a page, mapped; stays the caller's
 *
 * Begins at the indices that a predecessor has published there (0 in a fresh page). The
 * guest can have written those, too: then it loses or repeats its own bytes, or breaks
 * its ring.
 */
void console_ring_init(struct console_ring *r, void *page);

/**
 * console_ring_take() - copy out what the guest wrote and give it the room back.
 *
 * The guest's partner is its write barrier before out_prod. Return: the number of bytes,
 * 0: nothing there; -EPROTO for good: out_prod is more than a ring ahead.
 */
ssize_t console_ring_take(struct console_ring *r, void *to, size_t room) must_check;

/**
 * console_ring_copy() - the first half of console_ring_take(): the guest's room stays taken, so
 * that a successor finds the same bytes there, until console_ring_publish(). Called again before
 * that it goes on behind what it gave.
 */
ssize_t console_ring_copy(struct console_ring *r, void *to, size_t room) must_check;
/** console_ring_publish() - what was copied is safe: give the guest the room back. */
void console_ring_publish(struct console_ring *r);
/**
 * console_ring_skip() - after console_ring_init(): a predecessor had copied and kept all until
 * @out_cons, and may have died before it published that.
 *
 * Return: false, and nothing changed: that is no place in this ring where it can have been.
 */
bool console_ring_skip(struct console_ring *r, uint32_t out_cons);
/** console_ring_leave() - tell the guest that nobody serves it any more. */
void console_ring_leave(struct console_ring *r);

/** console_ring_room() - bytes that the guest can be given now; -EPROTO as above, of in_cons. */
ssize_t console_ring_room(struct console_ring *r) must_check;

/**
 * console_ring_give() - as many of @len bytes as there is room for.
 *
 * Return: how many; -EPROTO as above.
 */
ssize_t console_ring_give(struct console_ring *r, const void *from, size_t len) must_check;

#endif

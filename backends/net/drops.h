/* SPDX-License-Identifier: MIT */
/*
 * Packets that were dropped because a page of the guest's could not be used. A guest that is
 * destroyed while it sends has such packets, too, until the backend hears of its end: only
 * when the queue is still served DROPS_WAIT_NS later was it the guest's mistake. Pure, one
 * thread; the time is passed in.
 */
#ifndef SLUICE_BACKENDS_NET_DROPS_H
#define SLUICE_BACKENDS_NET_DROPS_H

#include <stdbool.h>
#include <stdint.h>

/** DROPS_WAIT_NS - the toolstack's order to end comes sooner. */
#define DROPS_WAIT_NS UINT64_C(2000000000)

/** enum drops_of - in which direction. */
enum drops_of { DROPS_TX, DROPS_RX, DROPS_DIRECTIONS };

/** struct drops - of one queue; all zero to begin with. */
struct drops {
	uint64_t due_ns; /* when to speak of them; 0: there are none */
	uint32_t count[DROPS_DIRECTIONS];
	int status; /* the grant status of the first */
};

/** drops_note() - one more. */
void drops_note(struct drops *d, enum drops_of of, int status, uint64_t now_ns);
/** drops_take() - those that are due, which are then forgotten. Return: false: none are. */
bool drops_take(struct drops *d, uint64_t now_ns, struct drops *taken);

#endif

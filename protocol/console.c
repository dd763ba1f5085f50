// SPDX-License-Identifier: MIT
#include "config.h"
#include "protocol/console.h"

#include <errno.h>
#include <string.h>

#include <xen/io/console.h>

/* The page's byte "connection", which headers before Xen 4.19 lack; 0 means connected. */
#define CONNECTION_OFFSET (sizeof(((struct xencons_interface *)0)->in) + \
	sizeof(((struct xencons_interface *)0)->out) + 4 * sizeof(XENCONS_RING_IDX))
#define CONNECTION_CONNECTED 0
#define CONNECTION_DISCONNECTED 1

_Static_assert(sizeof(((struct xencons_interface *)0)->out) == CONSOLE_OUT_SIZE, "out ring");
_Static_assert(sizeof(((struct xencons_interface *)0)->in) == CONSOLE_IN_SIZE, "in ring");

static uint32_t load_index(const uint32_t *index)
{
	/* Orders the index before the bytes it covers; partner: the guest's write barrier. */
	return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static void store_index(uint32_t *index, uint32_t value)
{
	/* Orders the bytes before the index that hands them over; partner: the guest's read barrier. */
	__atomic_store_n(index, value, __ATOMIC_RELEASE);
}

static int ring_break(struct console_ring *r)
{
	r->broken = true;
	return -EPROTO;
}

static void set_connection(struct console_ring *r, uint8_t connection)
{
	/* Orders the indices before it; partner: a guest that looks at it before it waits for room. */
	__atomic_store_n((uint8_t *)r->page + CONNECTION_OFFSET, connection, __ATOMIC_RELEASE);
}

void console_ring_init(struct console_ring *r, void *page)
{
	*r = (struct console_ring){ .page = page };
	r->out_cons = load_index(&r->page->out_cons);
	r->in_prod = load_index(&r->page->in_prod);
	set_connection(r, CONNECTION_CONNECTED);
}

void console_ring_leave(struct console_ring *r)
{
	set_connection(r, CONNECTION_DISCONNECTED);
}

bool console_ring_skip(struct console_ring *r, uint32_t out_cons)
{
	if (out_cons - r->out_cons > CONSOLE_OUT_SIZE ||
		load_index(&r->page->out_prod) - out_cons > CONSOLE_OUT_SIZE)
		return false;
	r->out_cons = out_cons;
	console_ring_publish(r);
	return true;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

ssize_t console_ring_copy(struct console_ring *r, void *to, size_t room)
{
	uint32_t used = load_index(&r->page->out_prod) - r->out_cons;
	uint32_t at = r->out_cons % CONSOLE_OUT_SIZE;
	size_t len = least(used, room);
	size_t piece = least(len, CONSOLE_OUT_SIZE - at);

	if (r->broken || used > CONSOLE_OUT_SIZE)
		return ring_break(r);
	if (!len)
		return 0;
	memcpy(to, r->page->out + at, piece);
	memcpy((char *)to + piece, r->page->out, len - piece);
	r->out_cons += len;
	return (ssize_t)len;
}

void console_ring_publish(struct console_ring *r)
{
	store_index(&r->page->out_cons, r->out_cons);
}

ssize_t console_ring_take(struct console_ring *r, void *to, size_t room)
{
	ssize_t n = console_ring_copy(r, to, room);

	if (n > 0)
		console_ring_publish(r);
	return n;
}

ssize_t console_ring_room(struct console_ring *r)
{
	uint32_t used = r->in_prod - load_index(&r->page->in_cons);

	if (r->broken || used > CONSOLE_IN_SIZE)
		return ring_break(r);
	return CONSOLE_IN_SIZE - used;
}

ssize_t console_ring_give(struct console_ring *r, const void *from, size_t len)
{
	ssize_t room = console_ring_room(r);
	uint32_t at = r->in_prod % CONSOLE_IN_SIZE;
	size_t piece;

	if (room < 0)
		return room;
	len = least(len, (size_t)room);
	piece = least(len, CONSOLE_IN_SIZE - at);
	if (!len)
		return 0;
	memcpy(r->page->in + at, from, piece);
	memcpy(r->page->in, (const char *)from + piece, len - piece);
	r->in_prod += len;
	store_index(&r->page->in_prod, r->in_prod);
	return (ssize_t)len;
}

// SPDX-License-Identifier: MIT
/*
 * Event channel state. Rules are those of Xen's common/event_channel.c as seen
 * from public/event_channel.h; nothing here delivers anything.
 */
#include "config.h"
#include "hypervisor/event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hypervisor/domain.h"

#define CHUNK 128u
#define NR_CHUNKS (EVENT_MAX_PORTS / CHUNK)

void event_table_init(struct event_table *t, uint32_t max)
{
	memset(t, 0, sizeof(*t));
	t->max = max < EVENT_MAX_PORTS - 1 ? max : EVENT_MAX_PORTS - 1;
	t->hint = 1;
}

void event_table_fini(struct event_table *t)
{
	if (t->chunks)
		for (unsigned i = 0; i < NR_CHUNKS; i++)
			free(t->chunks[i]);
	free(t->chunks);
	t->chunks = NULL;
}

/* The slot of any port number, in use or not; NULL where no chunk was made. */
static struct event_port *port_slot(struct event_table *t, uint32_t port)
{
	if (port >= EVENT_MAX_PORTS || !t->chunks || !t->chunks[port / CHUNK])
		return NULL;
	return &t->chunks[port / CHUNK][port % CHUNK];
}

struct event_port *event_port_get(struct domain *d, uint32_t port)
{
	struct event_port *p = port_slot(&d->events, port);

	return p && p->state > EVENT_RESERVED ? p : NULL;
}

/* A port that its owner has not closed. */
static struct event_port *port_live(struct domain *d, uint32_t port)
{
	struct event_port *p = event_port_get(d, port);

	return p && !p->closing ? p : NULL;
}

static int chunk_make(struct event_table *t, unsigned chunk)
{
	if (!t->chunks)
		t->chunks = calloc(NR_CHUNKS, sizeof(*t->chunks));
	if (!t->chunks)
		return -ENOMEM;
	t->chunks[chunk] = calloc(CHUNK, sizeof(struct event_port));
	if (!t->chunks[chunk])
		return -ENOMEM;
	if (chunk == 0)
		t->chunks[0][0].state = EVENT_RESERVED;
	return 0;
}

/* Takes the lowest free port; its slot is zeroed but still EVENT_FREE. */
static int port_take(struct event_table *t)
{
	if (t->used >= t->max)
		return -ENOSPC;
	for (uint32_t port = t->hint; port < EVENT_MAX_PORTS; port++) {
		struct event_port *p = port_slot(t, port);

		if (!p) {
			int rc = chunk_make(t, port / CHUNK);

			if (rc < 0)
				return rc;
			p = port_slot(t, port);
		}
		if (p->state == EVENT_FREE) {
			memset(p, 0, sizeof(*p));
			t->hint = port + 1;
			t->used++;
			return port;
		}
	}
	return -ENOSPC;
}

static void port_free(struct event_table *t, uint32_t port)
{
	struct event_port *p = port_slot(t, port);

	if (p->state == EVENT_VIRQ)
		t->virq_port[p->virq] = 0;
	memset(p, 0, sizeof(*p));
	t->used--;
	if (port < t->hint)
		t->hint = port;
}

int event_alloc_unbound(struct domain *d, uint32_t remote_domid, void *owner, void *link)
{
	int port;

	if (remote_domid == DOMID_SELF)
		remote_domid = d->domid;
	if (remote_domid >= DOMID_FIRST_RESERVED)
		return -EINVAL;
	domain_lock(d);
	port = port_take(&d->events);
	if (port > 0) {
		struct event_port *p = port_slot(&d->events, port);

		p->state = EVENT_UNBOUND;
		p->remote_domid = remote_domid;
		p->owner = owner;
		p->link = link;
	}
	domain_unlock(d);
	return port;
}

int event_bind_virq(struct domain *d, uint32_t virq, void *owner, void *link)
{
	int port;

	if (virq >= EVENT_NR_VIRQS)
		return -EINVAL;
	domain_lock(d);
	port = d->events.virq_port[virq] ? -EEXIST : port_take(&d->events);
	if (port > 0) {
		struct event_port *p = port_slot(&d->events, port);

		p->state = EVENT_VIRQ;
		p->virq = virq;
		p->owner = owner;
		p->link = link;
		d->events.virq_port[virq] = port;
	}
	domain_unlock(d);
	return port;
}

/* Both locks held. */
static int bind_locked(struct domain *ld, struct domain *rd, uint32_t rport, void *owner)
{
	struct event_port *rp = port_live(rd, rport);
	struct event_port *lp;
	int lport;

	if (!rp || rp->state != EVENT_UNBOUND || rp->remote_domid != ld->domid)
		return -EINVAL;
	lport = port_take(&ld->events);
	if (lport < 0)
		return lport;
	lp = port_slot(&ld->events, lport);
	lp->state = EVENT_INTERDOMAIN;
	lp->remote_domid = rd->domid;
	lp->remote_port = rport;
	lp->owner = owner;
	lp->link = rp->link;
	lp->side = !rp->side;
	rp->state = EVENT_INTERDOMAIN;
	rp->remote_port = lport;
	ld->ops->raise(ld, lport);
	return lport;
}

int event_bind_interdomain(struct domain_set *set, struct domain *d, uint32_t remote_domid,
	uint32_t remote_port, void *owner)
{
	struct domain *rd = domain_get(set, d, remote_domid);
	int port;

	if (!rd)
		return -ESRCH;
	domain_lock_pair(d, rd);
	port = bind_locked(d, rd, remote_port, owner);
	domain_unlock_pair(d, rd);
	domain_put(set, rd);
	return port;
}

/*
 * Locks @d and, for an interdomain port, its other end's domain, of which the
 * caller gets a reference in @rd (NULL: the port has no other end). The domids
 * are read under one lock and used under two, so they are read again.
 */
static struct event_port *lock_channel(
	struct domain_set *set, struct domain *d, uint32_t port, struct domain **rd)
{
	for (;;) {
		struct event_port *p;
		uint32_t remote;

		*rd = NULL;
		domain_lock(d);
		p = event_port_get(d, port);
		if (!p || p->state != EVENT_INTERDOMAIN)
			return p;
		remote = p->remote_domid;
		domain_unlock(d);
		*rd = domain_get(set, d, remote);
		if (!*rd)
			continue;
		domain_lock_pair(d, *rd);
		p = event_port_get(d, port);
		if (p && p->state == EVENT_INTERDOMAIN && p->remote_domid == remote)
			return p;
		domain_unlock_pair(d, *rd);
		domain_put(set, *rd);
	}
}

static void unlock_channel(struct domain_set *set, struct domain *d, struct domain *rd)
{
	if (!rd) {
		domain_unlock(d);
		return;
	}
	domain_unlock_pair(d, rd);
	domain_put(set, rd);
}

/* Frees the port; the other end, if there is one, waits for @d again. */
static void close_locked(struct domain *d, struct event_port *p, uint32_t port, struct domain *rd)
{
	void *link = p->link;

	if (rd) {
		struct event_port *rp = event_port_get(rd, p->remote_port);

		rp->state = EVENT_UNBOUND;
		rp->remote_domid = d->domid;
		rp->remote_port = 0;
		link = NULL;
	}
	port_free(&d->events, port);
	if (link && d->ops->link_free)
		d->ops->link_free(d, link);
}

int event_close(struct domain_set *set, struct domain *d, uint32_t port, void *owner)
{
	struct domain *rd;
	struct event_port *p = lock_channel(set, d, port, &rd);
	int rc = 0;

	if (!p || p->closing || (owner && p->owner != owner)) {
		rc = -EINVAL;
	} else if (p->holds) {
		p->closing = true;
		p->owner = NULL;
	} else {
		close_locked(d, p, port, rd);
	}
	unlock_channel(set, d, rd);
	return rc;
}

void event_close_owned(struct domain_set *set, struct domain *d, void *owner)
{
	for (uint32_t port = 1; port < EVENT_MAX_PORTS; port++) {
		struct event_port *p;
		bool mine;

		domain_lock(d);
		if (!d->events.chunks || !d->events.chunks[port / CHUNK]) {
			/* chunks are made lowest first */
			domain_unlock(d);
			return;
		}
		p = port_live(d, port);
		mine = p && (!owner || p->owner == owner);
		domain_unlock(d);
		if (mine)
			event_close(set, d, port, owner);
	}
}

int event_send(struct domain_set *set, struct domain *d, uint32_t port)
{
	struct domain *rd;
	struct event_port *p = lock_channel(set, d, port, &rd);
	int rc = 0;

	if (!p || p->state == EVENT_VIRQ)
		rc = -EINVAL;
	else if (rd)
		rd->ops->raise(rd, p->remote_port);
	unlock_channel(set, d, rd);
	return rc;
}

void event_raise_virq(struct domain *d, uint32_t virq)
{
	domain_lock(d);
	if (virq < EVENT_NR_VIRQS && d->events.virq_port[virq])
		d->ops->raise(d, d->events.virq_port[virq]);
	domain_unlock(d);
}

int event_hold(struct domain *d, uint32_t port)
{
	struct event_port *p;
	int rc = 0;

	domain_lock(d);
	p = port_live(d, port);
	if (!p || p->state == EVENT_VIRQ)
		rc = -EINVAL;
	else if (p->holds == UINT16_MAX)
		rc = -EOVERFLOW;
	else
		p->holds++;
	domain_unlock(d);
	return rc;
}

void event_unhold(struct domain_set *set, struct domain *d, uint32_t port)
{
	struct domain *rd;
	struct event_port *p = lock_channel(set, d, port, &rd);

	if (p && p->holds && --p->holds == 0 && p->closing)
		close_locked(d, p, port, rd);
	unlock_channel(set, d, rd);
}

int event_status(struct domain *d, uint32_t port, struct event_status *status)
{
	struct event_port *p;

	memset(status, 0, sizeof(*status));
	if (port >= EVENT_MAX_PORTS)
		return -EINVAL;
	domain_lock(d);
	p = port_slot(&d->events, port);
	if (p) {
		status->state = p->state;
		status->remote_domid = p->remote_domid;
		status->remote_port = p->remote_port;
		status->virq = p->virq;
	}
	domain_unlock(d);
	return 0;
}

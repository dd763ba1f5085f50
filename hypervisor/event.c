// SPDX-License-Identifier: MIT
/*
 * Event channel state. Rules are those of Xen's common/event_channel.c as seen
 * from public/event_channel.h; nothing here delivers anything.
 */
#include "config.h"
#include "hypervisor/event.h"

#include <errno.h>
#include <string.h>

#include "hypervisor/domain.h"
#include "hypervisor/event-abi.h"
#include "hypervisor/event-table.h"

struct event_port *event_port_get(struct domain *d, uint32_t port)
{
	struct event_port *p = event_slot(&d->events, port);

	return p && p->state > EVENT_RESERVED ? p : NULL;
}

void *event_port_link(struct domain *d, uint32_t port)
{
	return event_end(&d->events, port)->link;
}

/* A port that its owner has not closed. */
static struct event_port *port_live(struct domain *d, uint32_t port)
{
	struct event_port *p = event_port_get(d, port);

	return p && !p->closing ? p : NULL;
}

int event_alloc_unbound(struct domain *d, uint32_t remote_domid, void *owner, void *link)
{
	int port;

	if (remote_domid == DOMID_SELF)
		remote_domid = d->domid;
	if (remote_domid >= DOMID_FIRST_RESERVED)
		return -EINVAL;
	domain_lock(d);
	port = event_port_take(d, owner);
	if (port > 0) {
		struct event_port *p = event_slot(&d->events, port);

		p->state = EVENT_UNBOUND;
		p->remote_domid = remote_domid;
		event_end(&d->events, port)->link = link;
	}
	domain_unlock(d);
	return port;
}

bool event_virq_is_global(uint32_t virq)
{
	switch (virq) {
	case VIRQ_TIMER:
	case VIRQ_DEBUG:
	case VIRQ_XENOPROF:
	case VIRQ_XENPMU:
		return false;
	default:
		return true;
	}
}

int event_bind_virq_vcpu(
	struct domain *d, uint32_t virq, uint32_t vcpu, void *owner, void *link)
{
	uint32_t *bound;
	int port;

	if (virq >= EVENT_NR_VIRQS || (event_virq_is_global(virq) && vcpu != 0))
		return -EINVAL;
	if (vcpu >= d->events.nr_vcpus)
		return -ENOENT;
	domain_lock(d);
	bound = &d->events.virq_port[vcpu][virq];
	port = *bound ? -EEXIST : event_port_take(d, owner);
	if (port > 0) {
		struct event_port *p = event_slot(&d->events, port);

		p->state = EVENT_VIRQ;
		p->virq = virq;
		p->vcpu = vcpu;
		event_end(&d->events, port)->link = link;
		*bound = port;
	}
	domain_unlock(d);
	return port;
}

int event_bind_virq(struct domain *d, uint32_t virq, void *owner, void *link)
{
	return event_bind_virq_vcpu(d, virq, 0, owner, link);
}

int event_bind_ipi(struct domain *d, uint32_t vcpu)
{
	int port;

	if (vcpu >= d->events.nr_vcpus)
		return -ENOENT;
	domain_lock(d);
	port = event_port_take(d, NULL);
	if (port > 0) {
		struct event_port *p = event_slot(&d->events, port);

		p->state = EVENT_IPI;
		p->vcpu = vcpu;
	}
	domain_unlock(d);
	return port;
}

static bool port_stays(const struct event_port *p)
{
	return p->state == EVENT_IPI || (p->state == EVENT_VIRQ && !event_virq_is_global(p->virq));
}

int event_bind_vcpu(struct domain *d, uint32_t port, uint32_t vcpu)
{
	struct event_port *p;
	int rc = 0;

	if (vcpu >= d->events.nr_vcpus)
		return -ENOENT;
	domain_lock(d);
	p = port_live(d, port);
	if (!p || port_stays(p))
		rc = -EINVAL;
	else
		p->vcpu = vcpu;
	domain_unlock(d);
	return rc;
}

/*
 * Between domains of different kinds each end that has a link is told of the other. Both
 * locks held. As a vm's end has none, it is at most one.
 */
static int bound_tell(struct domain *d, uint32_t port, struct domain *remote)
{
	if (!d->ops->bound || !event_port_link(d, port))
		return 0;
	return d->ops->bound(d, port, remote);
}

static void unbound_tell(struct domain *d, uint32_t port, struct domain *remote)
{
	if (d->ops->unbound && event_port_link(d, port))
		d->ops->unbound(d, port, remote);
}

static bool domain_alike(const struct domain *a, const struct domain *b)
{
	return a->ops->vm == b->ops->vm;
}

/* What binding to a domain of the other kind takes besides. On failure *@link stays. */
static int bind_unlike(struct domain *ld, uint32_t lport, struct domain *rd, uint32_t rport,
	void **link)
{
	int rc;

	if (link)
		event_end(&ld->events, lport)->link = *link;
	rc = bound_tell(ld, lport, rd);
	if (rc == 0)
		rc = bound_tell(rd, rport, ld);
	if (rc == 0 && link)
		*link = NULL;
	return rc;
}

/* Has the end @rp wait for @ld. */
static void end_unbind(struct domain *ld, struct event_port *rp)
{
	rp->state = EVENT_UNBOUND;
	rp->remote_domid = ld->domid;
	rp->remote_port = 0;
}

/* Both locks held. */
static int bind_locked(
	struct domain *ld, struct domain *rd, uint32_t rport, void *owner, void **link)
{
	struct event_port *rp = port_live(rd, rport);
	struct event_port *lp;
	int lport, rc = 0;

	if (!rp || rp->state != EVENT_UNBOUND || rp->remote_domid != ld->domid)
		return -EINVAL;
	lport = event_port_take(ld, owner);
	if (lport < 0)
		return lport;
	lp = event_slot(&ld->events, lport);
	lp->state = EVENT_INTERDOMAIN;
	lp->remote_domid = rd->domid;
	lp->remote_port = rport;
	rp->state = EVENT_INTERDOMAIN;
	rp->remote_port = lport;
	if (domain_alike(ld, rd)) {
		event_end(&ld->events, lport)->link = event_port_link(rd, rport);
		lp->side = !rp->side;
	} else {
		rc = bind_unlike(ld, lport, rd, rport, link);
	}
	if (rc < 0) {
		end_unbind(ld, rp);
		event_port_free(ld, lport);
		return rc;
	}
	ld->ops->raise(ld, lport);
	return lport;
}

int event_bind_interdomain(struct domain_set *set, struct domain *d, uint32_t remote_domid,
	uint32_t remote_port, void *owner, void **link)
{
	struct domain *rd = domain_get(set, d, remote_domid);
	int port;

	if (!rd)
		return -ESRCH;
	domain_lock_pair(d, rd);
	port = bind_locked(d, rd, remote_port, owner, link);
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
	void *link = event_port_link(d, port);

	if (rd) {
		struct event_port *rp = event_port_get(rd, p->remote_port);

		if (!domain_alike(d, rd)) {
			unbound_tell(d, port, rd);
			unbound_tell(rd, p->remote_port, d);
		}
		if (event_port_link(rd, p->remote_port) == link)
			link = NULL;
		end_unbind(d, rp);
	}
	event_port_free(d, port);
	if (link && d->ops->link_free)
		d->ops->link_free(d, link);
}

int event_close(struct domain_set *set, struct domain *d, uint32_t port, void *owner)
{
	struct domain *rd;
	struct event_port *p = lock_channel(set, d, port, &rd);
	int rc = 0;

	if (!p || p->closing || (owner && event_end(&d->events, port)->owner != owner)) {
		rc = -EINVAL;
	} else if (event_end(&d->events, port)->holds) {
		p->closing = true;
		event_port_disown(&d->events, port);
	} else {
		close_locked(d, p, port, rd);
	}
	unlock_channel(set, d, rd);
	return rc;
}

/* A port that event_close_owned() is to close, from @port on, or 0. */
static uint32_t close_next(struct domain *d, uint32_t port, void *owner)
{
	domain_lock(d);
	port = !d->events.pool ? 0
		: owner		? event_owned_first(&d->events, owner)
				: event_live_next(&d->events, port);
	domain_unlock(d);
	return port;
}

void event_close_owned(struct domain_set *set, struct domain *d, void *owner)
{
	uint32_t port = 0;

	/* A port that closes has its owner no more. */
	while ((port = close_next(d, port + 1, owner)))
		event_close(set, d, port, owner);
}

void event_reset(struct domain_set *set, struct domain *d)
{
	event_close_owned(set, d, NULL);
	domain_lock(d);
	if (d->events.abi)
		event_abi_reset(d->events.abi);
	domain_unlock(d);
}

int event_send(struct domain_set *set, struct domain *d, uint32_t port)
{
	struct domain *rd;
	struct event_port *p = lock_channel(set, d, port, &rd);
	int rc = 0;

	if (!p || p->state == EVENT_VIRQ)
		rc = -EINVAL;
	else if (p->state == EVENT_IPI)
		d->ops->raise(d, port);
	else if (rd)
		rd->ops->raise(rd, p->remote_port);
	unlock_channel(set, d, rd);
	return rc;
}

void event_raise_virq_vcpu(struct domain *d, uint32_t virq, uint32_t vcpu)
{
	domain_lock(d);
	if (virq < EVENT_NR_VIRQS && vcpu < d->events.nr_vcpus && d->events.virq_port[vcpu][virq])
		d->ops->raise(d, d->events.virq_port[vcpu][virq]);
	domain_unlock(d);
}

void event_raise_virq(struct domain *d, uint32_t virq)
{
	event_raise_virq_vcpu(d, virq, 0);
}

int event_hold(struct domain *d, uint32_t port)
{
	struct event_port *p;
	int rc = 0;

	domain_lock(d);
	p = port_live(d, port);
	if (!p || p->state == EVENT_VIRQ || p->state == EVENT_IPI)
		rc = -EINVAL;
	else if (event_end(&d->events, port)->holds == UINT32_MAX)
		rc = -EOVERFLOW;
	else
		event_end(&d->events, port)->holds++;
	domain_unlock(d);
	return rc;
}

void event_unhold(struct domain_set *set, struct domain *d, uint32_t port)
{
	struct domain *rd;
	struct event_port *p = lock_channel(set, d, port, &rd);
	struct event_end *e = p ? event_end(&d->events, port) : NULL;

	if (e && e->holds && --e->holds == 0 && p->closing)
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
	p = event_slot(&d->events, port);
	if (p) {
		status->state = p->state;
		status->remote_domid = p->remote_domid;
		status->remote_port = p->remote_port;
		status->virq = p->virq;
		status->vcpu = p->vcpu;
	}
	domain_unlock(d);
	return 0;
}

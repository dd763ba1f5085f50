/* SPDX-License-Identifier: MIT */
/*
 * Event channels: who may bind to whom, and what closing leaves behind, as Xen's
 * public/event_channel.h has it. Delivery (2-level, FIFO, pipes) is the domain's
 * own, through domain_ops.raise.
 *
 * Functions return 0 (or a port, which is positive) or -errno with the meanings of
 * Xen's EVTCHNOP_*. They take the locks that they need; call them with none held.
 */
#ifndef SLUICE_HYPERVISOR_EVENT_H
#define SLUICE_HYPERVISOR_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

struct domain;
struct domain_set;
struct event_abi;
struct event_pool;

#define EVENT_MAX_PORTS 131072u
#define EVENT_NR_VIRQS 24u
#define EVENT_MAX_VCPUS 64u /* see struct event_port */
#define EVENT_OWNER_RINGS 256u /* a power of two */

enum event_state {
	EVENT_FREE,
	EVENT_RESERVED, /* never handed out: port 0 */
	EVENT_UNBOUND,  /* waits for remote_domid to bind */
	EVENT_INTERDOMAIN,
	EVENT_VIRQ,
	EVENT_IPI,
};

/**
 * struct event_port - what an event needs of one end of a channel, and no more: with 100,000
 * channels its cost is that of the cache lines it touches. The rest is in event-table.h.
 */
struct event_port {
	uint64_t state : 3;   /* enum event_state */
	uint64_t side : 1;    /* which end of its link this is: 0 or 1 */
	uint64_t latched : 1; /* pending, but the FIFO ABI has no array page for it yet */
	uint64_t closing : 1; /* its owner closed it; it lives until nobody holds it */
	uint64_t virq : 5;
	uint64_t vcpu : 6;     /* whom it notifies */
	uint64_t priority : 4; /* of the FIFO ABI: for what is raised from now on */
	/* The queue that it was linked into last. The guest's memory still says so when the port
	 * is closed and taken again: kept until then. */
	uint64_t last_priority : 4;
	uint64_t last_vcpu : 6;
	uint64_t remote_port : 17;
	uint64_t remote_domid : 15;
};
_Static_assert(sizeof(struct event_port) == 8, "struct event_port has grown");
_Static_assert(EVENT_MAX_PORTS == 1u << 17, "port numbers have 17 bits");

/** struct event_table - a domain's ports, in chunks made on demand. */
struct event_table {
	struct event_pool *pool; /* NULL until the first port is taken */
	struct event_abi *abi;   /* set by event_abi_new(); NULL: not a vm */
	uint32_t max;            /* ports that may be in use */
	uint32_t used;
	uint32_t nr_vcpus;
	uint32_t owned[EVENT_OWNER_RINGS]; /* a port of each ring, by the owner's hash */
	uint32_t virq_port[EVENT_MAX_VCPUS][EVENT_NR_VIRQS]; /* global ones at vCPU 0 */
};

void event_table_init(struct event_table *t, uint32_t max);
void event_table_fini(struct event_table *t);

/** event_port_get() - a port in use, or NULL. Under the domain's lock. */
struct event_port *event_port_get(struct domain *d, uint32_t port);
/** event_port_link() - what delivery has for a port in use; NULL: nothing. Under the lock. */
void *event_port_link(struct domain *d, uint32_t port);

/**
 * event_alloc_unbound() - a port that @remote_domid (DOMID_SELF allowed) may bind to.
 * @link: side 0 of it is this port's; the channel's from then on, if this succeeds
 *
 * Return: the port; -EINVAL: a reserved domid; -ENOSPC: the quota is used up; -ENOMEM.
 */
int event_alloc_unbound(
	struct domain *d, uint32_t remote_domid, void *owner, void *link) must_check;

/**
 * event_bind_interdomain() - connect to a port that waits for @d.
 * @link: an end of @d's own making, for a remote of the other kind (vm, process): then it
 *	becomes side 0 of the new port and *@link NULL. With a remote of its kind the port
 *	shares the remote's link, and *@link stays the caller's. NULL: @d has none.
 *
 * The new port is pending at once, as in Xen: what was sent before nobody was bound
 * may have been lost. Return: the port; -ESRCH: no such domain; -EINVAL: the
 * remote port does not wait for @d; -ENOSPC; -ENOMEM; what domain_ops.bound returned.
 */
int event_bind_interdomain(struct domain_set *set, struct domain *d, uint32_t remote_domid,
	uint32_t remote_port, void *owner, void **link) must_check;

/**
 * event_virq_is_global() - one for the domain; the others (timer, debug, profiling)
 * are bound on each vCPU and stay there.
 */
bool event_virq_is_global(uint32_t virq);
/**
 * event_bind_virq() - on vCPU 0.
 * @link: as for event_alloc_unbound()
 *
 * Return: the port; -EINVAL: no such virq, or a global one elsewhere than on vCPU 0; -ENOENT:
 * no such vCPU; -EEXIST: it is bound; -ENOSPC; -ENOMEM.
 */
int event_bind_virq(struct domain *d, uint32_t virq, void *owner, void *link) must_check;
/** event_bind_virq_vcpu() - the same on @vcpu. */
int event_bind_virq_vcpu(
	struct domain *d, uint32_t virq, uint32_t vcpu, void *owner, void *link) must_check;
/** event_bind_ipi() - a port that the domain itself sends on. The port; -ENOENT; -ENOSPC; -ENOMEM. */
int event_bind_ipi(struct domain *d, uint32_t vcpu) must_check;
/**
 * event_bind_vcpu() - have @port notify @vcpu. 0; -ENOENT: no such vCPU; -EINVAL: no such port,
 * or an IPI or per-vCPU virq, which stay where they are.
 */
int event_bind_vcpu(struct domain *d, uint32_t port, uint32_t vcpu) must_check;

/**
 * event_close() - close a port; the other end waits for this domain again (UNBOUND),
 * with the same link, so that a successor may bind to it. The link is freed unless the
 * other end shares it.
 * @owner: only a port with this mark is closed (NULL: any)
 *
 * Return: 0, or -EINVAL: no such port.
 */
int event_close(struct domain_set *set, struct domain *d, uint32_t port, void *owner);
/** event_close_owned() - close all ports with the mark @owner, all ports when it is NULL. */
void event_close_owned(struct domain_set *set, struct domain *d, void *owner);

/** event_reset() - EVTCHNOP_reset: close all ports, and back to the 2-level ABI. */
void event_reset(struct domain_set *set, struct domain *d);

/**
 * event_send() - raise the other end, or the port itself if it is an IPI; on an unbound port
 * nothing happens. 0 or -EINVAL.
 */
int event_send(struct domain_set *set, struct domain *d, uint32_t port);
/** event_raise_virq() - raise the port that the global @virq is bound to, if one is. */
void event_raise_virq(struct domain *d, uint32_t virq);
/** event_raise_virq_vcpu() - the same for one that each vCPU has. */
void event_raise_virq_vcpu(struct domain *d, uint32_t virq, uint32_t vcpu);

/**
 * event_hold() - keep a port sendable, also when its owner closes it, until
 * event_unhold(). For unmap notifications. 0, -EINVAL: no such port, -EOVERFLOW.
 */
int event_hold(struct domain *d, uint32_t port) must_check;
void event_unhold(struct domain_set *set, struct domain *d, uint32_t port);

/** struct event_status - EVTCHNOP_status */
struct event_status {
	enum event_state state;
	uint32_t remote_domid; /* UNBOUND, INTERDOMAIN */
	uint32_t remote_port;  /* INTERDOMAIN */
	uint32_t virq;
	uint32_t vcpu;
};
/** event_status() - a free port is EVENT_FREE, not an error; -EINVAL: beyond any port. */
int event_status(struct domain *d, uint32_t port, struct event_status *status);

#endif

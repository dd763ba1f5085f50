// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/domain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void domain_set_init(struct domain_set *set)
{
	memset(set, 0, sizeof(*set));
	pthread_mutex_init(&set->lock, NULL);
}

void domain_set_fini(struct domain_set *set)
{
	pthread_mutex_destroy(&set->lock);
}

int domain_init(struct domain *d, const char *name, const struct domain_ops *ops,
	const struct domain_limits *limits, grant_entry_v1_t *grant_entries)
{
	int rc;

	memset(d, 0, sizeof(*d));
	d->domid = DOMID_INVALID;
	snprintf(d->name, sizeof(d->name), "%s", name);
	d->ops = ops;
	d->refs = 1;
	pthread_mutex_init(&d->lock, NULL);
	event_table_init(&d->events, limits->max_ports);
	grant_maptrack_init(&d->maptrack, limits->max_mapped);
	rc = grant_table_init(&d->grants, grant_entries, limits->max_grants);
	if (rc < 0)
		domain_fini(d);
	return rc;
}

void domain_fini(struct domain *d)
{
	event_table_fini(&d->events);
	grant_table_fini(&d->grants);
	grant_maptrack_fini(&d->maptrack);
	pthread_mutex_destroy(&d->lock);
}

/* The domid to use, or -errno. Under the set's lock. */
static int set_choose(struct domain_set *set, uint32_t domid)
{
	if (domid != DOMID_SELF) {
		if (domid >= DOMID_FIRST_RESERVED)
			return -EINVAL;
		return set->by_id[domid] ? -EEXIST : (int)domid;
	}
	for (domid = 1; domid < DOMID_FIRST_RESERVED; domid++)
		if (!set->by_id[domid])
			return domid;
	return -ENOSPC;
}

int domain_set_add(struct domain_set *set, struct domain *d, uint32_t domid)
{
	int id;

	pthread_mutex_lock(&set->lock);
	id = set_choose(set, domid);
	if (id >= 0) {
		set->by_id[id] = d;
		d->domid = id;
		d->refs++;
	}
	pthread_mutex_unlock(&set->lock);
	return id < 0 ? id : 0;
}

void domain_set_remove(struct domain_set *set, struct domain *d)
{
	pthread_mutex_lock(&set->lock);
	set->by_id[d->domid] = NULL;
	pthread_mutex_unlock(&set->lock);
	domain_put(set, d);
}

struct domain *domain_get(struct domain_set *set, struct domain *self, uint32_t domid)
{
	struct domain *d = NULL;

	pthread_mutex_lock(&set->lock);
	if (domid == DOMID_SELF)
		d = self;
	else if (domid < DOMID_FIRST_RESERVED)
		d = set->by_id[domid];
	if (d)
		d->refs++;
	pthread_mutex_unlock(&set->lock);
	return d;
}

void domain_hold(struct domain_set *set, struct domain *d)
{
	pthread_mutex_lock(&set->lock);
	d->refs++;
	pthread_mutex_unlock(&set->lock);
}

void domain_put(struct domain_set *set, struct domain *d)
{
	bool last;

	pthread_mutex_lock(&set->lock);
	last = --d->refs == 0;
	pthread_mutex_unlock(&set->lock);
	if (last)
		d->ops->release(d);
}

void domain_lock(struct domain *d)
{
	pthread_mutex_lock(&d->lock);
}

void domain_unlock(struct domain *d)
{
	pthread_mutex_unlock(&d->lock);
}

/*
 * A domain that was removed from the set keeps its domid while it is still
 * mapped, and a new one may have the same: the address then decides.
 */
static bool domain_before(const struct domain *a, const struct domain *b)
{
	return a->domid != b->domid ? a->domid < b->domid : a < b;
}

void domain_lock_pair(struct domain *a, struct domain *b)
{
	if (a == b) {
		domain_lock(a);
	} else if (domain_before(a, b)) {
		domain_lock(a);
		domain_lock(b);
	} else {
		domain_lock(b);
		domain_lock(a);
	}
}

void domain_unlock_pair(struct domain *a, struct domain *b)
{
	domain_unlock(a);
	if (a != b)
		domain_unlock(b);
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/net/mcast.h"

#include <errno.h>
#include <string.h>

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

void mcast_init(struct mcast *m, void (*changed)(void *opaque, const struct mcast_list *list),
	void *opaque)
{
	memset(m, 0, sizeof(*m));
	pthread_mutex_init(&m->lock, NULL);
	m->changed = changed;
	m->opaque = opaque;
}

void mcast_dispose(struct mcast *m)
{
	pthread_mutex_destroy(&m->lock);
}

void mcast_set_on(struct mcast *m, bool on)
{
	__atomic_store_n(&m->on, on, __ATOMIC_RELEASE);
}

static void mcast_tell(struct mcast *m)
{
	if (m->changed)
		m->changed(m->opaque, &m->list);
}

void mcast_set_list(struct mcast *m, const struct mcast_list *list)
{
	pthread_mutex_lock(&m->lock);
	m->list = *list;
	if (m->list.count > MCAST_MAX)
		m->list.count = 0;
	mcast_tell(m);
	pthread_mutex_unlock(&m->lock);
}

/* MCAST_MAX: it is not there. */
static uint32_t mcast_find(const struct mcast *m, const uint8_t addr[6])
{
	for (uint32_t i = 0; i < m->list.count; i++)
		if (memcmp(m->list.addr[i], addr, 6) == 0)
			return i;
	return MCAST_MAX;
}

static int mcast_add(struct mcast *m, const uint8_t addr[6])
{
	if (mcast_find(m, addr) < MCAST_MAX)
		return 0;
	if (m->list.count == MCAST_MAX)
		return -ENOSPC;
	memcpy(m->list.addr[m->list.count++], addr, 6);
	mcast_tell(m);
	return 0;
}

static int mcast_del(struct mcast *m, const uint8_t addr[6])
{
	uint32_t at = mcast_find(m, addr);

	if (at == MCAST_MAX)
		return 0;
	memcpy(m->list.addr[at], m->list.addr[--m->list.count], 6);
	mcast_tell(m);
	return 0;
}

int mcast_change(struct mcast *m, bool add, const uint8_t addr[6])
{
	int rc;

	if (!(addr[0] & 1))
		return -EINVAL;
	pthread_mutex_lock(&m->lock);
	rc = add ? mcast_add(m, addr) : mcast_del(m, addr);
	pthread_mutex_unlock(&m->lock);
	return rc;
}

bool mcast_passes(struct mcast *m, const uint8_t addr[6])
{
	bool passes;

	if (!(addr[0] & 1) || !__atomic_load_n(&m->on, __ATOMIC_ACQUIRE) ||
		memcmp(addr, broadcast, 6) == 0)
		return true;
	pthread_mutex_lock(&m->lock);
	passes = mcast_find(m, addr) < MCAST_MAX;
	pthread_mutex_unlock(&m->lock);
	return passes;
}

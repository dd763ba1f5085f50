// SPDX-License-Identifier: MIT
/* The record's file. Control thread, but for the inlines and the list of groups. */
#include "config.h"
#include "backends/net/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backends/common/state-file.h"

_Static_assert(sizeof(struct netif_tx_response) <= RECORD_RESPONSE, "a response has its room");
_Static_assert(sizeof(struct netif_rx_response) <= RECORD_RESPONSE, "a response has its room");
_Static_assert(sizeof(struct netif_extra_info) <= RECORD_RESPONSE, "an extra has its room");

struct record {
	int fd;
	struct record_page *page;
	struct record_page *predecessor;
};

/* --- reading ---------------------------------------------------------------------------- */

static bool record_is_ours(const struct record_page *p, const char *device, uint32_t frontend_domid)
{
	return p->magic == RECORD_MAGIC && p->version == RECORD_VERSION && p->size == sizeof(*p) &&
	       p->frontend_domid == frontend_domid &&
	       memchr(p->device, '\0', sizeof(p->device)) && strcmp(p->device, device) == 0;
}

/* A mapping with an entry beyond the queues would choose one that is not there. */
static bool record_is_hash(const struct record_hash *s)
{
	if (s->key_len > NETIF_HASH_KEY_MAX || s->mapping_size > NETIF_HASH_MAPPING_MAX)
		return false;
	for (uint32_t i = 0; i < s->mapping_size; i++)
		if (s->mapping[i] >= NETIF_MAX_QUEUES)
			return false;
	return s->algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE ||
	       s->algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ;
}

/* Each word that steers what a successor does; it may have been written by anybody. */
static bool record_is_sane(const struct record_page *p)
{
	if (p->mcast_current > 1 || p->mcast[p->mcast_current].count > MCAST_MAX ||
		p->ctrl.active > 1 || p->broken > 1)
		return false;
	for (unsigned i = 0; i < NETIF_MAX_QUEUES; i++) {
		const struct record_queue *q = &p->queue[i];

		if (q->active > 1 || (uint32_t)q->tx.commit > RECORD_SLOTS ||
			(uint32_t)q->rx.commit > RECORD_SLOTS)
			return false;
	}
	return !p->ctrl.active ||
	       ((uint32_t)p->ctrl.commit <= (RECORD_ANSWERED | 1u) &&
		       record_is_hash(&p->ctrl.state[record_ctrl_state(p->ctrl.commit)]));
}

static bool record_read(int fd, const char *device, uint32_t frontend_domid, struct record_page *copy)
{
	return pread(fd, copy, sizeof(*copy), 0) == (ssize_t)sizeof(*copy) &&
	       record_is_ours(copy, device, frontend_domid) && record_is_sane(copy);
}

static bool record_is_connected(const struct record_page *p)
{
	for (unsigned i = 0; i < NETIF_MAX_QUEUES; i++)
		if (p->queue[i].active)
			return true;
	return false;
}

/* --- the file --------------------------------------------------------------------------- */

/* All of it is reserved now, or a full tmpfs would be a SIGBUS later. */
static int record_reserve(struct record *r, bool keep)
{
	int rc;

	if ((!keep && ftruncate(r->fd, 0) < 0) || ftruncate(r->fd, sizeof(*r->page)) < 0)
		return -errno;
	rc = posix_fallocate(r->fd, 0, sizeof(*r->page));
	if (rc)
		return -rc;
	r->page = mmap(NULL, sizeof(*r->page), PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (r->page != MAP_FAILED)
		return 0;
	r->page = NULL;
	return -errno;
}

static void record_write_header(struct record_page *p, const char *device, uint32_t frontend_domid)
{
	p->version = RECORD_VERSION;
	p->size = sizeof(*p);
	p->frontend_domid = frontend_domid;
	snprintf(p->device, sizeof(p->device), "%s", device);
	/* Last: a file without it is no record. */
	__atomic_store_n(&p->magic, RECORD_MAGIC, __ATOMIC_RELEASE);
}

static int record_prepare(struct record *r, const char *device, uint32_t frontend_domid)
{
	bool found;
	int rc;

	r->predecessor = malloc(sizeof(*r->predecessor));
	if (!r->predecessor)
		return -ENOMEM;
	found = record_read(r->fd, device, frontend_domid, r->predecessor);
	rc = record_reserve(r, found);
	if (rc < 0)
		return rc;
	if (!found)
		record_write_header(r->page, device, frontend_domid);
	if (!found || !record_is_connected(r->predecessor))
		record_settle(r);
	return 0;
}

int record_open(const char *where, const char *device, uint32_t frontend_domid,
	struct record **record)
{
	bool given = strncmp(where, "fd:", 3) == 0;
	struct record *r;
	int rc;

	if (strlen(device) >= RECORD_DEVICE_MAX)
		return -ENAMETOOLONG;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->fd = state_file_open(where);
	rc = r->fd < 0 ? r->fd : state_file_lock(r->fd);
	if (rc == -EBUSY && given) {
		free(r);
		return rc;
	}
	if (rc == 0)
		rc = record_prepare(r, device, frontend_domid);
	if (rc < 0)
		record_close(r);
	else
		*record = r;
	return rc;
}

void record_close(struct record *r)
{
	if (!r)
		return;
	if (r->page)
		munmap(r->page, sizeof(*r->page));
	if (r->fd >= 0)
		close(r->fd);
	free(r->predecessor);
	free(r);
}

const struct record_page *record_predecessor(const struct record *r)
{
	return r->predecessor;
}

void record_settle(struct record *r)
{
	if (!r)
		return;
	free(r->predecessor);
	r->predecessor = NULL;
}

void record_reset(struct record *r)
{
	const struct mcast_list none = { 0 };

	if (!r)
		return;
	for (unsigned i = 0; i < NETIF_MAX_QUEUES; i++)
		__atomic_store_n(&r->page->queue[i].active, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&r->page->ctrl.active, 0, __ATOMIC_RELEASE);
	record_note_mcast(r, &none);
	__atomic_store_n(&r->page->broken, 0, __ATOMIC_RELEASE);
	record_settle(r);
}

/* --- queues ------------------------------------------------------------------------------ */

struct record_queue *record_begin(struct record *r, unsigned queue,
	const struct netif_queue_nodes *nodes)
{
	struct record_queue *q;

	if (!r)
		return NULL;
	q = &r->page->queue[queue];
	__atomic_store_n(&q->active, 0, __ATOMIC_RELEASE);
	record_clear(&q->tx);
	record_clear(&q->rx);
	q->nodes = *nodes;
	__atomic_store_n(&q->active, 1, __ATOMIC_RELEASE);
	return q;
}

struct record_queue *record_adopt(struct record *r, unsigned queue)
{
	return r ? &r->page->queue[queue] : NULL;
}

struct record_ctrl *record_adopt_ctrl(struct record *r)
{
	return r ? &r->page->ctrl : NULL;
}

void record_end(struct record_queue *q)
{
	if (q)
		__atomic_store_n(&q->active, 0, __ATOMIC_RELEASE);
}

static void record_put_hash(struct record_hash *to, const struct netif_hash_state *from)
{
	to->algorithm = from->algorithm;
	to->flags = from->flags;
	to->key_len = from->key_len;
	memcpy(to->key, from->key, sizeof(to->key));
	to->mapping_size = from->mapping_size;
	memcpy(to->mapping, from->mapping, sizeof(to->mapping));
}

void record_ctrl_hash(const struct record_ctrl *c, struct netif_hash_state *state)
{
	const struct record_hash *from = &c->state[record_ctrl_state(c->commit)];

	memset(state, 0, sizeof(*state));
	state->algorithm = from->algorithm;
	state->flags = from->flags;
	netif_hash_set_key(state, from->key, from->key_len);
	state->mapping_size = from->mapping_size;
	memcpy(state->mapping, from->mapping, sizeof(state->mapping));
}

struct record_ctrl *record_begin_ctrl(struct record *r, uint32_t ring_ref, uint32_t channel,
	const struct netif_hash_state *state)
{
	struct record_ctrl *c;

	if (!r)
		return NULL;
	c = &r->page->ctrl;
	__atomic_store_n(&c->active, 0, __ATOMIC_RELEASE);
	c->ring_ref = ring_ref;
	c->channel = channel;
	record_put_hash(&c->state[0], state);
	__atomic_store_n(&c->commit, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&c->active, 1, __ATOMIC_RELEASE);
	return c;
}

void record_end_ctrl(struct record_ctrl *c)
{
	if (c)
		__atomic_store_n(&c->active, 0, __ATOMIC_RELEASE);
}

void record_ctrl_answer(struct record_ctrl *c, uint32_t index,
	const struct xen_netif_ctrl_response *response, const struct netif_hash_state *state)
{
	unsigned next;

	if (!c)
		return;
	next = !record_ctrl_state(__atomic_load_n(&c->commit, __ATOMIC_RELAXED));
	record_put_hash(&c->state[next], state);
	c->response = *response;
	/* Release: after both; the fence: before the store to the ring. */
	__atomic_store_n(&c->commit, (uint64_t)index << 32 | RECORD_ANSWERED | next, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

void record_ctrl_clear(struct record_ctrl *c)
{
	if (!c)
		return;
	__atomic_signal_fence(__ATOMIC_SEQ_CST); /* not before the ring's index was stored */
	__atomic_store_n(&c->commit, c->commit & 1, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

void record_note_broken(struct record *r)
{
	if (r)
		__atomic_store_n(&r->page->broken, 1, __ATOMIC_RELEASE);
}

void record_note_mcast(struct record *r, const struct mcast_list *list)
{
	uint32_t next;

	if (!r)
		return;
	next = !(__atomic_load_n(&r->page->mcast_current, __ATOMIC_RELAXED) & 1);
	r->page->mcast[next] = *list;
	__atomic_store_n(&r->page->mcast_current, next, __ATOMIC_RELEASE);
}

// SPDX-License-Identifier: MIT
/*
 * Grant tables. The grantor's entries are hostile memory that changes under our
 * hands; everything decided here is decided on one value read once.
 */
#include "config.h"
#include "hypervisor/grant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hypervisor/domain.h"

/* A counter of 8 bits must not wrap: as in Xen no more than 128 pins of a kind. */
#define PIN_MAX 128u
/* How often a grantor may change an entry under our hands before we give up. */
#define PIN_TRIES 5

/* The first 32 bits of an entry, which are exchanged in one piece. */
union grant_word {
	uint32_t raw;
	struct {
		uint16_t flags;
		uint16_t domid;
	};
};

int grant_table_init(struct grant_table *t, grant_entry_v1_t *entries, uint32_t nr)
{
	t->active = calloc(nr, sizeof(*t->active));
	if (!t->active)
		return -ENOMEM;
	t->entries = entries;
	t->nr = nr;
	return 0;
}

void grant_table_fini(struct grant_table *t)
{
	free(t->active);
	t->active = NULL;
	t->nr = 0;
}

void grant_maptrack_init(struct grant_maptrack *t, uint32_t max)
{
	memset(t, 0, sizeof(*t));
	t->max = max;
	t->free = GRANT_NO_HANDLE;
}

void grant_maptrack_fini(struct grant_maptrack *t)
{
	free(t->maps);
	t->maps = NULL;
	t->nr = 0;
}

static uint32_t *entry_word(struct domain *d, uint32_t ref)
{
	return (uint32_t *)&d->grants.entries[ref];
}

/*
 * Sets GTF_reading (and _writing) if the entry grants that to @domid. Also checked
 * for each further pin of a pinned entry: what was revoked gains no new users.
 */
static int entry_pin(struct domain *rd, uint32_t ref, uint32_t domid, bool readonly)
{
	uint32_t *word = entry_word(rd, ref);
	union grant_word old = { .raw = __atomic_load_n(word, __ATOMIC_ACQUIRE) };

	for (int tries = 0; tries < PIN_TRIES; tries++) {
		union grant_word new = old;

		if ((old.flags & (GTF_type_mask | GTF_sub_page)) != GTF_permit_access ||
			old.domid != domid)
			return GNTST_general_error;
		if (!readonly && (old.flags & GTF_readonly))
			return GNTST_general_error;
		new.flags |= readonly ? GTF_reading : GTF_reading | GTF_writing;
		/* Orders our use of the frame after the grant; pairs with grant_entry_set(). */
		if (__atomic_compare_exchange_n(word, &old.raw, new.raw, false, __ATOMIC_SEQ_CST,
			    __ATOMIC_ACQUIRE))
			return GNTST_okay;
	}
	return GNTST_general_error;
}

/* Takes a pin for @domid; the grantor's lock is held. */
static int active_pin(struct domain *rd, uint32_t ref, uint32_t domid, bool readonly)
{
	struct grant_active *act;
	bool pinned;
	int status;

	if (ref >= rd->grants.nr)
		return GNTST_bad_gntref;
	act = &rd->grants.active[ref];
	pinned = act->readers || act->writers;
	if (pinned && act->domid != domid)
		return GNTST_general_error;
	if ((readonly ? act->readers : act->writers) >= PIN_MAX)
		return GNTST_general_error;
	status = entry_pin(rd, ref, domid, readonly);
	if (status != GNTST_okay)
		return status;
	if (!pinned) {
		act->domid = domid;
		act->frame = __atomic_load_n(&rd->grants.entries[ref].frame, __ATOMIC_ACQUIRE);
	}
	if (readonly)
		act->readers++;
	else
		act->writers++;
	return GNTST_okay;
}

static void entry_clear_flags(struct domain *rd, uint32_t ref, uint16_t flags)
{
	/* Our accesses to the page come before the grantor sees it released. */
	__atomic_fetch_and(&rd->grants.entries[ref].flags, (uint16_t)~flags, __ATOMIC_SEQ_CST);
}

/* The grantor's lock is held. */
static void active_unpin(struct domain *rd, uint32_t ref, bool readonly)
{
	struct grant_active *act = &rd->grants.active[ref];

	if (readonly)
		act->readers--;
	else if (--act->writers == 0)
		entry_clear_flags(rd, ref, GTF_writing);
	if (act->readers || act->writers)
		return;
	entry_clear_flags(rd, ref, GTF_reading);
	if (rd->ops->grant_idle)
		rd->ops->grant_idle(rd, ref);
}

/* Under the mapper's lock. */
static uint32_t handle_take(struct grant_maptrack *t)
{
	uint32_t handle = t->free;

	if (t->used >= t->max)
		return GRANT_NO_HANDLE;
	if (handle != GRANT_NO_HANDLE) {
		t->free = t->maps[handle].next_free;
	} else {
		uint32_t nr = t->nr ? t->nr * 2 : 64;
		struct grant_mapping *maps = realloc(t->maps, nr * sizeof(*maps));

		if (!maps)
			return GRANT_NO_HANDLE;
		memset(maps + t->nr, 0, (nr - t->nr) * sizeof(*maps));
		for (uint32_t i = t->nr + 1; i < nr; i++)
			maps[i].next_free = i + 1 < nr ? i + 1 : GRANT_NO_HANDLE;
		handle = t->nr;
		t->free = handle + 1;
		t->maps = maps;
		t->nr = nr;
	}
	t->used++;
	return handle;
}

static void handle_free(struct grant_maptrack *t, uint32_t handle)
{
	t->maps[handle] = (struct grant_mapping){ .next_free = t->free };
	t->free = handle;
	t->used--;
}

/* Both locks held. On success the reference of @rd goes to the handle. */
static int map_locked(struct domain *ld, struct domain *rd, uint32_t ref, uint32_t flags,
	struct grant_mapped *out)
{
	bool readonly = flags & GNTMAP_readonly;
	uint32_t handle = handle_take(&ld->maptrack);
	int status;

	if (handle == GRANT_NO_HANDLE)
		return GNTST_no_space;
	status = active_pin(rd, ref, ld->domid, readonly);
	if (status != GNTST_okay) {
		handle_free(&ld->maptrack, handle);
		return status;
	}
	ld->maptrack.maps[handle] =
		(struct grant_mapping){ .grantor = rd, .ref = ref, .readonly = readonly };
	out->handle = handle;
	out->grantor = rd;
	out->frame = rd->grants.active[ref].frame;
	return GNTST_okay;
}

int grant_map(struct domain_set *set, struct domain *d, uint32_t domid, uint32_t ref,
	uint32_t flags, struct grant_mapped *out)
{
	struct domain *rd;
	int status;

	if ((flags & ~(GNTMAP_host_map | GNTMAP_readonly)) || !(flags & GNTMAP_host_map))
		return GNTST_bad_gntref;
	rd = domain_get(set, d, domid);
	if (!rd)
		return GNTST_bad_domain;
	domain_lock_pair(d, rd);
	status = map_locked(d, rd, ref, flags, out);
	domain_unlock_pair(d, rd);
	if (status != GNTST_okay)
		domain_put(set, rd);
	return status;
}

int grant_unmap(struct domain_set *set, struct domain *d, uint32_t handle)
{
	struct grant_mapping map = { 0 };

	domain_lock(d);
	if (handle < d->maptrack.nr)
		map = d->maptrack.maps[handle];
	if (map.grantor)
		handle_free(&d->maptrack, handle);
	domain_unlock(d);
	if (!map.grantor)
		return GNTST_bad_handle;
	domain_lock(map.grantor);
	active_unpin(map.grantor, map.ref, map.readonly);
	domain_unlock(map.grantor);
	domain_put(set, map.grantor);
	return GNTST_okay;
}

/* Pins one end of a copy; @page is where its bytes are, @rd a reference or NULL. */
static int copy_pin(struct domain_set *set, struct domain *d, const struct grant_copy_end *end,
	bool readonly, struct domain **rd, uint8_t **page)
{
	int status;

	*rd = NULL;
	if (!end->is_ref) {
		*page = end->local;
		return GNTST_okay;
	}
	*rd = domain_get(set, d, end->domid);
	if (!*rd)
		return GNTST_bad_domain;
	domain_lock(*rd);
	status = active_pin(*rd, end->ref, d->domid, readonly);
	if (status == GNTST_okay) {
		*page = (*rd)->ops->frame_hold(
			*rd, (*rd)->grants.active[end->ref].frame, !readonly);
		if (*page) {
			*page += end->offset;
		} else {
			active_unpin(*rd, end->ref, readonly);
			status = GNTST_bad_page;
		}
	}
	domain_unlock(*rd);
	if (status != GNTST_okay) {
		domain_put(set, *rd);
		*rd = NULL;
	}
	return status;
}

static void copy_unpin(struct domain_set *set, const struct grant_copy_end *end, bool readonly,
	struct domain *rd)
{
	if (!rd)
		return;
	domain_lock(rd);
	rd->ops->frame_release(rd, rd->grants.active[end->ref].frame);
	active_unpin(rd, end->ref, readonly);
	domain_unlock(rd);
	domain_put(set, rd);
}

int grant_copy(struct domain_set *set, struct domain *d, const struct grant_copy_op *op)
{
	struct domain *srd, *drd;
	uint8_t *src, *dst;
	int status;

	if (!op->source.is_ref && !op->dest.is_ref)
		return GNTST_bad_copy_arg;
	if ((op->source.is_ref && op->source.offset + op->len > (int)DOMAIN_PAGE_SIZE) ||
		(op->dest.is_ref && op->dest.offset + op->len > (int)DOMAIN_PAGE_SIZE))
		return GNTST_bad_copy_arg;
	status = copy_pin(set, d, &op->source, true, &srd, &src);
	if (status != GNTST_okay)
		return status;
	status = copy_pin(set, d, &op->dest, false, &drd, &dst);
	if (status == GNTST_okay) {
		memmove(dst, src, op->len);
		copy_unpin(set, &op->dest, false, drd);
	}
	copy_unpin(set, &op->source, true, srd);
	return status;
}

void grant_entry_set(struct domain *d, uint32_t ref, uint32_t domid, uint32_t frame, bool readonly)
{
	union grant_word word = {
		.flags = GTF_permit_access | (readonly ? GTF_readonly : 0),
		.domid = domid,
	};

	d->grants.entries[ref].frame = frame;
	/* The frame before the permission; pairs with the exchange in entry_pin(). */
	__atomic_store_n(entry_word(d, ref), word.raw, __ATOMIC_RELEASE);
}

bool grant_entry_end(struct domain *d, uint32_t ref)
{
	const struct grant_active *act = &d->grants.active[ref];

	entry_clear_flags(d, ref, GTF_type_mask | GTF_readonly);
	return !act->readers && !act->writers;
}

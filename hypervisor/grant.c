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
		(struct grant_mapping){ .grantor = rd, .ref = ref, .readonly = readonly,
			.place = GRANT_NO_PLACE };
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

void grant_place_set(struct domain *d, uint32_t handle, uint64_t place)
{
	domain_lock(d);
	d->maptrack.maps[handle].place = place;
	domain_unlock(d);
}

int grant_place_take(struct domain *d, uint32_t handle, uint64_t place, struct grant_mapped *out)
{
	int status = GNTST_bad_handle;
	struct grant_mapping *map = NULL;

	domain_lock(d);
	if (handle < d->maptrack.nr)
		map = &d->maptrack.maps[handle];
	if (map && map->grantor && map->place != GRANT_NO_PLACE) {
		status = map->place == place ? GNTST_okay : GNTST_general_error;
		if (status == GNTST_okay) {
			map->place = GRANT_NO_PLACE;
			out->grantor = map->grantor;
			/* It stays as it is while it is pinned. */
			out->frame = map->grantor->grants.active[map->ref].frame;
		}
	}
	domain_unlock(d);
	return status;
}

bool grant_place_next(struct domain *d, uint32_t *handle, uint64_t *place)
{
	bool found = false;

	domain_lock(d);
	for (; *handle < d->maptrack.nr; ++*handle) {
		const struct grant_mapping *map = &d->maptrack.maps[*handle];

		found = map->grantor && map->place != GRANT_NO_PLACE;
		*place = map->place;
		if (found)
			break;
	}
	domain_unlock(d);
	return found;
}

void grant_copier_init(struct grant_copier *c, struct domain_set *set, struct domain *d)
{
	memset(c, 0, sizeof(*c));
	c->set = set;
	c->d = d;
}

static void pin_drop(struct grant_copier *c, struct grant_copy_pin *pin, bool readonly)
{
	if (!pin->grantor)
		return;
	if (pin->pinned) {
		domain_lock(pin->grantor);
		active_unpin(pin->grantor, pin->ref, readonly);
		domain_unlock(pin->grantor);
	}
	domain_put(c->set, pin->grantor);
	pin->grantor = NULL;
	pin->pinned = false;
}

void grant_copier_end(struct grant_copier *c)
{
	pin_drop(c, &c->source, true);
	pin_drop(c, &c->dest, false);
}

/* Exchanges the pin of the operation before, of the same domain, for that of @ref. */
static int pin_change(struct grant_copier *c, struct grant_copy_pin *pin, uint32_t ref,
	bool readonly)
{
	struct domain *rd = pin->grantor;
	int status;

	domain_lock(rd);
	if (pin->pinned)
		active_unpin(rd, pin->ref, readonly);
	status = active_pin(rd, ref, c->d->domid, readonly);
	pin->pinned = status == GNTST_okay;
	if (pin->pinned) {
		pin->ref = ref;
		pin->frame = rd->grants.active[ref].frame;
	}
	domain_unlock(rd);
	return status;
}

/* Pins a grant, unless the operation before had it pinned the same way. */
static int pin_take(struct grant_copier *c, struct grant_copy_pin *pin,
	const struct grant_copy_end *end, bool readonly)
{
	if (pin->grantor && pin->domid != end->domid)
		pin_drop(c, pin, readonly);
	if (!pin->grantor) {
		pin->grantor = domain_get(c->set, c->d, end->domid);
		pin->domid = end->domid;
	}
	if (!pin->grantor)
		return GNTST_bad_domain;
	if (pin->pinned && pin->ref == end->ref)
		return GNTST_okay;
	return pin_change(c, pin, end->ref, readonly);
}

/* An end of a copy while it is done: its bytes, and what holds them in place. */
struct copy_held {
	uint8_t *bytes; /* NULL: there is no such page */
	struct domain *d; /* NULL: nothing is to be released */
	uint32_t frame;
};

static struct copy_held end_hold(struct grant_copier *c, const struct grant_copy_pin *pin,
	const struct grant_copy_end *end, bool write)
{
	struct copy_held h = { .bytes = end->local };

	if (end->kind == GRANT_COPY_LOCAL)
		return h;
	h.d = end->kind == GRANT_COPY_FRAME ? c->d : pin->grantor;
	h.frame = end->kind == GRANT_COPY_FRAME ? end->frame : pin->frame;
	h.bytes = h.d->ops->frame_hold(h.d, h.frame, write);
	if (h.bytes)
		h.bytes += end->offset;
	else
		h.d = NULL;
	return h;
}

static void end_release(const struct copy_held *h)
{
	if (h->d)
		h->d->ops->frame_release(h->d, h->frame);
}

/* Who holds two pages holds the one of the lower domain first, as with locks. */
static bool dest_first(struct grant_copier *c, const struct grant_copy_op *op)
{
	const struct domain *src = op->source.kind == GRANT_COPY_REF ? c->source.grantor : c->d;
	const struct domain *dst = op->dest.kind == GRANT_COPY_REF ? c->dest.grantor : c->d;

	return (uintptr_t)dst < (uintptr_t)src;
}

/* Both ends are pinned, and no lock is held: pages may only be held without. */
static int copy_bytes(struct grant_copier *c, const struct grant_copy_op *op)
{
	struct copy_held src, dst;
	int status = GNTST_bad_page;

	if (dest_first(c, op)) {
		dst = end_hold(c, &c->dest, &op->dest, true);
		src = end_hold(c, &c->source, &op->source, false);
	} else {
		src = end_hold(c, &c->source, &op->source, false);
		dst = end_hold(c, &c->dest, &op->dest, true);
	}
	if (src.bytes && dst.bytes) {
		memmove(dst.bytes, src.bytes, op->len);
		status = GNTST_okay;
	}
	end_release(&dst);
	end_release(&src);
	return status;
}

static bool end_crosses(const struct grant_copy_end *end, uint16_t len)
{
	return end->kind != GRANT_COPY_LOCAL && end->offset + len > (int)DOMAIN_PAGE_SIZE;
}

int grant_copier_copy(struct grant_copier *c, const struct grant_copy_op *op)
{
	int status = GNTST_okay;

	if (op->source.kind == GRANT_COPY_LOCAL && op->dest.kind == GRANT_COPY_LOCAL)
		return GNTST_bad_copy_arg;
	if (op->source.kind == GRANT_COPY_REF)
		status = pin_take(c, &c->source, &op->source, true);
	if (status == GNTST_okay && op->dest.kind == GRANT_COPY_REF)
		status = pin_take(c, &c->dest, &op->dest, false);
	if (status != GNTST_okay)
		return status;
	/* Last, as in Xen: what is not granted is said first. */
	if (end_crosses(&op->source, op->len) || end_crosses(&op->dest, op->len))
		return GNTST_bad_copy_arg;
	return copy_bytes(c, op);
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

int grant_swap(struct domain *d, uint32_t a, uint32_t b)
{
	const struct grant_table *t = &d->grants;
	int status = GNTST_okay;

	if (a >= t->nr || b >= t->nr)
		return GNTST_bad_gntref;
	domain_lock(d);
	if (t->active[a].readers || t->active[a].writers || t->active[b].readers ||
		t->active[b].writers) {
		status = GNTST_eagain;
	} else if (a != b) {
		grant_entry_v1_t tmp = t->entries[a];

		t->entries[a] = t->entries[b];
		t->entries[b] = tmp;
	}
	domain_unlock(d);
	return status;
}

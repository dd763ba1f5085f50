/* SPDX-License-Identifier: MIT */
/*
 * Grant tables, version 1: who may map or copy which frame, with the statuses of
 * Xen's public/grant_table.h (GNTST_*).
 *
 * The grantor may change its entries at any time, also while one is being pinned:
 * an entry is read once and pinned by one 32-bit compare-and-exchange of flags and
 * domid. GTF_reading and GTF_writing stay set while it is pinned.
 *
 * Functions take the locks that they need; call them with none held.
 */
#ifndef SLUICE_HYPERVISOR_GRANT_H
#define SLUICE_HYPERVISOR_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/grant_table.h>

#include "common/cleanup.h"

struct domain;
struct domain_set;

/** struct grant_active - what the hypervisor remembers of a pinned entry. */
struct grant_active {
	uint32_t frame;  /* as it was when pinned */
	uint16_t domid;  /* who has it pinned */
	uint8_t readers; /* read-only pins */
	uint8_t writers; /* writable pins */
};

/** struct grant_table - a domain's grants. */
struct grant_table {
	grant_entry_v1_t *entries; /* shared with the grantor; not owned */
	struct grant_active *active;
	uint32_t nr;
};

/** struct grant_mapping - one mapped grant of another domain. */
struct grant_mapping {
	struct domain *grantor; /* a reference; NULL: a free handle */
	uint32_t ref;
	uint32_t next_free;
	bool readonly;
	uint64_t place; /* where a vm has it, or GRANT_NO_PLACE; see grant_place_set() */
};

/** struct grant_maptrack - what a domain has mapped, by handle. */
struct grant_maptrack {
	struct grant_mapping *maps;
	uint32_t nr; /* handles made so far */
	uint32_t max;
	uint32_t used;
	uint32_t free; /* head of the free list, GRANT_NO_HANDLE at its end */
};

#define GRANT_NO_HANDLE UINT32_MAX
#define GRANT_NO_PLACE UINT64_MAX

int grant_table_init(struct grant_table *t, grant_entry_v1_t *entries, uint32_t nr) must_check;
void grant_table_fini(struct grant_table *t);
void grant_maptrack_init(struct grant_maptrack *t, uint32_t max);
void grant_maptrack_fini(struct grant_maptrack *t);

/** struct grant_mapped - what a successful map gives. */
struct grant_mapped {
	uint32_t handle;
	struct domain *grantor; /* held by the handle, valid until it is unmapped */
	uint32_t frame;
};

/**
 * grant_map() - map @ref of @domid for @d.
 * @flags: GNTMAP_host_map, and GNTMAP_readonly or not; no other
 *
 * Return: GNTST_okay; _bad_gntref: bad flags or no such entry; _bad_domain; _no_space:
 * no handle is left; _general_error: not granted to @d, or read-only, or pinned too often.
 */
int grant_map(struct domain_set *set, struct domain *d, uint32_t domid, uint32_t ref,
	uint32_t flags, struct grant_mapped *out) must_check;
/** grant_unmap() - Return: GNTST_okay or GNTST_bad_handle. */
int grant_unmap(struct domain_set *set, struct domain *d, uint32_t handle);

/**
 * grant_place_set() - for mappers whose threads race: @handle, a mapped one of the caller's
 * own making, shows its page at the frame @place of @d from now on.
 */
void grant_place_set(struct domain *d, uint32_t handle, uint64_t place);
/**
 * grant_place_take() - @handle has no place any more; the caller alone may now take the page
 * away and grant_unmap() it, and @out (but for its handle) stays valid until then.
 * Return: GNTST_okay; _bad_handle: it has no place; _general_error: it has another one.
 */
int grant_place_take(struct domain *d, uint32_t handle, uint64_t place, struct grant_mapped *out);
/** grant_place_next() - the lowest handle from *@handle on that has a place. */
bool grant_place_next(struct domain *d, uint32_t *handle, uint64_t *place);

enum grant_copy_kind {
	GRANT_COPY_LOCAL, /* host memory, as long as the copy; checked by the caller */
	GRANT_COPY_REF,   /* a granted page */
	GRANT_COPY_FRAME, /* a page of the copying domain itself */
};

/** struct grant_copy_end - source or destination of a copy. */
struct grant_copy_end {
	enum grant_copy_kind kind;
	uint16_t domid;  /* REF */
	uint16_t offset; /* into the page */
	uint32_t ref;    /* REF */
	uint32_t frame;  /* FRAME */
	void *local;     /* LOCAL */
};
struct grant_copy_op {
	struct grant_copy_end source, dest;
	uint16_t len;
};

/** struct grant_copy_pin - a grant that a copier has pinned, and its domain. */
struct grant_copy_pin {
	struct domain *grantor; /* a reference; NULL: none */
	uint16_t domid;         /* as it was named */
	bool pinned;            /* @ref is */
	uint32_t ref;
	uint32_t frame;
};

/**
 * struct grant_copier - copies a batch. A grant stays pinned for as long as one operation after
 * another names it at the same end; grant_copier_end() must follow soon.
 */
struct grant_copier {
	struct domain_set *set;
	struct domain *d;
	struct grant_copy_pin source, dest;
};

/** grant_copier_init() - @d: who copies. */
void grant_copier_init(struct grant_copier *c, struct domain_set *set, struct domain *d);
/**
 * grant_copier_copy() - copy between granted pages, or between one and memory of the copier's.
 *
 * Return: GNTST_okay; _bad_copy_arg: crosses a page's end, or neither end is a page;
 * _bad_page: there is none, or it may not be written to; _bad_domain, _bad_gntref,
 * _general_error: as for grant_map().
 */
int grant_copier_copy(struct grant_copier *c, const struct grant_copy_op *op) must_check;
void grant_copier_end(struct grant_copier *c);

/**
 * grant_entry_set() - the grantor's own side: grant @frame to @domid. For domains whose
 * entries the hypervisor keeps. The entry must be idle. Under @d's lock.
 */
void grant_entry_set(
	struct domain *d, uint32_t ref, uint32_t domid, uint32_t frame, bool readonly);
/**
 * grant_entry_end() - stop granting; pins that exist go on. Under @d's lock.
 * Return: true when nobody has it pinned (else domain_ops.grant_idle will be called).
 */
bool grant_entry_end(struct domain *d, uint32_t ref);
/**
 * grant_swap() - exchange two entries of @d. Return: GNTST_okay; _bad_gntref;
 * _eagain: one of them is pinned.
 */
int grant_swap(struct domain *d, uint32_t a, uint32_t b);

#endif

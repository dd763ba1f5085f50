/* SPDX-License-Identifier: MIT */
/*
 * What each domain uses of the store, and how much it may. Limits bind
 * unprivileged connections only; domid 0 is counted but never refused. Pure.
 */
#ifndef SLUICE_HYPERVISOR_STORE_QUOTA_H
#define SLUICE_HYPERVISOR_STORE_QUOTA_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

/** struct quota_limits - per domain, unless it says otherwise. */
struct quota_limits {
	unsigned long nodes;             /* nodes owned */
	unsigned long watches;
	unsigned long transactions;      /* open at a time */
	unsigned long transaction_nodes; /* nodes that one transaction touches */
	unsigned long node_size;         /* bytes of value, children's names and permissions of a node */
	unsigned long permissions;       /* entries of one node */
	unsigned long outstanding;       /* replies of one connection that it has not read */
	unsigned long memory;            /* bytes, all that the store keeps for it; an eighth is for its output alone */
};

/** quota_defaults - Xen's, and 2.5 MiB of memory. */
extern const struct quota_limits quota_defaults;

/** struct account - what a domain uses now. */
struct account {
	unsigned long nodes;
	unsigned long watches;
	unsigned long transactions;
	unsigned long memory;
};

/** quota_check() - may @used grow by @more? 0, or @error (a negative errno). */
int quota_check(unsigned long used, unsigned long more, unsigned long limit, int error);

/**
 * quota_check_memory() - may @account keep @more bytes? 0 or -ENOMEM.
 *
 * For all but output, which may use the last eighth as well: a domain that has
 * filled its memory is refused more, but still hears of changes.
 */
int quota_check_memory(const struct quota_limits *limits, const struct account *account,
	unsigned long more);

/**
 * quota_set_by_name() - "nodes", "watches", "transactions", "transaction-nodes",
 * "node-size", "permissions", "outstanding", "memory".
 *
 * Return: 0, -ENOENT (no such quota), -EINVAL (no number), -ERANGE (0 or above 2^31).
 */
int quota_set_by_name(struct quota_limits *limits, const char *name,
	const char *value) must_check;

/** quota_name() - the name and value of the @index-th limit; NULL past the last. */
const char *quota_name(const struct quota_limits *limits, unsigned index,
	unsigned long *value);

#endif

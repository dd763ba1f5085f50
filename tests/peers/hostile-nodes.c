// SPDX-License-Identifier: MIT
/* Store nodes with values that no good frontend writes. */
#include "config.h"
#include "tests/peers/hostile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "xenstore/xsnode.h"

/*
 * Good nodes but for one. The backend must not connect, must say why, and must take the
 * same frontend with good nodes right after.
 */
static int refused(struct peer *p, unsigned order, const char *name, const char *value)
{
	printf("  %s = %.40s\n", name, value ? *value ? value : "(empty)" : "(absent)");
	if (peer_reset_store(p) < 0)
		return -1;
	p->order = order;
	peer_publish(p);
	peer_write(p, name, value);
	peer_write(p, "state", "3");
	if (peer_expect_ended(p) < 0)
		return -1;
	if (peer_state(p) == 4)
		return hostile_fail("it connected");
	return 0;
}

/* A ring of the order that is claimed, so that only the one value is wrong. */
static int prepare(struct peer *p, unsigned order)
{
	if (peer_reset_store(p) < 0)
		return -1;
	p->order = order;
	if (peer_connect(p) < 0)
		return -1;
	return peer_check_works(p);
}

static int refused_all(struct peer *p, unsigned order, const char *name, const char *const *values)
{
	if (prepare(p, order) < 0)
		return -1;
	for (unsigned i = 0; values[i]; i++)
		if (refused(p, order, name, values[i]) < 0)
			return -1;
	return 0;
}

static const char *const bad_numbers[] = { "-1", "garbage", "0x10", "1 ", " 1", "4294967296",
	"18446744073709551616", "99999999999999999999999999999999", "1.5", "%s%n", NULL };

static int ring_page_order(struct peer *p)
{
	static const char *const values[] = { "5", "8", "31", "32", "255", "4294967295", NULL };

	return refused_all(p, 1, "ring-page-order", values) < 0 ||
			       refused_all(p, 1, "ring-page-order", bad_numbers) < 0
		       ? -1
		       : 0;
}

static int ring_ref(struct peer *p)
{
	static const char *const values[] = { "4294967295", "2147483647", "1048576", "", NULL };

	if (refused_all(p, 0, "ring-ref", bad_numbers) < 0 ||
		refused_all(p, 0, "ring-ref", values) < 0)
		return -1;
	return refused(p, 0, "ring-ref", NULL);
}

static int ring_ref_of_many(struct peer *p)
{
	static const char *const values[] = { "4294967295", "garbage", "", NULL };

	if (refused_all(p, 2, "ring-ref3", values) < 0)
		return -1;
	return refused(p, 2, "ring-ref0", NULL);
}

static int event_channel(struct peer *p)
{
	static const char *const values[] = { "0", "4294967295", "2147483647", "131072", "", NULL };

	if (refused_all(p, 0, "event-channel", bad_numbers) < 0 ||
		refused_all(p, 0, "event-channel", values) < 0)
		return -1;
	return refused(p, 0, "event-channel", NULL);
}

static int protocol(struct peer *p)
{
	static char endless[2001];
	const char *const values[] = { "vax-abi", "x86_64-abi ", "X86_64-ABI", "%s%s%s%n", endless,
		NULL };

	memset(endless, 'a', sizeof(endless) - 1);
	return refused_all(p, 0, "protocol", values);
}

static int feature_persistent(struct peer *p)
{
	static const char *const values[] = { "2", "-1", "yes", "4294967297", NULL };

	return refused_all(p, 0, "feature-persistent", values);
}

static int queues(struct peer *p)
{
	static const char *const values[] = { "0", "2", "9", "4294967295", NULL };

	return refused_all(p, 0, "multi-queue-num-queues", values) < 0 ||
			       refused_all(p, 0, "multi-queue-num-queues", bad_numbers) < 0
		       ? -1
		       : 0;
}

/* The older spelling, where ring-page-order is absent. */
static int num_ring_pages(struct peer *p)
{
	static const char *const values[] = { "0", "3", "17", "32", "4294967295", NULL };

	return refused_all(p, 0, "num-ring-pages", values) < 0 ||
			       refused_all(p, 0, "num-ring-pages", bad_numbers) < 0
		       ? -1
		       : 0;
}

/* As long as the store takes: a number of 2000 digits, blanks, anything. */
static int longest_values(struct peer *p)
{
	static const char *const names[] = { "ring-ref", "event-channel", "feature-persistent",
		"multi-queue-num-queues", "ring-page-order", "num-ring-pages", "protocol" };
	static char value[2001];

	if (prepare(p, 0) < 0)
		return -1;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		memset(value, i % 2 ? '1' : '9', sizeof(value) - 1);
		if (refused(p, 0, names[i], value) < 0)
			return -1;
	}
	return 0;
}

/* The store keeps any bytes; what has a NUL inside is no number and no name. */
static int nul_inside(struct peer *p)
{
	static const char *const names[] = { "ring-ref", "event-channel" };
	char path[128];

	if (prepare(p, 0) < 0)
		return -1;
	for (unsigned i = 0; i < 2; i++) {
		if (peer_reset_store(p) < 0)
			return -1;
		peer_publish(p);
		snprintf(path, sizeof(path), "%s/%s", p->dir, names[i]);
		if (!xs_write(p->xs, XBT_NULL, path, "1\0 2", 4))
			return hostile_fail("the store refused it");
		peer_write(p, "state", "3");
		if (peer_expect_ended(p) < 0)
			return -1;
	}
	return 0;
}

/* Only its owner may read it: for the backend it is not there. */
static int unreadable(struct peer *p)
{
	static const char *const names[] = { "ring-ref", "event-channel" };
	struct xs_permissions nobody = { .perms = XS_PERM_NONE };
	char path[128];

	if (prepare(p, 0) < 0 || xsn_own_domid(p->xs, &nobody.id) < 0)
		return -1;
	for (unsigned i = 0; i < 2; i++) {
		if (peer_reset_store(p) < 0)
			return -1;
		peer_publish(p);
		snprintf(path, sizeof(path), "%s/%s", p->dir, names[i]);
		if (!xs_set_permissions(p->xs, XBT_NULL, path, &nobody, 1))
			return hostile_fail("the store refused it");
		peer_write(p, "state", "3");
		if (peer_expect_ended(p) < 0)
			return -1;
	}
	return 0;
}

/* GRUB leaves these empty; empty is absent. */
static int empty_is_absent(struct peer *p)
{
	if (peer_connect(p) < 0 || peer_check_works(p) < 0 || peer_reset_store(p) < 0)
		return -1;
	peer_write(p, "ring-page-order", "");
	peer_write(p, "multi-queue-num-queues", "");
	peer_write(p, "num-ring-pages", "");
	if (peer_connect(p) < 0)
		return -1;
	return peer_check_works(p);
}

/* All pages of the ring are one page: it confuses only itself. */
static int aliased_ring(struct peer *p)
{
	char ref[16];

	if (prepare(p, 2) < 0 || peer_reset_store(p) < 0)
		return -1;
	snprintf(ref, sizeof(ref), "%u", p->q->ring_refs[0]);
	peer_publish(p);
	for (unsigned i = 0; i < 4; i++) {
		char name[24];

		snprintf(name, sizeof(name), "ring-ref%u", i);
		peer_write(p, name, ref);
	}
	peer_write(p, "state", "3");
	if (peer_wait_state(p, 1u << 4 | PEER_ENDED) < 0)
		return -1;
	for (unsigned i = 0; i < 50; i++) {
		peer_put(p, peer_rw(p, BLKIF_OP_READ, 0, 0, 11));
		peer_push(p);
	}
	return 0;
}

const struct hostile_case hostile_nodes[] = {
	{ "rule18-ring-page-order", ring_page_order, true },
	{ "rule18-num-ring-pages", num_ring_pages, true },
	{ "rule18-ring-ref", ring_ref, true },
	{ "rule18-ring-ref-of-many", ring_ref_of_many, true },
	{ "rule18-event-channel", event_channel, true },
	{ "rule18-protocol", protocol, true },
	{ "rule18-feature-persistent", feature_persistent, true },
	{ "rule18-queues", queues, true },
	{ "rule18-longest-values", longest_values, true },
	{ "rule18-ring-pages-are-one-page", aliased_ring, true },
	{ "node-nul-inside", nul_inside, true },
	{ "node-unreadable", unreadable, true },
	{ "node-empty-is-absent", empty_is_absent, true },
	{ NULL, NULL, false },
};

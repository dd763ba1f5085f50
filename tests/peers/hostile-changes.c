// SPDX-License-Identifier: MIT
/*
 * Negotiation nodes that an earlier kernel left behind, that change while the backend
 * reads them, and that change while it serves.
 */
#include "config.h"
#include "tests/peers/hostile.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>
#include <xenstore_lib.h>

#include "xenstore/xsnode.h"

/* ---- stale ones beside fresh ones --------------------------------------------------------- */

/* What is fresh counts: the connection works, on rings that the stale nodes do not name. */
static int fresh_ones_count(struct peer *p)
{
	if (peer_go(p) < 0)
		return -1;
	for (unsigned i = 0; i < p->nqueues; i++) {
		peer_use_queue(p, i);
		if (peer_check_works(p) < 0)
			return -1;
	}
	return 0;
}

static int stale_queues_beside_one_ring(struct peer *p)
{
	if (peer_prepare(p) < 0)
		return -1;
	peer_publish(p);
	for (unsigned i = 0; i < 8; i++) {
		char name[40];

		snprintf(name, sizeof(name), "queue-%u/ring-ref", i);
		peer_write(p, name, "77777");
		snprintf(name, sizeof(name), "queue-%u/event-channel", i);
		peer_write(p, name, "garbage");
	}
	return fresh_ones_count(p);
}

static int stale_ring_beside_queues(struct peer *p)
{
	p->nqueues = 2;
	if (peer_offered(p, "multi-queue-max-queues") < 2)
		return 0; /* one CPU, one ring */
	if (peer_prepare(p) < 0)
		return -1;
	peer_publish(p);
	peer_write(p, "ring-ref", "77777");
	peer_write(p, "ring-ref0", "");
	peer_write(p, "event-channel", "77777");
	return fresh_ones_count(p);
}

static int stale_ref_beside_order(struct peer *p)
{
	p->order = 2;
	if (peer_prepare(p) < 0)
		return -1;
	peer_publish(p);
	peer_write(p, "ring-ref", "77777");
	peer_write(p, "num-ring-pages", "16");
	return fresh_ones_count(p);
}

static int stale_refs_without_order(struct peer *p)
{
	if (peer_prepare(p) < 0)
		return -1;
	peer_publish(p);
	peer_write(p, "ring-ref0", "77777");
	peer_write(p, "ring-ref1", "88888");
	peer_write(p, "ring-page-order", "");
	return fresh_ones_count(p);
}

/* All nodes are those of a connection that ended: its grants and its channel are gone. */
static int stale_connection(struct peer *p)
{
	if (peer_connect(p) < 0 || peer_check_works(p) < 0 || peer_close(p) < 0)
		return -1;
	xenevtchn_unbind(p->xce, p->q->port);
	p->q->port = -1;
	xengntshr_unshare(p->xgs, p->q->ring, p->q->pages);
	p->q->ring = NULL;
	peer_write(p, "state", "3");
	return peer_expect_ended(p);
}

/* ---- changed between InitWait and Connected ------------------------------------------------ */

static atomic_bool changing;

struct change {
	const char *dir, *name;
	char good[24];
	const char *bad;
};

static void *change_main(void *opaque)
{
	struct change *c = opaque;
	struct xs_handle *xs = xs_open(0);

	while (xs && atomic_load(&changing)) {
		(void)!xsn_write(xs, XBT_NULL, c->dir, c->name, c->bad);
		(void)!xsn_write(xs, XBT_NULL, c->dir, c->name, c->good);
	}
	xs_close(xs);
	return NULL;
}

/*
 * A node changes all the time while the backend connects. It connects or refuses, and
 * whichever it is, the same disk can be had afterwards.
 */
static int changes_under_way(struct peer *p, const char *name, const char *bad)
{
	unsigned connected = 0;

	for (unsigned round = 0; round < 30; round++) {
		struct change c = { .dir = p->dir, .name = name, .bad = bad };
		CLEANUP_FREE char *good = NULL;
		pthread_t thread;
		int state;

		if (peer_reset_store(p) < 0 || peer_prepare(p) < 0)
			return -1;
		peer_publish(p);
		good = xsn_read(p->xs, XBT_NULL, p->dir, name);
		snprintf(c.good, sizeof(c.good), "%s", good ? good : "");
		atomic_store(&changing, true);
		if (pthread_create(&thread, NULL, change_main, &c))
			return hostile_fail("no thread");
		usleep(round % 5 * 300);
		peer_write(p, "state", "3");
		state = peer_wait_state(p, 1u << 4 | PEER_ENDED);
		atomic_store(&changing, false);
		pthread_join(thread, NULL);
		if (state < 0)
			return -1;
		connected += state == 4;
	}
	printf("  connected %u times of 30\n", connected);
	if (peer_reset_store(p) < 0 || peer_connect(p) < 0)
		return -1;
	return peer_check_works(p);
}

static int race_ring_ref(struct peer *p)
{
	return changes_under_way(p, "ring-ref", "77777");
}

static int race_event_channel(struct peer *p)
{
	return changes_under_way(p, "event-channel", "77777");
}

static int race_ring_page_order(struct peer *p)
{
	return changes_under_way(p, "ring-page-order", "4");
}

static int race_protocol(struct peer *p)
{
	return changes_under_way(p, "protocol", "x86_32-abi");
}

static int race_feature_persistent(struct peer *p)
{
	return changes_under_way(p, "feature-persistent", "garbage");
}

static int race_multi_queue_num_queues(struct peer *p)
{
	return changes_under_way(p, "multi-queue-num-queues", "2");
}

/* ---- changed while connected ------------------------------------------------------------ */

static int still_serving(struct peer *p, const char *what)
{
	CLEANUP_FREE char *why = NULL;

	if (peer_check_works(p) < 0 || peer_check_works(p) < 0)
		return hostile_fail("after %s", what);
	if (peer_state(p) != 4)
		return hostile_fail("the backend went to state %d after %s", peer_state(p), what);
	why = xsn_read(p->xs, XBT_NULL, p->backend, "error");
	return why ? hostile_fail("after %s the backend has the error %s", what, why) : 0;
}

/* What was negotiated is not read again, whatever becomes of the node. */
static int changed_while_connected(struct peer *p, const char *name)
{
	static char huge[2001];
	const char *const values[] = { "0", "1", "2", "-1", "garbage", "4294967295", "", huge, NULL };

	memset(huge, '8', sizeof(huge) - 1);
	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		peer_write(p, name, values[i]);
		/* A state that stays as it is makes the backend look. */
		peer_write(p, "state", "4");
		if (still_serving(p, values[i] ? values[i] : "its removal") < 0)
			return -1;
	}
	return 0;
}

static int connected_ring_ref(struct peer *p)
{
	return changed_while_connected(p, "ring-ref");
}

static int connected_event_channel(struct peer *p)
{
	return changed_while_connected(p, "event-channel");
}

static int connected_ring_page_order(struct peer *p)
{
	return changed_while_connected(p, "ring-page-order");
}

static int connected_protocol(struct peer *p)
{
	return changed_while_connected(p, "protocol");
}

static int connected_feature_persistent(struct peer *p)
{
	return changed_while_connected(p, "feature-persistent");
}

static int connected_multi_queue_num_queues(struct peer *p)
{
	return changed_while_connected(p, "multi-queue-num-queues");
}

/* A library would refuse to send it, so it goes to the store's socket by hand. */
static int send_megabyte(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct xsd_sockmsg msg = { .type = XS_WRITE, .len = 1 << 20 };
	CLEANUP_FREE char *value = malloc(1 << 20);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc = -1;

	if (value && fd >= 0) {
		memset(value, '1', 1 << 20);
		strcpy(value, path); /* with its NUL: the value is all behind it */
		snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", xs_daemon_socket());
		rc = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
	}
	if (rc == 0) {
		/* What the store does with it is its own tests' matter; it may hang up at once. */
		if (send(fd, &msg, sizeof(msg), MSG_NOSIGNAL) == sizeof(msg))
			(void)!send(fd, value, 1 << 20, MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
		return 0;
	}
	if (fd >= 0)
		close(fd);
	return hostile_fail("the store's socket cannot be used");
}

static int megabyte(struct peer *p)
{
	static const char *const names[] = { "ring-ref", "protocol", "state" };
	char path[128];

	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", p->dir, names[i]);
		if (send_megabyte(path) < 0 || still_serving(p, "a value of a megabyte") < 0)
			return -1;
	}
	return 0;
}

const struct hostile_case hostile_changes[] = {
	{ "node-stale-queues-beside-one-ring", stale_queues_beside_one_ring, true },
	{ "node-stale-ring-beside-queues", stale_ring_beside_queues, true },
	{ "node-stale-ref-beside-order", stale_ref_beside_order, true },
	{ "node-stale-refs-without-order", stale_refs_without_order, true },
	{ "node-stale-connection", stale_connection, true },
	{ "node-changes-under-way-ring-ref", race_ring_ref, true },
	{ "node-changes-under-way-event-channel", race_event_channel, true },
	{ "node-changes-under-way-ring-page-order", race_ring_page_order, true },
	{ "node-changes-under-way-protocol", race_protocol, true },
	{ "node-changes-under-way-feature-persistent", race_feature_persistent, true },
	{ "node-changes-under-way-multi-queue-num-queues", race_multi_queue_num_queues, true },
	{ "node-changed-while-connected-ring-ref", connected_ring_ref, false },
	{ "node-changed-while-connected-event-channel", connected_event_channel, false },
	{ "node-changed-while-connected-ring-page-order", connected_ring_page_order, false },
	{ "node-changed-while-connected-protocol", connected_protocol, false },
	{ "node-changed-while-connected-feature-persistent", connected_feature_persistent, false },
	{ "node-changed-while-connected-multi-queue-num-queues", connected_multi_queue_num_queues, false },
	{ "node-changed-while-connected-to-a-megabyte", megabyte, false },
	{ NULL, NULL, false },
};

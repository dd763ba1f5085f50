// SPDX-License-Identifier: MIT
/* Frontends that walk through the states in their own way. */
#include "config.h"
#include "tests/peers/hostile.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xenstore/xsnode.h"

static int expect_state(struct peer *p, int state)
{
	return peer_wait_state(p, 1u << state) < 0 ? -1 : 0;
}

/* Quick changes, ending closed: the backend sees some of them, and ends closed, too. */
static int flipping_states(struct peer *p)
{
	static const char *const states[] = { "1", "2", "3", "4", "5", "6", "7", "8", "9", "0",
		"-1", "garbage", "", "4294967297" };

	if (peer_connect(p) < 0 || peer_check_works(p) < 0)
		return -1;
	srand(1);
	for (unsigned i = 0; i < 500; i++)
		peer_write(p, "state", states[rand() % (sizeof(states) / sizeof(states[0]))]);
	peer_write(p, "state", "6");
	return expect_state(p, 6);
}

static int quick_reconnects(struct peer *p)
{
	for (unsigned i = 0; i < 25; i++) {
		if (peer_connect(p) < 0 || peer_check_works(p) < 0)
			return -1;
		/* requests in flight, then the end, orderly in every second round */
		for (unsigned j = 0; j < 16; j++)
			peer_put(p, peer_rw(p, BLKIF_OP_WRITE, 4096 + j * 8, j, 1));
		peer_push(p);
		if (i % 2 && peer_reset_store(p) < 0)
			return -1;
		if (i % 2)
			continue;
		peer_write(p, "state", "6");
		if (expect_state(p, 6) < 0)
			return -1;
		peer_write(p, "state", "1");
		if (expect_state(p, 2) < 0)
			return -1;
	}
	return 0;
}

/* On Closing requests are still answered; only Closed ends that. */
static int io_while_closing(struct peer *p)
{
	if (peer_connect(p) < 0)
		return -1;
	peer_write(p, "state", "5");
	if (expect_state(p, 5) < 0)
		return -1;
	return peer_check_works(p);
}

/* The state node vanishes, later the whole connection comes again. */
static int vanished_state(struct peer *p)
{
	if (peer_connect(p) < 0 || peer_check_works(p) < 0)
		return -1;
	peer_write(p, "state", NULL);
	if (expect_state(p, 6) < 0)
		return -1;
	peer_write(p, "state", "1");
	if (expect_state(p, 2) < 0 || peer_connect(p) < 0)
		return -1;
	return peer_check_works(p);
}

static atomic_bool storming;

/* Changes of the watched node as fast as the store takes them, from two connections. */
static void *storm_main(void *opaque)
{
	struct peer *p = opaque;
	struct xs_handle *xs = xs_open(0);

	while (xs && atomic_load(&storming))
		(void)!xsn_write(xs, XBT_NULL, p->dir, "state", "4");
	xs_close(xs);
	return NULL;
}

/* A flood of watch events: requests are served, and the change that counts is seen. */
static int watch_storm(struct peer *p)
{
	pthread_t thread[2];
	unsigned started = 0;
	int rc = 0;

	if (peer_connect(p) < 0)
		return -1;
	atomic_store(&storming, true);
	while (started < 2 && pthread_create(&thread[started], NULL, storm_main, p) == 0)
		started++;
	for (unsigned i = 0; i < 500 && rc == 0; i++)
		rc = peer_check_works(p);
	usleep(500000);
	atomic_store(&storming, false);
	for (unsigned i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
	if (rc < 0 || started < 2)
		return hostile_fail("under a flood of watch events");
	return peer_close(p) < 0 || peer_connect(p) < 0 ? -1 : peer_check_works(p);
}

const struct hostile_case hostile_states[] = {
	{ "rule17-watch-storm-xsa349", watch_storm, true },
	{ "rule17-flipping-states-xsa349", flipping_states, true },
	{ "rule17-quick-reconnects-xsa350", quick_reconnects, true },
	{ "rule19-io-while-closing", io_while_closing, true },
	{ "node-state-vanishes", vanished_state, true },
	{ NULL, NULL, false },
};

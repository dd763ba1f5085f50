// SPDX-License-Identifier: MIT
/*
 * Guests whose store is killed again and again while they talk to it through their rings:
 * each request is answered once, each event comes once, and what was acknowledged stays.
 */
#include "config.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/peers/store-guest.h"

#define KILLS 40

static char folder[64], state_option[128];
static atomic_bool killed_enough;

/* The toolstack's: its connection ends with each store. */
static void *killer(void *opaque)
{
	unsigned seed = 1;

	for (unsigned i = 0; i < KILLS; i++) {
		usleep(rand_r(&seed) % 4000);
		server_again(&server, state_option);
	}
	atomic_store(&killed_enough, true);
	return NULL;
}

static void write_and_see(struct guest *g, unsigned i)
{
	char path[32], value[1600];

	/* Half of them are longer than the ring. */
	snprintf(path, sizeof(path), "data/%u", i % 7);
	snprintf(value, sizeof(value), "%0*u", i % 2 ? 10 : 1500, i);
	guest_write(g, 0, path, value);
	guest_expect_event(g, path, "token");
	guest_expect(g, 0, path, value);
}

/* As every client must: begun again when it conflicts, which here a restart alone causes. */
static unsigned add_in_transaction(struct guest *g, unsigned i)
{
	char value[16], body[] = "T";
	struct message reply;
	unsigned tries = 0;

	snprintf(value, sizeof(value), "%u", i);
	do {
		uint32_t tx = atoi(guest_call(g, XS_TRANSACTION_START, 0, "", 1));

		guest_write(g, tx, "sum", value);
		guest_ask(g, XS_TRANSACTION_END, tx, body, sizeof(body), &reply);
		tries++;
		if (reply.head.type == XS_ERROR)
			assert_string_equal(reply.body, "EAGAIN");
	} while (reply.head.type == XS_ERROR);
	guest_expect(g, 0, "sum", value);
	return tries - 1;
}

static void test_guests_only_pause(void **state)
{
	struct guest g[2];
	unsigned i = 0, conflicts = 0;
	pthread_t thread;

	for (unsigned j = 0; j < 2; j++) {
		guest_start(&g[j], j + 1, 0u - 777 * j);
		guest_watch(&g[j], "data", "token");
		guest_expect_event(&g[j], "data", "token");
	}
	xs_close(tool);
	tool = NULL;
	hv_enter(&world, 0); /* where the stores to come are */
	assert_int_equal(pthread_create(&thread, NULL, killer, NULL), 0);
	for (; i < 50 || !atomic_load(&killed_enough); i++)
		for (unsigned j = 0; j < 2; j++) {
			write_and_see(&g[j], i);
			conflicts += add_in_transaction(&g[j], i);
		}
	assert_int_equal(pthread_join(thread, NULL), 0);
	print_message("%u rounds, %u conflicts, %u kills\n", i, conflicts, KILLS);
	tool = server_open(&server, 0);
	for (unsigned j = 0; j < 2; j++) {
		guest_expect_no_event(&g[j]);
		guest_leave(&g[j]);
	}
}

/* A domain that died with its store's back turned is still there to be released. */
static void test_a_domain_that_is_gone(void **state)
{
	struct guest g, other;

	guest_start(&g, 3, 0);
	guest_start(&other, 2, 0);
	xs_close(tool);
	tool = NULL;
	hv_enter(&world, 0);
	kill(server.pid, SIGSTOP);
	assert_int_equal(hvctl_domain_destroy(world.ctl, 3), 0);
	guest_end(&g);
	server_again(&server, state_option);
	guest_expect(&other, 0, "domid", "2");
	tool = server_open(&server, 0);
	assert_true(xs_is_domain_introduced(tool, 3));
	assert_true(xs_release_domain(tool, 3));
	assert_false(xs_is_domain_introduced(tool, 3));
	guest_leave(&other);
}

static int setup(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/sluice-state-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(state_option, sizeof(state_option), "--state-file=%s/state", folder);
	hv_enter(&world, 0);
	server_start(&server, state_option);
	tool = server_open(&server, 0);
	return 0;
}

static int teardown(void **state)
{
	xs_close(tool);
	server_stop(&server);
	unlink(strchr(state_option, '=') + 1);
	return rmdir(folder);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guests_only_pause),
		cmocka_unit_test(test_a_domain_that_is_gone),
	};
	int failed;

	hv_dropin(argv);
	hv_world_start(&world);
	failed = cmocka_run_group_tests(tests, setup, teardown);
	hv_world_stop(&world);
	return failed;
}

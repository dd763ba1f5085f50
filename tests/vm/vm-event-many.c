// SPDX-License-Identifier: MIT
/* Event channels of a vm in great numbers, and changed while another vCPU sends. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <xen/event_channel.h>

#include "tests/vm/vm-harness.h"

static struct hv_world world;

/* The best of some runs, since other programs run, too. */
static double send_cost(struct guest *g, uint32_t first, uint32_t ports)
{
	const unsigned n = 300;
	uint64_t best = UINT64_MAX;

	for (unsigned i = 0; i < 10; i++) {
		uint64_t start = now_ns();

		guest_begin(g, 0, OP_SEND_WAIT, first, ports, n, 0, 0, 0);
		assert_int_equal((int64_t)guest_end(g, 0), 0);
		if (now_ns() - start < best)
			best = now_ns() - start;
	}
	return best / 1000.0 / n;
}

/* What an event costs is printed: it must not grow with the channels, but time is no test. */
static void test_more_than_100000_channels(void **state)
{
	static const uint32_t steps[] = { 100, 10000, 100100 };
	uint32_t bound = 0, first, last;
	struct guest g;

	guest_start(&g, &world, 1);
	guest_events_init(&g, 1, true);
	guest_events_expand(&g, 131072);
	first = guest_bind_ipi(&g, 0, 0);
	for (unsigned i = 0; i < 3; i++) {
		last = guest_call(&g, 0, OP_BIND_IPIS, steps[i] - bound, 0, 0);
		bound = steps[i];
		assert_true(last >= bound && last < 131072);
		print_message("%u channels: %.1f us per event\n", bound,
			send_cost(&g, last - 99, 100));
		guest_log_clear(&g, 0);
		assert_int_equal(guest_send(&g, 0, first), 0);
		assert_int_equal(guest_send(&g, 0, last), 0);
		guest_await_event(&g, 0, first);
		guest_await_event(&g, 0, last);
	}
	assert_true(guest_info(&g).channels > 100000);
	/* Until no more are left. */
	assert_int_equal((int64_t)guest_call(&g, 0, OP_BIND_IPIS, 131072, 0, 0), -ENOSPC);
	guest_destroy(&g);
}

/* The array grows, and channels come and go, while another vCPU sends. */
static void test_array_grows_while_others_send(void **state)
{
	struct guest g;
	uint32_t port, last;

	guest_start(&g, &world, 2);
	guest_events_init(&g, 2, true);
	port = guest_bind_ipi(&g, 0, 0);
	guest_begin(&g, 1, OP_SEND_LOOP, port, 0, 0, 0, 0, 0);
	for (unsigned page = 2; page <= 128; page++) {
		guest_events_expand(&g, page * PAGE / 4);
		last = guest_call(&g, 0, OP_BIND_IPIS, 8, 0, 0);
		assert_int_equal(guest_send(&g, 0, last), 0);
		assert_int_equal(guest_close(&g, last), 0);
	}
	assert_true(guest_stop_op(&g, 1) > 0);
	guest_log_clear(&g, 0);
	assert_int_equal(guest_send(&g, 1, port), 0);
	guest_await_event(&g, 0, port);
	guest_destroy(&g);
}

/* Back to 2-level with everything closed, while another vCPU sends. */
static void test_reset_while_others_send(void **state)
{
	struct evtchn_reset reset = { .dom = DOMID_SELF };
	struct guest g;
	uint32_t port;

	guest_start(&g, &world, 2);
	guest_events_init(&g, 2, true);
	port = guest_bind_ipi(&g, 0, 0);
	guest_begin(&g, 1, OP_SEND_LOOP, port, 0, 0, 0, 0, 0);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(guest_hc(&g, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_reset, &reset,
					 sizeof(reset)), 0);
		assert_int_equal(guest_info(&g).channels, 0);
		port = guest_bind_ipi(&g, 0, 0);
	}
	assert_true(guest_stop_op(&g, 1) > 0);
	reset.dom = 1;
	assert_true(guest_hc(&g, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_reset, &reset,
			    sizeof(reset)) < 0);
	guest_destroy(&g);
}

static void test_2level_has_4096_channels(void **state)
{
	struct guest g;

	guest_start(&g, &world, 1);
	guest_events_init(&g, 1, false);
	assert_int_equal((int64_t)guest_call(&g, 0, OP_BIND_IPIS, 5000, 0, 0), -ENOSPC);
	assert_true(guest_mail(&g, 0)->progress < 4096);
	guest_destroy(&g);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_more_than_100000_channels),
		cmocka_unit_test(test_array_grows_while_others_send),
		cmocka_unit_test(test_reset_while_others_send),
		cmocka_unit_test(test_2level_has_4096_channels),
	};

	vm_world_start(&world, argv);
	return vm_world_stop(&world, cmocka_run_group_tests(tests, NULL, NULL));
}

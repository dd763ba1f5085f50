// SPDX-License-Identifier: MIT
/* The 2-level ABI, and what both share: shared_info and vcpu_info. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/event-rig.h"

static void unmask(uint32_t port)
{
	domain_lock(&rig.vm);
	event_abi_unmask(rig.abi, port);
	domain_unlock(&rig.vm);
}

static void test_three_levels(void **state)
{
	uint32_t p = 0;

	while (p < 70)
		p = rig_ipi(3);
	rig_raise(p);
	assert_int_equal(rig.shared->evtchn_pending[1], 1ul << 6);
	assert_int_equal(rig.guest[3].info->evtchn_pending_sel, 1ul << 1);
	assert_int_equal(rig.guest[3].info->evtchn_upcall_pending, 1);
	assert_int_equal(rig.upcalls[3], 1);
	assert_int_equal(rig_run(3), 1);
	assert_int_equal(rig.log[0], p);
	assert_int_equal(rig.shared->evtchn_pending[1], 0);
}

static void test_pending_twice_is_once(void **state)
{
	uint32_t p = rig_ipi(0);

	rig_raise(p);
	rig.guest[0].info->evtchn_upcall_pending = 0;
	rig_raise(p);
	assert_int_equal(rig.upcalls[0], 1);
	assert_int_equal(rig.pending_calls, 1);
}

static void test_each_level_stops_when_it_was_set(void **state)
{
	uint32_t a = rig_ipi(0), b = rig_ipi(0);

	rig_raise(a);
	/* The flag is clear but the selector is not: the guest is on its way there. */
	rig.guest[0].info->evtchn_upcall_pending = 0;
	rig_raise(b);
	assert_int_equal(rig.upcalls[0], 1);
	assert_int_equal(rig.guest[0].info->evtchn_upcall_pending, 0);
	assert_int_equal(rig.pending_calls, 2);
}

static void test_masked(void **state)
{
	uint32_t p = rig_ipi(0);

	rig.shared->evtchn_mask[0] = ~0ul;
	rig_raise(p);
	assert_true(rig_is_pending(p));
	assert_int_equal(rig.upcalls[0], 0);
	assert_int_equal(rig.guest[0].info->evtchn_pending_sel, 0);
	assert_int_equal(rig.pending_calls, 1);
	unmask(p);
	assert_int_equal(rig.upcalls[0], 1);
	assert_int_equal(rig.shared->evtchn_mask[0], ~(1ul << p));
	assert_int_equal(rig_run(0), 1);
	/* It is unmasked: nothing happens. */
	rig.shared->evtchn_pending[0] = 1ul << p;
	unmask(p);
	assert_int_equal(rig.upcalls[0], 1);
}

static void test_port_limit(void **state)
{
	for (uint32_t i = 1; i < EVTCHN_2L_NR_CHANNELS; i++)
		assert_int_equal(event_bind_ipi(&rig.vm, 0), i);
	assert_int_equal(event_bind_ipi(&rig.vm, 0), -ENOSPC);
	rig_raise(EVTCHN_2L_NR_CHANNELS - 1);
	assert_int_equal(rig_run(0), 1);
	assert_int_equal(rig.log[0], EVTCHN_2L_NR_CHANNELS - 1);
}

static void test_ports_from_a_fifo_time(void **state)
{
	struct event_port *p;
	int port = 0;

	/* Ports that this ABI cannot show (bound while a reset went on) harm nothing. */
	assert_int_equal(rig_init(0, 0), 0);
	while (port <= (int)EVTCHN_2L_NR_CHANNELS)
		port = event_bind_ipi(&rig.vm, 0);
	assert_true(port > 0);
	domain_lock(&rig.vm);
	event_abi_reset(rig.abi);
	p = event_port_get(&rig.vm, port);
	assert_non_null(p);
	event_abi_raise(rig.abi, port);
	event_abi_unmask(rig.abi, port);
	event_abi_clear(rig.abi, port);
	domain_unlock(&rig.vm);
	assert_false(rig_is_pending(port));
	assert_int_equal(rig.pending_calls, 0);
}

static void test_no_priorities(void **state)
{
	assert_int_equal(event_abi_set_priority(rig.abi, rig_ipi(0), 1), -ENOSYS);
}

static void test_raise_of_a_free_port(void **state)
{
	rig_raise(77);
	unmask(77);
	rig_raise(UINT32_MAX);
	unmask(UINT32_MAX);
	assert_int_equal(rig.shared->evtchn_pending[1], 0);
	assert_false(rig_is_pending(UINT32_MAX));
}

static void test_closed_is_not_pending(void **state)
{
	uint32_t p = rig_ipi(0);

	rig_raise(p);
	assert_int_equal(event_close(&rig.set, &rig.vm, p, NULL), 0);
	assert_false(rig_is_pending(p));
	assert_int_equal(rig_run(0), 0);
}

static void test_shared_info_moves(void **state)
{
	struct shared_info *other = calloc(1, 4096);
	uint32_t a = rig_ipi(0), b = rig_ipi(0);

	assert_non_null(other);
	rig.shared->evtchn_mask[2] = 5;
	rig_raise(a);
	event_abi_set_shared_info(rig.abi, other);
	assert_int_equal(other->evtchn_pending[0], 1ul << a);
	assert_int_equal(other->evtchn_mask[2], 5);
	assert_int_equal(other->vcpu_info[0].evtchn_upcall_pending, 1);
	rig_raise(b);
	assert_int_equal(rig.shared->evtchn_pending[0], 1ul << a);
	/* Taken away, nothing is lost either. */
	event_abi_set_shared_info(rig.abi, NULL);
	free(other);
	event_abi_set_shared_info(rig.abi, rig.shared);
	assert_int_equal(rig_run(0), 2);
}

static void test_vcpu_info_registered(void **state)
{
	struct vcpu_info own = { .evtchn_upcall_pending = 0 };
	uint32_t p = rig_ipi(0);

	rig.shared->vcpu_info[0].time.version = 8;
	assert_int_equal(event_abi_set_vcpu_info(rig.abi, 0, &own), 0);
	assert_int_equal(own.evtchn_pending_sel, ~0ul);
	assert_int_equal(own.evtchn_upcall_pending, 1);
	assert_int_equal(own.time.version, 8);
	assert_int_equal(rig.upcalls[0], 1);
	assert_ptr_equal(event_abi_vcpu_info(rig.abi, 0), &own);
	rig.guest[0].info = &own;
	rig_run(0);
	rig_raise(p);
	assert_int_equal(own.evtchn_upcall_pending, 1);
	assert_int_equal(rig.shared->vcpu_info[0].evtchn_upcall_pending, 0);
	assert_int_equal(event_abi_set_vcpu_info(rig.abi, 0, &own), -EINVAL);
	assert_int_equal(event_abi_set_vcpu_info(rig.abi, RIG_VCPUS, &own), -EINVAL);
}

static void test_vcpu_beyond_shared_info(void **state)
{
	struct vcpu_info own = { .evtchn_upcall_pending = 0 };
	uint32_t p = rig_ipi(35);

	assert_null(event_abi_vcpu_info(rig.abi, 35));
	rig_raise(p);
	assert_int_equal(rig.upcalls[35], 0);
	assert_int_equal(event_abi_set_vcpu_info(rig.abi, 35, &own), 0);
	assert_int_equal(rig.upcalls[35], 1);
	assert_int_equal(own.evtchn_upcall_mask, 1);
	rig.guest[35].info = &own;
	assert_int_equal(rig_run(35), 1);
}

static void test_too_many_vcpus(void **state)
{
	struct event_abi_ops ops = { 0 };

	assert_null(event_abi_new(&rig.sender, 0, &ops, NULL));
	assert_null(event_abi_new(&rig.sender, EVENT_MAX_VCPUS + 1, &ops, NULL));
	assert_null(rig.sender.events.abi);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_three_levels),
		CASE(test_pending_twice_is_once),
		CASE(test_each_level_stops_when_it_was_set),
		CASE(test_masked),
		CASE(test_port_limit),
		CASE(test_ports_from_a_fifo_time),
		CASE(test_no_priorities),
		CASE(test_raise_of_a_free_port),
		CASE(test_closed_is_not_pending),
		CASE(test_shared_info_moves),
		CASE(test_vcpu_info_registered),
		CASE(test_vcpu_beyond_shared_info),
		CASE(test_too_many_vcpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

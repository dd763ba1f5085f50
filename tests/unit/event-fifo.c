// SPDX-License-Identifier: MIT
/* The FIFO ABI: order, masks, moves between queues, and guests that write nonsense. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/event-rig.h"

#define PENDING (1u << EVTCHN_FIFO_PENDING)
#define MASKED (1u << EVTCHN_FIFO_MASKED)
#define LINKED (1u << EVTCHN_FIFO_LINKED)
#define BUSY (1u << EVTCHN_FIFO_BUSY)

static int set_priority(uint32_t port, uint32_t priority)
{
	return event_abi_set_priority(rig.abi, port, priority);
}

static void unmask(uint32_t port)
{
	domain_lock(&rig.vm);
	event_abi_unmask(rig.abi, port);
	domain_unlock(&rig.vm);
}

static void assert_log(const uint32_t *ports, unsigned n)
{
	assert_int_equal(rig.nr_log, n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(rig.log[i], ports[i]);
}

static void test_order_within_a_priority(void **state)
{
	uint32_t p[5];

	for (int i = 0; i < 5; i++)
		p[i] = rig_ipi(0);
	for (int i = 0; i < 5; i++)
		rig_raise(p[4 - i]);
	assert_int_equal(rig.upcalls[0], 1);
	assert_int_equal(rig_run(0), 5);
	assert_log((uint32_t[]){ p[4], p[3], p[2], p[1], p[0] }, 5);
	assert_int_equal(rig_run(0), 0);
}

static void test_priorities_first(void **state)
{
	uint32_t low = rig_ipi(0), normal = rig_ipi(0), high = rig_ipi(0);

	assert_int_equal(set_priority(low, 15), 0);
	assert_int_equal(set_priority(high, 0), 0);
	rig_raise(low);
	rig_raise(normal);
	rig_raise(high);
	rig_run(0);
	assert_log((uint32_t[]){ high, normal, low }, 3);
}

static void test_pending_twice_is_once(void **state)
{
	uint32_t p = rig_ipi(0);

	rig_raise(p);
	rig_raise(p);
	assert_int_equal(rig.pending_calls, 1);
	assert_int_equal(rig.upcalls[0], 1);
	assert_int_equal(rig_run(0), 1);
	rig_raise(p);
	assert_int_equal(rig.pending_calls, 2);
	assert_int_equal(rig_run(0), 1);
}

static void test_word_and_ready(void **state)
{
	uint32_t a = rig_ipi(0), b = rig_ipi(0);

	rig_raise(a);
	rig_raise(b);
	assert_int_equal(*rig_word(a), PENDING | LINKED | b);
	assert_int_equal(*rig_word(b), PENDING | LINKED);
	assert_int_equal(rig_control(0)->head[EVTCHN_FIFO_PRIORITY_DEFAULT], a);
	assert_int_equal(rig_control(0)->ready, 1u << EVTCHN_FIFO_PRIORITY_DEFAULT);
	assert_int_equal(rig.guest[0].info->evtchn_upcall_pending, 1);
}

static void test_masked_is_not_linked(void **state)
{
	uint32_t p = rig_ipi(0);

	*rig_word(p) = MASKED;
	rig_raise(p);
	assert_int_equal(*rig_word(p), MASKED | PENDING);
	assert_int_equal(rig.upcalls[0], 0);
	assert_true(rig_is_pending(p));
	/* Who polls it wants to know all the same. */
	assert_int_equal(rig.pending_calls, 1);
	unmask(p);
	assert_int_equal(rig.upcalls[0], 1);
	assert_int_equal(rig_run(0), 1);
}

static void test_unmask_of_idle(void **state)
{
	uint32_t p = rig_ipi(0);

	*rig_word(p) = MASKED;
	unmask(p);
	assert_int_equal(*rig_word(p), 0);
	assert_int_equal(rig.upcalls[0], 0);
}

static void test_upcall_once_until_taken(void **state)
{
	uint32_t a = rig_ipi(0), b = rig_ipi(0);

	rig_raise(a);
	assert_int_equal(rig.upcalls[0], 1);
	/* The guest has taken the ready bits but not yet cleared the flag. */
	rig_control(0)->ready = 0;
	rig_raise(b);
	assert_int_equal(rig.upcalls[0], 1);
	rig_control(0)->ready = 1u << EVTCHN_FIFO_PRIORITY_DEFAULT;
	assert_int_equal(rig_run(0), 2);
}

/* The queue is empty when its tail was unlinked: a head again, not a link. */
static void test_tail_consumed(void **state)
{
	uint32_t a = rig_ipi(0), b = rig_ipi(0);

	rig_raise(a);
	rig_run(0);
	rig_raise(b);
	assert_int_equal(rig_control(0)->head[EVTCHN_FIFO_PRIORITY_DEFAULT], b);
	assert_int_equal(*rig_word(a), 0);
	assert_int_equal(rig_run(0), 1);
	/* The tail itself again. */
	rig_raise(b);
	assert_int_equal(*rig_word(b), PENDING | LINKED);
	assert_int_equal(rig_run(0), 1);
}

static void test_priority_changed_while_linked(void **state)
{
	uint32_t a = rig_ipi(0), b = rig_ipi(0);

	rig_raise(a);
	assert_int_equal(set_priority(a, 3), 0);
	/* It is in its old queue until the guest takes it, */
	rig_raise(a);
	assert_int_equal(rig_control(0)->ready, 1u << EVTCHN_FIFO_PRIORITY_DEFAULT);
	assert_int_equal(rig_run(0), 1);
	/* and then in the new one; it must not be the old one's tail any more. */
	rig_raise(a);
	assert_int_equal(rig_control(0)->ready, 1u << 3);
	rig_raise(b);
	assert_int_equal(*rig_word(a), PENDING | LINKED);
	assert_int_equal(rig_control(0)->head[EVTCHN_FIFO_PRIORITY_DEFAULT], b);
	rig_run(0);
	assert_log((uint32_t[]){ a, a, b }, 3);
}

static void test_vcpu_changed_while_linked(void **state)
{
	uint32_t from_a, from_b;
	uint32_t a = rig_channel(0, &from_a), b = rig_channel(0, &from_b);

	assert_int_equal(rig_init(1, 64), 0);
	rig_raise(a);
	assert_int_equal(event_bind_vcpu(&rig.vm, a, 1), 0);
	assert_int_equal(rig_run(0), 1);
	rig_raise(a);
	rig_raise(b);
	assert_int_equal(rig.upcalls[1], 1);
	assert_int_equal(rig_run(1), 1);
	assert_int_equal(rig_run(0), 1);
	assert_log((uint32_t[]){ a, a, b }, 3);
}

static void test_vcpu_changed_back(void **state)
{
	uint32_t from_a, from_b;
	uint32_t a = rig_channel(0, &from_a), b = rig_channel(1, &from_b);

	assert_int_equal(rig_init(1, 64), 0);
	assert_int_equal(event_bind_vcpu(&rig.vm, a, 1), 0);
	rig_raise(a);
	assert_int_equal(rig_run(1), 1);
	assert_int_equal(event_bind_vcpu(&rig.vm, a, 0), 0);
	rig_raise(a);
	/* Not behind the port that was the last there. */
	rig_raise(b);
	assert_int_equal(rig_run(1), 1);
	assert_int_equal(rig_run(0), 1);
	assert_log((uint32_t[]){ a, b, a }, 3);
}

static void test_no_control_block_drops(void **state)
{
	uint32_t p = rig_ipi(2);

	rig_raise(p);
	assert_false(rig_is_pending(p));
	assert_int_equal(rig.upcalls[2], 0);
	assert_int_equal(rig_init(2, 8), 0);
	rig_raise(p);
	assert_int_equal(rig.upcalls[2], 1);
	assert_int_equal(rig_run(2), 1);
}

static void test_closed_is_not_pending(void **state)
{
	uint32_t p = rig_ipi(0);

	rig_raise(p);
	assert_int_equal(event_close(&rig.set, &rig.vm, p, NULL), 0);
	assert_int_equal(*rig_word(p), LINKED);
	assert_int_equal(rig_run(0), 0);
}

static void test_linked_port_is_not_handed_out(void **state)
{
	uint32_t a = rig_ipi(0), b = rig_ipi(0), c;

	rig_raise(a);
	rig_raise(b);
	assert_int_equal(event_close(&rig.set, &rig.vm, a, NULL), 0);
	c = rig_ipi(0);
	assert_int_not_equal(c, a);
	rig_run(0);
	assert_log((uint32_t[]){ b }, 1);
	/* It is out of the queue now. */
	assert_int_equal(rig_ipi(0), a);
	rig_raise(a);
	assert_int_equal(rig_run(0), 1);
}

static void test_reused_port_has_default_priority(void **state)
{
	uint32_t p = rig_ipi(0);

	assert_int_equal(set_priority(p, 1), 0);
	assert_int_equal(event_close(&rig.set, &rig.vm, p, NULL), 0);
	assert_int_equal(rig_ipi(0), p);
	rig_raise(p);
	assert_int_equal(rig_control(0)->ready, 1u << EVTCHN_FIFO_PRIORITY_DEFAULT);
}

static void test_reused_port_leaves_its_old_queue(void **state)
{
	uint32_t a = rig_ipi(0), b = rig_ipi(0);

	assert_int_equal(set_priority(a, 3), 0);
	assert_int_equal(set_priority(b, 3), 0);
	rig_raise(a);
	rig_run(0);
	assert_int_equal(event_close(&rig.set, &rig.vm, a, NULL), 0);
	assert_int_equal(rig_ipi(0), a);
	/* It was the tail of priority 3; now it is linked elsewhere, and nothing goes behind it. */
	rig_raise(a);
	rig_raise(b);
	assert_int_equal(rig_control(0)->ready, 1u << EVTCHN_FIFO_PRIORITY_DEFAULT | 1u << 3);
	assert_int_equal(*rig_word(a), PENDING | LINKED);
	assert_int_equal(rig_control(0)->head[3], b);
}

static void test_expand_later(void **state)
{
	uint32_t p = 0;

	while (p < CONSUMER_PAGE_WORDS)
		p = rig_ipi(0);
	rig_raise(p);
	rig_raise(p);
	assert_int_equal(rig.upcalls[0], 0);
	assert_false(rig_is_pending(p));
	assert_int_equal(rig_expand(), 0);
	assert_int_equal(rig.upcalls[0], 1);
	assert_int_equal(rig_run(0), 1);
	assert_log(&p, 1);
}

static void test_first_init_keeps_what_is_pending(void **state)
{
	uint32_t a = rig_ipi(0), b = rig_ipi(0);

	rig_raise(b);
	assert_false(event_abi_is_fifo(rig.abi));
	assert_int_equal(rig_init(0, 0), 0);
	assert_true(event_abi_is_fifo(rig.abi));
	assert_int_equal(rig_expand(), 0);
	assert_false(rig_is_pending(a));
	rig_run(0);
	assert_log(&b, 1);
}

static void test_all_ports(void **state)
{
	unsigned handled = 0;
	int port = 0;

	for (unsigned i = 0; i < CONSUMER_PAGES; i++)
		assert_int_equal(i ? rig_expand() : 0, 0);
	for (uint32_t i = 1; i < EVENT_MAX_PORTS; i++) {
		port = event_bind_ipi(&rig.vm, 0);
		assert_int_equal(port, i);
	}
	assert_int_equal(event_bind_ipi(&rig.vm, 0), -ENOSPC);
	for (uint32_t i = 1; i < EVENT_MAX_PORTS; i++)
		rig_raise(i);
	handled = rig_run(0);
	assert_int_equal(handled, EVENT_MAX_PORTS - 1);
	assert_int_equal(rig.upcalls[0], 1);
}

static void test_init_refused(void **state)
{
	uint32_t last = 4096 - sizeof(struct evtchn_fifo_control_block);

	assert_int_equal(rig_init(RIG_VCPUS, 0), -ENOENT);
	assert_int_equal(rig_init(UINT32_MAX, 0), -ENOENT);
	assert_int_equal(rig_init(0, 4), -EINVAL);
	assert_int_equal(rig_init(0, last + 8), -EINVAL);
	assert_int_equal(rig_init(0, UINT32_MAX & ~7u), -EINVAL);
	/* None of them has switched. */
	assert_false(event_abi_is_fifo(rig.abi));
	assert_int_equal(event_abi_max_ports(rig.abi), EVTCHN_2L_NR_CHANNELS);
	assert_int_equal(rig_init(0, last), 0);
	assert_int_equal(rig_init(0, 0), -EINVAL);
	assert_int_equal(event_abi_max_ports(rig.abi), EVENT_MAX_PORTS);
}

static void test_expand_refused(void **state)
{
	assert_int_equal(rig_expand(), -EOPNOTSUPP);
	assert_int_equal(rig_init(0, 0), 0);
	for (unsigned i = 0; i < CONSUMER_PAGES; i++)
		assert_int_equal(rig_expand(), 0);
	assert_int_equal(rig_expand(), -ENOSPC);
}

static void test_set_priority_refused(void **state)
{
	uint32_t p = rig_ipi(0);

	assert_int_equal(set_priority(p, 16), -EINVAL);
	assert_int_equal(set_priority(p, UINT32_MAX), -EINVAL);
	assert_int_equal(set_priority(p + 1, 3), -EINVAL);
	assert_int_equal(set_priority(UINT32_MAX, 3), -EINVAL);
	assert_int_equal(set_priority(0, 3), -EINVAL);
}

static void test_reset(void **state)
{
	uint32_t p = rig_ipi(0);

	rig_raise(p);
	event_reset(&rig.set, &rig.vm);
	assert_int_equal(rig.unpinned, 2);
	assert_false(event_abi_is_fifo(rig.abi));
	assert_int_equal(rig.vm.events.used, 0);
	/* The old words bind nobody: the port is free, */
	assert_int_equal(rig_ipi(0), p);
	/* and is delivered through the 2-level bits. */
	rig.guest[0].control = NULL;
	rig.guest[0].info->evtchn_upcall_pending = 0;
	rig_raise(p);
	assert_int_equal(rig_run(0), 1);
	/* A second time from the beginning. */
	assert_int_equal(rig_init(0, 0), 0);
}

static void test_reset_takes_up_parked_ports(void **state)
{
	uint32_t p = rig_ipi(0);

	rig_raise(p);
	assert_int_equal(event_close(&rig.set, &rig.vm, p, NULL), 0);
	assert_int_not_equal(rig_ipi(0), p);
	event_reset(&rig.set, &rig.vm);
	assert_int_equal(rig_ipi(0), p);
}

/* --- nonsense ---------------------------------------------------------- */

static void test_links_are_not_followed(void **state)
{
	uint32_t a = rig_ipi(0), b = rig_ipi(0);

	rig_raise(a);
	/* Loops, ports that do not exist, all bits. */
	*rig_word(a) = PENDING | LINKED | a;
	rig_raise(b);
	*rig_word(a) = ~0u;
	*rig_word(b) = ~0u;
	for (int q = 0; q < 16; q++)
		rig_control(0)->head[q] = ~0u;
	rig_control(0)->ready = ~0u;
	rig_raise(a);
	rig_raise(b);
	*rig_word(b) = 0;
	rig_raise(b);
	*rig_word(a) = BUSY | LINKED;
	*rig_word(b) = BUSY;
	rig_raise(b);
	assert_int_equal(*rig_word(b) & PENDING, PENDING);
}

static void test_everything_linked_by_the_guest(void **state)
{
	/* What the guest says is in a queue is never handed out, and that is not for ever. */
	for (uint32_t i = 0; i < CONSUMER_PAGE_WORDS; i++)
		*rig_word(i) = LINKED;
	assert_int_equal(event_bind_ipi(&rig.vm, 0), CONSUMER_PAGE_WORDS);
	for (uint32_t i = 0; i < CONSUMER_PAGE_WORDS; i++)
		*rig_word(i) = 0;
	for (uint32_t i = 0; i < CONSUMER_PAGE_WORDS; i++)
		assert_true(event_bind_ipi(&rig.vm, 0) > 0);
	assert_true(event_port_get(&rig.vm, 1) != NULL);
}

static void test_parked_ports_are_a_last_resort(void **state)
{
	for (unsigned i = 1; i < CONSUMER_PAGES; i++)
		assert_int_equal(rig_expand(), 0);
	for (uint32_t i = 0; i < EVENT_MAX_PORTS; i++)
		*rig_word(i) = LINKED;
	assert_int_equal(event_bind_ipi(&rig.vm, 0), -ENOSPC);
	/* One that stays is in nobody's way. */
	for (uint32_t i = 2; i < EVENT_MAX_PORTS; i++)
		*rig_word(i) = 0;
	for (int i = 0; i < 100; i++)
		assert_true(event_bind_ipi(&rig.vm, 0) > 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup_fifo, rig_teardown)
#define CASE_2L(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_order_within_a_priority),
		CASE(test_priorities_first),
		CASE(test_pending_twice_is_once),
		CASE(test_word_and_ready),
		CASE(test_masked_is_not_linked),
		CASE(test_unmask_of_idle),
		CASE(test_upcall_once_until_taken),
		CASE(test_tail_consumed),
		CASE(test_priority_changed_while_linked),
		CASE(test_vcpu_changed_while_linked),
		CASE(test_vcpu_changed_back),
		CASE(test_no_control_block_drops),
		CASE(test_closed_is_not_pending),
		CASE(test_linked_port_is_not_handed_out),
		CASE(test_reused_port_has_default_priority),
		CASE(test_reused_port_leaves_its_old_queue),
		CASE(test_expand_later),
		CASE_2L(test_first_init_keeps_what_is_pending),
		CASE(test_all_ports),
		CASE_2L(test_init_refused),
		CASE_2L(test_expand_refused),
		CASE(test_set_priority_refused),
		CASE(test_reset),
		CASE(test_reset_takes_up_parked_ports),
		CASE(test_links_are_not_followed),
		CASE(test_everything_linked_by_the_guest),
		CASE(test_parked_ports_are_a_last_resort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

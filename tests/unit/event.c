// SPDX-License-Identifier: MIT
/* Event channel rules, on the state machine alone. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hypervisor/domain.h"

static struct domain_set set;
static struct domain dom[3];
static grant_entry_v1_t entries[3][16];
static uint32_t raised[3][64];
static int links_freed;

static unsigned index_of(struct domain *d)
{
	return d - dom;
}

static void on_raise(struct domain *d, uint32_t port)
{
	raised[index_of(d)][port]++;
}

static void on_link_free(struct domain *d, void *link)
{
	assert_non_null(link);
	links_freed++;
}

static void on_release(struct domain *d)
{
	domain_fini(d);
}

static const struct domain_ops ops = {
	.raise = on_raise, .link_free = on_link_free, .release = on_release
};

static int setup(void **state)
{
	struct domain_limits limits = { .max_ports = 300, .max_grants = 16, .max_mapped = 4 };

	domain_set_init(&set);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(domain_init(&dom[i], "d", &ops, &limits, entries[i]), 0);
		assert_int_equal(domain_set_add(&set, &dom[i], i), 0);
	}
	for (unsigned i = 0; i < 64; i++)
		raised[0][i] = raised[1][i] = raised[2][i] = 0;
	links_freed = 0;
	return 0;
}

static int teardown(void **state)
{
	for (unsigned i = 0; i < 3; i++) {
		event_close_owned(&set, &dom[i], NULL);
		domain_set_remove(&set, &dom[i]);
		domain_put(&set, &dom[i]);
	}
	domain_set_fini(&set);
	return 0;
}

static void test_domids(void **state)
{
	struct domain_limits limits = { .max_ports = 1, .max_grants = 8, .max_mapped = 1 };
	grant_entry_v1_t none[8] = { { 0 } };
	struct domain extra;

	assert_int_equal(domain_init(&extra, "x", &ops, &limits, none), 0);
	assert_int_equal(domain_set_add(&set, &extra, 1), -EEXIST);
	assert_int_equal(domain_set_add(&set, &extra, DOMID_FIRST_RESERVED + 1), -EINVAL);
	assert_int_equal(domain_set_add(&set, &extra, DOMID_SELF), 0);
	assert_int_equal(extra.domid, 3); /* the lowest free one, never 0 */
	domain_set_remove(&set, &extra);
	assert_null(domain_get(&set, NULL, 3));
	domain_put(&set, &extra);
}

static void test_ports_start_at_one(void **state)
{
	struct event_status st;

	assert_int_equal(event_alloc_unbound(&dom[1], 2, NULL, NULL), 1);
	assert_int_equal(event_alloc_unbound(&dom[1], 2, NULL, NULL), 2);
	assert_int_equal(event_status(&dom[1], 0, &st), 0);
	assert_int_equal(st.state, EVENT_RESERVED);
	assert_int_equal(event_close(&set, &dom[1], 0, NULL), -EINVAL);
	assert_int_equal(event_status(&dom[1], EVENT_MAX_PORTS, &st), -EINVAL);
}

static void test_bind_and_send(void **state)
{
	int link;
	int a = event_alloc_unbound(&dom[1], 2, NULL, &link);
	int b = event_bind_interdomain(&set, &dom[2], 1, a, NULL, NULL);
	struct event_status st;

	assert_true(b > 0);
	assert_int_equal(raised[2][b], 1); /* pending from the start */
	assert_int_equal(event_send(&set, &dom[1], a), 0);
	assert_int_equal(raised[2][b], 2);
	assert_int_equal(event_send(&set, &dom[2], b), 0);
	assert_int_equal(raised[1][a], 1);
	assert_int_equal(event_status(&dom[1], a, &st), 0);
	assert_int_equal(st.state, EVENT_INTERDOMAIN);
	assert_int_equal(st.remote_domid, 2);
	assert_int_equal(st.remote_port, b);
	assert_ptr_equal(event_port_link(&dom[2], b), &link);
	assert_int_not_equal(
		event_port_get(&dom[1], a)->side, event_port_get(&dom[2], b)->side);
}

static void test_bind_refused(void **state)
{
	int a = event_alloc_unbound(&dom[1], 2, NULL, NULL);
	int v = event_bind_virq(&dom[1], 3, NULL, NULL);

	assert_int_equal(event_bind_interdomain(&set, &dom[0], 1, a, NULL, NULL), -EINVAL);
	assert_int_equal(event_bind_interdomain(&set, &dom[2], 9, a, NULL, NULL), -ESRCH);
	assert_int_equal(event_bind_interdomain(&set, &dom[2], 1, 99, NULL, NULL), -EINVAL);
	assert_int_equal(event_bind_interdomain(&set, &dom[2], 1, 0, NULL, NULL), -EINVAL);
	assert_int_equal(event_bind_interdomain(&set, &dom[2], 1, v, NULL, NULL), -EINVAL);
	assert_int_equal(event_bind_interdomain(&set, &dom[2], 1, UINT32_MAX, NULL, NULL), -EINVAL);
	assert_true(event_bind_interdomain(&set, &dom[2], 1, a, NULL, NULL) > 0);
	assert_int_equal(event_bind_interdomain(&set, &dom[2], 1, a, NULL, NULL), -EINVAL);
}

static void test_domid_self(void **state)
{
	int a = event_alloc_unbound(&dom[1], DOMID_SELF, NULL, NULL);
	int b = event_bind_interdomain(&set, &dom[1], DOMID_SELF, a, NULL, NULL);

	assert_true(b > 0);
	assert_int_equal(event_send(&set, &dom[1], a), 0);
	assert_int_equal(raised[1][b], 2);
	assert_int_equal(event_alloc_unbound(&dom[1], DOMID_FIRST_RESERVED + 2, NULL, NULL),
		-EINVAL);
}

static void test_close_leaves_peer_unbound_for_closer(void **state)
{
	int link;
	int a = event_alloc_unbound(&dom[1], 2, NULL, &link);
	int b = event_bind_interdomain(&set, &dom[2], 1, a, NULL, NULL);
	struct event_status st;

	assert_int_equal(event_close(&set, &dom[2], b, NULL), 0);
	assert_int_equal(links_freed, 0);
	assert_int_equal(event_status(&dom[1], a, &st), 0);
	assert_int_equal(st.state, EVENT_UNBOUND);
	assert_int_equal(st.remote_domid, 2);
	assert_int_equal(event_send(&set, &dom[1], a), 0); /* dropped, no error */
	assert_int_equal(event_bind_interdomain(&set, &dom[0], 1, a, NULL, NULL), -EINVAL);
	b = event_bind_interdomain(&set, &dom[2], 1, a, NULL, NULL);
	assert_true(b > 0);
	assert_ptr_equal(event_port_link(&dom[2], b), &link);
	/* And the other way round: the first one's end is taken up again by its domain. */
	assert_int_equal(event_close(&set, &dom[1], a, NULL), 0);
	assert_true(event_bind_interdomain(&set, &dom[1], 2, b, NULL, NULL) > 0);
	assert_int_equal(links_freed, 0);
}

static void test_link_freed_once(void **state)
{
	int link;
	int a = event_alloc_unbound(&dom[1], 2, NULL, &link);
	int b = event_bind_interdomain(&set, &dom[2], 1, a, NULL, NULL);

	assert_int_equal(event_close(&set, &dom[1], a, NULL), 0);
	assert_int_equal(links_freed, 0);
	assert_int_equal(event_close(&set, &dom[2], b, NULL), 0);
	assert_int_equal(links_freed, 1);
	assert_int_equal(event_close(&set, &dom[2], b, NULL), -EINVAL);
}

static void test_virq(void **state)
{
	int port = event_bind_virq(&dom[0], VIRQ_DOM_EXC, NULL, NULL);

	assert_true(port > 0);
	assert_int_equal(event_bind_virq(&dom[0], VIRQ_DOM_EXC, NULL, NULL), -EEXIST);
	assert_int_equal(event_bind_virq(&dom[0], EVENT_NR_VIRQS, NULL, NULL), -EINVAL);
	event_raise_virq(&dom[0], VIRQ_DOM_EXC);
	event_raise_virq(&dom[1], VIRQ_DOM_EXC);
	event_raise_virq(&dom[0], 99);
	assert_int_equal(raised[0][port], 1);
	assert_int_equal(event_send(&set, &dom[0], port), -EINVAL);
	assert_int_equal(event_close(&set, &dom[0], port, NULL), 0);
	event_raise_virq(&dom[0], VIRQ_DOM_EXC);
	assert_int_equal(raised[0][port], 1);
	assert_true(event_bind_virq(&dom[0], VIRQ_DOM_EXC, NULL, NULL) > 0);
}

static void test_quota(void **state)
{
	for (int i = 0; i < 300; i++)
		assert_int_equal(event_alloc_unbound(&dom[1], 2, NULL, NULL), i + 1);
	assert_int_equal(event_alloc_unbound(&dom[1], 2, NULL, NULL), -ENOSPC);
	assert_int_equal(event_bind_virq(&dom[1], 1, NULL, NULL), -ENOSPC);
	assert_int_equal(event_close(&set, &dom[1], 150, NULL), 0);
	assert_int_equal(event_alloc_unbound(&dom[1], 2, NULL, NULL), 150);
}

static void test_failed_bind_leaves_peer_waiting(void **state)
{
	int a = event_alloc_unbound(&dom[2], 1, NULL, NULL);

	while (event_alloc_unbound(&dom[1], 2, NULL, NULL) > 0)
		;
	assert_int_equal(event_bind_interdomain(&set, &dom[1], 2, a, NULL, NULL), -ENOSPC);
	assert_int_equal(event_close(&set, &dom[1], 5, NULL), 0);
	assert_int_equal(event_bind_interdomain(&set, &dom[1], 2, a, NULL, NULL), 5);
}

static void test_owner(void **state)
{
	int me, you;
	int a = event_alloc_unbound(&dom[1], 2, &me, NULL);
	int b = event_alloc_unbound(&dom[1], 2, &you, NULL);

	assert_int_equal(event_close(&set, &dom[1], a, &you), -EINVAL);
	event_close_owned(&set, &dom[1], &me);
	assert_null(event_port_get(&dom[1], a));
	assert_non_null(event_port_get(&dom[1], b));
	assert_int_equal(dom[1].events.used, 1);
}

static void test_hold_outlives_close(void **state)
{
	int me;
	int a = event_alloc_unbound(&dom[1], 2, &me, NULL);
	int b = event_bind_interdomain(&set, &dom[2], 1, a, NULL, NULL);

	assert_int_equal(event_hold(&dom[1], a), 0);
	assert_int_equal(event_close(&set, &dom[1], a, &me), 0);
	/* Closed for its owner, but what holds it can still send. */
	assert_int_equal(event_close(&set, &dom[1], a, &me), -EINVAL);
	assert_int_equal(event_hold(&dom[1], a), -EINVAL);
	assert_int_equal(event_send(&set, &dom[1], a), 0);
	assert_int_equal(raised[2][b], 2);
	event_unhold(&set, &dom[1], a);
	assert_null(event_port_get(&dom[1], a));
	assert_int_equal(event_port_get(&dom[2], b)->state, EVENT_UNBOUND);
	assert_int_equal(event_hold(&dom[1], 42), -EINVAL);
}

static void test_closing_port_takes_no_bind(void **state)
{
	int a = event_alloc_unbound(&dom[1], 2, NULL, NULL);

	assert_int_equal(event_hold(&dom[1], a), 0);
	assert_int_equal(event_close(&set, &dom[1], a, NULL), 0);
	assert_int_equal(event_bind_interdomain(&set, &dom[2], 1, a, NULL, NULL), -EINVAL);
	event_unhold(&set, &dom[1], a);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_domids),
		CASE(test_ports_start_at_one),
		CASE(test_bind_and_send),
		CASE(test_bind_refused),
		CASE(test_domid_self),
		CASE(test_close_leaves_peer_unbound_for_closer),
		CASE(test_link_freed_once),
		CASE(test_virq),
		CASE(test_quota),
		CASE(test_failed_bind_leaves_peer_waiting),
		CASE(test_owner),
		CASE(test_hold_outlives_close),
		CASE(test_closing_port_takes_no_bind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/* Event channel rules of vms: IPIs, virqs of vCPUs, ends without links, many ports. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hypervisor/domain.h"

#define VCPUS 4u

static struct domain_set set;
static struct domain vm, proc;
static grant_entry_v1_t entries[2][8];
static uint32_t vm_raised[512];
static void *freed[4];
static unsigned nr_freed;

/* What the last of each hook was told. */
static struct {
	unsigned calls;
	uint32_t port;
	struct domain *remote;
	enum event_state state;
} bound, unbound;
static int bound_rc;

static void vm_raise(struct domain *d, uint32_t port)
{
	if (port < 512)
		vm_raised[port]++;
}

static void proc_raise(struct domain *d, uint32_t port)
{
}

static void on_link_free(struct domain *d, void *link)
{
	freed[nr_freed++] = link;
}

static int on_bound(struct domain *d, uint32_t port, struct domain *remote)
{
	bound.calls++;
	bound.port = port;
	bound.remote = remote;
	bound.state = event_port_get(d, port)->state;
	return bound_rc;
}

static void on_unbound(struct domain *d, uint32_t port, struct domain *remote)
{
	unbound.calls++;
	unbound.port = port;
	unbound.remote = remote;
	unbound.state = event_port_get(d, port)->state;
}

static void on_release(struct domain *d)
{
	domain_fini(d);
}

static const struct domain_ops vm_ops = { .raise = vm_raise, .vm = true, .release = on_release };
static const struct domain_ops proc_ops = {
	.raise = proc_raise,
	.link_free = on_link_free,
	.bound = on_bound,
	.unbound = on_unbound,
	.release = on_release,
};

static int setup(void **state)
{
	struct domain_limits limits = {
		.max_ports = EVENT_MAX_PORTS, .max_grants = 8, .max_mapped = 1
	};

	domain_set_init(&set);
	assert_int_equal(domain_init(&vm, "vm", &vm_ops, &limits, entries[0]), 0);
	assert_int_equal(domain_set_add(&set, &vm, 1), 0);
	assert_int_equal(domain_init(&proc, "process", &proc_ops, &limits, entries[1]), 0);
	assert_int_equal(domain_set_add(&set, &proc, 2), 0);
	vm.events.nr_vcpus = VCPUS;
	memset(vm_raised, 0, sizeof(vm_raised));
	memset(&bound, 0, sizeof(bound));
	memset(&unbound, 0, sizeof(unbound));
	bound_rc = 0;
	nr_freed = 0;
	return 0;
}

static int teardown(void **state)
{
	event_close_owned(&set, &proc, NULL);
	event_close_owned(&set, &vm, NULL);
	domain_set_remove(&set, &proc);
	domain_put(&set, &proc);
	domain_set_remove(&set, &vm);
	domain_put(&set, &vm);
	domain_set_fini(&set);
	return 0;
}

static void test_ipi(void **state)
{
	int port = event_bind_ipi(&vm, 2);
	struct event_status st;

	assert_true(port > 0);
	assert_int_equal(event_send(&set, &vm, port), 0);
	assert_int_equal(vm_raised[port], 1);
	assert_int_equal(event_status(&vm, port, &st), 0);
	assert_int_equal(st.state, EVENT_IPI);
	assert_int_equal(st.vcpu, 2);
	assert_int_equal(event_bind_ipi(&vm, VCPUS), -ENOENT);
	assert_int_equal(event_bind_ipi(&vm, UINT32_MAX), -ENOENT);
	/* Nobody's unmap can send it. */
	assert_int_equal(event_hold(&vm, port), -EINVAL);
	assert_int_equal(event_bind_interdomain(&set, &proc, 1, port, NULL, NULL), -EINVAL);
	assert_int_equal(event_close(&set, &vm, port, NULL), 0);
	assert_int_equal(event_send(&set, &vm, port), -EINVAL);
}

static void test_virq_of_each_vcpu(void **state)
{
	int a = event_bind_virq_vcpu(&vm, VIRQ_TIMER, 0, NULL, NULL);
	int b = event_bind_virq_vcpu(&vm, VIRQ_TIMER, 3, NULL, NULL);

	assert_true(a > 0 && b > 0);
	assert_int_equal(event_bind_virq_vcpu(&vm, VIRQ_TIMER, 3, NULL, NULL), -EEXIST);
	assert_int_equal(event_bind_virq_vcpu(&vm, VIRQ_TIMER, VCPUS, NULL, NULL), -ENOENT);
	event_raise_virq_vcpu(&vm, VIRQ_TIMER, 3);
	assert_int_equal(vm_raised[a], 0);
	assert_int_equal(vm_raised[b], 1);
	event_raise_virq_vcpu(&vm, VIRQ_TIMER, 1);
	event_raise_virq_vcpu(&vm, VIRQ_TIMER, VCPUS);
	event_raise_virq_vcpu(&vm, EVENT_NR_VIRQS, 0);
	assert_int_equal(event_close(&set, &vm, b, NULL), 0);
	event_raise_virq_vcpu(&vm, VIRQ_TIMER, 3);
	assert_int_equal(vm_raised[b], 1);
	assert_int_equal(event_bind_virq_vcpu(&vm, VIRQ_TIMER, 3, NULL, NULL), b);
}

static void test_global_virq(void **state)
{
	int port;

	assert_int_equal(event_bind_virq_vcpu(&vm, VIRQ_DOM_EXC, 1, NULL, NULL), -EINVAL);
	port = event_bind_virq_vcpu(&vm, VIRQ_DOM_EXC, 0, NULL, NULL);
	assert_true(port > 0);
	/* It may be taken elsewhere, and is still found when it is raised and closed. */
	assert_int_equal(event_bind_vcpu(&vm, port, 2), 0);
	event_raise_virq(&vm, VIRQ_DOM_EXC);
	assert_int_equal(vm_raised[port], 1);
	assert_int_equal(event_close(&set, &vm, port, NULL), 0);
	assert_true(event_bind_virq_vcpu(&vm, VIRQ_DOM_EXC, 0, NULL, NULL) > 0);
}

static void test_bind_vcpu(void **state)
{
	int unbound_port = event_alloc_unbound(&vm, 2, NULL, NULL);
	int ipi = event_bind_ipi(&vm, 0);
	int timer = event_bind_virq_vcpu(&vm, VIRQ_TIMER, 0, NULL, NULL);
	struct event_status st;

	assert_int_equal(event_bind_vcpu(&vm, unbound_port, 3), 0);
	assert_int_equal(event_status(&vm, unbound_port, &st), 0);
	assert_int_equal(st.vcpu, 3);
	assert_int_equal(event_bind_vcpu(&vm, unbound_port, VCPUS), -ENOENT);
	assert_int_equal(event_bind_vcpu(&vm, ipi, 1), -EINVAL);
	assert_int_equal(event_bind_vcpu(&vm, timer, 1), -EINVAL);
	assert_int_equal(event_bind_vcpu(&vm, 0, 1), -EINVAL);
	assert_int_equal(event_bind_vcpu(&vm, 99, 1), -EINVAL);
	assert_int_equal(event_bind_vcpu(&vm, UINT32_MAX, 1), -EINVAL);
	assert_int_equal(event_bind_vcpu(&vm, unbound_port, 1), 0);
}

/* --- links ------------------------------------------------------------- */

static void test_vm_binds_to_process(void **state)
{
	int link;
	int theirs = event_alloc_unbound(&proc, 1, NULL, &link);
	int ours = event_bind_interdomain(&set, &vm, 2, theirs, NULL, NULL);

	assert_true(ours > 0);
	assert_null(event_port_link(&vm, ours));
	assert_int_equal(bound.calls, 1);
	assert_int_equal(bound.port, theirs);
	assert_ptr_equal(bound.remote, &vm);
	assert_int_equal(bound.state, EVENT_INTERDOMAIN);
	assert_int_equal(event_send(&set, &proc, theirs), 0);
	assert_int_equal(vm_raised[ours], 2);
	/* The process's end keeps its pipe for the vm's next end. */
	assert_int_equal(event_close(&set, &vm, ours, NULL), 0);
	assert_int_equal(unbound.calls, 1);
	assert_int_equal(unbound.port, theirs);
	assert_int_equal(unbound.state, EVENT_INTERDOMAIN);
	assert_int_equal(nr_freed, 0);
	ours = event_bind_interdomain(&set, &vm, 2, theirs, NULL, NULL);
	assert_true(ours > 0);
	assert_int_equal(bound.calls, 2);
	/* And takes it along when it goes itself, though the vm's end stays. */
	assert_int_equal(event_close(&set, &proc, theirs, NULL), 0);
	assert_int_equal(unbound.calls, 2);
	assert_int_equal(nr_freed, 1);
	assert_ptr_equal(freed[0], &link);
	assert_int_equal(event_port_get(&vm, ours)->state, EVENT_UNBOUND);
}

static void test_process_binds_to_vm(void **state)
{
	int mine;
	void *link = &mine;
	int theirs = event_alloc_unbound(&vm, 2, NULL, NULL);
	int ours = event_bind_interdomain(&set, &proc, 1, theirs, NULL, &link);

	assert_true(ours > 0);
	assert_null(link);
	assert_ptr_equal(event_port_link(&proc, ours), &mine);
	assert_int_equal(event_port_get(&proc, ours)->side, 0);
	assert_null(event_port_link(&vm, theirs));
	assert_int_equal(bound.port, ours);
	assert_int_equal(event_close(&set, &proc, ours, NULL), 0);
	assert_int_equal(unbound.calls, 1);
	assert_int_equal(nr_freed, 1);
	assert_int_equal(event_close(&set, &vm, theirs, NULL), 0);
	assert_int_equal(nr_freed, 1);
}

static void test_vm_closes_first(void **state)
{
	int mine;
	void *link = &mine;
	int theirs = event_alloc_unbound(&vm, 2, NULL, NULL);
	int ours = event_bind_interdomain(&set, &proc, 1, theirs, NULL, &link);

	assert_int_equal(event_close(&set, &vm, theirs, NULL), 0);
	assert_int_equal(nr_freed, 0);
	assert_int_equal(event_send(&set, &proc, ours), 0);
	assert_int_equal(event_close(&set, &proc, ours, NULL), 0);
	assert_int_equal(nr_freed, 1);
	assert_int_equal(unbound.calls, 1);
}

static void test_refused_by_hook(void **state)
{
	int mine;
	void *link = &mine;
	int theirs = event_alloc_unbound(&vm, 2, NULL, NULL);

	bound_rc = -EMFILE;
	assert_int_equal(event_bind_interdomain(&set, &proc, 1, theirs, NULL, &link), -EMFILE);
	assert_ptr_equal(link, &mine);
	assert_int_equal(proc.events.used, 0);
	assert_int_equal(event_port_get(&vm, theirs)->state, EVENT_UNBOUND);
	assert_int_equal(event_send(&set, &vm, theirs), 0);
	bound_rc = 0;
	assert_true(event_bind_interdomain(&set, &proc, 1, theirs, NULL, &link) > 0);
	assert_int_equal(unbound.calls, 0);
}

static void test_alike_share_a_link(void **state)
{
	int a_link, b_link;
	void *link = &b_link;
	int a = event_alloc_unbound(&proc, DOMID_SELF, NULL, &a_link);
	int b = event_bind_interdomain(&set, &proc, DOMID_SELF, a, NULL, &link);

	assert_true(b > 0);
	assert_ptr_equal(link, &b_link);
	assert_ptr_equal(event_port_link(&proc, b), &a_link);
	assert_int_equal(event_port_get(&proc, b)->side, 1);
	assert_int_equal(bound.calls, 0);
	assert_int_equal(event_close(&set, &proc, a, NULL), 0);
	assert_int_equal(nr_freed, 0);
	assert_int_equal(event_close(&set, &proc, b, NULL), 0);
	assert_int_equal(nr_freed, 1);
}

/* --- many -------------------------------------------------------------- */

static void test_all_ports(void **state)
{
	for (uint32_t i = 1; i < EVENT_MAX_PORTS; i++)
		assert_int_equal(event_bind_ipi(&vm, 0), i);
	assert_int_equal(event_bind_ipi(&vm, 0), -ENOSPC);
	/* The lowest one first, wherever it is. */
	assert_int_equal(event_close(&set, &vm, 131071, NULL), 0);
	assert_int_equal(event_close(&set, &vm, 64, NULL), 0);
	assert_int_equal(event_close(&set, &vm, 100000, NULL), 0);
	assert_int_equal(event_bind_ipi(&vm, 0), 64);
	assert_int_equal(event_bind_ipi(&vm, 0), 100000);
	assert_int_equal(event_bind_ipi(&vm, 0), 131071);
	event_reset(&set, &vm);
	assert_int_equal(vm.events.used, 0);
	assert_int_equal(event_bind_ipi(&vm, 0), 1);
}

static void test_owners_among_many(void **state)
{
	char owners[600];

	/* More owners than rings. */
	for (unsigned i = 0; i < 6000; i++)
		assert_int_equal(event_alloc_unbound(&proc, 1, &owners[i % 600], NULL), i + 1);
	for (unsigned o = 0; o < 600; o += 2)
		event_close_owned(&set, &proc, &owners[o]);
	assert_int_equal(proc.events.used, 3000);
	for (uint32_t port = 1; port <= 6000; port++)
		assert_int_equal(event_port_get(&proc, port) != NULL, port % 2 == 0);
	for (unsigned o = 1; o < 600; o += 2)
		event_close_owned(&set, &proc, &owners[o]);
	assert_int_equal(proc.events.used, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_ipi),
		CASE(test_virq_of_each_vcpu),
		CASE(test_global_virq),
		CASE(test_bind_vcpu),
		CASE(test_vm_binds_to_process),
		CASE(test_process_binds_to_vm),
		CASE(test_vm_closes_first),
		CASE(test_refused_by_hook),
		CASE(test_alike_share_a_link),
		CASE(test_all_ports),
		CASE(test_owners_among_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

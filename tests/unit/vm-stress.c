// SPDX-License-Identifier: MIT
/*
 * vCPUs of one vm that call all at once, tables growing and shrinking under them, while another
 * domain copies from their pages and timers fire. For the address and thread sanitizers; the
 * calls' results do not matter, only what is left when all is over.
 */
#include "config.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

#include "common/log.h"
#include "tests/unit/vm-fake.h"

#define STRESS_CALLS 50000u
#define STRESS_VCPUS 3u
#define GRANTED_REF 8u
#define GRANTED_GFN 0x400u

static struct domain_set test_set;
static struct vm_fake *vms[2];

/* One thread that is vCPU @vcpu of @fake. Its structures are in a page of its own. */
struct stress {
	struct vm_fake *fake;
	unsigned vcpu;
	uint64_t seed;
	uint64_t done; /* calls that succeeded */
};

static uint32_t any(struct stress *s, uint32_t below)
{
	s->seed = s->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(s->seed >> 33) % below;
}

static uint64_t stress_page(const struct stress *s)
{
	return 0x200000 + s->vcpu * VM_PAGE;
}

static void op(struct stress *s, uint64_t number, uint64_t cmd, const void *arg, size_t size)
{
	fake_put(s->fake, stress_page(s), arg, size);
	if (fake_call(s->fake, s->vcpu, number, cmd, stress_page(s), 0) == 0)
		s->done++;
}

#define EVENT(s, cmd, arg) op(s, __HYPERVISOR_event_channel_op, cmd, &(arg), sizeof(arg))

static void call_ports(struct stress *s)
{
	uint32_t port = any(s, 200);
	domid_t other = vms[s->fake == vms[0]]->vm.d.domid;
	struct evtchn_alloc_unbound alloc = { .dom = DOMID_SELF, .remote_dom = other };
	struct evtchn_bind_interdomain bind = { .remote_dom = other, .remote_port = port };
	struct evtchn_bind_ipi ipi = { .vcpu = any(s, STRESS_VCPUS) };
	struct evtchn_close close = { .port = port };

	switch (any(s, 5)) {
	case 0:
		EVENT(s, EVTCHNOP_alloc_unbound, alloc);
		break;
	case 1:
		EVENT(s, EVTCHNOP_bind_interdomain, bind);
		break;
	case 2:
		EVENT(s, EVTCHNOP_bind_ipi, ipi);
		break;
	default:
		EVENT(s, EVTCHNOP_close, close);
		break;
	}
}

static void call_delivery(struct stress *s)
{
	uint32_t port = any(s, 200);
	struct evtchn_send send = { .port = port };
	struct evtchn_unmask unmask = { .port = port };
	struct evtchn_bind_vcpu bind = { .port = port, .vcpu = any(s, STRESS_VCPUS) };
	struct evtchn_set_priority priority = { .port = port, .priority = any(s, 16) };
	struct evtchn_status status = { .dom = DOMID_SELF, .port = port };

	switch (any(s, 8)) {
	case 0:
		EVENT(s, EVTCHNOP_unmask, unmask);
		break;
	case 1:
		EVENT(s, EVTCHNOP_bind_vcpu, bind);
		break;
	case 2:
		EVENT(s, EVTCHNOP_set_priority, priority);
		break;
	case 3:
		EVENT(s, EVTCHNOP_status, status);
		break;
	default:
		EVENT(s, EVTCHNOP_send, send);
		break;
	}
}

static void call_tables(struct stress *s)
{
	struct evtchn_init_control init = {
		.control_gfn = 0x310 + any(s, 4), .vcpu = any(s, STRESS_VCPUS)
	};
	struct evtchn_expand_array expand = { .array_gfn = 0x320 + any(s, 16) };
	struct evtchn_reset reset = { .dom = DOMID_SELF };

	switch (any(s, 20)) {
	case 0:
		EVENT(s, EVTCHNOP_reset, reset);
		break;
	case 1:
	case 2:
		EVENT(s, EVTCHNOP_init_control, init);
		break;
	default:
		EVENT(s, EVTCHNOP_expand_array, expand);
		break;
	}
}

/* Among the frames are the granted one, control blocks and arrays in use. */
static void call_memory(struct stress *s)
{
	static const uint64_t gfns[] = { 0x10, GRANTED_GFN, 0x310, 0x320, 0x40000, 0x40001 };
	uint64_t gfn = gfns[any(s, 6)];
	struct xen_add_to_physmap add = { .domid = DOMID_SELF, .gpfn = gfn };
	struct xen_remove_from_physmap remove = { .domid = DOMID_SELF, .gpfn = gfn };

	add.space = any(s, 2) ? XENMAPSPACE_grant_table : XENMAPSPACE_shared_info;
	if (any(s, 2))
		op(s, __HYPERVISOR_memory_op, XENMEM_add_to_physmap, &add, sizeof(add));
	else
		op(s, __HYPERVISOR_memory_op, XENMEM_remove_from_physmap, &remove, sizeof(remove));
}

static void call_vcpu(struct stress *s)
{
	struct xen_hvm_evtchn_upcall_vector vector = { .vcpu = s->vcpu, .vector = 0xf3 };
	struct vcpu_register_vcpu_info info = { .mfn = 0x300, .offset = s->vcpu * 64 };
	struct vcpu_set_singleshot_timer timer = { .timeout_abs_ns = 1 };

	switch (any(s, 4)) {
	case 0:
		op(s, __HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, &vector,
			sizeof(vector));
		break;
	case 1:
		fake_put(s->fake, stress_page(s), &info, sizeof(info));
		fake_call(s->fake, s->vcpu, __HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info,
			s->vcpu, stress_page(s));
		break;
	default:
		fake_put(s->fake, stress_page(s), &timer, sizeof(timer));
		fake_call(s->fake, s->vcpu, __HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer,
			s->vcpu, stress_page(s));
		break;
	}
}

static void call_poll(struct stress *s)
{
	struct sched_poll poll = { .nr_ports = 1, .timeout = 1 };
	uint32_t port = any(s, 200);

	poll.ports.p = (void *)(stress_page(s) + 0x800);
	fake_put(s->fake, stress_page(s) + 0x800, &port, sizeof(port));
	op(s, __HYPERVISOR_sched_op, SCHEDOP_poll, &poll, sizeof(poll));
}

static void *vcpu_thread(void *arg)
{
	static void (*const calls[])(struct stress *) = { call_ports, call_delivery, call_tables,
		call_memory, call_vcpu, call_poll };
	struct stress *s = arg;

	for (unsigned i = 0; i < STRESS_CALLS; i++)
		calls[any(s, 6)](s);
	return NULL;
}

/* The other vm's second vCPU: copies from a page that the first vm exchanges all the time. */
static void call_copy(struct stress *s)
{
	struct gnttab_copy copy = { .len = 64, .flags = GNTCOPY_source_gref };

	copy.source.u.ref = GRANTED_REF;
	copy.source.domid = vms[0]->vm.d.domid;
	copy.dest.domid = DOMID_SELF;
	copy.dest.u.gmfn = 0x500;
	fake_put(s->fake, stress_page(s), &copy, sizeof(copy));
	fake_call(s->fake, s->vcpu, __HYPERVISOR_grant_table_op, GNTTABOP_copy, stress_page(s), 1);
	fake_get(s->fake, stress_page(s), &copy, sizeof(copy));
	s->done += copy.status == GNTST_okay;
}

/* And maps it, which holds it where it is for a while. */
static void call_map(struct stress *s)
{
	struct gnttab_map_grant_ref map = { .host_addr = 0x40002000, .flags = GNTMAP_host_map,
		.ref = GRANTED_REF, .dom = vms[0]->vm.d.domid };
	struct gnttab_unmap_grant_ref unmap = { .host_addr = 0x40002000 };

	fake_put(s->fake, stress_page(s), &map, sizeof(map));
	fake_call(s->fake, s->vcpu, __HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref,
		stress_page(s), 1);
	fake_get(s->fake, stress_page(s), &map, sizeof(map));
	if (map.status != GNTST_okay)
		return;
	unmap.handle = map.handle;
	fake_put(s->fake, stress_page(s), &unmap, sizeof(unmap));
	fake_call(s->fake, s->vcpu, __HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref,
		stress_page(s), 1);
	fake_get(s->fake, stress_page(s), &unmap, sizeof(unmap));
	s->done += unmap.status == GNTST_okay;
}

static void *copy_thread(void *arg)
{
	struct stress *s = arg;

	for (unsigned i = 0; i < STRESS_CALLS; i++) {
		if (i % 4)
			call_copy(s);
		else
			call_map(s);
	}
	return NULL;
}

static void *timer_thread(void *arg)
{
	struct stress *s = arg;

	for (unsigned i = 0; i < STRESS_CALLS; i++) {
		struct vcpu *v = &s->fake->vm.vcpus[any(s, STRESS_VCPUS)];

		__atomic_add_fetch(&s->fake->now, 1000, __ATOMIC_RELAXED);
		vcpu_timer(v);
		vcpu_upcall_again(v);
	}
	return NULL;
}

static void grant_page(void)
{
	grant_entry_v1_t *table = mem_own(&vms[0]->vm.mem, VM_OWN_GRANT_FRAMES);

	table[GRANTED_REF].frame = GRANTED_GFN;
	table[GRANTED_REF].domid = vms[1]->vm.d.domid;
	table[GRANTED_REF].flags = GTF_permit_access;
}

static void vcpus_call_all_at_once(void **state)
{
	struct stress threads[] = {
		{ vms[0], 0, 1, 0 },
		{ vms[0], 1, 2, 0 },
		{ vms[1], 0, 3, 0 },
		{ vms[1], 1, 4, 0 },
		{ vms[0], 2, 5, 0 },
	};
	void *(*const run[])(void *) = { vcpu_thread, vcpu_thread, vcpu_thread, copy_thread,
		timer_thread };
	pthread_t ids[5];

	grant_page();
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(pthread_create(&ids[i], NULL, run[i], &threads[i]), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(pthread_join(ids[i], NULL), 0);
	/* They did something, each of them. */
	for (unsigned i = 0; i < 4; i++)
		assert_true(threads[i].done > STRESS_CALLS / 10);
}

static int setup(void **state)
{
	log_set_level(LOG_LEVEL_ERR);
	domain_set_init(&test_set);
	vms[0] = vm_fake_new(&test_set, "one", STRESS_VCPUS);
	vms[1] = vm_fake_new(&test_set, "two", STRESS_VCPUS);
	return 0;
}

static int teardown(void **state)
{
	/* Each asserts that it is the last reference: nothing is left pinned by the other. */
	vm_fake_free(vms[1]);
	vm_fake_free(vms[0]);
	domain_set_fini(&test_set);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(vcpus_call_all_at_once, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

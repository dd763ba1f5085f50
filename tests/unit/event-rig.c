// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/unit/event-rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct rig rig;
static grant_entry_v1_t entries[2][8];
static void *control_pages[RIG_VCPUS];

static void vm_raise(struct domain *d, uint32_t port)
{
	event_abi_raise(d->events.abi, port);
}

static void sender_raise(struct domain *d, uint32_t port)
{
}

static void on_release(struct domain *d)
{
	domain_fini(d);
}

static const struct domain_ops vm_ops = { .raise = vm_raise, .vm = true, .release = on_release };
static const struct domain_ops sender_ops = { .raise = sender_raise, .release = on_release };

static void on_upcall(void *opaque, unsigned vcpu)
{
	__atomic_fetch_add(&rig.upcalls[vcpu], 1, __ATOMIC_SEQ_CST);
}

static void on_pending(void *opaque, uint32_t port, unsigned vcpu)
{
	rig.pending_calls++;
}

static void on_unpin(void *opaque, uint64_t gfn)
{
	assert_true((gfn >= RIG_GFN_CONTROL && gfn < RIG_GFN_CONTROL + RIG_VCPUS) ||
		(gfn >= RIG_GFN_ARRAY && gfn < RIG_GFN_ARRAY + CONSUMER_PAGES));
	rig.unpinned++;
}

static const struct event_abi_ops abi_ops = {
	.upcall = on_upcall, .pending = on_pending, .unpin = on_unpin
};

static void on_event(void *opaque, uint32_t port)
{
	if (rig.nr_log < sizeof(rig.log) / sizeof(rig.log[0]))
		rig.log[rig.nr_log++] = port;
}

static void add_domain(struct domain *d, uint32_t domid, const struct domain_ops *ops)
{
	struct domain_limits limits = {
		.max_ports = EVENT_MAX_PORTS, .max_grants = 8, .max_mapped = 1
	};

	assert_int_equal(domain_init(d, "d", ops, &limits, entries[domid - 1]), 0);
	assert_int_equal(domain_set_add(&rig.set, d, domid), 0);
}

int rig_setup(void **state)
{
	memset(&rig, 0, sizeof(rig));
	domain_set_init(&rig.set);
	add_domain(&rig.vm, 1, &vm_ops);
	add_domain(&rig.sender, 2, &sender_ops);
	rig.abi = event_abi_new(&rig.vm, RIG_VCPUS, &abi_ops, &rig);
	rig.shared = calloc(1, 4096);
	assert_non_null(rig.abi);
	assert_non_null(rig.shared);
	event_abi_set_shared_info(rig.abi, rig.shared);
	for (unsigned i = 0; i < RIG_VCPUS; i++) {
		rig.guest[i].info = event_abi_vcpu_info(rig.abi, i);
		rig.guest[i].shared = rig.shared;
		rig.guest[i].handle = on_event;
	}
	return 0;
}

int rig_setup_fifo(void **state)
{
	rig_setup(state);
	assert_int_equal(rig_init(0, 0), 0);
	assert_int_equal(rig_expand(), 0);
	return 0;
}

static void remove_domain(struct domain *d)
{
	domain_set_remove(&rig.set, d);
	domain_put(&rig.set, d);
}

int rig_teardown(void **state)
{
	event_close_owned(&rig.set, &rig.sender, NULL);
	event_close_owned(&rig.set, &rig.vm, NULL);
	event_abi_free(rig.abi);
	assert_int_equal(rig.unpinned, rig.pinned);
	remove_domain(&rig.sender);
	remove_domain(&rig.vm);
	domain_set_fini(&rig.set);
	for (unsigned i = 0; i < RIG_VCPUS; i++) {
		free(control_pages[i]);
		control_pages[i] = NULL;
	}
	for (unsigned i = 0; i < rig.nr_pages; i++)
		free(rig.guest[0].pages[i]);
	free(rig.shared);
	return 0;
}

uint32_t rig_channel(unsigned vcpu, uint32_t *from)
{
	int theirs = event_alloc_unbound(&rig.sender, 1, NULL, NULL);
	int ours = event_bind_interdomain(&rig.set, &rig.vm, 2, theirs, NULL, NULL);

	assert_true(theirs > 0 && ours > 0);
	assert_int_equal(event_bind_vcpu(&rig.vm, ours, vcpu), 0);
	*from = theirs;
	for (unsigned i = 0; i < RIG_VCPUS; i++)
		if (rig.guest[i].info)
			rig_run(i);
	rig.nr_log = 0;
	memset(rig.upcalls, 0, sizeof(rig.upcalls));
	return ours;
}

uint32_t rig_ipi(unsigned vcpu)
{
	int port = event_bind_ipi(&rig.vm, vcpu);

	assert_true(port > 0);
	return port;
}

void rig_raise(uint32_t port)
{
	domain_lock(&rig.vm);
	event_abi_raise(rig.abi, port);
	domain_unlock(&rig.vm);
}

int rig_init(unsigned vcpu, uint32_t offset)
{
	void **page = &control_pages[vcpu < RIG_VCPUS ? vcpu : 0];
	int rc;

	if (!*page)
		*page = aligned_alloc(4096, 4096);
	assert_non_null(*page);
	memset(*page, 0, 4096);
	domain_lock(&rig.vm);
	rc = event_abi_fifo_init(rig.abi, vcpu, *page, RIG_GFN_CONTROL + vcpu, offset);
	domain_unlock(&rig.vm);
	if (rc < 0)
		return rc;
	rig.guest[vcpu].control = (void *)((char *)*page + offset);
	rig.pinned++;
	return 0;
}

int rig_expand(void)
{
	unsigned n = rig.nr_pages;
	event_word_t *page = aligned_alloc(4096, 4096);
	int rc;

	assert_non_null(page);
	memset(page, 0, 4096);
	/* The guest knows of it before the hypervisor may link anything there. */
	if (n < CONSUMER_PAGES)
		for (unsigned i = 0; i < RIG_VCPUS; i++)
			rig.guest[i].pages[n] = page;
	domain_lock(&rig.vm);
	rc = event_abi_fifo_expand(rig.abi, page, RIG_GFN_ARRAY + n);
	domain_unlock(&rig.vm);
	if (rc < 0) {
		free(page);
		return rc;
	}
	rig.nr_pages++;
	rig.pinned++;
	return 0;
}

unsigned rig_run(unsigned vcpu)
{
	return consumer_run(&rig.guest[vcpu]);
}

event_word_t *rig_word(uint32_t port)
{
	return consumer_word(&rig.guest[0], port);
}

struct evtchn_fifo_control_block *rig_control(unsigned vcpu)
{
	return rig.guest[vcpu].control;
}

bool rig_is_pending(uint32_t port)
{
	bool pending;

	domain_lock(&rig.vm);
	pending = event_abi_is_pending(rig.abi, port);
	domain_unlock(&rig.vm);
	return pending;
}

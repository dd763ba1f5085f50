// SPDX-License-Identifier: MIT
/* The guest's side of both event ABIs. */
#include "tests/vm/guest/guest.h"

#include <xen/event_channel.h>

static bool fifo;

void events_mode(bool use_fifo)
{
	fifo = use_fifo;
}

static void event_seen(struct cpu *cpu, uint32_t port)
{
	uint32_t n = cpu->log->count;

	if (n < GUEST_LOG_MAX)
		cpu->log->ports[n] = port;
	cpu->log->count = n + 1;
}

/* Takes the first event off its queue: its link is then ours to clear. */
static uint32_t word_unlink(uint32_t *word)
{
	uint32_t old = __atomic_load_n(word, __ATOMIC_ACQUIRE);
	uint32_t new;

	do
		new = old & ~((1u << EVTCHN_FIFO_LINKED) | EVTCHN_FIFO_LINK_MASK);
	while (!__atomic_compare_exchange_n(
		word, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE));
	return old & EVTCHN_FIFO_LINK_MASK;
}

static void fifo_take_one(
	struct cpu *cpu, struct evtchn_fifo_control_block *control, unsigned prio, uint32_t *ready)
{
	uint32_t *words = (void *)GUEST_EVENT_ARRAY;
	uint32_t port = cpu->fifo_head[prio], word, next;

	/* An empty queue's head was written by the hypervisor before it set the ready bit. */
	if (!port)
		port = __atomic_load_n(&control->head[prio], __ATOMIC_ACQUIRE);
	next = word_unlink(&words[port]);
	if (!next)
		*ready &= ~(1u << prio);
	cpu->fifo_head[prio] = next;
	word = __atomic_load_n(&words[port], __ATOMIC_ACQUIRE);
	if (!(word & 1u << EVTCHN_FIFO_PENDING) || (word & 1u << EVTCHN_FIFO_MASKED))
		return;
	__atomic_fetch_and(&words[port], ~(1u << EVTCHN_FIFO_PENDING), __ATOMIC_SEQ_CST);
	event_seen(cpu, port);
}

static void fifo_scan(struct cpu *cpu)
{
	struct evtchn_fifo_control_block *control = (void *)(GUEST_CONTROL + cpu->id * 128ul);
	uint32_t ready = __atomic_exchange_n(&control->ready, 0, __ATOMIC_SEQ_CST);

	while (ready) {
		fifo_take_one(cpu, control, __builtin_ctz(ready), &ready);
		ready |= __atomic_exchange_n(&control->ready, 0, __ATOMIC_SEQ_CST);
	}
}

static void word_scan(struct cpu *cpu, struct shared_info *s, unsigned w)
{
	xen_ulong_t bits;

	while ((bits = __atomic_load_n(&s->evtchn_pending[w], __ATOMIC_SEQ_CST) & ~s->evtchn_mask[w])) {
		unsigned bit = __builtin_ctzl(bits);

		__atomic_fetch_and(&s->evtchn_pending[w], ~(1ul << bit), __ATOMIC_SEQ_CST);
		event_seen(cpu, w * 64 + bit);
	}
}

static void twolevel_scan(struct cpu *cpu, struct vcpu_info *info)
{
	xen_ulong_t sel = __atomic_exchange_n(&info->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);

	while (sel) {
		unsigned w = __builtin_ctzl(sel);

		sel &= sel - 1;
		word_scan(cpu, (void *)GUEST_SHARED_INFO, w);
	}
}

void events_scan(struct cpu *cpu)
{
	struct vcpu_info *info = (void *)(GUEST_VCPU_INFO + cpu->id * 64ul);

	do {
		__atomic_store_n(&info->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
		if (fifo)
			fifo_scan(cpu);
		else
			twolevel_scan(cpu, info);
	} while (__atomic_load_n(&info->evtchn_upcall_pending, __ATOMIC_SEQ_CST));
}

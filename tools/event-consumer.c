// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/event-consumer.h"

event_word_t *consumer_word(struct consumer *c, uint32_t port)
{
	return &c->pages[port / CONSUMER_PAGE_WORDS][port % CONSUMER_PAGE_WORDS];
}

/* Takes the word out of its queue. Return: the port that it pointed to, 0 at the end. */
static uint32_t word_unlink(event_word_t *word)
{
	uint32_t old = __atomic_load_n(word, __ATOMIC_SEQ_CST);
	uint32_t new;

	do
		new = old & ~(1u << EVTCHN_FIFO_LINKED | EVTCHN_FIFO_LINK_MASK);
	while (!__atomic_compare_exchange_n(
		word, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	return old & EVTCHN_FIFO_LINK_MASK;
}

static bool word_deliver(struct consumer *c, event_word_t *word, uint32_t port)
{
	uint32_t w = __atomic_load_n(word, __ATOMIC_SEQ_CST);

	if (!(w & 1u << EVTCHN_FIFO_PENDING) || w & 1u << EVTCHN_FIFO_MASKED)
		return false;
	__atomic_fetch_and(word, ~(1u << EVTCHN_FIFO_PENDING), __ATOMIC_SEQ_CST);
	c->handle(c->opaque, port);
	return true;
}

bool consumer_one(struct consumer *c, uint32_t *ready)
{
	unsigned q = __builtin_ctz(*ready);
	uint32_t port = c->head[q];
	event_word_t *word;

	if (!port)
		port = __atomic_load_n(&c->control->head[q], __ATOMIC_SEQ_CST);
	word = consumer_word(c, port);
	c->head[q] = word_unlink(word);
	if (!c->head[q])
		*ready &= ~(1u << q);
	return word_deliver(c, word, port);
}

static unsigned fifo_run(struct consumer *c)
{
	uint32_t ready = __atomic_exchange_n(&c->control->ready, 0, __ATOMIC_SEQ_CST);
	unsigned handled = 0;

	while (ready) {
		handled += consumer_one(c, &ready);
		ready |= __atomic_exchange_n(&c->control->ready, 0, __ATOMIC_SEQ_CST);
	}
	return handled;
}

static unsigned selected_run(struct consumer *c, unsigned sel)
{
	xen_ulong_t *pending = &c->shared->evtchn_pending[sel];
	xen_ulong_t mask = __atomic_load_n(&c->shared->evtchn_mask[sel], __ATOMIC_SEQ_CST);
	xen_ulong_t bits = __atomic_load_n(pending, __ATOMIC_SEQ_CST) & ~mask;
	unsigned handled = 0;

	for (; bits; bits &= bits - 1, handled++) {
		unsigned bit = __builtin_ctzl(bits);

		__atomic_fetch_and(pending, ~(1ul << bit), __ATOMIC_SEQ_CST);
		c->handle(c->opaque, sel * 64 + bit);
	}
	return handled;
}

static unsigned two_level_run(struct consumer *c)
{
	unsigned long sel =
		__atomic_exchange_n(&c->info->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
	unsigned handled = 0;

	for (; sel; sel &= sel - 1)
		handled += selected_run(c, __builtin_ctzl(sel));
	return handled;
}

unsigned consumer_run(struct consumer *c)
{
	unsigned handled = 0;

	/* Cleared first: what comes from then on makes another upcall. */
	while (__atomic_exchange_n(&c->info->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST))
		handled += c->control ? fifo_run(c) : two_level_run(c);
	return handled;
}

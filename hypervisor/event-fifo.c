// SPDX-License-Identifier: MIT
/*
 * The FIFO ABI, as the comments of Xen's public/event_channel.h and docs/designs have it: a
 * word per port in the event array, linked into 16 queues per vCPU whose heads are in the
 * vCPU's control block.
 *
 * We are the only ones who add to a queue and the guest is the only one who takes from it. A
 * queue's tail is private, and so is where each port was linked last: links and heads in guest
 * memory are written and never followed. A guest that writes nonsense there misleads itself.
 */
#include "config.h"
#include "hypervisor/event-abi-private.h"

#include <errno.h>
#include <stdlib.h>

#define WORDS_PER_PAGE (DOMAIN_PAGE_SIZE / sizeof(event_word_t))
#define MAX_PAGES (EVTCHN_FIFO_NR_CHANNELS / WORDS_PER_PAGE)
#define LINK_TRIES 4

#define WORD_PENDING (1u << EVTCHN_FIFO_PENDING)
#define WORD_MASKED (1u << EVTCHN_FIFO_MASKED)
#define WORD_LINKED (1u << EVTCHN_FIFO_LINKED)
#define WORD_BUSY (1u << EVTCHN_FIFO_BUSY)

struct fifo_page {
	event_word_t *words; /* the guest's */
	uint64_t gfn;
};

struct fifo_vcpu {
	struct evtchn_fifo_control_block *control; /* the guest's; NULL: none yet */
	uint64_t gfn;
	uint32_t tail[EVTCHN_FIFO_MAX_QUEUES];
};

struct event_fifo {
	struct fifo_page pages[MAX_PAGES];
	uint32_t nr_pages;
	struct fifo_vcpu vcpus[EVENT_MAX_VCPUS];
};

static event_word_t *fifo_word(const struct event_fifo *f, uint32_t port)
{
	if (port / WORDS_PER_PAGE >= f->nr_pages)
		return NULL;
	return &f->pages[port / WORDS_PER_PAGE].words[port % WORDS_PER_PAGE];
}

static uint32_t word_set(event_word_t *word, uint32_t bits)
{
	return __atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);
}

static uint32_t word_clear(event_word_t *word, uint32_t bits)
{
	return __atomic_fetch_and(word, ~bits, __ATOMIC_SEQ_CST);
}

static uint32_t word_read(const event_word_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

/*
 * Has the tail's word point to @port, if it is still linked. @w: what was read of it; updated.
 * 1: done; 0: not linked any more; -EAGAIN: it changed meanwhile.
 */
static int link_try(event_word_t *word, uint32_t *w, uint32_t port)
{
	uint32_t new = (*w & ~(WORD_BUSY | EVTCHN_FIFO_LINK_MASK)) | port;

	if (!(*w & WORD_LINKED))
		return 0;
	return __atomic_compare_exchange_n(
		       word, w, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
		? 1
		: -EAGAIN;
}

/* Whether @port is behind the tail now; if not, the queue is empty and needs a head. */
static bool link_tail(event_word_t *word, uint32_t port)
{
	uint32_t w = word_read(word);
	int rc = link_try(word, &w, port);

	if (rc >= 0)
		return rc;
	/* BUSY asks the guest to leave the word alone for a moment. */
	w = word_set(word, WORD_BUSY) | WORD_BUSY;
	for (int i = 0; i < LINK_TRIES; i++) {
		rc = link_try(word, &w, port);
		if (rc == 1)
			return true;
		if (rc == 0) {
			word_clear(word, WORD_BUSY);
			return false;
		}
	}
	/* It does not, and may lose this event: that is its own. */
	word_clear(word, WORD_BUSY);
	return true;
}

/* Adds @port, whose LINKED bit was set by now, to its vCPU's queue. True: a head was written. */
static bool queue_add(struct event_fifo *f, uint32_t port, struct event_port *p)
{
	struct fifo_vcpu *v = &f->vcpus[p->vcpu];
	uint32_t *old_tail = &f->vcpus[p->last_vcpu].tail[p->last_priority];
	uint32_t *tail = &v->tail[p->priority];
	bool linked = false;

	/* It was the last in its old queue, which is empty now: nothing may be linked behind it. */
	if (*old_tail == port)
		*old_tail = 0;
	p->last_vcpu = p->vcpu;
	p->last_priority = p->priority;
	if (*tail)
		linked = link_tail(fifo_word(f, *tail), port);
	/* The guest reads the head after the ready bit, which is set after this. */
	if (!linked)
		__atomic_store_n(&v->control->head[p->priority], port, __ATOMIC_SEQ_CST);
	*tail = port;
	return !linked;
}

void event_fifo_raise(struct event_abi *abi, uint32_t port, struct event_port *p)
{
	struct event_fifo *f = abi->fifo;
	struct fifo_vcpu *v = &f->vcpus[p->vcpu];
	event_word_t *word = fifo_word(f, port);
	uint32_t old;

	if (!word) {
		p->latched = true;
		return;
	}
	/* Nothing may be unmasked before there is a control block, so nothing is lost. */
	if (!v->control)
		return;
	old = word_set(word, WORD_PENDING);
	if (!(old & WORD_MASKED) && !(word_set(word, WORD_LINKED) & WORD_LINKED) &&
		queue_add(f, port, p) && !bit_test_and_set(&v->control->ready, p->priority))
		event_abi_mark(abi, p->vcpu);
	if (!(old & WORD_PENDING))
		abi->ops->pending(abi->opaque, port, p->vcpu);
}

void event_fifo_unmask(struct event_abi *abi, uint32_t port, struct event_port *p)
{
	event_word_t *word = fifo_word(abi->fifo, port);

	if (!word)
		return;
	word_clear(word, WORD_MASKED);
	if (word_read(word) & WORD_PENDING)
		event_fifo_raise(abi, port, p);
}

bool event_fifo_is_pending(const struct event_abi *abi, uint32_t port)
{
	const event_word_t *word = fifo_word(abi->fifo, port);

	return word && word_read(word) & WORD_PENDING;
}

bool event_fifo_is_busy(const struct event_abi *abi, uint32_t port)
{
	const event_word_t *word = fifo_word(abi->fifo, port);

	return word && word_read(word) & WORD_LINKED;
}

/* It is not unlinked: only the guest can do that. It passes over what is not pending. */
void event_fifo_clear(struct event_abi *abi, uint32_t port)
{
	event_word_t *word = fifo_word(abi->fifo, port);

	if (word)
		word_clear(word, WORD_PENDING);
}

/* What is pending now is raised again when its array page comes. */
static void latch_ports(struct event_abi *abi)
{
	for (uint32_t port = 1; port < EVTCHN_2L_NR_CHANNELS; port++) {
		struct event_port *p = event_port_get(abi->d, port);

		if (!p)
			continue;
		p->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
		p->latched = event_2l_is_pending(abi, port);
	}
}

int event_abi_fifo_init(
	struct event_abi *abi, unsigned vcpu, void *page, uint64_t gfn, uint32_t offset)
{
	struct fifo_vcpu *v;

	if (vcpu >= abi->nr_vcpus)
		return -ENOENT;
	if (offset > DOMAIN_PAGE_SIZE - sizeof(struct evtchn_fifo_control_block) || offset % 8)
		return -EINVAL;
	if (!abi->fifo) {
		abi->fifo = calloc(1, sizeof(*abi->fifo));
		if (!abi->fifo)
			return -ENOMEM;
		latch_ports(abi);
	}
	v = &abi->fifo->vcpus[vcpu];
	if (v->control)
		return -EINVAL;
	v->control = (void *)((char *)page + offset);
	v->gfn = gfn;
	return 0;
}

int event_abi_fifo_expand(struct event_abi *abi, void *page, uint64_t gfn)
{
	struct event_fifo *f = abi->fifo;
	uint32_t first;

	if (!f)
		return -EOPNOTSUPP;
	if (f->nr_pages == MAX_PAGES)
		return -ENOSPC;
	first = f->nr_pages * WORDS_PER_PAGE;
	f->pages[f->nr_pages++] = (struct fifo_page){ .words = page, .gfn = gfn };
	for (uint32_t port = first; port < first + WORDS_PER_PAGE; port++) {
		struct event_port *p = event_port_get(abi->d, port);

		if (p && p->latched) {
			p->latched = false;
			event_fifo_raise(abi, port, p);
		}
	}
	return 0;
}

void event_fifo_free(struct event_abi *abi)
{
	struct event_fifo *f = abi->fifo;

	if (!f)
		return;
	abi->fifo = NULL;
	for (unsigned i = 0; i < f->nr_pages; i++)
		abi->ops->unpin(abi->opaque, f->pages[i].gfn);
	for (unsigned i = 0; i < abi->nr_vcpus; i++)
		if (f->vcpus[i].control)
			abi->ops->unpin(abi->opaque, f->vcpus[i].gfn);
	free(f);
}

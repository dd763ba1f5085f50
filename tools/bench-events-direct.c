// SPDX-License-Identifier: MIT
/* The hypervisor's own code for events, called directly. */
#include "config.h"
#include "tools/bench-events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hypervisor/domain.h"
#include "hypervisor/event-abi.h"
#include "tools/event-consumer.h"
#include "tools/prng.h"

#define SENDER_DOMID 1u
#define RECEIVER_DOMID 2u

struct events_direct {
	struct domain_set set;
	struct domain sender, receiver;
	bool has_sender, has_receiver;
	grant_entry_v1_t entries[2][8];
	struct event_abi *abi;
	struct consumer guest;
	uint32_t channels, at;
	uint32_t *order; /* the sender's ports */
	uint64_t handled;
};

uint64_t events_now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void events_shuffle(uint32_t *order, uint32_t n)
{
	uint64_t seed = 1;

	for (uint32_t i = n; i > 1; i--) {
		uint32_t j = prng_below(&seed, i), keep = order[i - 1];

		order[i - 1] = order[j];
		order[j] = keep;
	}
}

static void sender_raise(struct domain *d, uint32_t port)
{
}

static void receiver_raise(struct domain *d, uint32_t port)
{
	event_abi_raise(d->events.abi, port);
}

static void on_release(struct domain *d)
{
	domain_fini(d);
}

static const struct domain_ops sender_ops = {
	.raise = sender_raise, .vm = true, .release = on_release
};
static const struct domain_ops receiver_ops = {
	.raise = receiver_raise, .vm = true, .release = on_release
};

/* The guest is called when it is its turn. */
static void on_upcall(void *opaque, unsigned vcpu)
{
}

static void on_pending(void *opaque, uint32_t port, unsigned vcpu)
{
}

static void on_unpin(void *opaque, uint64_t gfn)
{
}

static const struct event_abi_ops abi_ops = {
	.upcall = on_upcall, .pending = on_pending, .unpin = on_unpin
};

static void on_event(void *opaque, uint32_t port)
{
	struct events_direct *e = opaque;

	e->handled++;
}

static bool add_domain(struct events_direct *e, struct domain *d, const struct domain_ops *ops,
	uint32_t domid)
{
	struct domain_limits limits = {
		.max_ports = EVENT_MAX_PORTS, .max_grants = 8, .max_mapped = 1
	};

	if (domain_init(d, "bench", ops, &limits, e->entries[domid - 1]) < 0)
		return false;
	return domain_set_add(&e->set, d, domid) == 0;
}

static bool setup_fifo(struct events_direct *e)
{
	void *page = aligned_alloc(4096, 4096);

	if (!page)
		return false;
	e->guest.control = memset(page, 0, 4096);
	if (event_abi_fifo_init(e->abi, 0, page, 0, 0) < 0)
		return false;
	for (uint32_t i = 0; i <= e->channels / CONSUMER_PAGE_WORDS; i++) {
		e->guest.pages[i] = aligned_alloc(4096, 4096);
		if (!e->guest.pages[i])
			return false;
		memset(e->guest.pages[i], 0, 4096);
		if (event_abi_fifo_expand(e->abi, e->guest.pages[i], i) < 0)
			return false;
	}
	return true;
}

static bool setup_receiver(struct events_direct *e, bool fifo)
{
	e->abi = event_abi_new(&e->receiver, 1, &abi_ops, e);
	e->guest.shared = aligned_alloc(4096, 4096);
	if (!e->abi || !e->guest.shared)
		return false;
	memset(e->guest.shared, 0, 4096);
	event_abi_set_shared_info(e->abi, e->guest.shared);
	e->guest.info = event_abi_vcpu_info(e->abi, 0);
	e->guest.handle = on_event;
	e->guest.opaque = e;
	return !fifo || setup_fifo(e);
}

static bool bind_all(struct events_direct *e, bool shuffled)
{
	e->order = malloc(e->channels * sizeof(*e->order));
	if (!e->order)
		return false;
	for (uint32_t i = 0; i < e->channels; i++) {
		int port = event_alloc_unbound(&e->sender, RECEIVER_DOMID, NULL, NULL);

		if (port < 0 || event_bind_interdomain(&e->set, &e->receiver, SENDER_DOMID, port,
					NULL, NULL) < 0)
			return false;
		e->order[i] = port;
	}
	if (shuffled)
		events_shuffle(e->order, e->channels);
	/* Binding makes each pending once. */
	consumer_run(&e->guest);
	return e->handled == e->channels;
}

struct events_direct *events_direct_new(bool fifo, bool shuffled, uint32_t channels)
{
	struct events_direct *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->channels = channels;
	domain_set_init(&e->set);
	e->has_sender = add_domain(e, &e->sender, &sender_ops, SENDER_DOMID);
	e->has_receiver = add_domain(e, &e->receiver, &receiver_ops, RECEIVER_DOMID);
	if (e->has_sender && e->has_receiver && setup_receiver(e, fifo) && bind_all(e, shuffled))
		return e;
	events_direct_free(e);
	errno = ENOMEM;
	return NULL;
}

static void remove_domain(struct events_direct *e, struct domain *d)
{
	domain_set_remove(&e->set, d);
	domain_put(&e->set, d);
}

void events_direct_free(struct events_direct *e)
{
	if (!e)
		return;
	if (e->has_sender)
		event_close_owned(&e->set, &e->sender, NULL);
	if (e->has_receiver)
		event_close_owned(&e->set, &e->receiver, NULL);
	event_abi_free(e->abi);
	if (e->has_sender)
		remove_domain(e, &e->sender);
	if (e->has_receiver)
		remove_domain(e, &e->receiver);
	domain_set_fini(&e->set);
	for (uint32_t i = 0; i < CONSUMER_PAGES; i++)
		free(e->guest.pages[i]);
	free(e->guest.control);
	free(e->guest.shared);
	free(e->order);
	free(e);
}

/* Return: events that came. */
static uint64_t run_batch(struct events_direct *e, uint32_t n)
{
	uint64_t before = e->handled;

	for (uint32_t i = 0; i < n; i++) {
		(void)event_send(&e->set, &e->sender, e->order[e->at]);
		e->at = e->at + 1 < e->channels ? e->at + 1 : 0;
	}
	consumer_run(&e->guest);
	return e->handled - before;
}

int events_direct_run(struct events_direct *e, uint32_t batch, uint64_t us, double *ns)
{
	uint64_t start = events_now(CLOCK_THREAD_CPUTIME_ID), end = start + us * 1000, now, sent = 0;

	do {
		for (unsigned i = 0; i < 16; i++, sent += batch)
			if (run_batch(e, batch) != batch)
				return -EIO;
		now = events_now(CLOCK_THREAD_CPUTIME_ID);
	} while (now < end);
	*ns = (double)(now - start) / (double)sent;
	return 0;
}

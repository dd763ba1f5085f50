/* SPDX-License-Identifier: MIT */
/*
 * What a guest's kernel does with events: the receiving end of both ABIs, as public/event_channel.h
 * describes it. For the benchmark and for tests; one vCPU's, one thread's at a time.
 */
#ifndef SLUICE_TOOLS_EVENT_CONSUMER_H
#define SLUICE_TOOLS_EVENT_CONSUMER_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/event_channel.h>

#define CONSUMER_PAGE_WORDS (4096u / sizeof(event_word_t))
#define CONSUMER_PAGES (EVTCHN_FIFO_NR_CHANNELS / CONSUMER_PAGE_WORDS)

/** struct consumer - @control NULL: the 2-level ABI. */
struct consumer {
	struct vcpu_info *info;
	struct shared_info *shared;
	struct evtchn_fifo_control_block *control;
	event_word_t *pages[CONSUMER_PAGES];
	uint32_t head[EVTCHN_FIFO_MAX_QUEUES]; /* next in each queue; 0: ask the control block */
	void (*handle)(void *opaque, uint32_t port); /* the event is cleared by then */
	void *opaque;
};

/** consumer_word() - a port's word; its page must be there. */
event_word_t *consumer_word(struct consumer *c, uint32_t port);
/** consumer_one() - take one event of the highest ready priority, FIFO only. */
bool consumer_one(struct consumer *c, uint32_t *ready);
/** consumer_run() - what an upcall does: all that is pending. Return: events handled. */
unsigned consumer_run(struct consumer *c);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The load, in the guest domain: each job keeps iodepth I/Os in flight on a queue of a
 * block frontend and measures them. bench-load.c moves I/Os, bench-pace.c says when,
 * bench-pick.c chooses them, bench-guest.c runs the jobs. A job is one thread's.
 */
#ifndef SLUICE_TOOLS_BENCH_LOAD_H
#define SLUICE_TOOLS_BENCH_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "frontends/blkfront.h"
#include "tools/bench-verify.h"
#include "tools/bench-wire.h"

/** struct load_slot - one I/O of bs bytes; larger ones than max_io go in parts. */
struct load_slot {
	struct load *load;
	enum blkfront_op op;
	uint64_t start_ns;
	uint64_t block;            /* which bs-sized block, from offset on */
	uint32_t submitted;        /* bytes of it that are on their way */
	uint32_t parts;            /* in flight */
	int error;
	bool check;                /* verify what is read */
	bool bad;                  /* a part did not verify */
	bool queued;               /* waits for free buffers */
	struct verify_write w;     /* with verify: what is written or expected */
	struct load_slot *next;    /* in the queue of those that wait for a buffer or their time */
};

/** struct load_list - slots, first in, first out. */
struct load_list {
	struct load_slot *first, **tail;
};

static inline void load_list_add(struct load_list *list, struct load_slot *slot)
{
	slot->next = NULL;
	*list->tail = slot;
	list->tail = &slot->next;
}

static inline struct load_slot *load_list_take(struct load_list *list)
{
	struct load_slot *slot = list->first;

	if (!slot)
		return NULL;
	list->first = slot->next;
	if (!list->first)
		list->tail = &list->first;
	return slot;
}

struct load {
	struct bench_options opt;
	unsigned job;
	struct blkfront *bf;
	struct blkfront_queue *queue;
	struct blkfront_info info;
	int sock;                  /* progress goes there */
	const atomic_bool *stop;   /* all jobs are to end early */
	struct load_slot *slots;
	unsigned nslots;
	unsigned active;           /* slots in flight or waiting */
	struct load_list waiting;  /* for a free buffer */
	uint32_t part;             /* bytes per part at most */

	/* choosing */
	uint64_t blocks;           /* blocks of bs bytes to choose from */
	uint64_t next;             /* sequential */
	uint64_t issued, target;   /* blocks; the target ends a run that is not time-based */
	uint64_t rng;
	uint64_t run;              /* of verify's headers */
	uint64_t sequence;
	uint32_t unsynced;         /* writes since the last flush */
	uint32_t *written;         /* with verify: last write's number per block, 0: none */
	uint8_t *busy;             /* with verify: a bit per block, an I/O is in flight there */

	/* pace: when I/Os are due, whatever became of those before */
	uint64_t pace_ns;          /* between two I/Os; 0: as fast as it goes */
	uint64_t due_ns;           /* the next one */
	struct load_list resting;  /* slots whose time has not come */

	/* time */
	enum bench_phase phase;
	bool ending;               /* issue nothing more */
	bool broken;               /* the device is gone */
	uint64_t now_ns;           /* of one of the last few completions, or later */
	unsigned clock_uses;       /* since it was read */
	uint64_t begun_ns, end_ns; /* of this phase; end 0: none */
	uint64_t tick_ns;          /* when the last progress was sent */
	uint64_t tick_ios[BENCH_SYNCS], tick_bytes[BENCH_SYNCS];
	uint64_t done_blocks;      /* of this phase */

	struct bench_result *result;
};

/** load_now() - CLOCK_MONOTONIC in nanoseconds. */
uint64_t load_now(void);

/** load_prepare() - slots, verify's memory, buffers' content. 0 or -errno. */
int load_prepare(struct load *l) must_check;
void load_free(struct load *l);
/** load_phase() - run a phase until it is over, stopped or broken, and drain. */
void load_phase(struct load *l, enum bench_phase phase, uint64_t duration_us);
/** load_fault() - count a failed I/O; the first one's text stays. */
void load_fault(struct load *l, int error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** load_dir() - under what an I/O of this kind is counted. */
enum bench_dir load_dir(enum blkfront_op op);

/** pace_begin() - at the start of a phase. */
void pace_begin(struct load *l);
/** pace_admit() - whether @slot may start now; else it rests. Sets its start. */
bool pace_admit(struct load *l, struct load_slot *slot);
/** pace_next() - a slot that rested and whose time has come, or NULL. */
struct load_slot *pace_next(struct load *l);

/** pick_prepare() - what choosing needs. 0 or -errno. */
int pick_prepare(struct load *l) must_check;
void pick_free(struct load *l);
/** pick_next() - choose the next I/O of the phase into @slot; false: there is none. */
bool pick_next(struct load *l, struct load_slot *slot);
/** pick_done() - @slot's I/O has ended, well or not. */
void pick_done(struct load *l, struct load_slot *slot);

/** bench_guest_main() - the hidden subcommand: argv[1] is the socket's number. */
int bench_guest_main(int argc, char **argv);

#endif

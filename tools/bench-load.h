/* SPDX-License-Identifier: MIT */
/*
 * The load, in the guest domain: keeps iodepth I/Os in flight on a block frontend and
 * measures them. bench-load.c moves I/Os, bench-pick.c chooses them, bench-guest.c
 * does the rest. One thread.
 */
#ifndef SLUICE_TOOLS_BENCH_LOAD_H
#define SLUICE_TOOLS_BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "frontends/blkfront.h"
#include "tools/bench-verify.h"
#include "tools/bench-wire.h"

/** struct load_slot - one I/O of bs bytes; larger ones than max_io go in parts. */
struct load_slot {
	uint64_t start_ns;
	uint64_t block;            /* which bs-sized block, from offset on */
	uint32_t submitted;        /* bytes of it that are on their way */
	uint32_t parts;            /* in flight */
	int error;
	bool write;
	bool check;                /* verify what is read */
	bool bad;                  /* a part did not verify */
	bool queued;               /* waits for free buffers */
	struct verify_write w;     /* with verify: what is written or expected */
	struct load_slot *next;    /* in the queue of those that wait for a free buffer */
};

struct load {
	struct bench_options opt;
	struct blkfront *bf;
	struct blkfront_info info;
	int sock;
	struct load_slot *slots;
	unsigned nslots;
	unsigned active;           /* slots in flight or waiting */
	struct load_slot *waiting, **waiting_tail;
	uint32_t part;             /* bytes per part at most */

	/* choosing */
	uint64_t blocks;           /* blocks of bs bytes to choose from */
	uint64_t next;             /* sequential */
	uint64_t issued, target;   /* blocks; the target ends a run that is not time-based */
	uint64_t rng;
	uint64_t run;              /* of verify's headers */
	uint64_t sequence;
	uint32_t *written;         /* with verify: last write's number per block, 0: none */
	uint8_t *busy;             /* with verify: a bit per block, an I/O is in flight there */

	/* time */
	enum bench_phase phase;
	bool ending;               /* issue nothing more */
	bool broken;               /* the device is gone */
	uint64_t now_ns;           /* of the last completion, or later */
	uint64_t begun_ns, end_ns; /* of this phase; end 0: none */
	uint64_t tick_ns;          /* when the last progress was sent */
	uint64_t tick_ios[2], tick_bytes[2];
	uint64_t done_blocks;      /* of this phase */

	struct bench_result *result;
};

/** load_now() - CLOCK_MONOTONIC in nanoseconds. */
uint64_t load_now(void);

/** load_prepare() - slots, verify's memory, buffers' content. 0 or -errno. */
int load_prepare(struct load *l) must_check;
void load_free(struct load *l);
/** load_phase() - run a phase until it is over, stopped or broken, and drain. 0 or -errno. */
int load_phase(struct load *l, enum bench_phase phase, uint64_t duration_us) must_check;
/** load_fault() - count a failed I/O; the first one's text stays. */
void load_fault(struct load *l, int error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

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

/* SPDX-License-Identifier: MIT */
/*
 * What a backend shows of itself: a file that it writes through a mapping and that others
 * read. It begins with a struct metrics_header, followed by a struct metrics_ring for each
 * ring that the device can have, at header_size and then every ring_size bytes.
 *
 * Each word has one writer, which stores it plainly: a ring's thread for its counters,
 * gauges and latencies, the control thread for the rest. Readers see words that are whole but
 * not of the same moment. To a reader all of it is a stranger's: the backend may be its
 * guest's by now. Words are in the host's byte order.
 */
#ifndef SLUICE_BACKENDS_COMMON_METRICS_PAGE_H
#define SLUICE_BACKENDS_COMMON_METRICS_PAGE_H

#include <stdint.h>

#include "common/cleanup.h"

#define METRICS_MAGIC UINT64_C(0x73656c6f63756c73)
/** METRICS_VERSION - another one is another layout: not to be read by those who know this one. */
#define METRICS_VERSION 2u
#define METRICS_PAGE 4096u
#define METRICS_MAX_RINGS 8u

/** Latencies: log-linear buckets, 16 per power of two, in nanoseconds: within 6 %. */
#define METRICS_SUB_BITS 4u
#define METRICS_SUB (1u << METRICS_SUB_BITS)
/** METRICS_MAX_BITS - what takes longer (69 s) counts as the longest. */
#define METRICS_MAX_BITS 36u
#define METRICS_BUCKETS ((METRICS_MAX_BITS - METRICS_SUB_BITS + 1) * METRICS_SUB)

/** enum metrics_op - kinds of requests with latencies of their own. */
enum metrics_op {
	METRICS_OP_READ,
	METRICS_OP_WRITE,
	METRICS_OP_FLUSH,
	METRICS_OP_BARRIER,
	METRICS_OP_DISCARD,
	METRICS_OPS
};

/** enum metrics_counter - totals that only grow while a backend lives. New ones come last. */
enum metrics_counter {
	METRICS_READS,
	METRICS_READ_BYTES,
	METRICS_WRITES,
	METRICS_WRITTEN_BYTES,
	METRICS_FLUSHES,
	METRICS_BARRIERS,
	METRICS_DISCARDS,
	METRICS_REFUSED,       /* requests that broke a rule */
	METRICS_ERRORS,        /* valid requests that failed */
	METRICS_COPIED,        /* requests served by grant copy */
	METRICS_SWEEPS,        /* passes over the ring that found requests */
	METRICS_NOTIFICATIONS, /* sent */
	METRICS_WAKEUPS,       /* events received */
	METRICS_MAPPED,        /* requests served in pages that are mapped */
	METRICS_INDIRECT,      /* requests with indirect segments */
	METRICS_POLL_HITS,     /* looked for work before sleeping, and found some */
	METRICS_POLL_MISSES,   /* and found none */
	METRICS_COUNTERS,
	METRICS_COUNTER_ROOM = 48
};
_Static_assert((int)METRICS_COUNTERS <= (int)METRICS_COUNTER_ROOM, "counters have room");

/** enum metrics_net_counter - the same of a network interface's queue. */
enum metrics_net_counter {
	METRICS_NET_TX_PACKETS,  /* that the guest sent and the port took */
	METRICS_NET_TX_BYTES,
	METRICS_NET_TX_DROPPED,  /* that the port did not take */
	METRICS_NET_TX_BAD,      /* dropped for what they are: sizes, headers, offloads */
	METRICS_NET_TX_ERRORS,   /* whose pages could not be read */
	METRICS_NET_RX_PACKETS,  /* that were put in the guest's buffers */
	METRICS_NET_RX_BYTES,
	METRICS_NET_RX_FULL,     /* dropped: too many waited for buffers */
	METRICS_NET_RX_OLD,      /* dropped: they waited too long, or the guest is stalled */
	METRICS_NET_RX_FILTERED, /* multicasts that the guest did not ask for */
	METRICS_NET_RX_BAD,      /* dropped for what they are: too long for the guest, no headers */
	METRICS_NET_RX_ERRORS,   /* whose buffers could not be written to */
	METRICS_NET_STEERED,     /* handed to another queue for their hash */
	METRICS_NET_SEGMENTED,   /* cut up in software */
	METRICS_NET_CHECKSUMMED, /* in software */
	METRICS_NET_MCAST,       /* changes of the multicast filter */
	METRICS_NET_STALLS,      /* times that the guest gave no buffers for a minute */
	METRICS_NET_SWEEPS,      /* passes over the rings that found something */
	METRICS_NET_NOTIFICATIONS,
	METRICS_NET_WAKEUPS,
	METRICS_NET_POLL_HITS,
	METRICS_NET_POLL_MISSES,
	METRICS_NET_COUNTERS
};
_Static_assert((int)METRICS_NET_COUNTERS <= (int)METRICS_COUNTER_ROOM, "counters have room");

/** What a connected interface has: bits of metrics_ring.features; both sides have it. */
#define METRICS_NET_FEATURE_SG 1u
#define METRICS_NET_FEATURE_TSO4 2u
#define METRICS_NET_FEATURE_TSO6 4u
#define METRICS_NET_FEATURE_CSUM 8u
#define METRICS_NET_FEATURE_CSUM6 16u
#define METRICS_NET_FEATURE_SPLIT 32u
#define METRICS_NET_FEATURE_CTRL 64u
#define METRICS_NET_FEATURE_NOTIFY 128u

/**
 * What a connected ring has: bits of metrics_ring.features. Persistent grants are there when
 * both sides want them; of the rest, which we offer, a frontend does not say what it took.
 */
#define METRICS_FEATURE_PERSISTENT 1u
#define METRICS_FEATURE_INDIRECT 2u
#define METRICS_FEATURE_FLUSH 4u
#define METRICS_FEATURE_BARRIER 8u
#define METRICS_FEATURE_DISCARD 16u
#define METRICS_FEATURE_SECURE 32u
#define METRICS_FEATURE_READONLY 64u
#define METRICS_FEATURE_ABI32 128u

/** struct metrics_latency - from taking a request from the ring to putting its answer there. */
struct metrics_latency {
	uint64_t sum_ns;
	uint64_t bucket[METRICS_BUCKETS];
};

/** struct metrics_ring - one ring; zero while it was never connected. */
struct metrics_ring {
	uint64_t connected;   /* 0 or 1 */
	uint64_t depth;       /* slots */
	uint64_t features;    /* METRICS_FEATURE_ */
	uint64_t max_indirect; /* segments of a request that were offered */
	uint64_t in_flight;   /* taken and not answered */
	uint64_t grants;      /* pages mapped */
	uint64_t reserved[2];
	uint64_t counter[METRICS_COUNTER_ROOM];
	struct metrics_latency latency[METRICS_OPS];
};

/** enum metrics_kind - what a device is, and so what its counters and features are. */
enum metrics_kind { METRICS_DISK, METRICS_VIF, METRICS_KINDS };

/** struct metrics_header - the device. */
struct metrics_header {
	uint64_t magic;       /* written last */
	uint32_t version;
	uint32_t header_size; /* of the page that this is in */
	uint32_t ring_size;   /* from ring to ring, whole pages */
	uint32_t rings;       /* at most METRICS_MAX_RINGS */
	uint64_t start_ns;    /* of the backend, CLOCK_REALTIME */
	uint64_t sectors;     /* of 512 bytes */
	uint64_t sector_size;
	char driver[16];      /* a-z 0-9 -, zero-filled; of an interface what it is attached to */
	uint32_t kind;        /* enum metrics_kind */
	uint32_t reserved;
};

/** metrics_ring_size() - whole pages: rings share no cache line. */
static inline uint32_t metrics_ring_size(void)
{
	return (sizeof(struct metrics_ring) + METRICS_PAGE - 1) & ~(METRICS_PAGE - 1);
}

/** metrics_bucket() - the bucket of a latency. */
static inline unsigned metrics_bucket(uint64_t ns)
{
	unsigned shift;

	if (ns >> METRICS_MAX_BITS)
		return METRICS_BUCKETS - 1;
	if (ns < METRICS_SUB)
		return (unsigned)ns;
	shift = 63u - (unsigned)__builtin_clzll(ns) - METRICS_SUB_BITS;
	return (shift + 1) * METRICS_SUB + (unsigned)(ns >> shift) - METRICS_SUB;
}

/** metrics_bucket_end() - the first value beyond a bucket, in ns. */
static inline uint64_t metrics_bucket_end(unsigned bucket)
{
	unsigned shift = bucket < METRICS_SUB ? 0 : bucket / METRICS_SUB - 1;

	return bucket < METRICS_SUB ? bucket + 1 :
				      (uint64_t)(METRICS_SUB + bucket % METRICS_SUB + 1) << shift;
}

/** struct metrics_page - the writer's side: one device's mapping. Control thread. */
struct metrics_page;

/**
 * metrics_page_open() - give the file its size and map it; what it held is gone.
 * @where: a file's name, or "fd:N", a descriptor that becomes ours
 * @rings: that the device can have, 1 to METRICS_MAX_RINGS
 *
 * All of its room is reserved, so that a file system that is full is an error here and not
 * a signal later. Return: 0 or -errno.
 */
int metrics_page_open(const char *where, unsigned rings, struct metrics_page **page) must_check;
/** metrics_page_close() - when no ring's thread runs. NULL is fine. */
void metrics_page_close(struct metrics_page *page);
/** metrics_page_vif() - the device is a network interface, attached to @driver. NULL is fine. */
void metrics_page_vif(struct metrics_page *page, const char *driver);
/** metrics_page_storage() - what the device stores on. NULL is fine. */
void metrics_page_storage(struct metrics_page *page, const char *driver, uint64_t sector_size);
/** metrics_page_size() - the disk's size is known, or another one now. NULL is fine. */
void metrics_page_size(struct metrics_page *page, uint64_t sectors);
/** metrics_page_ring() - a ring's part; NULL: no page, or it has none. */
struct metrics_ring *metrics_page_ring(struct metrics_page *page, unsigned ring);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * sluice-bench net: packets of a guest domain through sluice-net, and the same traffic without
 * it, in turn. bench-net.c runs the rounds, bench-net-run.c brings up each way and samples it,
 * bench-net-load.c and bench-net-guest.c are the endpoints, bench-net-host.c the kernel's side,
 * bench-net-report.c and bench-net-options.c are pure.
 *
 * The endpoint is a program that reads and writes packets; the outside is the kernel's network:
 * what is sent is counted by the interface and dropped there, what is received comes from an
 * AF_PACKET socket on the interface, which is held up when the interface's queue is full.
 */
#ifndef SLUICE_TOOLS_BENCH_NET_H
#define SLUICE_TOOLS_BENCH_NET_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/cleanup.h"

#define NETBENCH_QUEUES_MAX 4u
#define NETBENCH_ROUNDS_MAX 99u
/** NETBENCH_GSO_SEGMENT - payload per segment of TSO-sized packets. */
#define NETBENCH_GSO_SEGMENT 1448u
#define NETBENCH_FRAME_MAX 65535u

/** enum netbench_peer - ways that packets take. */
enum netbench_peer {
	NETBENCH_SLUICE, /* an endpoint in a guest domain, sluice-net, a TAP */
	NETBENCH_TAP,    /* an endpoint that reads and writes a TAP, no domain at all */
	NETBENCH_VETH,   /* an endpoint with an AF_PACKET socket on one end of a veth pair */
	NETBENCH_PEERS,
};

#define NETBENCH_TX 1u /* the endpoint sends */
#define NETBENCH_RX 2u
#define NETBENCH_PAIR 4u /* from one guest domain to another, over a bridge; sluice only */

/** struct netbench_load - one line of the benchmark. */
struct netbench_load {
	const char *name;
	uint32_t size;     /* bytes of a frame */
	bool gso;
	unsigned dir;      /* NETBENCH_TX, NETBENCH_RX, both, or NETBENCH_PAIR */
	unsigned queues;
	bool bytes;        /* judged by bits per second, not by packets */
};
extern const struct netbench_load netbench_loads[];
extern const unsigned netbench_load_count;

struct netbench_options {
	const struct netbench_load *loads[32];
	unsigned nloads;
	unsigned rounds;
	uint64_t runtime_us, ramp_us;
	bool json;
	char output[4096];
};
enum netbench_parsed { NETBENCH_PARSED, NETBENCH_HELP, NETBENCH_WRONG };
enum netbench_parsed netbench_options_parse(int argc, char **argv, struct netbench_options *o, char *why,
	size_t room) must_check;
void netbench_usage(FILE *to);

/** struct netbench_sample - one run; all 0: there was none, or it failed. */
struct netbench_sample {
	double packets, bits; /* per second, both directions together */
	double cpu;           /* CPU seconds of the whole machine per second: of idle time lost */
};

/** struct netbench_result - a load's runs. */
struct netbench_result {
	const struct netbench_load *load;
	unsigned rounds;
	struct netbench_sample sample[NETBENCH_PEERS][NETBENCH_ROUNDS_MAX];
	char left_out[NETBENCH_PEERS][200]; /* why it took no part; "": it did */
};

const char *netbench_peer_name(enum netbench_peer peer);
/** netbench_median() - of a peer's runs: packets per second or bits; 0: none. */
double netbench_median(const struct netbench_result *r, enum netbench_peer peer, bool bits);
/** netbench_ratio() - to another peer: the median of the rounds' own ratios; 0: no round has both. */
double netbench_ratio(const struct netbench_result *r, enum netbench_peer peer, enum netbench_peer other);
void netbench_table(FILE *to, const struct netbench_result *r);
/** netbench_json() - everything. 0 or -EIO. */
int netbench_json(FILE *to, const struct netbench_options *o, const struct netbench_result *results,
	unsigned n) must_check;

/* --- running ------------------------------------------------------------------------- */

/** struct netbench_counter - of one thread, on a cache line of its own. */
struct netbench_counter {
	_Atomic uint64_t packets, bytes;
} __attribute__((aligned(64)));

/** struct netbench_run - what the processes of a run share: a memfd's page. */
struct netbench_run {
	uint32_t size;
	uint32_t gso;
	uint32_t dir;         /* of this endpoint */
	uint32_t queues;
	uint8_t to[6];        /* where frames are sent to */
	uint8_t mac[6];       /* out: the endpoint's own */
	_Atomic uint32_t ready, failed, stop;
	uint32_t unsupported; /* with failed: nothing is wrong, but it is not to be had here */
	char why[200];        /* with failed */
	struct netbench_counter rx[NETBENCH_QUEUES_MAX];
	struct netbench_counter tx[NETBENCH_QUEUES_MAX];
};

/** netbench_fail() - say why in the run, for all to see. Return: 1. */
int netbench_fail(struct netbench_run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** netbench_count() - add to a counter that nobody else writes. */
static inline void netbench_count(struct netbench_counter *c, uint64_t packets, uint64_t bytes)
{
	atomic_store_explicit(&c->packets, atomic_load_explicit(&c->packets, memory_order_relaxed) + packets,
		memory_order_relaxed);
	atomic_store_explicit(&c->bytes, atomic_load_explicit(&c->bytes, memory_order_relaxed) + bytes,
		memory_order_relaxed);
}
/** netbench_frame() - a frame of the run's kind: IPv4 with UDP, with gso TCP. @flow: its port. */
void netbench_frame(const struct netbench_run *run, const uint8_t from[6], unsigned flow, uint8_t *frame);

/** netbench_namespace() - new user and network namespaces, or a network namespace for root. 0 or -errno. */
int netbench_namespace(void) must_check;
/** netbench_open_tap() - a TAP with virtio headers: @fds for its queues; set up. 0 or -errno. */
int netbench_open_tap(const char *name, unsigned queues, int *fds) must_check;
/** netbench_make_veth() - a pair, both set up. 0 or -errno. */
int netbench_make_veth(const char *name, const char *peer) must_check;
/** netbench_make_bridge() - set up. 0 or -errno. */
int netbench_make_bridge(const char *name) must_check;
/** netbench_set_up() - an interface, with @mtu if it is not 0. 0 or -errno. */
int netbench_set_up(const char *name, uint32_t mtu) must_check;
/** netbench_open_packet() - an AF_PACKET socket with virtio headers on an interface, or -errno. */
int netbench_open_packet(const char *name) must_check;
/** netbench_read_counters() - what the interface received, seen from the process @pid. 0 or -errno. */
int netbench_read_counters(pid_t pid, const char *name, uint64_t *packets, uint64_t *bytes) must_check;

/** netbench_send_packets() - a thread's: frames to a packet socket until stop. */
void netbench_send_packets(struct netbench_run *run, int fd, unsigned flow);
/** netbench_tap_endpoint() - run threads on a TAP's queues until stop; returns an exit status. */
int netbench_tap_endpoint(struct netbench_run *run, const int *fds);
/** netbench_packet_endpoint() - the same with packet sockets on an interface. */
int netbench_packet_endpoint(struct netbench_run *run, const char *name);
/** netbench_start_sources() - threads that send to @name for the endpoint to receive. 0 or -errno. */
int netbench_start_sources(struct netbench_run *run, const char *name) must_check;

struct stack;
/** struct netbench - what all runs of a benchmark share. */
struct netbench {
	const struct netbench_options *options;
	struct stack *stack;       /* NULL: not started yet */
	bool has_vif, has_pair;    /* attached */
	char vif_failed[200], pair_failed[200]; /* why they cannot be; "": they can, or nobody tried */
	uint32_t second;           /* guest domain of a pair */
	char self[4096];
	const volatile sig_atomic_t *signal;
};
/**
 * netbench_run_peer() - one run. 0, -EINTR, -EOPNOTSUPP with @why: not to be had on this
 * machine, or another -errno with @why.
 */
int netbench_run_peer(struct netbench *b, enum netbench_peer peer, const struct netbench_load *load,
	struct netbench_sample *sample, char *why, size_t room) must_check;

#endif

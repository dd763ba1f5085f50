/* SPDX-License-Identifier: MIT */
/*
 * sluice-bench compare: our disk and others on the same file, in turn. compare.c runs
 * the rounds, compare-peers.c knows each peer's command lines, compare-run.c runs
 * processes, compare-stats.c and compare-table.c are pure.
 */
#ifndef SLUICE_TOOLS_COMPARE_H
#define SLUICE_TOOLS_COMPARE_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/cleanup.h"

#define COMPARE_ROUNDS_MAX 99u

/** struct workload - one line of the comparison. */
struct workload {
	const char *name;      /* as in --workloads */
	const char *rw;        /* fio's name */
	const char *bs;        /* fio's size */
	unsigned iodepth;
	unsigned numjobs;      /* queues, where there are such */
	bool writes;
	bool bytes;            /* judged by bandwidth, not by I/Os per second */
};

extern const struct workload compare_workloads[];
extern const unsigned compare_workload_count;
/** compare_workload_find() - by name; @length of it. Return: its index, or -1. */
int compare_workload_find(const char *name, size_t length);

enum compare_peer {
	PEER_SLUICE,
	PEER_FIO,            /* io_uring on the file */
	PEER_FIO_PSYNC,      /* preadv2 on the file, depth 1 */
	PEER_FIO_GFAPI,      /* gfapi_async on a gluster volume */
	PEER_FIO_NBD,        /* fio's NBD client on the server itself */
	PEER_VHOST_URING_POLL,
	PEER_VHOST_URING_WAIT,
	PEER_VHOST_THREADS_POLL,
	PEER_VHOST_THREADS_WAIT,
	PEER_QEMU_POLL,      /* vhost-user-blk over QEMU's driver for that server */
	PEER_QEMU_WAIT,
	PEER_NBD,
	COMPARE_PEERS,
};

/** compare_peer_name() - for people and for JSON. */
const char *compare_peer_name(enum compare_peer peer);
/** compare_peer_is_vhost() - one of those that "the best vhost-user-blk" is taken from. */
static inline bool compare_peer_is_vhost(enum compare_peer peer)
{
	return peer >= PEER_VHOST_URING_POLL && peer <= PEER_QEMU_WAIT;
}

/* --- numbers: pure ----------------------------------------------------- */

/** struct compare_sample - one run; iops 0: there was none, or it failed. */
struct compare_sample {
	double iops, bytes;    /* per second */
	double cpu;            /* seconds per million I/Os, all processes that took part */
};

/** struct compare_row - a peer's runs, by round. */
struct compare_row {
	struct compare_sample sample[COMPARE_ROUNDS_MAX];
};

struct compare_summary {
	double median, min, max;
	unsigned count;
};

/** struct compare_result - a workload's runs. */
struct compare_result {
	const struct workload *workload;
	unsigned rounds;
	struct compare_row row[COMPARE_PEERS];
};

enum compare_value { COMPARE_IOPS, COMPARE_BYTES, COMPARE_CPU };

/** compare_median() - of @n values, which are sorted; 0 of none. */
double compare_median(double *values, unsigned n);
/** compare_summary() - of the rounds that ran; count 0: none did. */
struct compare_summary compare_summary(const struct compare_result *r, enum compare_peer peer,
	enum compare_value value);
/**
 * compare_ratio() - of @peer to @other: the median of the rounds' own ratios, since what
 * disturbs the machine disturbs a whole round. 0: no round has both.
 */
double compare_ratio(const struct compare_result *r, enum compare_peer peer, enum compare_peer other);
/** compare_fio() - which fio is the reference: that on the file, or fio's client; PEER_FIO: none ran. */
enum compare_peer compare_fio(const struct compare_result *r);
/** compare_best_vhost() - the vhost-user-blk with the highest median; COMPARE_PEERS: none ran. */
enum compare_peer compare_best_vhost(const struct compare_result *r);
/** compare_first() - which of @n peers begins round @round: each in turn. */
static inline unsigned compare_first(unsigned round, unsigned n)
{
	return n ? round % n : 0;
}
/** compare_table() - one workload for people. */
void compare_table(FILE *to, const struct compare_result *r);
/** struct compare_left_out - a peer that did not take part, and why. */
struct compare_left_out {
	char why[COMPARE_PEERS][200]; /* "": it took part */
};
/**
 * compare_json() - everything.
 * Return: 0, -EIO, or -EOPNOTSUPP (built without jansson).
 */
int compare_json(FILE *to, const struct compare_result *results, unsigned n,
	const struct compare_left_out *left_out) must_check;
/**
 * compare_read_json() - I/Os and bytes per second of all jobs in a file of fio's JSON.
 * Return: 0, -EIO with @why, -EOPNOTSUPP.
 */
int compare_read_json(const char *path, struct compare_sample *s, double *own_cpu, char *why,
	size_t room) must_check;

/* --- what is compared on: pure ------------------------------------------- */

enum compare_kind { COMPARE_FILE, COMPARE_PARTITION, COMPARE_GLUSTER, COMPARE_ISCSI, COMPARE_NBD };

/** struct compare_target - a name of storage taken apart, for those who take it in parts. */
struct compare_target {
	enum compare_kind kind;
	char path[PATH_MAX];      /* the file's, or on a gluster volume, or of a server's socket */
	char host[256], port[8];  /* "": its default */
	char name[256];           /* the volume, the target, the export */
	char unit[24];            /* of an iSCSI target; the partition's number */
	char initiator[256];
	uint64_t offset, length;  /* of a partition, bytes; who asks finds them out */
};

/** compare_target_parse() - 0, or -EINVAL with @why. */
int compare_target_parse(const char *name, struct compare_target *t, char *why, size_t room) must_check;
/** compare_target_peers() - whether @peer can take part. */
bool compare_target_peers(const struct compare_target *t, enum compare_peer peer);
/** compare_target_blockdev() - as QEMU's --blockdev names it, without its options for all kinds; false: no room. */
bool compare_target_blockdev(const struct compare_target *t, char *to, size_t room) must_check;

/* --- options: pure ----------------------------------------------------- */

struct compare_options {
	char filename[PATH_MAX];
	uint64_t size;
	uint64_t runtime_us;
	unsigned rounds;
	bool direct, json, allow_write;
	const struct workload *workloads[16];
	unsigned nworkloads;
};

enum compare_parsed { COMPARE_PARSED, COMPARE_HELP, COMPARE_WRONG };
enum compare_parsed compare_options_parse(int argc, char **argv, struct compare_options *o, char *why,
	size_t room) must_check;
void compare_usage(FILE *to);

/* --- running ----------------------------------------------------------- */

/** struct compare_env - what all runs of a comparison share. */
struct compare_env {
	const struct compare_options *options;
	struct compare_target target;
	char dir[PATH_MAX];                /* ours, removed at the end: sockets, results */
	char self[PATH_MAX];
	uint64_t size;                     /* of the file, whole 4 KiB blocks */
	const volatile sig_atomic_t *stop; /* a signal's number: end */
};

/** struct child - a process of ours and what it says. */
struct child {
	pid_t pid;
	int log;       /* memfd of its output */
};

/** child_start() - @argv[0] is looked up in PATH unless it has a '/'. 0 or -errno. */
int child_start(struct child *c, char *const argv[]) must_check;
/**
 * child_finish() - wait for its end, at most @timeout_ms; then it is killed.
 * @cpu: its CPU seconds and those of what it waited for
 *
 * Return: 0, -EINTR (stopped), -ETIMEDOUT, -EIO with the last line it said in @why.
 */
int child_finish(struct child *c, unsigned timeout_ms, const volatile sig_atomic_t *stop, double *cpu,
	char *why, size_t room) must_check;
/** child_kill() - end a server. Fine on one that never started. */
void child_kill(struct child *c);
/** child_cpu() - CPU seconds of a running child with its threads, io_uring's workers too. */
double child_cpu(const struct child *c);
/** child_await_socket() - until a server has made @path. 0, or -EIO with @why, or -EINTR. */
int child_await_socket(struct child *c, const char *path, const volatile sig_atomic_t *stop, char *why,
	size_t room) must_check;
/** find_in_path() - whether a program can be run. */
bool find_in_path(const char *name, char *path, size_t room);

/** child_first_line() - what a program says, its first line. 0 or -errno. */
int child_first_line(char *const argv[], char *line, size_t room) must_check;

/** peer_runs() - whether the peer has a part in this workload, on this storage. */
bool peer_runs(const struct compare_env *env, enum compare_peer peer, const struct workload *w);
/** peer_available() - else @why names what is missing. */
bool peer_available(enum compare_peer peer, char *why, size_t room);
/** peer_run() - one run. 0, -EINTR, or -errno with @why. */
int peer_run(const struct compare_env *env, enum compare_peer peer, const struct workload *w,
	struct compare_sample *sample, char *why, size_t room) must_check;

#endif

// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/compare.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"

const struct workload compare_workloads[] = {
	{ "randread-32", "randread", "4k", 32, 1, false, false },
	{ "randwrite-32", "randwrite", "4k", 32, 1, true, false },
	{ "randread-1", "randread", "4k", 1, 1, false, false },
	{ "randread-2x32", "randread", "4k", 32, 2, false, false },
	{ "read-128k", "read", "128k", 16, 1, false, true },
	{ "read-1m", "read", "1m", 8, 1, false, true },
	{ "write-1m", "write", "1m", 8, 1, true, true },
};
const unsigned compare_workload_count = ARRAY_SIZE(compare_workloads);

int compare_workload_find(const char *name, size_t length)
{
	for (unsigned i = 0; i < ARRAY_SIZE(compare_workloads); i++)
		if (strlen(compare_workloads[i].name) == length &&
			memcmp(compare_workloads[i].name, name, length) == 0)
			return (int)i;
	return -1;
}

const char *compare_peer_name(enum compare_peer peer)
{
	static const char *const names[] = {
		[PEER_SLUICE] = "sluice",
		[PEER_FIO] = "fio io_uring",
		[PEER_FIO_PSYNC] = "fio psync",
		[PEER_FIO_GFAPI] = "fio gfapi_async",
		[PEER_FIO_NBD] = "fio nbd",
		[PEER_VHOST_URING_POLL] = "vhost-user-blk io_uring, polling",
		[PEER_VHOST_URING_WAIT] = "vhost-user-blk io_uring, waiting",
		[PEER_VHOST_THREADS_POLL] = "vhost-user-blk threads, polling",
		[PEER_VHOST_THREADS_WAIT] = "vhost-user-blk threads, waiting",
		[PEER_QEMU_POLL] = "vhost-user-blk of QEMU, polling",
		[PEER_QEMU_WAIT] = "vhost-user-blk of QEMU, waiting",
		[PEER_NBD] = "qemu-nbd",
	};

	return peer < ARRAY_SIZE(names) ? names[peer] : "?";
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double compare_median(double *values, unsigned n)
{
	if (!n)
		return 0;
	qsort(values, n, sizeof(*values), by_size);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static double value_of(const struct compare_sample *s, enum compare_value value)
{
	switch (value) {
	case COMPARE_IOPS:
		return s->iops;
	case COMPARE_BYTES:
		return s->bytes;
	default:
		return s->cpu;
	}
}

struct compare_summary compare_summary(const struct compare_result *r, enum compare_peer peer,
	enum compare_value value)
{
	double values[COMPARE_ROUNDS_MAX];
	struct compare_summary s = { 0 };

	for (unsigned i = 0; i < r->rounds; i++)
		if (r->row[peer].sample[i].iops > 0)
			values[s.count++] = value_of(&r->row[peer].sample[i], value);
	s.median = compare_median(values, s.count);
	if (s.count) {
		s.min = values[0];
		s.max = values[s.count - 1];
	}
	return s;
}

double compare_ratio(const struct compare_result *r, enum compare_peer peer, enum compare_peer other)
{
	double values[COMPARE_ROUNDS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < r->rounds; i++) {
		double a = r->row[peer].sample[i].iops, b = r->row[other].sample[i].iops;

		if (a > 0 && b > 0)
			values[n++] = a / b;
	}
	return compare_median(values, n);
}

enum compare_peer compare_fio(const struct compare_result *r)
{
	static const enum compare_peer clients[] = { PEER_FIO_GFAPI, PEER_FIO_NBD };

	for (unsigned i = 0; i < ARRAY_SIZE(clients); i++)
		if (compare_summary(r, clients[i], COMPARE_IOPS).count)
			return clients[i];
	return PEER_FIO;
}

enum compare_peer compare_best_vhost(const struct compare_result *r)
{
	enum compare_peer best = COMPARE_PEERS;
	double most = 0;

	for (unsigned p = PEER_VHOST_URING_POLL; p <= PEER_QEMU_WAIT; p++) {
		double median = compare_summary(r, p, COMPARE_IOPS).median;

		if (median > most) {
			most = median;
			best = p;
		}
	}
	return best;
}

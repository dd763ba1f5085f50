// SPDX-License-Identifier: MIT
/*
 * The load on a vhost-user-blk server (qemu-storage-daemon's export) that compare
 * measures beside ours: a thread per split virtqueue in a memfd, reads or writes at
 * random or in order, completions by spinning (--poll) or by the call eventfd. The
 * result is JSON with fio's names. It trusts the server: a measuring tool.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/fdpass.h"
#include "common/log.h"
#include "common/spin.h"
#include "tools/bench-options.h"
#include "tools/bench.h"
#include "tools/prng.h"

/* The vhost-user specification's requests that are needed here. */
enum {
	VU_GET_FEATURES = 1,
	VU_SET_FEATURES = 2,
	VU_SET_OWNER = 3,
	VU_SET_MEM_TABLE = 5,
	VU_SET_VRING_NUM = 8,
	VU_SET_VRING_ADDR = 9,
	VU_SET_VRING_BASE = 10,
	VU_SET_VRING_KICK = 12,
	VU_SET_VRING_CALL = 13,
	VU_GET_PROTOCOL_FEATURES = 15,
	VU_SET_PROTOCOL_FEATURES = 16,
	VU_SET_VRING_ENABLE = 18,
	VU_GET_CONFIG = 24,
};
#define VU_VERSION 1u
#define VU_F_PROTOCOL_FEATURES 30
#define VU_PROTOCOL_F_CONFIG 9

struct vu_msg {
	uint32_t request, flags, size;
	union {
		uint64_t u64;
		struct {
			uint32_t index, num;
		} state;
		struct {
			uint32_t index, flags;
			uint64_t desc, used, avail, log;
		} addr;
		struct {
			uint32_t count, padding;
			uint64_t guest, size, user, offset;
		} mem;
		struct {
			uint32_t offset, size, flags;
			uint32_t capacity[2]; /* the first field is all that is asked for */
		} config;
	};
} __attribute__((packed));
#define VU_HEAD 12u

#define QUEUE 256u
#define DEPTH_MAX (QUEUE / 4)

/* One request: header, data and status at fixed places, three descriptors each. */
struct slot {
	struct virtio_blk_outhdr header;
	uint8_t status;
} __attribute__((aligned(64)));

/* A queue's part of the memory: the same in each. */
struct shared {
	struct vring_desc desc[QUEUE];
	uint8_t avail[4096];
	uint8_t used[4096] __attribute__((aligned(4096)));
	struct slot slot[DEPTH_MAX];
	uint8_t data[] __attribute__((aligned(4096)));
};

struct load;

struct queue {
	struct load *load;
	unsigned index;
	int kick, call;
	pthread_t thread;
	struct shared *mem;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t used_seen;
	uint64_t next, rng;
	double iops;
};

struct load {
	int sock;
	uint64_t blocks;
	uint32_t bs;
	unsigned depth, njobs;
	double seconds;
	bool write, random, poll;
	struct queue queue[BENCH_JOBS_MAX];
};

#define CONNECT_MS 5000u

static void vu_call(struct load *l, struct vu_msg *m, uint32_t request, uint32_t size, int fd,
	bool reply)
{
	m->request = request;
	m->flags = VU_VERSION;
	m->size = size;
	if (fd_send(l->sock, m, VU_HEAD + size, &fd, fd >= 0) < 0)
		die("the server hung up at request %u", request);
	if (!reply)
		return;
	if (recv(l->sock, m, VU_HEAD, MSG_WAITALL) != VU_HEAD || !m->size ||
		m->size > sizeof(*m) - VU_HEAD ||
		recv(l->sock, (uint8_t *)m + VU_HEAD, m->size, MSG_WAITALL) != m->size)
		die("no answer to request %u", request);
}

/* The server may still be on its way. */
static void connect_to(struct load *l, const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(sa.sun_path))
		die("%s is too long for a socket's name", path);
	strcpy(sa.sun_path, path);
	l->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	for (unsigned ms = 0; l->sock >= 0; ms += 10) {
		if (connect(l->sock, (struct sockaddr *)&sa, sizeof(sa)) == 0)
			return;
		if ((errno != ENOENT && errno != ECONNREFUSED) || ms > CONNECT_MS)
			break;
		usleep(10000);
	}
	die("cannot connect to %s: %s", path, strerror(errno));
}

static uint64_t negotiate(struct load *l)
{
	uint64_t want = 1ull << VIRTIO_F_VERSION_1 | 1ull << VU_F_PROTOCOL_FEATURES;
	struct vu_msg m = { 0 };
	uint64_t capacity;

	vu_call(l, &m, VU_GET_FEATURES, 0, -1, true);
	if ((m.u64 & want) != want)
		die("the server lacks VERSION_1 or PROTOCOL_FEATURES");
	vu_call(l, &m, VU_GET_PROTOCOL_FEATURES, 0, -1, true);
	m.u64 = 1ull << VU_PROTOCOL_F_CONFIG;
	vu_call(l, &m, VU_SET_PROTOCOL_FEATURES, 8, -1, false);
	vu_call(l, &m, VU_SET_OWNER, 0, -1, false);
	memset(&m, 0, sizeof(m));
	m.config.size = sizeof(m.config.capacity);
	vu_call(l, &m, VU_GET_CONFIG, sizeof(m.config), -1, true);
	if (m.size != sizeof(m.config))
		die("the server does not tell its capacity");
	memcpy(&capacity, m.config.capacity, sizeof(capacity));
	m.u64 = want;
	vu_call(l, &m, VU_SET_FEATURES, 8, -1, false);
	return capacity;
}

static void share_memory(struct load *l)
{
	size_t one = (sizeof(struct shared) + (size_t)l->depth * l->bs + 4095) & ~4095ul;
	int fd = memfd_create("queues", MFD_CLOEXEC);
	struct vu_msg m = { 0 };
	uint8_t *mem;

	if (fd < 0 || ftruncate(fd, one * l->njobs) < 0)
		die("memfd: %s", strerror(errno));
	mem = mmap(NULL, one * l->njobs, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (mem == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	for (unsigned i = 0; i < l->njobs; i++) {
		struct queue *q = &l->queue[i];

		*q = (struct queue){ .load = l, .index = i, .mem = (void *)(mem + i * one),
			.rng = 88172645463325252ull + i };
		q->avail = (void *)q->mem->avail;
		q->used = (void *)q->mem->used;
	}
	m.mem.count = 1;
	m.mem.guest = m.mem.user = (uintptr_t)mem;
	m.mem.size = one * l->njobs;
	vu_call(l, &m, VU_SET_MEM_TABLE, sizeof(m.mem), fd, false);
	close(fd);
}

static void start_queue(struct queue *q)
{
	struct load *l = q->load;
	struct vu_msg m = { .state = { .index = q->index, .num = QUEUE } };

	vu_call(l, &m, VU_SET_VRING_NUM, 8, -1, false);
	m.state.num = 0;
	vu_call(l, &m, VU_SET_VRING_BASE, 8, -1, false);
	memset(&m, 0, sizeof(m));
	m.addr.index = q->index;
	m.addr.desc = (uintptr_t)q->mem->desc;
	m.addr.avail = (uintptr_t)q->avail;
	m.addr.used = (uintptr_t)q->used;
	vu_call(l, &m, VU_SET_VRING_ADDR, sizeof(m.addr), -1, false);
	q->kick = eventfd(0, EFD_CLOEXEC);
	q->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->kick < 0 || q->call < 0)
		die("eventfd: %s", strerror(errno));
	m.u64 = q->index;
	vu_call(l, &m, VU_SET_VRING_CALL, 8, q->call, false);
	m.u64 = q->index;
	vu_call(l, &m, VU_SET_VRING_KICK, 8, q->kick, false);
	m.state.index = q->index;
	m.state.num = 1;
	vu_call(l, &m, VU_SET_VRING_ENABLE, 8, -1, false);
}

static uint64_t next_block(struct queue *q)
{
	if (!q->load->random)
		return q->next++ % q->load->blocks;
	return prng_below(&q->rng, q->load->blocks);
}

static void put(struct queue *q, unsigned i)
{
	struct load *l = q->load;
	struct shared *s = q->mem;
	struct vring_desc *d = &s->desc[i * 3];

	s->slot[i].header = (struct virtio_blk_outhdr){
		.type = l->write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
		.sector = next_block(q) * (l->bs / 512),
	};
	s->slot[i].status = 0xff;
	d[0] = (struct vring_desc){ (uintptr_t)&s->slot[i].header, sizeof(s->slot[i].header),
		VRING_DESC_F_NEXT, i * 3 + 1 };
	d[1] = (struct vring_desc){ (uintptr_t)(s->data + (size_t)i * l->bs), l->bs,
		VRING_DESC_F_NEXT | (l->write ? 0 : VRING_DESC_F_WRITE), i * 3 + 2 };
	d[2] = (struct vring_desc){ (uintptr_t)&s->slot[i].status, 1, VRING_DESC_F_WRITE, 0 };
	q->avail->ring[q->avail->idx % QUEUE] = i * 3;
	/* The entry before the index; pairs with the server's read barrier. */
	__atomic_store_n(&q->avail->idx, q->avail->idx + 1, __ATOMIC_RELEASE);
}

static void kick(struct queue *q)
{
	uint64_t one = 1;

	/* The index before the look at the server's flag; pairs with its own fence. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(&q->used->flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY) &&
		write(q->kick, &one, sizeof(one)) < 0)
		die("kick: %s", strerror(errno));
}

static unsigned reap(struct queue *q)
{
	uint16_t idx = __atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE);
	unsigned n = 0;

	for (; q->used_seen != idx; q->used_seen++, n++) {
		unsigned i = q->used->ring[q->used_seen % QUEUE].id / 3;

		if (i >= q->load->depth || q->mem->slot[i].status != VIRTIO_BLK_S_OK)
			die("a request failed");
		put(q, i);
	}
	return n;
}

static void wait_for_call(struct queue *q)
{
	struct pollfd p = { .fd = q->call, .events = POLLIN };
	uint64_t n;

	if (read(q->call, &n, sizeof(n)) < 0 && poll(&p, 1, 5000) == 0)
		die("no completion for 5 s");
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void *run_queue(void *opaque)
{
	struct queue *q = opaque;
	struct load *l = q->load;
	double start = now(), end = start + l->seconds, t = start;
	uint64_t done = 0;

	q->avail->flags = l->poll ? VRING_AVAIL_F_NO_INTERRUPT : 0;
	for (unsigned i = 0; i < l->depth; i++)
		put(q, i);
	kick(q);
	while (t < end) {
		unsigned n = reap(q);

		done += n;
		if (n) {
			kick(q);
			t = now();
		} else if (l->poll) {
			spin_relax();
		} else {
			wait_for_call(q);
		}
	}
	q->iops = (double)done / (t - start);
	return NULL;
}

static double run(struct load *l)
{
	double iops = 0;

	for (unsigned i = 0; i < l->njobs; i++)
		start_queue(&l->queue[i]);
	for (unsigned i = 0; i < l->njobs; i++)
		if (pthread_create(&l->queue[i].thread, NULL, run_queue, &l->queue[i]) != 0)
			die("cannot start a thread");
	for (unsigned i = 0; i < l->njobs; i++) {
		pthread_join(l->queue[i].thread, NULL);
		iops += l->queue[i].iops;
	}
	return iops;
}

struct arguments {
	const char *socket, *output;
	uint64_t bs, depth, jobs, us;
};

static int take_argument(struct load *l, struct arguments *a, int c)
{
	switch (c) {
	case 's':
		a->socket = optarg;
		return 0;
	case 'o':
		a->output = optarg;
		return 0;
	case 'w':
		l->write = strstr(optarg, "write") != NULL;
		l->random = strncmp(optarg, "rand", 4) == 0;
		return 0;
	case 'b':
		return size_parse(optarg, &a->bs);
	case 'd':
		return size_parse(optarg, &a->depth);
	case 'j':
		return size_parse(optarg, &a->jobs);
	case 't':
		return time_parse(optarg, &a->us);
	case 'p':
		l->poll = true;
		return 0;
	}
	return -EINVAL;
}

static int parse(int argc, char **argv, struct load *l, struct arguments *a)
{
	static const struct option options[] = { { "socket", required_argument, NULL, 's' },
		{ "rw", required_argument, NULL, 'w' }, { "bs", required_argument, NULL, 'b' },
		{ "iodepth", required_argument, NULL, 'd' }, { "numjobs", required_argument, NULL, 'j' },
		{ "runtime", required_argument, NULL, 't' }, { "output", required_argument, NULL, 'o' },
		{ "poll", no_argument, NULL, 'p' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (take_argument(l, a, c) < 0)
			return -EINVAL;
	if (!a->socket || !a->output || !a->depth || a->depth > DEPTH_MAX || !a->jobs ||
		a->jobs > BENCH_JOBS_MAX || a->bs < 512 || a->bs > 64u << 20 || a->bs % 512 || !a->us)
		return -EINVAL;
	l->bs = a->bs;
	l->depth = a->depth;
	l->njobs = a->jobs;
	l->seconds = (double)a->us / 1e6;
	return 0;
}

int bench_vhost_user_main(int argc, char **argv)
{
	struct load l = { .random = true };
	struct arguments a = { .bs = 4096, .depth = 32, .jobs = 1, .us = 3000000 };
	double iops;
	FILE *f;

	if (parse(argc, argv, &l, &a) < 0)
		die("usage: vhost-user --socket=PATH --output=FILE [--rw=KIND] [--bs=SIZE] "
		    "[--iodepth=1..%u] [--numjobs=N] [--runtime=TIME] [--poll]", DEPTH_MAX);
	connect_to(&l, a.socket);
	l.blocks = negotiate(&l) / (l.bs / 512);
	if (!l.blocks)
		die("the disk is smaller than one block");
	share_memory(&l);
	iops = run(&l);
	f = fopen(a.output, "we");
	if (!f)
		die("%s: %s", a.output, strerror(errno));
	fprintf(f, "{ \"jobs\": [ { \"error\": 0, \"%s\": { \"iops\": %.3f, \"bw_bytes\": %.0f } } ] }\n",
		l.write ? "write" : "read", iops, iops * l.bs);
	return fclose(f) == EOF;
}

// SPDX-License-Identifier: MIT
/*
 * A load on a vhost-user-blk server (qemu-storage-daemon's export), to measure it
 * beside ours: one queue of a split virtqueue in a memfd, reads or writes at random
 * or in order, completions by spinning (--poll) or by the call eventfd. Prints
 * "IOPS BYTES-PER-SECOND". A measuring tool of the tests, not part of the suite.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
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

struct shared {
	struct vring_desc desc[QUEUE];
	uint8_t avail[4096];
	uint8_t used[4096] __attribute__((aligned(4096)));
	struct slot slot[DEPTH_MAX];
	uint8_t data[] __attribute__((aligned(4096)));
};

struct load {
	int sock, kick, call;
	struct shared *mem;
	size_t mem_size;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t used_seen;
	uint64_t blocks, next, rng;
	uint32_t bs;
	unsigned depth, seconds;
	bool write, random, poll;
};

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

static void connect_to(struct load *l, const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	l->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->sock < 0 || connect(l->sock, (struct sockaddr *)&sa, sizeof(sa)) < 0)
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
	int fd = memfd_create("queue", MFD_CLOEXEC);
	struct vu_msg m = { 0 };

	l->mem_size = (sizeof(struct shared) + (size_t)l->depth * l->bs + 4095) & ~4095ul;
	if (fd < 0 || ftruncate(fd, l->mem_size) < 0)
		die("memfd: %s", strerror(errno));
	l->mem = mmap(NULL, l->mem_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (l->mem == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	l->avail = (void *)l->mem->avail;
	l->used = (void *)l->mem->used;
	m.mem.count = 1;
	m.mem.guest = m.mem.user = (uintptr_t)l->mem;
	m.mem.size = l->mem_size;
	vu_call(l, &m, VU_SET_MEM_TABLE, sizeof(m.mem), fd, false);
	close(fd);
}

static void start_queue(struct load *l)
{
	struct vu_msg m = { 0 };

	m.state.num = QUEUE;
	vu_call(l, &m, VU_SET_VRING_NUM, 8, -1, false);
	m.state.num = 0;
	vu_call(l, &m, VU_SET_VRING_BASE, 8, -1, false);
	memset(&m, 0, sizeof(m));
	m.addr.desc = (uintptr_t)l->mem->desc;
	m.addr.avail = (uintptr_t)l->avail;
	m.addr.used = (uintptr_t)l->used;
	vu_call(l, &m, VU_SET_VRING_ADDR, sizeof(m.addr), -1, false);
	m.u64 = 0;
	l->kick = eventfd(0, EFD_CLOEXEC);
	l->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->kick < 0 || l->call < 0)
		die("eventfd: %s", strerror(errno));
	vu_call(l, &m, VU_SET_VRING_CALL, 8, l->call, false);
	m.u64 = 0;
	vu_call(l, &m, VU_SET_VRING_KICK, 8, l->kick, false);
	m.state.index = 0;
	m.state.num = 1;
	vu_call(l, &m, VU_SET_VRING_ENABLE, 8, -1, false);
}

static uint64_t next_block(struct load *l)
{
	if (!l->random)
		return l->next++ % l->blocks;
	l->rng ^= l->rng << 13;
	l->rng ^= l->rng >> 7;
	l->rng ^= l->rng << 17;
	return (uint64_t)((__uint128_t)l->rng * l->blocks >> 64);
}

static void put(struct load *l, unsigned i)
{
	struct shared *s = l->mem;
	struct vring_desc *d = &s->desc[i * 3];

	s->slot[i].header = (struct virtio_blk_outhdr){
		.type = l->write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
		.sector = next_block(l) * (l->bs / 512),
	};
	s->slot[i].status = 0xff;
	d[0] = (struct vring_desc){ (uintptr_t)&s->slot[i].header, sizeof(s->slot[i].header),
		VRING_DESC_F_NEXT, i * 3 + 1 };
	d[1] = (struct vring_desc){ (uintptr_t)(s->data + (size_t)i * l->bs), l->bs,
		VRING_DESC_F_NEXT | (l->write ? 0 : VRING_DESC_F_WRITE), i * 3 + 2 };
	d[2] = (struct vring_desc){ (uintptr_t)&s->slot[i].status, 1, VRING_DESC_F_WRITE, 0 };
	l->avail->ring[l->avail->idx % QUEUE] = i * 3;
	/* The entry before the index; pairs with the server's read barrier. */
	__atomic_store_n(&l->avail->idx, l->avail->idx + 1, __ATOMIC_RELEASE);
}

static void kick(struct load *l)
{
	uint64_t one = 1;

	/* The index before the look at the server's flag; pairs with its own fence. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(&l->used->flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY) &&
		write(l->kick, &one, sizeof(one)) < 0)
		die("kick: %s", strerror(errno));
}

static unsigned reap(struct load *l, bool again)
{
	uint16_t idx = __atomic_load_n(&l->used->idx, __ATOMIC_ACQUIRE);
	unsigned n = 0;

	for (; l->used_seen != idx; l->used_seen++, n++) {
		unsigned i = l->used->ring[l->used_seen % QUEUE].id / 3;

		if (i >= l->depth || l->mem->slot[i].status != VIRTIO_BLK_S_OK)
			die("a request failed");
		if (again)
			put(l, i);
	}
	return n;
}

static void wait_for_call(struct load *l)
{
	struct pollfd p = { .fd = l->call, .events = POLLIN };
	uint64_t n;

	if (read(l->call, &n, sizeof(n)) < 0 && poll(&p, 1, 5000) == 0)
		die("no completion for 5 s");
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static double run(struct load *l)
{
	double start = now(), end = start + l->seconds, t = start;
	uint64_t done = 0;

	l->avail->flags = l->poll ? VRING_AVAIL_F_NO_INTERRUPT : 0;
	for (unsigned i = 0; i < l->depth; i++)
		put(l, i);
	kick(l);
	while (t < end) {
		unsigned n = reap(l, true);

		done += n;
		if (n) {
			kick(l);
			t = now();
		} else if (l->poll) {
			__builtin_ia32_pause();
		} else {
			wait_for_call(l);
		}
	}
	return done / (t - start);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "socket", required_argument, NULL, 's' },
		{ "rw", required_argument, NULL, 'w' }, { "bs", required_argument, NULL, 'b' },
		{ "iodepth", required_argument, NULL, 'd' }, { "runtime", required_argument, NULL, 't' },
		{ "poll", no_argument, NULL, 'p' }, { 0 } };
	struct load l = { .bs = 4096, .depth = 32, .seconds = 3, .random = true, .rng = 88172645463325252ull };
	const char *path = NULL;
	double iops;
	int c;

	log_init("vhost-user-blk");
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			path = optarg;
			break;
		case 'w':
			l.write = strstr(optarg, "write") != NULL;
			l.random = strncmp(optarg, "rand", 4) == 0;
			break;
		case 'b':
			l.bs = strtoul(optarg, NULL, 10);
			break;
		case 'd':
			l.depth = strtoul(optarg, NULL, 10);
			break;
		case 't':
			l.seconds = strtoul(optarg, NULL, 10);
			break;
		case 'p':
			l.poll = true;
			break;
		default:
			return 1;
		}
	}
	if (!path || !l.depth || l.depth > DEPTH_MAX || !l.bs || l.bs % 512 || !l.seconds)
		die("usage: --socket=PATH [--rw=randread|read|randwrite|write] [--bs=BYTES] "
		    "[--iodepth=1..%u] [--runtime=SECONDS] [--poll]", DEPTH_MAX);
	connect_to(&l, path);
	l.blocks = negotiate(&l) / (l.bs / 512);
	if (!l.blocks)
		die("the disk is smaller than one block");
	share_memory(&l);
	start_queue(&l);
	iops = run(&l);
	printf("%.0f %.0f\n", iops, iops * l.bs);
	return 0;
}

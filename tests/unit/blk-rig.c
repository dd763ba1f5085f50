// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/unit/blk-rig.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/array.h"

#define RIG_TIMEOUT_MS 10000

static const struct blk_info rig_info = {
	.size = RIG_SECTORS * 512,
	.block_size = 512,
	.physical_size = 512,
	.max_iov = 1024,
	.flags = BLK_INFO_FLUSH | BLK_INFO_MULTI_QUEUE,
};

static struct blkif_limits rig_limits(const struct rig_options *o)
{
	return (struct blkif_limits){
		.sectors = RIG_SECTORS,
		.logical_sectors = o->logical_sectors ? o->logical_sectors : 1,
		.max_indirect = o->no_indirect ? 0 : o->max_indirect ? o->max_indirect : 256,
		.readonly = o->readonly,
		.flush = true,
		.barrier = o->barrier,
		.discard = o->discard,
		.secure_discard = o->secure_discard,
	};
}

void rig_lift_limit(struct rig *rig)
{
	static const struct limit_rate none[LIMIT_KINDS];

	assert_true(limit_set(&rig->shared.limit, none));
	queue_poke(rig->queue);
}

static void rig_start_device(struct rig *rig, const struct rig_options *o)
{
	static const struct limit_rate slow[LIMIT_KINDS] = { [LIMIT_WRITE_BPS] = { 1, 4096 } };

	queue_shared_init(&rig->shared);
	rig->shared.sectors = RIG_SECTORS;
	rig->shared.journal = o->journal;
	rig->shared.poll_us = o->poll_us;
	if (o->slow_writes)
		assert_true(limit_set(&rig->shared.limit, slow));
	assert_int_equal(io_adopt(o->driver, o->driver_state, o->info ? o->info : &rig_info,
				 &rig->shared.io), 0);
}

static void rig_dispose(struct rig *rig)
{
	if (rig->index == 0) {
		io_close(rig->shared.io);
		queue_shared_dispose(&rig->shared);
	}
	close(rig->ended_fd);
}

void rig_start(struct rig *rig, const struct rig_options *o)
{
	struct queue_setup setup = {
		.index = o->index,
		.domid = FAKE_FRONTEND,
		.abi = o->abi,
		.persistent = o->persistent,
		.limits = rig_limits(o),
		.nodes = { .ring_order = o->order, .event_channel = FAKE_REMOTE_PORT + o->index },
	};
	unsigned pages = 1u << o->order;
	char why[256] = "";
	void *shared;

	memset(rig, 0, sizeof(*rig));
	rig->abi = o->abi;
	rig->index = o->index;
	rig->base = o->index ? RIG_NEXT_GREF + o->index * RIG_NEXT_STRIDE : 0;
	if (!o->first)
		rig_start_device(rig, o);
	rig->ended_fd = eventfd(0, EFD_CLOEXEC);
	setup.ended_fd = rig->ended_fd;
	shared = fake_grant_ring(rig->base + RIG_RING_GREF, pages);
	for (unsigned i = 0; i < pages; i++)
		setup.nodes.ring_ref[i] = rig->base + RIG_RING_GREF + i;
	for (unsigned i = 0; i < (o->index ? RIG_NEXT_PAGES : RIG_DATA_PAGES); i++)
		rig->data[i] = fake_grant(rig->base + RIG_DATA_GREF + i, false);
	rig->indirect = fake_grant(rig->base + RIG_INDIRECT_GREF, false);
	assert_int_equal(ring_front_init(&rig->ring, shared, pages * 4096, blkif_slot_size(o->abi)), 0);
	if (o->predecessor) {
		o->predecessor(rig);
		setup.resume = true;
	}
	if (o->refused) {
		assert_true(queue_create(&rig->shared, &setup, &rig->queue, o->refused, 256) < 0);
		rig_dispose(rig);
		return;
	}
	assert_int_equal(queue_create(o->first ? &o->first->shared : &rig->shared, &setup, &rig->queue, why, sizeof(why)), 0);
	assert_int_equal(queue_start(rig->queue, why, sizeof(why)), 0);
	if (!o->given_up)
		queue_go(rig->queue);
}

void rig_wait_ended(struct rig *rig)
{
	struct pollfd p = { .fd = rig->ended_fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, RIG_TIMEOUT_MS), 1);
	assert_true(queue_has_ended(rig->queue));
}

char *rig_stop(struct rig *rig)
{
	const char *failure;
	char *copy = NULL;

	queue_stop(rig->queue);
	rig_wait_ended(rig);
	failure = queue_failure(rig->queue);
	if (failure)
		copy = strdup(failure);
	queue_destroy(rig->queue);
	rig_dispose(rig);
	return copy;
}

void rig_put(struct rig *rig, const struct blkif_req *req)
{
	uint8_t slot[BLKIF_SLOT_MAX];

	if (req->indirect)
		blkif_encode_segments(req, 0, rig->indirect);
	blkif_encode(rig->abi, req, slot);
	ring_front_put(&rig->ring, slot, blkif_slot_size(rig->abi));
}

void rig_push(struct rig *rig)
{
	fake_sync();
	if (ring_front_push(&rig->ring))
		fake_notify_on(rig->index);
}

struct blkif_rsp rig_get(struct rig *rig)
{
	uint8_t slot[BLKIF_SLOT_MAX];
	struct blkif_rsp rsp;

	while (ring_front_pending(&rig->ring) == 0 && !ring_front_final_check(&rig->ring))
		assert_true(fake_wait_event_on(rig->index, RIG_TIMEOUT_MS));
	fake_sync();
	ring_front_get(&rig->ring, slot, blkif_rsp_size(rig->abi));
	blkif_decode_rsp(rig->abi, slot, &rsp);
	return rsp;
}

int rig_do(struct rig *rig, const struct blkif_req *req)
{
	struct blkif_rsp rsp;

	rig_put(rig, req);
	rig_push(rig);
	rsp = rig_get(rig);
	assert_int_equal(rsp.id, req->id);
	assert_int_equal(rsp.operation, req->operation);
	return rsp.status;
}

struct blkif_req rig_request(struct rig *rig, uint8_t op, uint64_t sector, unsigned segments)
{
	static uint64_t id = 0x1122334455660000;
	struct blkif_req req = {
		.id = ++id,
		.sector = sector,
		.operation = op,
		.indirect = segments > BLKIF_MAX_SEGMENTS_PER_REQUEST,
		.nr_segments = segments,
	};

	req.indirect_gref[0] = rig->base + RIG_INDIRECT_GREF;
	for (unsigned i = 0; i < segments && i < BLKIF_INDIRECT_SEGMENTS; i++)
		req.seg[i] = (struct blkif_segment){ rig->base + RIG_DATA_GREF + i, 0, 7 };
	return req;
}

uint64_t rig_metric(struct rig *rig, enum queue_metric m)
{
	return __atomic_load_n(&queue_metrics(rig->queue)[m], __ATOMIC_RELAXED);
}

/* --- the memory driver ---------------------------------------------------------------------- */

static void mem_record(struct mem_driver *m, const struct blk_req *req, bool done)
{
	if (m->events < ARRAY_SIZE(m->event))
		m->event[m->events++] = (struct mem_event){ req->op, done, req->offset };
}

static int mem_execute(struct mem_driver *m, struct blk_req *req)
{
	uint64_t at = req->offset;
	int error;

	/* What the core promises to drivers. */
	if (req->op == BLK_FLUSH)
		return mem_get(&m->fail_flush);
	if (req->offset % 512 || req->length % 512 || !req->length ||
		req->offset + req->length > sizeof(m->disk))
		abort();
	error = mem_get(req->op == BLK_READ ? &m->fail_read : &m->fail_write);
	if (error)
		return error;
	for (unsigned i = 0; i < req->niov; i++) {
		if (req->op == BLK_READ)
			memcpy(req->iov[i].iov_base, m->disk + at, req->iov[i].iov_len);
		else
			memcpy(m->disk + at, req->iov[i].iov_base, req->iov[i].iov_len);
		at += req->iov[i].iov_len;
	}
	if (at != req->offset + req->length)
		abort();
	return 0;
}

static void mem_complete(struct mem_driver *m, struct blk_req *req)
{
	int rc = mem_execute(m, req);

	mem_record(m, req, true);
	__atomic_add_fetch(&m->completed, 1, __ATOMIC_RELEASE);
	blk_req_done(m->queue, req, rc);
}

static void mem_complete_all(struct mem_driver *m)
{
	for (unsigned i = 0; i < m->nheld; i++)
		mem_complete(m, m->held[i]);
	m->nheld = 0;
}

static void mem_arm(struct mem_driver *m)
{
	struct io_uring_sqe *sqe = blk_queue_get_sqe(m->queue);

	io_uring_prep_poll_add(sqe, m->wake_fd, POLLIN);
	io_uring_sqe_set_data(sqe, &m->wake);
}

static void mem_on_wake(struct blk_queue *queue, struct blk_cqe *cqe, int res)
{
	struct mem_driver *m = container_of(cqe, struct mem_driver, wake);
	uint64_t n;

	if (read(m->wake_fd, &n, sizeof(n)) < 0)
		abort();
	mem_complete_all(m);
	mem_arm(m);
}

static int mem_queue_start(void *state, struct blk_queue *queue)
{
	struct mem_driver *m = state;

	m->queue = queue;
	m->wake.fn = mem_on_wake;
	blk_queue_lasts(queue, &m->wake);
	mem_arm(m);
	return 0;
}

static void mem_submit(void *state, struct blk_queue *queue, struct blk_req *req)
{
	struct mem_driver *m = state;

	mem_record(m, req, false);
	m->held[m->nheld++] = req;
	__atomic_add_fetch(&m->submitted, 1, __ATOMIC_RELEASE);
}

static void mem_kick(void *state, struct blk_queue *queue)
{
	struct mem_driver *m = state;

	__atomic_add_fetch(&m->kicks, 1, __ATOMIC_RELAXED);
	if (!mem_get(&m->hold))
		mem_complete_all(m);
}

void mem_driver_release(struct mem_driver *m)
{
	uint64_t one = 1;

	mem_set(&m->hold, false);
	assert_int_equal(write(m->wake_fd, &one, sizeof(one)), sizeof(one));
}

void mem_driver_init(struct mem_driver *m)
{
	memset(m, 0, sizeof(*m));
	m->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (size_t i = 0; i < sizeof(m->disk); i++)
		m->disk[i] = (i >> 9) + i;
}

void mem_driver_fini(struct mem_driver *m)
{
	close(m->wake_fd);
}

const struct blk_driver mem_driver = {
	.name = "memory",
	.queue_start = mem_queue_start,
	.submit = mem_submit,
	.kick = mem_kick,
};

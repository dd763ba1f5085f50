// SPDX-License-Identifier: MIT
/* A block backend in the frontend's own process; see blkfront-fakes.h. */
#include "config.h"
#include "tests/unit/blkfront-fakes.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>

#define MAX_OVERRIDES 8

struct backend backend;
static struct {
	char name[64];
	const char *value;
} overrides[MAX_OVERRIDES];
static unsigned nr_overrides;
static uint8_t *ring_copy; /* contiguous ring pages are one mapping in the frontend */

void backend_reset(void)
{
	memset(&backend, 0, sizeof(backend));
	backend.serve = true;
	nr_overrides = 0;
}

void backend_node(const char *name, const char *value)
{
	snprintf(overrides[nr_overrides].name, sizeof(overrides[0].name), "%s", name);
	overrides[nr_overrides++].value = value;
}

static void publish(const char *name, const char *value)
{
	char path[128];

	for (unsigned i = 0; i < nr_overrides; i++)
		if (strcmp(overrides[i].name, name) == 0)
			value = overrides[i].value;
	snprintf(path, sizeof(path), FAKE_BACK "/%s", name);
	fake_set(path, value);
}

void backend_set_state(int state)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", state);
	fake_set(FAKE_BACK "/state", text);
}

static unsigned front_number(const char *name)
{
	char path[128];
	const char *value;

	snprintf(path, sizeof(path), FAKE_FRONT "/%s", name);
	value = fake_get(path);
	return value ? strtoul(value, NULL, 10) : 0;
}

static struct ring_back *ring_of(unsigned queue)
{
	return queue ? &backend.more[queue] : &backend.ring;
}

/* The fake grants are one run of memory: the first reference gives all of the ring. */
static void attach_queue(unsigned queue)
{
	unsigned order = front_number("ring-page-order");
	bool multi = fake_get(FAKE_FRONT "/ring-page-order") != NULL;
	char name[48] = "";
	uint8_t *page;

	if (backend.queues > 1)
		snprintf(name, sizeof(name), "queue-%u/", queue);
	strcat(name, multi ? "ring-ref0" : "ring-ref");
	page = fake_page(front_number(name));
	if (!page || ring_back_init(ring_of(queue), page, (size_t)4096 << order,
			     blkif_slot_size(backend.abi)) < 0)
		abort();
	if (!queue)
		ring_copy = page;
}

static void attach(void)
{
	if (blkif_abi_parse(fake_get(FAKE_FRONT "/protocol"), &backend.abi) < 0)
		abort();
	backend.queues = front_number("multi-queue-num-queues");
	if (!backend.queues)
		backend.queues = 1;
	for (unsigned i = 0; i < backend.queues; i++)
		attach_queue(i);
	backend.attached = true;
}

static void connect_frontend(void)
{
	char sectors[32];

	if (backend.refuse) {
		fake_set(FAKE_BACK "/error", "2 no such\nfile");
		backend_set_state(XenbusStateClosed);
		return;
	}
	attach();
	snprintf(sectors, sizeof(sectors), "%u", BACKEND_DISK_BYTES / 512);
	publish("sectors", sectors);
	publish("sector-size", "512");
	publish("physical-sector-size", "4096");
	publish("info", "0");
	publish("feature-flush-cache", "1");
	publish("feature-barrier", NULL);
	publish("feature-discard", "1");
	publish("discard-granularity", "4096");
	publish("discard-secure", NULL);
	backend_set_state(XenbusStateConnected);
}

void backend_frontend_wrote_state(int state)
{
	if (backend.deaf)
		return;
	switch (state) {
	case XenbusStateInitialising:
		publish("feature-max-indirect-segments", "256");
		publish("max-ring-page-order", "4");
		publish("multi-queue-max-queues", "4");
		publish("feature-persistent", "1");
		backend_set_state(XenbusStateInitWait);
		break;
	case XenbusStateInitialised:
		connect_frontend();
		break;
	case XenbusStateClosing:
		backend_set_state(XenbusStateClosing);
		break;
	case XenbusStateClosed:
		backend.attached = false;
		backend_set_state(XenbusStateClosed);
		break;
	}
}

static bool take_from(struct ring_back *ring, struct blkif_req *req)
{
	uint8_t slot[BLKIF_SLOT_MAX];

	if (ring_back_pending(ring) <= 0)
		return false;
	ring_back_get(ring, slot);
	blkif_decode(backend.abi, slot, req);
	if (req->indirect) {
		backend.indirect++;
		for (unsigned i = 0; i < blkif_indirect_pages(req); i++)
			blkif_decode_segments(req, i, fake_page(req->indirect_gref[i]));
	}
	return true;
}

bool backend_take(struct blkif_req *req)
{
	return take_from(&backend.ring, req);
}

static void answer_on(unsigned queue, uint64_t id, uint8_t operation, int16_t status)
{
	struct blkif_rsp rsp = { .id = id, .operation = operation, .status = status };
	uint8_t wire[BLKIF_SLOT_MAX];

	blkif_encode_rsp(backend.abi, &rsp, wire);
	ring_back_put(ring_of(queue), wire, blkif_rsp_size(backend.abi));
	if (ring_back_push(ring_of(queue)))
		fake_event_on(queue);
}

void backend_answer(uint64_t id, uint8_t operation, int16_t status)
{
	answer_on(0, id, operation, status);
}

static const struct blkif_limits limits = {
	.sectors = BACKEND_DISK_BYTES / 512,
	.logical_sectors = 1,
	.max_indirect = 256,
	.flush = true,
	.barrier = true,
	.discard = true,
	.secure_discard = true,
};

int16_t backend_carry_out(const struct blkif_req *req)
{
	uint8_t *at = backend.disk + req->sector * 512;
	enum blkif_verdict verdict = blkif_check_header(req, &limits);
	uint32_t total = 0;

	if (verdict == BLKIF_OK && req->nr_segments)
		verdict = blkif_check_segments(req, &limits, &total);
	if (verdict != BLKIF_OK)
		return blkif_verdict_status(verdict);
	if (req->operation == BLKIF_OP_DISCARD)
		memset(at, 0xdd, req->nr_sectors * 512);
	for (unsigned i = 0; i < req->nr_segments; i++) {
		const struct blkif_segment *s = &req->seg[i];
		size_t len = (s->last_sect - s->first_sect + 1) * 512u;
		uint8_t *page = fake_page(s->gref);

		if (!page)
			return BLKIF_RSP_ERROR;
		page += s->first_sect * 512;
		if (req->operation == BLKIF_OP_READ)
			memcpy(page, at, len);
		else
			memcpy(at, page, len);
		at += len;
	}
	return BLKIF_RSP_OKAY;
}

void backend_serve_queue(unsigned queue)
{
	struct ring_back *ring = ring_of(queue);

	do {
		while (take_from(ring, &backend.req)) {
			int16_t status = backend_carry_out(&backend.req);

			backend.served++;
			backend.served_on[queue]++;
			backend.last_op = backend.req.operation;
			backend.last_flag = backend.req.flag;
			answer_on(queue, backend.req.id, backend.req.operation,
				backend.status ? backend.status : status);
		}
	} while (ring_back_final_check(ring) && !ring->broken);
}

void backend_serve_all(void)
{
	for (unsigned i = 0; i < backend.queues; i++)
		backend_serve_queue(i);
}

void backend_notified(unsigned queue)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	if (backend.attached && backend.serve)
		backend_serve_queue(queue);
	pthread_mutex_unlock(&lock);
}

void backend_set_rsp_prod(uint32_t rsp_prod)
{
	((volatile uint32_t *)ring_copy)[2] = rsp_prod;
	fake_event();
}

// SPDX-License-Identifier: MIT
/* A block backend in the frontend's own process; see blkfront-fakes.h. */
#include "config.h"
#include "tests/unit/blkfront-fakes.h"

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

/* The fake grants are one run of memory: the first reference gives all of the ring. */
static void attach(void)
{
	unsigned order = front_number("ring-page-order");
	bool multi = fake_get(FAKE_FRONT "/ring-page-order") != NULL;
	const char *protocol = fake_get(FAKE_FRONT "/protocol");

	ring_copy = fake_page(front_number(multi ? "ring-ref0" : "ring-ref"));
	if (!ring_copy || blkif_abi_parse(protocol, &backend.abi) < 0 ||
		ring_back_init(&backend.ring, ring_copy, (size_t)4096 << order,
			blkif_slot_size(backend.abi)) < 0)
		abort();
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

bool backend_take(struct blkif_req *req)
{
	uint8_t slot[BLKIF_SLOT_MAX];

	if (ring_back_pending(&backend.ring) <= 0)
		return false;
	ring_back_get(&backend.ring, slot);
	blkif_decode(backend.abi, slot, req);
	if (req->indirect) {
		backend.indirect++;
		for (unsigned i = 0; i < blkif_indirect_pages(req); i++)
			blkif_decode_segments(req, i, fake_page(req->indirect_gref[i]));
	}
	return true;
}

void backend_answer(uint64_t id, uint8_t operation, int16_t status)
{
	struct blkif_rsp rsp = { .id = id, .operation = operation, .status = status };
	uint8_t wire[BLKIF_SLOT_MAX];

	blkif_encode_rsp(backend.abi, &rsp, wire);
	ring_back_put(&backend.ring, wire, blkif_rsp_size(backend.abi));
	if (ring_back_push(&backend.ring))
		fake_event();
}

static const struct blkif_limits limits = {
	.sectors = BACKEND_DISK_BYTES / 512,
	.logical_sectors = 1,
	.max_indirect = 256,
	.flush = true,
	.barrier = true,
	.discard = true,
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

void backend_serve_all(void)
{
	do {
		while (backend_take(&backend.req)) {
			int16_t status = backend_carry_out(&backend.req);

			backend.served++;
			backend.last_op = backend.req.operation;
			backend_answer(backend.req.id, backend.req.operation,
				backend.status ? backend.status : status);
		}
	} while (ring_back_final_check(&backend.ring) && !backend.ring.broken);
}

void backend_notified(void)
{
	if (backend.attached && backend.serve)
		backend_serve_all();
}

void backend_set_rsp_prod(uint32_t rsp_prod)
{
	((volatile uint32_t *)ring_copy)[2] = rsp_prod;
	fake_event();
}

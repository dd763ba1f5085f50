// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/unit/netfront-rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>

struct rig rig;
static char why[256];
static struct {
	const char *name, *value;
} offers[8];
static unsigned noffers;

int rig_setup(void **state)
{
	fakes_reset();
	fakes.front_state = NET_FRONT "/state";
	memset(&rig, 0, sizeof(rig));
	rig.serve = true;
	rig.limits = (struct netif_tx_limits){ true, true, true, true };
	noffers = 0;
	why[0] = '\0';
	fake_set(NET_FRONT "/backend", NET_BACK);
	fake_set(NET_FRONT "/backend-id", "3");
	fake_set(NET_FRONT "/mac", "00:16:3e:01:02:03");
	fake_set(NET_FRONT "/state", "1");
	return 0;
}

int rig_teardown(void **state)
{
	return fakes.shared != 0 || fakes.open_handles != 0;
}

void rig_offer(const char *name, const char *value)
{
	offers[noffers].name = name;
	offers[noffers++].value = value;
}

static void publish(const char *name, const char *value)
{
	char path[128];

	for (unsigned i = 0; i < noffers; i++)
		if (strcmp(offers[i].name, name) == 0)
			value = offers[i].value;
	snprintf(path, sizeof(path), NET_BACK "/%s", name);
	fake_set(path, value);
}

void rig_set_state(int state)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", state);
	fake_set(NET_BACK "/state", text);
}

static uint32_t front_number(const char *name)
{
	char path[128];
	const char *value;

	snprintf(path, sizeof(path), NET_FRONT "/%s", name);
	value = fake_get(path);
	return value ? strtoul(value, NULL, 10) : 0;
}

static void *attach_ring(const char *name, struct ring_back *ring, size_t slot)
{
	void *page = fake_page(front_number(name));

	if (!page || ring_back_init(ring, page, NETIF_PAGE_SIZE, slot) < 0)
		abort();
	return page;
}

static void attach(void)
{
	rig.tx_page = attach_ring("tx-ring-ref", &rig.tx, sizeof(struct netif_tx_request));
	rig.rx_page = attach_ring("rx-ring-ref", &rig.rx, sizeof(union netif_rx_slot));
	if (front_number("ctrl-ring-ref"))
		attach_ring("ctrl-ring-ref", &rig.ctrl, NETIF_CTRL_SLOT_SIZE);
	rig.attached = true;
	rig_set_state(XenbusStateConnected);
}

void backend_frontend_wrote_state(int state)
{
	static const char *const features[] = { "feature-rx-copy", "feature-sg", "feature-gso-tcpv4",
		"feature-gso-tcpv6", "feature-ipv6-csum-offload", "feature-multicast-control",
		"feature-ctrl-ring" };

	switch (state) {
	case XenbusStateInitialising:
		for (unsigned i = 0; i < sizeof(features) / sizeof(features[0]); i++)
			publish(features[i], "1");
		publish("multi-queue-max-queues", "1");
		publish("carrier", "1");
		rig_set_state(XenbusStateInitWait);
		break;
	case XenbusStateConnected:
		if (!rig.attached)
			attach();
		break;
	case XenbusStateClosing:
		rig_set_state(XenbusStateClosing);
		break;
	case XenbusStateClosed:
		rig.attached = false;
		rig_set_state(XenbusStateClosed);
		break;
	}
}

struct netfront *rig_open(struct netfront_config config)
{
	struct netfront *nf;

	config.timeout_ms = 2000;
	config.poll_us = NETFRONT_NO_POLL;
	backend_frontend_wrote_state(XenbusStateInitialising);
	nf = netfront_open(&config, why, sizeof(why));
	if (!nf)
		print_message("# open: %s\n", why);
	return nf;
}

const char *rig_why(void)
{
	return why;
}

bool rig_take(void)
{
	int pending = ring_back_pending(&rig.tx);
	enum netif_verdict v;
	unsigned n;
	uint32_t at = 0;

	if (pending <= 0)
		return false;
	n = pending;
	v = netif_tx_take(&rig.tx, &n, &rig.limits, &rig.last);
	if (v != NETIF_OK) {
		print_message("# %s\n", netif_verdict_text(v));
		rig.dropped++;
		netif_tx_answer(&rig.tx, &rig.last, netif_verdict_status(v));
		return false;
	}
	for (unsigned i = 0; i < rig.last.nslots; i++) {
		const struct netif_tx_slot *s = &rig.last.slot[i];

		memcpy(rig.data + at, (uint8_t *)fake_page(s->gref) + s->offset, s->size);
		at += s->size;
	}
	return true;
}

static void send_back(void)
{
	struct netif_rx_buffer buffer[NETIF_RX_SLOTS_MAX];
	struct netif_rx_meta meta = { .size = rig.last.size, .csum_blank = rig.last.csum_blank,
		.csum_valid = rig.last.csum_valid, .gso = rig.last.gso, .gso_size = rig.last.gso_size,
		.hash_type = rig.last.hash_type, .hash = rig.last.hash };
	unsigned n = netif_rx_slots(&meta);
	struct netif_rx_layout layout;

	if (ring_back_pending(&rig.rx) < (int)n)
		return;
	for (unsigned i = 0; i < n; i++)
		netif_rx_take(&rig.rx, &buffer[i]);
	netif_rx_lay_out(&meta, buffer, &layout);
	for (unsigned i = 0; i < layout.npieces; i++) {
		const struct netif_rx_piece *p = &layout.piece[i];

		memcpy((uint8_t *)fake_page(p->gref) + p->to, rig.data + p->from, p->len);
	}
	netif_rx_answer(&rig.rx, &layout, true);
	if (ring_back_push(&rig.rx))
		fake_event();
}

void rig_serve(void)
{
	do {
		while (rig_take()) {
			rig.served++;
			if (!rig.last.nmcast)
				send_back();
			netif_tx_answer(&rig.tx, &rig.last, NETIF_RSP_OKAY);
		}
		if (ring_back_push(&rig.tx))
			fake_event();
	} while (ring_back_final_check(&rig.tx) && !rig.tx.broken);
	(void)ring_back_final_check(&rig.rx);
}

static void serve_ctrl(void)
{
	struct xen_netif_ctrl_request req;

	while (ring_back_pending(&rig.ctrl) > 0) {
		struct xen_netif_ctrl_response rsp = { .status = rig.ctrl_status };

		ring_back_get(&rig.ctrl, &req);
		rig.ctrl_types[rig.nctrl++ % 16] = req.type;
		rsp.id = req.id;
		rsp.type = req.type;
		ring_back_put(&rig.ctrl, &rsp, sizeof(rsp));
	}
	(void)ring_back_push(&rig.ctrl);
	(void)ring_back_final_check(&rig.ctrl);
}

/* Handles are numbered as they were opened: the control ring's is the first. */
void backend_notified(unsigned handle)
{
	if (!rig.attached)
		return;
	if (front_number("ctrl-ring-ref"))
		serve_ctrl();
	if (rig.serve)
		rig_serve();
}

void rig_tx_answer(uint16_t id, int16_t status)
{
	struct netif_tx_response rsp = { .id = id, .status = status };

	ring_back_put(&rig.tx, &rsp, sizeof(rsp));
	if (ring_back_push(&rig.tx))
		fake_event();
}

int rig_rx_next(void)
{
	struct netif_rx_buffer buffer;

	if (ring_back_pending(&rig.rx) <= 0)
		return -1;
	netif_rx_take(&rig.rx, &buffer);
	return buffer.id;
}

void rig_rx_answer(const void *slot)
{
	ring_back_put(&rig.rx, slot, sizeof(union netif_rx_slot));
	if (ring_back_push(&rig.rx))
		fake_event();
}

// SPDX-License-Identifier: MIT
/*
 * A hostile peer's nodes: the input is lines of text, one per node in the order they are
 * read ("-" or the end of the input: absent). What is accepted must be within bounds.
 */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/blkif-nodes.h"
#include "protocol/netif-nodes.h"
#include "protocol/xenbus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

static void check(int property)
{
	if (!property)
		abort();
}

/* Half of the nodes get a number near a bound, so that reading goes deeper. */
static char *likely(uint8_t code)
{
	static const char *const text[] = { "0", "1", "2", "3", "4", "5", "8", "9", "16", "17",
		"512", "4096", "131071", "131072", "4294967295", "4294967296", "r", "w", "" };

	return strdup(text[code % (sizeof(text) / sizeof(text[0]))]);
}

static char *read_line(void *opaque, const char *name)
{
	struct input *in = opaque;
	const uint8_t *end;
	size_t len;
	char *text;

	check(strlen(name) < 64);
	if (in->size < 2)
		return NULL;
	if (in->data[0] & 1) {
		text = likely(in->data[1]);
		in->data += 2;
		in->size -= 2;
		return text;
	}
	end = memchr(in->data, '\n', in->size);
	len = end ? (size_t)(end - in->data) : in->size;
	text = len == 1 && in->data[0] == '-' ? NULL : strndup((const char *)in->data, len);
	in->data += end ? len + 1 : len;
	in->size -= end ? len + 1 : len;
	return text;
}

/* A failure says why in one printable line. */
static int checked(int rc, const struct nego_error *error)
{
	check(rc <= 0);
	if (rc < 0) {
		check(error->text[0] != '\0' && memchr(error->text, '\0', sizeof(error->text)));
		for (const char *p = error->text; *p; p++)
			check(*p >= ' ' && *p <= '~');
	}
	return rc;
}

static void fuzz_queue(struct input *in, const char *prefix, uint32_t max_order)
{
	struct blkif_queue_nodes queue;
	struct nego_error error = { "" };

	if (checked(blkif_read_queue(prefix, max_order, &queue, read_line, in, &error), &error) < 0)
		return;
	check(queue.ring_order <= max_order && queue.ring_order <= BLKIF_MAX_RING_ORDER);
	check(queue.multi_ref || queue.ring_order == 0);
	for (unsigned i = 0; i < 1u << queue.ring_order; i++)
		check(queue.ring_ref[i] != 0);
	check(queue.event_channel > 0 && queue.event_channel < 1u << 17);
}

/* As read_line(), but most nodes are absent or have what suits them. */
static char *read_net(void *opaque, const char *name)
{
	static const char *const word[] = { "00:16:3e:01:02:03", "01:00:5e:00:00:01", "1250,50000",
		"0,1", "1,0", "1125899906842625,1", "7,4294967295", "7,4294967296" };
	struct input *in = opaque;
	uint8_t code;

	if (in->size < 3)
		return NULL;
	code = in->data[0];
	in->data++;
	in->size--;
	if (code % 8 == 0)
		return read_line(opaque, name);
	if (code % 8 == 1)
		return NULL;
	if (strncmp(name, "feature-", 8) == 0 || strncmp(name, "request-", 8) == 0)
		return strdup(code / 8 % 4 ? "1" : "0");
	if (strcmp(name, "mac") == 0 || strncmp(name, "rate", 4) == 0)
		return strdup(word[code / 8 % 8]);
	return code % 8 < 5 ? NULL : likely(code / 8 % 16);
}

/* What a backend does with the texts that it read. */
static void fuzz_net_texts(struct netif_toolstack_nodes *t)
{
	uint64_t bytes = 0, usec = 0;
	uint8_t mac[6] = { 1 };

	if (t->mac)
		check(netif_parse_mac(t->mac, mac) < 0 ? mac[0] == 1 : !(mac[0] & 1));
	if (t->rate && netif_parse_rate(t->rate, &bytes, &usec) == 0)
		check(bytes >= 1 && bytes <= UINT64_C(1) << 50 && usec >= 1 && usec <= UINT32_MAX);
	else
		check(bytes == 0 && usec == 0);
}

static void fuzz_net_toolstack(struct input *in)
{
	struct netif_toolstack_nodes t = { 0 };
	struct nego_error error = { "" };

	if (checked(nego_read(&netif_nodes, NEGO_TOOLSTACK, &t, read_net, in, &error), &error) == 0)
		check(t.frontend && t.frontend_id < 32752 && t.mtu <= NETIF_PACKET_MAX);
	fuzz_net_texts(&t); /* what was read before it failed, too */
	nego_clear(&netif_nodes, NEGO_TOOLSTACK, &t);
}

static void fuzz_net_frontend(struct input *in, uint8_t bits)
{
	const struct netif_backend_nodes offered = { .max_queues = bits & 1 ? 8 : 3,
		.ctrl_ring = bits & 2 };
	struct netif_frontend_nodes f;
	struct nego_error error = { "" };

	if (checked(netif_read_frontend(&offered, &f, read_net, in, &error), &error) < 0)
		return;
	check(f.rx_copy && f.num_queues >= 1 && f.num_queues <= offered.max_queues);
	check(f.xdp_headroom <= NETIF_XDP_HEADROOM_MAX);
	check(!f.has_ctrl || (offered.ctrl_ring && f.ctrl_ring_ref && f.ctrl_channel));
}

static void fuzz_net_queue(struct input *in, const char *prefix)
{
	struct netif_queue_nodes q;
	struct nego_error error = { "" };

	if (checked(netif_read_queue(prefix, &q, read_net, in, &error), &error) < 0)
		return;
	check(q.tx_ring_ref && q.rx_ring_ref);
	check(q.tx_channel > 0 && q.tx_channel < 1u << 17);
	check(q.rx_channel > 0 && q.rx_channel < 1u << 17);
}

static void fuzz_net(struct input *in, uint8_t which)
{
	switch (which % 3) {
	case 0:
		fuzz_net_toolstack(in);
		break;
	case 1:
		fuzz_net_frontend(in, which / 3);
		break;
	default:
		fuzz_net_queue(in, which / 3 & 1 ? "queue-7/" : "");
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct blkif_toolstack_nodes toolstack = { 0 };
	struct blkif_frontend_nodes frontend = { 0 };
	struct blkif_backend_nodes backend = { 0 };
	struct nego_error error = { "" };
	struct input in = { data, size };
	uint8_t which = size ? data[0] : 0;

	if (size) {
		in.data++;
		in.size--;
	}
	if (which >= 160) {
		fuzz_net(&in, which);
		return 0;
	}
	switch (which % 4) {
	case 0:
		if (checked(nego_read(&blkif_nodes, NEGO_TOOLSTACK, &toolstack, read_line, &in,
				    &error), &error) == 0)
			check(toolstack.frontend && toolstack.mode &&
				toolstack.frontend_id < 32752);
		break;
	case 1:
		if (checked(nego_read(&blkif_nodes, NEGO_BACKEND, &backend, read_line, &in,
				    &error), &error) == 0)
			check(backend.sector_size >= 512 && backend.max_ring_page_order < 32 &&
				backend.sectors <= UINT64_MAX / 512);
		break;
	case 2:
		if (checked(nego_read(&blkif_nodes, NEGO_FRONTEND, &frontend, read_line, &in,
				    &error), &error) == 0)
			check(frontend.num_queues >= 1 && frontend.num_queues <= BLKIF_MAX_QUEUES);
		break;
	default:
		fuzz_queue(&in, which & 4 ? "queue-7/" : "", (which >> 3) % 6);
		break;
	}
	nego_clear(&blkif_nodes, NEGO_TOOLSTACK, &toolstack);
	nego_clear(&blkif_nodes, NEGO_FRONTEND, &frontend);
	return 0;
}

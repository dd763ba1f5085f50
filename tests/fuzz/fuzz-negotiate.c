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

// SPDX-License-Identifier: MIT
/* The block protocol's table: every row's bounds, both ends' round trip, the queue's nodes. */
#include "config.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/array.h"
#include "fake-nodes.h"
#include "protocol/blkif-nodes.h"

/* --- the table itself --- */

static void test_rows_are_sound(void **state)
{
	for (unsigned i = 0; i < blkif_nodes.count; i++) {
		const struct nego_node *n = &blkif_nodes.nodes[i];

		assert_true(n->name && n->text && n->text[strlen(n->text) - 1] == '.');
		assert_true(n->type == NEGO_STRING || n->min <= n->max);
		assert_true(n->type == NEGO_STRING || n->max > 0);
		assert_false(n->required && n->fallback);
		assert_true(n->writer == NEGO_TOOLSTACK ||
			(n->writer == NEGO_BACKEND) == (n->dir == NEGO_BACKEND_DIR));
		if (n->alias_of)
			assert_non_null(nego_find(&blkif_nodes, n->writer, n->alias_of));
		for (unsigned j = 0; j < i; j++) {
			const struct nego_node *m = &blkif_nodes.nodes[j];

			assert_false(m->writer == n->writer && m->dir == n->dir &&
				strcmp(m->name, n->name) == 0);
			assert_false(m->writer == n->writer && m->per_queue == n->per_queue &&
				m->offset == n->offset && n->offset != NEGO_NO_FIELD);
		}
	}
}

/* Nodes that some frontend reads at InitWait, or that every backend knows by then. */
static void test_when_published(void **state)
{
	static const char *const early[] = { "feature-persistent", "feature-max-indirect-segments",
		"multi-queue-max-queues", "max-ring-page-order", "max-ring-pages",
		"feature-flush-cache", "feature-barrier" };
	static const char *const late[] = { "sectors", "sector-size", "physical-sector-size", "info",
		"feature-discard", "discard-granularity", "discard-alignment", "discard-secure" };

	for (unsigned i = 0; i < ARRAY_SIZE(early); i++)
		assert_int_equal(nego_find(&blkif_nodes, NEGO_BACKEND, early[i])->when,
			NEGO_BEFORE_INITWAIT);
	for (unsigned i = 0; i < ARRAY_SIZE(late); i++)
		assert_int_equal(nego_find(&blkif_nodes, NEGO_BACKEND, late[i])->when,
			NEGO_BEFORE_CONNECTED);
}

/* Each number row takes both bounds and nothing beyond; no row takes what is no number. */
static void test_every_bound(void **state)
{
	static const char *const garbage[] = { "", "-1", "+1", " 1", "1 ", "0x1", "1.5", "one",
		"18446744073709551616", "99999999999999999999999999" };

	for (unsigned i = 0; i < blkif_nodes.count; i++) {
		const struct nego_node *n = &blkif_nodes.nodes[i];
		struct nego_error error;
		uint64_t v = 4711;
		char text[24];

		if (n->type == NEGO_STRING)
			continue;
		for (unsigned g = 0; g < ARRAY_SIZE(garbage); g++) {
			error.text[0] = '\0';
			assert_true(nego_parse(n, n->name, garbage[g], &v, &error) < 0);
			assert_non_null(strstr(error.text, n->name));
			assert_true(v == 4711);
		}
		snprintf(text, sizeof(text), "%" PRIu64, n->min);
		assert_int_equal(nego_parse(n, n->name, text, &v, &error), 0);
		assert_true(v == n->min);
		snprintf(text, sizeof(text), "%" PRIu64, n->max);
		assert_int_equal(nego_parse(n, n->name, text, &v, &error), 0);
		assert_true(v == n->max);
		snprintf(text, sizeof(text), "%" PRIu64, n->max + 1);
		assert_int_equal(nego_parse(n, n->name, text, &v, &error), -ERANGE);
		snprintf(text, sizeof(text), "%" PRIu64, n->min - 1);
		if (n->min > 0)
			assert_int_equal(nego_parse(n, n->name, text, &v, &error), -ERANGE);
	}
}

/* --- whole directories --- */

static void test_backend_round_trip(void **state)
{
	static const struct blkif_backend_nodes in = {
		.max_indirect_segments = 256, .max_queues = 4, .max_ring_page_order = 4,
		.persistent = true, .flush_cache = true, .discard = true,
		.discard_granularity = 4096, .discard_alignment = 512, .sectors = UINT64_C(1) << 40,
		.sector_size = 4096, .physical_sector_size = 8192, .info = VDISK_READONLY,
	};
	struct blkif_backend_nodes out;
	struct fake_dir dir = { 0 };
	struct nego_error error;

	memset(&out, 0, sizeof(out));
	assert_int_equal(nego_write(&blkif_nodes, NEGO_BACKEND, NEGO_BEFORE_INITWAIT, &in,
				 fake_write, &dir), 0);
	assert_null(fake_get(&dir, "sectors"));
	assert_string_equal(fake_get(&dir, "max-ring-page-order"), "4");
	assert_string_equal(fake_get(&dir, "max-ring-pages"), "16");
	assert_string_equal(fake_get(&dir, "feature-persistent"), "1");
	assert_string_equal(fake_get(&dir, "feature-barrier"), "0");
	assert_int_equal(nego_write(&blkif_nodes, NEGO_BACKEND, NEGO_BEFORE_CONNECTED, &in,
				 fake_write, &dir), 0);
	assert_string_equal(fake_get(&dir, "sectors"), "1099511627776");
	assert_int_equal(nego_read(&blkif_nodes, NEGO_BACKEND, &out, fake_read, &dir, &error), 0);
	assert_memory_equal(&in, &out, sizeof(in));
	fake_set(&dir, "max-ring-page-order", NULL);
	out.max_ring_page_order = 0;
	assert_int_equal(nego_read(&blkif_nodes, NEGO_BACKEND, &out, fake_read, &dir, &error), 0);
	assert_int_equal(out.max_ring_page_order, 4);
}

/* blkif.h: a backend that does not know indirect requests must not create the node. */
static void test_no_indirect_no_node(void **state)
{
	const struct blkif_backend_nodes in = { .max_queues = 1 };
	struct fake_dir dir = { 0 };

	assert_int_equal(nego_write(&blkif_nodes, NEGO_BACKEND, NEGO_BEFORE_INITWAIT, &in,
				 fake_write, &dir), 0);
	assert_null(fake_get(&dir, "feature-max-indirect-segments"));
}

static void test_old_backend(void **state)
{
	struct blkif_backend_nodes out = { .persistent = true, .max_queues = 9 };
	struct fake_dir dir = { 0 };
	struct nego_error error;

	fake_set(&dir, "sectors", "2048");
	fake_set(&dir, "info", "0");
	assert_int_equal(nego_read(&blkif_nodes, NEGO_BACKEND, &out, fake_read, &dir, &error), 0);
	assert_int_equal(out.sectors, 2048);
	assert_int_equal(out.sector_size, 512);
	assert_int_equal(out.max_queues, 1);
	assert_false(out.persistent);
	assert_int_equal(out.max_indirect_segments, 0);
}

static void test_toolstack(void **state)
{
	struct blkif_toolstack_nodes t = { 0 };
	struct fake_dir dir = { 0 };
	struct nego_error error;

	fake_set(&dir, "frontend-id", "3");
	fake_set(&dir, "mode", "w");
	fake_set(&dir, "online", "1");
	assert_int_equal(nego_read(&blkif_nodes, NEGO_TOOLSTACK, &t, fake_read, &dir, &error),
		-ENOENT);
	assert_string_equal(error.text, "frontend is missing");
	fake_set(&dir, "frontend", "/local/domain/3/device/vbd/51712");
	fake_set(&dir, "params", "aio:/disk.img");
	assert_int_equal(nego_read(&blkif_nodes, NEGO_TOOLSTACK, &t, fake_read, &dir, &error), 0);
	assert_int_equal(t.frontend_id, 3);
	assert_string_equal(t.params, "aio:/disk.img");
	assert_string_equal(t.device_type, "disk");
	assert_string_equal(t.driver, "");
	assert_true(t.online && t.discard_enable);
	assert_false(t.buffered || t.removable || t.direct_io_safe);
	fake_set(&dir, "mode", "rw");
	assert_int_equal(nego_read(&blkif_nodes, NEGO_TOOLSTACK, &t, fake_read, &dir, &error),
		-EINVAL);
	fake_set(&dir, "mode", "r");
	fake_set(&dir, "frontend-id", "32752");
	assert_int_equal(nego_read(&blkif_nodes, NEGO_TOOLSTACK, &t, fake_read, &dir, &error),
		-ERANGE);
	nego_clear(&blkif_nodes, NEGO_TOOLSTACK, &t);
	assert_true(!t.frontend && !t.params && !t.mode && !t.driver && !t.device_type);
}

static void test_frontend(void **state)
{
	struct blkif_frontend_nodes f = { 0 };
	struct fake_dir dir = { 0 };
	struct nego_error error;

	assert_int_equal(nego_read(&blkif_nodes, NEGO_FRONTEND, &f, fake_read, &dir, &error), 0);
	assert_string_equal(f.protocol, "");
	assert_int_equal(f.num_queues, 1);
	assert_false(f.persistent);
	fake_set(&dir, "multi-queue-num-queues", "0");
	assert_int_equal(nego_read(&blkif_nodes, NEGO_FRONTEND, &f, fake_read, &dir, &error),
		-ERANGE);
	fake_set(&dir, "multi-queue-num-queues", "9");
	assert_int_equal(nego_read(&blkif_nodes, NEGO_FRONTEND, &f, fake_read, &dir, &error),
		-ERANGE);
	nego_clear(&blkif_nodes, NEGO_FRONTEND, &f);
}

/* --- a queue's ring --- */

static struct fake_dir ring_dir;
static struct blkif_queue_nodes queue;
static struct nego_error ring_error;

static int read_queue(const char *prefix, unsigned max_order)
{
	ring_error.text[0] = '\0';
	return blkif_read_queue(prefix, max_order, &queue, fake_read, &ring_dir, &ring_error);
}

static int ring_setup(void **state)
{
	memset(&ring_dir, 0, sizeof(ring_dir));
	memset(&queue, 0xff, sizeof(queue));
	fake_set(&ring_dir, "event-channel", "7");
	return 0;
}

static void set_refs(const char *prefix, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char name[64], value[16];

		snprintf(name, sizeof(name), "%sring-ref%u", prefix, i);
		snprintf(value, sizeof(value), "%u", 100 + i);
		fake_set(&ring_dir, name, value);
	}
}

static void test_single_page(void **state)
{
	fake_set(&ring_dir, "ring-ref", "8");
	assert_int_equal(read_queue("", 4), 0);
	assert_int_equal(queue.ring_order, 0);
	assert_false(queue.multi_ref);
	assert_int_equal(queue.ring_ref[0], 8);
	assert_int_equal(queue.event_channel, 7);
}

static void test_every_order(void **state)
{
	for (unsigned order = 0; order <= 4; order++) {
		char text[4];

		ring_setup(NULL);
		snprintf(text, sizeof(text), "%u", order);
		fake_set(&ring_dir, "ring-page-order", text);
		fake_set(&ring_dir, "ring-ref", "5"); /* stale */
		set_refs("", 1u << order);
		assert_int_equal(read_queue("", 4), 0);
		assert_int_equal(queue.ring_order, order);
		assert_true(queue.multi_ref); /* even for one page: presence decides */
		for (unsigned i = 0; i < 1u << order; i++)
			assert_int_equal(queue.ring_ref[i], 100 + i);
		if (order > 0) {
			assert_int_equal(read_queue("", order - 1), -ERANGE);
			fake_set(&ring_dir, "ring-ref1", NULL);
			assert_int_equal(read_queue("", 4), -ENOENT);
			assert_string_equal(ring_error.text, "ring-ref1 is missing");
		}
	}
}

static void test_order_zero_with_plain_ref(void **state)
{
	fake_set(&ring_dir, "ring-page-order", "0");
	fake_set(&ring_dir, "ring-ref", "8");
	assert_int_equal(read_queue("", 4), 0);
	assert_false(queue.multi_ref);
	assert_int_equal(queue.ring_ref[0], 8);
	fake_set(&ring_dir, "ring-ref", NULL);
	assert_int_equal(read_queue("", 4), -ENOENT);
}

static void test_hostile_order(void **state)
{
	static const char *const bad[] = { "5", "31", "32", "63", "64", "4294967295", "4294967296",
		"-1", "0x1", " 1", "1 ", "one" };

	set_refs("", 32);
	fake_set(&ring_dir, "ring-ref", "8");
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		fake_set(&ring_dir, "ring-page-order", bad[i]);
		assert_true(read_queue("", 4) < 0);
		assert_true(read_queue("", UINT32_MAX) < 0);
		assert_non_null(strstr(ring_error.text, "ring-page-order"));
	}
}

static void test_num_ring_pages(void **state)
{
	static const char *const bad[] = { "0", "3", "5", "6", "7", "12", "15", "17", "32",
		"2147483648", "-4", "four" };

	set_refs("", 16);
	fake_set(&ring_dir, "ring-ref", "8");
	fake_set(&ring_dir, "num-ring-pages", "1");
	assert_int_equal(read_queue("", 4), 0);
	assert_true(!queue.multi_ref && queue.ring_ref[0] == 8);
	fake_set(&ring_dir, "num-ring-pages", "16");
	assert_int_equal(read_queue("", 4), 0);
	assert_true(queue.multi_ref && queue.ring_order == 4 && queue.ring_ref[15] == 115);
	assert_int_equal(read_queue("", 3), -ERANGE);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		fake_set(&ring_dir, "num-ring-pages", bad[i]);
		assert_true(read_queue("", 4) < 0);
		assert_non_null(strstr(ring_error.text, "num-ring-pages"));
	}
	/* stale beside a valid ring-page-order, it is not looked at */
	fake_set(&ring_dir, "ring-page-order", "1");
	assert_int_equal(read_queue("", 4), 0);
	assert_int_equal(queue.ring_order, 1);
}

static void test_bad_refs_and_ports(void **state)
{
	static const char *const bad_ref[] = { "0", "4294967296", "-8", "8.0", "x" };
	static const char *const bad_port[] = { "0", "131072", "4294967295", "-1", "y" };

	for (unsigned i = 0; i < ARRAY_SIZE(bad_ref); i++) {
		fake_set(&ring_dir, "ring-ref", bad_ref[i]);
		assert_true(read_queue("", 4) < 0);
		assert_non_null(strstr(ring_error.text, "ring-ref"));
	}
	fake_set(&ring_dir, "ring-ref", "4294967295");
	assert_int_equal(read_queue("", 4), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(bad_port); i++) {
		fake_set(&ring_dir, "event-channel", bad_port[i]);
		assert_true(read_queue("", 4) < 0);
		assert_non_null(strstr(ring_error.text, "event-channel"));
	}
	fake_set(&ring_dir, "event-channel", "131071");
	assert_int_equal(read_queue("", 4), 0);
}

/* GRUB leaves both empty when it closes. */
static void test_emptied_nodes(void **state)
{
	fake_set(&ring_dir, "ring-ref", "");
	fake_set(&ring_dir, "event-channel", "");
	assert_int_equal(read_queue("", 4), -ENOENT);
	assert_string_equal(ring_error.text, "ring-ref is missing");
	fake_set(&ring_dir, "ring-ref", "8");
	assert_int_equal(read_queue("", 4), -ENOENT);
	assert_string_equal(ring_error.text, "event-channel is missing");
}

static void test_queue_prefix(void **state)
{
	fake_set(&ring_dir, "ring-page-order", "1");
	set_refs("queue-3/", 2);
	fake_set(&ring_dir, "queue-3/event-channel", "21");
	assert_int_equal(read_queue("queue-3/", 4), 0);
	assert_int_equal(queue.event_channel, 21);
	assert_int_equal(queue.ring_ref[1], 101);
	fake_set(&ring_dir, "queue-3/ring-ref0", NULL);
	assert_int_equal(read_queue("queue-3/", 4), -ENOENT);
	assert_string_equal(ring_error.text, "queue-3/ring-ref0 is missing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_are_sound),
		cmocka_unit_test(test_when_published),
		cmocka_unit_test(test_every_bound),
		cmocka_unit_test(test_backend_round_trip),
		cmocka_unit_test(test_no_indirect_no_node),
		cmocka_unit_test(test_old_backend),
		cmocka_unit_test(test_toolstack),
		cmocka_unit_test(test_frontend),
		cmocka_unit_test_setup(test_single_page, ring_setup),
		cmocka_unit_test_setup(test_every_order, ring_setup),
		cmocka_unit_test_setup(test_order_zero_with_plain_ref, ring_setup),
		cmocka_unit_test_setup(test_hostile_order, ring_setup),
		cmocka_unit_test_setup(test_num_ring_pages, ring_setup),
		cmocka_unit_test_setup(test_bad_refs_and_ports, ring_setup),
		cmocka_unit_test_setup(test_emptied_nodes, ring_setup),
		cmocka_unit_test_setup(test_queue_prefix, ring_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

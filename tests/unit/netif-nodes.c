// SPDX-License-Identifier: MIT
/* The network protocol's table: every row's bounds, both ends' round trip, the queues' nodes. */
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
#include "protocol/netif-nodes.h"

static const struct netif_backend_nodes offered = {
	.rx_copy = true, .sg = true, .gso_tcpv4 = true, .gso_tcpv6 = true, .csum_ipv6 = true,
	.split_channels = true, .max_queues = 4, .ctrl_ring = true, .mcast = true,
	.dynamic_mcast = true, .xdp_headroom = true, .carrier = true,
};

static struct fake_dir dir;
static struct nego_error error;

static int fresh(void **state)
{
	memset(&dir, 0, sizeof(dir));
	memset(&error, 0, sizeof(error));
	fake_set(&dir, "request-rx-copy", "1");
	return 0;
}

static int read_frontend(struct netif_frontend_nodes *f)
{
	return netif_read_frontend(&offered, f, fake_read, &dir, &error);
}

static void rows_are_sound(void **state)
{
	for (unsigned i = 0; i < netif_nodes.count; i++) {
		const struct nego_node *n = &netif_nodes.nodes[i];

		assert_true(n->name && n->text && n->text[strlen(n->text) - 1] == '.');
		assert_true(n->type == NEGO_STRING || n->min <= n->max);
		assert_true(n->type == NEGO_STRING || n->max > 0);
		assert_false(n->required && n->fallback);
		assert_true(n->writer == NEGO_TOOLSTACK ||
			(n->writer == NEGO_BACKEND) == (n->dir == NEGO_BACKEND_DIR));
		for (unsigned j = 0; j < i; j++) {
			const struct nego_node *m = &netif_nodes.nodes[j];

			assert_false(m->writer == n->writer && m->dir == n->dir &&
				strcmp(m->name, n->name) == 0);
			assert_false(m->writer == n->writer && m->per_queue == n->per_queue &&
				m->offset == n->offset && n->offset != NEGO_NO_FIELD);
		}
	}
}

static void every_bound(void **state)
{
	for (unsigned i = 0; i < netif_nodes.count; i++) {
		const struct nego_node *n = &netif_nodes.nodes[i];
		uint64_t v;
		char text[24];

		if (n->type == NEGO_STRING)
			continue;
		snprintf(text, sizeof(text), "%" PRIu64, n->min);
		assert_int_equal(nego_parse(n, n->name, text, &v, &error), 0);
		snprintf(text, sizeof(text), "%" PRIu64, n->max);
		assert_int_equal(nego_parse(n, n->name, text, &v, &error), 0);
		snprintf(text, sizeof(text), "%" PRIu64, n->max + 1);
		assert_int_equal(nego_parse(n, n->name, text, &v, &error), -ERANGE);
		snprintf(text, sizeof(text), "%" PRIu64, n->min - 1);
		if (n->min > 0)
			assert_int_equal(nego_parse(n, n->name, text, &v, &error), -ERANGE);
	}
}

/* Frontends read a backend's features at InitWait; only the carrier is known later. */
static void backend_round_trip(void **state)
{
	struct netif_backend_nodes out;

	memset(&dir, 0, sizeof(dir));
	memset(&out, 0, sizeof(out));
	assert_int_equal(nego_write(&netif_nodes, NEGO_BACKEND, NEGO_BEFORE_INITWAIT, &offered,
				 fake_write, &dir), 0);
	assert_string_equal(fake_get(&dir, "feature-rx-copy"), "1");
	assert_string_equal(fake_get(&dir, "feature-rx-flip"), "0");
	assert_string_equal(fake_get(&dir, "feature-sg"), "1");
	assert_string_equal(fake_get(&dir, "multi-queue-max-queues"), "4");
	assert_null(fake_get(&dir, "carrier"));
	assert_int_equal(nego_write(&netif_nodes, NEGO_BACKEND, NEGO_BEFORE_CONNECTED, &offered,
				 fake_write, &dir), 0);
	assert_string_equal(fake_get(&dir, "carrier"), "1");
	assert_int_equal(nego_read(&netif_nodes, NEGO_BACKEND, &out, fake_read, &dir, &error), 0);
	assert_memory_equal(&offered, &out, sizeof(out));
}

/* A backend of which nothing is known has the link up and one queue. */
static void an_old_backend(void **state)
{
	struct netif_backend_nodes out;

	memset(&dir, 0, sizeof(dir));
	assert_int_equal(nego_read(&netif_nodes, NEGO_BACKEND, &out, fake_read, &dir, &error), 0);
	assert_true(out.carrier);
	assert_false(out.rx_copy || out.sg || out.split_channels || out.ctrl_ring);
	assert_int_equal(out.max_queues, 1);
}

/* What xl's libxl writes for a vif. */
static void toolstack_nodes(void **state)
{
	static const char *const pairs[][2] = { { "frontend", "/local/domain/3/device/vif/0" },
		{ "frontend-id", "3" }, { "online", "1" }, { "script", "/etc/xen/scripts/vif-bridge" },
		{ "mac", "00:16:3e:01:02:03" }, { "bridge", "xenbr0" }, { "handle", "0" },
		{ "rate", "1250,50000" }, { "type", "vif" }, { "hotplug-status", "" },
		{ "mtu", "1500" } };
	struct netif_toolstack_nodes t = { 0 };

	for (unsigned i = 0; i < ARRAY_SIZE(pairs); i++)
		fake_set(&dir, pairs[i][0], pairs[i][1]);
	assert_int_equal(nego_read(&netif_nodes, NEGO_TOOLSTACK, &t, fake_read, &dir, &error), 0);
	assert_int_equal(t.frontend_id, 3);
	assert_true(t.online);
	assert_string_equal(t.mac, "00:16:3e:01:02:03");
	assert_string_equal(t.bridge, "xenbr0");
	assert_int_equal(t.mtu, 1500);
	assert_null(t.attach);
	assert_null(t.hotplug_status);
	assert_null(t.rate_in);
	fake_set(&dir, "attach", "tun");
	assert_int_equal(nego_read(&netif_nodes, NEGO_TOOLSTACK, &t, fake_read, &dir, &error),
		-EINVAL);
	assert_non_null(strstr(error.text, "attach"));
	fake_set(&dir, "attach", "user");
	assert_int_equal(nego_read(&netif_nodes, NEGO_TOOLSTACK, &t, fake_read, &dir, &error), 0);
	assert_string_equal(t.attach, "user");
	nego_clear(&netif_nodes, NEGO_TOOLSTACK, &t);
}

static void linux_frontend(void **state)
{
	static const char *const pairs[][2] = { { "vif", "" }, { "multi-queue-num-queues", "2" },
		{ "feature-rx-notify", "1" }, { "feature-sg", "1" }, { "feature-gso-tcpv4", "1" },
		{ "feature-gso-tcpv6", "1" }, { "feature-ipv6-csum-offload", "1" },
		{ "xdp-headroom", "256" } };
	struct netif_frontend_nodes f;

	for (unsigned i = 0; i < ARRAY_SIZE(pairs); i++)
		fake_set(&dir, pairs[i][0], pairs[i][1]);
	assert_int_equal(read_frontend(&f), 0);
	assert_true(f.rx_notify && f.sg && f.gso_tcpv4 && f.gso_tcpv6 && f.csum_ipv6);
	assert_false(f.no_csum || f.mcast || f.has_ctrl);
	assert_int_equal(f.num_queues, 2);
	assert_int_equal(f.xdp_headroom, 256);
}

static void a_frontend_that_says_nothing_more(void **state)
{
	struct netif_frontend_nodes f;

	assert_int_equal(read_frontend(&f), 0);
	assert_int_equal(f.num_queues, 1);
	assert_false(f.sg || f.gso_tcpv4 || f.rx_notify || f.no_csum || f.has_ctrl);
}

static void packets_must_be_copied(void **state)
{
	struct netif_frontend_nodes f;

	fake_set(&dir, "request-rx-copy", "0");
	assert_int_equal(read_frontend(&f), -EOPNOTSUPP);
	assert_non_null(strstr(error.text, "request-rx-copy"));
	fake_set(&dir, "request-rx-copy", NULL);
	assert_int_equal(read_frontend(&f), -EOPNOTSUPP);
}

static void rule18_numbers_of_queues(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} rows[] = { { "0", -ERANGE }, { "1", 0 }, { "4", 0 }, { "5", -ERANGE }, { "8", -ERANGE },
		{ "9", -ERANGE }, { "4294967297", -ERANGE }, { "-1", -EINVAL }, { "1 ", -EINVAL },
		{ "many", -EINVAL }, { "99999999999999999999999999", -ERANGE } };
	struct netif_frontend_nodes f;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		fake_set(&dir, "multi-queue-num-queues", rows[i].text);
		error.text[0] = '\0';
		assert_int_equal(read_frontend(&f), rows[i].rc);
		if (rows[i].rc)
			assert_non_null(strstr(error.text, "multi-queue-num-queues"));
	}
}

static void rule18_queue_nodes(void **state)
{
	struct netif_queue_nodes q;

	fake_set(&dir, "queue-1/tx-ring-ref", "8");
	fake_set(&dir, "queue-1/rx-ring-ref", "9");
	assert_int_equal(netif_read_queue("queue-1/", &q, fake_read, &dir, &error), -ENOENT);
	assert_non_null(strstr(error.text, "queue-1/event-channel"));
	fake_set(&dir, "queue-1/event-channel", "33");
	assert_int_equal(netif_read_queue("queue-1/", &q, fake_read, &dir, &error), 0);
	assert_int_equal(q.tx_ring_ref, 8);
	assert_int_equal(q.rx_ring_ref, 9);
	assert_int_equal(q.tx_channel, 33);
	assert_int_equal(q.rx_channel, 33);
	assert_int_equal(netif_read_queue("", &q, fake_read, &dir, &error), -ENOENT);
	fake_set(&dir, "queue-1/rx-ring-ref", NULL);
	assert_int_equal(netif_read_queue("queue-1/", &q, fake_read, &dir, &error), -ENOENT);
	assert_non_null(strstr(error.text, "queue-1/rx-ring-ref"));
}

static void rule18_split_channels(void **state)
{
	struct netif_queue_nodes q;

	fake_set(&dir, "tx-ring-ref", "8");
	fake_set(&dir, "rx-ring-ref", "9");
	fake_set(&dir, "event-channel-tx", "10");
	assert_int_equal(netif_read_queue("", &q, fake_read, &dir, &error), -ENOENT);
	assert_non_null(strstr(error.text, "event-channel-rx"));
	fake_set(&dir, "event-channel-rx", "11");
	assert_int_equal(netif_read_queue("", &q, fake_read, &dir, &error), 0);
	assert_int_equal(q.tx_channel, 10);
	assert_int_equal(q.rx_channel, 11);
	/* one of a pair is no pair, whatever the old node says */
	fake_set(&dir, "event-channel-rx", NULL);
	fake_set(&dir, "event-channel", "12");
	assert_int_equal(netif_read_queue("", &q, fake_read, &dir, &error), -ENOENT);
	fake_set(&dir, "event-channel-tx", NULL);
	assert_int_equal(netif_read_queue("", &q, fake_read, &dir, &error), 0);
	assert_int_equal(q.rx_channel, 12);
}

static void rule18_refs_and_ports_that_are_none(void **state)
{
	static const char *const node[] = { "tx-ring-ref", "rx-ring-ref", "event-channel-tx",
		"event-channel-rx" };
	static const char *const bad[] = { "0", "-1", "x", "4294967296", "1.5" };
	struct netif_queue_nodes q;

	for (unsigned i = 0; i < ARRAY_SIZE(node); i++)
		fake_set(&dir, node[i], "5");
	for (unsigned i = 0; i < ARRAY_SIZE(node); i++) {
		for (unsigned j = 0; j < ARRAY_SIZE(bad); j++) {
			fake_set(&dir, node[i], bad[j]);
			assert_true(netif_read_queue("", &q, fake_read, &dir, &error) < 0);
			assert_non_null(strstr(error.text, node[i]));
		}
		fake_set(&dir, node[i], "5");
	}
	fake_set(&dir, "event-channel-rx", "131072");
	assert_int_equal(netif_read_queue("", &q, fake_read, &dir, &error), -ERANGE);
}

static void rule18_control_ring(void **state)
{
	struct netif_backend_nodes without = offered;
	struct netif_frontend_nodes f;

	fake_set(&dir, "ctrl-ring-ref", "700");
	assert_int_equal(read_frontend(&f), -ENOENT);
	assert_non_null(strstr(error.text, "event-channel-ctrl"));
	fake_set(&dir, "event-channel-ctrl", "20");
	assert_int_equal(read_frontend(&f), 0);
	assert_true(f.has_ctrl);
	assert_int_equal(f.ctrl_ring_ref, 700);
	assert_int_equal(f.ctrl_channel, 20);
	without.ctrl_ring = false;
	assert_int_equal(netif_read_frontend(&without, &f, fake_read, &dir, &error), 0);
	assert_false(f.has_ctrl);
	fake_set(&dir, "event-channel-ctrl", "0");
	assert_int_equal(read_frontend(&f), -ERANGE);
}

/* --- texts --- */

static void addresses(void **state)
{
	static const char *const bad[] = { "", "00:16:3e:01:02", "00:16:3e:01:02:03:04",
		"00:16:3e:01:02:03 ", " 00:16:3e:01:02:03", "00-16-3e-01-02-03", "0:16:3e:01:02:03",
		"00:16:3e:01:02:0g", "00:16:3e:01:02:0", "000:16:3e:01:02:03", "01:00:5e:00:00:01",
		"ff:ff:ff:ff:ff:ff", "@0:16:3e:01:02:03", "`0:16:3e:01:02:03" };
	static const uint8_t want[6] = { 0xfe, 0x16, 0x3e, 0xab, 0xcd, 0x09 };
	uint8_t mac[6] = { 9, 9, 9, 9, 9, 9 }, untouched[6] = { 9, 9, 9, 9, 9, 9 };

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(netif_parse_mac(bad[i], mac), -EINVAL);
		assert_memory_equal(mac, untouched, 6);
	}
	assert_int_equal(netif_parse_mac("fe:16:3E:aB:cD:09", mac), 0);
	assert_memory_equal(mac, want, 6);
}

static void rates(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} bad[] = { { "", -EINVAL }, { "1000", -EINVAL }, { ",", -EINVAL }, { "1,", -EINVAL },
		{ ",1", -EINVAL }, { "1,2,3", -EINVAL }, { "1, 2", -EINVAL }, { "-1,5", -EINVAL },
		{ "0,50000", -ERANGE }, { "1000,0", -ERANGE }, { "1125899906842625,1", -ERANGE },
		{ "1,4294967296", -ERANGE }, { "99999999999999999999999,1", -ERANGE },
		{ "18446744073709551617,1", -ERANGE } };
	uint64_t bytes = 7, usec = 8;

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(netif_parse_rate(bad[i].text, &bytes, &usec), bad[i].rc);
		assert_true(bytes == 7 && usec == 8);
	}
	assert_int_equal(netif_parse_rate("1250000,50000", &bytes, &usec), 0);
	assert_true(bytes == 1250000 && usec == 50000);
	assert_int_equal(netif_parse_rate("1125899906842624,4294967295", &bytes, &usec), 0);
}

#define CASE(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(rows_are_sound),
		CASE(every_bound),
		CASE(backend_round_trip),
		CASE(an_old_backend),
		CASE(toolstack_nodes),
		CASE(linux_frontend),
		CASE(a_frontend_that_says_nothing_more),
		CASE(packets_must_be_copied),
		CASE(rule18_numbers_of_queues),
		CASE(rule18_queue_nodes),
		CASE(rule18_split_channels),
		CASE(rule18_refs_and_ports_that_are_none),
		CASE(rule18_control_ring),
		CASE(addresses),
		CASE(rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

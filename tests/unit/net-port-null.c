// SPDX-License-Identifier: MIT
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backends/net/ports.h"
#include "common/array.h"

static struct port *open_null(const char *device, unsigned queues)
{
	struct port_config config = { .name = "vif1.0", .device = device, .queues = queues };
	struct port *port = NULL;
	char why[200] = "";

	assert_int_equal(port_ops_null.open(&config, &port, why, sizeof(why)), 0);
	return port;
}

static bool is_ready(struct port *port, unsigned queue)
{
	struct pollfd p = { .fd = port_ops_null.fd(port, queue), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void fill(uint8_t *data, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		data[i] = (uint8_t)i;
}

static void test_swallows(void **state)
{
	struct port *port = open_null(NULL, 2);
	uint8_t data[60];
	struct frame f = { .data = data, .len = sizeof(data), .room = sizeof(data) };

	fill(data, sizeof(data));
	assert_int_equal(port_ops_null.send(port, 1, &f, 1), 1);
	assert_int_equal(port_ops_null.recv(port, 1, &f, 1), 0);
	assert_int_equal(port_ops_null.fd(port, 1), -1);
	port_ops_null.close(port);
}

static void test_echo_swaps_the_addresses(void **state)
{
	struct port *port = open_null("echo", 2);
	uint8_t data[60], back[60], want[60];
	struct frame f = { .data = data, .len = sizeof(data), .csum_blank = true, .csum_start = 34 };
	struct frame got = { .data = back, .room = sizeof(back) };

	fill(data, sizeof(data));
	memcpy(want, data, sizeof(data));
	memcpy(want, data + 6, 6);
	memcpy(want + 6, data, 6);
	assert_int_equal(port_ops_null.send(port, 1, &f, 1), 1);
	assert_false(is_ready(port, 0));
	assert_true(is_ready(port, 1));
	assert_int_equal(port_ops_null.recv(port, 0, &got, 1), 0);
	assert_int_equal(port_ops_null.recv(port, 1, &got, 1), 1);
	assert_ptr_equal(got.data, back);
	assert_int_equal(got.len, sizeof(back));
	assert_int_equal(got.room, sizeof(back));
	assert_true(got.csum_blank);
	assert_int_equal(got.csum_start, 34);
	assert_memory_equal(back, want, sizeof(want));
	assert_false(is_ready(port, 1));
	port_ops_null.close(port);
}

static void test_echo_keeps_a_bounded_number(void **state)
{
	struct port *port = open_null("echo", 1);
	uint8_t data[60] = { 0 }, back[60];
	struct frame f = { .data = data, .len = sizeof(data) };
	struct frame got = { .data = back, .room = sizeof(back) };
	unsigned n = 0;

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 1000; i++)
			assert_int_equal(port_ops_null.send(port, 0, &f, 1), 1);
		for (n = 0; port_ops_null.recv(port, 0, &got, 1) == 1; n++)
			;
		assert_in_range(n, 1, 999);
	}
	/* What waits when the guest goes is not for the next one. */
	assert_int_equal(port_ops_null.send(port, 0, &f, 1), 1);
	port_ops_null.disconnect(port);
	assert_false(is_ready(port, 0));
	assert_int_equal(port_ops_null.recv(port, 0, &got, 1), 0);
	/* Frames that wait are freed with the port: the sanitizers see it. */
	assert_int_equal(port_ops_null.send(port, 0, &f, 1), 1);
	port_ops_null.close(port);
}

static void test_echo_drops_what_does_not_fit(void **state)
{
	struct port *port = open_null("echo", 1);
	uint8_t data[200] = { 0 }, back[100];
	struct frame f[3] = { { .data = data, .len = 200 }, { .data = data, .len = 13 },
		{ .data = data, .len = 100 } };
	struct frame got = { .data = back, .room = sizeof(back) };

	assert_int_equal(port_ops_null.send(port, 0, f, 3), 3);
	assert_int_equal(port_ops_null.recv(port, 0, &got, 1), 1);
	assert_int_equal(got.len, 100);
	assert_int_equal(port_ops_null.recv(port, 0, &got, 1), 0);
	port_ops_null.close(port);
}

static void test_refuses_other_devices(void **state)
{
	struct port_config config = { .name = "vif1.0", .device = "eth0", .queues = 1 };
	struct port *port = NULL;
	char why[200] = "";

	assert_int_equal(port_ops_null.open(&config, &port, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "eth0"));
	assert_null(port);
}

static void test_table(void **state)
{
	const struct port_ops *ops;

	assert_ptr_equal(port_ops_find("null"), &port_ops_null);
	assert_null(port_ops_find("nul"));
	assert_null(port_ops_missing("null"));
	assert_null(port_ops_missing("no such kind"));
	for (unsigned i = 0; (ops = port_ops_at(i)); i++) {
		assert_ptr_equal(port_ops_find(ops->name), ops);
		assert_null(port_ops_missing(ops->name));
		assert_true(ops->open && ops->close && ops->connect && ops->disconnect);
		assert_true(ops->offers && ops->mtu && ops->fd && ops->send && ops->recv);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_swallows),
		cmocka_unit_test(test_echo_swaps_the_addresses),
		cmocka_unit_test(test_echo_keeps_a_bounded_number),
		cmocka_unit_test(test_echo_drops_what_does_not_fit),
		cmocka_unit_test(test_refuses_other_devices),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

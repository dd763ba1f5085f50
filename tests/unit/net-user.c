// SPDX-License-Identifier: MIT
/* The pure parts of the user-mode network: forwards, the name server's alias, what may go out. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/net/user-forward.h"
#include "backends/net/user-gate.h"
#include "protocol/packet.h"

#define SERVER 0xc0000235u /* 192.0.2.53 */

static struct user_forward forwards[USER_FORWARDS];
static char why[300];

static void test_forwards(void **state)
{
	assert_int_equal(user_forward_parse(NULL, forwards, why, sizeof(why)), 0);
	assert_int_equal(user_forward_parse(" \t", forwards, why, sizeof(why)), 0);
	assert_int_equal(user_forward_parse("tcp:127.0.0.1:8022-22 udp:192.0.2.1:53-10.0.2.77:5353, "
		"tcp::8080-:80 tcp:1-65535 tcp:[::1]:2-[fec0::15]:3", forwards, why, sizeof(why)), 5);
	assert_false(forwards[0].udp);
	assert_int_equal(ntohs(forwards[0].host.ipv4.sin_port), 8022);
	assert_int_equal(ntohl(forwards[0].host.ipv4.sin_addr.s_addr), 0x7f000001);
	assert_int_equal(ntohs(forwards[0].guest.ipv4.sin_port), 22);
	assert_int_equal(ntohl(forwards[0].guest.ipv4.sin_addr.s_addr), USER_GUEST);
	assert_true(forwards[1].udp);
	assert_int_equal(ntohl(forwards[1].host.ipv4.sin_addr.s_addr), 0xc0000201);
	assert_int_equal(ntohl(forwards[1].guest.ipv4.sin_addr.s_addr), 0x0a00024d);
	assert_int_equal(ntohs(forwards[2].guest.ipv4.sin_port), 80);
	assert_int_equal(ntohl(forwards[3].host.ipv4.sin_addr.s_addr), 0x7f000001);
	assert_int_equal(ntohs(forwards[3].guest.ipv4.sin_port), 65535);
	assert_int_equal(forwards[4].host.any.sa_family, AF_INET6);
	assert_int_equal(ntohs(forwards[4].guest.ipv6.sin6_port), 3);
}

static void test_bad_forwards(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "8022-22", "tcp: or udp:" }, { "sctp:1-2", "tcp: or udp:" }, { ":", "tcp: or udp:" },
		{ "tcp:8022", "after the host's port" }, { "tcp:", "after the host's port" },
		{ "tcp:0-22", "1 to 65535" }, { "tcp:1-65536", "1 to 65535" },
		{ "tcp:1-", "1 to 65535" }, { "tcp:-1", "1 to 65535" }, { "tcp:+1-2", "1 to 65535" },
		{ "tcp:1x-2", "1 to 65535" }, { "tcp:1-2-3", "1 to 65535" },
		{ "tcp:99999999999999999999-2", "1 to 65535" },
		{ "tcp:localhost:1-2", "not a name" }, { "tcp:256.0.0.1:1-2", "not a name" },
		{ "tcp:::1:1-2", "not a name" }, { "tcp:[:1-2", "not a name" },
		{ "tcp:[]:1-[]:2", "not a name" }, { "tcp:[::1:1-2", "not a name" },
		{ "tcp:[::1]:1-2", "same family" }, { "tcp:1-[fec0::15]:2", "same family" },
	};
	char longest[400];

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why[0] = '\0';
		assert_int_equal(user_forward_parse(bad[i].text, forwards, why, sizeof(why)), -EINVAL);
		if (!strstr(why, bad[i].says) || !strstr(why, bad[i].text))
			fail_msg("%s: %s", bad[i].text, why);
	}
	memset(longest, '1', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(user_forward_parse(longest, forwards, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "too long"));
	for (unsigned i = 0; i < 33; i++)
		memcpy(longest + i * 8, "tcp:1-2 ", 8);
	longest[33 * 8] = '\0';
	assert_int_equal(user_forward_parse(longest, forwards, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "too many"));
	longest[32 * 8] = '\0';
	assert_int_equal(user_forward_parse(longest, forwards, why, sizeof(why)), 32);
}

static void test_name_servers(void **state)
{
	assert_int_equal(user_gate_server(""), 0);
	assert_int_equal(user_gate_server("nameserver 192.0.2.53"), SERVER);
	assert_int_equal(user_gate_server("# nameserver 192.0.2.1\nsearch x\n nameserver\t192.0.2.53 \n"
		"nameserver 192.0.2.54\n"), SERVER);
	assert_int_equal(user_gate_server("nameserver ::1\r\nnameserver 192.0.2.53\r\n"), SERVER);
	assert_int_equal(user_gate_server("nameserver192.0.2.53\n"), 0);
	assert_int_equal(user_gate_server("nameserver\n192.0.2.53\n"), 0);
	assert_int_equal(user_gate_server("nameserver 192.0.2.53.5\nnameserver 0.0.0.0"), 0);
	assert_int_equal(user_gate_server("nameserver 1111111111111111111111111111111"), 0);
}

static struct user_gate gate;
static uint8_t data[200];
static uint32_t len;

static int setup(void **state)
{
	memset(&gate, 0, sizeof(gate));
	gate.server = SERVER;
	return 0;
}

static uint16_t total(const uint8_t *at, uint32_t n, uint32_t sum)
{
	for (uint32_t i = 0; i < n; i++)
		sum += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* With the pseudo header all of a right segment adds up to -0. */
static bool is_right(void)
{
	uint32_t sum = data[23] + len - 34;

	sum += total(data + 26, 8, 0);
	return total(data + 14, 20, 0) == 0xffff && total(data + 34, len - 34, sum) == 0xffff;
}

static void make(uint8_t protocol, uint32_t from, uint16_t from_port, uint32_t to, uint16_t to_port)
{
	unsigned field = protocol == 6 ? 34 + 16 : 34 + 6;

	len = 34 + 31;
	for (uint32_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 7);
	memcpy(data + 12, "\x08\x00\x45\x00", 4);
	packet_set_u16(data + 16, len - 14);
	packet_set_u16(data + 20, 0);
	data[23] = protocol;
	packet_set_u32(data + 26, from);
	packet_set_u32(data + 30, to);
	packet_set_u16(data + 24, 0);
	packet_set_u16(data + 24, (uint16_t)~total(data + 14, 20, 0));
	packet_set_u16(data + 34, from_port);
	packet_set_u16(data + 36, to_port);
	if (protocol == 6)
		data[34 + 12] = 0x50;
	else
		packet_set_u16(data + 38, len - 34);
	packet_set_u16(data + field, 0);
	packet_set_u16(data + field,
		(uint16_t)~total(data + 34, len - 34, protocol + len - 34u + total(data + 26, 8, 0)));
}

static bool out(uint8_t protocol, uint32_t to, uint16_t to_port)
{
	make(protocol, USER_GUEST, 4000, to, to_port);
	return user_gate_out(&gate, data, len);
}

static void test_questions_are_translated(void **state)
{
	static const uint8_t protocols[] = { 6, 17 };

	for (unsigned i = 0; i < 2; i++) {
		assert_true(out(protocols[i], USER_NAME_SERVER, 53));
		assert_int_equal(packet_u32(data + 30), SERVER);
		assert_true(is_right());
		make(protocols[i], SERVER, 53, USER_GUEST, 4000);
		user_gate_in(&gate, data, len);
		assert_int_equal(packet_u32(data + 26), USER_NAME_SERVER);
		assert_true(is_right());
		/* To a port that did not ask, and from another one of the server's. */
		make(protocols[i], SERVER, 53, USER_GUEST, 4001);
		user_gate_in(&gate, data, len);
		assert_int_equal(packet_u32(data + 26), SERVER);
		make(protocols[i], SERVER, 54, USER_GUEST, 4000);
		user_gate_in(&gate, data, len);
		assert_int_equal(packet_u32(data + 26), SERVER);
	}
}

static void test_direct_questions_are_not(void **state)
{
	assert_true(out(17, USER_NAME_SERVER, 53));
	assert_true(out(17, SERVER, 53));
	assert_int_equal(packet_u32(data + 30), SERVER);
	make(17, SERVER, 53, USER_GUEST, 4000);
	user_gate_in(&gate, data, len);
	assert_int_equal(packet_u32(data + 26), SERVER);
}

static void test_datagram_without_checksum(void **state)
{
	make(17, USER_GUEST, 4000, USER_NAME_SERVER, 53);
	packet_set_u16(data + 40, 0);
	assert_true(user_gate_out(&gate, data, len));
	assert_int_equal(packet_u16(data + 40), 0);
	assert_int_equal(total(data + 14, 20, 0), 0xffff);
}

static void test_questions_that_cannot_be_translated(void **state)
{
	make(17, USER_GUEST, 4000, USER_NAME_SERVER, 53);
	data[20] = 0x20; /* the first of several pieces */
	assert_false(user_gate_out(&gate, data, len));
	make(17, USER_GUEST, 4000, USER_NAME_SERVER, 53);
	data[21] = 1; /* a later one */
	assert_false(user_gate_out(&gate, data, len));
	gate.server = 0;
	assert_false(out(17, USER_NAME_SERVER, 53));
	/* What is not for the alias goes in pieces. */
	make(17, USER_GUEST, 4000, 0xc0000201, 53);
	data[20] = 0x20;
	assert_true(user_gate_out(&gate, data, len));
}

static void test_server_on_loopback(void **state)
{
	gate.server = 0x7f000035;
	assert_true(out(17, USER_NAME_SERVER, 53));
	assert_int_equal(packet_u32(data + 30), 0x7f000035);
	assert_false(out(17, 0x7f000035, 53));
	assert_false(out(17, 0x7f000035, 54));
}

static void test_addresses(void **state)
{
	static const uint32_t no[] = { 0, 1, 0x00ffffff, 0x7f000001, 0x7fffffff, 0xa9fea9fe,
		0xe0000001, 0xf0000000, 0xffffffff };
	static const uint32_t yes[] = { 0x01000000, 0x08080808, 0x7effffff, 0x80000000, 0xa9fd0001,
		0xa9ff0001, 0xdfffffff, 0xc0a80001, USER_HOST };

	for (unsigned i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(out(6, no[i], 80));
	for (unsigned i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(out(6, yes[i], 80));
	assert_true(out(17, 0xffffffff, 67));
	assert_false(out(6, 0xffffffff, 67));
	assert_false(out(17, 0xffffffff, 53));
}

static bool out6(const char *to, uint8_t protocol, uint16_t port)
{
	len = 100;
	memset(data, 0, sizeof(data));
	memcpy(data + 12, "\x86\xdd\x60", 3);
	packet_set_u16(data + 18, 46);
	data[20] = protocol;
	assert_int_equal(inet_pton(AF_INET6, to, data + 38), 1);
	packet_set_u16(data + 56, port);
	return user_gate_out(&gate, data, len);
}

static void test_addresses_of_ipv6(void **state)
{
	static const char *const no[] = { "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8",
		"::127.0.0.1", "64:ff9b::7f00:1", "fec0:0:0:1::1", "ff02::1", "ff05::2", "4000::1",
		"fe00::1" };
	static const char *const yes[] = { "2001:db8::1", "fc00::1", "fd12::1", "fec0::2", "fe80::2" };

	for (unsigned i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (out6(no[i], 17, 80))
			fail_msg("%s is let out", no[i]);
	for (unsigned i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!out6(yes[i], 17, 80))
			fail_msg("%s is not let out", yes[i]);
	assert_true(out6("ff02::1:ff00:2", 58, 0));
	assert_true(out6("ff02::1:2", 17, 547));
}

static void test_other_protocols(void **state)
{
	static const uint16_t no[] = { 0, 60, 0x8100, 0x88f8, 0x8863, 0xffff };

	for (unsigned i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		make(6, USER_GUEST, 4000, 0x08080808, 80);
		packet_set_u16(data + 12, no[i]);
		assert_false(user_gate_out(&gate, data, len));
	}
	packet_set_u16(data + 12, 0x0806);
	assert_true(user_gate_out(&gate, data, len));
	assert_false(user_gate_out(&gate, data, 13));
}

static void test_forwarded_ports_answer(void **state)
{
	user_gate_forward(&gate, 4000);
	assert_false(out(17, USER_HOST, 9000));
	make(17, USER_HOST, 9000, USER_GUEST, 4000);
	user_gate_in(&gate, data, len);
	assert_true(out(17, USER_HOST, 9000));
	assert_false(out(17, USER_HOST, 9001));
	make(17, USER_GUEST, 4001, USER_HOST, 9000);
	assert_false(user_gate_out(&gate, data, len));
	/* Nor does what came from outside: the answer goes there. */
	make(17, 0xc0000201, 9001, USER_GUEST, 4000);
	user_gate_in(&gate, data, len);
	assert_false(out(17, USER_HOST, 9001));
	assert_true(out(17, 0xc0000201, 9001));
	/* What came to another port opens nothing. */
	make(17, USER_HOST, 9001, USER_GUEST, 4001);
	user_gate_in(&gate, data, len);
	assert_false(out(17, USER_HOST, 9001));
	/* DHCP is slirp's own. */
	assert_true(out(17, USER_HOST, 67));
	assert_false(out(17, USER_HOST + 70, 67));
}

static void test_no_connection_is_begun_with_forwards(void **state)
{
	static const uint8_t begins[] = { 0x02, 0x03, 0x0a, 0x22, 0xc2 }, goes_on[] = { 0x10, 0x12, 0x04, 0x11 };

	user_gate_forward(&gate, 4000);
	for (unsigned i = 0; i < sizeof(begins); i++) {
		make(6, USER_GUEST, 4000, USER_HOST, 80);
		data[34 + 13] = begins[i];
		assert_false(user_gate_out(&gate, data, len));
	}
	for (unsigned i = 0; i < sizeof(goes_on); i++) {
		make(6, USER_GUEST, 4000, USER_HOST, 80);
		data[34 + 13] = goes_on[i];
		assert_true(user_gate_out(&gate, data, len));
	}
	/* Its flags would be in the next piece. */
	data[20] = 0x20;
	assert_false(user_gate_out(&gate, data, len));
	make(6, USER_GUEST, 4000, USER_HOST, 80);
	data[34 + 13] = 0x10;
	assert_false(user_gate_out(&gate, data, 34 + 19));
	assert_false(out6("fec0::2", 17, 80));
	assert_false(out6("fe80::2", 17, 80));
}

static void test_random(void **state)
{
	srandom(2);
	user_gate_forward(&gate, 4000);
	for (unsigned i = 0; i < 300000; i++) {
		uint8_t *exact;

		make(random() % 2 ? 6 : 17, USER_GUEST, 4000, random() % 2 ? USER_NAME_SERVER : SERVER, 53);
		for (unsigned j = random() % 6; j > 0; j--)
			data[10 + random() % 50] = (uint8_t)random();
		len = (uint32_t)random() % (len + 1);
		/* Of its very size, for the sanitizers. */
		exact = malloc(len + 1);
		assert_non_null(exact);
		memcpy(exact, data, len);
		if (!user_gate_out(&gate, exact, len))
			assert_memory_equal(exact, data, len);
		user_gate_in(&gate, exact, len);
		free(exact);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forwards),
		cmocka_unit_test(test_bad_forwards),
		cmocka_unit_test(test_name_servers),
		cmocka_unit_test_setup(test_questions_are_translated, setup),
		cmocka_unit_test_setup(test_direct_questions_are_not, setup),
		cmocka_unit_test_setup(test_datagram_without_checksum, setup),
		cmocka_unit_test_setup(test_questions_that_cannot_be_translated, setup),
		cmocka_unit_test_setup(test_server_on_loopback, setup),
		cmocka_unit_test_setup(test_addresses, setup),
		cmocka_unit_test_setup(test_addresses_of_ipv6, setup),
		cmocka_unit_test_setup(test_other_protocols, setup),
		cmocka_unit_test_setup(test_forwarded_ports_answer, setup),
		cmocka_unit_test_setup(test_no_connection_is_begun_with_forwards, setup),
		cmocka_unit_test_setup(test_random, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/* The relay, in a process of its own, between this one's clients and servers. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "hypervisor/process/relay.h"

#define PATIENCE_MS 60000

static int server, door;              /* both listen: the true server, and the relay's way to it */
static struct sockaddr_storage doorplate;
static socklen_t doorplate_length;
static int stop[2];
static pid_t relay;

static int listener(int family, struct sockaddr_storage *at, socklen_t *length)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	*length = family == AF_INET ? sizeof(four) : sizeof(six);
	if (bind(fd, family == AF_INET ? (void *)&four : (void *)&six, *length) < 0) {
		close(fd);
		return -1;
	}
	assert_int_equal(listen(fd, 64), 0);
	*length = sizeof(*at);
	assert_int_equal(getsockname(fd, (struct sockaddr *)at, length), 0);
	return fd;
}

static void start_at(const struct relay_limits *limits, const struct sockaddr_storage *to, socklen_t length)
{
	struct relay *r;

	door = listener(AF_INET, &doorplate, &doorplate_length);
	assert_int_equal(fcntl(door, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(pipe(stop), 0);
	relay = fork();
	assert_true(relay >= 0);
	if (relay) {
		close(stop[0]);
		return;
	}
	close(stop[1]);
	if (server >= 0)
		close(server);
	r = relay_new(limits);
	if (!r || relay_listen(r, door, to, length) < 0 || relay_run(r, stop[0]) < 0)
		_exit(1);
	relay_free(r);
	_exit(0);
}

static void start_family(const struct relay_limits *limits, int family)
{
	struct sockaddr_storage to;
	socklen_t length;

	server = listener(family, &to, &length);
	if (server < 0)
		skip();
	start_at(limits, &to, length);
}

static const struct relay_limits usual = RELAY_LIMITS;

static int setup(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	start_family(&usual, AF_INET);
	return 0;
}

/* It ends when it is told to, and frees what it had. */
static int teardown(void **state)
{
	int status = -1;

	close(stop[1]);
	close(door);
	if (server >= 0)
		close(server);
	return waitpid(relay, &status, 0) == relay && status == 0 ? 0 : -1;
}

static int visit(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&doorplate, doorplate_length), 0);
	return fd;
}

static bool comes(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, PATIENCE_MS) == 1;
}

static int serve(void)
{
	int fd;

	assert_true(comes(server, POLLIN));
	fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* What recv() says when there is something: 0 its end, -errno. */
static ssize_t hear(int fd, void *bytes, size_t room)
{
	ssize_t n;

	assert_true(comes(fd, POLLIN));
	n = recv(fd, bytes, room, 0);
	return n < 0 ? -errno : n;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
}

static void hears(int fd, const char *text)
{
	char bytes[64];

	assert_int_equal(hear(fd, bytes, sizeof(bytes)), strlen(text));
	assert_memory_equal(bytes, text, strlen(text));
}

static void ends(int fd)
{
	char byte;

	assert_int_equal(hear(fd, &byte, 1), 0);
}

static void is_reset(int fd)
{
	char byte;

	assert_int_equal(hear(fd, &byte, 1), -ECONNRESET);
}

static void test_both_ways(void **state)
{
	int c = visit(), s = serve();

	say(c, "question");
	hears(s, "question");
	say(s, "answer");
	hears(c, "answer");
	close(c);
	ends(s);
	close(s);
}

static void test_ipv6(void **state)
{
	int c, s;

	start_family(&usual, AF_INET6);
	c = visit();
	s = serve();
	say(c, "question");
	hears(s, "question");
	close(c);
	close(s);
}

/* Said before the server was there. */
static void test_early(void **state)
{
	int c = visit(), s;

	say(c, "early");
	assert_int_equal(shutdown(c, SHUT_WR), 0);
	s = serve();
	hears(s, "early");
	ends(s);
	close(c);
	close(s);
}

static void test_half(void **state)
{
	int c = visit(), s = serve();

	say(c, "all");
	assert_int_equal(shutdown(c, SHUT_WR), 0);
	hears(s, "all");
	ends(s);
	say(s, "answer");
	hears(c, "answer");
	close(s);
	ends(c);
	close(c);
}

static void test_half_by_server(void **state)
{
	int c = visit(), s = serve();

	say(s, "greeting");
	assert_int_equal(shutdown(s, SHUT_WR), 0);
	hears(c, "greeting");
	ends(c);
	say(c, "thanks");
	hears(s, "thanks");
	close(c);
	ends(s);
	close(s);
}

static void reset(int fd)
{
	const struct linger now = { .l_onoff = 1 };

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	close(fd);
}

static void test_reset_by_client(void **state)
{
	int c = visit(), s = serve();

	reset(c);
	is_reset(s);
	close(s);
}

static void test_reset_by_server(void **state)
{
	int c = visit(), s = serve();

	reset(s);
	is_reset(c);
	close(c);
}

static void test_refused(void **state)
{
	struct sockaddr_storage to;
	socklen_t length;
	int gone = listener(AF_INET, &to, &length), c;

	close(gone);
	server = -1;
	start_at(&usual, &to, length);
	c = visit();
	is_reset(c);
	close(c);
}

/* A server that takes nobody: its queue is full. */
static void test_no_answer(void **state)
{
	const struct relay_limits limits = { .connections = 8, .burst = 8, .per_second = 1, .connect_ms = 300,
		.half_ms = 1000 };
	struct sockaddr_storage to;
	int full = -1, c, fill[3];
	socklen_t length;

	full = listener(AF_INET, &to, &length);
	assert_int_equal(listen(full, 0), 0);
	for (unsigned i = 0; i < 3; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(fill[i], (struct sockaddr *)&to, length);
	}
	server = -1;
	start_at(&limits, &to, length);
	c = visit();
	is_reset(c);
	close(c);
	close(full);
	for (unsigned i = 0; i < 3; i++)
		close(fill[i]);
}

static void fill_up(int fd, uint8_t *next, size_t *count)
{
	uint8_t bytes[4096];
	ssize_t n;

	for (;;) {
		for (unsigned i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)(*next + i);
		n = send(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n <= 0)
			return;
		*next = (uint8_t)(*next + n);
		*count += (size_t)n;
	}
}

/* Sends until nobody takes more for a while: what is in between is bounded. */
static size_t stuff(int fd, uint8_t *next)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	size_t count = 0;

	do
		fill_up(fd, next, &count);
	while (poll(&p, 1, 300) == 1 && count < 64u << 20);
	return count;
}

static void drain(int fd, size_t count)
{
	static uint8_t bytes[65536];
	uint8_t next = 0;

	while (count) {
		ssize_t n = hear(fd, bytes, sizeof(bytes));

		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(bytes[i], next++);
		count -= (size_t)n;
	}
}

static void test_back_pressure(void **state)
{
	int c = visit(), s = serve();
	uint8_t next = 0;
	size_t count = stuff(c, &next);

	assert_true(count < 64u << 20);
	/* The other way goes on meanwhile. */
	say(s, "hello");
	hears(c, "hello");
	assert_int_equal(shutdown(c, SHUT_WR), 0);
	drain(s, count);
	ends(s);
	close(s);
	ends(c);
	close(c);
}

/* Both have ended for one side while the other takes nothing: all of it arrives, and nobody spins. */
static void test_ends_while_it_is_full(void **state)
{
	int c = visit(), s = serve();
	uint8_t next = 0;
	size_t count;

	assert_int_equal(shutdown(s, SHUT_WR), 0);
	ends(c);
	count = stuff(c, &next);
	close(c);
	drain(s, count);
	ends(s);
	close(s);
}

/* What a connection left behind when it was reset is not the next one's. */
static void test_reset_while_it_is_full(void **state)
{
	uint8_t next = 0;

	for (unsigned i = 0; i < 3; i++) {
		int c = visit(), s = serve();

		next = 0;
		stuff(c, &next);
		reset(s);
		while (hear(c, &next, 1) > 0)
			;
		close(c);
	}
	test_back_pressure(state);
}

/* Everybody's bytes arrive, though there is a pipe for one of them only, or for none. */
static void some_are_full(unsigned pipes)
{
	const struct relay_limits limits = { .connections = 8, .burst = 8, .per_second = 8, .connect_ms = 30000,
		.half_ms = 30000, .pipes = pipes };
	int c[3], s[3];
	size_t count[3];

	start_family(&limits, AF_INET);
	for (unsigned i = 0; i < 3; i++) {
		uint8_t next = 0;

		c[i] = visit();
		s[i] = serve();
		count[i] = stuff(c[i], &next);
	}
	for (unsigned i = 0; i < 3; i++) {
		close(c[i]);
		drain(s[i], count[i]);
		ends(s[i]);
		close(s[i]);
	}
}

static void test_one_pipe(void **state)
{
	some_are_full(1);
}

static void test_no_pipe(void **state)
{
	some_are_full(0);
}

static void test_too_many(void **state)
{
	const struct relay_limits limits = { .connections = 2, .burst = 100, .per_second = 100, .connect_ms = 30000,
		.half_ms = 30000 };
	int c[2], s[2], more;

	start_family(&limits, AF_INET);
	for (unsigned i = 0; i < 2; i++) {
		c[i] = visit();
		s[i] = serve();
	}
	more = visit();
	is_reset(more);
	close(more);
	/* The two live, and one that ends makes room. */
	say(c[1], "still");
	hears(s[1], "still");
	close(c[0]);
	ends(s[0]);
	close(s[0]);
	for (;;) {
		struct pollfd p = { .fd = server, .events = POLLIN };

		more = visit();
		if (poll(&p, 1, 1000) == 1)
			break;
		close(more);
	}
	s[0] = serve();
	say(s[0], "room");
	hears(more, "room");
	close(more);
	close(s[0]);
	close(c[1]);
	close(s[1]);
}

/* Those beyond the rate wait, and are served. */
static void test_rate(void **state)
{
	const struct relay_limits limits = { .connections = 100, .burst = 2, .per_second = 2, .connect_ms = 30000,
		.half_ms = 30000 };
	int c[5], s[5];

	start_family(&limits, AF_INET);
	for (unsigned i = 0; i < 5; i++)
		c[i] = visit();
	for (unsigned i = 0; i < 5; i++)
		s[i] = serve();
	for (unsigned i = 0; i < 5; i++) {
		close(s[i]);
		ends(c[i]);
		close(c[i]);
	}
}

static void test_half_for_ever(void **state)
{
	const struct relay_limits limits = { .connections = 100, .burst = 100, .per_second = 100,
		.connect_ms = 30000, .half_ms = 200 };
	int c, s, whole, other;

	start_family(&limits, AF_INET);
	whole = visit();
	other = serve();
	c = visit();
	s = serve();
	assert_int_equal(shutdown(c, SHUT_WR), 0);
	ends(s);
	is_reset(c);
	assert_true(comes(s, 0));
	/* One that has not ended may be silent. */
	say(whole, "still");
	hears(other, "still");
	close(whole);
	close(other);
	close(c);
	close(s);
}

static void test_end_resets(void **state)
{
	int c = visit(), s = serve();

	(void)!write(stop[1], "", 1);
	is_reset(c);
	is_reset(s);
	close(c);
	close(s);
}

#define WITH_USUAL(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define ALONE(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_USUAL(test_both_ways),
		ALONE(test_ipv6),
		WITH_USUAL(test_early),
		WITH_USUAL(test_half),
		WITH_USUAL(test_half_by_server),
		WITH_USUAL(test_reset_by_client),
		WITH_USUAL(test_reset_by_server),
		ALONE(test_refused),
		ALONE(test_no_answer),
		WITH_USUAL(test_back_pressure),
		WITH_USUAL(test_ends_while_it_is_full),
		WITH_USUAL(test_reset_while_it_is_full),
		ALONE(test_one_pipe),
		ALONE(test_no_pipe),
		ALONE(test_too_many),
		ALONE(test_rate),
		ALONE(test_half_for_ever),
		WITH_USUAL(test_end_resets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/*
 * Confined children that reach a configured server and nothing else. Each attempt that has to
 * fail there works in a child that is not confined.
 */
#include "config.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/array.h"
#include "common/fdpass.h"
#include "tests/unit/servers-rig.h"

#define RECONNECTS 1000

/* --- what works ---------------------------------------------------------- */

static int reaches_child(void)
{
	int fd, flags;

	CHECK(1, way_begin() == 0);
	CHECK(2, way_reach_port(INADDR_LOOPBACK, way_good_port, 0) == 0);
	CHECK(3, way_reach_port(INADDR_LOOPBACK, way_good_port, SOCK_NONBLOCK) == 0);
	/* One that waits still does, and no other flag is lost. */
	fd = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	flags = fcntl(fd, F_GETFL);
	struct sockaddr_in a = way_address(INADDR_LOOPBACK, way_good_port);
	CHECK(4, !(flags & O_NONBLOCK) && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	CHECK(5, fcntl(fd, F_GETFL) == flags);
	/* What the kernel says is said. */
	CHECK(6, connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 && errno == EISCONN);
	CHECK(7, setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)) == 0);
	CHECK(8, send(fd, "x", 1, MSG_NOSIGNAL) == 1);
	return 0;
}

static void a_configured_server_is_reached(void **state)
{
	way_in_child(reaches_child);
}

static int refused_child(void)
{
	char why[200];

	CHECK(1, servers_add(&way_servers, "127.0.0.1:1", why, sizeof(why)) == 0 && way_confine() == 0);
	CHECK(2, way_reach_port(INADDR_LOOPBACK, 1, 0) == -ECONNREFUSED);
	CHECK(3, way_reach_port(INADDR_LOOPBACK, 1, SOCK_NONBLOCK) == -ECONNREFUSED);
	return 0;
}

static void a_server_that_is_down_refuses(void **state)
{
	way_in_child(refused_child);
}

static int mapped_child(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(way_good_port) };

	inet_pton(AF_INET6, "::ffff:127.0.0.1", &a.sin6_addr);
	CHECK(1, way_begin() == 0);
	CHECK(2, way_reach(&a, sizeof(a), 0) == 0);
	a.sin6_port = htons(way_bad_port);
	CHECK(3, way_reach(&a, sizeof(a), 0) == -EACCES);
	return 0;
}

static void ipv4_through_a_socket_of_ipv6(void **state)
{
	way_in_child(mapped_child);
	assert_false(way_bad_was_reached());
}

/* With so few descriptors that one lost by each, here or in the broker, would end it. */
static int reconnects_child(void)
{
	const struct rlimit few = { 40, 40 };

	CHECK(1, setrlimit(RLIMIT_NOFILE, &few) == 0 && way_begin() == 0);
	for (int i = 0; i < RECONNECTS; i++) {
		CHECK(2, way_reach_port(INADDR_LOOPBACK, way_good_port, i & 1 ? SOCK_NONBLOCK : 0) == 0);
		if (i % 10 == 0)
			CHECK(3, way_reach_port(INADDR_LOOPBACK, way_bad_port, 0) == -EACCES);
	}
	return 0;
}

static void reconnecting_loses_no_descriptors(void **state)
{
	way_in_child(reconnects_child);
	assert_false(way_bad_was_reached());
}

static void libraries_find_ours(void **state)
{
	assert_ptr_equal(dlsym(RTLD_DEFAULT, "connect"), connect);
	assert_ptr_equal(dlsym(RTLD_DEFAULT, "socket"), socket);
	assert_ptr_not_equal(dlsym(RTLD_NEXT, "connect"), connect);
}

/* --- its end ------------------------------------------------------------- */

static int orphan_child(void)
{
	char byte;

	CHECK(1, way_begin() == 0);
	CHECK(2, way_reach_port(INADDR_LOOPBACK, way_good_port, 0) == 0);
	CHECK(3, write(way_tell[1], &way_made.broker, sizeof(way_made.broker)) == sizeof(way_made.broker));
	CHECK(4, read(way_go[0], &byte, 1) == 1);
	CHECK(5, way_reach_port(INADDR_LOOPBACK, way_good_port, 0) == -ENETDOWN);
	struct sockaddr_in a = way_address(INADDR_LOOPBACK, way_good_port);
	CHECK(6, connect(0, (struct sockaddr *)&a, sizeof(a)) < 0 && errno == ENETDOWN);
	return 0;
}

static pid_t broker_of_child(void)
{
	pid_t pid = 0;

	assert_int_equal(read(way_tell[0], &pid, sizeof(pid)), sizeof(pid));
	assert_true(pid > 1);
	return pid;
}

static void without_a_broker_nothing_connects(void **state)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(orphan_child());
	assert_int_equal(kill(broker_of_child(), SIGKILL), 0);
	assert_int_equal(write(way_go[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int signalled_child(void)
{
	char byte;

	CHECK(1, way_begin() == 0);
	CHECK(2, write(way_tell[1], &way_made.broker, sizeof(way_made.broker)) == sizeof(way_made.broker));
	CHECK(3, read(way_go[0], &byte, 1) == 1);
	CHECK(4, way_reach_port(INADDR_LOOPBACK, way_good_port, 0) == 0);
	return 0;
}

/* What ends all processes of a service at once leaves a backend its servers, to flush to. */
static void a_broker_ends_for_no_signal(void **state)
{
	pid_t pid = fork(), broker;
	int status;

	if (pid == 0)
		_exit(signalled_child());
	broker = broker_of_child();
	assert_int_equal(kill(broker, SIGTERM), 0);
	assert_int_equal(kill(broker, SIGINT), 0);
	assert_int_equal(write(way_go[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int waiting_child(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CHECK(1, way_begin() == 0);
	CHECK(2, write(way_tell[1], &way_made.broker, sizeof(way_made.broker)) == sizeof(way_made.broker));
	for (;;)
		poll(NULL, 0, -1);
}

static bool same_namespace(pid_t pid)
{
	char path[64], ours[64] = "", theirs[64] = "?";

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	(void)!readlink("/proc/self/ns/net", ours, sizeof(ours) - 1);
	(void)!readlink(path, theirs, sizeof(theirs) - 1);
	return strcmp(ours, theirs) == 0;
}

/* A killed backend's broker does not outlive it; and while they live only one of them has the network. */
static void a_broker_ends_with_its_backend(void **state)
{
	pid_t pid, broker;

	/* It becomes our child then. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	pid = fork();
	if (pid == 0)
		_exit(waiting_child());
	broker = broker_of_child();
	if (geteuid() == 0) {
		assert_true(same_namespace(broker));
		/* It says so a moment before it is confined. */
		for (int i = 0; i < 1000 && same_namespace(pid); i++)
			poll(NULL, 0, 10);
		assert_false(same_namespace(pid));
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(waitpid(broker, NULL, 0), broker);
}

/* --- Unix sockets -------------------------------------------------------- */

static int unix_child(void)
{
	struct sockaddr_un good = { .sun_family = AF_UNIX }, bad = { .sun_family = AF_UNIX };
	char text[80], why[200];
	int fd;

	snprintf(text, sizeof(text), "unix:%s", way_unix_good);
	strcpy(good.sun_path, way_unix_good);
	strcpy(bad.sun_path, way_unix_bad);
	CHECK(1, servers_add(&way_servers, text, why, sizeof(why)) == 0 && way_confine() == 0);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(2, fd >= 0 && connect(fd, (struct sockaddr *)&good, sizeof(good)) == 0);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(3, connect(fd, (struct sockaddr *)&bad, sizeof(bad)) < 0 && errno == EPERM);
	CHECK(4, way_reach_port(INADDR_LOOPBACK, way_good_port, 0) == -EACCES);
	CHECK(5, socket(AF_UNIX, SOCK_DGRAM, 0) < 0);
	/* The server starts anew. */
	CHECK(6, write(way_tell[1], "x", 1) == 1 && read(way_go[0], text, 1) == 1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(7, connect(fd, (struct sockaddr *)&good, sizeof(good)) == 0);
	return 0;
}

static void a_unix_socket_is_reached_by_its_path(void **state)
{
	int first = way_listen_unix(way_unix_good), other = way_listen_unix(way_unix_bad), status;
	pid_t pid = fork();
	char byte;

	if (pid == 0)
		_exit(unix_child());
	assert_int_equal(read(way_tell[0], &byte, 1), 1);
	close(first);
	unlink(way_unix_good);
	first = way_listen_unix(way_unix_good);
	assert_int_equal(write(way_go[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(first);
	close(other);
}

/* --- the broker's own view ------------------------------------------------ */

static struct broker_request request_to(uint16_t port)
{
	struct broker_request r = { .op = BROKER_CONNECT, .length = sizeof(struct sockaddr_in) };
	struct sockaddr_in a = way_address(INADDR_LOOPBACK, port);

	memcpy(r.address, &a, sizeof(a));
	return r;
}

static void the_broker_takes_nothing_else(void **state)
{
	struct broker_request r = request_to(way_good_port);
	int made, fds[] = { socket(AF_INET, SOCK_DGRAM, 0), socket(AF_UNIX, SOCK_STREAM, 0), dup(way_tell[0]),
		socket(AF_INET, SOCK_STREAM, 0) };

	memset(&way_servers, 0, sizeof(way_servers));
	assert_int_equal(way_add_good(), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(broker_answer(&way_servers, &r, fds[i], &made), -EACCES);
	assert_int_equal(broker_answer(&way_servers, &r, -1, &made), -EINVAL);
	r.length = sizeof(r.address) + 1;
	assert_int_equal(broker_answer(&way_servers, &r, fds[3], &made), -EACCES);
	r.length = UINT32_MAX;
	assert_int_equal(broker_answer(&way_servers, &r, fds[3], &made), -EACCES);
	r.op = 3;
	assert_int_equal(broker_answer(&way_servers, &r, fds[3], &made), -EINVAL);
	r.op = BROKER_SOCKET;
	assert_int_equal(broker_answer(&way_servers, &r, fds[3], &made), -EINVAL);
	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	memset(&way_servers, 0, sizeof(way_servers));
}

/* Messages that are none are answered or passed over, and the next one is served. */
static void the_broker_outlives_bad_messages(void **state)
{
	struct broker_request r = { .op = BROKER_SOCKET, .family = AF_INET, .type = SOCK_STREAM };
	char large[sizeof(r) + 100] = { 0 };
	struct broker_reply reply;
	unsigned n = 0;
	int pair[2], fd = -1;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(way_add_good(), 0);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		broker_serve(&way_servers, pair[1]);
		_exit(0);
	}
	close(pair[1]);
	assert_int_equal(fd_send(pair[0], large, sizeof(large), NULL, 0), 0);
	assert_int_equal(fd_send(pair[0], &r, sizeof(r), (int[]){ way_tell[0], way_tell[1] }, 2), 0);
	assert_int_equal(fd_send(pair[0], &r, 5, NULL, 0), 0);
	assert_int_equal(fd_recv(pair[0], &reply, sizeof(reply), NULL, &n), sizeof(reply));
	assert_int_equal(reply.error, EINVAL);
	n = 1;
	assert_int_equal(fd_send(pair[0], &r, sizeof(r), NULL, 0), 0);
	assert_int_equal(fd_recv(pair[0], &reply, sizeof(reply), &fd, &n), sizeof(reply));
	assert_int_equal(reply.error, 0);
	assert_int_equal(n, 1);
	close(fd);
	close(pair[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	memset(&way_servers, 0, sizeof(way_servers));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libraries_find_ours),
		cmocka_unit_test(a_configured_server_is_reached),
		cmocka_unit_test(a_server_that_is_down_refuses),
		cmocka_unit_test(ipv4_through_a_socket_of_ipv6),
		cmocka_unit_test(reconnecting_loses_no_descriptors),
		cmocka_unit_test(without_a_broker_nothing_connects),
		cmocka_unit_test(a_broker_ends_for_no_signal),
		cmocka_unit_test(a_broker_ends_with_its_backend),
		cmocka_unit_test(a_unix_socket_is_reached_by_its_path),
		cmocka_unit_test(the_broker_takes_nothing_else),
		cmocka_unit_test(the_broker_outlives_bad_messages),
	};

	if (!way_possible) {
		puts("1..0 # SKIP built without libseccomp");
		return 77;
	}
	return cmocka_run_group_tests(tests, way_setup, way_teardown);
}

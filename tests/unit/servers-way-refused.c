// SPDX-License-Identifier: MIT
/* All that is not on the way to servers: other addresses, other ways of connecting, other sockets. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/array.h"
#include "tests/unit/servers-rig.h"

#define RACES 300

static char one_byte[] = "x";

static struct sockaddr_in bad_address(void)
{
	return way_address(INADDR_LOOPBACK, way_bad_port);
}

static int error_of(long rc)
{
	return rc < 0 ? errno : 0;
}

static int tcp(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int try_port(void)
{
	struct sockaddr_in a = bad_address();

	return error_of(connect(tcp(), (struct sockaddr *)&a, sizeof(a)));
}

static int try_address(void)
{
	return -way_reach_port(INADDR_LOOPBACK + 1, way_good_port, 0);
}

static int try_connect_call(void)
{
	struct sockaddr_in a = bad_address();

	return error_of(syscall(SYS_connect, tcp(), &a, sizeof(a)));
}

/* To the one that is configured, not by the broker: there is no other way at all. */
static int try_connect_good(void)
{
	struct sockaddr_in a = way_address(INADDR_LOOPBACK, way_good_port);

	return error_of(syscall(SYS_connect, tcp(), &a, sizeof(a)));
}

static int try_socket_call(void)
{
	return error_of(syscall(SYS_socket, AF_INET, SOCK_STREAM, 0));
}

static int try_udp(void)
{
	struct sockaddr_in a = bad_address();
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	return fd < 0 ? errno : error_of(sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof(a)));
}

static int try_dns(void)
{
	struct sockaddr_in a = way_address(INADDR_LOOPBACK, 53);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);

	return fd < 0 ? errno : error_of(connect(fd, (struct sockaddr *)&a, sizeof(a)));
}

static int try_netlink(void)
{
	return error_of(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
}

static int try_mptcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 262);

	/* Kernels without it do not count. */
	return fd < 0 && errno == EPROTONOSUPPORT ? 0 : error_of(fd);
}

static int try_unix(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, way_unix_bad);
	return fd < 0 ? errno : error_of(connect(fd, (struct sockaddr *)&a, sizeof(a)));
}

static int try_abstract(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path + 1, way_unix_bad);
	return fd < 0 ? errno : error_of(connect(fd, (struct sockaddr *)&a, sizeof(a)));
}

static int try_fastopen(void)
{
	struct sockaddr_in a = bad_address();

	return error_of(sendto(tcp(), "x", 1, MSG_FASTOPEN, (struct sockaddr *)&a, sizeof(a)));
}

static int try_fastopen_message(void)
{
	struct sockaddr_in a = bad_address();
	struct iovec iov = { one_byte, 1 };
	struct msghdr msg = { .msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &iov, .msg_iovlen = 1 };

	return error_of(sendmsg(tcp(), &msg, MSG_FASTOPEN));
}

static int try_fastopen_messages(void)
{
	struct sockaddr_in a = bad_address();
	struct iovec iov = { one_byte, 1 };
	struct mmsghdr msg = { .msg_hdr = { .msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &iov,
		.msg_iovlen = 1 } };

	return error_of(sendmmsg(tcp(), &msg, 1, MSG_FASTOPEN));
}

static int try_fastopen_option(void)
{
	return error_of(setsockopt(tcp(), IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &(int){ 1 }, sizeof(int)));
}

static int try_bind(void)
{
	struct sockaddr_in a = way_address(INADDR_LOOPBACK, 0);

	return error_of(bind(tcp(), (struct sockaddr *)&a, sizeof(a)));
}

static int try_listen(void)
{
	return error_of(listen(tcp(), 1));
}

static int try_uring(void)
{
	char params[256] = { 0 };
	int fd = (int)syscall(SYS_io_uring_setup, 4, params);

	/* Where it is switched off there is nothing to forbid. */
	return fd < 0 && errno == ENOSYS ? 0 : error_of(fd);
}

static const struct attempt {
	const char *name;
	int (*fn)(void);
	int error; /* confined; without that 0 */
} attempts[] = {
	{ "another port", try_port, EACCES },
	{ "another address", try_address, EACCES },
	{ "connect by system call", try_connect_call, EPERM },
	{ "connect to the server by system call", try_connect_good, EPERM },
	{ "socket by system call", try_socket_call, EPERM },
	{ "UDP", try_udp, EACCES },
	{ "DNS", try_dns, EACCES },
	{ "netlink", try_netlink, EPERM },
	{ "MPTCP", try_mptcp, EACCES },
	{ "a Unix socket", try_unix, EPERM },
	{ "an abstract socket", try_abstract, EPERM },
	{ "sendto, fast open", try_fastopen, EPERM },
	{ "sendmsg, fast open", try_fastopen_message, EPERM },
	{ "sendmmsg, fast open", try_fastopen_messages, EPERM },
	{ "fast open by option", try_fastopen_option, EPERM },
	{ "bind", try_bind, EACCES },
	{ "listen", try_listen, EPERM },
	{ "io_uring", try_uring, EPERM },
};

static int attempts_run(bool confined)
{
	int failed = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(attempts); i++) {
		int error = attempts[i].fn(), want = confined ? attempts[i].error : 0;

		if (error == want)
			continue;
		fprintf(stderr, "%s: error %d, not %d\n", attempts[i].name, error, want);
		failed = 1;
	}
	return failed;
}

static int free_child(void)
{
	static int abstract;
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	strcpy(a.sun_path + 1, way_unix_bad);
	abstract = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(1, bind(abstract, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(abstract, 1) == 0);
	CHECK(2, way_listen_unix(way_unix_bad) >= 0);
	return attempts_run(false);
}

static void all_attempts_work_unconfined(void **state)
{
	way_in_child(free_child);
	assert_true(way_bad_was_reached());
	unlink(way_unix_bad);
}

static int confined_child(void)
{
	CHECK(1, way_begin() == 0);
	/* This one has no address that a filter could see: TCP takes none by this way. */
	struct sockaddr_in a = bad_address();
	struct iovec iov = { one_byte, 1 };
	struct msghdr msg = { .msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &iov, .msg_iovlen = 1 };
	CHECK(2, sendmsg(tcp(), &msg, MSG_NOSIGNAL) < 0 && (errno == EPIPE || errno == ENOTCONN));
	CHECK(3, sendto(tcp(), "x", 1, MSG_NOSIGNAL, (struct sockaddr *)&a, sizeof(a)) < 0 && errno == EPERM);
	return attempts_run(true);
}

static void no_attempt_works_confined(void **state)
{
	way_in_child(confined_child);
	assert_false(way_bad_was_reached());
}

/* --- changing what was asked for, while it is ----------------------------- */

static struct sockaddr_in race_address;
static atomic_bool race_over;

static void *race_flip(void *opaque)
{
	for (unsigned i = 0; !atomic_load_explicit(&race_over, memory_order_relaxed); i++)
		*(volatile uint16_t *)&race_address.sin_port = htons(i & 1 ? way_bad_port : way_good_port);
	return NULL;
}

static int race_child(void)
{
	unsigned connected = 0, denied = 0;
	pthread_t thread;

	race_address = way_address(INADDR_LOOPBACK, way_good_port);
	CHECK(1, way_begin() == 0);
	CHECK(2, pthread_create(&thread, NULL, race_flip, NULL) == 0);
	for (int i = 0; i < RACES; i++) {
		int fd = tcp();
		int error = error_of(connect(fd, (struct sockaddr *)&race_address, sizeof(race_address)));

		connected += error == 0;
		denied += error == EACCES;
		close(fd);
	}
	atomic_store(&race_over, true);
	pthread_join(thread, NULL);
	CHECK(3, connected + denied == RACES);
	CHECK(4, connected && denied);
	return 0;
}

static void a_changing_address_reaches_nobody_else(void **state)
{
	way_in_child(race_child);
	assert_false(way_bad_was_reached());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_attempts_work_unconfined),
		cmocka_unit_test(no_attempt_works_confined),
		cmocka_unit_test(a_changing_address_reaches_nobody_else),
	};

	if (!way_possible) {
		puts("1..0 # SKIP built without libseccomp");
		return 77;
	}
	return cmocka_run_group_tests(tests, way_setup, way_teardown);
}

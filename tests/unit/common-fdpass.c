// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/fdpass.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* More than FDPASS_MAX, as much as the kernel takes. */
#define MANY 253

static int ends[2];

static int setup(void **state)
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

static int teardown(void **state)
{
	close(ends[0]);
	close(ends[1]);
	return 0;
}

/* How many descriptors this process has. */
static unsigned open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void same_file(int a, int b)
{
	struct stat sa, sb;

	assert_int_equal(fstat(a, &sa), 0);
	assert_int_equal(fstat(b, &sb), 0);
	assert_true(sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino);
}

static void test_message_and_descriptors(void **state)
{
	int pair[2], got[2] = { -1, -1 };
	unsigned n = 2;
	char text[8];

	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	assert_int_equal(fd_send(ends[0], "hello", 5, pair, 2), 0);
	assert_int_equal(fd_recv(ends[1], text, sizeof(text), got, &n), 5);
	assert_memory_equal(text, "hello", 5);
	assert_int_equal(n, 2);
	for (int i = 0; i < 2; i++) {
		same_file(pair[i], got[i]);
		assert_int_equal(fcntl(got[i], F_GETFD), FD_CLOEXEC);
		close(pair[i]);
		close(got[i]);
	}
}

static void test_fewer_than_room(void **state)
{
	int got[4] = { -1, -1, -1, -1 };
	unsigned n = 4;
	char text[8];

	assert_int_equal(fd_send(ends[0], "a", 1, ends, 1), 0);
	assert_int_equal(fd_recv(ends[1], text, sizeof(text), got, &n), 1);
	assert_int_equal(n, 1);
	close(got[0]);
	n = 4;
	assert_int_equal(fd_send(ends[0], "b", 1, NULL, 0), 0);
	assert_int_equal(fd_recv(ends[1], text, sizeof(text), got, &n), 1);
	assert_int_equal(n, 0);
}

static void test_surplus_is_closed(void **state)
{
	int fds[3] = { ends[0], ends[0], ends[0] }, got[2] = { -1, -1 };
	unsigned before = open_fds(), n = 2;
	char text[8];

	assert_int_equal(fd_send(ends[0], "a", 1, fds, 3), 0);
	assert_int_equal(fd_recv(ends[1], text, sizeof(text), got, &n), -EMSGSIZE);
	assert_int_equal(n, 0);
	assert_int_equal(open_fds(), before);
	/* The next message is not hurt. */
	n = 2;
	assert_int_equal(fd_send(ends[0], "bc", 2, NULL, 0), 0);
	assert_int_equal(fd_recv(ends[1], text, sizeof(text), got, &n), 2);
}

/*
 * Who expects none takes the message, and what came with it is not made a descriptor
 * even for a moment: where none is free nothing is missing.
 */
static void test_room_for_none(void **state)
{
	unsigned before = open_fds(), n = 0;
	struct rlimit limit, none;
	char text[8];

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(fd_send(ends[0], "a", 1, ends, 2), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(fd_recv(ends[1], text, sizeof(text), NULL, &n), 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(n, 0);
	assert_int_equal(open_fds(), before);
}

/* A sender that does not use fd_send() gets past FDPASS_MAX. */
static void send_many(int fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * MANY)];
	} control = { .buf = { 0 } };
	struct iovec iov = { .iov_base = (char[]){ "x" }, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	msg.msg_control = control.buf;
	msg.msg_controllen = sizeof(control.buf);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * MANY);
	for (unsigned i = 0; i < MANY; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(int));
	assert_int_equal(sendmsg(ends[0], &msg, 0), 1);
}

static void test_truncated_control(void **state)
{
	unsigned before = open_fds(), n = FDPASS_MAX;
	int got[FDPASS_MAX];
	char text[8];

	send_many(ends[0]);
	assert_int_equal(fd_recv(ends[1], text, sizeof(text), got, &n), -EMSGSIZE);
	assert_int_equal(n, 0);
	assert_int_equal(open_fds(), before);
	send_many(ends[0]);
	assert_int_equal(fd_recv(ends[1], text, sizeof(text), NULL, &n), 1);
	assert_int_equal(open_fds(), before);
}

static void test_truncated_message(void **state)
{
	unsigned before = open_fds(), n = 1;
	int got = -1;
	char text[4];

	assert_int_equal(fd_send(ends[0], "too long", 8, ends, 1), 0);
	assert_int_equal(fd_recv(ends[1], text, sizeof(text), &got, &n), -EMSGSIZE);
	assert_int_equal(n, 0);
	assert_int_equal(open_fds(), before);
}

static void test_too_many_to_send(void **state)
{
	int fds[FDPASS_MAX + 1];
	unsigned n = FDPASS_MAX;
	char text[8];

	for (unsigned i = 0; i <= FDPASS_MAX; i++)
		fds[i] = ends[0];
	assert_int_equal(fd_send(ends[0], "x", 1, fds, FDPASS_MAX + 1), -EMSGSIZE);
	assert_int_equal(fd_send(ends[0], "x", 1, fds, FDPASS_MAX), 0);
	assert_int_equal(fd_recv(ends[1], text, sizeof(text), fds, &n), 1);
	assert_int_equal(n, FDPASS_MAX);
	while (n--)
		close(fds[n]);
}

static void test_never_blocks(void **state)
{
	char text[1024] = { 0 };
	unsigned n = 0;
	int rc;

	assert_int_equal(fd_recv_now(ends[1], text, sizeof(text), NULL, &n), -EAGAIN);
	while ((rc = fd_send_now(ends[0], text, sizeof(text), NULL, 0)) == 0)
		;
	assert_int_equal(rc, -EAGAIN);
}

static void test_gone_without_a_signal(void **state)
{
	unsigned n = 0;
	char text[8];
	int pair[2];

	assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	close(pair[1]);
	assert_int_equal(fd_send(pair[0], "x", 1, NULL, 0), -EPIPE);
	assert_int_equal(fd_recv(pair[0], text, sizeof(text), NULL, &n), 0);
	close(pair[0]);
}

static int is_left[300];

static void many_send(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		is_left[i] = ends[0];
	assert_int_equal(fd_send_many(ends[0], is_left, n), 0);
}

static void many_close(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		same_file(is_left[i], ends[0]);
		close(is_left[i]);
	}
}

static void test_many(void **state)
{
	static const unsigned counts[] = { 0, 1, FDPASS_MAX, FDPASS_MAX + 1, 300 };

	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		unsigned before = open_fds(), n = 300;

		many_send(counts[i]);
		assert_int_equal(fd_recv_many(ends[1], is_left, &n, 10000), 0);
		assert_int_equal(n, counts[i]);
		assert_int_equal(open_fds(), before + n);
		many_close(n);
	}
}

static void test_many_without_room(void **state)
{
	unsigned before = open_fds(), n = 299;

	many_send(300);
	assert_int_equal(fd_recv_many(ends[1], is_left, &n, 10000), -EMSGSIZE);
	assert_int_equal(n, 0);
	assert_int_equal(open_fds(), before);
}

static void test_many_never_sent(void **state)
{
	unsigned n = 300;

	assert_int_equal(fd_recv_many(ends[1], is_left, &n, 1), -ETIMEDOUT);
}

/* The sender dies between two messages, or says that more come and sends none. */
static void test_many_broken(void **state)
{
	unsigned before = open_fds(), n = 300;
	uint32_t left = 1;

	assert_int_equal(fd_send(ends[0], &left, sizeof(left), &ends[0], 1), 0);
	assert_int_equal(fd_send(ends[0], &left, sizeof(left), NULL, 0), 0);
	assert_int_equal(fd_recv_many(ends[1], is_left, &n, 10000), -EPROTO);
	assert_int_equal(open_fds(), before);
	n = 300;
	assert_int_equal(fd_send(ends[0], &left, sizeof(left), &ends[1], 1), 0);
	assert_int_equal(shutdown(ends[0], SHUT_WR), 0);
	assert_int_equal(fd_recv_many(ends[1], is_left, &n, 10000), -EPIPE);
	assert_int_equal(open_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_message_and_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fewer_than_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_surplus_is_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_room_for_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_truncated_control, setup, teardown),
		cmocka_unit_test_setup_teardown(test_truncated_message, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_to_send, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_blocks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone_without_a_signal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_without_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_never_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_broken, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

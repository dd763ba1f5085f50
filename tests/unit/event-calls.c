// SPDX-License-Identifier: MIT
/* What an event costs its receiver: nobody asks for a descriptor's flags while there is work. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>
#include <xenevtchn.h>

#include "hv-harness.h"

#define ROUNDS 100

static struct hv_world world;
static unsigned asked;

/* In place of the C library's, also for the library under test. */
int fcntl64(int fd, int cmd, ...);

static int count_fcntl(int fd, int cmd, long arg)
{
	asked += cmd == F_GETFL;
	return syscall(SYS_fcntl, fd, cmd, arg);
}

__attribute__((visibility("default"))) int fcntl(int fd, int cmd, ...)
{
	va_list ap;
	long arg;

	va_start(ap, cmd);
	arg = va_arg(ap, long);
	va_end(ap);
	return count_fcntl(fd, cmd, arg);
}

__attribute__((visibility("default"))) int fcntl64(int fd, int cmd, ...)
{
	va_list ap;
	long arg;

	va_start(ap, cmd);
	arg = va_arg(ap, long);
	va_end(ap);
	return count_fcntl(fd, cmd, arg);
}

static void test_no_flags_while_pending(void **state)
{
	xenevtchn_handle *x;
	int a, b;

	hv_enter(&world, 1);
	x = xenevtchn_open(NULL, 0);
	assert_non_null(x);
	a = xenevtchn_bind_unbound_port(x, 1);
	b = xenevtchn_bind_interdomain(x, 1, a);
	assert_true(a > 0 && b > 0);
	assert_int_equal(xenevtchn_pending(x), b);
	assert_int_equal(fcntl(xenevtchn_fd(x), F_SETFL, O_NONBLOCK), 0);
	asked = 0;
	for (int i = 0; i < ROUNDS; i++) {
		assert_int_equal(xenevtchn_unmask(x, b), 0);
		assert_int_equal(xenevtchn_notify(x, a), 0);
		assert_int_equal(xenevtchn_pending(x), b);
	}
	assert_int_equal(asked, 0);
	/* The count counts. */
	assert_int_equal(xenevtchn_pending(x), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(asked, 1);
	xenevtchn_close(x);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_flags_while_pending),
	};
	int failed;

	hv_dropin(argv);
	hv_world_start(&world);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	hv_world_stop(&world);
	return failed;
}

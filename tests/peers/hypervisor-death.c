// SPDX-License-Identifier: MIT
/*
 * The hypervisor is killed while domains use it: every call of the libraries says so or
 * does what needs no hypervisor; none hangs, and no signal comes.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "tests/unit/hv-harness.h"

#define PAGE 4096
/* Beyond this a call hangs. */
#define PATIENCE_S 60

static struct hv_world world;
static xenevtchn_handle *one, *two, *waiter;
static xengnttab_handle *tab;
static xengntshr_handle *shr;
static int port_one, port_two;
static uint32_t refs[2];
static char *shared, *mapped;

static void *wait_for_event(void *opaque)
{
	int *error = opaque;

	/* A blocking descriptor: without an event it waits. */
	*error = xenevtchn_pending(waiter) < 0 ? errno : 0;
	return NULL;
}

static void kill_hypervisor(void)
{
	int status;

	assert_int_equal(kill(world.pid, SIGKILL), 0);
	assert_int_equal(waitpid(world.pid, &status, 0), world.pid);
	assert_true(WIFSIGNALED(status));
}

static int setup(void **state)
{
	static int error;
	pthread_t thread;

	hv_enter(&world, 1);
	one = xenevtchn_open(NULL, 0);
	waiter = xenevtchn_open(NULL, 0);
	shr = xengntshr_open(NULL, 0);
	hv_enter(&world, 2);
	two = xenevtchn_open(NULL, 0);
	tab = xengnttab_open(NULL, 0);
	assert_true(one && two && waiter && shr && tab);
	port_one = xenevtchn_bind_unbound_port(one, 2);
	port_two = xenevtchn_bind_interdomain(two, 1, port_one);
	assert_true(port_one > 0 && port_two > 0);
	shared = xengntshr_share_pages(shr, 2, 2, refs, 1);
	assert_non_null(shared);
	mapped = xengnttab_map_domain_grant_refs(tab, 2, 1, refs, PROT_READ | PROT_WRITE);
	assert_non_null(mapped);
	strcpy(shared, "still here");
	assert_int_equal(pthread_create(&thread, NULL, wait_for_event, &error), 0);
	kill_hypervisor();
	alarm(PATIENCE_S);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(error, ENODEV);
	return 0;
}

static void expect_errno(long rc, int error)
{
	assert_int_equal(rc, -1);
	assert_int_equal(errno, error);
}

static void test_memory_stays(void **state)
{
	assert_string_equal(mapped, "still here");
	strcpy(mapped, "and here");
	assert_string_equal(shared, "and here");
}

static void test_events_between_the_living_go_on(void **state)
{
	/* The binder's first event comes before the news. */
	int port = xenevtchn_pending(two);

	if (port < 0) {
		assert_int_equal(errno, ENODEV);
		port = xenevtchn_pending(two);
	}
	assert_int_equal(port, port_two);
	assert_int_equal(xenevtchn_unmask(two, port_two), 0);
	assert_int_equal(xenevtchn_notify(one, port_one), 0);
	do
		port = xenevtchn_pending(two);
	while (port < 0 && errno == ENODEV);
	assert_int_equal(port, port_two);
}

/* Not only the first time, and with a blocking descriptor as with another. */
static void test_pending_says_so_each_time(void **state)
{
	struct pollfd p = { .fd = xenevtchn_fd(one), .events = POLLIN };

	assert_int_equal(poll(&p, 1, PATIENCE_S * 1000), 1);
	for (int i = 0; i < 3; i++)
		expect_errno(xenevtchn_pending(one), ENODEV);
	assert_int_equal(fcntl(xenevtchn_fd(one), F_SETFL, O_NONBLOCK), 0);
	expect_errno(xenevtchn_pending(one), ENODEV);
	/* Who ignores that does not spin either. */
	assert_int_equal(poll(&p, 1, 0), 0);
}

static void test_channels_fail(void **state)
{
	expect_errno(xenevtchn_bind_unbound_port(one, 2), ENODEV);
	expect_errno(xenevtchn_bind_interdomain(two, 1, port_one), ENODEV);
	expect_errno(xenevtchn_bind_virq(one, 3), ENODEV);
	expect_errno(xenevtchn_restrict(one, 2), ENODEV);
}

static void test_grants_fail(void **state)
{
	char local[16];
	xengnttab_grant_copy_segment_t seg = {
		.source.foreign = { .ref = refs[0], .domid = 1 },
		.dest.virt = local,
		.len = sizeof(local),
		.flags = GNTCOPY_source_gref,
	};
	uint32_t more;

	assert_null(xengntshr_share_pages(shr, 2, 1, &more, 1));
	assert_int_equal(errno, ENODEV);
	assert_null(xengnttab_map_grant_ref(tab, 1, refs[0], PROT_READ));
	assert_int_equal(errno, ENODEV);
	expect_errno(xengnttab_grant_copy(tab, 1, &seg), ENODEV);
}

static void test_open_fails(void **state)
{
	hv_enter(&world, 1);
	assert_null(xenevtchn_open(NULL, 0));
	assert_int_equal(errno, ECONNREFUSED);
	assert_null(xengnttab_open(NULL, 0));
	assert_int_equal(errno, ECONNREFUSED);
	assert_null(xengntshr_open(NULL, 0));
	assert_int_equal(errno, ECONNREFUSED);
}

static void test_toolstack_is_told(void **state)
{
	struct hvctl_domain_info info[8];

	assert_int_equal(hvctl_domain_list(world.ctl, info, 8), -EPIPE);
	assert_int_equal(hvctl_domain_destroy(world.ctl, 1), -EPIPE);
}

static bool is_mapped(void *page)
{
	unsigned char vec;

	return mincore(page, PAGE, &vec) == 0;
}

/* What is given back is gone from here, and only once. */
static void test_giving_back(void **state)
{
	void *other;

	expect_errno(xengnttab_unmap(tab, mapped, 2), ENODEV);
	assert_false(is_mapped(mapped));
	expect_errno(xengntshr_unshare(shr, shared, 2), ENODEV);
	assert_false(is_mapped(shared));
	/* Somebody else's by now: closing the handles must leave it alone. */
	other = mmap(shared, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	assert_ptr_equal(other, shared);
	xengnttab_close(tab);
	xengntshr_close(shr);
	assert_true(is_mapped(other));
	munmap(other, PAGE);
}

/* The peer goes, too: nobody is left to read, and SIGPIPE would end this program. */
static void test_notify_nobody(void **state)
{
	assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	expect_errno(xenevtchn_unbind(two, port_two), ENODEV);
	xenevtchn_close(two);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(xenevtchn_notify(one, port_one), 0);
	expect_errno(xenevtchn_unbind(one, port_one), ENODEV);
	expect_errno(xenevtchn_notify(one, port_one), EINVAL);
	xenevtchn_close(one);
	xenevtchn_close(waiter);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_stays),
		cmocka_unit_test(test_events_between_the_living_go_on),
		cmocka_unit_test(test_pending_says_so_each_time),
		cmocka_unit_test(test_channels_fail),
		cmocka_unit_test(test_grants_fail),
		cmocka_unit_test(test_open_fails),
		cmocka_unit_test(test_toolstack_is_told),
		cmocka_unit_test(test_giving_back),
		cmocka_unit_test(test_notify_nobody),
	};
	char command[128];
	int failed;

	hv_dropin(argv);
	hv_world_start(&world);
	failed = cmocka_run_group_tests(tests, setup, NULL);
	hvctl_close(world.ctl);
	snprintf(command, sizeof(command), "rm -rf %s", world.dir);
	return system(command) == 0 ? failed : 1;
}

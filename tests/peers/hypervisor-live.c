// SPDX-License-Identifier: MIT
/*
 * What a hypervisor that serves can no longer do, and what it keeps: this test
 * traces one and makes it call the kernel.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "common/array.h"
#include "tests/peers/puppet.h"
#include "tests/unit/hv-harness.h"

#define ALL_FDS 2048

static struct hv_world world = { .traced = true };

#ifdef __x86_64__
static void serves(void)
{
	xengntshr_handle *s;
	xengnttab_handle *t;
	uint32_t ref;
	char *mine, *theirs;

	hv_enter(&world, 1);
	s = xengntshr_open(NULL, 0);
	hv_enter(&world, 2);
	t = xengnttab_open(NULL, 0);
	assert_non_null(s);
	assert_non_null(t);
	mine = xengntshr_share_pages(s, 2, 1, &ref, 1);
	assert_non_null(mine);
	theirs = xengnttab_map_grant_ref(t, 1, ref, PROT_READ);
	assert_non_null(theirs);
	strcpy(mine, "served");
	assert_string_equal(theirs, "served");
	xengnttab_close(t);
	xengntshr_close(s);
}

/* The method itself: a process that is not confined opens the file. */
static void test_unconfined_process_can_open(void **state)
{
	struct puppet p;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		for (;;)
			pause();
	}
	puppet_wait_stop(pid);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
	assert_int_equal(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
	usleep(50000);
	puppet_stop(&p, pid);
	assert_true(puppet_call(&p, SYS_openat, AT_FDCWD, p.text, O_RDONLY, 0) >= 0);
	assert_true(puppet_call(&p, SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0) >= 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void test_live_hypervisor_opens_nothing(void **state)
{
	struct puppet p;

#ifndef HAVE_LIBSECCOMP
	print_message("built without libseccomp\n");
	skip();
#endif
	serves();
	puppet_stop(&p, world.pid);
	puppet_refused(&p);
	puppet_go(&p);
	serves();
}

static unsigned open_fds(void)
{
	struct puppet p;
	unsigned n = 0;

	puppet_stop(&p, world.pid);
	for (int fd = 0; fd < ALL_FDS; fd++)
		if (puppet_call(&p, SYS_fcntl, fd, F_GETFD, 0, 0) >= 0)
			n++;
	puppet_go(&p);
	return n;
}

/* Puts a new domain's socket where hv_enter() looks for it. */
static void name_socket(const char *name, uint32_t domid)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", world.dir, name);
	assert_int_equal(rename(path, hv_socket(&world, domid)), 0);
}

/* Two domains that use everything, and are destroyed in use. */
static void round_trip(unsigned i)
{
	struct hvctl_domain_config config = { .domid = HVCTL_DOMID_ANY };
	uint32_t a, b, refs[3];
	xenevtchn_handle *xa, *xb;
	xengntshr_handle *s;
	xengnttab_handle *t;
	char buf[8];
	xengnttab_grant_copy_segment_t seg = { .flags = GNTCOPY_source_gref, .len = 8,
		.dest.virt = buf };
	int port;

	assert_int_equal(hv_domain_add(&world, &config, "a", &a), 0);
	assert_int_equal(hv_domain_add(&world, &config, "b", &b), 0);
	name_socket("a", a);
	name_socket("b", b);
	hv_enter(&world, a);
	xa = xenevtchn_open(NULL, 0);
	s = xengntshr_open(NULL, 0);
	hv_enter(&world, b);
	xb = xenevtchn_open(NULL, 0);
	t = xengnttab_open(NULL, 0);
	port = xenevtchn_bind_unbound_port(xa, b);
	assert_true(port > 0);
	port = xenevtchn_bind_interdomain(xb, a, port);
	assert_true(port > 0);
	assert_non_null(xengntshr_share_pages(s, b, 3, refs, i & 1));
	assert_non_null(xengnttab_map_domain_grant_refs(t, 3, a, refs, PROT_READ));
	seg.source.foreign.ref = refs[1];
	seg.source.foreign.domid = a;
	assert_int_equal(xengnttab_grant_copy(t, 1, &seg), 0);
	assert_int_equal(seg.status, GNTST_okay);
	/* Grantor first, or mapper first. */
	assert_int_equal(hvctl_domain_destroy(world.ctl, i & 2 ? a : b), 0);
	assert_int_equal(hvctl_domain_destroy(world.ctl, i & 2 ? b : a), 0);
	xenevtchn_close(xa);
	xenevtchn_close(xb);
	xengntshr_close(s);
	xengnttab_close(t);
}

static void test_destroy_releases_all(void **state)
{
	unsigned before;

	round_trip(0);
	before = open_fds();
	assert_true(before > 4);
	for (unsigned i = 0; i < 100; i++)
		round_trip(i);
	assert_int_equal(open_fds(), before);
}

/* A handle's end is noticed by the hypervisor in its own time. */
static void wait_for_no_connections(void)
{
	for (int i = 0; i < 10000; i++) {
		struct hvctl_domain_info info[8];
		unsigned open = 0;
		int n = hvctl_domain_list(world.ctl, info, 8);

		assert_int_equal(n, HV_DOMAINS);
		while (n > 0)
			open += info[--n].connections;
		if (!open)
			return;
		usleep(1000);
	}
	fail_msg("connections stay open");
}

/* The same by processes that come and go in domains that stay. */
static void test_handles_release_all(void **state)
{
	unsigned before;

	wait_for_no_connections();
	before = open_fds();
	for (unsigned i = 0; i < 50; i++)
		serves();
	wait_for_no_connections();
	assert_int_equal(open_fds(), before);
}

/* A test that failed must not leave the hypervisor stopped: the next would wait for it. */
static int let_go(void **state)
{
	ptrace(PTRACE_CONT, world.pid, NULL, NULL);
	return 0;
}

#define CASE(f) cmocka_unit_test_teardown(f, let_go)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(test_unconfined_process_can_open),
		CASE(test_live_hypervisor_opens_nothing),
		CASE(test_destroy_releases_all),
		CASE(test_handles_release_all),
	};
	int failed;

	hv_dropin(argv);
	hv_world_start(&world);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	hv_world_stop(&world);
	return failed;
}
#else
int main(void)
{
	puts("1..0 # SKIP the way this test calls the kernel is that of x86-64");
	return 77;
}
#endif

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
#include "tests/unit/hv-harness.h"

#define ALL_FDS 2048

static struct hv_world world = { .traced = true };

#ifdef __x86_64__
/* A stopped process that can be made to call the kernel. */
struct puppet {
	pid_t pid;
	struct user_regs_struct regs;
	long text; /* where its string argument is */
};

static void wait_stop(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
}

/* Stops it in the middle of a system call that waits. */
static void puppet_stop(struct puppet *p, pid_t pid)
{
	const char path[16] = "/etc/passwd";
	long words[2];

	p->pid = pid;
	assert_int_equal(kill(pid, SIGSTOP), 0);
	wait_stop(pid);
	assert_int_equal(ptrace(PTRACE_GETREGS, pid, NULL, &p->regs), 0);
	p->text = (p->regs.rsp - 1024) & ~15ul;
	memcpy(words, path, sizeof(words));
	/*
	 * Only root may write to the memory of what is not dumpable. Any other address will
	 * do, since a filter decides before the kernel looks at what is there.
	 */
	if (ptrace(PTRACE_POKEDATA, pid, p->text, words[0]) < 0 ||
		ptrace(PTRACE_POKEDATA, pid, p->text + 8, words[1]) < 0)
		print_message("cannot write to the traced process: %s\n", strerror(errno));
}

static void puppet_go(struct puppet *p)
{
	assert_int_equal(ptrace(PTRACE_SETREGS, p->pid, NULL, &p->regs), 0);
	assert_int_equal(ptrace(PTRACE_CONT, p->pid, NULL, NULL), 0);
}

/* Calls @nr with the arguments in it; returns what the kernel returned. */
static long puppet_call(struct puppet *p, long nr, long a, long b, long c, long d)
{
	struct user_regs_struct regs = p->regs;

	/* The stop is right behind a syscall instruction, which is two bytes. */
	regs.rip -= 2;
	regs.rax = nr;
	regs.orig_rax = -1;
	regs.rdi = a;
	regs.rsi = b;
	regs.rdx = c;
	regs.r10 = d;
	assert_int_equal(ptrace(PTRACE_SETREGS, p->pid, NULL, &regs), 0);
	for (int stop = 0; stop < 2; stop++) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, p->pid, NULL, NULL), 0);
		wait_stop(p->pid);
	}
	assert_int_equal(ptrace(PTRACE_GETREGS, p->pid, NULL, &regs), 0);
	return regs.rax;
}

enum path_where { NO_PATH, PATH_FIRST, PATH_SECOND };

/* Refused means EPERM, for arguments that would otherwise do or give another error. */
static const struct {
	const char *name;
	long nr;
	enum path_where path;
	long a, b, c, d;
} forbidden[] = {
	{ "openat", SYS_openat, PATH_SECOND, AT_FDCWD, 0, O_RDONLY, 0 },
	{ "open", SYS_open, PATH_FIRST, 0, O_RDONLY, 0, 0 },
	{ "creat", SYS_creat, PATH_FIRST, 0, 0600, 0, 0 },
	{ "openat2", SYS_openat2, PATH_SECOND, AT_FDCWD, 0, 0, 24 },
	{ "name_to_handle_at", SYS_name_to_handle_at, PATH_SECOND, AT_FDCWD, 0, 0, 0 },
	{ "open_by_handle_at", SYS_open_by_handle_at, NO_PATH, -1, 0, 0, 0 },
	{ "open_tree", SYS_open_tree, PATH_SECOND, AT_FDCWD, 0, 0, 0 },
	{ "socket", SYS_socket, NO_PATH, AF_INET, SOCK_STREAM, 0, 0 },
	{ "socketpair", SYS_socketpair, NO_PATH, AF_UNIX, SOCK_STREAM, 0, 0 },
	{ "connect", SYS_connect, NO_PATH, -1, 0, 0, 0 },
	{ "bind", SYS_bind, NO_PATH, -1, 0, 0, 0 },
	{ "io_uring_setup", SYS_io_uring_setup, NO_PATH, 8, 0, 0, 0 },
	{ "io_uring_enter", SYS_io_uring_enter, NO_PATH, -1, 1, 1, 0 },
	{ "execve", SYS_execve, PATH_FIRST, 0, 0, 0, 0 },
	{ "execveat", SYS_execveat, PATH_SECOND, AT_FDCWD, 0, 0, 0 },
	{ "ptrace", SYS_ptrace, NO_PATH, PTRACE_ATTACH, 1, 0, 0 },
	{ "process_vm_readv", SYS_process_vm_readv, NO_PATH, 1, 0, 0, 0 },
	{ "pidfd_getfd", SYS_pidfd_getfd, NO_PATH, -1, 0, 0, 0 },
	{ "mount", SYS_mount, NO_PATH, 0, 0, 0, 0 },
	{ "unlink", SYS_unlink, NO_PATH, 0, 0, 0, 0 },
	{ "rename", SYS_rename, NO_PATH, 0, 0, 0, 0 },
	{ "fork", SYS_fork, NO_PATH, 0, 0, 0, 0 },
	{ "kill", SYS_kill, NO_PATH, 0, 0, 0, 0 },
	{ "bpf", SYS_bpf, NO_PATH, -1, 0, 0, 0 },
	{ "mmap of executable memory", SYS_mmap, NO_PATH, 0, 4096, PROT_READ | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS },
	{ "TIOCSTI", SYS_ioctl, NO_PATH, 0, 0x5412, 0, 0 },
};

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
	wait_stop(pid);
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
	/* What it is allowed works this way, too. */
	assert_int_equal(puppet_call(&p, SYS_getpid, 0, 0, 0, 0), world.pid);
	for (unsigned i = 0; i < ARRAY_SIZE(forbidden); i++) {
		long rc = puppet_call(&p, forbidden[i].nr,
			forbidden[i].path == PATH_FIRST ? p.text : forbidden[i].a,
			forbidden[i].path == PATH_SECOND ? p.text : forbidden[i].b, forbidden[i].c,
			forbidden[i].d);

		if (rc != -EPERM)
			fail_msg("%s gave %ld and not EPERM", forbidden[i].name, rc);
	}
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

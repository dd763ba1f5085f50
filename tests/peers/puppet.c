// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/peers/puppet.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/array.h"

void puppet_wait_stop(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
}

void puppet_stop(struct puppet *p, pid_t pid)
{
	const char path[16] = "/etc/passwd";
	long words[2];

	p->pid = pid;
	/* To no other thread: that would stop all, and not only this one for us. */
	assert_int_equal(tgkill(pid, pid, SIGSTOP), 0);
	puppet_wait_stop(pid);
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

void puppet_go(struct puppet *p)
{
	assert_int_equal(ptrace(PTRACE_SETREGS, p->pid, NULL, &p->regs), 0);
	assert_int_equal(ptrace(PTRACE_CONT, p->pid, NULL, NULL), 0);
}

long puppet_call(struct puppet *p, long nr, long a, long b, long c, long d)
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
		puppet_wait_stop(p->pid);
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
	{ "clone of a process", SYS_clone, NO_PATH, SIGCHLD, 0, 0, 0 },
	{ "clone of a process in the same memory", SYS_clone, NO_PATH,
		CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, 0, 0, 0 },
	{ "clone of a thread with files of its own", SYS_clone, NO_PATH,
		CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, 0, 0, 0 },
	{ "vfork", SYS_vfork, NO_PATH, 0, 0, 0, 0 },
	{ "unshare", SYS_unshare, NO_PATH, 0, 0, 0, 0 },
	{ "setns", SYS_setns, NO_PATH, -1, 0, 0, 0 },
	{ "prctl", SYS_prctl, NO_PATH, PR_SET_DUMPABLE, 1, 0, 0 },
	{ "seccomp", SYS_seccomp, NO_PATH, 0, 0, 0, 0 },
	{ "a device of KVM", SYS_ioctl, NO_PATH, 0, KVM_CREATE_DEVICE, 0, 0 },
	{ "debugging of a vCPU", SYS_ioctl, NO_PATH, 0, KVM_SET_GUEST_DEBUG, 0, 0 },
	{ "fork", SYS_fork, NO_PATH, 0, 0, 0, 0 },
	{ "kill", SYS_kill, NO_PATH, 0, 0, 0, 0 },
	{ "bpf", SYS_bpf, NO_PATH, -1, 0, 0, 0 },
	{ "mmap of executable memory", SYS_mmap, NO_PATH, 0, 4096, PROT_READ | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS },
	{ "TIOCSTI", SYS_ioctl, NO_PATH, 0, 0x5412, 0, 0 },
};

void puppet_refused(struct puppet *p)
{
	/* What it is allowed works this way, too. */
	assert_int_equal(puppet_call(p, SYS_getpid, 0, 0, 0, 0), p->pid);
	for (unsigned i = 0; i < ARRAY_SIZE(forbidden); i++) {
		long rc = puppet_call(p, forbidden[i].nr,
			forbidden[i].path == PATH_FIRST ? p->text : forbidden[i].a,
			forbidden[i].path == PATH_SECOND ? p->text : forbidden[i].b, forbidden[i].c,
			forbidden[i].d);

		if (rc != -EPERM)
			fail_msg("%s gave %ld and not EPERM", forbidden[i].name, rc);
	}
	/* The C library is to think that there is none. */
	assert_int_equal(puppet_call(p, SYS_clone3, 0, 0, 0, 0), -ENOSYS);
}

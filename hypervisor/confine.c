// SPDX-License-Identifier: MIT
/*
 * A list of the system calls that serving takes; all others fail with EPERM, so
 * that a test can ask a living process. What is not here is the point: nothing that
 * opens a file, makes or connects a socket, executes, traces, mounts, or gets
 * at any of those another way (io_uring, file handles, clone).
 */
#include "config.h"
#include "hypervisor/confine.h"

#include <errno.h>
#include <linux/kvm.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <seccomp.h>

#include "common/array.h"
#include "hypervisor/process/server.h"

static const int allowed[] = {
	/* the loop */
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(accept4),
	SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(getsockopt), SCMP_SYS(fcntl),
	SCMP_SYS(close), SCMP_SYS(clock_gettime), SCMP_SYS(restart_syscall),
	/* channels and shared memory */
	SCMP_SYS(pipe2), SCMP_SYS(tee), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(memfd_create), SCMP_SYS(fallocate),
	SCMP_SYS(fchmod), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
	SCMP_SYS(futex), SCMP_SYS(getrandom),
	/* vms: their threads, timers and announcements */
	SCMP_SYS(ftruncate), SCMP_SYS(read), SCMP_SYS(eventfd2), SCMP_SYS(epoll_create1), SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield),
	/* messages, and the end */
	SCMP_SYS(write), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(tgkill),
#ifdef SLUICE_SANITIZERS
	/* The runtime's own bookkeeping. It still opens nothing: reports lack source lines. */
	SCMP_SYS(sigaltstack), SCMP_SYS(rt_sigaction), SCMP_SYS(getrlimit), SCMP_SYS(prlimit64),
	SCMP_SYS(sched_getaffinity),
#endif
};

#ifdef SLUICE_SANITIZERS
/* A leak check at exit traces its own process, which is what we have just forbidden. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}
#endif

/* What KVM is asked once it is open, for vms and their vCPUs. */
static const unsigned long kvm_ioctls[] = {
	KVM_CREATE_VM, KVM_SET_IDENTITY_MAP_ADDR, KVM_SET_TSS_ADDR, KVM_ENABLE_CAP,
	KVM_X86_SET_MSR_FILTER, KVM_XEN_HVM_CONFIG, KVM_SET_USER_MEMORY_REGION, KVM_CREATE_VCPU,
	KVM_GET_TSC_KHZ, KVM_SET_CPUID2, KVM_SET_MSRS, KVM_GET_SREGS, KVM_SET_SREGS, KVM_SET_REGS,
	KVM_RUN, KVM_GET_MP_STATE, KVM_TRANSLATE, KVM_GET_CLOCK, KVM_SIGNAL_MSI,
};

/* What a C library's thread is made with, which is no process: the same memory and files. */
#define THREAD_FLAGS                                                                           \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |    \
		CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

static int rules_add_vms(scmp_filter_ctx ctx)
{
	int rc = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(kvm_ioctls) && rc == 0; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_EQ, kvm_ioctls[i], 0));
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_EQ, THREAD_FLAGS, 0));
	/* Its arguments are in memory, where a filter cannot see them: the C library goes back to
	 * clone() when there is no clone3(). */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return rc;
}

static int rules_add(scmp_filter_ctx ctx)
{
	int rc = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(allowed) && rc == 0; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	/* Memory, but none to execute. */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* How much of its replies a client has not read. */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_EQ, SIOCOUTQ, 0));
	/* New connections over one that exists, and no other kind of socket. */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 2,
			SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0),
			SCMP_A1(SCMP_CMP_EQ, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2,
			SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET, 0),
			SCMP_A2(SCMP_CMP_EQ, SERVER_SO_PASSRIGHTS, 0));
	return rc;
}

int confine_self(void)
{
	scmp_filter_ctx ctx;
	int rc;

	/* Domains may run as our user: they must not trace us or read our memory. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!ctx)
		return -ENOMEM;
	rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (rc == 0)
		rc = rules_add(ctx);
	if (rc == 0)
		rc = rules_add_vms(ctx);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc;
}

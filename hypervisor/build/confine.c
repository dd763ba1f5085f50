// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/build/confine.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <seccomp.h>

#include "common/array.h"

static const int allowed[] = {
	/* memory of its own, and the end */
	SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk), SCMP_SYS(madvise),
	SCMP_SYS(exit), SCMP_SYS(exit_group),
#ifdef SLUICE_SANITIZERS
	/* The runtime's own bookkeeping. It still opens nothing: reports lack source lines. */
	SCMP_SYS(sigaltstack), SCMP_SYS(sched_yield), SCMP_SYS(rt_sigaction), SCMP_SYS(futex),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(tgkill),
	SCMP_SYS(getrlimit), SCMP_SYS(prlimit64), SCMP_SYS(clock_gettime),
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

static int allow_fd(scmp_filter_ctx ctx, int call, int fd)
{
	if (fd < 0)
		return 0;
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 1, SCMP_A0(SCMP_CMP_EQ, fd));
}

static int rules_add(scmp_filter_ctx ctx, const struct build_fds *fds)
{
	const struct {
		int call, fd;
	} on_fds[] = {
		{ SCMP_SYS(read), fds->kernel },
		{ SCMP_SYS(pread64), fds->kernel },
		{ SCMP_SYS(read), fds->initrd },
		{ SCMP_SYS(pread64), fds->initrd },
		{ SCMP_SYS(sendmsg), fds->hypervisor },
		{ SCMP_SYS(write), STDERR_FILENO },
	};
	int rc = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(allowed) && rc == 0; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	for (unsigned i = 0; i < ARRAY_SIZE(on_fds) && rc == 0; i++)
		rc = allow_fd(ctx, on_fds[i].call, on_fds[i].fd);
	/* Memory of no file, and none to execute. */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
			SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return rc;
}

int build_confine(const struct build_fds *fds, uint64_t memory)
{
	scmp_filter_ctx ctx;
	int rc = build_limits(memory);

	if (rc < 0)
		return rc;
	ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!ctx)
		return -ENOMEM;
	rc = rules_add(ctx, fds);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc;
}

// SPDX-License-Identifier: MIT
/*
 * The list of system calls, out of the tables of all files that are linked in. All others
 * fail with EPERM, so that a test can ask a living process.
 */
#include "config.h"
#include "common/confine-private.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <unistd.h>

#include <seccomp.h>

/* The linker's names for both ends of the section. */
extern const struct confine_table *const __start_confine_tables[];
extern const struct confine_table *const __stop_confine_tables[];

/* What a C library's thread is made with, which is no process: the same memory and files. */
#define THREAD_FLAGS                                                                           \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |    \
		CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

/* What two files ask for is allowed once. */
static int seccomp_once(int rc)
{
	return rc == -EEXIST ? 0 : rc;
}

static int seccomp_add(scmp_filter_ctx ctx, const struct confine_rule *r)
{
	struct scmp_arg_cmp cmp = { .arg = (unsigned)r->argument, .op = SCMP_CMP_MASKED_EQ,
		.datum_a = r->mask, .datum_b = r->value };

	/* A call that this architecture does not have. */
	if (r->call < 0)
		return 0;
	return seccomp_once(seccomp_rule_add_array(
		ctx, SCMP_ACT_ALLOW, r->call, r->argument < 0 ? 0 : 1, &cmp));
}

static int seccomp_add_table(scmp_filter_ctx ctx, const struct confine_table *t)
{
	for (unsigned i = 0; i < t->count; i++) {
		int rc = seccomp_add(ctx, &t->rules[i]);

		if (rc < 0)
			return rc;
	}
	return (int)t->count;
}

/* Those whose arguments are not constants. */
static int seccomp_add_own(scmp_filter_ctx ctx)
{
	int rc = seccomp_rule_add(
		ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_EQ, THREAD_FLAGS, 0));

	/* Its arguments are in memory, where a filter cannot see them: the C library goes back to
	 * clone() when there is no clone3(). */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	/* To its own threads: abort() and pthread_cancel(). */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)getpid()));
	/* Its own limits, to look at. */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
			SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, 0), SCMP_A2(SCMP_CMP_EQ, 0, 0));
	return rc;
}

static int seccomp_fill(scmp_filter_ctx ctx, const struct confine_table *extra)
{
	const struct confine_table *const *t = __start_confine_tables;
	int rules = 0, rc = seccomp_add_own(ctx);

	for (; rc >= 0 && t < __stop_confine_tables; t++) {
		rc = seccomp_add_table(ctx, *t);
		rules += rc;
	}
	if (rc >= 0 && extra) {
		rc = seccomp_add_table(ctx, extra);
		rules += rc;
	}
	return rc < 0 ? rc : rules;
}

int confine_seccomp(const struct confine_table *extra)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc, rules;

	if (!ctx)
		return -ENOMEM;
	/* Also for threads that a library may have started unasked. */
	rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	rules = rc ? rc : seccomp_fill(ctx, extra);
	rc = rules < 0 ? rules : seccomp_load(ctx);
	seccomp_release(ctx);
	/* Its own words for these, of which the first would read as "built without". */
	if (rc == -ENOTSUP || rc == -EOPNOTSUPP)
		rc = -EIO;
	return rc < 0 ? rc : rules;
}

// SPDX-License-Identifier: MIT
/*
 * The list of system calls, out of the tables of all files that are linked in. All others
 * fail with EPERM, so that a test can ask a living process.
 */
#include "config.h"
#include "common/confine-private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
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

/* Of sockets that a broker made: what could make a connection elsewhere is ours to say. */
static bool seccomp_is_of_sockets(int call)
{
	static const int calls[] = { SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen),
		SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
		SCMP_SYS(sendmmsg), SCMP_SYS(setsockopt), SCMP_SYS(socketcall), SCMP_SYS(io_uring_setup) };

	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i] == call)
			return true;
	return false;
}

static int seccomp_add_table(scmp_filter_ctx ctx, const struct confine_table *t, bool servers)
{
	for (unsigned i = 0; i < t->count; i++) {
		int rc = 0;

		if (!servers || !seccomp_is_of_sockets(t->rules[i].call))
			rc = seccomp_add(ctx, &t->rules[i]);

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

/* To use a connection, and to ask for one. */
CONFINE_TABLE(servers_calls,
	CONFINE_CALL(poll), CONFINE_CALL(ppoll), CONFINE_CALL(recvmsg), CONFINE_CALL(recvfrom),
	CONFINE_CALL(readv), CONFINE_CALL(writev), CONFINE_CALL(getsockopt), CONFINE_CALL(shutdown),
	CONFINE_CALL(getpeername), CONFINE_CALL(getsockname), CONFINE_CALL(dup2), CONFINE_CALL(dup3),
	CONFINE_CALL_IF(fcntl, 1, F_SETFL), CONFINE_CALL_IF(ioctl, 1, FIONREAD),
	CONFINE_CALL_IF(ioctl, 1, FIONBIO),
	/* An address that is sent to along with the first bytes would be connected to. */
	CONFINE_CALL_WITHOUT(sendmsg, 2, MSG_FASTOPEN));

/* TCP_FASTOPEN_CONNECT is not among them: sending would connect. */
static const struct servers_option {
	unsigned level, name;
} servers_options[] = {
	{ SOL_SOCKET, SO_KEEPALIVE }, { SOL_SOCKET, SO_LINGER }, { SOL_SOCKET, SO_RCVBUF },
	{ SOL_SOCKET, SO_SNDBUF }, { SOL_SOCKET, SO_RCVTIMEO }, { SOL_SOCKET, SO_SNDTIMEO },
	{ SOL_SOCKET, SO_RCVLOWAT }, { SOL_SOCKET, SO_PRIORITY }, { SOL_SOCKET, SO_REUSEADDR },
	{ IPPROTO_TCP, TCP_NODELAY }, { IPPROTO_TCP, TCP_CORK }, { IPPROTO_TCP, TCP_KEEPIDLE },
	{ IPPROTO_TCP, TCP_KEEPINTVL }, { IPPROTO_TCP, TCP_KEEPCNT }, { IPPROTO_TCP, TCP_SYNCNT },
	{ IPPROTO_TCP, TCP_QUICKACK }, { IPPROTO_TCP, TCP_USER_TIMEOUT },
};

static int seccomp_add_options(scmp_filter_ctx ctx)
{
	int rc = 0;

	for (unsigned i = 0; rc >= 0 && i < sizeof(servers_options) / sizeof(servers_options[0]); i++)
		rc = seccomp_once(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2,
			SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, servers_options[i].level),
			SCMP_A2(SCMP_CMP_MASKED_EQ, UINT32_MAX, servers_options[i].name)));
	return rc;
}

static int seccomp_add_servers(scmp_filter_ctx ctx)
{
	int rc = seccomp_add_table(ctx, &servers_calls, false);

	/* Libraries that try one port after the other stop at this error. */
	if (rc >= 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(bind), 0);
	/* send(), which is this without an address. */
	if (rc >= 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 2,
			SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0), SCMP_A4(SCMP_CMP_EQ, 0));
	return rc < 0 ? rc : seccomp_add_options(ctx);
}

static int seccomp_fill(scmp_filter_ctx ctx, const struct confine_table *extra, bool servers)
{
	const struct confine_table *const *t = __start_confine_tables;
	int rules = 0, rc = seccomp_add_own(ctx);

	for (; rc >= 0 && t < __stop_confine_tables; t++) {
		rc = seccomp_add_table(ctx, *t, servers);
		rules += rc;
	}
	if (rc >= 0 && extra) {
		rc = seccomp_add_table(ctx, extra, servers);
		rules += rc;
	}
	if (rc >= 0 && servers)
		rc = seccomp_add_servers(ctx);
	return rc < 0 ? rc : rules;
}

int confine_seccomp(const struct confine_table *extra, bool servers)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc, rules;

	if (!ctx)
		return -ENOMEM;
	/* Also for threads that a library may have started unasked. */
	rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	rules = rc ? rc : seccomp_fill(ctx, extra, servers);
	rc = rules < 0 ? rules : seccomp_load(ctx);
	seccomp_release(ctx);
	/* Its own words for these, of which the first would read as "built without". */
	if (rc == -ENOTSUP || rc == -EOPNOTSUPP)
		rc = -EIO;
	return rc < 0 ? rc : rules;
}

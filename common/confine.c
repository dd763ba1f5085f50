// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/confine.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/confine-private.h"

/* What a C library does by itself: memory, threads, locks, time, and the end. */
CONFINE_RULES(libc,
	CONFINE_CALL(brk), CONFINE_CALL(munmap), CONFINE_CALL(mremap), CONFINE_CALL(madvise),
	/* Memory, but none to execute. */
	CONFINE_CALL_WITHOUT(mmap, 2, PROT_EXEC), CONFINE_CALL_WITHOUT(mprotect, 2, PROT_EXEC),
	CONFINE_CALL(futex), CONFINE_CALL(set_robust_list), CONFINE_CALL(rseq),
	CONFINE_CALL(sched_yield), CONFINE_CALL(sched_getaffinity), CONFINE_CALL(getrandom),
	CONFINE_CALL(clock_gettime), CONFINE_CALL(clock_nanosleep), CONFINE_CALL(restart_syscall),
	CONFINE_CALL(rt_sigreturn), CONFINE_CALL(rt_sigprocmask), CONFINE_CALL(rt_sigaction),
	CONFINE_CALL(getpid), CONFINE_CALL(gettid), CONFINE_CALL(exit), CONFINE_CALL(exit_group),
	CONFINE_CALL(close), CONFINE_CALL(read), CONFINE_CALL(write),
	CONFINE_CALL_IF(fcntl, 1, F_GETFD), CONFINE_CALL_IF(fcntl, 1, F_SETFD),
	CONFINE_CALL_IF(fcntl, 1, F_GETFL), CONFINE_CALL_IF(fcntl, 1, F_DUPFD_CLOEXEC));

#ifdef SLUICE_SANITIZERS
/* The runtime's own bookkeeping. It still opens nothing: reports lack source lines. */
CONFINE_RULES(sanitizers, CONFINE_CALL(sigaltstack), CONFINE_CALL(getrlimit));

/* A leak check at exit traces its own process, which is then forbidden. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return confine_is_done();
}
#endif

static bool confine_done;

bool confine_is_done(void)
{
	return confine_done;
}

static void confine_say(char *text, size_t room, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void confine_say(char *text, size_t room, const char *fmt, ...)
{
	size_t used = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	if (used && used + 3 < room) {
		strcpy(text + used, ", ");
		used += 2;
	}
	vsnprintf(text + used, room - used, fmt, ap);
	va_end(ap);
}

#define DONE(r, ...) confine_say((r)->done, sizeof((r)->done), __VA_ARGS__)
#define MISSING(r, ...) confine_say((r)->missing, sizeof((r)->missing), __VA_ARGS__)

/* A part that the kernel may lack: the others are worth having without it. */
static void confine_optional(struct confine_report *r, const char *name, int rc)
{
	if (rc < 0)
		MISSING(r, "no %s (%s)", name, strerror(-rc));
	else
		DONE(r, "%s", name);
}

static int confine_last(const struct confine_options *o, struct confine_report *r)
{
	int rc = confine_privileges();

	if (rc < 0) {
		MISSING(r, "privileges are kept (%s)", strerror(-rc));
		return rc;
	}
	DONE(r, "no capabilities");
	rc = confine_seccomp(o->extra, o->servers);
	if (rc == -ENOTSUP) {
		MISSING(r, "no seccomp list (built without libseccomp)");
		/* Sockets that a broker made are outside of our network namespace. */
		return o->servers ? rc : 0;
	}
	if (rc < 0) {
		MISSING(r, "no seccomp list (%s)", strerror(-rc));
		return rc;
	}
	DONE(r, "seccomp (%d rules)", rc);
	if (o->servers)
		DONE(r, "servers: %s", o->servers->text);
	return 0;
}

int confine_self(const struct confine_options *options, struct confine_report *report)
{
	bool users = false;
	int rc;

	*report = (struct confine_report){ .done = "" };
	/* glibc loads it by name when a thread is cancelled, which libxenstore does. */
	(void)!dlopen("libgcc_s.so.1", RTLD_NOW | RTLD_GLOBAL);
	confine_done = true;
	rc = confine_namespaces(!options->keep_network, &users);
	confine_optional(report, rc < 0 || users ? "namespaces" : "namespaces but for users", rc);
	if (rc == 0 && options->keep_network)
		DONE(report, "but for the network");
	if (getpid() == 1)
		DONE(report, "pid namespace");
	if (!options->keep_root) {
		/* In the mount namespace of others it is not ours to change. */
		confine_optional(report, "empty root", rc < 0 ? rc : confine_root());
		confine_optional(report, "landlock", confine_landlock(!options->keep_network));
	} else if (options->keep_dir) {
		confine_optional(report, "landlock but for a directory",
			confine_landlock_dir(!options->keep_network, options->keep_dir));
	}
	confine_optional(report, "limits", confine_limits(users, options->files));
	return confine_last(options, report);
}

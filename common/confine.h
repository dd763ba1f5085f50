/* SPDX-License-Identifier: MIT */
/*
 * Confinement: what a process that talks to a stranger gives up before it does.
 *
 * A source file that makes a system call while serving says so itself, beside the code:
 *
 *	CONFINE_RULES(drv_aio, CONFINE_CALL(io_submit), CONFINE_CALL(io_getevents));
 *
 * The rules of all files that are linked in are gathered by the linker. What one storage
 * driver alone needs is a CONFINE_TABLE() that the driver names, so that others do without.
 */
#ifndef SLUICE_COMMON_CONFINE_H
#define SLUICE_COMMON_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/servers.h"

/** struct confine_rule - a system call that is allowed, if (argument & mask) == value. */
struct confine_rule {
	int call;
	int argument; /* its position, or -1: whatever its arguments are */
	uint64_t mask, value;
};

/** struct confine_table - the rules of a file. */
struct confine_table {
	const struct confine_rule *rules;
	unsigned count;
};

#ifdef HAVE_LIBSECCOMP
#include <seccomp.h>
/* Numbers of calls that the architecture lacks are negative there, and ignored. */
#define CONFINE_NUMBER(name) SCMP_SYS(name)
#else
#define CONFINE_NUMBER(name) (-1)
#endif

/** CONFINE_CALL() - allowed with all arguments. */
#define CONFINE_CALL(name) { CONFINE_NUMBER(name), -1, 0, 0 }
/** CONFINE_CALL_IF() - allowed if the argument at @position, a 32-bit number, is @is. */
#define CONFINE_CALL_IF(name, position, is) { CONFINE_NUMBER(name), position, UINT32_MAX, is }
/** CONFINE_CALL_WITHOUT() - allowed if none of the bits @bits is set in that argument. */
#define CONFINE_CALL_WITHOUT(name, position, bits) { CONFINE_NUMBER(name), position, bits, 0 }

/** CONFINE_TABLE() - rules, static, that somebody names in struct confine_options. */
#define CONFINE_TABLE(name, ...)                                                      \
	static const struct confine_rule name##_rules[] = { __VA_ARGS__ };                \
	static const struct confine_table name = {                                         \
		name##_rules, sizeof(name##_rules) / sizeof(name##_rules[0])               \
	}

/** CONFINE_RULES() - rules for every program that this file is linked into. */
#define CONFINE_RULES(name, ...)                                                           \
	CONFINE_TABLE(name##_confine, __VA_ARGS__);                                 \
	static const struct confine_table *const name##_confine_entry                      \
		__attribute__((section("confine_tables"), used)) = &name##_confine

/** struct confine_options - what a program wants beyond the rules of its files. */
struct confine_options {
	const struct confine_table *extra; /* or NULL */
	bool keep_network; /* it makes connections while it serves: no network namespace of its own */
	/* It makes them through this broker, in a network namespace of its own; NULL: it makes none. */
	const struct servers_way *servers;
	bool keep_root; /* paths are still opened, connected to or removed: no empty root, no landlock */
	/* With keep_root: the only directory, open, of which that is true; then landlock forbids the
	 * others, and all but making, writing, moving and removing files there. 0: none. */
	int keep_dir;
	unsigned files; /* the most descriptors, where that is to be more than a backend's; 0: as those */
};

/** struct confine_report - what was done, for a log line and for whoever audits. */
struct confine_report {
	char done[256 + SERVERS_TEXT];
	char missing[256]; /* "" when all was; else what could not be, with its reasons */
};

/**
 * confine_self() - give up what serving does not take. Irrevocable.
 *
 * The caller has one thread, and has opened what it will ever open; threads made
 * afterwards are confined the same way. Own user, mount, network, ipc, uts and cgroup
 * namespaces with an empty root directory; landlock without any right (but to the network,
 * where that is kept); no capabilities,
 * no new privileges, not dumpable; limits; and a seccomp list. A refused call fails
 * with EPERM (bind() with EACCES where servers are named). What the kernel or its setup does not allow is left out and named in
 * report->missing, and the rest is done all the same.
 *
 * Return: 0, or -errno when the seccomp list or the privileges could not be set although the
 * kernel has both, or when there is no list and servers were named: then the caller must not serve. report is filled in both cases.
 */
FOR_MODULES int confine_self(const struct confine_options *options, struct confine_report *report) must_check;

/** confine_is_done() - confine_self() was called. */
bool confine_is_done(void);

#endif

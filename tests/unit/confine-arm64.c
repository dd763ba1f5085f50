// SPDX-License-Identifier: MIT
/*
 * The lists of system calls, as they are on arm64: a call that arm64 lacks is skipped in a list,
 * and the C library makes another one there, which must be in the same list. The lists are read
 * from the sources, of all programs at once, so that this needs no such machine.
 */
#include "config.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <seccomp.h>

#include "common/array.h"

/* What arm64 lacks, and what is called there; NULL: nothing is. */
static const struct replaced {
	const char *name, *by;
} replaced[] = {
	{ "chmod", "fchmodat" },
	{ "chown", "fchownat" },
	{ "dup2", "dup3" },
	{ "epoll_create", "epoll_create1" },
	{ "epoll_wait", "epoll_pwait" },
	{ "fork", "clone" },
	{ "inotify_init", "inotify_init1" },
	{ "ioperm", NULL },
	{ "iopl", NULL },
	{ "lchown", "fchownat" },
	{ "link", "linkat" },
	{ "mkdir", "mkdirat" },
	{ "mknod", "mknodat" },
	{ "modify_ldt", NULL },
	{ "poll", "ppoll" },
	{ "rename", "renameat" },
	{ "rmdir", "unlinkat" },
	{ "socketcall", NULL },
	{ "symlink", "symlinkat" },
	{ "unlink", "unlinkat" },
	{ "vfork", "clone" },
};

#define MOST_NAMES 128
#define NAME_ROOM 40
struct list {
	char name[MOST_NAMES][NAME_ROOM];
	unsigned count;
};

static void list_add(struct list *l, const char *p, size_t n)
{
	assert_true(l->count < MOST_NAMES && n < NAME_ROOM);
	memcpy(l->name[l->count], p, n);
	l->name[l->count++][n] = '\0';
}

static bool list_has(const struct list *l, const char *name)
{
	for (unsigned i = 0; i < l->count; i++)
		if (strcmp(l->name[i], name) == 0)
			return true;
	return false;
}

/* Each PREFIX(name in the text; not what defines it. */
static void list_read(struct list *l, const char *text, const char *prefix)
{
	const char *p = text;

	while ((p = strstr(p, prefix))) {
		size_t n;

		p += strlen(prefix);
		n = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789_");
		if (n && strncmp(p, "name", n) != 0)
			list_add(l, p, n);
	}
}

static char *file_read(const char *path)
{
	FILE *f = fopen(path, "r");
	static char text[65536];
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	assert_true(n < sizeof(text) - 1);
	fclose(f);
	text[n] = '\0';
	return text;
}

static const struct replaced *find_replaced(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(replaced); i++)
		if (strcmp(replaced[i].name, name) == 0)
			return &replaced[i];
	return NULL;
}

static bool arm64_has(const char *name)
{
	return seccomp_syscall_resolve_name_arch(SCMP_ARCH_AARCH64, name) >= 0;
}

/* How many of the file's calls would fail on arm64 although they are meant to be in its list. */
static unsigned list_check(const char *path, unsigned *seen)
{
	struct list l = { .count = 0 };
	const char *text = file_read(path);
	unsigned bad = 0;

	list_read(&l, text, "CONFINE_CALL(");
	list_read(&l, text, "CONFINE_CALL_IF(");
	list_read(&l, text, "CONFINE_CALL_WITHOUT(");
	list_read(&l, text, "SCMP_SYS(");
	*seen += l.count;
	for (unsigned i = 0; i < l.count; i++) {
		const struct replaced *r = find_replaced(l.name[i]);

		if (arm64_has(l.name[i]))
			continue;
		if (r && (!r->by || list_has(&l, r->by)))
			continue;
		print_error("%s: %s, which arm64 lacks, without %s\n", path, l.name[i],
			r ? r->by : "a replacement that this test knows");
		bad++;
	}
	return bad;
}

static void test_lists(void **state)
{
	static const char *const where[] = { "common", "backends/*", "drivers-domain", "hypervisor",
		"hypervisor/build", "hypervisor/store" };
	const char *source = getenv("SLUICE_SRCDIR");
	unsigned bad = 0, seen = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(where); i++) {
		char pattern[4096];
		glob_t files;

		snprintf(pattern, sizeof(pattern), "%s/%s/*.c", source ? source : ".", where[i]);
		assert_int_equal(glob(pattern, 0, NULL, &files), 0);
		for (size_t n = 0; n < files.gl_pathc; n++)
			bad += list_check(files.gl_pathv[n], &seen);
		globfree(&files);
	}
	/* It did look at them. */
	assert_true(seen > 200);
	assert_int_equal(bad, 0);
}

/* What the table says is so, and what replaces a call is there. */
static void test_table(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(replaced); i++) {
		assert_false(arm64_has(replaced[i].name));
		assert_true(!replaced[i].by || arm64_has(replaced[i].by));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

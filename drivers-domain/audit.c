// SPDX-License-Identifier: MIT
#include "config.h"
#include "drivers-domain/audit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/array.h"
#include "common/log.h"
#include "drivers-domain/files.h"
#include "drivers-domain/gate-keeper.h"

#define AUDIT_TEXT 16384u

/* A backend while it is looked at. */
struct audit {
	const struct files *files;
	const struct leaf_name *name; /* NULL: it is the store's gate */
	char lock[SCAN_PATH_MAX + 8]; /* the file's name */
	pid_t pid;
	int proc;    /* /proc/PID */
	bool loose;  /* something is not confined */
	bool hidden; /* something cannot be seen */
};

static int audit_status;

static void audit_line(const char *what, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void audit_line(const char *what, const char *fmt, ...)
{
	va_list ap;

	printf("  %-16s", what);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* All of a file of /proc, or of the run directory. Length or -errno. */
static ssize_t audit_read(int dir, const char *name, char text[static AUDIT_TEXT])
{
	CLEANUP_CLOSE int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = 0, used = 0;

	text[0] = '\0';
	if (fd < 0)
		return -errno;
	while (used < (ssize_t)AUDIT_TEXT - 1 &&
		(n = read(fd, text + used, AUDIT_TEXT - 1 - used)) > 0)
		used += n;
	text[used] = '\0';
	return n < 0 ? -errno : used;
}

static void audit_hidden(struct audit *a, const char *what, int error)
{
	audit_line(what, "cannot be seen: %s; ask as root", strerror(error));
	a->hidden = true;
}

/* --- namespaces ---------------------------------------------------------------------- */

/* Whether @name's namespace is another than ours. 1, 0 or -errno. */
static int audit_namespace_is_own(const struct audit *a, const char *name)
{
	char path[32], ours[64], theirs[64];
	ssize_t n, m;

	snprintf(path, sizeof(path), "ns/%s", name);
	n = readlinkat(a->proc, path, theirs, sizeof(theirs));
	if (n < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	m = readlink(path, ours, sizeof(ours));
	if (m < 0)
		return -errno;
	return n != m || memcmp(ours, theirs, (size_t)n) != 0;
}

static void audit_namespaces(struct audit *a)
{
	/* The last is the daemon's to give, and not everywhere: see launch-ns.c. */
	static const char *const names[] = { "user", "mnt", "net", "ipc", "uts", "cgroup", "pid" };
	char own[64] = "", shared[64] = "";

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		int rc = audit_namespace_is_own(a, names[i]);
		char *list = rc ? own : shared;

		if (rc < 0) {
			audit_hidden(a, "namespaces", -rc);
			return;
		}
		strcat(list, " ");
		strcat(list, names[i]);
		a->loose |= !rc && i + 1 < ARRAY_SIZE(names);
	}
	audit_line("namespaces", "own:%s; shared:%s", own[0] ? own : " none",
		shared[0] ? shared : " none");
}

static void audit_root(struct audit *a)
{
	CLEANUP_CLOSE int fd = openat(a->proc, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	unsigned n = 0;
	struct dirent *e;

	if (!dir) {
		audit_hidden(a, "root directory", errno);
		return;
	}
	fd = -1; /* dir's */
	while ((e = readdir(dir)))
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(dir);
	a->loose |= n != 0;
	if (n)
		audit_line("root directory", "%u entries", n);
	else
		audit_line("root directory", "empty");
}

/* --- /proc/PID/status ---------------------------------------------------------------- */

/* The text behind "NAME:", up to the end of its line, in place; NULL: the kernel has no such line. */
static const char *audit_field(const char *status, const char *name, char *value, size_t room)
{
	size_t len = strlen(name);

	for (const char *line = status; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) != 0 || line[len] != ':')
			continue;
		line += len + 1;
		line += strspn(line, " \t");
		snprintf(value, room, "%.*s", (int)strcspn(line, "\n"), line);
		return value;
	}
	return NULL;
}

static void audit_capabilities(struct audit *a, const char *status)
{
	static const char *const sets[] = { "CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd" };
	char value[64], text[160] = "";

	for (unsigned i = 0; i < ARRAY_SIZE(sets); i++) {
		const char *set = audit_field(status, sets[i], value, sizeof(value));

		if (!set || strspn(set, "0") == strlen(set))
			continue;
		/* What a bounding set has nobody gets without new privileges. */
		a->loose |= strcmp(sets[i], "CapBnd") != 0;
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s=%s", sets[i], set);
	}
	audit_line("capabilities", "%s", text[0] ? text + 1 : "none");
}

static void audit_rights(struct audit *a)
{
	char status[AUDIT_TEXT], value[64], filters[64];
	ssize_t n = audit_read(a->proc, "status", status);
	const char *text;

	if (n < 0) {
		audit_hidden(a, "rights", (int)-n);
		return;
	}
	audit_capabilities(a, status);
	text = audit_field(status, "NoNewPrivs", value, sizeof(value));
	a->loose |= !text || strcmp(text, "1") != 0;
	audit_line("new privileges", "%s", text && strcmp(text, "1") == 0 ? "none" : "possible");
	text = audit_field(status, "Seccomp", value, sizeof(value));
	a->loose |= !text || strcmp(text, "2") != 0;
	if (text && strcmp(text, "2") == 0)
		audit_line("seccomp", "filter (%s)",
			audit_field(status, "Seccomp_filters", filters, sizeof(filters)) ?: "?");
	else
		audit_line("seccomp", "none");
	text = audit_field(status, "Threads", value, sizeof(value));
	audit_line("threads", "%s", text ?: "?");
}

/* --- limits, cgroup, what it said ----------------------------------------------------- */

static void audit_limits(struct audit *a)
{
	static const char *const names[] = { "Max core file size", "Max open files", "Max processes",
		"Max msgqueue size" };
	char text[AUDIT_TEXT], out[256] = "";
	ssize_t n = audit_read(a->proc, "limits", text);

	if (n < 0) {
		audit_hidden(a, "limits", (int)-n);
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		const char *line = strstr(text, names[i]);
		char hard[32] = "?";

		if (line)
			sscanf(line + strlen(names[i]), "%*s %31s", hard);
		snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%s %s", i ? ", " : "",
			names[i] + strlen("Max "), hard);
	}
	audit_line("limits", "%s", out);
}

static void audit_cgroup(struct audit *a)
{
	char text[AUDIT_TEXT], *rest = text, *line;

	if (audit_read(a->proc, "cgroup", text) < 0)
		return;
	while ((line = strsep(&rest, "\n")) && *line) {
		/* Of the many that version 1 has: those that limit. */
		if (strstr(line, ":pids:") || strstr(line, ":memory:") || strncmp(line, "0::", 3) == 0)
			audit_line("cgroup", "%s", line);
	}
}

/* What follows @key in a line of its lock, which it cannot write. */
static void audit_noted(struct audit *a, const char *what, const char *key, const char *otherwise)
{
	char text[AUDIT_TEXT];
	const char *line;

	if (audit_read(a->files->run_fd, a->lock, text) < 0)
		return;
	line = strstr(text, key);
	line = line ? line + strlen(key) : NULL;
	a->loose |= !line;
	audit_line(what, "%.*s", line ? (int)strcspn(line, "\n") : 80, line ?: otherwise);
}

/* What it reaches through its broker, which is among what it said. */
static void audit_servers(struct audit *a)
{
	static const char key[] = ", servers: ";
	char text[AUDIT_TEXT], *line;

	if (audit_read(a->files->run_fd, a->lock, text) < 0)
		return;
	line = strstr(text, "\nCONFINED=");
	if (!line)
		return;
	line++;
	line[strcspn(line, "\n")] = '\0';
	line = strstr(line, key);
	if (!line)
		return;
	line += strlen(key);
	audit_line("servers", "%.*s", (int)strcspn(line, ";"), line);
}

/* The kernel does not show landlock: its own word, given before it met its guest. */
static void audit_said(struct audit *a)
{
	audit_noted(a, "it said", "\nCONFINED=", "nothing of being confined");
	if (a->name)
		audit_noted(a, "store", "\nSTORE=", "all that is its domain's");
	audit_servers(a);
}

/* --- descriptors ---------------------------------------------------------------------- */

static const char *audit_access(const struct audit *a, const char *fd)
{
	static const char *const words[] = { "read", "write", "read and write", "?" };
	char text[AUDIT_TEXT], path[64];
	const char *flags;

	snprintf(path, sizeof(path), "fdinfo/%s", fd);
	if (audit_read(a->proc, path, text) < 0 || !(flags = strstr(text, "flags:")))
		return "?";
	return words[strtoul(flags + strlen("flags:"), NULL, 8) & O_ACCMODE];
}

static void audit_descriptor(const struct audit *a, int dir, const char *fd)
{
	/* By the numbers that the daemon hands over, of those that stay open. */
	static const char *const given[] = { "input", "output", "messages", NULL, "lock",
		"hypervisor, its guest alone", NULL, "store, its device alone" };
	char target[512];
	unsigned long number = strtoul(fd, NULL, 10);
	const char *what = a->name && number < ARRAY_SIZE(given) ? given[number] : NULL;
	ssize_t n = readlinkat(dir, fd, target, sizeof(target) - 1);

	if (n < 0)
		return; /* closed meanwhile */
	target[n] = '\0';
	/* A name that somebody chose must not forge a line. */
	for (ssize_t i = 0; i < n; i++)
		if ((unsigned char)target[i] < 0x20 || target[i] == 0x7f)
			target[i] = '?';
	printf("    %3s  %-15s %s%s%s%s\n", fd, audit_access(a, fd), target, what ? " (" : "",
		what ?: "", what ? ")" : "");
}

static void audit_descriptors(struct audit *a)
{
	int fd = openat(a->proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **list = NULL;
	int n = fd < 0 ? -1 : scandirat(fd, ".", &list, NULL, versionsort);

	if (n < 0) {
		audit_hidden(a, "descriptors", errno);
	} else {
		audit_line("descriptors", "%d", n - 2);
		for (int i = 0; i < n; i++) {
			if (list[i]->d_name[0] != '.')
				audit_descriptor(a, fd, list[i]->d_name);
			free(list[i]);
		}
		free(list);
	}
	cleanup_close(&fd);
}

/* --- backends ------------------------------------------------------------------------- */

/* The id in the lock is a backend's of this device still, or the gate's, and not a later process'. */
static bool audit_is_ours(const struct audit *a, char *program, size_t room)
{
	char cmdline[AUDIT_TEXT], want[SCAN_PATH_MAX + 16] = KEEPER_ARGUMENT, base[SCAN_PATH_MAX];
	ssize_t n = audit_read(a->proc, "cmdline", cmdline);

	if (a->name) {
		scan_leaf_path(a->name, base);
		snprintf(want, sizeof(want), "--backend=%s", base);
	}
	snprintf(program, room, "%.*s", (int)room - 1, n > 0 ? cmdline : "?");
	for (const char *arg = cmdline; n > 0 && arg < cmdline + n; arg += strlen(arg) + 1)
		if (strcmp(arg, want) == 0)
			return true;
	return false;
}

static pid_t audit_pid(const struct audit *a)
{
	char text[AUDIT_TEXT];
	long pid;

	if (audit_read(a->files->run_fd, a->lock, text) <= 0)
		return 0;
	pid = strtol(text, NULL, 10);
	return pid > 1 && pid < 0x40000000 ? (pid_t)pid : 0;
}

static void audit_print(struct audit *a)
{
	audit_said(a);
	audit_namespaces(a);
	audit_root(a);
	audit_rights(a);
	audit_limits(a);
	audit_cgroup(a);
	audit_descriptors(a);
	printf("  => %s\n", a->loose ? "NOT CONFINED" :
		a->hidden ? "confined as far as can be seen" : "confined");
	if (a->loose)
		audit_status = 1;
	else if (a->hidden && audit_status == 0)
		audit_status = 2;
}

static void audit_process(struct audit *a)
{
	char path[32], program[256];

	a->pid = audit_pid(a);
	snprintf(path, sizeof(path), "/proc/%d", a->pid);
	a->proc = a->pid ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (a->proc >= 0 && audit_is_ours(a, program, sizeof(program))) {
		printf("%.*s: process %d, %s\n", (int)strcspn(a->lock, "."), a->lock, a->pid, program);
		audit_print(a);
	}
	cleanup_close(&a->proc);
}

static void audit_one(void *opaque, const struct leaf_name *name)
{
	struct audit a = { .files = opaque, .name = name };
	char base[SCAN_PATH_MAX];

	scan_file_name(name, base);
	snprintf(a.lock, sizeof(a.lock), "%s%s", base, FILES_LOCK);
	audit_process(&a);
}

static void audit_gate(const struct files *files)
{
	struct audit a = { .files = files, .lock = KEEPER_LOCK };

	audit_process(&a);
}

int audit_run(const char *run_dir)
{
	struct files files = { .journal_fd = -1, .instance_fd = -1 };
	int rc;

	files.run_fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = files.run_fd < 0 ? -errno : files_each(&files, FILES_LOCK, audit_one, &files);
	if (rc == 0)
		audit_gate(&files);
	cleanup_close(&files.run_fd);
	if (rc < 0)
		log_err("--run-dir=%s cannot be read: %s", run_dir, strerror(-rc));
	return rc < 0 ? 2 : audit_status;
}

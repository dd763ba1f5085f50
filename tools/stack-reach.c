// SPDX-License-Identifier: MIT
/* What of the host's files a process driver domain may reach, as disks come and go. */
#include "config.h"
#include "tools/stack-process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "tools/arg-list.h"
#include "tools/stack-private.h"

/* How long sluice-domain-init may take. */
#define CHANGE_MS 10000

/* Is @path @dir or below it? */
static bool path_inside(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* What it says on its standard error, its first line, without what every line begins with. */
static void first_line(int fd, char *text, size_t room)
{
	ssize_t n = read(fd, text, room - 1);
	char *said;

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	said = strstr(text, "error: ");
	if (said)
		memmove(text, said + 7, strlen(said + 7) + 1);
}

/* Have sluice-domain-init change the domain, as @options say. 0 or -errno with @said. */
static int change(struct stack_process *p, struct arg_list *options, char *said, size_t room)
{
	CLEANUP_FREE char *program = stack_program("hypervisor/process", "sluice-domain-init", said, room);
	CLEANUP_CLOSE int out = -1;
	int fds[2], status = 0;
	struct spawn s = { .path = program, .argv = options->argv, .daemon = true };
	pid_t pid;

	if (!program)
		return -ENOENT;
	if (options->failed)
		return stack_fail(said, room, -ENOMEM, "out of memory");
	if (pipe2(fds, O_CLOEXEC) < 0)
		return stack_fail(said, room, -errno, "cannot make a pipe: %m");
	out = fds[0];
	s.log = fds[1];
	pid = spawn(&s);
	close(fds[1]);
	if (pid < 0)
		return stack_fail(said, room, pid, "cannot start %s: %s", program, strerror(-pid));
	/* What it opens may be where nobody answers any more. */
	if (!stack_readable_within(out, CHANGE_MS)) {
		stack_abandon(pid);
		return stack_fail(said, room, -ETIMEDOUT, "it did not answer for %d s", CHANGE_MS / 1000);
	}
	first_line(out, said, room);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status ? -EPERM : 0;
}

/* What is no file of the host's is the backend's to talk about. */
static bool is_file(const char *path)
{
	return path[0] == '/' && !path_inside(path, "/proc") && !path_inside(path, "/sys");
}

/* Another disk of the domain whose path this is, with at least its right. */
static bool is_needed(const struct stack_process *p, const struct attached *at, bool readonly)
{
	for (const struct attached *o = p->st->disks; o; o = o->next)
		if (o != at && o->backend_domid == p->domid && strcmp(o->path, at->path) == 0 &&
			(readonly || !o->readonly))
			return true;
	return false;
}

static int allow_named(const struct stack_process *p, const struct attached *at, char *why, size_t room)
{
	const struct stack_process_config *c = p->config;

	for (unsigned i = 0; i < c->npaths; i++) {
		if (!path_inside(at->path, c->paths[i].path))
			continue;
		if (!at->readonly && c->paths[i].readonly)
			return stack_fail(why, room, -EROFS, "%s may read %s and not write it: give the disk"
				" read-only, or change directories= of %s", c->name, at->path, c->name);
		return 0;
	}
	return stack_fail(why, room, -EACCES, "%s may not reach %s: name it, or a directory it is in, in its"
		" configuration (devices=, directories=)", c->name, at->path);
}

static void put_into(const struct stack_process *p, struct arg_list *options)
{
	arg_list_add(options, "sluice-domain-init");
	arg_list_add(options, "--into=%d", p->pid);
}

int stack_process_allow(struct stack_process *p, const struct attached *at, char *why, size_t why_room)
{
	struct arg_list options = { .argc = 0 };
	char said[400];
	int error;

	if (!at->path[0])
		return 0;
	if (!p->config->own)
		return allow_named(p, at, why, why_room);
	/* That it is not there the backend says, too. */
	if (p->pid <= 0 || !is_file(at->path) || stack_path_look(at->path) < 0 ||
		is_needed(p, at, at->readonly))
		return 0;
	put_into(p, &options);
	arg_list_add(&options, "--%s=%s", at->readonly ? "allow-ro" : "allow", at->path);
	error = change(p, &options, said, sizeof(said));
	arg_list_free(&options);
	return error == 0 ? 0 : stack_fail(why, why_room, error, "%s cannot be shown to the storage domain: %s",
		at->path, said);
}

void stack_process_disallow(struct stack_process *p, const struct attached *at)
{
	struct arg_list options = { .argc = 0 };
	char said[400];

	/* One that is left read-only of two keeps what it was given. */
	if (!p->config->own || p->pid <= 0 || !is_file(at->path) || is_needed(p, at, true))
		return;
	put_into(p, &options);
	arg_list_add(&options, "--remove=%s", at->path);
	/* By whatever name it came there. */
	if (at->real && strcmp(at->real, at->path) != 0)
		arg_list_add(&options, "--remove=%s", at->real);
	if (change(p, &options, said, sizeof(said)) < 0)
		log_warn("%s is left to the storage domain: %s", at->path, said);
	arg_list_free(&options);
}

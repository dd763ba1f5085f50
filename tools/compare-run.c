// SPDX-License-Identifier: MIT
/* The processes of a comparison: started, timed, ended. */
#include "config.h"
#include "tools/compare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/stack-private.h"

#define SERVER_START_MS 10000u
#define STOP_GRACE_MS 5000u

bool find_in_path(const char *name, char *path, size_t room)
{
	const char *p = getenv("PATH");

	if (strchr(name, '/')) {
		snprintf(path, room, "%s", name);
		return access(path, X_OK) == 0;
	}
	for (p = p ? p : "/usr/bin:/bin"; *p;) {
		size_t n = strcspn(p, ":");
		struct stat sb;

		if (n && snprintf(path, room, "%.*s/%s", (int)n, p, name) < (int)room &&
			access(path, X_OK) == 0 && stat(path, &sb) == 0 && S_ISREG(sb.st_mode))
			return true;
		p += n + (p[n] == ':');
	}
	return false;
}

int child_first_line(char *const argv[], char *line, size_t room)
{
	const volatile sig_atomic_t no = 0;
	struct child c;
	char why[100];
	double cpu;
	ssize_t n;
	int error = child_start(&c, argv), out;

	if (error < 0)
		return error;
	out = dup(c.log);
	error = child_finish(&c, STOP_GRACE_MS, &no, &cpu, why, sizeof(why));
	n = error == 0 && out >= 0 ? pread(out, line, room - 1, 0) : -1;
	if (out >= 0)
		close(out);
	if (n <= 0)
		return error < 0 ? error : -EIO;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return 0;
}

int child_start(struct child *c, char *const argv[])
{
	char path[PATH_MAX];
	struct spawn s = { .path = path, .argv = argv, .daemon = true };

	*c = (struct child){ .pid = 0, .log = memfd_create("output", MFD_CLOEXEC) };
	if (c->log < 0)
		return -errno;
	s.log = c->log;
	if (find_in_path(argv[0], path, sizeof(path)))
		c->pid = spawn(&s);
	else
		c->pid = -ENOENT;
	if (c->pid > 0)
		return 0;
	close(c->log);
	c->log = -1;
	return c->pid;
}

/* The last line that it said, in @why. */
static void last_line(const struct child *c, char *why, size_t room)
{
	char text[1024];
	off_t size = lseek(c->log, 0, SEEK_END);
	off_t from = size > (off_t)sizeof(text) - 1 ? size - (off_t)sizeof(text) + 1 : 0;
	ssize_t n = pread(c->log, text, sizeof(text) - 1, from);
	char *line;

	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
		n--;
	if (n <= 0) {
		snprintf(why, room, "it failed and gave no reason");
		return;
	}
	text[n] = '\0';
	line = strrchr(text, '\n');
	snprintf(why, room, "%s", line ? line + 1 : text);
	for (; *why; why++)
		if (*why < ' ')
			*why = ' ';
}

static void child_close(struct child *c)
{
	if (c->log >= 0)
		close(c->log);
	c->log = -1;
	c->pid = 0;
}

static double seconds_of(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

void child_kill(struct child *c)
{
	if (c->pid > 0)
		spawn_end(&c->pid, STOP_GRACE_MS);
	if (c->pid == 0 && c->log > 0)
		child_close(c);
}

int child_finish(struct child *c, unsigned timeout_ms, const volatile sig_atomic_t *stop, double *cpu,
	char *why, size_t room)
{
	uint64_t end = stack_now_ms() + timeout_ms;
	struct rusage usage = { 0 };
	int status = 0, error = 0;
	pid_t r;

	while ((r = wait4(c->pid, &status, WNOHANG, &usage)) != c->pid) {
		if (r < 0 && errno != EINTR)
			break;
		if (*stop || stack_now_ms() > end) {
			error = *stop ? -EINTR : -ETIMEDOUT;
			snprintf(why, room, "it did not end within %u s", timeout_ms / 1000);
			child_kill(c);
			return error;
		}
		stack_sleep_ms(10);
	}
	if (r != c->pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		last_line(c, why, room);
		error = -EIO;
	}
	*cpu = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
	child_close(c);
	return error;
}

double child_cpu(const struct child *c)
{
	unsigned long long user = 0, system = 0;
	char path[48], text[512];
	CLEANUP_CLOSE int fd = -1;
	const char *p = NULL;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", c->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n > 0) {
		text[n] = '\0';
		p = strrchr(text, ')');
	}
	if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
			   &system) != 2)
		return 0;
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

int child_await_socket(struct child *c, const char *path, const volatile sig_atomic_t *stop, char *why,
	size_t room)
{
	uint64_t end = stack_now_ms() + SERVER_START_MS;
	struct stat sb;
	int status;

	while (stat(path, &sb) < 0 || !S_ISSOCK(sb.st_mode)) {
		if (*stop)
			return -EINTR;
		if (spawn_is_dead(c->pid, &status)) {
			last_line(c, why, room);
			c->pid = 0;
			return -EIO;
		}
		if (stack_now_ms() > end) {
			snprintf(why, room, "it made no socket within %u s", SERVER_START_MS / 1000);
			return -ETIMEDOUT;
		}
		stack_sleep_ms(5);
	}
	/* Made when bound; it listens a moment later. */
	stack_sleep_ms(50);
	return 0;
}

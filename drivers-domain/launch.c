// SPDX-License-Identifier: MIT
/*
 * libxenstore runs a thread of its own in this process: between fork and exec only
 * async-signal-safe functions are called.
 */
#include "config.h"
#include "drivers-domain/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/array.h"
#include "common/log.h"
#include "common/paths.h"
#include "drivers-domain/cgroup.h"
#include "drivers-domain/launch-ns.h"

/* The descriptors that a backend finds open beside 0, 1 and 2. */
enum { LAUNCH_READY_FD = 3, LAUNCH_LOCK_FD = 4, LAUNCH_HYPERVISOR_FD = 5, LAUNCH_METRICS_FD = 6,
	LAUNCH_STORE_FD = 7, LAUNCH_FDS = 8 };

struct launch_kind launch_kinds[] = {
	{ .kind = "vbd", .folder = "backends/blk", .name = "sluice-blk" },
	{ .kind = "qdisk", .folder = "backends/blk", .name = "sluice-blk" },
	{ .kind = "vif", .folder = "backends/net", .name = "sluice-net", .makes_interfaces = true },
	{ .kind = "console", .folder = "backends/console", .name = "sluice-console" },
	{ .kind = NULL },
};

struct launch_kind *launch_kind_find(const char *kind)
{
	for (struct launch_kind *k = launch_kinds; k->kind; k++)
		if (strcmp(k->kind, kind) == 0)
			return k;
	return NULL;
}

int launch_override(const char *text)
{
	const char *equals = strchr(text, '=');
	char kind[16] = "";
	struct launch_kind *k;

	if (!equals || equals[1] != '/' || (size_t)(equals - text) >= sizeof(kind))
		return -EINVAL;
	memcpy(kind, text, (size_t)(equals - text));
	k = launch_kind_find(kind);
	if (!k)
		return -ENOENT;
	free(k->program);
	k->program = strdup(equals + 1);
	return k->program ? 0 : -ENOMEM;
}

void launch_find_programs(void)
{
	for (struct launch_kind *k = launch_kinds; k->kind; k++) {
		if (!k->program)
			k->program = path_program(k->folder, k->name);
		if (!k->program)
			log_info("%s is not installed: devices of kind %s are not served; build it,"
				" or name one with --backend-program=%s=PATH", k->name, k->kind, k->kind);
	}
}

void launch_free_programs(void)
{
	for (struct launch_kind *k = launch_kinds; k->kind; k++) {
		free(k->program);
		k->program = NULL;
	}
}

/* All that the child needs, made before the fork. */
struct launch_child {
	char *argv[6];
	char **env, *dwell, *format;
	int fds[LAUNCH_FDS];
	int report_fd;
	int program_fd;
	int go_fd, go_write_fd; /* a byte there: it may begin; its end: the daemon is gone */
	struct launch_ns ns;
	const struct launch *l;
};

/* Before it begins, so that whoever adopts it knows it; by us, since its own may be another. */
static void launch_write_pid(int fd, pid_t pid)
{
	/* Without its id it cannot be adopted, but the lock still keeps a second one away. */
	if (fd >= 0 && ftruncate(fd, 0) == 0)
		dprintf(fd, "%d\n", pid);
}

static int launch_child_fds(const struct launch_child *c)
{
	/* The sources are all above LAUNCH_FDS, so none is overwritten before its turn. */
	for (int i = 0; i < LAUNCH_FDS; i++)
		if (c->fds[i] >= 0 && dup2(c->fds[i], i) < 0)
			return -errno;
	if (close_range(LAUNCH_FDS, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return -errno;
	return 0;
}

static int launch_execute(const struct launch_child *c)
{
	if (c->program_fd < 0) {
		execve(c->argv[0], c->argv, c->env);
		return -errno;
	}
	execveat(c->program_fd, "", c->argv, c->env, AT_EMPTY_PATH);
	/* A script's interpreter opens it by its descriptor. */
	if (errno == ENOENT && fcntl(c->program_fd, F_SETFD, 0) == 0)
		execveat(c->program_fd, "", c->argv, c->env, AT_EMPTY_PATH);
	return -errno;
}

static int launch_child_run(const struct launch_child *c)
{
	sigset_t none;
	ssize_t n;
	char word;
	int rc;

	(void)setpgid(0, 0);
	if (c->l->die_with_us && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	/* Then it ends when the daemon does. */
	close(c->go_write_fd);
	do
		n = read(c->go_fd, &word, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		return -ESRCH;
	rc = launch_child_fds(c);
	if (rc < 0)
		return rc;
	(void)signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return -errno;
	return launch_execute(c);
}

static bool launch_is(const char *variable, const char *name)
{
	size_t n = strlen(name);

	return strncmp(variable, name, n) == 0 && variable[n] == '=';
}

/*
 * Our environment with SLUICE_HYPERVISOR and XENSTORED_PATH naming the backend's own
 * connections, for how long stock xl needs to see InitWait, and its format server.
 */
static char **launch_environment(bool own_connection, bool own_store, char *dwell, char *format)
{
	static char connection[] = "SLUICE_HYPERVISOR=fd:5";
	static char store[] = "XENSTORED_PATH=/proc/self/fd/7";
	size_t n = 0, out = 0;
	char **env;

	while (environ[n])
		n++;
	env = calloc(n + 5, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (!(own_connection && launch_is(environ[i], "SLUICE_HYPERVISOR")) &&
			!(own_store && launch_is(environ[i], "XENSTORED_PATH")) &&
			!launch_is(environ[i], "SLUICE_INITWAIT_MS") && !launch_is(environ[i], "SLUICE_FORMAT"))
			env[out++] = environ[i];
	if (own_connection)
		env[out++] = connection;
	if (own_store)
		env[out++] = store;
	env[out++] = dwell;
	env[out] = format;
	return env;
}

/* A duplicate out of the way of the numbers that the child needs. */
static int launch_dup(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 16);

	return copy < 0 ? -errno : copy;
}

static void launch_child_dispose(struct launch_child *c)
{
	for (int i = 0; i < LAUNCH_FDS; i++)
		cleanup_close(&c->fds[i]);
	cleanup_close(&c->report_fd);
	cleanup_close(&c->program_fd);
	cleanup_close(&c->go_fd);
	cleanup_close(&c->go_write_fd);
	if (!c->l->argument) {
		free(c->argv[1]);
		free(c->argv[3]);
	}
	free(c->env);
	free(c->dwell);
	free(c->format);
}

static int launch_arguments(struct launch_child *c)
{
	static char ready_arg[] = "--ready-fd=3", metrics_arg[] = "--metrics=fd:6";

	if (c->l->argument) {
		c->argv[1] = (char *)c->l->argument;
		return 0;
	}
	c->argv[2] = ready_arg;
	if (asprintf(&c->argv[1], "--backend=%s", c->l->leaf) < 0)
		c->argv[1] = NULL;
	if (asprintf(&c->argv[3], "--journal=%s", c->l->journal) < 0)
		c->argv[3] = NULL;
	c->argv[4] = c->l->metrics_fd >= 0 ? metrics_arg : NULL;
	return c->argv[1] && c->argv[3] ? 0 : -ENOMEM;
}

static int launch_child_init(struct launch_child *c, const struct launch *l, int ready_write)
{
	CLEANUP_CLOSE int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int sources[LAUNCH_FDS] = { null_fd, STDERR_FILENO, STDERR_FILENO, ready_write,
		l->lock_fd, l->hypervisor_fd, l->metrics_fd, l->store_fd };

	*c = (struct launch_child){ .l = l, .report_fd = -1, .program_fd = -1, .go_fd = -1, .go_write_fd = -1 };
	for (int i = 0; i < LAUNCH_FDS; i++)
		c->fds[i] = -1;
	c->argv[0] = (char *)l->program;
	if (asprintf(&c->dwell, "SLUICE_INITWAIT_MS=%u", l->dwell_ms) < 0)
		c->dwell = NULL;
	if (l->format_socket && asprintf(&c->format, "SLUICE_FORMAT=%s", l->format_socket) < 0)
		return -ENOMEM;
	c->env = launch_environment(l->hypervisor_fd >= 0, l->store_fd >= 0, c->dwell, c->format);
	if (!c->dwell || !c->env || launch_arguments(c) < 0)
		return -ENOMEM;
	if (null_fd < 0)
		return -EIO;
	if (l->program_fd >= 0) {
		c->program_fd = launch_dup(l->program_fd);
		if (c->program_fd < 0)
			return c->program_fd;
	}
	for (int i = 0; i < LAUNCH_FDS; i++) {
		if (sources[i] < 0)
			continue;
		c->fds[i] = launch_dup(sources[i]);
		if (c->fds[i] < 0)
			return c->fds[i];
	}
	return 0;
}

/* A pipe with its writing end out of the way of the numbers that the child needs. */
static int launch_pipe(int *read_fd, int *write_fd)
{
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	*read_fd = launch_dup(pipes[0]);
	*write_fd = launch_dup(pipes[1]);
	close(pipes[0]);
	close(pipes[1]);
	return *read_fd < 0 ? *read_fd : *write_fd < 0 ? *write_fd : 0;
}

static void launch_say_no_ns(int error)
{
	static bool said;

	if (!said && error == -EPERM)
		log_info("backends have no pid namespace of their own: not allowed here, or root"
			" without the right to map other users' ids");
	else if (!said)
		log_warn("backends have no pid namespace of their own (%s)", strerror(-error));
	said = true;
}

/* In namespaces of its own, where that is possible. */
static pid_t launch_clone(struct launch_child *c)
{
	int rc = launch_ns_init(&c->ns, c->l->keep_user);
	pid_t pid = rc < 0 ? rc : launch_ns_fork(&c->ns);

	if (pid < 0) {
		launch_say_no_ns(pid);
		c->ns.flags = 0;
		pid = launch_ns_fork(&c->ns);
	}
	if (pid == 0) {
		int error = launch_child_run(c);

		(void)!write(c->report_fd, &error, sizeof(error));
		_exit(127);
	}
	return pid;
}

/* The child has done nothing yet: what it needs from outside, and then the word. */
static int launch_admit(struct launch_child *c, pid_t pid)
{
	int rc = launch_ns_admit(&c->ns, pid);

	if (rc == 0) {
		if (c->l->cgroup)
			cgroup_enter(c->l->cgroup, c->l->label, pid);
		launch_write_pid(c->l->pid_fd, pid);
		rc = write(c->go_write_fd, "", 1) < 0 ? -errno : 0;
	}
	/* Without the word it ends by itself, and is reaped as any other. */
	cleanup_close(&c->go_write_fd);
	c->go_write_fd = -1;
	return rc;
}

/* Forks, and waits until the child is another program or cannot become one. */
static pid_t launch_fork(struct launch_child *c)
{
	CLEANUP_CLOSE int report = -1;
	int error = launch_pipe(&report, &c->report_fd);
	ssize_t n;
	pid_t pid;

	if (error == 0)
		error = launch_pipe(&c->go_fd, &c->go_write_fd);
	if (error < 0)
		return error;
	pid = launch_clone(c);
	if (pid < 0)
		return pid;
	error = launch_admit(c, pid);
	if (error < 0)
		return error;
	cleanup_close(&c->report_fd);
	c->report_fd = -1;
	do
		n = read(report, &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(error) ? error : pid;
}

pid_t launch_spawn(const struct launch *l, int *ready_fd)
{
	struct launch_child c;
	int pipes[2];
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	pid = launch_child_init(&c, l, pipes[1]);
	close(pipes[1]);
	if (pid == 0)
		pid = launch_fork(&c);
	launch_child_dispose(&c);
	if (pid < 0)
		close(pipes[0]);
	else
		*ready_fd = pipes[0];
	return pid;
}

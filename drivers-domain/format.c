// SPDX-License-Identifier: MIT
#include "config.h"
#include "drivers-domain/format.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/paths.h"
#include "common/storage-name.h"
#include "drivers-domain/daemon.h"
#include "drivers-domain/format-flush.h"
#include "drivers-domain/launch.h"
#include "drivers-domain/leaf.h"
#include "xenstore/xsnode.h"

/* As long as a backend has. */
#define FORMAT_START_MS 10000u
/* One that dies so soon is not started again by itself. */
#define FORMAT_GOOD_MS 1000u

static struct log_limit format_limit = { .burst = 20, .interval_ms = 10000 };

void format_init(struct format *f)
{
	*f = (struct format){ .pidfd = -1, .report_fd = -1, .hello_fd = -1 };
}

static void format_unwatch(struct loop_source **source, int *fd)
{
	loop_remove(*source);
	*source = NULL;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void format_close(struct format *f)
{
	format_unwatch(&f->hello_source, &f->hello_fd);
	format_unwatch(&f->report_source, &f->report_fd);
	format_unwatch(&f->pidfd_source, &f->pidfd);
	format_flush_stop(f->flush);
	f->flush = NULL;
	f->pid = 0;
	f->adopted = false;
}

static void format_timer(void *opaque);

static void format_set_timer(struct served *s, unsigned ms)
{
	loop_remove(s->format.timer);
	s->format.timer = loop_add_timer(s->daemon->loop, ms, format_timer, s);
	if (!s->format.timer)
		daemon_fail(s->daemon, "cannot set a timer", -errno);
}

static void format_stop_timer(struct format *f)
{
	loop_remove(f->timer);
	f->timer = NULL;
}

static void format_signal(struct format *f, int sig)
{
	if (f->pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, f->pidfd, sig, NULL, 0);
	else if (f->pid > 0)
		(void)kill(f->pid, sig);
}

/* --- what is wanted --------------------------------------------------------------------- */

static bool format_is_readonly(const struct served *s)
{
	CLEANUP_FREE char *mode = xsn_read(s->daemon->xs, XBT_NULL, s->leaf, "mode");

	return mode && mode[0] == 'r';
}

void format_look(struct served *s)
{
	struct format *f = &s->format;
	bool scripted = s->hotplug.use == SCRIPT_BEFORE || s->hotplug.use == SCRIPT_AFTER;

	/* What runs is ended as what it was started as. */
	if (f->state != DEVICE_SCRIPT_NONE && f->state != DEVICE_SCRIPT_DOWN)
		return;
	free(f->name);
	f->name = scripted ? NULL : xsn_read(s->daemon->xs, XBT_NULL, s->leaf, "params");
	if (f->name && !storage_name_format(f->name, NULL)) {
		free(f->name);
		f->name = NULL;
	}
	f->wanted = f->name != NULL;
	f->state = f->wanted ? DEVICE_SCRIPT_DOWN : DEVICE_SCRIPT_NONE;
	if (!f->wanted)
		return;
	f->readonly = format_is_readonly(s);
}

char *format_socket(const struct served *s)
{
	return s->format.wanted ? files_socket(&s->daemon->files, &s->name) : NULL;
}

void format_forget(struct served *s)
{
	if (s->format.lost && s->format.pid <= 0)
		files_forget_format(&s->daemon->files, &s->name);
	else if (s->format.lost)
		files_forget_lost(&s->daemon->files, &s->name);
	s->format.lost = false;
}

/* --- its start ----------------------------------------------------------------------------- */

/* Its lines are the log's; the last one is the reason when it ends. */
static void format_report(void *opaque, uint32_t events)
{
	struct served *s = opaque;
	struct format *f = &s->format;
	char text[1024], *line, *rest = text;
	ssize_t n = read(f->report_fd, text, sizeof(text) - 1);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		format_unwatch(&f->report_source, &f->report_fd);
		return;
	}
	text[n] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		const char *at = strncmp(line, "sluice-format: error: ", 22) == 0 ? line + 22 : line;

		for (char *c = line; *c; c++)
			if ((unsigned char)*c < ' ' || *c == 0x7f)
				*c = '?';
		/* That is our own question whether it is there. */
		if (!*line || strstr(line, "option negotiation failed"))
			continue;
		snprintf(f->said, sizeof(f->said), "%s", at);
		if (log_limit_ok(&format_limit))
			log_info("%s: format server: %s", s->label, at);
	}
}

/* What it said last may not have been read yet. */
static void format_drain_report(struct served *s)
{
	struct pollfd p = { .fd = s->format.report_fd, .events = POLLIN };

	while (s->format.report_fd >= 0 && poll(&p, 1, 0) > 0)
		format_report(s, 0);
}

/* It speaks: it has opened the image, and takes connections. */
static void format_hello(void *opaque, uint32_t events)
{
	struct served *s = opaque;
	struct format *f = &s->format;
	char greeting[8];
	ssize_t n = read(f->hello_fd, greeting, sizeof(greeting));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	format_unwatch(&f->hello_source, &f->hello_fd);
	if (n != sizeof(greeting) || memcmp(greeting, "NBDMAGIC", 8) != 0)
		return; /* its exit tells, or the time limit does */
	format_stop_timer(f);
	log_info("%s: format server %d is ready", s->label, f->pid);
	/* Its backend may have ended while it was started again: it is not for the next one. */
	f->state = f->lost && !device_has_process(&s->machine) ? DEVICE_SCRIPT_DIRTY : DEVICE_SCRIPT_UP;
	serve_format_ended(s, true, true);
}

static int format_say_hello(struct served *s, const char *path)
{
	struct format *f = &s->format;
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	f->hello_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (f->hello_fd < 0 || connect(f->hello_fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	f->hello_source = loop_add_fd(s->daemon->loop, f->hello_fd, EPOLLIN, format_hello, s);
	return f->hello_source ? 0 : -errno;
}

/* 0, or -errno with why. */
static int format_launch(struct served *s)
{
	struct daemon *d = s->daemon;
	struct format *f = &s->format;
	CLEANUP_FREE char *program = path_program("drivers-domain", "sluice-format");
	CLEANUP_FREE char *argument = NULL, *path = NULL;
	CLEANUP_CLOSE int lock_fd = files_lock_of(&d->files, &s->name, FILES_FORMAT);
	CLEANUP_CLOSE int pid_fd = lock_fd < 0 ? -1 : files_pid_of(&d->files, &s->name, FILES_FORMAT);
	/* With the lock: the socket's name may be that of a server that lives. */
	CLEANUP_CLOSE int listen_fd = lock_fd < 0 ? -1 : files_listen(&d->files, &s->name, &path);
	char label[SCAN_PATH_MAX + 8];
	struct launch l = { .program = program, .program_fd = -1, .lock_fd = lock_fd, .pid_fd = pid_fd,
		.metrics_fd = -1, .hypervisor_fd = -1, .store_fd = listen_fd, .cgroup = &d->cgroup,
		.label = label, .die_with_us = d->options.kill_backends };
	const char *rest;
	pid_t pid;

	if (!program)
		return -ENOENT;
	if (lock_fd < 0 || listen_fd < 0)
		return lock_fd < 0 ? lock_fd : listen_fd;
	if (asprintf(&argument, "%s,%s:%s", storage_name_format(f->name, &rest), f->readonly ? "ro" : "rw",
		    strchr(f->name, ':') + 1) < 0)
		return -ENOMEM;
	snprintf(label, sizeof(label), "%s-format", s->label);
	l.argument = argument;
	pid = launch_spawn(&l, &f->report_fd);
	if (pid < 0)
		return pid;
	f->pid = pid;
	f->started_ms = daemon_now_ms();
	f->report_source = loop_add_fd(d->loop, f->report_fd, EPOLLIN, format_report, s);
	log_info("%s: started format server %d", s->label, pid);
	return format_say_hello(s, path);
}

static void format_start(struct served *s)
{
	struct format *f = &s->format;
	int rc;

	f->asked = f->flushed = f->unflushed = false;
	f->said[0] = f->why[0] = '\0';
	rc = format_launch(s);
	if (rc == 0) {
		format_set_timer(s, FORMAT_START_MS);
		return;
	}
	snprintf(f->why, sizeof(f->why), "%s: its format server cannot be started: %s", f->name,
		rc == -ENOENT ? "sluice-format is not installed" : strerror(-rc));
	/* The machine that asked for it is told later. */
	format_set_timer(s, 0);
}

/* For a new backend. */
static void format_begin(struct served *s)
{
	struct format *f = &s->format;

	if (!f->lost) {
		/* Of an earlier device of that name. */
		files_forget_lost(&s->daemon->files, &s->name);
		format_start(s);
		return;
	}
	snprintf(f->why, sizeof(f->why), "%.120s: its format server %s, and its backend ended, too: what was acknowledged and not flushed may be lost; check the image, and attach it anew",
		f->name, f->unflushed ? "could not flush" : "ended without a flush");
	format_set_timer(s, 0);
}

/* --- its end ------------------------------------------------------------------------------------- */

/* Acknowledged writes are gone, or may be: its operator is told, whoever has the disk next. */
static void format_report_unflushed(struct served *s, const char *how)
{
	struct format *f = &s->format;
	char text[640];
	int rc;

	if (f->unflushed)
		return;
	f->unflushed = true;
	snprintf(text, sizeof(text), "%.200s: its format server %s: what was acknowledged and not flushed may be lost; check the image",
		f->name ? f->name : s->label, how);
	log_err("%s: %s", s->label, text);
	rc = leaf_report(s->daemon->xs, s->leaf, -EIO, text);
	if (rc < 0 && log_limit_ok(&format_limit))
		log_warn("%s: cannot write its error node: %s", s->label, strerror(-rc));
}

static void format_flush_ended(void *opaque, int rc)
{
	struct served *s = opaque;
	struct format *f = &s->format;
	char how[96];

	format_flush_stop(f->flush);
	f->flush = NULL;
	f->flushed = rc == 0;
	if (rc < 0) {
		snprintf(how, sizeof(how), "could not flush (%s)", strerror(-rc));
		format_report_unflushed(s, how);
	}
	format_signal(f, SIGTERM);
}

static void format_ask_flush(struct served *s)
{
	struct format *f = &s->format;
	CLEANUP_FREE char *socket = files_socket(&s->daemon->files, &s->name);

	f->flush = socket ? format_flush_start(s->daemon->loop, socket, format_flush_ended, s) : NULL;
	if (!f->flush)
		format_flush_ended(s, socket ? -errno : -ENOMEM);
}

static void format_finish(struct served *s)
{
	struct format *f = &s->format;

	/* It is told once: its device or the daemon may be to end, too, meanwhile. */
	if (f->asked && f->pid > 0)
		return;
	/* One that is not ready has written nothing. */
	f->flushed = f->readonly || f->hello_fd >= 0;
	f->asked = true;
	f->up = false;
	/* Whether it is ready does not matter any more. */
	format_unwatch(&f->hello_source, &f->hello_fd);
	if (f->pid <= 0) {
		format_set_timer(s, 0);
		return;
	}
	format_set_timer(s, FORMAT_END_MS);
	if (f->flushed)
		format_signal(f, SIGTERM);
	else if (!f->flush)
		format_ask_flush(s);
}

static void format_timer(void *opaque)
{
	struct served *s = opaque;
	struct format *f = &s->format;

	f->timer = NULL;
	if (f->pid > 0) {
		if (!f->up && log_limit_ok(&format_limit))
			log_err("%s: its format server does not end and is killed", s->label);
		if (f->up)
			snprintf(f->why, sizeof(f->why), "%s: its format server was not ready within %u s", f->name,
				FORMAT_START_MS / 1000);
		format_signal(f, SIGKILL); /* its exit goes on from here */
		return;
	}
	f->state = DEVICE_SCRIPT_DOWN;
	serve_format_ended(s, f->up, !f->up);
}

void format_run(struct served *s, bool up)
{
	s->format.state = DEVICE_SCRIPT_BUSY;
	s->format.up = up;
	if (up)
		format_begin(s);
	else
		format_finish(s);
}

/* Nothing was written yet, unless it is one that is started again under its backend. */
void format_kill(struct served *s)
{
	if (s->format.up && s->format.pid > 0)
		format_signal(&s->format, device_has_process(&s->machine) ? SIGTERM : SIGKILL);
}

void format_backend_ended(struct served *s)
{
	if (s->format.state == DEVICE_SCRIPT_UP)
		s->format.state = DEVICE_SCRIPT_DIRTY;
}

/* It ended under its backend, which knows whether something was not flushed. */
static void format_again(struct served *s, const char *how)
{
	struct format *f = &s->format;
	bool soon = daemon_now_ms() - f->started_ms < FORMAT_GOOD_MS;
	char text[640];

	snprintf(text, sizeof(text), "%.200s: its format server %s%s%.150s; %s", f->name ? f->name : s->label, how,
		f->said[0] ? ": " : "", f->said, soon ? "it is not started again" :
		"it is started again, and if something had not been flushed, all requests of the disk fail");
	log_err("%s: %s", s->label, text);
	(void)!leaf_report(s->daemon->xs, s->leaf, -EIO, text);
	f->up = true;
	f->state = DEVICE_SCRIPT_BUSY;
	if (soon || !f->name) {
		snprintf(f->why, sizeof(f->why), "%.300s", text);
		format_set_timer(s, 0);
		return;
	}
	/* What makes a successor of the backend fail does not concern the backend. */
	format_start(s);
}

static void format_describe(int status, char *text, size_t room)
{
	if (status < 0)
		snprintf(text, room, "ended");
	else if (WIFSIGNALED(status))
		snprintf(text, room, "was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(text, room, "exited with status %d", WEXITSTATUS(status));
}

void format_exited(struct served *s, int status)
{
	struct format *f = &s->format;
	enum device_script was = f->state;
	char how[96], label[SCAN_PATH_MAX + 8];
	bool orderly;

	format_describe(status, how, sizeof(how));
	log_info("%s: format server %d %s", s->label, f->pid, how);
	format_drain_report(s);
	/* Before it was ready nothing was written. */
	orderly = f->flushed || f->readonly || (was == DEVICE_SCRIPT_BUSY && f->up);
	if (!orderly && f->asked)
		format_report_unflushed(s, how);
	f->lost = f->lost || !orderly;
	/* The next daemon is to know, and the next device of that name is another one. */
	if (!f->lost || (f->drop && !s->daemon->stopping))
		files_forget_format(&s->daemon->files, &s->name);
	else
		files_keep_lost(&s->daemon->files, &s->name);
	format_close(f);
	format_stop_timer(f);
	snprintf(label, sizeof(label), "%s-format", s->label);
	cgroup_remove(&s->daemon->cgroup, label);
	if (f->drop) {
		daemon_drop(s->daemon, s);
	} else if (was == DEVICE_SCRIPT_UP && !f->asked) {
		format_again(s, how);
	} else if (was == DEVICE_SCRIPT_BUSY) {
		f->state = DEVICE_SCRIPT_DOWN;
		if (f->up && !f->why[0])
			snprintf(f->why, sizeof(f->why), "%.280s", f->said[0] ? f->said : how);
		serve_format_ended(s, f->up, !f->up);
	} else {
		f->state = DEVICE_SCRIPT_DOWN;
	}
}

bool format_lingers(struct served *s)
{
	struct format *f = &s->format;

	if (f->pid <= 0)
		return false;
	f->drop = true;
	f->state = DEVICE_SCRIPT_BUSY;
	format_finish(s);
	return true;
}

/* --- of an earlier daemon ----------------------------------------------------------------------------- */

static void format_adopted_exit(void *opaque, uint32_t events)
{
	format_exited(opaque, -1);
}

void format_find(struct served *s)
{
	struct format *f = &s->format;
	pid_t pid = 0;
	int pidfd = files_holder_of(&s->daemon->files, &s->name, FILES_FORMAT, &pid);

	f->lost = pidfd == -ENOENT || files_lost(&s->daemon->files, &s->name);
	if (pidfd < 0)
		return;
	f->pidfd = pidfd;
	f->pid = pid;
	f->adopted = true;
	f->wanted = true;
	f->started_ms = 0;
	f->pidfd_source = loop_add_fd(s->daemon->loop, pidfd, EPOLLIN, format_adopted_exit, s);
	if (!f->pidfd_source)
		daemon_fail(s->daemon, "cannot watch a process", -errno);
	f->state = device_has_process(&s->machine) ? DEVICE_SCRIPT_UP : DEVICE_SCRIPT_DIRTY;
	f->name = xsn_read(s->daemon->xs, XBT_NULL, s->leaf, "params");
	f->readonly = format_is_readonly(s);
	log_info("%s: adopted the running format server %d", s->label, pid);
}

void format_dispose(struct served *s)
{
	format_close(&s->format);
	format_stop_timer(&s->format);
	free(s->format.name);
	format_init(&s->format);
}

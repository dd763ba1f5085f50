// SPDX-License-Identifier: MIT
/* What the device machine asks for, done: processes, timers, nodes, messages. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/io/xenbus.h>

#include "common/log.h"
#include "common/loop.h"
#include "drivers-domain/daemon.h"
#include "drivers-domain/gate-keeper.h"
#include "drivers-domain/hotplug-nodes.h"
#include "drivers-domain/image.h"
#include "drivers-domain/launch.h"
#include "drivers-domain/leaf.h"
#include "xenstore/xsnode.h"

/* An adopted backend is not our child: how it ended is not known. */
#define SERVE_STATUS_UNKNOWN (-1)

static struct log_limit serve_limit = { .burst = 20, .interval_ms = 10000 };

static void serve_do(struct served *s, unsigned todo, const struct device_view *view, int status);

static bool serve_view(struct served *s, struct device_view *view)
{
	int rc;

	s->dirty = false;
	rc = leaf_read(s->daemon->xs, s->leaf, &s->name, view);
	view->changed = false;
	if (rc == 0 && s->failed_seen && view->exists)
		view->changed = (view->state == 1 && s->failed_state != 1) ||
			leaf_fingerprint(s->daemon->xs, s->leaf) != s->print;
	if (rc < 0) {
		daemon_store_lost(s->daemon, rc);
		return false;
	}
	hotplug_look(s);
	view->script = s->hotplug.state;
	view->script_first = s->hotplug.use == SCRIPT_BEFORE;
	format_look(s);
	if (view->exists && view->state == XenbusStateInitialising)
		format_forget(s); /* nobody was promised anything */
	if (s->format.wanted) {
		view->script = s->format.state;
		view->script_first = true;
	}
	return true;
}

static void serve_timer(void *opaque)
{
	struct served *s = opaque;
	struct device_view view;

	s->timer = NULL;
	s->timer_ms = 0;
	if (serve_view(s, &view))
		serve_do(s, device_timer(&s->machine, &view, daemon_now_ms()), &view, 0);
}

/* Makes the timer follow the machine's deadline. */
static void serve_set_timer(struct served *s)
{
	uint64_t now = daemon_now_ms(), due = s->machine.deadline_ms;

	if (due == s->timer_ms)
		return;
	loop_remove(s->timer);
	s->timer = NULL;
	s->timer_ms = due;
	if (!due)
		return;
	s->timer = loop_add_timer(s->daemon->loop, due > now ? (unsigned)(due - now) : 0,
		serve_timer, s);
	if (!s->timer)
		daemon_fail(s->daemon, "cannot set a timer", -errno);
}

static void serve_close_ready(struct served *s)
{
	loop_remove(s->ready_source);
	s->ready_source = NULL;
	if (s->ready_fd >= 0)
		close(s->ready_fd);
	s->ready_fd = -1;
}

static void serve_close_process(struct served *s)
{
	serve_close_ready(s);
	loop_remove(s->pidfd_source);
	s->pidfd_source = NULL;
	if (s->pidfd >= 0)
		close(s->pidfd);
	s->pidfd = -1;
	s->pid = 0;
}

void serve_dispose(struct served *s)
{
	serve_close_process(s);
	upgrade_dispose(s);
	loop_remove(s->timer);
	s->timer = NULL;
}

void serve_kill(struct served *s, int sig)
{
	if (s->pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, s->pidfd, sig, NULL, 0);
	else if (s->pid > 0)
		/* Not reaped yet, so neither its id nor its group's is another's. */
		(void)kill(sig == SIGKILL ? -s->pid : s->pid, sig);
}

/* What it says of its confinement before it meets its guest is kept for --audit. */
static void serve_note_confinement(struct served *s, char *text)
{
	char *line = strstr(text, "\nCONFINED=");

	if (!line)
		return;
	line++;
	line[strcspn(line, "\n")] = '\0';
	files_note(&s->daemon->files, &s->name, line);
}

static void serve_ready(void *opaque, uint32_t events)
{
	struct served *s = opaque;
	char text[800];
	ssize_t n = read(s->ready_fd, text, sizeof(text) - 1);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	serve_close_ready(s);
	/* End of file without a word: its exit tells, or the time limit does. */
	if (n < 5 || memcmp(text, "READY", 5) != 0)
		return;
	text[n] = '\0';
	log_info("%s: backend %d is ready", s->label, s->pid);
	upgrade_ready(s, text);
	serve_note_confinement(s, text);
	(void)device_ready(&s->machine);
	hotplug_native(s);
	serve_set_timer(s);
	s->dirty = true;
	daemon_want_pass(s->daemon);
}

static void serve_adopted_exit(void *opaque, uint32_t events)
{
	serve_exited(opaque, SERVE_STATUS_UNKNOWN);
}

int serve_adopt(struct served *s)
{
	pid_t pid = 0;
	int pidfd = files_holder(&s->daemon->files, &s->name, &pid);

	if (pidfd < 0)
		return pidfd;
	s->pidfd = pidfd;
	s->pid = pid;
	s->pidfd_source = loop_add_fd(s->daemon->loop, pidfd, EPOLLIN, serve_adopted_exit, s);
	if (!s->pidfd_source)
		daemon_fail(s->daemon, "cannot watch a process", -errno);
	s->machine.phase = DEVICE_STARTING;
	s->machine.started_ms = daemon_now_ms();
	(void)device_ready(&s->machine);
	serve_set_timer(s);
	upgrade_adopted(s);
	/* A service manager may have undone the groups of the daemon before us, or their limits. */
	cgroup_enter(&s->daemon->cgroup, s->label, pid);
	log_info("%s: adopted the running backend %d", s->label, pid);
	return 0;
}

static void serve_begin(struct served *s, pid_t pid)
{
	s->pid = pid;
	s->ready_source = loop_add_fd(s->daemon->loop, s->ready_fd, EPOLLIN, serve_ready, s);
	if (!s->ready_source)
		daemon_fail(s->daemon, "cannot watch a pipe", -errno);
	if (s->daemon->keeper)
		files_note(&s->daemon->files, &s->name, "STORE=its device alone, through the gate");
	log_info("%s: started backend %d", s->label, pid);
}

static void serve_spawn_failed(struct served *s, const char *program, int error,
	const struct device_view *view)
{
	upgrade_exited(s, "could not be executed");
	s->machine.replacing = false; /* not at once */
	if (log_limit_ok(&serve_limit))
		log_err("%s: cannot start %s: %s", s->label, program, strerror(-error));
	/* The view is the one that asked for a start, so this only begins the back-off. */
	(void)device_exited(&s->machine, DEVICE_EXIT_CRASH, view, daemon_now_ms());
}

/* Bounds what a toolstack that makes and removes devices without end costs. */
static bool serve_may_start(struct served *s)
{
	if (budget_take(&s->daemon->budget, daemon_now_ms()))
		return true;
	if (log_limit_ok(&serve_limit))
		log_warn("%s: too many backends were started; this one waits", s->label);
	device_defer(&s->machine, daemon_now_ms());
	return false;
}

/* The build that upgrade_choose() names, or -ENOENT. */
static pid_t serve_start(struct served *s, const char *program, int lock_fd)
{
	int program_fd = -1, error;
	struct image *image = program ? upgrade_choose(s, program, &program_fd) : NULL;
	pid_t pid;

	if (!image)
		return program && errno ? -errno : -ENOENT;
	pid = serve_launch(s, program, program_fd, lock_fd);
	error = errno;
	/* Without the store's gate it is not its turn yet. */
	if (pid != -EAGAIN)
		upgrade_started(s, image);
	image_put(image);
	errno = error;
	return pid;
}

static void serve_spawn(struct served *s, const struct device_view *view)
{
	CLEANUP_CLOSE int lock_fd = -1;
	const char *program = launch_kind_find(s->name.kind)->program;
	pid_t pid;

	if (!serve_may_start(s))
		return;
	lock_fd = files_lock(&s->daemon->files, &s->name);
	if (lock_fd == -EBUSY && serve_adopt(s) == 0)
		return;
	pid = lock_fd < 0 ? lock_fd : serve_start(s, program, lock_fd);
	if (pid == -EAGAIN)
		/* The store's gate is just being started. */
		device_defer(&s->machine, daemon_now_ms());
	else if (pid < 0)
		serve_spawn_failed(s, program ? program : launch_kind_find(s->name.kind)->name,
			pid, view);
	else
		serve_begin(s, pid);
}

static void serve_describe(int status, char *text, size_t room)
{
	if (status == SERVE_STATUS_UNKNOWN)
		snprintf(text, room, "ended");
	else if (WIFSIGNALED(status))
		snprintf(text, room, "was killed by signal %d (%s)", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else
		snprintf(text, room, "exited with status %d", WEXITSTATUS(status));
}

static void serve_report(struct served *s, int error, const char *text)
{
	int rc = leaf_report(s->daemon->xs, s->leaf, error, text);

	if (rc < 0 && log_limit_ok(&serve_limit))
		log_warn("%s: cannot publish its error in the store: %s", s->label, strerror(-rc));
}

/* Said once per change: a backend that fails for a day fills no log. */
static void serve_report_crash(struct served *s, int status)
{
	bool again = s->machine.phase == DEVICE_BACKOFF;
	unsigned delay = again ? s->machine.backoff.last_ms : 0;
	char how[96], text[192];

	if (status == s->logged_status && delay == s->logged_delay_ms)
		return;
	s->logged_status = status;
	s->logged_delay_ms = delay;
	serve_describe(status, how, sizeof(how));
	if (delay)
		snprintf(text, sizeof(text), "the backend %s; it is started again in %u.%u s", how,
			delay / 1000, delay % 1000 / 100);
	else
		snprintf(text, sizeof(text), "the backend %s%s", how,
			again ? "; it is started again at once" : " while its device was removed");
	serve_report(s, -EIO, text);
	log_err("%s: %s", s->label, text);
}

static void serve_report_late(struct served *s)
{
	char text[128];

	snprintf(text, sizeof(text), "the backend was not ready within %u s and was killed",
		device_ready_ms(&s->machine) / 1000);
	serve_report(s, -ETIMEDOUT, text);
	log_err("%s: %s", s->label, text);
}

static void serve_report_script(struct served *s)
{
	int rc;

	if (s->format.wanted) {
		serve_report(s, -EIO, s->format.why);
		log_err("%s: %s", s->label, s->format.why);
		return;
	}
	s->hotplug.published = true;
	rc = hotplug_nodes_fail(s->daemon->xs, s->leaf, s->hotplug.why);
	if (rc < 0 && log_limit_ok(&serve_limit))
		log_warn("%s: cannot write hotplug-error: %s", s->label, strerror(-rc));
	serve_report(s, -EIO, s->hotplug.why);
	log_err("%s: %s", s->label, s->hotplug.why);
}

/* One that is awaited costs a start; one that sets up what a backend made had its backend's. */
static void serve_script(struct served *s, unsigned todo)
{
	void (*run)(struct served *s, bool up) = s->format.wanted ? format_run : hotplug_run;

	if (todo & DEVICE_DO_SCRIPT_DOWN)
		run(s, false);
	else if (s->machine.phase != DEVICE_SETUP || serve_may_start(s))
		run(s, true);
}

static void serve_close_leaf(struct served *s)
{
	int rc = leaf_close(s->daemon->xs, s->leaf);

	if (rc < 0 && log_limit_ok(&serve_limit))
		log_err("%s: cannot write its state: %s", s->label, strerror(-rc));
}

static void serve_init_wait(struct served *s)
{
	int rc = leaf_init_wait(s->daemon->xs, s->leaf);

	if (rc < 0 && log_limit_ok(&serve_limit))
		log_warn("%s: cannot write its state: %s", s->label, strerror(-rc));
}

/* The last of a guest takes along what xl's daemon may have left there of it. */
static void serve_forget_leaf(struct served *s)
{
	const struct daemon *d = s->daemon;

	/* That its image was not flushed is read by whoever took it away. */
	if (!s->format.unflushed)
		leaf_forget(d->xs, s->leaf);
	for (unsigned i = 0; i < d->count; i++)
		if (d->devices[i] != s && d->devices[i]->name.frontend == s->name.frontend)
			return;
	leaf_forget_guest(d->xs, s->name.frontend);
}

static void serve_delete_leaf(struct served *s)
{
	int rc = leaf_delete(s->daemon->xs, s->leaf);

	if (rc == -EBUSY) {
		/* In use again: the watch's event for that brings it back. */
		s->daemon->scan_wanted = true;
		daemon_want_pass(s->daemon);
	} else if (rc < 0 && log_limit_ok(&serve_limit)) {
		log_err("%s: cannot delete %s: %s", s->label, s->leaf, strerror(-rc));
	} else {
		log_info("%s: removed", s->label);
		format_forget(s);
		serve_forget_leaf(s);
	}
}

/* @status: of the exit that led here. The device may be gone afterwards. */
static void serve_do(struct served *s, unsigned todo, const struct device_view *view, int status)
{
	if (todo & DEVICE_DO_KILL)
		serve_kill(s, SIGKILL);
	if (todo & DEVICE_DO_TERM)
		serve_kill(s, SIGTERM);
	if (todo & DEVICE_DO_REPORT_READY)
		serve_report_late(s);
	if (todo & DEVICE_DO_REPORT_CRASH)
		serve_report_crash(s, status);
	if (todo & DEVICE_DO_SCRIPT_KILL) {
		hotplug_kill(s);
		format_kill(s);
	}
	if (todo & DEVICE_DO_CLEAN)
		format_forget(s);
	if (todo & DEVICE_DO_REPORT_SCRIPT)
		serve_report_script(s);
	if (todo & DEVICE_DO_REMEMBER) {
		s->failed_state = todo & DEVICE_DO_CLOSE ? XenbusStateClosed : view->state;
		s->failed_seen = true;
	}
	if (todo & DEVICE_DO_CLOSE)
		serve_close_leaf(s);
	if (todo & DEVICE_DO_INITWAIT)
		serve_init_wait(s);
	if (todo & DEVICE_DO_DELETE)
		serve_delete_leaf(s);
	if (todo & (DEVICE_DO_SCRIPT_UP | DEVICE_DO_SCRIPT_DOWN))
		serve_script(s, todo);
	if ((todo & DEVICE_DO_CLEAN) && files_clean(&s->daemon->files, &s->name) == -EBUSY)
		daemon_want_sweep(s->daemon);
	if ((todo & DEVICE_DO_CLEAN) && !view->exists)
		serve_forget_leaf(s);
	if (todo & DEVICE_DO_SPAWN)
		serve_spawn(s, view);
	if ((todo & DEVICE_DO_FORGET) && format_lingers(s))
		return;
	if (todo & DEVICE_DO_FORGET)
		daemon_drop(s->daemon, s);
	else
		serve_set_timer(s);
}

void serve_look(struct served *s)
{
	struct device_view view;

	if (!serve_view(s, &view))
		return;
	upgrade_look(s);
	serve_do(s, device_leaf(&s->machine, &view, daemon_now_ms()), &view, 0);
}

void serve_replace(struct served *s)
{
	struct device_view view;

	if (serve_view(s, &view))
		serve_do(s, device_replace(&s->machine), &view, 0);
}

void serve_retry(struct served *s)
{
	struct device_view view;

	if (serve_view(s, &view))
		serve_do(s, device_retry(&s->machine, &view, daemon_now_ms()), &view, 0);
}

static enum device_exit serve_exit_kind(int status)
{
	if (status == SERVE_STATUS_UNKNOWN || !WIFEXITED(status))
		return DEVICE_EXIT_CRASH;
	return WEXITSTATUS(status) == LAUNCH_EXIT_CLEAN ? DEVICE_EXIT_CLEAN :
	       WEXITSTATUS(status) == LAUNCH_EXIT_STORAGE ? DEVICE_EXIT_STORAGE : DEVICE_EXIT_CRASH;
}

/* What its nodes say decides what comes next; without a store that waits. */
static void serve_ended(struct served *s, int status)
{
	enum device_exit how = serve_exit_kind(status);
	struct device_view view = { .exists = false };

	s->exit_status = status;
	s->exit_pending = !s->daemon->stopping && !serve_view(s, &view);
	if (s->exit_pending)
		return;
	/* The backend has said why. */
	if (how == DEVICE_EXIT_STORAGE && view.exists && view.online)
		log_info("%s: cannot be served as it is configured; it is tried again when its nodes"
			" change, or after SIGHUP", s->label);
	serve_do(s, device_exited(&s->machine, how, &view, daemon_now_ms()), &view, status);
}

static void serve_script_over(struct served *s)
{
	struct device_view view;

	s->script_pending = !serve_view(s, &view);
	if (!s->script_pending)
		serve_do(s, device_script_ended(&s->machine, s->script_up, s->script_ok, &view,
			daemon_now_ms()), &view, 0);
}

void serve_script_ended(struct served *s, bool ok)
{
	s->script_up = s->hotplug.up;
	s->script_ok = ok;
	hotplug_settle(s, ok);
	serve_script_over(s);
}

void serve_format_ended(struct served *s, bool up, bool ok)
{
	s->script_up = up;
	s->script_ok = ok;
	serve_script_over(s);
}

void serve_exited(struct served *s, int status)
{
	char text[96];

	serve_describe(status, text, sizeof(text));
	log_info("%s: backend %d %s", s->label, s->pid, text);
	upgrade_exited(s, text);
	serve_close_process(s);
	cgroup_remove(&s->daemon->cgroup, s->label);
	keeper_remove(s->daemon->keeper, &s->name);
	format_backend_ended(s);
	serve_ended(s, status);
}

void serve_store_back(struct served *s)
{
	s->dirty = true;
	s->upgrade.asked = true;
	if (s->exit_pending)
		serve_ended(s, s->exit_status);
	else if (s->script_pending)
		serve_script_over(s);
	else
		serve_set_timer(s); /* one that came due meanwhile did nothing */
}

void serve_shutdown(struct served *s)
{
	unsigned todo = device_shutdown(&s->machine, daemon_now_ms());

	/* It ended while its nodes could not be read: whether its files are needed the next daemon sees. */
	if (s->exit_pending)
		serve_ended(s, s->exit_status);
	else
		serve_do(s, todo, NULL, 0);
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "drivers-domain/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "drivers-domain/notify.h"
#include "drivers-domain/gate-keeper.h"
#include "xenstore/xsnode.h"

/* The first change is looked at at once, those that follow this often. */
#define DAEMON_PASS_MS 50u
#define DAEMON_SCAN_MS 250u
/* A scan of many names takes its time: a fifth of ours at most, and some seconds between two. */
#define DAEMON_SCAN_SHARE 4u
#define DAEMON_SCAN_MAX_MS 5000u
/* Not every libxenstore tells through its descriptor that the connection ended: ask, too. */
#define DAEMON_ALIVE_MS 2000u
/* When files that a dying process still held are tried again. */
#define DAEMON_SWEEP_MS 1000u
/* Backends are killed DEVICE_TERM_MS after SIGTERM; one that even so stays is left. */
#define DAEMON_STOP_MS (DEVICE_TERM_MS + 1000u)

static struct log_limit daemon_limit = { .burst = 3, .interval_ms = 60000 };

uint64_t daemon_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void daemon_fail(struct daemon *d, const char *text, int error)
{
	if (!d->failed)
		log_err("%s: %s; backends that run go on by themselves", text, strerror(-error));
	d->failed = true;
	loop_stop(d->loop, 1);
}

struct served *daemon_find(const struct daemon *d, const struct leaf_name *name)
{
	for (unsigned i = 0; i < d->count; i++)
		if (memcmp(&d->devices[i]->name, name, sizeof(*name)) == 0)
			return d->devices[i];
	return NULL;
}

struct served *daemon_add(struct daemon *d, const struct leaf_name *name)
{
	struct served *s = daemon_find(d, name);

	if (s)
		return s;
	if (d->count == d->options.max_backends) {
		d->refused = true;
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		daemon_fail(d, "cannot take a device", -ENOMEM);
		return NULL;
	}
	s->daemon = d;
	s->name = *name;
	s->machine.ready_ms = 1000 * d->options.start_seconds;
	format_init(&s->format);
	s->pidfd = -1;
	s->ready_fd = -1;
	s->upgrade.asked = true;
	s->logged_status = SERVE_LOGGED_NONE;
	scan_leaf_path(name, s->leaf);
	scan_file_name(name, s->label);
	d->devices[d->count++] = s;
	return s;
}

void daemon_drop(struct daemon *d, struct served *s)
{
	for (unsigned i = 0; i < d->count; i++) {
		if (d->devices[i] != s)
			continue;
		/* Passes go from the last to the first: the one moved here was looked at. */
		d->devices[i] = d->devices[--d->count];
		break;
	}
	serve_dispose(s);
	hotplug_dispose(s);
	format_dispose(s);
	free(s);
	if (d->refused && !d->stopping) {
		d->refused = false;
		d->scan_wanted = true;
		daemon_want_pass(d);
	}
	if (d->stopping && d->count == 0)
		loop_stop(d->loop, 0);
}

static void daemon_scan(struct daemon *d)
{
	uint64_t begun = daemon_now_ms(), wait;
	int rc;

	d->scan_wanted = false;
	d->refused = false;
	rc = watch_scan(d);
	d->scan_ms = daemon_now_ms();
	wait = (d->scan_ms - begun) * DAEMON_SCAN_SHARE;
	d->scan_wait_ms = wait < DAEMON_SCAN_MS	? DAEMON_SCAN_MS :
			  wait > DAEMON_SCAN_MAX_MS ? DAEMON_SCAN_MAX_MS : wait;
	if (rc < 0)
		daemon_store_lost(d, rc);
	if (d->refused && log_limit_ok(&daemon_limit))
		log_warn("%u devices are served and there are more: they wait; raise"
			" --max-backends", d->count);
}

static void daemon_pass(void *opaque)
{
	struct daemon *d = opaque;

	d->pass_timer = NULL;
	if (d->stopping || d->store_lost)
		return;
	if (d->scan_wanted && daemon_now_ms() - d->scan_ms >= d->scan_wait_ms)
		daemon_scan(d);
	watch_candidates(d);
	for (unsigned i = d->count; i-- > 0 && !d->failed && !d->store_lost;)
		if (d->devices[i]->dirty)
			serve_look(d->devices[i]);
	d->pass_ms = daemon_now_ms();
	if (d->scan_wanted)
		daemon_want_pass(d);
}

void daemon_want_pass(struct daemon *d)
{
	uint64_t now = daemon_now_ms();
	uint64_t due = d->pass_ms + DAEMON_PASS_MS;

	if (d->pass_timer || d->stopping)
		return;
	d->pass_timer = loop_add_timer(d->loop, due > now ? (unsigned)(due - now) : 0,
		daemon_pass, d);
	if (!d->pass_timer)
		daemon_fail(d, "cannot set a timer", -errno);
}

static void daemon_sweep_one(void *opaque, const struct leaf_name *name)
{
	struct daemon *d = opaque;
	const struct served *s = daemon_find(d, name);

	/* One that dwells is as good as gone; any other has use for its files. */
	if (s ? s->machine.phase == DEVICE_DWELL : files_clean(&d->files, name) == -EBUSY)
		daemon_want_sweep(d);
}

static void daemon_sweep(void *opaque)
{
	struct daemon *d = opaque;
	int rc;

	d->sweep_timer = NULL;
	rc = d->stopping ? 0 : files_each(&d->files, FILES_LOCK, daemon_sweep_one, d);
	if (rc < 0)
		log_warn("cannot list the run directory: %s", strerror(-rc));
}

void daemon_want_sweep(struct daemon *d)
{
	if (d->sweep_timer || d->stopping)
		return;
	d->sweep_timer = loop_add_timer(d->loop, DAEMON_SWEEP_MS, daemon_sweep, d);
	if (!d->sweep_timer)
		daemon_fail(d, "cannot set a timer", -errno);
}

static void daemon_alive(void *opaque)
{
	struct daemon *d = opaque;

	d->alive_timer = NULL;
	daemon_check_store(d);
	d->alive_timer = loop_add_timer(d->loop, DAEMON_ALIVE_MS, daemon_alive, d);
	if (!d->alive_timer)
		daemon_fail(d, "cannot set a timer", -errno);
}

static void daemon_leave(void *opaque)
{
	struct daemon *d = opaque;

	log_err("%u backends do not end; they are left behind", d->count);
	loop_stop(d->loop, 0);
}

/* A format server that ends unseen would be taken for one that lost something. */
static void daemon_give_up(void *opaque)
{
	struct daemon *d = opaque;
	bool flushes = false;

	for (unsigned i = 0; i < d->count; i++)
		flushes = flushes || d->devices[i]->format.drop;
	if (!flushes || !loop_add_timer(d->loop, FORMAT_END_MS, daemon_leave, d))
		daemon_leave(d);
}

static void daemon_stop(struct daemon *d)
{
	if (d->stopping)
		return;
	d->stopping = true;
	notify_tell("STOPPING=1");
	for (unsigned i = d->count; i-- > 0;)
		serve_shutdown(d->devices[i]);
	if (d->count == 0)
		loop_stop(d->loop, 0);
	else if (!loop_add_timer(d->loop, DAEMON_STOP_MS, daemon_give_up, d))
		daemon_fail(d, "cannot set a timer", -errno);
}

static void daemon_hangup(struct daemon *d)
{
	if (d->stopping)
		return;
	for (unsigned i = d->count; i-- > 0 && !d->failed && !d->store_lost;)
		serve_retry(d->devices[i]);
	d->scan_wanted = true;
	daemon_want_pass(d);
}

static void daemon_reap(struct daemon *d)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (unsigned i = 0; i < d->count; i++) {
			struct served *s = d->devices[i];

			if (s->pid == pid && s->pidfd < 0) {
				serve_exited(s, status);
				break;
			}
			if (s->upgrade.pid == pid) {
				s->upgrade.pid = 0;
				break;
			}
			if (s->hotplug.pid == pid) {
				hotplug_exited(s, status);
				break;
			}
			if (s->format.pid == pid && !s->format.adopted) {
				format_exited(s, status);
				break;
			}
		}
	}
}

/* struct daemon_signals - a descriptor and whose it is. */
struct daemon_signals {
	int fd;
	struct daemon *daemon;
};

static void daemon_signal(void *opaque, uint32_t events)
{
	struct daemon_signals *sig = opaque;
	struct signalfd_siginfo info;

	if (read(sig->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGCHLD:
		daemon_reap(sig->daemon);
		break;
	case SIGHUP:
		daemon_hangup(sig->daemon);
		break;
	default:
		daemon_stop(sig->daemon);
		break;
	}
}

static int daemon_watch_signals(struct daemon_signals *sig, struct daemon *d)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sig->daemon = d;
	sig->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sig->fd < 0)
		return -errno;
	return loop_add_fd(d->loop, sig->fd, EPOLLIN, daemon_signal, sig) ? 0 : -errno;
}

/* A lock left by an earlier daemon: adopt its backend, or look what its leaf says. */
static void daemon_found_lock(void *opaque, const struct leaf_name *name)
{
	struct daemon *d = opaque;
	struct served *s = daemon_add(d, name);
	int rc;

	if (!s)
		return;
	s->dirty = true;
	rc = serve_adopt(s);
	/* It ended while there was no daemon to tell the gate. */
	if (rc == -ENOENT)
		keeper_remove(d->keeper, name);
	else if (rc < 0)
		log_warn("%s: an earlier backend cannot be adopted: %s", s->label, strerror(-rc));
}

/* A script left something set up: it is taken down if its device is gone. */
static void daemon_found_script(void *opaque, const struct leaf_name *name)
{
	struct served *s = daemon_add(opaque, name);

	if (!s)
		return;
	s->dirty = true;
	hotplug_find(s);
}

/* An image is still served: for its backend, or it is to be ended in order. */
static void daemon_found_format(void *opaque, const struct leaf_name *name)
{
	struct served *s = daemon_add(opaque, name);

	if (!s)
		return;
	s->dirty = true;
	format_find(s);
}

static int daemon_begin(struct daemon *d)
{
	uint32_t domid;
	int rc = xsn_own_domid(d->xs, &domid);

	if (rc < 0) {
		log_err("cannot read this domain's id from the store's node \"domid\": %s; is"
			" XENSTORED_PATH this domain's own socket?", strerror(-rc));
		return rc;
	}
	snprintf(d->home, sizeof(d->home), "/local/domain/%u", domid);
	if (!d->options.no_gate)
		d->keeper = keeper_new(d, domid);
	if (!d->options.no_gate && !d->keeper)
		return -ENOENT;
	rc = watch_start(d);
	if (rc == 0)
		rc = files_each(&d->files, FILES_LOCK, daemon_found_lock, d);
	if (rc == 0)
		rc = files_each(&d->files, FILES_SCRIPT, daemon_found_script, d);
	if (rc == 0)
		rc = files_each(&d->files, FILES_FORMAT, daemon_found_format, d);
	if (rc < 0) {
		log_err("cannot watch the store or list the run directory: %s", strerror(-rc));
		return rc;
	}
	daemon_scan(d);
	daemon_pass(d);
	daemon_alive(d);
	return d->failed ? -EPIPE : 0;
}

static void daemon_tell_ready(struct daemon *d)
{
	static const char text[] = "READY=1\n";

	notify_tell("READY=1");
	if (d->options.ready_fd < 0)
		return;
	/* Whoever asked for it may be gone; then nobody waits. */
	(void)!write(d->options.ready_fd, text, sizeof(text) - 1);
	close(d->options.ready_fd);
	d->options.ready_fd = -1;
}

static void daemon_dispose(struct daemon *d)
{
	for (unsigned i = 0; i < d->count; i++) {
		serve_dispose(d->devices[i]);
		hotplug_dispose(d->devices[i]);
		format_dispose(d->devices[i]);
		free(d->devices[i]);
	}
	free(d->devices);
	keeper_free(d->keeper);
	loop_free(d->loop);
	if (d->xs)
		xs_close(d->xs);
}

int daemon_run(struct daemon *d)
{
	struct daemon_signals sig = { .fd = -1 };
	int rc = -ENOMEM;

	d->devices = calloc(d->options.max_backends, sizeof(d->devices[0]));
	d->loop = loop_new();
	d->xs = xs_open(0);
	if (!d->xs)
		log_err("cannot connect to the store: %s; XENSTORED_PATH names its socket",
			strerror(errno));
	else if (d->devices && d->loop)
		rc = daemon_watch_signals(&sig, d);
	if (rc == 0)
		rc = daemon_begin(d);
	if (rc == 0) {
		daemon_tell_ready(d);
		rc = loop_run(d->loop);
	}
	daemon_dispose(d);
	cleanup_close(&sig.fd);
	return rc == 0 ? 0 : 1;
}

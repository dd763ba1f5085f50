// SPDX-License-Identifier: MIT
/*
 * A script belongs to this domain, its name and what it reads to the toolstack. It runs in a
 * process group of its own, which is killed when its time is over. What it left running when
 * it ended in time is meant to stay.
 */
#include "config.h"
#include "drivers-domain/hotplug.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "drivers-domain/daemon.h"
#include "drivers-domain/hotplug-nodes.h"
#include "drivers-domain/launch.h"
#include "drivers-domain/leaf.h"
#include "xenstore/xsnode.h"

static struct log_limit hotplug_limit = { .burst = 20, .interval_ms = 10000 };

static void hotplug_take_name(struct hotplug *h, const char *kind, char *script)
{
	free(h->script);
	h->script = script;
	h->use = script_use(kind, script);
}

static bool hotplug_is_run(const struct hotplug *h)
{
	return h->use == SCRIPT_BEFORE || h->use == SCRIPT_AFTER;
}

void hotplug_look(struct served *s)
{
	struct hotplug *h = &s->hotplug;

	/* What is set up is taken down by the script that did it. */
	if (h->state != DEVICE_SCRIPT_NONE && h->state != DEVICE_SCRIPT_DOWN)
		return;
	hotplug_take_name(h, s->name.kind, xsn_read(s->daemon->xs, XBT_NULL, s->leaf, "script"));
	h->state = hotplug_is_run(h) ? DEVICE_SCRIPT_DOWN : DEVICE_SCRIPT_NONE;
}

void hotplug_find(struct served *s)
{
	char *script = files_script(&s->daemon->files, &s->name);

	if (!script)
		return;
	hotplug_take_name(&s->hotplug, s->name.kind, script);
	/* If it was at work when that daemon ended, nobody knows how far it came. */
	s->hotplug.state = hotplug_nodes_connected(s->daemon->xs, s->leaf) ? DEVICE_SCRIPT_UP :
									   DEVICE_SCRIPT_DIRTY;
}

/* --- running it -------------------------------------------------------------------------- */

static void hotplug_kill_group(struct hotplug *h, const char *why)
{
	if (h->pid <= 0)
		return;
	h->why_killed = why;
	(void)kill(-h->pid, SIGKILL);
}

static void hotplug_timeout(void *opaque)
{
	struct served *s = opaque;

	s->hotplug.timer = NULL;
	if (s->hotplug.failed)
		serve_script_ended(s, false);
	else
		hotplug_kill_group(&s->hotplug, "it took too long and was killed");
}

static void hotplug_set_timer(struct served *s, unsigned ms)
{
	loop_remove(s->hotplug.timer);
	s->hotplug.timer = loop_add_timer(s->daemon->loop, ms, hotplug_timeout, s);
	if (!s->hotplug.timer)
		daemon_fail(s->daemon, "cannot set a timer", -errno);
}

static int hotplug_start(struct served *s)
{
	struct hotplug *h = &s->hotplug;
	struct xs_handle *xs = s->daemon->xs;
	CLEANUP_FREE char *gateway = xsn_read(xs, XBT_NULL, s->leaf, "gatewaydev");
	CLEANUP_FREE char *type = xsn_read(xs, XBT_NULL, s->leaf, "type");
	const struct script_device device = { &s->name, s->leaf, h->script, gateway, type };
	CLEANUP_FREE char **env = script_environment(environ, &device);
	pid_t pid;

	if (!env)
		return -ENOMEM;
	pid = launch_script(h->script, script_arguments(h->use, h->up), env);
	if (pid < 0)
		return pid;
	h->pid = pid;
	hotplug_set_timer(s, s->daemon->options.script_seconds * 1000);
	return 0;
}

/* Before it may do anything: a later daemon takes down what this one cannot any more. */
static int hotplug_prepare(struct served *s)
{
	struct hotplug *h = &s->hotplug;
	int rc = script_check(h->script, s->daemon->options.script_dir, h->why, sizeof(h->why));

	if (rc == 0)
		rc = script_open(h->script, s->daemon->options.script_dir, h->why, sizeof(h->why));
	if (rc < 0 || !h->up)
		return rc;
	h->published = false;
	if (h->use == SCRIPT_BEFORE)
		s->print = leaf_fingerprint(s->daemon->xs, s->leaf);
	rc = files_keep_script(&s->daemon->files, &s->name, h->script);
	if (rc == 0)
		rc = hotplug_nodes_clear(s->daemon->xs, s->leaf, h->use == SCRIPT_BEFORE);
	if (rc < 0)
		snprintf(h->why, sizeof(h->why), "cannot be prepared: %s", strerror(-rc));
	return rc;
}

void hotplug_run(struct served *s, bool up)
{
	struct hotplug *h = &s->hotplug;
	int rc;

	h->up = up;
	h->failed = false;
	h->why_killed = NULL;
	h->why[0] = '\0';
	h->state = DEVICE_SCRIPT_BUSY;
	rc = hotplug_prepare(s);
	if (rc == 0) {
		rc = hotplug_start(s);
		if (rc < 0)
			snprintf(h->why, sizeof(h->why), "%.100s cannot be run: %s", h->script,
				strerror(-rc));
	}
	if (rc == 0) {
		log_info("%s: runs %s %s", s->label, h->script, script_arguments(h->use, up)[0]);
		return;
	}
	/* The machine that asked for it is told later. */
	h->failed = true;
	hotplug_set_timer(s, 0);
}

void hotplug_kill(struct served *s)
{
	if (s->hotplug.up)
		hotplug_kill_group(&s->hotplug, "it was not wanted any more");
}

void hotplug_native(struct served *s)
{
	int rc = 0;

	if (s->hotplug.use == SCRIPT_NATIVE)
		rc = hotplug_nodes_connect(s->daemon->xs, s->leaf);
	if (rc < 0 && log_limit_ok(&hotplug_limit))
		log_warn("%s: cannot write hotplug-status: %s", s->label, strerror(-rc));
}

void hotplug_dispose(struct served *s)
{
	hotplug_kill_group(&s->hotplug, "the daemon ends");
	loop_remove(s->hotplug.timer);
	free(s->hotplug.script);
	s->hotplug = (struct hotplug){ .state = DEVICE_SCRIPT_NONE };
}

/* --- its end ----------------------------------------------------------------------------- */

static int hotplug_judge(struct served *s, int status)
{
	struct hotplug *h = &s->hotplug;
	const char *action = script_arguments(h->use, h->up)[0];
	char reason[128] = "";
	int rc = -EIO;

	if (h->why_killed)
		snprintf(reason, sizeof(reason), "%s", h->why_killed);
	else if (WIFSIGNALED(status))
		snprintf(reason, sizeof(reason), "it was killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		snprintf(reason, sizeof(reason), "it exited with status %d", WEXITSTATUS(status));
	else if (h->up)
		rc = hotplug_nodes_finish(s->daemon->xs, s->leaf, h->use == SCRIPT_BEFORE, reason,
			sizeof(reason));
	else
		rc = 0;
	if (rc < 0)
		snprintf(h->why, sizeof(h->why), "%.100s %s: %s", h->script, action,
			reason[0] ? reason : strerror(-rc));
	return rc;
}

/* Whatever became of it: errors of taking down are told and forgotten, as xl does. */
static void hotplug_down_ended(struct served *s)
{
	int rc = 0;

	if (s->hotplug.why[0] && log_limit_ok(&hotplug_limit))
		log_warn("%s: %s; it is gone all the same", s->label, s->hotplug.why);
	s->hotplug.state = DEVICE_SCRIPT_DOWN;
	files_forget_script(&s->daemon->files, &s->name);
	if (!s->hotplug.published)
		rc = hotplug_nodes_clear(s->daemon->xs, s->leaf, s->hotplug.use == SCRIPT_BEFORE);
	if (rc < 0 && rc != -EACCES && log_limit_ok(&hotplug_limit))
		log_warn("%s: cannot write hotplug-status: %s", s->label, strerror(-rc));
}

static void hotplug_up_ended(struct served *s, bool ok)
{
	struct hotplug *h = &s->hotplug;
	/* A device that was made anew meanwhile is another one. */
	bool same = h->use != SCRIPT_BEFORE || leaf_fingerprint(s->daemon->xs, s->leaf) == s->print;

	h->state = ok && same ? DEVICE_SCRIPT_UP : DEVICE_SCRIPT_DIRTY;
	/* One that was not even started has nothing to take down. */
	if (!h->failed)
		return;
	files_forget_script(&s->daemon->files, &s->name);
	h->state = DEVICE_SCRIPT_DOWN;
}

void hotplug_exited(struct served *s, int status)
{
	struct hotplug *h = &s->hotplug;
	bool ok = hotplug_judge(s, status) == 0;

	h->pid = 0;
	loop_remove(h->timer);
	h->timer = NULL;
	serve_script_ended(s, ok);
}

void hotplug_settle(struct served *s, bool ok)
{
	if (s->hotplug.up)
		hotplug_up_ended(s, ok);
	else
		hotplug_down_ended(s);
}

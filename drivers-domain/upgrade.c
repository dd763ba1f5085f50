// SPDX-License-Identifier: MIT
#include "config.h"
#include "drivers-domain/upgrade.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "drivers-domain/daemon.h"
#include "drivers-domain/image.h"
#include "drivers-domain/launch.h"
#include "xenstore/xsnode.h"

static struct log_limit upgrade_limit = { .burst = 20, .interval_ms = 10000 };

/* --- the answer --------------------------------------------------------------------------- */

struct upgrade_report {
	const struct served *s;
	char text[320];
};

static int upgrade_report_fn(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	const struct upgrade_report *r = opaque;
	CLEANUP_FREE char *frontend = xsn_read(xs, t, r->s->leaf, "frontend");

	/* A directory that was removed must not come back because we write into it. */
	if (!frontend)
		return errno ? -errno : -EIO;
	return xsn_write(xs, t, r->s->leaf, UPGRADE_STATUS_NODE, r->text);
}

static void upgrade_report(struct served *s, const char *token, enum upgrade_end end, uint64_t ms,
	const char *why)
{
	static const char *const words[] = { [UPGRADE_DONE] = "done", [UPGRADE_RECONNECT] = "reconnect",
		[UPGRADE_REFUSED] = "refused", [UPGRADE_KEPT] = "kept", [UPGRADE_LOST] = "lost" };
	struct upgrade_report r = { .s = s };
	int rc;

	snprintf(r.text, sizeof(r.text), "%s %s %llu %s", token, words[end], (unsigned long long)ms, why);
	if (end == UPGRADE_DONE)
		log_info("%s: another build took over within %llu ms", s->label, (unsigned long long)ms);
	else if (log_limit_ok(&upgrade_limit))
		log_warn("%s: upgrade: %s: %s", s->label, words[end], why);
	rc = xsn_transaction(s->daemon->xs, upgrade_report_fn, &r);
	if (rc < 0 && rc != -ENOENT && log_limit_ok(&upgrade_limit))
		log_warn("%s: cannot write %s: %s", s->label, UPGRADE_STATUS_NODE, strerror(-rc));
}

static void upgrade_stop_asking(struct upgrade *u)
{
	loop_remove(u->source);
	loop_remove(u->timer);
	u->source = u->timer = NULL;
	if (u->fd > 0)
		close(u->fd);
	u->fd = 0;
	if (u->pid > 0)
		(void)kill(-u->pid, SIGKILL);
}

static void upgrade_end(struct served *s, enum upgrade_end end, const char *why)
{
	struct upgrade *u = &s->upgrade;
	uint64_t ms = end == UPGRADE_REFUSED ? 0 : daemon_now_ms() - u->begun_ms;

	upgrade_stop_asking(u);
	image_put(u->next);
	u->next = NULL;
	u->step = UPGRADE_NONE;
	upgrade_report(s, u->token, end, ms, why);
}

/* --- the question --------------------------------------------------------------------------- */

static void upgrade_answered(struct served *s)
{
	struct upgrade *u = &s->upgrade;
	char why[160];

	u->answer[u->used] = '\0';
	if (upgrade_format_is_among(u->answer, u->format)) {
		upgrade_stop_asking(u);
		u->step = UPGRADE_ENDING;
		u->begun_ms = daemon_now_ms();
		serve_replace(s);
		return;
	}
	u->answer[strcspn(u->answer, "\n")] = '\0';
	for (char *p = u->answer; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	if (u->answer[0])
		snprintf(why, sizeof(why), "the new build goes on with journals of %.40s, not of %s:"
			" the guest has to connect again", u->answer, u->format);
	else
		snprintf(why, sizeof(why), "the new build does not answer --journal-version");
	upgrade_end(s, UPGRADE_REFUSED, why);
}

static void upgrade_readable(void *opaque, uint32_t events)
{
	struct served *s = opaque;
	struct upgrade *u = &s->upgrade;
	ssize_t n = read(u->fd, u->answer + u->used, sizeof(u->answer) - 1 - u->used);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		u->used += (size_t)n;
	/* One that says more than that is no build of ours. */
	if (n <= 0 || u->used == sizeof(u->answer) - 1)
		upgrade_answered(s);
}

static void upgrade_silent(void *opaque)
{
	struct served *s = opaque;

	s->upgrade.timer = NULL;
	upgrade_end(s, UPGRADE_REFUSED, "the new build does not end when it is asked --journal-version");
}

static void upgrade_ask(struct served *s, const char *program)
{
	static const char *const arguments[] = { "--journal-version", NULL };
	struct upgrade *u = &s->upgrade;

	u->pid = launch_question(program, arguments, &u->fd);
	if (u->pid < 0) {
		u->pid = 0;
		upgrade_end(s, UPGRADE_REFUSED, "the new build cannot be executed");
		return;
	}
	u->step = UPGRADE_ASKING;
	u->used = 0;
	u->source = loop_add_fd(s->daemon->loop, u->fd, EPOLLIN, upgrade_readable, s);
	u->timer = loop_add_timer(s->daemon->loop, UPGRADE_ASK_MS, upgrade_silent, s);
	if (!u->source || !u->timer)
		upgrade_end(s, UPGRADE_REFUSED, "the daemon is out of memory or descriptors");
}

/* NULL: it can be begun. */
static const char *upgrade_obstacle(const struct served *s, const char *program)
{
	if (s->machine.phase != DEVICE_RUNNING || s->machine.replacing)
		return "no backend of it runs at the moment; the next that is started is the new build";
	if (!s->upgrade.format[0])
		return "its backend did not say which journal it writes";
	return program ? NULL : "no program is there for it";
}

static void upgrade_begin(struct served *s)
{
	const char *program = launch_kind_find(s->name.kind)->program;
	const char *obstacle = upgrade_obstacle(s, program);
	struct upgrade *u = &s->upgrade;

	/* What does not run has nothing to go on with: it may as well be the new one. */
	if (!device_has_process(&s->machine)) {
		image_put(u->image);
		u->image = NULL;
	}
	if (!obstacle) {
		u->next = image_open(program);
		if (!u->next)
			obstacle = "the new build cannot be opened";
	}
	if (!obstacle && !budget_take(&s->daemon->budget, daemon_now_ms()))
		obstacle = "too many backends were started just now";
	if (obstacle)
		upgrade_end(s, UPGRADE_REFUSED, obstacle);
	else
		upgrade_ask(s, program);
}

void upgrade_look(struct served *s)
{
	CLEANUP_FREE char *token = NULL;
	struct upgrade *u = &s->upgrade;

	if (!u->asked)
		return;
	u->asked = false;
	token = xsn_read(s->daemon->xs, XBT_NULL, s->leaf, UPGRADE_NODE);
	if (!token)
		return;
	(void)!xsn_rm(s->daemon->xs, XBT_NULL, s->leaf, UPGRADE_NODE); /* or it is asked again */
	if (!upgrade_token_ok(token)) {
		if (log_limit_ok(&upgrade_limit))
			log_warn("%s: its node %s is no word of at most %u letters, digits and '-'",
				s->label, UPGRADE_NODE, UPGRADE_TOKEN_MAX);
	} else if (u->step != UPGRADE_NONE) {
		upgrade_report(s, token, UPGRADE_REFUSED, 0, "it is being replaced just now");
	} else {
		snprintf(u->token, sizeof(u->token), "%s", token);
		upgrade_begin(s);
	}
}

/* --- starts and ends ------------------------------------------------------------------------ */

struct image *upgrade_choose(struct served *s, const char *program, int *fd)
{
	struct upgrade *u = &s->upgrade;
	struct image *now = image_open(program);
	struct image *use = u->step == UPGRADE_ENDING && u->next ? u->next : u->image ? u->image : now;

	*fd = use && use != now ? image_fd(use) : -1;
	use = image_get(use);
	image_put(now);
	return use;
}

void upgrade_started(struct served *s, struct image *image)
{
	struct upgrade *u = &s->upgrade;

	image_put(u->starting);
	u->starting = image_get(image);
	if (u->step == UPGRADE_ENDING)
		u->step = UPGRADE_TRIAL;
}

/* Of a script the process' program is only the interpreter. */
static bool upgrade_is_script(const struct served *s)
{
	const struct launch_kind *kind = launch_kind_find(s->name.kind);
	struct image *program = kind && kind->program ? image_open(kind->program) : NULL;
	bool is = program && image_is_script(program);

	image_put(program);
	return is;
}

void upgrade_adopted(struct served *s)
{
	struct upgrade *u = &s->upgrade;
	char exe[32];

	/* Not always ours to open: then there is nothing to fall back on. */
	snprintf(exe, sizeof(exe), "/proc/%d/exe", s->pid);
	image_put(u->image);
	u->image = upgrade_is_script(s) ? NULL : image_open(exe);
	/* Of one that was reaped meanwhile the id may be another process's, and so its program. */
	if (u->image && syscall(SYS_pidfd_send_signal, s->pidfd, 0, NULL, 0) < 0) {
		image_put(u->image);
		u->image = NULL;
	}
	if (!u->image)
		log_debug("%s: the program of %d cannot be opened: %s", s->label, s->pid, strerror(errno));
	files_noted(&s->daemon->files, &s->name, "JOURNAL=", u->format, sizeof(u->format));
}

/* What follows @key in a line of its own of @text; "" when it is not there. */
static void upgrade_line(const char *text, const char *key, char *value, size_t room)
{
	const char *at = strstr(text, key);

	value[0] = '\0';
	if (at)
		snprintf(value, room, "%.*s", (int)strcspn(at + strlen(key), "\n"), at + strlen(key));
}

void upgrade_ready(struct served *s, const char *text)
{
	struct upgrade *u = &s->upgrade;
	char resumed[4], line[sizeof(u->format) + 8];

	upgrade_line(text, "\nJOURNAL=", u->format, sizeof(u->format));
	upgrade_line(text, "\nRESUMED=", resumed, sizeof(resumed));
	if (u->format[0]) {
		snprintf(line, sizeof(line), "JOURNAL=%s", u->format);
		files_note(&s->daemon->files, &s->name, line);
	}
	image_put(u->image);
	u->image = image_get(u->starting);
	if (u->step == UPGRADE_FALLBACK)
		upgrade_end(s, strcmp(resumed, "0") == 0 ? UPGRADE_RECONNECT : UPGRADE_KEPT, u->why);
	else if (u->step == UPGRADE_TRIAL && strcmp(resumed, "0") == 0)
		upgrade_end(s, UPGRADE_RECONNECT, "the new build cannot go on where the old one stopped:"
			" the frontend has to connect again");
	else if (u->step == UPGRADE_TRIAL)
		upgrade_end(s, UPGRADE_DONE, "");
}

/* The new build is not what it should be. */
static void upgrade_fall_back(struct served *s, const char *how)
{
	struct upgrade *u = &s->upgrade;

	snprintf(u->why, sizeof(u->why), "the new build %s before it was ready", how);
	if (!u->image) {
		upgrade_end(s, UPGRADE_LOST, u->why);
		return;
	}
	u->step = UPGRADE_FALLBACK;
	s->machine.replacing = true;
}

void upgrade_exited(struct served *s, const char *how)
{
	struct upgrade *u = &s->upgrade;

	switch (u->step) {
	case UPGRADE_ASKING:
		upgrade_end(s, UPGRADE_REFUSED, "its backend ended meanwhile");
		break;
	case UPGRADE_ENDING:
		break;
	case UPGRADE_TRIAL:
		upgrade_fall_back(s, how);
		break;
	case UPGRADE_FALLBACK:
		upgrade_end(s, UPGRADE_LOST, u->why);
		/* fall through */
	case UPGRADE_NONE:
		/* One that does not become ready has no claim to be started again. */
		if (s->machine.phase == DEVICE_STARTING) {
			image_put(u->image);
			u->image = NULL;
		}
		break;
	}
}

void upgrade_dispose(struct served *s)
{
	struct upgrade *u = &s->upgrade;

	upgrade_stop_asking(u);
	image_put(u->image);
	image_put(u->starting);
	image_put(u->next);
	*u = (struct upgrade){ .asked = false };
}

// SPDX-License-Identifier: MIT
/*
 * The one watch, on the whole backend directory: a watch per device would meet the
 * store's quota at about a hundred devices. An event only marks a device; its nodes
 * are read later, once, however many events came.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <xenstore.h>

#include "common/log.h"
#include "common/loop.h"
#include "drivers-domain/daemon.h"
#include "drivers-domain/launch.h"
#include "drivers-domain/leaf.h"

#define WATCH_TOKEN "sluice-driverd"
/* Events taken per turn of the loop, so that signals and timers get theirs. */
#define WATCH_EVENTS_PER_TURN 1024
#define WATCH_KINDS_SAID 16u

static struct log_limit watch_limit = { .burst = 10, .interval_ms = 10000 };

/* @where: the directory that a name is in, "" when @text is a path. */
static void watch_refuse(const char *where, const char *text)
{
	if (log_limit_ok(&watch_limit))
		log_warn("\"%s%s%.100s\" is no name of a device; it is ignored", where, *where ? "/" : "",
			text);
}

/* True for a kind that we serve; says of each other kind once that we do not. */
static bool watch_kind_is_ours(const char *kind)
{
	static char said[WATCH_KINDS_SAID][SCAN_KIND_MAX + 1];
	static unsigned count;

	if (launch_kind_find(kind))
		return true;
	for (unsigned i = 0; i < count; i++)
		if (strcmp(said[i], kind) == 0)
			return false;
	if (count == WATCH_KINDS_SAID)
		return false;
	snprintf(said[count++], sizeof(said[0]), "%s", kind);
	log_warn("devices of kind %s are not served here; disks (vbd, qdisk) and network devices (vif) are", kind);
	return false;
}

/* Whether the leaf describes a device now; if it will later, its nodes change, and we see that. */
static bool watch_is_device(struct daemon *d, const struct leaf_name *name)
{
	char leaf[SCAN_PATH_MAX];
	struct device_view view;
	int rc;

	scan_leaf_path(name, leaf);
	rc = leaf_read(d->xs, leaf, name, &view);
	if (rc < 0)
		daemon_store_lost(d, rc);
	return rc == 0 && view.valid;
}

/* The number of places is bounded: what is no device takes none from those that are. */
static void watch_mark(struct daemon *d, const struct leaf_name *name)
{
	struct served *s = daemon_find(d, name);

	if (!s && watch_is_device(d, name))
		s = daemon_add(d, name);
	if (s)
		s->dirty = true;
}

/*
 * An event costs no talk with the store: who writes faster than we ask would fill our memory
 * with events. Names that are new are asked about in the next pass; too many of them are a scan.
 */
static void watch_note(struct daemon *d, const struct leaf_name *name, const char *path)
{
	struct served *s = daemon_find(d, name);
	const char *node = strrchr(path, '/');

	if (s) {
		s->dirty = true;
		s->upgrade.asked |= node && strcmp(node + 1, UPGRADE_NODE) == 0;
		return;
	}
	for (unsigned i = 0; i < d->candidate_count; i++)
		if (memcmp(&d->candidates[i], name, sizeof(*name)) == 0)
			return;
	if (d->candidate_count < DAEMON_CANDIDATES)
		d->candidates[d->candidate_count++] = *name;
	else
		d->scan_wanted = true;
}

void watch_candidates(struct daemon *d)
{
	for (unsigned i = 0; i < d->candidate_count && !d->store_lost; i++)
		watch_mark(d, &d->candidates[i]);
	d->candidate_count = 0;
}

static void watch_event(struct daemon *d, const char *path)
{
	struct leaf_name name;

	switch (scan_parse_path(path, d->home, &name)) {
	case SCAN_ABOVE:
		d->scan_wanted = true;
		break;
	case SCAN_LEAF:
	case SCAN_INSIDE:
		if (watch_kind_is_ours(name.kind))
			watch_note(d, &name, path);
		break;
	case SCAN_FOREIGN:
		watch_refuse("", path);
		return;
	}
	daemon_want_pass(d);
}

static void watch_readable(void *opaque, uint32_t events)
{
	struct daemon *d = opaque;

	for (int i = 0; i < WATCH_EVENTS_PER_TURN; i++) {
		CLEANUP_FREE char **event = xs_check_watch(d->xs);

		if (!event) {
			if (errno != EAGAIN && errno != EINTR)
				daemon_store_lost(d, -errno);
			return;
		}
		if (!d->stopping)
			watch_event(d, event[XS_WATCH_PATH]);
	}
}

int watch_start(struct daemon *d)
{
	if (!xs_watch(d->xs, "backend", WATCH_TOKEN))
		return errno ? -errno : -EIO;
	d->store_source = loop_add_fd(d->loop, xs_fileno(d->xs), EPOLLIN, watch_readable, d);
	return d->store_source ? 0 : -errno;
}

/* The names in a directory; none when it is gone or not ours to read. */
static int watch_list(struct daemon *d, const char *path, char ***names, unsigned *count)
{
	*count = 0;
	*names = xs_directory(d->xs, XBT_NULL, path, count);
	if (*names)
		return 0;
	*count = 0;
	return leaf_store_is_gone(-errno) ? -errno : 0;
}

static int watch_scan_frontend(struct daemon *d, struct leaf_name *name)
{
	char path[SCAN_PATH_MAX];
	CLEANUP_FREE char **names = NULL;
	unsigned count;
	int rc;

	snprintf(path, sizeof(path), "backend/%s/%u", name->kind, name->frontend);
	rc = watch_list(d, path, &names, &count);
	for (unsigned i = 0; i < count; i++) {
		if (scan_parse_devid(names[i], name) < 0)
			watch_refuse(path, names[i]);
		else
			watch_mark(d, name);
	}
	return rc;
}

static int watch_scan_kind(struct daemon *d, struct leaf_name *name)
{
	char path[SCAN_PATH_MAX];
	CLEANUP_FREE char **names = NULL;
	unsigned count;
	int rc;

	snprintf(path, sizeof(path), "backend/%s", name->kind);
	rc = watch_list(d, path, &names, &count);
	for (unsigned i = 0; rc == 0 && i < count; i++) {
		if (scan_parse_frontend(names[i], name) < 0)
			watch_refuse(path, names[i]);
		else
			rc = watch_scan_frontend(d, name);
	}
	return rc;
}

int watch_scan(struct daemon *d)
{
	CLEANUP_FREE char **names = NULL;
	unsigned count;
	int rc;

	/* A device that the store names no more is found out by looking at it. */
	for (unsigned i = 0; i < d->count; i++)
		d->devices[i]->dirty = true;
	rc = watch_list(d, "backend", &names, &count);
	for (unsigned i = 0; rc == 0 && i < count; i++) {
		struct leaf_name name = { .frontend = 0 };

		if (scan_parse_kind(names[i], &name) < 0)
			watch_refuse("backend", names[i]);
		else if (watch_kind_is_ours(name.kind))
			rc = watch_scan_kind(d, &name);
	}
	return rc;
}

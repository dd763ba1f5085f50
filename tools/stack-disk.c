// SPDX-License-Identifier: MIT
/* Disks of the guest domain: attach, detach, and what a backend says about them. */
#include "config.h"
#include "tools/stack.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/blk/partition-find.h"
#include "common/log.h"
#include "common/storage-name.h"
#include "tools/stack-private.h"
#include "tools/stack-process.h"
#include "tools/stack-vm.h"
#include "tools/vdev.h"
#include "xenstore/xsnode.h"

/* How long a backend may take to open its storage (xl gives it 10 s). */
#define DISK_ATTACH_MS 30000u
/* The same in a vm, whose kernel may still be booting, in a lab under emulation. */
#define DISK_VM_MS 300000u
/* How long a backend may take to drain and close. */
#define DISK_DETACH_MS 10000u

static struct attached *new_attached(uint32_t domid, uint32_t backend_domid, uint32_t vdev)
{
	struct attached *at = calloc(1, sizeof(*at));

	if (!at)
		return NULL;
	at->domid = domid;
	at->backend_domid = backend_domid;
	at->vdev = vdev;
	snprintf(at->backend, sizeof(at->backend), "/local/domain/%u/backend/vbd/%u/%u",
		backend_domid, domid, vdev);
	snprintf(at->frontend, sizeof(at->frontend), "/local/domain/%u/device/vbd/%u", domid, vdev);
	snprintf(at->libxl, sizeof(at->libxl), "/libxl/%u/device/vbd/%u", domid, vdev);
	return at;
}

struct attached *stack_find_attached(struct stack *st, uint32_t domid, enum stack_kind kind, uint32_t vdev)
{
	struct attached *at = st->disks;

	while (at && (at->kind != kind || at->domid != domid || at->vdev != vdev))
		at = at->next;
	return at;
}

static void free_attached(struct attached *at)
{
	stack_lvm_end(at);
	stack_relay_disallow(at);
	free(at->path);
	free(at->params);
	free(at->real);
	free(at);
}

void stack_forget(struct stack *st, struct attached *at)
{
	for (struct attached **p = &st->disks; *p; p = &(*p)->next) {
		if (*p == at) {
			*p = at->next;
			free_attached(at);
			return;
		}
	}
}

/* @filename from our working directory; a driver's own name (a URI, nothing) as it is. */
static char *absolute(const char *filename)
{
	CLEANUP_FREE char *cwd = NULL;
	char *path;

	if (!filename || filename[0] == '/' || filename[0] == '\0')
		return strdup(filename ? filename : "");
	cwd = getcwd(NULL, 0);
	if (!cwd || asprintf(&path, "%s/%s", cwd, filename) < 0)
		return NULL;
	return path;
}

/* Where Linux backends say what is wrong. */
static void error_dir(const struct attached *at, char *dir, size_t room)
{
	snprintf(dir, room, "/local/domain/%u/error/%s", at->backend_domid, strstr(at->backend, "backend/"));
}

/* What the backend says is wrong: where Linux backends say it, and where scripts do. */
char *stack_backend_error(struct stack *st, const struct attached *at)
{
	char dir[128];
	char *text;

	error_dir(at, dir, sizeof(dir));
	text = xsn_read(st->xs, XBT_NULL, dir, "error");
	if (!text)
		text = xsn_read(st->xs, XBT_NULL, at->backend, "error");
	if (!text)
		text = xsn_read(st->xs, XBT_NULL, at->backend, "hotplug-error");
	return text;
}

/* Some writers put the error's number first ("2 opening .."): that is no news to a reader. */
static const char *skip_number(const char *text)
{
	const char *p = text;

	p += *p == '-';
	if (*p < '0' || *p > '9')
		return text;
	while (*p >= '0' && *p <= '9')
		p++;
	return *p == ' ' && p[1] ? p + 1 : text;
}

static int report_backend_error(struct stack *st, const struct attached *at,
	const struct stack_disk *disk, char *why, size_t room)
{
	CLEANUP_FREE char *text = stack_backend_error(st, at);
	const char *name = disk->filename ? disk->filename : disk->driver;
	const char *say;

	if (!text)
		return 0;
	say = skip_number(text);
	stack_log_known(st, say);
	/* The backend names the file itself where it can. */
	if (name && !strstr(say, name))
		snprintf(why, room, "disk %s: %s: %s", disk->dev, name, say);
	else
		snprintf(why, room, "disk %s: %s", disk->dev, say);
	return -EIO;
}

static unsigned patience(const struct attached *at)
{
	return at->in_vm ? DISK_VM_MS : DISK_ATTACH_MS;
}

/* 0: a frontend may connect; -EAGAIN: not yet. */
static int check_backend(struct stack *st, const struct attached *at,
	const struct stack_disk *disk, char *why, size_t room)
{
	XenbusState state = XenbusStateUnknown;
	int error = xsn_read_state(st->xs, XBT_NULL, at->backend, "state", &state);

	if (error < 0 && error != -ENOENT)
		return stack_fail(why, room, error, "cannot read the state of disk %s: %s", disk->dev,
			strerror(-error));
	if (error == 0 && state >= XenbusStateInitWait && state <= XenbusStateConnected)
		return 0;
	error = report_backend_error(st, at, disk, why, room);
	if (error == 0)
		error = stack_check(st, why, room);
	if (error == 0)
		error = stack_backend_check(st, at->backend_domid, why, room);
	if (error < 0)
		return error;
	if (state == XenbusStateClosed || state == XenbusStateClosing)
		return stack_fail(why, room, -EIO, "disk %s: the backend closed without a reason", disk->dev);
	if (stack_now_ms() - at->since_ms < patience(at))
		return -EAGAIN;
	return stack_fail(why, room, -ETIMEDOUT, "disk %s: no backend came up within %u s; %s shows why",
		disk->dev, patience(at) / 1000,
		at->in_vm ? "the driver domain's console" : "SLUICE_LOG=debug");
}

static int parse_dev(struct stack *st, uint32_t domid, const char *dev, uint32_t *vdev, char *why,
	size_t room)
{
	int error = vdev_parse(dev, vdev);

	if (error < 0)
		snprintf(why, room, "%s is no disk name: use xvda, xvdb, ...", dev);
	else if (stack_find_attached(st, domid, STACK_VBD, *vdev))
		snprintf(why, room, "disk %s is there twice: give each its own dev=", dev);
	else
		return 0;
	return error < 0 ? error : -EEXIST;
}

static int find_backend(struct stack *st, const struct stack_disk *disk, uint32_t *domid, char *why,
	size_t room)
{
	struct stack_process *p = disk->backend ? stack_process_find(st, disk->backend) : st->storage;

	if (p)
		*domid = p->domid;
	if (p || stack_vm_driver(st, disk->backend, domid))
		return 0;
	return stack_fail(why, room, -ENOENT, "disk %s: there is no driver domain %s in this stack",
		disk->dev, disk->backend);
}

/*
 * A partition of a device for which the kernel has a device is that device. A process domain,
 * without /sys and the other names in /dev, could not tell; and only who has it open as
 * that keeps the kernel's other users of it away.
 */
static int use_partition(struct attached *at)
{
	size_t n = strlen(STORAGE_PARTITION);
	const char *which = strncmp(at->params, STORAGE_PARTITION, n) == 0 ? storage_name_which(at->params + n) : NULL;
	struct partition_found found;
	struct stat sb;
	char why[256];

	if (!which || stat(at->path, &sb) < 0 || !S_ISBLK(sb.st_mode))
		return 0;
	/* What is wrong the backend says. */
	if (partition_find(at->path, which + 1, &found, why, sizeof(why)) < 0 || !found.device)
		return 0;
	free(at->path);
	free(at->params);
	at->path = found.device;
	at->params = strdup(found.device);
	return at->params ? 0 : -ENOMEM;
}

static void disallow(struct stack *st, const struct attached *at)
{
	struct stack_process *p = stack_process_of(st, at->backend_domid);

	if (p && st->may_revive)
		stack_process_disallow(p, at);
}

static int allow(struct stack *st, struct stack_process *p, struct attached *at, char *why, size_t room)
{
	int error = stack_process_allow(p, at, why, room);

	if (error < 0)
		return error;
	error = stack_relay_allow(p, at, why, room);
	if (error < 0)
		disallow(st, at);
	return error;
}

/* Where its backend finds it, which it may reach from then on. */
static int find_path(struct stack *st, struct attached *at, const struct stack_disk *disk, char *why,
	size_t room)
{
	struct stack_process *p = stack_process_of(st, at->backend_domid);
	const char *whole = disk->filename ? disk->filename : "";
	CLEANUP_FREE char *name = NULL;
	char text[512];
	int error;

	if (disk->filename && storage_name_has_password(disk->filename))
		return stack_fail(why, room, -EINVAL, "disk %s: there is a password in its name;"
			" it would stand in the store: remove it", disk->dev);
	at->in_vm = !p;
	at->readonly = disk->readonly;
	/* A path in a driver domain vm is that vm's, not ours. */
	if (p && storage_name_is_lvm(whole)) {
		at->path = stack_lvm_begin(st, at, disk, text, sizeof(text));
		if (!at->path)
			return stack_fail(why, room, -errno, "disk %s: %s", disk->dev, text);
		at->params = storage_name_with_device(whole, at->path);
	} else {
		name = storage_name_path(whole);
		at->path = name && p ? absolute(name) : name ? strdup(name) : NULL;
		at->params = at->path ? storage_name_with_path(whole, at->path) : NULL;
	}
	if (p && at->path && at->path[0] == '/' && stack_path_look(at->path) == -ETIMEDOUT)
		return stack_fail(why, room, -ETIMEDOUT, "disk %s: %s does not answer: is what serves it"
			" still there?", disk->dev, at->path);
	if (!at->params || (p && use_partition(at) < 0))
		return stack_fail(why, room, -ENOMEM, "out of memory");
	at->real = p && at->path[0] ? realpath(at->path, NULL) : NULL;
	error = p ? allow(st, p, at, text, sizeof(text)) : 0;
	return error == 0 ? 0 : stack_fail(why, room, error, "disk %s: %s", disk->dev, text);
}

static int add(struct stack *st, struct attached *at, const struct stack_disk *disk, char *why,
	size_t room)
{
	int error = stack_nodes_disk(st, at, disk, at->params);

	if (error < 0)
		return stack_fail(why, room, error, "the store refused the nodes of disk %s: %s",
			disk->dev, strerror(-error));
	at->since_ms = stack_now_ms();
	at->next = st->disks;
	st->disks = at;
	return 0;
}

int stack_attach_begin(struct stack *st, uint32_t domid, const struct stack_disk *disk, char *why,
	size_t why_room)
{
	uint32_t vdev, backend_domid;
	struct attached *at;
	int error = parse_dev(st, domid, disk->dev, &vdev, why, why_room);

	if (error == 0)
		error = find_backend(st, disk, &backend_domid, why, why_room);
	if (error < 0)
		return error;
	at = new_attached(domid, backend_domid, vdev);
	if (!at)
		return stack_fail(why, why_room, -ENOMEM, "out of memory");
	error = find_path(st, at, disk, why, why_room);
	if (error == 0) {
		error = add(st, at, disk, why, why_room);
		if (error < 0)
			disallow(st, at);
	}
	if (error < 0)
		free_attached(at);
	return error;
}

int stack_attach_check(struct stack *st, uint32_t domid, const struct stack_disk *disk, char *why,
	size_t why_room)
{
	struct attached *at = NULL;
	uint32_t vdev;

	if (vdev_parse(disk->dev, &vdev) == 0)
		at = stack_find_attached(st, domid, STACK_VBD, vdev);
	if (!at)
		return stack_fail(why, why_room, -ENOENT, "there is no disk %s", disk->dev);
	return check_backend(st, at, disk, why, why_room);
}

int stack_attach_disk(struct stack *st, const struct stack_disk *disk, char *why, size_t why_room)
{
	int error = stack_attach_begin(st, STACK_GUEST, disk, why, why_room);
	unsigned pause = 1;

	if (error < 0)
		return error;
	while ((error = stack_attach_check(st, STACK_GUEST, disk, why, why_room)) == -EAGAIN) {
		/* What the backend says may be the reason that is about to be given as ours. */
		stack_pump_full(st);
		stack_sleep_ms(pause);
		if (pause < 16)
			pause *= 2;
	}
	return error;
}

/* --- removal ----------------------------------------------------------- */

struct closing {
	const struct attached *at;
	bool guest_is_dead;
};

static int ask_close(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	const struct closing *c = opaque;
	const struct attached *at = c->at;
	XenbusState state;
	int error = xsn_read_state(xs, t, at->backend, "state", &state);

	/* Writing would make a directory anew that its backend has already removed. */
	if (error < 0)
		return error;
	error = xsn_write(xs, t, at->backend, "online", "0");
	/* Nobody is left who could answer the backend: it must not wait for that. */
	if (error == 0 && c->guest_is_dead)
		error = xsn_rm(xs, t, at->frontend, NULL);
	return error < 0 ? error : xsn_write_state(xs, t, at->backend, "state", XenbusStateClosing);
}

static bool is_closed(struct stack *st, const struct attached *at)
{
	XenbusState state;
	int error = xsn_read_state(st->xs, XBT_NULL, at->backend, "state", &state);

	return error < 0 || state == XenbusStateClosed;
}

static int ask(struct stack *st, const struct attached *at, bool guest_is_dead)
{
	struct closing closing = { .at = at, .guest_is_dead = guest_is_dead };
	int error = xsn_transaction(st->xs, ask_close, &closing);

	/* A backend that has gone has closed. */
	return error == -ENOENT ? 0 : error;
}

static int await_closed(struct stack *st, const struct attached *at, uint64_t end)
{
	unsigned pause = 1;
	char why[128];

	while (!is_closed(st, at)) {
		if (stack_now_ms() >= end)
			return -ETIMEDOUT;
		if (stack_check(st, why, sizeof(why)) < 0)
			return -EPIPE;
		stack_sleep_ms(pause);
		if (pause < 16)
			pause *= 2;
	}
	return 0;
}

int stack_close_disk(struct stack *st, const struct attached *at, bool guest_is_dead)
{
	int error = ask(st, at, guest_is_dead);

	return error < 0 ? error : await_closed(st, at, stack_now_ms() + DISK_DETACH_MS);
}

static bool has_sibling(struct stack *st, const struct attached *at)
{
	for (struct attached *o = st->disks; o; o = o->next)
		if (o != at && o->kind == at->kind && o->domid == at->domid && o->backend_domid == at->backend_domid)
			return true;
	return false;
}

/* What neither the backend nor its daemon removed; if the store is gone, nothing is there. */
static void remove_nodes(struct stack *st, const struct attached *at)
{
	char parent[80], dir[128];

	/* The next one of that name is not to be told what was wrong with this one. */
	error_dir(at, dir, sizeof(dir));
	(void)!xsn_rm(st->xs, XBT_NULL, dir, NULL);
	(void)!xsn_rm(st->xs, XBT_NULL, at->frontend, NULL);
	(void)!xsn_rm(st->xs, XBT_NULL, at->libxl, NULL);
	(void)!xsn_rm(st->xs, XBT_NULL, at->backend, NULL);
	snprintf(parent, sizeof(parent), "/local/domain/%u/backend/%s/%u", at->backend_domid,
		at->kind == STACK_VIF ? "vif" : "vbd", at->domid);
	if (!has_sibling(st, at))
		(void)!xsn_rm(st->xs, XBT_NULL, parent, NULL);
}

static bool backend_runs(struct stack *st, const struct attached *at)
{
	char why[128];

	return stack_check(st, why, sizeof(why)) == 0 &&
		stack_backend_check(st, at->backend_domid, why, sizeof(why)) == 0;
}

static void ask_last(struct stack *st, struct attached *at)
{
	at->asked = backend_runs(st, at) && ask(st, at, true) == 0;
}

/* If its backend was asked it has until @end. */
static void detach(struct stack *st, struct attached *at, uint64_t end)
{
	if (at->asked && backend_runs(st, at) && await_closed(st, at, end) == -ETIMEDOUT)
		log_warn("the backend of %s did not end in time", at->backend);
	remove_nodes(st, at);
	disallow(st, at);
	stack_forget(st, at);
}

int stack_detach_begin(struct stack *st, uint32_t domid, enum stack_kind kind, uint32_t vdev)
{
	const struct attached *at = stack_find_attached(st, domid, kind, vdev);

	return at ? ask(st, at, false) : -ESRCH;
}

bool stack_detach_done(struct stack *st, uint32_t domid, enum stack_kind kind, uint32_t vdev)
{
	struct attached *at = stack_find_attached(st, domid, kind, vdev);

	return !at || is_closed(st, at);
}

void stack_detach_finish(struct stack *st, uint32_t domid, enum stack_kind kind, uint32_t vdev)
{
	struct attached *at = stack_find_attached(st, domid, kind, vdev);

	if (!at)
		return;
	ask_last(st, at);
	detach(st, at, stack_now_ms() + DISK_DETACH_MS);
}

void stack_detach_all(struct stack *st, uint32_t domid)
{
	struct attached *next;
	uint64_t end;

	/* All at once: nothing else is done meanwhile, however many do not answer. */
	for (struct attached *at = st->disks; at; at = at->next)
		if (at->domid == domid)
			ask_last(st, at);
	end = stack_now_ms() + DISK_DETACH_MS;
	for (struct attached *at = st->disks; at; at = next) {
		next = at->next;
		if (at->domid == domid)
			detach(st, at, end);
	}
}

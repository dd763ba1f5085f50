// SPDX-License-Identifier: MIT
/* Disks that come to a running vm, and leave it. What a vm has when it reboots it keeps. */
#include "config.h"
#include "tools/boot-private.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/loop.h"
#include "tools/disk-arg.h"
#include "tools/stack-private.h"
#include "tools/vdev.h"

/* How often it is looked whether a backend is there, or has closed. */
#define PLUG_POLL_MS 10u
/* How long a guest may take to let go of a disk; xl gives it as long. */
#define PLUG_DETACH_MS 10000u
/* The same when it is to be taken away then. */
#define PLUG_FORCE_MS 2000u

struct boot_plug {
	struct boot_plug *next;
	struct boot_slot *slot;
	struct boot_reply *reply;
	struct loop_source *timer;
	char *text;                /* what disk points into */
	struct stack_disk disk;    /* to attach */
	uint32_t vdev;
	uint64_t end_ms;           /* of the patience with a guest that is to detach */
	bool force;
};

static void plug_free(struct boot_plug *p)
{
	struct boot_plug **at = &p->slot->plugs;

	while (*at && *at != p)
		at = &(*at)->next;
	if (*at)
		*at = p->next;
	loop_remove(p->timer);
	free(p->text);
	free(p);
}

static void plug_end(struct boot_plug *p, const char *text)
{
	boot_reply_send(p->reply, "%s", text);
	plug_free(p);
}

void boot_plug_drop(struct boot_slot *s)
{
	while (s->plugs)
		plug_end(s->plugs, "the vm has ended");
}

/* It is the slot's from here on; NULL: answered. */
static struct boot_plug *plug_new(struct boot_slot *s, const char *text, struct boot_reply *reply)
{
	struct boot_plug *p = calloc(1, sizeof(*p));
	char *copy = strdup(text);

	if (!p || !copy) {
		free(p);
		free(copy);
		boot_reply_send(reply, "out of memory");
		return NULL;
	}
	*p = (struct boot_plug){ .next = s->plugs, .slot = s, .reply = reply, .text = copy };
	s->plugs = p;
	return p;
}

static bool is_busy(const struct boot_plug *p)
{
	for (const struct boot_plug *o = p->slot->plugs; o; o = o->next)
		if (o != p && o->vdev == p->vdev)
			return true;
	return false;
}

static void poll_again(struct boot_plug *p, void (*fn)(void *opaque))
{
	p->timer = loop_add_timer(p->slot->boot->loop, PLUG_POLL_MS, fn, p);
	if (!p->timer)
		plug_end(p, "out of memory");
}

/* --- attach ------------------------------------------------------------ */

static void keep_disk(struct boot_plug *p)
{
	struct stack_vm_config *c = &p->slot->vm->config;
	struct arg_list *args = &p->slot->args;
	char **argv = realloc(args->argv, (args->argc + 2) * sizeof(*argv));

	/* Without memory it is not there after a reboot. */
	if (!argv)
		return;
	args->argv = argv;
	argv[args->argc++] = p->text;
	argv[args->argc] = NULL;
	p->text = NULL;
	c->disks[c->ndisks++] = p->disk;
}

static void on_attach(void *opaque)
{
	struct boot_plug *p = opaque;
	struct boot_slot *s = p->slot;
	char why[1024];
	int error = stack_attach_check(s->boot->st, s->live->domid, &p->disk, why, sizeof(why));

	p->timer = NULL;
	if (error == -EAGAIN) {
		poll_again(p, on_attach);
	} else if (error < 0) {
		stack_detach_finish(s->boot->st, s->live->domid, STACK_VBD, p->vdev);
		plug_end(p, why);
	} else {
		keep_disk(p);
		plug_end(p, "ok\n");
	}
}

static int begin_attach(struct boot_plug *p, char *why, size_t room)
{
	const struct stack_vm_config *c = &p->slot->vm->config;
	int error = disk_arg_parse(p->text, &p->disk, why, room);

	if (error < 0)
		return error;
	if (!p->disk.dev || vdev_parse(p->disk.dev, &p->vdev) < 0)
		return stack_fail(why, room, -EINVAL, "%s is no disk name: use xvda, xvdb, ...",
			p->disk.dev ? p->disk.dev : "nothing");
	if (c->ndisks == STACK_VM_DISKS)
		return stack_fail(why, room, -E2BIG, "%s has %u disks, as many as a vm can have", c->name,
			STACK_VM_DISKS);
	if (is_busy(p))
		return stack_fail(why, room, -EBUSY, "disk %s is just being attached or detached",
			p->disk.dev);
	return stack_attach_begin(p->slot->boot->st, p->slot->live->domid, &p->disk, why, room);
}

void boot_plug_attach(struct boot_slot *s, const char *text, struct boot_reply *reply)
{
	struct boot_plug *p = plug_new(s, text, reply);
	char why[512];

	if (!p)
		return;
	if (begin_attach(p, why, sizeof(why)) < 0)
		plug_end(p, why);
	else
		poll_again(p, on_attach);
}

/* --- detach ------------------------------------------------------------ */

/* Return: its place among the vm's disks, or -1. */
static int find_disk(const struct stack_vm_config *c, uint32_t vdev)
{
	uint32_t other;

	for (unsigned i = 0; i < c->ndisks; i++)
		if (vdev_parse(c->disks[i].dev, &other) == 0 && other == vdev)
			return (int)i;
	return -1;
}

static void detached(struct boot_plug *p)
{
	struct boot_slot *s = p->slot;
	struct stack_vm_config *c = &s->vm->config;
	int at = find_disk(c, p->vdev);

	stack_detach_finish(s->boot->st, s->live->domid, STACK_VBD, p->vdev);
	if (at >= 0)
		memmove(&c->disks[at], &c->disks[at + 1], (--c->ndisks - (unsigned)at) * sizeof(c->disks[0]));
	plug_end(p, "ok\n");
}

static void on_detach(void *opaque)
{
	struct boot_plug *p = opaque;
	struct boot_slot *s = p->slot;
	char why[256];

	p->timer = NULL;
	if (stack_detach_done(s->boot->st, s->live->domid, STACK_VBD, p->vdev)) {
		detached(p);
	} else if (stack_now_ms() < p->end_ms) {
		poll_again(p, on_detach);
	} else if (p->force) {
		detached(p);
	} else {
		snprintf(why, sizeof(why), "%s did not let go of disk %s within %u s: unmount it there; it"
			" goes then, and another block-detach tidies up; --force takes it away as it is",
			s->vm->config.name, p->text, PLUG_DETACH_MS / 1000);
		plug_end(p, why);
	}
}

static int parse_vdev(const char *dev, uint32_t *vdev)
{
	char *end;
	unsigned long n;

	if (!isdigit((unsigned char)dev[0]))
		return vdev_parse(dev, vdev);
	errno = 0;
	n = strtoul(dev, &end, 10);
	*vdev = (uint32_t)n;
	return errno || *end || n > UINT32_MAX ? -EINVAL : 0;
}

static int begin_detach(struct boot_plug *p, char *why, size_t room)
{
	struct boot_slot *s = p->slot;
	int error = parse_vdev(p->text, &p->vdev);

	if (error < 0 || find_disk(&s->vm->config, p->vdev) < 0)
		return stack_fail(why, room, -ENOENT, "%s has no disk %s; sluice block-list %s shows them",
			s->vm->config.name, p->text, s->vm->config.name);
	if (is_busy(p))
		return stack_fail(why, room, -EBUSY, "disk %s is just being detached", p->text);
	error = stack_detach_begin(s->boot->st, s->live->domid, STACK_VBD, p->vdev);
	return error < 0 ? stack_fail(why, room, error, "disk %s cannot be detached: %s", p->text,
		strerror(-error)) : 0;
}

void boot_plug_detach(struct boot_slot *s, const char *dev, bool force, struct boot_reply *reply)
{
	struct boot_plug *p = plug_new(s, dev, reply);
	char why[256];

	if (!p)
		return;
	p->force = force;
	p->end_ms = stack_now_ms() + (force ? PLUG_FORCE_MS : PLUG_DETACH_MS);
	if (begin_detach(p, why, sizeof(why)) < 0)
		plug_end(p, why);
	else
		poll_again(p, on_detach);
}

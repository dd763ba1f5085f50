// SPDX-License-Identifier: MIT
/* Devices that come to a running vm, and leave it. What a vm has when it reboots it keeps. */
#include "config.h"
#include "tools/boot-plug.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/loop.h"

/* How often it is looked whether a backend is there, or has closed. */
#define PLUG_POLL_MS 10u
/* How long a guest may take to let go of a device; xl gives it as long. */
#define PLUG_DETACH_MS 10000u
/* The same when it is to be taken away then. */
#define PLUG_FORCE_MS 2000u

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
static struct boot_plug *plug_new(struct boot_slot *s, const struct plug_ops *ops, const char *text,
	struct boot_reply *reply)
{
	struct boot_plug *p = calloc(1, sizeof(*p));
	char *copy = strdup(text);

	if (!p || !copy) {
		free(p);
		free(copy);
		boot_reply_send(reply, "out of memory");
		return NULL;
	}
	*p = (struct boot_plug){ .next = s->plugs, .ops = ops, .slot = s, .reply = reply, .text = copy };
	s->plugs = p;
	return p;
}

static bool is_busy(const struct boot_plug *p)
{
	for (const struct boot_plug *o = p->slot->plugs; o; o = o->next)
		if (o != p && o->ops == p->ops && o->vdev == p->vdev)
			return true;
	return false;
}

static void poll_again(struct boot_plug *p, void (*fn)(void *opaque))
{
	p->timer = loop_add_timer(p->slot->boot->loop, PLUG_POLL_MS, fn, p);
	if (!p->timer)
		plug_end(p, "out of memory");
}

bool plug_parse_number(const char *text, uint32_t *n)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	*n = (uint32_t)value;
	return !errno && isdigit((unsigned char)text[0]) && !*end && value <= UINT32_MAX;
}

/* --- attach ------------------------------------------------------------ */

/* The text is what the vm's configuration points into from here on. */
static bool keep_text(struct boot_plug *p)
{
	struct arg_list *args = &p->slot->args;
	char **argv = realloc(args->argv, (args->argc + 2) * sizeof(*argv));

	if (!argv)
		return false;
	args->argv = argv;
	argv[args->argc++] = p->text;
	argv[args->argc] = NULL;
	p->text = NULL;
	return true;
}

static void on_attach(void *opaque)
{
	struct boot_plug *p = opaque;
	struct boot_slot *s = p->slot;
	char why[1024];
	int error = p->ops->check(p, why, sizeof(why));

	p->timer = NULL;
	if (error == -EAGAIN) {
		poll_again(p, on_attach);
	} else if (error < 0) {
		stack_detach_finish(s->boot->st, s->live->domid, p->ops->kind, p->vdev);
		plug_end(p, why);
	} else {
		/* Without memory it is not there after a reboot. */
		if (keep_text(p))
			p->ops->keep(p);
		plug_end(p, "ok\n");
	}
}

static int begin_attach(struct boot_plug *p, char *why, size_t room)
{
	int error = p->ops->parse(p, why, room);

	if (error < 0)
		return error;
	if (is_busy(p))
		return stack_fail(why, room, -EBUSY, "%s %s is just being attached or detached", p->ops->what,
			p->ops->kind == STACK_VBD ? p->disk.dev : "of that number");
	return p->ops->begin(p, why, room);
}

static void attach(struct boot_slot *s, const struct plug_ops *ops, const char *text, struct boot_reply *reply)
{
	struct boot_plug *p = plug_new(s, ops, text, reply);
	char why[1024];

	if (!p)
		return;
	if (begin_attach(p, why, sizeof(why)) < 0)
		plug_end(p, why);
	else
		poll_again(p, on_attach);
}

/* --- detach ------------------------------------------------------------ */

static void detached(struct boot_plug *p)
{
	struct boot_slot *s = p->slot;

	stack_detach_finish(s->boot->st, s->live->domid, p->ops->kind, p->vdev);
	p->ops->drop(p);
	plug_end(p, "ok\n");
}

static void on_detach(void *opaque)
{
	struct boot_plug *p = opaque;
	struct boot_slot *s = p->slot;
	char why[256];

	p->timer = NULL;
	if (stack_detach_done(s->boot->st, s->live->domid, p->ops->kind, p->vdev)) {
		detached(p);
	} else if (stack_now_ms() < p->end_ms) {
		poll_again(p, on_detach);
	} else if (p->force) {
		detached(p);
	} else {
		snprintf(why, sizeof(why), "%s did not let go of %s %s within %u s: %s there; it goes then, and"
			" another %s tidies up; --force takes it away as it is", s->vm->config.name, p->ops->what,
			p->text, PLUG_DETACH_MS / 1000, p->ops->remedy, p->ops->detach);
		plug_end(p, why);
	}
}

static int begin_detach(struct boot_plug *p, char *why, size_t room)
{
	struct boot_slot *s = p->slot;
	const char *name = s->vm->config.name;
	int error;

	if (!p->ops->find(p))
		return stack_fail(why, room, -ENOENT, "%s has no %s %s; sluice %s %s shows them", name,
			p->ops->what, p->text, p->ops->list, name);
	if (is_busy(p))
		return stack_fail(why, room, -EBUSY, "%s %s is just being detached", p->ops->what, p->text);
	error = stack_detach_begin(s->boot->st, s->live->domid, p->ops->kind, p->vdev);
	return error < 0 ? stack_fail(why, room, error, "%s %s cannot be detached: %s", p->ops->what, p->text,
		strerror(-error)) : 0;
}

static void detach(struct boot_slot *s, const struct plug_ops *ops, const char *name, bool force,
	struct boot_reply *reply)
{
	struct boot_plug *p = plug_new(s, ops, name, reply);
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

/* --- verbs ------------------------------------------------------------- */

bool boot_plug_verb(struct boot_slot *s, const char *verb, const char *text, bool force,
	struct boot_reply *reply)
{
	static const struct {
		const char *verb;
		const struct plug_ops *ops;
		bool attach;
	} verbs[] = {
		{ "block-attach", &plug_disk, true }, { "block-detach", &plug_disk, false },
		{ "network-attach", &plug_vif, true }, { "network-detach", &plug_vif, false },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].verb, verb) != 0)
			continue;
		if (verbs[i].attach)
			attach(s, verbs[i].ops, text, reply);
		else
			detach(s, verbs[i].ops, text, force, reply);
		return true;
	}
	return false;
}

// SPDX-License-Identifier: MIT
/* What clients of a run's control socket ask for. */
#include "config.h"
#include "tools/boot-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "common/log.h"
#include "tools/stack-console.h"
#include "tools/stack-private.h"

static const char *state_name(const struct boot_slot *s, uint64_t *cpu_ns)
{
	static const char *const names[] = {
		[HVCTL_BUILDING] = "building", [HVCTL_PAUSED] = "paused", [HVCTL_RUNNING] = "running",
		[HVCTL_SHUTDOWN] = "shutdown",
	};
	struct hvctl_domain_info info;

	*cpu_ns = 0;
	if (stack_vm_info(s->live, &info) < 0 || info.state >= ARRAY_SIZE(names) || !names[info.state])
		return "unknown";
	*cpu_ns = info.cpu_ns;
	return names[info.state];
}

/* A line: name, domid, memory, vcpus, state, cpu time, uuid, whether it is a driver domain, type. */
static int list_one(const struct boot_slot *s, char *text, size_t room)
{
	const struct stack_vm_config *c = &s->vm->config;
	const char *state;
	uint64_t cpu;

	if (s->process)
		return snprintf(text, room, "%s %u 0 0 %s 0 %s 1 process\n", c->name, s->process->domid,
			s->process->ended ? "crashed" : "running", s->process->uuid);
	state = state_name(s, &cpu);
	return snprintf(text, room, "%s %u %u %u %s %" PRIu64 " %s %d pvh\n", c->name, s->live->domid,
		c->memory_mib, c->vcpus, state, cpu, s->live->uuid, c->driver);
}

static void list(struct boot *b, struct boot_reply *reply)
{
	char text[BOOT_MESSAGE_MAX / 2];
	size_t used = 0;

	text[0] = '\0';
	for (const struct boot_slot *s = b->slots; s && used < sizeof(text); s = s->next)
		if (boot_slot_lives(s))
			used += (size_t)list_one(s, text + used, sizeof(text) - used);
	boot_reply_send(reply, "ok\n%s", text);
}

static struct boot_slot *find_slot(struct boot *b, const char *name)
{
	struct boot_slot *s = b->slots;

	while (s && (!boot_slot_lives(s) || strcmp(s->vm->config.name, name) != 0))
		s = s->next;
	return s;
}

/* --- create ------------------------------------------------------------ */

/* The options of a vm; its @args become the slot's. */
static struct boot_slot *take_options(struct boot *b, struct arg_list *args, char *why, size_t room)
{
	struct boot_options *o = calloc(1, sizeof(*o));

	if (!o || args->failed)
		snprintf(why, room, "out of memory");
	else if (boot_parse((int)args->argc, args->argv, true, o) >= 0 || o->nvms != 1)
		snprintf(why, room, "the stack does not understand the request; is it of another version?");
	else if (b->ending)
		snprintf(why, room, "the stack is about to end; try again when sluice list is empty");
	else if (find_slot(b, o->vms[0].config.name))
		snprintf(why, room, "there is a domain %s already; give this one another name",
			o->vms[0].config.name);
	else
		return boot_slot_new(b, &o->vms[0], o, args);
	free(o);
	return NULL;
}

static void create(struct boot *b, char **words, unsigned nwords, struct boot_reply *reply)
{
	char why[1024] = "out of memory";
	struct arg_list args = { .argc = 0 };
	struct boot_slot *s;

	for (unsigned i = 0; i < nwords; i++)
		arg_list_add(&args, "%s", words[i]);
	s = take_options(b, &args, why, sizeof(why));
	if (s && boot_slot_start(s, why, sizeof(why)) == 0) {
		/* A process domain serves already. */
		if (s->process)
			boot_reply_send(reply, "ok\n%u\n", s->process->domid);
		else
			s->waiter = reply;
		return;
	}
	arg_list_free(&args);
	stack_pump(b->st);
	boot_reply_send(reply, "%s", why);
	if (s)
		boot_slot_remove(s);
	boot_check_end(b);
}

/* --- verbs for one vm -------------------------------------------------- */

static int act(struct boot_slot *s, const char *verb, char *why, size_t room)
{
	if (strcmp(verb, "pause") == 0)
		return stack_vm_pause(s->live, why, room);
	if (strcmp(verb, "unpause") == 0)
		return stack_vm_unpause(s->live, why, room);
	if (strcmp(verb, "reboot") == 0)
		return stack_vm_ask(s->live, "reboot", why, room);
	if (strcmp(verb, "shutdown") == 0)
		return stack_vm_ask(s->live, "poweroff", why, room);
	snprintf(why, room, "this version knows no %s", verb);
	return -ENOSYS;
}

static bool is_waking_verb(const char *verb)
{
	return strcmp(verb, "pause") == 0 || strcmp(verb, "unpause") == 0;
}

static void one_vm(struct boot_slot *s, char **words, unsigned nwords, struct boot_reply *reply)
{
	const char *verb = words[0], *arg = nwords > 2 ? words[2] : "";
	struct boot *b = s->boot;
	char path[140], why[256] = "";

	if (strcmp(verb, "console") == 0) {
		stack_console_path(s->live, path, sizeof(path));
		boot_reply_send(reply, "ok\n%s\n", path);
	} else if (strcmp(verb, "destroy") == 0) {
		if (strcmp(arg, "force") != 0 && boot_is_used(s, BOOT_FORCE, reply))
			return;
		boot_slot_remove(s);
		boot_reply_send(reply, "ok\n");
		boot_check_end(b);
	} else if (s->ready) {
		boot_reply_send(reply, "%s waits for its devices", s->vm->config.name);
	} else if (s->ended && !is_waking_verb(verb)) {
		boot_reply_send(reply, "%s has shut down already", s->vm->config.name);
	} else if (!boot_plug_verb(s, verb, arg, nwords > 3 && strcmp(words[3], "force") == 0, reply)) {
		int error = act(s, verb, why, sizeof(why));

		boot_reply_send(reply, "%s\n", error < 0 ? why : "ok");
	}
}

void boot_request(struct boot *b, char **words, unsigned nwords, struct boot_reply *reply)
{
	struct boot_slot *s;

	if (strcmp(words[0], "list") == 0) {
		list(b, reply);
	} else if (strcmp(words[0], "kind") == 0) {
		boot_reply_send(reply, "ok\n%s\n", b->o->keep ? "keep" : "private");
	} else if (strcmp(words[0], "create") == 0) {
		create(b, words, nwords, reply);
	} else {
		s = nwords > 1 ? find_slot(b, words[1]) : NULL;
		if (s && s->process)
			boot_process_verb(s, words[0], nwords > 2 && strcmp(words[2], "force") == 0, reply);
		else if (s)
			one_vm(s, words, nwords, reply);
		else
			boot_reply_send(reply, "there is no vm %s", nwords > 1 ? words[1] : "");
	}
}

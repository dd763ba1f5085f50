// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/client.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>

#include "common/log.h"
#include "tools/rundir.h"

/* A stack whose vm's driver domain boots answers when that has come up. */
#define ANSWER_MS 400000

/* What needs no device: a stack that takes longer hangs, or its machine does. */
#define LIST_MS 15000

enum boot_answer client_ask(const char *dir, const char *const *words, char *reply)
{
	return boot_ask(dir, words, ANSWER_MS, reply);
}

enum boot_answer client_look(const char *dir, const char *word, char *reply)
{
	const char *words[] = { word, NULL };
	enum boot_answer answer = boot_ask(dir, words, LIST_MS, reply);
	const char *name = strrchr(dir, '/');
	int pid = 0;

	if (answer == BOOT_SILENT && name && sscanf(name, "/run.%d.", &pid) == 1)
		log_err("the stack in %s does not answer; its process %d may be stopped, or very busy", dir, pid);
	return answer;
}

/* --- looking for vms --------------------------------------------------- */

struct each {
	void (*fn)(const struct client_vm *vm, void *opaque);
	void *opaque;
	unsigned silent; /* stacks that did not answer */
};

static int each_in(const char *dir, void *opaque)
{
	char reply[BOOT_MESSAGE_MAX], *save = NULL;
	struct each *each = opaque;
	struct client_vm vm;
	enum boot_answer answer = client_look(dir, "list", reply);
	int driver;

	each->silent += answer == BOOT_SILENT;
	if (answer != BOOT_OK)
		return 0;
	snprintf(vm.dir, sizeof(vm.dir), "%s", dir);
	for (char *line = strtok_r(reply, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "%63s %u %u %u %15s %" SCNu64 " %39s %d %7s", vm.name, &vm.domid, &vm.memory_mib,
				&vm.vcpus, vm.state, &vm.cpu_ns, vm.uuid, &driver, vm.type) != 9)
			continue;
		vm.driver = driver;
		each->fn(&vm, each->opaque);
	}
	return 0;
}

int client_each(void (*fn)(const struct client_vm *vm, void *opaque), void *opaque)
{
	struct each each = { .fn = fn, .opaque = opaque };

	rundir_each(each_in, &each);
	return each.silent ? -ETIMEDOUT : 0;
}

struct search {
	const char *what;
	unsigned domid;   /* ~0u: it is no number */
	struct client_vm *vm;
	unsigned found;
};

static void match(const struct client_vm *vm, void *opaque)
{
	struct search *s = opaque;

	if (strcmp(vm->name, s->what) != 0 && vm->domid != s->domid)
		return;
	*s->vm = *vm;
	s->found++;
}

static unsigned as_domid(const char *what)
{
	size_t digits = strspn(what, "0123456789");

	return digits && !what[digits] && digits < 6 ? (unsigned)atoi(what) : ~0u;
}

int client_find(const char *what, struct client_vm *vm)
{
	struct search s = { .what = what, .domid = as_domid(what), .vm = vm };
	int error = client_each(match, &s);

	if (s.found == 1)
		return 0;
	if (s.found && s.domid != ~0u)
		log_err("%u vms of yours, in different stacks, have the number %s: use the name", s.found, what);
	else if (s.found)
		log_err("%u vms of yours are named %s; each sluice boot can have its own --name", s.found, what);
	else
		log_err("there is no vm %s of yours%s; sluice list shows them", what,
			error < 0 ? " in the stacks that answer" : "");
	return -ENOENT;
}

struct same {
	const struct client_vm *vm;
	bool found;
};

static void match_same(const struct client_vm *vm, void *opaque)
{
	struct same *s = opaque;

	s->found |= strcmp(vm->dir, s->vm->dir) == 0 && strcmp(vm->name, s->vm->name) == 0;
}

bool client_is_gone(const struct client_vm *vm)
{
	struct same s = { .vm = vm };
	struct each each = { .fn = match_same, .opaque = &s };

	/* A stack that does not answer may still have it. */
	(void)each_in(vm->dir, &each);
	return !s.found && !each.silent;
}

/* --- requests ---------------------------------------------------------- */

int client_request(const struct client_vm *vm, const char *verb, const char *arg1, const char *arg2,
	char *reply)
{
	const char *words[] = { verb, vm->name, arg1, arg1 ? arg2 : NULL, NULL };
	char own[BOOT_MESSAGE_MAX];
	char *text = reply ? reply : own;

	switch (client_ask(vm->dir, words, text)) {
	case BOOT_OK:
		return 0;
	case BOOT_REFUSED:
		log_err("%s", text);
		return 1;
	case BOOT_ABSENT:
		log_err("the stack that ran %s has ended", vm->name);
		return 1;
	default:
		log_err("the stack that runs %s does not answer", vm->name);
		return 1;
	}
}

struct xs_handle *client_store(const struct client_vm *vm)
{
	char path[140];
	struct xs_handle *xs;

	snprintf(path, sizeof(path), "%s/store.sock", vm->dir);
	/* libxenstore takes the socket's path from here only. */
	setenv("XENSTORED_PATH", path, 1);
	xs = xs_open(XS_OPEN_SOCKETONLY);
	if (!xs)
		log_err("the store of %s does not answer: %s", vm->name, strerror(errno));
	return xs;
}

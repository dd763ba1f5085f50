// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/client.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <xenstore.h>

#include "common/log.h"
#include "tools/rundir.h"

/* A stack whose vm's driver domain boots answers when that has come up. */
#define ANSWER_MS 400000

static size_t join(const char *const *words, char *request, size_t room)
{
	size_t used = 0;

	for (; *words; words++) {
		size_t length = strlen(*words) + 1;

		if (length > room - used)
			return 0;
		memcpy(request + used, *words, length);
		used += length;
	}
	return used;
}

static int connect_to(const char *dir)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if ((size_t)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/" BOOT_SOCKET, dir) <
			sizeof(sun.sun_path) &&
		fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -ENOENT;
}

static bool exchange(const char *dir, const char *const *words, char *reply)
{
	char request[BOOT_MESSAGE_MAX];
	size_t length = join(words, request, sizeof(request) - 1);
	CLEANUP_CLOSE int fd = length ? connect_to(dir) : -1;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (fd < 0 || send(fd, request, length, MSG_NOSIGNAL) != (ssize_t)length ||
		poll(&p, 1, ANSWER_MS) <= 0)
		return false;
	n = recv(fd, reply, BOOT_MESSAGE_MAX - 1, 0);
	reply[n > 0 ? n : 0] = '\0';
	return n > 0;
}

enum client_answer client_ask(const char *dir, const char *const *words, char *reply)
{
	reply[0] = '\0';
	if (!exchange(dir, words, reply))
		return CLIENT_SILENT;
	if (strncmp(reply, "ok\n", 3) == 0) {
		memmove(reply, reply + 3, strlen(reply + 3) + 1);
		return CLIENT_OK;
	}
	reply[strcspn(reply, "\n")] = '\0';
	return CLIENT_REFUSED;
}

/* --- looking for vms --------------------------------------------------- */

struct each {
	void (*fn)(const struct client_vm *vm, void *opaque);
	void *opaque;
};

static int each_in(const char *dir, void *opaque)
{
	static const char *const words[] = { "list", NULL };
	char reply[BOOT_MESSAGE_MAX], *save = NULL;
	struct each *each = opaque;
	struct client_vm vm;
	int driver;

	if (client_ask(dir, words, reply) != CLIENT_OK)
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

void client_each(void (*fn)(const struct client_vm *vm, void *opaque), void *opaque)
{
	struct each each = { .fn = fn, .opaque = opaque };

	rundir_each(each_in, &each);
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

	client_each(match, &s);
	if (s.found == 1)
		return 0;
	if (s.found && s.domid != ~0u)
		log_err("%u vms of yours, in different stacks, have the number %s: use the name", s.found, what);
	else if (s.found)
		log_err("%u vms of yours are named %s; each sluice boot can have its own --name", s.found, what);
	else
		log_err("there is no vm %s of yours; sluice list shows them", what);
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

	client_each(match_same, &s);
	return !s.found;
}

/* --- requests ---------------------------------------------------------- */

int client_request(const struct client_vm *vm, const char *verb, const char *arg1, const char *arg2,
	char *reply)
{
	const char *words[] = { verb, vm->name, arg1, arg1 ? arg2 : NULL, NULL };
	char own[BOOT_MESSAGE_MAX];
	char *text = reply ? reply : own;

	switch (client_ask(vm->dir, words, text)) {
	case CLIENT_OK:
		return 0;
	case CLIENT_REFUSED:
		log_err("%s", text);
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

// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/stack-console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/paths.h"
#include "tools/stack-private.h"
#include "tools/stack-vm.h"

/* One that dies so often, each time within this, is not started again. */
#define CONSOLE_DEATHS_MAX 5u
#define CONSOLE_GOOD_MS 2000u
/* Its exit status when the guest broke its ring. */
#define CONSOLE_BROKEN 2

void stack_console_path(const struct stack_vm *vm, char *path, size_t room)
{
	snprintf(path, room, "%s/console.%u", vm->st->dir.path, vm->domid);
}

static void tape_path(const struct stack_vm *vm, char *path, size_t room)
{
	snprintf(path, room, "%s/console.%u.tape", vm->st->dir.path, vm->domid);
}

static int await_console(struct stack_vm *vm, int fd, char *why, size_t room)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t end = stack_now_ms() + STACK_START_MS;
	char byte;
	int r = 0;

	while (r == 0 && stack_now_ms() < end && !stack_cancelled(vm->st)) {
		r = poll(&p, 1, 200);
		if (r < 0 && errno == EINTR)
			r = 0;
	}
	if (r > 0 && read(fd, &byte, 1) == 1)
		return 0;
	stack_pump(vm->st);
	return stack_fail(why, room, -EPIPE, "the console of %s did not start", vm->config->name);
}

/* It serves domain 0's side of the ring: with domain 0's connections. */
static int spawn_console(struct stack_vm *vm, const char *path, int ready, char *why, size_t room)
{
	const struct stack_vm_config *config = vm->config;
	bool stdio = config->console == STACK_CONSOLE_STDIO && !vm->console_since_ms;
	CLEANUP_FREE char *libs = path_dropin_libs();
	CLEANUP_FREE char *log = NULL;
	char domain[32], ready_arg[32], socket[140], socket_path[120], tape_arg[160], tape[140];
	char hv[160], xs[140], ld[4200];
	char *argv[] = { (char *)"sluice-console", domain, ready_arg, socket, tape_arg, NULL, NULL, NULL };
	const char *env[] = { hv, xs, ld, NULL };
	struct spawn s = { .path = path, .argv = argv, .env = env, .keep = &ready, .nkeep = 1,
		.daemon = !stdio, .log = vm->st->log_write };

	if (!libs)
		return stack_fail(why, room, -ENOENT, "libxenevtchn.so.1 of Sluice was not found; build it"
			" (make) or install it (make install)");
	stack_console_path(vm, socket_path, sizeof(socket_path));
	tape_path(vm, tape, sizeof(tape));
	snprintf(domain, sizeof(domain), "--domain=%u", vm->domid);
	snprintf(ready_arg, sizeof(ready_arg), "--ready-fd=%d", ready);
	snprintf(socket, sizeof(socket), "--socket=%s", socket_path);
	snprintf(tape_arg, sizeof(tape_arg), "--journal=%s", tape);
	snprintf(hv, sizeof(hv), "SLUICE_HYPERVISOR=%s/dom/0/hypervisor.sock", vm->st->dir.path);
	snprintf(xs, sizeof(xs), "XENSTORED_PATH=%s", vm->st->store_path);
	snprintf(ld, sizeof(ld), "LD_LIBRARY_PATH=%s", libs);
	if (config->console == STACK_CONSOLE_FILE && asprintf(&log, "--log=%s", config->console_file) < 0)
		return stack_fail(why, room, -ENOMEM, "out of memory");
	argv[5] = stdio ? (char *)"--stdio" : log;
	argv[6] = stdio ? (char *)"--stay" : NULL;
	vm->console = spawn(&s);
	if (vm->console > 0)
		return 0;
	s.log = vm->console;
	vm->console = 0;
	return stack_fail(why, room, s.log, "cannot start %s: %s", path, strerror(-s.log));
}

int stack_console_start(struct stack_vm *vm, char *why, size_t room)
{
	CLEANUP_FREE char *path = stack_program("backends/console", "sluice-console", why, room);
	int fds[2], error;

	if (!path)
		return -ENOENT;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return stack_fail(why, room, -errno, "cannot make a pipe: %m");
	error = spawn_console(vm, path, fds[1], why, room);
	close(fds[1]);
	if (error == 0)
		error = await_console(vm, fds[0], why, room);
	close(fds[0]);
	vm->console_since_ms = stack_now_ms();
	return error;
}

/* Whether it is worth starting again, and why not. */
static int judge(struct stack_vm *vm, int status, char *why, size_t room)
{
	const char *name = vm->config->name;

	if (WIFEXITED(status) && WEXITSTATUS(status) == CONSOLE_BROKEN)
		return stack_fail(why, room, -EPROTO, "%s broke the rules of its console: nobody reads what it says",
			name);
	if (stack_now_ms() - vm->console_since_ms > CONSOLE_GOOD_MS)
		vm->console_deaths = 0;
	if (++vm->console_deaths > CONSOLE_DEATHS_MAX)
		return stack_fail(why, room, -EPIPE, "the console of %s ends again and again: nobody reads what it says",
			name);
	return 0;
}

int stack_console_check(struct stack_vm *vm, char *why, size_t room)
{
	bool terminal = vm->config->console == STACK_CONSOLE_STDIO;
	int status, error;

	if (!vm->console || !spawn_is_dead(vm->console, &status))
		return 0;
	vm->console = 0;
	/* The domain went before us: it ends, too, soon. */
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	error = judge(vm, status, why, room);
	if (error == 0)
		error = stack_console_start(vm, why, room);
	if (error == 0)
		log_warn("the console of %s had ended and is served again%s%s", vm->config->name,
			terminal ? "; it is reached by sluice console " : "", terminal ? vm->config->name : "");
	return error;
}

void stack_console_stop(struct stack_vm *vm)
{
	char path[140];

	spawn_end(&vm->console, STACK_STOP_MS);
	tape_path(vm, path, sizeof(path));
	(void)unlink(path);
}

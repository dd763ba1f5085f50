// SPDX-License-Identifier: MIT
/*
 * The run of sluice boot: driver domains come first and go last; the run ends with its
 * last guest. The stack of sluice create begins empty and ends with its last vm.
 */
#include "config.h"
#include "tools/boot-private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/array.h"
#include "common/log.h"
#include "common/loop.h"
#include "tools/stack-console.h"
#include "tools/stack-private.h"

/* How long a guest that was asked to power off may take until it is destroyed. */
#define BOOT_ASK_MS 60000u
/* The same for driver domains, which have nothing to serve any more. */
#define BOOT_DRIVERS_MS 20000u
/* How often the parts of the stack that tell nothing are looked at. */
#define BOOT_CHECK_MS 500u
/* How long a stack waits for its first vm. */
#define BOOT_EMPTY_MS 10000u
/* A log without a reader does not fill the host's memory. */
#define BOOT_LOG_MAX (1 << 20)
#define BOOT_TIMEOUT_STATUS 124

/* --- signals ----------------------------------------------------------- */

static volatile sig_atomic_t boot_signals;
static volatile sig_atomic_t boot_signal;
static int boot_signal_pipe[2] = { -1, -1 };

static void on_signal(int sig)
{
	int saved = errno;

	boot_signals++;
	boot_signal = sig;
	(void)!write(boot_signal_pipe[1], "", 1);
	errno = saved;
}

static int catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction sa = { .sa_handler = on_signal };

	if (pipe2(boot_signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	for (unsigned i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

/* Waiting for a part of the stack ends with the first signal. */
bool boot_cancelled(void)
{
	return boot_signals > 0;
}

/* --- the end ----------------------------------------------------------- */

static bool any_live(const struct boot *b, bool driver)
{
	for (const struct boot_slot *s = b->slots; s; s = s->next)
		if (s->vm->config.driver == driver)
			return true;
	return false;
}

void boot_stop(struct boot *b, int status)
{
	if (b->status == 0)
		b->status = status;
	loop_stop(b->loop, 0);
}

static void on_ask_timeout(void *opaque)
{
	struct boot *b = opaque;

	log_warn("it did not power off in time: destroyed");
	boot_stop(b, boot_signal ? 128 + boot_signal : 1);
}

static void on_drivers_timeout(void *opaque)
{
	boot_stop(opaque, 0);
}

static void ask_all(struct boot *b, bool driver)
{
	char why[256];

	for (struct boot_slot *s = b->slots; s; s = s->next) {
		if (!s->live || s->vm->config.driver != driver)
			continue;
		s->forced_end = true;
		if (stack_vm_ask(s->live, "poweroff", why, sizeof(why)) < 0)
			log_err("%s", why);
	}
}

/* Nothing is lost with them: what they wrote for guests is written. */
static void end_processes(struct boot *b)
{
	struct boot_slot *next;

	for (struct boot_slot *s = b->slots; s; s = next) {
		next = s->next;
		if (s->process)
			boot_slot_remove(s);
	}
}

/* The last guest has gone: driver domains write back what they hold, and go. */
static void end_drivers(struct boot *b)
{
	if (b->drivers_end)
		return;
	b->drivers_end = true;
	end_processes(b);
	ask_all(b, true);
	if (!any_live(b, true))
		boot_stop(b, 0);
	else if (!loop_add_timer(b->loop, BOOT_DRIVERS_MS, on_drivers_timeout, b))
		boot_stop(b, 1);
}

void boot_check_end(struct boot *b)
{
	if (any_live(b, false))
		return;
	if (any_live(b, true)) {
		/* One of sluice create is for guests that come later, too. */
		if (!b->o->keep || b->ending)
			end_drivers(b);
		return;
	}
	/* Who has just connected may be about to create the next: on_check() looks again. */
	if (!b->o->keep || b->ending || boot_control_is_idle(b->control))
		boot_stop(b, 0);
}

void boot_on_log(void *opaque, uint32_t events)
{
	struct boot *b = opaque;

	stack_pump(b->st);
}

/* --- the rest of the loop ---------------------------------------------- */

static void on_signal_pipe(void *opaque, uint32_t events)
{
	struct boot *b = opaque;
	struct boot_slot *next;
	char bytes[16];

	(void)!read(boot_signal_pipe[0], bytes, sizeof(bytes));
	if (b->ending) {
		boot_stop(b, 128 + boot_signal);
		return;
	}
	b->ending = true;
	fprintf(stderr, "sluice: asking the guest to power off; Ctrl-C again destroys it\n");
	for (struct boot_slot *s = b->slots; s; s = next) {
		next = s->next;
		if (s->ended || s->ready)
			boot_slot_remove(s);
	}
	ask_all(b, false);
	if (!loop_add_timer(b->loop, BOOT_ASK_MS, on_ask_timeout, b))
		boot_stop(b, 1);
	boot_check_end(b);
}

static void on_timeout(void *opaque)
{
	struct boot *b = opaque;

	for (struct boot_slot *s = b->slots; s; s = s->next)
		if (s->live && !s->vm->config.driver)
			log_err("%s still runs after %u s (--timeout): destroyed", s->vm->config.name,
				b->o->timeout);
	b->status = BOOT_TIMEOUT_STATUS;
	loop_stop(b->loop, 0);
}

static void check_consoles(struct boot *b)
{
	char why[256];

	for (struct boot_slot *s = b->slots; s; s = s->next)
		if (s->live && stack_console_check(s->live, why, sizeof(why)) < 0)
			log_err("%s", why);
}

static void check_log(void)
{
	struct stat sb;

	if (fstat(STDERR_FILENO, &sb) == 0 && S_ISREG(sb.st_mode) && sb.st_size > BOOT_LOG_MAX)
		(void)!ftruncate(STDERR_FILENO, 0);
}

static bool check_parts(struct boot *b)
{
	char why[256];

	if (stack_check(b->st, why, sizeof(why)) == 0)
		return true;
	stack_pump(b->st);
	log_err("%s", why);
	boot_stop(b, 1);
	return false;
}

/* Guests wait for the driver domain that ended. */
static void on_watch(void *opaque, uint32_t events)
{
	check_parts(opaque);
}

static void on_check(void *opaque)
{
	struct boot *b = opaque;

	if (!check_parts(b))
		return;
	check_consoles(b);
	if (b->o->keep) {
		check_log();
		if (!b->slots && stack_now_ms() - b->since_ms > BOOT_EMPTY_MS)
			boot_check_end(b);
	}
	if (!loop_add_timer(b->loop, BOOT_CHECK_MS, on_check, b))
		boot_stop(b, 1);
}

/* --- the whole --------------------------------------------------------- */

static int open_loop(struct boot *b)
{
	b->signal_source = loop_add_fd(b->loop, boot_signal_pipe[0], EPOLLIN, on_signal_pipe, b);
	b->log_source = loop_add_fd(b->loop, stack_log_fd(b->st), EPOLLIN, boot_on_log, b);
	b->watch_source = loop_add_fd(b->loop, stack_watch_fd(b->st), EPOLLIN, on_watch, b);
	b->control = boot_control_open(b->loop, stack_run_dir(b->st), b);
	if (!b->signal_source || !b->log_source || !b->watch_source || !b->control ||
		!loop_add_timer(b->loop, BOOT_CHECK_MS, on_check, b))
		return -errno;
	if (b->o->timeout && !loop_add_timer(b->loop, b->o->timeout * 1000, on_timeout, b))
		return -errno;
	return 0;
}

/* Until here whoever started us sees what goes wrong; later the log has it. */
static int be_ready(struct boot *b)
{
	char path[140];
	CLEANUP_CLOSE int fd = -1;

	snprintf(path, sizeof(path), "%s/" BOOT_LOG, stack_run_dir(b->st));
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0 ||
		write(b->o->ready_fd, "", 1) != 1)
		return -errno;
	close(b->o->ready_fd);
	return 0;
}

static int start_vms(struct boot *b)
{
	char why[1024] = "out of memory";
	int error = 0;

	for (unsigned i = 0; i < b->o->nvms && error == 0; i++) {
		struct boot_slot *s = boot_slot_new(b, &b->o->vms[i], NULL, NULL);

		error = s ? boot_slot_start(s, why, sizeof(why)) : -ENOMEM;
	}
	if (error < 0) {
		stack_pump(b->st);
		if (!boot_cancelled())
			log_err("%s", why);
	}
	return error;
}

static int serve(struct boot *b)
{
	int error = open_loop(b);

	if (error == 0 && b->o->keep)
		error = be_ready(b);
	if (error < 0)
		log_err("cannot wait for events: %s", strerror(-error));
	if (error == 0)
		error = start_vms(b);
	if (error == 0)
		error = loop_run(b->loop);
	if (error < 0)
		return boot_signals && !b->ending ? 128 + boot_signal : 1;
	return b->status;
}

/* The last ones first: a driver domain serves those that came after it. */
static void remove_slots(struct boot *b)
{
	while (b->slots) {
		struct boot_slot *last = b->slots;

		while (last->next)
			last = last->next;
		boot_slot_remove(last);
	}
}

int boot_run(struct boot_options *options)
{
	struct stack_options so = { .kvm = options->kvm, .hypercalls = options->hypercalls,
		.cancelled = boot_cancelled };
	struct boot b = { .o = options, .loop = loop_new(), .since_ms = stack_now_ms() };
	char why[512];
	int status = 1;

	if (!b.loop || catch_signals() < 0) {
		log_err("cannot start: %s", strerror(errno));
		return 1;
	}
	b.st = stack_start_with(&so, why, sizeof(why));
	if (b.st)
		status = serve(&b);
	else
		log_err("%s", why);
	remove_slots(&b);
	boot_control_close(b.control);
	stack_stop(b.st);
	loop_free(b.loop);
	return status;
}

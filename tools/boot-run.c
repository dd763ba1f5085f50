// SPDX-License-Identifier: MIT
/*
 * The run of sluice boot: driver domains come first and go last; the run ends with its
 * last guest.
 */
#include "config.h"
#include "tools/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include <xen/xen.h>
#include <xen/sched.h>

#include "common/array.h"
#include "common/log.h"
#include "common/loop.h"
#include "tools/stack-private.h"

/* How long a guest that was asked to power off may take until it is destroyed. */
#define BOOT_ASK_MS 60000u
/* The same for driver domains, which have nothing to serve any more. */
#define BOOT_DRIVERS_MS 20000u
/* A vm that lived for less is built again only when that time has passed. */
#define BOOT_SHORT_LIFE_MS 1000u
/* How often a vm is looked at whose disks' backends are not there yet. */
#define BOOT_READY_MS 10u
/* How often the parts of the stack that tell nothing are looked at. */
#define BOOT_CHECK_MS 500u
#define BOOT_TIMEOUT_STATUS 124

/* A vm of the command line in its present life, if it lives. */
struct boot_slot {
	struct boot *boot;
	const struct boot_vm *vm;
	struct stack_vm *live;
	struct loop_source *life, *restart, *ready;
	uint64_t born_ms;
	bool forced_end;   /* whatever its end is, it is not built again */
	bool ended;        /* it has shut down: kept by --on-..=preserve, or until it is built again */
};

struct boot {
	const struct boot_options *o;
	struct loop *loop;
	struct stack *st;
	struct boot_control *control;
	struct boot_slot slots[BOOT_VMS];
	struct loop_source *signal_source, *log_source;
	unsigned signals_seen;
	bool ending;       /* guests were asked to go */
	bool drivers_end;  /* and then the driver domains */
	int status;
};

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
static bool boot_cancelled(void)
{
	return boot_signals > 0;
}

/* --- the end ----------------------------------------------------------- */

static bool any_live(const struct boot *b, bool driver)
{
	for (unsigned i = 0; i < b->o->nvms; i++)
		if (b->slots[i].live && b->slots[i].vm->config.driver == driver)
			return true;
	return false;
}

static void stop(struct boot *b, int status)
{
	if (b->status == 0)
		b->status = status;
	loop_stop(b->loop, 0);
}

static void on_ask_timeout(void *opaque)
{
	struct boot *b = opaque;

	log_warn("it did not power off in time: destroyed");
	stop(b, boot_signal ? 128 + boot_signal : 1);
}

static void on_drivers_timeout(void *opaque)
{
	stop(opaque, 0);
}

static void ask_all(struct boot *b, bool driver)
{
	char why[256];

	for (unsigned i = 0; i < b->o->nvms; i++) {
		struct boot_slot *s = &b->slots[i];

		if (!s->live || s->vm->config.driver != driver)
			continue;
		s->forced_end = true;
		if (stack_vm_ask(s->live, "poweroff", why, sizeof(why)) < 0)
			log_err("%s", why);
	}
}

/* The last guest has gone: driver domains write back what they hold, and go. */
static void end_drivers(struct boot *b)
{
	if (b->drivers_end)
		return;
	b->drivers_end = true;
	ask_all(b, true);
	if (!any_live(b, true))
		stop(b, 0);
	else if (!loop_add_timer(b->loop, BOOT_DRIVERS_MS, on_drivers_timeout, b))
		stop(b, 1);
}

static void check_end(struct boot *b)
{
	if (any_live(b, false))
		return;
	if (any_live(b, true))
		end_drivers(b);
	else
		stop(b, 0);
}

static void on_log(void *opaque, uint32_t events)
{
	struct boot *b = opaque;

	stack_pump(b->st);
}

/*
 * While a vm waits for its disks the log is shown after each look at them: a reason that
 * is told as the vm's is not to be shown as the backend's, too.
 */
static void watch_log(struct boot *b)
{
	bool waits = false;

	for (unsigned i = 0; i < b->o->nvms; i++)
		waits |= b->slots[i].ready != NULL;
	if (waits) {
		loop_remove(b->log_source);
		b->log_source = NULL;
	} else if (!b->log_source) {
		b->log_source = loop_add_fd(b->loop, stack_log_fd(b->st), EPOLLIN, on_log, b);
	}
}

static void drop(struct boot_slot *s)
{
	loop_remove(s->life);
	loop_remove(s->restart);
	loop_remove(s->ready);
	s->life = s->restart = s->ready = NULL;
	if (s->live)
		stack_vm_destroy(s->live);
	s->live = NULL;
	s->ended = false;
}

/* --- life of a vm ------------------------------------------------------ */

static void on_life(void *opaque, uint32_t events);

static void fail_vm(struct boot_slot *s, const char *why)
{
	struct boot *b = s->boot;

	drop(s);
	stack_pump(b->st);
	log_err("%s", why);
	b->status = 1;
	check_end(b);
}

static void on_ready(void *opaque)
{
	struct boot_slot *s = opaque;
	char why[1024];
	int error = stack_vm_ready(s->live, why, sizeof(why));

	s->ready = NULL;
	if (error == -EAGAIN) {
		stack_pump(s->boot->st);
		s->ready = loop_add_timer(s->boot->loop, BOOT_READY_MS, on_ready, s);
		if (s->ready)
			return;
		snprintf(why, sizeof(why), "out of memory");
	} else if (error == 0) {
		s->born_ms = stack_now_ms();
		error = stack_vm_start(s->live, why, sizeof(why));
	}
	if (error < 0)
		fail_vm(s, why);
	watch_log(s->boot);
}

/* Made at once; started when its disks are there. */
static int start_vm(struct boot_slot *s)
{
	struct boot *b = s->boot;
	char why[1024] = "out of memory";

	s->live = stack_vm_create(b->st, &s->vm->config, why, sizeof(why));
	if (s->live) {
		s->life = loop_add_fd(b->loop, s->live->life_fd, EPOLLIN, on_life, s);
		s->ready = loop_add_timer(b->loop, 0, on_ready, s);
		watch_log(b);
		if (s->life && s->ready)
			return 0;
		drop(s);
	}
	stack_pump(b->st);
	if (!boot_cancelled())
		log_err("%s", why);
	return -EIO;
}

static void on_restart(void *opaque)
{
	struct boot_slot *s = opaque;

	s->restart = NULL;
	drop(s);
	if (start_vm(s) < 0) {
		s->boot->status = 1;
		check_end(s->boot);
	}
}

/* Not over and over without a pause: a guest that ends at once is not to take the host's time. */
static void restart(struct boot_slot *s)
{
	uint64_t lived = stack_now_ms() - s->born_ms;
	unsigned pause = lived < BOOT_SHORT_LIFE_MS ? (unsigned)(BOOT_SHORT_LIFE_MS - lived) : 0;

	s->ended = true;
	s->restart = loop_add_timer(s->boot->loop, pause, on_restart, s);
	if (!s->restart)
		stop(s->boot, 1);
}

static enum boot_end read_end(struct boot_slot *s)
{
	const char *name = s->vm->config.name;

	switch (s->live->reason) {
	case SHUTDOWN_poweroff:
		log_info("%s powered off", name);
		return BOOT_POWEROFF;
	case SHUTDOWN_reboot:
		log_info("%s reboots", name);
		return BOOT_REBOOT;
	case SHUTDOWN_crash:
	case SHUTDOWN_watchdog:
		log_err("%s crashed%s; its console says why", name,
			s->live->reason == SHUTDOWN_watchdog ? " (its watchdog barked)" : "");
		return BOOT_CRASH;
	default:
		log_err("%s shut down for a reason that is not supported (%u)", name, s->live->reason);
		return BOOT_CRASH;
	}
}

static void on_shutdown(struct boot_slot *s)
{
	struct boot *b = s->boot;
	enum boot_end end = read_end(s);
	enum boot_action action = s->vm->on[end];

	if (end == BOOT_CRASH && !s->vm->config.driver && b->status == 0 && action != BOOT_RESTART)
		b->status = 1;
	if (s->forced_end)
		action = BOOT_DESTROY;
	if (action == BOOT_RESTART) {
		restart(s);
	} else if (action == BOOT_PRESERVE) {
		s->ended = true;
		log_warn("%s is kept as it is (domain %u); sluice destroy %s ends it", s->vm->config.name,
			s->live->domid, s->vm->config.name);
	} else {
		drop(s);
		check_end(b);
	}
}

/* A dying process closes its descriptors a moment before it can be waited for. */
static bool part_died(struct stack *st, char *why, size_t room)
{
	for (unsigned i = 0; i < 50; i++) {
		if (stack_check(st, why, room) < 0)
			return true;
		stack_sleep_ms(10);
	}
	return false;
}

static void on_life(void *opaque, uint32_t events)
{
	struct boot_slot *s = opaque;
	char why[256];
	int r;

	while ((r = stack_vm_life(s->live)) == 1)
		;
	if (s->live->state == HVCTL_SHUTDOWN && !s->ended) {
		on_shutdown(s);
	} else if (r < 0) {
		if (!part_died(s->boot->st, why, sizeof(why)))
			snprintf(why, sizeof(why), "the hypervisor ended %s; its messages are above",
				s->vm->config.name);
		stack_pump(s->boot->st);
		log_err("%s", why);
		stop(s->boot, 1);
	}
}

/* --- the rest of the loop ---------------------------------------------- */

static void on_signal_pipe(void *opaque, uint32_t events)
{
	struct boot *b = opaque;
	char bytes[16];

	(void)!read(boot_signal_pipe[0], bytes, sizeof(bytes));
	if (b->ending) {
		stop(b, 128 + boot_signal);
		return;
	}
	b->ending = true;
	fprintf(stderr, "sluice: asking the guest to power off; Ctrl-C again destroys it\n");
	for (unsigned i = 0; i < b->o->nvms; i++)
		if (b->slots[i].ended || b->slots[i].ready)
			drop(&b->slots[i]);
	ask_all(b, false);
	if (!loop_add_timer(b->loop, BOOT_ASK_MS, on_ask_timeout, b))
		stop(b, 1);
	check_end(b);
}

static void on_timeout(void *opaque)
{
	struct boot *b = opaque;

	for (unsigned i = 0; i < b->o->nvms; i++)
		if (b->slots[i].live && !b->slots[i].vm->config.driver)
			log_err("%s still runs after %u s (--timeout): destroyed", b->slots[i].vm->config.name,
				b->o->timeout);
	b->status = BOOT_TIMEOUT_STATUS;
	loop_stop(b->loop, 0);
}

static void check_consoles(struct boot *b)
{
	int status;

	for (unsigned i = 0; i < b->o->nvms; i++) {
		struct boot_slot *s = &b->slots[i];

		if (s->live && stack_vm_console_ended(s->live, &status) && status)
			log_err("the console of %s has ended: nobody reads what it says",
				s->vm->config.name);
	}
}

static void on_check(void *opaque)
{
	struct boot *b = opaque;
	char why[256];

	if (stack_check(b->st, why, sizeof(why)) < 0) {
		stack_pump(b->st);
		log_err("%s", why);
		stop(b, 1);
		return;
	}
	check_consoles(b);
	if (!loop_add_timer(b->loop, BOOT_CHECK_MS, on_check, b))
		stop(b, 1);
}

/* --- requests ---------------------------------------------------------- */

static const char *state_name(const struct boot_slot *s)
{
	static const char *const names[] = {
		[HVCTL_BUILDING] = "building", [HVCTL_PAUSED] = "paused", [HVCTL_RUNNING] = "running",
		[HVCTL_SHUTDOWN] = "shutdown",
	};
	struct hvctl_domain_info info;

	if (stack_vm_info(s->live, &info) < 0 || info.state >= ARRAY_SIZE(names) || !names[info.state])
		return "unknown";
	return names[info.state];
}

static void list(struct boot *b, char *reply)
{
	size_t used = (size_t)snprintf(reply, BOOT_MESSAGE_MAX, "ok\n");

	for (unsigned i = 0; i < b->o->nvms; i++) {
		const struct boot_slot *s = &b->slots[i];

		if (s->live)
			used += (size_t)snprintf(reply + used, BOOT_MESSAGE_MAX - used, "%s %u %u %u %s\n",
				s->vm->config.name, s->live->domid, s->vm->config.memory_mib,
				s->vm->config.vcpus, state_name(s));
	}
}

static int act(struct boot *b, struct boot_slot *s, const char *verb, char *why, size_t room)
{
	if (s->ready && strcmp(verb, "destroy") != 0) {
		snprintf(why, room, "%s waits for its disks", s->vm->config.name);
		return -EAGAIN;
	}
	if (strcmp(verb, "pause") == 0)
		return stack_vm_pause(s->live, why, room);
	if (strcmp(verb, "unpause") == 0)
		return stack_vm_unpause(s->live, why, room);
	if (s->ended && strcmp(verb, "destroy") != 0) {
		snprintf(why, room, "%s has shut down already", s->vm->config.name);
		return -EINVAL;
	}
	if (strcmp(verb, "reboot") == 0)
		return stack_vm_ask(s->live, "reboot", why, room);
	if (strcmp(verb, "shutdown") == 0)
		return stack_vm_ask(s->live, "poweroff", why, room);
	if (strcmp(verb, "destroy") == 0) {
		drop(s);
		check_end(b);
		return 0;
	}
	snprintf(why, room, "this version knows no %s", verb);
	return -ENOSYS;
}

void boot_request(struct boot *b, const char *verb, const char *name, char *reply)
{
	char path[140], why[256] = "";

	if (strcmp(verb, "list") == 0) {
		list(b, reply);
		return;
	}
	for (unsigned i = 0; i < b->o->nvms; i++) {
		struct boot_slot *s = &b->slots[i];

		if (!s->live || strcmp(s->vm->config.name, name) != 0)
			continue;
		if (strcmp(verb, "console") == 0) {
			stack_vm_console_path(s->live, path, sizeof(path));
			snprintf(reply, BOOT_MESSAGE_MAX, "ok\n%s\n", path);
		} else {
			int error = act(b, s, verb, why, sizeof(why));

			snprintf(reply, BOOT_MESSAGE_MAX, "%s\n", error < 0 ? why : "ok");
		}
		return;
	}
	snprintf(reply, BOOT_MESSAGE_MAX, "there is no vm %s\n", name);
}

/* --- the whole --------------------------------------------------------- */

static int open_loop(struct boot *b)
{
	b->signal_source = loop_add_fd(b->loop, boot_signal_pipe[0], EPOLLIN, on_signal_pipe, b);
	b->log_source = loop_add_fd(b->loop, stack_log_fd(b->st), EPOLLIN, on_log, b);
	b->control = boot_control_open(b->loop, stack_run_dir(b->st), b);
	if (!b->signal_source || !b->log_source || !b->control ||
		!loop_add_timer(b->loop, BOOT_CHECK_MS, on_check, b))
		return -errno;
	if (b->o->timeout && !loop_add_timer(b->loop, b->o->timeout * 1000, on_timeout, b))
		return -errno;
	return 0;
}

static int start_vms(struct boot *b)
{
	int error = 0;

	for (unsigned i = 0; i < b->o->nvms && error == 0; i++) {
		b->slots[i] = (struct boot_slot){ .boot = b, .vm = &b->o->vms[i] };
		error = start_vm(&b->slots[i]);
	}
	return error;
}

static int serve(struct boot *b)
{
	int error = open_loop(b);

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

int boot_run(const struct boot_options *options)
{
	struct stack_options so = { .kvm = options->kvm, .hypercalls = options->hypercalls,
		.cancelled = boot_cancelled };
	struct boot b = { .o = options, .loop = loop_new() };
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
	boot_control_close(b.control);
	for (unsigned i = options->nvms; i-- > 0;)
		drop(&b.slots[i]);
	stack_stop(b.st);
	loop_free(b.loop);
	return status;
}

// SPDX-License-Identifier: MIT
/* The life of a vm in a run: started when its devices are there, built again when it is to be. */
#include "config.h"
#include "tools/boot-private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include <xen/xen.h>
#include <xen/sched.h>

#include "common/log.h"
#include "common/loop.h"
#include "tools/stack-private.h"

/* A vm that lived for less is built again only when that time has passed. */
#define BOOT_SHORT_LIFE_MS 1000u
/* How often a vm is looked at whose devices' backends are not there yet. */
#define BOOT_READY_MS 10u

/*
 * While a vm waits for its devices the log is shown by whoever looks at them: a reason that
 * is told as the vm's is not to be shown as the backend's, too.
 */
static void watch_log(struct boot *b)
{
	bool waits = false;

	for (struct boot_slot *s = b->slots; s; s = s->next)
		waits |= s->ready != NULL;
	if (waits) {
		loop_remove(b->log_source);
		b->log_source = NULL;
	} else if (!b->log_source) {
		b->log_source = loop_add_fd(b->loop, stack_log_fd(b->st), EPOLLIN, boot_on_log, b);
	}
}

/* --- slots ------------------------------------------------------------- */

static void free_slot(struct boot_slot *s)
{
	free(s->owned);
	arg_list_free(&s->args);
	free(s);
}

struct boot_slot *boot_slot_new(struct boot *b, struct boot_vm *vm, struct boot_options *owned,
	struct arg_list *args)
{
	struct boot_slot *s = calloc(1, sizeof(*s));
	struct boot_slot **end = &b->slots;

	if (!s) {
		free(owned);
		if (args)
			arg_list_free(args);
		return NULL;
	}
	*s = (struct boot_slot){ .boot = b, .vm = vm, .owned = owned, .paused = vm->paused };
	if (args) {
		s->args = *args;
		*args = (struct arg_list){ .argc = 0 };
	}
	while (*end)
		end = &(*end)->next;
	*end = s;
	return s;
}

static void drop(struct boot_slot *s)
{
	loop_remove(s->life);
	loop_remove(s->restart);
	loop_remove(s->ready);
	s->life = s->restart = s->ready = NULL;
	boot_plug_drop(s);
	if (s->live)
		stack_vm_destroy(s->live);
	if (s->process)
		stack_process_destroy(s->process);
	s->live = NULL;
	s->process = NULL;
	s->ended = false;
}

void boot_slot_remove(struct boot_slot *s)
{
	struct boot *b = s->boot;
	struct boot_slot **p = &b->slots;

	drop(s);
	boot_reply_send(s->waiter, "%s was destroyed before it started", s->vm->config.name);
	while (*p != s)
		p = &(*p)->next;
	*p = s->next;
	free_slot(s);
	watch_log(b);
}

/* Its creator is told, or else the log. */
static void fail_vm(struct boot_slot *s, const char *why)
{
	struct boot *b = s->boot;

	stack_pump(b->st);
	if (s->waiter) {
		boot_reply_send(s->waiter, "%s", why);
		s->waiter = NULL;
	} else if (!boot_cancelled()) {
		log_err("%s", why);
	}
	boot_slot_remove(s);
	b->status = 1;
	boot_check_end(b);
}

/* --- start ------------------------------------------------------------- */

static int go(struct boot_slot *s, char *why, size_t room)
{
	int error = stack_vm_serve(s->live, why, room);

	s->born_ms = stack_now_ms();
	if (error == 0 && !s->paused)
		error = stack_vm_unpause(s->live, why, room);
	if (error < 0)
		return error;
	s->paused = false;
	boot_reply_send(s->waiter, "ok\n%u\n", s->live->domid);
	s->waiter = NULL;
	return 0;
}

static void on_ready(void *opaque)
{
	struct boot_slot *s = opaque;
	struct boot *b = s->boot;
	char why[1024];
	int error;

	s->ready = NULL;
	stack_log_take(b->st);
	error = stack_vm_ready(s->live, why, sizeof(why));
	if (error == -EAGAIN) {
		stack_log_show(b->st);
		s->ready = loop_add_timer(b->loop, BOOT_READY_MS, on_ready, s);
		if (s->ready)
			return;
		snprintf(why, sizeof(why), "out of memory");
	} else if (error == 0) {
		error = go(s, why, sizeof(why));
	}
	if (error < 0)
		fail_vm(s, why);
	watch_log(b);
}

static void on_life(void *opaque, uint32_t events);

bool boot_slot_lives(const struct boot_slot *s)
{
	return s->live || s->process;
}

int boot_slot_start(struct boot_slot *s, char *why, size_t room)
{
	struct boot *b = s->boot;

	if (s->vm->is_process)
		return boot_process_start(s, why, room);
	s->live = stack_vm_create(b->st, &s->vm->config, why, room);
	if (!s->live)
		return -errno;
	s->life = loop_add_fd(b->loop, s->live->life_fd, EPOLLIN, on_life, s);
	s->ready = loop_add_timer(b->loop, 0, on_ready, s);
	watch_log(b);
	if (s->life && s->ready)
		return 0;
	drop(s);
	return stack_fail(why, room, -ENOMEM, "out of memory");
}

static void on_restart(void *opaque)
{
	struct boot_slot *s = opaque;
	char why[1024];

	s->restart = NULL;
	drop(s);
	if (boot_slot_start(s, why, sizeof(why)) < 0)
		fail_vm(s, why);
}

/* --- end --------------------------------------------------------------- */

/* Not over and over without a pause: a guest that ends at once is not to take the host's time. */
static void restart(struct boot_slot *s)
{
	uint64_t lived = stack_now_ms() - s->born_ms;
	unsigned pause = lived < BOOT_SHORT_LIFE_MS ? (unsigned)(BOOT_SHORT_LIFE_MS - lived) : 0;

	s->ended = true;
	s->restart = loop_add_timer(s->boot->loop, pause, on_restart, s);
	if (!s->restart)
		boot_stop(s->boot, 1);
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
		log_err("%s crashed; its console says why", name);
		return BOOT_CRASH;
	case SHUTDOWN_watchdog:
		log_err("%s crashed (its watchdog barked); its console says why", name);
		return BOOT_WATCHDOG;
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

	if (end >= BOOT_CRASH && !s->vm->config.driver && b->status == 0 && action != BOOT_RESTART)
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
		boot_slot_remove(s);
		boot_check_end(b);
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
		boot_stop(s->boot, 1);
	}
}

/* SPDX-License-Identifier: MIT */
/* The parts of a run of sluice boot. One thread. */
#ifndef SLUICE_TOOLS_BOOT_PRIVATE_H
#define SLUICE_TOOLS_BOOT_PRIVATE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "tools/boot.h"
#include "tools/cfg.h"

struct boot_plug;

/** struct boot_slot - a vm in its present life, or between two of them. */
struct boot_slot {
	struct boot_slot *next;
	struct boot *boot;
	struct boot_vm *vm;
	struct boot_options *owned; /* what vm is in, of one that came later; or NULL */
	struct arg_list args;       /* what that points into, and devices that came later */
	struct stack_vm *live;      /* a vm, */
	struct stack_process *process; /* or a process driver domain */
	struct loop_source *life, *restart, *ready;
	uint64_t born_ms;
	bool forced_end;   /* whatever its end is, it is not built again */
	bool ended;        /* it has shut down: kept by --on-..=preserve, or until it is built again */
	bool paused;       /* its next start is to leave it so */
	struct boot_reply *waiter; /* who created it waits for its start */
	struct boot_plug *plugs;   /* devices that come and go */
};

struct boot {
	struct boot_options *o;
	struct loop *loop;
	struct stack *st;
	struct boot_control *control;
	struct boot_slot *slots;   /* in the order of their start */
	struct loop_source *signal_source, *log_source, *watch_source;
	uint64_t since_ms;
	bool ending;       /* guests were asked to go */
	bool drivers_end;  /* and then the driver domains */
	int status;
};

/** boot_cancelled() - a signal has come. */
bool boot_cancelled(void);
/** boot_stop() - end the run; the first status that is not 0 counts. */
void boot_stop(struct boot *b, int status);
/** boot_check_end() - a vm has gone: what follows. */
void boot_check_end(struct boot *b);
/** boot_on_log() - show what the parts said. */
void boot_on_log(void *opaque, uint32_t events);

/**
 * boot_slot_new() - a place for a vm at the list's end, not started.
 * @owned, @args: NULL, or they are the slot's from here on, also on failure
 */
struct boot_slot *boot_slot_new(struct boot *b, struct boot_vm *vm, struct boot_options *owned,
	struct arg_list *args);
/**
 * boot_slot_start() - make its vm at once, and start that when its devices are there.
 * Return: 0 or -errno with @why.
 */
int boot_slot_start(struct boot_slot *s, char *why, size_t room) must_check;
/** boot_slot_lives() - whether its vm, or its process domain, is there. */
bool boot_slot_lives(const struct boot_slot *s);
/** boot_slot_remove() - destroy its vm or process domain, free the slot. */
void boot_slot_remove(struct boot_slot *s);

/* boot-process.c */

/** boot_process_start() - make its process domain. 0 or -errno with @why. */
int boot_process_start(struct boot_slot *s, char *why, size_t room) must_check;
/** BOOT_FORCE - how boot_is_used()'s answer goes on where destroy can be forced. */
#define BOOT_FORCE "; sluice destroy --force ends it all the same"
/** boot_is_used() - whether a guest would lose a device with this domain; then that, and @remedy, is the answer. */
bool boot_is_used(struct boot_slot *s, const char *remedy, struct boot_reply *reply);
/** boot_process_verb() - what a client asks of it; @force: also if guests suffer. Answered. */
void boot_process_verb(struct boot_slot *s, const char *verb, bool force, struct boot_reply *reply);

/**
 * boot_plug_verb() - what a client asks of a vm's devices; answered now or later.
 * @text: to attach: as --disk= or --net= has it; to detach: the device's name or number
 * @force: to detach: also one that the guest keeps
 *
 * Return: false: this is no such verb.
 */
bool boot_plug_verb(struct boot_slot *s, const char *verb, const char *text, bool force,
	struct boot_reply *reply) must_check;
/** boot_plug_drop() - the vm goes: nobody waits for its devices any more. */
void boot_plug_drop(struct boot_slot *s);

#endif

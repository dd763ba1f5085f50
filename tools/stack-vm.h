/* SPDX-License-Identifier: MIT */
/* vm domains of a private stack: built, served, watched, taken away. One thread. */
#ifndef SLUICE_TOOLS_STACK_VM_H
#define SLUICE_TOOLS_STACK_VM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "hypervisor/process/control.h"
#include "tools/stack-net.h"
#include "tools/stack.h"

/** STACK_VM_DISKS - the most disks of a vm. */
#define STACK_VM_DISKS 16u
/** STACK_VM_MIN_MIB, STACK_VM_MAX_MIB - memory of a vm. */
#define STACK_VM_MIN_MIB 16u
#define STACK_VM_MAX_MIB (1u << 20)
/** STACK_VM_MAX_VCPUS - virtual CPUs of a vm. */
#define STACK_VM_MAX_VCPUS 64u

/** enum stack_console - where a vm's console goes. */
enum stack_console {
	STACK_CONSOLE_NONE,  /* kept for who connects later */
	STACK_CONSOLE_STDIO, /* this terminal */
	STACK_CONSOLE_FILE,
};

/** struct stack_vm_config - a vm as its user wants it. Strings are the caller's and outlive the vm. */
struct stack_vm_config {
	const char *name;
	const char *uuid;        /* NULL: a random one */
	const char *kernel;
	const char *initrd;      /* NULL: none */
	const char *append;      /* the kernel's command line; NULL: empty */
	unsigned memory_mib;
	unsigned vcpus;          /* online at the start */
	unsigned max_vcpus;      /* at least that many */
	bool driver;             /* a driver domain */
	enum stack_console console;
	const char *console_file;
	struct stack_disk disks[STACK_VM_DISKS]; /* each with a name (dev) */
	unsigned ndisks;
	struct stack_vif vifs[STACK_VIFS]; /* each with a handle */
	unsigned nvifs;
};

/** struct stack_vm - a vm that exists. */
struct stack_vm {
	struct stack_vm *next;
	struct stack *st;
	const struct stack_vm_config *config;
	uint32_t domid;
	char uuid[40];
	struct hvctl_vm_made made;
	enum hvctl_state state;  /* as its life descriptor said last */
	unsigned reason;         /* SHUTDOWN_* of xen/sched.h */
	int life_fd;             /* readable when the state changes: stack_vm_life() */
	pid_t console;           /* its console's backend, 0: none; see stack-console.h */
	uint64_t console_since_ms;
	unsigned console_deaths; /* one after the other, soon after the start */
};

/**
 * stack_vm_create() - build a vm, write its nodes and those of its devices, introduce it to
 * the store. It is left paused, for stack_vm_ready() and stack_vm_start().
 * @config: stays as it is until the vm is destroyed
 *
 * Return: NULL with errno set and @why; then nothing of it is left.
 */
struct stack_vm *stack_vm_create(struct stack *st, const struct stack_vm_config *config, char *why,
	size_t why_room);
/**
 * stack_vm_destroy() - at any time. Its vCPUs, memory, disks, console, nodes are gone when
 * this returns.
 */
void stack_vm_destroy(struct stack_vm *vm);

/**
 * stack_vm_ready() - whether all its devices have their backends.
 * Return: 0; -EAGAIN: not yet, ask again soon; another -errno with @why.
 */
int stack_vm_ready(struct stack_vm *vm, char *why, size_t why_room) must_check;
/** stack_vm_serve() - start its console, and leave it paused. 0 or -errno with @why. */
int stack_vm_serve(struct stack_vm *vm, char *why, size_t why_room) must_check;
/** stack_vm_start() - start its console, and its vCPUs. 0 or -errno with @why. */
int stack_vm_start(struct stack_vm *vm, char *why, size_t why_room) must_check;
/** stack_vm_unpause(), stack_vm_pause() - 0 or -errno with @why. */
int stack_vm_unpause(struct stack_vm *vm, char *why, size_t why_room);
int stack_vm_pause(struct stack_vm *vm, char *why, size_t why_room);
/**
 * stack_vm_ask() - ask the guest through control/shutdown.
 * @what: "poweroff" or "reboot"
 *
 * Return: 0, also while it has not answered; -errno with @why.
 */
int stack_vm_ask(struct stack_vm *vm, const char *what, char *why, size_t why_room);
/**
 * stack_vm_life() - take one change of state from the life descriptor.
 * Return: 1: there was one; 0: none; -EPIPE: the hypervisor ended the domain, or itself.
 */
int stack_vm_life(struct stack_vm *vm);
/** stack_vm_info() - what the hypervisor says of it. 0 or -errno. */
int stack_vm_info(struct stack_vm *vm, struct hvctl_domain_info *info);
/** stack_vm_find() - by name; NULL: there is none. */
struct stack_vm *stack_vm_find(struct stack *st, const char *name);
/** stack_vm_name() - of the vm @domid; NULL: there is none. */
const char *stack_vm_name(struct stack *st, uint32_t domid);
/** stack_vm_driver() - the domid of the driver domain vm @name. */
bool stack_vm_driver(struct stack *st, const char *name, uint32_t *domid);
/** stack_vm_check() - whether the vm @domid still is, and has not shut down. 0, or -EPIPE with @why. */
int stack_vm_check(struct stack *st, uint32_t domid, char *why, size_t why_room);

#endif

/* SPDX-License-Identifier: MIT */
/* sluice boot: its options, its run, its control socket. */
#ifndef SLUICE_TOOLS_BOOT_H
#define SLUICE_TOOLS_BOOT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "tools/stack-vm.h"

#define BOOT_VMS 8u
/** BOOT_SOCKET - in the stack's run directory. */
#define BOOT_SOCKET "boot.sock"
/** BOOT_MESSAGE_MAX - a request or a reply on it, one packet of text. */
#define BOOT_MESSAGE_MAX 4096u

/** enum boot_action - what follows a vm's end. */
enum boot_action { BOOT_DESTROY, BOOT_RESTART, BOOT_PRESERVE };

/** enum boot_end - how a vm can end. */
enum boot_end { BOOT_POWEROFF, BOOT_REBOOT, BOOT_CRASH, BOOT_ENDS };

/** struct boot_vm - a vm of the command line. */
struct boot_vm {
	struct stack_vm_config config;
	enum boot_action on[BOOT_ENDS];
	bool has_console;    /* --console was given */
	char disk_names[STACK_VM_DISKS][16]; /* of disks without dev= */
};

struct boot_options {
	struct boot_vm vms[BOOT_VMS]; /* driver domains first */
	unsigned nvms;
	unsigned timeout;    /* seconds; 0: none */
	const char *kvm;     /* NULL: the default */
	const char *hypercalls; /* NULL: the default */
};

/** boot_parse() - Return: -1 to go on, else the exit status, said. @argv is changed. */
int boot_parse(int argc, char **argv, struct boot_options *options);

/** boot_run() - start the stack and its vms, serve them until their end. Return: the exit status. */
int boot_run(const struct boot_options *options);

struct boot;
struct loop;
/** struct boot_control - the control socket of a run. */
struct boot_control;
/** boot_control_open() - at @dir/BOOT_SOCKET. NULL with errno set. */
struct boot_control *boot_control_open(struct loop *loop, const char *dir, struct boot *boot);
/** boot_control_close() - NULL is fine. */
void boot_control_close(struct boot_control *control);

/**
 * boot_request() - what a client of the control socket asks for.
 * @verb: list, pause, unpause, shutdown, reboot, destroy, console
 * @name: of the vm; "" for list
 * @reply: "ok\n" and what was asked for, or the error; BOOT_MESSAGE_MAX bytes
 */
void boot_request(struct boot *boot, const char *verb, const char *name, char *reply);

#endif

/* SPDX-License-Identifier: MIT */
/* sluice boot and the stack of sluice create: options, the run, its control socket. */
#ifndef SLUICE_TOOLS_BOOT_H
#define SLUICE_TOOLS_BOOT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "tools/stack-process.h"
#include "tools/stack-vm.h"

#define BOOT_VMS 8u
/** BOOT_SOCKET - in the stack's run directory. */
#define BOOT_SOCKET "boot.sock"
/** BOOT_LOG - in the run directory of a stack without a terminal: what its parts say. */
#define BOOT_LOG "log"
/** BOOT_MESSAGE_MAX - a request or a reply on it, one packet. */
#define BOOT_MESSAGE_MAX 65536u
/** BOOT_TOO_LONG - what becomes of a longer one. */
#define BOOT_TOO_LONG "the request is longer than the %u bytes that a stack takes"

/** enum boot_action - what follows a vm's end. */
enum boot_action { BOOT_DESTROY, BOOT_RESTART, BOOT_PRESERVE };

/** enum boot_end - how a vm can end. */
enum boot_end { BOOT_POWEROFF, BOOT_REBOOT, BOOT_CRASH, BOOT_WATCHDOG, BOOT_ENDS };

/** struct boot_vm - a vm of the command line, or a process driver domain. */
struct boot_vm {
	struct stack_vm_config config; /* of a process domain: name, driver */
	bool is_process;
	struct stack_process_config process;
	enum boot_action on[BOOT_ENDS];
	bool has_console;    /* --console was given */
	bool paused;         /* its vCPUs are not started the first time */
	char disk_names[STACK_VM_DISKS][16]; /* of disks without dev= */
};

struct boot_options {
	struct boot_vm vms[BOOT_VMS]; /* driver domains first */
	unsigned nvms;
	bool join;           /* vms of others are there already, and have the terminal */
	bool keep;           /* the run begins without vms and ends with its last one */
	int ready_fd;        /* with keep: gets a byte when requests are taken */
	unsigned timeout;    /* seconds; 0: none */
	const char *kvm;     /* NULL: the default */
	const char *hypercalls; /* NULL: the default */
};

#define BOOT_NAME_RULE "a name has 1 to 63 letters, digits, _ . - and does not begin with -"
#define BOOT_UUID_FORM "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx, of hexadecimal digits"
/** boot_name_is_good(), boot_uuid_is_good() - whether a vm can have it. */
bool boot_name_is_good(const char *text);
bool boot_uuid_is_good(const char *text);

/**
 * boot_parse() - @argv is changed, and what @options points into.
 * @join: these vms come to others: their backends may be among those
 *
 * Return: -1 to go on, else the exit status, said.
 */
int boot_parse(int argc, char **argv, bool join, struct boot_options *options);

/**
 * boot_run() - start the stack and its vms, serve them until their end. Disks that are
 * attached later are added to @options. Return: the exit status.
 */
int boot_run(struct boot_options *options);

struct boot;
struct loop;
/** struct boot_control - the control socket of a run. */
struct boot_control;
/** struct boot_reply - a client that waits for its answer. */
struct boot_reply;
/** boot_control_open() - at @dir/BOOT_SOCKET. NULL with errno set. */
struct boot_control *boot_control_open(struct loop *loop, const char *dir, struct boot *boot);
/** boot_control_close() - NULL is fine; clients that wait get no answer. */
void boot_control_close(struct boot_control *control);
/** boot_control_is_idle() - nobody asks, waits or has just connected. */
bool boot_control_is_idle(struct boot_control *control);
/**
 * boot_reply_send() - "ok\n" and what was asked for, or the error. To be called once for
 * each request; NULL is fine.
 */
void boot_reply_send(struct boot_reply *reply, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * boot_request() - what a client of the control socket asks for; answered now or later.
 * @words: the verb, mostly a vm's name, and more; @nwords of them, at least 1, and NULL
 */
void boot_request(struct boot *boot, char **words, unsigned nwords, struct boot_reply *reply);

#endif

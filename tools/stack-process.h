/* SPDX-License-Identifier: MIT */
/*
 * Process driver domains of a private stack: each a domain with a sluice-driverd of its own,
 * confined to what it may reach. One that ends is started again, with its domid, ports
 * and journals. One thread.
 */
#ifndef SLUICE_TOOLS_STACK_PROCESS_H
#define SLUICE_TOOLS_STACK_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/servers-named.h"
#include "tools/stack-relay.h"
#include "tools/stack.h"

struct attached;

/** STACK_PROCESS_PATHS - the most devices and directories that a process domain may reach. */
#define STACK_PROCESS_PATHS 64u
/** STACK_PROCESS_INTERFACES - the most network interfaces that it may have. */
#define STACK_PROCESS_INTERFACES 16u

/** struct stack_reach - a device, or a directory with all in it. */
struct stack_reach {
	const char *path;
	bool readonly;   /* of a directory */
};

/** struct stack_bridge - a bridge in a process domain's own network, and an interface on it. */
struct stack_bridge {
	const char *name;
	const char *interface; /* one of the domain's; NULL: none, guests are among themselves */
};

/** struct stack_process_config - what its user wants. Strings are the caller's and outlive it. */
struct stack_process_config {
	const char *name;
	const char *uuid; /* NULL: a random one */
	bool own;          /* the stack's own: users do not know its name */
	bool host_network; /* it has the caller's network, and no rights over it */
	struct stack_reach paths[STACK_PROCESS_PATHS];
	unsigned npaths;
	const char *interfaces[STACK_PROCESS_INTERFACES];
	unsigned ninterfaces;
	struct stack_bridge bridges[STACK_PROCESS_INTERFACES];
	unsigned nbridges;
	struct servers_named servers; /* SERVERS_PORTS_MAX ports at most */
};

/** struct stack_process - a process driver domain. */
struct stack_process {
	struct stack_process *next;
	struct stack *st;
	const struct stack_process_config *config;
	uint32_t domid;
	char uuid[40];
	bool made;           /* the hypervisor has it */
	bool ended;          /* it ended too often and is not started again */
	pid_t pid;           /* of its sluice-domain-init; 0: it does not run */
	int watch;           /* its pidfd in the stack's watch, or -1 */
	struct stack_relay relay; /* its way to the servers that it was given */
	struct stack_relay *more; /* and to those of disks, of the stack's own storage domain */
	int net;             /* its network namespace, while it has interfaces of the host; or -1 */
	unsigned revived;    /* how often, one soon after the other */
	uint64_t revived_ms; /* the last time */
};

/**
 * stack_process_create() - make a domain, write its nodes, start its daemon; returns when
 * that is ready. @config: stays as it is until the domain is destroyed
 *
 * Return: NULL with errno set and @why; then nothing of it is left.
 */
struct stack_process *stack_process_create(struct stack *st, const struct stack_process_config *config,
	char *why, size_t why_room);
/** stack_process_destroy() - its backends end in order if there is time; nothing of it is left. */
void stack_process_destroy(struct stack_process *p);

/** stack_process_start() - start the daemon of a domain that is there. 0 or -errno with @why. */
int stack_process_start(struct stack_process *p, char *why, size_t why_room) must_check;
/** stack_process_restart() - end it at once and start it again; its guests' devices wait. */
int stack_process_restart(struct stack_process *p, char *why, size_t why_room) must_check;
/**
 * stack_process_check() - start it again if it has ended, unless that happens too often.
 * Return: 0, or -EPIPE with @why: it has ended for good.
 */
int stack_process_check(struct stack_process *p, char *why, size_t why_room);
/** stack_process_end() - end its processes, orderly if @grace_ms. */
void stack_process_end(struct stack_process *p, unsigned grace_ms);

/** stack_process_first() - the first process of its namespaces; 0: there is none. */
pid_t stack_process_first(const struct stack_process *p);
/** stack_process_give() - its interfaces come to it and its bridges, from a predecessor or the host. 0 or -errno with @why. */
int stack_process_give(struct stack_process *p, char *why, size_t why_room) must_check;
/** stack_process_connect() - a further one of the host's, the last of its bridges'. 0 or -errno with @why. */
int stack_process_connect(struct stack_process *p, char *why, size_t why_room) must_check;
/** stack_process_take_back() - and go back to the host. */
void stack_process_take_back(struct stack_process *p);

/** stack_process_find() - by name, without the stack's own ones; NULL: there is none. */
struct stack_process *stack_process_find(struct stack *st, const char *name);
/** stack_process_of() - by domid; NULL: there is none. */
struct stack_process *stack_process_of(struct stack *st, uint32_t domid);
/** stack_user_of() - a device that the driver domain @domid, of whatever type, serves; NULL: there is none. */
const struct attached *stack_user_of(const struct stack *st, uint32_t domid);

/**
 * stack_process_allow() - before a disk is attached: whether the domain may reach its path;
 * the stack's own storage domain is given it. 0 or -errno with @why.
 */
int stack_process_allow(struct stack_process *p, const struct attached *at, char *why, size_t why_room)
	must_check;
/** stack_process_disallow() - a disk has gone: take its path again if no other needs it. */
void stack_process_disallow(struct stack_process *p, const struct attached *at);

#endif

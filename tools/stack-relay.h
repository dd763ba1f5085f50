/* SPDX-License-Identifier: MIT */
/*
 * The way of a process driver domain to its servers: sockets that listen in the domain's network
 * namespace, kept here, and a sluice-relay that accepts on them. A relay that ends is started
 * again on the same sockets; with the domain's namespace they end. One thread.
 */
#ifndef SLUICE_TOOLS_STACK_RELAY_H
#define SLUICE_TOOLS_STACK_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"

struct arg_list;
struct attached;
struct servers_named;
struct stack_process;

/** struct stack_relay - a relay, and what it is for. */
struct stack_relay {
	struct stack_relay *next;
	const struct servers_named *servers;
	struct stack_process *owner; /* of one that disks made necessary, */
	unsigned users;      /* and how many of them need it */
	pid_t pid;           /* 0: it does not run */
	int watch;           /* its pidfd in the stack's watch, or -1 */
	int control;         /* closed: it ends; or -1 */
	int *sockets;        /* that listen in the domain, or NULL */
	unsigned nsockets;
	unsigned revived;    /* how often, one soon after the other */
	uint64_t revived_ms; /* the last time */
	bool ended;          /* too often: it is not started again */
};
#define STACK_RELAY_NONE(of) (struct stack_relay){ .servers = (of), .watch = -1, .control = -1 }

/** stack_relay_wanted() - whether the domain was given servers when it was made. */
bool stack_relay_wanted(const struct stack_process *p);
/** stack_relay_options() - for sluice-domain-init, which sends the sockets to @fd. */
void stack_relay_options(const struct stack_process *p, int fd, struct arg_list *options);
/**
 * stack_relay_start() - take the sockets from @fd, and start the relay; returns when it serves.
 * Return: 0; -EPIPE without @why: who was to send them has ended; another -errno with @why.
 */
int stack_relay_start(struct stack_process *p, struct stack_relay *relay, int fd, char *why, size_t why_room)
	must_check;
/** stack_relay_check() - start those of the domain again that have ended, unless that happens too often: that is said. */
void stack_relay_check(struct stack_process *p);
/** stack_relay_stop() - it, and the sockets. */
void stack_relay_stop(struct stack_relay *relay);

/* stack-relay-disk.c: ways that disks of the stack's own storage domain need. */

/**
 * stack_relay_allow() - before a disk is attached: the domain reaches the servers that its name
 * names, or did already. A domain that has a name of its own has what it was given.
 * Return: 0 or -errno with @why.
 */
int stack_relay_allow(struct stack_process *p, struct attached *at, char *why, size_t why_room) must_check;
/** stack_relay_disallow() - the disk has gone, and the way with the last that needs it. */
void stack_relay_disallow(struct attached *at);
/** stack_relay_refill() - all that disks need, in a domain that has come back. 0 or -errno with @why. */
int stack_relay_refill(struct stack_process *p, char *why, size_t why_room) must_check;
/** stack_relay_end() - all of the domain's; what disks need is known until they go. */
void stack_relay_end(struct stack_process *p);
/** stack_relay_forget() - that, too. */
void stack_relay_forget(struct stack_process *p);

#endif

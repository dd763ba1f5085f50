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
struct stack_process;

/** struct stack_relay - of a stack_process; STACK_RELAY_NONE at first. */
struct stack_relay {
	pid_t pid;           /* 0: it does not run */
	int watch;           /* its pidfd in the stack's watch, or -1 */
	int control;         /* closed: it ends; or -1 */
	int *sockets;        /* that listen in the domain, or NULL */
	unsigned nsockets;
	unsigned revived;    /* how often, one soon after the other */
	uint64_t revived_ms; /* the last time */
	bool ended;          /* too often: it is not started again */
};

#define STACK_RELAY_NONE (struct stack_relay){ .watch = -1, .control = -1 }

/** stack_relay_wanted() - whether the domain was given servers. */
bool stack_relay_wanted(const struct stack_process *p);
/** stack_relay_options() - for sluice-domain-init, which sends the sockets to @fd. */
void stack_relay_options(const struct stack_process *p, int fd, struct arg_list *options);
/**
 * stack_relay_start() - take the sockets from @fd, and start the relay; returns when it serves.
 * Return: 0; -EPIPE without @why: who was to send them has ended; another -errno with @why.
 */
int stack_relay_start(struct stack_process *p, int fd, char *why, size_t why_room) must_check;
/** stack_relay_check() - start it again if it has ended, unless that happens too often: that is said. */
void stack_relay_check(struct stack_process *p);
/** stack_relay_end() - it, and the sockets. */
void stack_relay_end(struct stack_process *p);

#endif

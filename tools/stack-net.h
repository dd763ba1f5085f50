/* SPDX-License-Identifier: MIT */
/*
 * Network interfaces of guest process domains in a private stack, and the network driver
 * domain that serves them: a process domain that alone has the network they are on. One
 * thread.
 */
#ifndef SLUICE_TOOLS_STACK_NET_H
#define SLUICE_TOOLS_STACK_NET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "tools/stack.h"

/** struct stack_vif - an interface for a guest domain. NULL and 0: it is not said. */
struct stack_vif {
	unsigned handle;         /* device number, one of each per guest */
	const char *mac;         /* NULL: made from domain and handle */
	const char *attach;      /* tap (default), macvtap, user, packet, null */
	const char *device;      /* of attach */
	const char *bridge;
	const char *vifname;     /* of the interface in the driver domain */
	const char *script;      /* hotplug script */
	const char *rate, *rate_in; /* "bytes,usec" */
	const char *forward;     /* of attach=user */
	uint32_t mtu;
	const char *backend;     /* the name of the driver domain that serves it; NULL: stack_network() */
};

/**
 * stack_network() - the stack's own network driver domain, made when it is first asked for:
 * it has a network namespace with nothing in it and may make TAPs there.
 *
 * Return: NULL with errno set and @why.
 */
struct stack_process *stack_network(struct stack *st, char *why, size_t why_room);
/**
 * stack_network_enter() - for a child process with one thread: into the network of a driver
 * domain, with all rights over it. 0 or -errno.
 */
int stack_network_enter(const struct stack_process *p) must_check;

/**
 * stack_attach_vif() - what a toolstack writes for an interface of the guest domain @domid, in
 * one transaction; then waits for the backend's InitWait or its error node.
 * Return: 0 or -errno with @why.
 */
int stack_attach_vif(struct stack *st, uint32_t domid, const struct stack_vif *vif, char *why,
	size_t why_room) must_check;

/**
 * stack_guest_add() - one more guest process domain, in a stack that has one.
 * Return: 0 or -errno with @why.
 */
int stack_guest_add(struct stack *st, uint32_t *domid, char *why, size_t why_room) must_check;

#endif

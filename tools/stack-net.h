/* SPDX-License-Identifier: MIT */
/*
 * Network interfaces of a private stack's guests, and the stack's own network driver
 * domains, which serve those that name no other. One thread.
 */
#ifndef SLUICE_TOOLS_STACK_NET_H
#define SLUICE_TOOLS_STACK_NET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "tools/stack.h"

/** STACK_VIFS - the most interfaces of a guest that has them from its start. */
#define STACK_VIFS 8u
/** STACK_VIF_ANY - no handle yet. */
#define STACK_VIF_ANY (~0u)

/** struct stack_rate - so many bytes each so many microseconds; 0: no limit. */
struct stack_rate {
	uint64_t bytes;
	uint32_t usec;
};

/** struct stack_vif - an interface for a guest domain. NULL and 0: it is not said. */
struct stack_vif {
	unsigned handle;         /* device number, one of each per guest */
	const char *mac;         /* NULL: made from the guest's name and the handle */
	const char *attach;      /* tap, macvtap, user, packet, null */
	const char *device;      /* of attach */
	const char *bridge;
	const char *vifname;     /* of the interface in the driver domain */
	const char *script;      /* hotplug script */
	const char *ip, *gatewaydev, *vlan; /* for that */
	struct stack_rate rate, rate_in;
	const char *forward;     /* of attach=user */
	uint32_t mtu;
	bool untrusted;          /* the guest is told not to trust its backend */
	const char *backend;     /* the name of the driver domain that serves it; NULL: the stack's own */
};

/**
 * stack_network() - the stack's own network driver domain, made when it is first asked for:
 * it has a network namespace with nothing in it and may make TAPs there.
 *
 * Return: NULL with errno set and @why.
 */
struct stack_process *stack_network(struct stack *st, char *why, size_t why_room);
/**
 * stack_user_network() - the same for attach=user: without any privilege, in the caller's
 * network, whose sockets guests' connections become.
 */
struct stack_process *stack_user_network(struct stack *st, char *why, size_t why_room);
/**
 * stack_network_enter() - for a child process with one thread: into the network of a driver
 * domain, with all rights over it. 0 or -errno.
 */
int stack_network_enter(const struct stack_process *p) must_check;

/** stack_vif_begin() - write the nodes of an interface of the guest @domid. 0 or -errno with @why. */
int stack_vif_begin(struct stack *st, uint32_t domid, const struct stack_vif *vif, char *why,
	size_t why_room) must_check;
/**
 * stack_vif_check() - whether its backend waits for the frontend.
 * Return: 0; -EAGAIN: not yet, ask again soon; another -errno with @why.
 */
int stack_vif_check(struct stack *st, uint32_t domid, unsigned handle, char *why, size_t why_room)
	must_check;
/** stack_vif_find() - the handle of the guest's interface with the address @mac. */
bool stack_vif_find(struct stack *st, uint32_t domid, const char *mac, unsigned *handle);

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

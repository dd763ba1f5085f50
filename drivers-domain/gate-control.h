/* SPDX-License-Identifier: MIT */
/*
 * What a daemon and its store gate say to each other, over a SOCK_SEQPACKET Unix socket. The
 * gate outlives the daemon, so the next daemon connects to it: the version is asked first.
 */
#ifndef SLUICE_DRIVERS_DOMAIN_GATE_CONTROL_H
#define SLUICE_DRIVERS_DOMAIN_GATE_CONTROL_H

#include "drivers-domain/gate-policy.h"

/** GATE_VERSION - a gate of another one is replaced. */
#define GATE_VERSION 1u

enum gate_control_what {
	/**
	 * Both ways, first of all: the version. From the daemon with its domain's id, from the gate
	 * with what it says of its confinement, as text.
	 */
	GATE_HELLO = 1,
	/** A device, with a listening socket for its backend, in place of an earlier one of that name. */
	GATE_ADD,
	/** It is gone: nobody connects any more; who is connected is not cut off. */
	GATE_REMOVE,
	/** A new connection to the store, which comes with it, non-blocking. */
	GATE_STORE,
	/** From the gate: it needs one. */
	GATE_WANT_STORE,
	/** Of whatever version: end, although that ends connections of backends. */
	GATE_END,
};

/** struct gate_control - each message; what is not used is zero. */
struct gate_control {
	uint32_t version;
	uint32_t what;
	uint32_t own;                 /* domid */
	uint32_t store_ms;            /* of GATE_HELLO: how long to do without a store */
	struct leaf_name name;
	char text[GATE_FRONTEND_MAX]; /* of GATE_ADD: the frontend's directory */
};

#endif

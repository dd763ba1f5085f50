/* SPDX-License-Identifier: MIT */
/*
 * The daemon's side of the store gate: it starts one or adopts the one that an earlier daemon
 * left, gives it connections to the store, and gives each backend a socket of its own there.
 */
#ifndef SLUICE_DRIVERS_DOMAIN_GATE_KEEPER_H
#define SLUICE_DRIVERS_DOMAIN_GATE_KEEPER_H

#include <stdint.h>

#include "common/cleanup.h"
#include "drivers-domain/scan.h"

/** KEEPER_LOCK - in the run directory: held by the gate; has its id, and what it said. */
#define KEEPER_LOCK "store-gate.lock"
/** KEEPER_ARGUMENT - what a gate is told, by which --audit knows one. */
#define KEEPER_ARGUMENT "--control-fd=7"

struct daemon;
struct keeper;

/**
 * keeper_new() - start or find the gate; if it ends, another is started.
 *
 * Return: NULL after a message.
 */
struct keeper *keeper_new(struct daemon *d, uint32_t own) must_check;
/** keeper_free() - the gate goes on while it has backends, of a daemon that did not end them. NULL is fine. */
void keeper_free(struct keeper *k);
/**
 * keeper_add() - a device, for the backend that is about to be started.
 * @frontend: the toolstack's node of this name
 * @listen_fd: for keeper_admit(), close-on-exec, the caller's; until then nobody answers there
 *
 * Return: a close-on-exec descriptor, the caller's, that names a socket (O_PATH): by
 * /proc/self/fd/N who has it connects to the gate, and nobody else can; or -errno: -EINVAL
 * @frontend is not of the frontend's domain, -EAGAIN there is no gate at the moment.
 */
int keeper_add(struct keeper *k, const struct leaf_name *name, const char *frontend, int *listen_fd)
	must_check;
/**
 * keeper_admit() - all that confines the backend from outside is done: the store answers it.
 *
 * Return: 0, or -EAGAIN: the gate has ended.
 */
int keeper_admit(struct keeper *k, const struct leaf_name *name, const char *frontend, int listen_fd)
	must_check;
/** keeper_remove() - its backend has ended. */
void keeper_remove(struct keeper *k, const struct leaf_name *name);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What one device's backend may ask of the store: its own directory, its frontend's, and no
 * other's. Pure. All that comes in is a backend's that a guest may have taken over.
 *
 * In its own directory it writes what backends write and nothing that the toolstack does: a
 * successor, which begins with the rights of its driver domain, opens what the toolstack's
 * nodes name.
 */
#ifndef SLUICE_DRIVERS_DOMAIN_GATE_POLICY_H
#define SLUICE_DRIVERS_DOMAIN_GATE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Not xs_wire.h itself: it needs errno.h before it. */
#include <xenstore_lib.h>

#include "drivers-domain/scan.h"

/** GATE_FRONTEND_MAX - room for the frontend's directory and its NUL. */
#define GATE_FRONTEND_MAX 256u
/** GATE_TOKEN_MAX - room for a watch's token and its NUL. */
#define GATE_TOKEN_MAX 64u

/** struct gate_rules - which device, and where its nodes are. */
struct gate_rules {
	uint32_t own;            /* domid of the driver domain */
	struct leaf_name name;
	char home[32];           /* "/local/domain/N" */
	char dir[SCAN_PATH_MAX + 32];   /* the backend's directory, absolute */
	char errors[SCAN_PATH_MAX + 40]; /* "error/..." of it, absolute */
	char frontend[GATE_FRONTEND_MAX]; /* absolute */
};

/** struct gate_request - a request that was found in order. */
struct gate_request {
	char path[XENSTORE_ABS_PATH_MAX + 1]; /* absolute; "" where the request has none */
	bool relative;   /* it was not */
	const char *rest; /* what follows the path in the payload, in place */
	size_t rest_len;
};

/**
 * gate_rules_init() - the rules of a device.
 * @frontend: the toolstack's node of this name: below the home of the domain that @name has
 *
 * Return: 0, or -EINVAL when @frontend lies elsewhere or is no plain path.
 */
int gate_rules_init(struct gate_rules *r, uint32_t own, const struct leaf_name *name,
	const char *frontend) must_check;

/**
 * gate_policy_check() - whether a request may go to the store, and its path in full.
 * @payload: @header->len bytes
 *
 * Return: 0; -EACCES it is not this device's; -EINVAL it is not well formed; -ENOSYS there is
 * no such request.
 */
int gate_policy_check(const struct gate_rules *r, const struct xsd_sockmsg *header,
	const char *payload, struct gate_request *q) must_check;

/** gate_path_is_below() - @path is @dir or lies below it. */
bool gate_path_is_below(const char *path, const char *dir);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Names of exports of NBD servers, as the NBD project's uri.md and QEMU write them:
 *
 *	nbd://HOST[:PORT]/[EXPORT][?timeout=SECONDS][&unflushed=fail]
 *	nbd+unix:///[EXPORT]?socket=PATH[&...]
 *
 * Pure. A mistake is reported by the part that it is in, and never with a password.
 */
#ifndef SLUICE_BACKENDS_BLK_NBD_URI_H
#define SLUICE_BACKENDS_BLK_NBD_URI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

#define NBD_URI_PORT 10809u
/** NBD_URI_EXPORT - most bytes of an export's name, of the protocol; and its NUL. */
#define NBD_URI_EXPORT 4097u
#define NBD_URI_HOST 256u
#define NBD_URI_SOCKET 108u
/** NBD_URI_TIMEOUT - seconds that a request may wait for its server, unless the URI says another number. */
#define NBD_URI_TIMEOUT 30u
#define NBD_URI_TIMEOUT_MAX 86400u

/** struct nbd_uri - the parts, decoded. */
struct nbd_uri {
	char host[NBD_URI_HOST];     /* "" with a socket; of an IPv6 address without brackets */
	uint16_t port;
	char socket[NBD_URI_SOCKET]; /* an absolute path; "" with a host */
	char export[NBD_URI_EXPORT]; /* "" is the server's default */
	unsigned timeout_s;
	/* A server that went away with writes that were done and not flushed fails the disk. */
	bool unflushed_fails;
};

/**
 * nbd_uri_parse() - 0, or -EINVAL, -ENOTSUP (TLS, vsock) with @why: what is wrong with which
 * part, and what to write instead.
 */
int nbd_uri_parse(const char *text, struct nbd_uri *uri, char *why, size_t room) must_check;

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A connection to an NBD server: from a socket that is just being connected to a libnbd
 * handle that takes commands. Never waits. One thread at a time.
 */
#ifndef SLUICE_BACKENDS_BLK_NBD_LINK_H
#define SLUICE_BACKENDS_BLK_NBD_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <libnbd.h>

#include "backends/blk/nbd-uri.h"
#include "common/cleanup.h"

#define NBD_ADDRESSES 16u

/** struct nbd_server - where an export is: all that a link needs, resolved once. */
struct nbd_server {
	struct nbd_uri uri;
	char name[320];          /* for people: no export, no parameters */
	struct sockaddr_storage address[NBD_ADDRESSES];
	socklen_t address_len[NBD_ADDRESSES];
	unsigned addresses;
	unsigned silent_ms;      /* without a sign of life of its host a connection is given up; 0: never */
};

/** nbd_server_resolve() - fill the addresses of server->uri. Blocks. 0, or -errno with @why. */
int nbd_server_resolve(struct nbd_server *server, char *why, size_t room) must_check;

/** struct nbd_export - what the server says that it serves. */
struct nbd_export {
	uint64_t size;
	uint32_t min_block, preferred_block;
	uint64_t max_payload;
	bool readonly, multi, flush, trim, zeroes, rotational;
};

enum nbd_link_phase { NBD_LINK_DOWN, NBD_LINK_CONNECTING, NBD_LINK_GREETING, NBD_LINK_UP };

/** struct nbd_link - zero at first, but for fd: -1. */
struct nbd_link {
	const struct nbd_server *server;
	enum nbd_link_phase phase;
	int fd;                  /* while CONNECTING */
	unsigned next;           /* the address that is tried next */
	uint32_t changes;        /* counted up with each new socket */
	struct nbd_handle *handle; /* GREETING and UP */
	char why[256];           /* it is DOWN; "" nobody tried */
};

/** nbd_link_begin() - try all addresses, from the first. @link: DOWN. It may be DOWN afterwards. */
void nbd_link_begin(struct nbd_link *link, const struct nbd_server *server);
/** nbd_link_wants() - what to wait for: poll(2)'s events, and *@fd; -1: it is DOWN. */
uint32_t nbd_link_wants(const struct nbd_link *link, int *fd);
/**
 * nbd_link_event() - @revents of the descriptor came. Callbacks of commands may be called.
 * It may be DOWN afterwards: then the callbacks of all commands were.
 */
void nbd_link_event(struct nbd_link *link, uint32_t revents);
/** nbd_link_check() - DOWN if the handle died in a call of its user. False: it is DOWN. */
bool nbd_link_check(struct nbd_link *link);
/** nbd_link_close() - from any phase. Callbacks that were not called are not. */
void nbd_link_close(struct nbd_link *link);

/** nbd_link_export() - what it serves. @link: UP. 0, or -errno with @why. */
int nbd_link_export(struct nbd_link *link, struct nbd_export *e, char *why, size_t room) must_check;

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Connections over Unix stream sockets. Each listening socket stands for one
 * domain: who can connect to it is that domain. Nothing here ever blocks.
 */
#ifndef SLUICE_HYPERVISOR_STORE_SOCKET_H
#define SLUICE_HYPERVISOR_STORE_SOCKET_H

#include <stdint.h>

#include "common/loop.h"
#include "hypervisor/store/store.h"

struct listener;

/** SOCKET_DOMAIN_CONNECTIONS - most connections at a time of one unprivileged domain. */
#define SOCKET_DOMAIN_CONNECTIONS 256

/**
 * listener_new() - serve a listening socket.
 * @fd: the listener's from then on, also on failure
 * @path: unlinked when the listener is freed; copied; NULL: none
 *
 * Return: NULL with errno set.
 */
struct listener *listener_new(struct loop *loop, struct store *store, uint32_t domid, int fd,
	const char *path);
/** listener_open() - make a socket with mode 0600 at @path and serve it; NULL with errno. */
struct listener *listener_open(struct loop *loop, struct store *store, uint32_t domid,
	const char *path);
/** listener_open_domain() - the same at @dir/@domid/store.sock, the folder made if need be. */
struct listener *listener_open_domain(struct loop *loop, struct store *store,
	uint32_t domid, const char *dir);
/** listener_free() - close the socket and all its connections, remove what was made. */
void listener_free(struct listener *listener);

#endif

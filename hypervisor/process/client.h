/* SPDX-License-Identifier: MIT */
/* A domain's process as a client of the hypervisor; what both libraries stand on. */
#ifndef SLUICE_HYPERVISOR_PROCESS_CLIENT_H
#define SLUICE_HYPERVISOR_PROCESS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "hypervisor/process/wire.h"

#define HVCLIENT_DEFAULT "/run/sluice/hypervisor.sock"

/**
 * hvclient_open() - a new connection to the hypervisor, greeted.
 * @hypervisor: the path of the domain's socket, or "fd:N" for a connection over
 *	which a new one is asked for; NULL: the environment's SLUICE_HYPERVISOR, or
 *	HVCLIENT_DEFAULT
 *
 * Return: a close-on-exec descriptor, or -errno: -ECONNREFUSED nobody serves there or
 * the domain has too many connections, -EPROTONOSUPPORT other builds.
 */
int hvclient_open(const char *hypervisor) must_check;
/** hvclient_hello() - greet on @fd; gives the domain's own id. 0 or -errno. */
int hvclient_hello(int fd, uint32_t *domid) must_check;

/**
 * hvclient_call() - one request and its reply.
 * @reply: starts with struct wire_reply
 * @room: the reply's largest size
 * @fds: receives descriptors; @nfds: in: room, out: how many came. NULL: none are expected
 *
 * Return: the reply's size, or -errno: the reply's own, or -ENODEV: the hypervisor is
 * gone or has closed the connection. On failure no descriptors are returned, but
 * the reply is filled in if one came.
 */
ssize_t hvclient_call(int fd, const void *req, size_t len, void *reply, size_t room, int *fds,
	unsigned *nfds) must_check;

/** hvclient_send() - hvclient_call()'s first half: the request. 0 or -errno. */
int hvclient_send(int fd, const void *req, size_t len) must_check;
/** hvclient_receive() - its second half: the reply to what was sent with @op. */
ssize_t hvclient_receive(int fd, uint32_t op, void *reply, size_t room, int *fds,
	unsigned *nfds) must_check;

/** hvclient_restrict() - name no other domain than @domid on @fd from now on. */
int hvclient_restrict(int fd, uint32_t domid) must_check;

#endif

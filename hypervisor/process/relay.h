/* SPDX-License-Identifier: MIT */
/*
 * Carries TCP connections between a process domain and the servers that it was given, from
 * outside of the domain: it accepts on listening sockets that lie in the domain's network
 * namespace, connects to the server from the host's, and passes on what comes either way. No
 * socket of the host's network is ever in the domain.
 *
 * Whoever connects is hostile, and so is what a server sends: nothing of it is looked at. What
 * they can use up is bounded: connections, how fast they are made, bytes kept of each. One thread,
 * in a process that ignores SIGPIPE.
 */
#ifndef SLUICE_HYPERVISOR_PROCESS_RELAY_H
#define SLUICE_HYPERVISOR_PROCESS_RELAY_H

#include <stdint.h>
#include <sys/socket.h>

#include "common/cleanup.h"

struct relay;

/**
 * RELAY_CHUNK - the most bytes that are copied at a time, and kept for an end that takes no more, of two
 * per connection. A few have more, of the kernel's.
 */
#define RELAY_CHUNK (64u * 1024)

/** struct relay_limits - what the domain may use up. */
struct relay_limits {
	unsigned connections; /* at a time; further ones are reset */
	unsigned burst;       /* of new ones; then they wait and there are */
	unsigned per_second;  /* so many */
	unsigned connect_ms;  /* for a server to answer */
	unsigned half_ms;     /* without a byte, of a connection of which one side has ended */
	/*
	 * At a time, one for each end that takes no more of what need not be copied; the bytes of those who get none
	 * are copied. It is what bounds descriptors and pages of the kernel's.
	 */
	unsigned pipes;
};
/** RELAY_LIMITS - of a domain. */
#define RELAY_LIMITS { .connections = 512, .burst = 512, .per_second = 100, .connect_ms = 30000, .half_ms = 300000, \
	.pipes = 32 }

/** relay_new() - NULL with errno set on failure. @limits: copied */
struct relay *relay_new(const struct relay_limits *limits);
/** relay_free() - its connections are reset. NULL is fine. */
void relay_free(struct relay *r);
/**
 * relay_listen() - connect who comes to the listening socket @fd, the relay's from now on, with @to.
 * Return: 0 or -errno; then @fd stays the caller's.
 */
int relay_listen(struct relay *r, int fd, const struct sockaddr_storage *to, socklen_t length) must_check;
/** relay_run() - until @fd has something to read or its other end is closed. 0 or -errno. */
int relay_run(struct relay *r, int fd) must_check;

#endif

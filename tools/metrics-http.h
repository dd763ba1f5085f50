/* SPDX-License-Identifier: MIT */
/*
 * Serving one text over HTTP to those on this machine: a Unix socket that is the user's
 * alone, or a port of the loopback interface. Clients are bounded in number, in time and in
 * what they may send; one request per connection. One thread.
 */
#ifndef SLUICE_TOOLS_METRICS_HTTP_H
#define SLUICE_TOOLS_METRICS_HTTP_H

#include "common/cleanup.h"
#include "common/loop.h"

/** METRICS_HTTP_CLIENTS - at a time; more wait in the socket's queue. */
#define METRICS_HTTP_CLIENTS 16u
/** METRICS_HTTP_MS - a connection's whole life. */
#define METRICS_HTTP_MS 5000u

struct metrics_http;

/** struct metrics_http_source - where the text comes from. */
struct metrics_http_source {
	/** text() - malloc'ed, @size bytes; NULL: there is none now, 500 is answered. */
	char *(*text)(void *opaque, size_t *size);
	void *opaque;
	const char *type;    /* Content-Type */
};

/** metrics_http_listen_unix() - Return: a listening descriptor, or -errno with @why. */
int metrics_http_listen_unix(const char *path, char *why, size_t room) must_check;
/**
 * metrics_http_listen() - "127.0.0.1:PORT" or "[::1]:PORT"; port 0: any that is free.
 * @where: what was bound, for the user; 64 bytes
 *
 * Return: a listening descriptor; -EINVAL for any other address; or -errno; with @why.
 */
int metrics_http_listen(const char *address, char *where, char *why, size_t room) must_check;

/** metrics_http_start() - serve @fd, which stays the caller's, in @loop. NULL with errno set. */
struct metrics_http *metrics_http_start(struct loop *loop, int fd,
	const struct metrics_http_source *source);
/** metrics_http_stop() - NULL is fine. */
void metrics_http_stop(struct metrics_http *http);

#endif

/* SPDX-License-Identifier: MIT */
/* The relay's parts; see relay.h. */
#ifndef SLUICE_HYPERVISOR_PROCESS_RELAY_PRIVATE_H
#define SLUICE_HYPERVISOR_PROCESS_RELAY_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/log.h"
#include "hypervisor/process/relay.h"

struct relay_conn;

/** RELAY_BULK - a side that sends this much at once is one whose bytes need not be copied. */
#define RELAY_BULK (16u * 1024)
/** RELAY_MOST - what is taken of it at a time, bytes. */
#define RELAY_MOST (512u * 1024)
/** struct relay_pipe - bytes of one way of a connection, that the kernel has. */
struct relay_pipe {
	struct relay_pipe *next;
	int in, out;
	size_t bytes;
};

/** struct relay_source - something that is waited for. */
struct relay_source {
	void (*ready)(struct relay_source *source, uint32_t events);
	int fd;
	uint32_t events; /* that are waited for */
	bool waits;      /* epoll has it */
};

/** struct relay_listener - a server, for the domain. */
struct relay_listener {
	struct relay_listener *next;
	struct relay *relay;
	struct relay_source source;
	struct sockaddr_storage to;
	socklen_t length;
};

struct relay {
	struct relay_limits limits;
	int epfd;
	struct relay_source listening; /* an epoll of the listeners, so that all are parked at once */
	struct relay_listener *listeners;
	struct relay_conn *conns, *ended; /* ended: freed when no event can name them any more */
	unsigned nconns;
	uint64_t tokens, tokens_ms; /* thousandths of connections that may be made now */
	uint64_t parked_ms;         /* until when nobody is accepted; 0: they are */
	uint64_t sweep_ms;          /* when to look for what takes too long; 0: nothing could */
	bool stop;
	struct relay_pipe *spares;  /* empty */
	unsigned nspares, npipes;   /* npipes: of connections, too */
	bool copies;                /* sockets here cannot do without */
	struct log_limit many, fast, failed; /* of lines: too many connections, made too fast; servers */
	uint8_t chunk[RELAY_CHUNK];
};

/** relay_now_ms() - monotonic. */
uint64_t relay_now_ms(void);
/** relay_wait_for() - from now on these events of it, 0 none but its end. 0 or -errno. */
int relay_wait_for(struct relay *r, struct relay_source *s, uint32_t events);
/** relay_forget() - no event of it is delivered after those at hand. */
void relay_forget(struct relay *r, struct relay_source *s);

/* relay-pipe.c */

/** relay_pipe_get() - an empty one. NULL: there is none to be had, which is fine. */
struct relay_pipe *relay_pipe_get(struct relay *r);
/** relay_pipe_put() - back, or away if there is something in it. */
void relay_pipe_put(struct relay *r, struct relay_pipe *p);
/** relay_pipe_free() - all that no connection has. */
void relay_pipe_free(struct relay *r);
/** relay_pipe_fill() - what the socket @from has, up to RELAY_MOST, into an empty pipe. As recv(). */
ssize_t relay_pipe_fill(struct relay_pipe *p, int from);
/** relay_pipe_drain() - what is in it to the socket @to, as much as that takes. As send(), but for SIGPIPE. */
ssize_t relay_pipe_drain(struct relay_pipe *p, int to);

/* relay-conn.c */

/** relay_conn_start() - connect @fd, which was accepted and is the connection's now, with a server. */
void relay_conn_start(struct relay_listener *l, int fd);
/** relay_conn_sweep() - end what takes too long. Return: when to look again, 0: need not be. */
uint64_t relay_conn_sweep(struct relay *r, uint64_t now);
/** relay_conn_end() - reset both ends. */
void relay_conn_end(struct relay_conn *c);
/** relay_conn_reap() - free those that have ended. */
void relay_conn_reap(struct relay *r);
/** relay_reset() - close @fd so that its peer is told that something is wrong. */
void relay_reset(int fd);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The store gate: between the backends of a driver domain and its store. Pure: bytes go in and
 * come out, the clock is told, sockets are the caller's.
 *
 *	backends --- struct gate_client --- struct gate --- one connection to the store
 *
 * All that comes from a backend is hostile. A client has one request under way and one reply
 * waiting; until both are gone no more is read from it, so none can fill anything. Requests
 * take turns. Transactions, of which the store gives a domain few, are given out in turn, and
 * taken back from who keeps one while others wait.
 *
 * The store may go away and come back without what its connections had. Watches are then made
 * anew, each of which fires; transactions that were open end with EAGAIN; other requests
 * without an answer are asked again, which for these is the same as asking once.
 */
#ifndef SLUICE_DRIVERS_DOMAIN_GATE_H
#define SLUICE_DRIVERS_DOMAIN_GATE_H

#include <sys/queue.h>

#include "common/cleanup.h"
#include "drivers-domain/gate-policy.h"
#include "drivers-domain/gate-watch.h"

/** GATE_MESSAGE - the longest message of the protocol. */
#define GATE_MESSAGE (sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX)
/** GATE_FLIGHT - requests at the store at a time, over a socket: fewer than it keeps replies for. */
#define GATE_FLIGHT 16u
/** GATE_TX - transactions at the store at a time, of the 10 that it gives a domain. */
#define GATE_TX 6u
/** GATE_CLIENT_TX - of these for one client. */
#define GATE_CLIENT_TX 2u
/** GATE_TX_MS - how long a transaction may last while others wait for one. */
#define GATE_TX_MS 1000u
/** GATE_CLIENTS_MAX - clients at a time. */
#define GATE_CLIENTS_MAX 4096u

/** struct gate_in - a message on its way in. */
struct gate_in {
	union {
		struct xsd_sockmsg header;
		char bytes[GATE_MESSAGE];
	};
	size_t used;
};

/** struct gate_out - a message on its way out. */
struct gate_out {
	char bytes[GATE_MESSAGE];
	size_t len, done;
};

/** enum gate_held - what the store has of a transaction. */
enum gate_held { GATE_TX_NONE, GATE_TX_WANTED, GATE_TX_ASKED, GATE_TX_OPEN };

/** struct gate_tx - a transaction of a client; unused when local and held are 0. */
struct gate_tx {
	uint32_t local;  /* the client's id; 0: it has not got it, or has ended it */
	uint32_t real;   /* the store's */
	enum gate_held held;
	bool broken;     /* it ends with EAGAIN */
	bool abort;      /* to be ended by us */
	uint64_t since_ms;
};

/** enum gate_job - what is at the store for a client, or to be sent there next. */
enum gate_job { GATE_IDLE, GATE_REQUEST, GATE_ABORT, GATE_WATCH, GATE_UNWATCH };

/** enum gate_queue - where a client waits. */
enum gate_queue { GATE_NOWHERE, GATE_READY, GATE_TX_WAIT, GATE_IN_FLIGHT };

/** struct gate_client - a connection of a backend. */
struct gate_client {
	struct gate *gate;
	struct gate_rules rules;
	void *transport;
	unsigned slot;
	const char *bad;          /* why it is to be closed; NULL: it is not */
	bool closing;             /* its socket is gone; what it had at the store is being removed */
	bool dirty;
	enum gate_queue queue;
	TAILQ_ENTRY(gate_client) link, dirty_link;
	enum gate_job job;        /* in flight */
	unsigned job_index;
	bool pending;             /* in.header is a request without an answer */
	unsigned index;           /* the watch or transaction that it is about */
	struct gate_in in;
	struct gate_out reply, out;
	struct gate_tx tx[GATE_CLIENT_TX];
	uint32_t last_tx;
	struct gate_watches watches;
};
TAILQ_HEAD(gate_list, gate_client);

/** struct gate - all clients and the connection to the store. */
struct gate {
	uint32_t own;
	bool up;
	unsigned flight_max;  /* requests at the store at a time */
	uint64_t now_ms;
	struct gate_client *clients[GATE_CLIENTS_MAX];
	unsigned count;
	struct gate_list ready, tx_wait, dirty;
	unsigned tx_held;
	struct gate_client *flight[GATE_FLIGHT];
	uint32_t flight_id[GATE_FLIGHT];
	uint32_t last_id;
	uint64_t last_watch;
	struct gate_in up_in;
	struct gate_out up_out;
};

/** gate_init() - without a store yet. @own: the driver domain's id */
void gate_init(struct gate *g, uint32_t own);
/** gate_clear() - free all clients. */
void gate_clear(struct gate *g);
/** gate_tick() - tell the time, monotonic; often while gate_wants_tick(). */
void gate_tick(struct gate *g, uint64_t now_ms);
/** gate_wants_tick() - somebody waits for a transaction of others. */
bool gate_wants_tick(const struct gate *g);

/** gate_take_dirty() - a client to look at: its bad, output and input may have changed. Or NULL. */
struct gate_client *gate_take_dirty(struct gate *g);

/* --- clients: gate-client.c --- */

/** gate_client_new() - NULL when there are too many, or without memory. */
struct gate_client *gate_client_new(struct gate *g, const struct gate_rules *rules, void *transport);
/** gate_client_close() - its socket is closed; the client is freed, now or later. */
void gate_client_close(struct gate_client *c);
/** gate_client_room() - where its next bytes belong, and how many at most; 0: read none now. */
size_t gate_client_room(struct gate_client *c, char **at);
/** gate_client_received() - @n bytes were put there; may set bad. */
void gate_client_received(struct gate_client *c, size_t n);
/** gate_client_output() - the next bytes to send to it; 0: none. */
size_t gate_client_output(struct gate_client *c, const char **at);
/** gate_client_sent() - @n of them were sent. */
void gate_client_sent(struct gate_client *c, size_t n);

/* --- the store: gate.c --- */

/**
 * gate_up() - there is a connection to the store, new and without anything of ours.
 * @flight: how many requests it takes before it answers, 1 to GATE_FLIGHT
 */
void gate_up(struct gate *g, unsigned flight);
/** gate_down() - there is none any more. */
void gate_down(struct gate *g);
/** gate_up_room(), gate_up_received() - as for a client; -EPROTO: it does not speak the protocol. */
size_t gate_up_room(struct gate *g, char **at);
int gate_up_received(struct gate *g, size_t n) must_check;
/** gate_up_output() - the rest of one message to send to the store; 0: none. */
size_t gate_up_output(struct gate *g, const char **at);
void gate_up_sent(struct gate *g, size_t n);
/** gate_up_refused() - the connection does not take this message: its sender is told @error. */
void gate_up_refused(struct gate *g, int error);

/* --- between gate.c and gate-client.c --- */

/** gate_client_job() - what to ask the store for it next, and about which watch or transaction. */
enum gate_job gate_client_job(const struct gate_client *c, unsigned *index);
/** gate_client_compose() - that as a message without its id; sets job. */
void gate_client_compose(struct gate_client *c, struct gate_out *out);
/** gate_client_answer() - what the store answered; 0, or -EPROTO. May free it. */
int gate_client_answer(struct gate_client *c, const struct xsd_sockmsg *header, const char *payload)
	must_check;
/** gate_client_event() - a watch of it fired. */
void gate_client_event(struct gate_client *c, uint64_t serial, const char *path);
/** gate_client_down() - the store is gone, with its watches and transactions. May free it. */
void gate_client_down(struct gate_client *c);
/** gate_client_break() - transactions older than @before_ms are taken from it. */
void gate_client_break(struct gate_client *c, uint64_t before_ms);
/** gate_schedule() - it may have something for the store. */
void gate_schedule(struct gate_client *c);
/** gate_mark_dirty() - see gate_take_dirty(). */
void gate_mark_dirty(struct gate_client *c);
/** gate_forget() - take it out of all lists and free it. */
void gate_forget(struct gate_client *c);
/** gate_error_name() - how the protocol spells @error, which is negative. */
const char *gate_error_name(int error);
/** gate_tx_release() - the store has a transaction less: who waits for one may go on. */
void gate_tx_release(struct gate *g);

#endif

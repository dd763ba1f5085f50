/* SPDX-License-Identifier: MIT */
/*
 * One process plays everything around the block frontend: a store, event channels
 * and grants in memory in place of Xen's libraries (blkfront-fakes.c), and a block
 * backend that may misbehave (blkfront-backend.c). A write of the frontend's state and
 * a notification run the backend's reaction, in that thread, before they return.
 */
#ifndef SLUICE_TESTS_UNIT_BLKFRONT_FAKES_H
#define SLUICE_TESTS_UNIT_BLKFRONT_FAKES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "protocol/blkif.h"
#include "protocol/ring.h"

#define FAKE_HOME "/local/domain/7/"
#define FAKE_FRONT FAKE_HOME "device/vbd/51712"
#define FAKE_BACK "/local/domain/3/backend/vbd/7/51712"

/* ---- the libraries ---- */

struct fakes {
	unsigned notifies;       /* xenevtchn_notify() calls */
	unsigned calls;          /* of any event channel function */
	unsigned shared;         /* pages granted now */
	unsigned grant_limit;
	unsigned conflicts;      /* so many transactions fail with EAGAIN */
	unsigned open_handles;
	void (*before_transaction)(void); /* the second one: publishing */
	const char *front_state; /* the node whose writes the backend is told of */
	bool store_gone;
	unsigned store_epoch;    /* one more: the store was restarted, and its connections are dead */
	const char *store_socket;
	bool notify_fails;
};
extern struct fakes fakes;

void fakes_reset(void);
/** fake_get() - a node's value, NULL when absent. */
const char *fake_get(const char *path);
/** fake_set() - write or, with NULL, remove a node; fires watches. */
void fake_set(const char *path, const char *value);
/** fakes_store_listen() - a socket for the store's end, which no library tells of; fakes.store_socket's. */
int fakes_store_listen(struct sockaddr_un *sa);
/** fakes_store_end() - of the store behind it: ends what was accepted there, too. */
void fakes_store_end(int listening, const struct sockaddr_un *sa);
/** fake_page() - the page behind a grant, NULL for a bad reference. */
void *fake_page(uint32_t ref);
/** fake_event() - the backend notifies the frontend; of queue 0, or of another one. */
void fake_event(void);
void fake_event_on(unsigned queue);

/* The backend's side, called by the fakes. */
void backend_frontend_wrote_state(int state);
void backend_notified(unsigned queue);

/* ---- the backend ---- */

#define BACKEND_DISK_BYTES (4u << 20)
#define BACKEND_QUEUES 4

struct backend {
	struct ring_back ring;   /* queue 0's */
	struct ring_back more[BACKEND_QUEUES]; /* of the queues from 1 on */
	unsigned queues;
	unsigned served_on[BACKEND_QUEUES];
	uint8_t last_flag;       /* of a discard */
	enum blkif_abi abi;
	bool attached;
	bool serve;              /* answer each request at once; else the test does it */
	bool refuse;             /* go to Closed in place of Connected, with an error node */
	bool deaf;               /* never react to the frontend's state */
	unsigned served;
	unsigned indirect;       /* how many of them were indirect */
	uint8_t last_op;
	int16_t status;          /* to answer with */
	uint8_t disk[BACKEND_DISK_BYTES];
	struct blkif_req req;
};
extern struct backend backend;

void backend_reset(void);
/** backend_node() - give @name another value than usual when it is published; NULL: leave it out. */
void backend_node(const char *name, const char *value);
void backend_set_state(int state);
/** backend_take() - the next request, decoded with its segments. False: none. */
bool backend_take(struct blkif_req *req);
/** backend_answer() - put a response and publish it. */
void backend_answer(uint64_t id, uint8_t operation, int16_t status);
/** backend_carry_out() - what a well-behaved backend does with a request. Return: status. */
int16_t backend_carry_out(const struct blkif_req *req);
void backend_serve_all(void);
void backend_serve_queue(unsigned queue);
/** backend_set_rsp_prod() - write the shared index as a hostile backend may. */
void backend_set_rsp_prod(uint32_t rsp_prod);

#endif

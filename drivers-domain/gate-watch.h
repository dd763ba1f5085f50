/* SPDX-License-Identifier: MIT */
/*
 * The watches of one client of the gate, and events that it has not taken yet. Bounded: of too
 * many events of a watch one is left, that all below it may have changed. Pure.
 */
#ifndef SLUICE_DRIVERS_DOMAIN_GATE_WATCH_H
#define SLUICE_DRIVERS_DOMAIN_GATE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "drivers-domain/gate-policy.h"

/** GATE_WATCHES - watches of a client; a backend has two. */
#define GATE_WATCHES 8u
/** GATE_EVENTS - events of a watch that wait, each of another path. */
#define GATE_EVENTS 8u

enum gate_watch_state {
	GATE_WATCH_FREE,
	GATE_WATCH_ASKED,   /* the client's request is not answered yet */
	GATE_WATCH_ON,
	GATE_WATCH_AGAIN,   /* the store has forgotten it: to be made anew */
	GATE_WATCH_ENDING,  /* the client's request to end it is not answered yet */
	GATE_WATCH_DROP,    /* nobody wants it: to be removed from the store */
};

struct gate_watch {
	enum gate_watch_state state;
	uint64_t serial;    /* its token at the store */
	char *path;         /* absolute */
	bool relative;      /* as the client has it */
	char token[GATE_TOKEN_MAX];
	char *events[GATE_EVENTS]; /* absolute paths, oldest first */
	unsigned count;
};

struct gate_watches {
	struct gate_watch at[GATE_WATCHES];
	unsigned turn;
};

/**
 * gate_watch_add() - a new one, GATE_WATCH_ASKED.
 * @token: a string shorter than GATE_TOKEN_MAX
 *
 * Return: its index; -EEXIST: path and token are there already; -ENOSPC; -ENOMEM.
 */
int gate_watch_add(struct gate_watches *w, uint64_t serial, const char *path, bool relative,
	const char *token) must_check;
/** gate_watch_find() - of path and token; its index or -ENOENT. */
int gate_watch_find(const struct gate_watches *w, const char *path, bool relative,
	const char *token) must_check;
/** gate_watch_free() - with the events that wait. */
void gate_watch_free(struct gate_watch *watch);
void gate_watches_clear(struct gate_watches *w);
/** gate_watch_event() - it fired for @path, which is its own or below. 0 or -ENOMEM: it is lost. */
int gate_watch_event(struct gate_watch *watch, const char *path) must_check;
/** gate_watch_next() - the next event that waits, watches in turn; NULL: none. @path: to be freed */
struct gate_watch *gate_watch_next(struct gate_watches *w, char **path);

#endif

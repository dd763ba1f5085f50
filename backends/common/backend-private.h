/* SPDX-License-Identifier: MIT */
/* A backend's life, for the files that it is written in. */
#ifndef SLUICE_BACKENDS_COMMON_BACKEND_PRIVATE_H
#define SLUICE_BACKENDS_COMMON_BACKEND_PRIVATE_H

#include "backends/common/backend.h"
#include "protocol/xenbus.h"

struct backend {
	struct loop *loop;
	struct loop_source *source;
	struct loop_source *alive;
	int socket;          /* the store's, to hear of its end; -1: it is none */
	const struct backend_ops *ops;
	void *opaque;
	struct xs_handle *xs;
	char *path;
	char *frontend;      /* NULL before backend_start() */
	XenbusState state;   /* ours, as last written */
	bool connected;
	bool disconnecting;  /* no action until backend_disconnected() */
	bool ending;         /* ended() after the disconnect */
	bool given_up;       /* the toolstack wrote Closed over our state */
	bool over;           /* ended() was called */
	unsigned dwell_ms;   /* at InitWait, the first time */
	struct loop_source *dwell; /* while it lasts */
	struct loop_source *again; /* to look once more */
};

/** backend_was_connected() - a predecessor died connected, or closing: @own is the state it left. */
bool backend_was_connected(struct backend *b, XenbusState *own);
/**
 * backend_succeed() - go on where a predecessor died, which left @own; or else report why not
 * and close, for the frontend to connect again. Before the first look at the nodes.
 */
void backend_succeed(struct backend *b, XenbusState own);

#endif

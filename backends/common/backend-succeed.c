// SPDX-License-Identifier: MIT
/* A backend whose predecessor died while its frontend was connected. */
#include "config.h"
#include "backends/common/backend-private.h"

#include <errno.h>
#include <stdio.h>

#include "backends/common/error-node.h"
#include "backends/common/ready.h"
#include "xenstore/xsnode.h"

bool backend_was_connected(struct backend *b, XenbusState *own)
{
	return xsn_read_state(b->xs, XBT_NULL, b->path, "state", own) == 0 &&
	       (*own == XenbusStateConnected || *own == XenbusStateClosing ||
		       *own == XenbusStateReconfigured);
}

/* It still has its rings and waits for answers in them. */
static bool backend_frontend_waits(struct backend *b)
{
	XenbusState state;

	return xsn_read_state(b->xs, XBT_NULL, b->frontend, "state", &state) == 0 &&
	       (state == XenbusStateInitialised || state == XenbusStateConnected ||
		       state == XenbusStateClosing || state == XenbusStateReconfiguring);
}

/* Neither state changes: to the frontend the predecessor was slow for a moment. */
static int backend_resume(struct backend *b, XenbusState own, char *why, size_t room)
{
	struct backend_dir frontend = { b->xs, XBT_NULL, b->frontend };
	int rc = -EOPNOTSUPP;

	snprintf(why, room, "its requests cannot be taken over");
	if (!b->ops->resume || !backend_frontend_waits(b))
		return rc;
	b->state = own;
	rc = b->ops->resume(b->opaque, &frontend, why, room);
	if (rc < 0) {
		b->state = XenbusStateInitialising;
		return rc;
	}
	b->connected = true;
	error_node_clear(b->xs, b->path);
	ready_note("RESUMED=1\n");
	b->ops->ready(b->opaque);
	return 0;
}

/*
 * A predecessor that died connected took requests whose fate only its journal can settle. To
 * attach to its ring without would lose some and answer others twice, so where they cannot be
 * taken over the frontend has to close first.
 */
void backend_succeed(struct backend *b, XenbusState own)
{
	char reason[256], why[384];

	if (backend_resume(b, own, reason, sizeof(reason)) == 0)
		return;
	snprintf(why, sizeof(why),
		"an earlier backend ended while connected and %s; the frontend has to connect again",
		reason);
	ready_note("RESUMED=0\n");
	b->ops->ready(b->opaque);
	backend_fail(b, why);
}

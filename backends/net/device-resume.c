// SPDX-License-Identifier: MIT
/*
 * Going on where a predecessor was killed: with the rings, channels, filter and hash that its
 * record tells of. Control thread. That the record's lock was free says that no thread of
 * the predecessor runs any more.
 */
#include "config.h"
#include "backends/net/device-private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"

static int resume_check(struct device *d, char *why, size_t room)
{
	const struct record_page *left =
		d->shared.record ? record_predecessor(d->shared.record) : NULL;

	if (!left)
		snprintf(why, room, "left no record of its rings");
	else if (left->broken)
		snprintf(why, room, "had stopped, as the frontend had broken a rule");
	else
		return 0;
	return -EOPNOTSUPP;
}

/* What was advertised is what holds, whatever this program would offer now. */
static int resume_offer(struct device *d, char *why, size_t room)
{
	struct backend_dir dir = backend_own_dir(d->backend);
	struct nego_error error = { "" };
	int rc = nego_read(&netif_nodes, NEGO_BACKEND, &d->offer, backend_dir_read, &dir, &error);

	if (rc < 0)
		snprintf(why, room, "what it offered cannot be read (%s)", error.text);
	return rc;
}

static int resume_attach(struct device *d, struct backend_dir *frontend, char *why, size_t room)
{
	const struct record_page *left = record_predecessor(d->shared.record);
	int rc;

	mcast_set_list(&d->shared.mcast, &left->mcast[left->mcast_current]);
	d->resuming = true;
	rc = device_attach(d, frontend, why, room);
	d->resuming = false;
	return rc;
}

int device_resume(void *opaque, struct backend_dir *frontend, char *why, size_t room)
{
	struct device *d = opaque;
	struct netif_backend_nodes ours = d->offer;
	int rc = resume_check(d, why, room);

	if (rc == 0)
		rc = resume_offer(d, why, room);
	if (rc == 0)
		rc = resume_attach(d, frontend, why, room);
	if (rc < 0) {
		d->offer = ours;
		record_reset(d->shared.record);
		return rc;
	}
	/* Whether the guest is stalled is found out anew. */
	device_tell_carrier(d);
	/* Not record_settle(): queues' threads read what was left when they begin. */
	return 0;
}

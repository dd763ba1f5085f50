// SPDX-License-Identifier: MIT
/*
 * A store that goes away comes back, as sluice-store does from its saved state: meanwhile the
 * daemon leaves all as it is, and then looks at everything anew. Calls to the lost connection
 * fail at once, so that whoever is in the middle of something ends by itself.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <xenstore.h>

#include "common/log.h"
#include "common/loop.h"
#include "drivers-domain/daemon.h"
#include "xenstore/xsnode.h"

#define LINK_FIRST_MS 20u
#define LINK_MOST_MS 1000u

static void link_retry(void *opaque);

static void link_wait(struct daemon *d)
{
	d->link_timer = loop_add_timer(d->loop, d->link_delay_ms, link_retry, d);
	if (!d->link_timer)
		daemon_fail(d, "cannot set a timer", -errno);
	d->link_delay_ms = d->link_delay_ms * 2 < LINK_MOST_MS ? d->link_delay_ms * 2 : LINK_MOST_MS;
}

void daemon_store_lost(struct daemon *d, int error)
{
	if (d->store_lost)
		return;
	log_warn("the store is gone: %s; backends go on, and it is looked for again for %u s",
		strerror(-error), d->options.store_ms / 1000);
	d->store_lost = true;
	loop_remove(d->store_source);
	d->store_source = NULL;
	d->link_lost_ms = daemon_now_ms();
	d->link_delay_ms = LINK_FIRST_MS;
	link_wait(d);
}

void daemon_check_store(struct daemon *d)
{
	uint32_t domid;
	int rc = d->store_lost ? 0 : xsn_own_domid(d->xs, &domid);

	if (rc < 0)
		daemon_store_lost(d, rc);
}

/* A store in whose eyes we are the same domain as before. */
static int link_check(struct daemon *d)
{
	uint32_t domid;
	char home[sizeof(d->home)];
	int rc = xsn_own_domid(d->xs, &domid);

	if (rc < 0)
		return rc;
	snprintf(home, sizeof(home), "/local/domain/%u", domid);
	return strcmp(home, d->home) == 0 ? watch_start(d) : -EXDEV;
}

static int link_open(struct daemon *d)
{
	struct xs_handle *xs = xs_open(0);
	int rc;

	if (!xs)
		return errno ? -errno : -EIO;
	xs_close(d->xs);
	d->xs = xs;
	rc = link_check(d);
	if (rc < 0) {
		loop_remove(d->store_source);
		d->store_source = NULL;
	}
	return rc;
}

static void link_retry(void *opaque)
{
	struct daemon *d = opaque;
	int rc;

	d->link_timer = NULL;
	rc = link_open(d);
	if (rc < 0 && (rc == -EXDEV || daemon_now_ms() - d->link_lost_ms >= d->options.store_ms)) {
		daemon_fail(d, "the store is gone", rc);
		return;
	}
	if (rc < 0) {
		link_wait(d);
		return;
	}
	log_info("the store is back");
	d->store_lost = false;
	d->scan_wanted = true;
	for (unsigned i = d->count; i-- > 0 && !d->store_lost;)
		serve_store_back(d->devices[i]);
	daemon_want_pass(d);
}

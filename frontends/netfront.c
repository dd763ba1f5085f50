// SPDX-License-Identifier: MIT
/* The network frontend's device: open, fail, connect again, close. */
#include "config.h"
#include "frontends/netfront-internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "common/log.h"
#include "xenstore/xenlog.h"

#define DEFAULT_TIMEOUT_MS 10000
#define DEFAULT_POLL_US 50

int nf_fail(struct netfront *nf, int rc, const char *fmt, ...)
{
	uint64_t one = 1;
	va_list ap;

	pthread_mutex_lock(&nf->lock);
	if (nf->failed) {
		rc = nf->failed;
	} else {
		va_start(ap, fmt);
		vsnprintf(nf->why, sizeof(nf->why), fmt, ap);
		va_end(ap);
		/* Orders the text before the failure; pairs with nf_failed() and netfront_why(). */
		atomic_store_explicit(&nf->failed, rc, memory_order_release);
		/* Queues that sleep: it is not read while failed, so none of them can miss it. */
		(void)!write(nf->broken_fd, &one, sizeof(one));
		log_err("%s: %s", nf->xf.dir ? nf->xf.dir : "network interface", nf->why);
	}
	pthread_mutex_unlock(&nf->lock);
	return rc;
}

const char *netfront_why(const struct netfront *nf)
{
	return nf_failed(nf) ? nf->why : "";
}

static void config_init(struct netfront *nf, const struct netfront_config *config)
{
	struct netfront_config *c = &nf->config;

	if (config)
		*c = *config;
	if (!c->timeout_ms)
		c->timeout_ms = DEFAULT_TIMEOUT_MS;
	if (!c->poll_us)
		c->poll_us = DEFAULT_POLL_US;
	if (!c->queues)
		c->queues = 1;
	if (c->queues > NETFRONT_MAX_QUEUES)
		c->queues = NETFRONT_MAX_QUEUES;
	if (c->xdp_headroom > NETIF_XDP_HEADROOM_MAX)
		c->xdp_headroom = NETIF_XDP_HEADROOM_MAX;
	xenfront_init(&nf->xf, "vif", c->timeout_ms);
}

static void queue_init(struct netfront_queue *q, struct netfront *nf, unsigned index)
{
	uint32_t poll_us = nf->config.poll_us;

	q->nf = nf;
	q->index = index;
	q->epoll_fd = -1;
	q->channel.port = q->rx_channel.port = -1;
	spin_init(&q->spin, poll_us == NETFRONT_NO_POLL ? 0 : poll_us * UINT64_C(1000));
}

static int prepare(struct netfront *nf)
{
	unsigned n = nf->config.queues;
	void *mem;

	if (posix_memalign(&mem, 64, n * sizeof(*nf->queues)) != 0)
		return xenfront_why(&nf->xf, -ENOMEM, "no memory");
	memset(mem, 0, n * sizeof(*nf->queues));
	nf->queues = mem;
	for (unsigned i = 0; i < n; i++)
		queue_init(&nf->queues[i], nf, i);
	nf->broken_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (nf->broken_fd < 0)
		return xenfront_why(&nf->xf, -errno, "cannot make an eventfd: %m");
	nf->xgs = xengntshr_open(xenlog(), 0);
	if (!nf->xgs)
		return xenfront_why(&nf->xf, -errno,
			"cannot open the grant allocator: %m; on Xen: modprobe xen-gntalloc");
	return 0;
}

void netfront_close(struct netfront *nf)
{
	if (!nf)
		return;
	if (nf->queues)
		nf_disconnect(nf);
	if (nf->xgs)
		xengntshr_close(nf->xgs);
	if (nf->broken_fd >= 0)
		close(nf->broken_fd);
	xenfront_free(&nf->xf);
	pthread_mutex_destroy(&nf->lock);
	free(nf->queues);
	free(nf);
}

struct netfront *netfront_open(const struct netfront_config *config, char *why, size_t why_room)
{
	struct netfront *nf = calloc(1, sizeof(*nf));
	int rc;

	if (!nf) {
		snprintf(why, why_room, "no memory");
		errno = ENOMEM;
		return NULL;
	}
	nf->broken_fd = -1;
	pthread_mutex_init(&nf->lock, NULL);
	config_init(nf, config);
	rc = prepare(nf);
	if (rc == 0)
		rc = nf_connect(nf);
	if (rc == 0)
		return nf;
	snprintf(why, why_room, "%s", nf->xf.why);
	netfront_close(nf);
	errno = -rc;
	return NULL;
}

int netfront_reconnect(struct netfront *nf)
{
	uint64_t n;
	int rc;

	nf_disconnect(nf);
	nf->failed = 0;
	(void)!read(nf->broken_fd, &n, sizeof(n)); /* may be empty */
	/* The backend's directory may be another one by now, even in another domain. */
	xenfront_close(&nf->xf);
	rc = nf_connect(nf);
	return rc < 0 ? nf_fail(nf, rc, "%s", nf->xf.why) : 0;
}

const struct netfront_info *netfront_get_info(const struct netfront *nf)
{
	return &nf->info;
}

bool netfront_carrier(const struct netfront *nf)
{
	return nf->carrier;
}

struct netfront_queue *netfront_queue(struct netfront *nf, unsigned n)
{
	return n < nf->nr_queues ? &nf->queues[n] : NULL;
}

const struct netfront_stats *netfront_queue_stats(const struct netfront_queue *q)
{
	return &q->stats;
}

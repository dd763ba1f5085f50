// SPDX-License-Identifier: MIT
/* The block frontend's device: open, fail, close; and the calls that mean queue 0. */
#include "config.h"
#include "frontends/blkfront-internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "common/log.h"
#include "protocol/blkif-nodes.h"

#define DEFAULT_SEGMENTS BLKIF_INDIRECT_SEGMENTS
#define DEFAULT_TIMEOUT_MS 10000
#define DEFAULT_POLL_US 50

/* ---- why ---------------------------------------------------------------- */

int bf_fail(struct blkfront *bf, int rc, const char *fmt, ...)
{
	uint64_t one = 1;
	va_list ap;

	pthread_mutex_lock(&bf->lock);
	if (bf->failed) {
		rc = bf->failed;
	} else {
		va_start(ap, fmt);
		vsnprintf(bf->why, sizeof(bf->why), fmt, ap);
		va_end(ap);
		/* Orders the text before the failure; pairs with bq_failed() and blkfront_why(). */
		atomic_store_explicit(&bf->failed, rc, memory_order_release);
		/* Queues that sleep: it is never read, so none of them can miss it. */
		if (bf->broken_fd >= 0)
			(void)!write(bf->broken_fd, &one, sizeof(one));
		log_err("%s: %s", bf->xf.dir ? bf->xf.dir : "block device", bf->why);
	}
	pthread_mutex_unlock(&bf->lock);
	return rc;
}

const char *blkfront_why(const struct blkfront *bf)
{
	if (atomic_load_explicit(&bf->failed, memory_order_acquire))
		return bf->why;
	return bf->closing ? "the backend closes the device" : "";
}

/* ---- open and close ----------------------------------------------------- */

static int config_init(struct blkfront *bf, const struct blkfront_config *config)
{
	struct blkfront_config *c = &bf->config;

	if (config)
		*c = *config;
	if (!c->max_segments || c->max_segments > BLKIF_INDIRECT_SEGMENTS)
		c->max_segments = DEFAULT_SEGMENTS;
	if (!c->timeout_ms)
		c->timeout_ms = DEFAULT_TIMEOUT_MS;
	if (!c->poll_us)
		c->poll_us = DEFAULT_POLL_US;
	if (!c->queues)
		c->queues = 1;
	if (c->queues > BLKIF_MAX_QUEUES)
		c->queues = BLKIF_MAX_QUEUES;
	if (blkif_abi_parse(c->protocol, &bf->abi) < 0)
		return xenfront_why(&bf->xf, -EPROTONOSUPPORT,
			"no ABI is named \"%s\"; use x86_32-abi or x86_64-abi", c->protocol);
	return 0;
}

static int queues_alloc(struct blkfront *bf)
{
	unsigned n = bf->config.queues;
	void *mem;

	if (posix_memalign(&mem, 64, n * sizeof(*bf->queues)) != 0)
		return xenfront_why(&bf->xf, -ENOMEM, "no memory for a block device");
	memset(mem, 0, n * sizeof(*bf->queues));
	bf->queues = mem;
	for (unsigned i = 0; i < n; i++)
		bq_init(&bf->queues[i], bf, i);
	return 0;
}

static void queue_close(struct blkfront_queue *q)
{
	if (q->epoll_fd >= 0)
		close(q->epoll_fd);
	if (q->port >= 0)
		xenevtchn_unbind(q->xce, q->port);
	if (q->xce)
		xenevtchn_close(q->xce);
}

static void bf_free(struct blkfront *bf)
{
	for (unsigned i = 0; bf->queues && i < bf->config.queues; i++)
		queue_close(&bf->queues[i]);
	bf_unshare(bf);
	if (bf->xgs)
		xengntshr_close(bf->xgs);
	if (bf->broken_fd >= 0)
		close(bf->broken_fd);
	xenfront_free(&bf->xf);
	pthread_mutex_destroy(&bf->lock);
	free(bf->queues);
	free(bf);
}

struct blkfront *blkfront_open(const struct blkfront_config *config, char *why, size_t why_room)
{
	struct blkfront *bf = calloc(1, sizeof(*bf));
	int rc;

	if (!bf) {
		snprintf(why, why_room, "no memory for a block device");
		errno = ENOMEM;
		return NULL;
	}
	bf->broken_fd = -1;
	pthread_mutex_init(&bf->lock, NULL);
	xenfront_init(&bf->xf, "vbd", config && config->timeout_ms ? config->timeout_ms : DEFAULT_TIMEOUT_MS);
	rc = config_init(bf, config);
	if (rc == 0)
		rc = queues_alloc(bf);
	if (rc == 0)
		rc = bf_connect(bf);
	if (rc == 0)
		return bf;
	snprintf(why, why_room, "%s", bf->xf.why);
	xenfront_leave(&bf->xf);
	bf_free(bf);
	errno = -rc;
	return NULL;
}

/* Until all is answered or the device fails. Return: I/Os that are still in flight. */
static unsigned drain(struct blkfront *bf)
{
	uint64_t end = xenfront_deadline(&bf->xf);
	unsigned left = 0;

	for (unsigned i = 0; i < bf->nr_queues; i++) {
		struct blkfront_queue *q = &bf->queues[i];

		while (q->in_flight && spin_now_ns() < end)
			if (blkfront_queue_wait(q, 100) < 0)
				break;
		left += q->in_flight;
	}
	return left;
}

void blkfront_close(struct blkfront *bf)
{
	unsigned left;

	if (!bf)
		return;
	left = drain(bf);
	if (left) {
		int rc = bf_fail(bf, -ENOTCONN, "%u requests were not answered before closing", left);

		for (unsigned i = 0; i < bf->nr_queues; i++)
			(void)bq_fail_all(&bf->queues[i], rc);
	}
	xenfront_leave(&bf->xf);
	bf_free(bf);
}

const struct blkfront_info *blkfront_get_info(const struct blkfront *bf)
{
	return &bf->info;
}

uint64_t blkfront_size(const struct blkfront *bf)
{
	return __atomic_load_n(&bf->info.size, __ATOMIC_RELAXED);
}

struct blkfront_queue *blkfront_queue(struct blkfront *bf, unsigned n)
{
	return n < bf->nr_queues ? &bf->queues[n] : NULL;
}

/* ---- queue 0 ------------------------------------------------------------ */

struct blkfront_io *blkfront_get(struct blkfront *bf)
{
	return blkfront_queue_get(&bf->queues[0]);
}

void blkfront_put(struct blkfront *bf, struct blkfront_io *io)
{
	blkfront_queue_put(&bf->queues[0], io);
}

int blkfront_submit(struct blkfront *bf, struct blkfront_io *io)
{
	return blkfront_queue_submit(&bf->queues[0], io);
}

int blkfront_kick(struct blkfront *bf)
{
	return blkfront_queue_kick(&bf->queues[0]);
}

int blkfront_wait(struct blkfront *bf, int timeout_ms)
{
	return blkfront_queue_wait(&bf->queues[0], timeout_ms);
}

int blkfront_poll(struct blkfront *bf)
{
	return blkfront_queue_poll(&bf->queues[0]);
}

int blkfront_fd(struct blkfront *bf)
{
	return blkfront_queue_fd(&bf->queues[0]);
}

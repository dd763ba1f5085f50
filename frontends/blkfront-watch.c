// SPDX-License-Identifier: MIT
/*
 * What the backend's directory says while the disk is connected: its state, its
 * errors, a new size. Any queue's thread may look; they take turns.
 */
#include "config.h"
#include "frontends/blkfront-internal.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "xenstore/xsnode.h"

static uint64_t read_size(struct blkfront *bf)
{
	uint64_t sectors;

	if (xsn_read_u64(bf->xf.xs, XBT_NULL, bf->xf.backend, "sectors", &sectors) < 0 ||
		sectors > BF_MAX_SECTORS || (sectors * BLKIF_SECTOR_SIZE) % bf->info.sector_size)
		return bf->info.size;
	return sectors * BLKIF_SECTOR_SIZE;
}

/*
 * An online resize: the backend wrote sectors, then Connected again. Read and kept in
 * one step, or a thread with an older view could have the last word.
 */
static bool check_size(struct blkfront *bf)
{
	uint64_t size;
	bool changed;

	pthread_mutex_lock(&bf->lock);
	size = read_size(bf);
	changed = size != bf->info.size;
	__atomic_store_n(&bf->info.size, size, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&bf->lock);
	if (changed)
		log_info("%s: now %llu sectors", bf->xf.dir,
			(unsigned long long)size / BLKIF_SECTOR_SIZE);
	return changed;
}

/*
 * A backend that closes in order still answers what it has, until our Closed. One
 * that gave up, or a successor of one that died, says why in its error node and will
 * not answer; nor does one that stays silent.
 */
static void check_closing(struct blkfront *bf, const struct blkfront_queue *q)
{
	CLEANUP_FREE char *error = xenfront_error(&bf->xf);
	bool late;

	pthread_mutex_lock(&bf->lock);
	if (!bf->closing)
		bf->closing_end = xenfront_deadline(&bf->xf);
	bf->closing = true;
	late = q->in_flight && spin_now_ns() > bf->closing_end;
	pthread_mutex_unlock(&bf->lock);
	if (error)
		(void)bf_fail(bf, -ENOTCONN, "the backend gave up: %s", error);
	else if (late)
		(void)bf_fail(bf, -ENOTCONN, "the backend closes and does not answer");
}

/* Without a store nobody can say what became of a backend that does not answer. */
static void check_lost(struct blkfront *bf, const struct blkfront_queue *q)
{
	if (q->in_flight && spin_now_ns() - bf->xf.lost_ns > bf->config.timeout_ms * UINT64_C(1000000))
		(void)bf_fail(bf, -ENOTCONN, "the backend does not answer, and the store is gone");
}

/* True: the disk has another size. */
static bool check_state(struct blkfront *bf, const struct blkfront_queue *q)
{
	XenbusState state;
	int rc = xenfront_read_state(&bf->xf, XBT_NULL, bf->xf.backend, &state);

	if (rc < 0 && xenfront_store_is_gone(&bf->xf, rc))
		return false;
	if (rc < 0) {
		(void)bf_fail(bf, -ENOTCONN, "cannot read the backend's state: %s", strerror(-rc));
		return false;
	}
	switch (state) {
	case XenbusStateConnected:
		return check_size(bf);
	case XenbusStateReconfiguring:
	case XenbusStateReconfigured:
		break;
	case XenbusStateClosing:
		check_closing(bf, q);
		break;
	default:
		(void)bf_fail(bf, -ENOTCONN, "the backend left: it is in state %s",
			state == XenbusStateUnknown ? "none" : xenbus_state_name(state));
	}
	return false;
}

void bf_check_backend(struct blkfront *bf, const struct blkfront_queue *q)
{
	bool resized = false;

	pthread_mutex_lock(&bf->xf.lock);
	if (xenfront_store_is_there(&bf->xf))
		resized = check_state(bf, q);
	else
		check_lost(bf, q);
	pthread_mutex_unlock(&bf->xf.lock);
	if (resized && bf->config.resized)
		bf->config.resized(bf->config.opaque, blkfront_size(bf));
}

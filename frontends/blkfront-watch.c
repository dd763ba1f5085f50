// SPDX-License-Identifier: MIT
/*
 * What the backend's directory says while the disk is connected: its state, its
 * errors, a new size. Any queue's thread may look; they take turns.
 */
#include "config.h"
#include "frontends/blkfront-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "xenstore/xsnode.h"

#define NS_PER_MS UINT64_C(1000000)

int bf_read_state(struct blkfront *bf, xs_transaction_t t, const char *dir, XenbusState *state)
{
	int rc = xsn_read_state(bf->xs, t, dir, "state", state);

	if (rc == 0)
		return 0;
	*state = XenbusStateUnknown;
	return rc == -ENOENT || rc == -EINVAL || rc == -ERANGE ? 0 : rc;
}

uint64_t bf_deadline(const struct blkfront *bf)
{
	return spin_now_ns() + bf->config.timeout_ms * NS_PER_MS;
}

void bf_make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

char *bf_backend_error(struct blkfront *bf)
{
	char *text = xsn_read(bf->xs, XBT_NULL, bf->backend, "error");
	const char *relative;
	char path[256];

	if (!text)
		text = xsn_read(bf->xs, XBT_NULL, bf->backend, "hotplug-error");
	relative = strstr(bf->backend, "/backend/");
	if (!text && relative) {
		/* where Linux's backends put it */
		snprintf(path, sizeof(path), "/local/domain/%u/error%s", bf->backend_id, relative);
		text = xsn_read(bf->xs, XBT_NULL, path, "error");
	}
	if (text)
		bf_make_printable(text);
	return text;
}

static uint64_t read_size(struct blkfront *bf)
{
	uint64_t sectors;

	if (xsn_read_u64(bf->xs, XBT_NULL, bf->backend, "sectors", &sectors) < 0 ||
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
		log_info("%s: now %llu sectors", bf->dir,
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
	CLEANUP_FREE char *error = bf_backend_error(bf);
	bool late;

	pthread_mutex_lock(&bf->lock);
	if (!bf->closing)
		bf->closing_end = bf_deadline(bf);
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
	if (q->in_flight && spin_now_ns() - bf->store_lost_ns > bf->config.timeout_ms * NS_PER_MS)
		(void)bf_fail(bf, -ENOTCONN, "the backend does not answer, and the store is gone");
}

/* True: the disk has another size. */
static bool check_state(struct blkfront *bf, const struct blkfront_queue *q)
{
	XenbusState state;
	int rc = bf_read_state(bf, XBT_NULL, bf->backend, &state);

	if (rc < 0 && bf_store_is_gone(bf, rc))
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

	pthread_mutex_lock(&bf->store_lock);
	if (bf_store_is_there(bf))
		resized = check_state(bf, q);
	else
		check_lost(bf, q);
	pthread_mutex_unlock(&bf->store_lock);
	if (resized && bf->config.resized)
		bf->config.resized(bf->config.opaque, blkfront_size(bf));
}

// SPDX-License-Identifier: MIT
/*
 * The reading side of the in-flight journal. The file is copied whole before it is
 * looked at, so nobody changes it between check and use and a short file is no SIGBUS.
 */
#include "config.h"
#include "backends/common/journal-read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct journal_image {
	struct journal_header header;
	uint8_t *bytes;
};

static const struct journal_ring *journal_section(const struct journal_image *image, unsigned q)
{
	size_t section = JOURNAL_PAGE + JOURNAL_MAX_ENTRIES * sizeof(struct journal_entry);

	return (const struct journal_ring *)(image->bytes + JOURNAL_PAGE + q * section);
}

static const struct journal_entry *journal_entries(const struct journal_ring *ring)
{
	return (const struct journal_entry *)((const uint8_t *)ring + JOURNAL_PAGE);
}

static int journal_read_all(int fd, uint8_t *out, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(fd, out + done, size - done, done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return done ? -EPROTO : -ENODATA;
		done += n;
	}
	return 0;
}

static int journal_check_header(const struct journal_header *h, const char *device,
	uint32_t frontend_domid, char *why, size_t room)
{
	if (h->magic != JOURNAL_MAGIC)
		snprintf(why, room, "it is not a journal");
	else if (h->version != JOURNAL_VERSION || h->entry_size != sizeof(struct journal_entry) ||
		 h->max_queues != JOURNAL_MAX_QUEUES || h->max_entries != JOURNAL_MAX_ENTRIES)
		snprintf(why, room, "its format is version %u, this program knows %u", h->version,
			JOURNAL_VERSION);
	else if (!memchr(h->device, 0, sizeof(h->device)) || strcmp(h->device, device) != 0)
		snprintf(why, room, "it belongs to another device");
	else if (h->frontend_domid != frontend_domid)
		snprintf(why, room, "it belongs to domain %u", h->frontend_domid);
	else if (h->flush_error > 0 || h->flush_error < -4095)
		snprintf(why, room, "its flush error is no error number");
	else
		return 0;
	return -EPROTO;
}

int journal_read_header(int fd, const char *device, uint32_t frontend_domid, int *flush_error,
	char *why, size_t why_room)
{
	struct journal_header h;
	int rc;

	snprintf(why, why_room, "it cannot be read");
	rc = journal_read_all(fd, (uint8_t *)&h, sizeof(h));
	if (rc == 0)
		rc = journal_check_header(&h, device, frontend_domid, why, why_room);
	if (rc == 0)
		*flush_error = h.flush_error;
	return rc;
}

static bool journal_ring_ok(const struct journal_ring *r)
{
	return r->active <= 1 && r->entries && r->entries <= JOURNAL_MAX_ENTRIES &&
	       (r->entries & (r->entries - 1)) == 0 && r->slot_size &&
	       r->slot_size <= JOURNAL_SLOT_MAX && r->ring_refs &&
	       r->ring_refs <= JOURNAL_MAX_RING_REFS;
}

static int journal_check_rings(const struct journal_image *image, char *why, size_t room)
{
	for (unsigned q = 0; q < JOURNAL_MAX_QUEUES; q++) {
		const struct journal_ring *r = journal_section(image, q);

		if (r->active && !journal_ring_ok(r)) {
			snprintf(why, room, "the section of queue %u has impossible sizes", q);
			return -EPROTO;
		}
	}
	return 0;
}

int journal_read_file(int fd, const char *device, uint32_t frontend_domid,
	struct journal_image **image, char *why, size_t why_room)
{
	struct journal_image *im = calloc(1, sizeof(*im));
	int rc = -ENOMEM;

	snprintf(why, why_room, "it cannot be read");
	if (!im)
		return -ENOMEM;
	im->bytes = malloc(journal_file_size());
	if (!im->bytes)
		goto out;
	rc = journal_read_all(fd, im->bytes, journal_file_size());
	if (rc == -EPROTO)
		snprintf(why, why_room, "it is shorter than a journal");
	if (rc < 0)
		goto out;
	memcpy(&im->header, im->bytes, sizeof(im->header));
	rc = journal_check_header(&im->header, device, frontend_domid, why, why_room);
	if (rc < 0)
		goto out;
	rc = journal_check_rings(im, why, why_room);
	if (rc < 0)
		goto out;
	*image = im;
	return 0;
out:
	journal_image_free(im);
	return rc;
}

void journal_image_free(struct journal_image *image)
{
	if (!image)
		return;
	free(image->bytes);
	free(image);
}

int journal_image_flush_error(const struct journal_image *image)
{
	return image->header.flush_error;
}

const uint64_t *journal_image_storage(const struct journal_image *image)
{
	return image->header.storage;
}

unsigned journal_image_index(const struct journal_image *image, unsigned queue,
	const struct journal_entry *entry)
{
	return entry - journal_entries(journal_section(image, queue));
}

const struct journal_ring *journal_image_ring(const struct journal_image *image, unsigned queue)
{
	const struct journal_ring *r;

	if (queue >= JOURNAL_MAX_QUEUES)
		return NULL;
	r = journal_section(image, queue);
	return r->active ? r : NULL;
}

static int journal_compare(const void *a, const void *b)
{
	const struct journal_entry *x = *(const struct journal_entry *const *)a;
	const struct journal_entry *y = *(const struct journal_entry *const *)b;

	/* Indices wrap; all lie within half their range, checked before sorting. */
	return (int32_t)(x->req_index - y->req_index) < 0 ? -1 : 1;
}

/* Whether an answer is owed: 1 or 0, or -EPROTO for what no writer leaves behind. */
static int journal_owed(const struct journal_entry *e, uint32_t rsp_prod, uint32_t entries)
{
	int32_t ahead = (int32_t)(e->rsp_index - rsp_prod);

	if (e->state == JOURNAL_FREE)
		return 0;
	if (e->state == JOURNAL_TAKEN)
		return 1;
	if (e->state != JOURNAL_ANSWERED || ahead >= (int32_t)entries || ahead < -(int32_t)entries)
		return -EPROTO;
	return ahead >= 0;
}

/*
 * Nothing was taken that lies at or beyond the ring's first untaken request. How far
 * back one lies says nothing: a slow request stays while the ring goes round.
 */
static bool journal_indices_ok(
	const struct journal_entry *const *pending, unsigned count, uint32_t req_cons)
{
	for (unsigned i = 0; i < count; i++)
		if ((int32_t)(req_cons - 1 - pending[i]->req_index) < 0)
			return false;
	return true;
}

/* Sorted, so equal ones are neighbours. Ids are the frontend's and may repeat. */
static bool journal_indices_differ(const struct journal_entry *const *pending, unsigned count)
{
	for (unsigned i = 1; i < count; i++)
		if (pending[i]->req_index == pending[i - 1]->req_index)
			return false;
	return true;
}

/* What was answered and not published follows from @rsp_prod on, without gap or repetition. */
static bool journal_answers_ok(
	const struct journal_entry *const *pending, unsigned count, uint32_t rsp_prod)
{
	bool seen[JOURNAL_MAX_ENTRIES] = { false };
	unsigned answered = 0;

	for (unsigned i = 0; i < count; i++)
		answered += pending[i]->state == JOURNAL_ANSWERED;
	for (unsigned i = 0; i < count; i++) {
		uint32_t at = pending[i]->rsp_index - rsp_prod;

		if (pending[i]->state != JOURNAL_ANSWERED)
			continue;
		if (at >= answered || seen[at])
			return false;
		seen[at] = true;
	}
	return true;
}

int journal_image_pending(const struct journal_image *image, unsigned queue, uint32_t rsp_prod,
	const struct journal_entry **pending, unsigned room, uint32_t *req_cons, char *why,
	size_t why_room)
{
	const struct journal_ring *ring = journal_image_ring(image, queue);
	const struct journal_entry *e;
	unsigned count = 0;

	if (!ring)
		return 0;
	e = journal_entries(ring);
	for (unsigned i = 0; i < ring->entries; i++) {
		int owed = journal_owed(&e[i], rsp_prod, ring->entries);

		if (owed < 0 || (owed && count == room)) {
			snprintf(why, why_room, "entry %u of queue %u makes no sense", i, queue);
			return -EPROTO;
		}
		if (owed)
			pending[count++] = &e[i];
	}
	*req_cons = rsp_prod + count;
	if (journal_indices_ok(pending, count, *req_cons) &&
		journal_answers_ok(pending, count, rsp_prod)) {
		qsort(pending, count, sizeof(*pending), journal_compare);
		if (journal_indices_differ(pending, count))
			return (int)count;
	}
	snprintf(why, why_room, "the requests of queue %u are not from one ring", queue);
	return -EPROTO;
}

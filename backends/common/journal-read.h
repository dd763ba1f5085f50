/* SPDX-License-Identifier: MIT */
/* Reading a predecessor's journal: hostile input, checked before anything is used. */
#ifndef SLUICE_BACKENDS_COMMON_JOURNAL_READ_H
#define SLUICE_BACKENDS_COMMON_JOURNAL_READ_H

#include <sys/types.h>

#include "backends/common/journal.h"

struct journal_image;

/**
 * journal_read_file() - take a private copy of a journal and check its header.
 * @device: the store path it must be for
 * @image: journal_image_free() it
 * @why: what was wrong, for the log
 *
 * Return: 0, -ENODATA (an empty file: there was no predecessor), -EPROTO (not a journal of
 * this version, or for another device or frontend), or the read's -errno.
 */
int journal_read_file(int fd, const char *device, uint32_t frontend_domid,
	struct journal_image **image, char *why, size_t why_room) must_check;
void journal_image_free(struct journal_image *image);

/**
 * journal_read_header() - only whether it is a journal of this device and frontend, and the
 * failed flush that it tells of. Return, @why: as journal_read_file().
 */
int journal_read_header(int fd, const char *device, uint32_t frontend_domid, int *flush_error,
	char *why, size_t why_room) must_check;

/** journal_image_storage() - which storage its requests are for. */
const uint64_t *journal_image_storage(const struct journal_image *image);
/** journal_image_index() - the place of an entry of journal_image_pending() in its section. */
unsigned journal_image_index(const struct journal_image *image, unsigned queue,
	const struct journal_entry *entry);

/** journal_image_flush_error() - a failed flush that the predecessor met: -errno or 0. */
int journal_image_flush_error(const struct journal_image *image);

/** journal_image_ring() - the section of a queue, checked; NULL: unused or @queue too large. */
const struct journal_ring *journal_image_ring(const struct journal_image *image, unsigned queue);

/**
 * journal_image_pending() - the requests of a queue that are owed an answer.
 * @rsp_prod: the published response index in the shared ring
 * @pending: room for @room entries, filled in ring order; point into @image
 * @req_cons: the ring's first request that was not taken
 *
 * Return: how many, or -EPROTO with @why: an entry's state is none, two have one index,
 * an index is outside the ring's window, those that were answered do not follow each
 * other from @rsp_prod on, or they do not fit.
 */
int journal_image_pending(const struct journal_image *image, unsigned queue, uint32_t rsp_prod,
	const struct journal_entry **pending, unsigned room, uint32_t *req_cons, char *why,
	size_t why_room) must_check;

#endif

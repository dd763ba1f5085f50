// SPDX-License-Identifier: MIT
/* The writing side of the in-flight journal; control thread, except the inlines. */
#include "config.h"
#include "backends/common/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backends/common/journal-read.h"
#include "backends/common/state-file.h"
#include "common/confine.h"

/* Of each connection's section; the file was opened before. */
CONFINE_RULES(journal, CONFINE_CALL(fallocate));

struct journal {
	int fd;
	uint8_t *map;
	int flush_error; /* the predecessor's */
	struct journal_image *predecessor; /* NULL: there was none, or nothing to go on with */
};

_Static_assert(sizeof(struct journal_entry) == 128, "an entry is two cache lines");
_Static_assert(sizeof(struct journal_ring) <= JOURNAL_PAGE, "");
_Static_assert(sizeof(struct journal_header) <= JOURNAL_PAGE, "");

static size_t journal_section_size(void)
{
	return JOURNAL_PAGE + JOURNAL_MAX_ENTRIES * sizeof(struct journal_entry);
}

static size_t journal_section_offset(unsigned queue)
{
	return JOURNAL_PAGE + queue * journal_section_size();
}

size_t journal_file_size(void)
{
	return journal_section_offset(JOURNAL_MAX_QUEUES);
}

/*
 * The right size, with what is looked at in each connection reserved: on a full tmpfs even a read
 * of a page that is not there is a SIGBUS.
 */
static int journal_enlarge(int fd)
{
	int rc = ftruncate(fd, journal_file_size()) < 0 ? errno : posix_fallocate(fd, 0, JOURNAL_PAGE);

	for (unsigned q = 0; rc == 0 && q < JOURNAL_MAX_QUEUES; q++)
		rc = posix_fallocate(fd, journal_section_offset(q), JOURNAL_PAGE);
	return -rc;
}

/* Of the right size, all zero. */
static int journal_empty(int fd)
{
	return ftruncate(fd, 0) < 0 ? -errno : journal_enlarge(fd);
}

static void journal_write_header(
	struct journal_header *h, const char *device, uint32_t frontend_domid, int flush_error)
{
	h->version = JOURNAL_VERSION;
	h->entry_size = sizeof(struct journal_entry);
	h->max_queues = JOURNAL_MAX_QUEUES;
	h->max_entries = JOURNAL_MAX_ENTRIES;
	h->frontend_domid = frontend_domid;
	h->flush_error = flush_error;
	snprintf(h->device, sizeof(h->device), "%s", device);
	/* Last: a file without it is no journal. */
	__atomic_store_n(&h->magic, JOURNAL_MAGIC, __ATOMIC_RELEASE);
}

/*
 * What is there of this device's stays untouched, so that no moment to be killed in loses
 * what it tells; anything else is emptied. 1: there is a predecessor's, 0: there is none.
 */
static int journal_prepare(int fd, const char *device, uint32_t frontend_domid, int *flush_error)
{
	char why[128];
	int rc;

	*flush_error = 0;
	if (journal_read_header(fd, device, frontend_domid, flush_error, why, sizeof(why)) < 0)
		return journal_empty(fd);
	rc = journal_enlarge(fd);
	return rc < 0 ? rc : 1;
}

static struct journal *journal_map(int fd)
{
	struct journal *j = calloc(1, sizeof(*j));
	void *map;

	if (!j)
		return NULL;
	map = mmap(NULL, journal_file_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		free(j);
		return NULL;
	}
	j->fd = fd;
	j->map = map;
	return j;
}

int journal_open(const char *where, const char *device, uint32_t frontend_domid,
	struct journal **journal)
{
	bool found, given = strncmp(where, "fd:", 3) == 0;
	struct journal *j;
	int fd, rc, flush_error;
	char why[128];

	if (strlen(device) >= JOURNAL_DEVICE_MAX)
		return -ENAMETOOLONG;
	fd = state_file_open(where);
	if (fd < 0)
		return fd;
	rc = state_file_lock(fd);
	if (rc == -EBUSY && given)
		return rc;
	if (rc == 0)
		rc = journal_prepare(fd, device, frontend_domid, &flush_error);
	if (rc < 0)
		goto out;
	found = rc > 0;
	rc = -ENOMEM;
	j = journal_map(fd);
	if (!j)
		goto out;
	j->flush_error = flush_error;
	if (!found)
		journal_write_header((struct journal_header *)j->map, device, frontend_domid, 0);
	else if (journal_read_file(fd, device, frontend_domid, &j->predecessor, why, sizeof(why)) < 0)
		j->predecessor = NULL; /* what cannot be understood cannot be gone on with */
	*journal = j;
	return 0;
out:
	close(fd);
	return rc;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	journal_image_free(j->predecessor);
	munmap(j->map, journal_file_size());
	close(j->fd);
	free(j);
}

int journal_fd(const struct journal *j)
{
	return j->fd;
}

const struct journal_image *journal_predecessor(const struct journal *j)
{
	return j->predecessor;
}

static struct journal_ring *journal_live_ring(struct journal *j, unsigned queue)
{
	return (struct journal_ring *)(j->map + journal_section_offset(queue));
}

void journal_settle(struct journal *j)
{
	journal_image_free(j->predecessor);
	j->predecessor = NULL;
}

void journal_reset(struct journal *j, const uint64_t storage[2])
{
	struct journal_header *h;

	if (!j)
		return;
	h = (struct journal_header *)j->map;
	for (unsigned q = 0; q < JOURNAL_MAX_QUEUES; q++) {
		uint32_t *active = &journal_live_ring(j, q)->active;

		if (__atomic_load_n(active, __ATOMIC_RELAXED))
			__atomic_store_n(active, 0, __ATOMIC_RELEASE);
	}
	memcpy(h->storage, storage, sizeof(h->storage));
	journal_settle(j);
}

int journal_flush_error(const struct journal *j)
{
	return j->flush_error;
}

void journal_note_flush_error(struct journal *j, int error)
{
	struct journal_header *h;

	if (!j)
		return;
	h = (struct journal_header *)j->map;
	__atomic_store_n(&h->flush_error, error, __ATOMIC_RELAXED);
}

/* The section's room is reserved here, or a full tmpfs would be a SIGBUS later. */
static int journal_reserve(struct journal *j, unsigned queue, uint32_t entries)
{
	return -posix_fallocate(j->fd, journal_section_offset(queue),
		JOURNAL_PAGE + entries * sizeof(struct journal_entry));
}

static void journal_queue_at(struct journal *j, unsigned queue, struct journal_queue *jq)
{
	jq->ring = journal_live_ring(j, queue);
	jq->entry = (struct journal_entry *)((uint8_t *)jq->ring + JOURNAL_PAGE);
}

int journal_adopt(struct journal *j, unsigned queue, uint32_t local_port, struct journal_queue *jq)
{
	const struct journal_ring *ring = journal_image_ring(j->predecessor, queue);
	int rc;

	*jq = (struct journal_queue){ 0 };
	if (!ring)
		return -EINVAL;
	rc = journal_reserve(j, queue, ring->entries);
	if (rc < 0)
		return rc;
	journal_queue_at(j, queue, jq);
	jq->ring->local_port = local_port;
	return 0;
}

int journal_begin(struct journal *j, unsigned queue, const struct journal_ring *ring,
	struct journal_queue *jq)
{
	int rc;

	*jq = (struct journal_queue){ 0 };
	if (!j)
		return 0;
	if (queue >= JOURNAL_MAX_QUEUES || ring->entries > JOURNAL_MAX_ENTRIES ||
		ring->slot_size > JOURNAL_SLOT_MAX || ring->ring_refs > JOURNAL_MAX_RING_REFS)
		return -EINVAL;
	rc = journal_reserve(j, queue, ring->entries);
	if (rc < 0)
		return rc;
	journal_queue_at(j, queue, jq);
	__atomic_store_n(&jq->ring->active, 0, __ATOMIC_RELEASE);
	memset(jq->entry, 0, ring->entries * sizeof(struct journal_entry));
	*jq->ring = *ring;
	jq->ring->active = 0;
	__atomic_store_n(&jq->ring->active, 1, __ATOMIC_RELEASE);
	return 0;
}

void journal_end(struct journal_queue *jq)
{
	if (jq->ring)
		__atomic_store_n(&jq->ring->active, 0, __ATOMIC_RELEASE);
	*jq = (struct journal_queue){ 0 };
}

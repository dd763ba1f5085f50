// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/common/metrics-page.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "backends/common/metrics.h"
#include "backends/common/state-file.h"

struct metrics_page {
	struct metrics_header *header;
	size_t size;
};

_Static_assert(sizeof(struct metrics_header) <= METRICS_PAGE, "the header is a page");

/* Of the right size, all zero, and all there. */
static int metrics_reserve(int fd, size_t size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (ftruncate(fd, 0) < 0)
		return -errno;
	return -posix_fallocate(fd, 0, (off_t)size);
}

static void metrics_write_header(struct metrics_header *h, unsigned rings)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	h->version = METRICS_VERSION;
	h->header_size = METRICS_PAGE;
	h->ring_size = metrics_ring_size();
	h->rings = rings;
	h->start_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	/* Release: who sees it sees the rest; partner: metrics_parse() of the copy it made. */
	__atomic_store_n(&h->magic, METRICS_MAGIC, __ATOMIC_RELEASE);
}

int metrics_page_open(const char *where, unsigned rings, struct metrics_page **page)
{
	size_t size = METRICS_PAGE + (size_t)rings * metrics_ring_size();
	CLEANUP_CLOSE int fd = -1;
	struct metrics_page *p;
	void *map;
	int rc;

	if (rings == 0 || rings > METRICS_MAX_RINGS)
		return -EINVAL;
	fd = state_file_open(where);
	if (fd < 0)
		return fd;
	rc = metrics_reserve(fd, size);
	if (rc < 0)
		return rc;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	p = calloc(1, sizeof(*p));
	if (!p) {
		munmap(map, size);
		return -ENOMEM;
	}
	*p = (struct metrics_page){ .header = map, .size = size };
	metrics_write_header(p->header, rings);
	*page = p;
	return 0;
}

void metrics_page_close(struct metrics_page *page)
{
	if (!page)
		return;
	munmap(page->header, page->size);
	free(page);
}

static void metrics_set_driver(struct metrics_page *page, const char *driver)
{
	for (size_t i = 0; driver[i] && i < sizeof(page->header->driver) - 1; i++)
		page->header->driver[i] = driver[i];
}

void metrics_page_vif(struct metrics_page *page, const char *driver)
{
	if (!page)
		return;
	metrics_set_driver(page, driver);
	__atomic_store_n(&page->header->kind, METRICS_VIF, __ATOMIC_RELAXED);
}

void metrics_page_storage(struct metrics_page *page, const char *driver, uint64_t sector_size)
{
	if (!page)
		return;
	metrics_set_driver(page, driver);
	metric_set(&page->header->sector_size, sector_size);
}

void metrics_page_size(struct metrics_page *page, uint64_t sectors)
{
	if (page)
		metric_set(&page->header->sectors, sectors);
}

struct metrics_ring *metrics_page_ring(struct metrics_page *page, unsigned ring)
{
	/* Not the header's own count: that is shared, if only with readers. */
	if (!page || METRICS_PAGE + (size_t)(ring + 1) * metrics_ring_size() > page->size)
		return NULL;
	return (struct metrics_ring *)((char *)page->header + METRICS_PAGE +
				       (size_t)ring * metrics_ring_size());
}

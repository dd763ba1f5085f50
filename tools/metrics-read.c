// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/metrics-read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int metrics_check_header(const struct metrics_header *h, size_t size)
{
	if (h->magic == 0)
		return -ENODATA;
	if (h->magic != METRICS_MAGIC)
		return -EINVAL;
	if (h->version != METRICS_VERSION)
		return -EPROTO;
	/* Of this version they have one value; what else is there is not to be trusted either. */
	if (h->header_size != METRICS_PAGE || h->ring_size != metrics_ring_size() ||
		h->rings == 0 || h->rings > METRICS_MAX_RINGS || h->kind >= METRICS_KINDS)
		return -EINVAL;
	if (size < METRICS_PAGE + h->rings * (size_t)metrics_ring_size())
		return -EINVAL;
	return 0;
}

/* A name for terminals and other programs: nothing but what it may consist of. */
static void metrics_copy_driver(const struct metrics_header *h, char *driver)
{
	unsigned n = 0;

	while (n < sizeof(h->driver) - 1 && ((h->driver[n] >= 'a' && h->driver[n] <= 'z') ||
		(h->driver[n] >= '0' && h->driver[n] <= '9') || h->driver[n] == '-')) {
		driver[n] = h->driver[n];
		n++;
	}
	if (n == 0)
		driver[n++] = '-';
	driver[n] = '\0';
}

static void metrics_add_ring(const struct metrics_ring *r, struct metrics_view *view, unsigned i)
{
	struct metrics_ring_view *v = &view->ring[i];

	*v = (struct metrics_ring_view){ .connected = r->connected == 1, .depth = r->depth,
		.features = r->features, .max_indirect = r->max_indirect, .in_flight = r->in_flight,
		.grants = r->grants };
	for (unsigned c = 0; c < METRICS_COUNTER_ROOM; c++) {
		v->counter[c] = r->counter[c];
		view->total[c] = metrics_sum(view->total[c], r->counter[c]);
	}
	for (unsigned op = 0; op < METRICS_OPS; op++)
		metrics_merge(&view->latency[op], &r->latency[op]);
}

int metrics_parse(const void *image, size_t size, struct metrics_view *view)
{
	const struct metrics_header *h = image;
	int rc;

	memset(view, 0, sizeof(*view));
	if (size < METRICS_PAGE)
		return size ? -EINVAL : -ENODATA;
	rc = metrics_check_header(h, size);
	if (rc < 0)
		return rc;
	view->kind = (enum metrics_kind)h->kind;
	view->start_ns = h->start_ns;
	view->sectors = h->sectors;
	view->sector_size = h->sector_size;
	view->rings = h->rings;
	metrics_copy_driver(h, view->driver);
	for (unsigned i = 0; i < view->rings; i++)
		metrics_add_ring((const void *)((const char *)image + METRICS_PAGE +
					 i * (size_t)metrics_ring_size()), view, i);
	return 0;
}

int metrics_read_at(int dir_fd, const char *name, void *image, struct metrics_view *view)
{
	/* Not to wait for the other end of what is a pipe. */
	CLEANUP_CLOSE int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	size_t used = 0;
	struct stat sb;
	ssize_t n;

	if (fd < 0 || fstat(fd, &sb) < 0)
		return -errno;
	if (!S_ISREG(sb.st_mode))
		return -EINVAL;
	do {
		n = pread(fd, (char *)image + used, METRICS_FILE_MAX - used, (off_t)used);
		if (n < 0 && errno != EINTR)
			return -errno;
		used += n > 0 ? (size_t)n : 0;
	} while (n != 0 && used < METRICS_FILE_MAX);
	return metrics_parse(image, used, view);
}

uint64_t metrics_count(const struct metrics_latency *latency)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < METRICS_BUCKETS; i++)
		n = metrics_sum(n, latency->bucket[i]);
	return n;
}

uint64_t metrics_below(const struct metrics_latency *latency, uint64_t ns)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < METRICS_BUCKETS && metrics_bucket_end(i) <= ns; i++)
		n = metrics_sum(n, latency->bucket[i]);
	return n;
}

uint64_t metrics_percentile(const struct metrics_latency *latency, double percent)
{
	double want = percent / 100 * (double)metrics_count(latency);
	double seen = 0;
	unsigned last = 0;

	for (unsigned i = 0; i < METRICS_BUCKETS; i++) {
		uint64_t begin = i ? metrics_bucket_end(i - 1) : 0;

		if (!latency->bucket[i])
			continue;
		last = i;
		seen += (double)latency->bucket[i];
		if (seen >= want)
			return begin + (metrics_bucket_end(i) - begin) / 2;
	}
	/* Only rounding of numbers beyond a double comes here, or nothing at all. */
	return latency->bucket[last] ? metrics_bucket_end(last) : 0;
}

void metrics_since(const struct metrics_latency *now, const struct metrics_latency *before,
	struct metrics_latency *since)
{
	bool anew = now->sum_ns < before->sum_ns;

	for (unsigned i = 0; i < METRICS_BUCKETS && !anew; i++)
		anew = now->bucket[i] < before->bucket[i];
	*since = *now;
	if (anew)
		return;
	since->sum_ns -= before->sum_ns;
	for (unsigned i = 0; i < METRICS_BUCKETS; i++)
		since->bucket[i] -= before->bucket[i];
}

void metrics_merge(struct metrics_latency *into, const struct metrics_latency *from)
{
	into->sum_ns = metrics_sum(into->sum_ns, from->sum_ns);
	for (unsigned i = 0; i < METRICS_BUCKETS; i++)
		into->bucket[i] = metrics_sum(into->bucket[i], from->bucket[i]);
}

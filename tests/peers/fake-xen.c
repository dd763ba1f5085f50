// SPDX-License-Identifier: MIT
/* Event channels and grants in one process; fake-store.c has the store. */
#include "config.h"
#include "tests/peers/fake-xen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xengnttab.h>

#include "common/cleanup.h"
#include "tests/peers/fake-store.h"

#define PAGE 4096u

struct xengntdev_handle {
	int dummy;
};
struct xenevtchn_handle {
	int fd; /* an eventfd: readable while one of its channels has an event for it */
};

enum grant_state { ENDED, READONLY, WRITABLE };

static struct {
	pthread_mutex_t lock;
	struct fake_counts n;
	/* grants */
	int memfd;
	uint8_t *view;
	enum grant_state grant[FAKE_GRANTS];
	int mappings[FAKE_GRANTS];
	struct region {
		void *start;
		uint32_t count;
		uint32_t *refs;
	} region[FAKE_GRANTS];
	unsigned regions;
	int map_limit;
	struct channel {
		int to_frontend; /* an eventfd */
		struct xenevtchn_handle *handle; /* that bound it; NULL: none */
		bool masked, raised;
	} channel[FAKE_CHANNELS];
} fake = { .lock = PTHREAD_MUTEX_INITIALIZER, .memfd = -1 };

static void fake_die(const char *what)
{
	fprintf(stderr, "fake-xen: %s\n", what);
	abort();
}

static void fake_make_channel(struct channel *c)
{
	c->to_frontend = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->to_frontend < 0)
		fake_die("no descriptors");
}

void fake_reset(void)
{
	if (fake.n.open_handles || fake.n.mapped || fake.n.bound)
		fake_die("the backend left handles, mappings or channels behind");
	if (fake.memfd < 0) {
		fake.memfd = memfd_create("grants", MFD_CLOEXEC);
		if (fake.memfd < 0 || ftruncate(fake.memfd, FAKE_GRANTS * PAGE) < 0)
			fake_die("no memfd");
		fake.view = mmap(NULL, FAKE_GRANTS * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			fake.memfd, 0);
		if (fake.view == MAP_FAILED)
			fake_die("no memory");
		for (unsigned i = 0; i < FAKE_CHANNELS; i++)
			fake_make_channel(&fake.channel[i]);
	}
	memset(fake.grant, 0, sizeof(fake.grant));
	memset(&fake.n, 0, sizeof(fake.n));
	fake.map_limit = -1;
	for (unsigned i = 0; i < FAKE_CHANNELS; i++) {
		fake.channel[i].masked = fake.channel[i].raised = false;
		fake_wait_event_on(i, 0);
	}
	fake_store_reset();
}

struct fake_counts fake_counts(void)
{
	struct fake_counts n;

	pthread_mutex_lock(&fake.lock);
	n = fake.n;
	pthread_mutex_unlock(&fake.lock);
	return n;
}

/* --- the frontend's side ---------------------------------------------------------------- */

void *fake_grant(uint32_t gref, bool readonly)
{
	pthread_mutex_lock(&fake.lock);
	fake.grant[gref] = readonly ? READONLY : WRITABLE;
	memset(fake.view + (size_t)gref * PAGE, 0, PAGE);
	pthread_mutex_unlock(&fake.lock);
	return fake.view + (size_t)gref * PAGE;
}

void *fake_grant_ring(uint32_t gref, unsigned pages)
{
	for (unsigned i = 0; i < pages; i++)
		fake_grant(gref + i, false);
	return fake.view + (size_t)gref * PAGE;
}

bool fake_end_access(uint32_t gref)
{
	bool ok;

	pthread_mutex_lock(&fake.lock);
	ok = fake.mappings[gref] == 0;
	if (ok)
		fake.grant[gref] = ENDED;
	pthread_mutex_unlock(&fake.lock);
	return ok;
}

void fake_map_limit(int pages)
{
	fake.map_limit = pages;
}

void fake_sync(void)
{
	pthread_mutex_lock(&fake.lock);
	pthread_mutex_unlock(&fake.lock);
}

static void fake_signal(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		fake_die("eventfd");
}

/* Readable no more, unless one of its channels still has an event. The lock is held. */
static void fake_settle(struct xenevtchn_handle *xce)
{
	struct pollfd p = { .fd = xce->fd, .events = POLLIN };
	uint64_t n;

	if (poll(&p, 1, 0) == 1 && read(xce->fd, &n, sizeof(n)) != sizeof(n))
		fake_die("eventfd");
	for (unsigned i = 0; i < FAKE_CHANNELS; i++)
		if (fake.channel[i].handle == xce && fake.channel[i].raised &&
			!fake.channel[i].masked) {
			fake_signal(xce->fd);
			return;
		}
}

void fake_notify_on(unsigned channel)
{
	struct channel *c = &fake.channel[channel];

	pthread_mutex_lock(&fake.lock);
	c->raised = true;
	if (c->handle && !c->masked)
		fake_signal(c->handle->fd);
	pthread_mutex_unlock(&fake.lock);
}

void fake_spurious_wake(unsigned channel)
{
	struct channel *c = &fake.channel[channel];

	pthread_mutex_lock(&fake.lock);
	if (c->handle && !c->masked)
		fake_signal(c->handle->fd);
	pthread_mutex_unlock(&fake.lock);
}

void fake_notify(void)
{
	fake_notify_on(0);
}

bool fake_wait_event_on(unsigned channel, unsigned ms)
{
	struct pollfd p = { .fd = fake.channel[channel].to_frontend, .events = POLLIN };
	uint64_t n;

	return poll(&p, 1, ms) == 1 && read(p.fd, &n, sizeof(n)) == sizeof(n);
}

bool fake_wait_event(unsigned ms)
{
	return fake_wait_event_on(0, ms);
}

/* --- libxenevtchn -------------------------------------------------------------------------- */

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
	struct xenevtchn_handle *xce = calloc(1, sizeof(*xce));

	pthread_mutex_lock(&fake.lock);
	fake.n.open_handles++;
	pthread_mutex_unlock(&fake.lock);
	xce->fd = eventfd(0, EFD_CLOEXEC); /* as the real one: whoever minds changes it */
	if (xce->fd < 0)
		fake_die("no descriptors");
	return xce;
}

int xenevtchn_close(xenevtchn_handle *xce)
{
	pthread_mutex_lock(&fake.lock);
	fake.n.open_handles--;
	pthread_mutex_unlock(&fake.lock);
	close(xce->fd);
	free(xce);
	return 0;
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
	return xce->fd;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(
	xenevtchn_handle *xce, uint32_t domid, evtchn_port_t remote_port)
{
	unsigned i = remote_port - FAKE_REMOTE_PORT;
	bool ok;

	pthread_mutex_lock(&fake.lock);
	ok = domid == FAKE_FRONTEND && i < FAKE_CHANNELS && !fake.channel[i].handle;
	if (ok) {
		fake.n.bound++;
		fake.channel[i].handle = xce;
		fake.channel[i].masked = false;
		if (fake.channel[i].raised)
			fake_signal(xce->fd);
	}
	pthread_mutex_unlock(&fake.lock);
	if (ok)
		return FAKE_LOCAL_PORT + i;
	errno = EINVAL;
	return -1;
}

/* The channel of a handle that has bound @port. */
static struct channel *fake_channel(xenevtchn_handle *xce, evtchn_port_t port)
{
	unsigned i = port - FAKE_LOCAL_PORT;

	if (i >= FAKE_CHANNELS || fake.channel[i].handle != xce)
		fake_die("event on a port that was not bound");
	return &fake.channel[i];
}

int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
	struct channel *c;

	pthread_mutex_lock(&fake.lock);
	fake.n.bound--;
	c = fake_channel(xce, port);
	c->handle = NULL;
	c->raised = c->masked = false;
	fake_settle(xce);
	pthread_mutex_unlock(&fake.lock);
	return 0;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
	pthread_mutex_lock(&fake.lock);
	fake.n.notifies++;
	pthread_mutex_unlock(&fake.lock);
	fake_signal(fake_channel(xce, port)->to_frontend);
	return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
	int port = -1;

	pthread_mutex_lock(&fake.lock);
	for (unsigned i = 0; i < FAKE_CHANNELS && port < 0; i++) {
		struct channel *c = &fake.channel[i];

		if (c->handle == xce && c->raised && !c->masked) {
			c->raised = false;
			c->masked = true;
			port = (int)(FAKE_LOCAL_PORT + i);
		}
	}
	if (port < 0 && !(fcntl(xce->fd, F_GETFL) & O_NONBLOCK))
		fake_die("the backend would wait in xenevtchn_pending()");
	fake_settle(xce);
	pthread_mutex_unlock(&fake.lock);
	if (port < 0)
		errno = EAGAIN;
	return port;
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
	struct channel *c = fake_channel(xce, port);

	pthread_mutex_lock(&fake.lock);
	c->masked = false;
	if (c->raised)
		fake_signal(xce->fd);
	pthread_mutex_unlock(&fake.lock);
	return 0;
}

/* --- libxengnttab ---------------------------------------------------------------------------- */

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned open_flags)
{
	pthread_mutex_lock(&fake.lock);
	fake.n.open_handles++;
	pthread_mutex_unlock(&fake.lock);
	return calloc(1, sizeof(struct xengntdev_handle));
}

int xengnttab_close(xengnttab_handle *xgt)
{
	pthread_mutex_lock(&fake.lock);
	fake.n.open_handles--;
	pthread_mutex_unlock(&fake.lock);
	free(xgt);
	return 0;
}

static bool fake_may(uint32_t domid, uint32_t ref, bool write)
{
	return domid == FAKE_FRONTEND && ref < FAKE_GRANTS && fake.grant[ref] != ENDED &&
	       (!write || fake.grant[ref] == WRITABLE);
}

static int fake_check_map(uint32_t count, uint32_t domid, const uint32_t *refs, int prot)
{
	if (fake.map_limit >= 0 && fake.n.mapped + (int)count > fake.map_limit)
		return ENOSPC;
	for (uint32_t i = 0; i < count; i++)
		if (!fake_may(domid, refs[i], prot & PROT_WRITE))
			return EINVAL;
	return 0;
}

static void *fake_map(uint32_t count, const uint32_t *refs, int prot)
{
	struct region *r = &fake.region[fake.regions];
	uint8_t *at = mmap(NULL, (size_t)count * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED || fake.regions == FAKE_GRANTS)
		fake_die("no address space");
	*r = (struct region){ at, count, malloc(count * sizeof(*refs)) };
	fake.regions++;
	for (uint32_t i = 0; i < count; i++) {
		if (mmap(at + (size_t)i * PAGE, PAGE, prot, MAP_SHARED | MAP_FIXED, fake.memfd,
			    (off_t)refs[i] * PAGE) == MAP_FAILED)
			fake_die("mmap of a grant");
		fake.mappings[refs[i]]++;
		r->refs[i] = refs[i];
	}
	fake.n.mapped += count;
	return at;
}

void *xengnttab_map_domain_grant_refs(
	xengnttab_handle *xgt, uint32_t count, uint32_t domid, uint32_t *refs, int prot)
{
	void *at = NULL;
	int error;

	pthread_mutex_lock(&fake.lock);
	fake.n.map_calls++;
	error = fake_check_map(count, domid, refs, prot);
	if (!error)
		at = fake_map(count, refs, prot);
	pthread_mutex_unlock(&fake.lock);
	errno = error;
	return at;
}

/* As Xen's Linux back end: only what one call mapped, whole. */
int xengnttab_unmap(xengnttab_handle *xgt, void *start, uint32_t count)
{
	pthread_mutex_lock(&fake.lock);
	fake.n.unmap_calls++;
	for (unsigned i = 0; i < fake.regions; i++) {
		struct region *r = &fake.region[i];

		if (r->start != start || r->count != count)
			continue;
		for (uint32_t k = 0; k < count; k++)
			fake.mappings[r->refs[k]]--;
		munmap(start, (size_t)count * PAGE);
		free(r->refs);
		fake.n.mapped -= count;
		*r = fake.region[--fake.regions];
		pthread_mutex_unlock(&fake.lock);
		return 0;
	}
	fake_die("unmap of what was not mapped like that");
	return -1;
}

static unsigned fake_pieces(const struct xengnttab_grant_copy_segment *s)
{
	const void *ours = s->flags & GNTCOPY_dest_gref ? s->source.virt : s->dest.virt;

	return ((uintptr_t)ours % PAGE + s->len + PAGE - 1) / PAGE;
}

static int16_t fake_copy_one(const struct xengnttab_grant_copy_segment *s)
{
	bool to_frontend = s->flags & GNTCOPY_dest_gref;
	const union xengnttab_copy_ptr *p = to_frontend ? &s->dest : &s->source;
	uint8_t *page;

	if ((size_t)p->foreign.offset + s->len > PAGE)
		return GNTST_bad_copy_arg;
	if (!fake_may(p->foreign.domid, p->foreign.ref, to_frontend))
		return GNTST_bad_gntref;
	page = fake.view + (size_t)p->foreign.ref * PAGE + p->foreign.offset;
	memcpy(to_frontend ? page : s->dest.virt, to_frontend ? s->source.virt : page, s->len);
	return GNTST_okay;
}

int xengnttab_grant_copy(
	xengnttab_handle *xgt, uint32_t count, xengnttab_grant_copy_segment_t *segs)
{
	pthread_mutex_lock(&fake.lock);
	fake.n.copy_calls++;
	fake.n.copy_ops += count;
	for (uint32_t i = 0; i < count; i++) {
		fake.n.copy_pieces += fake_pieces(&segs[i]);
		segs[i].status = fake_copy_one(&segs[i]);
	}
	pthread_mutex_unlock(&fake.lock);
	return 0;
}

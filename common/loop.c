// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/loop.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/log.h"

CONFINE_RULES(loop, CONFINE_CALL(epoll_wait), CONFINE_CALL(epoll_pwait), CONFINE_CALL(epoll_ctl));

struct loop_source {
	struct loop *loop;
	struct loop_source *next;
	int fd; /* -1: a timer */
	uint32_t events;
	bool dead;
	uint64_t serial; /* in order of their making */
	uint64_t due_ms;
	void (*fd_fn)(void *, uint32_t);
	void (*timer_fn)(void *);
	void *opaque;
};

struct loop {
	int epfd;
	bool stopping;
	bool has_dead;
	int status;
	uint64_t serial;
	struct loop_source *sources;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

struct loop *loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epfd < 0) {
		free(loop);
		return NULL;
	}
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	while (loop->sources) {
		struct loop_source *s = loop->sources;

		loop->sources = s->next;
		free(s);
	}
	close(loop->epfd);
	free(loop);
}

static struct loop_source *source_new(struct loop *loop)
{
	struct loop_source *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->loop = loop;
	s->fd = -1;
	s->serial = loop->serial++;
	s->next = loop->sources;
	loop->sources = s;
	return s;
}

struct loop_source *loop_add_fd(struct loop *loop, int fd, uint32_t events,
	void (*fn)(void *opaque, uint32_t events), void *opaque)
{
	struct loop_source *s = source_new(loop);
	struct epoll_event ev = { .events = events, .data.ptr = s };

	if (!s)
		return NULL;
	if (epoll_ctl(loop->epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		int saved = errno;

		loop->sources = s->next;
		free(s);
		errno = saved;
		return NULL;
	}
	s->fd = fd;
	s->events = events;
	s->fd_fn = fn;
	s->opaque = opaque;
	return s;
}

int loop_set_events(struct loop_source *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	if (s->events == events)
		return 0;
	if (epoll_ctl(s->loop->epfd, EPOLL_CTL_MOD, s->fd, &ev) < 0)
		return -errno;
	s->events = events;
	return 0;
}

struct loop_source *loop_add_timer(
	struct loop *loop, unsigned delay_ms, void (*fn)(void *opaque), void *opaque)
{
	struct loop_source *s = source_new(loop);

	if (!s)
		return NULL;
	s->due_ms = now_ms() + delay_ms;
	s->timer_fn = fn;
	s->opaque = opaque;
	return s;
}

void loop_remove(struct loop_source *s)
{
	if (!s || s->dead)
		return;
	/* What was closed before may still be there, and tell of a source that was freed. */
	if (s->fd >= 0 && epoll_ctl(s->loop->epfd, EPOLL_CTL_DEL, s->fd, NULL) < 0)
		log_err("descriptor %d left the loop too late: %s", s->fd, strerror(errno));
	/* An event already fetched may still name it: free between rounds. */
	s->dead = true;
	s->loop->has_dead = true;
}

static void free_dead(struct loop *loop)
{
	struct loop_source **pp = &loop->sources;

	if (!loop->has_dead)
		return;
	loop->has_dead = false;
	while (*pp) {
		struct loop_source *s = *pp;

		if (s->dead) {
			*pp = s->next;
			free(s);
		} else {
			pp = &s->next;
		}
	}
}

/* Milliseconds until the next timer, -1 without one. */
static int next_timeout(struct loop *loop)
{
	uint64_t now = now_ms();
	int64_t best = -1;

	for (struct loop_source *s = loop->sources; s; s = s->next) {
		int64_t left;

		if (!s->timer_fn || s->dead)
			continue;
		left = s->due_ms > now ? (int64_t)(s->due_ms - now) : 0;
		if (best < 0 || left < best)
			best = left;
	}
	return best > 60000 ? 60000 : (int)best;
}

/* The first to be run of those that are due at @now and were made before @serial. */
static struct loop_source *timer_due(struct loop *loop, uint64_t now, uint64_t serial)
{
	struct loop_source *first = NULL;

	for (struct loop_source *s = loop->sources; s; s = s->next) {
		if (!s->timer_fn || s->dead || s->due_ms > now || s->serial >= serial)
			continue;
		if (!first || s->due_ms < first->due_ms ||
			(s->due_ms == first->due_ms && s->serial < first->serial))
			first = s;
	}
	return first;
}

/* What timers start has its turn after the descriptors. */
static void run_timers(struct loop *loop)
{
	uint64_t now = now_ms(), serial = loop->serial;
	struct loop_source *s;

	while (!loop->stopping && (s = timer_due(loop, now, serial))) {
		loop_remove(s);
		s->timer_fn(s->opaque);
	}
}

int loop_run(struct loop *loop)
{
	struct epoll_event ev[16];

	while (!loop->stopping) {
		int n = epoll_wait(loop->epfd, ev, 16, next_timeout(loop));

		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n && !loop->stopping; i++) {
			struct loop_source *s = ev[i].data.ptr;

			if (!s->dead)
				s->fd_fn(s->opaque, ev[i].events);
		}
		if (!loop->stopping)
			run_timers(loop);
		free_dead(loop);
	}
	loop->stopping = false;
	return loop->status;
}

void loop_stop(struct loop *loop, int status)
{
	loop->status = status;
	loop->stopping = true;
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/net/user-poll.h"

#include <errno.h>
#include <slirp/libslirp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "common/array.h"

/* Descriptors that are looked at in one call; the rest is there the next time. */
#define POLL_EVENTS 64u

static const struct {
	uint8_t slirp;
	uint32_t epoll;
} poll_events[] = {
	{ SLIRP_POLL_IN, EPOLLIN }, { SLIRP_POLL_OUT, EPOLLOUT }, { SLIRP_POLL_PRI, EPOLLPRI },
	{ SLIRP_POLL_ERR, EPOLLERR }, { SLIRP_POLL_HUP, EPOLLHUP },
};

static uint32_t poll_to_epoll(uint8_t events)
{
	uint32_t to = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(poll_events); i++)
		if (events & poll_events[i].slirp)
			to |= poll_events[i].epoll;
	return to;
}

static uint8_t poll_from_epoll(uint32_t events)
{
	uint8_t to = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(poll_events); i++)
		if (events & poll_events[i].epoll)
			to |= poll_events[i].slirp;
	return to;
}

static int poll_add(struct user_poll *p, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(p->fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

int user_poll_open(struct user_poll *p)
{
	memset(p, 0, sizeof(*p));
	p->highest = -1;
	p->fd = epoll_create1(EPOLL_CLOEXEC);
	p->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	p->waiting = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->fd < 0 || p->timer < 0 || p->waiting < 0)
		return -errno;
	return poll_add(p, p->timer) < 0 || poll_add(p, p->waiting) < 0 ? -ENOMEM : 0;
}

void user_poll_close(struct user_poll *p)
{
	if (p->fd >= 0)
		close(p->fd);
	if (p->timer >= 0)
		close(p->timer);
	if (p->waiting >= 0)
		close(p->waiting);
	p->fd = p->timer = p->waiting = -1;
}

void user_poll_begin(struct user_poll *p)
{
	p->round++;
}

int user_poll_want(struct user_poll *p, int fd, int events)
{
	if (fd < 0 || fd >= (int)USER_POLL_FDS)
		return -1;
	/* One descriptor may be named twice, for reading and for writing. */
	if (p->fds[fd].round != p->round)
		p->fds[fd].wanted = 0;
	p->fds[fd].wanted |= (uint8_t)events;
	p->fds[fd].round = p->round;
	if (fd > p->highest)
		p->highest = fd;
	return fd;
}

static void poll_tell(struct user_poll *p, int fd, struct user_poll_fd *f)
{
	struct epoll_event e = { .events = poll_to_epoll(f->wanted), .data.fd = fd };
	int how = f->known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (epoll_ctl(p->fd, how, fd, &e) < 0) {
		/* A descriptor that was closed is forgotten by the kernel alone. */
		how = errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
		if (epoll_ctl(p->fd, how, fd, &e) < 0)
			return;
	}
	f->known = true;
	f->told = f->wanted;
}

void user_poll_forget(struct user_poll *p, int fd)
{
	if (fd < 0 || fd >= (int)USER_POLL_FDS)
		return;
	if (p->fds[fd].known)
		(void)!epoll_ctl(p->fd, EPOLL_CTL_DEL, fd, NULL);
	p->fds[fd] = (struct user_poll_fd){ 0 };
}

static void poll_arm(struct user_poll *p, uint32_t ms)
{
	int64_t now = user_poll_now(), at = INT64_MAX;
	struct itimerspec t = { .it_value = { .tv_sec = 0 } };

	for (unsigned i = 0; i < USER_POLL_TIMERS; i++)
		if (p->timers[i].used && p->timers[i].at < at / 1000000)
			at = p->timers[i].at * 1000000;
	if (ms != UINT32_MAX && now + ms * INT64_C(1000000) < at)
		at = now + ms * INT64_C(1000000);
	if (at != INT64_MAX) {
		/* Zero would switch it off. */
		at = at > now ? at : 1;
		t.it_value.tv_sec = at / 1000000000;
		t.it_value.tv_nsec = at % 1000000000;
	}
	timerfd_settime(p->timer, TFD_TIMER_ABSTIME, &t, NULL);
}

void user_poll_end(struct user_poll *p, uint32_t ms)
{
	for (int fd = 0; fd <= p->highest; fd++) {
		struct user_poll_fd *f = &p->fds[fd];

		if (f->round != p->round) {
			if (f->known)
				user_poll_forget(p, fd);
		} else if (!f->known || f->told != f->wanted) {
			poll_tell(p, fd, f);
		}
	}
	while (p->highest >= 0 && !p->fds[p->highest].known)
		p->highest--;
	poll_arm(p, ms);
}

static void poll_run_timers(struct user_poll *p)
{
	int64_t now = user_poll_now() / 1000000;

	for (unsigned i = 0; i < USER_POLL_TIMERS; i++) {
		struct user_poll_timer *t = &p->timers[i];

		if (!t->used || t->at > now)
			continue;
		t->at = INT64_MAX; /* it may set itself again */
		t->fn(t->opaque);
	}
}

void user_poll_look(struct user_poll *p)
{
	struct epoll_event events[POLL_EVENTS];
	int n = epoll_wait(p->fd, events, POLL_EVENTS, 0);
	uint64_t count;

	for (int i = 0; i < n; i++) {
		int fd = events[i].data.fd;

		if (fd == p->timer)
			(void)!read(fd, &count, sizeof(count));
		else if (fd != p->waiting)
			p->fds[fd].came = poll_from_epoll(events[i].events);
	}
	poll_run_timers(p);
}

int user_poll_came(struct user_poll *p, int index)
{
	int came;

	if (index < 0 || index >= (int)USER_POLL_FDS)
		return 0;
	came = p->fds[index].came;
	p->fds[index].came = 0;
	return came;
}

void user_poll_show(struct user_poll *p, bool waiting)
{
	uint64_t count = 1;

	if (waiting)
		(void)!write(p->waiting, &count, sizeof(count));
	else
		(void)!read(p->waiting, &count, sizeof(count));
}

int64_t user_poll_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

struct user_poll_timer *user_poll_add_timer(
	struct user_poll *p, void (*fn)(void *opaque), void *opaque)
{
	for (unsigned i = 0; i < USER_POLL_TIMERS; i++) {
		if (p->timers[i].used)
			continue;
		p->timers[i] = (struct user_poll_timer){ true, INT64_MAX, fn, opaque };
		return &p->timers[i];
	}
	return NULL;
}

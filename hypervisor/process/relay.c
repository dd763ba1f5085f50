// SPDX-License-Identifier: MIT
/* The loop, and who is let in. */
#include "config.h"
#include "hypervisor/process/relay-private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#include "common/confine.h"

CONFINE_RULES(relay, CONFINE_CALL(epoll_wait), CONFINE_CALL(epoll_pwait), CONFINE_CALL(epoll_ctl),
	CONFINE_CALL(accept4));

/* Events per round, and connections taken of them before others have their turn. */
#define RELAY_EVENTS 64
/* Out of descriptors or memory: others end before it is tried again. */
#define RELAY_RETRY_MS 500u

uint64_t relay_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* --- what is waited for -------------------------------------------------- */

int relay_wait_for(struct relay *r, struct relay_source *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	if (s->waits && s->events == events)
		return 0;
	if (epoll_ctl(r->epfd, s->waits ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, s->fd, &ev) < 0)
		return -errno;
	s->waits = true;
	s->events = events;
	return 0;
}

void relay_forget(struct relay *r, struct relay_source *s)
{
	if (s->waits)
		(void)epoll_ctl(r->epfd, EPOLL_CTL_DEL, s->fd, NULL);
	s->waits = false;
}

/* --- who is let in ------------------------------------------------------- */

static void park(struct relay *r, uint64_t until)
{
	r->parked_ms = until;
	(void)relay_wait_for(r, &r->listening, 0);
}

static void unpark(struct relay *r, uint64_t now)
{
	if (!r->parked_ms || now < r->parked_ms)
		return;
	r->parked_ms = 0;
	(void)relay_wait_for(r, &r->listening, EPOLLIN);
}

/* One more connection. False: nobody is accepted for a while. */
static bool take_token(struct relay *r)
{
	uint64_t now = relay_now_ms(), most = (uint64_t)r->limits.burst * 1000;

	r->tokens += (now - r->tokens_ms) * r->limits.per_second;
	if (r->tokens > most)
		r->tokens = most;
	r->tokens_ms = now;
	if (r->tokens < 1000) {
		if (log_limit_ok(&r->fast))
			log_warn("the domain makes more connections than %u a second: they wait",
				r->limits.per_second);
		park(r, now + RELAY_RETRY_MS);
		return false;
	}
	r->tokens -= 1000;
	return true;
}

/* Whether @error, of accept4(), is one of that connection alone. */
static bool is_passing(int error)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return false;
	default:
		return true;
	}
}

static void listener_ready(struct relay_source *s, uint32_t events)
{
	struct relay_listener *l = (struct relay_listener *)((char *)s - offsetof(struct relay_listener, source));
	struct relay *r = l->relay;
	int fd;

	if (r->parked_ms || !take_token(r))
		return;
	fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (!is_passing(errno))
			park(r, relay_now_ms() + RELAY_RETRY_MS);
		return;
	}
	if (r->nconns < r->limits.connections) {
		relay_conn_start(l, fd);
		return;
	}
	if (log_limit_ok(&r->many))
		log_warn("the domain has %u connections: a further one is reset", r->nconns);
	relay_reset(fd);
}

static void deliver(const struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++) {
		struct relay_source *s = events[i].data.ptr;

		if (s->waits)
			s->ready(s, events[i].events);
	}
}

/* Some listener has somebody. */
static void listening_ready(struct relay_source *s, uint32_t events)
{
	struct epoll_event ready[RELAY_EVENTS];

	deliver(ready, epoll_wait(s->fd, ready, RELAY_EVENTS, 0));
}

int relay_listen(struct relay *r, int fd, const struct sockaddr_storage *to, socklen_t length)
{
	struct relay_listener *l = calloc(1, sizeof(*l));
	struct epoll_event ev = { .events = EPOLLIN };

	if (!l)
		return -ENOMEM;
	*l = (struct relay_listener){ .relay = r, .source = { .ready = listener_ready, .fd = fd, .waits = true },
		.to = *to, .length = length };
	ev.data.ptr = &l->source;
	if (epoll_ctl(r->listening.fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		free(l);
		return -errno;
	}
	l->next = r->listeners;
	r->listeners = l;
	return 0;
}

/* --- its life ------------------------------------------------------------ */

struct relay *relay_new(const struct relay_limits *limits)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->limits = *limits;
	r->tokens = (uint64_t)limits->burst * 1000;
	r->tokens_ms = relay_now_ms();
	r->many = r->fast = (struct log_limit){ .burst = 1, .interval_ms = 60000 };
	r->failed = (struct log_limit){ .burst = 10, .interval_ms = 60000 };
	r->epfd = epoll_create1(EPOLL_CLOEXEC);
	r->listening = (struct relay_source){ .ready = listening_ready, .fd = epoll_create1(EPOLL_CLOEXEC) };
	if (r->epfd >= 0 && r->listening.fd >= 0 && relay_wait_for(r, &r->listening, EPOLLIN) == 0)
		return r;
	relay_free(r);
	return NULL;
}

void relay_free(struct relay *r)
{
	if (!r)
		return;
	while (r->conns)
		relay_conn_end(r->conns);
	relay_conn_reap(r);
	relay_pipe_free(r);
	while (r->listeners) {
		struct relay_listener *l = r->listeners;

		r->listeners = l->next;
		close(l->source.fd);
		free(l);
	}
	if (r->listening.fd >= 0)
		close(r->listening.fd);
	if (r->epfd >= 0)
		close(r->epfd);
	free(r);
}

/* Milliseconds until something is to be done by itself; -1: never. */
static int next_ms(const struct relay *r, uint64_t now)
{
	uint64_t next = r->parked_ms;

	if (r->sweep_ms && (!next || r->sweep_ms < next))
		next = r->sweep_ms;
	return !next ? -1 : next > now ? (int)(next - now) : 0;
}

static int run_round(struct relay *r)
{
	struct epoll_event events[RELAY_EVENTS];
	uint64_t now = relay_now_ms();
	int n = epoll_wait(r->epfd, events, RELAY_EVENTS, next_ms(r, now));

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	deliver(events, n);
	now = relay_now_ms();
	unpark(r, now);
	if (r->sweep_ms && now >= r->sweep_ms)
		r->sweep_ms = relay_conn_sweep(r, now);
	relay_conn_reap(r);
	return 0;
}

/* The caller's end: its source is the first of this. */
struct relay_stop {
	struct relay_source source;
	struct relay *relay;
};

static void stop_ready(struct relay_source *s, uint32_t events)
{
	((struct relay_stop *)s)->relay->stop = true;
}

int relay_run(struct relay *r, int fd)
{
	struct relay_stop stop = { .source = { .ready = stop_ready, .fd = fd }, .relay = r };
	int rc = relay_wait_for(r, &stop.source, EPOLLIN);

	r->stop = false;
	while (rc == 0 && !r->stop)
		rc = run_round(r);
	relay_forget(r, &stop.source);
	return rc;
}

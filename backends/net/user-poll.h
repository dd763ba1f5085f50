/* SPDX-License-Identifier: MIT */
/*
 * The sockets and timers of the user-mode network in one descriptor. The library asks anew,
 * each time before it sleeps, what each socket shall be waited for; what changed since the
 * last time is told to the kernel.
 */
#ifndef SLUICE_BACKENDS_NET_USER_POLL_H
#define SLUICE_BACKENDS_NET_USER_POLL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

/** USER_POLL_FDS - descriptors are below that; a confined process has no others. */
#define USER_POLL_FDS 4096u
/** USER_POLL_TIMERS - that can be set; slirp has one. */
#define USER_POLL_TIMERS 4u

/** struct user_poll_fd - of a descriptor: events of slirp. */
struct user_poll_fd {
	uint8_t wanted, told, came;
	bool known;    /* to the kernel */
	uint32_t round; /* in which it was wanted last */
};

struct user_poll_timer {
	bool used;
	int64_t at;    /* in ms; INT64_MAX: not set */
	void (*fn)(void *opaque);
	void *opaque;
};

struct user_poll {
	int fd;        /* an epoll: readable when there is something to be done */
	int timer;     /* a timerfd */
	int waiting;   /* an eventfd: frames wait for the guest */
	uint32_t round;
	int highest;   /* descriptor that is known */
	struct user_poll_timer timers[USER_POLL_TIMERS];
	struct user_poll_fd fds[USER_POLL_FDS];
};

/** user_poll_open() - 0 or -errno. user_poll_close() - also of a half opened one. */
int user_poll_open(struct user_poll *p) must_check;
void user_poll_close(struct user_poll *p);

/** user_poll_begin() - a new round of wishes. user_poll_want() - returns the index for user_poll_came(). */
void user_poll_begin(struct user_poll *p);
int user_poll_want(struct user_poll *p, int fd, int events);
/** user_poll_end() - that was all of this round; @ms: to be woken then at latest; UINT32_MAX: never. */
void user_poll_end(struct user_poll *p, uint32_t ms);
/** user_poll_forget() - the descriptor is new, or about to be closed. */
void user_poll_forget(struct user_poll *p, int fd);

/** user_poll_look() - see what came, without waiting; call timers whose time has come. */
void user_poll_look(struct user_poll *p);
int user_poll_came(struct user_poll *p, int index);

/** user_poll_show() - whether frames wait. */
void user_poll_show(struct user_poll *p, bool waiting);

/** user_poll_now() - nanoseconds of the clock that timers are set by. */
int64_t user_poll_now(void);
/** user_poll_add_timer() - NULL: there are too many. */
struct user_poll_timer *user_poll_add_timer(struct user_poll *p, void (*fn)(void *opaque), void *opaque);

#endif

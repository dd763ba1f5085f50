// SPDX-License-Identifier: MIT
/* sluice-store-gate's connection to the store: a socket, or Linux's xenbus device. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/log.h"
#include "common/loop.h"
#include "drivers-domain/gate-main.h"

CONFINE_RULES(gate_store, CONFINE_CALL_IF(getsockopt, 2, SO_TYPE));

static void store_given_up(void *opaque)
{
	struct main_gate *m = opaque;

	m->store_timer = NULL;
	log_err("there was no store for %u s: the backends are told that it is gone", m->store_ms / 1000);
	loop_stop(m->loop, 1);
}

static void store_lost(struct main_gate *m, const char *why)
{
	log_warn("the store is gone (%s); backends go on, and wait with what they ask of it", why);
	loop_remove(m->store_source);
	m->store_source = NULL;
	close(m->store_fd);
	m->store_fd = -1;
	gate_down(&m->gate);
	m->store_timer = loop_add_timer(m->loop, m->store_ms, store_given_up, m);
	if (!m->store_timer)
		loop_stop(m->loop, 1);
	main_tell(m, GATE_WANT_STORE);
}

void store_push(struct main_gate *m)
{
	const char *from;
	size_t n = 0;

	while (m->store_fd >= 0 && (n = gate_up_output(&m->gate, &from)) > 0) {
		/* /dev/xen/xenbus takes one message per write at most, and so it gets them. */
		ssize_t sent = write(m->store_fd, from, n);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN && !m->store_is_device)
			break;
		/* The device stays whatever it says; of watches that is the store's own answer. */
		if (sent < 0 && m->store_is_device) {
			gate_up_refused(&m->gate, -errno);
		} else if (sent < 0) {
			store_lost(m, strerror(errno));
			return;
		} else {
			gate_up_sent(&m->gate, (size_t)sent);
		}
	}
	if (m->store_fd >= 0) {
		uint32_t events = EPOLLIN | (n ? EPOLLOUT : 0);

		if (events != m->store_events)
			(void)!loop_set_events(m->store_source, events);
		m->store_events = events;
	}
}

static void store_pull(struct main_gate *m)
{
	for (int i = 0; i < 8 * MAIN_TURN; i++) {
		char *to;
		size_t room = gate_up_room(&m->gate, &to);
		ssize_t n = room ? read(m->store_fd, to, room) : 0;
		int rc;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0 || (n == 0 && room)) {
			store_lost(m, n < 0 ? strerror(errno) : "it ended the connection");
			return;
		}
		rc = gate_up_received(&m->gate, (size_t)n);
		if (rc < 0) {
			store_lost(m, "it broke the protocol");
			return;
		}
	}
}

static void store_ready(void *opaque, uint32_t events)
{
	struct main_gate *m = opaque;

	gate_tick(&m->gate, main_now_ms());
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		store_pull(m);
	main_pump(m);
}

static bool store_fd_is_device(int fd)
{
	socklen_t len = sizeof(int);
	int type;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0;
}

/*
 * How much the connection takes before it answers. Linux has one buffer per open file of its
 * device: a message that comes before the one before it has gone out overwrites it. And the
 * write of a watch returns with its answer, for which it keeps those of others from being taken.
 */
static unsigned store_flight(const struct main_gate *m)
{
	return m->store_is_device ? 1 : GATE_FLIGHT;
}

void store_found(struct main_gate *m, int fd)
{
	if (m->store_fd >= 0) {
		close(fd); /* one is enough */
		return;
	}
	m->store_source = loop_add_fd(m->loop, fd, EPOLLIN, store_ready, m);
	if (!m->store_source) {
		close(fd);
		loop_stop(m->loop, 1);
		return;
	}
	if (m->store_timer)
		log_info("the store is back");
	loop_remove(m->store_timer);
	m->store_timer = NULL;
	m->store_fd = fd;
	m->store_is_device = store_fd_is_device(fd);
	m->store_events = EPOLLIN;
	gate_up(&m->gate, store_flight(m));
}

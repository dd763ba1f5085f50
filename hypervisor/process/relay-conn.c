// SPDX-License-Identifier: MIT
/*
 * One connection: two sockets, and what one of them has not taken yet of what the other sent. Who sends
 * little at a time is copied, which costs less then; what others send the kernel hands on as it is.
 */
#include "config.h"
#include "hypervisor/process/relay-private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/confine.h"

CONFINE_RULES(relay_conn, CONFINE_CALL_IF(socket, 0, AF_INET), CONFINE_CALL_IF(socket, 0, AF_INET6),
	CONFINE_CALL(connect), CONFINE_CALL(getsockopt), CONFINE_CALL(setsockopt), CONFINE_CALL(shutdown),
	CONFINE_CALL(recvfrom), CONFINE_CALL_WITHOUT(sendto, 2, MSG_FASTOPEN));

/* A server that vanishes while nothing is under way is noticed after two minutes. */
#define KEEP_IDLE_S 60
#define KEEP_INTERVAL_S 10
#define KEEP_COUNT 6

enum { CLIENT, SERVER };

/** struct relay_side - one of its ends. */
struct relay_side {
	struct relay_source source;
	struct relay_conn *conn;
	uint8_t *kept;     /* what it has not taken, @from up to @to; NULL: nothing */
	size_t from, to;
	struct relay_pipe *pipe; /* or it is in there; NULL: nothing */
	bool bulk;         /* it sends much at once */
	bool ended;        /* it sends nothing more */
	bool told;         /* and knows that the other sends nothing more */
};

struct relay_conn {
	struct relay_conn *next, **here;
	struct relay_listener *listener;
	struct relay_side sides[2];
	bool connecting;
	bool over;
	uint64_t since_ms; /* something came or went */
};

static struct relay_side *other_side(struct relay_side *s)
{
	return &s->conn->sides[s == &s->conn->sides[CLIENT] ? SERVER : CLIENT];
}

/* --- ends ---------------------------------------------------------------- */

void relay_reset(int fd)
{
	const struct linger now = { .l_onoff = 1 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void side_close(struct relay *r, struct relay_side *s, bool reset)
{
	relay_forget(r, &s->source);
	if (s->source.fd >= 0 && reset)
		relay_reset(s->source.fd);
	else if (s->source.fd >= 0)
		close(s->source.fd);
	s->source.fd = -1;
	free(s->kept);
	s->kept = NULL;
	if (s->pipe)
		relay_pipe_put(r, s->pipe);
	s->pipe = NULL;
}

static void conn_finish(struct relay_conn *c, bool reset)
{
	struct relay *r = c->listener->relay;

	if (c->over)
		return;
	c->over = true;
	side_close(r, &c->sides[CLIENT], reset);
	side_close(r, &c->sides[SERVER], reset);
	*c->here = c->next;
	if (c->next)
		c->next->here = c->here;
	c->next = r->ended;
	r->ended = c;
	r->nconns--;
}

void relay_conn_end(struct relay_conn *c)
{
	conn_finish(c, true);
}

void relay_conn_reap(struct relay *r)
{
	while (r->ended) {
		struct relay_conn *c = r->ended;

		r->ended = c->next;
		free(c);
	}
}

/* --- what takes too long ------------------------------------------------- */

static bool is_half(const struct relay_conn *c)
{
	return c->sides[CLIENT].ended || c->sides[SERVER].ended;
}

static unsigned patience_ms(const struct relay_conn *c)
{
	const struct relay_limits *limits = &c->listener->relay->limits;

	return c->connecting ? limits->connect_ms : is_half(c) ? limits->half_ms : 0;
}

static void limit_time(struct relay_conn *c)
{
	struct relay *r = c->listener->relay;
	uint64_t due = c->since_ms + patience_ms(c);

	if (patience_ms(c) && (!r->sweep_ms || due < r->sweep_ms))
		r->sweep_ms = due;
}

static void say(struct relay_conn *c, int error)
{
	const struct sockaddr_storage *to = &c->listener->to;
	const struct sockaddr_in *four = (const void *)to;
	const struct sockaddr_in6 *six = (const void *)to;
	bool is_six = to->ss_family == AF_INET6;
	char host[INET6_ADDRSTRLEN] = "?";

	inet_ntop(to->ss_family, is_six ? (const void *)&six->sin6_addr : (const void *)&four->sin_addr, host,
		sizeof(host));
	log_warn("server %s%s%s:%u: %s", is_six ? "[" : "", host, is_six ? "]" : "", ntohs(four->sin_port),
		strerror(error));
}

static void conn_fail(struct relay_conn *c, int error)
{
	if (log_limit_ok(&c->listener->relay->failed))
		say(c, error);
	conn_finish(c, true);
}

uint64_t relay_conn_sweep(struct relay *r, uint64_t now)
{
	uint64_t next = 0;

	for (struct relay_conn *c = r->conns, *following; c; c = following) {
		uint64_t due = c->since_ms + patience_ms(c);

		following = c->next;
		if (!patience_ms(c))
			continue;
		if (due <= now && c->connecting)
			conn_fail(c, ETIMEDOUT);
		else if (due <= now)
			conn_finish(c, true);
		else if (!next || due < next)
			next = due;
	}
	return next;
}

/* --- bytes --------------------------------------------------------------- */

static bool is_passing(int error)
{
	return error == EAGAIN || error == EINTR;
}

/* Until it has taken that, the other is not read. */
static bool side_is_full(const struct relay_side *s)
{
	return s->kept || s->pipe;
}

/* Have @s take @n bytes, or keep them. False: it is gone. */
static bool side_give(struct relay_side *s, const uint8_t *bytes, size_t n)
{
	ssize_t sent = send(s->source.fd, bytes, n, MSG_NOSIGNAL);

	if (sent < 0 && !is_passing(errno))
		return false;
	if (sent < 0)
		sent = 0;
	if ((size_t)sent == n)
		return true;
	s->from = 0;
	s->to = n - (size_t)sent;
	s->kept = malloc(s->to);
	if (!s->kept)
		return false;
	memcpy(s->kept, bytes + sent, s->to);
	return true;
}

/* The other side has ended, and all that it sent was taken. */
static bool side_tell(struct relay_side *s)
{
	if (s->told || side_is_full(s) || !other_side(s)->ended)
		return true;
	s->told = true;
	return shutdown(s->source.fd, SHUT_WR) == 0;
}

/* What is in its pipe. False: it is gone. */
static bool side_drain(struct relay_side *s)
{
	if (relay_pipe_drain(s->pipe, s->source.fd) < 0)
		return is_passing(errno);
	s->conn->since_ms = relay_now_ms();
	if (s->pipe->bytes)
		return true;
	relay_pipe_put(s->conn->listener->relay, s->pipe);
	s->pipe = NULL;
	return side_tell(s);
}

/* What was kept for it. False: it is gone. */
static bool side_flush(struct relay_side *s)
{
	ssize_t sent;

	if (s->pipe)
		return side_drain(s);
	sent = send(s->source.fd, s->kept + s->from, s->to - s->from, MSG_NOSIGNAL);
	if (sent < 0)
		return is_passing(errno);
	s->from += (size_t)sent;
	s->conn->since_ms = relay_now_ms();
	if (s->from < s->to)
		return true;
	free(s->kept);
	s->kept = NULL;
	return side_tell(s);
}

/* It sends nothing more. False: the other is gone. */
static bool side_end(struct relay_side *s)
{
	s->conn->since_ms = relay_now_ms();
	s->ended = true;
	return side_tell(other_side(s));
}

/* By the pipe @p, of which this disposes. False: it, or the other, is gone. */
static bool side_pipe(struct relay_side *s, struct relay_pipe *p)
{
	struct relay *r = s->conn->listener->relay;
	ssize_t n = relay_pipe_fill(p, s->source.fd);
	int error = errno;

	if (n <= 0)
		relay_pipe_put(r, p);
	if (n == 0)
		return side_end(s);
	s->bulk = n >= RELAY_BULK;
	if (n > 0) {
		other_side(s)->pipe = p;
		return side_drain(other_side(s));
	}
	/* It is read again, and copied. */
	r->copies |= error == EINVAL;
	return r->copies || is_passing(error);
}

/* As much as is kept at most; more comes in another round. False: it, or the other, is gone. */
static bool side_pump(struct relay_side *s)
{
	struct relay *r = s->conn->listener->relay;
	struct relay_pipe *p = s->bulk && !r->copies ? relay_pipe_get(r) : NULL;
	ssize_t n;

	if (p)
		return side_pipe(s, p);
	n = recv(s->source.fd, r->chunk, RELAY_CHUNK, 0);
	if (n < 0)
		return is_passing(errno);
	if (n == 0)
		return side_end(s);
	s->conn->since_ms = relay_now_ms();
	s->bulk = n >= RELAY_BULK;
	return side_give(other_side(s), r->chunk, (size_t)n);
}

/* --- events -------------------------------------------------------------- */

static uint32_t side_wants(struct relay_side *s)
{
	uint32_t wants = side_is_full(s) ? EPOLLOUT : 0;

	if (s->conn->connecting)
		return s == &s->conn->sides[SERVER] ? EPOLLOUT : 0;
	if (!s->ended && !side_is_full(other_side(s)))
		wants |= EPOLLIN;
	return wants;
}

/* One that is not waited for stays as it is: it may be out of the loop for its end's sake. */
static bool side_wait(struct relay_side *s)
{
	uint32_t wants = side_wants(s);

	if (!wants && !s->source.waits)
		return true;
	return relay_wait_for(s->conn->listener->relay, &s->source, wants) == 0;
}

static int socket_error(int fd)
{
	int error = 0;
	socklen_t length = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? errno : error;
}

/* It is told again and again that both its ways have ended, while the other takes what is left. */
static bool side_hung_up(struct relay_side *s)
{
	if (socket_error(s->source.fd))
		return false;
	relay_forget(s->conn->listener->relay, &s->source);
	return true;
}

static bool side_move(struct relay_side *s, uint32_t events)
{
	uint32_t wants = side_wants(s), gone = events & (EPOLLHUP | EPOLLERR);

	if (!wants && gone)
		return side_hung_up(s);
	if ((wants & EPOLLOUT) && (events & EPOLLOUT || gone) && !side_flush(s))
		return false;
	return !(wants & EPOLLIN) || !(events & EPOLLIN || gone) || side_pump(s);
}

static void conn_go_on(struct relay_conn *c)
{
	struct relay_side *a = &c->sides[CLIENT], *b = &c->sides[SERVER];

	if (a->told && b->told)
		conn_finish(c, false);
	else if (!side_wait(a) || !side_wait(b))
		conn_finish(c, true);
	else
		limit_time(c);
}

static void conn_connected(struct relay_conn *c)
{
	int error = socket_error(c->sides[SERVER].source.fd);

	if (error) {
		conn_fail(c, error);
		return;
	}
	c->connecting = false;
	c->since_ms = relay_now_ms();
	conn_go_on(c);
}

static void side_ready(struct relay_source *source, uint32_t events)
{
	struct relay_side *s = (struct relay_side *)((char *)source - offsetof(struct relay_side, source));
	struct relay_conn *c = s->conn;

	if (c->connecting && s == &c->sides[SERVER])
		conn_connected(c);
	else if (c->connecting ? !side_hung_up(s) : !side_move(s, events))
		conn_finish(c, true);
	else
		conn_go_on(c);
}

/* --- its beginning ------------------------------------------------------- */

static void set_number(int fd, int level, int name, int value)
{
	/* Without it the connection works as well, if slower or longer. */
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

static int server_socket(const struct relay_listener *l)
{
	int fd = socket(l->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

	if (fd < 0)
		return -1;
	set_number(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_number(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
	set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL_S);
	set_number(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT);
	return fd;
}

static void side_init(struct relay_conn *c, int which, int fd)
{
	c->sides[which] = (struct relay_side){ .conn = c, .source = { .ready = side_ready, .fd = fd } };
}

void relay_conn_start(struct relay_listener *l, int fd)
{
	struct relay *r = l->relay;
	struct relay_conn *c = calloc(1, sizeof(*c));

	if (!c) {
		relay_reset(fd);
		return;
	}
	*c = (struct relay_conn){ .next = r->conns, .here = &r->conns, .listener = l, .connecting = true,
		.since_ms = relay_now_ms() };
	if (c->next)
		c->next->here = &c->next;
	r->conns = c;
	r->nconns++;
	set_number(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	side_init(c, CLIENT, fd);
	side_init(c, SERVER, server_socket(l));
	if (c->sides[SERVER].source.fd < 0)
		conn_fail(c, errno);
	else if (connect(c->sides[SERVER].source.fd, (struct sockaddr *)&l->to, l->length) < 0 &&
		errno != EINPROGRESS)
		conn_fail(c, errno);
	else if (relay_wait_for(r, &c->sides[CLIENT].source, 0) < 0)
		conn_finish(c, true);
	else
		conn_go_on(c);
}

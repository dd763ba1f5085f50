// SPDX-License-Identifier: MIT
/*
 * A network that takes no privilege: libslirp makes sockets of this process out of the
 * guest's packets, as in QEMU's user networking. All of it runs in the thread of the one queue.
 */
#include "config.h"
#include "backends/net/ports.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <slirp/libslirp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "backends/net/user-forward.h"
#include "backends/net/user-gate.h"
#include "backends/net/user-poll.h"
#include "common/array.h"
#include "common/log.h"

/* Frames that wait for the guest; those beyond are lost, and sent again by TCP. */
#define USER_FRAMES 512u
/* Bytes of resolv.conf that are looked at. */
#define USER_RESOLV 8192u
#define USER_MTU 1500u

/* What libslirp calls for sockets. None is bound or listens any more: forwards are open by then. */
static const struct confine_rule user_rules[] = {
	CONFINE_CALL_IF(socket, 0, AF_INET), CONFINE_CALL_IF(socket, 0, AF_INET6),
	CONFINE_CALL(connect), CONFINE_CALL(accept), CONFINE_CALL(accept4), CONFINE_CALL(shutdown),
	CONFINE_CALL(sendto), CONFINE_CALL(recvfrom),
	CONFINE_CALL(setsockopt), CONFINE_CALL(getsockopt),
	CONFINE_CALL(getsockname), CONFINE_CALL(getpeername),
	CONFINE_CALL(recvmsg), CONFINE_CALL(sendmsg),
	CONFINE_CALL_IF(fcntl, 1, F_SETFL), CONFINE_CALL_IF(ioctl, 1, FIONREAD),
	CONFINE_CALL(epoll_ctl), CONFINE_CALL(epoll_wait), CONFINE_CALL(epoll_pwait), CONFINE_CALL(timerfd_settime),
};
static const struct confine_table user_confine = { user_rules, ARRAY_SIZE(user_rules) };

struct user_port {
	Slirp *slirp;
	struct user_poll poll;
	struct user_gate gate;
	char name[32];
	uint32_t mtu, frame_max;
	struct log_limit limit;
	unsigned first, count; /* of the frames that wait, around */
	uint32_t len[USER_FRAMES];
	uint8_t *memory;       /* USER_FRAMES times frame_max */
};

static struct user_port *user_of(struct port *port)
{
	return (struct user_port *)port;
}

/* --- what libslirp calls --- */

static ssize_t user_take_packet(const void *data, size_t len, void *opaque)
{
	struct user_port *p = opaque;
	unsigned at = (p->first + p->count) % USER_FRAMES;

	/* Less than nothing would be an error of I/O; what is dropped is none. */
	if (p->count == USER_FRAMES || len > p->frame_max)
		return (ssize_t)len;
	memcpy(p->memory + (size_t)at * p->frame_max, data, len);
	user_gate_in(&p->gate, p->memory + (size_t)at * p->frame_max, (uint32_t)len);
	p->len[at] = (uint32_t)len;
	if (p->count++ == 0)
		user_poll_show(&p->poll, true);
	return (ssize_t)len;
}

static void user_guest_error(const char *text, void *opaque)
{
	struct user_port *p = opaque;

	if (log_limit_ok(&p->limit))
		log_info("%s: the guest sent what cannot be: %s", p->name, text);
}

static int64_t user_clock(void *opaque)
{
	return user_poll_now();
}

static void *user_timer_new(SlirpTimerCb fn, void *fn_opaque, void *opaque)
{
	struct user_port *p = opaque;

	return user_poll_add_timer(&p->poll, fn, fn_opaque);
}

static void user_timer_free(void *timer, void *opaque)
{
	struct user_poll_timer *t = timer;

	if (t)
		t->used = false;
}

static void user_timer_mod(void *timer, int64_t ms, void *opaque)
{
	struct user_poll_timer *t = timer;

	if (t)
		t->at = ms;
}

static void user_forget_fd(int fd, void *opaque)
{
	struct user_port *p = opaque;

	user_poll_forget(&p->poll, fd);
}

static void user_notify(void *opaque)
{
	/* It is called in the thread that looks anyway. */
}

static const SlirpCb user_callbacks = {
	.send_packet = user_take_packet,
	.guest_error = user_guest_error,
	.clock_get_ns = user_clock,
	.timer_new = user_timer_new,
	.timer_free = user_timer_free,
	.timer_mod = user_timer_mod,
	.register_poll_fd = user_forget_fd,
	.unregister_poll_fd = user_forget_fd,
	.notify = user_notify,
};

static int user_want(int fd, int events, void *opaque)
{
	struct user_port *p = opaque;

	return user_poll_want(&p->poll, fd, events);
}

static int user_came(int index, void *opaque)
{
	struct user_port *p = opaque;

	return user_poll_came(&p->poll, index);
}

/* Ask for what is to be waited for. */
static void user_ask(struct user_port *p)
{
	uint32_t ms = UINT32_MAX;

	user_poll_begin(&p->poll);
	slirp_pollfds_fill(p->slirp, &ms, user_want, p);
	user_poll_end(&p->poll, ms);
}

/* Do what sockets and timers have to be done. */
static void user_turn(struct user_port *p)
{
	user_poll_look(&p->poll);
	slirp_pollfds_poll(p->slirp, 0, user_came, p);
	user_ask(p);
}

/* --- opening --- */

/* Before the process is confined: afterwards there is no such file. */
static uint32_t user_find_server(const char *name)
{
	CLEANUP_CLOSE int fd = open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC);
	char text[USER_RESOLV + 1];
	ssize_t n = fd < 0 ? -1 : read(fd, text, USER_RESOLV);
	uint32_t server;

	text[n < 0 ? 0 : n] = '\0';
	server = user_gate_server(text);
	if (!server)
		log_warn("%s: no name server of IPv4 in /etc/resolv.conf: the guest's questions for names are not answered",
			name);
	return server;
}

static SlirpConfig user_slirp_config(uint32_t mtu, bool loopback)
{
	SlirpConfig c = {
		.version = 3,
		.in_enabled = true,
		.vnetwork.s_addr = htonl(USER_NETWORK),
		.vnetmask.s_addr = htonl(USER_MASK),
		.vhost.s_addr = htonl(USER_HOST),
		.vdhcp_start.s_addr = htonl(USER_GUEST),
		.vnameserver.s_addr = htonl(USER_NAME_SERVER),
		.in6_enabled = true,
		.vprefix_len = 64,
		.if_mtu = mtu,
		.if_mru = mtu,
		/* 10.0.2.2 is the gateway, and no door to the host's loopback services. */
		.disable_host_loopback = !loopback,
		/* The alias of the name server is the gate's. */
		.disable_dns = true,
	};

	inet_pton(AF_INET6, "fec0::", &c.vprefix_addr6);
	inet_pton(AF_INET6, "fec0::2", &c.vhost6);
	inet_pton(AF_INET6, "fec0::3", &c.vnameserver6);
	return c;
}

static socklen_t user_address_bytes(const union user_address *a)
{
	return a->any.sa_family == AF_INET ? sizeof(a->ipv4) : sizeof(a->ipv6);
}

static void user_say_forward(const struct user_forward *f, int error, char *why, size_t room)
{
	const void *in = f->host.any.sa_family == AF_INET ? (const void *)&f->host.ipv4.sin_addr
							 : (const void *)&f->host.ipv6.sin6_addr;
	char address[INET6_ADDRSTRLEN] = "";

	inet_ntop(f->host.any.sa_family, in, address, sizeof(address));
	snprintf(why, room, "forward: %s port %u of %s cannot be listened on: %s%s",
		f->udp ? "udp" : "tcp", ntohs(f->host.ipv4.sin_port), address, strerror(error),
		error == EADDRINUSE ? ": another program has it: name another port" :
		error == EACCES ? ": ports below 1024 take privilege: name another port" : "");
}

static int user_open_forward(struct user_port *p, const struct user_forward *f, char *why, size_t room)
{
	int flags = (f->udp ? SLIRP_HOSTFWD_UDP : 0) |
		(f->host.any.sa_family == AF_INET6 ? SLIRP_HOSTFWD_V6ONLY : 0);
	int error;

	if (slirp_add_hostxfwd(p->slirp, &f->host.any, user_address_bytes(&f->host), &f->guest.any,
		    user_address_bytes(&f->guest), flags) == 0)
		return 0;
	error = errno ? errno : EINVAL;
	user_say_forward(f, error, why, room);
	return -error;
}

static void user_close(struct port *port)
{
	struct user_port *p = user_of(port);

	if (!p)
		return;
	if (p->slirp)
		slirp_cleanup(p->slirp);
	user_poll_close(&p->poll);
	free(p->memory);
	free(p);
}

static int user_make(struct user_port *p, char *why, size_t room)
{
	/* An answer to a datagram that came from there is one that is sent there. */
	SlirpConfig slirp = user_slirp_config(p->mtu, p->gate.forwards > 0);
	int rc = user_poll_open(&p->poll);

	p->memory = malloc((size_t)USER_FRAMES * p->frame_max);
	if (rc == 0 && !p->memory)
		rc = -ENOMEM;
	if (rc == 0)
		p->slirp = slirp_new(&slirp, &user_callbacks, p);
	if (rc == 0 && !p->slirp)
		rc = -ENOMEM;
	if (rc < 0)
		snprintf(why, room, "user: %s", strerror(-rc));
	return rc;
}

static int user_start(struct user_port *p, const struct port_config *config, char *why, size_t room)
{
	struct user_forward forwards[USER_FORWARDS];
	int n = user_forward_parse(config->forward, forwards, why, room), rc;

	for (int i = 0; i < n; i++)
		if (forwards[i].udp)
			user_gate_forward(&p->gate, ntohs(forwards[i].guest.ipv4.sin_port));
	rc = n < 0 ? n : user_make(p, why, room);
	for (int i = 0; rc == 0 && i < n; i++)
		rc = user_open_forward(p, &forwards[i], why, room);
	if (rc < 0)
		return rc;
	p->gate.server = user_find_server(p->name);
	user_ask(p);
	return 0;
}

static int user_open(const struct port_config *config, struct port **port, char *why, size_t room)
{
	struct user_port *p;
	int rc;

	if (config->queues > 1) {
		snprintf(why, room, "user: it has one queue, not %u", config->queues);
		return -EINVAL;
	}
	/* The least that IPv6 takes, and the most that slirp does. */
	if (config->mtu && (config->mtu < 1280 || config->mtu > 65521)) {
		snprintf(why, room, "user: its MTU must be from 1280 to 65521, not %u", config->mtu);
		return -EINVAL;
	}
	p = calloc(1, sizeof(*p));
	if (!p) {
		snprintf(why, room, "user: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	p->poll.fd = p->poll.timer = p->poll.waiting = -1;
	snprintf(p->name, sizeof(p->name), "%s", config->name ? config->name : "user");
	p->limit = (struct log_limit){ .burst = 5, .interval_ms = 60000 };
	p->mtu = config->mtu ? config->mtu : USER_MTU;
	p->frame_max = p->mtu + NETIF_PACKET_MIN;
	rc = user_start(p, config, why, room);
	if (rc < 0) {
		user_close((struct port *)p);
		return rc;
	}
	*port = (struct port *)p;
	return 0;
}

/* --- serving --- */

static void user_drop_all(struct user_port *p)
{
	p->count = 0;
	user_poll_show(&p->poll, false);
}

static int user_connect(struct port *port, unsigned queues, const struct frame_offload *guest)
{
	return 0;
}

static void user_disconnect(struct port *port)
{
	user_drop_all(user_of(port));
}

static struct frame_offload user_offers(const struct port *port)
{
	/* It checks every checksum, and its buffers are for one packet. */
	return (struct frame_offload){ .max_len = ((const struct user_port *)port)->frame_max };
}

static uint32_t user_mtu(const struct port *port)
{
	return ((const struct user_port *)port)->mtu;
}

static int user_fd(struct port *port, unsigned queue)
{
	return user_of(port)->poll.fd;
}

static int user_send(struct port *port, unsigned queue, struct frame *frames, unsigned n)
{
	struct user_port *p = user_of(port);

	for (unsigned i = 0; i < n; i++)
		if (frames[i].len <= p->frame_max &&
			user_gate_out(&p->gate, frames[i].data, frames[i].len))
			slirp_input(p->slirp, frames[i].data, (int)frames[i].len);
	user_ask(p);
	return (int)n;
}

/* Hand over the oldest frame. False: the room is too small for it, and it was dropped. */
static bool user_give(struct user_port *p, struct frame *to)
{
	uint32_t len = p->len[p->first];
	bool fits = len <= to->room;

	if (fits) {
		memcpy(to->data, p->memory + (size_t)p->first * p->frame_max, len);
		*to = (struct frame){ .data = to->data, .room = to->room, .len = len };
	}
	p->first = (p->first + 1) % USER_FRAMES;
	p->count--;
	return fits;
}

static int user_recv(struct port *port, unsigned queue, struct frame *frames, unsigned n)
{
	struct user_port *p = user_of(port);
	unsigned got = 0;

	/* While frames wait nobody makes more: what is sent too fast stays in the sockets. */
	if (p->count == 0)
		user_turn(p);
	if (p->count == 0)
		return 0;
	while (got < n && p->count)
		got += user_give(p, &frames[got]);
	if (p->count == 0)
		user_poll_show(&p->poll, false);
	return (int)got;
}

const struct port_ops port_ops_user = {
	.name = "user",
	.text = "a network behind this process' own sockets, without any privilege",
	.confine = &user_confine,
	.keep_network = true,
	.max_queues = 1,
	.open = user_open,
	.close = user_close,
	.connect = user_connect,
	.disconnect = user_disconnect,
	.offers = user_offers,
	.mtu = user_mtu,
	.fd = user_fd,
	.send = user_send,
	.recv = user_recv,
};

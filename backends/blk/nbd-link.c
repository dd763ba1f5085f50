// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/nbd-link.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* A server that names no largest payload takes this much (proto.md, "Size constraints"). */
#define LINK_PAYLOAD (32u << 20)
/* Answers that are read before anybody else has a turn. */
#define LINK_ANSWERS 16u

/* --- addresses ------------------------------------------------------------------------- */

static int server_resolve_host(struct nbd_server *s, char *why, size_t room)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	char port[8];
	int rc;

	snprintf(port, sizeof(port), "%u", s->uri.port);
	rc = getaddrinfo(s->uri.host, port, &hints, &list);
	if (rc != 0) {
		snprintf(why, room, "host \"%s\": %s", s->uri.host,
			rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
		return -EHOSTUNREACH;
	}
	for (struct addrinfo *a = list; a && s->addresses < NBD_ADDRESSES; a = a->ai_next) {
		memcpy(&s->address[s->addresses], a->ai_addr, a->ai_addrlen);
		s->address_len[s->addresses++] = a->ai_addrlen;
	}
	freeaddrinfo(list);
	return 0;
}

int nbd_server_resolve(struct nbd_server *s, char *why, size_t room)
{
	struct sockaddr_un *local = (struct sockaddr_un *)&s->address[0];
	bool six = strchr(s->uri.host, ':');

	s->addresses = 0;
	if (!s->uri.socket[0]) {
		snprintf(s->name, sizeof(s->name), "%s%s%s:%u", six ? "[" : "", s->uri.host,
			six ? "]" : "", s->uri.port);
		return server_resolve_host(s, why, room);
	}
	snprintf(s->name, sizeof(s->name), "%s", s->uri.socket);
	*local = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(local->sun_path, s->uri.socket, strlen(s->uri.socket) + 1);
	s->address_len[0] = sizeof(*local);
	s->addresses = 1;
	return 0;
}

/* --- from an address to a handle ---------------------------------------------------------- */

void nbd_link_close(struct nbd_link *link)
{
	if (link->handle)
		nbd_close(link->handle);
	if (link->fd >= 0)
		close(link->fd);
	link->handle = NULL;
	link->fd = -1;
	link->phase = NBD_LINK_DOWN;
}

static void link_failed(struct nbd_link *link, const char *what, const char *text)
{
	snprintf(link->why, sizeof(link->why), "%s%s", what, text);
	nbd_link_close(link);
}

/* Like libnbd's own errors, which begin with the function's name. */
static const char *link_nbd_error(void)
{
	const char *text = nbd_get_error();
	const char *colon = text ? strchr(text, ':') : NULL;

	if (colon && strncmp(text, "nbd_", 4) == 0 && colon[1] == ' ')
		text = colon + 2;
	return text ? text : "no reason is known";
}

/*
 * A host that vanished is noticed by what it does not acknowledge, so that requests are sent
 * again in time. A server that is slow while its host acknowledges is waited for.
 */
static void link_set_options(int fd, unsigned silent_ms)
{
	int one = 1, ms = (int)silent_ms, seconds = ms < 3000 ? 1 : ms / 3000;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!ms)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

static void link_greet(struct nbd_link *link)
{
	struct nbd_handle *h = nbd_create();
	int fd = link->fd;

	if (link->server->address[0].ss_family != AF_UNIX)
		link_set_options(fd, link->server->silent_ms);
	link->handle = h;
	/*
	 * Simple replies say all bytes of a read, so that nobody has to clear memory before it:
	 * a structured one may leave out some.
	 */
	if (!h || nbd_set_request_structured_replies(h, false) < 0 ||
		nbd_set_pread_initialize(h, false) < 0 ||
		nbd_set_export_name(h, link->server->uri.export) < 0 ||
		nbd_set_tls(h, LIBNBD_TLS_DISABLE) < 0) {
		link_failed(link, "libnbd: ", link_nbd_error());
		return;
	}
	/* The socket is the handle's from here on, also where it fails. */
	link->fd = -1;
	link->phase = NBD_LINK_GREETING;
	if (nbd_aio_connect_socket(h, fd) < 0)
		link_failed(link, "", link_nbd_error());
	else
		(void)nbd_link_check(link); /* of a quick server all may have been read by now */
}

static int link_connect_one(struct nbd_link *link)
{
	unsigned i = link->next++;
	const struct sockaddr *to = (const struct sockaddr *)&link->server->address[i];

	link->changes++;
	link->fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (link->fd < 0)
		return -errno;
	if (connect(link->fd, to, link->server->address_len[i]) == 0)
		return 0;
	return errno == EINTR ? -EINPROGRESS : -errno;
}

/* Those that are left; DOWN when none is. */
static void link_connect(struct nbd_link *link)
{
	while (link->next < link->server->addresses) {
		int rc = link_connect_one(link);

		link->phase = NBD_LINK_CONNECTING;
		if (rc == 0)
			link_greet(link);
		if (rc == 0 || rc == -EINPROGRESS)
			return;
		link_failed(link, "", strerror(-rc));
	}
}

void nbd_link_begin(struct nbd_link *link, const struct nbd_server *server)
{
	link->server = server;
	link->next = 0;
	link->why[0] = '\0';
	link_connect(link);
}

static void link_connected(struct nbd_link *link)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error == 0) {
		link_greet(link);
		return;
	}
	link_failed(link, "", strerror(error));
	link_connect(link);
}

uint32_t nbd_link_wants(const struct nbd_link *link, int *fd)
{
	unsigned direction;

	*fd = link->fd;
	if (link->phase == NBD_LINK_CONNECTING)
		return POLLOUT;
	*fd = link->handle ? nbd_aio_get_fd(link->handle) : -1;
	if (*fd < 0)
		return 0;
	direction = nbd_aio_get_direction(link->handle);
	return (direction & LIBNBD_AIO_DIRECTION_READ ? POLLIN : 0) |
	       (direction & LIBNBD_AIO_DIRECTION_WRITE ? POLLOUT : 0);
}

static bool link_has_ended(struct nbd_handle *h)
{
	return nbd_aio_is_dead(h) || nbd_aio_is_closed(h);
}

bool nbd_link_check(struct nbd_link *link)
{
	if (!link->handle)
		return link->phase != NBD_LINK_DOWN;
	if (link_has_ended(link->handle)) {
		if (!link->why[0])
			snprintf(link->why, sizeof(link->why), "the server closed the connection");
		nbd_link_close(link);
		return false;
	}
	if (link->phase == NBD_LINK_GREETING &&
		(nbd_aio_is_ready(link->handle) || nbd_aio_is_processing(link->handle)))
		link->phase = NBD_LINK_UP;
	return true;
}

/*
 * Whether a read would find something, if only an end. The library must not be told so in vain: it would take
 * that for the beginning of an answer, and send no command until there is one.
 */
static bool link_has_more(struct nbd_handle *h)
{
	char byte;

	return recv(nbd_aio_get_fd(h), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
	       (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

/* All answers that are there, so that whoever waits for them is woken once. */
static int link_read(struct nbd_link *link)
{
	struct nbd_handle *h = link->handle;
	int rc = 0;

	for (unsigned i = 0; i < LINK_ANSWERS && rc == 0 && !link_has_ended(h) && link_has_more(h); i++)
		rc = nbd_aio_notify_read(h);
	return rc;
}

void nbd_link_event(struct nbd_link *link, uint32_t revents)
{
	unsigned direction;
	int rc = 0;

	if (link->phase == NBD_LINK_CONNECTING) {
		link_connected(link);
		return;
	}
	if (!link->handle)
		return;
	direction = nbd_aio_get_direction(link->handle);
	/* A hang-up is what the next read says. */
	if ((direction & LIBNBD_AIO_DIRECTION_READ) && (revents & (POLLIN | POLLHUP | POLLERR)))
		rc = link_read(link);
	else if ((direction & LIBNBD_AIO_DIRECTION_WRITE) && (revents & (POLLOUT | POLLHUP | POLLERR)))
		rc = nbd_aio_notify_write(link->handle);
	if (rc < 0)
		snprintf(link->why, sizeof(link->why), "%s", link_nbd_error());
	(void)nbd_link_check(link);
}

/* --- what it serves -------------------------------------------------------------------------- */

int nbd_link_export(struct nbd_link *link, struct nbd_export *e, char *why, size_t room)
{
	struct nbd_handle *h = link->handle;
	int64_t size = nbd_get_size(h);
	int64_t least = nbd_get_block_size(h, LIBNBD_SIZE_MINIMUM);
	int64_t preferred = nbd_get_block_size(h, LIBNBD_SIZE_PREFERRED);
	int64_t most = nbd_get_block_size(h, LIBNBD_SIZE_MAXIMUM);

	if (size < 0 || least < 0 || preferred < 0 || most < 0) {
		snprintf(why, room, "its export cannot be described: %s", link_nbd_error());
		return -EPROTO;
	}
	if (least > UINT32_MAX || preferred > UINT32_MAX) {
		snprintf(why, room, "its blocks are larger than 64 KiB, which no disk is served with");
		return -EOPNOTSUPP;
	}
	*e = (struct nbd_export){
		.size = (uint64_t)size,
		.min_block = (uint32_t)least,
		.preferred_block = (uint32_t)preferred,
		/* A larger one would be a request's length, not what fits into a message. */
		.max_payload = most > 0 && most < LINK_PAYLOAD ? (uint64_t)most : LINK_PAYLOAD,
		.readonly = nbd_is_read_only(h) > 0,
		.multi = nbd_can_multi_conn(h) > 0,
		.flush = nbd_can_flush(h) > 0,
		.trim = nbd_can_trim(h) > 0,
		.zeroes = nbd_can_zero(h) > 0,
		.rotational = nbd_is_rotational(h) > 0,
	};
	return 0;
}

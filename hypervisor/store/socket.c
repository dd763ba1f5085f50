// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/store/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/acceptor.h"
#include "common/log.h"
#include "hypervisor/store/conn.h"

/* Requests of one connection that are answered before the others have their turn. */
#define SOCKET_ROUND 8

struct peer {
	struct peer *next, **link; /* of the listener */
	struct listener *listener;
	struct conn *conn;
	struct loop_source *source;
	int fd;
};

struct listener {
	struct loop *loop;
	struct store *store;
	uint32_t domid;
	int fd;
	struct acceptor acceptor;
	struct peer *peers;
	unsigned count;
	char *path;   /* unlinked at the end; or NULL */
	char *folder; /* removed at the end; or NULL */
};

static struct log_limit socket_log_limit = { .burst = 5, .interval_ms = 10000 };

static void peer_free(struct peer *peer)
{
	*peer->link = peer->next;
	if (peer->next)
		peer->next->link = peer->link;
	peer->listener->count--;
	loop_remove(peer->source);
	conn_free(peer->conn);
	close(peer->fd);
	free(peer);
}

static void peer_update(struct peer *peer)
{
	const char *at;
	uint32_t events = 0;

	if (conn_may_input(peer->conn))
		events |= EPOLLIN;
	if (conn_output(peer->conn, &at))
		events |= EPOLLOUT;
	/* Changing events of a registered descriptor needs no memory. */
	if (loop_set_events(peer->source, events) < 0)
		conn_drop(peer->conn, "its socket cannot be waited for");
}

/* There is output, or the connection went bad, perhaps while another one is served. */
static void peer_wake(struct conn *conn)
{
	struct peer *peer = conn->transport;

	/* A hang-up is always reported: that is where the peer is freed. */
	if (conn->bad)
		shutdown(peer->fd, SHUT_RDWR);
	else
		peer_update(peer);
}

/* 0, or -errno when the peer is to go. */
static int peer_send(struct peer *peer)
{
	const char *at;
	size_t len;

	while ((len = conn_output(peer->conn, &at)) > 0) {
		ssize_t n = send(peer->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		conn_output_done(peer->conn, n);
	}
	return 0;
}

/* One read: 1 something came, 0 nothing more now, -errno: the peer is to go. */
static int peer_receive(struct peer *peer)
{
	char *at;
	size_t room = conn_input_room(peer->conn, &at);
	ssize_t n = recv(peer->fd, at, room, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	n = conn_input_done(peer->conn, n);
	return n < 0 ? (int)n : 1;
}

/*
 * A few requests; what remains is in the socket, so that the loop comes back
 * after it has served the others. Two reads make a request.
 */
static int peer_serve(struct peer *peer)
{
	int rc = 1;

	for (int i = 0; i < 2 * SOCKET_ROUND && rc == 1; i++) {
		if (!conn_may_input(peer->conn))
			break;
		rc = peer_receive(peer);
	}
	return rc < 0 ? rc : 0;
}

static void peer_event(void *opaque, uint32_t events)
{
	struct peer *peer = opaque;
	int rc = 0;

	if (events & EPOLLIN)
		rc = peer_serve(peer);
	else if (events & (EPOLLHUP | EPOLLERR))
		rc = -EPIPE;
	if (rc == 0 && !peer->conn->bad)
		rc = peer_send(peer);
	if (rc < 0 || peer->conn->bad)
		peer_free(peer);
	else
		peer_update(peer);
}

static void peer_new(struct listener *listener, int fd)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	struct conn *conn = conn_new(listener->store, listener->domid);

	if (!peer || !conn)
		goto fail;
	peer->source = loop_add_fd(listener->loop, fd, EPOLLIN, peer_event, peer);
	if (!peer->source)
		goto fail;
	peer->fd = fd;
	peer->conn = conn;
	peer->listener = listener;
	peer->next = listener->peers;
	peer->link = &listener->peers;
	if (peer->next)
		peer->next->link = &peer->next;
	listener->peers = peer;
	listener->count++;
	conn->transport = peer;
	conn->wake = peer_wake;
	return;
fail:
	log_err("a connection of domain %u is refused: no memory", listener->domid);
	conn_free(conn);
	free(peer);
	close(fd);
}

static void on_connection(void *opaque, int fd)
{
	struct listener *listener = opaque;

	if (listener->domid != 0 && listener->count >= SOCKET_DOMAIN_CONNECTIONS) {
		if (log_limit_ok(&socket_log_limit))
			log_warn("a connection of domain %u is refused: it has %u already",
				listener->domid, listener->count);
		close(fd);
		return;
	}
	peer_new(listener, fd);
}

struct listener *listener_new(struct loop *loop, struct store *store, uint32_t domid, int fd,
	const char *path)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	char what[24];
	int error;

	if (!listener) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	listener->loop = loop;
	listener->store = store;
	listener->domid = domid;
	listener->fd = fd;
	listener->path = path ? strdup(path) : NULL;
	snprintf(what, sizeof(what), "domain %u", domid);
	error = path && !listener->path ? -ENOMEM :
		acceptor_open(&listener->acceptor, loop, fd, what, on_connection, listener);
	if (error == 0)
		return listener;
	listener_free(listener);
	errno = -error;
	return NULL;
}

/* A socket file that nobody listens on any more may be replaced. */
static int socket_clear(const struct sockaddr_un *addr)
{
	struct stat st;
	CLEANUP_CLOSE int fd = -1;

	if (lstat(addr->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 ||
		errno == EAGAIN)
		return -EADDRINUSE;
	return unlink(addr->sun_path) < 0 ? -errno : 0;
}

static int socket_bind(int fd, const struct sockaddr_un *addr)
{
	mode_t mask = umask(0177);
	int rc = bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? -errno : 0;

	umask(mask);
	return rc;
}

/* Listens at @addr, in place of a socket that nobody listens on any more. */
static int socket_listen_at(int fd, const struct sockaddr_un *addr)
{
	int rc = socket_clear(addr);

	if (rc == 0)
		rc = socket_bind(fd, addr);
	if (rc < 0)
		return rc;
	if (listen(fd, 128) == 0)
		return 0;
	rc = -errno;
	unlink(addr->sun_path);
	return rc;
}

/*
 * A descriptor, or -errno. The socket gets its name when it listens: between bind() and
 * listen() who finds it would be refused.
 */
static int socket_listen(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX }, hidden = addr;
	CLEANUP_CLOSE int fd = -1;
	int out, rc;

	if (snprintf(hidden.sun_path, sizeof(hidden.sun_path), "%s.new", path) >=
		(int)sizeof(hidden.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path));
	rc = socket_clear(&addr);
	if (rc < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	rc = socket_listen_at(fd, &hidden);
	if (rc < 0)
		return rc;
	if (rename(hidden.sun_path, path) < 0) {
		rc = -errno;
		unlink(hidden.sun_path);
		return rc;
	}
	out = fd;
	fd = -1;
	return out;
}

struct listener *listener_open(struct loop *loop, struct store *store, uint32_t domid,
	const char *path)
{
	int fd = socket_listen(path);

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	return listener_new(loop, store, domid, fd, path);
}

struct listener *listener_open_domain(struct loop *loop, struct store *store,
	uint32_t domid, const char *dir)
{
	CLEANUP_FREE char *folder = NULL;
	CLEANUP_FREE char *path = NULL;
	struct listener *listener;
	bool made;

	if (asprintf(&folder, "%s/%u", dir, domid) < 0) {
		folder = NULL;
		return NULL;
	}
	if (asprintf(&path, "%s/store.sock", folder) < 0) {
		path = NULL;
		return NULL;
	}
	made = mkdir(folder, 0700) == 0;
	if (!made && errno != EEXIST)
		return NULL;
	listener = listener_open(loop, store, domid, path);
	if (listener && made) {
		listener->folder = folder;
		folder = NULL;
	}
	return listener;
}

void listener_free(struct listener *listener)
{
	if (!listener)
		return;
	while (listener->peers)
		peer_free(listener->peers);
	acceptor_close(&listener->acceptor);
	close(listener->fd);
	if (listener->path)
		unlink(listener->path);
	/* Others may keep things there: then it stays. */
	if (listener->folder)
		rmdir(listener->folder);
	free(listener->path);
	free(listener->folder);
	free(listener);
}

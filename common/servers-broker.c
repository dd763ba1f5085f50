// SPDX-License-Identifier: MIT
/* The broker: whoever it serves is hostile. */
#include "config.h"
#include "common/servers-private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/fdpass.h"
#include "common/log.h"

/* It makes stream sockets only, and has no others to connect but those that it is handed. */
CONFINE_TABLE(broker_calls,
	CONFINE_CALL_IF(socket, 0, AF_INET), CONFINE_CALL_IF(socket, 0, AF_INET6),
	CONFINE_CALL_IF(socket, 0, AF_UNIX), CONFINE_CALL(connect), CONFINE_CALL(getsockopt),
	CONFINE_CALL(fchdir), CONFINE_CALL(recvmsg),
	CONFINE_CALL_WITHOUT(sendmsg, 2, MSG_FASTOPEN), CONFINE_CALL_IF(fcntl, 1, F_SETFL));

/* Of each Unix socket the directory that it is in: a server that starts anew makes a new one there. */
static int broker_dirs[SERVERS_MAX];

/* --- answers ------------------------------------------------------------- */

static int answer_socket(const struct servers *s, const struct broker_request *r, int *made)
{
	int type = r->type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
	int tcp = r->family == AF_UNIX ? 0 : IPPROTO_TCP;

	if (!servers_has_family(s, r->family))
		return -EACCES;
	if (type != SOCK_STREAM || (r->protocol && r->protocol != tcp))
		return -EACCES;
	*made = socket(r->family, SOCK_STREAM | SOCK_CLOEXEC | (r->type & SOCK_NONBLOCK), tcp);
	return *made < 0 ? -errno : 0;
}

static int socket_option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? -1 : value;
}

/* The family of a socket that could be one of ours; -1: it is none, or no socket. */
static int socket_family(int fd)
{
	int family = socket_option(fd, SO_DOMAIN);

	if (socket_option(fd, SO_TYPE) != SOCK_STREAM)
		return -1;
	if (family == AF_UNIX)
		return family;
	if ((family != AF_INET && family != AF_INET6) || socket_option(fd, SO_PROTOCOL) != IPPROTO_TCP)
		return -1;
	return family;
}

/* By its name in that directory, which is all that there is of the old root. */
static socklen_t enter_directory(const struct servers *s, const struct server *server, struct sockaddr_storage *to)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)to;
	const char *name = strrchr(sun->sun_path, '/') + 1;

	if (fchdir(broker_dirs[server - s->list]) < 0)
		return 0;
	memmove(sun->sun_path, name, strlen(name) + 1);
	return sizeof(*sun);
}

static int answer_connect(const struct servers *s, const struct broker_request *r, int fd)
{
	int family = socket_family(fd), rc;
	struct sockaddr_storage to;
	const struct server *server;
	socklen_t length;

	if (family < 0 || r->length > sizeof(r->address))
		return -EACCES;
	server = servers_find(s, r->address, r->length);
	length = server ? servers_address(server, family, r->address, &to) : 0;
	if (length && family == AF_UNIX)
		length = enter_directory(s, server, &to);
	if (!length)
		return -EACCES;
	rc = fd_set_nonblock(fd);
	if (rc < 0)
		return rc;
	return connect(fd, (struct sockaddr *)&to, length) < 0 ? -errno : 0;
}

int broker_answer(const struct servers *s, const struct broker_request *r, int given, int *made)
{
	*made = -1;
	if (r->op == BROKER_SOCKET && given < 0)
		return answer_socket(s, r, made);
	if (r->op == BROKER_CONNECT && given >= 0)
		return answer_connect(s, r, given);
	return -EINVAL;
}

/* False: there is nobody any more. */
static bool serve_one(const struct servers *s, int fd)
{
	struct broker_request r;
	struct broker_reply reply;
	CLEANUP_CLOSE int given = -1;
	CLEANUP_CLOSE int made = -1;
	unsigned n = 1;
	ssize_t len = fd_recv(fd, &r, sizeof(r), &given, &n);

	if (len == -EMSGSIZE)
		return true;
	if (len <= 0)
		return false;
	reply.error = -(len == sizeof(r) ? broker_answer(s, &r, given, &made) : -EINVAL);
	return fd_send(fd, &reply, sizeof(reply), &made, made >= 0) == 0;
}

void broker_serve(const struct servers *s, int fd)
{
	while (serve_one(s, fd))
		;
}

/* --- its process --------------------------------------------------------- */

static int open_directory(const struct sockaddr_un *sun)
{
	char path[sizeof(sun->sun_path) + 2];

	snprintf(path, sizeof(path), "%s", sun->sun_path);
	strrchr(path, '/')[path[0] == '/' && strrchr(path, '/') == path ? 1 : 0] = '\0';
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int broker_prepare(const struct servers *s)
{
	for (unsigned i = 0; i < s->count; i++) {
		if (s->list[i].address.ss_family != AF_UNIX)
			continue;
		broker_dirs[i] = open_directory((const struct sockaddr_un *)&s->list[i].address);
		if (broker_dirs[i] < 0)
			return -errno;
	}
	return 0;
}

int broker_confine(void)
{
	const struct confine_options options = { .extra = &broker_calls, .keep_network = true };
	struct confine_report report;
	int rc = confine_self(&options, &report);

	if (rc < 0)
		log_err("the broker of connections cannot be confined: %s", report.missing);
	else
		log_debug("the broker of connections is confined: %s", report.done);
	return rc;
}

#define BROKER_FD (STDERR_FILENO + 1)

/* In the child. @fd: its end. */
static _Noreturn void broker_run(const struct servers *s, int fd)
{
	int rc;

	/* The backend may need servers until it has ended, and then it ends us. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	/* None of the backend's files is kept open by us, and we ask nobody. */
	client_use(-1);
	rc = dup2(fd, BROKER_FD) < 0 ? -errno : 0;
	fd = BROKER_FD;
	if (rc == 0 && close_range(BROKER_FD + 1, ~0u, 0) < 0)
		rc = -errno;
	if (rc == 0)
		rc = broker_prepare(s);
	if (rc == 0)
		rc = broker_confine();
	if (fd_send(fd, &rc, sizeof(rc), NULL, 0) == 0 && rc == 0)
		broker_serve(s, fd);
	_exit(rc < 0);
}

int servers_start(const struct servers *s, struct servers_way *way)
{
	int pair[2], rc = 0;
	unsigned none = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	way->text = s->text;
	way->broker = fork();
	if (way->broker == 0) {
		close(pair[0]);
		broker_run(s, pair[1]);
	}
	rc = way->broker < 0 ? -errno : 0;
	close(pair[1]);
	if (rc == 0 && fd_recv(pair[0], &rc, sizeof(rc), NULL, &none) != sizeof(rc))
		rc = -EPIPE;
	if (rc < 0) {
		close(pair[0]);
	} else {
		resolve_use(s);
		client_use(pair[0]);
	}
	return rc;
}

// SPDX-License-Identifier: MIT
/*
 * A store for sluice-store-gate that sees how many requests come before one is answered.
 * Usage: gate-device PROGRAM device|socket
 *   device  Linux's xenbus is played by a pseudo-terminal, which is no socket either: one
 *   socket  as many as there are backends
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "common/cleanup.h"
#include "common/fdpass.h"
#include "common/log.h"
#include "drivers-domain/gate-control.h"

#define BACKENDS 4u
#define ROUNDS 12u
/* In which a request that must not come would have come. */
#define QUIET_MS 10
#define HANG_SECONDS 60u

struct message {
	struct xsd_sockmsg header;
	char payload[XENSTORE_PAYLOAD_MAX];
};

/* A listening socket without a file; its address in @sa. */
static int listen_somewhere(int type, struct sockaddr_un *sa, socklen_t *len)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*len = sizeof(*sa);
	if (fd < 0 || bind(fd, (struct sockaddr *)sa, sizeof(sa->sun_family)) < 0 || listen(fd, 1) < 0 ||
		getsockname(fd, (struct sockaddr *)sa, len) < 0)
		die("no listening socket: %s", strerror(errno));
	return fd;
}

static int connect_to(int type, const struct sockaddr_un *sa, socklen_t len)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)sa, len) < 0)
		die("cannot connect: %s", strerror(errno));
	return fd;
}

/* The daemon's end of its control socket. */
static int start_gate(const char *program)
{
	struct sockaddr_un sa;
	socklen_t len;
	int listen_fd = listen_somewhere(SOCK_SEQPACKET, &sa, &len), fd;
	char option[32];
	pid_t pid;

	snprintf(option, sizeof(option), "--control-fd=%d", listen_fd);
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fcntl(listen_fd, F_SETFD, 0);
		execl(program, program, option, (char *)NULL);
		_exit(127);
	}
	fd = connect_to(SOCK_SEQPACKET, &sa, len);
	close(listen_fd);
	return fd;
}

static void say(int control_fd, struct gate_control *message, int fd)
{
	message->version = GATE_VERSION;
	if (fd_send_now(control_fd, message, sizeof(*message), &fd, fd >= 0 ? 1 : 0) < 0)
		die("the gate does not listen");
	if (fd >= 0)
		close(fd);
}

/* Its end of the store's connection; sets @own to ours. */
static int store_ends(bool device, int *own)
{
	struct termios raw;
	int fd, pair[2];

	if (!device) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
			die("socketpair: %s", strerror(errno));
		*own = pair[0];
		fcntl(pair[1], F_SETFL, O_NONBLOCK);
		return pair[1];
	}
	*own = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*own < 0 || grantpt(*own) < 0 || unlockpt(*own) < 0)
		die("no pseudo-terminal: %s", strerror(errno));
	fd = open(ptsname(*own), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || tcgetattr(fd, &raw) < 0)
		die("no pseudo-terminal: %s", strerror(errno));
	cfmakeraw(&raw);
	if (tcsetattr(fd, TCSANOW, &raw) < 0)
		die("tcsetattr: %s", strerror(errno));
	return fd;
}

static int add_backend(int control_fd, unsigned i)
{
	struct gate_control message = { .what = GATE_ADD,
		.name = { .kind = "vbd", .frontend = 2, .devid = 51712 + 16 * i } };
	struct sockaddr_un sa;
	socklen_t len;
	int listen_fd = listen_somewhere(SOCK_STREAM, &sa, &len);
	int fd = connect_to(SOCK_STREAM, &sa, len);

	snprintf(message.text, sizeof(message.text), "/local/domain/2/device/vbd/%u", 51712 + 16 * i);
	say(control_fd, &message, listen_fd);
	return fd;
}

static void read_all(int fd, void *to, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = read(fd, (char *)to + done, len - done);

		if (n <= 0)
			die("it ended: %s", n < 0 ? strerror(errno) : "no more");
		done += (size_t)n;
	}
}

static void take(int fd, struct message *m)
{
	read_all(fd, &m->header, sizeof(m->header));
	if (m->header.len > sizeof(m->payload))
		die("a message of %u bytes", m->header.len);
	read_all(fd, m->payload, m->header.len);
}

static void put(int fd, const struct xsd_sockmsg *header, const char *payload, size_t len)
{
	struct message m = { .header = *header };

	m.header.len = (uint32_t)len;
	memcpy(m.payload, payload, len);
	if (write(fd, &m, sizeof(m.header) + len) != (ssize_t)(sizeof(m.header) + len))
		die("cannot write: %s", strerror(errno));
}

/* A read of its own node, or a watch of it. */
static void ask(int fd, unsigned i, unsigned round)
{
	struct xsd_sockmsg header = { .type = (i + round) % 3 ? XS_READ : XS_WATCH, .req_id = round + 1 };
	char payload[96];
	int n = snprintf(payload, sizeof(payload), "/local/domain/1/backend/vbd/2/%u%c%u", 51712 + 16 * i, 0,
		round);

	put(fd, &header, payload, header.type == XS_READ ? strlen(payload) + 1 : (size_t)n + 1);
}

static void answer(int fd, const struct message *m)
{
	put(fd, &m->header, "OK", 3);
}

static bool is_quiet(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, QUIET_MS) == 0;
}

/* All ask, and all are answered. */
static void run_round(const int *client, int store_fd, bool device, unsigned round)
{
	struct message m[BACKENDS], reply;

	for (unsigned i = 0; i < BACKENDS; i++)
		ask(client[i], i, round);
	for (unsigned i = 0; i < BACKENDS; i++) {
		take(store_fd, &m[i]);
		if (device && !is_quiet(store_fd))
			die("a request came before the one before it was answered");
		if (device)
			answer(store_fd, &m[i]);
	}
	for (unsigned i = 0; i < BACKENDS && !device; i++)
		answer(store_fd, &m[i]);
	for (unsigned i = 0; i < BACKENDS; i++) {
		take(client[i], &reply);
		if (reply.header.type == XS_ERROR || reply.header.req_id != round + 1)
			die("backend %u: the answer is %.*s", i, (int)reply.header.len, reply.payload);
	}
}

int main(int argc, char **argv)
{
	struct gate_control hello = { .what = GATE_HELLO, .own = 1, .store_ms = 10000 };
	struct gate_control store = { .what = GATE_STORE }, end = { .what = GATE_END };
	bool device = argc == 3 && strcmp(argv[2], "device") == 0;
	int client[BACKENDS], control_fd, store_fd;

	log_init("gate-device");
	if (argc != 3)
		die("usage: gate-device PROGRAM device|socket");
	alarm(HANG_SECONDS);
	control_fd = start_gate(argv[1]);
	say(control_fd, &hello, -1);
	say(control_fd, &store, store_ends(device, &store_fd));
	for (unsigned i = 0; i < BACKENDS; i++)
		client[i] = add_backend(control_fd, i);
	for (unsigned round = 0; round < ROUNDS; round++)
		run_round(client, store_fd, device, round);
	say(control_fd, &end, -1);
	return 0;
}

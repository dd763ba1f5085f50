// SPDX-License-Identifier: MIT
/*
 * A cable between two ports: what one receives the other sends. The kernel's own stacks at
 * both ends say whether ports are right.
 *
 *	port-cable [--confine] KIND[,KEY=VALUE]... KIND[,KEY=VALUE]...
 *
 * Keys: name, device, bridge, forward, mtu, queues, mac, and for the offloads of the guest
 * that the port sees "guest=none". Lines on standard input: "disconnect", "connect QUEUES",
 * "escape", which tries what a confined process must not do (only with --confine),
 * "count", which prints the frames that each queue got from the first port, "quit"; each is
 * answered with a line "ok" on standard output. The end of input is "quit".
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backends/net/offload.h"
#include "backends/net/ports.h"
#include "common/array.h"
#include "common/log.h"

#define BATCH 64u
#define QUEUES 8u
#define ROOM (FRAME_MAX + 1u)

struct end {
	const struct port_ops *ops;
	struct port *port;
	struct port_config config;
	bool plain; /* the guest that it sees takes no offloads */
};

struct worker {
	pthread_t thread;
	unsigned queue;
	bool runs;
	int stop;
	_Atomic unsigned long count;
	uint8_t *memory; /* of BATCH frames and of one segment */
};

static struct end ends[2];
static struct worker workers[QUEUES];
static bool is_up;
static char why[500];

static void parse_mac(uint8_t mac[6], const char *text)
{
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3],
		    &mac[4], &mac[5]) != 6)
		die("%s: no address", text);
}

static void parse_key(struct end *e, char *text)
{
	char *value = strchr(text, '=');

	if (!value)
		die("%s: no value", text);
	*value++ = '\0';
	if (strcmp(text, "name") == 0)
		e->config.name = value;
	else if (strcmp(text, "device") == 0)
		e->config.device = value;
	else if (strcmp(text, "bridge") == 0)
		e->config.bridge = value;
	else if (strcmp(text, "forward") == 0)
		e->config.forward = value;
	else if (strcmp(text, "mtu") == 0)
		e->config.mtu = (uint32_t)atoi(value);
	else if (strcmp(text, "queues") == 0)
		e->config.queues = (unsigned)atoi(value);
	else if (strcmp(text, "mac") == 0)
		parse_mac(e->config.mac, value);
	else if (strcmp(text, "guest") == 0)
		e->plain = true;
	else
		die("%s: unknown key", text);
}

static void open_end(struct end *e, char *text)
{
	char *kind = strtok(text, ","), *key;
	int rc;

	e->config = (struct port_config){ .name = "cable0", .queues = 1,
		.mac = { 2, 0, 0, 0, 0, (uint8_t)(e - ends + 1) } };
	while ((key = strtok(NULL, ",")))
		parse_key(e, key);
	e->ops = port_ops_find(kind);
	if (!e->ops)
		die("%s: %s", kind, port_ops_missing(kind) ? port_ops_missing(kind) : "no such port");
	rc = e->ops->open(&e->config, &e->port, why, sizeof(why));
	if (rc < 0)
		die("%s", why);
}

static void send_all(struct end *to, unsigned queue, struct frame *frames, unsigned n)
{
	int rc = to->ops->send(to->port, queue, frames, n);

	if (rc < 0)
		die("%s: send: %s", to->config.name, strerror(-rc));
}

/* A frame with what @to leaves to us done to it. */
static void send_fixed(struct end *to, unsigned queue, struct frame *f, uint8_t *memory)
{
	unsigned n = offload_segments(f);

	if (n == 1 && f->gso == NETIF_GSO_NONE) {
		if (f->csum_blank)
			offload_finish_checksum(f);
		send_all(to, queue, f, 1);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		struct frame s = { .data = memory + FRAME_HEADROOM, .room = ROOM };

		if (offload_segment(f, i, &s) < 0)
			die("a segment without room");
		send_all(to, queue, &s, 1);
	}
}

static void move_frames(struct worker *w, struct end *from, struct end *to)
{
	struct frame_offload taken = to->ops->offers(to->port);
	struct frame frames[BATCH];
	int n;

	for (unsigned i = 0; i < BATCH; i++)
		frames[i] = (struct frame){ .room = ROOM,
			.data = w->memory + i * (size_t)(FRAME_HEADROOM + ROOM) + FRAME_HEADROOM };
	n = from->ops->recv(from->port, w->queue, frames, BATCH);
	if (n < 0)
		die("%s: recv: %s", from->config.name, strerror(-n));
	if (from == &ends[0])
		w->count += (unsigned long)n;
	/* A port that is sent frames with offloads it did not offer is none that can be trusted. */
	for (int i = 0, first = 0; i < n; i++) {
		if (i + 1 < n && offload_is_taken(&frames[i], &taken))
			continue;
		if (offload_is_taken(&frames[i], &taken)) {
			send_all(to, w->queue, &frames[first], (unsigned)(i + 1 - first));
		} else {
			if (i > first)
				send_all(to, w->queue, &frames[first], (unsigned)(i - first));
			send_fixed(to, w->queue, &frames[i],
				w->memory + BATCH * (size_t)(FRAME_HEADROOM + ROOM));
		}
		first = i + 1;
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct pollfd p[3] = { { .fd = w->stop, .events = POLLIN } };

	for (unsigned i = 0; i < 2; i++)
		p[1 + i] = (struct pollfd){ .fd = ends[i].ops->fd(ends[i].port, w->queue),
			.events = POLLIN };
	for (;;) {
		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			die("poll: %s", strerror(errno));
		if (p[0].revents)
			return NULL;
		for (unsigned i = 0; i < 2; i++)
			if (p[1 + i].revents)
				move_frames(w, &ends[i], &ends[1 - i]);
	}
}

static void do_connect(unsigned queues)
{
	for (unsigned i = 0; i < 2; i++) {
		struct frame_offload guest = ends[1 - i].ops->offers(ends[1 - i].port);
		int rc;

		if (ends[i].plain)
			guest = (struct frame_offload){ .max_len = FRAME_MAX };
		rc = ends[i].ops->connect(ends[i].port, queues, &guest);
		if (rc < 0)
			die("%s: connect: %s", ends[i].config.name, strerror(-rc));
	}
	for (unsigned q = 0; q < queues; q++) {
		struct worker *w = &workers[q];

		w->queue = q;
		w->stop = eventfd(0, EFD_CLOEXEC);
		w->memory = malloc((BATCH + 1) * (size_t)(FRAME_HEADROOM + ROOM));
		if (w->stop < 0 || !w->memory || pthread_create(&w->thread, NULL, work, w) != 0)
			die("a thread cannot be made");
		w->runs = true;
	}
	is_up = true;
}

static void do_disconnect(void)
{
	static const uint64_t one = 1;

	for (unsigned q = 0; q < QUEUES; q++) {
		struct worker *w = &workers[q];

		if (!w->runs)
			continue;
		if (write(w->stop, &one, sizeof(one)) < 0)
			die("a thread cannot be stopped");
		pthread_join(w->thread, NULL);
		close(w->stop);
		free(w->memory);
		w->runs = false;
	}
	for (unsigned i = 0; is_up && i < 2; i++)
		ends[i].ops->disconnect(ends[i].port);
	is_up = false;
}

static void give_up_the_rest(void)
{
	struct confine_rule rules[64] = { CONFINE_CALL(poll), CONFINE_CALL(eventfd2) };
	struct confine_table all = { rules, 2 };
	struct confine_options options = { .extra = &all };
	struct confine_report report;
	int rc;

	for (unsigned i = 0; i < 2; i++) {
		const struct confine_table *t = ends[i].ops->confine;

		options.keep_network |= ends[i].ops->keep_network;
		for (unsigned j = 0; t && j < t->count; j++)
			rules[all.count++] = t->rules[j];
	}
	rc = confine_self(&options, &report);
	if (rc < 0)
		die("cannot be confined: %s", report.missing);
	fprintf(stderr, "confined: %s; missing: %s\n", report.done, report.missing);
}

static void must_fail(const char *what, long result)
{
	if (result >= 0)
		die("%s: works in a confined process", what);
	if (errno != EPERM)
		die("%s: %s", what, strerror(errno));
}

/* With a user-mode network sockets of IPv4 can be made, and nothing be done with them but to connect. */
static void escape(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if ((fd >= 0) != (ends[0].ops->keep_network || ends[1].ops->keep_network))
		die("a socket can%s be made", fd >= 0 ? "" : "not");
	must_fail("socket(AF_UNIX)", socket(AF_UNIX, SOCK_STREAM, 0));
	must_fail("socket(AF_PACKET)", socket(AF_PACKET, SOCK_RAW, 0));
	must_fail("socket(AF_NETLINK)", socket(AF_NETLINK, SOCK_RAW, 0));
	must_fail("bind", bind(fd, (struct sockaddr *)&any, sizeof(any)));
	must_fail("listen", listen(fd, 1));
	must_fail("open", open("/etc/passwd", O_RDONLY));
	must_fail("execve", execl("/bin/true", "true", NULL));
	if (fd >= 0)
		close(fd);
}

static void command(const char *line)
{
	unsigned queues;

	if (strcmp(line, "count\n") == 0) {
		for (unsigned q = 0; q < QUEUES; q++)
			printf("%lu ", workers[q].count);
		puts("");
	} else if (strcmp(line, "escape\n") == 0) {
		escape();
	} else if (strcmp(line, "disconnect\n") == 0) {
		do_disconnect();
	} else if (sscanf(line, "connect %u", &queues) == 1 && queues <= QUEUES) {
		do_disconnect();
		do_connect(queues);
	} else {
		die("%s: unknown command", line);
	}
}

int main(int argc, char **argv)
{
	unsigned queues;
	char line[80];
	int first = 1;

	log_init("port-cable");
	if (argc > 1 && strcmp(argv[1], "--confine") == 0)
		first = 2;
	if (argc != first + 2)
		die("usage: port-cable [--confine] KIND[,KEY=VALUE].. KIND[,KEY=VALUE]..");
	for (unsigned i = 0; i < 2; i++)
		open_end(&ends[i], argv[first + (int)i]);
	queues = ends[0].config.queues < ends[1].config.queues ? ends[0].config.queues
								: ends[1].config.queues;
	if (first == 2)
		give_up_the_rest();
	do_connect(queues);
	setvbuf(stdout, NULL, _IONBF, 0);
	puts("ok");
	while (fgets(line, sizeof(line), stdin) && strcmp(line, "quit\n") != 0) {
		command(line);
		puts("ok");
	}
	do_disconnect();
	for (unsigned i = 0; i < 2; i++)
		ends[i].ops->close(ends[i].port);
	return 0;
}

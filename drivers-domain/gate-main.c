// SPDX-License-Identifier: MIT
/*
 * sluice-store-gate: started by sluice-driverd, one per driver domain. It holds the domain's
 * connection to the store and gives each backend what is its device's of it. Opens and
 * connects nothing itself: all descriptors come from the daemon, or are accepted.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/fdpass.h"
#include "common/log.h"
#include "common/loop.h"
#include "drivers-domain/gate-main.h"

/* Connections of one device at a time: a backend has one. */
#define MAIN_CONNECTIONS 4u
#define MAIN_TICK_MS 100u
/* A backend that is just being started may be about to connect. */
#define MAIN_UNUSED_MS 3000u
/* When to look again whether there is a descriptor for who waits. */
#define MAIN_FULL_MS 250u
/* Each device has a socket, and its backend a connection, or two while one follows another. */
#define MAIN_FILES (4u * 4096u)

CONFINE_RULES(gate, CONFINE_CALL(accept4), CONFINE_CALL(recvmsg), CONFINE_CALL(sendmsg));

static struct log_limit main_limit = { .burst = 20, .interval_ms = 10000 };

uint64_t main_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void main_tell(struct main_gate *m, enum gate_control_what what)
{
	struct gate_control message = { .version = GATE_VERSION, .what = what };
	int rc;

	if (what == GATE_HELLO)
		memcpy(message.text, m->confined, sizeof(message.text));
	rc = m->control_fd < 0 ? 0 : fd_send_now(m->control_fd, &message, sizeof(message), NULL, 0);

	/* A daemon that is gone is seen where its messages are read. */
	if (rc < 0 && rc != -EPIPE)
		log_warn("the daemon cannot be told: %s", strerror(-rc));
}

static void main_unused(void *opaque)
{
	struct main_gate *m = opaque;

	m->unused = NULL;
	log_info("nobody is connected any more");
	loop_stop(m->loop, 0);
}

/* Without a daemon and without backends it ends: the next daemon starts another as it needs it. */
static void main_check_use(struct main_gate *m)
{
	bool used = m->control_fd >= 0 || !TAILQ_EMPTY(&m->connections);

	if (used) {
		loop_remove(m->unused);
		m->unused = NULL;
	} else if (!m->unused) {
		m->unused = loop_add_timer(m->loop, MAIN_UNUSED_MS, main_unused, m);
		if (!m->unused)
			loop_stop(m->loop, 1);
	}
}

/* --- when there are no descriptors --------------------------------------------------------- */

static void main_accept_again(void *opaque)
{
	struct main_gate *m = opaque;
	struct main_device *d;

	m->full = NULL;
	(void)!loop_set_events(m->listen_source, EPOLLIN); /* of descriptors that are watched */
	TAILQ_FOREACH(d, &m->devices, link)
		(void)!loop_set_events(d->source, EPOLLIN);
}

/* @source: where a connection waits that cannot be taken: it would be told of without end. */
static void main_full(struct main_gate *m, struct loop_source *source, int error)
{
	static struct log_limit limit = { .burst = 1, .interval_ms = 60000 };

	if (error != EMFILE && error != ENFILE && error != ENOMEM && error != ENOBUFS)
		return; /* it is gone again */
	if (log_limit_ok(&limit))
		log_err("%s: backends that connect wait until others end; raise the limit of open files",
			strerror(error));
	(void)!loop_set_events(source, 0);
	if (!m->full)
		m->full = loop_add_timer(m->loop, MAIN_FULL_MS, main_accept_again, m);
	if (!m->full)
		loop_stop(m->loop, 1);
}

/* --- backends ------------------------------------------------------------------------------ */

static void connection_close(struct main_connection *x, const char *why)
{
	if (why && log_limit_ok(&main_limit))
		log_warn("%s: its connection is closed: %s", x->label, why);
	TAILQ_REMOVE(&x->main->connections, x, link);
	if (x->device)
		x->device->connections--;
	loop_remove(x->source);
	close(x->fd);
	gate_client_close(x->client);
	main_check_use(x->main);
	free(x);
}

/* Send what is there, and wait for what is then awaited. False: it is closed. */
static bool connection_push(struct main_connection *x)
{
	const char *from;
	char *to;
	uint32_t events;
	size_t n;

	while ((n = gate_client_output(x->client, &from)) > 0) {
		ssize_t sent = write(x->fd, from, n);

		if (sent < 0 && errno != EAGAIN && errno != EINTR) {
			connection_close(x, NULL);
			return false;
		}
		if (sent < 0)
			break;
		gate_client_sent(x->client, (size_t)sent);
	}
	if (x->client->bad) {
		connection_close(x, x->client->bad);
		return false;
	}
	events = (n ? EPOLLOUT : 0) | (gate_client_room(x->client, &to) ? EPOLLIN : 0);
	if (events != x->events)
		(void)!loop_set_events(x->source, events); /* of a descriptor that is watched */
	x->events = events;
	return true;
}

/* False: it is closed. */
static bool connection_pull(struct main_connection *x)
{
	for (int i = 0; i < MAIN_TURN; i++) {
		char *to;
		size_t room = gate_client_room(x->client, &to);
		ssize_t n = room ? read(x->fd, to, room) : -1;

		if (room == 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
			break;
		if (n <= 0) {
			connection_close(x, NULL);
			return false;
		}
		gate_client_received(x->client, (size_t)n);
	}
	return true;
}

static void connection_ready(void *opaque, uint32_t events)
{
	struct main_connection *x = opaque;
	struct main_gate *m = x->main;

	gate_tick(&m->gate, main_now_ms());
	/* One that hung up has nothing more to ask, whether or not it took its answers. */
	if (events & (EPOLLHUP | EPOLLERR))
		connection_close(x, NULL);
	else if (!(events & EPOLLIN) || connection_pull(x))
		connection_push(x);
	main_pump(m);
}

static void device_accept(void *opaque, uint32_t events)
{
	struct main_device *d = opaque;
	int fd = accept4(d->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct main_connection *x;

	if (fd < 0) {
		main_full(d->main, d->source, errno);
		return;
	}
	x = d->connections < MAIN_CONNECTIONS ? calloc(1, sizeof(*x)) : NULL;
	if (x)
		x->client = gate_client_new(&d->main->gate, &d->rules, x);
	if (x && x->client)
		x->source = loop_add_fd(d->main->loop, fd, EPOLLIN, connection_ready, x);
	if (!x || !x->source) {
		if (log_limit_ok(&main_limit))
			log_warn("%s: one connection more is refused", d->label);
		if (x && x->client)
			gate_client_close(x->client);
		free(x);
		close(fd);
		return;
	}
	x->main = d->main;
	x->fd = fd;
	x->events = EPOLLIN;
	x->device = d;
	memcpy(x->label, d->label, sizeof(x->label));
	d->connections++;
	TAILQ_INSERT_TAIL(&d->main->connections, x, link);
	main_check_use(d->main);
	log_debug("%s: connected", x->label);
}

static struct main_device *device_find(struct main_gate *m, const struct leaf_name *name)
{
	struct main_device *d;

	TAILQ_FOREACH(d, &m->devices, link)
		if (memcmp(&d->rules.name, name, sizeof(*name)) == 0)
			return d;
	return NULL;
}

static void device_remove(struct main_device *d)
{
	struct main_connection *x;

	TAILQ_FOREACH(x, &d->main->connections, link)
		if (x->device == d)
			x->device = NULL;
	TAILQ_REMOVE(&d->main->devices, d, link);
	loop_remove(d->source);
	close(d->fd);
	free(d);
}

/* Of an earlier backend of the same device, which is not to act beside its successor. */
static void device_cut_off(struct main_gate *m, const struct leaf_name *name)
{
	struct main_connection *x, *next;

	for (x = TAILQ_FIRST(&m->connections); x; x = next) {
		next = TAILQ_NEXT(x, link);
		if (memcmp(&x->client->rules.name, name, sizeof(*name)) == 0)
			connection_close(x, "the device has a new backend");
	}
}

static void device_add(struct main_gate *m, const struct gate_control *message, int fd)
{
	struct main_device *old = device_find(m, &message->name), *d = calloc(1, sizeof(*d));

	if (old)
		device_remove(old);
	device_cut_off(m, &message->name);
	if (!d || gate_rules_init(&d->rules, m->gate.own, &message->name, message->text) < 0)
		goto out;
	d->main = m;
	d->fd = fd;
	scan_file_name(&message->name, d->label);
	d->source = loop_add_fd(m->loop, fd, EPOLLIN, device_accept, d);
	if (!d->source)
		goto out;
	TAILQ_INSERT_TAIL(&m->devices, d, link);
	return;
out:
	log_err("a device cannot be taken"); /* its backend finds nobody to connect to, and ends */
	free(d);
	close(fd);
}

/* --- all of it ------------------------------------------------------------------------------ */

static void main_tick(void *opaque)
{
	struct main_gate *m = opaque;

	m->tick = NULL;
	gate_tick(&m->gate, main_now_ms());
	main_pump(m);
}

/* Until nobody has anything more to send. */
void main_pump(struct main_gate *m)
{
	struct gate_client *c;

	do {
		while ((c = gate_take_dirty(&m->gate)))
			connection_push(c->transport);
		store_push(m);
	} while (!TAILQ_EMPTY(&m->gate.dirty));
	if (gate_wants_tick(&m->gate) && !m->tick)
		m->tick = loop_add_timer(m->loop, MAIN_TICK_MS, main_tick, m);
}

static void control_hello(struct main_gate *m, const struct gate_control *message)
{
	main_tell(m, GATE_HELLO);
	if (!m->known)
		m->gate.own = message->own;
	m->known = true;
	m->store_ms = message->store_ms;
	if (m->store_fd < 0)
		main_tell(m, GATE_WANT_STORE);
}

/* @fd: that came with it, or -1; taken. */
static void control_message(struct main_gate *m, struct gate_control *message, int fd)
{
	message->text[sizeof(message->text) - 1] = '\0';
	message->name.kind[SCAN_KIND_MAX] = '\0';
	if (message->what == GATE_HELLO) {
		control_hello(m, message);
	} else if (message->what == GATE_ADD && fd >= 0 && m->known) {
		device_add(m, message, fd);
		fd = -1;
	} else if (message->what == GATE_STORE && fd >= 0) {
		store_found(m, fd);
		fd = -1;
	} else if (message->what == GATE_REMOVE && device_find(m, &message->name)) {
		device_remove(device_find(m, &message->name));
	}
	cleanup_close(&fd);
}

static bool control_is_end(const struct gate_control *message, size_t len)
{
	return len >= offsetof(struct gate_control, own) && message->what == GATE_END;
}

static void control_ended(struct main_gate *m)
{
	loop_remove(m->control_source);
	m->control_source = NULL;
	cleanup_close(&m->control_fd);
	m->control_fd = -1;
	main_check_use(m);
}

static void control_want_again(void *opaque)
{
	struct main_gate *m = opaque;

	m->want = NULL;
	if (m->store_fd < 0)
		main_tell(m, GATE_WANT_STORE);
}

/* A message that was lost for the want of a descriptor: it may have been the store's. */
static void control_missed(struct main_gate *m)
{
	if (log_limit_ok(&main_limit))
		log_err("what came from the daemon was lost for the want of a descriptor");
	if (m->store_fd >= 0 || m->want)
		return;
	m->want = loop_add_timer(m->loop, MAIN_FULL_MS, control_want_again, m);
	if (!m->want)
		loop_stop(m->loop, 1);
}

static void control_ready(void *opaque, uint32_t events)
{
	struct main_gate *m = opaque;

	for (int i = 0; i < MAIN_TURN && m->control_fd >= 0; i++) {
		struct gate_control message;
		unsigned n = 1;
		int fd = -1;
		ssize_t len = fd_recv_now(m->control_fd, &message, sizeof(message), &fd, &n);

		if (len == -EAGAIN)
			break;
		if (len == -EMSGSIZE) {
			/* A backend's: it finds nobody to connect to, ends, and is started again. */
			control_missed(m);
		} else if (len <= 0) {
			control_ended(m);
		} else if (control_is_end(&message, (size_t)len)) {
			loop_stop(m->loop, 0);
		} else if (len != sizeof(message) || message.version != GATE_VERSION) {
			/* A newer daemon ends us and starts its own. */
			log_warn("a daemon of another version asks; it is not served");
			main_tell(m, GATE_HELLO);
		} else {
			control_message(m, &message, n ? fd : -1);
			n = 0;
		}
		if (n && len > 0)
			close(fd);
	}
	main_pump(m);
}

/* Who can connect is of the daemon's own directory; a later one takes the place of one that died. */
static void control_accept(void *opaque, uint32_t events)
{
	struct main_gate *m = opaque;
	int fd = accept4(m->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		main_full(m, m->listen_source, errno);
		return;
	}
	loop_remove(m->control_source);
	cleanup_close(&m->control_fd);
	m->control_fd = fd;
	m->control_source = loop_add_fd(m->loop, fd, EPOLLIN, control_ready, m);
	if (!m->control_source)
		loop_stop(m->loop, 1);
	main_check_use(m);
}

static int main_confine(struct main_gate *m)
{
	struct confine_options options = { .files = MAIN_FILES };
	struct confine_report report;
	int rc = confine_self(&options, &report);

	log_info("confined: %s", report.done);
	if (rc < 0)
		log_err("cannot be confined (%s)", report.missing);
	else if (report.missing[0])
		log_warn("not fully confined: %s", report.missing);
	/* Cut off where it is too long: it is for people. */
	(void)!snprintf(m->confined, sizeof(m->confined), "%.200s%s%.50s", report.done,
		report.missing[0] ? "; " : "", report.missing);
	return rc;
}

static void main_dispose(struct main_gate *m)
{
	while (!TAILQ_EMPTY(&m->connections))
		connection_close(TAILQ_FIRST(&m->connections), NULL);
	while (!TAILQ_EMPTY(&m->devices))
		device_remove(TAILQ_FIRST(&m->devices));
	gate_clear(&m->gate);
	loop_free(m->loop);
	cleanup_close(&m->store_fd);
	cleanup_close(&m->control_fd);
}

static int main_take_fd(const char *text)
{
	char *end;
	unsigned long fd = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || fd > 1u << 20)
		die("--control-fd=%s is no descriptor", text);
	return (int)fd;
}

static void main_options(int argc, char **argv, struct main_gate *m)
{
	static const struct option options[] = {
		{ "control-fd", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 'c':
			m->listen_fd = main_take_fd(optarg);
			break;
		case 'h':
			puts("Usage: sluice-store-gate --control-fd=N\n"
			     "Give each backend of a driver domain what is its device's of the store.\n\n"
			     "  --control-fd=N  where sluice-driverd, which starts it, connects\n"
			     "  --help, --version\n\n"
			     "See sluice-driverd(8).");
			exit(0);
		case 'V':
			puts("sluice-store-gate " PACKAGE_VERSION);
			exit(0);
		default:
			exit(1); /* getopt said why */
		}
	}
	if (m->listen_fd < 0 || optind < argc)
		die("sluice-driverd starts it; see --help");
}

int main(int argc, char **argv)
{
	static struct main_gate m = { .listen_fd = -1, .control_fd = -1, .store_fd = -1 };
	int status;

	log_init("sluice-store-gate");
	main_options(argc, argv, &m);
	signal(SIGPIPE, SIG_IGN);
	TAILQ_INIT(&m.devices);
	TAILQ_INIT(&m.connections);
	gate_init(&m.gate, 0);
	m.loop = loop_new();
	if (m.loop && fd_set_nonblock(m.listen_fd) == 0)
		m.listen_source = loop_add_fd(m.loop, m.listen_fd, EPOLLIN, control_accept, &m);
	if (!m.listen_source)
		die("no event loop: %s", strerror(errno));
	if (main_confine(&m) < 0)
		return 1;
	status = loop_run(m.loop);
	main_dispose(&m);
	return status < 0 ? 1 : status;
}

// SPDX-License-Identifier: MIT
/*
 * Events between two process domains of a private hypervisor. In each a process, this program
 * again, has the other ends of the same channels: one sends a batch and waits until the other
 * has answered each event with one on the same channel.
 *
 * Each makes half of the channels: whoever makes one pays for its pipes.
 */
#include "config.h"
#include "tools/bench-events.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenevtchn.h>

#include "common/array.h"
#include "common/log.h"
#include "common/paths.h"
#include "hypervisor/process/control.h"
#include "tools/bench.h"
#include "tools/stack-private.h"

#define PINGER 1u /* domid */
#define PONGER 2u
#define END_MS 2000u

struct events_world {
	struct rundir dir;
	bool has_dir;
	pid_t hypervisor;
	struct hvctl *ctl;
	char *libs; /* LD_LIBRARY_PATH */
};

/* What a pinger has to know, and what it says at the end. */
struct order {
	uint32_t channels;
	uint32_t batch;
	uint32_t shuffled;
	uint32_t pad;
	uint64_t us;
};
struct outcome {
	int32_t error;
	uint32_t pad;
	double ns;
};

/* --- the processes ----------------------------------------------------- */

static bool send_all(int fd, const void *from, size_t len)
{
	for (const char *at = from; len;) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		at += n;
		len -= n;
	}
	return true;
}

static bool recv_all(int fd, void *to, size_t len)
{
	for (char *at = to; len;) {
		ssize_t n = recv(fd, at, len, 0);

		if (n <= 0)
			return false;
		at += n;
		len -= n;
	}
	return true;
}

/* Takes @n events, each of which is answered if @answer. Return: 0 or -errno. */
static int take(xenevtchn_handle *h, uint32_t n, bool answer)
{
	while (n--) {
		xenevtchn_port_or_error_t port = xenevtchn_pending(h);

		if (port < 0 || xenevtchn_unmask(h, port) < 0 ||
			(answer && xenevtchn_notify(h, port) < 0))
			return -errno;
	}
	return 0;
}

/* Makes @n ports for @domid. */
static int make_ports(xenevtchn_handle *h, uint32_t domid, uint32_t *ports, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		xenevtchn_port_or_error_t port = xenevtchn_bind_unbound_port(h, domid);

		if (port < 0)
			return -errno;
		ports[i] = port;
	}
	return 0;
}

/* Turns @n ports of @domid into ours. Binding makes each pending once: that is taken. */
static int bind_ports(xenevtchn_handle *h, uint32_t domid, uint32_t *ports, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		xenevtchn_port_or_error_t port = xenevtchn_bind_interdomain(h, domid, ports[i]);

		if (port < 0)
			return -errno;
		ports[i] = port;
	}
	return take(h, n, false);
}

/* One end's half of the channels is made, the other's bound. The ponger binds first. */
static int connect_ports(xenevtchn_handle *h, int sock, bool first, uint32_t *ports, uint32_t n)
{
	uint32_t half = (n + 1) / 2;
	uint32_t *mine = first ? ports : ports + half, *theirs = first ? ports + half : ports;
	uint32_t nmine = first ? half : n - half, ntheirs = n - nmine;
	int rc = make_ports(h, first ? PONGER : PINGER, mine, nmine);

	/* Also after a failure: the other one waits. */
	if (!send_all(sock, &rc, sizeof(rc)) || !send_all(sock, mine, nmine * sizeof(*mine)))
		return -EPIPE;
	if (rc < 0)
		return rc;
	if (!recv_all(sock, &rc, sizeof(rc)) || !recv_all(sock, theirs, ntheirs * sizeof(*theirs)))
		return -EPIPE;
	if (rc == 0)
		rc = bind_ports(h, first ? PONGER : PINGER, theirs, ntheirs);
	if (!send_all(sock, &(int){ rc }, sizeof(rc)) || rc < 0)
		return rc < 0 ? rc : -EPIPE;
	return recv_all(sock, &rc, sizeof(rc)) ? rc : -EPIPE;
}

/* Return: -errno, or never. */
static int ponger(xenevtchn_handle *h, int sock)
{
	CLEANUP_FREE uint32_t *ports = NULL;
	uint32_t n;
	int rc;

	if (!recv_all(sock, &n, sizeof(n)))
		return -EPIPE;
	ports = calloc(n, sizeof(*ports));
	if (!ports)
		return -ENOMEM;
	rc = connect_ports(h, sock, false, ports, n);
	while (rc == 0)
		rc = take(h, 1, true);
	return rc;
}

/* One batch there and back, from channel @at on. Return: the next one, or -errno. */
static int ping_batch(xenevtchn_handle *h, const uint32_t *ports, const struct order *o, uint32_t at)
{
	int rc;

	for (uint32_t i = 0; i < o->batch; i++) {
		if (xenevtchn_notify(h, ports[at]) < 0)
			return -errno;
		at = at + 1 < o->channels ? at + 1 : 0;
	}
	rc = take(h, o->batch, false);
	return rc < 0 ? rc : (int)at;
}

static int ping(xenevtchn_handle *h, const uint32_t *ports, const struct order *o, double *ns)
{
	uint64_t start, now, events = 0;
	int at = 0;

	/* Each pipe gets its memory with its first byte: that is not what is measured. */
	for (uint32_t i = 0; i < o->channels && at >= 0; i += o->batch)
		at = ping_batch(h, ports, o, at);
	start = now = events_now(CLOCK_MONOTONIC);
	while (at >= 0 && now < start + o->us * 1000) {
		at = ping_batch(h, ports, o, at);
		events += 2 * o->batch;
		now = events_now(CLOCK_MONOTONIC);
	}
	*ns = (double)(now - start) / (double)events;
	return at < 0 ? at : 0;
}

static int pinger(xenevtchn_handle *h, int sock, int out)
{
	CLEANUP_FREE uint32_t *ports = NULL;
	struct outcome outcome = { 0 };
	struct order o;
	int rc = 0;

	if (!recv_all(out, &o, sizeof(o)))
		return -EPIPE;
	ports = calloc(o.channels, sizeof(*ports));
	if (!ports)
		rc = -ENOMEM;
	if (rc == 0 && !send_all(sock, &o.channels, sizeof(o.channels)))
		rc = -EPIPE;
	if (rc == 0)
		rc = connect_ports(h, sock, true, ports, o.channels);
	if (rc == 0) {
		if (o.shuffled)
			events_shuffle(ports, o.channels);
		rc = ping(h, ports, &o, &outcome.ns);
	}
	outcome.error = rc;
	return send_all(out, &outcome, sizeof(outcome)) ? rc : -EPIPE;
}

/* sluice-bench events-peer SOCK [OUT]: with OUT it is the pinger. */
int bench_events_peer_main(int argc, char **argv)
{
	xenevtchn_handle *h;
	struct rlimit rl;
	int rc;

	if (argc < 2)
		return BENCH_EXIT_START;
	/* Two descriptors per channel. */
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	h = xenevtchn_open(NULL, 0);
	if (!h) {
		log_err("cannot open event channels: %m");
		return BENCH_EXIT_START;
	}
	rc = argc > 2 ? pinger(h, atoi(argv[1]), atoi(argv[2])) : ponger(h, atoi(argv[1]));
	xenevtchn_close(h);
	return rc < 0 ? BENCH_EXIT_IO : BENCH_EXIT_OK;
}

/* --- who starts them --------------------------------------------------- */

static int start_hypervisor(struct events_world *w)
{
	CLEANUP_FREE char *path = path_program("hypervisor", "sluice-hypervisor");
	char arg[32];
	char *argv[] = { (char *)"sluice-hypervisor", arg, NULL };
	int pair[2];
	struct spawn s = { .path = path, .argv = argv, .keep = &pair[1], .nkeep = 1, .session = true };

	if (!path || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	snprintf(arg, sizeof(arg), "--control-fd=%d", pair[1]);
	w->hypervisor = spawn(&s);
	close(pair[1]);
	w->ctl = hvctl_fdopen(pair[0]);
	if (!w->ctl)
		return -errno;
	return w->hypervisor < 0 ? w->hypervisor : 0;
}

static void socket_path(const struct events_world *w, uint32_t domid, struct sockaddr_un *sa)
{
	sa->sun_family = AF_UNIX;
	snprintf(sa->sun_path, sizeof(sa->sun_path), "%s/%u", w->dir.path, domid);
}

static int make_domain(struct events_world *w, uint32_t domid)
{
	struct hvctl_domain_config config = { .domid = domid, .name = "bench" };
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa;
	uint32_t made;

	socket_path(w, domid, &sa);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 8) < 0)
		return -errno;
	return hvctl_domain_create(w->ctl, &config, fd, &made);
}

struct events_world *events_world_new(void)
{
	struct events_world *w = calloc(1, sizeof(*w));
	char why[256] = "";
	int rc;

	if (!w) {
		log_err("no memory");
		return NULL;
	}
	rc = rundir_create(&w->dir, why, sizeof(why));
	w->has_dir = rc == 0;
	w->libs = path_dropin_libs();
	if (rc == 0)
		rc = w->libs ? start_hypervisor(w) : -errno;
	if (rc == 0)
		rc = make_domain(w, PINGER);
	if (rc == 0)
		rc = make_domain(w, PONGER);
	if (rc == 0)
		return w;
	log_err("no private hypervisor: %s", why[0] ? why : strerror(-rc));
	events_world_free(w);
	return NULL;
}

void events_world_free(struct events_world *w)
{
	if (!w)
		return;
	if (w->ctl)
		hvctl_close(w->ctl);
	if (w->hypervisor > 0)
		spawn_end(&w->hypervisor, END_MS);
	if (w->has_dir)
		rundir_remove(&w->dir);
	free(w->libs);
	free(w);
}

/* @out: -1 for the ponger. Return: the pid or -errno. */
static pid_t start_peer(struct events_world *w, uint32_t domid, int sock, int out)
{
	char self[PATH_MAX], hv[160], libs[PATH_MAX + 32], number[2][12];
	const char *env[] = { hv, libs, NULL };
	char *argv[] = { self, (char *)"events-peer", number[0], out < 0 ? NULL : number[1], NULL };
	const int keep[] = { sock, out };
	struct spawn s = { .path = self, .argv = argv, .env = env, .keep = keep,
		.nkeep = out < 0 ? 1 : 2, .session = true };
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	struct sockaddr_un sa;

	if (n < 0)
		return -errno;
	self[n] = '\0';
	socket_path(w, domid, &sa);
	snprintf(hv, sizeof(hv), "SLUICE_HYPERVISOR=%s", sa.sun_path);
	snprintf(libs, sizeof(libs), "LD_LIBRARY_PATH=%s", w->libs);
	snprintf(number[0], sizeof(number[0]), "%d", sock);
	snprintf(number[1], sizeof(number[1]), "%d", out);
	return spawn(&s);
}

/* Return: 0 or -errno, the pinger's or the ponger's, too. */
static int follow(int fd, const struct order *order, double *ns)
{
	struct outcome outcome;

	if (!send_all(fd, order, sizeof(*order)) || !recv_all(fd, &outcome, sizeof(outcome)))
		return -EPIPE;
	*ns = outcome.ns;
	return outcome.error;
}

int events_world_run(struct events_world *w, bool shuffled, uint32_t channels, uint32_t batch,
	uint64_t us, double *ns)
{
	struct order order = {
		.channels = channels, .batch = batch, .shuffled = shuffled, .us = us
	};
	int pair[2] = { -1, -1 }, out[2] = { -1, -1 };
	pid_t peers[2] = { 0, 0 };
	int rc = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out) < 0)
		rc = -errno;
	if (rc == 0)
		rc = peers[0] = start_peer(w, PONGER, pair[0], -1);
	if (rc > 0)
		rc = peers[1] = start_peer(w, PINGER, pair[1], out[1]);
	for (unsigned i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
	if (out[1] >= 0)
		close(out[1]);
	if (rc > 0)
		rc = follow(out[0], &order, ns);
	if (out[0] >= 0)
		close(out[0]);
	for (unsigned i = 0; i < 2; i++)
		if (peers[i] > 0)
			spawn_end(&peers[i], END_MS);
	if (rc < 0)
		log_err("%u channels between two process domains: %s%s", channels, strerror(-rc),
			rc == -ENOSPC || rc == -EMFILE
				? "; each takes four descriptors: raise the limit of open files (ulimit -n)"
				: "");
	return rc;
}

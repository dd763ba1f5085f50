// SPDX-License-Identifier: MIT
/* One run of sluice-bench net: bring up a way, let it run, sample it, take it down. */
#include "config.h"
#include "tools/bench-net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/stack-net.h"
#include "tools/stack-private.h"
#include "tools/stack-process.h"

#define READY_MS 30000u
#define END_MS 15000u

#define TAP_NAME "bench0"    /* the TAP of the interface that is measured, ours or a plain one */
#define PAIR_A "bencha"      /* those of a pair, on a bridge */
#define PAIR_B "benchb"
#define BRIDGE "benchbr"

/* A run in progress. */
struct session {
	struct netbench *b;
	const struct netbench_load *load;
	struct netbench_run *run, *other; /* other: of the second endpoint of a pair */
	int fd, other_fd;                 /* their memory */
	pid_t endpoint, second;           /* processes in guest domains, or a plain one */
	pid_t outside;                    /* in the network that the interface is on */
	const char *count;                /* the interface that counts what is sent */
	char *why;
	size_t room;
};

static int interrupted(const struct session *s)
{
	return *s->b->signal ? -EINTR : 0;
}

/* --- shared memory --------------------------------------------------------------------- */

static struct netbench_run *make_run(int *fd)
{
	struct netbench_run *run;

	*fd = memfd_create("run", MFD_CLOEXEC);
	if (*fd < 0 || ftruncate(*fd, sizeof(*run)) < 0)
		return NULL;
	run = mmap(NULL, sizeof(*run), PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	return run == MAP_FAILED ? NULL : run;
}

static struct netbench_run *new_run(struct session *s, unsigned dir, int *fd)
{
	static const uint8_t nobody[6] = { 2, 0, 0, 0, 0, 0x99 };
	struct netbench_run *run = make_run(fd);

	if (!run)
		return NULL;
	run->size = s->load->size;
	run->gso = s->load->gso;
	run->queues = s->load->queues;
	run->dir = dir;
	memcpy(run->to, nobody, sizeof(nobody));
	return run;
}

static void drop_run(struct netbench_run *run, int fd)
{
	if (run)
		munmap(run, sizeof(*run));
	if (fd >= 0)
		close(fd);
}

/* --- processes ------------------------------------------------------------------------- */

static bool has_ended(pid_t pid)
{
	int status;

	return pid > 0 && waitpid(pid, &status, WNOHANG) == pid;
}

static int endpoint_failed(struct session *s, const struct netbench_run *run)
{
	return stack_fail(s->why, s->room, run->unsupported ? -EOPNOTSUPP : -EIO, "%s", run->why);
}

/* Until the endpoint is ready. */
static int await_ready(struct session *s, struct netbench_run *run, pid_t *pid)
{
	uint64_t end = stack_now_ms() + READY_MS;

	while (!run->ready && !run->failed) {
		if (interrupted(s))
			return -EINTR;
		if (s->b->stack)
			stack_pump(s->b->stack);
		if (has_ended(*pid)) {
			if (s->b->stack)
				stack_guest_reaped(s->b->stack, *pid);
			*pid = 0;
			return run->failed ? endpoint_failed(s, run) :
				stack_fail(s->why, s->room, -EIO, "the endpoint ended by itself");
		}
		if (stack_now_ms() > end)
			return stack_fail(s->why, s->room, -ETIMEDOUT, "the endpoint was not ready in time");
		stack_sleep_ms(2);
	}
	return run->failed ? endpoint_failed(s, run) : 0;
}

/* A child of ours that ends with us. Return: its pid, 0 in it. */
static pid_t fork_child(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	signal(SIGINT, SIG_IGN);
	return 0;
}

static void end_process(struct session *s, pid_t *pid, bool guest)
{
	pid_t was = *pid;

	if (was <= 0)
		return;
	for (uint64_t end = stack_now_ms() + END_MS; stack_now_ms() < end && !has_ended(was);) {
		if (guest)
			stack_pump(s->b->stack);
		stack_sleep_ms(2);
		if (kill(was, 0) < 0)
			*pid = 0;
	}
	if (*pid && kill(was, 0) == 0)
		spawn_end(pid, 0);
	if (guest)
		stack_guest_reaped(s->b->stack, was);
	*pid = 0;
}

/* --- ours: guest domains ----------------------------------------------------------------- */

static int need_stack(struct session *s)
{
	if (s->b->stack)
		return 0;
	s->b->stack = stack_start(s->why, s->room);
	return s->b->stack ? 0 : -errno;
}

/* What cannot be brought up once is not waited for again. */
static int tried_before(struct session *s, const char *failed)
{
	return stack_fail(s->why, s->room, -EIO, "%s", failed);
}

static int need_vif(struct session *s)
{
	const struct stack_vif vif = { .handle = 0, .attach = "tap", .vifname = TAP_NAME };
	struct netbench *nb = s->b;
	int rc = nb->vif_failed[0] ? tried_before(s, nb->vif_failed) : need_stack(s);

	if (rc < 0 || nb->has_vif)
		return rc;
	rc = stack_attach_vif(nb->stack, stack_guest_domid(nb->stack), &vif, s->why, s->room);
	nb->has_vif = rc == 0;
	if (rc < 0)
		snprintf(nb->vif_failed, sizeof(nb->vif_failed), "%s", s->why);
	return rc;
}

/* In a child of ours in the network driver domain's network. */
static int in_network(struct session *s, int (*fn)(struct session *s))
{
	struct stack_process *p = stack_network(s->b->stack, s->why, s->room);
	int status = 0;
	pid_t pid;

	if (!p)
		return -errno;
	pid = fork_child();
	if (pid == 0) {
		int rc = stack_network_enter(p);

		_exit(rc < 0 ? -rc & 0xff : -fn(s) & 0xff);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return stack_fail(s->why, s->room, -EIO, "in the driver domain's network: %s",
		pid > 0 && WIFEXITED(status) ? strerror(WEXITSTATUS(status)) : "a process died");
}

static int make_bridge(struct session *s)
{
	return netbench_make_bridge(BRIDGE);
}

static int need_pair(struct session *s)
{
	const struct stack_vif a = { .handle = 1, .attach = "tap", .vifname = PAIR_A, .bridge = BRIDGE };
	const struct stack_vif b = { .handle = 0, .attach = "tap", .vifname = PAIR_B, .bridge = BRIDGE };
	struct netbench *nb = s->b;
	int rc = nb->pair_failed[0] ? tried_before(s, nb->pair_failed) : need_stack(s);

	if (rc < 0 || nb->has_pair)
		return rc;
	rc = in_network(s, make_bridge);
	if (rc == 0)
		rc = stack_attach_vif(nb->stack, stack_guest_domid(nb->stack), &a, s->why, s->room);
	if (rc == 0)
		rc = stack_guest_add(nb->stack, &nb->second, s->why, s->room);
	if (rc == 0)
		rc = stack_attach_vif(nb->stack, nb->second, &b, s->why, s->room);
	nb->has_pair = rc == 0;
	if (rc < 0)
		snprintf(nb->pair_failed, sizeof(nb->pair_failed), "%s", s->why);
	return rc;
}

/* This program again, in a guest domain. */
static pid_t spawn_guest(struct session *s, uint32_t domid, unsigned vif, int fd)
{
	char number[12], handle[12];
	char *argv[] = { s->b->self, (char *)"net-guest", number, handle, NULL };

	snprintf(number, sizeof(number), "%d", fd);
	snprintf(handle, sizeof(handle), "%u", vif);
	return stack_spawn_guest_in(s->b->stack, domid, argv, fd, STACK_SPAWN_SESSION);
}

static void outside_main(struct session *s, const char *name)
{
	int rc = netbench_set_up(name, 0);

	if (rc == 0 && s->load->dir & NETBENCH_RX)
		rc = netbench_start_sources(s->run, name);
	if (rc < 0)
		s->run->stop = netbench_fail(s->run, "%s: %s", name, strerror(-rc));
	while (!s->run->stop)
		usleep(5000);
	_exit(0);
}

/* The process whose network the interface is in; it sends what is to be received. */
static int start_outside(struct session *s, const char *name)
{
	struct stack_process *p = stack_network(s->b->stack, s->why, s->room);

	s->outside = p ? fork_child() : -ESRCH;
	if (s->outside == 0) {
		int rc = stack_network_enter(p);

		if (rc < 0)
			s->run->stop = netbench_fail(s->run, "cannot enter the network: %s", strerror(-rc));
		outside_main(s, name);
	}
	s->count = name;
	return s->outside < 0 ? stack_fail(s->why, s->room, -EAGAIN, "cannot fork") : 0;
}

static int start_sluice(struct session *s)
{
	int rc = need_vif(s);

	if (rc < 0)
		return rc;
	s->endpoint = spawn_guest(s, stack_guest_domid(s->b->stack), 0, s->fd);
	if (s->endpoint < 0)
		return stack_fail(s->why, s->room, s->endpoint, "cannot start the endpoint");
	rc = await_ready(s, s->run, &s->endpoint);
	return rc < 0 ? rc : start_outside(s, TAP_NAME);
}

/* The receiver first: its address is where frames are sent to. */
static int start_pair(struct session *s)
{
	int rc = need_pair(s);

	if (rc < 0)
		return rc;
	s->other = new_run(s, NETBENCH_RX, &s->other_fd);
	if (!s->other)
		return stack_fail(s->why, s->room, -ENOMEM, "out of memory");
	s->second = spawn_guest(s, s->b->second, 0, s->other_fd);
	rc = s->second < 0 ? s->second : await_ready(s, s->other, &s->second);
	if (rc < 0)
		return rc;
	memcpy(s->run->to, s->other->mac, sizeof(s->run->to));
	s->endpoint = spawn_guest(s, stack_guest_domid(s->b->stack), 1, s->fd);
	return s->endpoint < 0 ? s->endpoint : await_ready(s, s->run, &s->endpoint);
}

/* --- without domains ---------------------------------------------------------------------- */

static int plain_tap(struct session *s)
{
	int fds[NETBENCH_QUEUES_MAX];
	int rc = netbench_open_tap(TAP_NAME, s->load->queues, fds);

	if (rc == 0 && s->load->dir & NETBENCH_RX)
		rc = netbench_start_sources(s->run, TAP_NAME);
	if (rc < 0)
		return netbench_fail(s->run, "a TAP: %s", strerror(-rc));
	return netbench_tap_endpoint(s->run, fds);
}

static int plain_veth(struct session *s)
{
	int rc = netbench_make_veth("bench1", TAP_NAME);

	if (rc == 0 && s->load->dir & NETBENCH_RX)
		rc = netbench_start_sources(s->run, TAP_NAME);
	if (rc < 0)
		return netbench_fail(s->run, "a veth pair: %s", strerror(-rc));
	return netbench_packet_endpoint(s->run, "bench1");
}

/* Endpoint and outside in one process with a network of its own. */
static int start_plain(struct session *s, int (*fn)(struct session *s))
{
	s->endpoint = fork_child();
	if (s->endpoint == 0) {
		int rc = netbench_namespace();

		if (rc < 0)
			_exit(netbench_fail(s->run, "cannot make a network namespace: %s", strerror(-rc)));
		_exit(fn(s));
	}
	if (s->endpoint < 0)
		return stack_fail(s->why, s->room, -errno, "cannot fork: %m");
	s->count = TAP_NAME;
	return await_ready(s, s->run, &s->endpoint);
}

/* --- sampling ------------------------------------------------------------------------------ */

struct snapshot {
	double seconds, cpu;
	uint64_t packets, bytes;
};

/* CPU seconds of the machine so far, all but idle time. */
static double machine_cpu(void)
{
	unsigned long long v[8] = { 0 };
	FILE *f = fopen("/proc/stat", "re");

	if (!f)
		return 0;
	if (fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3], &v[4],
			&v[5], &v[6], &v[7]) < 8)
		v[0] = 0;
	fclose(f);
	return (double)(v[0] + v[1] + v[2] + v[5] + v[6]) / (double)sysconf(_SC_CLK_TCK);
}

static int take_snapshot(struct session *s, struct snapshot *shot)
{
	const struct netbench_run *receiver = s->other ? s->other : s->run;
	struct timespec ts;
	int rc = 0;

	*shot = (struct snapshot){ .cpu = machine_cpu() };
	if (s->load->dir & NETBENCH_TX)
		rc = netbench_read_counters(s->outside ? s->outside : s->endpoint, s->count, &shot->packets,
			&shot->bytes);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	for (unsigned i = 0; receiver->dir & NETBENCH_RX && i < s->load->queues; i++) {
		shot->packets += receiver->rx[i].packets;
		shot->bytes += receiver->rx[i].bytes;
	}
	shot->seconds = ts.tv_sec + ts.tv_nsec / 1e9;
	return rc < 0 ? stack_fail(s->why, s->room, rc, "cannot read the counters of %s: %s", s->count,
		strerror(-rc)) : 0;
}

/* Sleep; parts that say something, or end, are seen to. */
static int pause_for(struct session *s, uint64_t us)
{
	uint64_t end = stack_now_ms() + us / 1000;

	while (stack_now_ms() < end) {
		uint64_t left = end - stack_now_ms();

		if (interrupted(s))
			return -EINTR;
		if (s->run->failed || (s->other && s->other->failed))
			return stack_fail(s->why, s->room, -EIO, "%s", s->run->failed ? s->run->why : s->other->why);
		if (s->run->stop || (s->other && s->other->stop))
			return stack_fail(s->why, s->room, -EIO, "the endpoint ended early");
		stack_sleep_ms(left < 100 ? left : 100);
	}
	return 0;
}

static int measure(struct session *s, struct netbench_sample *sample)
{
	struct snapshot from, to;
	double seconds;
	int rc = pause_for(s, s->b->options->ramp_us);

	if (rc == 0)
		rc = take_snapshot(s, &from);
	if (rc == 0)
		rc = pause_for(s, s->b->options->runtime_us);
	if (rc == 0)
		rc = take_snapshot(s, &to);
	if (rc < 0)
		return rc;
	seconds = to.seconds - from.seconds;
	sample->packets = (double)(to.packets - from.packets) / seconds;
	sample->bits = (double)(to.bytes - from.bytes) * 8 / seconds;
	sample->cpu = (to.cpu - from.cpu) / seconds;
	return sample->packets > 0 ? 0 : stack_fail(s->why, s->room, -EIO, "no packet came through");
}

static int start(struct session *s, enum netbench_peer peer)
{
	if (peer == NETBENCH_SLUICE)
		return s->load->dir & NETBENCH_PAIR ? start_pair(s) : start_sluice(s);
	return start_plain(s, peer == NETBENCH_TAP ? plain_tap : plain_veth);
}

int netbench_run_peer(struct netbench *b, enum netbench_peer peer, const struct netbench_load *load,
	struct netbench_sample *sample, char *why, size_t room)
{
	struct session s = { .b = b, .load = load, .fd = -1, .other_fd = -1, .why = why, .room = room };
	bool guest = peer == NETBENCH_SLUICE;
	int rc = -ENOMEM;

	s.run = new_run(&s, load->dir & NETBENCH_PAIR ? NETBENCH_TX : load->dir, &s.fd);
	if (s.run)
		rc = start(&s, peer);
	else
		stack_fail(why, room, rc, "out of memory");
	if (rc == 0)
		rc = measure(&s, sample);
	if (s.run)
		s.run->stop = 1;
	if (s.other)
		s.other->stop = 1;
	end_process(&s, &s.endpoint, guest);
	end_process(&s, &s.second, guest);
	end_process(&s, &s.outside, false);
	drop_run(s.run, s.fd);
	drop_run(s.other, s.other_fd);
	return interrupted(&s) ? -EINTR : rc;
}

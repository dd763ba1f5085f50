// SPDX-License-Identifier: MIT
#include "config.h"
#include "drivers-domain/gate-keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fdpass.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/paths.h"
#include "drivers-domain/daemon.h"
#include "drivers-domain/gate-control.h"
#include "drivers-domain/launch.h"
#include "drivers-domain/store-fd.h"

#define KEEPER_SOCKET "store-gate.sock"
/* Of one device; removed as soon as it has a descriptor. */
#define KEEPER_DEVICE "store-gate.new"
#define KEEPER_RETRY_MS 100u
/* How long a gate may take to say that it is there. */
#define KEEPER_HELLO_MS 10000u

/* struct keeper_gone - a device that the gate is still to be told is gone. */
struct keeper_gone {
	TAILQ_ENTRY(keeper_gone) link;
	struct leaf_name name;
};
TAILQ_HEAD(keeper_gones, keeper_gone);

struct keeper {
	struct daemon *daemon;
	char *program;
	uint32_t own;
	int fd;              /* to the gate; -1: there is none */
	bool met;            /* it has answered */
	bool wants_store;
	struct loop_source *source, *timer, *store_timer, *gone_timer;
	struct keeper_gones gone;
	struct backoff backoff;
	uint64_t since_ms;
};

static struct log_limit keeper_limit = { .burst = 5, .interval_ms = 60000 };

static void keeper_try(void *opaque);

/* --- sockets in the run directory ------------------------------------------------------------ */

/* By its descriptor: the path itself may be too long for an address. */
static void keeper_address(const struct keeper *k, const char *name, struct sockaddr_un *sa)
{
	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(sa->sun_path, sizeof(sa->sun_path), "/proc/self/fd/%d/%s", k->daemon->files.run_fd, name);
}

/* A listening socket at a new name there. Descriptor or -errno. */
static int keeper_listen(const struct keeper *k, const char *name, int type)
{
	int run_fd = k->daemon->files.run_fd;
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sa;
	mode_t old;
	int rc;

	if (fd < 0)
		return -errno;
	keeper_address(k, name, &sa);
	(void)unlinkat(run_fd, name, 0);
	old = umask(0177);
	rc = bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 8) < 0 ? -errno : 0;
	umask(old);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

static int keeper_connect(const struct keeper *k)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sa;
	int rc;

	if (fd < 0)
		return -errno;
	keeper_address(k, KEEPER_SOCKET, &sa);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

/* --- what is said ----------------------------------------------------------------------------- */

static int keeper_say(const struct keeper *k, struct gate_control *message, int fd)
{
	if (k->fd < 0)
		return -EAGAIN;
	message->version = GATE_VERSION;
	return fd_send_now(k->fd, message, sizeof(*message), &fd, fd >= 0 ? 1 : 0);
}

static void keeper_give_store(void *opaque)
{
	struct gate_control message = { .what = GATE_STORE };
	struct keeper *k = opaque;
	CLEANUP_CLOSE int fd = -1;

	k->store_timer = NULL;
	if (!k->wants_store || k->fd < 0)
		return;
	fd = store_fd_open();
	if (fd >= 0 && keeper_say(k, &message, fd) == 0) {
		k->wants_store = false;
		return;
	}
	k->store_timer = loop_add_timer(k->daemon->loop, KEEPER_RETRY_MS, keeper_give_store, k);
	if (!k->store_timer)
		daemon_fail(k->daemon, "cannot set a timer", -errno);
}

static void keeper_forget_gone(struct keeper *k, const struct leaf_name *name)
{
	struct keeper_gone *g, *next;

	for (g = TAILQ_FIRST(&k->gone); g; g = next) {
		next = TAILQ_NEXT(g, link);
		if (name && memcmp(&g->name, name, sizeof(*name)) != 0)
			continue;
		TAILQ_REMOVE(&k->gone, g, link);
		free(g);
	}
}

/* As far as the gate takes it now; the rest is for later. */
static void keeper_say_gone(void *opaque)
{
	struct keeper *k = opaque;
	struct keeper_gone *g;

	k->gone_timer = NULL;
	while ((g = TAILQ_FIRST(&k->gone))) {
		struct gate_control message = { .what = GATE_REMOVE, .name = g->name };

		if (keeper_say(k, &message, -1) < 0)
			break;
		TAILQ_REMOVE(&k->gone, g, link);
		free(g);
	}
	if (!g)
		return;
	k->gone_timer = loop_add_timer(k->daemon->loop, KEEPER_RETRY_MS, keeper_say_gone, k);
	if (!k->gone_timer)
		daemon_fail(k->daemon, "cannot set a timer", -errno);
}

/* --- a gate comes and goes ---------------------------------------------------------------------- */

static void keeper_later(struct keeper *k, unsigned delay_ms)
{
	loop_remove(k->timer);
	k->timer = loop_add_timer(k->daemon->loop, delay_ms, keeper_try, k);
	if (!k->timer)
		daemon_fail(k->daemon, "cannot set a timer", -errno);
}

static void keeper_disconnect(struct keeper *k)
{
	loop_remove(k->source);
	k->source = NULL;
	cleanup_close(&k->fd);
	k->fd = -1;
	k->met = k->wants_store = false;
	/* Another one knows no devices. */
	loop_remove(k->gone_timer);
	k->gone_timer = NULL;
	keeper_forget_gone(k, NULL);
}

static void keeper_lost(struct keeper *k)
{
	uint64_t ran = daemon_now_ms() - k->since_ms;
	unsigned delay = backoff_next(&k->backoff, k->met ? ran : 0);

	keeper_disconnect(k);
	if (log_limit_ok(&keeper_limit))
		log_err("the store gate ended, and backends' connections to the store with it;"
			" another is started in %u.%u s", delay / 1000, delay % 1000 / 100);
	keeper_later(k, delay);
}

/* For --audit, behind its id. */
static void keeper_note(const struct keeper *k, const char *text)
{
	CLEANUP_CLOSE int fd = openat(k->daemon->files.run_fd, KEEPER_LOCK,
		O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		dprintf(fd, "CONFINED=%.*s\n", (int)strcspn(text, "\n"), text);
}

static void keeper_hello(struct keeper *k, struct gate_control *message)
{
	struct gate_control end = { .what = GATE_END };

	message->text[sizeof(message->text) - 1] = '\0';
	if (message->version == GATE_VERSION) {
		k->met = true;
		loop_remove(k->timer);
		k->timer = NULL;
		keeper_note(k, message->text);
		log_info("the store gate is ready");
		return;
	}
	log_warn("the store gate is of another version and replaced");
	(void)!keeper_say(k, &end, -1); /* if it does not listen, it is hung, and named then */
}

static void keeper_ready(void *opaque, uint32_t events)
{
	struct gate_control message = { .what = 0 };
	struct keeper *k = opaque;
	unsigned none = 0;
	ssize_t n = fd_recv_now(k->fd, &message, sizeof(message), NULL, &none);

	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		keeper_lost(k);
	} else if (message.what == GATE_HELLO) {
		keeper_hello(k, &message);
	} else if (message.what == GATE_WANT_STORE && !k->wants_store) {
		k->wants_store = true;
		daemon_check_store(k->daemon);
		keeper_give_store(k);
	}
}

/* 0, or -errno: -EBUSY a gate has it. The lock is inherited by the gate. */
static int keeper_lock(const struct keeper *k)
{
	int fd = openat(k->daemon->files.run_fd, KEEPER_LOCK,
		O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	int rc;

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
	close(fd);
	return rc;
}

static int keeper_spawn(struct keeper *k, int lock_fd)
{
	CLEANUP_CLOSE int listen_fd = keeper_listen(k, KEEPER_SOCKET, SOCK_SEQPACKET);
	CLEANUP_CLOSE int ready_fd = -1; /* it says so where it is asked */
	CLEANUP_CLOSE int pid_fd = openat(k->daemon->files.run_fd, KEEPER_LOCK,
		O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct launch l = {
		.program = k->program,
		.program_fd = -1,
		.argument = KEEPER_ARGUMENT,
		.lock_fd = lock_fd,
		.pid_fd = pid_fd,
		.metrics_fd = -1,
		.hypervisor_fd = -1,
		.store_fd = listen_fd,
		.die_with_us = k->daemon->options.kill_backends,
		.cgroup = &k->daemon->cgroup,
		.label = "store-gate",
	};
	pid_t pid = listen_fd < 0 ? listen_fd : launch_spawn(&l, &ready_fd);

	if (pid > 0)
		log_info("started the store gate %d", pid);
	return pid < 0 ? pid : 0;
}

static int keeper_meet(struct keeper *k)
{
	struct gate_control hello = { .what = GATE_HELLO, .own = k->own,
		.store_ms = k->daemon->options.store_ms };
	int rc;

	k->fd = keeper_connect(k);
	if (k->fd < 0)
		return k->fd;
	rc = keeper_say(k, &hello, -1);
	if (rc == 0) {
		k->source = loop_add_fd(k->daemon->loop, k->fd, EPOLLIN, keeper_ready, k);
		rc = k->source ? 0 : -errno;
	}
	if (rc < 0)
		keeper_disconnect(k);
	return rc;
}

/* Adopts the gate that there is, or starts one. */
static void keeper_try(void *opaque)
{
	struct keeper *k = opaque;
	int lock_fd, rc;

	k->timer = NULL;
	if (k->fd >= 0) {
		log_err("the store gate does not answer; end it, and another is started");
		return;
	}
	lock_fd = keeper_lock(k);
	rc = lock_fd == -EBUSY ? 0 : lock_fd;
	if (lock_fd >= 0)
		rc = keeper_spawn(k, lock_fd);
	cleanup_close(&lock_fd);
	k->since_ms = daemon_now_ms();
	if (rc < 0 && log_limit_ok(&keeper_limit))
		log_err("cannot start %s: %s", k->program, strerror(-rc));
	if (rc == 0)
		rc = keeper_meet(k);
	/* One that is just dying holds the lock and does not listen any more. */
	keeper_later(k, rc < 0 ? backoff_next(&k->backoff, 0) : KEEPER_HELLO_MS);
}

struct keeper *keeper_new(struct daemon *d, uint32_t own)
{
	struct keeper *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	*k = (struct keeper){ .daemon = d, .own = own, .fd = -1 };
	TAILQ_INIT(&k->gone);
	k->program = path_program("drivers-domain", "sluice-store-gate");
	if (!k->program) {
		log_err("sluice-store-gate is not installed, which keeps backends to their devices in"
			" the store; --store-gate=no does without");
		free(k);
		return NULL;
	}
	keeper_try(k);
	return k;
}

void keeper_free(struct keeper *k)
{
	struct gate_control end = { .what = GATE_END };

	if (!k)
		return;
	if (k->daemon->stopping && k->daemon->count == 0)
		(void)!keeper_say(k, &end, -1); /* else it ends by itself, later */
	keeper_disconnect(k);
	free(k->program);
	free(k);
}

/* --- devices ---------------------------------------------------------------------------------- */

/* A socket without a name: who has the descriptor connects. */
static int keeper_socket(const struct keeper *k, int *listen_fd)
{
	int run_fd = k->daemon->files.run_fd, fd;

	*listen_fd = keeper_listen(k, KEEPER_DEVICE, SOCK_STREAM);
	if (*listen_fd < 0)
		return *listen_fd;
	fd = openat(run_fd, KEEPER_DEVICE, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	(void)unlinkat(run_fd, KEEPER_DEVICE, 0);
	return fd;
}

int keeper_add(struct keeper *k, const struct leaf_name *name, const char *frontend, int *listen_fd)
{
	struct gate_rules rules;
	int rc = gate_rules_init(&rules, k->own, name, frontend);

	*listen_fd = -1;
	if (rc < 0)
		return rc;
	return k->fd < 0 ? -EAGAIN : keeper_socket(k, listen_fd);
}

int keeper_admit(struct keeper *k, const struct leaf_name *name, const char *frontend, int listen_fd)
{
	struct gate_control message = { .what = GATE_ADD, .name = *name };
	struct gate_rules rules;
	int rc = gate_rules_init(&rules, k->own, name, frontend);

	if (rc < 0)
		return rc;
	memcpy(message.text, rules.frontend, sizeof(message.text));
	keeper_forget_gone(k, name); /* it takes the place of that one */
	return keeper_say(k, &message, listen_fd) == 0 ? 0 : -EAGAIN;
}

void keeper_remove(struct keeper *k, const struct leaf_name *name)
{
	struct keeper_gone *g;

	if (!k || k->fd < 0)
		return;
	g = calloc(1, sizeof(*g));
	if (!g) {
		daemon_fail(k->daemon, "cannot remember a device", -ENOMEM);
		return;
	}
	g->name = *name;
	TAILQ_INSERT_TAIL(&k->gone, g, link);
	/* In the order in which they went. */
	if (!k->gone_timer)
		keeper_say_gone(k);
}

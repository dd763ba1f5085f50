// SPDX-License-Identifier: MIT
/* The command lines of those who are compared. */
#include "config.h"
#include "tools/compare.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGS_MAX 40u
/* What a run may take beyond its runtime. */
#define RUN_GRACE_MS 60000u

/* A command line that is built up. */
struct args {
	char *argv[ARGS_MAX + 1];
	unsigned count;
	bool failed;
};

static void add(struct args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct args *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (a->count == ARGS_MAX || vasprintf(&a->argv[a->count], fmt, ap) < 0) {
		a->failed = true;
	} else {
		a->argv[++a->count] = NULL;
	}
	va_end(ap);
}

static void args_free(struct args *a)
{
	for (unsigned i = 0; i < a->count; i++)
		free(a->argv[i]);
}

/* --- who there is ------------------------------------------------------ */

bool peer_runs(const struct compare_env *env, enum compare_peer peer, const struct workload *w)
{
	if (!compare_target_peers(&env->target, peer))
		return false;
	return peer != PEER_FIO_PSYNC || (w->iodepth == 1 && w->numjobs == 1);
}

static bool has_program(const char *name, const char *package, char *why, size_t room)
{
	char path[PATH_MAX];

	if (find_in_path(name, path, sizeof(path)))
		return true;
	snprintf(why, room, "%s is not installed (Debian: apt install %s)", name, package);
	return false;
}

/* Not every build of fio has them. */
static bool fio_has(const char *engine, char *why, size_t room)
{
	char option[32];
	char *argv[] = { (char *)"fio", option, NULL };
	const volatile sig_atomic_t no = 0;
	struct child c;
	double cpu;

	snprintf(option, sizeof(option), "--enghelp=%s", engine);
	if (child_start(&c, argv) == 0 && child_finish(&c, 10000, &no, &cpu, why, room) == 0)
		return true;
	snprintf(why, room, "this fio has no %s engine", engine);
	return false;
}

bool peer_available(enum compare_peer peer, char *why, size_t room)
{
	switch (peer) {
	case PEER_SLUICE:
		return true;
	case PEER_FIO:
	case PEER_FIO_PSYNC:
		return has_program("fio", "fio", why, room);
	case PEER_NBD:
		return has_program("qemu-nbd", "qemu-utils", why, room) &&
			has_program("fio", "fio", why, room) && fio_has("nbd", why, room);
	case PEER_FIO_NBD:
		return has_program("fio", "fio", why, room) && fio_has("nbd", why, room);
	case PEER_FIO_GFAPI:
		return has_program("fio", "fio", why, room) && fio_has("gfapi_async", why, room);
	default:
		return has_program("qemu-storage-daemon", "qemu-system-common", why, room);
	}
}

/* --- loads ------------------------------------------------------------- */

/* fio and our own command take the same words. */
static void add_load(struct args *a, const struct compare_env *env, const struct workload *w)
{
	add(a, "--rw=%s", w->rw);
	add(a, "--bs=%s", w->bs);
	add(a, "--iodepth=%u", w->iodepth);
	add(a, "--numjobs=%u", w->numjobs);
	add(a, "--runtime=%lluus", (unsigned long long)env->options->runtime_us);
	add(a, "--output=%s/result", env->dir);
}

static void add_fio(struct args *a, const struct compare_env *env, const struct workload *w,
	const char *engine)
{
	add(a, "fio");
	add(a, "--name=compare");
	add(a, "--ioengine=%s", engine);
	add_load(a, env, w);
	add(a, "--output-format=json");
	add(a, "--group_reporting");
	add(a, "--thread");
	add(a, "--time_based");
	add(a, "--norandommap");
	add(a, "--randrepeat=0");
	add(a, "--invalidate=0");
	add(a, "--iomem_align=4096");
	add(a, "--size=%llu", (unsigned long long)env->size);
	/* Belt and braces: fio would make a file anew that it finds too small. */
	add(a, "--allow_file_create=0");
	if (!w->writes)
		add(a, "--readonly");
}

static void add_file(struct args *a, const struct compare_env *env)
{
	const struct compare_target *t = &env->target;

	/* A colon separates names in fio's list. */
	add(a, "--direct=%d", env->options->direct);
	add(a, "--filename=%s", t->path);
	if (t->kind == COMPARE_PARTITION)
		add(a, "--offset=%llu", (unsigned long long)t->offset);
}

static void add_gfapi(struct args *a, const struct compare_env *env)
{
	add(a, "--volume=%s", env->target.name);
	add(a, "--brick=%s", env->target.host);
	/* In the volume, which has its own root. */
	add(a, "--filename=%s", env->target.path);
}

static void sluice_load(struct args *a, const struct compare_env *env, const struct workload *w)
{
	add(a, "%s", env->self);
	add(a, "blk");
	add_load(a, env, w);
	add(a, "--direct=%d", env->options->direct);
	add(a, "--filename=%s", env->options->filename);
	if (env->target.kind != COMPARE_FILE)
		add(a, "--size=%llu", (unsigned long long)env->size);
	add(a, "--output-format=json");
	add(a, "--group_reporting");
	add(a, "--eta=never");
}

static void load_of(struct args *a, const struct compare_env *env, enum compare_peer peer,
	const struct workload *w)
{
	switch (peer) {
	case PEER_SLUICE:
		sluice_load(a, env, w);
		return;
	case PEER_FIO:
	case PEER_FIO_PSYNC:
		add_fio(a, env, w, peer == PEER_FIO ? "io_uring" : "psync");
		add_file(a, env);
		return;
	case PEER_NBD:
		add_fio(a, env, w, "nbd");
		add(a, "--uri=nbd+unix:///?socket=%s/socket", env->dir);
		return;
	case PEER_FIO_NBD:
		add_fio(a, env, w, "nbd");
		add(a, "--uri=%s", env->options->filename);
		return;
	case PEER_FIO_GFAPI:
		add_fio(a, env, w, "gfapi_async");
		add_gfapi(a, env);
		return;
	default:
		add(a, "%s", env->self);
		add(a, "vhost-user");
		add_load(a, env, w);
		add(a, "--socket=%s/socket", env->dir);
		if (peer == PEER_VHOST_URING_POLL || peer == PEER_VHOST_THREADS_POLL ||
			peer == PEER_QEMU_POLL)
			add(a, "--poll");
	}
}

/* --- servers ----------------------------------------------------------- */

/* QEMU's options are lists with commas: one in a name is written twice. */
static void double_commas(const char *from, char *to, size_t room)
{
	for (; *from && room > 2; from++) {
		if (*from == ',') {
			*to++ = ',';
			room--;
		}
		*to++ = *from;
		room--;
	}
	*to = '\0';
}

static void file_blockdev(struct args *a, const struct compare_env *env, enum compare_peer peer,
	const struct workload *w)
{
	bool uring = peer == PEER_VHOST_URING_POLL || peer == PEER_VHOST_URING_WAIT;
	bool device = strncmp(env->options->filename, "/dev/", 5) == 0 &&
		strncmp(env->options->filename, "/dev/shm/", 9) != 0;
	char name[PATH_MAX * 2];

	double_commas(env->options->filename, name, sizeof(name));
	add(a, "driver=%s,node-name=d0,filename=%s,aio=%s,cache.direct=%s,read-only=%s",
		device ? "host_device" : "file", name, uring ? "io_uring" : "threads",
		env->options->direct ? "on" : "off", w->writes ? "off" : "on");
}

static void remote_blockdev(struct args *a, const struct compare_env *env, const struct workload *w)
{
	char text[PATH_MAX * 2];

	if (!compare_target_blockdev(&env->target, text, sizeof(text)))
		a->failed = true;
	add(a, "%s,node-name=d0,read-only=%s", text, w->writes ? "off" : "on");
}

static void vhost_server(struct args *a, const struct compare_env *env, enum compare_peer peer,
	const struct workload *w)
{
	char socket[PATH_MAX * 2];

	double_commas(env->dir, socket, sizeof(socket));
	add(a, "qemu-storage-daemon");
	add(a, "--blockdev");
	if (peer == PEER_QEMU_POLL || peer == PEER_QEMU_WAIT)
		remote_blockdev(a, env, w);
	else
		file_blockdev(a, env, peer, w);
	add(a, "--object");
	add(a, "iothread,id=io0");
	add(a, "--export");
	add(a, "type=vhost-user-blk,id=e0,node-name=d0,addr.type=unix,addr.path=%s/socket,"
		"writable=%s,num-queues=%u,iothread=io0", socket, w->writes ? "on" : "off", w->numjobs);
}

static void nbd_server(struct args *a, const struct compare_env *env, const struct workload *w)
{
	add(a, "qemu-nbd");
	add(a, "-t");
	add(a, "-e");
	add(a, "8");
	add(a, "-f");
	add(a, "raw");
	add(a, "--aio=io_uring");
	add(a, "--cache=%s", env->options->direct ? "none" : "writeback");
	if (!w->writes)
		add(a, "-r");
	add(a, "-k");
	add(a, "%s/socket", env->dir);
	add(a, "%s", env->options->filename);
}

static int start_server(const struct compare_env *env, enum compare_peer peer, const struct workload *w,
	struct child *server, char *why, size_t room)
{
	struct args a = { .count = 0 };
	char socket[PATH_MAX + 16];
	int error;

	if (compare_peer_is_vhost(peer))
		vhost_server(&a, env, peer, w);
	else if (peer == PEER_NBD)
		nbd_server(&a, env, w);
	if (!a.count)
		return 0;
	snprintf(socket, sizeof(socket), "%s/socket", env->dir);
	unlink(socket);
	error = a.failed ? -ENOMEM : child_start(server, a.argv);
	args_free(&a);
	if (error == 0)
		return child_await_socket(server, socket, env->stop, why, room);
	snprintf(why, room, "cannot start its server: %s", strerror(-error));
	return error;
}

/* --- a run ------------------------------------------------------------- */

/* With the server, if there is one, running. */
static int run_load(const struct compare_env *env, enum compare_peer peer, const struct workload *w,
	double *cpu, char *why, size_t room)
{
	unsigned ms = env->options->runtime_us / 1000 + RUN_GRACE_MS;
	struct args a = { .count = 0 };
	struct child load;
	int error;

	load_of(&a, env, peer, w);
	error = a.failed ? -ENOMEM : child_start(&load, a.argv);
	args_free(&a);
	if (error == 0)
		return child_finish(&load, ms, env->stop, cpu, why, room);
	snprintf(why, room, "cannot start its load: %s", strerror(-error));
	return error;
}

int peer_run(const struct compare_env *env, enum compare_peer peer, const struct workload *w,
	struct compare_sample *sample, char *why, size_t room)
{
	struct child server = { .pid = 0, .log = -1 };
	double load_cpu = 0, server_cpu, own_cpu = -1;
	char result[PATH_MAX + 16];
	int error;

	snprintf(result, sizeof(result), "%s/result", env->dir);
	unlink(result);
	error = start_server(env, peer, w, &server, why, room);
	server_cpu = -child_cpu(&server);
	if (error == 0)
		error = run_load(env, peer, w, &load_cpu, why, room);
	server_cpu += child_cpu(&server);
	child_kill(&server);
	if (error == 0)
		error = compare_read_json(result, sample, &own_cpu, why, room);
	if (error < 0)
		return error;
	/* Ours counts all of its parts itself, and only while it measured. */
	if (own_cpu >= 0)
		sample->cpu = own_cpu;
	else
		sample->cpu = (load_cpu + server_cpu) /
			(sample->iops * (double)env->options->runtime_us / 1e12);
	return 0;
}

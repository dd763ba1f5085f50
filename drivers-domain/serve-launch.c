// SPDX-License-Identifier: MIT
/* What a backend is started with: its connections, files and rights. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/storage-name.h"
#include "drivers-domain/daemon.h"
#include "drivers-domain/gate-keeper.h"
#include "drivers-domain/launch.h"
#include "drivers-domain/leaf.h"
#include "drivers-domain/restrict.h"
#include "xenstore/xsnode.h"

/* Long enough for dom0 to be told of a state and to read it, a hundredth of what it waits. */
#define SERVE_INITWAIT_MS 1000u

static struct log_limit serve_limit = { .burst = 20, .interval_ms = 10000 };

/* Where its backend finds its device, and nothing else, of the store. Descriptor or -errno. */
static int serve_store(struct served *s, const char *frontend, int *listen_fd)
{
	int fd = frontend ? keeper_add(s->daemon->keeper, &s->name, frontend, listen_fd) : -errno;

	if (fd == -EINVAL && log_limit_ok(&serve_limit))
		log_err("%s: the toolstack's node frontend is no directory of domain %u", s->label,
			s->name.frontend);
	return fd;
}

/*
 * To move a process into a group may take the kernel a while. It begins meanwhile, as far as it
 * comes without the store's answer: it knows nothing of its device yet.
 */
static void serve_admit(struct served *s, pid_t pid, const char *frontend, int listen_fd)
{
	cgroup_enter(&s->daemon->cgroup, s->label, pid);
	/* Without the gate it waits for an answer that does not come. */
	if (keeper_admit(s->daemon->keeper, &s->name, frontend, listen_fd) < 0)
		(void)kill(-pid, SIGKILL);
}

/* LVM's commands are for root, and where the device is only they know. */
static bool serve_needs_rights(const struct served *s)
{
	CLEANUP_FREE char *params = NULL;

	if (launch_kind_find(s->name.kind)->makes_interfaces)
		return true;
	params = xsn_read(s->daemon->xs, XBT_NULL, s->leaf, "params");
	/* Of a qdisk libxl names the format before it. */
	return params && storage_name_is_lvm(storage_name_plain(params));
}

/* Starts the backend with what is its own. Return: its id or -errno. */
pid_t serve_launch(struct served *s, const char *program, int program_fd, int lock_fd)
{
	struct daemon *d = s->daemon;
	CLEANUP_FREE char *journal = files_journal(&d->files, &s->name);
	CLEANUP_CLOSE int hypervisor_fd = -1;
	CLEANUP_CLOSE int store_fd = -1;
	CLEANUP_CLOSE int listen_fd = -1;
	CLEANUP_FREE char *frontend = NULL;
	CLEANUP_FREE char *format = format_socket(s);
	pid_t pid;
	CLEANUP_CLOSE int pid_fd = files_pid(&d->files, &s->name);
	CLEANUP_CLOSE int metrics_fd = files_metrics(&d->files, &s->name);
	struct launch l = {
		.program = program,
		.program_fd = program_fd,
		.leaf = s->leaf,
		.journal = journal,
		.lock_fd = lock_fd,
		.pid_fd = pid_fd,
		.cgroup = &d->cgroup,
		.label = s->label,
		.metrics_fd = metrics_fd,
		.die_with_us = d->options.kill_backends,
		.keep_user = serve_needs_rights(s),
	};

	if (!journal)
		return -errno;
	hypervisor_fd = restrict_connection(s->name.frontend);
	if (hypervisor_fd < 0 && hypervisor_fd != -ENOTSUP) {
		log_err("%s: no connection to the hypervisor for its backend: %s", s->label,
			strerror(-hypervisor_fd));
		return hypervisor_fd;
	}
	l.hypervisor_fd = hypervisor_fd;
	/* Without a connection of ours it may be Xen, and the toolstack libxl. */
	l.dwell_ms = d->options.initwait_ms >= 0 ? (unsigned)d->options.initwait_ms :
		     hypervisor_fd < 0 ? SERVE_INITWAIT_MS : 0;
	s->machine.patient = hypervisor_fd >= 0;
	if (d->keeper) {
		frontend = xsn_read(d->xs, XBT_NULL, s->leaf, "frontend");
		store_fd = serve_store(s, frontend, &listen_fd);
		if (store_fd < 0)
			return store_fd;
		l.cgroup = NULL; /* serve_admit() */
	}
	l.store_fd = store_fd;
	l.format_socket = format;
	/* Before the start: what the toolstack changes from now on counts as a change. */
	s->print = leaf_fingerprint(d->xs, s->leaf);
	s->failed_seen = false;
	pid = launch_spawn(&l, &s->ready_fd);
	if (d->keeper && pid > 0)
		serve_admit(s, pid, frontend, listen_fd);
	return pid;
}

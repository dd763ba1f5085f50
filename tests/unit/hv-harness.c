// SPDX-License-Identifier: MIT
#include "config.h"
#include "hv-harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/paths.h"

#define HANG_S 300

void hv_dropin(char **argv)
{
	char *libs;

	log_init("hv-harness");
	if (getenv("HV_HARNESS_DROPIN"))
		return;
	libs = path_dropin_libs();
	if (!libs)
		die("our libxenevtchn.so.1 is not built");
	setenv("LD_LIBRARY_PATH", libs, 1);
	setenv("HV_HARNESS_DROPIN", "1", 1);
	execv("/proc/self/exe", argv);
	die("cannot start again: %s", strerror(errno));
}

const char *hv_socket(const struct hv_world *w, uint32_t domid)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%u", w->dir, domid);
	return path;
}

void hv_enter(const struct hv_world *w, uint32_t domid)
{
	setenv("SLUICE_HYPERVISOR", hv_socket(w, domid), 1);
}

int hv_domain_add(struct hv_world *w, const struct hvctl_domain_config *config,
	const char *name, uint32_t *domid)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%s", w->dir, name);
	unlink(sa.sun_path);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 64) < 0)
		return -errno;
	return hvctl_domain_create(w->ctl, config, fd, domid);
}

static void world_exec(int control, bool traced)
{
	char *path = path_program("hypervisor", "sluice-hypervisor");
	char arg[32];

	if (!path)
		die("sluice-hypervisor is not built");
	snprintf(arg, sizeof(arg), "--control-fd=%d", control);
	fcntl(control, F_SETFD, 0);
	/* One that hangs must not outlive its test. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (traced && ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(77);
	execl(path, path, arg, NULL);
	die("cannot start %s: %s", path, strerror(errno));
}

/* Lets the program begin that stopped at its exec. */
static void world_trace(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
		ptrace(PTRACE_SETOPTIONS, pid, NULL,
			PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD) < 0 ||
		ptrace(PTRACE_CONT, pid, NULL, NULL) < 0) {
		puts("1..0 # SKIP ptrace is not allowed here");
		exit(77);
	}
}

void hv_world_start(struct hv_world *w)
{
	int pair[2];

	/* What blocks is a failure, not a test that never ends. */
	alarm(HANG_S);
	strcpy(w->dir, "/tmp/sluice-hv-XXXXXX");
	if (!mkdtemp(w->dir) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		die("cannot set up: %s", strerror(errno));
	w->pid = fork();
	if (w->pid == 0)
		world_exec(pair[1], w->traced);
	close(pair[1]);
	if (w->traced)
		world_trace(w->pid);
	w->ctl = hvctl_fdopen(pair[0]);
	for (uint32_t i = 0; i < HV_DOMAINS; i++) {
		struct hvctl_domain_config config = { .domid = i };
		char name[8];
		int rc;

		snprintf(config.name, sizeof(config.name), "test-%u", i);
		snprintf(name, sizeof(name), "%u", i);
		rc = hv_domain_add(w, &config, name, &w->domid[i]);
		if (rc < 0)
			die("cannot create domain %u: %s", i, strerror(-rc));
	}
}

void hv_world_stop(struct hv_world *w)
{
	char command[128];
	int status;

	hvctl_close(w->ctl);
	if (waitpid(w->pid, &status, 0) != w->pid || status != 0)
		die("the hypervisor ended with status 0x%x", status);
	snprintf(command, sizeof(command), "rm -rf %s", w->dir);
	if (system(command) != 0)
		die("cannot remove %s", w->dir);
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/process/domain-servers.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/un.h>

#include "common/servers-private.h"

/* Two per backend: its own connection and its broker's. */
#define CLIENTS_MAX 512u
#define CLIENT_STACK (256u * 1024)

static const struct servers *the_servers;
static atomic_uint clients;

/* A thread each: one whose socket is made to wait by who shares it keeps nobody else waiting. */
static void *client_run(void *opaque)
{
	int fd = (int)(intptr_t)opaque;

	broker_serve(the_servers, fd);
	close(fd);
	atomic_fetch_sub(&clients, 1);
	return NULL;
}

static void client_begin(int fd)
{
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	if (atomic_fetch_add(&clients, 1) >= CLIENTS_MAX) {
		atomic_fetch_sub(&clients, 1);
		close(fd);
		return;
	}
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, CLIENT_STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	error = pthread_create(&thread, &attr, client_run, (void *)(intptr_t)fd);
	pthread_attr_destroy(&attr);
	if (error) {
		atomic_fetch_sub(&clients, 1);
		close(fd);
	}
}

static _Noreturn void serve_domain(int listener)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		/* Out of descriptors: those that are there end before another comes. */
		if (fd < 0 && errno != ECONNABORTED && errno != EINTR)
			usleep(100000);
		else if (fd >= 0)
			client_begin(fd);
	}
}

#define LISTENER_FD (STDERR_FILENO + 1)
#define READY_FD (STDERR_FILENO + 2)
#define ABOVE_BOTH (STDERR_FILENO + 3)

/* Nothing is open but standard files, the listener, and where to say that it serves. 0 or -errno. */
static int keep_two(int listener, int ready)
{
	/* First out of each other's way. */
	listener = fcntl(listener, F_DUPFD, ABOVE_BOTH);
	ready = fcntl(ready, F_DUPFD, ABOVE_BOTH);
	if (listener < 0 || ready < 0 || dup2(listener, LISTENER_FD) < 0 || dup2(ready, READY_FD) < 0 ||
		close_range(ABOVE_BOTH, ~0u, 0) < 0)
		return -errno;
	return 0;
}

static _Noreturn void broker_child(int listener, int ready, pid_t parent)
{
	int rc;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	/* It asks nobody. */
	client_use(-1);
	rc = keep_two(listener, ready);
	if (rc == 0)
		rc = broker_confine();
	if (rc < 0 || write(READY_FD, "", 1) != 1)
		_exit(1);
	close(READY_FD);
	serve_domain(LISTENER_FD);
}

/* A socket at @path, in place of one that a predecessor left. Descriptor or -errno. */
static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, error;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static int start(int listener)
{
	pid_t pid, parent = getpid();
	int ready[2], rc;
	char byte;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		broker_child(listener, ready[1], parent);
	rc = pid < 0 ? -errno : 0;
	close(ready[1]);
	if (rc == 0 && read(ready[0], &byte, 1) != 1)
		rc = -EPIPE;
	close(ready[0]);
	return rc;
}

int domain_servers_start(const struct servers *s, const char *dir)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP_CLOSE int listener = -1;
	int rc;

	if (asprintf(&path, "%s/servers.sock", dir) < 0)
		return -ENOMEM;
	the_servers = s;
	listener = listen_at(path);
	rc = listener < 0 ? listener : start(listener);
	if (rc == 0 && setenv(SERVERS_ENVIRONMENT, path, 1) < 0)
		rc = -ENOMEM;
	return rc;
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "store-server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void server_address(struct sockaddr_un *addr, struct server *server, unsigned domid)
{
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	if (domid == 0)
		snprintf(addr->sun_path, sizeof(addr->sun_path), "%s", server->path);
	else
		snprintf(addr->sun_path, sizeof(addr->sun_path), "%s/%u/store.sock", server->dir,
			domid);
}

static _Noreturn void server_exec(struct server *server, int listen_fd, int life,
	const char *option)
{
	const char *build = getenv("SLUICE_BUILDDIR");
	char program[4096], fd_option[32], life_option[32], dir_option[96];

	snprintf(program, sizeof(program), "%s/hypervisor/store/sluice-store",
		build ? build : ".");
	snprintf(fd_option, sizeof(fd_option), "--socket-fd=%d", listen_fd);
	snprintf(life_option, sizeof(life_option), "--exit-with-fd=%d", life);
	snprintf(dir_option, sizeof(dir_option), "--domain-dir=%s", server->dir);
	execl(program, "sluice-store", fd_option, life_option, dir_option, option, NULL);
	fprintf(stderr, "%s: %s\n", program, strerror(errno));
	_exit(127);
}

static void server_run(struct server *server, const char *option)
{
	struct sockaddr_un addr;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), life[2];

	server_address(&addr, server, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 10), 0);
	assert_int_equal(pipe2(life, 0), 0);
	fcntl(life[1], F_SETFD, FD_CLOEXEC);
	server->pid = fork();
	assert_true(server->pid >= 0);
	if (server->pid == 0)
		server_exec(server, fd, life[0], option);
	close(fd);
	close(life[0]);
	server->life = life[1];
}

void server_start(struct server *server, const char *option)
{
	snprintf(server->dir, sizeof(server->dir), "/tmp/sluice-store-XXXXXX");
	assert_non_null(mkdtemp(server->dir));
	snprintf(server->path, sizeof(server->path), "%s/socket", server->dir);
	server_run(server, option);
}

void server_again(struct server *server, const char *option)
{
	assert_int_equal(kill(server->pid, SIGKILL), 0);
	assert_int_equal(server_wait(server), 128 + SIGKILL);
	close(server->life);
	unlink(server->path);
	server_run(server, option);
}

int server_wait(struct server *server)
{
	int status;

	assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void server_stop(struct server *server)
{
	close(server->life);
	assert_int_equal(server_wait(server), 0);
	unlink(server->path);
	/* Fails if the store left anything behind. */
	assert_int_equal(rmdir(server->dir), 0);
}

struct xs_handle *server_open(struct server *server, unsigned domid)
{
	struct sockaddr_un addr;
	struct xs_handle *xs;

	server_address(&addr, server, domid);
	setenv("XENSTORED_PATH", addr.sun_path, 1);
	xs = xs_open(0);
	assert_non_null(xs);
	return xs;
}

int server_connect(struct server *server, unsigned domid)
{
	struct sockaddr_un addr;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	server_address(&addr, server, domid);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

struct xs_handle *server_home(struct server *server, struct xs_handle *tool, unsigned domid)
{
	struct xs_permissions perms = { .id = domid, .perms = XS_PERM_NONE };
	char path[64], text[16];

	assert_true(xs_introduce_domain(tool, domid, 0, 0));
	snprintf(path, sizeof(path), "/local/domain/%u", domid);
	assert_true(xs_mkdir(tool, XBT_NULL, path));
	assert_true(xs_set_permissions(tool, XBT_NULL, path, &perms, 1));
	snprintf(path, sizeof(path), "/local/domain/%u/domid", domid);
	snprintf(text, sizeof(text), "%u", domid);
	assert_true(xs_write(tool, XBT_NULL, path, text, strlen(text)));
	return server_open(server, domid);
}

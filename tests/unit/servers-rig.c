// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/unit/servers-rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <stdlib.h>

#include "common/confine.h"
#include "common/fdpass.h"

#define BIND_ANY 0u

#ifdef HAVE_LIBSECCOMP
const bool way_possible = true;
#else
const bool way_possible; /* there is no way to servers then */
#endif

uint16_t way_good_port, way_bad_port;
int way_bad_fd, way_good_fd;
static pid_t server_pid;
char way_unix_good[64], way_unix_bad[64];
static char unix_dir[] = "/tmp/sluice-servers-XXXXXX";
int way_tell[2];
int way_go[2];

struct sockaddr_in way_address(uint32_t host, uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(host) };
}

static int listen_at(uint32_t host, uint16_t *port)
{
	struct sockaddr_in a = way_address(host, 0);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 128), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

int way_listen_unix(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

/* One byte to everybody who comes. */
static _Noreturn void way_serve(int fd)
{
	for (;;) {
		int one = accept(fd, NULL, NULL);

		if (one < 0)
			_exit(0);
		(void)!send(one, "!", 1, MSG_NOSIGNAL);
		close(one);
	}
}

int way_setup(void **state)
{
	way_good_fd = listen_at(BIND_ANY, &way_good_port);
	way_bad_fd = listen_at(BIND_ANY, &way_bad_port);
	assert_int_equal(fd_set_nonblock(way_bad_fd), 0);
	assert_non_null(mkdtemp(unix_dir));
	snprintf(way_unix_good, sizeof(way_unix_good), "%s/good", unix_dir);
	snprintf(way_unix_bad, sizeof(way_unix_bad), "%s/bad", unix_dir);
	assert_int_equal(pipe2(way_tell, O_CLOEXEC), 0);
	assert_int_equal(pipe2(way_go, O_CLOEXEC), 0);
	server_pid = fork();
	if (server_pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		way_serve(way_good_fd);
	}
	return server_pid < 0;
}

int way_teardown(void **state)
{
	kill(server_pid, SIGKILL);
	waitpid(server_pid, NULL, 0);
	unlink(way_unix_good);
	unlink(way_unix_bad);
	rmdir(unix_dir);
	return 0;
}

bool way_bad_was_reached(void)
{
	bool reached = false;
	int fd;

	while ((fd = accept(way_bad_fd, NULL, NULL)) >= 0) {
		reached = true;
		close(fd);
	}
	return reached;
}

void way_in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status))
		fail_msg("the child failed: %d", WEXITSTATUS(status));
}

struct servers way_servers;
struct servers_way way_made;

int way_add_good(void)
{
	char text[64], why[200];

	snprintf(text, sizeof(text), "127.0.0.1:%u", way_good_port);
	return servers_add(&way_servers, text, why, sizeof(why));
}

int way_confine(void)
{
	struct confine_options options = { .servers = &way_made };
	struct confine_report report;
	int rc = servers_start(&way_servers, &way_made);

	return rc < 0 ? rc : confine_self(&options, &report);
}

int way_begin(void)
{
	int rc = way_add_good();

	return rc < 0 ? rc : way_confine();
}

int way_reach(const void *address, socklen_t len, int flags)
{
	int fd = socket(((const struct sockaddr *)address)->sa_family, SOCK_STREAM | flags, 0);
	int rc, error = 0;
	socklen_t size = sizeof(error);
	char byte = 0;

	if (fd < 0)
		return -errno;
	rc = connect(fd, address, len) < 0 ? -errno : 0;
	if (rc == -EINPROGRESS && (flags & SOCK_NONBLOCK)) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };

		rc = poll(&p, 1, 20000) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? -error :
			-ETIMEDOUT;
	}
	if (rc == 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, 20000) != 1 || recv(fd, &byte, 1, 0) != 1 || byte != '!')
			rc = -EPROTO;
	}
	close(fd);
	return rc;
}

int way_reach_port(uint32_t host, uint16_t port, int flags)
{
	struct sockaddr_in a = way_address(host, port);

	return way_reach(&a, sizeof(a), flags);
}

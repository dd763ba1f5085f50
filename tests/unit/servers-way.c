// SPDX-License-Identifier: MIT
/*
 * Confined children that reach a configured server and nothing else. Each attempt that has to
 * fail there works in a child that is not confined.
 */
#include "config.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/array.h"
#include "common/confine.h"
#include "common/fdpass.h"
#include "common/servers-private.h"

#ifdef HAVE_LIBSECCOMP
static const bool have_list = true;
#else
static const bool have_list; /* there is no way to servers then */
#endif

#define RECONNECTS 1000
#define RACES 300
#define BIND_ANY 0u

/* The one that is configured answers; the other, which is not, only waits, and so is the place to look. */
static uint16_t good_port, bad_port;
static int bad_fd, good_fd;
static pid_t server_pid;
static char unix_good[64], unix_bad[64], unix_dir[] = "/tmp/sluice-servers-XXXXXX";
static char one_byte[] = "x";
static int tell[2]; /* a child's broker's id, on its way to us */
static int go[2];

static struct sockaddr_in address_of(uint32_t host, uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(host) };
}

static int listen_at(uint32_t host, uint16_t *port)
{
	struct sockaddr_in a = address_of(host, 0);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 128), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static int listen_unix(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

/* One byte to everybody who comes. */
static _Noreturn void serve(int fd)
{
	for (;;) {
		int one = accept(fd, NULL, NULL);

		if (one < 0)
			_exit(0);
		(void)!send(one, "!", 1, MSG_NOSIGNAL);
		close(one);
	}
}

static int setup_servers(void **state)
{
	good_fd = listen_at(BIND_ANY, &good_port);
	bad_fd = listen_at(BIND_ANY, &bad_port);
	assert_int_equal(fd_set_nonblock(bad_fd), 0);
	assert_non_null(mkdtemp(unix_dir));
	snprintf(unix_good, sizeof(unix_good), "%s/good", unix_dir);
	snprintf(unix_bad, sizeof(unix_bad), "%s/bad", unix_dir);
	assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	server_pid = fork();
	if (server_pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(good_fd);
	}
	return server_pid < 0;
}

static int teardown_servers(void **state)
{
	kill(server_pid, SIGKILL);
	waitpid(server_pid, NULL, 0);
	unlink(unix_good);
	unlink(unix_bad);
	rmdir(unix_dir);
	return 0;
}

/* Whether anybody came to the other server, all of whom are sent home. */
static bool bad_was_reached(void)
{
	bool reached = false;
	int fd;

	while ((fd = accept(bad_fd, NULL, NULL)) >= 0) {
		reached = true;
		close(fd);
	}
	return reached;
}

#define CHECK(step, condition)                                                         \
	do {                                                                           \
		if (!(condition)) {                                                    \
			fprintf(stderr, "step %d: %s: %m\n", step, #condition);        \
			return step;                                                   \
		}                                                                      \
	} while (0)

static void in_child(int (*fn)(void))
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

static struct servers list;
static struct servers_way way;

static int add_good(void)
{
	char text[64], why[200];

	snprintf(text, sizeof(text), "127.0.0.1:%u", good_port);
	return servers_add(&list, text, why, sizeof(why));
}

static int confine(void)
{
	struct confine_options options = { .servers = &way };
	struct confine_report report;
	int rc = servers_start(&list, &way);

	return rc < 0 ? rc : confine_self(&options, &report);
}

static int begin(void)
{
	int rc = add_good();

	return rc < 0 ? rc : confine();
}

/* A connection that works: a byte comes. 0 or -errno. */
static int reach(const void *address, socklen_t len, int flags)
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

static int reach_port(uint32_t host, uint16_t port, int flags)
{
	struct sockaddr_in a = address_of(host, port);

	return reach(&a, sizeof(a), flags);
}

/* --- what works ---------------------------------------------------------- */

static int reaches_child(void)
{
	int fd, flags;

	CHECK(1, begin() == 0);
	CHECK(2, reach_port(INADDR_LOOPBACK, good_port, 0) == 0);
	CHECK(3, reach_port(INADDR_LOOPBACK, good_port, SOCK_NONBLOCK) == 0);
	/* One that waits still does, and no other flag is lost. */
	fd = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	flags = fcntl(fd, F_GETFL);
	struct sockaddr_in a = address_of(INADDR_LOOPBACK, good_port);
	CHECK(4, !(flags & O_NONBLOCK) && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	CHECK(5, fcntl(fd, F_GETFL) == flags);
	/* What the kernel says is said. */
	CHECK(6, connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 && errno == EISCONN);
	CHECK(7, setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)) == 0);
	CHECK(8, send(fd, "x", 1, MSG_NOSIGNAL) == 1);
	return 0;
}

static void a_configured_server_is_reached(void **state)
{
	in_child(reaches_child);
}

static int refused_child(void)
{
	char why[200];

	CHECK(1, servers_add(&list, "127.0.0.1:1", why, sizeof(why)) == 0 && confine() == 0);
	CHECK(2, reach_port(INADDR_LOOPBACK, 1, 0) == -ECONNREFUSED);
	CHECK(3, reach_port(INADDR_LOOPBACK, 1, SOCK_NONBLOCK) == -ECONNREFUSED);
	return 0;
}

static void a_server_that_is_down_refuses(void **state)
{
	in_child(refused_child);
}

static int mapped_child(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(good_port) };

	inet_pton(AF_INET6, "::ffff:127.0.0.1", &a.sin6_addr);
	CHECK(1, begin() == 0);
	CHECK(2, reach(&a, sizeof(a), 0) == 0);
	a.sin6_port = htons(bad_port);
	CHECK(3, reach(&a, sizeof(a), 0) == -EACCES);
	return 0;
}

static void ipv4_through_a_socket_of_ipv6(void **state)
{
	in_child(mapped_child);
	assert_false(bad_was_reached());
}

/* With so few descriptors that one lost by each, here or in the broker, would end it. */
static int reconnects_child(void)
{
	const struct rlimit few = { 40, 40 };

	CHECK(1, setrlimit(RLIMIT_NOFILE, &few) == 0 && begin() == 0);
	for (int i = 0; i < RECONNECTS; i++) {
		CHECK(2, reach_port(INADDR_LOOPBACK, good_port, i & 1 ? SOCK_NONBLOCK : 0) == 0);
		if (i % 10 == 0)
			CHECK(3, reach_port(INADDR_LOOPBACK, bad_port, 0) == -EACCES);
	}
	return 0;
}

static void reconnecting_loses_no_descriptors(void **state)
{
	in_child(reconnects_child);
	assert_false(bad_was_reached());
}

static void libraries_find_ours(void **state)
{
	assert_ptr_equal(dlsym(RTLD_DEFAULT, "connect"), connect);
	assert_ptr_equal(dlsym(RTLD_DEFAULT, "socket"), socket);
	assert_ptr_not_equal(dlsym(RTLD_NEXT, "connect"), connect);
}

/* --- what does not ------------------------------------------------------- */

static struct sockaddr_in bad_address(void)
{
	return address_of(INADDR_LOOPBACK, bad_port);
}

static int error_of(long rc)
{
	return rc < 0 ? errno : 0;
}

static int tcp(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int try_port(void)
{
	struct sockaddr_in a = bad_address();

	return error_of(connect(tcp(), (struct sockaddr *)&a, sizeof(a)));
}

static int try_address(void)
{
	return -reach_port(INADDR_LOOPBACK + 1, good_port, 0);
}

static int try_connect_call(void)
{
	struct sockaddr_in a = bad_address();

	return error_of(syscall(SYS_connect, tcp(), &a, sizeof(a)));
}

/* To the one that is configured, not by the broker: there is no other way at all. */
static int try_connect_good(void)
{
	struct sockaddr_in a = address_of(INADDR_LOOPBACK, good_port);

	return error_of(syscall(SYS_connect, tcp(), &a, sizeof(a)));
}

static int try_socket_call(void)
{
	return error_of(syscall(SYS_socket, AF_INET, SOCK_STREAM, 0));
}

static int try_udp(void)
{
	struct sockaddr_in a = bad_address();
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	return fd < 0 ? errno : error_of(sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof(a)));
}

static int try_dns(void)
{
	struct sockaddr_in a = address_of(INADDR_LOOPBACK, 53);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);

	return fd < 0 ? errno : error_of(connect(fd, (struct sockaddr *)&a, sizeof(a)));
}

static int try_netlink(void)
{
	return error_of(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
}

static int try_mptcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 262);

	/* Kernels without it do not count. */
	return fd < 0 && errno == EPROTONOSUPPORT ? 0 : error_of(fd);
}

static int try_unix(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, unix_bad);
	return fd < 0 ? errno : error_of(connect(fd, (struct sockaddr *)&a, sizeof(a)));
}

static int try_abstract(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path + 1, unix_bad);
	return fd < 0 ? errno : error_of(connect(fd, (struct sockaddr *)&a, sizeof(a)));
}

static int try_fastopen(void)
{
	struct sockaddr_in a = bad_address();

	return error_of(sendto(tcp(), "x", 1, MSG_FASTOPEN, (struct sockaddr *)&a, sizeof(a)));
}

static int try_fastopen_message(void)
{
	struct sockaddr_in a = bad_address();
	struct iovec iov = { one_byte, 1 };
	struct msghdr msg = { .msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &iov, .msg_iovlen = 1 };

	return error_of(sendmsg(tcp(), &msg, MSG_FASTOPEN));
}

static int try_fastopen_messages(void)
{
	struct sockaddr_in a = bad_address();
	struct iovec iov = { one_byte, 1 };
	struct mmsghdr msg = { .msg_hdr = { .msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &iov,
		.msg_iovlen = 1 } };

	return error_of(sendmmsg(tcp(), &msg, 1, MSG_FASTOPEN));
}

static int try_fastopen_option(void)
{
	return error_of(setsockopt(tcp(), IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &(int){ 1 }, sizeof(int)));
}

static int try_bind(void)
{
	struct sockaddr_in a = address_of(INADDR_LOOPBACK, 0);

	return error_of(bind(tcp(), (struct sockaddr *)&a, sizeof(a)));
}

static int try_listen(void)
{
	return error_of(listen(tcp(), 1));
}

static int try_uring(void)
{
	char params[256] = { 0 };
	int fd = (int)syscall(SYS_io_uring_setup, 4, params);

	/* Where it is switched off there is nothing to forbid. */
	return fd < 0 && errno == ENOSYS ? 0 : error_of(fd);
}

static const struct attempt {
	const char *name;
	int (*fn)(void);
	int error; /* confined; without that 0 */
} attempts[] = {
	{ "another port", try_port, EACCES },
	{ "another address", try_address, EACCES },
	{ "connect by system call", try_connect_call, EPERM },
	{ "connect to the server by system call", try_connect_good, EPERM },
	{ "socket by system call", try_socket_call, EPERM },
	{ "UDP", try_udp, EACCES },
	{ "DNS", try_dns, EACCES },
	{ "netlink", try_netlink, EPERM },
	{ "MPTCP", try_mptcp, EACCES },
	{ "a Unix socket", try_unix, EPERM },
	{ "an abstract socket", try_abstract, EPERM },
	{ "sendto, fast open", try_fastopen, EPERM },
	{ "sendmsg, fast open", try_fastopen_message, EPERM },
	{ "sendmmsg, fast open", try_fastopen_messages, EPERM },
	{ "fast open by option", try_fastopen_option, EPERM },
	{ "bind", try_bind, EACCES },
	{ "listen", try_listen, EPERM },
	{ "io_uring", try_uring, EPERM },
};

static int attempts_run(bool confined)
{
	int failed = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(attempts); i++) {
		int error = attempts[i].fn(), want = confined ? attempts[i].error : 0;

		if (error == want)
			continue;
		fprintf(stderr, "%s: error %d, not %d\n", attempts[i].name, error, want);
		failed = 1;
	}
	return failed;
}

static int free_child(void)
{
	static int abstract;
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	strcpy(a.sun_path + 1, unix_bad);
	abstract = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(1, bind(abstract, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(abstract, 1) == 0);
	CHECK(2, listen_unix(unix_bad) >= 0);
	return attempts_run(false);
}

static void all_attempts_work_unconfined(void **state)
{
	in_child(free_child);
	assert_true(bad_was_reached());
	unlink(unix_bad);
}

static int confined_child(void)
{
	CHECK(1, begin() == 0);
	/* This one has no address that a filter could see: TCP takes none by this way. */
	struct sockaddr_in a = bad_address();
	struct iovec iov = { one_byte, 1 };
	struct msghdr msg = { .msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &iov, .msg_iovlen = 1 };
	CHECK(2, sendmsg(tcp(), &msg, MSG_NOSIGNAL) < 0 && (errno == EPIPE || errno == ENOTCONN));
	CHECK(3, sendto(tcp(), "x", 1, MSG_NOSIGNAL, (struct sockaddr *)&a, sizeof(a)) < 0 && errno == EPERM);
	return attempts_run(true);
}

static void no_attempt_works_confined(void **state)
{
	in_child(confined_child);
	assert_false(bad_was_reached());
}

/* --- changing what was asked for, while it is ----------------------------- */

static struct sockaddr_in race_address;
static atomic_bool race_over;

static void *race_flip(void *opaque)
{
	for (unsigned i = 0; !atomic_load_explicit(&race_over, memory_order_relaxed); i++)
		*(volatile uint16_t *)&race_address.sin_port = htons(i & 1 ? bad_port : good_port);
	return NULL;
}

static int race_child(void)
{
	unsigned connected = 0, denied = 0;
	pthread_t thread;

	race_address = address_of(INADDR_LOOPBACK, good_port);
	CHECK(1, begin() == 0);
	CHECK(2, pthread_create(&thread, NULL, race_flip, NULL) == 0);
	for (int i = 0; i < RACES; i++) {
		int fd = tcp();
		int error = error_of(connect(fd, (struct sockaddr *)&race_address, sizeof(race_address)));

		connected += error == 0;
		denied += error == EACCES;
		close(fd);
	}
	atomic_store(&race_over, true);
	pthread_join(thread, NULL);
	CHECK(3, connected + denied == RACES);
	CHECK(4, connected && denied);
	return 0;
}

static void a_changing_address_reaches_nobody_else(void **state)
{
	in_child(race_child);
	assert_false(bad_was_reached());
}

/* --- its end ------------------------------------------------------------- */

static int orphan_child(void)
{
	char byte;

	CHECK(1, begin() == 0);
	CHECK(2, reach_port(INADDR_LOOPBACK, good_port, 0) == 0);
	CHECK(3, write(tell[1], &way.broker, sizeof(way.broker)) == sizeof(way.broker));
	CHECK(4, read(go[0], &byte, 1) == 1);
	CHECK(5, reach_port(INADDR_LOOPBACK, good_port, 0) == -ENETDOWN);
	struct sockaddr_in a = address_of(INADDR_LOOPBACK, good_port);
	CHECK(6, connect(0, (struct sockaddr *)&a, sizeof(a)) < 0 && errno == ENETDOWN);
	return 0;
}

static pid_t broker_of_child(void)
{
	pid_t pid = 0;

	assert_int_equal(read(tell[0], &pid, sizeof(pid)), sizeof(pid));
	assert_true(pid > 1);
	return pid;
}

static void without_a_broker_nothing_connects(void **state)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(orphan_child());
	assert_int_equal(kill(broker_of_child(), SIGKILL), 0);
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int waiting_child(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CHECK(1, begin() == 0);
	CHECK(2, write(tell[1], &way.broker, sizeof(way.broker)) == sizeof(way.broker));
	for (;;)
		poll(NULL, 0, -1);
}

static bool same_namespace(pid_t pid)
{
	char path[64], ours[64] = "", theirs[64] = "?";

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	(void)!readlink("/proc/self/ns/net", ours, sizeof(ours) - 1);
	(void)!readlink(path, theirs, sizeof(theirs) - 1);
	return strcmp(ours, theirs) == 0;
}

/* A killed backend's broker does not outlive it; and while they live only one of them has the network. */
static void a_broker_ends_with_its_backend(void **state)
{
	pid_t pid, broker;

	/* It becomes our child then. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	pid = fork();
	if (pid == 0)
		_exit(waiting_child());
	broker = broker_of_child();
	if (geteuid() == 0) {
		assert_true(same_namespace(broker));
		/* It says so a moment before it is confined. */
		for (int i = 0; i < 1000 && same_namespace(pid); i++)
			poll(NULL, 0, 10);
		assert_false(same_namespace(pid));
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(waitpid(broker, NULL, 0), broker);
}

/* --- Unix sockets -------------------------------------------------------- */

static int unix_child(void)
{
	struct sockaddr_un good = { .sun_family = AF_UNIX }, bad = { .sun_family = AF_UNIX };
	char text[80], why[200];
	int fd;

	snprintf(text, sizeof(text), "unix:%s", unix_good);
	strcpy(good.sun_path, unix_good);
	strcpy(bad.sun_path, unix_bad);
	CHECK(1, servers_add(&list, text, why, sizeof(why)) == 0 && confine() == 0);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(2, fd >= 0 && connect(fd, (struct sockaddr *)&good, sizeof(good)) == 0);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(3, connect(fd, (struct sockaddr *)&bad, sizeof(bad)) < 0 && errno == EPERM);
	CHECK(4, reach_port(INADDR_LOOPBACK, good_port, 0) == -EACCES);
	CHECK(5, socket(AF_UNIX, SOCK_DGRAM, 0) < 0);
	/* The server starts anew. */
	CHECK(6, write(tell[1], "x", 1) == 1 && read(go[0], text, 1) == 1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(7, connect(fd, (struct sockaddr *)&good, sizeof(good)) == 0);
	return 0;
}

static void a_unix_socket_is_reached_by_its_path(void **state)
{
	int first = listen_unix(unix_good), other = listen_unix(unix_bad), status;
	pid_t pid = fork();
	char byte;

	if (pid == 0)
		_exit(unix_child());
	assert_int_equal(read(tell[0], &byte, 1), 1);
	close(first);
	unlink(unix_good);
	first = listen_unix(unix_good);
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(first);
	close(other);
}

/* --- the broker's own view ------------------------------------------------ */

static struct broker_request request_to(uint16_t port)
{
	struct broker_request r = { .op = BROKER_CONNECT, .length = sizeof(struct sockaddr_in) };
	struct sockaddr_in a = address_of(INADDR_LOOPBACK, port);

	memcpy(r.address, &a, sizeof(a));
	return r;
}

static void the_broker_takes_nothing_else(void **state)
{
	struct broker_request r = request_to(good_port);
	int made, fds[] = { socket(AF_INET, SOCK_DGRAM, 0), socket(AF_UNIX, SOCK_STREAM, 0), dup(tell[0]),
		socket(AF_INET, SOCK_STREAM, 0) };

	memset(&list, 0, sizeof(list));
	assert_int_equal(add_good(), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(broker_answer(&list, &r, fds[i], &made), -EACCES);
	assert_int_equal(broker_answer(&list, &r, -1, &made), -EINVAL);
	r.length = sizeof(r.address) + 1;
	assert_int_equal(broker_answer(&list, &r, fds[3], &made), -EACCES);
	r.length = UINT32_MAX;
	assert_int_equal(broker_answer(&list, &r, fds[3], &made), -EACCES);
	r.op = 3;
	assert_int_equal(broker_answer(&list, &r, fds[3], &made), -EINVAL);
	r.op = BROKER_SOCKET;
	assert_int_equal(broker_answer(&list, &r, fds[3], &made), -EINVAL);
	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	memset(&list, 0, sizeof(list));
}

/* Messages that are none are answered or passed over, and the next one is served. */
static void the_broker_outlives_bad_messages(void **state)
{
	struct broker_request r = { .op = BROKER_SOCKET, .family = AF_INET, .type = SOCK_STREAM };
	char large[sizeof(r) + 100] = { 0 };
	struct broker_reply reply;
	unsigned n = 0;
	int pair[2], fd = -1;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(add_good(), 0);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		broker_serve(&list, pair[1]);
		_exit(0);
	}
	close(pair[1]);
	assert_int_equal(fd_send(pair[0], large, sizeof(large), NULL, 0), 0);
	assert_int_equal(fd_send(pair[0], &r, sizeof(r), (int[]){ tell[0], tell[1] }, 2), 0);
	assert_int_equal(fd_send(pair[0], &r, 5, NULL, 0), 0);
	assert_int_equal(fd_recv(pair[0], &reply, sizeof(reply), NULL, &n), sizeof(reply));
	assert_int_equal(reply.error, EINVAL);
	n = 1;
	assert_int_equal(fd_send(pair[0], &r, sizeof(r), NULL, 0), 0);
	assert_int_equal(fd_recv(pair[0], &reply, sizeof(reply), &fd, &n), sizeof(reply));
	assert_int_equal(reply.error, 0);
	assert_int_equal(n, 1);
	close(fd);
	close(pair[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	memset(&list, 0, sizeof(list));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libraries_find_ours),
		cmocka_unit_test(a_configured_server_is_reached),
		cmocka_unit_test(a_server_that_is_down_refuses),
		cmocka_unit_test(ipv4_through_a_socket_of_ipv6),
		cmocka_unit_test(reconnecting_loses_no_descriptors),
		cmocka_unit_test(all_attempts_work_unconfined),
		cmocka_unit_test(no_attempt_works_confined),
		cmocka_unit_test(a_changing_address_reaches_nobody_else),
		cmocka_unit_test(without_a_broker_nothing_connects),
		cmocka_unit_test(a_broker_ends_with_its_backend),
		cmocka_unit_test(a_unix_socket_is_reached_by_its_path),
		cmocka_unit_test(the_broker_takes_nothing_else),
		cmocka_unit_test(the_broker_outlives_bad_messages),
	};

	if (!have_list) {
		puts("1..0 # SKIP built without libseccomp");
		return 77;
	}
	return cmocka_run_group_tests(tests, setup_servers, teardown_servers);
}

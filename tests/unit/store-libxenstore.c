// SPDX-License-Identifier: MIT
/* The running program, seen through the distribution's libxenstore. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store-server.h"

static struct server server;
static struct xs_handle *tool;

static int setup(void **state)
{
	server_start(&server, NULL);
	tool = server_open(&server, 0);
	return 0;
}

static int teardown(void **state)
{
	xs_close(tool);
	server_stop(&server);
	return 0;
}

static bool put(struct xs_handle *xs, xs_transaction_t t, const char *path, const char *value)
{
	return xs_write(xs, t, path, value, strlen(value));
}

static void value_is(struct xs_handle *xs, const char *path, const char *value)
{
	char *text = xs_read(xs, XBT_NULL, path, NULL);

	assert_non_null(text);
	assert_string_equal(text, value);
	free(text);
}

static void transaction_conflict(void **state)
{
	struct xs_handle *other = server_open(&server, 0);
	xs_transaction_t t = xs_transaction_start(tool);

	assert_true(put(tool, t, "/a", "mine"));
	assert_true(put(other, XBT_NULL, "/a", "theirs"));
	assert_false(xs_transaction_end(tool, t, false));
	assert_int_equal(errno, EAGAIN);
	t = xs_transaction_start(tool);
	assert_true(put(tool, t, "/a", "mine"));
	assert_true(xs_transaction_end(tool, t, false));
	value_is(other, "/a", "mine");
	xs_close(other);
}

static void long_listing_in_parts(void **state)
{
	char path[64], **names;
	unsigned count;

	for (unsigned i = 0; i < 2000; i++) {
		snprintf(path, sizeof(path), "/big/a-child-%04u", i);
		assert_true(xs_mkdir(tool, XBT_NULL, path));
	}
	names = xs_directory(tool, XBT_NULL, "/big", &count);
	assert_non_null(names);
	assert_int_equal(count, 2000);
	assert_string_equal(names[0], "a-child-0000");
	assert_string_equal(names[1999], "a-child-1999");
	free(names);
}

static void expect_event(struct xs_handle *xs, const char *path, const char *token)
{
	unsigned count;
	char **event = xs_read_watch(xs, &count);

	assert_non_null(event);
	assert_string_equal(event[XS_WATCH_PATH], path);
	assert_string_equal(event[XS_WATCH_TOKEN], token);
	free(event);
}

static void watches(void **state)
{
	struct xs_handle *watcher = server_open(&server, 0);

	assert_true(put(tool, XBT_NULL, "/a/b", "v"));
	assert_true(xs_watch(watcher, "/a", "t"));
	expect_event(watcher, "/a", "t");
	assert_true(put(tool, XBT_NULL, "/a/b", "w"));
	expect_event(watcher, "/a/b", "t");
	assert_true(xs_rm(tool, XBT_NULL, "/a"));
	expect_event(watcher, "/a", "t");
	assert_true(xs_watch(watcher, "@introduceDomain", "i"));
	expect_event(watcher, "@introduceDomain", "i");
	assert_true(xs_watch(watcher, "@releaseDomain", "r"));
	expect_event(watcher, "@releaseDomain", "r");
	assert_true(xs_introduce_domain(tool, 7, 0, 0));
	expect_event(watcher, "@introduceDomain", "i");
	assert_true(xs_is_domain_introduced(tool, 7));
	assert_true(xs_release_domain(tool, 7));
	expect_event(watcher, "@releaseDomain", "r");
	assert_false(xs_is_domain_introduced(tool, 7));
	xs_close(watcher);
}

static void domain_socket_is_unprivileged(void **state)
{
	struct xs_handle *guest = server_home(&server, tool, 7);
	struct xs_permissions perms = { .id = 0 };
	char path[128];
	struct stat st;

	value_is(guest, "domid", "7");
	assert_true(put(guest, XBT_NULL, "data/x", "v"));
	value_is(tool, "/local/domain/7/data/x", "v");
	assert_false(put(guest, XBT_NULL, "/tool/x", "v"));
	assert_int_equal(errno, EACCES);
	assert_null(xs_read(guest, XBT_NULL, "/tool", NULL));
	assert_int_equal(errno, EACCES);
	assert_false(xs_introduce_domain(guest, 8, 0, 0));
	assert_int_equal(errno, EACCES);
	assert_false(xs_release_domain(guest, 7));
	assert_false(xs_set_permissions(guest, XBT_NULL, "data", &perms, 1));
	assert_int_equal(errno, EPERM);
	snprintf(path, sizeof(path), "%s/7/store.sock", server.dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	xs_close(guest);
}

static void release_ends_connections_and_sockets(void **state)
{
	struct xs_handle *guest = server_home(&server, tool, 7);
	char path[128];

	snprintf(path, sizeof(path), "%s/7", server.dir);
	assert_true(xs_release_domain(tool, 7));
	assert_null(xs_read(guest, XBT_NULL, "domid", NULL));
	assert_int_equal(access(path, F_OK), -1);
	xs_close(guest);
}

static void introduce_that_cannot_be(void **state)
{
	char path[128];

	/* No hypervisor here: the ring cannot be attached, and the store goes on. */
	assert_false(xs_introduce_domain(tool, 7, 5, 1));
	assert_false(xs_is_domain_introduced(tool, 7));
	/* A gfn without a port is neither kind of domain. */
	assert_false(xs_introduce_domain(tool, 7, 5, 0));
	assert_int_equal(errno, EINVAL);
	/* Something that is no socket is in the way: it is left alone. */
	snprintf(path, sizeof(path), "%s/7", server.dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/7/store.sock", server.dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_false(xs_introduce_domain(tool, 7, 0, 0));
	assert_int_equal(errno, EEXIST);
	assert_int_equal(unlink(path), 0);
	/* The folder was there before the domain: it stays. */
	assert_true(xs_introduce_domain(tool, 7, 0, 0));
	assert_true(xs_release_domain(tool, 7));
	assert_int_equal(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "%s/7", server.dir);
	assert_int_equal(rmdir(path), 0);
}

/* The reply's name of an error, or "" at the end of the stream. */
static void raw_error(int fd, char text[64])
{
	struct xsd_sockmsg header;

	memset(text, 0, 64);
	if (recv(fd, &header, sizeof(header), MSG_WAITALL) != sizeof(header))
		return;
	assert_int_equal(header.type, XS_ERROR);
	assert_true(header.len < 64);
	assert_int_equal(recv(fd, text, header.len, MSG_WAITALL), header.len);
}

/* In one piece: the store may hang up at a bad header before more could be sent. */
static void raw_request(int fd, uint32_t type, uint32_t tx, uint32_t len, const char *data,
	size_t sent)
{
	struct xsd_sockmsg header = { .type = type, .tx_id = tx, .len = len };
	struct iovec iov[] = { { &header, sizeof(header) }, { (void *)data, sent } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	assert_int_equal(sendmsg(fd, &msg, MSG_NOSIGNAL), sizeof(header) + sent);
}

static void malformed_messages(void **state)
{
	int fd = server_connect(&server, 0);
	char text[64];

	raw_request(fd, XS_READ, 0, 5, "/tool", 5);
	raw_error(fd, text);
	assert_string_equal(text, "EINVAL");
	raw_request(fd, 999, 0, 1, "", 1);
	raw_error(fd, text);
	assert_string_equal(text, "ENOSYS");
	raw_request(fd, XS_READ, 42, 6, "/tool", 6);
	raw_error(fd, text);
	assert_string_equal(text, "ENOENT");
	/* Too long: that connection ends, and no other. */
	raw_request(fd, XS_READ, 0, 4097, "", 0);
	raw_error(fd, text);
	assert_string_equal(text, "");
	close(fd);
	/* A short header, and a short payload, and then nothing. */
	fd = server_connect(&server, 0);
	assert_int_equal(send(fd, "123", 3, 0), 3);
	close(fd);
	fd = server_connect(&server, 0);
	raw_request(fd, XS_WRITE, 0, 100, "/x", 3);
	close(fd);
	value_is(tool, "/tool", "");
	assert_null(xs_read(tool, XBT_NULL, "/x", NULL));
}

/* Its requests wait in its own socket; everybody else is served. */
static void a_reader_that_does_not_read(void **state)
{
	struct xs_handle *guest = server_home(&server, tool, 7);
	int fd = server_connect(&server, 7);
	struct {
		struct xsd_sockmsg header;
		char path[6];
	} request = { { .type = XS_READ, .len = 6 }, "domid" };
	unsigned sent = 0;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	/* The socket's size, and all of the replies that wait, are finite. */
	for (int idle = 0; idle < 20;) {
		ssize_t n = send(fd, &request, 22, MSG_NOSIGNAL);

		if (n == 22) {
			sent++;
			idle = 0;
		} else {
			assert_int_equal(errno, EAGAIN);
			value_is(tool, "/tool", "");
			idle++;
		}
		assert_true(sent < 1000000);
	}
	value_is(guest, "domid", "7");
	close(fd);
	xs_close(guest);
}

static void unread_events_end_a_connection(void **state)
{
	struct xs_handle *guest = server_home(&server, tool, 7);
	int fd = server_connect(&server, 7);
	char path[2048], byte[4096];
	bool ended = false;
	ssize_t n;

	raw_request(fd, XS_WATCH, 0, 7, "data\0t", 7);
	assert_true(xs_mkdir(tool, XBT_NULL, "/local/domain/7/data"));
	/* Twice the memory quota and a socket buffer of distinct events. */
	for (unsigned i = 0; i < 4000; i++) {
		n = snprintf(path, sizeof(path), "/local/domain/7/data/%u-", i);
		memset(path + n, 'x', 1800 - n);
		path[1800] = '\0';
		assert_true(xs_mkdir(tool, XBT_NULL, path));
		assert_true(xs_rm(tool, XBT_NULL, path));
	}
	while (!ended) {
		n = recv(fd, byte, sizeof(byte), 0);
		ended = n == 0 || (n < 0 && errno == ECONNRESET);
	}
	/* The domain's other connection lives. */
	value_is(guest, "domid", "7");
	close(fd);
	xs_close(guest);
}

static void too_many_connections_of_a_domain(void **state)
{
	struct xs_handle *guest = server_home(&server, tool, 7);
	int fds[300], refused = 0;
	char byte;

	for (int i = 0; i < 300; i++)
		fds[i] = server_connect(&server, 7);
	/* With the handle's own there are 256; they are accepted in order. */
	for (int i = 255; i < 300; i++)
		refused += recv(fds[i], &byte, 1, 0) == 0;
	assert_int_equal(refused, 45);
	for (int i = 0; i < 255; i++)
		assert_true(recv(fds[i], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
	for (int i = 0; i < 300; i++)
		close(fds[i]);
	value_is(tool, "/tool", "");
	xs_close(guest);
}

static void sigterm_ends_it(void **state)
{
	char path[128];

	assert_true(xs_introduce_domain(tool, 7, 0, 0));
	kill(server.pid, SIGTERM);
	assert_int_equal(server_wait(&server), 0);
	snprintf(path, sizeof(path), "%s/7", server.dir);
	assert_int_equal(access(path, F_OK), -1);
	/* For the teardown's sake. */
	close(server.life);
	xs_close(tool);
	unlink(server.path);
	assert_int_equal(rmdir(server.dir), 0);
	setup(state);
}

static void quota_option(void **state)
{
	struct server own;
	struct xs_handle *own_tool, *guest;

	server_start(&own, "--quota-nodes=4");
	own_tool = server_open(&own, 0);
	guest = server_home(&own, own_tool, 3);
	assert_true(put(guest, XBT_NULL, "a", ""));
	assert_true(put(guest, XBT_NULL, "b", ""));
	assert_false(put(guest, XBT_NULL, "c", ""));
	assert_int_equal(errno, ENOSPC);
	xs_close(guest);
	xs_close(own_tool);
	server_stop(&own);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(transaction_conflict),
		TEST(long_listing_in_parts),
		TEST(watches),
		TEST(domain_socket_is_unprivileged),
		TEST(release_ends_connections_and_sockets),
		TEST(introduce_that_cannot_be),
		TEST(malformed_messages),
		TEST(a_reader_that_does_not_read),
		TEST(unread_events_end_a_connection),
		TEST(too_many_connections_of_a_domain),
		TEST(sigterm_ends_it),
		TEST(quota_option),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("store-libxenstore", tests, NULL, NULL);
}

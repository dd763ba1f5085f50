// SPDX-License-Identifier: MIT
/* A domain's process that speaks the private protocol wrongly costs its connection only. */
#include "config.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <xen/grant_table.h>

#include "common/array.h"
#include "common/fdpass.h"
#include "hypervisor/process/client.h"
#include "hypervisor/process/share-client.h"
#include "tests/unit/hv-harness.h"

#define PATIENCE_MS 10000

static struct hv_world world;
static int witness; /* a connection that must survive all of it */

static int open_conn(void)
{
	int fd;

	hv_enter(&world, 1);
	fd = hvclient_open(NULL);
	assert_true(fd >= 0);
	return fd;
}

static void expect_closed(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[4096];
	ssize_t n;

	do {
		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		n = recv(fd, buf, sizeof(buf), 0);
	} while (n > 0);
	assert_true(n == 0 || errno == ECONNRESET);
	close(fd);
}

static void witness_lives(void)
{
	uint32_t domid = 99;

	assert_int_equal(hvclient_hello(witness, &domid), 0);
	assert_int_equal(domid, 1);
}

static void expect_rejected(const void *msg, size_t len)
{
	int fd = open_conn();

	assert_int_equal(send(fd, msg, len, MSG_NOSIGNAL), len);
	expect_closed(fd);
	witness_lives();
}

static void test_short_and_huge(void **state)
{
	static char huge[100000];
	struct wire_head head = { .op = WIRE_COPY_SETUP };

	memcpy(huge, &head, sizeof(head));
	for (size_t len = 1; len < sizeof(head); len++)
		expect_rejected(&head, len);
	expect_rejected(huge, sizeof(huge));
}

static void test_unknown_ops(void **state)
{
	const uint32_t ops[] = { 0, WIRE_OP_END, WIRE_OP_END + 1, 0x80000000u, UINT32_MAX };

	for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
		struct wire_domid msg = { .head.op = ops[i] };

		expect_rejected(&msg, sizeof(msg));
	}
}

/* Each op a little too short and too long, filled with zeroes and with ones. */
static void test_every_op_with_wrong_size(void **state)
{
	static const size_t sizes[WIRE_OP_END] = {
		[WIRE_HELLO] = sizeof(struct wire_hello),
		[WIRE_CONNECT] = sizeof(struct wire_hello),
		[WIRE_RESTRICT] = sizeof(struct wire_domid),
		[WIRE_EVENT_UNBOUND] = sizeof(struct wire_domid),
		[WIRE_EVENT_BIND] = sizeof(struct wire_event_bind),
		[WIRE_EVENT_VIRQ] = sizeof(struct wire_virq),
		[WIRE_EVENT_CLOSE] = sizeof(struct wire_port),
		[WIRE_SHARE] = sizeof(struct wire_share),
		[WIRE_GRANT] = sizeof(struct wire_grant),
		[WIRE_UNSHARE] = sizeof(struct wire_unshare),
		[WIRE_MAP] = offsetof(struct wire_map, refs[1]),
		[WIRE_UNMAP] = sizeof(struct wire_id),
		[WIRE_NOTIFY] = sizeof(struct wire_notify),
		[WIRE_COPY_SETUP] = sizeof(struct wire_head),
		[WIRE_COPY] = sizeof(struct wire_copy),
	};

	for (uint32_t op = 1; op < WIRE_OP_END; op++) {
		for (int fill = 0; fill <= 255; fill += 255) {
			uint8_t msg[sizeof(struct wire_map)];
			struct wire_head head = { .op = op };

			assert_true(sizes[op] >= sizeof(head));
			memset(msg, fill, sizeof(msg));
			memcpy(msg, &head, sizeof(head));
			expect_rejected(msg, sizes[op] + 4);
			if (sizes[op] > sizeof(head))
				expect_rejected(msg, sizes[op] - 4);
		}
	}
}

static void test_map_counts(void **state)
{
	struct wire_map msg = { .head.op = WIRE_MAP };
	size_t base = offsetof(struct wire_map, refs);

	expect_rejected(&msg, base); /* count 0 */
	msg.count = 2;
	expect_rejected(&msg, base + sizeof(msg.refs[0]));
	msg.count = WIRE_MAP_MAX + 1;
	expect_rejected(&msg, sizeof(msg));
	msg.count = UINT32_MAX;
	expect_rejected(&msg, base + sizeof(msg.refs[0]));
	msg.count = 1;
	msg.readonly = 2;
	expect_rejected(&msg, base + sizeof(msg.refs[0]));
}

static void test_bad_enumerations(void **state)
{
	struct wire_share share = { .head.op = WIRE_SHARE, .pages = 1, .writable = 2 };
	struct wire_notify notify = { .head.op = WIRE_NOTIFY, .action = 4 };
	struct wire_domid zero = { .head = { .op = WIRE_EVENT_UNBOUND, .zero = 1 } };

	expect_rejected(&share, sizeof(share));
	expect_rejected(&notify, sizeof(notify));
	notify.action = 1;
	notify.offset = WIRE_PAGE;
	expect_rejected(&notify, sizeof(notify));
	expect_rejected(&zero, sizeof(zero));
}

/* A new connection that has not been greeted. */
static int raw_conn(void)
{
	struct wire_hello connect = { .head.op = WIRE_CONNECT, .version = WIRE_VERSION };
	struct wire_reply reply;
	unsigned nfds = 1;
	int fd = -1;

	assert_int_equal(hvclient_call(witness, &connect, sizeof(connect), &reply, sizeof(reply),
		&fd, &nfds), sizeof(reply));
	assert_int_equal(nfds, 1);
	return fd;
}

static void test_hello_comes_first(void **state)
{
	struct wire_domid msg = { .head.op = WIRE_EVENT_UNBOUND, .domid = 2 };
	struct wire_hello hello = { .head.op = WIRE_HELLO, .version = WIRE_VERSION + 1 };
	struct wire_hello_reply reply;
	int fd = raw_conn();

	assert_int_equal(send(fd, &msg, sizeof(msg), 0), sizeof(msg));
	expect_closed(fd);
	fd = raw_conn();
	assert_int_equal(hvclient_call(fd, &hello, sizeof(hello), &reply, sizeof(reply), NULL, NULL),
		-EPROTONOSUPPORT);
	/* Still not greeted. */
	assert_int_equal(send(fd, &msg, sizeof(msg), 0), sizeof(msg));
	expect_closed(fd);
	witness_lives();
}

/* Can the kernel refuse descriptors for the hypervisor? */
static bool fds_refused(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0), off = 0;
	bool can = setsockopt(fd, SOL_SOCKET, 83 /* SO_PASSRIGHTS */, &off, sizeof(off)) == 0;

	close(fd);
	return can;
}

/* Nobody takes them: the message is served as if they were not there, or not even sent. */
static void test_descriptors_not_asked_for(void **state)
{
	struct wire_domid msg = { .head.op = WIRE_EVENT_UNBOUND, .domid = 2 };
	struct wire_event_reply reply;
	int many[4] = { 0, 0, 0, 0 }, fds[2], pipes[2];
	int fd = open_conn(), accepted = hvclient_open(hv_socket(&world, 1));
	const int conns[] = { fd, accepted };

	assert_true(accepted >= 0);
	for (unsigned i = 0; i < ARRAY_SIZE(conns); i++) {
		unsigned nfds = 2;
		int rc = fd_send(conns[i], &msg, sizeof(msg), many, 4);

		assert_int_equal(rc, fds_refused() ? -EPERM : 0);
		if (rc < 0)
			continue;
		assert_int_equal(fd_recv(conns[i], &reply, sizeof(reply), fds, &nfds), sizeof(reply));
		assert_int_equal(nfds, 2);
		close(fds[0]);
		close(fds[1]);
	}
	/* A pipe that somebody else still had would not end. */
	assert_int_equal(pipe(pipes), 0);
	(void)!fd_send(fd, &msg, sizeof(msg), &pipes[1], 1);
	close(pipes[1]);
	witness_lives();
	assert_int_equal(read(pipes[0], many, 1), 0);
	close(pipes[0]);
	close(fd);
	close(accepted);
}

/* A TCP socket whose last user waits for an hour when it closes it. */
static int lingering_socket(int *listener)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct linger linger = { .l_onoff = 1, .l_linger = 3600 };
	socklen_t len = sizeof(sa);
	char data[4096] = { 0 };
	int fd;

	*listener = socket(AF_INET, SOCK_STREAM, 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (*listener < 0 || bind(*listener, (struct sockaddr *)&sa, len) < 0 ||
		listen(*listener, 1) < 0 || getsockname(*listener, (struct sockaddr *)&sa, &len) < 0)
		skip();
	(void)!connect(fd, (struct sockaddr *)&sa, len);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	while (send(fd, data, sizeof(data), MSG_NOSIGNAL) > 0)
		;
	return fd;
}

static void test_descriptor_that_lingers(void **state)
{
	struct wire_domid msg = { .head.op = WIRE_EVENT_UNBOUND, .domid = 2 };
	struct linger off = { .l_onoff = 0 };
	int listener, fd, conn = open_conn();

	if (!fds_refused())
		skip();
	fd = lingering_socket(&listener);
	if (fd_send(conn, &msg, sizeof(msg), &fd, 1) < 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
	close(fd);
	witness_lives();
	close(listener);
	close(conn);
}

/* Replies that nobody reads, since who asked has died, hold up no others; too many do. */
static void test_connects_of_the_dead(void **state)
{
	struct wire_hello connect = { .head.op = WIRE_CONNECT, .version = WIRE_VERSION };
	int shared = open_conn();
	uint32_t domid;
	int fd, i;
	char env[32];

	for (i = 0; i < 5; i++)
		assert_int_equal(fd_send(shared, &connect, sizeof(connect), NULL, 0), 0);
	snprintf(env, sizeof(env), "fd:%d", shared);
	for (i = 0; i < 10; i++) {
		fd = hvclient_open(env);
		assert_true(fd >= 0);
		assert_int_equal(hvclient_hello(fd, &domid), 0);
		assert_int_equal(domid, 1);
		close(fd);
	}
	for (i = 0; i < 100000; i++)
		if (fd_send(shared, &connect, sizeof(connect), NULL, 0) < 0)
			break;
	expect_closed(shared);
	witness_lives();
}

/* A client that sends on without reading is let go, and the hypervisor does not wait. */
static void test_unread_replies(void **state)
{
	struct wire_domid msg = { .head.op = WIRE_EVENT_UNBOUND, .domid = 2 };
	int fd = open_conn();

	for (int i = 0; i < 100000; i++)
		if (send(fd, &msg, sizeof(msg), MSG_NOSIGNAL) < 0)
			break;
	expect_closed(fd);
	witness_lives();
}

/* One reply at a time: it must be read before the next request. */
static void test_request_before_reading(void **state)
{
	struct wire_domid msg = { .head.op = WIRE_EVENT_UNBOUND, .domid = 2 };
	int fd = open_conn();
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct wire_event_reply reply;

	assert_int_equal(send(fd, &msg, sizeof(msg), 0), sizeof(msg));
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(send(fd, &msg, sizeof(msg), 0), sizeof(msg));
	p.events = POLLRDHUP;
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(recv(fd, &reply, sizeof(reply), 0), sizeof(reply));
	expect_closed(fd);
	witness_lives();
}

static void expect_error(const void *msg, size_t len, int want)
{
	struct wire_map_reply reply;
	int fd = open_conn();

	assert_int_equal(hvclient_call(fd, msg, len, &reply, sizeof(reply), NULL, NULL), want);
	close(fd);
}

static void test_bad_arguments_are_errors(void **state)
{
	struct wire_share share = { .head.op = WIRE_SHARE, .domid = 2 };
	struct wire_grant grant = { .head.op = WIRE_GRANT, .id = 1, .count = 1 };
	struct wire_unshare unshare = { .head.op = WIRE_UNSHARE, .id = 77 };
	struct wire_id unmap = { .head.op = WIRE_UNMAP, .id = UINT32_MAX };
	struct wire_port port = { .head.op = WIRE_EVENT_CLOSE, .port = UINT32_MAX };
	struct wire_notify notify = { .head.op = WIRE_NOTIFY, .kind = 3 };

	expect_error(&share, sizeof(share), -EINVAL); /* no pages */
	share.pages = WIRE_SHARE_MAX + 1;
	expect_error(&share, sizeof(share), -EINVAL);
	share.pages = 1;
	share.domid = 0x8000;
	expect_error(&share, sizeof(share), -EINVAL);
	expect_error(&grant, sizeof(grant), -EINVAL);
	expect_error(&unshare, sizeof(unshare), -EINVAL);
	expect_error(&unmap, sizeof(unmap), -EINVAL);
	expect_error(&port, sizeof(port), -EINVAL);
	expect_error(&notify, sizeof(notify), -EINVAL);
}

/* Grants beyond the end of a share, twice, and of another connection's share. */
static void test_grant_ranges(void **state)
{
	struct hvshare share = { .domid = 2, .pages = 4, .writable = true };
	struct wire_grant grant = { .head.op = WIRE_GRANT };
	struct wire_refs_reply reply;
	uint32_t refs[4];
	int fd = open_conn();

	assert_int_equal(hvshare_make(fd, &share, refs), 0);
	grant.id = share.id;
	grant.count = 1;
	assert_int_equal(hvclient_call(fd, &grant, sizeof(grant), &reply, sizeof(reply), NULL, NULL),
		-EEXIST);
	grant.page = 3;
	grant.count = 2;
	assert_int_equal(hvclient_call(fd, &grant, sizeof(grant), &reply, sizeof(reply), NULL, NULL),
		-EINVAL);
	grant.page = 2;
	grant.count = UINT32_MAX;
	assert_int_equal(hvclient_call(fd, &grant, sizeof(grant), &reply, sizeof(reply), NULL, NULL),
		-EINVAL);
	expect_error(&grant, sizeof(grant), -EINVAL);
	close(fd);
}

static struct wire_staging *staging_open(int fd)
{
	struct wire_head setup = { .op = WIRE_COPY_SETUP };
	struct wire_reply reply;
	unsigned nfds = 1;
	int memfd = -1;
	void *addr;

	assert_int_equal(hvclient_call(fd, &setup, sizeof(setup), &reply, sizeof(reply), &memfd,
				 &nfds), sizeof(reply));
	assert_int_equal(nfds, 1);
	addr = mmap(NULL, sizeof(struct wire_staging), PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	assert_true(addr != MAP_FAILED);
	assert_int_equal(ftruncate(memfd, 0), -1);
	close(memfd);
	return addr;
}

static void test_copy_operations(void **state)
{
	struct hvshare share = { .domid = 1, .pages = 1, .writable = true };
	struct wire_copy copy = { .head.op = WIRE_COPY, .count = 6 };
	struct wire_reply reply;
	struct wire_staging *st;
	uint32_t ref;
	int fd = open_conn();

	assert_int_equal(hvshare_make(fd, &share, &ref), 0);
	st = staging_open(fd);
	for (int i = 0; i < 6; i++)
		st->ops[i] = (struct wire_copy_op){ .len = 4096,
			.dest = { .is_ref = 1, .domid = 1, .ref = ref } };
	st->ops[0].source.offset = sizeof(st->data) - 4095;
	st->ops[1].source.offset = UINT32_MAX;
	st->ops[2].source.is_ref = 2;
	st->ops[3].dest.offset = 0x10000; /* would be 0 in 16 bits */
	st->ops[4].dest.offset = 1;
	st->ops[5].source.offset = sizeof(st->data) - 4096;
	st->data[sizeof(st->data) - 1] = 0x5a;
	assert_true(hvclient_call(fd, &copy, sizeof(copy), &reply, sizeof(reply), NULL, NULL) > 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(st->ops[i].status, GNTST_bad_copy_arg);
	assert_int_equal(st->ops[5].status, GNTST_okay);
	assert_int_equal(((uint8_t *)share.addr)[4095], 0x5a);
	munmap(st, sizeof(*st));
	munmap(share.addr, 4096);
	/* A batch that is too long; a second area. */
	copy.count = WIRE_COPY_MAX + 1;
	assert_int_equal(send(fd, &copy, sizeof(copy), 0), sizeof(copy));
	expect_closed(fd);
	copy.count = 1;
	expect_rejected(&copy, sizeof(copy)); /* without one */
}

static void test_connection_quota(void **state)
{
	int fds[300], n = 0, rc = 0;

	hv_enter(&world, 1);
	for (; n < 300; n++) {
		rc = hvclient_open(NULL);
		if (rc < 0)
			break;
		fds[n] = rc;
	}
	assert_int_equal(rc, -ECONNREFUSED);
	assert_true(n > 200 && n < 256);
	/* Another domain is not touched by it. */
	hv_enter(&world, 2);
	rc = hvclient_open(NULL);
	assert_true(rc >= 0);
	close(rc);
	while (n > 0)
		close(fds[--n]);
	witness_lives();
	close(open_conn());
}

static void test_shares_cost_descriptors(void **state)
{
	struct wire_share msg = { .head.op = WIRE_SHARE, .domid = 2, .pages = 1, .writable = 1 };
	int fd = open_conn(), rc = 0;

	/* No share is granted or unmapped: only a quota ends this. */
	for (int i = 0; i < 1 << 20; i++) {
		struct wire_id_reply reply;
		unsigned nfds = 1;
		int memfd = -1;

		rc = hvclient_call(fd, &msg, sizeof(msg), &reply, sizeof(reply), &memfd, &nfds);
		if (rc < 0)
			break;
		close(memfd);
	}
	assert_int_equal(rc, -ENOSPC);
	hv_enter(&world, 2);
	rc = hvclient_open(NULL);
	assert_true(rc >= 0);
	close(rc);
	close(fd);
}

static void not_a_listener(void)
{
	struct hvctl_domain_info info[8];
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	/* Not a listening socket: an error, the control connection goes on. */
	assert_int_equal(hvctl_domain_create(world.ctl,
				 &(struct hvctl_domain_config){ .domid = 50 }, pair[0],
				 &(uint32_t){ 0 }), -EINVAL);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(hvctl_domain_list(world.ctl, info, 8), 4);
}

static void test_control_errors(void **state)
{
	struct hvctl_domain_config config = { .domid = 1 };
	uint32_t domid;

	not_a_listener();
	assert_int_equal(hv_domain_add(&world, &config, "x", &domid), -EEXIST);
	config.domid = 0x7ff1;
	assert_int_equal(hv_domain_add(&world, &config, "x", &domid), -EINVAL);
	config.domid = 60;
	config.max_channels = UINT32_MAX;
	assert_int_equal(hv_domain_add(&world, &config, "x", &domid), -EINVAL);
	config.max_channels = 0;
	memset(config.name, 'n', sizeof(config.name));
	assert_int_equal(hv_domain_add(&world, &config, "x", &domid), -EINVAL);
	assert_int_equal(hvctl_domain_destroy(world.ctl, 60), -ESRCH);
	assert_int_equal(hvctl_domain_destroy(world.ctl, UINT32_MAX), -ESRCH);
}

/* More than an answer has room for, and than a caller of hvctl_domain_list() thinks of. */
static void test_find_among_many(void **state)
{
	struct hvctl_domain_info info;
	uint32_t domid;

	for (uint32_t i = 100; i < 200; i++) {
		struct hvctl_domain_config config = { .domid = i, .max_pages = 16 };

		assert_int_equal(hv_domain_add(&world, &config, "x", &domid), 0);
	}
	for (uint32_t i = 100; i < 200; i++) {
		assert_int_equal(hvctl_domain_find(world.ctl, i, &info), 0);
		assert_int_equal(info.domid, i);
	}
	assert_int_equal(hvctl_domain_destroy(world.ctl, 150), 0);
	assert_int_equal(hvctl_domain_find(world.ctl, 150, &info), -ESRCH);
	assert_int_equal(hvctl_domain_find(world.ctl, 200, &info), -ESRCH);
	assert_int_equal(hvctl_domain_find(world.ctl, UINT32_MAX, &info), -ESRCH);
	for (uint32_t i = 100; i < 200; i++)
		assert_int_equal(hvctl_domain_destroy(world.ctl, i), i == 150 ? -ESRCH : 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_and_huge),
		cmocka_unit_test(test_unknown_ops),
		cmocka_unit_test(test_every_op_with_wrong_size),
		cmocka_unit_test(test_map_counts),
		cmocka_unit_test(test_bad_enumerations),
		cmocka_unit_test(test_hello_comes_first),
		cmocka_unit_test(test_descriptors_not_asked_for),
		cmocka_unit_test(test_descriptor_that_lingers),
		cmocka_unit_test(test_connects_of_the_dead),
		cmocka_unit_test(test_unread_replies),
		cmocka_unit_test(test_request_before_reading),
		cmocka_unit_test(test_bad_arguments_are_errors),
		cmocka_unit_test(test_grant_ranges),
		cmocka_unit_test(test_copy_operations),
		cmocka_unit_test(test_connection_quota),
		cmocka_unit_test(test_shares_cost_descriptors),
		cmocka_unit_test(test_control_errors),
		cmocka_unit_test(test_find_among_many),
	};
	int failed;

	hv_dropin(argv);
	hv_world_start(&world);
	witness = open_conn();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	close(witness);
	hv_world_stop(&world);
	return failed;
}

// SPDX-License-Identifier: MIT
/* A connection to an NBD server, by the real library, to a server that the test plays. */
#include "config.h"
#include "backends/blk/nbd-link.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE (1u << 20)
#define PATIENCE_MS 60000
#define OPTION_GO 7u

/* --- the server, a process: proto.md's fixed newstyle negotiation, then reads one by one ------------------- */

static void take(int fd, void *bytes, size_t n)
{
	if (recv(fd, bytes, n, MSG_WAITALL) != (ssize_t)n)
		_exit(0);
}

static void give(int fd, const void *bytes, size_t n)
{
	if (send(fd, bytes, n, MSG_NOSIGNAL) != (ssize_t)n)
		_exit(0);
}

struct option_reply {
	uint64_t magic;
	uint32_t option, type, length;
} __attribute__((packed));

static void reply(int fd, uint32_t option, uint32_t type, const void *bytes, uint32_t n)
{
	const struct option_reply r = { htobe64(0x3e889045565a9), htobe32(option), htobe32(type), htobe32(n) };

	give(fd, &r, sizeof(r));
	if (n)
		give(fd, bytes, n);
}

static void greet(int fd)
{
	static const uint8_t greeting[18] = "NBDMAGICIHAVEOPT\0\1";
	struct { uint64_t magic; uint32_t option, length; } o;
	struct { uint16_t type; uint64_t size; uint16_t flags; } __attribute__((packed))
		info = { 0, htobe64(SIZE), htobe16(1) };
	uint8_t rest[512];

	give(fd, greeting, sizeof(greeting));
	take(fd, rest, 4);
	do {
		take(fd, &o, sizeof(o));
		take(fd, rest, be32toh(o.length));
		if (be32toh(o.option) != OPTION_GO)
			reply(fd, be32toh(o.option), 0x80000001, NULL, 0); /* it has no such option */
	} while (be32toh(o.option) != OPTION_GO);
	reply(fd, OPTION_GO, 3, &info, sizeof(info));
	reply(fd, OPTION_GO, 1, NULL, 0);
}

static _Noreturn void serve(int fd, unsigned reads)
{
	greet(fd);
	for (unsigned i = 0; i < reads; i++) {
		struct { uint32_t magic; uint16_t flags, type; uint64_t handle, offset; uint32_t length; }
			__attribute__((packed)) q;
		struct { uint32_t magic, error; uint64_t handle; } a = { htobe32(0x67446698), 0, 0 };
		uint8_t data[512];

		take(fd, &q, sizeof(q));
		a.handle = q.handle;
		memset(data, 'a' + (int)i, sizeof(data));
		give(fd, &a, sizeof(a));
		give(fd, data, sizeof(data));
	}
	_exit(0);
}

/* --- the client ------------------------------------------------------------------------ */

static struct nbd_server server;
static struct nbd_link l;
static char directory[] = "/tmp/sluice-nbd-XXXXXX";
static pid_t child;
static unsigned answered;

/* One event. */
static void turn(void)
{
	struct pollfd p = { .fd = -1 };

	p.events = (short)nbd_link_wants(&l, &p.fd);
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	nbd_link_event(&l, (uint32_t)p.revents);
}

static void begin(unsigned reads)
{
	struct sockaddr_un *at = (struct sockaddr_un *)&server.address[0];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(at->sun_path, sizeof(at->sun_path), "%s/socket", directory);
	unlink(at->sun_path);
	server.address_len[0] = sizeof(*at);
	server.addresses = 1;
	assert_int_equal(bind(fd, (struct sockaddr *)at, sizeof(*at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		serve(accept(fd, NULL, NULL), reads);
	close(fd);
	answered = 0;
	l = (struct nbd_link){ .fd = -1 };
	nbd_link_begin(&l, &server);
	while (l.phase != NBD_LINK_UP)
		turn();
}

static void end(void)
{
	struct sockaddr_un *at = (struct sockaddr_un *)&server.address[0];

	nbd_link_close(&l);
	assert_int_equal(waitpid(child, NULL, 0), child);
	unlink(at->sun_path);
}

static int on_answer(void *opaque, int *error)
{
	assert_int_equal(*error, 0);
	answered++;
	return 1;
}

static void ask(uint8_t *data)
{
	const nbd_completion_callback done = { .callback = on_answer };

	assert_true(nbd_aio_pread(l.handle, data, 512, 0, done, 0) > 0);
}

/* libnbd would wait for an answer then, and send no command: none would ever come. */
static void an_event_for_nothing_does_no_harm(void **state)
{
	uint8_t data[512];

	begin(2);
	for (unsigned i = 0; i < 2; i++) {
		nbd_link_event(&l, POLLIN);
		ask(data);
		while (answered == i)
			turn();
		assert_int_equal(data[511], 'a' + i);
	}
	end();
}

static void answers_that_are_there_are_read_at_once(void **state)
{
	uint8_t data[3][512];

	begin(3);
	for (unsigned i = 0; i < 3; i++)
		ask(data[i]);
	/* All of them are there when it has ended. */
	assert_int_equal(waitid(P_PID, (id_t)child, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
	turn();
	assert_int_equal(answered, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(data[i][0], 'a' + i);
	/* With its end, which has the reason that it has. */
	assert_int_equal(l.phase, NBD_LINK_DOWN);
	assert_string_equal(l.why, "the server closed the connection");
	end();
}

static int setup(void **state)
{
	return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_for_nothing_does_no_harm),
		cmocka_unit_test(answers_that_are_there_are_read_at_once),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

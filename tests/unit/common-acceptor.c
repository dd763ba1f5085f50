// SPDX-License-Identifier: MIT
/* A listener without descriptors looks away for a while, and a full one until there is a place. */
#include "config.h"
#include "common/acceptor.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/loop.h"

static unsigned accepts; /* calls */
static int accept_error; /* 0: none */

int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int __real_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	accepts++;
	if (!accept_error)
		return __real_accept4(fd, addr, len, flags);
	errno = accept_error;
	return -1;
}

struct rig {
	struct loop *loop;
	struct acceptor acceptor;
	int fd, client;
	unsigned taken;
	bool stops; /* with the first connection */
};

static void on_taken(void *opaque, int fd)
{
	struct rig *r = opaque;

	r->taken++;
	close(fd);
	if (r->stops)
		loop_stop(r->loop, 0);
}

static void stop(void *opaque)
{
	loop_stop(opaque, 0);
}

static void run_for(struct rig *r, unsigned ms)
{
	assert_non_null(loop_add_timer(r->loop, ms, stop, r->loop));
	assert_int_equal(loop_run(r->loop), 0);
}

static int setup(void **state)
{
	static struct rig r;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(sa_family_t);

	r = (struct rig){ .loop = loop_new() };
	accepts = 0;
	accept_error = 0;
	r.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	r.client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* A name of the kernel's choice. */
	if (!r.loop || bind(r.fd, (struct sockaddr *)&sun, len) < 0 || listen(r.fd, 8) < 0)
		return -1;
	len = sizeof(sun);
	if (getsockname(r.fd, (struct sockaddr *)&sun, &len) < 0 ||
		connect(r.client, (struct sockaddr *)&sun, len) < 0)
		return -1;
	*state = &r;
	return acceptor_open(&r.acceptor, r.loop, r.fd, "the rig", on_taken, &r);
}

static int teardown(void **state)
{
	struct rig *r = *state;

	acceptor_close(&r->acceptor);
	loop_free(r->loop);
	close(r->fd);
	close(r->client);
	return 0;
}

static void test_taken(void **state)
{
	struct rig *r = *state;

	run_for(r, 0);
	assert_int_equal(r->taken, 1);
}

/* However often the loop turns. */
static void test_rests(void **state)
{
	struct rig *r = *state;

	accept_error = EMFILE;
	for (unsigned i = 0; i < 100; i++)
		run_for(r, 0);
	assert_true(accepts < 20);
	accept_error = 0;
	r->stops = true;
	assert_int_equal(loop_run(r->loop), 0);
	assert_int_equal(r->taken, 1);
}

/* The next one may be there already. */
static void test_gone_again(void **state)
{
	struct rig *r = *state;

	accept_error = ECONNABORTED;
	for (unsigned i = 0; i < 100; i++)
		run_for(r, 0);
	assert_int_equal(accepts, 100);
}

static void test_full(void **state)
{
	struct rig *r = *state;

	acceptor_set_full(&r->acceptor, true);
	for (unsigned i = 0; i < 100; i++)
		run_for(r, 0);
	assert_int_equal(accepts, 0);
	acceptor_set_full(&r->acceptor, false);
	run_for(r, 0);
	assert_int_equal(r->taken, 1);
}

/* The end of a rest does not end that. */
static void test_full_while_resting(void **state)
{
	struct rig *r = *state;

	accept_error = ENFILE;
	run_for(r, 0);
	acceptor_set_full(&r->acceptor, true);
	accept_error = 0;
	run_for(r, 1000);
	assert_int_equal(r->taken, 0);
	acceptor_set_full(&r->acceptor, false);
	run_for(r, 0);
	assert_int_equal(r->taken, 1);
}

static void test_closed_while_resting(void **state)
{
	struct rig *r = *state;

	accept_error = EMFILE;
	run_for(r, 0);
	acceptor_close(&r->acceptor);
	accept_error = 0;
	run_for(r, 500);
	assert_int_equal(r->taken, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_while_resting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed_while_resting, setup, teardown),
	};

	return cmocka_run_group_tests_name("common-acceptor", tests, NULL, NULL);
}

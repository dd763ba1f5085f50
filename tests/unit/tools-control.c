// SPDX-License-Identifier: MIT
/* The control socket of a run, and those who ask there. */
#include "config.h"
#include "tools/boot-ask.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/loop.h"

/* As many as are served at a time, and more. */
#define MANY 200u

struct boot {
	struct loop *loop;
	struct boot_reply *waiter; /* of "wait" */
	unsigned nwords, requests;
	char last[32];
};

static struct boot boot;
static struct boot_control *control;
static char dir[32];

/* "wait" is answered by "go", which ends the run. */
void boot_request(struct boot *b, char **words, unsigned nwords, struct boot_reply *reply)
{
	b->requests++;
	b->nwords = nwords;
	snprintf(b->last, sizeof(b->last), "%s", words[nwords - 1]);
	if (strcmp(words[0], "wait") == 0) {
		b->waiter = reply;
		return;
	}
	boot_reply_send(b->waiter, "ok\nwaited\n");
	b->waiter = NULL;
	boot_reply_send(reply, "%s", strcmp(words[0], "no") == 0 ? "never\n" : "ok\ndone\n");
	loop_stop(b->loop, 0);
}

static void remove_socket(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/" BOOT_SOCKET, dir);
	unlink(path);
}

static int setup(void **state)
{
	boot = (struct boot){ .loop = loop_new() };
	snprintf(dir, sizeof(dir), "/tmp/sluice-test-XXXXXX");
	if (!boot.loop || !mkdtemp(dir))
		return -1;
	control = boot_control_open(boot.loop, dir, &boot);
	return control ? 0 : -1;
}

static int teardown(void **state)
{
	boot_control_close(control);
	loop_free(boot.loop);
	remove_socket();
	rmdir(dir);
	return 0;
}

static int client(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/" BOOT_SOCKET, dir);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void stop(void *opaque)
{
	loop_stop(opaque, 0);
}

/* What is ready, and what comes of it. */
static void serve(void)
{
	for (unsigned i = 0; i < 10; i++) {
		assert_non_null(loop_add_timer(boot.loop, 0, stop, boot.loop));
		assert_int_equal(loop_run(boot.loop), 0);
	}
}

static void expect(int fd, const char *text)
{
	char reply[256] = "";

	assert_true(recv(fd, reply, sizeof(reply) - 1, 0) > 0);
	assert_string_equal(reply, text);
}

/* --- requests ---------------------------------------------------------- */

/* 64 directories, 16 interfaces, 16 bridges and 64 servers are allowed, and more options. */
static void test_many_words(void **state)
{
	char request[8000];
	size_t used = 0;
	int fd = client();

	for (unsigned i = 0; i < 1000; i++)
		used += (size_t)snprintf(request + used, sizeof(request) - used, "word%u", i) + 1;
	assert_int_equal(send(fd, request, used, 0), used);
	serve();
	assert_int_equal(boot.nwords, 1000);
	assert_string_equal(boot.last, "word999");
	expect(fd, "ok\ndone\n");
	close(fd);
}

static void test_no_nul(void **state)
{
	int fd = client();

	assert_int_equal(send(fd, "one\0two", 7, 0), 7);
	serve();
	assert_int_equal(boot.nwords, 2);
	assert_string_equal(boot.last, "two");
	close(fd);
}

/* Never a part of it. */
static void test_too_long(void **state)
{
	CLEANUP_FREE char *request = calloc(1, BOOT_MESSAGE_MAX);
	int fd = client();

	assert_int_equal(send(fd, request, BOOT_MESSAGE_MAX, 0), BOOT_MESSAGE_MAX);
	serve();
	assert_int_equal(boot.requests, 0);
	expect(fd, "the request is longer than the 65535 bytes that a stack takes");
	close(fd);
}

/* --- places ------------------------------------------------------------ */

static unsigned connect_many(int *fds)
{
	unsigned n = 0;

	for (unsigned tries = 0; n < MANY && tries < 2 * MANY; tries++) {
		fds[n] = client();
		n += fds[n] >= 0;
		/* Those who wait have a queue of their own. */
		serve();
	}
	return n;
}

/* More than there are places are not sent away. */
static void test_full(void **state)
{
	int fds[MANY];
	unsigned n = connect_many(fds);

	assert_true(n > 32);
	assert_true(n < MANY);
	assert_false(boot_control_is_idle(control));
	/* The last one waits in the queue. */
	assert_int_equal(send(fds[n - 1], "go", 3, 0), 3);
	serve();
	assert_int_equal(boot.requests, 0);
	for (unsigned i = 0; i + 1 < n; i++)
		close(fds[i]);
	for (unsigned i = 0; i < n && !boot.requests; i++)
		serve();
	expect(fds[n - 1], "ok\ndone\n");
	close(fds[n - 1]);
	serve();
	assert_true(boot_control_is_idle(control));
}

static void test_waits(void **state)
{
	int a = client(), b = client();

	assert_int_equal(send(a, "wait", 5, 0), 5);
	serve();
	assert_int_equal(send(b, "go", 3, 0), 3);
	serve();
	expect(a, "ok\nwaited\n");
	expect(b, "ok\ndone\n");
	close(a);
	close(b);
}

/* --- those who ask ----------------------------------------------------- */

static void *run(void *opaque)
{
	loop_run(boot.loop);
	return NULL;
}

static enum boot_answer ask(const char *word, unsigned timeout_ms, char *reply)
{
	const char *words[] = { word, NULL };

	return boot_ask(dir, words, timeout_ms, reply);
}

static void test_answers(void **state)
{
	char reply[BOOT_MESSAGE_MAX];
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
	assert_int_equal(ask("go", 60000, reply), BOOT_OK);
	assert_string_equal(reply, "done\n");
	pthread_join(thread, NULL);
	assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
	assert_int_equal(ask("no", 60000, reply), BOOT_REFUSED);
	assert_string_equal(reply, "never");
	pthread_join(thread, NULL);
}

/* Nobody serves: its queue takes the request, which is not to be taken for absence. */
static void test_silent(void **state)
{
	char reply[BOOT_MESSAGE_MAX];

	assert_int_equal(ask("list", 50, reply), BOOT_SILENT);
}

/* Nor is a queue that is full. */
static void test_silent_queue(void **state)
{
	char reply[BOOT_MESSAGE_MAX];
	int fds[MANY];
	unsigned n = 0;

	while (n < MANY && (fds[n] = client()) >= 0)
		n++;
	assert_true(n < MANY);
	assert_int_equal(ask("list", 50, reply), BOOT_SILENT);
	while (n > 0)
		close(fds[--n]);
}

static void *make_room(void *opaque)
{
	int *fd = opaque;

	usleep(100000);
	while (*fd >= 0)
		close(*fd++);
	loop_run(boot.loop);
	return NULL;
}

static void test_queue_moves(void **state)
{
	char reply[BOOT_MESSAGE_MAX];
	int fds[MANY + 1];
	pthread_t thread;
	unsigned n = 0;

	while (n < MANY && (fds[n] = client()) >= 0)
		n++;
	fds[n] = -1;
	assert_int_equal(pthread_create(&thread, NULL, make_room, fds), 0);
	assert_int_equal(ask("go", 60000, reply), BOOT_OK);
	pthread_join(thread, NULL);
}

static void test_absent(void **state)
{
	char reply[BOOT_MESSAGE_MAX];

	boot_control_close(control);
	control = NULL;
	/* The socket is there, its listener is not. */
	assert_int_equal(ask("list", 60000, reply), BOOT_ABSENT);
	remove_socket();
	assert_int_equal(ask("list", 60000, reply), BOOT_ABSENT);
}

/* It is not sent, and not taken for a silent one. */
static void test_asks_too_much(void **state)
{
	CLEANUP_FREE char *word = malloc(BOOT_MESSAGE_MAX + 1);
	char reply[BOOT_MESSAGE_MAX];

	memset(word, 'x', BOOT_MESSAGE_MAX);
	word[BOOT_MESSAGE_MAX] = '\0';
	assert_int_equal(ask(word, 60000, reply), BOOT_REFUSED);
	assert_string_equal(reply, "the request is longer than the 65535 bytes that a stack takes");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_many_words),
		CASE(test_no_nul),
		CASE(test_too_long),
		CASE(test_full),
		CASE(test_waits),
		CASE(test_answers),
		CASE(test_silent),
		CASE(test_silent_queue),
		CASE(test_queue_moves),
		CASE(test_absent),
		CASE(test_asks_too_much),
	};

	return cmocka_run_group_tests_name("tools-control", tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/* Asking a format server to flush: what is sent, and every answer that is none. */
#include "config.h"
#include "drivers-domain/format-flush.h"

#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
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

static char dir[] = "/tmp/sluice-flush-XXXXXX", path[64];
static struct loop *loop;
static int listener, peer;
static struct format_flush *question;
static int result, calls;

static uint8_t answer[16384];
static size_t answer_len;

static void put(const void *data, size_t n)
{
	memcpy(answer + answer_len, data, n);
	answer_len += n;
}

static void put16(uint16_t v) { v = htobe16(v); put(&v, 2); }
static void put32(uint32_t v) { v = htobe32(v); put(&v, 4); }
static void put64(uint64_t v) { v = htobe64(v); put(&v, 8); }

static void put_greeting(uint16_t flags) { put("NBDMAGICIHAVEOPT", 16); put16(flags); }

static void put_reply(uint32_t type, uint32_t n)
{
	put64(UINT64_C(0x0003e889045565a9));
	put32(3);
	put32(type);
	put32(n);
}

static void put_name(uint32_t says, const char *name, size_t n) { put32(says); put(name, n); }

/* All that comes before the flush's answer, of a server that is well. */
static void put_export(uint16_t flags)
{
	put_greeting(3);
	put_reply(2, 4 + 10);
	put_name(5, "qcow2 and more", 10);
	put_reply(1, 0);
	put64(1 << 20);
	put16(flags);
}

static void put_answer(uint32_t error)
{
	put32(0x67446698);
	put32(error);
	put64(UINT64_C(0x736c756963650001));
}

static void on_done(void *opaque, int rc)
{
	assert_ptr_equal(opaque, &result);
	result = rc;
	calls++;
	format_flush_stop(question);
	question = NULL;
	loop_stop(loop, 0);
}

static void on_time(void *opaque) { loop_stop(loop, 1); }

/* What comes of the answers so far; 1: still waiting. */
static int ask(bool ends)
{
	struct loop_source *timer = loop_add_timer(loop, ends ? 20000 : 100, on_time, NULL);

	result = 1;
	calls = 0;
	assert_non_null(timer);
	question = format_flush_start(loop, path, on_done, &result);
	assert_non_null(question);
	peer = accept(listener, NULL, NULL);
	assert_true(peer >= 0);
	assert_int_equal(send(peer, answer, answer_len, MSG_NOSIGNAL), answer_len);
	if (ends)
		shutdown(peer, SHUT_WR);
	if (loop_run(loop) == 0)
		loop_remove(timer);
	assert_int_equal(calls, result == 1 ? 0 : 1);
	format_flush_stop(question);
	question = NULL;
	answer_len = 0;
	return result;
}

static int asked(void)
{
	int rc = ask(true);

	close(peer);
	return rc;
}

static void test_flushes(void **state)
{
	static const uint8_t sent[] = { 0, 0, 0, 3, /* no zeroes */
		'I', 'H', 'A', 'V', 'E', 'O', 'P', 'T', 0, 0, 0, 3, 0, 0, 0, 0, /* list */
		'I', 'H', 'A', 'V', 'E', 'O', 'P', 'T', 0, 0, 0, 1, 0, 0, 0, 5, 'q', 'c', 'o', 'w', '2',
		0x25, 0x60, 0x95, 0x13, 0, 0, 0, 3, 0x73, 0x6c, 0x75, 0x69, 0x63, 0x65, 0, 1,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* flush */
		0x25, 0x60, 0x95, 0x13, 0, 0, 0, 2 /* disconnect */ };
	uint8_t got[256];

	put_export(5);
	put_answer(0);
	assert_int_equal(ask(true), 0);
	assert_true(recv(peer, got, sizeof(got), 0) >= (ssize_t)sizeof(sent));
	assert_memory_equal(got, sent, sizeof(sent));
	close(peer);
}

/* The answer is the server's, by the protocol's numbers. */
static void test_errors(void **state)
{
	static const struct { uint32_t says; int rc; } errors[] = { { ENOSPC, -ENOSPC }, { EIO, -EIO },
		{ EINVAL, -EINVAL }, { 0xffffffff, -EIO }, { EALREADY, -EIO }, { EAGAIN, -EIO } };

	for (unsigned i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		put_export(5);
		put_answer(errors[i].says);
		assert_int_equal(asked(), errors[i].rc);
	}
}

/* One that says it cannot be told to flush promises nothing. */
static void test_no_flush(void **state)
{
	put_export(1);
	put_answer(0);
	assert_int_equal(asked(), -EOPNOTSUPP);
}

static void test_ends_anywhere(void **state)
{
	size_t whole, n;

	put_export(5);
	put_answer(0);
	whole = answer_len;
	for (n = 0; n < whole; n++) {
		answer_len = 0;
		put_export(5);
		put_answer(0);
		answer_len = n;
		assert_int_equal(asked(), -ECONNRESET);
	}
}

/* Without an answer and without an end it waits: the caller has the time limit. */
static void test_waits(void **state)
{
	put_export(5);
	assert_int_equal(ask(false), 1);
	close(peer);
}

static void test_nonsense(void **state)
{
	put("NBDMAGICIHAVEOPX\0\3", 18);
	assert_int_equal(asked(), -EPROTO);
	put_greeting(1);
	assert_int_equal(asked(), -EPROTO);
	/* No export. */
	put_greeting(3);
	put_reply(1, 0);
	assert_int_equal(asked(), -EPROTO);
	/* A second one; an error; of another option. */
	put_greeting(3);
	put_reply(2, 5);
	put_name(1, "a", 1);
	put_reply(2, 5);
	assert_int_equal(asked(), -EPROTO);
	put_greeting(3);
	put_reply(0x80000001, 0);
	assert_int_equal(asked(), -EPROTO);
	put_greeting(3);
	put64(UINT64_C(0x0003e889045565a9));
	put32(4);
	put32(1);
	put32(0);
	assert_int_equal(asked(), -EPROTO);
	/* Another request's answer, and none. */
	put_export(5);
	put32(0x67446698);
	put32(0);
	put64(7);
	assert_int_equal(asked(), -EPROTO);
	put_export(5);
	put("0123456789abcdef", 16);
	assert_int_equal(asked(), -EPROTO);
}

static void test_lengths(void **state)
{
	static const uint32_t lengths[] = { 0, 3, 4 + 2 * 4096 + 1, 0x80000000, 0xffffffff };
	static char name[8192];

	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		put_greeting(3);
		put_reply(2, lengths[i]);
		assert_int_equal(asked(), -EPROTO);
	}
	/* A name that is longer than what it is in, and one that is too long. */
	put_greeting(3);
	put_reply(2, 8);
	put_name(5, "abcd", 4);
	assert_int_equal(asked(), -EPROTO);
	put_greeting(3);
	put_reply(2, 8);
	put_name(0xffffffff, "abcd", 4);
	assert_int_equal(asked(), -EPROTO);
	put_greeting(3);
	put_reply(2, 4 + 8192);
	put_name(4097, name, sizeof(name));
	assert_int_equal(asked(), -EPROTO);
}

static void test_nobody(void **state)
{
	char other[80];

	snprintf(other, sizeof(other), "%s.none", path);
	assert_null(format_flush_start(loop, other, on_done, NULL));
	assert_int_equal(errno, ENOENT);
}

static int begin(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	loop = loop_new();
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	return loop && bind(listener, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(listener, 8) == 0 ? 0 : -1;
}

static int end(void **state)
{
	loop_free(loop);
	close(listener);
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flushes),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_no_flush),
		cmocka_unit_test(test_ends_anywhere),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests(tests, begin, end);
}

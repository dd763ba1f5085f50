// SPDX-License-Identifier: MIT
/* Requests that clients of sluice metrics may send, and others. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/metrics-request.h"
#include "tools/prng.h"

/* Of exactly that size: what is read beyond it is found. */
static enum metrics_answer ask_bytes(const char *bytes, size_t size)
{
	char *copy = malloc(size ? size : 1);
	enum metrics_answer answer;

	memcpy(copy, bytes, size);
	answer = metrics_request(copy, size);
	free(copy);
	return answer;
}

static enum metrics_answer ask(const char *text)
{
	return ask_bytes(text, strlen(text));
}

static void test_get(void **state)
{
	assert_int_equal(ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"), METRICS_OK);
	assert_int_equal(ask("GET /metrics HTTP/1.0\r\n\r\n"), METRICS_OK);
	assert_int_equal(ask("GET /metrics?name=x HTTP/1.1\r\n\r\n"), METRICS_OK);
	assert_int_equal(ask("GET /metrics HTTP/1.1\n\n"), METRICS_OK);
}

static void test_head(void **state)
{
	assert_int_equal(ask("HEAD /metrics HTTP/1.1\r\n\r\n"), METRICS_OK_HEAD);
}

static void test_beginnings_are_waited_for(void **state)
{
	static const char whole[] = "GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n";

	for (size_t n = 0; n < sizeof(whole) - 1; n++)
		assert_int_equal(ask_bytes(whole, n), METRICS_INCOMPLETE);
}

static void test_what_follows_is_not_looked_at(void **state)
{
	assert_int_equal(ask("GET /metrics HTTP/1.1\r\n\r\n\001\002GET /"), METRICS_OK);
}

static void test_other_paths(void **state)
{
	assert_int_equal(ask("GET / HTTP/1.1\r\n\r\n"), METRICS_NOT_FOUND);
	assert_int_equal(ask("GET /metricsx HTTP/1.1\r\n\r\n"), METRICS_NOT_FOUND);
	assert_int_equal(ask("GET /metrics/../etc/passwd HTTP/1.1\r\n\r\n"), METRICS_NOT_FOUND);
	assert_int_equal(ask("GET /%6detrics HTTP/1.1\r\n\r\n"), METRICS_NOT_FOUND);
}

static void test_targets_that_are_no_paths(void **state)
{
	assert_int_equal(ask("GET metrics HTTP/1.1\r\n\r\n"), METRICS_BAD);
	assert_int_equal(ask("GET http://a/metrics HTTP/1.1\r\n\r\n"), METRICS_BAD);
	assert_int_equal(ask("GET  HTTP/1.1\r\n\r\n"), METRICS_BAD);
}

static void test_other_methods(void **state)
{
	assert_int_equal(ask("POST /metrics HTTP/1.1\r\n\r\n"), METRICS_BAD_METHOD);
	assert_int_equal(ask("get /metrics HTTP/1.1\r\n\r\n"), METRICS_BAD_METHOD);
	assert_int_equal(ask("GETX /metrics HTTP/1.1\r\n\r\n"), METRICS_BAD_METHOD);
}

static void test_methods_that_are_none(void **state)
{
	assert_int_equal(ask("G(T /metrics HTTP/1.1\r\n\r\n"), METRICS_BAD);
	assert_int_equal(ask(" GET /metrics HTTP/1.1\r\n\r\n"), METRICS_BAD);
}

static void test_versions(void **state)
{
	assert_int_equal(ask("GET /metrics HTTP/2.0\r\n\r\n"), METRICS_BAD_VERSION);
	assert_int_equal(ask("GET /metrics HTTP/1.10\r\n\r\n"), METRICS_BAD);
	assert_int_equal(ask("GET /metrics HTTP/x.1\r\n\r\n"), METRICS_BAD);
	assert_int_equal(ask("GET /metrics http/1.1\r\n\r\n"), METRICS_BAD);
	assert_int_equal(ask("GET /metrics HTTP/1.1 \r\n\r\n"), METRICS_BAD);
	assert_int_equal(ask("GET /metrics\r\n\r\n"), METRICS_BAD);
}

static void test_other_protocols_are_refused_at_once(void **state)
{
	assert_int_equal(ask("\026\003\001\002\n"), METRICS_BAD);
	assert_int_equal(ask("\r\n"), METRICS_BAD);
	assert_int_equal(ask("NICK x\n"), METRICS_BAD);
}

static void test_controls_in_the_request_line(void **state)
{
	assert_int_equal(ask("GET /met\trics HTTP/1.1\r\n\r\n"), METRICS_BAD);
	assert_int_equal(ask("GET /met\177rics HTTP/1.1\r\n\r\n"), METRICS_BAD);
	assert_int_equal(ask_bytes("GET /met\0rics HTTP/1.1\r\n\r\n", 26), METRICS_BAD);
}

static void test_headers_that_are_none(void **state)
{
	assert_int_equal(ask("GET /metrics HTTP/1.1\r\nHost\r\n\r\n"), METRICS_BAD);
	assert_int_equal(ask("GET /metrics HTTP/1.1\r\n: x\r\n\r\n"), METRICS_BAD);
	assert_int_equal(ask("GET /metrics HTTP/1.1\r\nHost : x\r\n\r\n"), METRICS_BAD);
	assert_int_equal(ask("GET /metrics HTTP/1.1\r\n folded\r\n\r\n"), METRICS_BAD);
	assert_int_equal(ask("GET /metrics HTTP/1.1\r\nA: \001\r\n\r\n"), METRICS_BAD);
	assert_int_equal(ask_bytes("GET /metrics HTTP/1.1\r\nA: \0\r\n\r\n", 30), METRICS_BAD);
	assert_int_equal(ask_bytes("GET /metrics HTTP/1.1\r\nA\0: b\r\n\r\n", 31), METRICS_BAD);
}

static void test_long_request_line(void **state)
{
	static char bytes[METRICS_REQUEST_MAX];

	memset(bytes, 'a', sizeof(bytes));
	assert_int_equal(ask_bytes(bytes, sizeof(bytes) - 1), METRICS_INCOMPLETE);
	assert_int_equal(ask_bytes(bytes, sizeof(bytes)), METRICS_TOO_LARGE);
}

static void test_headers_without_end(void **state)
{
	static char bytes[METRICS_REQUEST_MAX];
	size_t n = (size_t)snprintf(bytes, sizeof(bytes), "GET /metrics HTTP/1.1\r\n");

	while (n + 6 <= sizeof(bytes)) {
		memcpy(bytes + n, "a: b\r\n", 6);
		n += 6;
	}
	assert_int_equal(ask_bytes(bytes, n), METRICS_INCOMPLETE);
	memset(bytes + n, 'a', sizeof(bytes) - n);
	assert_int_equal(ask_bytes(bytes, sizeof(bytes)), METRICS_TOO_LARGE);
}

static void test_garbage(void **state)
{
	static const char alphabet[] = "GETHAD /metricsHTTP/1.1\r\n\r\n: \001\377?";
	uint64_t seed = 1;

	for (unsigned i = 0; i < 20000; i++) {
		char bytes[64];
		size_t size = prng_next(&seed) % sizeof(bytes);

		for (size_t j = 0; j < size; j++)
			bytes[j] = alphabet[prng_next(&seed) % (sizeof(alphabet) - 1)];
		assert_string_not_equal(metrics_reason(ask_bytes(bytes, size)), "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_beginnings_are_waited_for),
		cmocka_unit_test(test_what_follows_is_not_looked_at),
		cmocka_unit_test(test_other_paths),
		cmocka_unit_test(test_targets_that_are_no_paths),
		cmocka_unit_test(test_other_methods),
		cmocka_unit_test(test_methods_that_are_none),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_other_protocols_are_refused_at_once),
		cmocka_unit_test(test_controls_in_the_request_line),
		cmocka_unit_test(test_headers_that_are_none),
		cmocka_unit_test(test_long_request_line),
		cmocka_unit_test(test_headers_without_end),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/* The engine of negotiation on a table of its own. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/array.h"
#include "fake-nodes.h"
#include "protocol/negotiate.h"

struct fields {
	char *name, *colour;
	bool flag;
	uint32_t small, order, must;
	uint64_t big;
	uint32_t port;
	char before_end;
};

#define F(f) .offset = offsetof(struct fields, f)
#define BACK .writer = NEGO_BACKEND, .when = NEGO_BEFORE_INITWAIT
static const struct nego_node nodes[] = {
	{ .name = "name", BACK, .type = NEGO_STRING, .fallback = "nobody", F(name) },
	{ .name = "colour", BACK, .type = NEGO_STRING, .values = "red blue", F(colour) },
	{ .name = "flag", BACK, .type = NEGO_BOOL, .fallback = "1", F(flag) },
	{ .name = "small", BACK, .type = NEGO_U32, .min = 5, .max = 10, .fallback = "7",
		.omit_zero = true, F(small) },
	{ .name = "big", BACK, .type = NEGO_U64, .max = UINT64_MAX, F(big) },
	{ .name = "order", BACK, .type = NEGO_U32, .max = 20, .fallback = "0", F(order) },
	{ .name = "pages", BACK, .type = NEGO_U32, .min = 1, .max = 1 << 20, .alias_of = "order",
		.offset = NEGO_NO_FIELD },
	{ .name = "documented", BACK, .type = NEGO_U32, .max = 1, .offset = NEGO_NO_FIELD },
	{ .name = "must", .writer = NEGO_FRONTEND, .type = NEGO_U32, .max = UINT64_MAX,
		.required = true, F(must) },
	{ .name = "port", .writer = NEGO_FRONTEND, .type = NEGO_U32, .min = 1, .max = 9,
		.per_queue = true, F(port) },
	{ .name = "late", .writer = NEGO_BACKEND, .when = NEGO_BEFORE_CONNECTED, .type = NEGO_U32,
		.max = 100, .fallback = "sector-size", F(must) },
};
static const struct nego_table table = { "test", "Test", nodes, ARRAY_SIZE(nodes) };

struct fixture {
	struct fake_dir dir;
	struct fields f;
	struct nego_error error;
};

static int setup(void **state)
{
	*state = test_calloc(1, sizeof(struct fixture));
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	nego_clear(&table, NEGO_BACKEND, &x->f);
	assert_null(x->f.name);
	assert_null(x->f.colour);
	test_free(x);
	return 0;
}

static int read_back(struct fixture *x)
{
	return nego_read(&table, NEGO_BACKEND, &x->f, fake_read, &x->dir, &x->error);
}

static int read_with(struct fixture *x, const char *name, const char *value)
{
	int rc;

	fake_set(&x->dir, name, value);
	rc = read_back(x);
	fake_set(&x->dir, name, NULL);
	return rc;
}

static void test_fallbacks(void **state)
{
	struct fixture *x = *state;

	x->f.must = 33;
	x->f.big = 3;
	assert_int_equal(read_back(x), 0);
	assert_string_equal(x->f.name, "nobody");
	assert_null(x->f.colour);
	assert_true(x->f.flag);
	assert_int_equal(x->f.small, 7);
	assert_true(x->f.big == 0);
	assert_int_equal(x->f.must, 0); /* a fallback in words is for the reader */
}

static void test_values(void **state)
{
	struct fixture *x = *state;

	fake_set(&x->dir, "name", "you");
	fake_set(&x->dir, "colour", "blue");
	fake_set(&x->dir, "flag", "0");
	fake_set(&x->dir, "small", "010");
	fake_set(&x->dir, "big", "18446744073709551615");
	fake_set(&x->dir, "order", "3");
	fake_set(&x->dir, "pages", "4"); /* the node itself goes first */
	assert_int_equal(read_back(x), 0);
	assert_string_equal(x->f.name, "you");
	assert_string_equal(x->f.colour, "blue");
	assert_false(x->f.flag);
	assert_int_equal(x->f.small, 10);
	assert_true(x->f.big == UINT64_MAX);
	assert_int_equal(x->f.order, 3);
	/* again, over what is there: the sanitizer would see a leak */
	assert_int_equal(read_back(x), 0);
}

static void test_empty_is_absent(void **state)
{
	struct fixture *x = *state;

	fake_set(&x->dir, "small", "");
	fake_set(&x->dir, "name", "");
	fake_set(&x->dir, "colour", "");
	assert_int_equal(read_back(x), 0);
	assert_int_equal(x->f.small, 7);
	assert_string_equal(x->f.name, "nobody");
	assert_null(x->f.colour);
	fake_set(&x->dir, "must", "");
	assert_int_equal(nego_read(&table, NEGO_FRONTEND, &x->f, fake_read, &x->dir, &x->error),
		-ENOENT);
}

static void test_no_numbers(void **state)
{
	static const char *const bad[] = { " 7", "7 ", "+7", "-7", "0x7", "7.0", "seven", "7\n",
		"\xff", "7e0", "--", ",", "7:", "@" };
	struct fixture *x = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		x->error.text[0] = '\0';
		assert_int_equal(read_with(x, "small", bad[i]), -EINVAL);
		assert_memory_equal(x->error.text, "small is \"", 10);
		assert_int_equal(read_with(x, "big", bad[i]), -EINVAL);
		assert_int_equal(read_with(x, "flag", bad[i]), -EINVAL);
	}
}

static void test_bounds(void **state)
{
	static const char *const out[] = { "4", "0", "11", "4294967303", "18446744073709551623",
		"99999999999999999999999999" };
	struct fixture *x = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(out); i++) {
		x->f.small = 77;
		assert_int_equal(read_with(x, "small", out[i]), -ERANGE);
		assert_int_equal(x->f.small, 77);
	}
	assert_string_equal(x->error.text,
		"small is \"99999999999999999999999999\": must be a number from 5 to 10");
	assert_int_equal(read_with(x, "small", "5"), 0);
	assert_int_equal(read_with(x, "small", "10"), 0);
	assert_int_equal(read_with(x, "flag", "2"), -ERANGE);
	assert_int_equal(read_with(x, "big", "18446744073709551616"), -ERANGE);
	/* a row's bound beyond its type's does not let it through */
	fake_set(&x->dir, "must", "4294967296");
	assert_int_equal(nego_read(&table, NEGO_FRONTEND, &x->f, fake_read, &x->dir, NULL), -ERANGE);
}

static void test_listed_strings(void **state)
{
	static const char *const bad[] = { "re", "redd", "red blue", "RED", " red", "green" };
	struct fixture *x = *state;

	assert_int_equal(read_with(x, "colour", "red"), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(read_with(x, "colour", bad[i]), -EINVAL);
	assert_string_equal(x->error.text, "colour is \"green\": must be one of: red blue");
	assert_string_equal(x->f.colour, "red"); /* what was there stays, and is freed once */
}

/* What a peer writes does not reach a terminal or start a line of its own in a log. */
static void test_errors_are_printable(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(read_with(x, "small", "1\n\x1b[2J\"error: \x80 and so on and so on and on"),
		-EINVAL);
	for (const char *p = x->error.text; *p; p++)
		assert_true(*p >= ' ' && *p <= '~');
	assert_non_null(strstr(x->error.text, "...\": must be a number from 5 to 10"));
}

static void test_alias(void **state)
{
	static const char *const bad[] = { "0", "3", "6", "1048575", "2097152", "x" };
	struct fixture *x = *state;

	assert_int_equal(read_with(x, "pages", "1"), 0);
	assert_int_equal(x->f.order, 0);
	assert_int_equal(read_with(x, "pages", "16"), 0);
	assert_int_equal(x->f.order, 4);
	assert_int_equal(read_with(x, "pages", "1048576"), 0);
	assert_int_equal(x->f.order, 20);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(read_with(x, "pages", bad[i]) < 0);
}

static void test_required(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(nego_read(&table, NEGO_FRONTEND, &x->f, fake_read, &x->dir, &x->error),
		-ENOENT);
	assert_string_equal(x->error.text, "must is missing");
	fake_set(&x->dir, "must", "4294967295");
	assert_int_equal(nego_read(&table, NEGO_FRONTEND, &x->f, fake_read, &x->dir, &x->error), 0);
	assert_int_equal(x->f.must, UINT32_MAX);
}

static void test_queue(void **state)
{
	struct fixture *x = *state;

	fake_set(&x->dir, "port", "3");
	fake_set(&x->dir, "queue-1/port", "4");
	fake_set(&x->dir, "queue-2/port", "10");
	assert_int_equal(nego_read_queue(&table, NEGO_FRONTEND, "", &x->f, fake_read, &x->dir,
				 &x->error), 0);
	assert_int_equal(x->f.port, 3);
	assert_int_equal(nego_read_queue(&table, NEGO_FRONTEND, "queue-1/", &x->f, fake_read,
				 &x->dir, &x->error), 0);
	assert_int_equal(x->f.port, 4);
	assert_int_equal(nego_read_queue(&table, NEGO_FRONTEND, "queue-2/", &x->f, fake_read,
				 &x->dir, &x->error), -ERANGE);
	assert_memory_equal(x->error.text, "queue-2/port is", 15);
}

static void test_write(void **state)
{
	struct fixture *x = *state;
	struct fields f = { .flag = true, .small = 6, .order = 4, .big = UINT64_MAX, .must = 3 };

	f.colour = strdup("blue");
	assert_int_equal(nego_write(&table, NEGO_BACKEND, NEGO_BEFORE_INITWAIT, &f, fake_write,
				 &x->dir), 0);
	assert_int_equal(x->dir.count, 6);
	assert_string_equal(fake_get(&x->dir, "colour"), "blue");
	assert_string_equal(fake_get(&x->dir, "flag"), "1");
	assert_string_equal(fake_get(&x->dir, "small"), "6");
	assert_string_equal(fake_get(&x->dir, "order"), "4");
	assert_string_equal(fake_get(&x->dir, "pages"), "16");
	assert_string_equal(fake_get(&x->dir, "big"), "18446744073709551615");
	assert_int_equal(nego_write(&table, NEGO_BACKEND, NEGO_BEFORE_CONNECTED, &f, fake_write,
				 &x->dir), 0);
	assert_string_equal(fake_get(&x->dir, "late"), "3");
	free(f.colour);
}

static void test_write_omits(void **state)
{
	struct fixture *x = *state;
	struct fields f = { 0 };

	assert_int_equal(nego_write(&table, NEGO_BACKEND, NEGO_BEFORE_INITWAIT, &f, fake_write,
				 &x->dir), 0);
	assert_null(fake_get(&x->dir, "small"));
	assert_null(fake_get(&x->dir, "name"));
	assert_string_equal(fake_get(&x->dir, "flag"), "0");
	assert_string_equal(fake_get(&x->dir, "pages"), "1");
}

static void test_write_fails(void **state)
{
	struct fixture *x = *state;
	struct fields f = { 0 };

	x->dir.fail_at = 2;
	assert_int_equal(nego_write(&table, NEGO_BACKEND, NEGO_BEFORE_INITWAIT, &f, fake_write,
				 &x->dir), -ENOSPC);
	assert_int_equal(x->dir.writes, 2);
	f.order = 64; /* no number of pages */
	x->dir.fail_at = 0;
	assert_int_equal(nego_write(&table, NEGO_BACKEND, NEGO_BEFORE_INITWAIT, &f, fake_write,
				 &x->dir), -ERANGE);
}

static void test_find(void **state)
{
	assert_ptr_equal(nego_find(&table, NEGO_BACKEND, "flag"), &nodes[2]);
	assert_null(nego_find(&table, NEGO_FRONTEND, "flag"));
	assert_null(nego_find(&table, NEGO_BACKEND, "nonsense"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fallbacks),
		TEST(test_values),
		TEST(test_empty_is_absent),
		TEST(test_no_numbers),
		TEST(test_bounds),
		TEST(test_listed_strings),
		TEST(test_errors_are_printable),
		TEST(test_alias),
		TEST(test_required),
		TEST(test_queue),
		TEST(test_write),
		TEST(test_write_omits),
		TEST(test_write_fails),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

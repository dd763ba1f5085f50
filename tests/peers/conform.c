// SPDX-License-Identifier: MIT
/*
 * The guest of tests/scripts/conformance.sh: puts patterns on a disk, its first, and checks them.
 *
 *     blk-conform CASE [NAME=VALUE]..
 *     blk-conform compare expect=FILE actual=FILE
 *
 * Exit status: 0, 1 with a line FAILED, 2 usage, 77 with a line "skipped".
 */
#include "config.h"
#include "tests/peers/conform.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/array.h"
#include "common/log.h"

static const struct {
	const char *name;
	void (*run)(struct conform *c);
} cases[] = {
	{ "sizes", case_sizes },
	{ "types", case_types },
	{ "discard", case_discard },
	{ "load", case_load },
	{ "flushed", case_flushed },
	{ "resize", case_resize },
	{ "errors", case_errors },
	{ "readonly", case_readonly },
	{ "verify", case_verify },
	{ "close", case_close },
	{ "left", case_left },
};

void conform_wrong(struct conform *c, const char *fmt, ...)
{
	va_list ap;

	if (!c->failed) {
		printf("FAILED: ");
		va_start(ap, fmt);
		vprintf(fmt, ap);
		va_end(ap);
		printf("\n");
		fflush(stdout);
	}
	c->failed = true;
}

void conform_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
}

uint64_t conform_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * UINT64_C(1000) + ts.tv_nsec / 1000000;
}

uint64_t conform_random(struct conform *c, uint64_t n)
{
	uint64_t high = rand_r(&c->o.seed);

	return (high << 31 | (unsigned)rand_r(&c->o.seed)) % n;
}

bool conform_exists(const char *path)
{
	return path && access(path, F_OK) == 0;
}

static bool set_option(struct conform_options *o, const char *word)
{
	static const struct {
		const char *name;
		size_t at;
		bool text;
	} names[] = {
#define NUMBER(field) { #field "=", offsetof(struct conform_options, field), false }
#define TEXT(field) { #field "=", offsetof(struct conform_options, field), true }
		NUMBER(vdev), NUMBER(depth), NUMBER(segments), NUMBER(no_persistent), NUMBER(seed), NUMBER(zeroes),
		NUMBER(ops), NUMBER(full), NUMBER(flush), NUMBER(reads), NUMBER(mib), TEXT(stop), TEXT(go),
		TEXT(expect), TEXT(actual), TEXT(protocol),
#undef NUMBER
#undef TEXT
	};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n = strlen(names[i].name);
		char *to = (char *)o + names[i].at;

		if (strncmp(word, names[i].name, n) != 0)
			continue;
		if (names[i].text)
			*(const char **)to = word + n;
		else
			*(unsigned *)to = strtoul(word + n, NULL, 10);
		return true;
	}
	return false;
}

static int usage(void)
{
	fprintf(stderr, "usage: blk-conform CASE [NAME=VALUE]..; cases:");
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		fprintf(stderr, " %s", cases[i].name);
	fprintf(stderr, " compare\n");
	return 2;
}

static int run(struct conform *c, void (*fn)(struct conform *c), const char *name)
{
	if (conform_open(c) && model_init(c))
		fn(c);
	if (c->failed && c->bf && blkfront_why(c->bf)[0])
		conform_say("%s", blkfront_why(c->bf));
	conform_close(c);
	model_free(c);
	if (!c->failed)
		conform_say("passed %s: %llu I/Os", name, (unsigned long long)c->done);
	return c->failed;
}

int main(int argc, char **argv)
{
	struct conform c = { .o = { .depth = 16, .seed = 1 } };

	log_init("blk-conform");
	for (int i = 2; i < argc; i++)
		if (!set_option(&c.o, argv[i]))
			return usage();
	if (argc >= 2 && strcmp(argv[1], "compare") == 0 && c.o.expect && c.o.actual)
		return model_compare(c.o.expect, c.o.actual);
	for (unsigned i = 0; argc >= 2 && i < ARRAY_SIZE(cases); i++)
		if (strcmp(cases[i].name, argv[1]) == 0)
			return run(&c, cases[i].run, cases[i].name);
	return usage();
}

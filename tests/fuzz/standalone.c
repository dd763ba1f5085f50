// SPDX-License-Identifier: MIT
/*
 * main() for a fuzz target without a fuzzer: runs it on the files of
 * the command line, or else on a fixed number of inputs from a seeded generator, so
 * that make check runs the same inputs everywhere. Prints TAP.
 *
 *     SLUICE_FUZZ_RUNS=1000000 SLUICE_FUZZ_SEED=7 tests/fuzz/fuzz-blkif
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_RUNS 20000u
#define INPUT_MAX 8192u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* splitmix64 */
static uint64_t next_random(uint64_t *seed)
{
	uint64_t z = (*seed += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* Lengths lean to the short; bytes are random, small, text or extreme by turns. */
static size_t make_input(uint64_t *seed, uint8_t *input)
{
	static const uint8_t extreme[] = { 0x00, 0x01, 0x7f, 0x80, 0xff, 0xfe, '0', '9', '/', '\n' };
	size_t room = (size_t)1 << (next_random(seed) % 14);
	size_t size = next_random(seed) % (room + 1);
	unsigned style = next_random(seed) % 4;

	for (size_t i = 0; i < size; i++) {
		uint64_t r = next_random(seed);

		if (r >> 60 == 0)
			style = (r >> 32) % 4;
		switch (style) {
		case 0:
			input[i] = r;
			break;
		case 1:
			input[i] = r % 12;
			break;
		case 2:
			input[i] = ' ' + r % 95;
			break;
		default:
			input[i] = extreme[r % sizeof(extreme)];
			break;
		}
	}
	return size;
}

/* The target gets an allocation of exactly its size, so that a sanitizer sees overruns. */
static void run_exact(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static int run_random(const char *program)
{
	static uint8_t input[INPUT_MAX];
	uint64_t runs = number_from("SLUICE_FUZZ_RUNS", DEFAULT_RUNS);
	uint64_t first = number_from("SLUICE_FUZZ_SEED", 1);
	uint64_t seed = first;

	for (uint64_t i = 0; i < runs; i++)
		run_exact(input, make_input(&seed, input));
	printf("1..1\nok 1 - %s: %" PRIu64 " inputs from seed %" PRIu64 "\n", program, runs, first);
	return 0;
}

static int run_file(unsigned number, const char *path)
{
	static uint8_t input[1 << 20];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		printf("not ok %u - %s: %s\n", number, path, strerror(errno));
		return 1;
	}
	size = fread(input, 1, sizeof(input), file);
	if (ferror(file) || !feof(file)) {
		printf("not ok %u - %s: unreadable or larger than 1 MiB\n", number, path);
		fclose(file);
		return 1;
	}
	fclose(file);
	run_exact(input, size);
	printf("ok %u - %s\n", number, path);
	return 0;
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2)
		return run_random(slash ? slash + 1 : argv[0]);
	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++)
		failed |= run_file(i, argv[i]);
	return failed;
}

// SPDX-License-Identifier: MIT
/*
 * Inputs for fuzz-store.c where there is no fuzzer: the same ones each time,
 * made of pieces that requests are made of, so that they get past the decoder.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK_INPUTS 12000
#define CHECK_SIZE 4096

static uint64_t check_state = 1;

/* xorshift64*: any fixed sequence will do. */
static unsigned check_random(unsigned below)
{
	check_state ^= check_state >> 12;
	check_state ^= check_state << 25;
	check_state ^= check_state >> 27;
	return (unsigned)((check_state * 2685821657736338717ull) >> 33) % below;
}

static const char *const check_pieces[] = {
	"/", "/a", "/a/b", "/a/b/c", "/local/domain/1", "/local/domain/1/x", "/local/domain/2",
	"x", "y", "x/y/z", "@introduceDomain", "@releaseDomain", "token", "T", "F", "0", "1", "2",
	"3", "4", "n0", "n1", "b1", "b2", "r2", "w3", "", "check", "quota", "help", "//", "/a/",
	"4294967296", "-1", "value that is longer than the others are, by far and for a reason",
};

static size_t check_payload(uint8_t *at, size_t room)
{
	unsigned pieces = check_random(5);
	size_t len = 0;

	while (pieces--) {
		const char *piece = check_pieces[check_random(ARRAY_SIZE(check_pieces))];
		size_t n = strlen(piece) + 1;

		if (len + n > room)
			break;
		memcpy(at + len, piece, n);
		len += n;
	}
	/* Mostly whole strings; at times one without its end, or noise inside. */
	if (len && check_random(8) == 0)
		len--;
	if (len && check_random(16) == 0)
		at[check_random(len)] = check_random(256);
	return len;
}

static size_t check_record(uint8_t *at, size_t room)
{
	size_t len = check_payload(at + 4, room < 259 ? room - 4 : 255);
	unsigned rare = check_random(64);

	/* Domain 0 often: it makes what the others find. */
	at[0] = check_random(3) ? check_random(16) : 0;
	if (rare < 3)
		at[0] |= 0x10u << rare;
	at[1] = check_random(23);
	at[2] = check_random(2) ? 0 : check_random(8);
	at[3] = len;
	return 4 + len;
}

int main(void)
{
	static uint8_t input[CHECK_SIZE];

	for (unsigned i = 0; i < CHECK_INPUTS; i++) {
		size_t len = 0, want = 64 + check_random(CHECK_SIZE - 400);

		while (len < want)
			len += check_record(input + len, CHECK_SIZE - len);
		LLVMFuzzerTestOneInput(input, len);
	}
	printf("1..1\nok 1 - %u inputs\n", CHECK_INPUTS);
	return 0;
}

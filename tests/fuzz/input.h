/* SPDX-License-Identifier: MIT */
/* A fuzzer's input as bytes that are taken one after the other, and what must hold. */
#ifndef SLUICE_TESTS_FUZZ_INPUT_H
#define SLUICE_TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** struct input - what is left of it. */
struct input {
	const uint8_t *data;
	size_t size;
};

/** take() - the next @len bytes; zeroes once the input has ended. */
static inline void take(struct input *in, void *to, size_t len)
{
	size_t n = len < in->size ? len : in->size;

	memset(to, 0, len);
	memcpy(to, in->data, n);
	in->data += n;
	in->size -= n;
}

/** check() - a property that is violated aborts. */
static inline void check(int property)
{
	if (!property)
		abort();
}

#endif

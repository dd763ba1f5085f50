/* SPDX-License-Identifier: MIT */
/* Arguments of hypercalls from a fuzzer's bytes: values that mean something, and others. */
#ifndef SLUICE_TESTS_FUZZ_FUZZ_HYPERCALL_H
#define SLUICE_TESTS_FUZZ_FUZZ_HYPERCALL_H

#include <stddef.h>
#include <stdint.h>

#define FUZZ_VCPUS 4u         /* of each vm */
#define FUZZ_LIST 0x210000ull /* arrays that structures point to */

/** struct fuzz_input - what is left of the input. */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

/** fuzz_take() - the next byte; 0 at the end. */
uint8_t fuzz_take(struct fuzz_input *in);

/** fuzz_pick() - one field of a kind, see struct fuzz_op. */
uint64_t fuzz_pick(struct fuzz_input *in, char kind);
/** fuzz_put_struct() - a structure of such @fields, aligned to their size as in C; its size. */
size_t fuzz_put_struct(struct fuzz_input *in, const char *fields, uint8_t *to, size_t room);

/**
 * struct fuzz_op - a hypercall's operation
 * @fields: the structure: d domid, p port, v vCPU, g frame, a address, c and C counts of 32 and
 *	64 bits, o offset, b a small number, 1 2 4 8 anything of that size; of grants: r and R
 *	reference, G address of a frame, f and F flags, l length, h handle, z mostly zero
 * @list: one entry of the array that it points to, or NULL
 */
struct fuzz_op {
	uint8_t number;
	uint8_t cmd;
	const char *fields;
	const char *list;
};

extern const struct fuzz_op fuzz_ops[];
extern const size_t fuzz_nr_ops;

#endif

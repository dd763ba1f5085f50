// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/build/rewrite.h"

#include <stdbool.h>
#include <string.h>

#define FUNCTION_ALIGN 16u
#define CALL_LEN 3u
#define OUT_IMM8_AL 0xe7 /* out %eax, imm8 */
#define NOP 0x90

static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };

/* VMCALL or VMMCALL, then a return: RET, or JMP to the return thunk. */
static bool is_call_and_return(const uint8_t *at)
{
	return at[0] == 0x0f && at[1] == 0x01 && (at[2] == 0xc1 || at[2] == 0xd9) &&
		(at[3] == 0xc3 || at[3] == 0xe9);
}

/* The instruction of a hypercall function at @at, of which @len bytes are left; NULL: none. */
static uint8_t *call_in_function(uint8_t *at, size_t len)
{
	if (len >= sizeof(endbr64) && memcmp(at, endbr64, sizeof(endbr64)) == 0) {
		at += sizeof(endbr64);
		len -= sizeof(endbr64);
	}
	return len > CALL_LEN && is_call_and_return(at) ? at : NULL;
}

unsigned rewrite_hypercalls(uint8_t *code, size_t len, uint64_t paddr, uint8_t port)
{
	unsigned count = 0;

	for (size_t i = -paddr % FUNCTION_ALIGN; i < len; i += FUNCTION_ALIGN) {
		uint8_t *at = call_in_function(code + i, len - i);

		if (!at)
			continue;
		at[0] = OUT_IMM8_AL;
		at[1] = port;
		at[2] = NOP;
		count++;
	}
	return count;
}

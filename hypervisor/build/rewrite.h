/* SPDX-License-Identifier: MIT */
/* Hypercalls of a kernel on a host whose KVM does not pass VMCALL and VMMCALL on. */
#ifndef SLUICE_HYPERVISOR_BUILD_REWRITE_H
#define SLUICE_HYPERVISOR_BUILD_REWRITE_H

#include <stddef.h>
#include <stdint.h>

/**
 * rewrite_hypercalls() - replace the VMCALL and VMMCALL of Linux's xen_hypercall_intel() and
 * xen_hypercall_amd() with "out %al, $port; nop".
 * @code: an executable segment in the guest's memory
 * @paddr: its guest physical address; its alignment is the code's
 *
 * Those functions are 16-aligned, begin with the instruction (or with ENDBR64 and then it) and
 * return right after it. No other VMCALL of a kernel looks like that.
 * Return: how many were replaced.
 */
unsigned rewrite_hypercalls(uint8_t *code, size_t len, uint64_t paddr, uint8_t port);

#endif

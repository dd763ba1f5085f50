/* SPDX-License-Identifier: MIT */
/*
 * From the PVH entry, or an AP's start, to 64-bit C; the ends of interrupts and exceptions;
 * calls that an exception ends; calls into ring 3.
 */
#include "tests/vm/guest-abi.h"

#define STACK 16384
#define CR4_PAE 0x20
#define EFER 0xc0000080
#define EFER_LME 0x100
#define CR0_PG_PE 0x80000001

	.macro	long_mode target
	movl	$GUEST_PML4, %eax
	movl	%eax, %cr3
	movl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$EFER, %ecx
	rdmsr
	orl	$EFER_LME, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$CR0_PG_PE, %eax
	movl	%eax, %cr0
	ljmpl	$GUEST_SELECTOR_CODE, $\target
	.endm

	.section .text.entry, "ax"
	.code32
	.globl	_start
_start:
	cli
	lgdtl	gdt_register
	long_mode start_bsp

	/* Copied to GUEST_TRAMPOLINE. Real mode, CS = GUEST_TRAMPOLINE / 16. */
	.code16
	.globl	trampoline, trampoline_end
trampoline:
	cli
	movw	%cs, %ax
	movw	%ax, %ds
	lgdtl	trampoline_gdt - trampoline
	movl	%cr0, %eax
	orl	$1, %eax
	movl	%eax, %cr0
	ljmpl	$0x18, $start_ap32
	.balign	8
trampoline_gdt:
	.word	gdt_end - gdt - 1
	.long	gdt
trampoline_end:

	.code32
start_ap32:
	movw	$0x10, %ax
	movw	%ax, %ds
	movw	%ax, %ss
	long_mode start_ap

	.code64
start_ap:
	movl	$1, %eax
	cpuid
	shrl	$24, %ebx
	movl	%ebx, %edi
	jmp	start_common
start_bsp:
	xorl	%edi, %edi
start_common:
	movl	$0x10, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	leal	1(%rdi), %eax
	imull	$STACK, %eax, %eax
	addl	$stacks, %eax
	movq	%rax, %rsp
	call	cpu_main

	/* Entries of all vectors: vector and error code on the stack, then the registers. */
	.text
	.balign	16
	.globl	vectors
vectors:
	.set	i, 0
	.rept	256
	.balign	16
	.if	(i == 8) || (i >= 10 && i <= 14) || (i == 17) || (i == 21) || (i == 29) || (i == 30)
	.else
	pushq	$0
	.endif
	pushq	$i
	jmp	trap_common
	.set	i, i + 1
	.endr
trap_common:
	pushq	%rax
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	movq	%rsp, %rdi
	call	trap
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rax
	addq	$16, %rsp
	iretq

	/* uint64_t try_call(fn, a, b, c): what @fn returns; -1 if an exception ended it. */
	.globl	try_call, try_return
try_call:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	pushfq
	movq	%rsp, %gs:8
	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	movq	%rcx, %rdx
	call	*%rax
try_end:
	movq	$0, %gs:8
	popfq
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret
	/* void try_return(): from an exception's handler, to the end of the call in progress. */
try_return:
	movq	%gs:8, %rsp
	movq	$-1, %rax
	jmp	try_end

	/* void user_enter(rip, rsp, rflags): ring 3; ends with an exception, within try_call(). */
	.globl	user_enter
user_enter:
	pushq	$0x23
	pushq	%rsi
	pushq	%rdx
	pushq	$0x2b
	pushq	%rdi
	iretq

	/* Ring 3: a hypercall with the arguments in user_args, the result to user_result. */
	.globl	user_hypercall
user_hypercall:
	movq	user_args + 8, %rdi
	movq	user_args + 16, %rsi
	movq	user_args + 24, %rdx
	movq	user_args + 32, %r10
	movq	user_args + 40, %r8
	movq	user_args, %rax
	shlq	$5, %rax
	addq	$GUEST_HYPERCALL, %rax
	call	*%rax
	movq	%rax, user_result
	ud2

	.data
	.balign	16
	.globl	gdt
gdt:
	.quad	0
	.quad	0x00af9a000000ffff /* 08: 64-bit code */
	.quad	0x00cf92000000ffff /* 10: data */
	.quad	0x00cf9a000000ffff /* 18: 32-bit code */
	.quad	0x00cff2000000ffff /* 20: data of ring 3 */
	.quad	0x00affa000000ffff /* 28: 64-bit code of ring 3 */
	.globl	gdt_tss
gdt_tss:
	.fill	2 * GUEST_MAX_CPUS, 8, 0
gdt_end:
	.globl	gdt_register
gdt_register:
	.word	gdt_end - gdt - 1
	.quad	gdt

	.bss
	.balign	4096
stacks:
	.skip	STACK * GUEST_MAX_CPUS
	.section .note.GNU-stack, "", @progbits

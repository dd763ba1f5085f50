/* SPDX-License-Identifier: MIT */
/* A PVH kernel for tests of sluice boot: into 64-bit C, the first 4 GiB mapped where they are. */
#define CR4_PAE 0x20
#define EFER 0xc0000080
#define EFER_LME 0x100
#define CR0_PG_PE 0x80000001
#define PAGE_TABLE 0x003   /* present, writable */
#define PAGE_LARGE 0x083

	.section .note.Xen, "a", @note
	.long	4, 4, 18   /* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz	"Xen"
	.long	_start

	.section .text.entry, "ax"
	.code32
	.globl	_start
_start:
	cli
	movl	%ebx, %ebp
	/* 2048 large pages, four directories, one pointer each. */
	movl	$directories, %edi
	movl	$PAGE_LARGE, %eax
	movl	$2048, %ecx
1:	movl	%eax, (%edi)
	movl	$0, 4(%edi)
	addl	$0x200000, %eax
	addl	$8, %edi
	loop	1b
	movl	$directories + PAGE_TABLE, %eax
	movl	$pointers, %edi
	movl	$4, %ecx
2:	movl	%eax, (%edi)
	addl	$4096, %eax
	addl	$8, %edi
	loop	2b
	movl	$pointers + PAGE_TABLE, top
	movl	$top, %eax
	movl	%eax, %cr3
	movl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$EFER, %ecx
	rdmsr
	orl	$EFER_LME, %eax
	wrmsr
	lgdtl	gdt_register
	movl	%cr0, %eax
	orl	$CR0_PG_PE, %eax
	movl	%eax, %cr0
	ljmpl	$8, $start64

	.code64
start64:
	movl	$16, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	$stack_end, %esp
	movl	%ebp, %edi
	call	guest_main
3:	hlt
	jmp	3b

	/* long guest_call(number, a, b): a hypercall through the page. */
	.globl	guest_call
guest_call:
	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	shlq	$5, %rax
	addq	$hypercall_page, %rax
	jmp	*%rax

	.balign	8
gdt:	.quad	0
	.quad	0x00af9b000000ffff
	.quad	0x00cf93000000ffff
gdt_register:
	.word	. - gdt - 1
	.long	gdt

	.bss
	.balign	4096
top:	.skip	4096
pointers: .skip	4096
directories: .skip 4 * 4096
	.globl	hypercall_page
hypercall_page: .skip 4096
	.skip	16384
stack_end:
	.section .note.GNU-stack, "", @progbits

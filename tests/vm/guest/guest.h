/* SPDX-License-Identifier: MIT */
/* Inside the guest: what every part of it uses. No library, no kernel. */
#ifndef SLUICE_TESTS_VM_GUEST_GUEST_H
#define SLUICE_TESTS_VM_GUEST_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>

#include "tests/vm/guest-abi.h"

/** struct cpu - of a vCPU; GS points to it. entry.S knows the first two. */
struct cpu {
	struct cpu *self;
	uint64_t try_rsp; /* of the try_call() in progress, or 0 */
	unsigned id;
	struct guest_mail *mail;
	struct guest_log *log;
	enum guest_idle idle;
	uint32_t fifo_head[16];
};

/** struct trap_frame - what an interrupt or exception left on the stack. */
struct trap_frame {
	uint64_t r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
	uint64_t vector, error_code;
	uint64_t rip, cs, rflags, rsp, ss;
};

static inline struct cpu *this_cpu(void)
{
	struct cpu *cpu;

	__asm__ volatile("movq %%gs:0, %0" : "=r"(cpu));
	return cpu;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static inline uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/** hypercall() - through the page, which every host has something in. */
static inline int64_t hypercall(unsigned nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
	uint64_t e)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	int64_t rax;

	__asm__ volatile("call *%[stub]"
			 : "=a"(rax), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8)
			 : [stub] "0"((uint64_t)GUEST_HYPERCALL + nr * 32)
			 : "memory", "rcx", "r9", "r11", "cc");
	return rax;
}

static inline uint32_t lapic_read(unsigned reg)
{
	return *(volatile uint32_t *)(0xfee00000ul + reg);
}

static inline void lapic_write(unsigned reg, uint32_t value)
{
	*(volatile uint32_t *)(0xfee00000ul + reg) = value;
}

#define LAPIC_EOI 0xb0
#define LAPIC_SVR 0xf0
#define LAPIC_ICR 0x300
#define LAPIC_ICR_HIGH 0x310

/* entry.S */
uint64_t try_call(void *fn, uint64_t a, uint64_t b, uint64_t c);
void try_return(void) __attribute__((noreturn));
void user_enter(uint64_t rip, uint64_t rsp, uint64_t rflags) __attribute__((noreturn));
void user_hypercall(void);
extern const char vectors[], trampoline[], trampoline_end[];
extern uint64_t gdt_tss[];

/* traps.c */
/** traps_init() - the IDT and the TSS of the calling vCPU. */
void traps_init(struct cpu *cpu);
void trap(struct trap_frame *frame);

/* events.c */
/** events_scan() - take all pending events of @cpu and write them down. */
void events_scan(struct cpu *cpu);
void events_mode(bool fifo);

/* ops.c */
/** ops_run() - carry out the request in the mailbox. */
void ops_run(struct cpu *cpu);

/* main.c */
/** system_time() - ns. */
uint64_t system_time(void);
void cpu_main(unsigned id) __attribute__((noreturn));
void *memcpy(void *to, const void *from, size_t len);
void *memset(void *to, int c, size_t len);

#endif

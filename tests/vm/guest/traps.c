// SPDX-License-Identifier: MIT
/* Interrupts and exceptions. */
#include "tests/vm/guest/guest.h"

#define TSS_SELECTOR(id) (0x30u + (id) * 16)
#define TRAP_STACK 4096

struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_mid;
	uint32_t offset_high, zero;
};

struct table_register {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

struct tss {
	uint32_t zero;
	uint64_t rsp[3];
	uint64_t more[10];
	uint16_t zero2, io_map;
} __attribute__((packed));

static struct gate idt[256];
static struct tss tss[GUEST_MAX_CPUS];
static uint8_t trap_stacks[GUEST_MAX_CPUS][TRAP_STACK] __attribute__((aligned(16)));

static void idt_fill(void)
{
	for (unsigned i = 0; i < 256; i++) {
		uint64_t entry = (uint64_t)vectors + i * 16;

		idt[i] = (struct gate){ .offset_low = entry, .selector = GUEST_SELECTOR_CODE,
			.type = 0x8e, .offset_mid = entry >> 16 };
	}
}

void traps_init(struct cpu *cpu)
{
	struct table_register r = { .limit = sizeof(idt) - 1, .base = (uint64_t)idt };
	struct tss *t = &tss[cpu->id];
	uint64_t base = (uint64_t)t;
	uint16_t selector = TSS_SELECTOR(cpu->id);

	if (cpu->id == 0)
		idt_fill();
	__asm__ volatile("lidt %0" : : "m"(r));
	t->rsp[0] = (uint64_t)trap_stacks[cpu->id] + TRAP_STACK;
	t->io_map = sizeof(*t);
	/* A 64-bit TSS that is not busy. */
	gdt_tss[cpu->id * 2] = (sizeof(*t) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 |
			       (base >> 24 & 0xff) << 56;
	gdt_tss[cpu->id * 2 + 1] = base >> 32;
	__asm__ volatile("ltr %0" : : "r"(selector) : "memory");
}

static void exception(struct cpu *cpu, const struct trap_frame *frame)
{
	struct guest_mail *mail = cpu->mail;
	uint64_t cr2;

	__asm__ volatile("movq %%cr2, %0" : "=r"(cr2));
	mail->vector = frame->vector;
	mail->error_code = frame->error_code;
	mail->address = cr2;
	mail->rip = frame->rip;
	if (cpu->try_rsp) {
		mail->faulted = 1;
		try_return();
	}
	mail->fatal = frame->vector + 1;
	for (;;)
		__asm__ volatile("cli; hlt");
}

void trap(struct trap_frame *frame)
{
	struct cpu *cpu = this_cpu();

	if (frame->vector < 32) {
		exception(cpu, frame);
	} else if (frame->vector == GUEST_UPCALL_VECTOR) {
		cpu->mail->upcalls++;
		lapic_write(LAPIC_EOI, 0);
		events_scan(cpu);
	} else {
		cpu->mail->strays++;
		lapic_write(LAPIC_EOI, 0);
	}
}

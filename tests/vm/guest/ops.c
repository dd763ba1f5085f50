// SPDX-License-Identifier: MIT
/* The requests. */
#include "tests/vm/guest/guest.h"

#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/sched.h>
#include <xen/version.h>

uint64_t user_args[6], user_result;
static uint8_t user_stack[4096] __attribute__((aligned(16)));

static uint64_t op_hypercall(struct cpu *cpu)
{
	const uint64_t *a = cpu->mail->args;

	return hypercall(a[0], a[1], a[2], a[3], a[4], a[5]);
}

#define RFLAGS_IOPL3 0x3002u
#define VECTOR_UD 6

/* Ring 3 comes back by an invalid instruction. */
static uint64_t op_hypercall_user(struct cpu *cpu)
{
	struct guest_mail *mail = cpu->mail;

	memcpy(user_args, mail->args, sizeof(user_args));
	try_call(user_enter, (uint64_t)user_hypercall, (uint64_t)user_stack + sizeof(user_stack),
		RFLAGS_IOPL3);
	if (mail->vector == VECTOR_UD)
		mail->faulted = 0;
	return user_result;
}

static uint64_t do_read(uint64_t at, uint64_t size)
{
	switch (size) {
	case 1:
		return *(volatile uint8_t *)at;
	case 2:
		return *(volatile uint16_t *)at;
	case 4:
		return *(volatile uint32_t *)at;
	default:
		return *(volatile uint64_t *)at;
	}
}

static uint64_t do_write(uint64_t at, uint64_t size, uint64_t value)
{
	switch (size) {
	case 1:
		*(volatile uint8_t *)at = value;
		break;
	case 2:
		*(volatile uint16_t *)at = value;
		break;
	case 4:
		*(volatile uint32_t *)at = value;
		break;
	default:
		*(volatile uint64_t *)at = value;
		break;
	}
	return 0;
}

static uint64_t do_fill(uint64_t at, uint64_t len, uint64_t byte)
{
	memset((void *)at, byte, len);
	return 0;
}

static uint64_t do_in(uint64_t port, uint64_t size)
{
	uint32_t v = 0;

	if (size == 1)
		__asm__ volatile("inb %%dx, %%al" : "+a"(v) : "d"((uint16_t)port));
	else if (size == 2)
		__asm__ volatile("inw %%dx, %%ax" : "+a"(v) : "d"((uint16_t)port));
	else
		__asm__ volatile("inl %%dx, %%eax" : "+a"(v) : "d"((uint16_t)port));
	return v;
}

static uint64_t do_out(uint64_t port, uint64_t size, uint64_t v)
{
	if (size == 1)
		__asm__ volatile("outb %%al, %%dx" : : "a"((uint32_t)v), "d"((uint16_t)port));
	else if (size == 2)
		__asm__ volatile("outw %%ax, %%dx" : : "a"((uint32_t)v), "d"((uint16_t)port));
	else
		__asm__ volatile("outl %%eax, %%dx" : : "a"((uint32_t)v), "d"((uint16_t)port));
	return 0;
}

static uint64_t op_cpuid(struct cpu *cpu)
{
	uint32_t a = cpu->mail->args[0], b, c = cpu->mail->args[1], d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	cpu->mail->extra = (uint64_t)d << 32 | c;
	return (uint64_t)b << 32 | a;
}

#define ICR_INIT 0xc500
#define ICR_SIPI (0x4600 | GUEST_TRAMPOLINE >> 12)
#define SIPI_WAIT_CYCLES 1000000u

/*
 * INIT, SIPI, SIPI: one that comes while KVM still resets the vCPU is lost. Before an APIC is
 * turned on, KVM may not know the last one that was made.
 */
static uint64_t op_start_cpu(uint32_t apic)
{
	lapic_write(LAPIC_SVR, 0x1ff);
	lapic_write(LAPIC_ICR_HIGH, apic << 24);
	lapic_write(LAPIC_ICR, ICR_INIT);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t until = rdtsc() + SIPI_WAIT_CYCLES;

		lapic_write(LAPIC_ICR_HIGH, apic << 24);
		lapic_write(LAPIC_ICR, ICR_SIPI);
		while (rdtsc() < until)
			__asm__ volatile("pause");
	}
	return 0;
}

/*
 * A plain increment: one that is lost by somebody who exchanges the page shows. Words are
 * this request's alone.
 */
static uint64_t op_count(struct cpu *cpu)
{
	struct guest_mail *mail = cpu->mail;
	volatile uint64_t *words = (void *)mail->args[0];
	uint64_t rounds = 0;

	while (!mail->stop) {
		for (uint64_t i = 0; i < mail->args[1]; i++)
			words[i] = words[i] + 1;
		mail->progress = ++rounds;
	}
	return rounds;
}

static uint64_t op_bind_ipis(struct cpu *cpu)
{
	struct evtchn_bind_ipi bind = { .vcpu = cpu->id };

	for (uint64_t i = 0; i < cpu->mail->args[0]; i++) {
		int64_t rc = hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_ipi,
			(uint64_t)&bind, 0, 0, 0);

		cpu->mail->progress = i;
		if (rc < 0)
			return rc;
	}
	return bind.port;
}

static uint64_t op_send_wait(struct cpu *cpu)
{
	const uint64_t *a = cpu->mail->args;
	uint32_t offset = 0;

	for (uint64_t i = 0; i < a[2]; i++) {
		struct evtchn_send send = { .port = a[0] + offset };
		uint32_t before = cpu->log->count;
		int64_t rc = hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send,
			(uint64_t)&send, 0, 0, 0);

		if (rc < 0)
			return rc;
		while (cpu->log->count == before)
			__asm__ volatile("pause" ::: "memory");
		offset = offset + 1 < a[1] ? offset + 1 : 0;
	}
	return 0;
}

static uint64_t op_send_loop(struct cpu *cpu)
{
	struct evtchn_send send = { .port = cpu->mail->args[0] };
	uint64_t rounds = 0;

	while (!cpu->mail->stop) {
		hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, (uint64_t)&send, 0, 0, 0);
		cpu->mail->progress = ++rounds;
	}
	return rounds;
}

static uint64_t op_grant_many(const uint64_t *a)
{
	volatile struct grant_entry_v1 *table = (void *)GUEST_GRANT_TABLE;

	for (uint64_t i = 0; i < a[2]; i++) {
		table[a[0] + i].frame = a[1] + i;
		table[a[0] + i].domid = a[3];
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		table[a[0] + i].flags = a[4];
	}
	return 0;
}

static uint64_t op_print(uint64_t text)
{
	size_t len = 0;

	while (((const char *)text)[len])
		len++;
	return hypercall(__HYPERVISOR_console_io, 0, len, text, 0, 0);
}

static void op_poll(uint32_t port)
{
	struct sched_poll poll = { .nr_ports = 1 };

	set_xen_guest_handle(poll.ports, &port);
	for (;;)
		hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, (uint64_t)&poll, 0, 0, 0);
}

static void op_triple_fault(void)
{
	static const uint8_t nothing[10];

	__asm__ volatile("lidt %0; ud2" : : "m"(nothing));
}

/* Requests that do not return say so by being done first. */
static void op_for_ever(struct cpu *cpu)
{
	struct guest_mail *mail = cpu->mail;
	uint64_t op = mail->op, a = mail->args[0];

	mail->done = mail->request;
	for (;;) {
		switch (op) {
		case OP_SPIN:
			mail->progress++;
			break;
		case OP_HLT_OFF:
			__asm__ volatile("cli; hlt");
			break;
		case OP_HLT_ON:
			__asm__ volatile("sti; hlt");
			break;
		case OP_POLL:
			op_poll(a);
			break;
		case OP_TRIPLE_FAULT:
			op_triple_fault();
			break;
		case OP_HYPERCALL_LOOP:
			hypercall(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0);
			mail->progress++;
			break;
		}
	}
}

static uint64_t op_irqs(bool on)
{
	if (on)
		__asm__ volatile("sti" ::: "memory");
	else
		__asm__ volatile("cli" ::: "memory");
	return 0;
}

static uint64_t run(struct cpu *cpu)
{
	const uint64_t *a = cpu->mail->args;

	switch (cpu->mail->op) {
	case OP_NOP:
		return 0;
	case OP_HYPERCALL:
		return op_hypercall(cpu);
	case OP_HYPERCALL_USER:
		return op_hypercall_user(cpu);
	case OP_READ:
		return try_call(do_read, a[0], a[1], 0);
	case OP_WRITE:
		return try_call(do_write, a[0], a[1], a[2]);
	case OP_FILL:
		return try_call(do_fill, a[0], a[1], a[2]);
	case OP_IN:
		return do_in(a[0], a[1]);
	case OP_OUT:
		return do_out(a[0], a[1], a[2]);
	case OP_RDMSR:
		return try_call(rdmsr, a[0], 0, 0);
	case OP_WRMSR:
		return try_call(wrmsr, a[0], a[1], 0);
	case OP_CPUID:
		return op_cpuid(cpu);
	case OP_IDLE:
		cpu->idle = a[0];
		return 0;
	case OP_IRQS:
		return op_irqs(a[0]);
	case OP_START_CPU:
		return op_start_cpu(a[0]);
	case OP_COUNT:
		return op_count(cpu);
	case OP_EVENT_MODE:
		events_mode(a[0]);
		return 0;
	case OP_BIND_IPIS:
		return op_bind_ipis(cpu);
	case OP_SEND_WAIT:
		return op_send_wait(cpu);
	case OP_SEND_LOOP:
		return op_send_loop(cpu);
	case OP_GRANT_MANY:
		return op_grant_many(a);
	case OP_TIME:
		return system_time();
	case OP_PRINT:
		return op_print(a[0]);
	case OP_CALL:
		return try_call((void *)a[0], a[1], a[2], 0);
	default:
		return -1;
	}
}

void ops_run(struct cpu *cpu)
{
	struct guest_mail *mail = cpu->mail;

	mail->faulted = 0;
	mail->vector = 0;
	if (mail->op >= OP_SPIN)
		op_for_ever(cpu);
	mail->result = run(cpu);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	mail->done = mail->request;
}

// SPDX-License-Identifier: MIT
/* A vCPU's life: get ready, then carry out requests. */
#include "tests/vm/guest/guest.h"

#include <xen/memory.h>
#include <xen/sched.h>

#define MSR_HYPERCALL 0x40000000u
#define MSR_GS_BASE 0xc0000101u
#define IDLE_NS 300000u

static struct cpu cpus[GUEST_MAX_CPUS];

void *memcpy(void *to, const void *from, size_t len)
{
	void *start = to;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(len) : : "memory");
	return start;
}

void *memset(void *to, int c, size_t len)
{
	void *start = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(len) : "a"(c) : "memory");
	return start;
}

uint64_t system_time(void)
{
	struct shared_info *s = (void *)GUEST_SHARED_INFO;
	/* The clock of vCPU 0 is near enough for a test. */
	struct vcpu_time_info *t = &s->vcpu_info[0].time;
	uint32_t version;
	uint64_t delta, now;

	do {
		version = *(volatile uint32_t *)&t->version & ~1u;
		__asm__ volatile("" ::: "memory");
		delta = rdtsc() - t->tsc_timestamp;
		delta = t->tsc_shift >= 0 ? delta << t->tsc_shift : delta >> -t->tsc_shift;
		now = t->system_time +
		      (uint64_t)(((unsigned __int128)delta * t->tsc_to_system_mul) >> 32);
		__asm__ volatile("" ::: "memory");
	} while (version != *(volatile uint32_t *)&t->version);
	return now;
}

/* What all vCPUs share, made by the first. */
static void machine_init(struct cpu *cpu)
{
	struct xen_add_to_physmap add = { .domid = DOMID_SELF, .space = XENMAPSPACE_shared_info,
		.gpfn = GUEST_SHARED_INFO >> 12 };

	memcpy((void *)GUEST_TRAMPOLINE, trampoline, trampoline_end - trampoline);
	wrmsr(MSR_HYPERCALL, GUEST_HYPERCALL);
	cpu->mail->result =
		hypercall(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, (uint64_t)&add, 0, 0, 0);
}

static void idle(struct cpu *cpu)
{
	struct sched_poll poll = { .nr_ports = 0 };

	switch (cpu->idle) {
	case IDLE_POLL:
		poll.timeout = system_time() + IDLE_NS;
		hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, (uint64_t)&poll, 0, 0, 0);
		break;
	case IDLE_SPIN:
		__asm__ volatile("pause" ::: "memory");
		break;
	case IDLE_HLT:
		__asm__ volatile("sti; hlt" ::: "memory");
		break;
	}
}

void cpu_main(unsigned id)
{
	struct cpu *cpu = &cpus[id];

	cpu->self = cpu;
	cpu->id = id;
	cpu->mail = (void *)(GUEST_MAIL + (uint64_t)id * 4096);
	cpu->log = (void *)(GUEST_LOG + (uint64_t)id * 4096);
	wrmsr(MSR_GS_BASE, (uint64_t)cpu);
	traps_init(cpu);
	if (id == 0)
		machine_init(cpu);
	cpu->mail->online = 1;
	for (;;) {
		if (cpu->mail->request != cpu->mail->done)
			ops_run(cpu);
		else
			idle(cpu);
	}
}

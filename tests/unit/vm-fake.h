/* SPDX-License-Identifier: MIT */
/*
 * A vm on a machine that is not there: guest virtual addresses are physical ones, time stands
 * still until it is moved, upcalls and timers are recorded.
 */
#ifndef SLUICE_TESTS_UNIT_VM_FAKE_H
#define SLUICE_TESTS_UNIT_VM_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "hypervisor/vm/vm.h"

#define FAKE_RAM VM_MIN_RAM
#define FAKE_START 5000000000ull /* ns of system time at first */

/** struct fake_vcpu - what the hypercall layer asked of one vCPU. */
struct fake_vcpu {
	unsigned upcalls;    /* that the APIC took */
	unsigned lost;       /* that it dropped */
	bool apic_off;       /* it drops them */
	uint64_t time_area;
	uint64_t timer;
	unsigned timers_set;
	unsigned renewals;
	unsigned waits, wakes;
	uint64_t wait_until; /* what the last wait() was given */
};

/** struct vm_fake - one vm. */
struct vm_fake {
	struct vm vm;
	uint64_t now;
	struct fake_vcpu vcpu[VM_MAX_VCPUS];
	unsigned shutdowns, reason;
	/* One page of virtual addresses that is not where the others are; 0: none. */
	uint64_t moved_gva, moved_gpa;
	/* Called in wait(), without locks; NULL: wait() returns at once. */
	void (*in_wait)(struct vm_fake *fake, struct vcpu *v);
	int slot_error; /* what slot_add() returns for frames outside RAM */
	bool released;
};

/** vm_fake_new() - a vm with @vcpus vCPUs, FAKE_RAM of memory, entered into @set. Asserts. */
struct vm_fake *vm_fake_new(struct domain_set *set, const char *name, unsigned vcpus);
/** vm_fake_quit() - it gives up what it has of other domains, as a vm does that ends. */
void vm_fake_quit(struct vm_fake *fake);
/** vm_fake_free() - vm_fake_quit(), take it out of its set; it must be the last reference. */
void vm_fake_free(struct vm_fake *fake);

/** fake_call() - a hypercall of 64-bit kernel code on vCPU @vcpu. */
int64_t fake_call(struct vm_fake *fake, unsigned vcpu, uint64_t number, uint64_t a0, uint64_t a1,
	uint64_t a2);
/** fake_op() - one with a structure, put at FAKE_ARG and read back from there. */
int64_t fake_op(struct vm_fake *fake, unsigned vcpu, uint64_t number, uint64_t cmd, void *arg,
	size_t size);
#define FAKE_ARG 0x200100ull
/** fake_vcpu_op() - vcpu_op by vCPU @self for @vcpu, with a structure as fake_op() has it. */
int64_t fake_vcpu_op(struct vm_fake *fake, unsigned self, uint32_t cmd, uint32_t vcpu, void *arg,
	size_t size);
/** fake_bind_timer() - @vcpu's VIRQ_TIMER. Return: its port. */
uint32_t fake_bind_timer(struct vm_fake *fake, unsigned vcpu);

/** fake_put(), fake_get() - guest memory. They assert that it is there. */
void fake_put(struct vm_fake *fake, uint64_t gpa, const void *from, size_t len);
void fake_get(struct vm_fake *fake, uint64_t gpa, void *to, size_t len);
/** fake_shared_info() - placed at @gfn; returns the page. */
struct shared_info *fake_shared_info(struct vm_fake *fake, uint64_t gfn);

#endif

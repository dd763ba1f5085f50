/* SPDX-License-Identifier: MIT */
/*
 * What a test and its guest agree on: where things are in the guest's memory and what the
 * guest does on request. The guest is a puppet: a test writes a request into a vCPU's
 * mailbox and that vCPU carries it out, so that tests are written on the outside.
 */
#ifndef SLUICE_TESTS_VM_GUEST_ABI_H
#define SLUICE_TESTS_VM_GUEST_ABI_H

#define GUEST_RAM (16 << 20)
#define GUEST_MAX_CPUS 64

/* Guest physical, and since all is mapped where it is, virtual, too. */
#define GUEST_START_INFO 0x7000
#define GUEST_TRAMPOLINE 0x8000 /* where an AP starts; a page below 1 MiB */
#define GUEST_PML4 0x10000      /* then the PDPT and four page directories, made by the builder */
#define GUEST_SHARED_INFO 0x20000
#define GUEST_HYPERCALL 0x21000
#define GUEST_CONTROL 0x22000   /* FIFO control blocks, 128 bytes per vCPU; two pages */
#define GUEST_VCPU_INFO 0x24000 /* registered ones, 64 bytes per vCPU */
#define GUEST_MAIL 0x30000      /* a page per vCPU */
#define GUEST_IMAGE 0x100000
#define GUEST_LOG 0x300000      /* a page per vCPU: the events that it saw */
#define GUEST_EVENT_ARRAY 0x400000 /* FIFO words of all ports: 128 pages */
#define GUEST_GRANT_TABLE 0x500000 /* where the harness has the grant table's frames put */
#define GUEST_SCRATCH 0x600000  /* arguments of hypercalls */
#define GUEST_DATA 0x800000     /* the tests' own, to the end of RAM */

#define GUEST_SELECTOR_CODE 0x08
#define GUEST_UPCALL_VECTOR 0xf3

#ifndef __ASSEMBLER__
#include <stdint.h>

/** enum guest_op - args[] are a, b, c, .. */
enum guest_op {
	OP_NOP,
	OP_HYPERCALL,      /* number a, arguments b.. */
	OP_HYPERCALL_USER, /* the same from ring 3, with IOPL 3 so that no instruction faults */
	OP_READ,           /* b bytes at a */
	OP_WRITE,          /* c as b bytes at a */
	OP_FILL,           /* byte c, b times, at a */
	OP_IN,             /* b bytes from port a */
	OP_OUT,            /* c as b bytes to port a */
	OP_RDMSR,
	OP_WRMSR,          /* b to MSR a */
	OP_CPUID,          /* leaf a, subleaf b; result: eax | ebx << 32, ecx | edx << 32 in extra */
	OP_IDLE,           /* enum guest_idle a, from the end of this request on */
	OP_IRQS,           /* a: interrupts on or off */
	OP_START_CPU,      /* INIT and SIPI to APIC a */
	OP_COUNT,          /* b words from a on, one after the other, increased until told to stop; result: rounds */
	OP_EVENT_MODE,     /* a: 1 FIFO, 0 2-level; what the upcall's handler reads */
	OP_BIND_IPIS,      /* a ports to this vCPU; result: the last one or the error */
	OP_SEND_WAIT,      /* c times: send port a, b times round robin from a on, wait for its upcall */
	OP_GRANT_MANY,     /* c entries from reference a on: frame b on, to domid d, flags e */
	OP_TIME,           /* system time */
	OP_PRINT,          /* string at a, to console_io */
	OP_SEND_LOOP,      /* send port a until told to stop; result: rounds */
	OP_CALL,           /* the function at a with the arguments b, c */
	/* Those that do not return. */
	OP_SPIN = 100,
	OP_HLT_OFF,        /* HLT with interrupts off */
	OP_HLT_ON,         /* HLT with interrupts on, again and again */
	OP_POLL,           /* SCHEDOP_poll without a timeout on port a */
	OP_TRIPLE_FAULT,
	OP_HYPERCALL_LOOP, /* xen_version again and again */
};

enum guest_idle { IDLE_POLL, IDLE_SPIN, IDLE_HLT };

/** struct guest_mail - a vCPU's mailbox. */
struct guest_mail {
	volatile uint32_t request; /* raised by the test when the rest is filled in */
	volatile uint32_t done;    /* = request when it is carried out */
	volatile uint32_t online;  /* the vCPU is in its loop */
	volatile uint32_t stop;    /* for requests that go on until told to stop */
	uint64_t op;
	uint64_t args[6];
	volatile uint64_t result;
	volatile uint64_t extra;
	volatile uint64_t progress;     /* of requests that go on */
	volatile uint32_t faulted;      /* the request ended in an exception: */
	volatile uint32_t vector;
	volatile uint64_t error_code;
	volatile uint64_t address;      /* CR2 */
	volatile uint64_t rip;
	volatile uint32_t upcalls;      /* interrupts with GUEST_UPCALL_VECTOR so far */
	volatile uint32_t strays;       /* interrupts with other vectors */
	volatile uint32_t fatal;        /* an exception where none may be: vector + 1 */
};

#define GUEST_LOG_MAX 1022
/** struct guest_log - ports in the order in which this vCPU found them pending. */
struct guest_log {
	volatile uint32_t count; /* also beyond GUEST_LOG_MAX */
	volatile uint32_t zero;
	volatile uint32_t ports[GUEST_LOG_MAX];
};
#endif

#endif

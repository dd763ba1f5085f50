// SPDX-License-Identifier: MIT
/*
 * Whether /dev/kvm runs a guest's kernel code on the CPU itself. There are KVMs that only
 * emulate it, some hundred times slower, which no capability tells: so run a loop and look
 * at the clock.
 *
 * Usage: kvm-probe [DEVICE]   prints one line.
 * Exit status: 0 native; 1 emulated; 2 there is no usable KVM.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define MEMORY (64 * 1024)
#define PML4 0x1000
#define PDPT 0x2000
#define PD 0x3000
#define CODE 0x4000
#define DATA 0x5000
#define ROUNDS 20000000ull
#define PER_ROUND 4u
/* Ten times what a slow CPU needs, a tenth of what an instruction emulator does. */
#define NATIVE_NS 40.0
#define LIMIT_MS 500
#define LIMITS_UNTIL_EXIT 8

enum verdict { NATIVE, EMULATED, UNUSABLE };

/* A loop of a kernel's kind of code: arithmetic, memory, a branch; 64 bits, ring 0, paged. */
static const uint8_t loop_code[] = {
	0x48, 0x8d, 0x40, 0x03, /* lea rax, [rax + 3] */
	0x48, 0x89, 0x03,       /* mov [rbx], rax */
	0x48, 0xff, 0xc9,       /* dec rcx */
	0x75, 0xf4,             /* jnz, to the start */
	0xf4,                   /* hlt */
};

static struct kvm_run *volatile run;

static void finish(enum verdict verdict, const char *text)
{
	printf("%s\n", text);
	fflush(stdout);
	_exit(verdict);
}

static void failed(const char *what)
{
	char text[128];

	snprintf(text, sizeof(text), "unusable: %s: %s", what, strerror(errno));
	finish(UNUSABLE, text);
}

/* The time is up: have the vCPU return. One that does not even do that is no CPU either. */
static void on_limit(int sig)
{
	static const char stuck[] = "emulated: the vCPU does not stop\n";
	static volatile sig_atomic_t times;

	(void)sig;
	if (run)
		run->immediate_exit = 1;
	times = times + 1;
	if (times >= LIMITS_UNTIL_EXIT) {
		if (write(STDOUT_FILENO, stuck, sizeof(stuck) - 1) < 0)
			_exit(UNUSABLE);
		_exit(EMULATED);
	}
}

static void start_limit(void)
{
	struct sigaction sa = { .sa_handler = on_limit };
	struct itimerval every = {
		.it_interval.tv_usec = LIMIT_MS * 1000,
		.it_value.tv_usec = LIMIT_MS * 1000,
	};

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

static int must(int res, const char *what)
{
	if (res < 0)
		failed(what);
	return res;
}

/* Identity-mapped in one 2 MiB page; what is beyond MEMORY is never touched. */
static void make_memory(int vm)
{
	uint8_t *mem = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY };

	if (mem == MAP_FAILED)
		failed("mmap");
	*(uint64_t *)(mem + PML4) = PDPT | 3;
	*(uint64_t *)(mem + PDPT) = PD | 3;
	*(uint64_t *)(mem + PD) = 0x83;
	memcpy(mem + CODE, loop_code, sizeof(loop_code));
	region.userspace_addr = (uintptr_t)mem;
	must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
}

/* 64-bit mode, as a kernel of today runs. */
static void set_registers(int cpu)
{
	struct kvm_regs regs = { .rip = CODE, .rbx = DATA, .rcx = ROUNDS, .rflags = 2 };
	struct kvm_segment data = {
		.limit = 0xffffffff, .selector = 16, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1,
	};
	struct kvm_segment code = {
		.limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1,
	};
	struct kvm_sregs sregs;

	must(ioctl(cpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cr3 = PML4;
	sregs.cr4 = 1 << 5;                   /* PAE */
	sregs.cr0 = 1u << 31 | 1 << 16 | 1;   /* PG, WP, PE */
	sregs.efer = 1 << 8 | 1 << 10;        /* LME, LMA */
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	must(ioctl(cpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	must(ioctl(cpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Nanoseconds per instruction of the loop, at its end or when the limit came. */
static double run_loop(int cpu)
{
	struct kvm_regs regs;
	uint64_t start = now_ns(), time;

	/* A signal may come for other reasons than the limit, which alone sets immediate_exit. */
	while (ioctl(cpu, KVM_RUN, 0) < 0)
		if (errno != EINTR)
			failed("KVM_RUN");
		else if (run->immediate_exit)
			break;
	time = now_ns() - start;
	must(ioctl(cpu, KVM_GET_REGS, &regs), "KVM_GET_REGS");
	if (!run->immediate_exit && run->exit_reason != KVM_EXIT_HLT) {
		char text[80];

		snprintf(text, sizeof(text), "unusable: the loop ended with exit %u", run->exit_reason);
		finish(UNUSABLE, text);
	}
	return (double)time / ((double)(ROUNDS - regs.rcx + 1) * PER_ROUND);
}

int main(int argc, char **argv)
{
	const char *device = argc > 1 ? argv[1] : "/dev/kvm";
	int kvm, vm, cpu, size;
	char text[96];
	double ns;

	kvm = must(open(device, O_RDWR | O_CLOEXEC), device);
	if (ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		errno = ENODEV;
		failed(device);
	}
	start_limit();
	vm = must(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	make_memory(vm);
	cpu = must(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	size = must(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
	if (run == MAP_FAILED)
		failed("mmap of the vCPU");
	set_registers(cpu);
	ns = run_loop(cpu);
	snprintf(text, sizeof(text), "%s: %.1f ns per instruction", ns < NATIVE_NS ? "native" : "emulated", ns);
	finish(ns < NATIVE_NS ? NATIVE : EMULATED, text);
}

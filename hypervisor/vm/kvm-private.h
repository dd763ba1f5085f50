/* SPDX-License-Identifier: MIT */
/*
 * A vm domain on KVM; private to kvm*.c and vcpu*.c.
 *
 * Locks: run_lock is a leaf, under which threads stop and go; the domain's lock (vm.d.lock)
 * may be held when it is taken, never the other way round.
 */
#ifndef SLUICE_HYPERVISOR_VM_KVM_PRIVATE_H
#define SLUICE_HYPERVISOR_VM_KVM_PRIVATE_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/array.h"
#include "hypervisor/vm/kvm.h"
#include "hypervisor/vm/vm.h"

/* The signal that takes a vCPU's thread out of the guest. Its handler does nothing. */
#define VCPU_KICK_SIGNAL SIGUSR1
#define KVM_PRIVATE_CPUIDS 256u
#define VCPU_STACK (1u << 20)
#define RFLAGS_IF (1u << 9)
#define MSR_HYPERCALL_PAGE 0x40000000u /* cpuid_xen() names it */
#define MSR_GS_BASE 0xc0000101u

/** struct kvm - the machine that vms are made with. */
struct kvm {
	const char *path;
	struct domain_set *set;
	struct loop *loop;
	int fd;           /* or -1: @error says why */
	int error;        /* -ENODEV, -EOPNOTSUPP */
	char reason[160]; /* what is missing, and the remedy */
	bool xen;         /* VMCALL and VMMCALL arrive as KVM_EXIT_XEN */
	bool rewrite;     /* those of the kernel are rewritten */
	unsigned run_size;
	unsigned max_vcpus;
	unsigned fd_budget;
	struct kvm_cpuid2 *cpuid; /* what the host offers */
	int news_fd;      /* an eventfd: some vm has news for the loop's thread */
	struct loop_source *news;
	struct kvm_vm *vms;
};

/** struct kvm_vcpu - what is below a struct vcpu. */
struct kvm_vcpu {
	struct kvm_vm *kv;
	struct vcpu *v;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	atomic_int tid;       /* of @thread */
	bool started;         /* @thread is to be joined; the loop's thread's */
	atomic_bool in_guest; /* between its last look at kv->stops and its return from KVM */
	atomic_bool look;     /* its thread is to look whether it is down */
	atomic_bool down;     /* when it looked it waited for what no interrupt brings */
	_Atomic uint64_t time_gpa; /* where the guest wants its clock, valid once time_new is set */
	atomic_bool time_new;
	pthread_cond_t woken; /* in SCHEDOP_poll; with vm.d.lock */
	int timer_fd;
	uint64_t deadline;    /* of the timer, system time; 0: none. Under vm.d.lock */
};

/** struct kvm_vm - a vm domain; freed when its last reference goes. */
struct kvm_vm {
	struct vm vm; /* first: container_of */
	struct kvm *kvm;
	struct kvm_vm *next; /* living ones */
	int fd;
	unsigned nr_slots;   /* memory slots; under the memory's lock */
	struct kvm_vcpu *vcpus;
	/* the builder, the toolstack; the loop's thread */
	int builder_fd, life_fd;
	struct loop_source *builder;
	/* stop and go, under run_lock; stops is also read without it */
	pthread_mutex_t run_lock;
	pthread_cond_t run_cond;   /* stops, dying or some in_guest changed */
	atomic_uint stops;         /* as long as it is not 0 no vCPU enters the guest */
	bool dying;
	enum vm_state state;
	unsigned reason;           /* SHUTDOWN_*, when state says so */
	bool news;                 /* the toolstack does not know yet */
	bool no_wait;              /* wait() returns at once; under vm.d.lock */
	/* the vm's own thread */
	pthread_t thread;
	bool started;
	int epoll_fd, quit_fd, look_fd;
	unsigned all_down;         /* looks in a row that found no vCPU up; the thread's */
	int *watched[EVENT_MAX_PORTS / 1024]; /* by port: descriptor + 1; under vm.d.lock */
};

static inline struct kvm_vm *kvm_vm_of(struct vm *vm)
{
	return container_of(vm, struct kvm_vm, vm);
}

static inline struct kvm_vcpu *kvm_vcpu_of(struct vcpu *v)
{
	return v->platform;
}

/** kvm_call() - an ioctl: its result or -errno. */
int kvm_call(int fd, unsigned long request, const void *arg);

/* kvm-cpuid.c */
/**
 * kvm_cpuid_make() - what vCPU @vcpu of @nr sees: what the host offers without what a guest of
 * ours has no use for, its place in one socket of @nr cores, Xen's leaves.
 * @out: room for KVM_PRIVATE_CPUIDS entries. Return: 0 or -ENOSPC.
 */
int kvm_cpuid_make(const struct kvm_cpuid2 *offered, uint32_t domid, unsigned vcpu, unsigned nr,
	uint32_t tsc_khz, struct kvm_cpuid2 *out) must_check;

/* kvm-machine.c */
/** kvm_machine_make() - the KVM vm, without memory and vCPUs. 0 or -errno, logged. */
int kvm_machine_make(struct kvm_vm *kv) must_check;
/**
 * kvm_machine_filter() - what is ours to serve when the guest writes it: the address of its page
 * of hypercalls and, with @kernels, MSR_GS_BASE, for kvm_kernel_started(). 0 or -errno.
 */
int kvm_machine_filter(struct kvm_vm *kv, bool kernels) must_check;
/** kvm_machine_vcpus() - all vCPUs, none running. 0 or -errno, logged. */
int kvm_machine_vcpus(struct kvm_vm *kv) must_check;
/** kvm_machine_close() - the end of both; nothing runs any more. */
void kvm_machine_close(struct kvm_vm *kv);
/** kvm_machine_entry() - vCPU 0 will start at @entry, in the state of Xen's PVH entry. */
int kvm_machine_entry(struct kvm_vm *kv, uint32_t entry, uint32_t start_info) must_check;
extern const struct mem_ops kvm_mem_ops;

/** kvm_set_msr() - from its own thread, or while it has none. */
int kvm_set_msr(struct kvm_vcpu *c, uint32_t index, uint64_t value) must_check;

/* kvm-build.c */
/** kvm_build_start() - give the builder its order and wait for the result in the loop. */
int kvm_build_start(struct kvm_vm *kv, const struct hvctl_vm_config *config) must_check;
void kvm_build_stop(struct kvm_vm *kv);

/* kvm-kernel.c */
/** kvm_kernel_started() - @c writes MSR_GS_BASE: if that is a kernel's start, have its hypercalls
 * arrive. No lock held. */
void kvm_kernel_started(struct kvm_vcpu *c);

/* kvm-platform.c */
extern const struct vm_platform kvm_platform;
uint64_t kvm_platform_now(struct vm *vm);

/* kvm-thread.c */
/** kvm_thread_init() - the descriptors of timers and of the vm's own thread. */
int kvm_thread_init(struct kvm_vm *kv) must_check;
int kvm_thread_start(struct kvm_vm *kv) must_check;
void kvm_thread_stop(struct kvm_vm *kv);
void kvm_thread_fini(struct kvm_vm *kv);
void kvm_thread_set_timer(struct vcpu *v, uint64_t deadline);
/** thread_make() - a thread that no signal but a fault's and, if @kicks, the kick reaches. */
int thread_make(pthread_t *thread, void *(*fn)(void *), void *opaque, bool kicks) must_check;

/* kvm-life.c */
/** kvm_life_change() - the state is to be @to, if it is @from now. 0 or -EINVAL. */
int kvm_life_change(struct kvm_vm *kv, enum vm_state from, enum vm_state to);
/** kvm_life_end() - the guest's end: no vCPU enters it any more. Any thread; no lock held. */
void kvm_life_end(struct vm *vm, unsigned reason);
/** kvm_life_waits() - whether SCHEDOP_poll may block. No lock held. */
void kvm_life_waits(struct kvm_vm *kv, bool may);
/** kvm_life_exception() - VIRQ_DOM_EXC for domain 0. The loop. */
void kvm_life_exception(struct kvm *kvm);
/** kvm_life_news() - the loop: tell the toolstack and domain 0 what happened. */
void kvm_life_news(struct kvm *kvm);

/* vcpu.c */
int vcpu_start(struct kvm_vcpu *c) must_check;
/** vcpu_kick() - take it out of the guest, if it is there. Never blocks. */
void vcpu_kick(struct kvm_vcpu *c);
void vcpu_kick_all(struct kvm_vm *kv);

/* vcpu-exit.c */
/** vcpu_exit() - serve what KVM_RUN returned with. False: the guest has ended. */
bool vcpu_exit(struct kvm_vcpu *c);

#endif

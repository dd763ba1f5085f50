/* SPDX-License-Identifier: MIT */
/*
 * A vm domain: memory, vCPUs, Xen's hypercalls. Nothing here knows KVM: what is below
 * sits behind struct vm_platform, so that unit tests and the fuzzer bring their own.
 *
 * Threads: the loop's (creation, destruction, process domains), one per vCPU (its hypercalls),
 * one per vm for timers and events from process domains. State of the hypercall layer is under
 * the domain's lock, d.lock, unless a field says otherwise.
 */
#ifndef SLUICE_HYPERVISOR_VM_VM_H
#define SLUICE_HYPERVISOR_VM_VM_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/sched.h>
#include <xen/hvm/params.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "hypervisor/domain.h"
#include "hypervisor/event-abi.h"
#include "hypervisor/vm/layout.h"
#include "hypervisor/vm/memory.h"

#define VM_GRANT_FRAMES 64u
#define VM_OWN_SHARED_INFO 0u  /* mem_own() index */
#define VM_OWN_GRANT_FRAMES 1u /* the first of VM_GRANT_FRAMES */
#define VM_OWN_PAGES (VM_OWN_GRANT_FRAMES + VM_GRANT_FRAMES)

struct vm;
struct vcpu;

/** struct vm_platform - the machine below the hypercall layer: KVM, or a test's own. */
struct vm_platform {
	/**
	 * @upcall: give @v its upcall vector. True when its local APIC took it. Under d.lock;
	 * never blocks.
	 */
	bool (*upcall)(struct vcpu *v);
	/** @now: the guest's system time in ns, that of its pvclock. Any thread. */
	uint64_t (*now)(struct vm *vm);
	/** @set_time_area: keep the pvclock structure of @v at @gpa up to date from its next
	 * entry on; 0: none. */
	int (*set_time_area)(struct vcpu *v, uint64_t gpa);
	/** @renew: of the calling vCPU, which may have been reset: keep its pvclock up to date
	 * again. */
	void (*renew)(struct vcpu *v);
	/**
	 * @set_timer: call vcpu_timer() at @deadline ns of system time, not before; 0: not at all.
	 * Replaces what was set. Under d.lock.
	 */
	void (*set_timer)(struct vcpu *v, uint64_t deadline);
	/** @translate: a guest virtual address of the calling vCPU. 0 or -EFAULT. */
	int (*translate)(struct vcpu *v, uint64_t gva, uint64_t *gpa);
	/**
	 * @wait: block the calling vCPU outside guest mode until vcpu->woken (under d.lock) is
	 * set, @deadline of system time (0: none) has come, or the vm is to stop or pause. May
	 * return early. Called with d.lock held, which it gives up meanwhile.
	 */
	void (*wait)(struct vcpu *v, uint64_t deadline);
	/** @wake: have wait() of @v look at vcpu->woken. Under d.lock; never blocks. */
	void (*wake)(struct vcpu *v);
	/**
	 * @shutdown: the guest ended itself; no vCPU enters the guest any more. @reason: SHUTDOWN_*
	 * of xen/sched.h. Any thread; no lock held.
	 */
	void (*shutdown)(struct vm *vm, unsigned reason);
};

/** struct vcpu - one virtual CPU. */
struct vcpu {
	struct vm *vm;
	unsigned id;
	/* event delivery; struct vcpu_info itself is the event ABI's */
	uint64_t info_gpa;     /* registered by the guest; 0: in shared_info */
	uint8_t upcall_vector; /* 0: none */
	bool upcall_lost;      /* the APIC did not take the last one: tell it again */
	bool waiting, woken;   /* in SCHEDOP_poll */
	uint32_t poll_port;    /* the one port that it waits for; 0: several */
	bool irqs_off;         /* the platform, before hypercall(): the guest takes no interrupts now */
	bool up;               /* has been in the guest; set by the platform */
	/* timers */
	uint64_t singleshot;   /* deadline in ns of system time; 0: none */
	uint64_t periodic;     /* period in ns; 0: none */
	uint64_t periodic_next;
	/* runstate area, VCPUOP_register_runstate_memory_area */
	uint64_t runstate_gpa[2]; /* its two parts, where it crosses a page; 0: none */
	uint32_t runstate_len[2];
	void *platform;        /* the platform's own */
};

/** enum vm_state - see vm_info. */
enum vm_state { VM_BUILDING, VM_PAUSED, VM_RUNNING, VM_SHUTDOWN };

/**
 * struct vm_console - what the guest writes with console_io, until a line is whole. With a lock
 * of its own, for a log may block: then nobody but that guest waits.
 */
struct vm_console {
	pthread_mutex_t lock;
	char line[120];
	unsigned len;
	struct log_limit limit;
};

/** struct vm - a vm domain. */
struct vm {
	struct domain d; /* first: container_of */
	struct domain_set *set;
	struct vm_memory mem;
	struct event_abi *events;
	const struct vm_platform *platform;
	void *platform_data;
	unsigned nr_vcpus;  /* as many as vcpus has */
	struct vcpu *vcpus;
	uint64_t shared_info_gfn; /* 0: not placed */
	bool shared_info_32bit;   /* 32-bit code placed it: the time of day is where that looks */
	uint64_t params[HVM_NR_PARAMS];
	bool runstate_update_flag; /* VMASST_TYPE_runstate_update_flag */
	bool shutting_down;
	bool zombie;        /* nothing may be mapped or bound any more */
	struct log_limit limit;
	struct vm_console console;
	uint64_t unknown_calls[64][2]; /* bitmap by hypercall and sub-operation, said once; see hypercall.c */
	uint64_t nr_unknown; /* unknown hypercalls so far */
};

/**
 * vm_init() - the part of a vm that needs no KVM. @platform's functions may be called from
 * then on. vm->platform_data stays what it is; everything else is initialised.
 * @limits: max_grants is ignored
 * @mem_ops: their opaque is @vm; called before this returns, with nothing but platform_data set
 * Return: 0 or -errno; then nothing is left.
 */
int vm_init(struct vm *vm, struct domain_set *set, const char *name, uint64_t ram_bytes,
	unsigned nr_vcpus, const struct domain_limits *limits, const struct vm_platform *platform,
	const struct mem_ops *mem_ops, const struct domain_ops *ops) must_check;
/** vm_fini() - frees what vm_init() made; from ops->release, when no vCPU exists any more. */
void vm_fini(struct vm *vm);
/** vm_update_wallclock() - the host's time of day into shared_info, also when it was set anew. */
void vm_update_wallclock(struct vm *vm);
/** vm_place_wallclock() - the same, where code of that width looks for it from now on. */
void vm_place_wallclock(struct vm *vm, bool bits64);

/** vm_ops_raise() and the like - members of domain_ops, for whoever makes one for a vm. */
void vm_ops_raise(struct domain *d, uint32_t port);
void *vm_ops_frame_hold(struct domain *d, uint32_t frame, bool write);
void vm_ops_frame_release(struct domain *d, uint32_t frame);
int vm_ops_frame_locate(struct domain *d, uint32_t frame, struct frame_place *place);
void vm_ops_frame_unlocate(struct domain *d, uint32_t frame);

/**
 * vm_is() - @d as a vm, or NULL. It goes by domain_ops.vm.
 */
struct vm *vm_is(struct domain *d);

/**
 * vm_grant_ring() - what the builder of a domain does for the store's and the console's ring:
 * enter a grant of the page at @gpa to @domid under the reserved reference @ref.
 */
void vm_grant_ring(struct vm *vm, uint32_t ref, uint32_t domid, uint64_t gpa);

/**
 * vm_grants_release() - unmap all that the vm has mapped of others. No vCPU runs any more;
 * before or after mem_drop(). No lock held.
 */
void vm_grants_release(struct vm *vm);

/** struct hypercall - one call, its registers as 64-bit guests have them. */
struct hypercall {
	uint64_t number;   /* rax */
	uint64_t args[6];  /* rdi, rsi, rdx, r10, r8, r9; of 32-bit code: ebx, ecx, edx, esi, edi, ebp */
	bool user;         /* CPL is not 0 */
	bool bits64;       /* the caller is in 64-bit mode */
};

/**
 * hypercall() - run one for the calling thread's vCPU; every argument may be hostile.
 * Takes locks, may wait (SCHEDOP_poll). Return: the value for rax.
 */
int64_t hypercall(struct vcpu *v, const struct hypercall *call);

/** vcpu_timer() - the platform: the deadline given to set_timer() has come. No lock held. */
void vcpu_timer(struct vcpu *v);
/** vcpu_upcall_again() - the platform: @v left the guest; tell its APIC again if it lost an upcall. */
void vcpu_upcall_again(struct vcpu *v);

/** vm_shutdown() - the guest's end by any way (hypercall, ACPI, triple fault). No lock held. */
void vm_shutdown(struct vm *vm, unsigned reason);

/*
 * Families of hypercalls, hc-FAMILY.c: (@cmd, @arg) as in Xen's public headers; -errno or result.
 */
int64_t hc_event(struct vcpu *v, uint32_t cmd, uint64_t arg);
int64_t hc_sched(struct vcpu *v, uint32_t cmd, uint64_t arg);
int64_t hc_grant(struct vcpu *v, uint32_t cmd, uint64_t arg, uint32_t count);
int64_t hc_memory(struct vcpu *v, uint32_t cmd, uint64_t arg);
int64_t hc_hvm(struct vcpu *v, uint32_t cmd, uint64_t arg);
int64_t hc_vcpu(struct vcpu *v, uint32_t cmd, uint32_t vcpu, uint64_t arg);
int64_t hc_version(struct vcpu *v, uint32_t cmd, uint64_t arg);
int64_t hc_console(struct vcpu *v, uint32_t cmd, uint32_t count, uint64_t buffer);
int64_t hc_set_timer(struct vcpu *v, uint64_t deadline);
/** hypercall_32bit() - of 32-bit code: what a boot loader uses, which polls for events. */
int64_t hypercall_32bit(struct vcpu *v, uint64_t number, const uint64_t *args);

/** guest_read(), guest_write() - guest virtual memory of the calling vCPU. 0 or -EFAULT. */
int guest_read(struct vcpu *v, uint64_t gva, void *to, size_t len) must_check;
int guest_write(struct vcpu *v, uint64_t gva, const void *from, size_t len) must_check;

/**
 * vcpu_renew() - @v, which calls, may have been started again: INIT makes KVM forget where its
 * pvclock is, and its local APIC an upcall that it took.
 */
void vcpu_renew(struct vcpu *v);
/** vcpu_set_upcall() - tell the APIC of @v that events are pending, if they are. Under d.lock. */
void vcpu_set_upcall(struct vcpu *v);
/** vcpu_arm_timer() - hand the platform the next deadline of @v. Under d.lock. */
void vcpu_arm_timer(struct vcpu *v);
/** vm_is_ending() - long batches are to stop: somebody waits for the vCPUs' threads. No lock held. */
bool vm_is_ending(struct vm *vm);
/** vm_check_self() - does @domid mean the caller itself? 0; -ESRCH: no such domain; -EPERM. */
int vm_check_self(struct vm *vm, uint32_t domid) must_check;

/** guest_translate() - where the page of @gva is, of which @len bytes are wanted. 0 or -EFAULT. */
int guest_translate(struct vcpu *v, uint64_t gva, size_t len, uint64_t *gpa) must_check;

/** hypercall_unknown() - -ENOSYS; counted, and logged once per call and sub-operation. */
int64_t hypercall_unknown(struct vcpu *v, unsigned number, uint32_t cmd);

/* cpuid.c */
#define CPUID_XEN_BASE 0x40000000u
struct cpuid_leaf {
	uint32_t eax, ebx, ecx, edx;
};
/** cpuid_xen() - Xen's leaf CPUID_XEN_BASE + @index; false: there is none. */
bool cpuid_xen(unsigned index, unsigned subleaf, uint32_t domid, unsigned vcpu, uint32_t tsc_khz,
	struct cpuid_leaf *out);

#endif

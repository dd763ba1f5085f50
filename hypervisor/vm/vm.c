// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/vm/vm.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/array.h"

#define VM_GRANT_ENTRIES (VM_GRANT_FRAMES * (DOMAIN_PAGE_SIZE / sizeof(grant_entry_v1_t)))

static bool vcpu_has_pending(struct vcpu *v)
{
	struct vcpu_info *info = event_abi_vcpu_info(v->vm->events, v->id);

	return info && __atomic_load_n(&info->evtchn_upcall_pending, __ATOMIC_SEQ_CST);
}

/* Remembers an upcall that the local APIC dropped: while evtchn_upcall_pending stays set no
 * further event would cause another. */
static void vcpu_inject(struct vcpu *v)
{
	bool taken = v->upcall_vector && v->vm->platform->upcall(v);

	__atomic_store_n(&v->upcall_lost, !taken, __ATOMIC_RELAXED);
}

void vcpu_set_upcall(struct vcpu *v)
{
	if (vcpu_has_pending(v))
		vcpu_inject(v);
	else
		__atomic_store_n(&v->upcall_lost, false, __ATOMIC_RELAXED);
}

void vcpu_upcall_again(struct vcpu *v)
{
	/* Its own vCPU's next exit comes soon enough for what is set right now. */
	if (!__atomic_load_n(&v->upcall_lost, __ATOMIC_RELAXED))
		return;
	domain_lock(&v->vm->d);
	if (v->upcall_lost)
		vcpu_set_upcall(v);
	domain_unlock(&v->vm->d);
}

/* A second upcall for the same events does no harm. */
void vcpu_renew(struct vcpu *v)
{
	domain_lock(&v->vm->d);
	vcpu_set_upcall(v);
	domain_unlock(&v->vm->d);
	v->vm->platform->renew(v);
}

static void vcpu_wake(struct vcpu *v)
{
	if (!v->waiting || v->woken)
		return;
	v->woken = true;
	v->vm->platform->wake(v);
}

/* An interrupt ends SCHEDOP_poll, too. */
static void vm_upcall(void *opaque, unsigned vcpu)
{
	struct vm *vm = opaque;

	vcpu_inject(&vm->vcpus[vcpu]);
	vcpu_wake(&vm->vcpus[vcpu]);
}

static void vm_wake_pollers(struct vm *vm, uint32_t port)
{
	for (unsigned i = 0; i < vm->nr_vcpus; i++) {
		struct vcpu *v = &vm->vcpus[i];

		if (!v->poll_port || v->poll_port == port)
			vcpu_wake(v);
	}
}

static void vm_pending(void *opaque, uint32_t port, unsigned vcpu)
{
	struct vm *vm = opaque;
	struct vcpu *v = &vm->vcpus[vcpu];

	if (v->upcall_lost)
		vcpu_set_upcall(v);
	vm_wake_pollers(vm, port);
}

static void vm_unpin(void *opaque, uint64_t gfn)
{
	struct vm *vm = opaque;

	mem_unpin(&vm->mem, gfn);
}

static const struct event_abi_ops vm_event_ops = {
	.upcall = vm_upcall,
	.pending = vm_pending,
	.unpin = vm_unpin,
};

static int vm_make_vcpus(struct vm *vm, unsigned nr)
{
	vm->vcpus = calloc(nr, sizeof(*vm->vcpus));
	if (!vm->vcpus)
		return -ENOMEM;
	vm->nr_vcpus = nr;
	for (unsigned i = 0; i < nr; i++) {
		vm->vcpus[i].vm = vm;
		vm->vcpus[i].id = i;
	}
	return 0;
}

static int vm_make_domain(struct vm *vm, const char *name, const struct domain_limits *limits,
	const struct domain_ops *ops)
{
	struct domain_limits own = *limits;
	int rc;

	own.max_grants = VM_GRANT_ENTRIES;
	rc = domain_init(&vm->d, name, ops, &own, mem_own(&vm->mem, VM_OWN_GRANT_FRAMES));
	if (rc < 0)
		return rc;
	vm->events = event_abi_new(&vm->d, vm->nr_vcpus, &vm_event_ops, vm);
	if (vm->events)
		return 0;
	domain_fini(&vm->d);
	return -ENOMEM;
}

int vm_init(struct vm *vm, struct domain_set *set, const char *name, uint64_t ram_bytes,
	unsigned nr_vcpus, const struct domain_limits *limits, const struct vm_platform *platform,
	const struct mem_ops *mem_ops, const struct domain_ops *ops)
{
	void *platform_data = vm->platform_data;
	int rc;

	memset(vm, 0, sizeof(*vm));
	vm->platform_data = platform_data;
	vm->set = set;
	vm->platform = platform;
	vm->limit = (struct log_limit){ .burst = 10, .interval_ms = 10000 };
	vm->console.limit = (struct log_limit){ .burst = 500, .interval_ms = 5000 };
	if (!nr_vcpus || nr_vcpus > VM_MAX_VCPUS)
		return -EINVAL;
	rc = vm_make_vcpus(vm, nr_vcpus);
	if (rc < 0)
		return rc;
	rc = mem_init(&vm->mem, ram_bytes, VM_OWN_PAGES, mem_ops, vm);
	if (rc < 0)
		goto out_vcpus;
	rc = vm_make_domain(vm, name, limits, ops);
	if (rc < 0)
		goto out_mem;
	pthread_mutex_init(&vm->console.lock, NULL);
	return 0;
out_mem:
	mem_fini(&vm->mem);
out_vcpus:
	free(vm->vcpus);
	return rc;
}

void vm_fini(struct vm *vm)
{
	event_abi_free(vm->events);
	domain_fini(&vm->d);
	mem_fini(&vm->mem);
	pthread_mutex_destroy(&vm->console.lock);
	free(vm->vcpus);
}

struct vm *vm_is(struct domain *d)
{
	return d->ops->vm ? container_of(d, struct vm, d) : NULL;
}

int vm_check_self(struct vm *vm, uint32_t domid)
{
	struct domain *other;

	if (domid == DOMID_SELF || domid == vm->d.domid)
		return 0;
	other = domain_get(vm->set, &vm->d, domid);
	if (!other)
		return -ESRCH;
	domain_put(vm->set, other);
	return -EPERM;
}

void vm_ops_raise(struct domain *d, uint32_t port)
{
	event_abi_raise(vm_is(d)->events, port);
}

void *vm_ops_frame_hold(struct domain *d, uint32_t frame, bool write)
{
	return mem_hold(&vm_is(d)->mem, frame, write);
}

void vm_ops_frame_release(struct domain *d, uint32_t frame)
{
	mem_release(&vm_is(d)->mem);
}

int vm_ops_frame_locate(struct domain *d, uint32_t frame, struct frame_place *place)
{
	struct vm *vm = vm_is(d);

	place->fd = vm->mem.fd;
	return mem_locate(&vm->mem, frame, &place->offset);
}

void vm_ops_frame_unlocate(struct domain *d, uint32_t frame)
{
	mem_unpin(&vm_is(d)->mem, frame);
}

void vm_grant_ring(struct vm *vm, uint32_t ref, uint32_t domid, uint64_t gpa)
{
	domain_lock(&vm->d);
	grant_entry_set(&vm->d, ref, domid, gpa / VM_PAGE, false);
	domain_unlock(&vm->d);
}

/* Where 32-bit code has wc_version, wc_sec and wc_nsec: behind half as many words of half the size. */
#define WALLCLOCK_32BIT 0x900u

/* wc_version and what follows it, as the guest that placed the page looks at it. */
static uint32_t *wallclock(struct vm *vm)
{
	struct shared_info *info = mem_own(&vm->mem, VM_OWN_SHARED_INFO);

	return vm->shared_info_32bit ? (uint32_t *)((uint8_t *)info + WALLCLOCK_32BIT)
				     : &info->wc_version;
}

/* The guest reads these until it sees the same even version twice. */
void vm_update_wallclock(struct vm *vm)
{
	struct timespec ts;
	uint64_t at_boot;
	uint32_t *wc;

	domain_lock(&vm->d);
	wc = wallclock(vm);
	clock_gettime(CLOCK_REALTIME, &ts);
	at_boot = ts.tv_sec * 1000000000ull + ts.tv_nsec - vm->platform->now(vm);
	/*
	 * What the guest wrote there does not matter: the parity is what counts. Acquire keeps
	 * the fields behind the odd version; partner: the guest's barrier between them.
	 */
	__atomic_fetch_or(&wc[0], 1, __ATOMIC_ACQ_REL);
	wc[1] = at_boot / 1000000000ull;
	wc[2] = at_boot % 1000000000ull;
	if (!vm->shared_info_32bit)
		wc[3] = (at_boot / 1000000000ull) >> 32;
	/* Release keeps them before the even one. */
	__atomic_fetch_add(&wc[0], 1, __ATOMIC_RELEASE);
	domain_unlock(&vm->d);
}

void vm_place_wallclock(struct vm *vm, bool bits64)
{
	domain_lock(&vm->d);
	/* To a kernel that a loader has started these words are events. */
	if (vm->shared_info_32bit && bits64)
		memset(wallclock(vm), 0, 3 * sizeof(uint32_t));
	vm->shared_info_32bit = !bits64;
	domain_unlock(&vm->d);
	vm_update_wallclock(vm);
}

_Static_assert(offsetof(struct shared_info, wc_nsec) - offsetof(struct shared_info, wc_version) == 8 &&
	offsetof(struct shared_info, wc_sec_hi) - offsetof(struct shared_info, wc_version) == 12,
	"words in a row");

bool vm_is_ending(struct vm *vm)
{
	bool ending;

	domain_lock(&vm->d);
	ending = vm->shutting_down || vm->zombie;
	domain_unlock(&vm->d);
	return ending;
}

void vm_shutdown(struct vm *vm, unsigned reason)
{
	bool first;

	domain_lock(&vm->d);
	first = !vm->shutting_down;
	vm->shutting_down = true;
	domain_unlock(&vm->d);
	if (first)
		vm->platform->shutdown(vm, reason);
}

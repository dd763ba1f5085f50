// SPDX-License-Identifier: MIT
/* Which state a vm is in, and who hears of it. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "hypervisor/vm/kvm-private.h"

static enum hvctl_state state_public(enum vm_state state)
{
	switch (state) {
	case VM_BUILDING:
		return HVCTL_BUILDING;
	case VM_PAUSED:
		return HVCTL_PAUSED;
	case VM_RUNNING:
		return HVCTL_RUNNING;
	case VM_SHUTDOWN:
		break;
	}
	return HVCTL_SHUTDOWN;
}

/* Its reader may be slow or gone: it can ask. */
static void life_tell(struct kvm_vm *kv, const struct hvctl_change *change)
{
	if (kv->life_fd >= 0 && write(kv->life_fd, change, sizeof(*change)) < 0 &&
		errno != EPIPE)
		log_warn("domain %u: the toolstack is not told that its state is %u: %s",
			change->domid, change->state, strerror(errno));
}

static void change_fill(struct kvm_vm *kv, struct hvctl_change *change)
{
	*change = (struct hvctl_change){ .domid = kv->vm.d.domid,
		.state = state_public(kv->state),
		.reason = kv->reason };
}

int kvm_life_change(struct kvm_vm *kv, enum vm_state from, enum vm_state to)
{
	struct hvctl_change change;
	bool ok;

	pthread_mutex_lock(&kv->run_lock);
	ok = kv->state == from;
	if (ok)
		kv->state = to;
	change_fill(kv, &change);
	pthread_mutex_unlock(&kv->run_lock);
	if (!ok)
		return -EINVAL;
	life_tell(kv, &change);
	return 0;
}

void kvm_life_waits(struct kvm_vm *kv, bool may)
{
	domain_lock(&kv->vm.d);
	kv->no_wait = !may;
	for (unsigned i = 0; i < kv->vm.nr_vcpus; i++)
		pthread_cond_signal(&kv->vcpus[i].woken);
	domain_unlock(&kv->vm.d);
}

void kvm_life_end(struct vm *vm, unsigned reason)
{
	struct kvm_vm *kv = kvm_vm_of(vm);
	const uint64_t one = 1;

	pthread_mutex_lock(&kv->run_lock);
	if (kv->state != VM_SHUTDOWN) {
		kv->state = VM_SHUTDOWN;
		kv->reason = reason;
		kv->news = true;
		atomic_fetch_add(&kv->stops, 1);
		vcpu_kick_all(kv);
	}
	pthread_mutex_unlock(&kv->run_lock);
	kvm_life_waits(kv, false);
	/* It is full only if the loop has not looked since. */
	if (write(kv->kvm->news_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_err("domain %u: cannot announce its end: %s", vm->d.domid,
			strerror(errno));
}

void kvm_life_exception(struct kvm *kvm)
{
	struct domain *control = domain_get(kvm->set, NULL, 0);

	if (!control)
		return;
	event_raise_virq(control, VIRQ_DOM_EXC);
	domain_put(kvm->set, control);
}

void kvm_life_news(struct kvm *kvm)
{
	for (struct kvm_vm *kv = kvm->vms; kv; kv = kv->next) {
		struct hvctl_change change;
		bool news;

		pthread_mutex_lock(&kv->run_lock);
		news = kv->news;
		kv->news = false;
		change_fill(kv, &change);
		pthread_mutex_unlock(&kv->run_lock);
		if (!news)
			continue;
		log_info("domain %u (%s) has shut down, reason %u", change.domid,
			kv->vm.d.name, change.reason);
		life_tell(kv, &change);
		kvm_life_exception(kvm);
	}
}

int kvm_vm_pause(struct vm *vm)
{
	struct kvm_vm *kv = kvm_vm_of(vm);
	int rc = kvm_life_change(kv, VM_RUNNING, VM_PAUSED);

	if (rc < 0)
		return rc;
	kvm_life_waits(kv, false);
	vm_quiesce(vm);
	return 0;
}

int kvm_vm_unpause(struct vm *vm)
{
	struct kvm_vm *kv = kvm_vm_of(vm);
	int rc = kvm_life_change(kv, VM_PAUSED, VM_RUNNING);

	if (rc < 0)
		return rc;
	kvm_life_waits(kv, true);
	vm_resume(vm);
	return 0;
}

static uint64_t thread_ns(pthread_t thread)
{
	struct timespec ts;
	clockid_t id;

	if (pthread_getcpuclockid(thread, &id) != 0 || clock_gettime(id, &ts) < 0)
		return 0;
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

void kvm_vm_info(struct vm *vm, struct hvctl_domain_info *info)
{
	struct kvm_vm *kv = kvm_vm_of(vm);

	memset(info, 0, sizeof(*info));
	info->domid = vm->d.domid;
	memcpy(info->name, vm->d.name, sizeof(info->name));
	domain_lock(&vm->d);
	info->channels = vm->d.events.used;
	info->mapped_pages = vm->d.maptrack.used;
	info->unknown_calls = vm->nr_unknown;
	domain_unlock(&vm->d);
	pthread_mutex_lock(&kv->run_lock);
	info->state = state_public(kv->state);
	info->shutdown_reason = kv->reason;
	pthread_mutex_unlock(&kv->run_lock);
	info->vcpus = vm->nr_vcpus;
	info->memory_bytes = vm->mem.ram_bytes;
	info->lent_pages = mem_lent(&vm->mem);
	for (unsigned i = 0; i < vm->nr_vcpus; i++)
		if (kv->vcpus[i].started)
			info->cpu_ns += thread_ns(kv->vcpus[i].thread);
}

/* SPDX-License-Identifier: MIT */
/*
 * vm domains on Linux KVM: the platform below the hypercall layer, and their life.
 * All functions are the loop's thread's unless they say otherwise.
 */
#ifndef SLUICE_HYPERVISOR_VM_KVM_H
#define SLUICE_HYPERVISOR_VM_KVM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/loop.h"
#include "hypervisor/domain.h"
#include "hypervisor/process/control.h"

struct vm;
struct kvm;

/** enum kvm_hypercalls - how a guest's hypercalls reach us. */
enum kvm_hypercalls {
	/*
	 * The domain builder rewrites a kernel's two call sites, on any host. Others (a kernel
	 * that the guest itself starts) need a host with CONFIG_KVM_XEN, which is used, too.
	 */
	KVM_HYPERCALLS_REWRITE,
	/*
	 * No kernel is changed; needs CONFIG_KVM_XEN. Such a host serves SCHEDOP_poll by itself, as
	 * a yield: vCPUs that wait for each other burn time.
	 */
	KVM_HYPERCALLS_KVM,
};

/**
 * kvm_open() - open KVM and see what it can do; before confinement.
 * @path: /dev/kvm; kept by reference
 * @fd_budget: descriptors that one vm may cost
 * @calls: without CONFIG_KVM_XEN KVM_HYPERCALLS_KVM is one of the things that it may lack
 *
 * Where there is no KVM, or one that lacks something, kvm_vm_create() will say so.
 * Return: NULL with errno set: ENOMEM, EMFILE.
 */
struct kvm *kvm_open(const char *path, struct domain_set *set, struct loop *loop,
	unsigned fd_budget, enum kvm_hypercalls calls);
/** kvm_close() - destroys all vms. */
void kvm_close(struct kvm *kvm);

/** kvm_vm_create(), _pause(), _unpause(), _destroy(): as hvctl_ of control.h. The descriptors
 * are taken when it succeeds. */
int kvm_vm_create(struct kvm *kvm, const struct hvctl_vm_config *config, int builder_fd,
	int life_fd, struct hvctl_vm_made *made) must_check;
int kvm_vm_pause(struct vm *vm);
int kvm_vm_unpause(struct vm *vm);
void kvm_vm_destroy(struct vm *vm);
void kvm_vm_info(struct vm *vm, struct hvctl_domain_info *info);

/**
 * vm_quiesce() - returns when no vCPU of @vm is in guest mode, and none enters it until
 * vm_resume(). Hypercalls may go on meanwhile. Any thread that is no vCPU of @vm and holds no
 * lock of a domain or memory; nests.
 */
void vm_quiesce(struct vm *vm);
void vm_resume(struct vm *vm);

/**
 * vm_watch_bell() - the other end of channel @port of @vm is a process domain's: whenever
 * that writes to @fd, an eventfd, the vm's own thread raises @port. Nobody reads @fd. At most
 * one per port. Under vm->d.lock. 0 or -errno.
 */
int vm_watch_bell(struct vm *vm, uint32_t port, int fd) must_check;
/** vm_unwatch_bell() - before @port is free or the descriptor is closed. Under vm->d.lock. */
void vm_unwatch_bell(struct vm *vm, uint32_t port);

#endif

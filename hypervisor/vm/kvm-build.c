// SPDX-License-Identifier: MIT
/*
 * The conversation with the domain builder, which works on files that anybody made: what
 * it says is checked, and what it does not say is a failed domain.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/fdpass.h"
#include "hypervisor/build/build-wire.h"
#include "hypervisor/vm/kvm-private.h"

void kvm_build_stop(struct kvm_vm *kv)
{
	loop_remove(kv->builder);
	kv->builder = NULL;
	if (kv->builder_fd >= 0)
		close(kv->builder_fd);
	kv->builder_fd = -1;
}

static bool result_ok(const struct kvm_vm *kv, const struct build_result *r)
{
	uint64_t low = kv->vm.mem.ram_bytes < VM_LOW_RAM_MAX ? kv->vm.mem.ram_bytes
							     : VM_LOW_RAM_MAX;

	/* Where they point is the guest's own business, as long as something is there. */
	return r->version == BUILD_WIRE_VERSION && r->entry < low && r->start_info < low;
}

/* 0 or -errno. */
static int result_read(struct kvm_vm *kv, struct build_result *r)
{
	unsigned none = 0;
	ssize_t n = fd_recv_now(kv->builder_fd, r, sizeof(*r), NULL, &none);

	if (n == -EAGAIN)
		return -EAGAIN;
	if (n <= 0) {
		log_err("domain %u: its builder failed", kv->vm.d.domid);
		return -EPIPE;
	}
	if (n != sizeof(*r) || !result_ok(kv, r)) {
		log_err("domain %u: its builder's answer makes no sense; is it of "
			"another build?",
			kv->vm.d.domid);
		return -EPROTO;
	}
	return 0;
}

static int threads_start(struct kvm_vm *kv)
{
	int rc = kvm_thread_start(kv);

	for (unsigned i = 0; i < kv->vm.nr_vcpus && rc == 0; i++)
		rc = vcpu_start(&kv->vcpus[i]);
	return rc;
}

static void builder_ready(void *opaque, uint32_t events)
{
	struct kvm_vm *kv = opaque;
	struct build_result result;
	int rc = result_read(kv, &result);

	if (rc == -EAGAIN)
		return;
	kvm_build_stop(kv);
	if (rc == 0) {
		rc = kvm_machine_entry(kv, result.entry, result.start_info);
		/* Nothing rewritten: it is no kernel that makes hypercalls, but may be one that
		 * starts another. */
		if (rc == 0 && kv->kvm->rewrite && !kv->kvm->xen && !result.rewritten)
			rc = kvm_machine_filter(kv, true);
		if (rc == 0)
			rc = threads_start(kv);
		if (rc < 0)
			log_err("domain %u: it cannot start: %s", kv->vm.d.domid,
				strerror(-rc));
	}
	if (rc < 0) {
		vm_shutdown(&kv->vm, SHUTDOWN_crash);
		return;
	}
	log_info("domain %u (%s) is built, %u hypercall sites rewritten", kv->vm.d.domid,
		kv->vm.d.name, result.rewritten);
	(void)kvm_life_change(kv, VM_BUILDING, VM_PAUSED);
}

int kvm_build_start(struct kvm_vm *kv, const struct hvctl_vm_config *config)
{
	const struct build_order order = {
		.version = BUILD_WIRE_VERSION,
		.vcpus = config->vcpus,
		.max_vcpus = config->max_vcpus,
		.hypercall_port = kv->kvm->rewrite ? VM_HYPERCALL_PORT : 0,
		.ram_bytes = config->memory_bytes,
	};
	int rc = fd_send_now(kv->builder_fd, &order, sizeof(order), &kv->vm.mem.fd, 1);

	if (rc < 0)
		return rc;
	kv->builder =
		loop_add_fd(kv->kvm->loop, kv->builder_fd, EPOLLIN, builder_ready, kv);
	return kv->builder ? 0 : -errno;
}

// SPDX-License-Identifier: MIT
/* A vm domain's creation and end. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hypervisor/vm/kvm-private.h"

#define DEFAULT_MAPPED 32768u
/* Besides two per vCPU: KVM's, both memories, the thread's three, the builder's, life_fd.
 */
#define FDS_PER_VM 8u
#define REF_CONSOLE 0u
#define REF_STORE 1u

static void ops_release(struct domain *d)
{
	struct kvm_vm *kv = kvm_vm_of(vm_is(d));

	vm_fini(&kv->vm);
	for (unsigned i = 0; i < kv->vm.nr_vcpus; i++)
		pthread_cond_destroy(&kv->vcpus[i].woken);
	free(kv->vcpus);
	pthread_cond_destroy(&kv->run_cond);
	pthread_mutex_destroy(&kv->run_lock);
	free(kv);
}

static const struct domain_ops kvm_domain_ops = {
	.raise = vm_ops_raise,
	.frame_hold = vm_ops_frame_hold,
	.frame_release = vm_ops_frame_release,
	.frame_locate = vm_ops_frame_locate,
	.frame_unlocate = vm_ops_frame_unlocate,
	.vm = true,
	.release = ops_release,
};

static int config_check(const struct kvm *kvm, const struct hvctl_vm_config *c)
{
	if (memchr(c->name, '\0', sizeof(c->name)) == NULL)
		return -EINVAL;
	if (c->domid != HVCTL_DOMID_ANY && c->domid >= DOMID_FIRST_RESERVED)
		return -EINVAL;
	if (c->memory_bytes % VM_PAGE || c->memory_bytes < VM_MIN_RAM ||
		c->memory_bytes > VM_MAX_RAM)
		return -EINVAL;
	if (!c->vcpus || c->vcpus > c->max_vcpus || c->max_vcpus > VM_MAX_VCPUS ||
		c->max_vcpus > kvm->max_vcpus)
		return -EINVAL;
	if (c->max_channels >= EVENT_MAX_PORTS ||
		c->backend_domid >= DOMID_FIRST_RESERVED)
		return -EINVAL;
	return FDS_PER_VM + 2 * c->max_vcpus > kvm->fd_budget ? -EMFILE : 0;
}

static bool is_seqpacket(int fd)
{
	int domain = 0, type = 0;
	socklen_t len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       domain == AF_UNIX && type == SOCK_SEQPACKET;
}

static void vcpus_init(struct kvm_vm *kv)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	for (unsigned i = 0; i < kv->vm.nr_vcpus; i++) {
		struct kvm_vcpu *c = &kv->vcpus[i];

		c->kv = kv;
		c->v = &kv->vm.vcpus[i];
		c->v->platform = c;
		c->fd = c->timer_fd = -1;
		pthread_cond_init(&c->woken, &monotonic);
	}
	pthread_condattr_destroy(&monotonic);
}

/* A vm without vCPUs' descriptors; NULL with *rc set. */
static struct kvm_vm *vm_alloc(
	struct kvm *kvm, const struct hvctl_vm_config *config, int *rc)
{
	const struct domain_limits limits = {
		.max_ports =
			config->max_channels ? config->max_channels : EVENT_MAX_PORTS - 1,
		.max_mapped = config->max_mapped ? config->max_mapped : DEFAULT_MAPPED,
	};
	struct kvm_vm *kv = calloc(1, sizeof(*kv));

	*rc = -ENOMEM;
	if (!kv)
		return NULL;
	kv->kvm = kvm;
	kv->fd = kv->builder_fd = kv->life_fd = kv->epoll_fd = kv->quit_fd =
		kv->look_fd = -1;
	kv->state = VM_BUILDING;
	atomic_store(&kv->stops, 1);
	kv->vcpus = calloc(config->max_vcpus, sizeof(*kv->vcpus));
	if (kv->vcpus)
		*rc = kvm_machine_make(kv);
	if (*rc == 0) {
		*rc = vm_init(&kv->vm, kvm->set, config->name, config->memory_bytes,
			config->max_vcpus, &limits, &kvm_platform, &kvm_mem_ops,
			&kvm_domain_ops);
		if (*rc < 0)
			log_err("cannot make a vm of %llu MiB: %s; give it less memory",
				(unsigned long long)config->memory_bytes >> 20,
				strerror(-*rc));
	}
	if (*rc < 0) {
		if (kv->fd >= 0)
			close(kv->fd);
		free(kv->vcpus);
		free(kv);
		return NULL;
	}
	pthread_mutex_init(&kv->run_lock, NULL);
	pthread_cond_init(&kv->run_cond, NULL);
	vcpus_init(kv);
	return kv;
}

/* Rings of the store and the console: pages granted, ports that wait for the backend. */
static int rings_make(struct kvm_vm *kv, uint32_t backend, struct hvctl_vm_made *made)
{
	struct vm *vm = &kv->vm;
	int store = event_alloc_unbound(&vm->d, backend, NULL, NULL);
	int console = event_alloc_unbound(&vm->d, backend, NULL, NULL);

	if (store < 0 || console < 0)
		return store < 0 ? store : console;
	vm_grant_ring(vm, REF_CONSOLE, backend, VM_CONSOLE_GPA);
	vm_grant_ring(vm, REF_STORE, backend, VM_STORE_GPA);
	*made = (struct hvctl_vm_made){
		.domid = vm->d.domid,
		.store_port = store,
		.console_port = console,
		.store_gfn = VM_STORE_GPA / VM_PAGE,
		.console_gfn = VM_CONSOLE_GPA / VM_PAGE,
	};
	domain_lock(&vm->d);
	vm->params[HVM_PARAM_STORE_PFN] = made->store_gfn;
	vm->params[HVM_PARAM_STORE_EVTCHN] = store;
	vm->params[HVM_PARAM_CONSOLE_PFN] = made->console_gfn;
	vm->params[HVM_PARAM_CONSOLE_EVTCHN] = console;
	domain_unlock(&vm->d);
	return 0;
}

static void threads_end(struct kvm_vm *kv)
{
	pthread_mutex_lock(&kv->run_lock);
	kv->dying = true;
	atomic_fetch_add(&kv->stops, 1);
	vcpu_kick_all(kv);
	pthread_cond_broadcast(&kv->run_cond);
	pthread_mutex_unlock(&kv->run_lock);
	kvm_life_waits(kv, false);
	for (unsigned i = 0; i < kv->vm.nr_vcpus; i++) {
		if (kv->vcpus[i].started)
			pthread_join(kv->vcpus[i].thread, NULL);
		kv->vcpus[i].started = false;
	}
	kvm_thread_stop(kv);
}

/* Everything but what mappers of its pages may still use; drops the caller's reference.
 */
static void vm_end(struct kvm_vm *kv)
{
	struct domain_set *set = kv->kvm->set;
	struct domain *d = &kv->vm.d;

	/* First of all: long hypercalls look at it. */
	domain_lock(d);
	kv->vm.zombie = true;
	domain_unlock(d);
	threads_end(kv);
	kvm_build_stop(kv);
	event_close_owned(set, d, NULL);
	kvm_thread_fini(kv);
	kvm_machine_close(kv);
	if (d->domid != DOMID_INVALID)
		domain_set_remove(set, d);
	/* First the memory, and with it all that is mapped there: page by page that could fail. */
	mem_drop(&kv->vm.mem);
	vm_grants_release(&kv->vm);
	domain_put(set, d);
}

static int vm_assemble(struct kvm_vm *kv, const struct hvctl_vm_config *config,
	struct hvctl_vm_made *made)
{
	uint32_t domid = config->domid == HVCTL_DOMID_ANY ? DOMID_SELF : config->domid;
	int rc = kvm_thread_init(kv);

	if (rc == 0)
		rc = domain_set_add(kv->kvm->set, &kv->vm.d, domid);
	if (rc == 0)
		rc = kvm_machine_vcpus(kv);
	if (rc == 0)
		rc = rings_make(kv, config->backend_domid, made);
	return rc;
}

int kvm_vm_create(struct kvm *kvm, const struct hvctl_vm_config *config, int builder_fd,
	int life_fd, struct hvctl_vm_made *made)
{
	struct kvm_vm *kv;
	int rc;

	if (kvm->fd < 0) {
		log_err("cannot make a vm: %s", kvm->reason);
		return kvm->error;
	}
	rc = config_check(kvm, config);
	if (rc < 0)
		return rc;
	if (!is_seqpacket(builder_fd) ||
		(life_fd >= 0 && fcntl(life_fd, F_SETFL, O_NONBLOCK) < 0))
		return -EINVAL;
	kv = vm_alloc(kvm, config, &rc);
	if (!kv)
		return rc;
	rc = vm_assemble(kv, config, made);
	if (rc == 0) {
		kv->builder_fd = builder_fd;
		rc = kvm_build_start(kv, config);
	}
	if (rc < 0) {
		kv->builder_fd = -1; /* the caller's again */
		vm_end(kv);
		return rc;
	}
	kv->life_fd = life_fd;
	kv->next = kvm->vms;
	kvm->vms = kv;
	log_info("domain %u (%s) created, %u vCPUs, %llu MiB", kv->vm.d.domid,
		kv->vm.d.name, config->max_vcpus,
		(unsigned long long)config->memory_bytes >> 20);
	return 0;
}

void kvm_vm_destroy(struct vm *vm)
{
	struct kvm_vm *kv = kvm_vm_of(vm);
	struct kvm *kvm = kv->kvm;

	for (struct kvm_vm **pp = &kvm->vms; *pp; pp = &(*pp)->next) {
		if (*pp == kv) {
			*pp = kv->next;
			break;
		}
	}
	log_info("domain %u (%s) destroyed", vm->d.domid, vm->d.name);
	if (kv->life_fd >= 0)
		close(kv->life_fd);
	vm_end(kv);
	kvm_life_exception(kvm);
}

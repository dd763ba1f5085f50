// SPDX-License-Identifier: MIT
/* KVM as the host has it: what is there, and whether it will do. */
#include "config.h"
#include "hypervisor/vm/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "hypervisor/vm/kvm-private.h"

int kvm_call(int fd, unsigned long request, const void *arg)
{
	int rc = ioctl(fd, request, arg);

	return rc < 0 ? -errno : rc;
}

static const struct {
	unsigned cap;
	const char *name;
} needed[] = {
	{ KVM_CAP_USER_MEMORY, "USER_MEMORY" },
	{ KVM_CAP_SPLIT_IRQCHIP, "SPLIT_IRQCHIP" },
	{ KVM_CAP_SIGNAL_MSI, "SIGNAL_MSI" },
	{ KVM_CAP_IMMEDIATE_EXIT, "IMMEDIATE_EXIT" },
	{ KVM_CAP_ADJUST_CLOCK, "ADJUST_CLOCK" },
	{ KVM_CAP_X86_USER_SPACE_MSR, "X86_USER_SPACE_MSR" },
	{ KVM_CAP_X86_MSR_FILTER, "X86_MSR_FILTER" },
	{ KVM_CAP_GET_TSC_KHZ, "GET_TSC_KHZ" },
};

static int kvm_has(const struct kvm *kvm, unsigned long cap)
{
	int rc = kvm_call(kvm->fd, KVM_CHECK_EXTENSION, (void *)cap);

	return rc < 0 ? 0 : rc;
}

static void open_failed(struct kvm *kvm, int error, const char *what, const char *remedy)
{
	kvm->error = error;
	snprintf(kvm->reason, sizeof(kvm->reason), "%s: %s; %s", kvm->path, what, remedy);
	if (kvm->fd >= 0)
		close(kvm->fd);
	kvm->fd = -1;
}

static int cpuid_offered(struct kvm *kvm)
{
	kvm->cpuid =
		calloc(1, sizeof(*kvm->cpuid) +
				  KVM_PRIVATE_CPUIDS * sizeof(kvm->cpuid->entries[0]));
	if (!kvm->cpuid)
		return -ENOMEM;
	kvm->cpuid->nent = KVM_PRIVATE_CPUIDS;
	return kvm_call(kvm->fd, KVM_GET_SUPPORTED_CPUID, kvm->cpuid);
}

static void caps_check(struct kvm *kvm)
{
	const unsigned sync = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	char what[64];

	if (kvm_call(kvm->fd, KVM_GET_API_VERSION, NULL) != KVM_API_VERSION) {
		open_failed(kvm, -EOPNOTSUPP, "it is no KVM of version 12",
			"give another --kvm");
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(needed); i++) {
		if (kvm_has(kvm, needed[i].cap))
			continue;
		snprintf(what, sizeof(what), "KVM lacks %s", needed[i].name);
		open_failed(kvm, -EOPNOTSUPP, what, "use Linux 5.10 or later");
		return;
	}
	if ((kvm_has(kvm, KVM_CAP_SYNC_REGS) & sync) != sync) {
		open_failed(kvm, -EOPNOTSUPP, "KVM lacks SYNC_REGS",
			"use Linux 5.10 or later");
		return;
	}
	kvm->xen = kvm_has(kvm, KVM_CAP_XEN_HVM) & KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL;
	if (!kvm->xen && !kvm->rewrite) {
		open_failed(kvm, -EOPNOTSUPP, "this kernel has no CONFIG_KVM_XEN",
			"leave out --hypercalls=kvm");
		return;
	}
	kvm->max_vcpus = kvm_has(kvm, KVM_CAP_MAX_VCPUS);
	kvm->run_size = kvm_call(kvm->fd, KVM_GET_VCPU_MMAP_SIZE, NULL);
	if (cpuid_offered(kvm) < 0 || kvm->run_size < sizeof(struct kvm_run) ||
		kvm->run_size > 1u << 20)
		open_failed(kvm, -EOPNOTSUPP, "KVM does not tell what its CPUs have",
			"use Linux 5.10 or later");
}

static void device_open(struct kvm *kvm)
{
	kvm->fd = open(kvm->path, O_RDWR | O_CLOEXEC);
	if (kvm->fd < 0)
		open_failed(kvm, -ENODEV, strerror(errno),
			errno == EACCES ? "let this user use it, as member of group kvm"
					: "load kvm-amd or kvm-intel, and let the "
					  "firmware allow it");
	else
		caps_check(kvm);
}

static void news_ready(void *opaque, uint32_t events)
{
	struct kvm *kvm = opaque;
	uint64_t n;

	if (read(kvm->news_fd, &n, sizeof(n)) == sizeof(n))
		kvm_life_news(kvm);
}

static void kick_handler(int sig)
{
}

static int kick_init(void)
{
	struct sigaction sa = { .sa_handler = kick_handler };

	sigemptyset(&sa.sa_mask);
	return sigaction(VCPU_KICK_SIGNAL, &sa, NULL);
}

struct kvm *kvm_open(const char *path, struct domain_set *set, struct loop *loop,
	unsigned fd_budget, enum kvm_hypercalls calls)
{
	struct kvm *kvm = calloc(1, sizeof(*kvm));

	if (!kvm)
		return NULL;
	kvm->path = path;
	kvm->set = set;
	kvm->loop = loop;
	kvm->fd_budget = fd_budget;
	kvm->rewrite = calls == KVM_HYPERCALLS_REWRITE;
	device_open(kvm);
	kvm->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (kvm->news_fd >= 0 && kick_init() == 0)
		kvm->news = loop_add_fd(loop, kvm->news_fd, EPOLLIN, news_ready, kvm);
	if (!kvm->news) {
		int saved = errno;

		kvm_close(kvm);
		errno = saved;
		return NULL;
	}
	return kvm;
}

void kvm_close(struct kvm *kvm)
{
	if (!kvm)
		return;
	while (kvm->vms)
		kvm_vm_destroy(&kvm->vms->vm);
	loop_remove(kvm->news);
	if (kvm->news_fd >= 0)
		close(kvm->news_fd);
	if (kvm->fd >= 0)
		close(kvm->fd);
	free(kvm->cpuid);
	free(kvm);
}

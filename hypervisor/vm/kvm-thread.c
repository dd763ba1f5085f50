// SPDX-License-Identifier: MIT
/*
 * A vm's own thread: its timers, and events from process domains, which arrive as writes
 * to eventfds.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/thread.h"
#include "hypervisor/vm/kvm-private.h"

#define SECOND 1000000000ull
#define WATCH_CHUNK 1024u
#define EVENTS_AT_ONCE 16
#define LOOK_SECONDS 1

/* What an epoll event is about: one of these, and a vCPU or a port. */
enum { ABOUT_QUIT, ABOUT_TIMER, ABOUT_BELL, ABOUT_LOOK };

static uint64_t about(unsigned what, uint32_t number)
{
	return (uint64_t)what << 32 | number;
}

/* Arms it for what is left until @deadline; a deadline that has passed comes at once. */
static void timer_arm(struct kvm_vcpu *c, uint64_t deadline)
{
	struct itimerspec when = { 0 };

	if (deadline) {
		uint64_t now = kvm_platform_now(&c->kv->vm);
		uint64_t left = deadline > now ? deadline - now : 1;

		when.it_value.tv_sec = left / SECOND;
		when.it_value.tv_nsec = left % SECOND;
	}
	timerfd_settime(c->timer_fd, 0, &when, NULL);
}

void kvm_thread_set_timer(struct vcpu *v, uint64_t deadline)
{
	struct kvm_vcpu *c = kvm_vcpu_of(v);

	if (c->deadline == deadline)
		return;
	c->deadline = deadline;
	timer_arm(c, deadline);
}

/* The host's clock is not the guest's: look at that before saying that time is up. */
static void timer_ready(struct kvm_vcpu *c)
{
	struct domain *d = &c->kv->vm.d;
	bool due = false;

	domain_lock(d);
	if (c->deadline) {
		due = c->deadline <= kvm_platform_now(&c->kv->vm);
		if (due)
			c->deadline = 0;
		else
			timer_arm(c, c->deadline);
	}
	domain_unlock(d);
	if (due)
		vcpu_timer(c->v);
}

static int *watch_slot(struct kvm_vm *kv, uint32_t port)
{
	int *chunk = port < EVENT_MAX_PORTS ? kv->watched[port / WATCH_CHUNK] : NULL;

	return chunk ? &chunk[port % WATCH_CHUNK] : NULL;
}

int vm_watch_bell(struct vm *vm, uint32_t port, int fd)
{
	struct kvm_vm *kv = kvm_vm_of(vm);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET,
		.data.u64 = about(ABOUT_BELL, port) };
	int *slot;

	if (port >= EVENT_MAX_PORTS || kv->epoll_fd < 0)
		return -EINVAL;
	if (!kv->watched[port / WATCH_CHUNK])
		kv->watched[port / WATCH_CHUNK] = calloc(WATCH_CHUNK, sizeof(int));
	slot = watch_slot(kv, port);
	if (!slot)
		return -ENOMEM;
	if (*slot)
		return -EBUSY;
	if (epoll_ctl(kv->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -errno;
	*slot = fd + 1;
	return 0;
}

void vm_unwatch_bell(struct vm *vm, uint32_t port)
{
	struct kvm_vm *kv = kvm_vm_of(vm);
	int *slot = watch_slot(kv, port);

	if (!slot || !*slot)
		return;
	epoll_ctl(kv->epoll_fd, EPOLL_CTL_DEL, *slot - 1, NULL);
	*slot = 0;
}

/* The event may be older than the port's present use: then this one is spurious. */
static void bell_ready(struct kvm_vm *kv, uint32_t port)
{
	struct domain *d = &kv->vm.d;
	int *slot;

	domain_lock(d);
	slot = watch_slot(kv, port);
	if (slot && *slot)
		d->ops->raise(d, port);
	domain_unlock(d);
}

/*
 * A guest whose vCPUs are all down never runs again; for Xen that is how it powers off. Twice
 * in a row, for a vCPU that was down when it looked may have been started by one that was up
 * still. One that is not in the guest now does not look, and counts as up.
 */
static void look_ready(struct kvm_vm *kv)
{
	bool down = true;
	uint64_t times;

	/* It goes on only when it is read. */
	(void)!read(kv->look_fd, &times, sizeof(times));
	for (unsigned i = 0; i < kv->vm.nr_vcpus; i++)
		down &= atomic_exchange(&kv->vcpus[i].down, false);
	kv->all_down = down ? kv->all_down + 1 : 0;
	if (kv->all_down == 2) {
		log_info("domain %u: all its vCPUs are halted with interrupts off",
			kv->vm.d.domid);
		vm_shutdown(&kv->vm, SHUTDOWN_poweroff);
	}
	for (unsigned i = 0; i < kv->vm.nr_vcpus; i++) {
		atomic_store(&kv->vcpus[i].look, true);
		vcpu_kick(&kv->vcpus[i]);
	}
}

static void *thread_run(void *opaque)
{
	struct kvm_vm *kv = opaque;
	struct epoll_event ev[EVENTS_AT_ONCE];

	for (;;) {
		int n = epoll_wait(kv->epoll_fd, ev, EVENTS_AT_ONCE, -1);

		for (int i = 0; i < n; i++) {
			uint32_t number = (uint32_t)ev[i].data.u64;

			switch (ev[i].data.u64 >> 32) {
			case ABOUT_QUIT:
				return NULL;
			case ABOUT_TIMER:
				timer_ready(&kv->vcpus[number]);
				break;
			case ABOUT_BELL:
				bell_ready(kv, number);
				break;
			case ABOUT_LOOK:
				look_ready(kv);
				break;
			}
		}
	}
}

static int watch(struct kvm_vm *kv, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };

	if (fd < 0)
		return -errno;
	return epoll_ctl(kv->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

int kvm_thread_init(struct kvm_vm *kv)
{
	static const struct itimerspec look_period = {
		.it_interval.tv_sec = LOOK_SECONDS, .it_value.tv_sec = LOOK_SECONDS
	};
	int rc;

	kv->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (kv->epoll_fd < 0)
		return -errno;
	kv->quit_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = watch(kv, kv->quit_fd, EPOLLIN, about(ABOUT_QUIT, 0));
	kv->look_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (rc == 0)
		rc = watch(kv, kv->look_fd, EPOLLIN, about(ABOUT_LOOK, 0));
	if (rc == 0 && timerfd_settime(kv->look_fd, 0, &look_period, NULL) < 0)
		rc = -errno;
	for (unsigned i = 0; i < kv->vm.nr_vcpus && rc == 0; i++) {
		struct kvm_vcpu *c = &kv->vcpus[i];

		/* An edge per expiry: arming it again takes back one that nobody looked
		 * at. */
		c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		rc = watch(kv, c->timer_fd, EPOLLIN | EPOLLET, about(ABOUT_TIMER, i));
	}
	return rc;
}

int kvm_thread_start(struct kvm_vm *kv)
{
	int rc = thread_make(&kv->thread, thread_run, kv, false);

	kv->started = rc == 0;
	return rc;
}

void kvm_thread_stop(struct kvm_vm *kv)
{
	const uint64_t one = 1;

	if (!kv->started)
		return;
	if (write(kv->quit_fd, &one, sizeof(one)) != sizeof(one))
		log_err("domain %u: its thread cannot be told to end: %s", kv->vm.d.domid,
			strerror(errno));
	pthread_join(kv->thread, NULL);
	kv->started = false;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void kvm_thread_fini(struct kvm_vm *kv)
{
	close_fd(&kv->epoll_fd);
	close_fd(&kv->quit_fd);
	close_fd(&kv->look_fd);
	for (unsigned i = 0; kv->vcpus && i < kv->vm.nr_vcpus; i++)
		close_fd(&kv->vcpus[i].timer_fd);
	for (unsigned i = 0; i < ARRAY_SIZE(kv->watched); i++) {
		free(kv->watched[i]);
		kv->watched[i] = NULL;
	}
}

int thread_make(pthread_t *thread, void *(*fn)(void *), void *opaque, bool kicks)
{
	return thread_start_hearing(thread, VCPU_STACK, kicks ? VCPU_KICK_SIGNAL : 0, fn, opaque);
}

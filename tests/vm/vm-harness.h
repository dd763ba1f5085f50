/* SPDX-License-Identifier: MIT */
/*
 * For tests with vm domains: a real hypervisor on the machine's KVM, and guests that do what
 * the test tells them (guest-abi.h). The test plays the toolstack, the domain builder and, with
 * hv_enter(), process domains. As builder it keeps the guest's memory mapped: its view of a
 * page is that of the guest unless the page is lent or something else stands there; then the
 * guest has to be asked (guest_read()).
 *
 * Whatever goes wrong in here fails the running test.
 */
#ifndef SLUICE_TESTS_VM_HARNESS_H
#define SLUICE_TESTS_VM_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/grant_table.h>

#include "hypervisor/build/build-wire.h"
#include "hypervisor/process/control.h"
#include "tests/unit/hv-harness.h"
#include "tests/vm/guest-abi.h"

#define PAGE 4096u

/** struct guest - a vm domain with our guest in it. */
struct guest {
	struct hv_world *w;
	struct hvctl_vm_config config;
	struct hvctl_vm_made made;
	uint32_t domid;
	int builder; /* the builder's end, or -1 */
	int life;    /* read end, or -1 */
	uint8_t *ram;
	size_t ram_size;
	uint32_t event_pages; /* of FIFO words so far */
};

/**
 * vm_world_start() - hv_dropin() and hv_world_start(), and see that vms can be had; otherwise the
 * program ends here, skipped with the reason.
 */
void vm_world_start(struct hv_world *w, char **argv);
/** vm_world_stop() - hv_world_stop(). Return: @failed, for main() to return. */
int vm_world_stop(struct hv_world *w, int failed);

/** guest_config() - of a guest with @cpus vCPUs and GUEST_RAM. */
struct hvctl_vm_config guest_config(unsigned cpus);
/** guest_create() - HVCTL_BUILDING. 0 or what hvctl_vm_create() returned. */
int guest_create(struct guest *g, struct hv_world *w, const struct hvctl_vm_config *config);
/** guest_take_order() - receive the builder's order and map the memory. */
void guest_take_order(struct guest *g, struct build_order *order);
/** guest_fill() - what a builder does: our guest's image, page tables, start info. */
void guest_fill(struct guest *g);
/** guest_answer() - the builder's result; entry and start info as guest_fill() put them. */
void guest_answer(struct guest *g, const struct build_result *result);
struct build_result guest_result(void);
/** guest_build() - all of the builder's work; afterwards it is HVCTL_PAUSED. */
void guest_build(struct guest *g);
/** guest_start() - create, build, unpause; returns when all @cpus are in their loops. */
void guest_start(struct guest *g, struct hv_world *w, unsigned cpus);
/** guest_start_cpus() - from the first on, by INIT and SIPI. */
void guest_start_cpus(struct guest *g, unsigned cpus);
/** guest_wait_online() - a vCPU is in its loop. */
void guest_wait_online(struct guest *g, unsigned cpu);
/** guest_destroy() - ends it; its life descriptor says so. */
void guest_destroy(struct guest *g);
/** guest_drop() - the test's own part, for a guest that was destroyed otherwise. */
void guest_drop(struct guest *g);
/** guest_expect_state() - the next change; returns its reason. */
uint32_t guest_expect_state(struct guest *g, enum hvctl_state state);
/** guest_assert_well() - the hypervisor answers the guest's first vCPU, and the guest runs. */
void guest_assert_well(struct guest *g);
/** guest_info() - the guest's entry of hvctl_domain_list(). */
struct hvctl_domain_info guest_info(struct guest *g);

struct guest_mail *guest_mail(struct guest *g, unsigned cpu);
struct guest_log *guest_log(struct guest *g, unsigned cpu);

/** guest_begin() - have @cpu do something; guest_end() waits for it and returns the result. */
void guest_begin(struct guest *g, unsigned cpu, enum guest_op op, uint64_t a, uint64_t b,
	uint64_t c, uint64_t d, uint64_t e, uint64_t f);
uint64_t guest_end(struct guest *g, unsigned cpu);
uint64_t guest_call(struct guest *g, unsigned cpu, enum guest_op op, uint64_t a, uint64_t b,
	uint64_t c);
/** guest_stop_op() - end a request that goes on until it is told to stop. */
uint64_t guest_stop_op(struct guest *g, unsigned cpu);
/** guest_await() - wait until *@value is not less than @at_least. */
void guest_await(struct guest *g, volatile uint32_t *value, uint32_t at_least);

/** guest_hypercall() - raw; guest_hc() with an argument that is copied in and out again. */
int64_t guest_hypercall(struct guest *g, unsigned cpu, unsigned nr, uint64_t a, uint64_t b,
	uint64_t c, uint64_t d, uint64_t e);
int64_t guest_hc(struct guest *g, unsigned cpu, unsigned nr, uint64_t cmd, void *arg, size_t len);
/** guest_vcpu_op() - @arg NULL: none. */
int64_t guest_vcpu_op(
	struct guest *g, unsigned cpu, unsigned cmd, unsigned vcpu, void *arg, size_t len);
int64_t guest_grant_op(struct guest *g, unsigned cpu, unsigned cmd, void *arg, size_t len,
	unsigned count);
int64_t guest_set_param(struct guest *g, uint32_t index, uint64_t value);
/** guest_arg() - @arg in the guest's scratch memory of @cpu; its address. */
uint64_t guest_arg(struct guest *g, unsigned cpu, const void *arg, size_t len);

/** guest_read(), guest_write() - as the guest sees it. */
uint64_t guest_read(struct guest *g, uint64_t gpa, unsigned size);
void guest_write(struct guest *g, uint64_t gpa, unsigned size, uint64_t value);

/** guest_events_init() - vcpu_infos, delivery by upcall vector, FIFO if wanted, interrupts on. */
void guest_events_init(struct guest *g, unsigned cpus, bool fifo);
/** guest_events_expand() - FIFO words for @ports ports in all. */
void guest_events_expand(struct guest *g, uint32_t ports);
/** guest_bind_ipi(), guest_unbound(), guest_bind(), guest_send(), guest_close() */
uint32_t guest_bind_ipi(struct guest *g, unsigned cpu, unsigned vcpu);
uint32_t guest_unbound(struct guest *g, uint32_t remote);
int64_t guest_bind(struct guest *g, uint32_t remote, uint32_t remote_port);
int64_t guest_send(struct guest *g, unsigned cpu, uint32_t port);
int64_t guest_close(struct guest *g, uint32_t port);

/** guest_has_event() - the upcall's handler has found @port; guest_await_event() waits for that. */
bool guest_has_event(struct guest *g, unsigned cpu, uint32_t port);
void guest_await_event(struct guest *g, unsigned cpu, uint32_t port);
/** guest_log_clear() - forget what it found so far. */
void guest_log_clear(struct guest *g, unsigned cpu);

/** guest_grants_init() - its grant table at GUEST_GRANT_TABLE, @frames of it. */
void guest_grants_init(struct guest *g, unsigned frames);
/** guest_grant() - @count entries from @ref on: pages from @gpa on for @domid. */
void guest_grant(struct guest *g, uint32_t ref, uint32_t count, uint64_t gpa, uint32_t domid,
	unsigned flags);
/** guest_grant_flags() - of an entry, now. */
uint16_t guest_grant_flags(struct guest *g, uint32_t ref);
/** guest_grant_end() - as a guest does it. False: it is in use. */
bool guest_grant_end(struct guest *g, uint32_t ref);
void guest_await_grant_idle(struct guest *g, uint32_t ref);

/** now_ns() - monotonic. */
uint64_t now_ns(void);

#endif

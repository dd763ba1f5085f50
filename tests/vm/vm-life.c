// SPDX-License-Identifier: MIT
/* A vm's life as the toolstack sees it: every state, every way to end, and what is left. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <xen/sched.h>
#include <xengnttab.h>

#include "common/fdpass.h"
#include "tests/vm/vm-harness.h"

#define CYCLES 200u
#define REF 16u

static struct hv_world world;

static void test_bad_configurations(void **state)
{
	static const struct {
		uint64_t memory;
		uint32_t vcpus, max;
	} bad[] = {
		{ GUEST_RAM + 1, 1, 1 }, { GUEST_RAM - PAGE, 1, 1 }, { 0, 1, 1 }, { 1ull << 62, 1, 1 },
		{ GUEST_RAM, 0, 1 }, { GUEST_RAM, 2, 1 }, { GUEST_RAM, 1, 0 }, { GUEST_RAM, 65, 65 },
		{ GUEST_RAM, 1, UINT32_MAX },
	};
	struct guest g;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hvctl_vm_config config = guest_config(1);

		config.memory_bytes = bad[i].memory;
		config.vcpus = bad[i].vcpus;
		config.max_vcpus = bad[i].max;
		if (guest_create(&g, &world, &config) != -EINVAL)
			fail_msg("configuration %u was not refused", i);
	}
}

static void test_taken_and_reserved_domids(void **state)
{
	struct hvctl_vm_config config = guest_config(1);
	struct guest g;

	config.domid = 2;
	assert_int_equal(guest_create(&g, &world, &config), -EEXIST);
	config.domid = 0x7ff5;
	assert_int_equal(guest_create(&g, &world, &config), -EINVAL);
	config.domid = 77;
	assert_int_equal(guest_create(&g, &world, &config), 0);
	assert_int_equal(g.domid, 77);
	guest_destroy(&g);
}

static void test_states_and_what_they_refuse(void **state)
{
	struct hvctl_vm_config config = guest_config(1);
	struct guest g;

	assert_int_equal(guest_create(&g, &world, &config), 0);
	assert_int_equal(guest_info(&g).state, HVCTL_BUILDING);
	assert_int_equal(guest_info(&g).memory_bytes, GUEST_RAM);
	assert_int_equal(hvctl_domain_unpause(world.ctl, g.domid), -EINVAL);
	assert_int_equal(hvctl_domain_pause(world.ctl, g.domid), -EINVAL);
	guest_build(&g);
	assert_int_equal(guest_info(&g).state, HVCTL_PAUSED);
	/* Not one instruction before it is let go. */
	usleep(20000);
	assert_int_equal(guest_mail(&g, 0)->online, 0);
	assert_int_equal(hvctl_domain_unpause(world.ctl, g.domid), 0);
	guest_wait_online(&g, 0);
	assert_int_equal(guest_info(&g).state, HVCTL_RUNNING);
	guest_destroy(&g);
	assert_int_equal(hvctl_domain_destroy(world.ctl, g.domid), -ESRCH);
	assert_int_equal(hvctl_domain_pause(world.ctl, g.domid), -ESRCH);
	assert_int_equal(hvctl_domain_unpause(world.ctl, g.domid), -ESRCH);
	assert_int_equal(hvctl_domain_pause(world.ctl, 2), -EINVAL);
	assert_int_equal(hvctl_domain_unpause(world.ctl, 2), -EINVAL);
}

static void test_pause_stops_all_cpus(void **state)
{
	uint64_t at[3];
	struct guest g;

	guest_start(&g, &world, 3);
	for (unsigned cpu = 0; cpu < 3; cpu++)
		guest_begin(&g, cpu, OP_COUNT, GUEST_DATA + cpu * 64, 1, 0, 0, 0, 0);
	for (unsigned i = 0; i < 20; i++) {
		for (unsigned cpu = 0; cpu < 3; cpu++)
			guest_await(&g, (volatile uint32_t *)&guest_mail(&g, cpu)->progress, i + 1);
		assert_int_equal(hvctl_domain_pause(world.ctl, g.domid), 0);
		assert_int_equal(guest_info(&g).state, HVCTL_PAUSED);
		for (unsigned cpu = 0; cpu < 3; cpu++)
			at[cpu] = guest_mail(&g, cpu)->progress;
		usleep(2000);
		for (unsigned cpu = 0; cpu < 3; cpu++)
			assert_int_equal(guest_mail(&g, cpu)->progress, at[cpu]);
		assert_int_equal(hvctl_domain_unpause(world.ctl, g.domid), 0);
		for (unsigned cpu = 0; cpu < 3; cpu++)
			guest_await(&g, (volatile uint32_t *)&guest_mail(&g, cpu)->progress,
				(uint32_t)at[cpu] + 1);
	}
	for (unsigned cpu = 0; cpu < 3; cpu++)
		guest_stop_op(&g, cpu);
	guest_destroy(&g);
}

/* What wakes it while it is paused is there when it goes on. */
static void test_pause_of_one_that_sleeps(void **state)
{
	struct guest g;

	for (int idle = IDLE_POLL; idle <= IDLE_SPIN; idle++) {
		guest_start(&g, &world, 1);
		guest_call(&g, 0, OP_IDLE, idle, 0, 0);
		for (unsigned i = 0; i < 20; i++) {
			assert_int_equal(hvctl_domain_pause(world.ctl, g.domid), 0);
			guest_begin(&g, 0, OP_NOP, 0, 0, 0, 0, 0, 0);
			assert_int_equal(hvctl_domain_unpause(world.ctl, g.domid), 0);
			guest_end(&g, 0);
		}
		guest_destroy(&g);
	}
}

/* As on Xen, where it is the way of guests without ACPI. */
static void test_guest_whose_cpus_are_all_halted_powers_off(void **state)
{
	struct hvctl_vm_config config = guest_config(3);
	struct guest g, sleeping, polling;

	/* These two go on: a vCPU that takes interrupts, and one that waits for an event. */
	guest_start(&sleeping, &world, 2);
	guest_begin(&sleeping, 1, OP_HLT_OFF, 0, 0, 0, 0, 0, 0);
	guest_begin(&sleeping, 0, OP_HLT_ON, 0, 0, 0, 0, 0, 0);
	guest_start(&polling, &world, 1);
	guest_events_init(&polling, 1, true);
	guest_begin(&polling, 0, OP_POLL, guest_bind_ipi(&polling, 0, 0), 0, 0, 0, 0, 0);
	/* One of its vCPUs was never started. */
	assert_int_equal(guest_create(&g, &world, &config), 0);
	guest_build(&g);
	assert_int_equal(hvctl_domain_unpause(world.ctl, g.domid), 0);
	guest_expect_state(&g, HVCTL_RUNNING);
	guest_wait_online(&g, 0);
	guest_start_cpus(&g, 2);
	guest_begin(&g, 1, OP_HLT_OFF, 0, 0, 0, 0, 0, 0);
	guest_begin(&g, 0, OP_HLT_OFF, 0, 0, 0, 0, 0, 0);
	assert_int_equal(guest_expect_state(&g, HVCTL_SHUTDOWN), SHUTDOWN_poweroff);
	assert_int_equal(guest_info(&sleeping).state, HVCTL_RUNNING);
	assert_int_equal(guest_info(&polling).state, HVCTL_RUNNING);
	guest_destroy(&g);
	guest_destroy(&polling);
	guest_destroy(&sleeping);
}

/* Destroyed in whatever it is doing. */
static void test_destroy_in_every_state(void **state)
{
	static const enum guest_op ops[] = { OP_NOP, OP_SPIN, OP_HLT_OFF, OP_HLT_ON, OP_POLL,
		OP_HYPERCALL_LOOP, OP_COUNT, OP_TRIPLE_FAULT };

	for (unsigned i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		struct guest g;
		uint32_t port;

		guest_start(&g, &world, 1);
		guest_events_init(&g, 1, true);
		port = guest_bind_ipi(&g, 0, 0);
		guest_begin(&g, 0, ops[i], ops[i] == OP_POLL ? port : GUEST_DATA, 1, 0, 0, 0, 0);
		usleep(i & 1 ? 3000 : 100);
		guest_destroy(&g);
	}
}

static void test_destroy_while_paused(void **state)
{
	struct hvctl_vm_config config = guest_config(3);
	struct guest g;

	assert_int_equal(guest_create(&g, &world, &config), 0);
	guest_build(&g);
	guest_destroy(&g);
	guest_start(&g, &world, 3);
	assert_int_equal(hvctl_domain_pause(world.ctl, g.domid), 0);
	guest_destroy(&g);
}

static void test_destroy_while_lending(void **state)
{
	xengnttab_handle *t;
	struct guest g;
	char *p;

	hv_enter(&world, 2);
	t = xengnttab_open(NULL, 0);
	assert_non_null(t);
	for (unsigned i = 0; i < 10; i++) {
		guest_start(&g, &world, 1);
		guest_grants_init(&g, 1);
		guest_grant(&g, REF, 1, GUEST_DATA, 2, GTF_permit_access);
		p = xengnttab_map_grant_ref(t, g.domid, REF, PROT_READ | PROT_WRITE);
		assert_non_null(p);
		guest_begin(&g, 0, OP_COUNT, GUEST_DATA, 1, 0, 0, 0, 0);
		guest_destroy(&g);
		if (i & 1)
			assert_int_equal(xengnttab_unmap(t, p, 1), 0);
	}
	xengnttab_close(t);
}

static void test_builder_never_answers(void **state)
{
	struct hvctl_vm_config config = guest_config(1);
	struct guest g;

	assert_int_equal(guest_create(&g, &world, &config), 0);
	guest_destroy(&g);
}

/* It is of no use then; the toolstack hears of it and destroys it. */
static void test_builder_dies(void **state)
{
	struct hvctl_vm_config config = guest_config(1);
	struct build_order order;
	struct guest g;

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(guest_create(&g, &world, &config), 0);
		if (i)
			guest_take_order(&g, &order);
		close(g.builder);
		g.builder = -1;
		guest_expect_state(&g, HVCTL_SHUTDOWN);
		assert_int_equal(hvctl_domain_unpause(world.ctl, g.domid), -EINVAL);
		guest_destroy(&g);
	}
}

static void test_builder_sends_garbage(void **state)
{
	struct hvctl_vm_config config = guest_config(1);
	struct build_result bad[4];
	struct build_order order;
	struct guest g;

	for (unsigned i = 0; i < 4; i++)
		bad[i] = guest_result();
	bad[0].version = 99;
	bad[1].entry = UINT32_MAX;
	bad[2].start_info = GUEST_RAM;
	for (unsigned i = 0; i < 4; i++) {
		size_t len = i == 3 ? 3 : sizeof(bad[i]);

		assert_int_equal(guest_create(&g, &world, &config), 0);
		guest_take_order(&g, &order);
		assert_int_equal(order.version, BUILD_WIRE_VERSION);
		assert_int_equal(order.ram_bytes, GUEST_RAM);
		assert_int_equal(order.max_vcpus, 1);
		assert_int_equal(fd_send(g.builder, &bad[i], len, NULL, 0), 0);
		guest_expect_state(&g, HVCTL_SHUTDOWN);
		assert_int_equal(hvctl_domain_unpause(world.ctl, g.domid), -EINVAL);
		guest_destroy(&g);
	}
}

static void test_nobody_listens_to_its_life(void **state)
{
	struct hvctl_vm_config config = guest_config(1);
	struct guest g;

	assert_int_equal(guest_create(&g, &world, &config), 0);
	close(g.life);
	g.life = -1;
	guest_take_order(&g, &(struct build_order){ 0 });
	guest_fill(&g);
	guest_answer(&g, &(struct build_result){ .version = BUILD_WIRE_VERSION,
		.entry = GUEST_IMAGE, .start_info = GUEST_START_INFO });
	while (hvctl_domain_unpause(world.ctl, g.domid) == -EINVAL)
		usleep(1000);
	guest_wait_online(&g, 0);
	assert_int_equal(hvctl_domain_destroy(world.ctl, g.domid), 0);
	guest_drop(&g);
}

/* Entries of a directory of the hypervisor's /proc, or lines of a file there; 0: not ours to read. */
static unsigned proc_entries(const char *name)
{
	char path[64];
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/%s", world.pid, name);
	dir = opendir(path);
	if (!dir)
		return 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static unsigned proc_lines(const char *name)
{
	char path[64];
	unsigned n = 0;
	FILE *f;
	int c;

	snprintf(path, sizeof(path), "/proc/%d/%s", world.pid, name);
	f = fopen(path, "r");
	if (!f)
		return 0;
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

/* A whole life, with everything that costs something. */
static void cycle(xengnttab_handle *t, unsigned i)
{
	struct guest g;
	void *p;

	guest_start(&g, &world, 3);
	guest_events_init(&g, 3, i & 1);
	guest_grants_init(&g, 2);
	guest_grant(&g, REF, 8, GUEST_DATA, 2, GTF_permit_access);
	p = xengnttab_map_domain_grant_refs(t, 8, g.domid,
		(uint32_t[]){ REF, REF + 1, REF + 2, REF + 3, REF + 4, REF + 5, REF + 6, REF + 7 },
		PROT_READ | PROT_WRITE);
	assert_non_null(p);
	guest_bind_ipi(&g, 0, 1);
	guest_unbound(&g, 2);
	if (i % 3 == 0)
		assert_int_equal(xengnttab_unmap(t, p, 8), 0);
	guest_destroy(&g);
	if (i % 3)
		assert_int_equal(xengnttab_unmap(t, p, 8), 0);
}

static void test_nothing_is_left_of_200_guests(void **state)
{
	unsigned fds, tasks, maps;
	xengnttab_handle *t;

	hv_enter(&world, 2);
	t = xengnttab_open(NULL, 0);
	assert_non_null(t);
	for (unsigned i = 0; i < 10; i++)
		cycle(t, i);
	fds = proc_entries("fd");
	tasks = proc_entries("task");
	maps = proc_lines("maps");
	for (unsigned i = 0; i < CYCLES; i++)
		cycle(t, i);
	/* KVM's own helper threads end in their own time. */
	for (unsigned i = 0; i < 100 && proc_entries("task") > tasks; i++)
		usleep(10000);
	print_message("descriptors %u, threads %u, mappings %u before; now %u, %u, %u\n", fds, tasks,
		maps, proc_entries("fd"), proc_entries("task"), proc_lines("maps"));
	assert_int_equal(proc_entries("fd"), fds);
	assert_int_equal(proc_entries("task"), tasks);
#ifndef SLUICE_SANITIZERS
	/* The allocator's own come and go by a few. */
	assert_true(proc_lines("maps") <= maps + 8);
#endif
	xengnttab_close(t);
}

static void test_many_guests_at_once(void **state)
{
	enum { N = 16 };
	struct guest g[N];

	for (unsigned i = 0; i < N; i++)
		guest_start(&g[i], &world, 1);
	for (unsigned i = 0; i < N; i++)
		guest_write(&g[i], GUEST_DATA, 8, i);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(guest_read(&g[i], GUEST_DATA, 8), i);
	for (unsigned i = 0; i < N; i += 2)
		guest_destroy(&g[i]);
	for (unsigned i = 1; i < N; i += 2) {
		guest_call(&g[i], 0, OP_NOP, 0, 0, 0);
		guest_destroy(&g[i]);
	}
}

/* The toolstack goes without a word: all guests end with the hypervisor, which ends well. */
static void test_hypervisor_ends_with_guests_in_it(void **state)
{
	static struct hv_world own;
	struct guest g[3];

	hv_world_start(&own);
	guest_start(&g[0], &own, 1);
	guest_start(&g[1], &own, 3);
	guest_begin(&g[1], 1, OP_SPIN, 0, 0, 0, 0, 0, 0);
	guest_begin(&g[1], 2, OP_POLL, 1, 0, 0, 0, 0, 0);
	assert_int_equal(guest_create(&g[2], &own, &g[0].config), 0);
	hv_world_stop(&own);
	for (unsigned i = 0; i < 3; i++)
		guest_drop(&g[i]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_configurations),
		cmocka_unit_test(test_taken_and_reserved_domids),
		cmocka_unit_test(test_states_and_what_they_refuse),
		cmocka_unit_test(test_pause_stops_all_cpus),
		cmocka_unit_test(test_pause_of_one_that_sleeps),
		cmocka_unit_test(test_guest_whose_cpus_are_all_halted_powers_off),
		cmocka_unit_test(test_destroy_in_every_state),
		cmocka_unit_test(test_destroy_while_paused),
		cmocka_unit_test(test_destroy_while_lending),
		cmocka_unit_test(test_builder_never_answers),
		cmocka_unit_test(test_builder_dies),
		cmocka_unit_test(test_builder_sends_garbage),
		cmocka_unit_test(test_nobody_listens_to_its_life),
		cmocka_unit_test(test_nothing_is_left_of_200_guests),
		cmocka_unit_test(test_many_guests_at_once),
		cmocka_unit_test(test_hypervisor_ends_with_guests_in_it),
	};

	vm_world_start(&world, argv);
	return vm_world_stop(&world, cmocka_run_group_tests(tests, NULL, NULL));
}

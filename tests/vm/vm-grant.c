// SPDX-License-Identifier: MIT
/* A vm's pages granted to process domains, which use them through the public library. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "tests/unit/hv-handles.h"
#include "tests/vm/vm-harness.h"

#define RW GTF_permit_access
#define RO (GTF_permit_access | GTF_readonly)
#define REF 16u /* the first that the tests use */
#define MAPPER 2u

static struct hv_world world;

static void start(struct guest *g, unsigned cpus)
{
	guest_start(g, &world, cpus);
	guest_grants_init(g, 4);
}

static char *map(xengnttab_handle *t, struct guest *g, uint32_t ref, int prot)
{
	char *p = xengnttab_map_grant_ref(t, g->domid, ref, prot);

	assert_non_null(p);
	return p;
}

static void test_page_is_shared_both_ways(void **state)
{
	xengnttab_handle *t = hv_tab(&world, MAPPER);
	struct guest g;
	uint64_t *p;

	start(&g, 1);
	guest_write(&g, GUEST_DATA + 8, 8, 0x1111);
	guest_grant(&g, REF, 1, GUEST_DATA, MAPPER, RW);
	p = (void *)map(t, &g, REF, PROT_READ | PROT_WRITE);
	assert_int_equal(guest_info(&g).lent_pages, 1);
	assert_int_equal(p[1], 0x1111);
	p[2] = 0x2222;
	assert_int_equal(guest_read(&g, GUEST_DATA + 16, 8), 0x2222);
	guest_write(&g, GUEST_DATA + 8, 8, 0x3333);
	assert_int_equal(p[1], 0x3333);
	p[3] = 0x4444;
	assert_int_equal(xengnttab_unmap(t, p, 1), 0);
	/* The last content is the guest's, in its own page again. */
	assert_int_equal(guest_read(&g, GUEST_DATA + 24, 8), 0x4444);
	assert_int_equal(((uint64_t *)(g.ram + GUEST_DATA))[3], 0x4444);
	assert_int_equal(guest_info(&g).lent_pages, 0);
	xengnttab_close(t);
	guest_destroy(&g);
}

static void test_flags_say_who_uses_it(void **state)
{
	xengnttab_handle *t = hv_tab(&world, MAPPER);
	struct guest g;
	char *p;

	start(&g, 1);
	guest_grant(&g, REF, 1, GUEST_DATA, MAPPER, RW);
	p = map(t, &g, REF, PROT_READ | PROT_WRITE);
	assert_int_equal(guest_grant_flags(&g, REF), RW | GTF_reading | GTF_writing);
	assert_false(guest_grant_end(&g, REF));
	assert_int_equal(xengnttab_unmap(t, p, 1), 0);
	assert_int_equal(guest_grant_flags(&g, REF), RW);
	p = map(t, &g, REF, PROT_READ);
	assert_int_equal(guest_grant_flags(&g, REF), RW | GTF_reading);
	assert_int_equal(xengnttab_unmap(t, p, 1), 0);
	assert_true(guest_grant_end(&g, REF));
	assert_null(xengnttab_map_grant_ref(t, g.domid, REF, PROT_READ));
	xengnttab_close(t);
	guest_destroy(&g);
}

static void test_readonly_grant(void **state)
{
	xengnttab_handle *t = hv_tab(&world, MAPPER);
	struct guest g;
	uint64_t *p;

	start(&g, 1);
	guest_write(&g, GUEST_DATA, 8, 5);
	guest_grant(&g, REF, 1, GUEST_DATA, MAPPER, RO);
	assert_null(xengnttab_map_grant_ref(t, g.domid, REF, PROT_READ | PROT_WRITE));
	p = (void *)map(t, &g, REF, PROT_READ);
	assert_int_equal(*p, 5);
	guest_write(&g, GUEST_DATA, 8, 6);
	assert_int_equal(*p, 6);
	assert_int_equal(mprotect(p, PAGE, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(xengnttab_unmap(t, p, 1), 0);
	xengnttab_close(t);
	guest_destroy(&g);
}

/* More than one message's worth, no two of them neighbours. */
static void test_many_pages_at_once(void **state)
{
	enum { N = 320 };
	xengnttab_handle *t = hv_tab(&world, MAPPER);
	uint32_t refs[N];
	struct guest g;
	uint64_t *p;

	start(&g, 2);
	for (unsigned i = 0; i < N; i++) {
		uint64_t gpa = GUEST_DATA + (N - i) * 2 * PAGE;

		refs[i] = REF + i;
		*(uint64_t *)(g.ram + gpa) = 1000 + i;
		guest_grant(&g, refs[i], 1, gpa, MAPPER, RW);
	}
	p = xengnttab_map_domain_grant_refs(t, N, g.domid, refs, PROT_READ | PROT_WRITE);
	assert_non_null(p);
	assert_int_equal(guest_info(&g).lent_pages, N);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(p[i * PAGE / 8], 1000 + i);
		p[i * PAGE / 8] = 5000 + i;
	}
	assert_int_equal(guest_read(&g, GUEST_DATA + N * 2 * PAGE, 8), 5000);
	assert_int_equal(xengnttab_unmap(t, p, N), 0);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(*(uint64_t *)(g.ram + GUEST_DATA + (N - i) * 2 * PAGE), 5000 + i);
	assert_int_equal(guest_info(&g).lent_pages, 0);
	xengnttab_close(t);
	guest_destroy(&g);
}

static xengnttab_grant_copy_segment_t copy_from(struct guest *g, uint32_t ref, void *to, uint16_t len)
{
	return (xengnttab_grant_copy_segment_t){ .flags = GNTCOPY_source_gref, .len = len,
		.source.foreign = { .ref = ref, .domid = g->domid }, .dest.virt = to };
}

static xengnttab_grant_copy_segment_t copy_to(struct guest *g, void *from, uint32_t ref, uint16_t len)
{
	return (xengnttab_grant_copy_segment_t){ .flags = GNTCOPY_dest_gref, .len = len,
		.dest.foreign = { .ref = ref, .domid = g->domid }, .source.virt = from };
}

static int copy(xengnttab_handle *t, xengnttab_grant_copy_segment_t seg)
{
	assert_int_equal(xengnttab_grant_copy(t, 1, &seg), 0);
	return seg.status;
}

static void test_copy_in_both_directions(void **state)
{
	xengnttab_handle *t = hv_tab(&world, MAPPER);
	char buf[PAGE];
	struct guest g;

	start(&g, 1);
	memset(g.ram + GUEST_DATA, 'g', PAGE);
	guest_grant(&g, REF, 1, GUEST_DATA, MAPPER, RW);
	guest_grant(&g, REF + 1, 1, GUEST_DATA + PAGE, MAPPER, RO);
	guest_grant(&g, REF + 2, 1, GUEST_DATA + PAGE, 3, RW);
	assert_int_equal(copy(t, copy_from(&g, REF, buf, PAGE)), GNTST_okay);
	for (unsigned i = 0; i < PAGE; i++)
		assert_int_equal(buf[i], 'g');
	memset(buf, 'p', PAGE);
	assert_int_equal(copy(t, copy_to(&g, buf, REF, 100)), GNTST_okay);
	assert_int_equal(guest_read(&g, GUEST_DATA + 99, 2), 'g' << 8 | 'p');
	assert_int_equal(copy(t, copy_to(&g, buf, REF + 1, 1)), GNTST_general_error);
	assert_int_equal(copy(t, copy_from(&g, REF + 1, buf, 1)), GNTST_okay);
	assert_int_equal(copy(t, copy_from(&g, REF + 2, buf, 1)), GNTST_general_error);
	assert_int_equal(copy(t, copy_from(&g, REF + 3, buf, 1)), GNTST_general_error);
	assert_int_equal(copy(t, copy_from(&g, 1u << 30, buf, 1)), GNTST_bad_gntref);
	assert_int_equal(guest_info(&g).lent_pages, 0);
	xengnttab_close(t);
	guest_destroy(&g);
}

/* A frame that somebody has mapped is not for a second one to map, but to copy. */
static void test_second_mapper_copies(void **state)
{
	xengnttab_handle *t = hv_tab(&world, MAPPER), *other = hv_tab(&world, 3);
	uint64_t word;
	struct guest g;
	uint64_t *p;

	start(&g, 1);
	guest_grant(&g, REF, 1, GUEST_DATA, MAPPER, RW);
	guest_grant(&g, REF + 1, 1, GUEST_DATA, 3, RW);
	p = (void *)map(t, &g, REF, PROT_READ | PROT_WRITE);
	assert_null(xengnttab_map_grant_ref(other, g.domid, REF + 1, PROT_READ));
	assert_int_equal(guest_grant_flags(&g, REF + 1), RW);
	*p = 123;
	assert_int_equal(copy(other, copy_from(&g, REF + 1, &word, 8)), GNTST_okay);
	assert_int_equal(word, 123);
	word = 456;
	assert_int_equal(copy(other, copy_to(&g, &word, REF + 1, 8)), GNTST_okay);
	assert_int_equal(*p, 456);
	assert_int_equal(guest_read(&g, GUEST_DATA, 8), 456);
	assert_int_equal(xengnttab_unmap(t, p, 1), 0);
	/* Now it is free. */
	p = (void *)map(other, &g, REF + 1, PROT_READ);
	assert_int_equal(*p, 456);
	xengnttab_close(other);
	xengnttab_close(t);
	guest_destroy(&g);
}

/* The page goes to and fro while vCPUs and the mapper change it: nobody's change is lost. */
static void no_update_is_lost(unsigned cpus)
{
	enum { MOVES = 1000 };
	xengnttab_handle *t = hv_tab(&world, MAPPER);
	uint64_t mine = 0;
	struct guest g;

	start(&g, cpus);
	guest_grant(&g, REF, 1, GUEST_DATA, MAPPER, RW);
	for (unsigned cpu = 0; cpu < cpus; cpu++)
		guest_begin(&g, cpu, OP_COUNT, GUEST_DATA + cpu * 64, 1, 0, 0, 0, 0);
	for (unsigned i = 0; i < MOVES; i++) {
		volatile uint64_t *p = (void *)map(t, &g, REF, PROT_READ | PROT_WRITE);

		for (unsigned n = 0; n < 100; n++) {
			p[511] = p[511] + 1;
			mine++;
		}
		assert_int_equal(xengnttab_unmap(t, (void *)p, 1), 0);
	}
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		uint64_t rounds = guest_stop_op(&g, cpu);

		assert_true(rounds > 0);
		assert_int_equal(((uint64_t *)(g.ram + GUEST_DATA))[cpu * 8], rounds);
	}
	assert_int_equal(((uint64_t *)(g.ram + GUEST_DATA))[511], mine);
	xengnttab_close(t);
	guest_destroy(&g);
}

static void test_1000_moves_under_one_cpu(void **state)
{
	no_update_is_lost(1);
}

static void test_1000_moves_under_two_cpus(void **state)
{
	no_update_is_lost(2);
}

/* Two pages of one guest, mapped and unmapped by two domains at once. */
static void test_two_mappers_move_at_once(void **state)
{
	struct guest g;
	pid_t pid[2];

	start(&g, 1);
	for (unsigned i = 0; i < 2; i++)
		guest_grant(&g, REF + i, 1, GUEST_DATA + i * PAGE, MAPPER + i, RW);
	guest_begin(&g, 0, OP_COUNT, GUEST_DATA, 1, 0, 0, 0, 0);
	for (unsigned i = 0; i < 2; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			xengnttab_handle *t = hv_tab(&world, MAPPER + i);

			for (unsigned n = 0; n < 200; n++) {
				uint64_t *p = xengnttab_map_grant_ref(t, g.domid, REF + i,
					PROT_READ | PROT_WRITE);

				if (!p)
					_exit(1);
				p[100]++;
				xengnttab_unmap(t, p, 1);
			}
			_exit(0);
		}
	}
	for (unsigned i = 0; i < 2; i++) {
		int status;

		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
		assert_int_equal(((uint64_t *)(g.ram + GUEST_DATA + i * PAGE))[100], 200);
	}
	assert_int_equal(*(uint64_t *)(g.ram + GUEST_DATA), guest_stop_op(&g, 0));
	guest_destroy(&g);
}

/* In the mapper: map with a notification, write, say so, wait to be killed. */
static void mapper_to_kill(struct guest *g, int ready, uint32_t remote_port)
{
	xenevtchn_handle *xce;
	xengnttab_handle *t;
	char *p;
	int port;

	hv_enter(&world, MAPPER);
	xce = xenevtchn_open(NULL, 0);
	t = xengnttab_open(NULL, 0);
	if (!xce || !t)
		_exit(1);
	port = xenevtchn_bind_interdomain(xce, g->domid, remote_port);
	p = xengnttab_map_grant_ref_notify(
		t, g->domid, REF, PROT_READ | PROT_WRITE, 5, port);
	if (!p)
		_exit(2);
	strcpy(p + 100, "last words");
	if (write(ready, "", 1) == 1)
		for (;;)
			pause();
	_exit(3);
}

static void test_killed_mapper(void **state)
{
	struct guest g;
	uint32_t port, seen;
	int ready[2];
	pid_t pid;
	char c;

	start(&g, 1);
	guest_events_init(&g, 1, true);
	guest_write(&g, GUEST_DATA + 5, 1, 77);
	guest_grant(&g, REF, 1, GUEST_DATA, MAPPER, RW);
	port = guest_unbound(&g, MAPPER);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0)
		mapper_to_kill(&g, ready[1], port);
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	assert_int_equal(guest_read(&g, GUEST_DATA + 5, 1), 77);
	/* Binding has raised it once. */
	seen = guest_log(&g, 0)->count;
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	guest_await(&g, &guest_log(&g, 0)->count, seen + 1);
	guest_await_grant_idle(&g, REF);
	assert_int_equal(guest_grant_flags(&g, REF), RW);
	assert_int_equal(guest_read(&g, GUEST_DATA + 5, 1), 0);
	assert_int_equal(guest_read(&g, GUEST_DATA + 100, 4), 0x7473616c);
	assert_int_equal(guest_info(&g).lent_pages, 0);
	assert_true(guest_grant_end(&g, REF));
	guest_destroy(&g);
}

/* The guest's end while a page is mapped: the mapper keeps a stale page, and unmaps it. */
static void test_grantor_is_destroyed_while_mapped(void **state)
{
	xengnttab_handle *t = hv_tab(&world, MAPPER);
	struct guest g;
	char *p;

	start(&g, 1);
	strcpy((char *)g.ram + GUEST_DATA, "still there");
	guest_grant(&g, REF, 1, GUEST_DATA, MAPPER, RW);
	p = map(t, &g, REF, PROT_READ | PROT_WRITE);
	guest_destroy(&g);
	assert_string_equal(p, "still there");
	p[0] = 'S';
	assert_null(xengnttab_map_grant_ref(t, g.domid, REF, PROT_READ));
	assert_int_equal(xengnttab_unmap(t, p, 1), 0);
	xengnttab_close(t);
}

/* Where the hypervisor or the guest's own event delivery writes, nothing is lent. */
static void test_special_pages_are_not_lent(void **state)
{
	static const uint64_t pages[] = { GUEST_SHARED_INFO, GUEST_VCPU_INFO, GUEST_CONTROL,
		GUEST_EVENT_ARRAY, GUEST_GRANT_TABLE, 0x40000000, 0xfee00000 };
	xengnttab_handle *t = hv_tab(&world, MAPPER);
	struct guest g;

	start(&g, 1);
	guest_events_init(&g, 1, true);
	for (unsigned i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		guest_grant(&g, REF, 1, pages[i], MAPPER, RW);
		if (xengnttab_map_grant_ref(t, g.domid, REF, PROT_READ | PROT_WRITE))
			fail_msg("the page at 0x%lx was mapped", (long)pages[i]);
		assert_int_equal(guest_grant_flags(&g, REF), RW);
	}
	guest_call(&g, 0, OP_NOP, 0, 0, 0);
	xengnttab_close(t);
	guest_destroy(&g);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page_is_shared_both_ways),
		cmocka_unit_test(test_flags_say_who_uses_it),
		cmocka_unit_test(test_readonly_grant),
		cmocka_unit_test(test_many_pages_at_once),
		cmocka_unit_test(test_copy_in_both_directions),
		cmocka_unit_test(test_second_mapper_copies),
		cmocka_unit_test(test_1000_moves_under_one_cpu),
		cmocka_unit_test(test_1000_moves_under_two_cpus),
		cmocka_unit_test(test_two_mappers_move_at_once),
		cmocka_unit_test(test_killed_mapper),
		cmocka_unit_test(test_grantor_is_destroyed_while_mapped),
		cmocka_unit_test(test_special_pages_are_not_lent),
	};

	vm_world_start(&world, argv);
	return vm_world_stop(&world, cmocka_run_group_tests(tests, NULL, NULL));
}

// SPDX-License-Identifier: MIT
/*
 * Store rings from end to end: domains of a running hypervisor, a running store that is
 * domain 0 there, and a small client of the ring protocol in each domain.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/io/xs_wire.h>
#include <xenevtchn.h>

#include "tests/peers/store-guest.h"

static void test_read_and_write(void **state)
{
	struct guest g;

	guest_start(&g, 1, 0);
	assert_true(g.page->server_features & XENSTORE_SERVER_FEATURE_RECONNECTION);
	guest_expect(&g, 0, "domid", "1");
	guest_write(&g, 0, "data/a", "from the guest");
	tool_expect("/local/domain/1/data/a", "from the guest");
	tool_write("/local/domain/1/data/a", "from the toolstack");
	guest_expect(&g, 0, "data/a", "from the toolstack");
	/* It is domain 1 and nobody else. */
	guest_fails(&g, XS_WRITE, 0, "/tool\0x", 7, "EACCES");
	guest_fails(&g, XS_READ, 0, "none", 5, "ENOENT");
	guest_fails(&g, XS_RELEASE, 0, "2", 2, "EACCES");
	guest_leave(&g);
}

/* Indices of all sizes pass 2^32 and the ring's end; bodies are longer than the ring. */
static void test_wrapped_indices(void **state)
{
	char value[2001];
	struct guest g;

	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (uint32_t index = 0u - 2048; index != 0u - 2048 + 7 * 331; index += 331) {
		guest_start(&g, 1, index);
		for (int i = 0; i < 3; i++) {
			value[i] = 'a' + i;
			guest_write(&g, 0, "long", value);
			guest_expect(&g, 0, "long", value);
		}
		assert_int_equal(g.page->error, XENSTORE_ERROR_NONE);
		tool_expect("/local/domain/1/long", value);
		guest_leave(&g);
	}
}

static void test_watches(void **state)
{
	struct guest g, other;

	guest_start(&g, 1, 0);
	guest_start(&other, 2, 500);
	guest_watch(&g, "data", "token");
	guest_expect_event(&g, "data", "token");
	tool_write("/local/domain/1/data/x", "1");
	guest_expect_event(&g, "data/x", "token");
	/* What another ring does shows, too, where it may be seen. */
	guest_watch(&g, "@releaseDomain", "gone");
	guest_expect_event(&g, "@releaseDomain", "gone");
	guest_write(&other, 0, "data", "2");
	guest_expect_no_event(&g);
	guest_leave(&other);
	guest_leave(&g);
}

static void test_transactions(void **state)
{
	struct guest g;
	uint32_t tx;

	guest_start(&g, 1, 4096);
	tx = atoi(guest_call(&g, XS_TRANSACTION_START, 0, "", 1));
	assert_true(tx != 0);
	guest_write(&g, tx, "data/t", "inside");
	guest_expect(&g, tx, "data/t", "inside");
	tool_expect("/local/domain/1/data/t", NULL);
	guest_call(&g, XS_TRANSACTION_END, tx, "T", 2);
	tool_expect("/local/domain/1/data/t", "inside");

	tx = atoi(guest_call(&g, XS_TRANSACTION_START, 0, "", 1));
	guest_expect(&g, tx, "data/t", "inside");
	tool_write("/local/domain/1/data/t", "changed");
	guest_write(&g, tx, "data/t", "lost");
	guest_fails(&g, XS_TRANSACTION_END, tx, "T", 2, "EAGAIN");
	guest_expect(&g, 0, "data/t", "changed");
	guest_leave(&g);
}

/* The ring @g is given up with @error, the domain is told, and @other goes on. */
static void expect_dropped(struct guest *g, uint32_t error, struct guest *other)
{
	guest_notify(g);
	while (__atomic_load_n(&g->page->error, __ATOMIC_ACQUIRE) == XENSTORE_ERROR_NONE)
		guest_wait(g);
	assert_int_equal(g->page->error, error);
	guest_expect(other, 0, "domid", "2");
	tool_expect("/local/domain/2/domid", "2");
}

static void guest_reconnect(struct guest *g)
{
	__atomic_store_n(&g->page->connection, XENSTORE_RECONNECT, __ATOMIC_RELEASE);
	guest_notify(g);
	while (__atomic_load_n(&g->page->connection, __ATOMIC_ACQUIRE) != XENSTORE_CONNECTED)
		guest_wait(g);
	g->has_event = false;
	assert_int_equal(g->page->error, XENSTORE_ERROR_NONE);
	assert_int_equal(g->page->req_prod, 0);
	assert_int_equal(g->page->rsp_cons, 0);
}

static void test_hostile_indices(void **state)
{
	struct guest g, other;
	uint32_t cons;

	guest_start(&g, 1, 0);
	guest_start(&other, 2, 0);
	guest_watch(&g, "data", "old");
	guest_expect_event(&g, "data", "old");

	g.page->req_prod = g.page->req_cons + XENSTORE_RING_SIZE + 1;
	expect_dropped(&g, XENSTORE_ERROR_RINGIDX, &other);
	/* A ring that was given up does nothing, whatever its indices are. */
	cons = g.page->req_cons;
	g.page->req_prod = cons + 20;
	guest_notify(&g);
	guest_expect(&other, 0, "domid", "2");
	assert_int_equal(g.page->req_cons, cons);

	/* It comes back without what it had. */
	guest_reconnect(&g);
	guest_expect(&g, 0, "domid", "1");
	tool_write("/local/domain/1/data", "x");
	guest_expect_no_event(&g);

	/* The store's own indices are not believed in the page either. */
	g.page->req_cons += 77;
	g.page->rsp_prod -= 78;
	g.page->rsp_cons = g.page->rsp_prod - XENSTORE_RING_SIZE;
	expect_dropped(&g, XENSTORE_ERROR_RINGIDX, &other);
	guest_reconnect(&g);
	guest_expect(&g, 0, "domid", "1");

	/* A body that no message may have. */
	struct xsd_sockmsg head = { .type = XS_READ, .len = XENSTORE_PAYLOAD_MAX + 1 };

	guest_put(&g, &head, sizeof(head));
	expect_dropped(&g, XENSTORE_ERROR_PROTO, &other);
	guest_leave(&g);
	guest_leave(&other);
}

/* A domain that dies with watches, a transaction and half a request; then its successor. */
static void test_death_and_successor(void **state)
{
	struct hvctl_domain_config config = { .domid = 3, .name = "again" };
	struct xsd_sockmsg head = { .type = XS_READ, .len = 100 };
	struct guest g, other;
	uint32_t tx, domid;

	guest_start(&g, 3, 0);
	guest_start(&other, 2, 0);
	guest_watch(&g, "data", "old");
	guest_expect_event(&g, "data", "old");
	tx = atoi(guest_call(&g, XS_TRANSACTION_START, 0, "", 1));
	guest_put(&g, &head, sizeof(head));
	assert_int_equal(hvctl_domain_destroy(world.ctl, 3), 0);
	guest_end(&g);

	/* An event for the dead, which fills its ring in the end. */
	for (int i = 0; i < 100; i++)
		tool_write("/local/domain/3/data", "for the dead");
	guest_expect(&other, 0, "domid", "2");
	assert_true(xs_is_domain_introduced(tool, 3));
	assert_true(xs_release_domain(tool, 3));
	assert_false(xs_is_domain_introduced(tool, 3));
	assert_true(xs_rm(tool, XBT_NULL, "/local/domain/3"));

	assert_int_equal(hv_domain_add(&world, &config, "3", &domid), 0);
	guest_start(&g, 3, 0);
	guest_expect(&g, 0, "domid", "3");
	guest_fails(&g, XS_TRANSACTION_END, tx, "T", 2, "ENOENT");
	tool_write("/local/domain/3/data", "for the successor");
	guest_expect_no_event(&g);
	guest_leave(&g);
	guest_leave(&other);
}

/* Introduced again, as after a domain's kernel began anew: another port, the same page. */
static void test_reintroduction(void **state)
{
	xenevtchn_handle *before;
	struct guest g;
	uint32_t tx;

	guest_start(&g, 1, 0);
	guest_watch(&g, "data", "old");
	guest_expect_event(&g, "data", "old");
	tx = atoi(guest_call(&g, XS_TRANSACTION_START, 0, "", 1));
	before = g.xce;
	guest_connect(&g);
	assert_true(xs_introduce_domain(tool, 1, 0, g.port));
	tool_write("/local/domain/1/data", "x");
	guest_expect_no_event(&g);
	guest_fails(&g, XS_TRANSACTION_END, tx, "T", 2, "ENOENT");
	guest_write(&g, 0, "data", "y");
	xenevtchn_close(before);
	guest_expect(&g, 0, "data", "y");
	guest_leave(&g);
}

static void test_bad_introductions(void **state)
{
	struct guest g;

	guest_make(&g, 1, 0);
	/* A port that is not there, a domain that is not there, one without the grant. */
	assert_false(xs_introduce_domain(tool, 1, 0, g.port + 1000));
	assert_false(xs_introduce_domain(tool, 77, 0, g.port));
	assert_false(xs_introduce_domain(tool, 2, 0, 1));
	assert_false(xs_is_domain_introduced(tool, 1));
	/* What failed left nothing mapped or bound: the right one still works. */
	guest_introduce(&g);
	guest_expect(&g, 0, "domid", "1");
	guest_leave(&g);
}

/* A grant of one page to the store is all that it needs and all that it keeps. */
static void test_nothing_stays(void **state)
{
	struct hvctl_domain_info info[HV_DOMAINS];

	assert_int_equal(hvctl_domain_list(world.ctl, info, HV_DOMAINS), HV_DOMAINS);
	assert_int_equal(info[0].domid, 0);
	assert_int_equal(info[0].mapped_pages, 0);
	assert_int_equal(info[0].channels, 0);
}

static bool catches_sigbus(pid_t pid)
{
	unsigned long long caught = 0;
	char path[64], line[256];
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "re");
	assert_non_null(status);
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "SigCgt: %llx", &caught) == 1)
			break;
	fclose(status);
	return caught >> (SIGBUS - 1) & 1;
}

/* A domain may take the memory of its pages away: common/fault.h. */
static void test_lost_memory_is_survived(void **state)
{
	assert_true(catches_sigbus(server.pid));
	assert_true(catches_sigbus(world.pid));
}

static int setup(void **state)
{
	hv_enter(&world, 0);
	server_start(&server, NULL);
	tool = server_open(&server, 0);
	return 0;
}

static int teardown(void **state)
{
	xs_close(tool);
	server_stop(&server);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_and_write),
		cmocka_unit_test(test_wrapped_indices),
		cmocka_unit_test(test_watches),
		cmocka_unit_test(test_transactions),
		cmocka_unit_test(test_hostile_indices),
		cmocka_unit_test(test_death_and_successor),
		cmocka_unit_test(test_reintroduction),
		cmocka_unit_test(test_bad_introductions),
		cmocka_unit_test(test_nothing_stays),
		cmocka_unit_test(test_lost_memory_is_survived),
	};
	int failed;

	hv_dropin(argv);
	hv_world_start(&world);
	failed = cmocka_run_group_tests(tests, setup, teardown);
	hv_world_stop(&world);
	return failed;
}

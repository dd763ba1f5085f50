// SPDX-License-Identifier: MIT
/*
 * Rings in the event loop, with a libxenevtchn and a libxengnttab of our own:
 * this program's functions come before the libraries'.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xengnttab.h>

#include "hypervisor/store/conn.h"
#include "hypervisor/store/ring-attach.h"
#include "hypervisor/store/ring.h"

#define FAKE_PORTS 8

/* The hypervisor: a page for each domid, a port for each bind. */
static struct {
	struct xenstore_domain_interface pages[FAKE_PORTS];
	int fd;
	bool pending[FAKE_PORTS];
	unsigned notified[FAKE_PORTS];
	bool bound[FAKE_PORTS];
	int maps;
	int opens;
	bool no_grants, no_ports, no_driver;
} fake;

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned flags)
{
	if (fake.no_driver) {
		errno = ENOENT;
		return NULL;
	}
	fake.opens++;
	fake.fd = eventfd(0, EFD_CLOEXEC);
	return (xenevtchn_handle *)&fake;
}

int xenevtchn_close(xenevtchn_handle *xce)
{
	close(fake.fd);
	return 0;
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
	return fake.fd;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
	assert_true(fake.bound[port]);
	fake.notified[port]++;
	return 0;
}

/* Local ports are the remote ones, so that tests can name them. */
xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *xce, uint32_t domid,
	evtchn_port_t remote_port)
{
	if (fake.no_ports) {
		errno = EINVAL;
		return -1;
	}
	fake.bound[remote_port] = true;
	return remote_port;
}

int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
	assert_true(fake.bound[port]);
	fake.bound[port] = false;
	return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
	uint64_t count;

	for (int port = 0; port < FAKE_PORTS; port++) {
		if (!fake.pending[port])
			continue;
		fake.pending[port] = false;
		assert_int_equal(read(fake.fd, &count, sizeof(count)), sizeof(count));
		if (--count)
			assert_int_equal(write(fake.fd, &count, sizeof(count)), sizeof(count));
		return port;
	}
	errno = EAGAIN;
	return -1;
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
	return 0;
}

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned flags)
{
	return (xengnttab_handle *)&fake;
}

int xengnttab_close(xengnttab_handle *xgt)
{
	return 0;
}

void *xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid, uint32_t ref, int prot)
{
	assert_int_equal(ref, GNTTAB_RESERVED_XENSTORE);
	if (fake.no_grants) {
		errno = EINVAL;
		return NULL;
	}
	fake.maps++;
	return &fake.pages[domid];
}

int xengnttab_unmap(xengnttab_handle *xgt, void *start, uint32_t count)
{
	fake.maps--;
	return 0;
}

static struct loop *loop;
static struct store *store;
static struct rings *rings;

static int attach(void *opaque, uint32_t domid, uint64_t gfn, uint32_t port, void **transport)
{
	*transport = rings_attach(rings, domid, port);
	return *transport ? 0 : -errno;
}

static void detach(void *opaque, void *transport)
{
	rings_detach(transport);
}

static const struct store_ops ops = { attach, detach };

static int setup(void **state)
{
	memset(&fake, 0, sizeof(fake));
	loop = loop_new();
	rings = rings_new(loop, &store);
	store = store_new(&quota_defaults, &ops, NULL);
	return 0;
}

static int teardown(void **state)
{
	store_free(store);
	rings_free(rings);
	loop_free(loop);
	for (int port = 0; port < FAKE_PORTS; port++)
		if (fake.bound[port])
			return 1;
	return fake.maps;
}

static void stop(void *opaque)
{
	loop_stop(loop, 0);
}

/* All that is ready now, and all that follows from it at once. */
static void run(void)
{
	assert_non_null(loop_add_timer(loop, 20, stop, NULL));
	assert_int_equal(loop_run(loop), 0);
}

static void kick(int port)
{
	uint64_t one = 1;

	fake.pending[port] = true;
	assert_int_equal(write(fake.fd, &one, sizeof(one)), sizeof(one));
}

static void put_request(uint32_t domid, uint32_t type, const char *data, size_t len)
{
	struct xenstore_domain_interface *page = &fake.pages[domid];
	struct xsd_sockmsg header = { .type = type, .len = len };
	const char *bytes = (const char *)&header;

	for (size_t i = 0; i < sizeof(header); i++)
		page->req[MASK_XENSTORE_IDX(page->req_prod++)] = bytes[i];
	for (size_t i = 0; i < len; i++)
		page->req[MASK_XENSTORE_IDX(page->req_prod++)] = data[i];
}

/* The type of the next message, its payload skipped; XS_INVALID when there is none. */
static uint32_t take_reply(uint32_t domid)
{
	struct xenstore_domain_interface *page = &fake.pages[domid];
	struct xsd_sockmsg header;

	if (page->rsp_prod == page->rsp_cons)
		return XS_INVALID;
	for (size_t i = 0; i < sizeof(header); i++)
		((char *)&header)[i] = page->rsp[MASK_XENSTORE_IDX(page->rsp_cons++)];
	page->rsp_cons += header.len;
	return header.type;
}

static void requests_are_answered(void **state)
{
	assert_int_equal(store_introduce(store, 3, 1234, 5), 0);
	run();
	put_request(3, XS_GET_DOMAIN_PATH, "3", 2);
	kick(5);
	run();
	assert_int_equal(take_reply(3), XS_GET_DOMAIN_PATH);
	assert_true(fake.notified[5] > 0);
}

/* The guest may have asked before the store was there, and its event may be lost. */
static void requests_from_before(void **state)
{
	put_request(3, XS_GET_DOMAIN_PATH, "3", 2);
	assert_int_equal(store_introduce(store, 3, 1234, 5), 0);
	run();
	assert_int_equal(take_reply(3), XS_GET_DOMAIN_PATH);
}

static void more_requests_than_a_round(void **state)
{
	assert_int_equal(store_introduce(store, 3, 1234, 5), 0);
	for (int i = 0; i < 3 * RING_ROUND; i++)
		put_request(3, XS_GET_DOMAIN_PATH, "3", 2);
	kick(5);
	run();
	for (int i = 0; i < 3 * RING_ROUND; i++)
		assert_int_equal(take_reply(3), XS_GET_DOMAIN_PATH);
}

/* One guest's change is another's event, without any event channel. */
static void events_reach_another_ring(void **state)
{
	assert_int_equal(store_introduce(store, 3, 1234, 5), 0);
	assert_int_equal(store_introduce(store, 4, 1234, 6), 0);
	assert_int_equal(fake.opens, 1);
	put_request(3, XS_WATCH, "@introduceDomain\0t", 19);
	kick(5);
	run();
	assert_int_equal(take_reply(3), XS_WATCH);
	assert_int_equal(take_reply(3), XS_WATCH_EVENT);
	fake.notified[5] = 0;
	conn_event(store->conns->next, "some", "thing");
	run();
	assert_int_equal(take_reply(3), XS_WATCH_EVENT);
	assert_int_equal(fake.notified[5], 1);
	assert_int_equal(take_reply(4), XS_INVALID);
}

static void a_bad_ring_spoils_no_other(void **state)
{
	assert_int_equal(store_introduce(store, 3, 1234, 5), 0);
	assert_int_equal(store_introduce(store, 4, 1234, 6), 0);
	fake.pages[3].req_prod = 99999;
	kick(5);
	put_request(4, XS_GET_DOMAIN_PATH, "3", 2);
	kick(6);
	run();
	assert_int_equal(fake.pages[3].error, XENSTORE_ERROR_RINGIDX);
	assert_int_equal(take_reply(4), XS_GET_DOMAIN_PATH);
	assert_int_equal(fake.pages[4].error, XENSTORE_ERROR_NONE);
}

static void release_unmaps_and_unbinds(void **state)
{
	assert_int_equal(store_introduce(store, 3, 1234, 5), 0);
	put_request(3, XS_GET_DOMAIN_PATH, "3", 2);
	kick(5);
	/* Before the loop had a chance to serve it. */
	assert_int_equal(store_release(store, 3), 0);
	assert_int_equal(fake.maps, 0);
	assert_false(fake.bound[5]);
	run();
	assert_int_equal(take_reply(3), XS_INVALID);
}

static void introduced_again(void **state)
{
	assert_int_equal(store_introduce(store, 3, 1234, 5), 0);
	assert_int_equal(store_introduce(store, 3, 1234, 7), 0);
	assert_int_equal(fake.maps, 1);
	assert_false(fake.bound[5]);
	assert_true(fake.bound[7]);
}

static void failures_leave_nothing(void **state)
{
	fake.no_driver = true;
	assert_int_equal(store_introduce(store, 3, 1234, 5), -ENOENT);
	fake.no_driver = false;
	fake.no_grants = true;
	assert_int_equal(store_introduce(store, 3, 1234, 5), -EINVAL);
	fake.no_grants = false;
	fake.no_ports = true;
	assert_int_equal(store_introduce(store, 3, 1234, 5), -EINVAL);
	assert_int_equal(fake.maps, 0);
	assert_null(store->conns);
	fake.no_ports = false;
	assert_int_equal(store_introduce(store, 3, 1234, 5), 0);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(requests_are_answered),
		TEST(requests_from_before),
		TEST(more_requests_than_a_round),
		TEST(events_reach_another_ring),
		TEST(a_bad_ring_spoils_no_other),
		TEST(release_unmaps_and_unbinds),
		TEST(introduced_again),
		TEST(failures_leave_nothing),
	};

	return cmocka_run_group_tests_name("store-ring-attach", tests, NULL, NULL);
}

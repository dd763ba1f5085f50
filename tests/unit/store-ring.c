// SPDX-License-Identifier: MIT
/* The store's end of a ring, against guests that are honest and guests that are not. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hypervisor/store/ring.h"
#include "store-test.h"

static struct store *store;
static struct conn *tool, *guest;
static struct xenstore_domain_interface *page;
static struct ring ring;

/* Start where the indices are about to wrap around 2^32. */
#define NEAR_WRAP (0u - 100)

static void start(uint32_t index)
{
	memset(page, 0xa5, sizeof(*page));
	page->req_cons = page->req_prod = index;
	page->rsp_cons = page->rsp_prod = index;
	page->connection = XENSTORE_CONNECTED;
	ring_init(&ring, page, guest);
}

static int setup(void **state)
{
	store = test_store();
	tool = conn_new(store, 0);
	guest = test_home(store, tool, 3);
	page = malloc(sizeof(*page));
	start(NEAR_WRAP);
	return 0;
}

static int teardown(void **state)
{
	unsigned faults = store_check(store);

	store_free(store);
	free(page);
	return faults;
}

/* The guest's side: as much as fits. */
static size_t guest_write(const void *data, size_t len)
{
	size_t n = 0;

	while (n < len && page->req_prod - page->req_cons < XENSTORE_RING_SIZE)
		page->req[MASK_XENSTORE_IDX(page->req_prod++)] = ((const char *)data)[n++];
	return n;
}

static size_t guest_read(void *data, size_t len)
{
	size_t n = 0;

	while (n < len && page->rsp_prod != page->rsp_cons)
		((char *)data)[n++] = page->rsp[MASK_XENSTORE_IDX(page->rsp_cons++)];
	return n;
}

static size_t message(char *out, uint32_t type, const void *data, size_t len)
{
	const struct xsd_sockmsg header = { .type = type, .req_id = 5, .len = len };

	memcpy(out, &header, sizeof(header));
	memcpy(out + sizeof(header), data, len);
	return sizeof(header) + len;
}

static void expect(uint32_t type, const char *data, size_t len)
{
	struct xsd_sockmsg header;
	char text[4096];

	assert_int_equal(guest_read(&header, sizeof(header)), sizeof(header));
	assert_int_equal(header.type, type);
	assert_int_equal(header.len, len);
	assert_int_equal(guest_read(text, len), len);
	assert_memory_equal(text, data, len);
}

static void features_are_told(void **state)
{
	assert_int_equal(page->server_features,
		XENSTORE_SERVER_FEATURE_RECONNECTION | XENSTORE_SERVER_FEATURE_ERROR);
	assert_int_equal(page->error, XENSTORE_ERROR_NONE);
}

static void request_and_reply_across_the_wrap(void **state)
{
	char request[128];
	size_t len = message(request, XS_WRITE, "key\0value", 9);

	for (int i = 0; i < 200; i++) {
		assert_int_equal(guest_write(request, len), len);
		assert_int_equal(ring_run(&ring), RING_NOTIFY);
		assert_int_equal(page->req_cons, page->req_prod);
		expect(XS_WRITE, "OK", 3);
	}
	test_value(tool, 0, "/local/domain/3/key", "value");
	assert_int_equal(ring_run(&ring), 0);
}

static void bytes_may_come_one_by_one(void **state)
{
	char request[128];
	size_t len = message(request, XS_WRITE, "key\0value", 9);

	for (size_t i = 0; i < len; i++) {
		assert_int_equal(page->rsp_prod, page->rsp_cons);
		guest_write(request + i, 1);
		ring_run(&ring);
	}
	expect(XS_WRITE, "OK", 3);
}

/* A request four times the ring's size, and a reply as long. */
static void messages_longer_than_the_ring(void **state)
{
	char request[16 + 4096], value[4092], got[16 + 4096];
	size_t len, done = 0;

	memset(value, 'x', sizeof(value));
	memcpy(value, "/big", 5);
	len = message(request, XS_WRITE, value, sizeof(value));
	CALL(tool, XS_MKDIR, 0, "/big\0");
	CALL(tool, XS_SET_PERMS, 0, "/big\0b0\0");
	store->limits.node_size = 5000;
	while (done < len) {
		done += guest_write(request + done, len - done);
		assert_true(ring_run(&ring) & RING_NOTIFY);
	}
	expect(XS_WRITE, "OK", 3);
	guest_write(request, message(request, XS_READ, "/big", 5));
	for (done = 0; done < sizeof(value) - 5 + 16;) {
		ring_run(&ring);
		done += guest_read(got + done, sizeof(got) - done);
	}
	assert_memory_equal(got + 16, value + 5, sizeof(value) - 5);
	assert_int_equal(ring_run(&ring), 0);
}

/* Others have their turn after a few requests. */
static void a_busy_guest_is_interrupted(void **state)
{
	char request[64];
	size_t len = message(request, XS_RM, "x", 2);
	unsigned runs = 0;

	for (int i = 0; i < 20; i++)
		assert_int_equal(guest_write(request, len), len);
	while (ring_run(&ring) & RING_MORE)
		runs++;
	assert_int_equal(runs, 20 / RING_ROUND);
	for (int i = 0; i < 20; i++)
		expect(XS_RM, "OK", 3);
}

static void a_guest_that_reads_nothing_is_not_read(void **state)
{
	char request[128];
	size_t len = message(request, XS_READ, "/local/domain/3", 16);

	for (int i = 0; i < 1000; i++) {
		guest_write(request, len);
		while (ring_run(&ring) & RING_MORE)
			;
	}
	assert_int_equal(page->rsp_prod - page->rsp_cons, XENSTORE_RING_SIZE);
	assert_true(guest->replies <= 20);
	assert_int_equal(ring.pos.error, XENSTORE_ERROR_NONE);
}

static void events_come_unasked(void **state)
{
	char request[64];

	guest_write(request, message(request, XS_WATCH, "k\0t", 4));
	ring_run(&ring);
	expect(XS_WATCH, "OK", 3);
	expect(XS_WATCH_EVENT, "k\0t", 4);
	CALL(tool, XS_WRITE, 0, "/local/domain/3/k\0v");
	assert_int_equal(ring_run(&ring), RING_NOTIFY);
	expect(XS_WATCH_EVENT, "k\0t", 4);
}

static void assert_failed(uint32_t error)
{
	uint32_t cons = page->req_cons, prod = page->rsp_prod;
	char request[64];

	assert_int_equal(ring.pos.error, error);
	assert_int_equal(page->error, error);
	assert_int_equal(store->accounts[3].watches, 0);
	assert_int_equal(store->accounts[3].transactions, 0);
	/* Nothing is read or written any more. */
	page->req_prod = page->req_cons + message(request, XS_RM, "x", 2);
	assert_int_equal(ring_run(&ring), 0);
	assert_int_equal(page->req_cons, cons);
	assert_int_equal(page->rsp_prod, prod);
	/* Others live on. */
	test_value(tool, 0, "/tool", "");
}

static void hostile_request_index(void **state)
{
	static const uint32_t leads[] = { 1025, 0x80000000u, UINT32_MAX, 1u << 20 };

	for (unsigned i = 0; i < 4; i++) {
		start(i ? i * 12345 : NEAR_WRAP);
		CALL(guest, XS_WATCH, 0, "k\0t\0");
		page->req_prod = ring.pos.req_cons + leads[i];
		assert_int_equal(ring_run(&ring), RING_NOTIFY);
		assert_failed(XENSTORE_ERROR_RINGIDX);
	}
}

static void hostile_reply_index(void **state)
{
	static const uint32_t leads[] = { 1, 1024, 0x80000000u, 0u - 1025 };

	for (unsigned i = 0; i < 4; i++) {
		start(i ? i * 54321 : NEAR_WRAP);
		/* A consumer ahead of the producer, or too far behind it. */
		page->rsp_cons = ring.pos.rsp_prod + leads[i];
		assert_int_equal(ring_run(&ring), RING_NOTIFY);
		assert_failed(XENSTORE_ERROR_RINGIDX);
	}
}

/* The store's own indices in the page are for the guest to read: the store does not. */
static void overwritten_own_indices(void **state)
{
	char request[64];
	size_t len = message(request, XS_RM, "x", 2);

	guest_write(request, len);
	page->req_cons = 0x12345678;
	page->rsp_prod = 0x87654321;
	assert_int_equal(ring_run(&ring), RING_NOTIFY);
	assert_int_equal(page->req_cons, NEAR_WRAP + (uint32_t)len);
	assert_int_equal(page->rsp_prod, NEAR_WRAP + 19);
	expect(XS_RM, "OK", 3);
}

static void hostile_length(void **state)
{
	static const uint32_t lengths[] = { 4097, 0x80000000u, UINT32_MAX, 0u - 16 };

	for (unsigned i = 0; i < 4; i++) {
		struct xsd_sockmsg header = { .type = XS_WRITE, .len = lengths[i] };

		start(i * 1000);
		guest_write(&header, sizeof(header));
		assert_int_equal(ring_run(&ring) & RING_NOTIFY, RING_NOTIFY);
		assert_failed(XENSTORE_ERROR_PROTO);
	}
}

static void too_many_unread_events(void **state)
{
	char request[64];

	store->limits.memory = 20000;
	CALL(guest, XS_WATCH, 0, "d\0t\0");
	for (int i = 0; i < 5000 && !guest->bad; i++) {
		int len = snprintf(request, sizeof(request), "/local/domain/3/d/%d", i) + 1;

		test_call(tool, XS_WRITE, 0, request, len, NULL);
		CALL(tool, XS_RM, 0, "/local/domain/3/d\0");
	}
	assert_int_equal(ring_run(&ring), RING_NOTIFY);
	assert_failed(XENSTORE_ERROR_COMM);
}

static void reconnect(void **state)
{
	char request[64];
	size_t len = message(request, XS_WATCH, "k\0t", 4);

	guest_write(request, len);
	ring_run(&ring);
	guest_write(request, 7); /* half a header, and replies unread */
	page->connection = XENSTORE_RECONNECT;
	assert_int_equal(ring_run(&ring), RING_NOTIFY);
	assert_int_equal(page->connection, XENSTORE_CONNECTED);
	assert_int_equal(page->req_cons, page->req_prod);
	assert_int_equal(page->rsp_cons, page->rsp_prod);
	assert_int_equal(store->accounts[3].watches, 0);
	guest_write(request, message(request, XS_RM, "x", 2));
	assert_int_equal(ring_run(&ring), RING_NOTIFY);
	expect(XS_RM, "OK", 3);
}

static void reconnect_after_an_error(void **state)
{
	char request[64];

	page->req_prod = ring.pos.req_cons + 5000;
	ring_run(&ring);
	assert_failed(XENSTORE_ERROR_RINGIDX);
	page->connection = XENSTORE_RECONNECT;
	assert_int_equal(ring_run(&ring), RING_NOTIFY);
	assert_int_equal(page->error, XENSTORE_ERROR_NONE);
	guest_write(request, message(request, XS_RM, "x", 2));
	ring_run(&ring);
	expect(XS_RM, "OK", 3);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(features_are_told),
		TEST(request_and_reply_across_the_wrap),
		TEST(bytes_may_come_one_by_one),
		TEST(messages_longer_than_the_ring),
		TEST(a_busy_guest_is_interrupted),
		TEST(a_guest_that_reads_nothing_is_not_read),
		TEST(events_come_unasked),
		TEST(hostile_request_index),
		TEST(hostile_reply_index),
		TEST(overwritten_own_indices),
		TEST(hostile_length),
		TEST(too_many_unread_events),
		TEST(reconnect),
		TEST(reconnect_after_an_error),
	};

	return cmocka_run_group_tests_name("store-ring", tests, NULL, NULL);
}

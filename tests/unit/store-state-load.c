// SPDX-License-Identifier: MIT
/* Saved state that is damaged, of another version or made up. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hypervisor/store/record.h"
#include "hypervisor/store/state.h"
#include "store-test.h"

static struct record_writer out;

/* --- a state made up --------------------------------------------------------- */

static void begin(void)
{
	const struct state_head head = {
		.magic = STATE_MAGIC, .version = STATE_VERSION, .order = STATE_ORDER
	};

	record_clear(&out);
	record_put_raw(&out, &head, sizeof(head));
	record_put_raw(&out, &(struct state_group){ 0 }, sizeof(struct state_group));
}

static void node(const char *path, const char *children, size_t len, uint32_t owner)
{
	record_begin(&out, STATE_NODE);
	record_put_u64(&out, 7);
	record_put_bytes(&out, path, strlen(path) + 1);
	record_put_bytes(&out, "value", 5);
	record_put_bytes(&out, children, len);
	record_put_u32(&out, owner);
	record_put_u32(&out, XS_PERM_NONE);
	record_end(&out);
}

static void tops(const char *children, size_t len)
{
	begin();
	node("/", children, len, 0);
	node("@introduceDomain", NULL, 0, 0);
	node("@releaseDomain", NULL, 0, 0);
}

static void numbers(uint32_t type, const uint32_t *values, unsigned count)
{
	record_begin(&out, type);
	for (unsigned i = 0; i < count; i++)
		record_put_u32(&out, values[i]);
	record_end(&out);
}
#define NUMBERS(type, ...) \
	numbers(type, (const uint32_t[]){ __VA_ARGS__ }, \
		sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

/* A connection's record with bytes at its end. */
static void conn_bytes(uint32_t type, const uint32_t *numbers, unsigned count, const void *data,
	size_t len)
{
	record_begin(&out, type);
	for (unsigned i = 0; i < count; i++)
		record_put_u32(&out, numbers[i]);
	record_put_bytes(&out, data, len);
	record_end(&out);
}

static void output(const void *data, size_t len)
{
	conn_bytes(STATE_OUTPUT, (const uint32_t[]){ 3 }, 1, data, len);
}

static void input(const void *data, size_t len)
{
	conn_bytes(STATE_INPUT, (const uint32_t[]){ 3, 9 }, 2, data, len);
}

static void watch(uint32_t type, const char *path, const char *token)
{
	record_begin(&out, type);
	record_put_u32(&out, 3);
	record_put_bytes(&out, path, strlen(path) + 1);
	record_put_bytes(&out, token, strlen(token) + 1);
	record_end(&out);
}

/* gfn 0, port 5 */
static void domain(uint32_t domid, uint32_t target)
{
	NUMBERS(STATE_DOMAIN, domid, target, 0, 0, 5);
}

static void ring(void)
{
	tops(NULL, 0);
	domain(3, STORE_NO_DOMID);
	NUMBERS(STATE_RING, 3, 100, 200, XENSTORE_ERROR_NONE);
}

static int load_bytes(const void *data, size_t len, struct store **store)
{
	return store_load(&quota_defaults, NULL, NULL, data, len, store);
}

static int load(void)
{
	const struct state_group group = {
		.len = out.used - sizeof(struct state_head) - sizeof(group)
	};
	struct store *store;
	int rc;

	assert_false(out.failed);
	memcpy(out.data + sizeof(struct state_head), &group, sizeof(group));
	rc = load_bytes(out.data, out.used, &store);
	if (rc == 0) {
		assert_int_equal(store_check(store), 0);
		store_free(store);
	}
	return rc;
}

static void accepted(void)
{
	assert_int_equal(load(), 0);
}

static void refused(void)
{
	assert_int_equal(load(), -EINVAL);
}

/* --- the whole ----------------------------------------------------------------- */

static void the_least_is_accepted(void **state)
{
	tops(NULL, 0);
	accepted();
	tops("a\0b", 4);
	node("/a", NULL, 0, 3);
	node("/b", NULL, 0, 3);
	accepted();
	ring();
	accepted();
}

static void heads_are_checked(void **state)
{
	struct store *store;

	tops(NULL, 0);
	for (size_t i = 0; i < sizeof(struct state_head); i++) {
		out.data[i] ^= 1;
		refused();
		out.data[i] ^= 1;
	}
	accepted();
	assert_int_equal(load_bytes(out.data, 0, &store), -EINVAL);
	assert_int_equal(load_bytes(out.data, sizeof(struct state_head) - 1, &store), -EINVAL);
	/* A store without a node is none. */
	assert_int_equal(load_bytes(out.data, sizeof(struct state_head), &store), -EINVAL);
}

static void trees_are_whole(void **state)
{
	begin();
	refused();
	begin(); /* a special node is missing */
	node("/", NULL, 0, 0);
	node("@introduceDomain", NULL, 0, 0);
	refused();
	begin(); /* the root is, and something else makes up for it */
	node("/a", NULL, 0, 0);
	node("@introduceDomain", NULL, 0, 0);
	node("@releaseDomain", NULL, 0, 0);
	refused();
	tops("a", 2); /* a child that is not there */
	refused();
	tops(NULL, 0); /* a node that is in no list */
	node("/a", NULL, 0, 0);
	refused();
	tops("a\0a", 4); /* one that is there twice, for one that is not listed */
	node("/a", NULL, 0, 0);
	node("/b", NULL, 0, 0);
	refused();
	tops("a/b", 4); /* a grandchild */
	node("/a", NULL, 0, 0);
	refused();
	tops("", 1); /* no name */
	refused();
	tops("ab", 2); /* a name without end */
	node("/ab", NULL, 0, 0);
	refused();
}

static void nodes_are_checked(void **state)
{
	tops("a", 2);
	node("/a", NULL, 0, STORE_DOMIDS); /* no such owner */
	refused();
	tops("a", 2);
	node("a", NULL, 0, 0);
	refused();
	tops("a//b", 5);
	node("/a//b", NULL, 0, 0);
	refused();
	tops(NULL, 0);
	node("@other", NULL, 0, 0);
	refused();
	tops(NULL, 0); /* no owner at all */
	record_begin(&out, STATE_NODE);
	record_put_u64(&out, 7);
	record_put_bytes(&out, "/", 2);
	record_put_bytes(&out, "", 0);
	record_put_bytes(&out, "", 0);
	record_end(&out);
	refused();
	tops(NULL, 0); /* a right that there is not */
	record_begin(&out, STATE_NODE);
	record_put_u64(&out, 7);
	record_put_bytes(&out, "/", 2);
	record_put_bytes(&out, "", 0);
	record_put_bytes(&out, "", 0);
	record_put_u32(&out, 0);
	record_put_u32(&out, 4);
	record_end(&out);
	refused();
}

static void records_are_checked(void **state)
{
	tops(NULL, 0);
	NUMBERS(0, 1);
	refused();
	tops(NULL, 0);
	NUMBERS(1000, 1);
	refused();
	tops(NULL, 0);
	NUMBERS(STATE_DOMAIN, 3); /* too short */
	refused();
	tops(NULL, 0);
	NUMBERS(STATE_DOMAIN, 3, STORE_NO_DOMID, 0, 0, 5, 1); /* too long */
	refused();
	tops(NULL, 0);
	conn_bytes(STATE_GONE, NULL, 0, "/a", 2); /* no NUL */
	refused();
	tops(NULL, 0);
	conn_bytes(STATE_GONE, NULL, 0, "/a\0b", 5); /* two of them */
	refused();
	tops(NULL, 0); /* a record that is longer than its group */
	NUMBERS(STATE_RELEASED, 3);
	out.data[out.used - 8] = 5;
	refused();
}

static void domains_are_checked(void **state)
{
	static const uint32_t bad[] = { 0, STORE_DOMIDS, STORE_NO_DOMID };

	for (unsigned i = 0; i < 3; i++) {
		tops(NULL, 0);
		domain(bad[i], STORE_NO_DOMID);
		refused();
	}
	for (unsigned i = 0; i < 2; i++) {
		tops(NULL, 0);
		domain(3, bad[i]); /* whose target it may not be: domain 0's rights are nobody's */
		refused();
	}
	tops(NULL, 0);
	NUMBERS(STATE_RING, 3, 1, 1, 0); /* of no domain */
	refused();
	ring();
	NUMBERS(STATE_RING, 3, 1, 1, 99); /* an error that there is not */
	refused();
	tops(NULL, 0);
	domain(3, STORE_NO_DOMID);
	NUMBERS(STATE_RESET, 3); /* it has no ring */
	refused();
	ring();
	NUMBERS(STATE_RELEASED, 3);
	NUMBERS(STATE_RESET, 3);
	refused();
}

static void messages_are_checked(void **state)
{
	struct {
		struct xsd_sockmsg head;
		char body[16];
	} m = { .head = { .type = XS_WATCH_EVENT, .len = 16 } };

	ring();
	output(&m, sizeof(m));
	accepted();
	output(&m, sizeof(m)); /* an event that waits already */
	refused();
	ring();
	output(&m, sizeof(m.head) - 1);
	refused();
	ring();
	output(&m, sizeof(m) - 1);
	refused();
	m.head.type = XS_TYPE_COUNT;
	ring();
	output(&m, sizeof(m));
	refused();
	m.head.type = XS_READ;
	ring();
	output(&m, sizeof(m));
	NUMBERS(STATE_SENT, 3, 232, sizeof(m));
	accepted();
	NUMBERS(STATE_SENT, 3, 232, 1); /* there is nothing more */
	refused();
	ring();
	output(&m, sizeof(m));
	NUMBERS(STATE_SENT, 3, 232, sizeof(m) + 1);
	refused();
}

static void requests_are_checked(void **state)
{
	static char request[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX + 2];
	struct xsd_sockmsg head = { .type = XS_READ, .len = XENSTORE_PAYLOAD_MAX };

	memcpy(request, &head, sizeof(head));
	ring();
	input(request, sizeof(request) - 3);
	accepted();
	ring();
	input(request, sizeof(request) - 1); /* more than the request has */
	refused();
	head.len++;
	memcpy(request, &head, sizeof(head));
	ring();
	input(request, sizeof(head)); /* longer than any may be */
	refused();
}

static void watches_are_checked(void **state)
{
	ring();
	watch(STATE_WATCH, "a", "token");
	accepted();
	watch(STATE_UNWATCH, "a", "token");
	watch(STATE_WATCH, "a", "token");
	accepted();
	watch(STATE_WATCH, "a", "token");
	refused();
	ring();
	watch(STATE_UNWATCH, "a", "token");
	refused();
	ring();
	watch(STATE_WATCH, "a b", "token");
	refused();
}

static void transactions_are_checked(void **state)
{
	ring();
	NUMBERS(STATE_BEGIN, 3, 1);
	NUMBERS(STATE_END, 3, 1);
	NUMBERS(STATE_BEGIN, 3, 1);
	accepted();
	NUMBERS(STATE_BEGIN, 3, 1);
	refused();
	ring();
	NUMBERS(STATE_BEGIN, 3, 0);
	refused();
	ring();
	NUMBERS(STATE_END, 3, 1);
	refused();
}

/* --- a state that was true ------------------------------------------------------- */

/* Everything that there is, in a few hundred bytes. */
static void make_full(void)
{
	struct xsd_sockmsg message = { .type = XS_READ };
	struct xsd_sockmsg head = { .type = XS_WRITE, .len = 8 };

	tops("a\0b", 4);
	node("/a", "c", 2, 3);
	node("/a/c", NULL, 0, 3);
	node("/b", NULL, 0, 4);
	domain(4, STORE_NO_DOMID);
	domain(3, 4);
	NUMBERS(STATE_RING, 3, 100, 200, XENSTORE_ERROR_NONE);
	watch(STATE_WATCH, "a", "t");
	NUMBERS(STATE_BEGIN, 3, 1);
	output(&message, sizeof(message));
	NUMBERS(STATE_SENT, 3, 232, 2);
	input(&head, sizeof(head));
	NUMBERS(STATE_BAD, 3);
	accepted();
}

/* What is not whole at the end never was; anything else is refused, and nothing is believed. */
static void damage_is_survived(void **state)
{
	static const unsigned char flips[] = { 0x01, 0x80, 0xff };
	struct store *store;

	make_full();
	for (size_t len = 0; len < out.used; len++)
		assert_int_equal(load_bytes(out.data, len, &store), -EINVAL);
	for (size_t i = 0; i < out.used; i++)
		for (unsigned j = 0; j < sizeof(flips); j++) {
			out.data[i] ^= flips[j];
			if (load_bytes(out.data, out.used, &store) == 0) {
				assert_int_equal(store_check(store), 0);
				store_free(store);
			}
			out.data[i] ^= flips[j];
		}
	accepted();
}

static void a_group_that_is_not_whole_never_was(void **state)
{
	const struct state_group group = { .len = 100 };
	struct store *store;

	tops("a", 2);
	node("/a", NULL, 0, 0);
	accepted();
	record_put_raw(&out, &group, sizeof(group));
	NUMBERS(STATE_GONE, 1);
	assert_int_equal(load_bytes(out.data, out.used, &store), 0);
	assert_non_null(tree_find(&store->tree, "/a"));
	store_free(store);
}


static int teardown(void **state)
{
	record_dispose(&out);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_is_accepted),
		cmocka_unit_test(heads_are_checked),
		cmocka_unit_test(trees_are_whole),
		cmocka_unit_test(nodes_are_checked),
		cmocka_unit_test(records_are_checked),
		cmocka_unit_test(domains_are_checked),
		cmocka_unit_test(messages_are_checked),
		cmocka_unit_test(requests_are_checked),
		cmocka_unit_test(watches_are_checked),
		cmocka_unit_test(transactions_are_checked),
		cmocka_unit_test(damage_is_survived),
		cmocka_unit_test(a_group_that_is_not_whole_never_was),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}

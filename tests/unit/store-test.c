// SPDX-License-Identifier: MIT
#include "config.h"
#include "store-test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

struct test_link {
	struct conn *conn;
};

static int link_attach(void *opaque, uint32_t domid, uint64_t gfn, uint32_t port,
	void **transport)
{
	struct store **store = opaque;
	struct test_link *link = calloc(1, sizeof(*link));

	if (gfn == 0xbad) {
		free(link);
		return -EINVAL;
	}
	assert_non_null(link);
	link->conn = conn_new(*store, domid);
	assert_non_null(link->conn);
	*transport = link;
	return 0;
}

static void link_detach(void *opaque, void *transport)
{
	struct test_link *link = transport;

	conn_free(link->conn);
	free(link);
}

static const struct store_ops link_ops = { link_attach, link_detach };

struct store *test_store(void)
{
	static struct store *store;

	store = store_new(&quota_defaults, &link_ops, &store);
	assert_non_null(store);
	return store;
}

struct conn *test_introduce(struct store *store, uint32_t domid)
{
	struct test_link *link;

	assert_int_equal(store_introduce(store, domid, 0, 0), 0);
	link = store_find_domain(store, domid)->transport;
	return link->conn;
}

struct conn *test_home(struct store *store, struct conn *toolstack, uint32_t domid)
{
	struct conn *conn = test_introduce(store, domid);
	char path[64], perms[80];
	int len = snprintf(path, sizeof(path), "/local/domain/%u", domid) + 1;
	int more = snprintf(perms, sizeof(perms), "%s%cn%u", path, 0, domid) + 1;

	assert_int_equal(test_call(toolstack, XS_MKDIR, 0, path, len, NULL), 0);
	assert_int_equal(test_call(toolstack, XS_SET_PERMS, 0, perms, more, NULL), 0);
	return conn;
}

static void test_feed(struct conn *conn, const char *data, size_t len)
{
	for (size_t done = 0, step = 1; done < len; step = step % 7 + 1) {
		char *at;
		size_t room = conn_input_room(conn, &at);

		room = room < step ? room : step;
		room = room < len - done ? room : len - done;
		memcpy(at, data + done, room);
		if (conn_input_done(conn, room) < 0)
			return;
		done += room;
	}
}

void test_send(struct conn *conn, uint32_t type, uint32_t tx, const void *data, size_t len)
{
	const struct xsd_sockmsg header = {
		.type = type, .req_id = 77, .tx_id = tx, .len = len
	};
	char message[sizeof(header) + XENSTORE_PAYLOAD_MAX];

	assert_true(len <= XENSTORE_PAYLOAD_MAX);
	memcpy(message, &header, sizeof(header));
	memcpy(message + sizeof(header), data, len);
	test_feed(conn, message, sizeof(header) + len);
}

static void test_take(struct conn *conn, void *out, size_t want)
{
	const char *at;

	for (size_t done = 0; done < want;) {
		size_t len = conn_output(conn, &at);

		assert_true(len > 0);
		len = len < want - done ? len : want - done;
		memcpy((char *)out + done, at, len);
		conn_output_done(conn, len);
		done += len;
	}
}

bool test_receive(struct conn *conn, struct reply *reply)
{
	struct xsd_sockmsg header;
	const char *at;

	if (conn_output(conn, &at) == 0)
		return false;
	test_take(conn, &header, sizeof(header));
	assert_true(header.len <= XENSTORE_PAYLOAD_MAX);
	reply->type = header.type;
	reply->req_id = header.req_id;
	reply->tx_id = header.tx_id;
	reply->len = header.len;
	test_take(conn, reply->data, header.len);
	reply->data[header.len] = '\0';
	return true;
}

static int reply_error(const struct reply *reply)
{
	for (unsigned i = 0; i < ARRAY_SIZE(xsd_errors); i++)
		if (strcmp(reply->data, xsd_errors[i].errstring) == 0 &&
			reply->len == strlen(reply->data) + 1)
			return -xsd_errors[i].errnum;
	fail_msg("unknown error %s", reply->data);
	return 0;
}

int test_call(struct conn *conn, uint32_t type, uint32_t tx, const void *data, size_t len,
	struct reply *reply)
{
	struct reply own;

	if (!reply)
		reply = &own;
	test_send(conn, type, tx, data, len);
	assert_true(test_receive(conn, reply));
	assert_int_equal(reply->req_id, 77);
	assert_int_equal(reply->tx_id, tx);
	if (reply->type == XS_ERROR)
		return reply_error(reply);
	assert_int_equal(reply->type, type);
	return 0;
}

uint32_t test_start(struct conn *conn)
{
	struct reply reply;

	assert_int_equal(ASK(conn, XS_TRANSACTION_START, 0, "\0", &reply), 0);
	return strtoul(reply.data, NULL, 10);
}

void test_value(struct conn *conn, uint32_t tx, const char *path, const char *value)
{
	struct reply reply;

	assert_int_equal(test_call(conn, XS_READ, tx, path, strlen(path) + 1, &reply), 0);
	assert_string_equal(reply.data, value);
	assert_int_equal(reply.len, strlen(value));
}

void test_event(struct conn *conn, const char *path, const char *token)
{
	struct reply reply;

	assert_true(test_receive(conn, &reply));
	assert_int_equal(reply.type, XS_WATCH_EVENT);
	assert_int_equal(reply.req_id, 0);
	assert_int_equal(reply.tx_id, 0);
	assert_string_equal(reply.data, path);
	assert_string_equal(reply.data + strlen(path) + 1, token);
	assert_int_equal(reply.len, strlen(path) + strlen(token) + 2);
}

void test_silence(struct conn *conn)
{
	const char *at;

	assert_int_equal(conn_output(conn, &at), 0);
}

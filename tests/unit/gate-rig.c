// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/unit/gate-rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gate gate;
struct message got;
char token[64];

int gate_rig_setup(void **state)
{
	gate_init(&gate, 1);
	gate_up(&gate, GATE_FLIGHT);
	gate_tick(&gate, 100000);
	return 0;
}

int gate_rig_teardown(void **state)
{
	gate_clear(&gate);
	return 0;
}

struct gate_client *client_new(void)
{
	struct leaf_name name = { .kind = "vbd", .frontend = 2, .devid = 51712 };
	struct gate_rules rules;
	struct gate_client *c;

	assert_int_equal(gate_rules_init(&rules, 1, &name, "/local/domain/2/device/vbd/51712"), 0);
	c = gate_client_new(&gate, &rules, NULL);
	assert_non_null(c);
	return c;
}

/* --- the client's end --------------------------------------------------------------------- */

size_t client_put(struct gate_client *c, const void *data, size_t len)
{
	size_t done = 0, room;
	char *at;

	while (done < len && (room = gate_client_room(c, &at)) > 0) {
		size_t n = room < len - done ? room : len - done;

		memcpy(at, (const char *)data + done, n);
		gate_client_received(c, n);
		done += n;
	}
	return done;
}

void client_ask(struct gate_client *c, uint32_t type, uint32_t tx, const char *payload, size_t len)
{
	struct xsd_sockmsg header = { .type = type, .req_id = 77, .tx_id = tx, .len = (uint32_t)len };

	assert_int_equal(client_put(c, &header, sizeof(header)), sizeof(header));
	assert_int_equal(client_put(c, payload, len), len);
}

void client_read(struct gate_client *c, const char *path)
{
	client_ask(c, XS_READ, 0, path, strlen(path) + 1);
}

bool client_take(struct gate_client *c)
{
	const char *at;
	size_t n = gate_client_output(c, &at);

	if (n == 0)
		return false;
	assert_true(n >= sizeof(got.header));
	memcpy(&got.header, at, sizeof(got.header));
	assert_int_equal(n, sizeof(got.header) + got.header.len);
	memcpy(got.payload, at + sizeof(got.header), got.header.len);
	got.payload[got.header.len] = '\0';
	gate_client_sent(c, n);
	return true;
}

void client_hears(struct gate_client *c, uint32_t type, const char *payload)
{
	assert_true(client_take(c));
	assert_int_equal(got.header.type, type);
	assert_int_equal(got.header.req_id, type == XS_WATCH_EVENT ? 0 : 77);
	assert_string_equal(got.payload, payload);
}

/* --- the store's end ------------------------------------------------------------------------ */

bool store_take(void)
{
	const char *at;
	size_t n = gate_up_output(&gate, &at);

	if (n == 0)
		return false;
	memcpy(&got.header, at, sizeof(got.header));
	assert_int_equal(n, sizeof(got.header) + got.header.len);
	memcpy(got.payload, at + sizeof(got.header), got.header.len);
	got.payload[got.header.len] = '\0';
	gate_up_sent(&gate, n);
	return true;
}

void store_hears(uint32_t type, uint32_t tx, const char *payload)
{
	assert_true(store_take());
	assert_int_equal(got.header.type, type);
	assert_int_equal(got.header.tx_id, tx);
	assert_string_equal(got.payload, payload);
}

int store_put(const void *data, size_t len)
{
	size_t done = 0, room;
	char *at;
	int rc = 0;

	while (rc == 0 && done < len) {
		size_t n;

		room = gate_up_room(&gate, &at);
		n = room < len - done ? room : len - done;
		memcpy(at, (const char *)data + done, n);
		done += n;
		rc = gate_up_received(&gate, n);
	}
	return rc;
}

int store_send(uint32_t id, uint32_t type, const char *payload, size_t len)
{
	struct xsd_sockmsg header = { .type = type, .req_id = id, .len = (uint32_t)len };
	int rc = store_put(&header, sizeof(header));

	return rc < 0 || !len ? rc : store_put(payload, len);
}

void store_says(uint32_t id, uint32_t type, const char *payload)
{
	assert_int_equal(store_send(id, type, payload, strlen(payload) + 1), 0);
}

void store_ok(void)
{
	store_says(got.header.req_id, got.header.type, "OK");
}

/* --- transactions and watches ------------------------------------------------------------------- */

uint32_t client_begin(struct gate_client *c, const char *real)
{
	client_ask(c, XS_TRANSACTION_START, 0, LITERAL("\0"));
	assert_true(store_take());
	assert_int_equal(got.header.type, XS_TRANSACTION_START);
	store_says(got.header.req_id, XS_TRANSACTION_START, real);
	assert_true(client_take(c));
	assert_int_equal(got.header.type, XS_TRANSACTION_START);
	return (uint32_t)atoi(got.payload);
}

void client_end(struct gate_client *c, uint32_t tx, bool commit)
{
	client_ask(c, XS_TRANSACTION_END, tx, commit ? "T" : "F", 2);
}

void client_watch(struct gate_client *c, const char *path, const char *name)
{
	char payload[600];
	int n = snprintf(payload, sizeof(payload), "%s%c%s", path, '\0', name);

	client_ask(c, XS_WATCH, 0, payload, (size_t)n + 1);
	assert_true(store_take());
	assert_int_equal(got.header.type, XS_WATCH);
	snprintf(token, sizeof(token), "%s", got.payload + strlen(got.payload) + 1);
	store_ok();
	client_hears(c, XS_WATCH, "OK");
}

void store_fires(const char *path, const char *which)
{
	char payload[600];
	int n = snprintf(payload, sizeof(payload), "%s%c%s", path, '\0', which);

	assert_int_equal(store_send(0, XS_WATCH_EVENT, payload, (size_t)n + 1), 0);
}

void client_sees(struct gate_client *c, const char *path, const char *name)
{
	client_hears(c, XS_WATCH_EVENT, path);
	assert_string_equal(got.payload + strlen(path) + 1, name);
	assert_int_equal(got.header.len, strlen(path) + strlen(name) + 2);
}

void store_restarts(void)
{
	gate_down(&gate);
	assert_false(store_take());
	gate_up(&gate, GATE_FLIGHT);
}

void hold_all(struct gate_client *c[GATE_TX], uint32_t tx[GATE_TX])
{
	for (unsigned i = 0; i < GATE_TX; i++) {
		char real[12];

		snprintf(real, sizeof(real), "%u", 100 + i);
		c[i] = client_new();
		tx[i] = client_begin(c[i], real);
	}
}

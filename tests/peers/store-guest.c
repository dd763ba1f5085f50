// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/peers/store-guest.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/grant_table.h>

#include "hypervisor/process/client.h"

#define PATIENCE_MS 20000

struct hv_world world;
struct server server;
struct xs_handle *tool;

void guest_notify(struct guest *g)
{
	assert_int_equal(xenevtchn_notify(g->xce, g->port), 0);
}

void guest_wait(struct guest *g)
{
	struct pollfd p = { .fd = xenevtchn_fd(g->xce), .events = POLLIN };

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(xenevtchn_pending(g->xce), g->port);
	assert_int_equal(xenevtchn_unmask(g->xce, g->port), 0);
}

void guest_put(struct guest *g, const void *data, size_t len)
{
	const char *bytes = data;

	while (len) {
		uint32_t prod = g->page->req_prod;
		uint32_t cons = __atomic_load_n(&g->page->req_cons, __ATOMIC_ACQUIRE);
		uint32_t n = 0;

		assert_true(prod - cons <= XENSTORE_RING_SIZE);
		for (; n < len && prod + n - cons < XENSTORE_RING_SIZE; n++)
			g->page->req[MASK_XENSTORE_IDX(prod + n)] = bytes[n];
		__atomic_store_n(&g->page->req_prod, prod + n, __ATOMIC_RELEASE);
		guest_notify(g);
		bytes += n;
		len -= n;
		if (!n)
			guest_wait(g);
	}
}

static void guest_get(struct guest *g, void *data, size_t len)
{
	char *bytes = data;

	while (len) {
		uint32_t cons = g->page->rsp_cons;
		uint32_t prod = __atomic_load_n(&g->page->rsp_prod, __ATOMIC_ACQUIRE);
		uint32_t n = 0;

		assert_true(prod - cons <= XENSTORE_RING_SIZE);
		for (; n < len && cons + n != prod; n++)
			bytes[n] = g->page->rsp[MASK_XENSTORE_IDX(cons + n)];
		__atomic_store_n(&g->page->rsp_cons, cons + n, __ATOMIC_RELEASE);
		bytes += n;
		len -= n;
		if (n)
			guest_notify(g);
		else
			guest_wait(g);
	}
}

static void guest_receive(struct guest *g, struct message *m)
{
	guest_get(g, &m->head, sizeof(m->head));
	assert_true(m->head.len < BODY_ROOM);
	guest_get(g, m->body, m->head.len);
	m->body[m->head.len] = '\0';
}

void guest_ask(struct guest *g, unsigned type, uint32_t tx, const void *body, size_t len,
	struct message *reply)
{
	struct xsd_sockmsg head = {
		.type = type, .req_id = ++g->next_id, .tx_id = tx, .len = len
	};

	guest_put(g, &head, sizeof(head));
	guest_put(g, body, len);
	for (;;) {
		guest_receive(g, reply);
		if (reply->head.type != XS_WATCH_EVENT)
			break;
		g->event = *reply;
		g->has_event = true;
	}
	assert_int_equal(reply->head.req_id, g->next_id);
	assert_int_equal(reply->head.tx_id, tx);
}

const char *guest_call(
	struct guest *g, unsigned type, uint32_t tx, const void *body, size_t len)
{
	static struct message reply;

	guest_ask(g, type, tx, body, len, &reply);
	if (reply.head.type != type)
		fail_msg("request %u: %s", type, reply.body);
	return reply.body;
}

void guest_fails(struct guest *g, unsigned type, uint32_t tx, const char *body, size_t len,
	const char *error)
{
	struct message reply;

	guest_ask(g, type, tx, body, len, &reply);
	assert_int_equal(reply.head.type, XS_ERROR);
	assert_string_equal(reply.body, error);
}

void guest_write(struct guest *g, uint32_t tx, const char *path, const char *value)
{
	char body[XENSTORE_PAYLOAD_MAX];
	size_t n = strlen(path) + 1;

	memcpy(body, path, n);
	memcpy(body + n, value, strlen(value));
	assert_string_equal(guest_call(g, XS_WRITE, tx, body, n + strlen(value)), "OK");
}

void guest_expect(struct guest *g, uint32_t tx, const char *path, const char *value)
{
	assert_string_equal(guest_call(g, XS_READ, tx, path, strlen(path) + 1), value);
}

void guest_watch(struct guest *g, const char *path, const char *token)
{
	char body[256];
	int n = snprintf(body, sizeof(body), "%s%c%s", path, '\0', token) + 1;

	assert_string_equal(guest_call(g, XS_WATCH, 0, body, n), "OK");
}

void guest_expect_event(struct guest *g, const char *path, const char *token)
{
	if (!g->has_event)
		guest_receive(g, &g->event);
	g->has_event = false;
	assert_int_equal(g->event.head.type, XS_WATCH_EVENT);
	assert_string_equal(g->event.body, path);
	assert_string_equal(g->event.body + strlen(path) + 1, token);
}

/* Nothing came in the reply of a request that was sent after whatever might have come. */
void guest_expect_no_event(struct guest *g)
{
	guest_expect(g, 0, "domid", g->domid == 1 ? "1" : g->domid == 2 ? "2" : "3");
	assert_false(g->has_event);
}

void guest_connect(struct guest *g)
{
	hv_enter(&world, g->domid);
	g->xce = xenevtchn_open(NULL, 0);
	assert_non_null(g->xce);
	g->port = xenevtchn_bind_unbound_port(g->xce, 0);
	assert_true(g->port > 0);
}

void guest_make(struct guest *g, unsigned domid, uint32_t index)
{
	uint32_t ref;

	*g = (struct guest){ .domid = domid };
	g->fd = hvclient_open(hv_socket(&world, domid));
	assert_true(g->fd >= 0);
	g->share = (struct hvshare){ .domid = 0, .pages = 1, .writable = true,
		.first_ref = GNTTAB_RESERVED_XENSTORE };
	assert_int_equal(hvshare_make(g->fd, &g->share, &ref), 0);
	assert_int_equal(ref, GNTTAB_RESERVED_XENSTORE);
	g->page = g->share.addr;
	g->page->req_prod = g->page->req_cons = index;
	g->page->rsp_prod = g->page->rsp_cons = index;
	guest_connect(g);
}

static void guest_home(struct guest *g)
{
	struct xs_permissions perms = { .id = g->domid, .perms = XS_PERM_NONE };
	char path[64], text[16];

	snprintf(path, sizeof(path), "/local/domain/%u", g->domid);
	assert_true(xs_mkdir(tool, XBT_NULL, path));
	assert_true(xs_set_permissions(tool, XBT_NULL, path, &perms, 1));
	snprintf(path, sizeof(path), "/local/domain/%u/domid", g->domid);
	snprintf(text, sizeof(text), "%u", g->domid);
	assert_true(xs_write(tool, XBT_NULL, path, text, strlen(text)));
}

void guest_introduce(struct guest *g)
{
	assert_true(xs_introduce_domain(tool, g->domid, 0, g->port));
	guest_home(g);
}

void guest_start(struct guest *g, unsigned domid, uint32_t index)
{
	guest_make(g, domid, index);
	guest_introduce(g);
}

void guest_end(struct guest *g)
{
	xenevtchn_close(g->xce);
	close(g->fd);
	munmap(g->share.addr, WIRE_PAGE);
}

void guest_leave(struct guest *g)
{
	char path[64];

	assert_true(xs_release_domain(tool, g->domid));
	snprintf(path, sizeof(path), "/local/domain/%u", g->domid);
	assert_true(xs_rm(tool, XBT_NULL, path));
	guest_end(g);
}

void tool_write(const char *path, const char *value)
{
	assert_true(xs_write(tool, XBT_NULL, path, value, strlen(value)));
}

void tool_expect(const char *path, const char *value)
{
	unsigned len;
	char *text = xs_read(tool, XBT_NULL, path, &len);

	if (value) {
		assert_non_null(text);
		assert_string_equal(text, value);
	} else {
		assert_null(text);
	}
	free(text);
}

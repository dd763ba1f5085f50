// SPDX-License-Identifier: MIT
/*
 * The store's request decoding and all behind it. An input is a list of
 * records: a byte that chooses the connection and what to do with it, a byte
 * with the request's type, one with its transaction, one with the payload's
 * length, then the payload. After each input the tree must be whole and the
 * accounts of all domains must come down to nothing.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/log.h"
#include "hypervisor/store/conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_DOMAINS 4

static struct store *fuzz_store;
static struct conn *fuzz_conns[FUZZ_DOMAINS];

static int fuzz_attach(void *opaque, uint32_t domid, uint64_t gfn, uint32_t port,
	void **transport)
{
	if (domid >= FUZZ_DOMAINS)
		return 0;
	fuzz_conns[domid] = conn_new(fuzz_store, domid);
	*transport = &fuzz_conns[domid];
	return fuzz_conns[domid] ? 0 : -1;
}

static void fuzz_detach(void *opaque, void *transport)
{
	struct conn **slot = transport;

	conn_free(*slot);
	*slot = NULL;
}

static const struct store_ops fuzz_ops = { fuzz_attach, fuzz_detach };

/* In pieces whose sizes the input chooses; false when the connection was dropped. */
static void fuzz_feed(struct conn *conn, const uint8_t *data, size_t len, size_t step)
{
	while (len && conn_may_input(conn)) {
		char *at;
		size_t room = conn_input_room(conn, &at);

		room = room < step ? room : step;
		room = room < len ? room : len;
		memcpy(at, data, room);
		data += room;
		len -= room;
		if (conn_input_done(conn, room) < 0)
			return;
	}
}

static void fuzz_drain(struct conn *conn)
{
	const char *at;
	size_t len;

	while ((len = conn_output(conn, &at)) > 0)
		conn_output_done(conn, len > 5 ? len - 3 : len);
}

/* None, one of those that are open, or one that is not. */
static uint32_t fuzz_transaction(const struct conn *conn, unsigned which)
{
	const struct transaction *tx = conn->transactions;
	unsigned i = which;

	while (tx && i > 1) {
		tx = tx->next;
		i--;
	}
	return which && tx ? tx->id : which;
}

static size_t fuzz_record(const uint8_t *data, size_t size)
{
	struct conn *conn = fuzz_conns[data[0] % FUZZ_DOMAINS];
	struct xsd_sockmsg header = { .type = data[1] % 32 };
	size_t len = data[3] < size - 4 ? data[3] : size - 4;

	if (conn && (conn->bad || (data[0] & 0x40)))
		conn_reset(conn);
	if (conn) {
		/* Now and then a length that the payload does not have. */
		header.tx_id = fuzz_transaction(conn, data[2] % 5);
		header.len = data[0] & 0x20 ? data[2] * 17u : len;
		fuzz_feed(conn, (const uint8_t *)&header, sizeof(header), 1 + data[0] % 16);
		fuzz_feed(conn, data + 4, len, 1 + data[2]);
		if (!(data[0] & 0x10))
			fuzz_drain(conn);
	}
	return 4 + len;
}

static void fuzz_setup(void)
{
	struct quota_limits limits = quota_defaults;

	limits.nodes = 20;
	limits.watches = 5;
	limits.transactions = 3;
	limits.transaction_nodes = 15;
	limits.memory = 8192;
	fuzz_store = store_new(&limits, &fuzz_ops, NULL);
	if (!fuzz_store)
		abort();
	fuzz_conns[0] = conn_new(fuzz_store, 0);
	for (unsigned i = 1; i < FUZZ_DOMAINS; i++)
		if (store_introduce(fuzz_store, i, 0, 0) < 0)
			abort();
}

static void fuzz_finish(void)
{
	if (store_check(fuzz_store))
		abort();
	for (unsigned i = 1; i < FUZZ_DOMAINS; i++) {
		const struct account *account = &fuzz_store->accounts[i];

		/* Introduced or not, RELEASE leaves nothing of it. */
		if (store_introduce(fuzz_store, i, 0, 0) < 0 || store_release(fuzz_store, i) < 0)
			abort();
		if (account->memory || account->nodes || account->watches ||
			account->transactions)
			abort();
	}
	conn_free(fuzz_conns[0]);
	if (store_check(fuzz_store))
		abort();
	store_free(fuzz_store);
	memset(fuzz_conns, 0, sizeof(fuzz_conns));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	log_set_level(LOG_LEVEL_ERR);
	fuzz_setup();
	while (size > 4) {
		size_t used = fuzz_record(data, size);

		data += used;
		size -= used;
	}
	fuzz_finish();
	return 0;
}

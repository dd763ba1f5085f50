// SPDX-License-Identifier: MIT
/* Rules 16, 18 and 19: the control ring, the store's nodes, multicast groups; and states. */
#include "config.h"
#include "tests/peers/hostile-net.h"

#include <stdio.h>
#include <string.h>

#define GOOD XEN_NETIF_CTRL_STATUS_SUCCESS
/* Wrong, or too large: backends differ in what they call which. */
#define INVALID -2
#define UNSUPPORTED XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED

struct request {
	unsigned type;
	uint32_t a, b, c;
	int status;
};

static bool is_as_expected(int status, int expected)
{
	if (expected != INVALID)
		return status == expected;
	return status == XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER ||
	       status == XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW;
}

static int connect_ctrl(struct netpeer *p, unsigned queues)
{
	p->with_ctrl = true;
	p->nqueues = queues;
	return np_connect(p);
}

static int ask_all(struct netpeer *p, const struct request *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int status = np_ctrl(p, r[i].type, r[i].a, r[i].b, r[i].c, NULL);

		if (!is_as_expected(status, r[i].status))
			return hostile_fail("control request %u (%#x, %#x, %#x): status %d, expected %d", r[i].type,
				r[i].a, r[i].b, r[i].c, status, r[i].status);
	}
	return np_check_works(p);
}
#define ASK(p, list) ask_all(p, list, sizeof(list) / sizeof((list)[0]))

static int unknown_requests(struct netpeer *p)
{
	static const struct request r[] = {
		{ XEN_NETIF_CTRL_TYPE_INVALID, 0, 0, 0, UNSUPPORTED },
		{ XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING, 0, 1, 1, UNSUPPORTED },
		{ 11, 1, 2, 3, UNSUPPORTED },
		{ 0xffff, ~0u, ~0u, ~0u, UNSUPPORTED },
	};

	return connect_ctrl(p, 1) < 0 ? -1 : ASK(p, r);
}

static int bad_keys(struct netpeer *p)
{
	uint32_t page = p->ref[0];
	const struct request r[] = {
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ, 0, 0, GOOD },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, page, 40, 0, GOOD },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, page, 41, 0, INVALID },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, page, 4097, 0, INVALID },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, page, ~0u, 0, INVALID },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, 0xffffff0, 40, 0, INVALID },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 2, 0, 0, INVALID },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 1u << 4, 0, 0, INVALID },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, ~0u, 0, 0, INVALID },
	};

	return connect_ctrl(p, 1) < 0 ? -1 : ASK(p, r);
}

static int bad_mappings(struct netpeer *p)
{
	uint32_t page = p->ref[0], *entry = (uint32_t *)p->page[0];
	const struct request good[] = {
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ, 0, 0, GOOD },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 128, 0, 0, GOOD },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 129, 0, 0, INVALID },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, ~0u, 0, 0, INVALID },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, page, 128, 0, GOOD },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, page, 129, 0, INVALID },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, page, 1, 128, INVALID },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, page, 2, ~0u, INVALID },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, page, ~0u, 2, INVALID },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, 0xffffff0, 4, 0, INVALID },
	};
	const struct request beyond[] = {
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, page, 16, 0, INVALID },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 16, 0, 0, GOOD },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, page, 17, 0, INVALID },
	};

	memset(p->page[0], 0, 4096);
	if (connect_ctrl(p, 1) < 0 || ASK(p, good) < 0)
		return -1;
	entry = (uint32_t *)p->page[0];
	memset(entry, 0, 4096);
	entry[15] = 1; /* there is one queue */
	return ASK(p, beyond);
}

static int hash_then_frames(struct netpeer *p)
{
	uint32_t page = p->ref[299], *entry = (uint32_t *)p->page[299];
	const struct request r[] = {
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ, 0, 0, GOOD },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 15, 0, 0, GOOD },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, page, 0, 0, GOOD },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, page, 7, 0, GOOD },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 0, 0, 0, GOOD },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 3, 0, 0, GOOD },
		{ XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, page, 3, 0, GOOD },
	};

	memset(entry, 0, 4096);
	return connect_ctrl(p, 1) < 0 ? -1 : ASK(p, r);
}

const struct np_case np_control[] = {
	{ "rule16-unknown-requests", unknown_requests, true },
	{ "rule16-bad-keys-xsa270", bad_keys, true },
	{ "rule16-bad-mappings-xsa270", bad_mappings, true },
	{ "rule16-odd-keys-and-mappings", hash_then_frames, true },
	{ NULL, NULL, true },
};

/* ---- rule 18 ------------------------------------------------------------------------ */

/* Good nodes but for one: the backend does not connect and says why. */
static int refused(struct netpeer *p, unsigned queues, const char *name, const char *value)
{
	printf("  %s = %.40s\n", name, value ? *value ? value : "(empty)" : "(absent)");
	p->nqueues = queues;
	if (np_reset_store(p) < 0 || np_prepare(p) < 0)
		return -1;
	np_publish(p);
	np_write(p, name, value);
	np_write(p, "state", "4");
	if (np_expect_fatal(p) < 0)
		return -1;
	/* It says why first, and closes then. */
	return np_wait_state(p, 1u << 4 | NP_ENDED) == 4 ? hostile_fail("it connected") : 0;
}

static const char *const bad_numbers[] = { "-1", "garbage", "0x10", "1 ", " 1", "4294967296",
	"18446744073709551616", "99999999999999999999999999999999", "1.5", "%s%n", "0", NULL };

static int refused_all(struct netpeer *p, unsigned queues, const char *name, const char *const *values)
{
	for (unsigned i = 0; values[i]; i++)
		if (refused(p, queues, name, values[i]) < 0)
			return -1;
	return 0;
}

static int works_afterwards(struct netpeer *p)
{
	p->nqueues = 1;
	p->split = false;
	p->with_ctrl = false;
	return np_reset_store(p) < 0 || np_connect(p) < 0 ? -1 : np_check_works(p);
}

static int num_queues(struct netpeer *p)
{
	char beyond[12];
	const char *values[] = { beyond, "0", NULL };

	snprintf(beyond, sizeof(beyond), "%u", np_offered(p, "multi-queue-max-queues") + 1);
	if (refused_all(p, 1, "multi-queue-num-queues", values) < 0 ||
		refused_all(p, 1, "multi-queue-num-queues", bad_numbers) < 0)
		return -1;
	return works_afterwards(p);
}

static int ring_refs(struct netpeer *p)
{
	if (refused_all(p, 1, "tx-ring-ref", bad_numbers) < 0 ||
		refused_all(p, 1, "rx-ring-ref", bad_numbers) < 0 ||
		refused(p, 1, "tx-ring-ref", NULL) < 0 || refused(p, 1, "rx-ring-ref", NULL) < 0 ||
		refused(p, 1, "rx-ring-ref", "16777000") < 0)
		return -1;
	return works_afterwards(p);
}

static int channels(struct netpeer *p)
{
	if (refused_all(p, 1, "event-channel", bad_numbers) < 0 ||
		refused(p, 1, "event-channel", NULL) < 0 || refused(p, 1, "event-channel", "9999") < 0)
		return -1;
	p->split = true;
	if (refused(p, 1, "event-channel-rx", NULL) < 0 || refused(p, 1, "event-channel-tx", NULL) < 0 ||
		refused_all(p, 1, "event-channel-rx", bad_numbers) < 0)
		return -1;
	return works_afterwards(p);
}

static int second_queue(struct netpeer *p)
{
	unsigned most = np_offered(p, "multi-queue-max-queues");

	if (most < 2)
		return hostile_fail("the backend offers %u queues", most);
	if (refused(p, 2, "queue-1/tx-ring-ref", NULL) < 0 ||
		refused(p, 2, "queue-1/event-channel", NULL) < 0 ||
		refused(p, most, "queue-1/rx-ring-ref", "0") < 0)
		return -1;
	return works_afterwards(p);
}

static int control_nodes(struct netpeer *p)
{
	p->with_ctrl = true;
	if (refused(p, 1, "event-channel-ctrl", NULL) < 0 || refused(p, 1, "ctrl-ring-ref", "77777") < 0 ||
		refused_all(p, 1, "ctrl-ring-ref", bad_numbers) < 0)
		return -1;
	return works_afterwards(p);
}

static int no_copy(struct netpeer *p)
{
	if (refused(p, 1, "request-rx-copy", NULL) < 0 || refused(p, 1, "request-rx-copy", "0") < 0)
		return -1;
	return works_afterwards(p);
}

/* Both rings are one page: nonsense, but only the guest's. */
static int rings_of_one_page(struct netpeer *p)
{
	if (np_prepare(p) < 0)
		return -1;
	np_publish(p);
	np_writef(p, "rx-ring-ref", "%u", p->q->tx.ref);
	np_write(p, "state", "4");
	if (np_wait_state(p, 1u << 4 | NP_ENDED) == 4) {
		np_send(p, 0, 1000, 1);
		np_push(p);
		for (unsigned i = 0; i < 200; i++)
			hostile_nap();
	}
	return works_afterwards(p);
}

const struct np_case np_nodes[] = {
	{ "rule18-number-of-queues", num_queues, true },
	{ "rule18-ring-refs", ring_refs, true },
	{ "rule18-event-channels", channels, true },
	{ "rule18-second-queue", second_queue, true },
	{ "rule18-control-ring", control_nodes, true },
	{ "rule18-no-copy", no_copy, true },
	{ "rule18-rings-of-one-page", rings_of_one_page, true },
	{ NULL, NULL, true },
};

/* ---- rule 19 and states --------------------------------------------------------------- */

static int put_group(struct netpeer *p, unsigned n, int status)
{
	uint16_t first = np_slot(p, 0, 0, 60, NETTXF_extra_info);
	struct netif_extra_info *extra = np_extra(p, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 0);

	extra->u.mcast.addr[0] = 1;
	extra->u.mcast.addr[4] = n >> 8;
	extra->u.mcast.addr[5] = (uint8_t)n;
	np_push(p);
	return np_answers(p, first, 2, 1, status);
}

static int too_many_groups(struct netpeer *p)
{
	if (!np_offered(p, "feature-multicast-control"))
		return hostile_fail("there is no multicast control");
	p->mcast = true;
	if (np_connect(p) < 0)
		return -1;
	for (unsigned i = 0; i < 64; i++)
		if (put_group(p, i, NETIF_RSP_OKAY) < 0)
			return hostile_fail("group %u", i);
	for (unsigned i = 64; i < 400; i++)
		if (put_group(p, i, NETIF_RSP_ERROR) < 0)
			return hostile_fail("group %u", i);
	/* Known ones are not one more. */
	return put_group(p, 5, NETIF_RSP_OKAY) < 0 ? -1 : np_check_works(p);
}

static int quick_reconnects(struct netpeer *p)
{
	for (unsigned i = 0; i < 20; i++) {
		p->split = i & 1;
		p->nqueues = i & 2 ? 1 : np_offered(p, "multi-queue-max-queues");
		if (np_connect(p) < 0 || np_close(p) < 0)
			return hostile_fail("connection %u", i);
	}
	return works_afterwards(p);
}

static int flipping_states(struct netpeer *p)
{
	for (unsigned i = 0; i < 500; i++)
		np_writef(p, "state", "%u", i * 7 % 9);
	/* It sees some of them late. */
	for (unsigned i = 0; i < 2000; i++)
		hostile_nap();
	return works_afterwards(p);
}

static int close_first(struct netpeer *p)
{
	np_write(p, "state", "5");
	for (unsigned i = 0; i < 100; i++)
		hostile_nap();
	return works_afterwards(p);
}

const struct np_case np_states[] = {
	{ "rule19-too-many-groups", too_many_groups, true },
	{ "state-quick-reconnects", quick_reconnects, true },
	{ "state-flipping", flipping_states, true },
	{ "state-close-first", close_first, true },
	{ NULL, NULL, true },
};

// SPDX-License-Identifier: MIT
/*
 * The store killed wherever it had told the outside anything, and its successor on what
 * was kept: the guest at the ring must not be able to tell.
 *
 * The store runs in a child that ends inside of its sink, right before or right after
 * a group is kept. Ring, log and the guest's progress are in memory that both share.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/array.h"
#include "hypervisor/store/ring.h"
#include "hypervisor/store/state.h"
#include "store-test.h"

#define LOG_ROOM (8u << 20)
#define TEXT_ROOM (64u << 10)
#define GUEST 3u

/* What outlives the store. */
static struct world {
	struct xenstore_domain_interface page;
	char log[LOG_ROOM];
	size_t log_len;
	unsigned groups;      /* kept so far */
	unsigned kill_at;     /* the store ends at this one; 0: never */
	bool kill_before;     /* it is not kept any more */
	/* the guest */
	unsigned step;
	size_t sent, received;
	char message[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
	uint32_t tx;
	unsigned retries;
	char replies[TEXT_ROOM], events[TEXT_ROOM];
} *world;

static struct store *store;
static struct ring ring;

/* --- the sink ------------------------------------------------------------ */

static void world_group(void)
{
	world->groups++;
}

static void world_may_die(bool before)
{
	if (world->kill_at && world->groups == world->kill_at && world->kill_before == before)
		_exit(7);
}

static int world_append(void *opaque, const void *data, size_t len)
{
	world_group();
	world_may_die(true);
	assert_true(world->log_len + len <= LOG_ROOM);
	memcpy(world->log + world->log_len, data, len);
	world->log_len += len;
	world_may_die(false);
	return 0;
}

static int world_replace(void *opaque, const void *data, size_t len)
{
	world_group();
	world_may_die(true);
	assert_true(len <= LOG_ROOM);
	memcpy(world->log, data, len);
	world->log_len = len;
	world_may_die(false);
	return 0;
}

static void world_lose(void *opaque)
{
	fail_msg("the state was lost");
}

static const struct state_sink world_sink = { world_append, world_replace, world_lose };

/* --- the store ----------------------------------------------------------- */

static int world_attach(void *opaque, uint32_t domid, uint64_t gfn, uint32_t port,
	void **transport)
{
	struct ring_pos pos;
	struct conn *conn = store_take_resumed(store, domid, &pos);

	if (conn)
		ring_resume(&ring, &world->page, conn, &pos);
	else
		ring_init(&ring, &world->page, conn_new(store, domid));
	*transport = &ring;
	return 0;
}

static void world_detach(void *opaque, void *transport)
{
	conn_free(ring.conn);
}

static const struct store_ops world_ops = { world_attach, world_detach };

static void store_begin(void)
{
	struct conn *tool;

	store = store_new(&quota_defaults, &world_ops, NULL);
	assert_non_null(store);
	assert_int_equal(state_start(store, &world_sink, NULL), 0);
	assert_int_equal(store_introduce(store, GUEST, 0, 5), 0);
	tool = conn_new(store, 0);
	assert_int_equal(test_call(tool, XS_MKDIR, 0, "/local/domain/3", 16, NULL), 0);
	assert_int_equal(test_call(tool, XS_SET_PERMS, 0, "/local/domain/3\0n3", 19, NULL), 0);
	conn_free(tool);
}

static void store_again(void)
{
	assert_int_equal(store_load(&quota_defaults, &world_ops, NULL, world->log,
		world->log_len, &store), 0);
	store_resume(store);
	assert_int_equal(state_start(store, &world_sink, NULL), 0);
}

/* --- the guest ------------------------------------------------------------ */

enum { TX_NONE, TX_BEGIN, TX_IN, TX_END };

#define TEXT(s) (s), sizeof(s)
static char big[] = "big\0vvvvvvvv";

static const struct step {
	uint32_t type;
	int tx;
	const char *body;
	size_t len; /* 0: the big value */
} script[] = {
	{ XS_READ, TX_NONE, TEXT("none") },
	{ XS_WATCH, TX_NONE, TEXT("data\0token") },
	{ XS_WRITE, TX_NONE, TEXT("data/a\0one") },
	{ XS_WRITE, TX_NONE, TEXT("data/b\0two") },
	{ XS_WATCH, TX_NONE, TEXT("data/b\0more") },
	{ XS_WRITE, TX_NONE, big, 0 },
	{ XS_READ, TX_NONE, TEXT("big") },
	{ XS_TRANSACTION_START, TX_BEGIN, TEXT("") },
	{ XS_READ, TX_IN, TEXT("data/a") },
	{ XS_WRITE, TX_IN, TEXT("data/c\0three") },
	{ XS_RM, TX_IN, TEXT("data/a") },
	{ XS_TRANSACTION_END, TX_END, TEXT("T") },
	{ XS_DIRECTORY, TX_NONE, TEXT("data") },
	{ XS_UNWATCH, TX_NONE, TEXT("data/b\0more") },
	{ XS_WRITE, TX_NONE, TEXT("data/b\0four") },
	{ XS_SET_PERMS, TX_NONE, TEXT("data/b\0n3\0r0") },
	{ XS_GET_PERMS, TX_NONE, TEXT("data/b") },
	{ XS_RM, TX_NONE, TEXT("data") },
	{ XS_RESET_WATCHES, TX_NONE, TEXT("") },
	{ XS_WRITE, TX_NONE, TEXT("data/end\0five") },
	{ XS_DIRECTORY, TX_NONE, TEXT("/local/domain/3") },
};

static size_t guest_build(const struct step *step, char *out)
{
	struct xsd_sockmsg header = { .type = step->type, .req_id = world->step, .len = step->len };

	if (step->tx > TX_BEGIN)
		header.tx_id = world->tx;
	if (step->len == 0) {
		header.len = 1900;
		memset(out + sizeof(header), 'v', header.len);
	}
	memcpy(out, &header, sizeof(header));
	memcpy(out + sizeof(header), step->body, step->len ? step->len : 4);
	return sizeof(header) + header.len;
}

static void guest_note(char *text, const void *data, size_t len)
{
	size_t used = strlen(text);
	const char *bytes = data;

	assert_true(used + len + 2 < TEXT_ROOM);
	for (size_t i = 0; i < len; i++)
		text[used++] = bytes[i] ? bytes[i] : '|';
	strcpy(text + used, "\n");
}

/* A transaction that conflicted is begun again: its steps count only once it is through. */
static void guest_take_reply(const struct xsd_sockmsg *header, const char *body)
{
	const struct step *step = &script[world->step];

	assert_int_equal(header->req_id, world->step);
	if (step->tx == TX_END && header->type == XS_ERROR) {
		assert_string_equal(body, "EAGAIN");
		world->retries++;
		while (script[world->step].tx != TX_BEGIN)
			world->step--;
		world->sent = 0;
		return;
	}
	if (step->tx == TX_BEGIN)
		world->tx = strtoul(body, NULL, 10);
	else if (step->tx == TX_NONE || step->tx == TX_END)
		guest_note(world->replies, body, header->len);
	world->step++;
	world->sent = 0;
}

static void guest_receive(void)
{
	struct xsd_sockmsg header;
	struct xenstore_domain_interface *page = &world->page;

	while (page->rsp_cons != page->rsp_prod) {
		world->message[world->received++] = page->rsp[MASK_XENSTORE_IDX(page->rsp_cons++)];
		if (world->received < sizeof(header))
			continue;
		memcpy(&header, world->message, sizeof(header));
		assert_true(header.len <= XENSTORE_PAYLOAD_MAX);
		if (world->received < sizeof(header) + header.len)
			continue;
		world->received = 0;
		if (header.type == XS_WATCH_EVENT)
			guest_note(world->events, world->message + sizeof(header), header.len);
		else
			guest_take_reply(&header, world->message + sizeof(header));
	}
}

static void guest_send(void)
{
	char out[sizeof(world->message)];
	struct xenstore_domain_interface *page = &world->page;
	size_t len = guest_build(&script[world->step], out);

	while (world->sent < len && page->req_prod - page->req_cons < XENSTORE_RING_SIZE)
		page->req[MASK_XENSTORE_IDX(page->req_prod++)] = out[world->sent++];
}

static void guest_run(void)
{
	ring_run(&ring);
	guest_receive();
	for (unsigned turn = 0; world->step < ARRAY_SIZE(script); turn++) {
		/* A byte was lost: both wait for the other. */
		assert_true(turn < 10 * ARRAY_SIZE(script));
		guest_send();
		ring_run(&ring);
		guest_receive();
	}
}

/* --- what is the same in the end ------------------------------------------- */

static void dump_node(struct node *node, void *opaque)
{
	FILE *to = opaque;

	fprintf(to, "%s = %.*s (", node->path, (int)node->value_len, (char *)node->value);
	for (unsigned i = 0; i < node->perm_count; i++)
		fprintf(to, "%u:%u ", node->perms[i].domid, node->perms[i].access);
	fputs(") ", to);
	if (node->children_len)
		fwrite(node->children, 1, node->children_len, to);
	fputc('\n', to);
}

static char *dump(void)
{
	const struct account *account = &store->accounts[GUEST];
	char *text;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	tree_walk(&store->tree, dump_node, to);
	fprintf(to, "%lu %lu %lu %lu\n", account->nodes, account->watches,
		account->transactions, account->memory);
	fclose(to);
	for (size_t i = 0; i < len; i++)
		if (!text[i])
			text[i] = '|';
	return text;
}

static void world_begin(unsigned kill_at, bool before)
{
	memset(world, 0, offsetof(struct world, log));
	memset(&world->log_len, 0, sizeof(*world) - offsetof(struct world, log_len));
	world->page.req_prod = world->page.req_cons = 0u - 700;
	world->page.rsp_prod = world->page.rsp_cons = 0u - 300;
	world->kill_at = kill_at;
	world->kill_before = before;
}

static void world_end(void)
{
	assert_int_equal(store_check(store), 0);
	store_free(store);
}

/* Run the whole script with one death on the way; false: it was not reached. */
static bool run_and_die(unsigned kill_at, bool before)
{
	int status;
	pid_t pid;

	world_begin(kill_at, before);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		store_begin();
		guest_run();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 0)
		return false;
	assert_int_equal(WEXITSTATUS(status), 7);
	world->kill_at = 0;
	store_again();
	guest_run();
	return true;
}

static void the_guest_notices_nothing(void **state)
{
	static char replies[TEXT_ROOM], events[TEXT_ROOM];
	unsigned deaths = 0, retries = 0, first;
	char *tree;

	world_begin(0, false);
	store_begin();
	first = world->groups; /* before that nobody was there to notice */
	guest_run();
	assert_int_equal(world->retries, 0);
	strcpy(replies, world->replies);
	strcpy(events, world->events);
	assert_non_null(strstr(events, "data/c|token"));
	tree = dump();
	world_end();
	for (int before = 0; before < 2; before++)
		for (unsigned at = first + 1; run_and_die(at, before); at++) {
			char *now = dump();

			assert_string_equal(world->replies, replies);
			assert_string_equal(world->events, events);
			assert_string_equal(now, tree);
			free(now);
			world_end();
			deaths++;
			retries += world->retries;
		}
	free(tree);
	assert_true(deaths > 2 * ARRAY_SIZE(script));
	assert_true(retries > 0);
}

/* A log that grows is replaced, and still holds all. */
static void a_long_log_is_replaced(void **state)
{
	char request[512], *before, *after;
	struct conn *tool;
	size_t most = 0;

	world_begin(0, false);
	store_begin();
	tool = conn_new(store, 0);
	for (int i = 0; i < 20000; i++) {
		int len = snprintf(request, sizeof(request), "/n/%u%c%0200u", i % 100, 0, i);

		assert_int_equal(test_call(tool, XS_WRITE, 0, request, len, NULL), 0);
		if (world->log_len > most)
			most = world->log_len;
	}
	conn_free(tool);
	assert_true(most < 2u << 20);
	before = dump();
	world_end();
	store_again();
	after = dump();
	assert_string_equal(before, after);
	world_end();
	free(before);
	free(after);
}

/* The generation goes on, so that a listing in parts notices that it is another one. */
static void generations_do_not_come_back(void **state)
{
	uint64_t generation;

	world_begin(0, false);
	store_begin();
	generation = store->tree.generation;
	assert_int_equal(tree_find(&store->tree, "/local/domain/3")->generation, generation);
	world_end();
	store_again();
	assert_int_equal(tree_find(&store->tree, "/local/domain/3")->generation, generation);
	assert_true(store->tree.generation > generation);
	world_end();
}

/* A ring that was given up stays so until the guest asks. */
static void a_failed_ring_stays_failed(void **state)
{
	world_begin(0, false);
	store_begin();
	world->page.req_prod = world->page.req_cons + XENSTORE_RING_SIZE + 1;
	ring_run(&ring);
	assert_int_equal(world->page.error, XENSTORE_ERROR_RINGIDX);
	world_end();
	world->page.error = 0;
	store_again();
	assert_int_equal(world->page.error, XENSTORE_ERROR_RINGIDX);
	assert_int_equal(ring_run(&ring), 0);
	world->page.connection = XENSTORE_RECONNECT;
	ring_run(&ring);
	guest_run();
	world_end();
}

/* --- when it cannot be kept ------------------------------------------------ */

static struct {
	int error;
	unsigned lost, replaced;
} weak;

static int weak_append(void *opaque, const void *data, size_t len)
{
	return weak.error;
}

static int weak_replace(void *opaque, const void *data, size_t len)
{
	weak.replaced += weak.error == 0;
	return weak.error;
}

static void weak_lose(void *opaque)
{
	weak.lost++;
}

static const struct state_sink weak_sink = { weak_append, weak_replace, weak_lose };

static void an_old_state_is_given_up(void **state)
{
	struct store *s = test_store();
	struct conn *tool = conn_new(s, 0);

	weak.error = -ENOSPC;
	assert_int_equal(state_start(s, &weak_sink, NULL), -ENOSPC);
	assert_int_equal(weak.lost, 0);
	weak.error = 0;
	assert_int_equal(state_start(s, &weak_sink, NULL), 0);
	weak.error = -ENOSPC;
	for (int i = 0; i < 10; i++)
		assert_int_equal(test_call(tool, XS_WRITE, 0, "/a\0b", 4, NULL), 0);
	assert_int_equal(weak.lost, 1);
	assert_int_equal(weak.replaced, 1);
	/* It is kept again once there is room. */
	weak.error = 0;
	for (int i = 0; i < 600; i++)
		assert_int_equal(test_call(tool, XS_WRITE, 0, "/a\0b", 4, NULL), 0);
	assert_int_equal(weak.lost, 1);
	assert_int_equal(weak.replaced, 2);
	conn_free(tool);
	store_free(s);
}

static int setup(void **state)
{
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		-1, 0);
	return world == MAP_FAILED ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_guest_notices_nothing),
		cmocka_unit_test(a_long_log_is_replaced),
		cmocka_unit_test(generations_do_not_come_back),
		cmocka_unit_test(a_failed_ring_stays_failed),
		cmocka_unit_test(an_old_state_is_given_up),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}

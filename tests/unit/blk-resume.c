// SPDX-License-Identifier: MIT
/*
 * A successor on a ring whose backend was killed: for every point between two stores of the
 * predecessor's, with every kind of nonsense in its journal, and when requests are what kills.
 */
#include "config.h"
#include "tests/unit/blk-rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "common/array.h"

#define DEVICE "backend/vbd/7/51712"
#define FIRST_ID 0x100u
#define REQUESTS 3u

static struct mem_driver mem;
static struct rig rig;
static struct journal *journal;
static struct journal_queue jq;
static struct journal_ring identity;
static int fd = -1;
static unsigned steps_done;

/* --- the predecessor, store by store: the order that journal.h lays down --- */

static uint8_t *ring_slot_of(uint32_t index)
{
	return rig.ring.page + RING_HEADER_SIZE + (index & (rig.ring.nr - 1)) * rig.ring.slot_size;
}

static uint32_t *ring_rsp_prod(void)
{
	return (uint32_t *)rig.ring.page + 2;
}

struct step {
	enum { SLOT, REQ_INDEX, ATTEMPTS, TAKEN, RSP_INDEX, STATUS, ANSWERED, PUT, PUBLISH, FREE } what;
	unsigned entry;
	uint32_t value;
};

static void do_step(const struct step *s)
{
	struct journal_entry *e = &jq.entry[s->entry];
	struct blkif_rsp rsp = { .id = FIRST_ID + s->entry, .operation = BLKIF_OP_WRITE,
		.status = BLKIF_RSP_ERROR };

	switch (s->what) {
	case SLOT:
		memcpy(e->slot, ring_slot_of(s->entry), rig.ring.slot_size);
		break;
	case REQ_INDEX:
		e->req_index = s->value;
		break;
	case ATTEMPTS:
		e->attempts = s->value;
		break;
	case TAKEN:
		e->state = JOURNAL_TAKEN;
		break;
	case RSP_INDEX:
		e->rsp_index = s->value;
		break;
	case STATUS:
		e->status = BLKIF_RSP_ERROR; /* as a replay would never answer it */
		break;
	case ANSWERED:
		e->state = JOURNAL_ANSWERED;
		break;
	case PUT:
		blkif_encode_rsp(BLKIF_ABI_NATIVE, &rsp, ring_slot_of(s->value));
		break;
	case PUBLISH:
		*ring_rsp_prod() = s->value;
		break;
	case FREE:
		e->state = JOURNAL_FREE;
		break;
	}
}

#define TAKE(i) { SLOT, i, 0 }, { REQ_INDEX, i, i }, { ATTEMPTS, i, 0 }, { TAKEN, i, 0 }
#define ANSWER(i, at) { RSP_INDEX, i, at }, { STATUS, i, 0 }, { ANSWERED, i, 0 }, { PUT, i, at }
/* All taken; 1 and 0 answered with one publication, then 2; out of order, as storage is. */
static const struct step life[] = {
	TAKE(0), TAKE(1), TAKE(2), ANSWER(1, 0), ANSWER(0, 1), { PUBLISH, 0, 2 }, { FREE, 1, 0 },
	{ FREE, 0, 0 }, ANSWER(2, 2), { PUBLISH, 0, 3 }, { FREE, 2, 0 },
};

/* Whether the answer was recorded before it died: then it stands, and storage is left alone. */
static bool was_recorded(unsigned request)
{
	for (unsigned i = 0; i < steps_done; i++)
		if (life[i].what == ANSWERED && life[i].entry == request)
			return true;
	return false;
}

static void put_requests(void)
{
	for (unsigned i = 0; i < REQUESTS; i++) {
		struct blkif_req req = rig_request(&rig, BLKIF_OP_WRITE, i * 8, 1);

		req.id = FIRST_ID + i;
		req.seg[0].gref = RIG_DATA_GREF + i;
		memset(rig.data[i], 'a' + i, 4096);
		rig_put(&rig, &req);
	}
	(void)ring_front_push(&rig.ring);
}

static void open_journal(struct journal **j)
{
	char where[32];

	snprintf(where, sizeof(where), "fd:%d", dup(fd));
	assert_int_equal(journal_open(where, DEVICE, FAKE_FRONTEND, j), 0);
}

static void begin_life(void)
{
	static const uint64_t storage[2];
	struct journal *mine = NULL;

	identity = (struct journal_ring){ .entries = rig.ring.nr, .slot_size = rig.ring.slot_size,
		.abi = BLKIF_ABI_NATIVE, .local_port = 99, .remote_port = FAKE_REMOTE_PORT,
		.ring_refs = 1, .ring_ref = { RIG_RING_GREF } };
	open_journal(&mine);
	journal_reset(mine, storage);
	assert_int_equal(journal_begin(mine, 0, &identity, &jq), 0);
	journal = mine;
}

/* Killed: the mapping goes, the file stays as it is. */
static void end_life(void)
{
	journal_close(journal);
	journal = NULL;
	open_journal(&rig.shared.journal);
	journal = rig.shared.journal;
}

static void live_to_step(struct rig *r)
{
	put_requests();
	begin_life();
	for (unsigned i = 0; i < steps_done; i++)
		do_step(&life[i]);
	end_life();
}

static void take_all(void)
{
	for (unsigned i = 0; i < REQUESTS; i++)
		journal_take(&jq, i, i, ring_slot_of(i), rig.ring.slot_size);
}

/* --- the successor --- */

static void start(void (*predecessor)(struct rig *r))
{
	struct rig_options o = { .driver = &mem_driver, .driver_state = &mem,
		.predecessor = predecessor };

	rig_start(&rig, &o);
}

static void expect_refused(void (*predecessor)(struct rig *r), const char *part)
{
	char why[256] = "";
	struct rig_options o = { .driver = &mem_driver, .driver_state = &mem,
		.predecessor = predecessor, .refused = why };

	rig_start(&rig, &o);
	if (!strstr(why, part))
		fail_msg("it says: %s", why);
	assert_int_equal(mem.submitted, 0);
	assert_int_equal(fake_counts().mapped, 0);
	assert_int_equal(fake_counts().bound, 0);
}

static void stop(void)
{
	assert_null(rig_stop(&rig));
}

static bool disk_has(unsigned i)
{
	return mem.disk[i * 4096] == 'a' + i && mem.disk[i * 4096 + 4095] == 'a' + i;
}

static int setup(void **state)
{
	fake_reset();
	mem_driver_init(&mem);
	journal = NULL;
	fd = memfd_create("journal", MFD_CLOEXEC);
	return fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	journal_close(journal);
	mem_driver_fini(&mem);
	close(fd);
	return 0;
}

/* --- killed anywhere --- */

static void expect_each_answered_once(void)
{
	unsigned seen[REQUESTS] = { 0 }, replayed = 0;

	for (unsigned i = 0; i < REQUESTS; i++) {
		struct blkif_rsp rsp = rig_get(&rig);
		unsigned n = rsp.id - FIRST_ID;

		assert_true(n < REQUESTS);
		assert_int_equal(seen[n]++, 0);
		assert_int_equal(rsp.operation, BLKIF_OP_WRITE);
		assert_int_equal(rsp.status, was_recorded(n) ? BLKIF_RSP_ERROR : BLKIF_RSP_OKAY);
		assert_int_equal(disk_has(n), !was_recorded(n));
		replayed += !was_recorded(n);
	}
	assert_int_equal(mem_get(&mem.submitted), replayed);
	assert_int_equal(ring_front_pending(&rig.ring), 0);
}

static void killed_between_any_two_stores(void **state)
{
	for (steps_done = 0; steps_done <= ARRAY_SIZE(life); steps_done++) {
		struct blkif_req more;

		if (steps_done)
			(void)setup(state);
		start(live_to_step);
		expect_each_answered_once();
		/* And it goes on: the ring is as it should be. */
		for (unsigned i = 0; i < 3 * rig.ring.nr; i++) {
			more = rig_request(&rig, BLKIF_OP_READ, 0, 1);
			assert_int_equal(rig_do(&rig, &more), BLKIF_RSP_OKAY);
		}
		stop();
		(void)teardown(state);
	}
	(void)setup(state);
}

static void publish_and_die(struct rig *r)
{
	steps_done = ARRAY_SIZE(life);
	live_to_step(r);
}

static void a_frontend_that_was_not_told_is_told(void **state)
{
	start(publish_and_die);
	/* Nothing is owed: the event is for the answers that lie there. */
	assert_true(fake_wait_event(5000));
	stop();
}

/* --- requests that kill --- */

static uint8_t attempts;

static void die_with_attempts(struct rig *r)
{
	put_requests();
	begin_life();
	take_all();
	jq.entry[1].attempts = attempts;
	end_life();
}

static void three_strikes(void **state)
{
	attempts = 2; /* the first backend and two successors */
	start(die_with_attempts);
	for (unsigned i = 0; i < REQUESTS; i++) {
		struct blkif_rsp rsp = rig_get(&rig);

		assert_int_equal(rsp.status, rsp.id == FIRST_ID + 1 ? BLKIF_RSP_ERROR : BLKIF_RSP_OKAY);
	}
	assert_int_equal(mem_get(&mem.submitted), 2);
	assert_false(disk_has(1));
	stop();
}

static void absurd_attempts(void **state)
{
	attempts = 255;
	start(die_with_attempts);
	for (unsigned i = 0; i < REQUESTS; i++)
		(void)rig_get(&rig);
	assert_int_equal(mem_get(&mem.submitted), 2);
	stop();
}

static void wait_submitted(unsigned n)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	for (int i = 0; i < 5000 && mem_get(&mem.submitted) < n; i++)
		nanosleep(&ms, NULL);
	assert_int_equal(mem_get(&mem.submitted), n);
}

static struct journal_entry read_entry(unsigned i)
{
	struct journal_entry e = { 0 };

	assert_int_equal(pread(fd, &e, sizeof(e), 2 * JOURNAL_PAGE + i * sizeof(e)), sizeof(e));
	return e;
}

/* One that was replayed before runs alone, and is marked before storage sees it. */
static void a_suspect_runs_alone(void **state)
{
	const struct timespec some = { .tv_nsec = 20000000 };

	attempts = 1;
	mem.hold = true;
	start(die_with_attempts);
	wait_submitted(1); /* request 0 */
	nanosleep(&some, NULL);
	assert_int_equal(mem_get(&mem.submitted), 1);
	assert_int_equal(read_entry(0).attempts, 1);
	assert_int_equal(read_entry(1).attempts, 1);
	assert_int_equal(read_entry(2).attempts, 0);
	mem_driver_release(&mem);
	for (unsigned i = 0; i < REQUESTS; i++)
		assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	assert_int_equal(mem.event[2].offset, 4096); /* 0 submitted, done; then 1 */
	assert_false(mem.event[2].done);
	assert_true(mem.event[3].done);
	stop();
}

/* One that waits for the disk's limits when a successor dies, too, did not kill it. */
static void a_request_that_waits_gets_no_strike(void **state)
{
	struct rig_options o = { .driver = &mem_driver, .driver_state = &mem,
		.predecessor = die_with_attempts, .slow_writes = true };

	attempts = 0;
	mem.hold = true;
	rig_start(&rig, &o);
	wait_submitted(1);
	assert_int_equal(read_entry(0).attempts, 1);
	assert_int_equal(read_entry(1).attempts, 0);
	assert_int_equal(read_entry(2).attempts, 0);
	rig_lift_limit(&rig);
	wait_submitted(3);
	assert_int_equal(read_entry(2).attempts, 1);
	mem_driver_release(&mem);
	for (unsigned i = 0; i < REQUESTS; i++)
		assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	stop();
}

/* As when another queue of the device cannot start: the guest is told to connect again. */
static void a_connection_that_is_given_up_replays_nothing(void **state)
{
	struct rig_options o = { .driver = &mem_driver, .driver_state = &mem,
		.predecessor = die_with_attempts, .given_up = true };

	attempts = 0;
	rig_start(&rig, &o);
	stop();
	assert_int_equal(mem.submitted, 0);
	assert_int_equal(ring_front_pending(&rig.ring), 0);
}

/* --- hostile journals --- */

static void (*spoil)(void);

static void die_spoiled(struct rig *r)
{
	put_requests();
	begin_life();
	take_all();
	spoil();
	end_life();
}

static void spoil_ref(void) { jq.ring->ring_ref[0]++; }
static void spoil_refs(void) { jq.ring->ring_refs = 2; }
static void spoil_port(void) { jq.ring->remote_port++; }
static void spoil_abi(void) { jq.ring->abi = BLKIF_ABI_X86_32; }
static void spoil_entries(void) { jq.ring->entries *= 2; }
static void spoil_slot_size(void) { jq.ring->slot_size -= 4; }
static void spoil_inactive(void) { jq.ring->active = 0; }

static void another_ring(void **state)
{
	static void (*const all[])(void) = { spoil_ref, spoil_refs, spoil_port, spoil_abi,
		spoil_entries, spoil_slot_size, spoil_inactive };

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		if (i)
			(void)setup(state);
		spoil = all[i];
		expect_refused(die_spoiled, "not about ring 0");
		(void)teardown(state);
	}
	(void)setup(state);
}

static void spoil_twice(void) { jq.entry[2].req_index = 1; }
static void spoil_future(void) { jq.entry[2].req_index = 3; }
static void spoil_state(void) { jq.entry[2].state = 9; }

static void spoil_gap(void)
{
	journal_answer(&jq, 0, 0, BLKIF_RSP_OKAY);
	journal_answer(&jq, 1, 2, BLKIF_RSP_OKAY);
}

static void spoil_same_answer(void)
{
	journal_answer(&jq, 0, 0, BLKIF_RSP_OKAY);
	journal_answer(&jq, 1, 0, BLKIF_RSP_OKAY);
}

static void entries_that_contradict_each_other(void **state)
{
	static void (*const all[])(void) = { spoil_twice, spoil_future, spoil_state, spoil_gap,
		spoil_same_answer };

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		if (i)
			(void)setup(state);
		spoil = all[i];
		expect_refused(die_spoiled, "its journal is no use");
		(void)teardown(state);
	}
	(void)setup(state);
}

static void spoil_status(void) { journal_answer(&jq, 0, 0, 77); }

static void an_answer_that_is_none(void **state)
{
	spoil = spoil_status;
	expect_refused(die_spoiled, "cannot be gone on with");
}

/* Slots are checked like those of a ring: beyond the disk, of no operation, all ones. */
static void spoil_slots(void)
{
	struct blkif_req req = rig_request(&rig, BLKIF_OP_WRITE, RIG_SECTORS, 1);

	blkif_encode(BLKIF_ABI_NATIVE, &req, jq.entry[0].slot);
	memset(jq.entry[1].slot, 0x7e, sizeof(jq.entry[1].slot));
	memset(jq.entry[2].slot, 0xff, sizeof(jq.entry[2].slot));
}

static void garbage_slots(void **state)
{
	spoil = spoil_slots;
	start(die_spoiled);
	for (unsigned i = 0; i < REQUESTS; i++)
		assert_int_not_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	assert_int_equal(mem_get(&mem.submitted), 0);
	stop();
}

static void spoil_rsp_prod(void) { *ring_rsp_prod() = 1000; }

/* The frontend moved the published index: its ring is broken, and nobody else's concern. */
static void a_forged_response_index(void **state)
{
	char *failure;

	spoil = spoil_rsp_prod;
	start(die_spoiled);
	rig_wait_ended(&rig);
	failure = rig_stop(&rig);
	assert_non_null(failure);
	free(failure);
}

/* A successor that finds fewer in flight than there are takes some from the ring twice. */
static void what_was_not_answered_stays_owed(void **state)
{
	char *failure;

	attempts = 0;
	mem.hold = true;
	start(die_with_attempts);
	wait_submitted(REQUESTS);
	*(uint32_t *)rig.ring.page = 1000;
	fake_notify();
	mem_driver_release(&mem);
	rig_wait_ended(&rig);
	failure = rig_stop(&rig);
	assert_non_null(failure);
	free(failure);
	for (unsigned i = 0; i < REQUESTS; i++)
		assert_int_equal(read_entry(i).state, JOURNAL_TAKEN);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(killed_between_any_two_stores),
		T(a_frontend_that_was_not_told_is_told),
		T(three_strikes),
		T(absurd_attempts),
		T(a_suspect_runs_alone),
		T(a_request_that_waits_gets_no_strike),
		T(a_connection_that_is_given_up_replays_nothing),
		T(another_ring),
		T(entries_that_contradict_each_other),
		T(an_answer_that_is_none),
		T(garbage_slots),
		T(a_forged_response_index),
		T(what_was_not_answered_stays_owed),
	};

	return cmocka_run_group_tests_name("blk-resume", tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/* The in-flight journal: what a successor finds at each point where its predecessor may die. */
#include "config.h"
#include "backends/common/journal-read.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define DEVICE "backend/vbd/7/51712"
#define DOMID 7u
#define NR 32u

static int fd = -1;
static struct journal *journal;
static struct journal_queue jq;
static const struct journal_ring ring = { .entries = NR, .slot_size = 112, .ring_refs = 1 };
static char why[200];

static int setup(void **state)
{
	char where[32];

	fd = memfd_create("journal", MFD_CLOEXEC);
	snprintf(where, sizeof(where), "fd:%d", dup(fd));
	if (fd < 0 || journal_open(where, DEVICE, DOMID, &journal) < 0)
		return -1;
	return journal_begin(journal, 0, &ring, &jq);
}

static int teardown(void **state)
{
	journal_close(journal);
	close(fd);
	return 0;
}

static void take(unsigned entry, uint32_t req_index, uint8_t mark)
{
	uint8_t slot[112];

	memset(slot, mark, sizeof(slot));
	journal_take(&jq, entry, req_index, slot, sizeof(slot));
}

static struct journal_image *load(void)
{
	struct journal_image *image = NULL;

	assert_int_equal(journal_read_file(fd, DEVICE, DOMID, &image, why, sizeof(why)), 0);
	return image;
}

/* Who is owed an answer: the slots' first bytes, as a string. */
static void expect_pending(uint32_t rsp_prod, const char *marks, uint32_t req_cons)
{
	struct journal_image *image = load();
	const struct journal_entry *pending[NR];
	uint32_t cons = 0;
	int n = journal_image_pending(
		image, 0, rsp_prod, pending, NR, &cons, why, sizeof(why));

	assert_int_equal(n, strlen(marks));
	for (int i = 0; i < n; i++)
		assert_int_equal(pending[i]->slot[0], marks[i]);
	assert_int_equal(cons, req_cons);
	journal_image_free(image);
}

static void expect_rejected(uint32_t rsp_prod)
{
	struct journal_image *image = load();
	const struct journal_entry *pending[NR];
	uint32_t cons;

	assert_int_equal(journal_image_pending(
				 image, 0, rsp_prod, pending, NR, &cons, why, sizeof(why)),
		-EPROTO);
	assert_true(why[0] != '\0');
	journal_image_free(image);
}

static void nothing_taken_nothing_owed(void **state)
{
	expect_pending(100, "", 100);
}

static void taken_is_owed_in_ring_order(void **state)
{
	take(5, 11, 'b');
	take(2, 12, 'c');
	take(9, 10, 'a');
	expect_pending(10, "abc", 13);
}

static void died_after_answer_was_recorded_before_publication(void **state)
{
	take(0, 10, 'a');
	take(1, 11, 'b');
	journal_answer(&jq, 1, 10, 0); /* will be response 10 */
	expect_pending(10, "ab", 12);
}

static void publication_commits(void **state)
{
	take(0, 10, 'a');
	take(1, 11, 'b');
	journal_answer(&jq, 1, 10, 0);
	/* rsp_prod is 11 in the ring now; it died before journal_commit() */
	expect_pending(11, "a", 12);
	journal_commit(&jq, 1);
	expect_pending(11, "a", 12);
}

static void an_entry_is_used_again(void **state)
{
	for (uint32_t i = 0; i < 3 * NR; i++) {
		take(i % NR, i, 'x');
		journal_answer(&jq, i % NR, i, 0);
		journal_commit(&jq, i % NR);
	}
	take(3, 3 * NR, 'y');
	expect_pending(3 * NR, "y", 3 * NR + 1);
}

/* A slow request stays while the ring goes round many times. */
static void a_request_much_older_than_the_ring(void **state)
{
	take(0, 10, 'a');
	take(1, 5000, 'b');
	expect_pending(4999, "ab", 5001);
}

static void indices_wrap(void **state)
{
	take(0, 0xffffffff, 'a');
	take(1, 0, 'b');
	take(2, 1, 'c');
	journal_answer(&jq, 2, 0xffffffff, 0);
	expect_pending(0xffffffff, "abc", 2);
	expect_pending(0, "ab", 2);
}

static void end_of_the_connection_leaves_nothing(void **state)
{
	struct journal_image *image;

	take(0, 1, 'a');
	journal_end(&jq);
	image = load();
	assert_null(journal_image_ring(image, 0));
	journal_image_free(image);
}

static void sections_are_separate(void **state)
{
	struct journal_queue other;
	struct journal_image *image;
	uint8_t slot[112] = { 'z' };

	assert_int_equal(journal_begin(journal, 7, &ring, &other), 0);
	journal_take(&other, 31, 4, slot, sizeof(slot));
	expect_pending(0, "", 0);
	image = load();
	assert_non_null(journal_image_ring(image, 7));
	assert_null(journal_image_ring(image, 8));
	assert_null(journal_image_ring(image, 1000));
	journal_image_free(image);
}

static void without_a_journal_nothing_is_done(void **state)
{
	struct journal_queue none;
	uint8_t slot[112] = { 0 };

	assert_int_equal(journal_begin(NULL, 0, &ring, &none), 0);
	journal_take(&none, 0, 0, slot, sizeof(slot));
	journal_answer(&none, 0, 0, 0);
	journal_commit(&none, 0);
	journal_end(&none);
	journal_note_flush_error(NULL, -EIO);
}

static void a_failed_flush_outlives_the_backend(void **state)
{
	struct journal_image *image;

	journal_note_flush_error(journal, -EIO);
	image = load();
	assert_int_equal(journal_image_flush_error(image), -EIO);
	journal_image_free(image);
}

static void reopen(const char *device, uint32_t domid)
{
	char where[32];

	journal_close(journal);
	journal = NULL;
	snprintf(where, sizeof(where), "fd:%d", dup(fd));
	assert_int_equal(journal_open(where, device, domid, &journal), 0);
}

static void a_successor_takes_a_failed_flush_over(void **state)
{
	assert_int_equal(journal_flush_error(journal), 0);
	journal_note_flush_error(journal, -ENOSPC);
	for (unsigned i = 0; i < 3; i++) {
		reopen(DEVICE, DOMID);
		assert_int_equal(journal_flush_error(journal), -ENOSPC);
	}
	reopen(DEVICE, DOMID + 1); /* a file that was left behind */
	assert_int_equal(journal_flush_error(journal), 0);
}

/* Opening writes nothing over what is there, so no moment to be killed in loses it. */
static void what_a_predecessor_left_stays(void **state)
{
	static const uint64_t storage[2] = { 5, 6 };

	journal_reset(journal, storage);
	assert_int_equal(journal_begin(journal, 0, &ring, &jq), 0);
	take(3, 10, 'a');
	journal_note_flush_error(journal, -EIO);
	for (unsigned i = 0; i < 3; i++) {
		reopen(DEVICE, DOMID);
		assert_non_null(journal_predecessor(journal));
		assert_memory_equal(journal_image_storage(journal_predecessor(journal)), storage,
			sizeof(storage));
		expect_pending(10, "a", 11);
	}
	journal_reset(journal, storage);
	assert_null(journal_predecessor(journal));
	reopen(DEVICE, DOMID);
	assert_null(journal_image_ring(journal_predecessor(journal), 0));
	assert_int_equal(journal_flush_error(journal), -EIO);
}

static void a_failed_flush_survives_nonsense_behind_it(void **state)
{
	uint32_t absurd = 1u << 31;

	journal_note_flush_error(journal, -EIO);
	assert_int_equal(pwrite(fd, &absurd, sizeof(absurd),
				 JOURNAL_PAGE + offsetof(struct journal_ring, entries)), sizeof(absurd));
	reopen(DEVICE, DOMID);
	assert_null(journal_predecessor(journal));
	assert_int_equal(journal_flush_error(journal), -EIO);
	assert_int_equal(ftruncate(fd, JOURNAL_PAGE), 0);
	reopen(DEVICE, DOMID);
	assert_int_equal(journal_flush_error(journal), -EIO);
}

static void an_adopted_section_goes_on(void **state)
{
	take(0, 10, 'a');
	reopen(DEVICE, DOMID);
	assert_int_equal(journal_adopt(journal, 1, 7, &jq), -EINVAL); /* there was none */
	assert_int_equal(journal_adopt(journal, 0, 7, &jq), 0);
	journal_settle(journal);
	journal_retry(&jq, 0, 2);
	assert_int_equal(jq.entry[0].attempts, 2);
	take(1, 11, 'b');
	expect_pending(10, "ab", 12);
	journal_answer(&jq, 0, 10, 0);
	journal_commit(&jq, 0);
	expect_pending(11, "b", 12);
}

/* --- opening --- */

/* In a file that is all holes a read is enough to be killed by, where its file system is full. */
static void what_each_connection_looks_at_has_its_room(void **state)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_blocks * 512 >= (1 + JOURNAL_MAX_QUEUES) * JOURNAL_PAGE);
}

static void two_writers_are_refused(void **state)
{
	struct journal *second = NULL;
	char where[64];

	snprintf(where, sizeof(where), "/proc/self/fd/%d", fd);
	/* A second open file description of the same file. */
	int again = open(where, O_RDWR);

	assert_true(again >= 0);
	snprintf(where, sizeof(where), "fd:%d", again);
	assert_int_equal(journal_open(where, DEVICE, DOMID, &second), -EBUSY);
}

static void bad_places_are_refused(void **state)
{
	static const char *const bad[] = { "fd:", "fd:x", "fd:-1", "fd:1x", "fd:99999999" };
	struct journal *j = NULL;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(journal_open(bad[i], DEVICE, DOMID, &j), -EINVAL);
	assert_int_equal(journal_open("fd:98765", DEVICE, DOMID, &j), -EBADF);
	assert_int_equal(journal_open("/nonexistent/journal", DEVICE, DOMID, &j), -ENOENT);
	assert_int_equal(journal_open("/dev/null", DEVICE, DOMID, &j), -EINVAL);
}

static void sizes_that_do_not_fit_are_refused(void **state)
{
	struct journal_ring bad = ring;
	struct journal_queue q;

	bad.entries = JOURNAL_MAX_ENTRIES + 1;
	assert_int_equal(journal_begin(journal, 0, &bad, &q), -EINVAL);
	bad = ring;
	bad.slot_size = JOURNAL_SLOT_MAX + 1;
	assert_int_equal(journal_begin(journal, 0, &bad, &q), -EINVAL);
	assert_int_equal(journal_begin(journal, JOURNAL_MAX_QUEUES, &ring, &q), -EINVAL);
}

/* --- hostile input --- */

static struct journal_header *header(uint8_t *map)
{
	return (struct journal_header *)map;
}

static uint8_t *map_file(void)
{
	uint8_t *map = mmap(NULL, journal_file_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_true(map != MAP_FAILED);
	return map;
}

static void expect_unreadable(int error)
{
	struct journal_image *image = NULL;

	assert_int_equal(journal_read_file(fd, DEVICE, DOMID, &image, why, sizeof(why)), error);
	assert_null(image);
	assert_true(why[0] != '\0');
}

static void hostile_empty_file(void **state)
{
	assert_int_equal(ftruncate(fd, 0), 0);
	expect_unreadable(-ENODATA);
}

static void hostile_short_file(void **state)
{
	assert_int_equal(ftruncate(fd, journal_file_size() - 1), 0);
	expect_unreadable(-EPROTO);
}

static void hostile_header(void **state)
{
	uint8_t *map = map_file();
	struct journal_header good = *header(map);

	header(map)->magic++;
	expect_unreadable(-EPROTO);
	*header(map) = good;
	header(map)->version++;
	expect_unreadable(-EPROTO);
	*header(map) = good;
	header(map)->entry_size = 0;
	expect_unreadable(-EPROTO);
	*header(map) = good;
	header(map)->max_entries = 1u << 31;
	expect_unreadable(-EPROTO);
	*header(map) = good;
	header(map)->frontend_domid = 8;
	expect_unreadable(-EPROTO);
	*header(map) = good;
	header(map)->flush_error = 5;
	expect_unreadable(-EPROTO);
	*header(map) = good;
	memset(header(map)->device, 'x', sizeof(good.device)); /* no NUL */
	expect_unreadable(-EPROTO);
	munmap(map, journal_file_size());
}

static void hostile_ring(void **state)
{
	static const struct journal_ring bad[] = {
		{ .active = 1, .entries = 0, .slot_size = 112, .ring_refs = 1 },
		{ .active = 1, .entries = 33, .slot_size = 112, .ring_refs = 1 },
		{ .active = 1, .entries = 1024, .slot_size = 112, .ring_refs = 1 },
		{ .active = 1, .entries = 32, .slot_size = 113, .ring_refs = 1 },
		{ .active = 1, .entries = 32, .slot_size = 112, .ring_refs = 17 },
		{ .active = 1, .entries = 32, .slot_size = 112, .ring_refs = 0 },
		{ .active = 2, .entries = 32, .slot_size = 112, .ring_refs = 1 },
	};
	uint8_t *map = map_file();

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(map + JOURNAL_PAGE, &bad[i], sizeof(bad[i]));
		expect_unreadable(-EPROTO);
	}
	munmap(map, journal_file_size());
}

static void hostile_entry_state(void **state)
{
	take(0, 0, 'a');
	jq.entry[0].state = 3;
	expect_rejected(0);
}

static void hostile_two_entries_of_one_request(void **state)
{
	take(0, 5, 'a');
	take(1, 5, 'b');
	expect_rejected(5);
}

static void hostile_request_that_was_not_taken_yet(void **state)
{
	take(0, 77, 'a');
	expect_rejected(5); /* the ring's next is 6 */
}

static void hostile_response_index_far_ahead_or_behind(void **state)
{
	take(0, 5, 'a');
	journal_answer(&jq, 0, 5 + NR, 0);
	expect_rejected(5);
	journal_answer(&jq, 0, 5 - NR - 1, 0);
	expect_rejected(5);
}

static void hostile_answers_with_a_gap_or_twice(void **state)
{
	take(0, 5, 'a');
	take(1, 6, 'b');
	journal_answer(&jq, 0, 5, 0);
	journal_answer(&jq, 1, 7, 0);
	expect_rejected(5);
	journal_answer(&jq, 1, 5, 0);
	expect_rejected(5);
	journal_answer(&jq, 1, 6, 0);
	expect_pending(5, "ab", 7);
}

static void hostile_bytes_never_crash(void **state)
{
	uint8_t *map = map_file();
	unsigned seed = 1;

	for (int round = 0; round < 200; round++) {
		const struct journal_entry *pending[NR];
		struct journal_image *image = load();
		uint32_t cons;
		int n;

		for (unsigned i = 0; i < NR * sizeof(struct journal_entry); i += 1 + rand_r(&seed) % 40)
			map[2 * JOURNAL_PAGE + i] = rand_r(&seed);
		journal_image_free(image);
		image = load();
		n = journal_image_pending(image, 0, rand_r(&seed), pending, NR, &cons, why,
			sizeof(why));
		assert_true(n == -EPROTO || (n >= 0 && n <= (int)NR));
		journal_image_free(image);
	}
	munmap(map, journal_file_size());
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_taken_nothing_owed),
		T(taken_is_owed_in_ring_order),
		T(died_after_answer_was_recorded_before_publication),
		T(publication_commits),
		T(an_entry_is_used_again),
		T(a_request_much_older_than_the_ring),
		T(indices_wrap),
		T(end_of_the_connection_leaves_nothing),
		T(sections_are_separate),
		T(without_a_journal_nothing_is_done),
		T(a_failed_flush_outlives_the_backend),
		T(a_successor_takes_a_failed_flush_over),
		T(what_a_predecessor_left_stays),
		T(a_failed_flush_survives_nonsense_behind_it),
		T(an_adopted_section_goes_on),
		T(what_each_connection_looks_at_has_its_room),
		T(two_writers_are_refused),
		T(bad_places_are_refused),
		T(sizes_that_do_not_fit_are_refused),
		T(hostile_empty_file),
		T(hostile_short_file),
		T(hostile_header),
		T(hostile_ring),
		T(hostile_entry_state),
		T(hostile_two_entries_of_one_request),
		T(hostile_request_that_was_not_taken_yet),
		T(hostile_response_index_far_ahead_or_behind),
		T(hostile_answers_with_a_gap_or_twice),
		T(hostile_bytes_never_crash),
	};

	return cmocka_run_group_tests_name("blk-journal", tests, NULL, NULL);
}

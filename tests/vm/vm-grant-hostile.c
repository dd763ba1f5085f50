// SPDX-License-Identifier: MIT
/*
 * A process domain that speaks the wire protocol itself and tries everything with the
 * descriptors that it gets: it reaches what is granted to it at that moment and no more.
 * All memory of the guest that is not granted holds MARKER.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "hypervisor/process/client.h"
#include "tests/vm/vm-harness.h"

#define RW GTF_permit_access
#define RO (GTF_permit_access | GTF_readonly)
#define REF 16u
#define MAPPER 2u
#define MARKER 0x5a5a5a5a5a5a5a5aull
#define NEIGHBOURS 64u /* pages from GUEST_DATA on; the granted one is in their middle */
#define GRANTED (GUEST_DATA + NEIGHBOURS / 2 * PAGE)

static struct hv_world world;
static struct guest g;

/* One mapped page, and what came with it. */
struct loot {
	int conn;
	int fd;
	uint32_t id, page;
	uint64_t *addr; /* mapped, with the rights that were asked for */
};

static int start(void **state)
{
	guest_start(&g, &world, 1);
	guest_grants_init(&g, 1);
	memset(g.ram + GUEST_DATA, 0x5a, GUEST_RAM - GUEST_DATA);
	memset(g.ram + GRANTED, 0x11, PAGE);
	return 0;
}

static int stop(void **state)
{
	guest_destroy(&g);
	return 0;
}

static int connect_as(uint32_t domid)
{
	int fd;

	hv_enter(&world, domid);
	fd = hvclient_open(NULL);
	assert_true(fd >= 0);
	return fd;
}

static int wire_map(int conn, uint32_t domid, uint32_t ref, bool readonly, struct loot *loot)
{
	struct wire_map req = { .head.op = WIRE_MAP, .readonly = readonly, .count = 1,
		.refs[0] = { .domid = domid, .ref = ref } };
	struct wire_map_reply reply;
	int fds[8];
	unsigned nfds = 8;
	ssize_t n = hvclient_call(conn, &req,
		offsetof(struct wire_map, refs) + sizeof(req.refs[0]), &reply, sizeof(reply), fds,
		&nfds);

	if (n < 0)
		return n;
	assert_int_equal(nfds, 1);
	*loot = (struct loot){ .conn = conn, .fd = fds[0], .id = reply.id,
		.page = reply.pages[0].page };
	loot->addr = mmap(NULL, PAGE, readonly ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED,
		loot->fd, (off_t)loot->page * PAGE);
	assert_true(loot->addr != MAP_FAILED);
	return 0;
}

static int wire_unmap(struct loot *loot)
{
	struct wire_id req = { .head.op = WIRE_UNMAP, .id = loot->id };
	struct wire_reply reply;
	ssize_t n = hvclient_call(
		loot->conn, &req, sizeof(req), &reply, sizeof(reply), NULL, NULL);

	return n < 0 ? (int)n : 0;
}

static void loot_drop(struct loot *loot)
{
	munmap(loot->addr, PAGE);
	close(loot->fd);
}

static void loot_take(struct loot *loot, unsigned flags)
{
	guest_grant(&g, REF, 1, GRANTED, MAPPER, flags);
	assert_int_equal(
		wire_map(connect_as(MAPPER), g.domid, REF, flags & GTF_readonly, loot), 0);
	assert_int_equal(loot->addr[0], 0x1111111111111111);
}

/* All that a descriptor shows, by mapping and by reading: not one marker. */
static void no_marker_in(int fd)
{
	struct stat st;
	uint64_t word;
	uint64_t *all;

	assert_int_equal(fstat(fd, &st), 0);
	all = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(all != MAP_FAILED);
	for (off_t i = 0; i < st.st_size / 8; i++)
		if (all[i] == MARKER)
			fail_msg("a page that is not granted is at offset 0x%lx", (long)i * 8);
	munmap(all, st.st_size);
	for (off_t at = 0; at < st.st_size + 64 * (off_t)PAGE; at += PAGE)
		if (pread(fd, &word, 8, at) == 8)
			assert_int_not_equal(word, MARKER);
}

static sigjmp_buf fault_jump;

static void on_fault(int sig)
{
	siglongjmp(fault_jump, sig);
}

/* Reads a word; false where that is a fault. */
static bool peek(const volatile uint64_t *at, uint64_t *word)
{
	struct sigaction old[2], act = { .sa_handler = on_fault };
	volatile bool ok = false;

	sigaction(SIGBUS, &act, &old[0]);
	sigaction(SIGSEGV, &act, &old[1]);
	if (sigsetjmp(fault_jump, 1) == 0) {
		*word = *at;
		ok = true;
	}
	sigaction(SIGBUS, &old[0], NULL);
	sigaction(SIGSEGV, &old[1], NULL);
	return ok;
}

static void test_descriptor_shows_granted_pages_only(void **state)
{
	struct loot loot;

	loot_take(&loot, RW);
	no_marker_in(loot.fd);
	loot_drop(&loot);
	close(loot.conn);
}

static void test_readonly_descriptor_shows_granted_pages_only(void **state)
{
	struct loot loot;

	loot_take(&loot, RO);
	no_marker_in(loot.fd);
	loot_drop(&loot);
	close(loot.conn);
}

static void test_mapping_grows_into_nothing(void **state)
{
	const size_t large = 4096ul * PAGE;
	struct loot loot;
	uint64_t *grown, *far, word;

	loot_take(&loot, RW);
	grown = mremap(loot.addr, PAGE, large, MREMAP_MAYMOVE);
	if (grown != MAP_FAILED) {
		for (size_t i = 0; i < large / 8; i += PAGE / 8)
			if (peek(&grown[i], &word))
				assert_int_not_equal(word, MARKER);
		munmap(grown, large);
	}
	far = mmap(NULL, large, PROT_READ, MAP_SHARED, loot.fd, 1ll << 30);
	if (far != MAP_FAILED) {
		assert_false(peek(far, &word));
		munmap(far, large);
	}
	close(loot.fd);
	close(loot.conn);
}

static void test_reopened_descriptor_shows_no_more(void **state)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	struct loot loot;
	char path[64];

	loot_take(&loot, RO);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", loot.fd);
	(void)fchmod(loot.fd, 0777);
	for (unsigned i = 0; i < 3; i++) {
		int fd = open(path, modes[i]);

		if (fd < 0)
			continue;
		if (modes[i] != O_WRONLY)
			no_marker_in(fd);
		assert_true(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
				    (off_t)loot.page * PAGE) == MAP_FAILED);
		assert_int_equal(pwrite(fd, "x", 1, (off_t)loot.page * PAGE), -1);
		close(fd);
	}
	assert_int_equal(guest_read(&g, GRANTED, 8), 0x1111111111111111);
	loot_drop(&loot);
	close(loot.conn);
}

static void test_readonly_page_is_written_by_no_means(void **state)
{
	struct loot loot;
	off_t at;

	loot_take(&loot, RO);
	at = (off_t)loot.page * PAGE;
	assert_int_equal(mprotect(loot.addr, PAGE, PROT_READ | PROT_WRITE), -1);
	assert_true(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, loot.fd, at) == MAP_FAILED);
	assert_true(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, loot.fd, at) == MAP_FAILED);
	assert_int_equal(pwrite(loot.fd, "x", 1, at), -1);
	assert_int_equal(ftruncate(loot.fd, 0), -1);
	assert_int_equal(
		fallocate(loot.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, PAGE), -1);
	assert_int_equal(fallocate(loot.fd, FALLOC_FL_ZERO_RANGE, at, PAGE), -1);
	assert_int_equal(madvise(loot.addr, PAGE, MADV_REMOVE), -1);
	assert_int_equal(guest_read(&g, GRANTED, 8), 0x1111111111111111);
	assert_int_equal(guest_read(&g, GRANTED + PAGE - 8, 8), 0x1111111111111111);
	/* To ask for it writable is refused, not a page that cannot be written. */
	assert_true(wire_map(loot.conn, g.domid, REF, false, &loot) < 0);
	close(loot.conn);
}

static void test_size_cannot_be_changed(void **state)
{
	struct loot loot;
	struct stat st;

	loot_take(&loot, RW);
	assert_int_equal(fstat(loot.fd, &st), 0);
	assert_int_equal(ftruncate(loot.fd, 0), -1);
	assert_int_equal(ftruncate(loot.fd, st.st_size * 2), -1);
	assert_int_equal(fallocate(loot.fd, 0, st.st_size, PAGE), -1);
	assert_int_equal(guest_read(&g, GRANTED, 8), 0x1111111111111111);
	loot_drop(&loot);
	close(loot.conn);
}

/* It may destroy the content of its own page, as by writing; not the guest or the hypervisor. */
static void test_punched_page_comes_back_as_zeros(void **state)
{
	struct loot loot;

	loot_take(&loot, RW);
	guest_begin(&g, 0, OP_COUNT, GRANTED + 64, 1, 0, 0, 0, 0);
	for (unsigned i = 0; i < 100; i++)
		(void)fallocate(loot.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			(off_t)loot.page * PAGE, PAGE);
	guest_stop_op(&g, 0);
	assert_int_equal(wire_unmap(&loot), 0);
	guest_read(&g, GRANTED, 8);
	assert_int_equal(guest_read(&g, GRANTED - PAGE, 8), MARKER);
	assert_int_equal(guest_read(&g, GRANTED + PAGE, 8), MARKER);
	assert_int_equal(guest_info(&g).lent_pages, 0);
	loot_drop(&loot);
	close(loot.conn);
}

/* Seals that it adds hurt only itself. */
static void test_added_seals_do_no_harm(void **state)
{
	static const int seals[] = { F_SEAL_WRITE, 0x10 /* F_SEAL_FUTURE_WRITE */, F_SEAL_SEAL };
	struct loot loot, second;

	for (unsigned i = 0; i < 3; i++) {
		loot_take(&loot, RW);
		(void)fcntl(loot.fd, F_ADD_SEALS, seals[i]);
		guest_grant(&g, REF + 1, 1, GUEST_DATA, MAPPER, RW);
		if (wire_map(loot.conn, g.domid, REF + 1, true, &second) == 0) {
			assert_int_equal(second.addr[0], MARKER);
			guest_write(&g, GUEST_DATA, 8, 7);
			assert_int_equal(second.addr[0], 7);
			assert_int_equal(wire_unmap(&second), 0);
			loot_drop(&second);
		}
		guest_write(&g, GUEST_DATA, 8, MARKER);
		assert_int_equal(wire_unmap(&loot), 0);
		guest_write(&g, GRANTED, 8, 0x1111111111111111);
		assert_int_equal(*(uint64_t *)(g.ram + GRANTED), 0x1111111111111111);
		assert_int_equal(guest_info(&g).lent_pages, 0);
		loot_drop(&loot);
		close(loot.conn);
	}
}

static void stale_page_is_nobodys(struct loot *loot)
{
	guest_await_grant_idle(&g, REF);
	guest_write(&g, GRANTED, 8, 0x2222);
	assert_int_not_equal(loot->addr[0], 0x2222);
	loot->addr[0] = 0x3333;
	loot->addr[1] = 0x3333;
	assert_int_equal(guest_read(&g, GRANTED, 8), 0x2222);
	assert_int_not_equal(guest_read(&g, GRANTED + 8, 8), 0x3333);
	no_marker_in(loot->fd);
}

static void test_page_is_stale_after_unmap(void **state)
{
	struct loot loot;

	loot_take(&loot, RW);
	assert_int_equal(wire_unmap(&loot), 0);
	stale_page_is_nobodys(&loot);
	loot_drop(&loot);
	close(loot.conn);
}

static void test_page_is_stale_after_the_connection(void **state)
{
	struct loot loot;

	loot_take(&loot, RW);
	close(loot.conn);
	stale_page_is_nobodys(&loot);
	loot_drop(&loot);
}

/* What is kept of an earlier mapping does not show what another has mapped since. */
static void test_stale_page_shows_nothing_of_later_mappings(void **state)
{
	struct loot loot, later[8];

	loot_take(&loot, RW);
	close(loot.conn);
	guest_await_grant_idle(&g, REF);
	for (unsigned i = 0; i < 8; i++) {
		guest_grant(&g, REF + 1 + i, 1, GUEST_DATA + i * PAGE, 3, RW);
		assert_int_equal(wire_map(connect_as(3), g.domid, REF + 1 + i, false, &later[i]), 0);
		assert_int_equal(later[i].addr[0], MARKER);
	}
	assert_int_not_equal(loot.addr[0], MARKER);
	no_marker_in(loot.fd);
	for (unsigned i = 0; i < 8; i++) {
		loot_drop(&later[i]);
		close(later[i].conn);
	}
	loot_drop(&loot);
}

/* Two connections of one domain at the same time: each has its own. */
static void test_connections_share_no_memory(void **state)
{
	struct loot loot, other;

	loot_take(&loot, RW);
	guest_grant(&g, REF + 1, 1, GUEST_DATA, 3, RW);
	assert_int_equal(wire_map(connect_as(3), g.domid, REF + 1, false, &other), 0);
	assert_int_equal(other.addr[0], MARKER);
	no_marker_in(loot.fd);
	loot_drop(&other);
	close(other.conn);
	loot_drop(&loot);
	close(loot.conn);
}

/* Read-only and writable pages of one connection: the writable descriptor shows no other. */
static void test_rights_share_no_memory(void **state)
{
	struct loot loot, other;
	struct stat st;
	uint64_t *all;

	loot_take(&loot, RW);
	guest_grant(&g, REF + 1, 1, GUEST_DATA, MAPPER, RO);
	assert_int_equal(wire_map(loot.conn, g.domid, REF + 1, true, &other), 0);
	assert_int_equal(other.addr[0], MARKER);
	assert_int_equal(fstat(loot.fd, &st), 0);
	all = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, loot.fd, 0);
	assert_true(all != MAP_FAILED);
	memset(all, 0, st.st_size);
	assert_int_equal(guest_read(&g, GUEST_DATA, 8), MARKER);
	munmap(all, st.st_size);
	loot_drop(&other);
	loot_drop(&loot);
	close(loot.conn);
}

static void test_what_is_not_granted_is_not_mapped(void **state)
{
	int conn = connect_as(MAPPER);
	struct loot loot;

	guest_grant(&g, REF, 1, GRANTED, 3, RW);
	assert_true(wire_map(conn, g.domid, REF, true, &loot) < 0);
	guest_grant(&g, REF, 1, GRANTED, MAPPER, 0);
	assert_true(wire_map(conn, g.domid, REF, true, &loot) < 0);
	guest_grant(&g, REF, 1, GRANTED, MAPPER, GTF_accept_transfer);
	assert_true(wire_map(conn, g.domid, REF, true, &loot) < 0);
	guest_grant(&g, REF, 1, GRANTED, MAPPER, RW | GTF_sub_page);
	(void)wire_map(conn, g.domid, REF + 1, true, &loot);
	assert_true(wire_map(conn, g.domid, 511, true, &loot) < 0);
	assert_true(wire_map(conn, g.domid, 1u << 31, true, &loot) < 0);
	assert_true(wire_map(conn, g.domid, UINT32_MAX, true, &loot) < 0);
	assert_true(wire_map(conn, 4999, REF, true, &loot) < 0);
	assert_int_equal(guest_info(&g).lent_pages, 0);
	close(conn);
}

/* The entry's frame changes while it is mapped: what was pinned counts. */
static void test_entry_is_changed_while_mapped(void **state)
{
	struct loot loot;

	loot_take(&loot, RW);
	guest_write(&g, GUEST_GRANT_TABLE + REF * 8 + 4, 4, (GUEST_DATA >> 12) + 1);
	guest_write(&g, GUEST_GRANT_TABLE + REF * 8, 2, 0);
	loot.addr[0] = 0x7777;
	assert_int_equal(guest_read(&g, GRANTED, 8), 0x7777);
	assert_int_equal(guest_read(&g, GUEST_DATA + PAGE, 8), MARKER);
	no_marker_in(loot.fd);
	assert_int_equal(wire_unmap(&loot), 0);
	assert_int_equal(guest_read(&g, GRANTED, 8), 0x7777);
	assert_int_equal(guest_info(&g).lent_pages, 0);
	loot_drop(&loot);
	close(loot.conn);
}

/* One frame under two references, mapped twice by one connection: it comes back once. */
static void test_one_frame_mapped_twice(void **state)
{
	struct loot first, second;

	loot_take(&first, RW);
	guest_grant(&g, REF + 1, 1, GRANTED, MAPPER, RW);
	assert_int_equal(wire_map(first.conn, g.domid, REF + 1, false, &second), 0);
	first.addr[3] = 99;
	assert_int_equal(second.addr[3], 99);
	assert_int_equal(wire_unmap(&first), 0);
	second.addr[4] = 100;
	assert_int_equal(guest_read(&g, GRANTED + 32, 8), 100);
	assert_int_equal(wire_unmap(&second), 0);
	assert_int_equal(wire_unmap(&second), -EINVAL);
	assert_int_equal(guest_read(&g, GRANTED + 32, 8), 100);
	assert_int_equal(guest_info(&g).lent_pages, 0);
	loot_drop(&first);
	loot_drop(&second);
	close(first.conn);
}

int main(int argc, char **argv)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest tests[] = {
		CASE(test_descriptor_shows_granted_pages_only),
		CASE(test_readonly_descriptor_shows_granted_pages_only),
		CASE(test_mapping_grows_into_nothing),
		CASE(test_reopened_descriptor_shows_no_more),
		CASE(test_readonly_page_is_written_by_no_means),
		CASE(test_size_cannot_be_changed),
		CASE(test_punched_page_comes_back_as_zeros),
		CASE(test_added_seals_do_no_harm),
		CASE(test_page_is_stale_after_unmap),
		CASE(test_page_is_stale_after_the_connection),
		CASE(test_stale_page_shows_nothing_of_later_mappings),
		CASE(test_connections_share_no_memory),
		CASE(test_rights_share_no_memory),
		CASE(test_what_is_not_granted_is_not_mapped),
		CASE(test_entry_is_changed_while_mapped),
		CASE(test_one_frame_mapped_twice),
	};

	vm_world_start(&world, argv);
	return vm_world_stop(&world, cmocka_run_group_tests(tests, NULL, NULL));
}

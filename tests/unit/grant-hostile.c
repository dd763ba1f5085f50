// SPDX-License-Identifier: MIT
/* What a domain tries in order to get at pages that it was not granted. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "tests/unit/hv-handles.h"
#include "hypervisor/process/client.h"
#include "hypervisor/process/restrict.h"

#define PAGE 4096u

static struct hv_world world;

static void test_partial_failure_maps_nothing(void **state)
{
	xengntshr_handle *s = hv_shr(&world, 1);
	xengnttab_handle *t = hv_tab(&world, 2);
	struct hvctl_domain_info info[8];
	uint32_t refs[200];
	char *mine = xengntshr_share_pages(s, 2, 200, refs, 1);

	assert_non_null(mine);
	refs[199] = 60000;
	assert_null(xengnttab_map_domain_grant_refs(t, 200, 1, refs, PROT_READ | PROT_WRITE));
	assert_int_equal(errno, EINVAL);
	assert_true(hvctl_domain_list(world.ctl, info, 8) >= 4);
	assert_int_equal(info[2].domid, 2);
	assert_int_equal(info[2].mapped_pages, 0);
	xengntshr_close(s);
	xengnttab_close(t);
}

static void test_max_grants(void **state)
{
	xengntshr_handle *s = hv_shr(&world, 1);
	xengnttab_handle *t = hv_tab(&world, 2);
	uint32_t refs[3];
	char *mine = xengntshr_share_pages(s, 2, 3, refs, 1);
	void *map;

	assert_non_null(mine);
	assert_int_equal(xengnttab_set_max_grants(t, 2), 0);
	map = xengnttab_map_domain_grant_refs(t, 2, 1, refs, PROT_READ);
	assert_non_null(map);
	assert_null(xengnttab_map_grant_ref(t, 1, refs[2], PROT_READ));
	assert_int_equal(xengnttab_unmap(t, map, 2), 0);
	assert_non_null(xengnttab_map_grant_ref(t, 1, refs[2], PROT_READ));
	xengntshr_close(s);
	xengnttab_close(t);
}

static void test_wrong_domain_cannot_map(void **state)
{
	xengntshr_handle *s = hv_shr(&world, 1);
	xengnttab_handle *t = hv_tab(&world, 3);
	uint32_t ref;

	assert_non_null(xengntshr_share_pages(s, 2, 1, &ref, 1));
	assert_null(xengnttab_map_grant_ref(t, 1, ref, PROT_READ));
	assert_null(xengnttab_map_grant_ref(t, 2, ref, PROT_READ));
	assert_null(xengnttab_map_grant_ref(t, 77, ref, PROT_READ));
	xengntshr_close(s);
	xengnttab_close(t);
}

static void test_revoked_ref_cannot_be_mapped(void **state)
{
	xengntshr_handle *s = hv_shr(&world, 1);
	xengnttab_handle *t = hv_tab(&world, 2);
	uint32_t refs[2];
	char *mine = xengntshr_share_pages(s, 2, 2, refs, 1);
	void *map = xengnttab_map_grant_ref(t, 1, refs[0], PROT_READ);

	assert_non_null(mine);
	assert_non_null(map);
	assert_int_equal(xengntshr_unshare(s, mine, 2), 0);
	assert_null(xengnttab_map_grant_ref(t, 1, refs[1], PROT_READ));
	/* Nor again while the first mapping keeps it pinned. */
	assert_null(xengnttab_map_grant_ref(t, 1, refs[0], PROT_READ));
	assert_null(xengnttab_map_grant_ref(t, 1, refs[0], PROT_READ | PROT_WRITE));
	xengntshr_close(s);
	xengnttab_close(t);
}

static void test_readonly_ref_mapped_writable(void **state)
{
	xengntshr_handle *s = hv_shr(&world, 1);
	xengnttab_handle *t = hv_tab(&world, 2);
	uint32_t ref;
	char *mine = xengntshr_share_pages(s, 2, 1, &ref, 0);
	char *map;

	assert_non_null(mine);
	assert_null(xengnttab_map_grant_ref(t, 1, ref, PROT_READ | PROT_WRITE));
	map = xengnttab_map_grant_ref(t, 1, ref, PROT_READ);
	assert_non_null(map);
	/* The grantor itself still writes. */
	strcpy(mine, "read only there");
	assert_string_equal(map, "read only there");
	assert_int_equal(mprotect(map, PAGE, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(errno, EACCES);
	xengntshr_close(s);
	xengnttab_close(t);
}

/* Maps @ref by hand to get at the descriptor that the library closes. */
static int raw_map(uint32_t domid, uint32_t ref, bool readonly, int *memfd)
{
	struct wire_map req = { .head.op = WIRE_MAP, .readonly = readonly, .count = 1 };
	struct wire_map_reply reply;
	int fd = hvclient_open(NULL);
	unsigned nfds = 1;

	assert_true(fd >= 0);
	req.refs[0] = (struct wire_ref){ .domid = domid, .ref = ref };
	assert_true(hvclient_call(fd, &req, offsetof(struct wire_map, refs[1]), &reply,
			    sizeof(reply), memfd, &nfds) > 0);
	assert_int_equal(nfds, 1);
	return fd;
}

static void test_readonly_descriptor_stays_readonly(void **state)
{
	xengntshr_handle *s = hv_shr(&world, 1);
	uint32_t ref;
	char *mine = xengntshr_share_pages(s, 2, 1, &ref, 0);
	char path[64];
	int memfd, conn, again;

	assert_non_null(mine);
	hv_enter(&world, 2);
	conn = raw_map(1, ref, true, &memfd);
	assert_ptr_equal(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, memfd, 0), MAP_FAILED);
	assert_int_equal(write(memfd, "x", 1), -1);
	assert_int_equal(ftruncate(memfd, 0), -1);
	assert_int_equal(fallocate(memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE), -1);
	/* Root gets through the mode of the file, but not through its seal. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd);
	again = open(path, O_RDWR);
	if (again >= 0) {
		assert_ptr_equal(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, again, 0), MAP_FAILED);
		assert_int_equal(write(again, "x", 1), -1);
		close(again);
	}
	assert_int_equal(mine[0], 0);
	close(memfd);
	close(conn);
	xengntshr_close(s);
}

static void test_writable_memory_cannot_shrink(void **state)
{
	xengntshr_handle *s = hv_shr(&world, 1);
	uint32_t ref;
	char *mine = xengntshr_share_pages(s, 2, 1, &ref, 1);
	int memfd, conn;

	assert_non_null(mine);
	hv_enter(&world, 2);
	conn = raw_map(1, ref, false, &memfd);
	assert_int_equal(ftruncate(memfd, 0), -1);
	assert_int_equal(ftruncate(memfd, 2 * PAGE), -1);
	assert_int_equal(fcntl(memfd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
	close(memfd);
	close(conn);
	xengntshr_close(s);
}

static void test_stale_mapping_sees_nothing_new(void **state)
{
	xengntshr_handle *s = hv_shr(&world, 1);
	uint32_t ref, again;
	char *mine = xengntshr_share_pages(s, 2, 1, &ref, 1);
	char *stale, *new;
	int memfd, conn;

	assert_non_null(mine);
	strcpy(mine, "old");
	hv_enter(&world, 2);
	conn = raw_map(1, ref, false, &memfd);
	stale = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	assert_true(stale != MAP_FAILED);
	/* A mapper that says it unmapped, and did not. */
	close(conn);
	assert_int_equal(xengntshr_unshare(s, mine, 1), 0);
	for (int i = 0; i < 50; i++) {
		new = xengntshr_share_pages(s, 3, 1, &again, 1);
		assert_non_null(new);
		assert_int_equal(new[0], 0);
		strcpy(new, "secret");
		assert_string_equal(stale, "old");
		strcpy(stale, "old");
		assert_string_equal(new, "secret");
	}
	munmap(stale, PAGE);
	close(memfd);
	xengntshr_close(s);
}

static void test_ref_is_not_reused_while_mapped(void **state)
{
	xengntshr_handle *s = hv_shr(&world, 1);
	xengnttab_handle *t = hv_tab(&world, 2);
	uint32_t ref, again;
	char *mine = xengntshr_share_pages(s, 2, 1, &ref, 1);
	void *map = xengnttab_map_grant_ref(t, 1, ref, PROT_READ);

	assert_non_null(map);
	assert_int_equal(xengntshr_unshare(s, mine, 1), 0);
	mine = xengntshr_share_pages(s, 2, 1, &again, 1);
	assert_non_null(mine);
	assert_int_not_equal(again, ref);
	assert_int_equal(xengntshr_unshare(s, mine, 1), 0);
	assert_int_equal(xengnttab_unmap(t, map, 1), 0);
	assert_non_null(xengntshr_share_pages(s, 2, 1, &again, 1));
	assert_int_equal(again, ref);
	xengntshr_close(s);
	xengnttab_close(t);
}

static void test_page_quota(void **state)
{
	struct hvctl_domain_config config = { .domid = 9, .max_pages = 10 };
	xengntshr_handle *s;
	uint32_t refs[11], domid;
	void *mine;

	assert_int_equal(hv_domain_add(&world, &config, "9", &domid), 0);
	s = hv_shr(&world, 9);
	assert_null(xengntshr_share_pages(s, 1, 11, refs, 1));
	assert_int_equal(errno, ENOSPC);
	mine = xengntshr_share_pages(s, 1, 10, refs, 1);
	assert_non_null(mine);
	assert_null(xengntshr_share_pages(s, 1, 1, refs + 10, 1));
	assert_int_equal(xengntshr_unshare(s, mine, 10), 0);
	assert_non_null(xengntshr_share_pages(s, 1, 10, refs, 1));
	xengntshr_close(s);
	assert_int_equal(hvctl_domain_destroy(world.ctl, domid), 0);
}

static xengnttab_grant_copy_segment_t from_ref(uint32_t ref, uint16_t offset, void *to, uint16_t len)
{
	return (xengnttab_grant_copy_segment_t){ .flags = GNTCOPY_source_gref, .len = len,
		.source.foreign = { .ref = ref, .offset = offset, .domid = 1 }, .dest.virt = to };
}

static void restricted_ops(uint32_t peer_ref, uint32_t other_ref)
{
	xengnttab_handle *t = xengnttab_open(NULL, 0);
	xengntshr_handle *s = xengntshr_open(NULL, 0);
	xenevtchn_handle *x = xenevtchn_open(NULL, 0);
	char buf[8];
	xengnttab_grant_copy_segment_t segs[2] = { from_ref(peer_ref, 0, buf, 8),
		from_ref(other_ref, 0, buf, 8) };
	uint32_t ref;

	assert_non_null(t);
	assert_non_null(s);
	assert_non_null(x);
	segs[1].source.foreign.domid = 3;
	assert_non_null(xengnttab_map_grant_ref(t, 1, peer_ref, PROT_READ));
	assert_null(xengnttab_map_grant_ref(t, 3, other_ref, PROT_READ));
	assert_int_equal(errno, EACCES);
	assert_int_equal(xengnttab_grant_copy(t, 2, segs), 0);
	assert_int_equal(segs[0].status, GNTST_okay);
	assert_int_equal(segs[1].status, GNTST_permission_denied);
	assert_non_null(xengntshr_share_pages(s, 1, 1, &ref, 1));
	assert_null(xengntshr_share_pages(s, 3, 1, &ref, 1));
	assert_int_equal(errno, EACCES);
	assert_true(xenevtchn_bind_unbound_port(x, 1) > 0);
	assert_int_equal(xenevtchn_bind_unbound_port(x, 3), -1);
	assert_int_equal(errno, EACCES);
	xengnttab_close(t);
	xengntshr_close(s);
	xenevtchn_close(x);
}

static void test_restricted_connection(void **state)
{
	xengntshr_handle *s1 = hv_shr(&world, 1), *s3 = hv_shr(&world, 3);
	uint32_t ref1, ref3;
	char env[32], *path;
	int fd;

	assert_non_null(xengntshr_share_pages(s1, 2, 1, &ref1, 1));
	assert_non_null(xengntshr_share_pages(s3, 2, 1, &ref3, 1));
	hv_enter(&world, 2);
	path = strdup(getenv("SLUICE_HYPERVISOR"));
	fd = hvconn_restricted(path, 1);
	assert_true(fd >= 0);
	snprintf(env, sizeof(env), "fd:%d", fd);
	setenv("SLUICE_HYPERVISOR", env, 1);
	restricted_ops(ref1, ref3);
	/* Nor does a connection made from it get away. */
	assert_int_equal(hvconn_restricted(env, 3), -EACCES);
	/* Other names for one domain are no way out. */
	assert_int_equal(hvconn_restricted(env, 0x7ff0), -EINVAL);
	close(fd);
	free(path);
	xengntshr_close(s1);
	xengntshr_close(s3);
}

static void test_grantor_dies_while_mapped(void **state)
{
	struct hvctl_domain_config config = { .domid = 9 };
	xengnttab_handle *t = hv_tab(&world, 2);
	xengntshr_handle *s;
	uint32_t ref, domid;
	char *mine, *map;

	assert_int_equal(hv_domain_add(&world, &config, "9", &domid), 0);
	s = hv_shr(&world, 9);
	mine = xengntshr_share_pages(s, 2, 1, &ref, 1);
	map = xengnttab_map_grant_ref(t, 9, ref, PROT_READ | PROT_WRITE);
	assert_non_null(map);
	strcpy(mine, "before");
	assert_int_equal(hvctl_domain_destroy(world.ctl, 9), 0);
	assert_string_equal(map, "before");
	xengntshr_close(s);
	/* A new domain of that number has nothing to do with the old mapping. */
	assert_int_equal(hv_domain_add(&world, &config, "9", &domid), 0);
	assert_null(xengnttab_map_grant_ref(t, 9, ref, PROT_READ));
	assert_int_equal(xengnttab_unmap(t, map, 1), 0);
	assert_int_equal(hvctl_domain_destroy(world.ctl, 9), 0);
	xengnttab_close(t);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_partial_failure_maps_nothing),
		cmocka_unit_test(test_max_grants),
		cmocka_unit_test(test_wrong_domain_cannot_map),
		cmocka_unit_test(test_revoked_ref_cannot_be_mapped),
		cmocka_unit_test(test_readonly_ref_mapped_writable),
		cmocka_unit_test(test_readonly_descriptor_stays_readonly),
		cmocka_unit_test(test_writable_memory_cannot_shrink),
		cmocka_unit_test(test_stale_mapping_sees_nothing_new),
		cmocka_unit_test(test_ref_is_not_reused_while_mapped),
		cmocka_unit_test(test_page_quota),
		cmocka_unit_test(test_restricted_connection),
		cmocka_unit_test(test_grantor_dies_while_mapped),
	};
	int failed;

	hv_dropin(argv);
	hv_world_start(&world);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	hv_world_stop(&world);
	return failed;
}

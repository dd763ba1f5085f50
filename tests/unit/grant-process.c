// SPDX-License-Identifier: MIT
/* Grants between process domains, through the public library. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "common/cleanup.h"
#include "common/fdpass.h"
#include "tests/unit/hv-handles.h"
#include "hypervisor/process/client.h"
#include "hypervisor/process/share-client.h"
#include "hypervisor/process/wire.h"

#define PAGE 4096u
#define PATIENCE_MS 10000

static struct hv_world world;

static void test_share_map_both_ways(void **state)
{
	xengntshr_handle *s = hv_shr(&world, 1);
	xengnttab_handle *t = hv_tab(&world, 2);
	uint32_t ref;
	char *mine = xengntshr_share_pages(s, 2, 1, &ref, 1);
	char *theirs;

	assert_non_null(mine);
	assert_true(ref >= 8);
	strcpy(mine, "from the grantor");
	theirs = xengnttab_map_grant_ref(t, 1, ref, PROT_READ | PROT_WRITE);
	assert_non_null(theirs);
	assert_string_equal(theirs, "from the grantor");
	strcpy(theirs, "from the mapper");
	assert_string_equal(mine, "from the mapper");
	assert_int_equal(xengnttab_unmap(t, theirs, 1), 0);
	assert_int_equal(xengntshr_unshare(s, mine, 1), 0);
	xengntshr_close(s);
	xengnttab_close(t);
}

/* More than one message's worth, of two shares, out of order at the seam. */
static void test_many_pages_contiguous(void **state)
{
	enum { N = 300, TWO = 20 };
	xengntshr_handle *s = hv_shr(&world, 1);
	xengnttab_handle *t = hv_tab(&world, 2);
	uint32_t refs[N + TWO], domids[N + TWO];
	uint32_t *one = xengntshr_share_pages(s, 2, N, refs, 1);
	uint32_t *two = xengntshr_share_pages(s, 2, TWO, refs + N, 1);
	uint32_t *map;

	assert_non_null(one);
	assert_non_null(two);
	for (unsigned i = 0; i < N; i++)
		one[i * PAGE / 4] = i;
	for (unsigned i = 0; i < TWO; i++)
		two[i * PAGE / 4] = N + i;
	for (unsigned i = 0; i < N + TWO; i++)
		domids[i] = 1;
	map = xengnttab_map_grant_refs(t, N + TWO, domids, refs, PROT_READ);
	assert_non_null(map);
	for (unsigned i = 0; i < N + TWO; i++)
		assert_int_equal(map[i * PAGE / 4], i);
	/* All at once or not at all, as with Xen's driver. */
	assert_int_equal(xengnttab_unmap(t, map, 5), -1);
	assert_int_equal(xengnttab_unmap(t, map, N + TWO), 0);
	xengntshr_close(s);
	xengnttab_close(t);
}

static void test_partial_unshare(void **state)
{
	xengntshr_handle *s = hv_shr(&world, 1);
	xengnttab_handle *t = hv_tab(&world, 2);
	uint32_t refs[4];
	char *mine = xengntshr_share_pages(s, 2, 4, refs, 1);
	void *map;

	assert_non_null(mine);
	assert_int_equal(xengntshr_unshare(s, mine + PAGE, 2), 0);
	assert_int_equal(xengntshr_unshare(s, mine + PAGE, 1), -1);
	assert_null(xengnttab_map_grant_ref(t, 1, refs[1], PROT_READ));
	map = xengnttab_map_grant_ref(t, 1, refs[3], PROT_READ);
	assert_non_null(map);
	strcpy(mine + 3 * PAGE, "still here");
	assert_string_equal(map, "still here");
	assert_int_equal(xengntshr_unshare(s, mine, 1), 0);
	assert_int_equal(xengntshr_unshare(s, mine + 3 * PAGE, 1), 0);
	xengntshr_close(s);
	xengnttab_close(t);
}

static xengnttab_grant_copy_segment_t from_ref(uint32_t ref, uint16_t offset, void *to, uint16_t len)
{
	return (xengnttab_grant_copy_segment_t){ .flags = GNTCOPY_source_gref, .len = len,
		.source.foreign = { .ref = ref, .offset = offset, .domid = 1 }, .dest.virt = to };
}

static xengnttab_grant_copy_segment_t to_ref(void *from, uint32_t ref, uint16_t offset, uint16_t len)
{
	return (xengnttab_grant_copy_segment_t){ .flags = GNTCOPY_dest_gref, .len = len,
		.dest.foreign = { .ref = ref, .offset = offset, .domid = 1 }, .source.virt = from };
}

static void test_copy_both_ways(void **state)
{
	enum { N = 600 }; /* more than two batches */
	xengntshr_handle *s = hv_shr(&world, 1);
	xengnttab_handle *t = hv_tab(&world, 2);
	static xengnttab_grant_copy_segment_t segs[N];
	static uint32_t refs[N];
	static char out[N][PAGE], in[N][PAGE];
	char *mine = xengntshr_share_pages(s, 2, N, refs, 1);

	assert_non_null(mine);
	for (unsigned i = 0; i < N; i++) {
		memset(out[i], i, PAGE);
		segs[i] = to_ref(out[i], refs[i], 0, PAGE);
	}
	assert_int_equal(xengnttab_grant_copy(t, N, segs), 0);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(segs[i].status, GNTST_okay);
		assert_memory_equal(mine + (size_t)i * PAGE, out[i], PAGE);
		mine[(size_t)i * PAGE + 7] = 'x';
		segs[i] = from_ref(refs[i], 5, in[i], 3);
	}
	assert_int_equal(xengnttab_grant_copy(t, N, segs), 0);
	for (unsigned i = 0; i < N; i++) {
		char want[4] = { i, i, 'x', 0 };

		assert_int_equal(segs[i].status, GNTST_okay);
		assert_memory_equal(in[i], want, 4);
	}
	xengntshr_close(s);
	xengnttab_close(t);
}

/* Of Sluice's library alone: the tests run with that. */
extern void *sluice_gnttab_memory(xengnttab_handle *xgt, size_t *bytes) __attribute__((weak));

/* Buffers that are the library's own: there and back, at both ends of it, side by side with others. */
static void test_copy_in_the_librarys_memory(void **state)
{
	xengntshr_handle *s = hv_shr(&world, 1);
	xengnttab_handle *t = hv_tab(&world, 2);
	char elsewhere[PAGE], *mine, *memory;
	uint32_t refs[2];
	size_t bytes = 0;

	assert_non_null(sluice_gnttab_memory);
	memory = sluice_gnttab_memory(t, &bytes);
	assert_non_null(memory);
	assert_true(bytes >= 1u << 20);
	assert_ptr_equal(sluice_gnttab_memory(t, &bytes), memory);
	mine = xengntshr_share_pages(s, 2, 2, refs, 1);
	assert_non_null(mine);
	memset(mine, 'a', PAGE);
	for (unsigned i = 0; i < 3; i++) {
		char *at = i == 0 ? memory : i == 1 ? memory + 12345 : memory + bytes - PAGE;
		xengnttab_grant_copy_segment_t segs[] = { from_ref(refs[0], 0, at, PAGE),
			from_ref(refs[0], 0, elsewhere, PAGE) };

		mine[7] = (char)('0' + i);
		assert_int_equal(xengnttab_grant_copy(t, 2, segs), 0);
		assert_int_equal(segs[0].status, GNTST_okay);
		assert_memory_equal(at, mine, PAGE);
		assert_memory_equal(elsewhere, mine, PAGE);
		at[9] = 'x';
		segs[0] = to_ref(at, refs[1], 0, PAGE);
		segs[1] = to_ref(elsewhere, refs[0], 100, 10);
		assert_int_equal(xengnttab_grant_copy(t, 2, segs), 0);
		assert_memory_equal(mine + PAGE, at, PAGE);
		assert_int_equal(mine[107], '0' + i);
	}
	xengntshr_close(s);
	xengnttab_close(t);
}

/* --- a hypervisor that was started before the library was installed --- */

/* A staging area without memory of the client's, as it was once. */
struct old_hypervisor {
	int factory, conn;
};

#define OLD_STAGING ((off_t)(offsetof(struct wire_staging, data) + WIRE_COPY_MAX * PAGE))

static void old_answer(struct old_hypervisor *old, const struct wire_head *req)
{
	struct wire_hello_reply reply = { .reply.op = req->op, .version = WIRE_VERSION };
	static struct wire_staging *staging;
	CLEANUP_CLOSE int fd = -1;

	if (req->op == WIRE_COPY) /* done, whatever it was */
		staging->ops[0].status = GNTST_okay;
	if (req->op == WIRE_COPY_SETUP) {
		fd = memfd_create("old", MFD_CLOEXEC);
		(void)!ftruncate(fd, OLD_STAGING);
		staging = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	}
	(void)!fd_send(old->conn, &reply, req->op == WIRE_HELLO ? sizeof(reply) : sizeof(reply.reply),
		fd < 0 ? NULL : &fd, fd >= 0);
}

static void *old_serve(void *opaque)
{
	struct wire_reply reply = { .op = WIRE_CONNECT };
	struct old_hypervisor *old = opaque;
	char req[sizeof(struct wire_map)];
	unsigned none = 0;
	int pair[2];

	if (fd_recv(old->factory, req, sizeof(req), NULL, &none) <= 0 ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return NULL;
	(void)!fd_send(old->factory, &reply, sizeof(reply), &pair[1], 1);
	close(pair[1]);
	old->conn = pair[0];
	while (none = 0, fd_recv(old->conn, req, sizeof(req), NULL, &none) > 0)
		old_answer(old, (const struct wire_head *)(void *)req);
	close(old->conn);
	return NULL;
}

static void old_begin(struct old_hypervisor *old, pthread_t *thread, int *factory)
{
	char text[16];
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	*old = (struct old_hypervisor){ .factory = pair[0] };
	*factory = pair[1];
	snprintf(text, sizeof(text), "fd:%d", pair[1]);
	setenv("SLUICE_HYPERVISOR", text, 1);
	assert_int_equal(pthread_create(thread, NULL, old_serve, old), 0);
}

static void test_an_older_hypervisors_staging(void **state)
{
	xengnttab_grant_copy_segment_t seg;
	struct old_hypervisor old;
	xengnttab_handle *t;
	pthread_t thread;
	char buffer[64];
	size_t bytes;
	int factory;

	old_begin(&old, &thread, &factory);
	t = xengnttab_open(NULL, 0);
	assert_non_null(t);
	assert_null(sluice_gnttab_memory(t, &bytes));
	seg = from_ref(8, 0, buffer, sizeof(buffer));
	assert_int_equal(xengnttab_grant_copy(t, 1, &seg), 0);
	xengnttab_close(t);
	pthread_join(thread, NULL);
	close(factory);
	close(old.factory);
}

static void test_copy_between_grants(void **state)
{
	xengntshr_handle *s = hv_shr(&world, 1);
	xengnttab_handle *t = hv_tab(&world, 2);
	uint32_t refs[2];
	char *mine = xengntshr_share_pages(s, 2, 2, refs, 1);
	xengnttab_grant_copy_segment_t seg = {
		.flags = GNTCOPY_source_gref | GNTCOPY_dest_gref, .len = 6,
		.source.foreign = { .ref = refs[0], .domid = 1 },
		.dest.foreign = { .ref = refs[1], .offset = PAGE - 6, .domid = 1 },
	};

	assert_non_null(mine);
	strcpy(mine, "moved");
	assert_int_equal(xengnttab_grant_copy(t, 1, &seg), 0);
	assert_int_equal(seg.status, GNTST_okay);
	assert_string_equal(mine + 2 * PAGE - 6, "moved");
	xengntshr_close(s);
	xengnttab_close(t);
}

static void test_copy_statuses(void **state)
{
	xengntshr_handle *s = hv_shr(&world, 1);
	xengnttab_handle *t = hv_tab(&world, 2);
	uint32_t ro, rw, not_mine;
	char *mine = xengntshr_share_pages(s, 2, 1, &ro, 0);
	char buf[2 * PAGE] = "unchanged";
	xengnttab_grant_copy_segment_t segs[8];

	assert_non_null(mine);
	assert_non_null(xengntshr_share_pages(s, 2, 1, &rw, 1));
	assert_non_null(xengntshr_share_pages(s, 3, 1, &not_mine, 1));
	segs[0] = from_ref(ro, 0, buf + PAGE, 1);
	segs[1] = to_ref(buf, ro, 0, 1);
	segs[2] = from_ref(70000, 0, buf, 1);
	segs[3] = from_ref(not_mine, 0, buf, 1);
	segs[4] = from_ref(rw, PAGE - 1, buf, 2);
	segs[5] = from_ref(rw, 0, buf, PAGE + 1);
	segs[6] = from_ref(rw, 0, buf, 1);
	segs[6].source.foreign.domid = 77;
	segs[7] = to_ref(buf, rw, PAGE - 1, 1);
	assert_int_equal(xengnttab_grant_copy(t, 8, segs), 0);
	assert_int_equal(segs[0].status, GNTST_okay);
	assert_int_equal(segs[1].status, GNTST_general_error);
	assert_int_equal(segs[2].status, GNTST_bad_gntref);
	assert_int_equal(segs[3].status, GNTST_general_error);
	assert_int_equal(segs[4].status, GNTST_bad_copy_arg);
	assert_int_equal(segs[5].status, GNTST_bad_copy_arg);
	assert_int_equal(segs[6].status, GNTST_bad_domain);
	assert_int_equal(segs[7].status, GNTST_okay);
	assert_string_equal(buf, "unchanged");
	assert_int_equal(mine[0], 0);
	segs[0].flags = 0;
	assert_int_equal(xengnttab_grant_copy(t, 1, segs), -1);
	assert_int_equal(errno, EINVAL);
	xengntshr_close(s);
	xengnttab_close(t);
}

/* A channel from 1 to 2 on which the end in 2 is about to notify. */
struct wake {
	xenevtchn_handle *listener;
	int port;
};

static struct wake wake_make(uint32_t listener, uint32_t notifier)
{
	struct wake w;

	hv_enter(&world, listener);
	w.listener = xenevtchn_open(NULL, 0);
	assert_non_null(w.listener);
	w.port = xenevtchn_bind_unbound_port(w.listener, notifier);
	assert_true(w.port > 0);
	return w;
}

static void wake_expect(struct wake *w)
{
	struct pollfd p = { .fd = xenevtchn_fd(w->listener), .events = POLLIN };

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(xenevtchn_pending(w->listener), w->port);
}

static void test_unmap_notify(void **state)
{
	xengntshr_handle *s = hv_shr(&world, 1);
	xengnttab_handle *t = hv_tab(&world, 2);
	struct wake w = wake_make(1, 2);
	xenevtchn_handle *xce = xenevtchn_open(NULL, 0);
	uint32_t ref;
	char *mine = xengntshr_share_pages(s, 2, 1, &ref, 1);
	int port;
	void *map;

	xenevtchn_close(xce);
	hv_enter(&world, 2);
	xce = xenevtchn_open(NULL, 0);
	port = xenevtchn_bind_interdomain(xce, 1, w.port);
	assert_true(port > 0);
	mine[100] = 7;
	map = xengnttab_map_grant_ref_notify(t, 1, ref, PROT_READ | PROT_WRITE, 100, port);
	assert_non_null(map);
	assert_int_equal(mine[100], 7);
	assert_int_equal(xengnttab_unmap(t, map, 1), 0);
	assert_int_equal(mine[100], 0);
	wake_expect(&w);
	/* A port that is not there, a byte of a page that may not be written. */
	assert_null(xengnttab_map_grant_ref_notify(t, 1, ref, PROT_READ | PROT_WRITE, -1, 999));
	assert_null(xengnttab_map_grant_ref_notify(t, 1, ref, PROT_READ, 0, -1));
	xenevtchn_close(xce);
	xenevtchn_close(w.listener);
	xengntshr_close(s);
	xengnttab_close(t);
}

/* In domain 2: map with notification, say so, wait to be killed. */
static void mapper_to_kill(int ready, uint32_t ref, int remote_port)
{
	xenevtchn_handle *xce;
	xengnttab_handle *t;
	int port;

	hv_enter(&world, 2);
	xce = xenevtchn_open(NULL, 0);
	t = xengnttab_open(NULL, 0);
	if (!xce || !t)
		_exit(1);
	port = xenevtchn_bind_interdomain(xce, 1, remote_port);
	if (xengnttab_map_grant_ref_notify(t, 1, ref, PROT_READ | PROT_WRITE, 5, port) &&
		write(ready, "", 1) == 1)
		for (;;)
			pause();
	_exit(1);
}

static void test_unmap_notify_on_kill(void **state)
{
	xengntshr_handle *s = hv_shr(&world, 1);
	struct wake w = wake_make(1, 2);
	uint32_t ref;
	volatile char *mine = xengntshr_share_pages(s, 2, 1, &ref, 1);
	int ready[2];
	pid_t pid;
	char c;

	mine[5] = 1;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0)
		mapper_to_kill(ready[1], ref, w.port);
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	assert_int_equal(mine[5], 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	wake_expect(&w);
	assert_int_equal(mine[5], 0);
	xenevtchn_close(w.listener);
	xengntshr_close(s);
}

static void test_unshare_notify(void **state)
{
	xengntshr_handle *s = hv_shr(&world, 1);
	xengnttab_handle *t = hv_tab(&world, 2);
	struct wake w = wake_make(2, 1);
	xenevtchn_handle *xce;
	uint32_t ref;
	char *mine, *map;
	int port;

	hv_enter(&world, 1);
	xce = xenevtchn_open(NULL, 0);
	port = xenevtchn_bind_interdomain(xce, 2, w.port);
	assert_true(port > 0);
	mine = xengntshr_share_page_notify(s, 2, &ref, 1, 9, port);
	assert_non_null(mine);
	mine[9] = 1;
	map = xengnttab_map_grant_ref(t, 1, ref, PROT_READ);
	assert_int_equal(map[9], 1);
	/* The events handle goes first: the notification has a hold of its port. */
	xenevtchn_close(xce);
	xengntshr_close(s);
	wake_expect(&w);
	assert_int_equal(map[9], 0);
	xenevtchn_close(w.listener);
	xengnttab_close(t);
}

static void test_reserved_ref_on_request(void **state)
{
	struct hvshare share = { .domid = 2, .pages = 1, .writable = true, .first_ref = 1 };
	struct hvshare twice = share;
	xengnttab_handle *t = hv_tab(&world, 2);
	uint32_t ref;
	int fd;

	hv_enter(&world, 1);
	fd = hvclient_open(NULL);
	assert_true(fd >= 0);
	assert_int_equal(hvshare_make(fd, &share, &ref), 0);
	assert_int_equal(ref, 1);
	assert_int_equal(hvshare_make(fd, &twice, &ref), -EBUSY);
	assert_non_null(xengnttab_map_grant_ref(t, 1, 1, PROT_READ | PROT_WRITE));
	share.first_ref = 8;
	assert_int_equal(hvshare_make(fd, &share, &ref), -EINVAL);
	close(fd);
	xengnttab_close(t);
}

static void test_no_dmabuf(void **state)
{
	xengnttab_handle *t = hv_tab(&world, 2);
	uint32_t ref = 8, fd;

	assert_int_equal(xengnttab_dmabuf_exp_from_refs(t, 1, 0, 1, &ref, &fd), -1);
	assert_int_equal(errno, EOPNOTSUPP);
	assert_int_equal(xengnttab_dmabuf_imp_release(t, 0), -1);
	assert_int_equal(errno, EOPNOTSUPP);
	xengnttab_close(t);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_share_map_both_ways),
		cmocka_unit_test(test_many_pages_contiguous),
		cmocka_unit_test(test_partial_unshare),
		cmocka_unit_test(test_copy_both_ways),
		cmocka_unit_test(test_copy_in_the_librarys_memory),
		cmocka_unit_test(test_an_older_hypervisors_staging),
		cmocka_unit_test(test_copy_between_grants),
		cmocka_unit_test(test_copy_statuses),
		cmocka_unit_test(test_unmap_notify),
		cmocka_unit_test(test_unmap_notify_on_kill),
		cmocka_unit_test(test_unshare_notify),
		cmocka_unit_test(test_reserved_ref_on_request),
		cmocka_unit_test(test_no_dmabuf),
	};
	int failed;

	hv_dropin(argv);
	hv_world_start(&world);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	hv_world_stop(&world);
	return failed;
}

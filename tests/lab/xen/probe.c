/* SPDX-License-Identifier: MIT */
/*
 * What a driver domain's kernel gives a backend in user space, tried for real between two
 * domains of the lab: the facts that sluice-blk is built on. One line per fact, "ok" or "no" ("yes" or "not here" for what
 * it can do without).
 *
 *   probe offer DOMID             in the guest: share pages and an event channel with DOMID
 *   probe take DOMID FILE DEVICE  in the driver domain: try everything on what DOMID shared;
 *                                 FILE is on a file system, DEVICE a block device
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

enum { PAGE = 4096, PAGES = 64, ROUNDS = 64 };

/** struct peer - what the guest shares and the driver domain uses. */
struct peer {
	uint32_t domid;
	uint32_t ref[PAGES];
	unsigned char *pages;
	xengnttab_handle *gnttab;
	xenevtchn_handle *evtchn;
	int port;
	struct io_uring ring;
};

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	printf("probe: cannot go on: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void fact(const char *name, int err)
{
	printf("probe: %s: %s%s%s\n", name, err ? "no" : "ok", err ? ", " : "",
		err ? strerror(err < 0 ? -err : err) : "");
	fflush(stdout);
}

/* What backends use where it is there and do without elsewhere. */
static void may(const char *name, int err)
{
	printf("probe: %s: %s%s\n", name, err ? "not here, " : "yes", err ? strerror(-err) : "");
	fflush(stdout);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

/* Page contents that both sides can compute. */
static void fill(unsigned char *page, unsigned number)
{
	for (unsigned i = 0; i < PAGE; i++)
		page[i] = (unsigned char)(i * 7 + number * 13 + (i >> 8));
}

static int check(const unsigned char *pages, unsigned first, unsigned n)
{
	unsigned char want[PAGE];

	for (unsigned i = 0; i < n; i++) {
		fill(want, first + i);
		if (memcmp(want, pages + i * PAGE, PAGE) != 0)
			return EBADMSG;
	}
	return 0;
}

static int offer(uint32_t domid)
{
	xengntshr_handle *gntshr = xengntshr_open(NULL, 0);
	xenevtchn_handle *evtchn = xenevtchn_open(NULL, 0);
	struct xs_handle *xs = xs_open(0);
	uint32_t ref[PAGES];
	char text[PAGES * 12];
	size_t at;
	int port, events = 0;

	need(gntshr && evtchn && xs, "open");
	unsigned char *pages = xengntshr_share_pages(gntshr, domid, PAGES, ref, 1);
	need(pages, "share_pages");
	for (unsigned i = 0; i < PAGES; i++)
		fill(pages + i * PAGE, i);
	port = xenevtchn_bind_unbound_port(evtchn, domid);
	need(port >= 0, "bind_unbound_port");
	at = (size_t)snprintf(text, sizeof(text), "%d", port);
	for (unsigned i = 0; i < PAGES; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, " %u", ref[i]);
	struct xs_permissions perms[] = { { .id = 0 }, { .id = domid, .perms = XS_PERM_READ } };
	char *self = xs_read(xs, XBT_NULL, "domid", NULL);
	need(self, "domid");
	perms[0].id = (unsigned)atoi(self);
	need(xs_write(xs, XBT_NULL, "data/probe", text, (unsigned)at), "write data/probe");
	need(xs_set_permissions(xs, XBT_NULL, "data/probe", perms, 2), "set_permissions");
	printf("probe: offered\n");
	fflush(stdout);
	/* Echo each event; the last is followed by silence. */
	struct pollfd pfd = { .fd = xenevtchn_fd(evtchn), .events = POLLIN };
	while (poll(&pfd, 1, events ? 20000 : 120000) == 1) {
		int got = xenevtchn_pending(evtchn);
		need(got == port, "pending");
		need(xenevtchn_unmask(evtchn, (unsigned)got) == 0, "unmask");
		need(xenevtchn_notify(evtchn, port) == 0, "notify");
		events++;
	}
	printf("probe: echoed %d events\n", events);
	return events ? 0 : 1;
}

static void connect_peer(struct peer *p)
{
	struct xs_handle *xs = xs_open(0);
	char path[64], *text = NULL;
	int remote, used, n;

	need(xs, "xs_open");
	snprintf(path, sizeof(path), "/local/domain/%u/data/probe", p->domid);
	for (int i = 0; i < 600 && !(text = xs_read(xs, XBT_NULL, path, NULL)); i++)
		usleep(200000);
	need(text && sscanf(text, "%d%n", &remote, &used) == 1, "no offer");
	char *at = text + used;
	for (unsigned i = 0; i < PAGES; i++, at += n)
		need(sscanf(at, "%u%n", &p->ref[i], &n) == 1, "refs");
	p->gnttab = xengnttab_open(NULL, 0);
	p->evtchn = xenevtchn_open(NULL, 0);
	need(p->gnttab && p->evtchn, "open");
	p->port = xenevtchn_bind_interdomain(p->evtchn, p->domid, (unsigned)remote);
	need(p->port >= 0, "bind_interdomain");
	p->pages = xengnttab_map_domain_grant_refs(p->gnttab, PAGES, p->domid, p->ref,
		PROT_READ | PROT_WRITE);
	need(p->pages, "map_domain_grant_refs");
	fact("map 64 grants", check(p->pages, 0, PAGES));
}

/* Submit what is staged and wait; the result of the one completion. */
static int complete(struct peer *p)
{
	struct io_uring_cqe *cqe;
	int res;

	res = io_uring_submit(&p->ring);
	if (res < 0)
		return res;
	struct __kernel_timespec limit = { .tv_sec = 10 };
	res = io_uring_wait_cqe_timeout(&p->ring, &cqe, &limit);
	if (res < 0)
		return res;
	res = cqe->res;
	io_uring_cqe_seen(&p->ring, cqe);
	return res;
}

static int answer_event(struct peer *p)
{
	int port = xenevtchn_pending(p->evtchn);

	if (port != p->port)
		return port < 0 ? errno : EBADMSG;
	return xenevtchn_unmask(p->evtchn, (unsigned)port) ? errno : 0;
}

static void try_events(struct peer *p)
{
	int fd = xenevtchn_fd(p->evtchn), err = 0, res;
	uint32_t port = 0;
	double t;

	io_uring_prep_poll_add(io_uring_get_sqe(&p->ring), fd, POLLIN);
	io_uring_submit(&p->ring);
	/* The first event: a new interdomain binding is born pending. */
	res = complete(p);
	fact("io_uring POLL_ADD on /dev/xen/evtchn", res < 0 ? res : answer_event(p));
	t = now_us();
	for (int i = 0; i < ROUNDS && !err; i++) {
		io_uring_prep_poll_add(io_uring_get_sqe(&p->ring), fd, POLLIN);
		io_uring_submit(&p->ring);
		xenevtchn_notify(p->evtchn, (unsigned)p->port);
		res = complete(p);
		err = res < 0 ? res : answer_event(p);
	}
	fact("64 round trips by POLL_ADD", err);
	if (!err)
		printf("probe: round trip %.0f us\n", (now_us() - t) / ROUNDS);

	io_uring_prep_poll_multishot(io_uring_get_sqe(&p->ring), fd, POLLIN);
	io_uring_submit(&p->ring);
	for (err = 0, res = 0; res < ROUNDS && !err; res++) {
		xenevtchn_notify(p->evtchn, (unsigned)p->port);
		int r = complete(p);
		err = r < 0 ? r : answer_event(p);
	}
	fact("64 round trips by one multishot poll", err);
	io_uring_prep_cancel(io_uring_get_sqe(&p->ring), NULL, IORING_ASYNC_CANCEL_ANY);
	complete(p);
	struct io_uring_cqe *cqe;
	while (io_uring_peek_cqe(&p->ring, &cqe) == 0)
		io_uring_cqe_seen(&p->ring, cqe);

	xenevtchn_notify(p->evtchn, (unsigned)p->port);
	io_uring_prep_read(io_uring_get_sqe(&p->ring), fd, &port, sizeof(port), (__u64)-1);
	res = complete(p);
	fact("io_uring READ on /dev/xen/evtchn", res == sizeof(port) ? 0 : res < 0 ? res : EBADMSG);
	if (res == sizeof(port))
		xenevtchn_unmask(p->evtchn, port);
}

/* Write the granted pages and read them back into granted pages, plain or as registered buffers. */
static int write_read(struct peer *p, const char *path, int flags, bool fixed)
{
	struct iovec iov[PAGES];
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0600), res;

	if (fd < 0)
		return errno;
	for (unsigned i = 0; i < PAGES; i++) {
		fill(p->pages + i * PAGE, i);
		iov[i] = (struct iovec){ p->pages + i * PAGE, PAGE };
	}
	struct io_uring_sqe *sqe = io_uring_get_sqe(&p->ring);
	if (fixed)
		io_uring_prep_write_fixed(sqe, fd, p->pages, PAGES * PAGE, 0, 0);
	else
		io_uring_prep_writev(sqe, fd, iov, PAGES, 0);
	res = complete(p);
	if (res == PAGES * PAGE) {
		memset(p->pages, 0, PAGES * PAGE);
		sqe = io_uring_get_sqe(&p->ring);
		if (fixed)
			io_uring_prep_read_fixed(sqe, fd, p->pages, PAGES * PAGE, 0, 0);
		else
			io_uring_prep_readv(sqe, fd, iov, PAGES, 0);
		res = complete(p);
	}
	close(fd);
	if (res != PAGES * PAGE)
		return res < 0 ? res : EIO;
	return check(p->pages, 0, PAGES);
}

static void try_storage(struct peer *p, const char *file, const char *device)
{
	struct iovec whole = { p->pages, PAGES * PAGE }, page = { p->pages, PAGE };
	int res;

	fact("file, buffered, granted pages as iovec", write_read(p, file, 0, false));
	fact("file, O_DIRECT, granted pages as iovec", write_read(p, file, O_DIRECT, false));
	fact("device, buffered, granted pages as iovec", write_read(p, device, 0, false));
	fact("device, O_DIRECT, granted pages as iovec", write_read(p, device, O_DIRECT, false));
	res = io_uring_register_buffers(&p->ring, &page, 1);
	may("register one granted page", res);
	if (!res)
		io_uring_unregister_buffers(&p->ring);
	res = io_uring_register_buffers(&p->ring, &whole, 1);
	may("register 64 granted pages as one buffer", res);
	if (res)
		return;
	fact("file, buffered, registered granted pages", write_read(p, file, 0, true));
	fact("file, O_DIRECT, registered granted pages", write_read(p, file, O_DIRECT, true));
	fact("device, O_DIRECT, registered granted pages", write_read(p, device, O_DIRECT, true));
	io_uring_unregister_buffers(&p->ring);
}

/* One grant copy of @n segments from (or to) the guest's pages. */
static int copy(struct peer *p, unsigned n, bool to_guest, unsigned char *local)
{
	xengnttab_grant_copy_segment_t seg[4 * PAGES] = { 0 };

	for (unsigned i = 0; i < n; i++) {
		__typeof__(seg[0].source.foreign) guest = { p->ref[i % PAGES], 0, (uint16_t)p->domid };

		seg[i].len = PAGE;
		if (to_guest) {
			seg[i].source.virt = local + i * PAGE;
			seg[i].dest.foreign.ref = guest.ref;
			seg[i].dest.foreign.domid = guest.domid;
			seg[i].flags = GNTCOPY_dest_gref;
		} else {
			seg[i].source.foreign = guest;
			seg[i].dest.virt = local + i * PAGE;
			seg[i].flags = GNTCOPY_source_gref;
		}
	}
	if (xengnttab_grant_copy(p->gnttab, n, seg))
		return errno;
	for (unsigned i = 0; i < n; i++)
		if (seg[i].status != GNTST_okay)
			return EREMOTEIO;
	return 0;
}

static void try_copy(struct peer *p)
{
	static const unsigned counts[] = { 1, 16, 17, 64, 256 };
	unsigned char *local = mmap(NULL, 4 * PAGES * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char name[64];
	int err;

	need(local != MAP_FAILED, "mmap");
	for (unsigned c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		unsigned n = counts[c];
		double t;

		for (unsigned i = 0; i < PAGES; i++)
			fill(p->pages + i * PAGE, i);
		memset(local, 0, 4 * PAGES * PAGE);
		t = now_us();
		err = copy(p, n, false, local);
		t = now_us() - t;
		for (unsigned i = 0; i < n && !err; i++)
			err = check(local + i * PAGE, i % PAGES, 1);
		snprintf(name, sizeof(name), "grant copy of %u segments from the guest", n);
		fact(name, err);
		memset(p->pages, 0, PAGES * PAGE);
		if (!err)
			err = copy(p, n, true, local);
		if (!err)
			err = check(p->pages, 0, n < PAGES ? n : PAGES);
		snprintf(name, sizeof(name), "grant copy of %u segments to the guest", n);
		fact(name, err);
		printf("probe: copying %u pages took %.0f us\n", n, t);
	}
	/* A bad reference among good ones: the others are copied, and it says so itself. */
	uint32_t good = p->ref[3];
	p->ref[3] = 0xffffff;
	err = copy(p, 8, false, local);
	p->ref[3] = good;
	fact("a bad reference fails alone", err == EREMOTEIO ? check(local + 7 * PAGE, 7, 1) : EBADMSG);
}

static void try_maps(struct peer *p)
{
	unsigned char *again = xengnttab_map_grant_ref(p->gnttab, p->domid, p->ref[0], PROT_READ | PROT_WRITE);
	uint32_t bad = 0xffffff;
	double t = now_us();

	fact("map a grant twice", again ? 0 : errno);
	if (again)
		fact("unmap it once", xengnttab_unmap(p->gnttab, again, 1) ? errno : 0);
	for (int i = 0; i < ROUNDS; i++) {
		again = xengnttab_map_grant_ref(p->gnttab, p->domid, p->ref[0], PROT_READ | PROT_WRITE);
		need(again && !xengnttab_unmap(p->gnttab, again, 1), "map and unmap");
	}
	printf("probe: map and unmap of a page %.0f us\n", (now_us() - t) / ROUNDS);
	again = xengnttab_map_domain_grant_refs(p->gnttab, 1, p->domid, &bad, PROT_READ);
	fact("a bad reference cannot be mapped", again ? EBADMSG : 0);
	again = xengnttab_map_grant_ref_notify(p->gnttab, p->domid, p->ref[PAGES - 1],
		PROT_READ | PROT_WRITE, 8, (evtchn_port_t)-1);
	fact("map with unmap notification", again ? 0 : errno);
	if (again) {
		again[8] = 1;
		xengnttab_unmap(p->gnttab, again, 1);
		fact("the byte is cleared at unmap", p->pages[(PAGES - 1) * PAGE + 8] ? EBADMSG : 0);
	}
	fact("xenevtchn_restrict", xenevtchn_restrict(p->evtchn, (domid_t)p->domid) ? errno : 0);
	fact("notify after it", xenevtchn_notify(p->evtchn, (unsigned)p->port) ? errno : 0);
	again = xengnttab_map_grant_refs(p->gnttab, 2, (uint32_t[]){ p->domid, p->domid }, p->ref, PROT_READ);
	fact("map read-only", again ? 0 : errno);
}

int main(int argc, char **argv)
{
	struct peer p = { 0 };

	if (argc == 3 && strcmp(argv[1], "offer") == 0)
		return offer((uint32_t)atoi(argv[2]));
	if (argc != 5 || strcmp(argv[1], "take") != 0) {
		fprintf(stderr, "usage: probe offer DOMID | probe take DOMID FILE DEVICE\n");
		return 2;
	}
	p.domid = (uint32_t)atoi(argv[2]);
	int res = io_uring_queue_init(128, &p.ring, 0);
	fact("io_uring_setup", res);
	struct io_uring_params params = { .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN };
	struct io_uring other;
	res = io_uring_queue_init_params(8, &other, &params);
	fact("io_uring SINGLE_ISSUER and COOP_TASKRUN", res);
	params = (struct io_uring_params){ .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN };
	fact("io_uring DEFER_TASKRUN", io_uring_queue_init_params(8, &other, &params));
	params = (struct io_uring_params){ .flags = IORING_SETUP_R_DISABLED };
	fact("io_uring R_DISABLED", io_uring_queue_init_params(8, &other, &params));
	connect_peer(&p);
	try_events(&p);
	try_copy(&p);
	try_maps(&p);
	try_storage(&p, argv[3], argv[4]);
	printf("probe: done\n");
	return 0;
}

// SPDX-License-Identifier: MIT
/* Channels between process domains and vms: either may bind, close, die, and be
 * succeeded. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "pair-rig.h"

/* The port, or -errno; @fds: what it is read from, what it is raised by. */
static int process_bind(int conn, uint32_t port, int fds[2])
{
	struct wire_event_bind req = {
		.head.op = WIRE_EVENT_BIND, .domid = vmid, .port = port
	};
	struct wire_event_reply reply = { 0 };
	unsigned nfds = 2;

	assert_true(rpc(conn, &req, sizeof(req), &reply, sizeof(reply), fds, &nfds) > 0);
	if (reply.reply.rc == 0)
		assert_int_equal(nfds, 2);
	return reply.reply.rc < 0 ? reply.reply.rc : (int)reply.port;
}

static int process_unbound(int conn, uint32_t domid, int fds[2])
{
	struct wire_domid req = { .head.op = WIRE_EVENT_UNBOUND, .domid = domid };
	struct wire_event_reply reply = { 0 };
	unsigned nfds = 2;

	assert_true(rpc(conn, &req, sizeof(req), &reply, sizeof(reply), fds, &nfds) > 0);
	assert_int_equal(nfds, 2);
	return reply.port;
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

/* What a process tells its vm with. */
static void ring_bell(int fd)
{
	const uint64_t one = 1;

	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
}

static void drain(int fd)
{
	char buf[8192];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
}

static enum event_state vm_port_state(uint32_t port)
{
	struct event_status status;

	assert_int_equal(event_status(&vm->vm.d, port, &status), 0);
	return status.state;
}

static void close_pair(int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

static void a_process_binds_a_vms_port(void **state)
{
	int conn = process_connect(5), fds[2];
	int vport = event_alloc_unbound(&vm->vm.d, 5, NULL, NULL);

	assert_true(process_bind(conn, vport, fds) > 0);
	assert_int_equal(watched(), 1);
	assert_int_equal(watch[0].port, vport);
	/* Pending at once, as in Xen. */
	assert_true(readable(fds[0]));
	drain(fds[0]);
	assert_int_equal(event_send(&hv.set, &vm->vm.d, vport), 0);
	assert_true(readable(fds[0]));
	assert_false(readable(watch[0].fd));
	ring_bell(fds[1]);
	assert_true(readable(watch[0].fd));
	close_pair(fds);
	process_leave(conn);
	assert_int_equal(watched(), 0);
	assert_int_equal(vm_port_state(vport), EVENT_UNBOUND);
}

static void a_vm_binds_a_processes_port(void **state)
{
	int conn = process_connect(5), fds[2];
	int port = process_unbound(conn, vmid, fds);
	int vport = event_bind_interdomain(&hv.set, &vm->vm.d, 5, port, NULL, NULL);

	assert_true(vport > 0);
	assert_int_equal(watched(), 1);
	assert_int_equal(watch[0].port, vport);
	assert_int_equal(event_send(&hv.set, &vm->vm.d, vport), 0);
	assert_true(readable(fds[0]));
	ring_bell(fds[1]);
	assert_true(readable(watch[0].fd));
	/* The vm closes; another one of its ports takes the place, with the same bell. */
	assert_int_equal(event_close(&hv.set, &vm->vm.d, vport, NULL), 0);
	assert_int_equal(watched(), 0);
	drain(fds[0]);
	vport = event_bind_interdomain(&hv.set, &vm->vm.d, 5, port, NULL, NULL);
	assert_true(vport > 0);
	assert_int_equal(event_send(&hv.set, &vm->vm.d, vport), 0);
	assert_true(readable(fds[0]));
	/* What came before is not lost. */
	assert_true(readable(watch[0].fd));
	close_pair(fds);
	process_leave(conn);
}

static void a_successor_takes_the_vms_port_over(void **state)
{
	int conn = process_connect(5), fds[2];
	int vport = event_alloc_unbound(&vm->vm.d, 5, NULL, NULL);

	assert_true(process_bind(conn, vport, fds) > 0);
	process_leave(conn);
	close_pair(fds);
	/* Nobody is there: nothing happens. */
	assert_int_equal(event_send(&hv.set, &vm->vm.d, vport), 0);
	conn = process_connect(5);
	assert_true(process_bind(conn, vport, fds) > 0);
	/* It looks at its ring at once, whatever was missed. */
	assert_true(readable(fds[0]));
	assert_int_equal(watched(), 1);
	close_pair(fds);
	process_leave(conn);
}

static void a_port_of_the_vm_is_bound_once_and_by_the_right_one(void **state)
{
	int conn = process_connect(5), fds[2], more[2];
	int vport = event_alloc_unbound(&vm->vm.d, 5, NULL, NULL);
	int other = event_alloc_unbound(&vm->vm.d, 6, NULL, NULL);
	unsigned before = hv.domains->fds;

	assert_int_equal(process_bind(conn, other, more), -EINVAL);
	assert_int_equal(process_bind(conn, 4000, more), -EINVAL);
	assert_int_equal(hv.domains->fds, before);
	assert_true(process_bind(conn, vport, fds) > 0);
	assert_int_equal(process_bind(conn, vport, more), -EINVAL);
	assert_int_equal(hv.domains->fds, before + 3);
	close_pair(fds);
	process_leave(conn);
}

static void a_watch_that_fails_undoes_the_binding(void **state)
{
	int conn = process_connect(5), fds[2];
	int vport = event_alloc_unbound(&vm->vm.d, 5, NULL, NULL);
	unsigned before = hv.domains->fds;

	watch_error = -ENOMEM;
	assert_int_equal(process_bind(conn, vport, fds), -ENOMEM);
	assert_int_equal(vm_port_state(vport), EVENT_UNBOUND);
	assert_int_equal(hv.domains->fds, before);
	watch_error = 0;
	assert_true(process_bind(conn, vport, fds) > 0);
	close_pair(fds);
	process_leave(conn);
}

static void a_channel_of_processes_is_no_vms(void **state)
{
	struct pdomain *pd = process_make(6);
	int conn = process_connect(5), peer = process_connect(6), fds[2], theirs[2];
	struct wire_event_bind req = { .head.op = WIRE_EVENT_BIND, .domid = 5 };
	struct wire_event_reply reply;
	struct vm_fake *next;
	unsigned nfds = 2;

	req.port = process_unbound(conn, 6, fds);
	assert_true(
		rpc(peer, &req, sizeof(req), &reply, sizeof(reply), theirs, &nfds) > 0);
	assert_int_equal(reply.reply.rc, 0);
	close(peer);
	pdomain_destroy(pd);
	/* A vm that gets the same domid: the dead domain's process could lock the pipe that
	 * its thread would have to read. */
	next = vm_fake_new(&hv.set, "next", 1);
	domain_set_remove(&hv.set, &next->vm.d);
	domain_hold(&hv.set, &next->vm.d);
	assert_int_equal(domain_set_add(&hv.set, &next->vm.d, 6), 0);
	domain_put(&hv.set, &next->vm.d);
	assert_int_equal(
		event_bind_interdomain(&hv.set, &next->vm.d, 5, req.port, NULL, NULL),
		-EBUSY);
	vm_fake_free(next);
	close_pair(theirs);
	close_pair(fds);
	process_leave(conn);
}

static void a_full_pipe_stops_nobody(void **state)
{
	int conn = process_connect(5), fds[2];
	int vport = event_alloc_unbound(&vm->vm.d, 5, NULL, NULL);

	assert_true(process_bind(conn, vport, fds) > 0);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(event_send(&hv.set, &vm->vm.d, vport), 0);
	assert_true(readable(fds[0]));
	/* The process makes its ends blocking: we never read or write them. */
	fcntl(fds[0], F_SETFL, 0);
	fcntl(fds[1], F_SETFL, 0);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(event_send(&hv.set, &vm->vm.d, vport), 0);
	close_pair(fds);
	process_leave(conn);
}

/* A page that a thread of ours waits for, in the kernel, until its fault is served. */
struct stuck {
	int fault_fd, pipe_fd;
	char *page;
	bool writes;
	pthread_t thread;
};

static void *stuck_run(void *opaque)
{
	struct stuck *s = opaque;
	const uint64_t one = 1;
	ssize_t n;

	if (s->writes)
		n = write(s->pipe_fd, s->page, sizeof(one));
	else
		n = read(s->pipe_fd, s->page, sizeof(one));
	return (void *)n;
}

/* Returns when the thread has its pipe locked and waits for the page. */
static void stuck_start(struct stuck *s, int pipe_fd, bool writes)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct pollfd fault;

	*s = (struct stuck){ .pipe_fd = pipe_fd, .writes = writes };
	s->fault_fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (s->fault_fd < 0)
		skip();
	s->page = mmap(NULL, DOMAIN_PAGE_SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(s->page != MAP_FAILED);
	range.range = (struct uffdio_range){ (uintptr_t)s->page, DOMAIN_PAGE_SIZE };
	assert_int_equal(ioctl(s->fault_fd, UFFDIO_API, &api), 0);
	assert_int_equal(ioctl(s->fault_fd, UFFDIO_REGISTER, &range), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, stuck_run, s), 0);
	fault = (struct pollfd){ .fd = s->fault_fd, .events = POLLIN };
	assert_int_equal(poll(&fault, 1, -1), 1);
	assert_true(fault.revents & POLLIN);
}

/* Serves the fault; what the thread's call returned. */
static ssize_t stuck_end(struct stuck *s)
{
	struct uffdio_zeropage zero = {
		.range = { (uintptr_t)s->page, DOMAIN_PAGE_SIZE }
	};
	void *n;

	assert_int_equal(ioctl(s->fault_fd, UFFDIO_ZEROPAGE, &zero), 0);
	assert_int_equal(pthread_join(s->thread, &n), 0);
	close(s->fault_fd);
	munmap(s->page, DOMAIN_PAGE_SIZE);
	return (ssize_t)n;
}

static void a_reader_that_locks_its_pipe_stops_nobody(void **state)
{
	int conn = process_connect(5), fds[2];
	int vport = event_alloc_unbound(&vm->vm.d, 5, NULL, NULL);
	struct stuck s;

	assert_true(process_bind(conn, vport, fds) > 0);
	stuck_start(&s, fds[0], false);
	assert_int_equal(event_send(&hv.set, &vm->vm.d, vport), 0);
	assert_true(stuck_end(&s) > 0);
	/* That was before it had read anything, and the next one is after. */
	drain(fds[0]);
	assert_int_equal(event_send(&hv.set, &vm->vm.d, vport), 0);
	assert_true(readable(fds[0]));
	close_pair(fds);
	process_leave(conn);
}

#define ROUNDS 20000u

struct reader {
	int fd;
	atomic_uint sent, seen;
};

/* Takes what is pending and then looks, as a backend does. */
static void *reader_run(void *opaque)
{
	struct reader *r = opaque;
	struct pollfd p = { .fd = r->fd, .events = POLLIN };

	while (atomic_load_explicit(&r->seen, memory_order_relaxed) < 2 * ROUNDS) {
		assert_int_equal(poll(&p, 1, -1), 1);
		drain(r->fd);
		atomic_store(&r->seen,
			atomic_load_explicit(&r->sent, memory_order_relaxed));
	}
	return NULL;
}

/* The second of each two events often comes while the first is just taken. */
static void an_event_during_a_read_is_not_lost(void **state)
{
	int conn = process_connect(5), fds[2];
	int vport = event_alloc_unbound(&vm->vm.d, 5, NULL, NULL);
	struct reader r = { 0 };
	pthread_t thread;

	assert_true(process_bind(conn, vport, fds) > 0);
	r.fd = fds[0];
	assert_int_equal(pthread_create(&thread, NULL, reader_run, &r), 0);
	for (unsigned i = 1; i <= 2 * ROUNDS; i++) {
		atomic_store_explicit(&r.sent, i, memory_order_relaxed);
		assert_int_equal(event_send(&hv.set, &vm->vm.d, vport), 0);
		while (i % 2 == 0 && atomic_load(&r.seen) < i)
			sched_yield();
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	close_pair(fds);
	process_leave(conn);
}

static void a_writer_that_is_stuck_locks_nothing(void **state)
{
	int conn = process_connect(5), fds[2];
	int vport = event_alloc_unbound(&vm->vm.d, 5, NULL, NULL);
	struct stuck s;

	assert_true(process_bind(conn, vport, fds) > 0);
	stuck_start(&s, fds[1], true);
	assert_false(readable(watch[0].fd));
	ring_bell(fds[1]);
	assert_true(readable(watch[0].fd));
	assert_int_equal(stuck_end(&s), sizeof(uint64_t));
	close_pair(fds);
	process_leave(conn);
}

static void a_vms_place_in_a_channel_is_no_processs(void **state)
{
	int conn = process_connect(5), fds[2], theirs[2], peer;
	struct vm_fake *first = vm_fake_new(&hv.set, "first", 1);
	uint32_t domid = first->vm.d.domid;
	struct wire_event_bind req = { .head.op = WIRE_EVENT_BIND, .domid = 5 };
	struct wire_event_reply reply;
	struct event_status status;
	unsigned nfds = 2;

	/* A vm could be told through it, and the next domain with its number is a process. */
	req.port = process_unbound(conn, domid, fds);
	vm_fake_quit(first);
	vm_fake_free(first);
	process_make(domid);
	peer = process_connect(domid);
	assert_true(
		rpc(peer, &req, sizeof(req), &reply, sizeof(reply), theirs, &nfds) > 0);
	assert_int_equal(reply.reply.rc, -EBUSY);
	assert_int_equal(nfds, 0);
	/* The port waits as before. */
	assert_int_equal(event_status(&pdomain_find(&hv, 5)->d, req.port, &status), 0);
	assert_int_equal(status.state, EVENT_UNBOUND);
	close_pair(fds);
	process_leave(peer);
	process_leave(conn);
}

#define T(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_process_binds_a_vms_port),
		T(a_vm_binds_a_processes_port),
		T(a_successor_takes_the_vms_port_over),
		T(a_port_of_the_vm_is_bound_once_and_by_the_right_one),
		T(a_watch_that_fails_undoes_the_binding),
		T(a_channel_of_processes_is_no_vms),
		T(a_full_pipe_stops_nobody),
		T(a_reader_that_locks_its_pipe_stops_nobody),
		T(an_event_during_a_read_is_not_lost),
		T(a_writer_that_is_stuck_locks_nothing),
		T(a_vms_place_in_a_channel_is_no_processs),
	};

	signal(SIGPIPE, SIG_IGN);
	alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/*
 * Between process domains and vms: channels, and pages granted in either direction. The
 * hypervisor's server runs in this process, with vms that have no machine; what a vCPU does
 * is done by another thread.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/fdpass.h"
#include "hypervisor/process/server.h"
#include "hypervisor/vm/kvm.h"
#include "vm-fake.h"

/* What the machine below would do. */

static struct watch {
	uint32_t port;
	int fd; /* -1: none */
} watch[4];
static int watch_error;

int vm_watch_pipe(struct vm *vm, uint32_t port, int fd)
{
	if (watch_error)
		return watch_error;
	for (unsigned i = 0; i < 4; i++) {
		if (watch[i].fd < 0) {
			watch[i] = (struct watch){ .port = port, .fd = fd };
			return 0;
		}
	}
	return -ENOSPC;
}

void vm_unwatch_pipe(struct vm *vm, uint32_t port)
{
	for (unsigned i = 0; i < 4; i++) {
		if (watch[i].fd >= 0 && watch[i].port == port) {
			/* It is open still: the descriptor must not be another's by now. */
			assert_int_not_equal(fcntl(watch[i].fd, F_GETFL), -1);
			watch[i].fd = -1;
			return;
		}
	}
	fail_msg("port %u was not watched", port);
}

static unsigned watched(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 4; i++)
		n += watch[i].fd >= 0;
	return n;
}

void vm_quiesce(struct vm *vm)
{
}

void vm_resume(struct vm *vm)
{
}

void control_close_all(struct hv *hv)
{
}

void kvm_close(struct kvm *kvm)
{
	assert_null(kvm);
}

/* A server with one process domain, 5, and a vm. */

static struct hv hv;
static struct vm_fake *vm;
static uint32_t vmid;
static char address[64];

static struct pdomain *process_make(uint32_t domid)
{
	struct hvctl_domain_config config = { .domid = domid, .name = "process" };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	/* An abstract name, which leaves nothing behind. */
	snprintf(address, sizeof(address), "sluice-test-%d-%u", (int)getpid(), domid);
	memcpy(sa.sun_path + 1, address, strlen(address));
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(pdomain_create(&hv, &config, fd, &domid), 0);
	return pdomain_find(&hv, domid);
}

static int setup(void **state)
{
	for (unsigned i = 0; i < 4; i++)
		watch[i].fd = -1;
	watch_error = 0;
	assert_int_equal(hv_init(&hv), 0);
	process_make(5);
	vm = vm_fake_new(&hv.set, "vm", 2);
	vmid = vm->vm.d.domid;
	return 0;
}

static int teardown(void **state)
{
	vm_fake_quit(vm);
	assert_int_equal(watched(), 0);
	while (hv.domains)
		pdomain_destroy(hv.domains);
	vm_fake_free(vm);
	hv_fini(&hv);
	assert_int_equal(mem_budget_spent(), 0);
	return 0;
}

static void stop(void *opaque, uint32_t events)
{
	loop_stop(hv.loop, 0);
}

static void stop_timer(void *opaque)
{
	loop_stop(hv.loop, 0);
}

/* Lets the server do what there is to do. */
static void pump(void)
{
	assert_non_null(loop_add_timer(hv.loop, 1, stop_timer, NULL));
	assert_int_equal(loop_run(hv.loop), 0);
}

static ssize_t rpc(int conn, const void *req, size_t len, void *reply, size_t room, int *fds,
	unsigned *nfds)
{
	struct loop_source *source;
	unsigned none = 0;

	assert_int_equal(send(conn, req, len, 0), len);
	source = loop_add_fd(hv.loop, conn, EPOLLIN, stop, NULL);
	assert_non_null(source);
	assert_int_equal(loop_run(hv.loop), 0);
	loop_remove(source);
	return fd_recv_now(conn, reply, room, fds, nfds ? nfds : &none);
}

static int process_connect(uint32_t domid)
{
	struct wire_hello hello = { .head.op = WIRE_HELLO, .version = WIRE_VERSION };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct wire_hello_reply reply;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address, sizeof(address), "sluice-test-%d-%u", (int)getpid(), domid);
	memcpy(sa.sun_path + 1, address, strlen(address));
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(rpc(fd, &hello, sizeof(hello), &reply, sizeof(reply), NULL, NULL),
		sizeof(reply));
	return fd;
}

static void process_leave(int conn)
{
	close(conn);
	pump();
}

/* The port, or -errno; @fds: what it is read from, what it is raised by. */
static int process_bind(int conn, uint32_t port, int fds[2])
{
	struct wire_event_bind req = { .head.op = WIRE_EVENT_BIND, .domid = vmid, .port = port };
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
	assert_int_equal(write(fds[1], "", 1), 1);
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
	assert_int_equal(write(fds[1], "", 1), 1);
	assert_true(readable(watch[0].fd));
	/* The vm closes; another one of its ports takes the place, on the same pipes. */
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
	assert_int_equal(hv.domains->fds, before + 4);
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

static void a_pipe_that_a_process_had_is_not_listened_to(void **state)
{
	struct pdomain *pd = process_make(6);
	int conn = process_connect(5), peer = process_connect(6), fds[2], theirs[2];
	struct wire_event_bind req = { .head.op = WIRE_EVENT_BIND, .domid = 5 };
	struct wire_event_reply reply;
	struct vm_fake *next;
	unsigned nfds = 2;

	req.port = process_unbound(conn, 6, fds);
	assert_true(rpc(peer, &req, sizeof(req), &reply, sizeof(reply), theirs, &nfds) > 0);
	assert_int_equal(reply.reply.rc, 0);
	close(peer);
	pdomain_destroy(pd);
	/* A vm that gets the same domid: the dead domain's process could make its thread block. */
	next = vm_fake_new(&hv.set, "next", 1);
	domain_set_remove(&hv.set, &next->vm.d);
	domain_hold(&hv.set, &next->vm.d);
	assert_int_equal(domain_set_add(&hv.set, &next->vm.d, 6), 0);
	domain_put(&hv.set, &next->vm.d);
	assert_int_equal(
		event_bind_interdomain(&hv.set, &next->vm.d, 5, req.port, NULL, NULL), -EBUSY);
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
	/* The process makes its ends blocking: they are its own, ours are others. */
	fcntl(fds[0], F_SETFL, 0);
	fcntl(fds[1], F_SETFL, 0);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(event_send(&hv.set, &vm->vm.d, vport), 0);
	assert_true(fcntl(watch[0].fd, F_GETFL) & O_NONBLOCK);
	close_pair(fds);
	process_leave(conn);
}

/* Pages. */

static void vm_grant(uint32_t ref, uint16_t flags, uint16_t domid, uint32_t frame)
{
	vm->vm.d.grants.entries[ref] =
		(grant_entry_v1_t){ .flags = flags, .domid = domid, .frame = frame };
}

/* Maps @count references from 8 on; the map's id or -errno. */
static int process_map(
	int conn, uint32_t count, bool readonly, struct wire_map_reply *reply, int *fds)
{
	struct wire_map req = { .head.op = WIRE_MAP, .readonly = readonly, .count = count };
	unsigned nfds = WIRE_MAP_MAX;

	for (uint32_t i = 0; i < count; i++)
		req.refs[i] = (struct wire_ref){ .domid = vmid, .ref = 8 + i };
	assert_true(rpc(conn, &req, offsetof(struct wire_map, refs) + count * sizeof(req.refs[0]),
			    reply, sizeof(*reply), fds, &nfds) > 0);
	return reply->reply.rc < 0 ? reply->reply.rc : (int)reply->id;
}

static char *page_see(const struct wire_map_reply *reply, const int *fds, unsigned i, int prot)
{
	char *page = mmap(NULL, VM_PAGE, prot, MAP_SHARED, fds[reply->pages[i].fd],
		reply->pages[i].page * VM_PAGE);

	assert_ptr_not_equal(page, MAP_FAILED);
	return page;
}

static void a_vms_pages_are_lent_while_they_are_mapped(void **state)
{
	int conn = process_connect(5), fds[WIRE_MAP_MAX];
	struct wire_map_reply reply;
	char text[16];
	char *page;

	for (unsigned i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "page %u", i);
		fake_put(vm, 0x20000 + i * VM_PAGE, text, sizeof(text));
		vm_grant(8 + i, GTF_permit_access, 5, 0x20 + i);
	}
	assert_true(process_map(conn, 3, false, &reply, fds) >= 0);
	assert_int_equal(mem_lent(&vm->vm.mem), 3);
	page = page_see(&reply, fds, 1, PROT_READ | PROT_WRITE);
	assert_string_equal(page, "page 1");
	strcpy(page, "mapper");
	fake_get(vm, 0x21000, text, sizeof(text));
	assert_string_equal(text, "mapper");
	assert_true(vm->vm.d.grants.entries[9].flags & GTF_writing);
	close(fds[0]);
	/* Its end gives all back, and what it has mapped is nobody's page. */
	process_leave(conn);
	assert_int_equal(mem_lent(&vm->vm.mem), 0);
	assert_int_equal(vm->vm.d.grants.entries[9].flags, GTF_permit_access);
	strcpy(page, "late");
	fake_get(vm, 0x21000, text, sizeof(text));
	assert_string_equal(text, "mapper");
	munmap(page, VM_PAGE);
}

static void a_second_mapper_is_told_to_copy(void **state)
{
	int conn = process_connect(5), other = process_connect(5), fds[WIRE_MAP_MAX];
	struct wire_map_reply reply;

	vm_grant(8, GTF_permit_access, 5, 0x20);
	assert_true(process_map(conn, 1, false, &reply, fds) >= 0);
	close(fds[0]);
	assert_int_equal(process_map(other, 1, false, &reply, fds), -EBUSY);
	assert_int_equal(reply.reply.status, GNTST_general_error);
	/* The same one may have it twice; the last one gives it back. */
	assert_true(process_map(conn, 1, false, &reply, fds) >= 0);
	close(fds[0]);
	process_leave(conn);
	assert_true(process_map(other, 1, false, &reply, fds) >= 0);
	close(fds[0]);
	process_leave(other);
	assert_int_equal(vm->vm.d.grants.entries[8].flags, GTF_permit_access);
}

static void a_bad_reference_maps_nothing_of_the_batch(void **state)
{
	int conn = process_connect(5), fds[WIRE_MAP_MAX];
	struct wire_map_reply reply;

	vm_grant(8, GTF_permit_access, 5, 0x20);
	vm_grant(9, GTF_permit_access, 5, 0xfffff);
	assert_int_equal(process_map(conn, 2, false, &reply, fds), -EBUSY);
	assert_int_equal(process_map(conn, 3, false, &reply, fds), -EINVAL);
	assert_int_equal(mem_lent(&vm->vm.mem), 0);
	assert_int_equal(vm->vm.d.grants.entries[8].flags, GTF_permit_access);
	assert_int_equal(hv.domains->pages, 0);
	process_leave(conn);
}

static void what_one_vm_refuses_is_undone_in_the_other(void **state)
{
	struct vm_fake *other = vm_fake_new(&hv.set, "other", 1);
	struct wire_map req = { .head.op = WIRE_MAP, .count = 2,
		.refs = { { .domid = vmid, .ref = 8 }, { .domid = other->vm.d.domid, .ref = 8 } } };
	int conn = process_connect(5), fds[WIRE_MAP_MAX];
	struct wire_map_reply reply;
	unsigned nfds = WIRE_MAP_MAX;

	vm_grant(8, GTF_permit_access, 5, 0x20);
	other->vm.d.grants.entries[8] =
		(grant_entry_v1_t){ .flags = GTF_permit_access, .domid = 5, .frame = 0xfffff };
	assert_true(rpc(conn, &req, offsetof(struct wire_map, refs) + 2 * sizeof(req.refs[0]),
			    &reply, sizeof(reply), fds, &nfds) > 0);
	assert_int_equal(reply.reply.rc, -EBUSY);
	assert_int_equal(reply.id, 1);
	assert_int_equal(mem_lent(&vm->vm.mem), 0);
	assert_int_equal(hv.domains->pages, 0);
	process_leave(conn);
	vm_fake_free(other);
}

static void a_vm_that_dies_leaves_the_mapper_its_pages(void **state)
{
	int conn = process_connect(5), fds[WIRE_MAP_MAX];
	struct vm_fake *dying = vm_fake_new(&hv.set, "dying", 1);
	struct wire_map_reply reply;
	uint32_t keep = vmid;
	char *page;
	int id;

	vmid = dying->vm.d.domid;
	dying->vm.d.grants.entries[8] =
		(grant_entry_v1_t){ .flags = GTF_permit_access, .domid = 5, .frame = 0x20 };
	fake_put(dying, 0x20000, "last", 5);
	id = process_map(conn, 1, false, &reply, fds);
	assert_true(id >= 0);
	page = page_see(&reply, fds, 0, PROT_READ);
	close(fds[0]);
	vm_fake_quit(dying);
	domain_set_remove(&hv.set, &dying->vm.d);
	mem_drop(&dying->vm.mem);
	domain_put(&hv.set, &dying->vm.d);
	assert_string_equal(page, "last");
	assert_false(dying->released);
	process_leave(conn);
	assert_true(dying->released);
	assert_string_equal(page, "last");
	munmap(page, VM_PAGE);
	free(dying);
	vmid = keep;
}

/* A page of the process domain's, granted to the vm; its reference. */
static uint32_t process_grant(int conn, uint32_t *share_id)
{
	struct wire_share share = {
		.head.op = WIRE_SHARE, .domid = vmid, .pages = 1, .writable = 1
	};
	struct wire_id_reply id;
	struct wire_refs_reply refs;
	unsigned nfds = 1;
	struct wire_grant req = { .head.op = WIRE_GRANT, .count = 1 };
	char *page;
	int fd;

	assert_true(rpc(conn, &share, sizeof(share), &id, sizeof(id), &fd, &nfds) > 0);
	assert_int_equal(id.reply.rc, 0);
	page = mmap(NULL, VM_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	strcpy(page, "process");
	munmap(page, VM_PAGE);
	close(fd);
	req.id = *share_id = id.id;
	assert_true(rpc(conn, &req, sizeof(req), &refs, sizeof(refs), NULL, NULL) > 0);
	assert_int_equal(refs.reply.rc, 0);
	return refs.refs[0];
}

static struct gnttab_map_grant_ref vm_map = { .host_addr = 0x50000, .flags = GNTMAP_host_map,
	.dom = 5 };

static void *vcpu_maps(void *opaque)
{
	fake_put(vm, 0x300000, &vm_map, sizeof(vm_map));
	(void)fake_call(
		vm, 1, __HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, 0x300000, 1);
	fake_get(vm, 0x300000, &vm_map, sizeof(vm_map));
	return NULL;
}

static void *vcpu_unmaps(void *opaque)
{
	struct gnttab_unmap_grant_ref op = {
		.host_addr = vm_map.host_addr, .handle = vm_map.handle
	};

	fake_put(vm, 0x300000, &op, sizeof(op));
	(void)fake_call(
		vm, 1, __HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, 0x300000, 1);
	return NULL;
}

static void on_vcpu(void *(*fn)(void *))
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, fn, NULL), 0);
	pthread_join(thread, NULL);
}

static void what_a_vcpu_lets_go_of_is_freed_by_the_loop(void **state)
{
	int conn = process_connect(5);
	uint32_t id;
	struct wire_unshare end = { .head.op = WIRE_UNSHARE, .count = 1 };
	struct wire_reply reply;
	char text[16];

	vm_map.ref = process_grant(conn, &id);
	on_vcpu(vcpu_maps);
	assert_int_equal(vm_map.status, GNTST_okay);
	fake_get(vm, 0x50000, text, 8);
	assert_string_equal(text, "process");
	end.id = id;
	assert_true(rpc(conn, &end, sizeof(end), &reply, sizeof(reply), NULL, NULL) > 0);
	assert_int_equal(reply.rc, 0);
	/* Unshared, but the vm still shows it. */
	assert_int_equal(hv.domains->pages, 1);
	fake_get(vm, 0x50000, text, 8);
	assert_string_equal(text, "process");
	on_vcpu(vcpu_unmaps);
	pump();
	assert_int_equal(hv.domains->pages, 0);
	process_leave(conn);
}

static void a_process_domain_that_dies_leaves_the_vm_its_page(void **state)
{
	int conn = process_connect(5);
	char text[16];
	uint32_t id;

	vm_map.ref = process_grant(conn, &id);
	on_vcpu(vcpu_maps);
	assert_int_equal(vm_map.status, GNTST_okay);
	close(conn);
	pdomain_destroy(hv.domains);
	fake_get(vm, 0x50000, text, 8);
	assert_string_equal(text, "process");
	on_vcpu(vcpu_unmaps);
	assert_non_null(hv.idle);
	pump();
	assert_null(hv.idle);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_process_binds_a_vms_port),
		T(a_vm_binds_a_processes_port),
		T(a_successor_takes_the_vms_port_over),
		T(a_port_of_the_vm_is_bound_once_and_by_the_right_one),
		T(a_watch_that_fails_undoes_the_binding),
		T(a_pipe_that_a_process_had_is_not_listened_to),
		T(a_full_pipe_stops_nobody),
		T(a_vms_pages_are_lent_while_they_are_mapped),
		T(a_second_mapper_is_told_to_copy),
		T(a_bad_reference_maps_nothing_of_the_batch),
		T(what_one_vm_refuses_is_undone_in_the_other),
		T(a_vm_that_dies_leaves_the_mapper_its_pages),
		T(what_a_vcpu_lets_go_of_is_freed_by_the_loop),
		T(a_process_domain_that_dies_leaves_the_vm_its_page),
	};

	signal(SIGPIPE, SIG_IGN);
	alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/* Pages between process domains and vms, granted in either direction. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "pair-rig.h"

static void vm_grant(uint32_t ref, uint16_t flags, uint16_t domid, uint32_t frame)
{
	vm->vm.d.grants.entries[ref] =
		(grant_entry_v1_t){ .flags = flags, .domid = domid, .frame = frame };
}

/* Maps @count references from 8 on; the map's id or -errno. */
static int process_map(
	int conn, uint32_t count, bool readonly, struct wire_map_reply *reply, int *fds)
{
	struct wire_map req = {
		.head.op = WIRE_MAP, .readonly = readonly, .count = count
	};
	unsigned nfds = WIRE_MAP_MAX;

	for (uint32_t i = 0; i < count; i++)
		req.refs[i] = (struct wire_ref){ .domid = vmid, .ref = 8 + i };
	assert_true(rpc(conn, &req,
			    offsetof(struct wire_map, refs) + count * sizeof(req.refs[0]),
			    reply, sizeof(*reply), fds, &nfds) > 0);
	return reply->reply.rc < 0 ? reply->reply.rc : (int)reply->id;
}

static char *page_see(
	const struct wire_map_reply *reply, const int *fds, unsigned i, int prot)
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
	struct wire_map req = { .head.op = WIRE_MAP,
		.count = 2,
		.refs = { { .domid = vmid, .ref = 8 },
			{ .domid = other->vm.d.domid, .ref = 8 } } };
	int conn = process_connect(5), fds[WIRE_MAP_MAX];
	struct wire_map_reply reply;
	unsigned nfds = WIRE_MAP_MAX;

	vm_grant(8, GTF_permit_access, 5, 0x20);
	other->vm.d.grants.entries[8] = (grant_entry_v1_t){
		.flags = GTF_permit_access, .domid = 5, .frame = 0xfffff
	};
	assert_true(
		rpc(conn, &req, offsetof(struct wire_map, refs) + 2 * sizeof(req.refs[0]),
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
	dying->vm.d.grants.entries[8] = (grant_entry_v1_t){
		.flags = GTF_permit_access, .domid = 5, .frame = 0x20
	};
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

static struct gnttab_map_grant_ref vm_map = {
	.host_addr = 0x50000, .flags = GNTMAP_host_map, .dom = 5
};

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
	struct gnttab_unmap_grant_ref op = { .host_addr = vm_map.host_addr,
		.handle = vm_map.handle };

	fake_put(vm, 0x300000, &op, sizeof(op));
	(void)fake_call(vm, 1, __HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref,
		0x300000, 1);
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

#define T(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
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

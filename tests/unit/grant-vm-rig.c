// SPDX-License-Identifier: MIT
#include "config.h"
#include "grant-vm-rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/array.h"

struct grant_vm_rig rig;

static struct pages_domain *pages_of(struct domain *d)
{
	return container_of(d, struct pages_domain, d);
}

static void pages_raise(struct domain *d, uint32_t port)
{
}

static void *pages_hold(struct domain *d, uint32_t frame, bool write)
{
	return frame < PAGES ? pages_of(d)->page + frame * VM_PAGE : NULL;
}

static void pages_release(struct domain *d, uint32_t frame)
{
}

static int pages_locate(struct domain *d, uint32_t frame, struct frame_place *place)
{
	if (frame >= PAGES)
		return -1;
	*place = (struct frame_place){ .fd = pages_of(d)->fd, .offset = frame * VM_PAGE };
	pages_of(d)->located++;
	return 0;
}

static void pages_unlocate(struct domain *d, uint32_t frame)
{
	pages_of(d)->located--;
}

static void pages_free(struct domain *d)
{
	domain_fini(d);
}

static const struct domain_ops pages_ops = {
	.raise = pages_raise,
	.frame_hold = pages_hold,
	.frame_release = pages_release,
	.frame_locate = pages_locate,
	.frame_unlocate = pages_unlocate,
	.release = pages_free,
};

static struct pages_domain *pages_new(void)
{
	struct domain_limits limits = {
		.max_ports = 8, .max_grants = 64, .max_mapped = 8
	};
	struct pages_domain *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->fd = memfd_create("pages", MFD_CLOEXEC);
	assert_int_equal(ftruncate(p->fd, PAGES * VM_PAGE), 0);
	p->page =
		mmap(NULL, PAGES * VM_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
	assert_ptr_not_equal(p->page, MAP_FAILED);
	assert_int_equal(domain_init(&p->d, "pages", &pages_ops, &limits, p->entries), 0);
	assert_int_equal(domain_set_add(&rig.set, &p->d, 3), 0);
	return p;
}

int rig_setup(void **state)
{
	domain_set_init(&rig.set);
	rig.a = vm_fake_new(&rig.set, "a", 4);
	rig.b = vm_fake_new(&rig.set, "b", 4);
	rig.p = pages_new();
	assert_int_equal(rig.a->vm.d.domid, 1);
	assert_int_equal(rig.b->vm.d.domid, 2);
	return 0;
}

static void expect_no_pins(struct domain *d)
{
	for (uint32_t ref = 0; ref < d->grants.nr; ref++) {
		assert_int_equal(d->grants.active[ref].readers, 0);
		assert_int_equal(d->grants.active[ref].writers, 0);
		assert_int_equal(
			d->grants.entries[ref].flags & (GTF_reading | GTF_writing), 0);
	}
	assert_int_equal(d->maptrack.used, 0);
}

int rig_teardown(void **state)
{
	vm_fake_quit(rig.a);
	vm_fake_quit(rig.b);
	expect_no_pins(&rig.a->vm.d);
	expect_no_pins(&rig.b->vm.d);
	expect_no_pins(&rig.p->d);
	assert_int_equal(rig.a->vm.mem.pinned, 0);
	assert_int_equal(rig.b->vm.mem.pinned, 0);
	assert_int_equal(rig.p->located, 0);
	vm_fake_free(rig.a);
	vm_fake_free(rig.b);
	munmap(rig.p->page, PAGES * VM_PAGE);
	close(rig.p->fd);
	domain_set_remove(&rig.set, &rig.p->d);
	domain_put(&rig.set, &rig.p->d);
	free(rig.p);
	domain_set_fini(&rig.set);
	assert_int_equal(mem_budget_spent(), 0);
	return 0;
}

void grant(struct domain *d, uint32_t ref, uint16_t flags, uint16_t domid, uint32_t frame)
{
	d->grants.entries[ref] =
		(grant_entry_v1_t){ .flags = flags, .domid = domid, .frame = frame };
}

uint16_t entry_flags(struct domain *d, uint32_t ref)
{
	return d->grants.entries[ref].flags;
}

static int64_t one_op(struct vm_fake *f, uint32_t cmd, void *op, size_t size)
{
	int64_t rc;

	fake_put(f, ARRAY_GPA, op, size);
	rc = fake_call(f, 0, __HYPERVISOR_grant_table_op, cmd, ARRAY_GPA, 1);
	fake_get(f, ARRAY_GPA, op, size);
	return rc;
}

int map(struct vm_fake *f, uint16_t dom, uint32_t ref, uint32_t flags, uint64_t gpa,
	uint32_t *handle)
{
	struct gnttab_map_grant_ref op = {
		.host_addr = gpa, .flags = flags, .ref = ref, .dom = dom, .status = 99
	};

	assert_int_equal(one_op(f, GNTTABOP_map_grant_ref, &op, sizeof(op)), 0);
	if (handle)
		*handle = op.handle;
	return op.status;
}

int unmap(struct vm_fake *f, uint32_t handle, uint64_t gpa)
{
	struct gnttab_unmap_grant_ref op = {
		.host_addr = gpa, .handle = handle, .status = 99
	};

	assert_int_equal(one_op(f, GNTTABOP_unmap_grant_ref, &op, sizeof(op)), 0);
	return op.status;
}

void put(struct vm_fake *f, uint64_t gpa, const char *text)
{
	fake_put(f, gpa, text, strlen(text) + 1);
}

void expect(struct vm_fake *f, uint64_t gpa, const char *text)
{
	char buf[64];

	fake_get(f, gpa, buf, strlen(text) + 1);
	assert_string_equal(buf, text);
}

// SPDX-License-Identifier: MIT
/* Guest virtual memory, page by page: what is contiguous there need not be in guest RAM. */
#include "config.h"

#include <errno.h>

#include "hypervisor/vm/vm.h"

/* The largest thing that any hypercall copies at once, with room to spare. */
#define GUEST_COPY_MAX (64u * VM_PAGE)

static size_t guest_chunk(uint64_t gva, size_t len)
{
	size_t room = VM_PAGE - gva % VM_PAGE;

	return len < room ? len : room;
}

/* Page walks ignore the high bits; a guest's own access would fault. */
static bool guest_canonical(uint64_t gva)
{
	return (uint64_t)((int64_t)(gva << 7) >> 7) == gva;
}

static bool guest_range_ok(uint64_t gva, size_t len)
{
	uint64_t last = len ? gva + len - 1 : gva;

	return len <= GUEST_COPY_MAX && last >= gva && guest_canonical(gva) &&
		guest_canonical(last);
}

int guest_translate(struct vcpu *v, uint64_t gva, size_t len, uint64_t *gpa)
{
	if (!guest_range_ok(gva, len))
		return -EFAULT;
	return v->vm->platform->translate(v, gva, gpa);
}

enum guest_way { GUEST_READ, GUEST_WRITE };

static int guest_copy(struct vcpu *v, uint64_t gva, uint8_t *at, size_t len, enum guest_way way)
{
	struct vm_memory *m = &v->vm->mem;

	if (!guest_range_ok(gva, len))
		return -EFAULT;
	while (len) {
		size_t n = guest_chunk(gva, len);
		uint64_t gpa;
		int rc = v->vm->platform->translate(v, gva, &gpa);

		if (rc == 0)
			rc = way == GUEST_READ ? mem_read(m, gpa, at, n) : mem_write(m, gpa, at, n);
		if (rc < 0)
			return -EFAULT;
		gva += n;
		at += n;
		len -= n;
	}
	return 0;
}

int guest_read(struct vcpu *v, uint64_t gva, void *to, size_t len)
{
	return guest_copy(v, gva, to, len, GUEST_READ);
}

int guest_write(struct vcpu *v, uint64_t gva, const void *from, size_t len)
{
	return guest_copy(v, gva, (uint8_t *)from, len, GUEST_WRITE);
}

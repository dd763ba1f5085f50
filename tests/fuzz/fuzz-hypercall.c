// SPDX-License-Identifier: MIT
/*
 * Hypercalls of two vms that share events and grants with each other and with a process domain.
 * An input is a byte that chooses the event ABI, then a list of records: a byte that says who
 * does what, a byte that chooses the operation, then a byte for each field of its structure,
 * which picks from values that mean something. Between calls the guests scribble over pages that
 * they share with the hypervisor, time goes on, and the process domain does what such domains do.
 *
 * After each input all domains go, and nothing of them may be left: no pinned grant, no
 * descriptor, no reference.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#include "common/array.h"
#include "common/log.h"
#include "tests/unit/vm-fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_VCPUS 4u
#define FUZZ_PAGES 4u   /* of the process domain */
#define FUZZ_GRANTS 32u /* of the process domain */
#define FUZZ_SHORTEST 16u
#define FUZZ_LIST 0x210000ull /* arrays that structures point to */

/* What is left of the input. */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

static uint8_t take(struct fuzz_input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->at++;
}

static struct domain_set fuzz_set;
static struct vm_fake *fuzz_vm[2];
static uint8_t fuzz_pages[FUZZ_PAGES][DOMAIN_PAGE_SIZE] __attribute__((aligned(4096)));
static grant_entry_v1_t fuzz_entries[FUZZ_GRANTS];
static struct domain fuzz_peer;
static bool fuzz_peer_released;

/* The process domain: links are allocations, so that a sanitizer sees what becomes of them. */

static void peer_raise(struct domain *d, uint32_t port)
{
}

static void peer_link_free(struct domain *d, void *link)
{
	free(link);
}

static void *peer_frame_hold(struct domain *d, uint32_t frame, bool write)
{
	return frame < FUZZ_PAGES ? fuzz_pages[frame] : NULL;
}

static void peer_frame_release(struct domain *d, uint32_t frame)
{
}

static int peer_frame_locate(struct domain *d, uint32_t frame, struct frame_place *place)
{
	return -EOPNOTSUPP;
}

static void peer_frame_unlocate(struct domain *d, uint32_t frame)
{
	abort(); /* none was located */
}

static void peer_release(struct domain *d)
{
	domain_fini(d);
	fuzz_peer_released = true;
}

static const struct domain_ops peer_ops = {
	.raise = peer_raise,
	.link_free = peer_link_free,
	.frame_hold = peer_frame_hold,
	.frame_release = peer_frame_release,
	.frame_locate = peer_frame_locate,
	.frame_unlocate = peer_frame_unlocate,
	.release = peer_release,
};

/* Values that mean something, and some that do not. */

static uint64_t pick(struct fuzz_input *in, const uint64_t *values, size_t n)
{
	uint8_t b = take(in);

	return b < 0xf0 ? values[b % n] : (uint64_t)take(in) << (b % 16 * 4);
}

static uint64_t pick_number(struct fuzz_input *in)
{
	static const uint64_t values[] = { 0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 64, 255, 4095, 4096,
		1000000, 0x7fffffff, 0x80000000, 0xffffffff, 1ull << 32, INT64_MAX, UINT64_MAX };

	return pick(in, values, ARRAY_SIZE(values));
}

static uint64_t pick_domid(struct fuzz_input *in)
{
	static const uint64_t values[] = { DOMID_SELF, 1, 2, 3, DOMID_SELF, 1, 2, 3, 0, 4,
		DOMID_INVALID, DOMID_IDLE };

	return pick(in, values, ARRAY_SIZE(values));
}

/* RAM (one frame that every input likes), the special area, outside, nowhere. */
static uint64_t pick_gfn(struct fuzz_input *in)
{
	static const uint64_t values[] = { 0x10, 0x11, 0x300, 0x301, 0x302, 0x303, 0x304, 0x305,
		0x306, 0x307, 0, FAKE_RAM / VM_PAGE - 1, FAKE_RAM / VM_PAGE, 0x40000, 0x40001,
		0x48000, VM_CONSOLE_GPA / VM_PAGE, VM_LAPIC_BASE / VM_PAGE, 0x100000,
		0x3ffffffff, 1ull << 40, UINT64_MAX };

	return pick(in, values, ARRAY_SIZE(values));
}

static uint64_t pick_address(struct fuzz_input *in)
{
	static const uint64_t values[] = { FUZZ_LIST, FUZZ_LIST + 0x1000, FUZZ_LIST + 0xff8,
		FUZZ_LIST + 0xffc, FUZZ_LIST + 1, 0x300000, 0x10000, 0, FAKE_RAM - 8, FAKE_RAM,
		UINT64_MAX - 7, 1ull << 46 };

	return pick(in, values, ARRAY_SIZE(values));
}

static uint64_t pick_port(struct fuzz_input *in)
{
	uint8_t b = take(in);

	if (b < 0xe0)
		return b % 10;
	return b % 2 ? pick_number(in) : 4090u + b % 16;
}

/* The few frames that are mapped to, so that some are hit again by the unmapping. */
static uint64_t pick_place(struct fuzz_input *in)
{
	static const uint64_t values[] = { 0x40000000, 0x40001000, 0x306000, 0x40000000,
		0x307000, 0x40002000, 0x40000008, 0x10000, UINT64_MAX };

	return pick(in, values, ARRAY_SIZE(values));
}

static uint64_t pick_ref(struct fuzz_input *in)
{
	uint8_t b = take(in);

	return b < 0xf0 ? b % 18 : pick_number(in);
}

/* Fields of grant operations. */
static uint64_t pick_grant_field(struct fuzz_input *in, char kind)
{
	static const uint64_t map_flags[] = { GNTMAP_host_map, GNTMAP_host_map | GNTMAP_readonly,
		GNTMAP_host_map, GNTMAP_host_map, 0, GNTMAP_device_map, 0xffffffff };
	static const uint64_t lengths[] = { 8, 64, 0, 1, 4096, 4095, 4097, 0xffff };

	switch (kind) {
	case 'G':
		return pick_place(in);
	case 'f':
		return pick(in, map_flags, ARRAY_SIZE(map_flags));
	case 'F':
		return take(in) % 5;
	case 'l':
		return pick(in, lengths, ARRAY_SIZE(lengths));
	case 'h':
		return take(in) % 6;
	case 'z':
		return take(in) < 0xf0 ? 0 : pick_number(in);
	default:
		return pick_ref(in);
	}
}

/* Fields by letter: see struct fuzz_op. */
static uint64_t pick_field(struct fuzz_input *in, char kind)
{
	static const uint64_t vcpus[] = { 0, 1, 2, 3, 0, 1, FUZZ_VCPUS, 63, 64, 0xffffffff };
	static const uint64_t offsets[] = { 0, 64, 128, 0xfc0, 8, 4, 1, 0xfc8, 0xfff, 0x1000 };
	static const uint64_t counts[] = { 0, 1, 2, 3, 8, 64, 128, 129, 512, 0xffff };

	switch (kind) {
	case 'd':
		return pick_domid(in);
	case 'g':
		return pick_gfn(in);
	case 'a':
		return pick_address(in);
	case 'p':
		return pick_port(in);
	case 'v':
		return pick(in, vcpus, ARRAY_SIZE(vcpus));
	case 'o':
		return pick(in, offsets, ARRAY_SIZE(offsets));
	case 'c':
	case 'C':
		return pick(in, counts, ARRAY_SIZE(counts));
	case 'b':
		return take(in) % 24;
	default:
		return strchr("GfFlhzrR", kind) ? pick_grant_field(in, kind) : pick_number(in);
	}
}

static size_t field_size(char kind)
{
	switch (kind) {
	case 'd':
	case 'o':
	case 'F':
	case 'l':
	case '2':
		return 2;
	case 'g':
	case 'R':
	case 'z':
	case 'G':
	case 'a':
	case 'C':
	case '8':
		return 8;
	case '1':
		return 1;
	default:
		return 4;
	}
}

/* Appends a structure; as in C, fields are aligned to their size. */
static size_t put_struct(struct fuzz_input *in, const char *fields, uint8_t *to, size_t room)
{
	size_t at = 0;

	for (; *fields; fields++) {
		size_t size = field_size(*fields);
		uint64_t value = pick_field(in, *fields);

		at = (at + size - 1) & ~(size - 1);
		if (at + size > room)
			break;
		memcpy(to + at, &value, size);
		at += size;
	}
	return at;
}

/*
 * @fields: the structure: d domid, p port, v vCPU, g frame, a address, c and C counts of 32 and 64 bits,
 *	o offset, b a small number, 1 2 4 8 anything of that size; of grants: r and R reference,
 *	G address of a frame, f and F flags, l length, h handle, z mostly zero
 * @list: one entry of the array that it points to, or NULL
 */
struct fuzz_op {
	uint8_t number;
	uint8_t cmd;
	const char *fields;
	const char *list;
};

static const struct fuzz_op fuzz_ops[] = {
	{ __HYPERVISOR_memory_op, XENMEM_add_to_physmap, "d2bgg", NULL },
	{ __HYPERVISOR_memory_op, XENMEM_add_to_physmap, "d2b8g", NULL },
	{ __HYPERVISOR_memory_op, XENMEM_add_to_physmap_batch, "d222aaa", "g" },
	{ __HYPERVISOR_memory_op, XENMEM_remove_from_physmap, "dg", NULL },
	{ __HYPERVISOR_memory_op, XENMEM_memory_map, "ca", NULL },
	{ __HYPERVISOR_memory_op, XENMEM_current_reservation, "d", NULL },
	{ __HYPERVISOR_memory_op, XENMEM_maximum_ram_page, "", NULL },
	{ __HYPERVISOR_memory_op, XENMEM_decrease_reservation, "aCb4d", "g" },
	{ __HYPERVISOR_memory_op, XENMEM_populate_physmap, "aCb4d", "g" },
	{ __HYPERVISOR_xen_version, XENVER_get_features, "44", NULL },
	{ __HYPERVISOR_xen_version, XENVER_capabilities, "", NULL },
	{ __HYPERVISOR_set_timer_op, 100, "", NULL },
	{ __HYPERVISOR_vm_assist, 0, "", NULL },
	{ __HYPERVISOR_hvm_op, HVMOP_set_param, "d2b8", NULL },
	{ __HYPERVISOR_hvm_op, HVMOP_get_param, "d2b8", NULL },
	{ __HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, "v1", NULL },
	{ __HYPERVISOR_hvm_op, HVMOP_get_time, "8", NULL },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, "dpp", NULL },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, "bvp", NULL },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_close, "p", NULL },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_send, "p", NULL },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_status, "dp44444", NULL },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, "ddp", NULL },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_bind_ipi, "vp", NULL },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_bind_vcpu, "pv", NULL },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_unmask, "p", NULL },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_reset, "d", NULL },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_init_control, "g4v8", NULL },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_expand_array, "g", NULL },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_set_priority, "pb", NULL },
	{ __HYPERVISOR_sched_op, SCHEDOP_poll, "ac8", "p" },
	{ __HYPERVISOR_sched_op, SCHEDOP_yield, "", NULL },
	{ __HYPERVISOR_sched_op, SCHEDOP_block, "", NULL },
	{ __HYPERVISOR_sched_op, SCHEDOP_shutdown, "b", NULL },
	{ __HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, "d4", NULL },
	{ __HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, "Gfrd2h8", NULL },
	{ __HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, "Gfrd2h8", NULL },
	{ __HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, "Gzh2", NULL },
	{ __HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, "Gzh2", NULL },
	{ __HYPERVISOR_grant_table_op, GNTTABOP_copy, "RdogdolF2", NULL },
	{ __HYPERVISOR_grant_table_op, GNTTABOP_copy, "gdoRdolF2", NULL },
	{ __HYPERVISOR_grant_table_op, GNTTABOP_copy, "RdoRdolF2", NULL },
	{ __HYPERVISOR_grant_table_op, GNTTABOP_setup_table, "dc2a", NULL },
	{ __HYPERVISOR_grant_table_op, GNTTABOP_swap_grant_ref, "rr2", NULL },
	{ __HYPERVISOR_grant_table_op, GNTTABOP_query_size, "d444", NULL },
	{ __HYPERVISOR_grant_table_op, GNTTABOP_set_version, "b", NULL },
	{ __HYPERVISOR_grant_table_op, GNTTABOP_get_version, "d4", NULL },
	{ __HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, "gob", NULL },
	{ __HYPERVISOR_vcpu_op, VCPUOP_register_runstate_memory_area, "a", NULL },
	{ __HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, "", NULL },
	{ __HYPERVISOR_vcpu_op, VCPUOP_set_periodic_timer, "8", NULL },
	{ __HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer, "", NULL },
	{ __HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, "8b", NULL },
	{ __HYPERVISOR_vcpu_op, VCPUOP_stop_singleshot_timer, "", NULL },
	{ __HYPERVISOR_vcpu_op, VCPUOP_is_up, "", NULL },
	{ __HYPERVISOR_console_io, CONSOLEIO_write, "888", NULL },
};

static void put_list(struct vm_fake *fake, const char *fields, struct fuzz_input *in)
{
	uint8_t buf[256];
	size_t len = 0;

	for (unsigned n = take(in) % 8; n > 0; n--)
		len += put_struct(in, fields, buf + len, sizeof(buf) - len);
	if (mem_write(&fake->vm.mem, FUZZ_LIST + (take(in) % 4) * 0xffc, buf, len) < 0)
		return; /* something that may not be written to stands there */
}

/* Args as the hypercall has them: where the structure is differs. */
static void make_args(const struct fuzz_op *op, struct fuzz_input *in, uint64_t args[6])
{
	uint8_t how = take(in);
	uint64_t at = how < 0xf0 ? FAKE_ARG : pick_address(in);

	args[0] = op->cmd;
	args[1] = at;
	args[2] = 0;
	if (op->number == __HYPERVISOR_vcpu_op) {
		args[1] = how % 3 ? how / 3 % FUZZ_VCPUS : pick_field(in, 'v');
		args[2] = at;
	} else if (op->number == __HYPERVISOR_grant_table_op) {
		args[2] = how % 4 ? 1 : pick_field(in, 'c');
	} else if (op->number == __HYPERVISOR_console_io) {
		args[1] = pick_number(in);
		args[2] = at;
	} else if (op->number == __HYPERVISOR_set_timer_op) {
		args[0] = pick_number(in);
	} else if (op->number == __HYPERVISOR_vm_assist) {
		args[1] = take(in) % 8;
	}
}

static void fuzz_call(struct vm_fake *fake, unsigned vcpu, struct fuzz_input *in)
{
	uint8_t which = take(in);
	const struct fuzz_op *op = &fuzz_ops[which % ARRAY_SIZE(fuzz_ops)];
	struct hypercall call = { .number = op->number, .bits64 = true };
	uint8_t buf[256];
	size_t len = put_struct(in, op->fields, buf, sizeof(buf));

	if (op->list)
		put_list(fake, op->list, in);
	make_args(op, in, call.args);
	/* In place of its page something may stand that nobody can write to. */
	if (mem_write(&fake->vm.mem, FAKE_ARG, buf, len) < 0)
		call.args[1] = 0;
	hypercall(&fake->vm.vcpus[vcpu], &call);
}

/* No sense at all, but for the number now and then. */
static void fuzz_raw_call(struct vm_fake *fake, unsigned vcpu, struct fuzz_input *in)
{
	struct hypercall call = { .number = take(in) % 64 };

	call.bits64 = take(in) % 8;
	call.user = take(in) % 16 == 0;
	for (unsigned i = 0; i < 6; i++)
		call.args[i] = pick_field(in, "dgapv48c"[take(in) % 8]);
	if (call.number == 63)
		call.number = pick_number(in);
	hypercall(&fake->vm.vcpus[vcpu], &call);
}

static void fuzz_multicall(struct vm_fake *fake, unsigned vcpu, struct fuzz_input *in)
{
	struct multicall_entry calls[4] = { 0 };
	unsigned n = take(in) % 8;

	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct fuzz_op *op = &fuzz_ops[take(in) % ARRAY_SIZE(fuzz_ops)];
		uint64_t args[6] = { 0 };

		make_args(op, in, args);
		calls[i].op = take(in) % 8 ? op->number : __HYPERVISOR_multicall;
		memcpy(calls[i].args, args, sizeof(args));
	}
	if (mem_write(&fake->vm.mem, FUZZ_LIST, calls, sizeof(calls)) < 0)
		return;
	fake_call(fake, vcpu, __HYPERVISOR_multicall, FUZZ_LIST, n, 0);
}

/* What a guest does to its own memory is its own business, also where the hypervisor reads. */
static void fuzz_scribble(struct vm_fake *fake, struct fuzz_input *in)
{
	uint64_t gpa = pick_gfn(in) * VM_PAGE + take(in) * 4u;
	uint32_t word = pick_number(in);

	for (unsigned n = take(in) % 16 + 1; n > 0; n--, gpa += 4)
		if (mem_write(&fake->vm.mem, gpa, &word, sizeof(word)) < 0)
			return;
}

static void fuzz_grant(grant_entry_v1_t *entry, struct fuzz_input *in)
{
	static const uint16_t flags[] = { GTF_permit_access, GTF_permit_access,
		GTF_permit_access | GTF_readonly, 0, GTF_permit_access | GTF_reading,
		GTF_transitive, GTF_accept_transfer, 0xffff };

	__atomic_store_n(&entry->frame, (uint32_t)pick_gfn(in), __ATOMIC_RELAXED);
	__atomic_store_n(&entry->domid, (domid_t)pick_domid(in), __ATOMIC_RELAXED);
	__atomic_store_n(&entry->flags, flags[take(in) % 8], __ATOMIC_RELEASE);
}

static void fuzz_time(struct vm_fake *fake, struct fuzz_input *in)
{
	fake->now += pick_number(in) & 0xffffffffff;
	for (unsigned i = 0; i < FUZZ_VCPUS; i++) {
		struct fake_vcpu *fv = &fake->vcpu[i];

		if (fv->timer && fv->timer <= fake->now)
			vcpu_timer(&fake->vm.vcpus[i]);
		fv->apic_off = take(in) & 1;
		vcpu_upcall_again(&fake->vm.vcpus[i]);
	}
}

static void peer_bind(struct fuzz_input *in)
{
	void *link = malloc(1);
	bool listen = take(in) & 1;
	uint32_t domid = pick_domid(in);
	int port;

	if (!link)
		return;
	if (listen)
		port = event_alloc_unbound(&fuzz_peer, domid, NULL, link);
	else
		port = event_bind_interdomain(
			&fuzz_set, &fuzz_peer, domid, pick_port(in), NULL, &link);
	/* A channel has it then, or, with a vm, has taken it away. */
	if (!listen || port < 0)
		free(link);
}

static void fuzz_peer_act(struct fuzz_input *in)
{
	struct event_status status;

	switch (take(in) % 6) {
	case 0:
	case 1:
		peer_bind(in);
		break;
	case 2:
		event_send(&fuzz_set, &fuzz_peer, pick_port(in));
		break;
	case 3:
		event_close(&fuzz_set, &fuzz_peer, pick_port(in), NULL);
		break;
	case 4:
		fuzz_grant(&fuzz_entries[take(in) % FUZZ_GRANTS], in);
		break;
	default:
		event_status(&fuzz_peer, pick_port(in), &status);
		break;
	}
}

static void fuzz_record(struct fuzz_input *in)
{
	uint8_t who = take(in);
	struct vm_fake *fake = fuzz_vm[who & 1];
	unsigned vcpu = who >> 1 & 3;
	grant_entry_v1_t *table;

	switch (who >> 3) {
	case 0:
		fuzz_raw_call(fake, vcpu, in);
		break;
	case 1:
		fuzz_multicall(fake, vcpu, in);
		break;
	case 2:
	case 3:
		fuzz_scribble(fake, in);
		break;
	case 4:
		fuzz_time(fake, in);
		break;
	case 5:
	case 6:
		table = mem_own(&fake->vm.mem, VM_OWN_GRANT_FRAMES);
		fuzz_grant(&table[take(in) % 24], in);
		break;
	case 7:
	case 8:
		fuzz_peer_act(in);
		break;
	case 9:
		fake->vm.vcpus[vcpu].up = true;
		fake->moved_gva = take(in) % 2 ? FUZZ_LIST + 0x1000 : 0;
		fake->moved_gpa = pick_gfn(in) * VM_PAGE;
		break;
	default:
		fuzz_call(fake, vcpu, in);
		break;
	}
}

/* For chance alone these would hardly ever fit together. */
static void setup_shared(unsigned i)
{
	struct vm_fake *fake = fuzz_vm[i];
	grant_entry_v1_t *table = mem_own(&fake->vm.mem, VM_OWN_GRANT_FRAMES);
	domid_t other = fuzz_vm[!i]->vm.d.domid;

	for (unsigned ref = 8; ref < 16; ref++) {
		table[ref].frame = 0x300 + ref % 8;
		table[ref].domid = ref % 4 ? other : fuzz_peer.domid;
		table[ref].flags = GTF_permit_access | (ref % 2 ? GTF_readonly : 0);
	}
	for (unsigned n = 0; n < 4; n++)
		if (event_alloc_unbound(&fake->vm.d, n % 2 ? fuzz_peer.domid : other, NULL, NULL) < 0)
			abort();
	fuzz_entries[8 + i].frame = i;
	fuzz_entries[8 + i].domid = fake->vm.d.domid;
	fuzz_entries[8 + i].flags = GTF_permit_access;
}

/* The FIFO ABI, with ports that share a queue. */
static void setup_fifo(struct vm_fake *fake)
{
	struct evtchn_init_control init = { .control_gfn = 0x304 };
	struct evtchn_expand_array expand = { .array_gfn = 0x305 };
	int64_t rc = 0;

	for (init.vcpu = 0; init.vcpu < FUZZ_VCPUS; init.vcpu++, init.offset += 128)
		rc |= fake_op(fake, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_init_control, &init,
			sizeof(init));
	rc |= fake_op(fake, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_expand_array, &expand,
		sizeof(expand));
	for (unsigned i = 0; i < 4; i++)
		if (event_bind_ipi(&fake->vm.d, i / 2) < 0)
			abort();
	if (rc)
		abort();
}

static void fuzz_setup(void)
{
	struct domain_limits limits = { .max_ports = 64, .max_grants = FUZZ_GRANTS,
		.max_mapped = 64 };

	domain_set_init(&fuzz_set);
	fuzz_vm[0] = vm_fake_new(&fuzz_set, "one", FUZZ_VCPUS);
	fuzz_vm[1] = vm_fake_new(&fuzz_set, "two", FUZZ_VCPUS);
	memset(fuzz_entries, 0, sizeof(fuzz_entries));
	fuzz_peer_released = false;
	if (domain_init(&fuzz_peer, "peer", &peer_ops, &limits, fuzz_entries) < 0 ||
		domain_set_add(&fuzz_set, &fuzz_peer, DOMID_SELF) < 0)
		abort();
	setup_shared(0);
	setup_shared(1);
}

static void check_no_pins(const struct domain *d)
{
	for (uint32_t i = 0; i < d->grants.nr; i++)
		if (d->grants.active[i].readers || d->grants.active[i].writers)
			abort();
	if (d->maptrack.used)
		abort();
}

/* With event arrays given back, only the vcpu_infos that were registered hold a page. */
static void check_no_frames(struct vm *vm)
{
	uint32_t infos = 0;

	event_reset(&fuzz_set, &vm->d);
	for (unsigned i = 0; i < FUZZ_VCPUS; i++)
		/* One that is at the very start of memory has no address that says so. */
		infos += vm->vcpus[i].info_gpa ||
			(void *)event_abi_vcpu_info(vm->events, i) == vm->mem.base;
	if (vm->mem.pinned != infos)
		abort();
}

static void fuzz_finish(void)
{
	/* As the vms' end does: first what they have of others, then what others have of them. */
	for (unsigned i = 0; i < 2; i++)
		vm_fake_quit(fuzz_vm[i]);
	event_close_owned(&fuzz_set, &fuzz_peer, NULL);
	check_no_pins(&fuzz_vm[0]->vm.d);
	check_no_pins(&fuzz_vm[1]->vm.d);
	check_no_pins(&fuzz_peer);
	check_no_frames(&fuzz_vm[0]->vm);
	check_no_frames(&fuzz_vm[1]->vm);
	for (unsigned i = 0; i < 2; i++)
		vm_fake_free(fuzz_vm[i]);
	domain_set_remove(&fuzz_set, &fuzz_peer);
	domain_put(&fuzz_set, &fuzz_peer);
	if (!fuzz_peer_released)
		abort();
	domain_set_fini(&fuzz_set);
}

/* The lowest free descriptor: it comes back to where it was. */
static int next_descriptor(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	int fd = next_descriptor();

	/* Making the domains costs more than so few records are worth. */
	if (size < FUZZ_SHORTEST)
		return 0;
	log_set_level(LOG_LEVEL_ERR);
	fuzz_setup();
	if (take(&in) % 2)
		setup_fifo(fuzz_vm[0]);
	while (in.left)
		fuzz_record(&in);
	fuzz_finish();
	if (next_descriptor() != fd)
		abort();
	return 0;
}

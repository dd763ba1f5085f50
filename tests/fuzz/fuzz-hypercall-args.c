// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/fuzz/fuzz-hypercall.h"

#include <stdint.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#include "common/array.h"
#include "tests/unit/vm-fake.h"

uint8_t fuzz_take(struct fuzz_input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->at++;
}

/* Values that mean something, and some that do not. */

static uint64_t pick(struct fuzz_input *in, const uint64_t *values, size_t n)
{
	uint8_t b = fuzz_take(in);

	return b < 0xf0 ? values[b % n] : (uint64_t)fuzz_take(in) << (b % 16 * 4);
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
	uint8_t b = fuzz_take(in);

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
	uint8_t b = fuzz_take(in);

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
		return fuzz_take(in) % 5;
	case 'l':
		return pick(in, lengths, ARRAY_SIZE(lengths));
	case 'h':
		return fuzz_take(in) % 6;
	case 'z':
		return fuzz_take(in) < 0xf0 ? 0 : pick_number(in);
	default:
		return pick_ref(in);
	}
}

/* Fields by letter: see struct fuzz_op. */
uint64_t fuzz_pick(struct fuzz_input *in, char kind)
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
		return fuzz_take(in) % 24;
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
size_t fuzz_put_struct(struct fuzz_input *in, const char *fields, uint8_t *to, size_t room)
{
	size_t at = 0;

	for (; *fields; fields++) {
		size_t size = field_size(*fields);
		uint64_t value = fuzz_pick(in, *fields);

		at = (at + size - 1) & ~(size - 1);
		if (at + size > room)
			break;
		memcpy(to + at, &value, size);
		at += size;
	}
	return at;
}

const struct fuzz_op fuzz_ops[] = {
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

const size_t fuzz_nr_ops = ARRAY_SIZE(fuzz_ops);

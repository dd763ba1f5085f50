// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/build/place.h"

#include <errno.h>
#include <inttypes.h>

#include <xen/xen.h>
#include <xen/arch-x86/hvm/start_info.h>

#include "hypervisor/vm/layout.h"

static uint64_t page_round(uint64_t n)
{
	return (n + VM_PAGE - 1) & ~(VM_PAGE - 1);
}

int place_check_order(const struct build_order *order, struct build_error *err)
{
	if (order->version != BUILD_WIRE_VERSION)
		return build_fail(err, "the hypervisor speaks version %u of the builder's protocol, "
			"not %u; install both from the same release", order->version,
			BUILD_WIRE_VERSION);
	if (order->max_vcpus == 0 || order->max_vcpus > VM_MAX_VCPUS || order->vcpus == 0 ||
		order->vcpus > order->max_vcpus)
		return build_fail(err, "%u of %u vCPUs: 1 to %u are possible", order->vcpus,
			order->max_vcpus, VM_MAX_VCPUS);
	if (order->hypercall_port > 0xff)
		return build_fail(err, "the hypercall port 0x%x is above 0xff", order->hypercall_port);
	if (order->ram_bytes < VM_MIN_RAM || order->ram_bytes > VM_MAX_RAM ||
		order->ram_bytes % VM_PAGE)
		return build_fail(err, "%" PRIu64 " bytes of memory: whole pages, %llu MiB to %llu MiB "
			"are possible", order->ram_bytes, build_mib(VM_MIN_RAM), build_mib(VM_MAX_RAM));
	return 0;
}

int place_plan(const struct build_order *order, const struct elf_kernel *kernel,
	size_t cmdline_len, struct place *out, struct build_error *err)
{
	uint64_t low = order->ram_bytes < VM_LOW_RAM_MAX ? order->ram_bytes : VM_LOW_RAM_MAX;
	uint64_t end;

	*out = (struct place){ .low = low, .high = order->ram_bytes - low };
	if (cmdline_len > PLACE_CMDLINE_MAX)
		return build_fail(err, "the command line has %zu bytes, more than %u", cmdline_len,
			PLACE_CMDLINE_MAX);
	if (kernel->end > VM_LOW_RAM_MAX)
		return build_fail(err, "the kernel takes memory up to 0x%" PRIx64 ", and there is none "
			"from 0x%llx to 4 GiB", kernel->end, VM_LOW_RAM_MAX);
	if (kernel->end > low)
		return build_fail(err, "the kernel does not fit into %llu MiB: it takes memory up to "
			"0x%" PRIx64 "; give the guest at least %llu MiB", build_mib(order->ram_bytes),
			kernel->end, build_mib(kernel->end) + 1);
	out->start_info = page_round(kernel->end);
	out->modlist = out->start_info + sizeof(struct hvm_start_info);
	out->memmap = out->modlist + sizeof(struct hvm_modlist_entry);
	out->cmdline = out->memmap + PLACE_MEMMAP_MAX * sizeof(struct hvm_memmap_table_entry);
	end = out->cmdline + cmdline_len + 1;
	if (end > PLACE_START_MAX)
		return build_fail(err, "the kernel ends at 0x%" PRIx64 ", which leaves no room for its "
			"start info below 1 GiB", kernel->end);
	out->initrd = page_round(end);
	if (out->initrd > low)
		return build_fail(err, "the kernel does not fit into %llu MiB: no room is left for its "
			"start info; give the guest more memory", build_mib(order->ram_bytes));
	return 0;
}

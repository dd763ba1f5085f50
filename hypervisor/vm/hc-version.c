// SPDX-License-Identifier: MIT
/* xen_version: the interface is Xen 4.17's; the strings say whose implementation it is. */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/features.h>
#include <xen/version.h>

#include "hypervisor/vm/vm.h"

#define VERSION_NUMBER 0x00040011
#define FEATURE(name) (1u << XENFEAT_##name)
/* A vm has no PIRQs, so hvm_pirqs is not among them. */
#define VERSION_FEATURES                                                                   \
	(FEATURE(writable_page_tables) | FEATURE(auto_translated_physmap) |                \
		FEATURE(hvm_callback_vector) | FEATURE(hvm_safe_pvclock) |                 \
		FEATURE(memory_op_vnode_supported) | FEATURE(not_direct_mapped))

_Static_assert(VERSION_FEATURES == 0x12305, "what a PVH guest of Xen 4.17 sees");

#define VERSION_TEXT_MAX 1024u

/* A string in a field of fixed size, zeros behind it. */
static int64_t version_text(struct vcpu *v, uint64_t arg, const char *text, size_t size)
{
	char field[VERSION_TEXT_MAX] = { 0 };

	memcpy(field, text, strnlen(text, size - 1));
	return guest_write(v, arg, field, size);
}

static int64_t version_compile_info(struct vcpu *v, uint64_t arg)
{
	static const struct xen_compile_info info = {
		.compiler = "gcc",
		.compile_by = "sluice",
	};

	return guest_write(v, arg, &info, sizeof(info));
}

static int64_t version_platform(struct vcpu *v, uint64_t arg)
{
	static const struct xen_platform_parameters parameters = { .virt_start = 0 };

	return guest_write(v, arg, &parameters, sizeof(parameters));
}

static int64_t version_features(struct vcpu *v, uint64_t arg)
{
	struct xen_feature_info info;

	if (guest_read(v, arg, &info, sizeof(info)) < 0)
		return -EFAULT;
	if (info.submap_idx >= XENFEAT_NR_SUBMAPS)
		return -EINVAL;
	info.submap = VERSION_FEATURES;
	return guest_write(v, arg, &info, sizeof(info));
}

static int64_t version_handle(struct vcpu *v, uint64_t arg)
{
	static const xen_domain_handle_t none;

	return guest_write(v, arg, none, sizeof(none));
}

int64_t hc_version(struct vcpu *v, uint32_t cmd, uint64_t arg)
{
	switch (cmd) {
	case XENVER_version:
		return VERSION_NUMBER;
	case XENVER_extraversion:
		return version_text(v, arg, "-sluice", sizeof(xen_extraversion_t));
	case XENVER_compile_info:
		return version_compile_info(v, arg);
	case XENVER_capabilities:
		return version_text(v, arg, "hvm-3.0-x86_64 ", sizeof(xen_capabilities_info_t));
	case XENVER_changeset:
		return version_text(v, arg, "unavailable", sizeof(xen_changeset_info_t));
	case XENVER_platform_parameters:
		return version_platform(v, arg);
	case XENVER_get_features:
		return version_features(v, arg);
	case XENVER_pagesize:
		return VM_PAGE;
	case XENVER_guest_handle:
		return version_handle(v, arg);
	case XENVER_commandline:
		return version_text(v, arg, "", sizeof(xen_commandline_t));
	case XENVER_build_id:
		return -ENODATA;
	default:
		return hypercall_unknown(v, __HYPERVISOR_xen_version, cmd);
	}
}

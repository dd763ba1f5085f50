// SPDX-License-Identifier: MIT
/* In the order of the manual page of Xen 4.17. */
#include "config.h"
#include "tools/cfg-keys.h"

#include <stddef.h>
#include <string.h>

#include "common/array.h"

#define HONOURED(name, type) { name, type, CFG_HONOURED, NULL, NULL }
#define IGNORED(name, type, why) { name, type, CFG_IGNORED, why, NULL }
#define REFUSED(name, type, why) { name, type, CFG_REFUSED, why, NULL }

#define NO_EMULATION "it concerns emulated devices and firmware, of which a vm here has none"
#define NO_DEVICE_MODEL "there is no device model here"
#define NO_PV "guests are of type pvh here; a kernel that can be a PV guest most often can be that, too"
#define NO_PASSTHROUGH "a vm gets no hardware of the host; remove it"
#define NO_BACKEND "Sluice has no backend of this kind; remove it"
#define NOT_X86 "it is for ARM"
#define HOST_SCHEDULES "the host's kernel schedules virtual CPUs; use cpusets and cgroups of the host"
#define OWN_LIMITS "the hypervisor has limits of its own"

const struct cfg_key cfg_keys[] = {
	HONOURED("name", CFG_STRING),
	HONOURED("type", CFG_STRING),
	REFUSED("builder", CFG_STRING, "it is out of date; write type=\"pvh\" in its place"),
	{ "pool", CFG_STRING, CFG_IGNORED, HOST_SCHEDULES, "Pool-0" },
	HONOURED("vcpus", CFG_NUMBER),
	HONOURED("maxvcpus", CFG_NUMBER),
	{ "cpus", CFG_ANY, CFG_IGNORED, HOST_SCHEDULES, "all" },
	{ "cpus_soft", CFG_ANY, CFG_IGNORED, HOST_SCHEDULES, "all" },
	IGNORED("cpu_weight", CFG_NUMBER, HOST_SCHEDULES),
	REFUSED("cap", CFG_NUMBER, HOST_SCHEDULES),
	HONOURED("memory", CFG_NUMBER),
	HONOURED("maxmem", CFG_NUMBER),
	REFUSED("vnuma", CFG_LIST, "a vm has one NUMA node; remove it"),
	HONOURED("on_poweroff", CFG_STRING),
	HONOURED("on_reboot", CFG_STRING),
	HONOURED("on_watchdog", CFG_STRING),
	HONOURED("on_crash", CFG_STRING),
	IGNORED("on_soft_reset", CFG_STRING, "a guest that resets itself softly counts as crashed"),
	HONOURED("kernel", CFG_STRING),
	HONOURED("ramdisk", CFG_STRING),
	HONOURED("cmdline", CFG_STRING),
	HONOURED("root", CFG_STRING),
	HONOURED("extra", CFG_STRING),
	REFUSED("firmware", CFG_STRING, "a vm boots its kernel directly; give kernel= and ramdisk="),
	REFUSED("pvshim", CFG_BOOLEAN, NO_PV),
	IGNORED("pvshim_path", CFG_STRING, NO_PV),
	IGNORED("pvshim_cmdline", CFG_STRING, NO_PV),
	IGNORED("pvshim_extra", CFG_STRING, NO_PV),
	HONOURED("uuid", CFG_STRING),
	REFUSED("seclabel", CFG_STRING, "there are no security labels here; remove it"),
	REFUSED("init_seclabel", CFG_STRING, "there are no security labels here; remove it"),
	IGNORED("max_grant_frames", CFG_NUMBER, OWN_LIMITS),
	IGNORED("max_maptrack_frames", CFG_NUMBER, OWN_LIMITS),
	{ "max_grant_version", CFG_NUMBER, CFG_REFUSED, "guests have version 1; write 1", "1 2" },
	{ "nomigrate", CFG_BOOLEAN, CFG_IGNORED, "no vm migrates", "0 1" },
	HONOURED("driver_domain", CFG_BOOLEAN),
	REFUSED("device_tree", CFG_STRING, NOT_X86),
	{ "passthrough", CFG_STRING, CFG_REFUSED, NO_PASSTHROUGH, "disabled" },
	{ "xend_suspend_evtchn_compat", CFG_BOOLEAN, CFG_IGNORED, "no vm migrates", "0 1" },
	REFUSED("vmtrace_buf_kb", CFG_NUMBER, "there is no tracing of guests here; remove it"),
	REFUSED("vpmu", CFG_BOOLEAN, "a vm has no performance counters here; remove it"),
	HONOURED("disk", CFG_LIST),
	HONOURED("vif", CFG_LIST),
	REFUSED("vtpm", CFG_LIST, NO_BACKEND),
	REFUSED("p9", CFG_LIST, NO_BACKEND),
	REFUSED("pvcalls", CFG_LIST, NO_BACKEND),
	REFUSED("vfb", CFG_LIST, NO_BACKEND),
	REFUSED("channel", CFG_LIST, "a vm has one console and no further channels yet; remove it"),
	REFUSED("rdm", CFG_STRING, NO_PASSTHROUGH),
	REFUSED("usbctrl", CFG_LIST, NO_BACKEND),
	REFUSED("usbdev", CFG_LIST, NO_BACKEND),
	REFUSED("pci", CFG_LIST, NO_PASSTHROUGH),
	IGNORED("pci_permissive", CFG_BOOLEAN, NO_PASSTHROUGH),
	IGNORED("pci_msitranslate", CFG_BOOLEAN, NO_PASSTHROUGH),
	IGNORED("pci_seize", CFG_BOOLEAN, NO_PASSTHROUGH),
	IGNORED("pci_power_mgmt", CFG_BOOLEAN, NO_PASSTHROUGH),
	REFUSED("gfx_passthru", CFG_ANY, NO_PASSTHROUGH),
	IGNORED("rdm_mem_boundary", CFG_NUMBER, NO_PASSTHROUGH),
	REFUSED("dtdev", CFG_LIST, NOT_X86),
	REFUSED("ioports", CFG_LIST, NO_PASSTHROUGH),
	REFUSED("iomem", CFG_LIST, NO_PASSTHROUGH),
	REFUSED("irqs", CFG_LIST, NO_PASSTHROUGH),
	IGNORED("max_event_channels", CFG_NUMBER, OWN_LIMITS),
	REFUSED("vdispl", CFG_LIST, NO_BACKEND),
	IGNORED("dm_restrict", CFG_BOOLEAN, NO_DEVICE_MODEL),
	IGNORED("device_model_user", CFG_STRING, NO_DEVICE_MODEL),
	REFUSED("vsnd", CFG_LIST, NO_BACKEND),
	REFUSED("vkb", CFG_LIST, NO_BACKEND),
	{ "tee", CFG_STRING, CFG_REFUSED, NOT_X86, "none" },
	REFUSED("bootloader", CFG_STRING, "nothing on the host reads a guest's file systems;"
		" give its kernel= and ramdisk= as files"),
	IGNORED("bootloader_args", CFG_LIST, "there is no boot loader here"),
	IGNORED("e820_host", CFG_BOOLEAN, NO_PASSTHROUGH),
	IGNORED("boot", CFG_STRING, NO_EMULATION),
	IGNORED("hdtype", CFG_STRING, NO_EMULATION),
	{ "hap", CFG_BOOLEAN, CFG_IGNORED, "KVM decides how memory is translated", "1" },
	IGNORED("oos", CFG_BOOLEAN, "KVM decides how memory is translated"),
	IGNORED("shadow_memory", CFG_NUMBER, "KVM decides how memory is translated"),
	IGNORED("bios", CFG_STRING, NO_EMULATION),
	IGNORED("bios_path_override", CFG_STRING, NO_EMULATION),
	{ "pae", CFG_BOOLEAN, CFG_IGNORED, NO_EMULATION, "1" },
	{ "acpi", CFG_BOOLEAN, CFG_IGNORED, NO_EMULATION, NULL },
	IGNORED("acpi_s3", CFG_BOOLEAN, NO_EMULATION),
	IGNORED("acpi_s4", CFG_BOOLEAN, NO_EMULATION),
	IGNORED("acpi_laptop_slate", CFG_BOOLEAN, NO_EMULATION),
	{ "apic", CFG_BOOLEAN, CFG_IGNORED, "a vm has local APICs in any case", "1" },
	{ "nx", CFG_BOOLEAN, CFG_IGNORED, "a vm has what the host's CPU has", "1" },
	{ "hpet", CFG_BOOLEAN, CFG_IGNORED, NO_EMULATION, "0" },
	{ "altp2m", CFG_STRING, CFG_REFUSED, "KVM has nothing like it; remove it", "disabled" },
	REFUSED("altp2mhvm", CFG_BOOLEAN, "KVM has nothing like it; remove it"),
	REFUSED("nestedhvm", CFG_BOOLEAN, "a vm runs no vms; remove it"),
	REFUSED("cpuid", CFG_ANY, "a vm sees the host's CPU but for what Sluice hides; remove it"),
	IGNORED("acpi_firmware", CFG_STRING, NO_EMULATION),
	IGNORED("smbios_firmware", CFG_STRING, NO_EMULATION),
	{ "ms_vm_genid", CFG_STRING, CFG_IGNORED, NO_EMULATION, "none" },
	{ "tsc_mode", CFG_ANY, CFG_REFUSED, "the time stamp counter is the host's; write native, or"
		" remove it", "default native 0 2" },
	{ "localtime", CFG_BOOLEAN, CFG_IGNORED, "a guest's clock is UTC", "0" },
	{ "rtc_timeoffset", CFG_NUMBER, CFG_IGNORED, "a guest's clock is UTC", "0" },
	IGNORED("vpt_align", CFG_BOOLEAN, NO_EMULATION),
	IGNORED("timer_mode", CFG_ANY, NO_EMULATION),
	IGNORED("mmio_hole", CFG_NUMBER, NO_EMULATION),
	IGNORED("xen_platform_pci", CFG_BOOLEAN, NO_EMULATION),
	{ "viridian", CFG_ANY, CFG_IGNORED, "a vm shows Xen's interface, not Hyper-V's", "0" },
	IGNORED("videoram", CFG_NUMBER, NO_EMULATION),
	IGNORED("stdvga", CFG_BOOLEAN, NO_EMULATION),
	{ "vga", CFG_STRING, CFG_IGNORED, NO_EMULATION, "none" },
	{ "vnc", CFG_BOOLEAN, CFG_IGNORED, NO_EMULATION, "0" },
	IGNORED("vnclisten", CFG_STRING, NO_EMULATION),
	IGNORED("vncdisplay", CFG_NUMBER, NO_EMULATION),
	IGNORED("vncunused", CFG_BOOLEAN, NO_EMULATION),
	IGNORED("vncpasswd", CFG_STRING, NO_EMULATION),
	IGNORED("keymap", CFG_STRING, NO_EMULATION),
	{ "sdl", CFG_BOOLEAN, CFG_IGNORED, NO_EMULATION, "0" },
	{ "opengl", CFG_BOOLEAN, CFG_IGNORED, NO_EMULATION, "0" },
	{ "nographic", CFG_BOOLEAN, CFG_IGNORED, NO_EMULATION, "1" },
	{ "spice", CFG_BOOLEAN, CFG_IGNORED, NO_EMULATION, "0" },
	IGNORED("spicehost", CFG_STRING, NO_EMULATION),
	IGNORED("spiceport", CFG_NUMBER, NO_EMULATION),
	IGNORED("spicetls_port", CFG_NUMBER, NO_EMULATION),
	IGNORED("spicedisable_ticketing", CFG_BOOLEAN, NO_EMULATION),
	IGNORED("spicepasswd", CFG_STRING, NO_EMULATION),
	IGNORED("spiceagent_mouse", CFG_BOOLEAN, NO_EMULATION),
	IGNORED("spicevdagent", CFG_BOOLEAN, NO_EMULATION),
	IGNORED("spice_clipboard_sharing", CFG_BOOLEAN, NO_EMULATION),
	IGNORED("spiceusbredirection", CFG_NUMBER, NO_EMULATION),
	IGNORED("spice_image_compression", CFG_STRING, NO_EMULATION),
	IGNORED("spice_streaming_video", CFG_STRING, NO_EMULATION),
	IGNORED("serial", CFG_ANY, "a vm has no serial port; console=hvc0 on the kernel's command line"
		" and sluice console are its console"),
	IGNORED("soundhw", CFG_STRING, NO_EMULATION),
	IGNORED("vkb_device", CFG_BOOLEAN, NO_EMULATION),
	{ "usb", CFG_BOOLEAN, CFG_IGNORED, NO_EMULATION, "0" },
	IGNORED("usbversion", CFG_NUMBER, NO_EMULATION),
	IGNORED("usbdevice", CFG_ANY, NO_EMULATION),
	{ "vendor_device", CFG_STRING, CFG_IGNORED, NO_EMULATION, "none" },
	IGNORED("device_model_version", CFG_STRING, NO_DEVICE_MODEL),
	IGNORED("device_model_override", CFG_STRING, NO_DEVICE_MODEL),
	IGNORED("stubdomain_kernel", CFG_STRING, NO_DEVICE_MODEL),
	IGNORED("stubdomain_cmdline", CFG_STRING, NO_DEVICE_MODEL),
	IGNORED("stubdomain_ramdisk", CFG_STRING, NO_DEVICE_MODEL),
	IGNORED("stubdomain_memory", CFG_NUMBER, NO_DEVICE_MODEL),
	IGNORED("device_model_stubdomain_override", CFG_BOOLEAN, NO_DEVICE_MODEL),
	IGNORED("device_model_stubdomain_seclabel", CFG_STRING, NO_DEVICE_MODEL),
	IGNORED("device_model_args", CFG_LIST, NO_DEVICE_MODEL),
	IGNORED("device_model_args_pv", CFG_LIST, NO_DEVICE_MODEL),
	IGNORED("device_model_args_hvm", CFG_LIST, NO_DEVICE_MODEL),
	{ "gic_version", CFG_STRING, CFG_REFUSED, NOT_X86, "default" },
	REFUSED("vuart", CFG_STRING, NOT_X86),
	REFUSED("mca_caps", CFG_LIST, "a vm is told of no machine checks; remove it"),
	{ "msr_relaxed", CFG_BOOLEAN, CFG_IGNORED, "KVM decides which MSRs a vm has", "0" },
};

const unsigned cfg_nkeys = ARRAY_SIZE(cfg_keys);

const struct cfg_key *cfg_key_find(const char *name)
{
	for (unsigned i = 0; i < cfg_nkeys; i++)
		if (strcmp(cfg_keys[i].name, name) == 0)
			return &cfg_keys[i];
	return NULL;
}

bool cfg_key_is_fine(const struct cfg_key *key, const char *value)
{
	const char *p = key->fine;
	size_t length = strlen(value);

	if (!length || (key->verdict == CFG_REFUSED && strcmp(value, "0") == 0))
		return true;
	while (p && *p) {
		size_t word = strcspn(p, " ");

		if (word == length && strncmp(p, value, length) == 0)
			return true;
		p += word;
		p += *p == ' ';
	}
	return false;
}

const char *cfg_type_name(enum cfg_type type)
{
	static const char *const names[] = { "string", "number", "boolean", "list", "any" };

	return names[type];
}

const char *cfg_verdict_name(enum cfg_verdict verdict)
{
	static const char *const names[] = { "honoured", "ignored", "refused" };

	return names[verdict];
}

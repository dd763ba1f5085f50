// SPDX-License-Identifier: MIT
/* The command line of sluice boot. */
#include "config.h"
#include "tools/boot.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/log.h"
#include "tools/disk-arg.h"
#include "tools/log-option.h"
#include "tools/net-arg.h"
#include "tools/process-arg.h"
#include "tools/vdev.h"

#define DEFAULT_MEMORY_MIB 512u
/* As long as a domain's name may be for the hypervisor. */
#define NAME_MAX_LENGTH 63u
#define MAX_TIMEOUT (30u * 24 * 3600)

enum {
	OPT_KERNEL = 256, OPT_INITRD, OPT_APPEND, OPT_MEMORY, OPT_VCPUS, OPT_MAXVCPUS, OPT_DISK, OPT_NET,
	OPT_NAME, OPT_CONSOLE, OPT_ON_POWEROFF, OPT_ON_REBOOT, OPT_ON_CRASH,
	OPT_ON_WATCHDOG, OPT_UUID, OPT_PAUSED, OPT_TIMEOUT, OPT_VM,
	OPT_DRIVER_VM, OPT_DRIVER_PROCESS, OPT_DEVICE, OPT_DIRECTORY, OPT_INTERFACE, OPT_BRIDGE, OPT_SERVER, OPT_KVM, OPT_HYPERCALLS, OPT_LOG_LEVEL,
};

static const struct option long_options[] = {
	{ "kernel", required_argument, NULL, OPT_KERNEL },
	{ "initrd", required_argument, NULL, OPT_INITRD },
	{ "append", required_argument, NULL, OPT_APPEND },
	{ "memory", required_argument, NULL, OPT_MEMORY },
	{ "vcpus", required_argument, NULL, OPT_VCPUS },
	{ "maxvcpus", required_argument, NULL, OPT_MAXVCPUS },
	{ "disk", required_argument, NULL, OPT_DISK },
	{ "net", required_argument, NULL, OPT_NET },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "console", required_argument, NULL, OPT_CONSOLE },
	{ "on-poweroff", required_argument, NULL, OPT_ON_POWEROFF },
	{ "on-reboot", required_argument, NULL, OPT_ON_REBOOT },
	{ "on-crash", required_argument, NULL, OPT_ON_CRASH },
	{ "on-watchdog", required_argument, NULL, OPT_ON_WATCHDOG },
	{ "uuid", required_argument, NULL, OPT_UUID },
	{ "paused", no_argument, NULL, OPT_PAUSED },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "vm", required_argument, NULL, OPT_VM },
	{ "driver-vm", required_argument, NULL, OPT_DRIVER_VM },
	{ "driver-process", required_argument, NULL, OPT_DRIVER_PROCESS },
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ "directory", required_argument, NULL, OPT_DIRECTORY },
	{ "interface", required_argument, NULL, OPT_INTERFACE },
	{ "bridge", required_argument, NULL, OPT_BRIDGE },
	{ "server", required_argument, NULL, OPT_SERVER },
	{ "kvm", required_argument, NULL, OPT_KVM },
	{ "hypercalls", required_argument, NULL, OPT_HYPERCALLS },
	{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void usage(void)
{
	printf("Usage: sluice boot --kernel=FILE [OPTION]..\n"
		"Boots a guest in a virtual machine of a private stack. The exit status is 0 when it\n"
		"powered off, 1 when it crashed or could not be started, 124 after --timeout.\n\n"
		"  --kernel=FILE        a Linux kernel (bzImage), or an ELF file with a PVH entry\n"
		"  --initrd=FILE        its initial RAM disk\n"
		"  --append=TEXT        its command line; console=hvc0 shows it here\n"
		"  --memory=MIB         %u to %u, default %u\n"
		"  --vcpus=N            1 to %u, default 1\n"
		"  --maxvcpus=N         how many it can have; default: as many as --vcpus\n"
		"  --disk=FILE[,OPTION].. a disk, as sluice exec has it, and the option\n"
		"                       backend=NAME: the driver domain that serves it; FILE is there\n"
		"  --net=KEY=VALUE,..   a network interface, as an entry of vif= in xl's files; --net= alone\n"
		"                       gives the guest a network that needs no privilege, with DHCP\n"
		"  --name=NAME          default: guest\n"
		"  --console=WHERE      stdio (default; Ctrl-] leaves), a FILE to append to, or none\n"
		"  --uuid=UUID          default: a random one\n"
		"  --on-poweroff=WHAT, --on-reboot=WHAT, --on-crash=WHAT, --on-watchdog=WHAT\n"
		"                       destroy, restart or preserve; default restart for reboot, else destroy\n"
		"  --paused             do not start its virtual CPUs: sluice unpause does\n"
		"  --timeout=SECONDS    end it all after so long\n"
		"  --vm=NAME            what follows is for another vm\n"
		"  --driver-vm=NAME     what follows is for a driver domain, which is booted first\n"
		"  --driver-process=NAME  what follows is for a process driver domain, which may reach:\n"
		"  --device=PATH        this device of the host; may be repeated\n"
		"  --directory=PATH[,ro]  this directory and what is in it; may be repeated\n"
		"  --interface=NAME     this network interface, which the host has not meanwhile\n"
		"  --bridge=NAME[=INTERFACE]  a bridge in its own network, and such an interface on it\n"
		"  --server=HOST:PORT[-PORT]  this server, as if it were in there; may be repeated\n"
		"  --kvm=PATH           default: /dev/kvm\n"
		"  --hypercalls=HOW     rewrite or kvm, see sluice-hypervisor(8)\n"
		"  --log-level=LEVEL    error, warning (default), info, debug\n"
		"  --help\n\n"
		"sluice list, pause, unpause, shutdown, reboot, destroy and console act on it by its name.\n"
		"Ctrl-C, where it is not the guest's, asks it to power off; a second one destroys it.\n",
		STACK_VM_MIN_MIB, STACK_VM_MAX_MIB, DEFAULT_MEMORY_MIB, STACK_VM_MAX_VCPUS);
}

/* --- values ------------------------------------------------------------ */

static int set_number(const char *option, const char *text, unsigned min, unsigned max,
	unsigned *value)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || !isdigit((unsigned char)text[0]) || *end || n < min || n > max) {
		log_err("--%s=%s: it must be a number from %u to %u", option, text, min, max);
		return -EINVAL;
	}
	*value = (unsigned)n;
	return 0;
}

static int set_file(const char *option, const char *text, const char **value)
{
	if (!text[0]) {
		log_err("--%s= needs a file", option);
		return -EINVAL;
	}
	*value = text;
	return 0;
}

bool boot_name_is_good(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return length && !text[length] && length <= NAME_MAX_LENGTH && text[0] != '-';
}

bool boot_uuid_is_good(const char *text)
{
	size_t i = 0;

	for (; i < 36; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	return !text[i];
}

static int set_name(const char *option, const char *text, const char **value)
{
	if (!boot_name_is_good(text)) {
		log_err("--%s=%s: " BOOT_NAME_RULE, option, text);
		return -EINVAL;
	}
	*value = text;
	return 0;
}

static int set_uuid(const char *text, const char **value)
{
	if (!boot_uuid_is_good(text)) {
		log_err("--uuid=%s has not the form " BOOT_UUID_FORM, text);
		return -EINVAL;
	}
	*value = text;
	return 0;
}

static int set_console(struct boot_vm *vm, const char *text)
{
	struct stack_vm_config *c = &vm->config;

	vm->has_console = true;
	c->console = STACK_CONSOLE_NONE;
	if (strcmp(text, "none") == 0)
		return 0;
	c->console = strcmp(text, "stdio") == 0 ? STACK_CONSOLE_STDIO : STACK_CONSOLE_FILE;
	return set_file("console", text, &c->console_file);
}

static int add_net(struct stack_vm_config *c, char *text)
{
	CLEANUP_FREE char *whole = strdup(text);
	char why[512] = "out of memory";

	if (c->nvifs == STACK_VIFS) {
		log_err("at most %u interfaces", STACK_VIFS);
		return -E2BIG;
	}
	if (!whole || net_arg_parse(text, &c->vifs[c->nvifs], why, sizeof(why)) < 0) {
		log_err("--net=%s: %s", whole ? whole : "", why);
		return -EINVAL;
	}
	c->nvifs++;
	return 0;
}

static int set_action(const char *option, const char *text, enum boot_action *action)
{
	static const char *const names[] = { "destroy", "restart", "preserve" };

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*action = (enum boot_action)i;
			return 0;
		}
	}
	log_err("--%s=%s: it must be destroy, restart or preserve", option, text);
	return -EINVAL;
}

/* --- vms --------------------------------------------------------------- */

static struct boot_vm *new_vm(struct boot_options *o, bool driver, bool process)
{
	struct boot_vm *vm;

	if (o->nvms == BOOT_VMS) {
		log_err("at most %u vms and driver domains in a stack's command line", BOOT_VMS);
		return NULL;
	}
	vm = &o->vms[o->nvms++];
	*vm = (struct boot_vm){ .config = { .name = driver ? NULL : "guest", .driver = driver,
		.memory_mib = process ? 0 : DEFAULT_MEMORY_MIB, .vcpus = process ? 0 : 1 },
		.is_process = process };
	vm->on[BOOT_REBOOT] = BOOT_RESTART;
	return vm;
}

/* The one that options are for; the first comes by itself. */
static struct boot_vm *current_vm(struct boot_options *o)
{
	return o->nvms ? &o->vms[o->nvms - 1] : new_vm(o, false, false);
}

static int set_vm(struct boot_vm *vm, int option, char *text)
{
	struct stack_vm_config *c = &vm->config;

	switch (option) {
	case OPT_KERNEL:
		return set_file("kernel", text, &c->kernel);
	case OPT_INITRD:
		return set_file("initrd", text, &c->initrd);
	case OPT_APPEND:
		c->append = text;
		return 0;
	case OPT_MEMORY:
		return set_number("memory", text, STACK_VM_MIN_MIB, STACK_VM_MAX_MIB, &c->memory_mib);
	case OPT_VCPUS:
		return set_number("vcpus", text, 1, STACK_VM_MAX_VCPUS, &c->vcpus);
	case OPT_MAXVCPUS:
		return set_number("maxvcpus", text, 1, STACK_VM_MAX_VCPUS, &c->max_vcpus);
	case OPT_DISK:
		return disk_arg_add(text, vm->config.disks, &vm->config.ndisks, STACK_VM_DISKS);
	case OPT_NET:
		return add_net(&vm->config, text);
	case OPT_NAME:
		return set_name("name", text, &c->name);
	case OPT_CONSOLE:
		return set_console(vm, text);
	case OPT_ON_POWEROFF:
		return set_action("on-poweroff", text, &vm->on[BOOT_POWEROFF]);
	case OPT_ON_REBOOT:
		return set_action("on-reboot", text, &vm->on[BOOT_REBOOT]);
	case OPT_ON_WATCHDOG:
		return set_action("on-watchdog", text, &vm->on[BOOT_WATCHDOG]);
	case OPT_UUID:
		return set_uuid(text, &c->uuid);
	case OPT_PAUSED:
		vm->paused = true;
		return 0;
	default:
		return set_action("on-crash", text, &vm->on[BOOT_CRASH]);
	}
}

/* --- process domains --------------------------------------------------- */

static bool is_process_option(int option)
{
	return option == OPT_DEVICE || option == OPT_DIRECTORY || option == OPT_INTERFACE || option == OPT_BRIDGE ||
		option == OPT_SERVER;
}

static int set_process(struct boot_vm *vm, int option, char *text)
{
	switch (option) {
	case OPT_DEVICE:
	case OPT_DIRECTORY:
		return process_arg_path(&vm->process, text, option == OPT_DIRECTORY);
	case OPT_INTERFACE:
		return process_arg_interface(&vm->process, text);
	case OPT_BRIDGE:
		return process_arg_bridge(&vm->process, text);
	case OPT_SERVER:
		return process_arg_server(&vm->process, text);
	case OPT_UUID:
		return set_uuid(text, &vm->process.uuid);
	default:
		log_err("%s is a process domain: it has --uuid, --device, --directory, --interface, --bridge and --server",
			vm->config.name);
		return -EINVAL;
	}
}

/* What follows is for another domain. */
static int begin_domain(struct boot_options *o, int option, const char *name)
{
	bool process = option == OPT_DRIVER_PROCESS;
	struct boot_vm *vm = new_vm(o, option != OPT_VM, process);
	int error = vm ? set_name(process ? "driver-process" : option == OPT_VM ? "vm" : "driver-vm", name,
		&vm->config.name) : -E2BIG;

	if (error == 0)
		vm->process.name = name;
	return error;
}

static int set_hypercalls(const char *text, const char **to)
{
	if (strcmp(text, "rewrite") != 0 && strcmp(text, "kvm") != 0) {
		log_err("--hypercalls=%s is neither rewrite nor kvm", text);
		return -EINVAL;
	}
	*to = text;
	return 0;
}

static int set_option(struct boot_options *o, int option, char *text)
{
	struct boot_vm *vm;

	switch (option) {
	case OPT_TIMEOUT:
		return set_number("timeout", text, 1, MAX_TIMEOUT, &o->timeout);
	case OPT_KVM:
		return set_file("kvm", text, &o->kvm);
	case OPT_HYPERCALLS:
		return set_hypercalls(text, &o->hypercalls);
	case OPT_LOG_LEVEL:
		return log_option(text);
	case OPT_VM:
	case OPT_DRIVER_VM:
	case OPT_DRIVER_PROCESS:
		return begin_domain(o, option, text);
	default:
		vm = current_vm(o);
		if (vm && !vm->is_process && is_process_option(option)) {
			log_err("%s is a vm: --device, --directory, --interface, --bridge and --server are for --driver-process",
				vm->config.name);
			return -EINVAL;
		}
		if (vm && vm->is_process)
			return set_process(vm, option, text);
		return vm ? set_vm(vm, option, text) : -E2BIG;
	}
}

/* --- the whole --------------------------------------------------------- */

static bool has_disk(const struct stack_vm_config *c, const char *name)
{
	for (unsigned i = 0; i < c->ndisks; i++)
		if (c->disks[i].dev && strcmp(c->disks[i].dev, name) == 0)
			return true;
	return false;
}

/* Disks without dev= get the first free names. */
static void name_disks(struct boot_vm *vm)
{
	struct stack_vm_config *c = &vm->config;
	unsigned next = 0;

	for (unsigned i = 0; i < c->ndisks; i++) {
		if (c->disks[i].dev)
			continue;
		do
			vdev_name(next++, vm->disk_names[i], sizeof(vm->disk_names[i]));
		while (has_disk(c, vm->disk_names[i]));
		c->disks[i].dev = vm->disk_names[i];
	}
}

static bool is_driver(const struct boot_options *o, const char *name)
{
	for (unsigned i = 0; i < o->nvms; i++)
		if (o->vms[i].config.driver && strcmp(o->vms[i].config.name, name) == 0)
			return true;
	return false;
}

/* Where this joins others, it may be among those. */
static int check_backend(const struct boot_options *o, const struct boot_vm *vm, const char *what,
	const char *backend)
{
	if (!backend || o->join || (!vm->config.driver && is_driver(o, backend)))
		return 0;
	log_err("%s: there is no driver domain %s for %s: --driver-vm=%s or --driver-process=%s makes one", what,
		backend, vm->config.name, backend, backend);
	return -ENOENT;
}

static int check_disks(const struct boot_options *o, const struct boot_vm *vm)
{
	const struct stack_vm_config *c = &vm->config;
	uint32_t vdev, other;

	for (unsigned i = 0; i < c->ndisks; i++) {
		const struct stack_disk *d = &c->disks[i];
		char what[64];

		if (vdev_parse(d->dev, &vdev) < 0) {
			log_err("%s is no disk name: use xvda, xvdb, ...", d->dev);
			return -EINVAL;
		}
		for (unsigned j = 0; j < i; j++) {
			if (vdev_parse(c->disks[j].dev, &other) == 0 && other == vdev) {
				log_err("disk %s is there twice: give each its own dev=", d->dev);
				return -EEXIST;
			}
		}
		snprintf(what, sizeof(what), "disk %s", d->dev);
		if (check_backend(o, vm, what, d->backend) < 0)
			return -ENOENT;
	}
	return 0;
}

/* Interfaces without devid= get the first free numbers. */
static int check_vifs(const struct boot_options *o, struct boot_vm *vm)
{
	struct stack_vm_config *c = &vm->config;

	for (unsigned i = 0; i < c->nvifs; i++) {
		char what[32];

		if (c->vifs[i].handle == STACK_VIF_ANY)
			c->vifs[i].handle = net_arg_number(c->vifs, c->nvifs);
		snprintf(what, sizeof(what), "interface %u", c->vifs[i].handle);
		for (unsigned j = 0; j < c->nvifs; j++) {
			if (j != i && c->vifs[j].handle == c->vifs[i].handle) {
				log_err("%s is there twice: give each its own devid=", what);
				return -EEXIST;
			}
		}
		if (check_backend(o, vm, what, c->vifs[i].backend) < 0)
			return -ENOENT;
	}
	return 0;
}

static int check_vm(const struct boot_options *o, struct boot_vm *vm)
{
	struct stack_vm_config *c = &vm->config;

	if (!c->kernel && !vm->is_process) {
		log_err("which kernel is %s to boot? give --kernel=FILE", c->name);
		return -EINVAL;
	}
	if (!c->max_vcpus)
		c->max_vcpus = c->vcpus;
	if (c->max_vcpus < c->vcpus) {
		log_err("--maxvcpus=%u is less than --vcpus=%u", c->max_vcpus, c->vcpus);
		return -EINVAL;
	}
	for (const struct boot_vm *other = o->vms; other < vm; other++) {
		if (strcmp(other->config.name, c->name) == 0) {
			log_err("two vms are named %s: give each its own --name", c->name);
			return -EEXIST;
		}
	}
	name_disks(vm);
	return check_disks(o, vm) < 0 ? -EINVAL : check_vifs(o, vm);
}

/* Disk names point into the element: sorted before they are made. */
static void drivers_first(struct boot_options *o)
{
	unsigned front = 0;

	for (unsigned i = 0; i < o->nvms; i++) {
		struct boot_vm vm = o->vms[i];

		if (!vm.config.driver)
			continue;
		memmove(&o->vms[front + 1], &o->vms[front], (i - front) * sizeof(vm));
		o->vms[front++] = vm;
	}
}

/* The terminal is the first guest's, unless somebody asked for it. */
static int give_terminal(struct boot_options *o)
{
	struct boot_vm *first = NULL;
	unsigned wanted = 0;

	for (unsigned i = 0; i < o->nvms; i++) {
		struct boot_vm *vm = &o->vms[i];

		wanted += vm->config.console == STACK_CONSOLE_STDIO;
		if (!vm->config.driver && !first)
			first = vm;
	}
	if (wanted > 1) {
		log_err("there is one terminal: only one vm can have --console=stdio");
		return -EINVAL;
	}
	if (!wanted && first && !first->has_console)
		first->config.console = STACK_CONSOLE_STDIO;
	return 0;
}

static int check(struct boot_options *o)
{
	int error = current_vm(o) ? 0 : -EINVAL;

	drivers_first(o);
	for (unsigned i = 0; i < o->nvms && error == 0; i++)
		error = check_vm(o, &o->vms[i]);
	return error == 0 && !o->join ? give_terminal(o) : error;
}

int boot_parse(int argc, char **argv, bool join, struct boot_options *o)
{
	int c;

	*o = (struct boot_options){ .join = join };
	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, "+:h", long_options, NULL)) != -1) {
		if (c == 'h') {
			usage();
			return 0;
		}
		if (c == ':' || c == '?') {
			log_err("%s %s; sluice help boot lists the options", argv[optind - 1],
				c == ':' ? "needs a value" : "is no option of sluice boot");
			return 1;
		}
		if (set_option(o, c, optarg) < 0)
			return 1;
	}
	if (optind < argc) {
		log_err("%s is no option of sluice boot; sluice help boot lists the options", argv[optind]);
		return 1;
	}
	return check(o) < 0 ? 1 : -1;
}

// SPDX-License-Identifier: MIT
/* sluice block-attach, block-detach, block-list: disks of vms that run. */
#include "config.h"
#include "tools/sluice.h"

#include <stdio.h>

#include "common/log.h"
#include "tools/cfg.h"
#include "tools/cmd-device.h"

int verb_block_attach(int argc, char **argv)
{
	static const char what[] = "NAME DISK[,..]..";
	CLEANUP_FREE char *spec = NULL;
	CLEANUP_FREE char *option = NULL;
	struct device_args a = { .force = false };
	struct client_vm vm;
	char why[512];
	int status = device_parse_args(argc, argv, 0, what, "Attaches a disk to a vm, and returns when its backend"
		" is there.\nDISK is as xl-disk-configuration(5) has it.", &a);

	if (status >= 0)
		return status;
	if (a.nwords < 2)
		return device_too_few(argv[0], what);
	spec = device_join(a.words + 1, a.nwords - 1);
	if (!spec || cfg_disk_option(spec, &option, why, sizeof(why)) < 0) {
		log_err("disk \"%s\": %s", spec ? spec : "", spec ? why : "out of memory");
		return 1;
	}
	if (client_find(a.words[0], &vm) < 0)
		return 1;
	return client_request(&vm, "block-attach", option, NULL, NULL);
}

int verb_block_detach(int argc, char **argv)
{
	static const char what[] = "[--force] NAME DEVICE";
	struct device_args a = { .force = false };
	struct client_vm vm;
	int status = device_parse_args(argc, argv, DEVICE_FORCE, what, "Detaches a disk (xvdb, or its number) from a vm, and"
		" returns when the guest has let go of it.\n\n      --force  also when it does not", &a);

	if (status >= 0)
		return status;
	if (a.nwords != 2)
		return device_too_few(argv[0], what);
	if (client_find(a.words[0], &vm) < 0)
		return 1;
	return client_request(&vm, "block-detach", a.words[1], a.force ? "force" : NULL, NULL);
}

/* --- list -------------------------------------------------------------- */

static void print_device(struct device *d, const struct client_vm *vm)
{
	CLEANUP_FREE char *dev = device_read(d, d->libxl, "dev");
	CLEANUP_FREE char *path = device_read(d, d->libxl, "params");
	CLEANUP_FREE char *mode = device_read(d, d->libxl, "mode");
	CLEANUP_FREE char *state = device_read(d, d->backend, "state");

	printf("%-10u %-8s %4u  %6u  %-5s  %-4s  %s\n", d->number, device_or_dash(dev),
		device_backend_domid(d), vm->domid, device_or_dash(state), device_or_dash(mode),
		device_or_dash(path));
}

static void list(struct xs_handle *xs, const struct client_vm *vm)
{
	device_each(xs, vm, "vbd", print_device);
}

int verb_block_list(int argc, char **argv)
{
	return device_verb(argc, argv, "Shows the disks of vms, with the states of their backends.",
		"Vdev       Name       BE  handle  state  mode  path", list);
}

// SPDX-License-Identifier: MIT
/* sluice network-attach, network-detach, network-list: network interfaces of vms that run. */
#include "config.h"
#include "tools/sluice.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "tools/cmd-device.h"
#include "tools/net-arg.h"

static int print_keys(void)
{
	for (unsigned i = 0; i < net_arg_nkeys; i++) {
		const char *why;
		bool ours;
		const char *name = net_arg_key(i, &why, &ours);

		printf("%-12s%-10s%s\n", name, why ? "refused" : "honoured", why ? why : ours ? "Sluice's own" : "");
	}
	return 0;
}

int verb_network_attach(int argc, char **argv)
{
	static const char what[] = "NAME [KEY=VALUE[,..]]..";
	CLEANUP_FREE char *spec = NULL;
	CLEANUP_FREE char *copy = NULL;
	struct device_args a = { .force = false };
	struct stack_vif vif;
	struct client_vm vm;
	char why[512];
	int status = device_parse_args(argc, argv, DEVICE_KEYS, what, "Attaches a network interface to a vm, and"
		" returns when its backend is there.\nKEY=VALUE are as xl-network-configuration(5) has them.\n\n"
		"      --keys  list what becomes of each key", &a);

	if (status < 0 && a.keys)
		return print_keys();
	if (status >= 0)
		return status;
	if (a.nwords < 1)
		return device_too_few(argv[0], what);
	spec = device_join(a.words + 1, a.nwords - 1);
	copy = spec ? strdup(spec) : NULL;
	if (!copy || net_arg_parse(copy, &vif, why, sizeof(why)) < 0) {
		log_err("interface \"%s\": %s", spec ? spec : "", copy ? why : "out of memory");
		return 1;
	}
	if (client_find(a.words[0], &vm) < 0)
		return 1;
	return client_request(&vm, "network-attach", spec, NULL, NULL);
}

int verb_network_detach(int argc, char **argv)
{
	static const char what[] = "[--force] NAME DEVID|MAC";
	struct device_args a = { .force = false };
	struct client_vm vm;
	int status = device_parse_args(argc, argv, DEVICE_FORCE, what, "Detaches a network interface from a vm, by its"
		" number or its address, and returns\nwhen the guest has let go of it.\n\n"
		"      --force  also when it does not", &a);

	if (status >= 0)
		return status;
	if (a.nwords != 2)
		return device_too_few(argv[0], what);
	if (client_find(a.words[0], &vm) < 0)
		return 1;
	return client_request(&vm, "network-detach", a.words[1], a.force ? "force" : NULL, NULL);
}

/* --- list -------------------------------------------------------------- */

/* What its frames go to, in few words. */
static void describe(struct device *d, char *text, size_t room)
{
	CLEANUP_FREE char *attach = device_read(d, d->libxl, "attach");
	CLEANUP_FREE char *bridge = device_read(d, d->libxl, "bridge");
	CLEANUP_FREE char *device = device_read(d, d->libxl, "device");

	snprintf(text, room, "%s%s%s", attach ? attach : "tap", bridge || device ? ":" : "",
		bridge ? bridge : device ? device : "");
}

static void print_device(struct device *d, const struct client_vm *vm)
{
	CLEANUP_FREE char *mac = device_read(d, d->libxl, "mac");
	CLEANUP_FREE char *state = device_read(d, d->backend, "state");
	CLEANUP_FREE char *queues = device_read(d, d->frontend, "multi-queue-num-queues");
	char network[48];

	describe(d, network, sizeof(network));
	printf("%-4u %3u  %-17s  %6u  %-5s  %6.6s  %-16s %s\n", d->number, device_backend_domid(d),
		device_or_dash(mac), vm->domid, device_or_dash(state), queues ? queues : "1", network, d->backend);
}

static void list(struct xs_handle *xs, const struct client_vm *vm)
{
	device_each(xs, vm, "vif", print_device);
}

int verb_network_list(int argc, char **argv)
{
	return device_verb(argc, argv, "Shows the network interfaces of vms, with the states of their backends.",
		"Idx   BE  Mac Addr.          handle  state  queues  network          BE-path", list);
}

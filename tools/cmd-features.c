// SPDX-License-Identifier: MIT
/* sluice features: what the backends and the frontends of vms' devices agreed on, from the tables. */
#include "config.h"
#include "tools/sluice.h"

#include <stdio.h>
#include <string.h>

#include "protocol/blkif-nodes.h"
#include "protocol/negotiate.h"
#include "protocol/netif-nodes.h"
#include "tools/cmd-device.h"

/* Rings and channels are no features. */
static bool is_ring(const char *name)
{
	return strchr(name, '%') || strstr(name, "ring-ref") || strncmp(name, "event-channel", 13) == 0;
}

static void print_node(struct device *d, const struct nego_node *node)
{
	CLEANUP_FREE char *value = device_read(d, node->dir == NEGO_BACKEND_DIR ? d->backend : d->frontend,
		node->name);
	static const char *const writers[] = {
		[NEGO_TOOLSTACK] = "toolstack", [NEGO_BACKEND] = "backend", [NEGO_FRONTEND] = "frontend",
	};

	if (is_ring(node->name) || (!value && node->deprecated))
		return;
	printf("  %-34s %-10s %s%s\n", node->name, writers[node->writer],
		value ? value : device_or_dash(node->fallback), value ? "" : " (not said)");
}

static void print_nodes(struct device *d, const struct nego_table *table)
{
	for (unsigned i = 0; i < table->count; i++)
		if (table->nodes[i].writer != NEGO_TOOLSTACK)
			print_node(d, &table->nodes[i]);
}

static void print_disk(struct device *d, const struct client_vm *vm)
{
	CLEANUP_FREE char *dev = device_read(d, d->libxl, "dev");

	printf("%s: disk %s\n", vm->name, device_or_dash(dev));
	print_nodes(d, &blkif_nodes);
}

static void print_vif(struct device *d, const struct client_vm *vm)
{
	printf("%s: interface %u\n", vm->name, d->number);
	print_nodes(d, &netif_nodes);
}

static void print_vm(struct xs_handle *xs, const struct client_vm *vm)
{
	device_each(xs, vm, "vbd", print_disk);
	device_each(xs, vm, "vif", print_vif);
}

int verb_features(int argc, char **argv)
{
	return device_verb(argc, argv, "Shows what the backend of each disk and network interface offers and"
		" what the\nguest has taken.", NULL, print_vm);
}

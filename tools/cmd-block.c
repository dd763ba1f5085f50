// SPDX-License-Identifier: MIT
/* sluice block-attach, block-detach, block-list, features: disks of vms that run. */
#include "config.h"
#include "tools/sluice.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>

#include "common/log.h"
#include "protocol/blkif-nodes.h"
#include "protocol/negotiate.h"
#include "tools/cfg.h"
#include "tools/client.h"
#include "xenstore/xsnode.h"

struct block_args {
	bool force;
	char **words;
	unsigned nwords;
};

/* Return: -1 to go on, else the exit status. */
static int parse(int argc, char **argv, bool can_force, const char *what, const char *text,
	struct block_args *a)
{
	static const struct option options[] = {
		{ "force", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			printf("Usage: sluice %s %s\n%s\n", argv[0], what, text);
			return 0;
		}
		if (c != 'f' || !can_force) {
			log_err("%s is no option of sluice %s", argv[optind - 1], argv[0]);
			return 1;
		}
		a->force = true;
	}
	a->words = argv + optind;
	a->nwords = (unsigned)(argc - optind);
	return -1;
}

static int too_few(const char *verb, const char *what)
{
	log_err("what is missing: sluice %s %s", verb, what);
	return 1;
}

/* --- attach, detach ---------------------------------------------------- */

/* The parts of a disk may be words of their own, as for xl. */
static char *join(char **words, unsigned nwords)
{
	size_t size;
	char *text = NULL;
	FILE *to = open_memstream(&text, &size);

	for (unsigned i = 0; to && i < nwords; i++)
		fprintf(to, "%s%s", i ? "," : "", words[i]);
	if (to)
		fclose(to);
	return text;
}

int verb_block_attach(int argc, char **argv)
{
	static const char what[] = "NAME DISK[,..]..";
	CLEANUP_FREE char *spec = NULL;
	CLEANUP_FREE char *option = NULL;
	struct block_args a = { .force = false };
	struct client_vm vm;
	char why[512];
	int status = parse(argc, argv, false, what, "Attaches a disk to a vm, and returns when its backend"
		" is there.\nDISK is as xl-disk-configuration(5) has it.", &a);

	if (status >= 0)
		return status;
	if (a.nwords < 2)
		return too_few(argv[0], what);
	spec = join(a.words + 1, a.nwords - 1);
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
	struct block_args a = { .force = false };
	struct client_vm vm;
	int status = parse(argc, argv, true, what, "Detaches a disk (xvdb, or its number) from a vm, and"
		" returns when the guest has let go of it.\n\n      --force  also when it does not", &a);

	if (status >= 0)
		return status;
	if (a.nwords != 2)
		return too_few(argv[0], what);
	if (client_find(a.words[0], &vm) < 0)
		return 1;
	return client_request(&vm, "block-detach", a.words[1], a.force ? "force" : NULL, NULL);
}

/* --- what the store has ------------------------------------------------ */

/* A disk's directories. */
struct device {
	struct xs_handle *xs;
	unsigned vdev;
	char libxl[80];
	char frontend[80];
	char *backend;
};

typedef void (*device_fn)(struct device *d, const struct client_vm *vm);

/* What a guest wrote is shown without what a terminal would obey. */
static char *read_shown(struct xs_handle *xs, const char *dir, const char *node)
{
	char *text = xsn_read(xs, XBT_NULL, dir, node);

	for (char *p = text; p && *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return text;
}

static void each_device(struct xs_handle *xs, const struct client_vm *vm, device_fn fn)
{
	char dir[64];
	unsigned count = 0;
	char **names;

	/* The toolstack's own: guests write to the others. */
	snprintf(dir, sizeof(dir), "/libxl/%u/device/vbd", vm->domid);
	names = xs_directory(xs, XBT_NULL, dir, &count);
	for (unsigned i = 0; names && i < count; i++) {
		struct device d = { .xs = xs, .vdev = (unsigned)strtoul(names[i], NULL, 10) };

		snprintf(d.libxl, sizeof(d.libxl), "%s/%u", dir, d.vdev);
		snprintf(d.frontend, sizeof(d.frontend), "/local/domain/%u/device/vbd/%u", vm->domid, d.vdev);
		d.backend = xsn_read(xs, XBT_NULL, d.libxl, "backend");
		if (d.backend)
			fn(&d, vm);
		free(d.backend);
	}
	free(names);
}

static int each_vm(int argc, char **argv, const char *text, const char *head, device_fn fn)
{
	struct block_args a = { .force = false };
	int status = parse(argc, argv, false, "NAME..", text, &a);

	if (status >= 0)
		return status;
	if (!a.nwords)
		return too_few(argv[0], "NAME..");
	if (head)
		printf("%s\n", head);
	for (unsigned i = 0; i < a.nwords; i++) {
		struct client_vm vm;
		struct xs_handle *xs = client_find(a.words[i], &vm) < 0 ? NULL : client_store(&vm);

		if (!xs)
			return 1;
		each_device(xs, &vm, fn);
		xs_close(xs);
	}
	return 0;
}

static const char *or_dash(const char *text)
{
	return text ? text : "-";
}

static void print_device(struct device *d, const struct client_vm *vm)
{
	CLEANUP_FREE char *dev = xsn_read(d->xs, XBT_NULL, d->libxl, "dev");
	CLEANUP_FREE char *path = xsn_read(d->xs, XBT_NULL, d->libxl, "params");
	CLEANUP_FREE char *mode = xsn_read(d->xs, XBT_NULL, d->libxl, "mode");
	CLEANUP_FREE char *state = read_shown(d->xs, d->backend, "state");
	unsigned backend = 0;

	(void)!sscanf(d->backend, "/local/domain/%u/", &backend);
	printf("%-10u %-8s %4u  %6u  %-5s  %-4s  %s\n", d->vdev, or_dash(dev), backend, vm->domid,
		or_dash(state), or_dash(mode), or_dash(path));
}

int verb_block_list(int argc, char **argv)
{
	return each_vm(argc, argv, "Shows the disks of vms, with the states of their backends.",
		"Vdev       Name       BE  handle  state  mode  path", print_device);
}

/* --- features ---------------------------------------------------------- */

static void print_node(struct device *d, const struct nego_node *node)
{
	CLEANUP_FREE char *value = read_shown(d->xs, node->dir == NEGO_BACKEND_DIR ? d->backend :
		d->frontend, node->name);
	static const char *const writers[] = {
		[NEGO_TOOLSTACK] = "toolstack", [NEGO_BACKEND] = "backend", [NEGO_FRONTEND] = "frontend",
	};

	/* Rings and channels are no features. */
	if (strchr(node->name, '%') || (!value && node->deprecated))
		return;
	printf("  %-34s %-10s %s%s\n", node->name, writers[node->writer],
		value ? value : or_dash(node->fallback), value ? "" : " (not said)");
}

static void print_features(struct device *d, const struct client_vm *vm)
{
	CLEANUP_FREE char *dev = xsn_read(d->xs, XBT_NULL, d->libxl, "dev");

	printf("%s: disk %s\n", vm->name, or_dash(dev));
	for (unsigned i = 0; i < blkif_nodes.count; i++)
		if (blkif_nodes.nodes[i].writer != NEGO_TOOLSTACK)
			print_node(d, &blkif_nodes.nodes[i]);
}

int verb_features(int argc, char **argv)
{
	return each_vm(argc, argv, "Shows what each disk's backend offers and what the guest has taken.",
		NULL, print_features);
}

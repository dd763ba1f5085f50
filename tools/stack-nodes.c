// SPDX-License-Identifier: MIT
/*
 * What a toolstack writes into the store, with the nodes and permissions that xl's
 * libxl gives them, so that daemons and frontends find here what they find on Xen.
 */
#include "config.h"
#include "tools/stack-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "tools/stack.h"
#include "xenstore/xsnode.h"

/* A node and its value; the value NULL means a directory. */
struct node {
	const char *name;
	const char *value;
};

/* What is made in it inherits that. */
int stack_make_dir(struct xs_handle *xs, uint32_t t, const char *dir, const char *node,
	unsigned owner, int reader)
{
	struct xs_permissions perms[2] = {
		{ .id = owner, .perms = XS_PERM_NONE },
		{ .id = reader, .perms = XS_PERM_READ },
	};
	int error = xsn_mkdir(xs, t, dir, node);

	if (error < 0)
		return error;
	return xsn_set_perms(xs, t, dir, node, perms, reader < 0 ? 1 : 2);
}

static int write_nodes(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const struct node *nodes, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		int error = xsn_write(xs, t, dir, nodes[i].name, nodes[i].value);

		if (error < 0)
			return error;
	}
	return 0;
}

/* --- the host ---------------------------------------------------------- */

static int host_nodes(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	static const struct node nodes[] = {
		{ "/tool/xenstored", "sluice-store" },
		{ "/tool/toolstack", "sluice " PACKAGE_VERSION },
		{ "/local/pool/0/name", "Pool-0" },
	};
	int error = write_nodes(xs, t, NULL, nodes, ARRAY_SIZE(nodes));

	if (error == 0)
		error = stack_make_dir(xs, t, "/libxl", NULL, 0, -1);
	if (error == 0)
		error = stack_make_dir(xs, t, "/vm", NULL, 0, -1);
	return error;
}

int stack_nodes_host(struct stack *st)
{
	return xsn_transaction(st->xs, host_nodes, NULL);
}

/* --- a domain ---------------------------------------------------------- */

static int read_uuid(char *uuid, size_t room)
{
	CLEANUP_CLOSE int fd = open("/proc/sys/kernel/random/uuid", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, uuid, room - 1);

	if (n < 36)
		return -EIO;
	uuid[36] = '\0';
	return 0;
}

/* Directories that a domain owns itself, and those that only it may read. */
static int domain_dirs(struct xs_handle *xs, xs_transaction_t t, const char *home,
	const struct stack_domain *d)
{
	static const char *const own[] = { "data", "drivers", "feature", "error", "attr",
		"control/shutdown" };
	static const char *const driver_own[] = { "libxl", "device-model" };
	static const char *const readable[] = { "control", "device", "device/vbd", "memory", "store" };
	int error = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(readable) && error == 0; i++)
		error = stack_make_dir(xs, t, home, readable[i], 0, d->domid);
	for (unsigned i = 0; i < ARRAY_SIZE(own) && error == 0; i++)
		error = stack_make_dir(xs, t, home, own[i], d->domid, -1);
	for (unsigned i = 0; d->driver && i < ARRAY_SIZE(driver_own) && error == 0; i++)
		error = stack_make_dir(xs, t, home, driver_own[i], d->domid, -1);
	/* Devices below are the driver domain's own; their parents are dom0's. */
	if (error == 0 && d->driver)
		error = stack_make_dir(xs, t, home, "backend", 0, d->domid);
	return error;
}

static int domain_nodes(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	const struct stack_domain *d = opaque;
	char home[32], vm[48], domid[12];
	const struct node nodes[] = {
		{ "name", d->name }, { "domid", domid }, { "vm", vm },
		{ "control/platform-feature-xs_reset_watches", "1" },
	};
	const struct node vm_nodes[] = { { "name", d->name }, { "uuid", d->uuid } };
	int error;

	snprintf(home, sizeof(home), "/local/domain/%u", d->domid);
	snprintf(vm, sizeof(vm), "/vm/%s", d->uuid);
	snprintf(domid, sizeof(domid), "%u", d->domid);
	error = stack_make_dir(xs, t, home, NULL, 0, d->domid ? (int)d->domid : -1);
	if (error == 0)
		error = stack_make_dir(xs, t, vm, NULL, 0, d->domid ? (int)d->domid : -1);
	if (error == 0)
		error = write_nodes(xs, t, home, nodes, ARRAY_SIZE(nodes));
	if (error == 0)
		error = write_nodes(xs, t, vm, vm_nodes, ARRAY_SIZE(vm_nodes));
	if (error == 0)
		error = domain_dirs(xs, t, home, d);
	if (error == 0 && d->vm)
		error = stack_nodes_vm(xs, t, home, vm, d);
	return error;
}

int stack_nodes_domain(struct stack *st, struct stack_domain *domain)
{
	int error = domain->uuid[0] ? 0 : read_uuid(domain->uuid, sizeof(domain->uuid));

	return error < 0 ? error : xsn_transaction(st->xs, domain_nodes, domain);
}

static int domain_remove(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	const struct stack_domain *d = opaque;
	char paths[3][48];
	int error = 0;

	snprintf(paths[0], sizeof(paths[0]), "/local/domain/%u", d->domid);
	snprintf(paths[1], sizeof(paths[1]), "/libxl/%u", d->domid);
	snprintf(paths[2], sizeof(paths[2]), "/vm/%s", d->uuid);
	for (unsigned i = 0; i < ARRAY_SIZE(paths) && error == 0; i++)
		error = xsn_rm(xs, t, paths[i], NULL);
	return error;
}

int stack_nodes_remove(struct stack *st, const struct stack_domain *domain)
{
	if (!domain->uuid[0])
		return 0;
	return xsn_transaction(st->xs, domain_remove, (void *)domain);
}

/* --- a disk ------------------------------------------------------------ */

struct disk_nodes {
	const struct attached *at;
	const struct stack_disk *disk;
	const char *params;
};

static int disk_backend(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const struct disk_nodes *d)
{
	const struct stack_disk *disk = d->disk;
	char id[12];
	const struct node nodes[] = {
		{ "frontend", d->at->frontend },
		{ "frontend-id", id },
		{ "online", "1" },
		{ "state", "1" },
		{ "params", d->params },
		{ "removable", disk->cdrom ? "1" : "0" },
		{ "bootable", "1" },
		{ "dev", disk->dev },
		{ "type", "phy" },
		{ "mode", disk->readonly ? "r" : "w" },
		{ "device-type", disk->cdrom ? "cdrom" : "disk" },
		{ "direct-io-safe", disk->direct_io_safe ? "1" : "0" },
		{ "discard-enable", disk->readonly || disk->no_discard ? "0" : "1" },
		{ "specification", "xen" },
	};
	const struct node ours[] = {
		{ "driver", disk->driver ? disk->driver : "" },
		{ "buffered", disk->buffered ? "1" : "0" },
		{ "shared", disk->shared ? "1" : "0" },
	};
	int error;

	snprintf(id, sizeof(id), "%u", d->at->domid);
	error = write_nodes(xs, t, dir, nodes, ARRAY_SIZE(nodes));
	if (error < 0)
		return error;
	/* Kernels and scripts in a driver domain vm find what xl writes, and what we were told to. */
	if (d->at->in_vm)
		error = xsn_write(xs, t, dir, "script", "/etc/xen/scripts/block");
	if (error < 0 || (d->at->in_vm && !disk->driver && !disk->buffered && !disk->shared))
		return error;
	return write_nodes(xs, t, dir, ours, ARRAY_SIZE(ours));
}

static int disk_frontend(struct xs_handle *xs, xs_transaction_t t, const struct disk_nodes *d)
{
	char id[12], vdev[12];
	const struct node nodes[] = {
		{ "backend", d->at->backend },
		{ "backend-id", id },
		{ "state", "1" },
		{ "virtual-device", vdev },
		{ "device-type", d->disk->cdrom ? "cdrom" : "disk" },
		{ "trusted", d->disk->untrusted ? "0" : "1" },
	};

	snprintf(id, sizeof(id), "%u", d->at->backend_domid);
	snprintf(vdev, sizeof(vdev), "%u", d->at->vdev);
	return write_nodes(xs, t, d->at->frontend, nodes, ARRAY_SIZE(nodes));
}

static int disk_nodes(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	const struct disk_nodes *d = opaque;
	uint32_t backend = d->at->backend_domid;
	char parents[2][64];
	int error = 0;

	snprintf(parents[0], sizeof(parents[0]), "/local/domain/%u/backend/vbd", backend);
	snprintf(parents[1], sizeof(parents[1]), "/local/domain/%u/backend/vbd/%u", backend,
		d->at->domid);
	/* libxl keeps its own copy, which neither domain can change. */
	error = stack_make_dir(xs, t, d->at->libxl, NULL, 0, -1);
	if (error == 0)
		error = disk_backend(xs, t, d->at->libxl, d);
	if (error == 0)
		error = xsn_write(xs, t, d->at->libxl, "backend", d->at->backend);
	for (unsigned i = 0; i < ARRAY_SIZE(parents) && error == 0; i++)
		error = stack_make_dir(xs, t, parents[i], NULL, 0, (int)backend);
	if (error == 0)
		error = stack_make_dir(xs, t, d->at->frontend, NULL, d->at->domid, (int)backend);
	if (error == 0)
		error = disk_frontend(xs, t, d);
	if (error == 0)
		error = stack_make_dir(xs, t, d->at->backend, NULL, backend, (int)d->at->domid);
	if (error == 0)
		error = disk_backend(xs, t, d->at->backend, d);
	return error;
}

int stack_nodes_disk(struct stack *st, const struct attached *at, const struct stack_disk *disk,
	const char *params)
{
	struct disk_nodes d = { .at = at, .disk = disk, .params = params };

	return xsn_transaction(st->xs, disk_nodes, &d);
}

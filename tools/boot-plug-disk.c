// SPDX-License-Identifier: MIT
/* Disks that come to a running vm; see boot-plug.h. */
#include "config.h"
#include "tools/boot-plug.h"

#include <errno.h>
#include <string.h>

#include "tools/disk-arg.h"
#include "tools/vdev.h"

static int disk_parse(struct boot_plug *p, char *why, size_t room)
{
	const struct stack_vm_config *c = &p->slot->vm->config;
	int error = disk_arg_parse(p->text, &p->disk, why, room);

	if (error < 0)
		return error;
	if (!p->disk.dev || vdev_parse(p->disk.dev, &p->vdev) < 0)
		return stack_fail(why, room, -EINVAL, "%s is no disk name: use xvda, xvdb, ...",
			p->disk.dev ? p->disk.dev : "nothing");
	if (c->ndisks == STACK_VM_DISKS)
		return stack_fail(why, room, -E2BIG, "%s has %u disks, as many as a vm can have", c->name,
			STACK_VM_DISKS);
	return 0;
}

static int disk_begin(struct boot_plug *p, char *why, size_t room)
{
	return stack_attach_begin(p->slot->boot->st, p->slot->live->domid, &p->disk, why, room);
}

static int disk_check(struct boot_plug *p, char *why, size_t room)
{
	return stack_attach_check(p->slot->boot->st, p->slot->live->domid, &p->disk, why, room);
}

static void disk_keep(struct boot_plug *p)
{
	struct stack_vm_config *c = &p->slot->vm->config;

	/* Others may have come meanwhile. */
	if (c->ndisks < STACK_VM_DISKS)
		c->disks[c->ndisks++] = p->disk;
}

/* Return: its place among the vm's disks, or -1. */
static int find_disk(const struct stack_vm_config *c, uint32_t vdev)
{
	uint32_t other;

	for (unsigned i = 0; i < c->ndisks; i++)
		if (vdev_parse(c->disks[i].dev, &other) == 0 && other == vdev)
			return (int)i;
	return -1;
}

static bool disk_find(struct boot_plug *p)
{
	return (plug_parse_number(p->text, &p->vdev) || vdev_parse(p->text, &p->vdev) == 0) &&
		find_disk(&p->slot->vm->config, p->vdev) >= 0;
}

static void disk_drop(struct boot_plug *p)
{
	struct stack_vm_config *c = &p->slot->vm->config;
	int at = find_disk(c, p->vdev);

	if (at >= 0)
		memmove(&c->disks[at], &c->disks[at + 1], (--c->ndisks - (unsigned)at) * sizeof(c->disks[0]));
}

const struct plug_ops plug_disk = {
	.kind = STACK_VBD,
	.what = "disk",
	.list = "block-list",
	.detach = "block-detach",
	.remedy = "unmount it",
	.parse = disk_parse,
	.begin = disk_begin,
	.check = disk_check,
	.keep = disk_keep,
	.find = disk_find,
	.drop = disk_drop,
};

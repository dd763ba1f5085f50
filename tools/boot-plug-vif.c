// SPDX-License-Identifier: MIT
/* Network interfaces that come to a running vm; see boot-plug.h. */
#include "config.h"
#include "tools/boot-plug.h"

#include <errno.h>
#include <string.h>

#include "tools/net-arg.h"

/* Return: its place among the vm's interfaces, or -1. */
static int find_vif(const struct stack_vm_config *c, uint32_t handle)
{
	for (unsigned i = 0; i < c->nvifs; i++)
		if (c->vifs[i].handle == handle)
			return (int)i;
	return -1;
}

static bool is_coming(const struct boot_plug *p, unsigned handle)
{
	for (const struct boot_plug *o = p->slot->plugs; o; o = o->next)
		if (o != p && o->ops == p->ops && o->vdev == handle)
			return true;
	return false;
}

static int vif_parse(struct boot_plug *p, char *why, size_t room)
{
	const struct stack_vm_config *c = &p->slot->vm->config;
	int error = net_arg_parse(p->text, &p->vif, why, room);

	if (error < 0)
		return error;
	if (c->nvifs == STACK_VIFS)
		return stack_fail(why, room, -E2BIG, "%s has %u interfaces, as many as a vm can have", c->name,
			STACK_VIFS);
	if (p->vif.handle == STACK_VIF_ANY) {
		p->vif.handle = net_arg_number(c->vifs, c->nvifs);
		while (is_coming(p, p->vif.handle) || find_vif(c, p->vif.handle) >= 0)
			p->vif.handle++;
	}
	p->vdev = p->vif.handle;
	return 0;
}

static int vif_begin(struct boot_plug *p, char *why, size_t room)
{
	return stack_vif_begin(p->slot->boot->st, p->slot->live->domid, &p->vif, why, room);
}

static int vif_check(struct boot_plug *p, char *why, size_t room)
{
	return stack_vif_check(p->slot->boot->st, p->slot->live->domid, p->vdev, why, room);
}

static void vif_keep(struct boot_plug *p)
{
	struct stack_vm_config *c = &p->slot->vm->config;

	/* Others may have come meanwhile. */
	if (c->nvifs < STACK_VIFS)
		c->vifs[c->nvifs++] = p->vif;
}

static bool vif_find(struct boot_plug *p)
{
	struct boot_slot *s = p->slot;

	if (!plug_parse_number(p->text, &p->vdev) &&
		!stack_vif_find(s->boot->st, s->live->domid, p->text, &p->vdev))
		return false;
	return find_vif(&s->vm->config, p->vdev) >= 0;
}

static void vif_drop(struct boot_plug *p)
{
	struct stack_vm_config *c = &p->slot->vm->config;
	int at = find_vif(c, p->vdev);

	if (at >= 0)
		memmove(&c->vifs[at], &c->vifs[at + 1], (--c->nvifs - (unsigned)at) * sizeof(c->vifs[0]));
}

const struct plug_ops plug_vif = {
	.kind = STACK_VIF,
	.what = "interface",
	.list = "network-list",
	.detach = "network-detach",
	.remedy = "take it down",
	.parse = vif_parse,
	.begin = vif_begin,
	.check = vif_check,
	.keep = vif_keep,
	.find = vif_find,
	.drop = vif_drop,
};

// SPDX-License-Identifier: MIT
/* Process driver domains in a run. They serve from their creation on to their end. */
#include "config.h"
#include "tools/boot-private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "tools/stack-private.h"
#include "tools/vdev.h"

int boot_process_start(struct boot_slot *s, char *why, size_t room)
{
	s->process = stack_process_create(s->boot->st, &s->vm->process, why, room);
	return s->process ? 0 : -errno;
}

static const char *name_of(const struct boot *b, uint32_t domid)
{
	for (const struct boot_slot *s = b->slots; s; s = s->next)
		if (s->live && s->live->domid == domid)
			return s->vm->config.name;
	return "a guest";
}

bool boot_is_used(struct boot_slot *s, const char *remedy, struct boot_reply *reply)
{
	uint32_t domid = s->process ? s->process->domid : s->live ? s->live->domid : 0;
	const struct attached *at = domid ? stack_user_of(s->boot->st, domid) : NULL;
	const char *guest = at ? name_of(s->boot, at->domid) : NULL;
	char device[16];

	if (!at)
		return false;
	if (at->kind == STACK_VIF)
		snprintf(device, sizeof(device), "%u", at->vdev);
	else
		vdev_format(at->vdev, device, sizeof(device));
	boot_reply_send(reply, "%s serves %s %s of %s: detach that or end %s first%s", s->vm->config.name,
		at->kind == STACK_VIF ? "interface" : "disk", device, guest, guest, remedy);
	return true;
}

static void end(struct boot_slot *s, struct boot_reply *reply)
{
	struct boot *b = s->boot;

	boot_slot_remove(s);
	boot_reply_send(reply, "ok\n");
	boot_check_end(b);
}

void boot_process_verb(struct boot_slot *s, const char *verb, bool force, struct boot_reply *reply)
{
	const char *name = s->vm->config.name;
	char why[512];

	if (strcmp(verb, "destroy") == 0) {
		if (force || !boot_is_used(s, BOOT_FORCE, reply))
			end(s, reply);
	} else if (strcmp(verb, "shutdown") == 0) {
		if (!boot_is_used(s, "", reply))
			end(s, reply);
	} else if (strcmp(verb, "reboot") == 0) {
		boot_reply_send(reply, "%s\n", stack_process_restart(s->process, why, sizeof(why)) < 0 ? why : "ok");
	} else if (strcmp(verb, "console") == 0) {
		boot_reply_send(reply, "%s is a process domain and has no console: sluice dmesg shows what it says",
			name);
	} else if (strcmp(verb, "pause") == 0 || strcmp(verb, "unpause") == 0) {
		boot_reply_send(reply, "%s is a process domain and has no virtual CPUs to %s", name, verb);
	} else {
		boot_reply_send(reply, "%s is a driver domain of type process: it gets no devices of others", name);
	}
}

/* SPDX-License-Identifier: MIT */
/* A device that comes to a running vm or leaves it, of whatever kind. */
#ifndef SLUICE_TOOLS_BOOT_PLUG_H
#define SLUICE_TOOLS_BOOT_PLUG_H

#include "tools/boot-private.h"
#include "tools/stack-private.h"

/** struct boot_plug - an attaching or detaching that goes on. */
struct boot_plug {
	struct boot_plug *next;
	const struct plug_ops *ops;
	struct boot_slot *slot;
	struct boot_reply *reply;
	struct loop_source *timer;
	char *text;      /* what disk or vif points into; to detach: the device's name */
	union {
		struct stack_disk disk;
		struct stack_vif vif;
	};
	uint32_t vdev;   /* number of the device */
	uint64_t end_ms; /* of the patience with a guest that is to detach */
	bool force;
};

/** struct plug_ops - a kind of devices. Errors: -errno with @why. */
struct plug_ops {
	enum stack_kind kind;
	const char *what;   /* "disk" */
	const char *list;   /* the verb that shows them */
	const char *detach; /* the verb that detaches one */
	const char *remedy; /* what the guest's user does that it lets go of one */
	/** parse() - of p->text to attach: fills in what is to be attached, and p->vdev. */
	int (*parse)(struct boot_plug *p, char *why, size_t room);
	/** begin() - attach it. */
	int (*begin)(struct boot_plug *p, char *why, size_t room);
	/** check() - 0: it is attached; -EAGAIN: not yet. */
	int (*check)(struct boot_plug *p, char *why, size_t room);
	/** keep() - the vm has it when it reboots, too. */
	void (*keep)(struct boot_plug *p);
	/** find() - p->vdev of the device that p->text names; false: the vm has none. */
	bool (*find)(struct boot_plug *p);
	/** drop() - the vm does not have it any more. */
	void (*drop)(struct boot_plug *p);
};

extern const struct plug_ops plug_disk;
extern const struct plug_ops plug_vif;

/** plug_parse_number() - of a device, in decimal. */
bool plug_parse_number(const char *text, uint32_t *n);

#endif

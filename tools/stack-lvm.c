// SPDX-License-Identifier: MIT
/*
 * Logical volumes as disks of process domains. LVM's commands need root's rights in the
 * machine itself, and such a domain has them nowhere: they run here, and the domain is
 * given the device.
 */
#include "config.h"
#include "tools/stack-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/blk/helper.h"
#include "common/log.h"
#include "common/lvm-name.h"
#include "common/storage-name.h"

/* LVM waits for its locks. */
#define LVM_BEGIN_MS 120000u
#define LVM_END_MS 20000u

static int start(struct attached *at, const struct stack *st, const struct stack_disk *disk,
	const struct lvm_name *name, char *line, size_t line_room, char *why, size_t room)
{
	char user[64], node[128], store[160];
	const char *argv[10] = { "sluice-lvm", user, node, store, "--release-at-eof" };
	unsigned n = 5;

	/* No two stacks' domains have the same: the process is in it. */
	snprintf(user, sizeof(user), "--user=sluice-%d-%u-%u", getpid(), at->domid, at->vdev);
	snprintf(node, sizeof(node), "--resize-node=%s/resize", at->backend);
	snprintf(store, sizeof(store), "--store=%s", st->store_path);
	if (disk->readonly)
		argv[n++] = "--readonly";
	if (disk->shared)
		argv[n++] = "--shared";
	argv[n++] = "--";
	argv[n++] = name->full;
	return helper_keep("backends/blk", argv, LVM_BEGIN_MS, line, line_room, at->lvm, why, room);
}

char *stack_lvm_begin(struct stack *st, struct attached *at, const struct stack_disk *disk, char *why,
	size_t why_room)
{
	CLEANUP_FREE char *text = storage_name_lvm(disk->filename);
	struct lvm_name name;
	char line[sizeof(name.path) + 2];
	char *path = NULL;
	int error = text ? lvm_name_parse(text, &name, why, why_room) :
			   stack_fail(why, why_room, -ENOMEM, "out of memory");

	at->lvm = error == 0 ? calloc(1, sizeof(*at->lvm)) : NULL;
	if (error == 0 && !at->lvm)
		error = stack_fail(why, why_room, -ENOMEM, "out of memory");
	if (error == 0)
		error = start(at, st, disk, &name, line, sizeof(line), why, why_room);
	if (error == 0)
		path = strdup(line);
	if (!path) {
		free(at->lvm);
		at->lvm = NULL;
		errno = -error;
	}
	return path;
}

void stack_lvm_end(struct attached *at)
{
	if (!at->lvm)
		return;
	if (helper_end(at->lvm, true, LVM_END_MS) < 0)
		log_warn("%s may be left active", at->path);
	free(at->lvm);
	at->lvm = NULL;
}

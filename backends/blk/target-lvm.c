// SPDX-License-Identifier: MIT
/*
 * lvm:VG/LV, a logical volume. sluice-lvm activates it and stays while the disk is served: it
 * tells of a new size and deactivates at the end, which a confined process cannot.
 */
#include "config.h"
#include "backends/blk/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/blk/drivers.h"
#include "backends/blk/helper.h"
#include "backends/common/program.h"
#include "common/log.h"
#include "common/lvm-name.h"

#define LVM_BEGIN_MS 240000u
#define LVM_END_MS 20000u

static void lvm_release(struct blk_target *t)
{
	struct helper_kept *kept = t->state;
	int rc = helper_end(kept, !t->has_successor, LVM_END_MS);

	if (rc < 0)
		log_warn("%s may be left active: %s", t->filename, strerror(-rc));
	free(kept);
}

/* Which disk it is for, as a file's name. */
static void lvm_user(const char *user, char *text, size_t room)
{
	snprintf(text, room, "--user=%s", user && user[0] ? user : "nobody");
	for (char *c = text; *c; c++)
		if (*c == '/')
			*c = '-';
}

static int lvm_keep(const struct lvm_name *name, const struct target_wish *wish, struct blk_target *t,
	char *why, size_t room)
{
	char user[160], line[sizeof(name->path) + 2];
	const char *argv[7] = { "sluice-lvm", user };
	struct helper_kept *kept = malloc(sizeof(*kept));
	unsigned n = 2;
	int rc;

	if (!kept)
		return -ENOMEM;
	lvm_user(wish->user, user, sizeof(user));
	if (wish->readonly)
		argv[n++] = "--readonly";
	if (wish->shared)
		argv[n++] = "--shared";
	argv[n++] = "--";
	argv[n++] = name->full;
	/* Who ends without a word leaves the volume active, as for a successor. */
	program_may_end(false);
	rc = helper_keep("backends/blk", argv, LVM_BEGIN_MS, line, sizeof(line), kept, why, room);
	if (rc == 0 && strcmp(line, name->path) != 0) {
		snprintf(why, room, "lvm:%s: sluice-lvm's answer makes no sense", name->full);
		(void)!helper_end(kept, true, LVM_END_MS);
		rc = -EPROTO;
	}
	if (rc < 0) {
		free(kept);
		return rc;
	}
	t->state = kept;
	t->release = lvm_release;
	t->resized_fd = kept->out;
	return 0;
}

static int lvm_resolve(const char *rest, const struct target_wish *wish, struct blk_target *t, char *why,
	size_t room)
{
	struct lvm_name name;
	int rc = lvm_name_parse(rest, &name, why, room);

	if (rc == 0)
		rc = target_resolve(name.path, wish, t, why, room);
	if (rc < 0)
		return rc;
	rc = lvm_keep(&name, wish, t, why, room);
	if (rc < 0)
		target_release(t);
	return rc;
}

const struct target_kind target_lvm = {
	.name = "lvm",
	.text = "VG/LV: a logical volume",
	.resolve = lvm_resolve,
};

// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/lvm-name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char name_letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+_.-";

/* NULL: it is valid. */
static const char *name_fault(const char *name)
{
	size_t n = strlen(name);

	if (n == 0)
		return "is missing";
	if (n > LVM_NAME_MAX)
		return "is longer than 127 characters";
	if (strspn(name, name_letters) != n)
		return "has a character that LVM's names cannot have: they are of A-Z a-z 0-9 + _ . -";
	if (name[0] == '-')
		return "begins with \"-\", which LVM's names cannot";
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return "is no name";
	return NULL;
}

static int name_take(const char *what, const char *from, char to[static LVM_NAME_MAX + 1], char *why,
	size_t room)
{
	const char *fault = name_fault(from);

	if (fault) {
		snprintf(why, room, "the name of the %s, \"%.64s\", %s", what, from, fault);
		return -EINVAL;
	}
	memcpy(to, from, strlen(from) + 1);
	return 0;
}

int lvm_name_parse(const char *text, struct lvm_name *name, char *why, size_t why_room)
{
	const char *slash = strchr(text, '/');
	char vg[LVM_NAME_MAX + 2];
	int rc;

	if (!slash) {
		snprintf(why, why_room, "lvm:%.64s: write lvm:VG/LV, the volume group and the logical volume in it",
			text);
		return -EINVAL;
	}
	snprintf(vg, sizeof(vg), "%.*s", (int)(slash - text < (int)sizeof(vg) ? slash - text : (int)sizeof(vg)), text);
	rc = name_take("volume group", vg, name->vg, why, why_room);
	if (rc == 0)
		rc = name_take("logical volume", slash + 1, name->lv, why, why_room);
	if (rc < 0)
		return rc;
	snprintf(name->full, sizeof(name->full), "%s/%s", name->vg, name->lv);
	snprintf(name->path, sizeof(name->path), "/dev/%s/%s", name->vg, name->lv);
	return 0;
}

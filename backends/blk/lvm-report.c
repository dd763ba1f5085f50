// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/lvm-report.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"

/* --- reading ------------------------------------------------------------------------------ */

static const char *report_text(const json_t *lv, const char *field)
{
	return json_string_value(json_object_get(lv, field));
}

static bool report_copy(const json_t *lv, const char *field, char *to, size_t room)
{
	const char *text = report_text(lv, field);

	return text && snprintf(to, room, "%s", text) < (int)room;
}

/* 0 and 1; -1 is LVM's "unknown", for example of a volume that is not active: no. */
static bool report_flag(const json_t *lv, const char *field, bool *flag)
{
	const char *text = report_text(lv, field);

	*flag = text && strcmp(text, "1") == 0;
	return text && (!text[0] || strcmp(text, "0") == 0 || strcmp(text, "-1") == 0 || *flag);
}

/* "active", or, with --binary of some versions, 1; "locally", "remotely" and the like behind it. */
static bool report_active(const json_t *lv, bool *active)
{
	const char *text = report_text(lv, "lv_active");

	*active = text && (strncmp(text, "active", 6) == 0 || strcmp(text, "1") == 0 ||
				  strstr(text, "local"));
	return text;
}

/* It becomes part of a file's name. */
static bool report_is_uuid(const char *text)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");

	return n > 0 && text[n] == '\0';
}

static bool report_take(const json_t *lv, struct lvm_report *r)
{
	/* Of volumes that are not active lv_permissions says "unknown"; see lvs(8) for this one. */
	const char *attr = report_text(lv, "lv_attr");

	r->readonly = attr && attr[0] && (attr[1] == 'r' || attr[1] == 'R');
	return attr &&
	       report_copy(lv, "vg_uuid", r->vg_uuid, sizeof(r->vg_uuid)) &&
	       report_copy(lv, "lv_uuid", r->lv_uuid, sizeof(r->lv_uuid)) &&
	       report_is_uuid(r->vg_uuid) && report_is_uuid(r->lv_uuid) &&
	       report_copy(lv, "lv_layout", r->layout, sizeof(r->layout)) &&
	       report_copy(lv, "lv_role", r->role, sizeof(r->role)) &&
	       report_copy(lv, "lv_health_status", r->health, sizeof(r->health)) &&
	       report_active(lv, &r->active) && report_flag(lv, "lv_merging", &r->merging) &&
	       report_flag(lv, "lv_snapshot_invalid", &r->invalid) &&
	       report_flag(lv, "vg_partial", &r->partial) &&
	       report_flag(lv, "vg_exported", &r->exported) && report_flag(lv, "vg_shared", &r->shared);
}

/* Hidden parts are reported in brackets. */
static bool report_is_about(const json_t *lv, const char *full)
{
	const char *vg = report_text(lv, "vg_name"), *name = report_text(lv, "lv_name");
	size_t n = vg ? strlen(vg) : 0, bracket = name && name[0] == '[', m;

	if (!vg || !name || strncmp(full, vg, n) != 0 || full[n] != '/')
		return false;
	m = strlen(full + n + 1);
	return strncmp(name + bracket, full + n + 1, m) == 0 &&
	       strcmp(name + bracket + m, bracket ? "]" : "") == 0;
}

int lvm_report_parse(const char *text, const char *full, struct lvm_report *report)
{
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	json_t *list = json_object_get(json_array_get(json_object_get(root, "report"), 0), "lv");
	json_t *lv = json_array_get(list, 0);
	int rc = 0;

	*report = (struct lvm_report){ .active = false };
	if (!json_is_array(list) || json_array_size(list) > 1)
		rc = -EPROTO;
	else if (!lv)
		rc = -ENOENT;
	else if (!report_is_about(lv, full) || !report_take(lv, report))
		rc = -EPROTO;
	json_decref(root);
	return rc;
}

/* --- judging -------------------------------------------------------------------------------- */

/* Whether @word is among those of @list, which commas separate. */
static bool report_has(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += n)
		if ((at == list || at[-1] == ',') && (at[n] == ',' || at[n] == '\0'))
			return true;
	return false;
}

static bool report_is_pool(const struct lvm_report *r)
{
	return report_has(r->layout, "pool");
}

static const char *report_refuse(const struct lvm_report *r, bool readonly, int *error)
{
	*error = -EINVAL;
	if (report_has(r->role, "private") && !report_is_pool(r))
		return "is a part that LVM keeps for itself; lvs lists the logical volumes that can be used";
	if (report_is_pool(r))
		return "is a pool, which holds other volumes and is no disk; name a volume in it (lvcreate -V makes one)";
	if (r->exported)
		return "is in a volume group that was exported; vgimport it first";
	*error = -EBUSY;
	if (r->merging)
		return "is a snapshot that is being merged into its origin and will be gone; use the origin";
	*error = -EIO;
	if (r->invalid)
		return "is a snapshot that ran out of room, and its contents are lost; lvremove it";
	if (r->health[0] && strcmp(r->health, "partial") == 0)
		return "lacks physical volumes (vgs shows a partial volume group); bring them back, or repair it (vgreduce --removemissing, lvconvert --repair)";
	if (r->health[0] && report_has(r->layout, "thin") && strcmp(r->health, "failed") == 0)
		return "is in a thin pool that failed; lvconvert --repair it first";
	*error = -EROFS;
	if (r->readonly && !readonly)
		return "is read-only; attach the disk with mode r, or lvchange --permission rw it";
	return NULL;
}

int lvm_report_check(const struct lvm_report *report, const char *full, bool readonly, char *why,
	size_t why_room)
{
	int error;
	const char *text = report_refuse(report, readonly, &error);

	if (!text)
		return 0;
	snprintf(why, why_room, "logical volume %s %s", full, text);
	return error;
}

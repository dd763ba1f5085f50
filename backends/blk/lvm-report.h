/* SPDX-License-Identifier: MIT */
/* What LVM reports of a logical volume, and whether that can be a disk. Pure. */
#ifndef SLUICE_BACKENDS_BLK_LVM_REPORT_H
#define SLUICE_BACKENDS_BLK_LVM_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

/** LVM_REPORT_FIELDS - what lvs is asked for, with --binary, so that yes and no are 1 and 0. */
#define LVM_REPORT_FIELDS                                                                         \
	"vg_name,lv_name,vg_uuid,lv_uuid,lv_layout,lv_role,lv_active,lv_merging,"                       \
	"lv_snapshot_invalid,lv_attr,vg_partial,vg_exported,vg_shared,lv_health_status"

#define LVM_UUID_ROOM 40u

/** struct lvm_report - one logical volume. */
struct lvm_report {
	char vg_uuid[LVM_UUID_ROOM], lv_uuid[LVM_UUID_ROOM]; /* letters, digits and "-" only */
	char layout[128];  /* "linear", "thin,sparse", "thin,pool", ... */
	char role[128];    /* "public", "private,thin,pool,metadata", ... */
	char health[64];   /* "" is well */
	bool active, merging, invalid, readonly;
	bool partial, exported, shared; /* of the volume group */
};

/**
 * lvm_report_parse() - read what lvs --reportformat json printed.
 * @full: VG/LV, which it must be about
 *
 * Return: 0; -ENOENT: it reports nothing; -EPROTO: it makes no sense.
 */
int lvm_report_parse(const char *text, const char *full, struct lvm_report *report) must_check;

/**
 * lvm_report_check() - whether the logical volume can be a disk.
 * @readonly: the disk is not written
 *
 * Return: 0, or -errno with @why, which names it and the remedy.
 */
int lvm_report_check(const struct lvm_report *report, const char *full, bool readonly, char *why,
	size_t why_room) must_check;

#endif

/* SPDX-License-Identifier: MIT */
/* Names of logical volumes, "VG/LV", by LVM's own rules (lvm(8), VALID NAMES). Pure. */
#ifndef SLUICE_COMMON_LVM_NAME_H
#define SLUICE_COMMON_LVM_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

/** LVM_NAME_MAX - the longest name of either. */
#define LVM_NAME_MAX 127u

/** struct lvm_name - a valid one: both can stand in a command line and in a path. */
struct lvm_name {
	char vg[LVM_NAME_MAX + 1], lv[LVM_NAME_MAX + 1];
	char path[2 * LVM_NAME_MAX + 8]; /* /dev/VG/LV */
	char full[2 * LVM_NAME_MAX + 2]; /* VG/LV */
};

/** lvm_name_parse() - 0, or -EINVAL with @why, which names the part and the rule. */
int lvm_name_parse(const char *text, struct lvm_name *name, char *why, size_t why_room) must_check;

#endif

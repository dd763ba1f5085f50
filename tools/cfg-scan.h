/* SPDX-License-Identifier: MIT */
/*
 * Which keys a configuration file sets, and where: libxlutil tells the value of a key that
 * one knows, but neither lists them nor has their lines. Pure.
 */
#ifndef SLUICE_TOOLS_CFG_SCAN_H
#define SLUICE_TOOLS_CFG_SCAN_H

#include <stddef.h>

#define CFG_SCAN_NAME_MAX 64u

/** struct cfg_scan - where the scan is. */
struct cfg_scan {
	const char *at, *end;
	unsigned line;
	unsigned depth; /* of brackets */
};

/** cfg_scan_begin() - of @length bytes of @text, which libxlutil has accepted. */
void cfg_scan_begin(struct cfg_scan *scan, const char *text, size_t length);
/**
 * cfg_scan_next() - the next assignment (= or +=).
 * @name: the key; CFG_SCAN_NAME_MAX bytes, a longer one is cut
 *
 * Return: its line, from 1; 0: there is none.
 */
unsigned cfg_scan_next(struct cfg_scan *scan, char *name);

#endif

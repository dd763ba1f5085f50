/* SPDX-License-Identifier: MIT */
/* What sluice-format gives up before the program that reads an image takes its place. */
#ifndef SLUICE_DRIVERS_DOMAIN_FORMAT_JAIL_H
#define SLUICE_DRIVERS_DOMAIN_FORMAT_JAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

/**
 * format_jail() - own namespaces, only @image and the system's libraries to be opened, only
 * @program to be executed, no capabilities, and a list of system calls that are refused.
 * @image: open; of its file system's owner's identity from here on, where that is allowed
 * @readonly: it is not to be written
 *
 * Return: 0, or -errno with @why: then nothing may be read from the image.
 */
int format_jail(int image, bool readonly, const char *program, char *why, size_t room) must_check;
/** format_jail_calls() - the last step: the list. 0 or -errno. */
int format_jail_calls(void) must_check;

#endif

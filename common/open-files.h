/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_COMMON_OPEN_FILES_H
#define SLUICE_COMMON_OPEN_FILES_H

/**
 * open_files_raise() - raise the limit of our open files as far as it goes.
 *
 * For programs of which every peer takes some. Return: the limit that there is then.
 */
unsigned long open_files_raise(void);

#endif

/* SPDX-License-Identifier: MIT */
/* Grants are pages of 4 KiB on every architecture; a kernel's own pages need not be. */
#ifndef SLUICE_COMMON_PAGE_SIZE_H
#define SLUICE_COMMON_PAGE_SIZE_H

/** GRANT_PAGE_BYTES - what a grant gives access to. */
#define GRANT_PAGE_BYTES 4096

/**
 * page_size_check() - at start-up: end the program where the kernel's pages are others (arm64 has
 * kernels of 16 and 64 KiB). gntdev maps whole pages of the kernel there, libxengnttab asks it for
 * grants' pages, and what a program gets is not what it believes. Guests may have such kernels.
 */
void page_size_check(void);

#endif

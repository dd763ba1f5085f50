/* SPDX-License-Identifier: MIT */
/* Where our own programs and libraries are: beside us in a build tree, or installed. */
#ifndef SLUICE_COMMON_PATHS_H
#define SLUICE_COMMON_PATHS_H

/**
 * path_program() - the path of one of our programs.
 * @folder: the program's folder in a build tree, e.g. "backends/blk"
 * @name: e.g. "sluice-blk"
 *
 * A program that itself runs from a build tree finds its siblings there; an
 * installed one finds them where they were installed. Return: malloc'ed, or
 * NULL with errno set (ENOENT: it is in neither place).
 */
char *path_program(const char *folder, const char *name);

/**
 * path_dropin_libs() - the directory of our libxenevtchn.so.1 and libxengnttab.so.1,
 * for LD_LIBRARY_PATH in a process domain. Return: malloc'ed, or NULL with errno set.
 */
char *path_dropin_libs(void);

/** path_build_root() - the build tree that this program runs from, malloc'ed; NULL: it is installed. */
char *path_build_root(void);

/**
 * path_module() - the file of a module that a program loads.
 * @folder: the module's folder in a build tree
 * @name: e.g. "blk-nbd.so"
 *
 * Return: as path_program().
 */
char *path_module(const char *folder, const char *name);

/** path_nbdkit_plugin() - the nbdkit plugin's file. Return: as path_program(). */
char *path_nbdkit_plugin(void);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A tape that outlives the process which writes it, in a small file on a tmpfs: its successor
 * shows what was said before, and takes no byte from the ring twice and leaves none out.
 *
 * The bytes go to the file first, then the number of bytes that were ever added, in one store,
 * and only then is their room in the ring given back. Whatever moment the process is killed at,
 * the number is right, and the place in the ring follows from it: their difference is
 * constant for the life of a connection, and kept beside it. Native integers: the
 * reader runs on the same host. To a successor all of it is a stranger's.
 */
#ifndef SLUICE_BACKENDS_CONSOLE_TAPE_FILE_H
#define SLUICE_BACKENDS_CONSOLE_TAPE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/console/tape.h"
#include "common/cleanup.h"

/** TAPE_VERSION - of the file: another one is another program's. */
#define TAPE_VERSION 1u

struct tape_file;

/**
 * tape_file_open() - a tape in memory, or in a file.
 * @where: a path, "fd:N" for a descriptor of ours that is taken over, or NULL: memory
 * @device: whose console: another one's tape is emptied
 * @size: bytes to keep
 *
 * Return: 0 or -errno (-EBUSY: another process writes it).
 */
int tape_file_open(const char *where, const char *device, size_t size, struct tape_file **tf)
	must_check;
void tape_file_close(struct tape_file *tf);

/** tape_file_tape() - the tape itself; read it only. */
const struct tape *tape_file_tape(const struct tape_file *tf);
/** tape_file_add() - append for good. */
void tape_file_add(struct tape_file *tf, const void *from, size_t len);
/** tape_file_connect() - the ring's next byte, at @out_cons, will be the tape's next one. */
void tape_file_connect(struct tape_file *tf, uint32_t out_cons);
/** tape_file_place() - where in its ring a predecessor was. False: there was none. */
bool tape_file_place(const struct tape_file *tf, uint32_t *out_cons);

#endif

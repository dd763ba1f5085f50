/* SPDX-License-Identifier: MIT */
/* A queue of the io layer over the failing driver: what blk-io and blk-rmw share. */
#ifndef SLUICE_TESTS_UNIT_IO_DISK_H
#define SLUICE_TESTS_UNIT_IO_DISK_H

#include "tests/peers/drv-fail.h"
#include "tests/unit/io-rig.h"

#define SIZE (4u << 20)
#define MiB (1u << 20)

extern struct fail_disk disk;
extern struct io *io;
extern struct io_rig rig;
extern uint8_t *memory; /* SIZE bytes, 4096-byte aligned */
/** 512-byte blocks; 4096-byte blocks that memory may be worse aligned than. */
extern const struct blk_info plain, blocks;

/** io_disk_start() - a disk, a queue, memory. */
void io_disk_start(const struct blk_info *info);
/** io_disk_finish() - all went, and the driver saw no broken promise. */
void io_disk_finish(void);
/**
 * io_disk_scattered() - write and read @n elements of 1 to 7 @unit bytes.
 * @parts: what the driver is to see of the write; 0: do not look
 */
void io_disk_scattered(const struct blk_info *info, unsigned n, unsigned unit, uint64_t offset,
	unsigned parts);

#endif

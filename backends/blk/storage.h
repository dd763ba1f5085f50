/* SPDX-License-Identifier: MIT */
/*
 * Opening a local file or block device for drivers: what it is, how large, how it
 * can be accessed, and that nobody else writes it. Control thread.
 */
#ifndef SLUICE_BACKENDS_BLK_STORAGE_H
#define SLUICE_BACKENDS_BLK_STORAGE_H

#include "backends/blk/driver.h"

struct storage {
	int fd;
	uint64_t size;
	uint32_t physical_size;
	bool is_device;
	bool in_memory;  /* tmpfs: reads and writes never wait for a disk */
	bool direct;     /* O_DIRECT is on */
	bool rotational;
};

/**
 * storage_open() - open @conf->filename.
 *
 * Takes an open-file-description lock, exclusive for writing and shared for reading,
 * and O_EXCL on a block device that is to be written, so that what somebody else
 * holds is refused. O_DIRECT unless @conf->buffered, the file system cannot, or its
 * blocks are larger than the 512 bytes that requests come in: then the page cache is
 * used, with a line in the log.
 *
 * Return: 0, or -errno with @why, which names the file and the remedy; @st->fd is -1 then.
 */
int storage_open(const struct blk_conf *conf, struct storage *st, char *why, size_t why_room) must_check;

/**
 * storage_path() - the path in a toolstack's params: "PATH", "aio:PATH", "raw:PATH".
 *
 * Return: the part of @params that is the path, or NULL with @why: another format, by
 * name. Formats are never probed.
 */
const char *storage_path(const char *params, char *why, size_t why_room) must_check;

#endif

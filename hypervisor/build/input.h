/* SPDX-License-Identifier: MIT */
/* A file or a pipe that the toolstack opened. */
#ifndef SLUICE_HYPERVISOR_BUILD_INPUT_H
#define SLUICE_HYPERVISOR_BUILD_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hypervisor/build/error.h"

/** struct input - what is read from a descriptor, from its beginning. */
struct input {
	int fd;
	bool seekable;   /* a regular file: read from offset 0, wherever its position is */
	uint64_t size;   /* of a regular file, when it was looked at; else 0 */
	char name[128];  /* for messages: what it is, and its path if it has one */
};

/**
 * input_init() - look at @fd, without reading it. Before confinement: it uses /proc.
 * @what: "kernel", "initrd"
 *
 * Return: 0, or -EINVAL with @err set: it is no regular file, pipe or socket, or not open.
 */
int input_init(struct input *in, int fd, const char *what, struct build_error *err) must_check;

/**
 * input_read() - read all of it.
 * @room: at most; more is -EFBIG
 * @len: what came
 *
 * Return: 0, -EFBIG, or the read's -errno.
 */
int input_read(const struct input *in, uint8_t *to, size_t room, size_t *len) must_check;

#endif

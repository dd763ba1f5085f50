/* SPDX-License-Identifier: MIT */
/* What a volume's file, which glusterd sends, says of the way to its data. Pure; the text is hostile. */
#ifndef SLUICE_BACKENDS_BLK_GLUSTER_VOLFILE_H
#define SLUICE_BACKENDS_BLK_GLUSTER_VOLFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

#define VOLFILE_BYTES (1u << 20)
#define VOLFILE_HOSTS 16u
#define VOLFILE_HOST 256u

/** struct volfile_host - one that has bricks, named once. */
struct volfile_host {
	char name[VOLFILE_HOST];
	uint16_t port; /* of its glusterd, which knows the bricks' ports; or of its one brick */
};

/** struct volfile - a volume as clients see it. */
struct volfile {
	struct volfile_host host[VOLFILE_HOSTS];
	unsigned hosts;
	bool write_behind;        /* writes are acknowledged from the client's own memory */
	bool strict_o_direct;     /* but not those to files opened with O_DIRECT */
	bool no_zerofill;         /* it has a translator that writes no zeroes by itself */
};

/**
 * volfile_parse() - @length bytes of @text, which need no end.
 * @why: room for what is wrong with it, or cannot be served, with the remedy
 *
 * Return: 0, -EPROTO: it is no volume's file, -E2BIG: it has more than is taken, or
 * -EOPNOTSUPP: it wants something of its clients that is not there.
 */
int volfile_parse(const char *text, size_t length, struct volfile *v, char *why, size_t room) must_check;

#endif

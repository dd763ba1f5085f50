/* SPDX-License-Identifier: MIT */
/* Names of images on GlusterFS volumes, as QEMU writes them. Pure. */
#ifndef SLUICE_BACKENDS_BLK_GLUSTER_URI_H
#define SLUICE_BACKENDS_BLK_GLUSTER_URI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

#define GLUSTER_HOST 256u
#define GLUSTER_SOCKET 108u
#define GLUSTER_VOLUME 256u
#define GLUSTER_PATH 1024u

/** struct gluster_uri - where an image is. */
struct gluster_uri {
	bool is_unix;                   /* glusterd is reached by a Unix socket, else by TCP */
	char host[GLUSTER_HOST];        /* its name or address; of a Unix socket "" */
	uint16_t port;
	char socket[GLUSTER_SOCKET];
	char volume[GLUSTER_VOLUME];
	char path[GLUSTER_PATH];        /* of the image in the volume, from its /; no .. in it */
	uint32_t timeout_s;             /* 0: the volume's own */
	uint16_t first, last;           /* ports that bricks listen on */
};

/**
 * gluster_uri_parse() - gluster[+tcp|+unix]://[HOST[:PORT]]/VOLUME/PATH[?OPTION=VALUE[&..]]
 * @why: room for the reason, which names the offending part; never more of the text than
 *	what is safe to show
 *
 * Options: socket=PATH (with +unix), timeout=SECONDS, bricks=FIRST-LAST. %XX stands for a byte.
 * Return: 0 or -EINVAL.
 */
int gluster_uri_parse(const char *text, struct gluster_uri *uri, char *why, size_t room) must_check;

#endif

/* SPDX-License-Identifier: MIT */
/* Words that the tables of store nodes are written with; for the files that define such a table. */
#ifndef SLUICE_PROTOCOL_NODE_ROWS_H
#define SLUICE_PROTOCOL_NODE_ROWS_H

#include "protocol/negotiate.h"

#define U32_MAX UINT32_MAX
/* FIFO event channels: EVTCHN_FIFO_NR_CHANNELS of xen/event_channel.h; port 0 is never valid. */
#define PORT_MAX ((1u << 17) - 1)

#define TOOLSTACK(in) .writer = NEGO_TOOLSTACK, .dir = in, .when = NEGO_AT_CREATION
#define BACKEND(at) .writer = NEGO_BACKEND, .dir = NEGO_BACKEND_DIR, .when = NEGO_BEFORE_##at
#define FRONTEND .writer = NEGO_FRONTEND, .dir = NEGO_FRONTEND_DIR, .when = NEGO_BEFORE_INITIALISED
#define BOOL .type = NEGO_BOOL, .max = 1
#define U32(least, most) .type = NEGO_U32, .min = (least), .max = (most)
#define U64(least, most) .type = NEGO_U64, .min = (least), .max = (most)
#define STRING .type = NEGO_STRING
#define NOWHERE .offset = NEGO_NO_FIELD

#endif

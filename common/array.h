/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_COMMON_ARRAY_H
#define SLUICE_COMMON_ARRAY_H

#include <stddef.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif

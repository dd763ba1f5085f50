/* SPDX-License-Identifier: MIT */
/*
 * Programs by descriptor: what a backend was started from stays there, and can be started
 * again, after another build has taken its name.
 */
#ifndef SLUICE_DRIVERS_DOMAIN_IMAGE_H
#define SLUICE_DRIVERS_DOMAIN_IMAGE_H

#include <stdbool.h>

#include "common/cleanup.h"

struct image;

/** image_open() - the program at @path, the same object while it is the same file. NULL with errno set. */
struct image *image_open(const char *path) must_check;
/** image_get() - one more that holds it; NULL is fine. */
struct image *image_get(struct image *i);
/** image_put() - let go of it; NULL is fine. */
void image_put(struct image *i);
/** image_is_script() - an interpreter runs it: what a process of it executes is another file. */
bool image_is_script(const struct image *i);
/** image_fd() - to execute it by; close-on-exec, the image's. */
int image_fd(const struct image *i);

#endif

/* SPDX-License-Identifier: MIT */
/* What other threads want done in a queue's thread: blk_queue_post() of driver.h. */
#ifndef SLUICE_BACKENDS_BLK_INBOX_H
#define SLUICE_BACKENDS_BLK_INBOX_H

#include "backends/blk/driver.h"

/** inbox_start() - in the queue's thread, once its ring is there. 0 or -errno. */
int inbox_start(struct blk_queue *queue) must_check;
/** inbox_stop() - when nobody can post any more; NULL inbox is fine. */
void inbox_stop(struct blk_queue *queue);

#endif

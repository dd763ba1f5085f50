/* SPDX-License-Identifier: MIT */
/* One ring over a disk in memory: real queue code, fake Xen. */
#ifndef SLUICE_TESTS_UNIT_BLK_REQUEST_RIG_H
#define SLUICE_TESTS_UNIT_BLK_REQUEST_RIG_H

#include "tests/unit/blk-rig.h"

extern struct mem_driver mem;
extern struct rig rig;

/** request_setup() - a new disk and no ring; cmocka's setup of a test. */
int request_setup(void **state);
/** request_teardown() - cmocka's teardown: nothing may be mapped, bound or open any more. */
int request_teardown(void **state);
/** start_ring() - connect; to the disk in memory, unless @o has a driver. */
void start_ring(struct rig_options o);
/** stop_clean() - disconnect a ring that did not fail. */
void stop_clean(void);

#endif

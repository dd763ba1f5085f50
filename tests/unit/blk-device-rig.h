/* SPDX-License-Identifier: MIT */
/*
 * A block device over a store in memory: the test is toolstack and frontend, and runs the
 * loop until what it waits for is in the store.
 */
#ifndef SLUICE_TESTS_UNIT_BLK_DEVICE_RIG_H
#define SLUICE_TESTS_UNIT_BLK_DEVICE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backends/blk/device.h"

#define BACK "backend/vbd/7/51712"
#define FRONT "/local/domain/7/device/vbd/51712"

/** struct device_rig - the device of the test that runs. */
struct device_rig {
	struct loop *loop;
	struct device *device; /* NULL: not started, or refused */
	int status;            /* why it was refused */
	char image[64];        /* its disk: a file of 1 MiB */
	/* what start_device() takes */
	unsigned max_queues;
	const char *journal; /* NULL: none */
};
extern struct device_rig rig;

/** device_setup() - an image and what the toolstack writes for it; cmocka's setup of a test. */
int device_setup(void **state);
/** device_teardown() - cmocka's teardown of a test. */
int device_teardown(void **state);

/** start_device() - as sluice-blk starts it; rig.device is NULL if it refuses. */
void start_device(void);
/** stop_device() - as sluice-blk does on SIGTERM: from inside the loop. */
void stop_device(void);
/**
 * run_until() - run until the node has the value; fails after ten seconds.
 * @value: NULL: any.
 *
 * Return: the loop's status.
 */
int run_until(const char *path, const char *value);
/** settle() - the toolstack's writes are looked at in the loop: run until all so far were. */
void settle(void);

/** front() - write a node of the frontend. */
void front(const char *name, const char *value);
/** front_ring() - grant a ring of one page and write its nodes. */
void front_ring(void);
/** front_queues() - grant @n rings and write their nodes, in queue-0/ and so on. */
void front_queues(unsigned n);
/** connect_disk() - start the device and connect one ring to it. */
void connect_disk(void);

/** expect_node() - a node of the backend. @value: NULL: there is none. */
void expect_node(const char *name, const char *value);
/** expect_error() - both error nodes say the same, with @part in it. */
void expect_error(const char *part);

#endif

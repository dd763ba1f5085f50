// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/unit/blk-device-rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/blkif.h"
#include "protocol/ring.h"
#include "tests/peers/fake-xen.h"

#define PENDING 99

struct device_rig rig;
static char *expected_path, *expected_value;

int device_setup(void **state)
{
	int fd;

	fake_reset();
	rig.max_queues = 1;
	rig.journal = NULL;
	snprintf(rig.image, sizeof(rig.image), "/dev/shm/sluice-blk-XXXXXX");
	fd = mkstemp(rig.image);
	if (fd < 0 || ftruncate(fd, 1 << 20) < 0)
		return -1;
	close(fd);
	rig.loop = loop_new();
	fake_store_write(BACK "/frontend", FRONT);
	fake_store_write(BACK "/frontend-id", "7");
	fake_store_write(BACK "/params", rig.image);
	fake_store_write(BACK "/mode", "w");
	fake_store_write(BACK "/online", "1");
	fake_store_write(BACK "/state", "1");
	fake_store_write(FRONT "/state", "1");
	return 0;
}

int device_teardown(void **state)
{
	device_free(rig.device);
	rig.device = NULL;
	loop_free(rig.loop);
	unlink(rig.image);
	return 0;
}

static bool is_there(void)
{
	char *value = fake_store_read(expected_path);
	bool yes = expected_value ? value && strcmp(value, expected_value) == 0 : !!value;

	free(value);
	return yes;
}

static int ticks;

static void tick(void *opaque)
{
	if (is_there() || --ticks <= 0)
		loop_stop(rig.loop, PENDING);
	else
		assert_non_null(loop_add_timer(rig.loop, 2, tick, NULL));
}

int run_until(const char *path, const char *value)
{
	int rc;

	expected_path = (char *)(uintptr_t)path;
	expected_value = (char *)(uintptr_t)value;
	ticks = 5000;
	assert_non_null(loop_add_timer(rig.loop, 0, tick, NULL));
	rc = loop_run(rig.loop);
	if (!is_there()) {
		char *now = fake_store_read(path);

		fail_msg("%s is %s, not %s", path, now ? now : "absent", value);
	}
	return rc;
}

void start_device(void)
{
	struct device_options o = { .path = BACK, .ready_fd = -1, .max_queues = rig.max_queues,
		.journal = rig.journal };

	rig.device = device_start(rig.loop, &o, &rig.status);
}

static void stop_now(void *opaque)
{
	device_stop(rig.device);
}

void stop_device(void)
{
	assert_non_null(loop_add_timer(rig.loop, 0, stop_now, NULL));
}

void front(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), FRONT "/%s", name);
	fake_store_write(path, value);
}

/* The nodes of ring @i of several, in queue-@i/. */
static void front_queue(unsigned i, uint32_t gref, uint32_t port)
{
	struct ring_front ring;
	char name[40], value[16];

	assert_int_equal(ring_front_init(&ring, fake_grant_ring(gref, 1), 4096,
				 blkif_slot_size(BLKIF_ABI_NATIVE)),
		0);
	snprintf(name, sizeof(name), "queue-%u/ring-ref", i);
	snprintf(value, sizeof(value), "%u", gref);
	front(name, value);
	snprintf(name, sizeof(name), "queue-%u/event-channel", i);
	snprintf(value, sizeof(value), "%u", port);
	front(name, value);
}

void front_queues(unsigned n)
{
	char value[16];

	for (unsigned i = 0; i < n; i++)
		front_queue(i, 10 + i, FAKE_REMOTE_PORT + i);
	snprintf(value, sizeof(value), "%u", n);
	front("multi-queue-num-queues", value);
	front("protocol", "x86_64-abi");
}

void front_ring(void)
{
	struct ring_front ring;

	assert_int_equal(ring_front_init(&ring, fake_grant_ring(1, 1), 4096,
				 blkif_slot_size(BLKIF_ABI_NATIVE)),
		0);
	front("ring-ref", "1");
	front("event-channel", "5");
	front("protocol", "x86_64-abi");
}

void expect_node(const char *name, const char *value)
{
	char path[128], *text;

	snprintf(path, sizeof(path), BACK "/%s", name);
	text = fake_store_read(path);
	if (!value) {
		assert_null(text);
		return;
	}
	assert_non_null(text);
	assert_string_equal(text, value);
	free(text);
}

void expect_error(const char *part)
{
	char *own = fake_store_read(BACK "/error");
	char *tree = fake_store_read("error/" BACK "/error");

	assert_non_null(own);
	assert_non_null(tree);
	assert_string_equal(own, tree);
	if (!strstr(own, part))
		fail_msg("the error says: %s", own);
	free(own);
	free(tree);
}

void connect_disk(void)
{
	start_device();
	assert_non_null(rig.device);
	run_until(BACK "/state", "2");
	front_ring();
	front("state", "3");
	run_until(BACK "/state", "4");
}

void settle(void)
{
	static unsigned n;
	char path[64];

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), BACK "/settle-%u", n++);
		fake_store_write(path, "");
		run_until(path, NULL);
	}
}

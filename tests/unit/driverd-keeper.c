// SPDX-License-Identifier: MIT
/* What the daemon tells the store gate, and a gate that does not listen for a while. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/fdpass.h"
#include "common/loop.h"
#include "common/paths.h"
#include "drivers-domain/daemon.h"
#include "drivers-domain/gate-control.h"
#include "drivers-domain/gate-keeper.h"
#include "drivers-domain/launch.h"
#include "drivers-domain/store-fd.h"

/* More than a socket holds. */
#define MANY 2000u

/* --- the daemon and the gate, as far as the keeper sees them --------------------------------- */

static struct {
	char dir[64];
	int lock_fd, listen_fd, gate_fd;
	struct daemon daemon;
	struct keeper *keeper;
	unsigned heard; /* of the devices that went, in order */
	unsigned until; /* the loop ends when so many were heard, */
	unsigned turns; /* or after so many turns of it */
} rig;

int store_fd_open(void)
{
	return -ENOENT;
}

pid_t launch_spawn(const struct launch *l, int *ready_fd)
{
	fail_msg("a gate is started although one is there");
	return -1;
}

char *path_program(const char *part, const char *name)
{
	return strdup(name);
}

void daemon_fail(struct daemon *d, const char *text, int error)
{
	fail_msg("%s: %s", text, strerror(-error));
}

void daemon_check_store(struct daemon *d)
{
}

uint64_t daemon_now_ms(void)
{
	return 1000;
}

static struct leaf_name name_of(unsigned device)
{
	struct leaf_name name = { .kind = "vbd", .frontend = 2, .devid = device };

	return name;
}

static bool hear(struct gate_control *message, int *fd)
{
	unsigned n = 1;
	ssize_t len = fd_recv_now(rig.gate_fd, message, sizeof(*message), fd, &n);

	if (n == 0)
		*fd = -1;
	if (len == -EAGAIN)
		return false;
	assert_int_equal(len, sizeof(*message));
	return true;
}

/* What is there; each is of the device that comes next. */
static void hear_removals(void)
{
	struct gate_control message;
	int fd;

	while (hear(&message, &fd)) {
		struct leaf_name next = name_of(rig.heard);

		assert_int_equal(message.what, GATE_REMOVE);
		assert_memory_equal(&message.name, &next, sizeof(next));
		rig.heard++;
	}
}

static void hear_on(void *opaque)
{
	hear_removals();
	if (rig.heard == rig.until || ++rig.turns == 6000)
		loop_stop(rig.daemon.loop, 0);
	else
		assert_non_null(loop_add_timer(rig.daemon.loop, 5, hear_on, NULL));
}

static int setup(void **state)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct gate_control hello;
	char path[96];
	int fd;

	memset(&rig, 0, sizeof(rig));
	snprintf(rig.dir, sizeof(rig.dir), "/tmp/sluice-keeper-XXXXXX");
	assert_non_null(mkdtemp(rig.dir));
	rig.daemon.files.run_fd = open(rig.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/%s", rig.dir, KEEPER_LOCK);
	rig.lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(flock(rig.lock_fd, LOCK_EX), 0);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/store-gate.sock", rig.dir);
	rig.listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(rig.listen_fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(rig.listen_fd, 1), 0);
	rig.daemon.loop = loop_new();
	assert_non_null(rig.daemon.loop);
	rig.keeper = keeper_new(&rig.daemon, 1);
	assert_non_null(rig.keeper);
	rig.gate_fd = accept4(rig.listen_fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(hear(&hello, &fd));
	assert_int_equal(hello.what, GATE_HELLO);
	return 0;
}

static int teardown(void **state)
{
	char path[96];

	keeper_free(rig.keeper);
	loop_free(rig.daemon.loop);
	close(rig.gate_fd);
	close(rig.listen_fd);
	close(rig.lock_fd);
	close(rig.daemon.files.run_fd);
	snprintf(path, sizeof(path), "rm -rf '%s'", rig.dir);
	return system(path);
}

/* --- the tests --------------------------------------------------------------------------------- */

static void remove_many(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		struct leaf_name name = name_of(i);

		keeper_remove(rig.keeper, &name);
	}
}

static void a_gate_that_is_busy_hears_later_of_what_went(void **state)
{
	remove_many(0, MANY);
	hear_removals();
	assert_in_range(rig.heard, 1, MANY - 1);
	rig.until = MANY;
	hear_on(NULL);
	assert_int_equal(loop_run(rig.daemon.loop), 0);
	assert_int_equal(rig.heard, MANY);
}

static void what_came_back_meanwhile_is_not_taken_away(void **state)
{
	struct leaf_name name = name_of(MANY);
	struct gate_control message;
	int fd, listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	remove_many(0, MANY + 1);
	hear_removals();
	assert_in_range(rig.heard, 1, MANY - 1);
	assert_int_equal(keeper_admit(rig.keeper, &name, "/local/domain/2/device/vbd/2000", listen_fd), 0);
	assert_true(hear(&message, &fd));
	assert_int_equal(message.what, GATE_ADD);
	assert_true(fd >= 0);
	close(fd);
	close(listen_fd);
	rig.until = MANY;
	hear_on(NULL);
	assert_int_equal(loop_run(rig.daemon.loop), 0);
	hear_removals();
	assert_int_equal(rig.heard, MANY);
}

/* What it is not told of then another gate does not know. */
static void without_a_gate_nothing_is_kept(void **state)
{
	remove_many(0, MANY);
	close(rig.gate_fd);
	rig.gate_fd = -1;
	keeper_free(rig.keeper);
	rig.keeper = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_gate_that_is_busy_hears_later_of_what_went, setup, teardown),
		cmocka_unit_test_setup_teardown(what_came_back_meanwhile_is_not_taken_away, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_gate_nothing_is_kept, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

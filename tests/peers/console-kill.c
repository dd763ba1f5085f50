// SPDX-License-Identifier: MIT
/* sluice-console from end to end: killed, and followed by another one. */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/peers/console-rig.h"

static char socket_option[80], tape_option[80];
static const char *con, *tape;
static const char *const at_socket[] = { socket_option, NULL };

static int begin(void **state)
{
	if (rig_setup(state) < 0)
		return -1;
	snprintf(socket_option, sizeof(socket_option), "--socket=%s/con", folder);
	snprintf(tape_option, sizeof(tape_option), "--journal=%s/tape", folder);
	con = socket_option + 9;
	tape = tape_option + 10;
	return 0;
}

static void expect_end(int fd)
{
	char byte;

	assert_int_equal(read(fd, &byte, 1), 0);
	close(fd);
}

/* Another one takes over the socket, and the guest's port; what the guest said meanwhile is there. */
static void test_killed_and_followed(void **state)
{
	struct program p;
	struct guest g;
	int fd;

	guest_start(&g, 1);
	program_start(&p, &g, at_socket, -1, -1);
	fd = connect_to(con);
	guest_say(&g, "before", 6);
	expect(fd, "before");
	kill_program(&p);
	expect_end(fd);
	guest_say(&g, "meanwhile", 9);
	program_start(&p, &g, at_socket, -1, -1);
	fd = connect_to(con);
	expect(fd, "meanwhile");
	type(fd, "on");
	guest_hears(&g, "on");
	close(fd);
	assert_int_equal(program_stop(&p), 0);
	guest_end(&g);
}

/* A living one's socket is not taken. */
static void test_socket_in_use(void **state)
{
	struct guest g, other;
	struct program p, q;
	const char *options[] = { "--domain=2", NULL, socket_option, NULL };
	char ref[32];
	int fd;

	guest_start(&g, 1);
	guest_start(&other, 2);
	program_start(&p, &g, at_socket, -1, -1);
	snprintf(ref, sizeof(ref), "--ring-ref=%u", other.ref);
	options[1] = ref;
	program_run(&q, options, -1, -1);
	assert_false(q.ready);
	assert_int_equal(program_wait(&q, "Address already in use"), 1);
	fd = connect_to(con);
	guest_say(&g, "mine", 4);
	expect(fd, "mine");
	close(fd);
	assert_int_equal(program_stop(&p), 0);
	guest_end(&g);
	guest_end(&other);
}

/* A guest that numbers its lines, in a process of its own: backends come and go under it. */
static void guest_numbers(struct guest *g, unsigned lines)
{
	char text[20];

	for (unsigned i = 0; i < lines; i++) {
		snprintf(text, sizeof(text), "%07u\n", i);
		guest_say(g, text, 8);
	}
}

/*
 * Killed again and again under output, with a tape: every byte is on the tape once. With the
 * tape's size no limit, it is all there in the end.
 */
static void test_kills_lose_and_double_nothing(void **state)
{
	const char *const options[] = { socket_option, tape_option, "--scrollback=4000000",
		"--rate=0", NULL };
	enum { LINES = 60000 };
	static char all[LINES * 8 + 1];
	struct program p;
	struct guest g;
	unsigned kills = 0;
	int fd, status;
	pid_t pid;

	guest_start(&g, 1);
	program_start(&p, &g, options, -1, -1);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		guest_numbers(&g, LINES);
		_exit(0);
	}
	srandom(1);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		poll(NULL, 0, 1 + (int)(random() % 30));
		kill_program(&p);
		kills++;
		program_start(&p, &g, options, -1, -1);
	}
	assert_int_equal(status, 0);
	fd = connect_to(con);
	for (size_t used = 0; used < sizeof(all) - 1;) {
		struct pollfd q = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&q, 1, PATIENCE_MS) != 1)
			fail_msg("%zu bytes are missing after %u kills", sizeof(all) - 1 - used, kills);
		n = read(fd, all + used, sizeof(all) - 1 - used);
		assert_true(n > 0);
		used += (size_t)n;
	}
	for (unsigned i = 0; i < LINES; i++)
		if (strtoul(all + i * 8, NULL, 10) != i)
			fail_msg("line %u is %.7s after %u kills", i, all + i * 8, kills);
	printf("# %u kills\n", kills);
	assert_in_range(kills, 2, 100000);
	close(fd);
	assert_int_equal(program_stop(&p), 0);
	unlink(tape);
	guest_end(&g);
}

/* What a stranger left as a tape is begun anew. */
static void test_spoiled_tape(void **state)
{
	const char *const options[] = { socket_option, tape_option, NULL };
	char junk[5000];
	struct program p;
	struct guest g;
	int fd;

	guest_start(&g, 1);
	srandom(2);
	for (unsigned round = 0; round < 3; round++) {
		for (size_t i = 0; i < sizeof(junk); i++)
			junk[i] = (char)random();
		fd = open(tape, O_RDWR | O_CREAT, 0600);
		/* The magic number of a real one, from the second round on. */
		assert_int_equal(pwrite(fd, junk, sizeof(junk), round ? 8 : 0), sizeof(junk));
		close(fd);
		program_start(&p, &g, options, -1, -1);
		guest_say(&g, "fine", 4);
		fd = connect_to(con);
		expect(fd, "fine");
		close(fd);
		assert_int_equal(program_stop(&p), 0);
	}
	unlink(tape);
	guest_end(&g);
}

/* The guest is told whether anybody serves it, by a byte that newer ones look at. */
static void test_connection_byte(void **state)
{
	struct program p;
	struct guest g;
	uint8_t *byte;

	guest_start(&g, 1);
	byte = (uint8_t *)g.page + 3088;
	*byte = 1;
	program_start(&p, &g, at_socket, -1, -1);
	assert_int_equal(*byte, 0);
	assert_int_equal(program_stop(&p), 0);
	assert_int_equal(*byte, 1);
	guest_end(&g);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_and_followed),
		cmocka_unit_test(test_socket_in_use),
		cmocka_unit_test(test_kills_lose_and_double_nothing),
		cmocka_unit_test(test_spoiled_tape),
		cmocka_unit_test(test_connection_byte),
	};
	int failed;

	hv_dropin(argv);
	hv_world_start(&world);
	failed = cmocka_run_group_tests(tests, begin, rig_teardown);
	hv_world_stop(&world);
	return failed;
}

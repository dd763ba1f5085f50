// SPDX-License-Identifier: MIT
/* sluice-console from end to end: the log. */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/peers/console-rig.h"

static char socket_option[80], log_option[80];
static const char *con, *log_path;

static int begin(void **state)
{
	if (rig_setup(state) < 0)
		return -1;
	snprintf(socket_option, sizeof(socket_option), "--socket=%s/con", folder);
	snprintf(log_option, sizeof(log_option), "--log=%s/log", folder);
	con = socket_option + 9;
	log_path = log_option + 6;
	return 0;
}

static size_t read_file(const char *path, char *to, size_t room)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, to, room - 1);

	if (fd >= 0)
		close(fd);
	to[n] = '\0';
	return (size_t)n;
}

static void old_log(char *name, size_t room, unsigned n)
{
	snprintf(name, room, n ? "%s.%u" : "%s", log_path, n);
}

/* It fills files of a bounded size, and loses only whole old ones: what is left is the end, in order. */
static void test_log_rotates(void **state)
{
	const char *const options[] = { log_option, "--log-size=4096", "--log-keep=2", NULL };
	static char all[3 * 4096 + 1], text[20];
	char name[96];
	struct program p;
	struct guest g;
	struct stat sb;
	unsigned line;
	size_t used = 0;

	guest_start(&g, 1);
	program_start(&p, &g, options, -1, -1);
	for (line = 0; line < 2000; line++) {
		snprintf(text, sizeof(text), "line %06u\n", line);
		guest_say(&g, text, 12);
	}
	assert_int_equal(program_stop(&p), 0);
	for (unsigned n = 3; n-- > 0;) {
		old_log(name, sizeof(name), n);
		assert_int_equal(stat(name, &sb), 0);
		assert_in_range(sb.st_size, 12, 4096);
		used += read_file(name, all + used, sizeof(all) - used);
		unlink(name);
	}
	old_log(name, sizeof(name), 3);
	assert_int_equal(access(name, F_OK), -1);
	for (size_t at = used; at >= 12; at -= 12) {
		snprintf(text, sizeof(text), "line %06u\n", --line);
		assert_memory_equal(all + at - 12, text, 12);
	}
	guest_end(&g);
}

static void test_log_is_stamped_and_escaped(void **state)
{
	const char *const options[] = { log_option, "--log-timestamps", "--log-escape", NULL };
	char all[200];
	struct program p;
	struct guest g;

	guest_start(&g, 1);
	program_start(&p, &g, options, -1, -1);
	guest_say(&g, "\x1b[31mred\r\n", 10);
	assert_int_equal(program_stop(&p), 0);
	read_file(log_path, all, sizeof(all));
	assert_int_equal(all[0], '[');
	assert_string_equal(all + 22, " \\x1b[31mred\n" + 0);
	unlink(log_path);
	guest_end(&g);
}

static void test_sighup_reopens_the_log(void **state)
{
	const char *const options[] = { log_option, NULL };
	char old[96], all[64];
	struct program p;
	struct guest g;

	guest_start(&g, 1);
	program_start(&p, &g, options, -1, -1);
	guest_say(&g, "old", 3);
	while (read_file(log_path, all, sizeof(all)) < 3)
		poll(NULL, 0, 10);
	old_log(old, sizeof(old), 1);
	assert_int_equal(rename(log_path, old), 0);
	kill(p.pid, SIGHUP);
	for (unsigned i = 0; i < PATIENCE_MS / 10 && access(log_path, F_OK) < 0; i++)
		poll(NULL, 0, 10);
	guest_say(&g, "new", 3);
	assert_int_equal(program_stop(&p), 0);
	read_file(log_path, all, sizeof(all));
	assert_string_equal(all, "new");
	read_file(old, all, sizeof(all));
	assert_string_equal(all, "old");
	unlink(old);
	unlink(log_path);
	guest_end(&g);
}

/* A log that takes nothing, as of a disk that hangs, holds up neither the guest nor its readers. */
static void test_stuck_log(void **state)
{
	const char *const options[] = { socket_option, log_option, NULL };
	static char block[4096];
	struct program p;
	struct guest g;
	int fd, stuck;

	guest_start(&g, 1);
	assert_int_equal(mkfifo(log_path, 0600), 0);
	stuck = open(log_path, O_RDONLY | O_NONBLOCK);
	program_start(&p, &g, options, -1, -1);
	fd = connect_to(con);
	memset(block, 'x', sizeof(block));
	for (unsigned i = 0; i < 128; i++) {
		guest_say(&g, block, sizeof(block));
		expect_read(fd, block, sizeof(block));
	}
	close(fd);
	close(stuck);
	assert_int_equal(program_stop(&p), 0);
	unlink(log_path);
	guest_end(&g);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_rotates),
		cmocka_unit_test(test_log_is_stamped_and_escaped),
		cmocka_unit_test(test_sighup_reopens_the_log),
		cmocka_unit_test(test_stuck_log),
	};
	int failed;

	hv_dropin(argv);
	hv_world_start(&world);
	failed = cmocka_run_group_tests(tests, begin, rig_teardown);
	hv_world_stop(&world);
	return failed;
}

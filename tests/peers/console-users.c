// SPDX-License-Identifier: MIT
/* sluice-console from end to end: several readers and one writer, what comes late, what a guest may cost. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/peers/console-rig.h"

static char socket_option[80], control[80], log_option[80];
static const char *con, *log_path;

static int begin(void **state)
{
	if (rig_setup(state) < 0)
		return -1;
	snprintf(socket_option, sizeof(socket_option), "--socket=%s/con", folder);
	snprintf(control, sizeof(control), "%s/con.ctl", folder);
	snprintf(log_option, sizeof(log_option), "--log=%s/log", folder);
	con = socket_option + 9;
	log_path = log_option + 6;
	return 0;
}

static const char *const at_socket[] = { socket_option, NULL };

/* A connection of the control socket that asked @line and was answered with @answer. */
static int ask(const char *line, const char *answer)
{
	int fd = connect_to(control);

	type(fd, line);
	expect(fd, answer);
	return fd;
}

static void expect_end(int fd)
{
	char byte;

	assert_int_equal(read(fd, &byte, 1), 0);
	close(fd);
}

static void ask_once(const char *line, const char *answer)
{
	expect_end(ask(line, answer));
}

static bool status_is(const char *want)
{
	char text[600] = "";
	int fd = ask("status\n", "ok\n");
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
	return strncmp(text, want, strlen(want)) == 0;
}

/* The status begins with @want, once the backend has seen who came and went. */
static void expect_status(const char *want)
{
	for (unsigned i = 0; i < PATIENCE_MS / 10; i++) {
		if (status_is(want))
			return;
		poll(NULL, 0, 10);
	}
	fail_msg("the status is not %s", want);
}

/* --- readers and the writer ------------------------------------------------------------ */

static void test_all_read_one_writes(void **state)
{
	struct program p;
	struct guest g;
	int first, second;

	guest_start(&g, 1);
	program_start(&p, &g, at_socket, -1, -1);
	first = connect_to(con);
	second = connect_to(con);
	guest_say(&g, "both", 4);
	expect(first, "both");
	expect(second, "both");
	/* Whoever types first has the keyboard. */
	type(second, "mine");
	guest_hears(&g, "mine");
	type(first, "lost");
	expect(first, "\r\n[console: another client writes; this one only reads]\r\n");
	type(second, "!");
	guest_hears(&g, "!");
	/* It is free once more when that one has gone; the guest's word shows that it has. */
	close(second);
	expect_status("clients 1\nwriter no\n");
	type(first, "now");
	guest_hears(&g, "now");
	close(first);
	assert_int_equal(program_stop(&p), 0);
	guest_end(&g);
}

static void test_attach_modes(void **state)
{
	struct program p;
	struct guest g;
	int watcher, writer, late, taker;

	guest_start(&g, 1);
	program_start(&p, &g, at_socket, -1, -1);
	watcher = ask("attach read\n", "ok read\n");
	writer = ask("attach\n", "ok write\n");
	late = ask("attach write\n", "ok read\n");
	guest_say(&g, "all", 3);
	expect(watcher, "all");
	expect(writer, "all");
	expect(late, "all");
	type(watcher, "no");
	expect(watcher, "\r\n[console: another client writes; this one only reads]\r\n");
	type(writer, "yes");
	guest_hears(&g, "yes");
	taker = ask("attach force\n", "ok write\nall");
	expect(writer, "\r\n[console: another client took the keyboard]\r\n");
	type(writer, "dropped");
	type(taker, "taken");
	guest_hears(&g, "taken");
	close(taker);
	close(writer);
	/* One that only reads never writes, even when nobody else does. */
	expect_status("clients 2\nwriter no\n");
	type(watcher, "no");
	type(late, "late");
	guest_hears(&g, "late");
	close(watcher);
	close(late);
	assert_int_equal(program_stop(&p), 0);
	guest_end(&g);
}

/* What is typed right behind the request is the console's, too. */
static void test_typing_ahead(void **state)
{
	struct program p;
	struct guest g;
	int fd;

	guest_start(&g, 1);
	program_start(&p, &g, at_socket, -1, -1);
	fd = connect_to(control);
	type(fd, "attach\nahead");
	expect(fd, "ok write\n");
	guest_hears(&g, "ahead");
	close(fd);
	assert_int_equal(program_stop(&p), 0);
	guest_end(&g);
}

static void test_bad_requests(void **state)
{
	char line[200];
	struct program p;
	struct guest g;
	int fd;

	guest_start(&g, 1);
	program_start(&p, &g, at_socket, -1, -1);
	ask_once("attack\n", "this is not understood; see sluice-console(8)\n");
	ask_once("window 0x0\n", "this is not understood; see sluice-console(8)\n");
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	fd = connect_to(control);
	assert_true(write(fd, line, sizeof(line) - 1) > 0);
	expect(fd, "this is too long\n");
	close(fd);
	close(connect_to(control));
	guest_say(&g, "well", 4);
	fd = connect_to(con);
	expect(fd, "well");
	close(fd);
	assert_int_equal(program_stop(&p), 0);
	guest_end(&g);
}

/* One that shuts its own direction, as nc does at its input's end, goes on reading. */
static void test_half_closed_client(void **state)
{
	struct program p;
	struct guest g;
	int fd, other;

	guest_start(&g, 1);
	program_start(&p, &g, at_socket, -1, -1);
	fd = connect_to(con);
	type(fd, "question");
	shutdown(fd, SHUT_WR);
	guest_hears(&g, "question");
	guest_say(&g, "answer", 6);
	expect(fd, "answer");
	/* Its keyboard is free. */
	other = connect_to(con);
	type(other, "mine");
	guest_hears(&g, "mine");
	close(fd);
	expect_status("clients 1\nwriter yes\n");
	close(other);
	assert_int_equal(program_stop(&p), 0);
	guest_end(&g);
}

static void test_too_many_clients(void **state)
{
	int fds[32], fd;
	struct program p;
	struct guest g;

	guest_start(&g, 1);
	program_start(&p, &g, at_socket, -1, -1);
	for (unsigned i = 0; i < 32; i++)
		fds[i] = connect_to(con);
	fd = connect_to(con);
	expect(fd, "this console has as many clients as it can have\r\n");
	expect_end(fd);
	guest_say(&g, "x", 1);
	for (unsigned i = 0; i < 32; i++) {
		expect(fds[i], "x");
		close(fds[i]);
	}
	assert_int_equal(program_stop(&p), 0);
	guest_end(&g);
}

/* One that does not read misses bytes and is told so; nobody waits for it. */
static void test_dead_reader(void **state)
{
	static char block[4096], all[1 << 21];
	struct program p;
	struct guest g;
	int dead, live;
	size_t used = 0;
	ssize_t n;

	guest_start(&g, 1);
	program_start(&p, &g, at_socket, -1, -1);
	dead = connect_to(con);
	live = connect_to(con);
	memset(block, 'x', sizeof(block));
	for (unsigned i = 0; i < 256; i++) {
		guest_say(&g, block, sizeof(block));
		expect_read(live, block, sizeof(block));
	}
	guest_say(&g, "end", 3);
	expect(live, "end");
	kill(p.pid, SIGTERM);
	while ((n = read(dead, all + used, sizeof(all) - 1 - used)) > 0)
		used += (size_t)n;
	all[used] = '\0';
	assert_non_null(strstr(all, " bytes lost here]\r\n"));
	assert_string_equal(all + used - 3, "end");
	close(dead);
	close(live);
	assert_int_equal(program_wait(&p, NULL), 0);
	guest_end(&g);
}

/* --- who comes late -------------------------------------------------------------------- */

static void test_scrollback(void **state)
{
	const char *const options[] = { socket_option, "--scrollback=16", NULL };
	struct program p;
	struct guest g;
	int first, second;

	guest_start(&g, 1);
	program_start(&p, &g, options, -1, -1);
	first = ask("attach\n", "ok write\n");
	guest_say(&g, "one\ntwo\nthree\nfour\n", 19);
	expect(first, "one\ntwo\nthree\nfour\n");
	/* The last 16 bytes, from a line's beginning on. */
	second = ask("attach\n", "ok read\n");
	guest_say(&g, "$ ", 2);
	expect(second, "two\nthree\nfour\n$ ");
	close(first);
	close(second);
	assert_int_equal(program_stop(&p), 0);
	guest_end(&g);
}

static void test_no_scrollback(void **state)
{
	const char *const options[] = { socket_option, "--scrollback=0", log_option, NULL };
	struct program p;
	struct guest g;
	struct stat sb;
	int fd;

	guest_start(&g, 1);
	program_start(&p, &g, options, -1, -1);
	guest_say(&g, "before", 6);
	/* The log has it: now it is past. */
	while (stat(log_path, &sb) < 0 || sb.st_size < 6)
		poll(NULL, 0, 10);
	fd = ask("attach\n", "ok write\n");
	guest_say(&g, "after", 5);
	expect(fd, "after");
	close(fd);
	assert_int_equal(program_stop(&p), 0);
	unlink(log_path);
	guest_end(&g);
}

/* The toolstack's node limit bounds it. */
static void test_limit_node(void **state)
{
	struct program p;
	struct guest g;
	int fd;

	guest_start(&g, 1);
	tool_write(1, "console/limit", "6");
	program_start(&p, &g, at_socket, -1, -1);
	guest_say(&g, "one\ntwo\nend", 11);
	/* It is served in one go: whoever sees a writer's key sees all of it. */
	fd = ask("attach\n", "ok write\n");
	type(fd, "k");
	guest_hears(&g, "k");
	close(fd);
	fd = connect_to(con);
	expect(fd, "end");
	close(fd);
	assert_int_equal(program_stop(&p), 0);
	guest_end(&g);
}

/* --- the window ------------------------------------------------------------------------- */

static void await_node(const char *node, const char *want)
{
	char *value = NULL;

	for (unsigned i = 0; i < PATIENCE_MS / 10; i++) {
		free(value);
		value = tool_read(1, node);
		if (value && strcmp(value, want) == 0)
			break;
		poll(NULL, 0, 10);
	}
	assert_non_null(value);
	assert_string_equal(value, want);
	free(value);
}

static void test_window(void **state)
{
	const char *const options[] = { socket_option, "--pty", NULL };
	struct winsize size;
	struct program p;
	struct guest g;
	char *tty;
	int fd, reader, slave;

	guest_start(&g, 1);
	program_start(&p, &g, options, -1, -1);
	fd = ask("attach 132x43\n", "ok write\n");
	await_node("console/window", "132 43");
	/* Somebody who only reads has no say. */
	reader = ask("attach read 80x25\n", "ok read\n");
	await_node("console/window", "132 43");
	ask_once("window 100x50\n", "ok\n");
	await_node("console/window", "100 50");
	tty = tool_read(1, "console/tty");
	slave = open(tty, O_RDWR | O_NOCTTY);
	assert_int_equal(ioctl(slave, TIOCGWINSZ, &size), 0);
	assert_int_equal(size.ws_col, 100);
	assert_int_equal(size.ws_row, 50);
	free(tty);
	close(slave);
	close(fd);
	close(reader);
	assert_int_equal(program_stop(&p), 0);
	guest_end(&g);
}

/* --- what a guest may cost ------------------------------------------------------------ */

static unsigned long status_of(const char *name)
{
	char text[600] = "", word[40];
	int fd = ask("status\n", "ok\n");
	size_t used = 0;
	const char *at;
	ssize_t n;

	while ((n = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
	snprintf(word, sizeof(word), "%s ", name);
	at = strstr(text, word);
	assert_non_null(at);
	return strtoul(at + strlen(word), NULL, 10);
}

/* However many events it sends, the backend takes the rate; and it hears the guest in the end. */
static void test_flood_of_events(void **state)
{
	const char *const options[] = { socket_option, "--event-rate=10", NULL };
	struct program p;
	struct guest g;
	int fd;

	guest_start(&g, 1);
	program_start(&p, &g, options, -1, -1);
	for (unsigned i = 0; i < 20000; i++)
		guest_notify(&g);
	guest_say(&g, "heard", 5);
	fd = connect_to(con);
	expect(fd, "heard");
	assert_true(status_of("delays") > 0);
	assert_in_range(status_of("events"), 1, 1000);
	close(fd);
	assert_int_equal(program_stop(&p), 0);
	guest_end(&g);
}

/* Output over the rate waits, all of it; a ring's worth is more than the rate. */
static void test_output_rate(void **state)
{
	const char *const options[] = { socket_option, "--rate=20000", NULL };
	static char block[24000];
	struct program p;
	struct guest g;
	int fd;

	guest_start(&g, 1);
	program_start(&p, &g, options, -1, -1);
	memset(block, 'r', sizeof(block));
	guest_say(&g, block, sizeof(block));
	fd = connect_to(con);
	expect_read(fd, block, sizeof(block));
	assert_true(status_of("delays") > 0);
	close(fd);
	assert_int_equal(program_stop(&p), 0);
	guest_end(&g);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_read_one_writes),
		cmocka_unit_test(test_attach_modes),
		cmocka_unit_test(test_typing_ahead),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_half_closed_client),
		cmocka_unit_test(test_too_many_clients),
		cmocka_unit_test(test_dead_reader),
		cmocka_unit_test(test_scrollback),
		cmocka_unit_test(test_no_scrollback),
		cmocka_unit_test(test_limit_node),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_flood_of_events),
		cmocka_unit_test(test_output_rate),
	};
	int failed;

	hv_dropin(argv);
	hv_world_start(&world);
	failed = cmocka_run_group_tests(tests, begin, rig_teardown);
	hv_world_stop(&world);
	return failed;
}

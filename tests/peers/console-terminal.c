// SPDX-License-Identifier: MIT
/* tools/console-client.c: a user's terminal on a console, and that it gets it back. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/peers/console-rig.h"
#include "tools/console-client.h"

/* A user: a terminal, and the client on it. */
struct user {
	pid_t pid;
	int master, slave;
	struct termios before;
};

static char socket_option[80];
static const char *con;
static const char *const at_socket[] = { socket_option, NULL };
static struct program program;
static struct guest guest;

static int begin(void **state)
{
	if (rig_setup(state) < 0)
		return -1;
	snprintf(socket_option, sizeof(socket_option), "--socket=%s/con", folder);
	con = socket_option + 9;
	return 0;
}

static int start(void **state)
{
	guest_start(&guest, 1);
	program_start(&program, &guest, at_socket, -1, -1);
	return 0;
}

static int end(void **state)
{
	assert_int_equal(program_stop(&program), 0);
	guest_end(&guest);
	return 0;
}

static _Noreturn void user_run(struct user *u, const char *path, const struct console_client *how)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	ioctl(u->slave, TIOCSCTTY, 0);
	dup2(u->slave, 0);
	dup2(u->slave, 1);
	dup2(u->slave, 2);
	close(u->master);
	_exit(console_client_run(path, how));
}

/* Returns when its terminal is raw. */
static void user_start(struct user *u, const char *path, const struct console_client *how)
{
	const struct winsize size = { .ws_col = 90, .ws_row = 30 };
	struct termios now;
	char name[64];

	u->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_equal(grantpt(u->master) | unlockpt(u->master), 0);
	assert_int_equal(ptsname_r(u->master, name, sizeof(name)), 0);
	u->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_equal(ioctl(u->master, TIOCSWINSZ, &size), 0);
	assert_int_equal(tcgetattr(u->slave, &u->before), 0);
	u->pid = fork();
	assert_true(u->pid >= 0);
	if (u->pid == 0)
		user_run(u, path, how);
	for (unsigned i = 0; i < PATIENCE_MS / 5; i++) {
		assert_int_equal(tcgetattr(u->slave, &now), 0);
		if (!(now.c_lflag & (ICANON | ECHO | ISIG)))
			return;
		poll(NULL, 0, 5);
	}
	fail_msg("the terminal does not become raw");
}

static void expect_sane(struct user *u)
{
	struct termios now;

	assert_int_equal(tcgetattr(u->slave, &now), 0);
	assert_int_equal(now.c_lflag, u->before.c_lflag);
	assert_int_equal(now.c_iflag, u->before.c_iflag);
	assert_int_equal(now.c_oflag, u->before.c_oflag);
}

/* Its end, as a shell would show it; the terminal is as it was. */
static void user_ends(struct user *u, int want)
{
	int status;

	assert_int_equal(waitpid(u->pid, &status, 0), u->pid);
	assert_int_equal(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), want);
	expect_sane(u);
	close(u->master);
	close(u->slave);
}

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

/* --- leaving ------------------------------------------------------------------------------ */

static void test_escape(void **state)
{
	struct user u;

	user_start(&u, con, NULL);
	guest_say(&guest, "login: ", 7);
	expect(u.master, "login: ");
	type(u.master, "root\x03");
	guest_hears(&guest, "root\x03");
	type(u.master, "rest\x1dnever");
	expect(u.master, "\r\n");
	user_ends(&u, 0);
	guest_hears(&guest, "rest");
}

static void test_signals(void **state)
{
	static const int signals[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGSEGV, SIGABRT };
	struct user u;

	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		user_start(&u, con, NULL);
		kill(u.pid, signals[i]);
		user_ends(&u, 128 + signals[i]);
	}
}

/* Stopped, the terminal is the shell's; continued, it is the guest's again. */
static void test_stop_and_continue(void **state)
{
	struct termios now;
	struct user u;
	int status;

	user_start(&u, con, NULL);
	kill(u.pid, SIGTSTP);
	assert_int_equal(waitpid(u.pid, &status, WUNTRACED), u.pid);
	assert_true(WIFSTOPPED(status));
	expect_sane(&u);
	kill(u.pid, SIGCONT);
	do
		assert_int_equal(tcgetattr(u.slave, &now), 0);
	while (now.c_lflag & ICANON && poll(NULL, 0, 5) == 0);
	type(u.master, "on\x1d");
	guest_hears(&guest, "on");
	expect(u.master, "\r\n");
	user_ends(&u, 0);
}

/* A guest that takes nothing does not keep its user. */
static void test_escape_from_a_deaf_guest(void **state)
{
	char keys[4096];
	struct user u;

	memset(keys, 'k', sizeof(keys));
	user_start(&u, con, NULL);
	/* More than ring, socket and client keep. */
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(write(u.master, keys, sizeof(keys)), sizeof(keys));
	type(u.master, "\x1d");
	expect(u.master, "\r\n");
	user_ends(&u, 0);
}

static void test_server_dies(void **state)
{
	struct user u;

	user_start(&u, con, NULL);
	kill_program(&program);
	expect(u.master, "\r\n[the console has ended]\r\n");
	user_ends(&u, 0);
	program_start(&program, &guest, at_socket, -1, -1);
}

static void test_nobody_there(void **state)
{
	struct console_client how = console_client_default;

	assert_int_equal(console_client_run("/tmp/sluice-no-such-console", &how), 1);
}

/* --- keys --------------------------------------------------------------------------------- */

static void test_another_key(void **state)
{
	struct console_client how = console_client_default;
	struct user u;

	assert_int_equal(console_client_escape("^A", &how.escape), 0);
	user_start(&u, con, &how);
	type(u.master, "\x1d\x01");
	guest_hears(&guest, "\x1d");
	expect(u.master, "\r\n");
	user_ends(&u, 0);
}

static void test_no_key(void **state)
{
	struct console_client how = { .escape = CONSOLE_NO_ESCAPE };
	struct user u;

	user_start(&u, con, &how);
	type(u.master, "\x1d!");
	guest_hears(&guest, "\x1d!");
	kill(u.pid, SIGTERM);
	user_ends(&u, 128 + SIGTERM);
}

static void test_names_of_keys(void **state)
{
	static const char *const bad[] = { "", "^]x", "^a", "ab", "^1" };
	int key = 0;

	assert_int_equal(console_client_escape("^]", &key), 0);
	assert_int_equal(key, 0x1d);
	assert_int_equal(console_client_escape("^?", &key), 0);
	assert_int_equal(key, 0x7f);
	assert_int_equal(console_client_escape("~", &key), 0);
	assert_int_equal(key, '~');
	assert_int_equal(console_client_escape("none", &key), 0);
	assert_int_equal(key, CONSOLE_NO_ESCAPE);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(console_client_escape(bad[i], &key), -EINVAL);
}

static void test_read_only(void **state)
{
	struct console_client how = console_client_default;
	struct user u, writer;

	how.read_only = true;
	user_start(&u, con, &how);
	user_start(&writer, con, NULL);
	type(u.master, "not mine");
	type(writer.master, "mine");
	guest_hears(&guest, "mine");
	guest_say(&guest, "both", 4);
	expect(u.master, "both");
	expect(writer.master, "both");
	type(u.master, "\x1d");
	type(writer.master, "\x1d");
	expect(u.master, "\r\n");
	expect(writer.master, "\r\n");
	user_ends(&u, 0);
	user_ends(&writer, 0);
}

static void test_force(void **state)
{
	struct console_client how = console_client_default;
	struct user first, second, third;

	user_start(&first, con, NULL);
	user_start(&second, con, NULL);
	expect(second.master,
		"[somebody else types there; this one only reads. --force takes the keyboard]\r\n");
	how.force = true;
	user_start(&third, con, &how);
	/* The terminal still processes output. */
	expect(first.master, "\r\r\n[console: another client took the keyboard]\r\r\n");
	type(third.master, "mine");
	guest_hears(&guest, "mine");
	type(first.master, "\x1d");
	type(second.master, "\x1d");
	type(third.master, "\x1d");
	expect(first.master, "\r\n");
	expect(second.master, "\r\n");
	expect(third.master, "\r\n");
	user_ends(&first, 0);
	user_ends(&second, 0);
	user_ends(&third, 0);
}

static void test_window(void **state)
{
	const struct winsize size = { .ws_col = 120, .ws_row = 40 };
	struct user u;

	user_start(&u, con, NULL);
	await_node("console/window", "90 30");
	assert_int_equal(ioctl(u.master, TIOCSWINSZ, &size), 0);
	await_node("console/window", "120 40");
	type(u.master, "\x1d");
	expect(u.master, "\r\n");
	user_ends(&u, 0);
}

/* A pty in place of a socket. */
static void test_pty(void **state)
{
	const char *const options[] = { "--pty", NULL };
	struct user u;
	char *tty;

	assert_int_equal(program_stop(&program), 0);
	program_start(&program, &guest, options, -1, -1);
	tty = tool_read(1, "console/tty");
	user_start(&u, tty, NULL);
	guest_say(&guest, "login: ", 7);
	expect(u.master, "login: ");
	type(u.master, "root\x1d");
	guest_hears(&guest, "root");
	expect(u.master, "\r\n");
	user_ends(&u, 0);
	free(tty);
}

/* Input from a file: all of it reaches the guest, the key that leaves is a byte among others. */
static void test_file(void **state)
{
	char text[IN_SIZE * 5 + 1];
	int in[2], out[2], status;
	pid_t pid;

	for (unsigned i = 0; i < sizeof(text) - 1; i++)
		text[i] = 'a' + i % 23;
	text[100] = '\x1d';
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		_exit(console_client_run(con, NULL));
	}
	close(in[0]);
	close(out[1]);
	type(in[1], text);
	close(in[1]);
	guest_hears(&guest, text);
	guest_say(&guest, "still here", 10);
	expect(out[0], "still here");
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(out[0]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_escape, start, end),
		cmocka_unit_test_setup_teardown(test_signals, start, end),
		cmocka_unit_test_setup_teardown(test_stop_and_continue, start, end),
		cmocka_unit_test_setup_teardown(test_escape_from_a_deaf_guest, start, end),
		cmocka_unit_test_setup_teardown(test_server_dies, start, end),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test_setup_teardown(test_another_key, start, end),
		cmocka_unit_test_setup_teardown(test_no_key, start, end),
		cmocka_unit_test(test_names_of_keys),
		cmocka_unit_test_setup_teardown(test_read_only, start, end),
		cmocka_unit_test_setup_teardown(test_force, start, end),
		cmocka_unit_test_setup_teardown(test_window, start, end),
		cmocka_unit_test_setup_teardown(test_pty, start, end),
		cmocka_unit_test_setup_teardown(test_file, start, end),
	};
	int failed;

	hv_dropin(argv);
	hv_world_start(&world);
	failed = cmocka_run_group_tests(tests, begin, rig_teardown);
	hv_world_stop(&world);
	return failed;
}

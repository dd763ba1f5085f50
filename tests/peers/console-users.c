// SPDX-License-Identifier: MIT
/* sluice-console from end to end: several readers and one writer, what comes late, logs, a killed backend. */
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

static char socket_option[80], control[80], log_option[80], tape_option[80];
static const char *con, *log_path, *tape;

static int begin(void **state)
{
	if (rig_setup(state) < 0)
		return -1;
	snprintf(socket_option, sizeof(socket_option), "--socket=%s/con", folder);
	snprintf(control, sizeof(control), "%s/con.ctl", folder);
	snprintf(log_option, sizeof(log_option), "--log=%s/log", folder);
	snprintf(tape_option, sizeof(tape_option), "--journal=%s/tape", folder);
	con = socket_option + 9;
	log_path = log_option + 6;
	tape = tape_option + 10;
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

/* The status begins with @want. */
static void expect_status(const char *want)
{
	int fd = ask("status\n", want);
	char byte;

	while (read(fd, &byte, 1) == 1)
		;
	close(fd);
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
	expect_status("ok\nclients 1\nwriter no\n");
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
	expect_status("ok\nclients 2\nwriter no\n");
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
	expect_status("ok\nclients 1\nwriter yes\n");
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
	first = connect_to(con);
	guest_say(&g, "one\ntwo\nthree\nfour\n", 19);
	expect(first, "one\ntwo\nthree\nfour\n");
	/* The last 16 bytes, from a line's beginning on. */
	second = connect_to(con);
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
	fd = connect_to(con);
	expect_status("ok\nclients 1\n");
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

/* --- the log ---------------------------------------------------------------------------- */

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

/* --- a killed backend -------------------------------------------------------------------- */

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
		cmocka_unit_test(test_log_rotates),
		cmocka_unit_test(test_log_is_stamped_and_escaped),
		cmocka_unit_test(test_sighup_reopens_the_log),
		cmocka_unit_test(test_stuck_log),
		cmocka_unit_test(test_killed_and_followed),
		cmocka_unit_test(test_socket_in_use),
		cmocka_unit_test(test_kills_lose_and_double_nothing),
		cmocka_unit_test(test_spoiled_tape),
		cmocka_unit_test(test_connection_byte),
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

// SPDX-License-Identifier: MIT
/* sluice-console from end to end, for primary consoles. */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "tests/peers/console-rig.h"

static const char *const stdio[] = { "--stdio", NULL };

/* --- tests ------------------------------------------------------------------------------- */

static void test_stdio(void **state)
{
	struct program p;
	struct guest g;

	guest_start(&g, 1);
	guest_say(&g, "before ", 7);
	program_start(&p, &g, stdio, -1, -1);
	guest_say(&g, "after", 5);
	expect(p.out, "before after");
	type(p.in, "keys\r");
	guest_hears(&g, "keys\r");
	/* Without a terminal Ctrl-] is a key, and the end of input is not the end. */
	type(p.in, "\x1d");
	guest_hears(&g, "\x1d");
	close(p.in);
	p.in = dup(p.out);
	guest_say(&g, "still here", 10);
	expect(p.out, "still here");
	assert_int_equal(program_stop(&p), 0);
	guest_end(&g);
}

/* More input than the ring holds waits for the guest, all of it. */
static void test_much_input(void **state)
{
	char text[IN_SIZE * 5 + 1];
	struct program p;
	struct guest g;

	for (unsigned i = 0; i < sizeof(text) - 1; i++)
		text[i] = 'a' + i % 23;
	text[sizeof(text) - 1] = '\0';
	guest_start(&g, 1);
	program_start(&p, &g, stdio, -1, -1);
	type(p.in, text);
	guest_hears(&g, text);
	assert_int_equal(program_stop(&p), 0);
	guest_end(&g);
}

/* What was written before the end is shown at the end. */
static void test_last_words(void **state)
{
	struct program p;
	struct guest g;
	char rest;

	guest_start(&g, 1);
	program_start(&p, &g, stdio, -1, -1);
	kill(p.pid, SIGSTOP);
	guest_say(&g, "last words", 10);
	kill(p.pid, SIGTERM);
	kill(p.pid, SIGCONT);
	expect(p.out, "last words");
	assert_int_equal(read(p.out, &rest, 1), 0);
	assert_int_equal(program_wait(&p, NULL), 0);
	guest_end(&g);
}

/* A reader that does not read loses the oldest, and never holds up the guest. */
static void test_slow_reader(void **state)
{
	char block[4096], *all = malloc(1 << 21);
	size_t used = 0;
	struct program p;
	struct guest g;
	ssize_t n;

	assert_non_null(all);
	guest_start(&g, 1);
	program_start(&p, &g, stdio, -1, -1);
	memset(block, 'x', sizeof(block));
	/* It returns although nobody reads: more than pipe and buffer hold. */
	for (unsigned i = 0; i < 256; i++)
		guest_say(&g, block, sizeof(block));
	guest_say(&g, "the newest", 10);
	kill(p.pid, SIGTERM);
	while ((n = read(p.out, all + used, (1 << 21) - 1 - used)) > 0)
		used += n;
	all[used] = '\0';
	assert_true(used < 1 << 19);
	assert_non_null(strstr(all, " bytes lost here]\r\n"));
	assert_string_equal(all + used - 10, "the newest");
	assert_int_equal(program_wait(&p, NULL), 0);
	guest_end(&g);
	free(all);
}

static void spoil(struct guest *g)
{
	g->page->out_prod = OUT_SIZE + 1;
	guest_notify(g);
}

static void test_broken_out(void **state)
{
	struct program p;
	struct guest g;

	guest_start(&g, 1);
	program_start(&p, &g, stdio, -1, -1);
	spoil(&g);
	assert_int_equal(program_wait(&p, "domain 1 broke the rules of its console ring"), 2);
	guest_end(&g);
}

/* Seen as soon as there is something to type. */
static void test_broken_in(void **state)
{
	struct program p;
	struct guest g;

	guest_start(&g, 1);
	program_start(&p, &g, stdio, -1, -1);
	g.page->in_cons = 1;
	type(p.in, "x");
	assert_int_equal(program_wait(&p, "domain 1 broke the rules of its console ring"), 2);
	guest_end(&g);
}

static void test_domain_goes(void **state)
{
	struct program p;
	struct guest g;

	guest_start(&g, 1);
	program_start(&p, &g, stdio, -1, -1);
	guest_say(&g, "bye", 3);
	expect(p.out, "bye");
	guest_end(&g);
	assert_int_equal(program_wait(&p, NULL), 0);
}

/* Another domain's end is none of its business. */
static void test_another_domain_goes(void **state)
{
	struct guest g, other;
	struct program p;

	guest_start(&g, 1);
	guest_start(&other, 2);
	program_start(&p, &g, stdio, -1, -1);
	guest_end(&other);
	guest_say(&g, "here", 4);
	expect(p.out, "here");
	assert_int_equal(program_stop(&p), 0);
	guest_end(&g);
}

static void test_pty(void **state)
{
	const char *const options[] = { "--pty", NULL };
	struct program p;
	struct guest g;
	char *name;
	int fd;

	guest_start(&g, 1);
	program_start(&p, &g, options, -1, -1);
	name = tool_read(1, "console/tty");
	assert_non_null(name);
	fd = open(name, O_RDWR | O_NOCTTY);
	assert_true(fd >= 0);
	guest_say(&g, "login: ", 7);
	expect(fd, "login: ");
	type(fd, "root\r");
	guest_hears(&g, "root\r");
	/* Its user may go and another may come. */
	close(fd);
	fd = open(name, O_RDWR | O_NOCTTY);
	guest_say(&g, "again", 5);
	expect(fd, "again");
	close(fd);
	free(name);
	assert_int_equal(program_stop(&p), 0);
	guest_end(&g);
}

static void test_socket(void **state)
{
	char option[80], *path;
	const char *const options[] = { option, NULL };
	struct program p;
	struct guest g;
	int fd;

	snprintf(option, sizeof(option), "--socket=%s/con", folder);
	guest_start(&g, 1);
	program_start(&p, &g, options, -1, -1);
	path = tool_read(1, "console/socket");
	assert_non_null(path);
	/* What was said before there was a client is kept for it. */
	guest_say(&g, "early ", 6);
	fd = connect_to(path);
	guest_say(&g, "late", 4);
	expect(fd, "early late");
	type(fd, "ok");
	guest_hears(&g, "ok");
	close(fd);
	assert_int_equal(program_stop(&p), 0);
	assert_int_equal(access(path, F_OK), -1);
	free(path);
	guest_end(&g);
}

static void test_log(void **state)
{
	char option[80], text[32];
	const char *const options[] = { option, NULL };
	struct program p;
	struct guest g;
	struct stat sb;
	ssize_t n;
	int fd;

	snprintf(option, sizeof(option), "--log=%s/log", folder);
	for (unsigned i = 0; i < 2; i++) {
		guest_start(&g, 1);
		program_start(&p, &g, options, -1, -1);
		guest_say(&g, i ? "two" : "one ", i ? 3 : 4);
		assert_int_equal(program_stop(&p), 0);
		guest_end(&g);
	}
	fd = open(option + 6, O_RDONLY);
	n = read(fd, text, sizeof(text));
	assert_int_equal(n, 7);
	assert_memory_equal(text, "one two", 7);
	assert_int_equal(fstat(fd, &sb), 0);
	assert_int_equal(sb.st_mode & 0777, 0600);
	close(fd);
	unlink(option + 6);
}

/* A primary console that libxl gave to a driver domain: it has a directory as a device has, and no states. */
static void test_primary_with_a_directory(void **state)
{
	const char *options[] = { "--backend=/local/domain/0/backend/console/1/0", NULL, NULL };
	struct program p;
	struct guest g;
	char ref[32], *tty;
	int fd;

	guest_start(&g, 1);
	tool_write(0, "backend/console/1/0/frontend", "/local/domain/1/console");
	tool_write(0, "backend/console/1/0/frontend-id", "1");
	tool_write(0, "backend/console/1/0/online", "1");
	tool_write(0, "backend/console/1/0/state", "1");
	snprintf(ref, sizeof(ref), "--ring-ref=%u", g.ref);
	options[1] = ref;
	program_run(&p, options, -1, -1);
	assert_true(p.ready);
	tty = tool_read(0, "backend/console/1/0/state");
	assert_string_equal(tty, "4");
	free(tty);
	/* Where xl looks. */
	tty = tool_read(1, "console/tty");
	assert_non_null(tty);
	fd = open(tty, O_RDWR | O_NOCTTY);
	assert_true(fd >= 0);
	guest_say(&g, "login: ", 7);
	expect(fd, "login: ");
	type(fd, "root\r");
	guest_hears(&g, "root\r");
	close(fd);
	free(tty);
	guest_end(&g);
	assert_int_equal(program_wait(&p, NULL), 0);
	assert_true(xs_rm(tool, XBT_NULL, "/local/domain/0/backend"));
}

/* --- a terminal -------------------------------------------------------------------------- */

static int open_terminal(char *name, size_t room)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	assert_true(master >= 0);
	assert_int_equal(grantpt(master) | unlockpt(master), 0);
	assert_int_equal(ptsname_r(master, name, room), 0);
	return master;
}

/* Ctrl-] leaves; whatever the end is, the terminal is as it was. */
static void leave_by(const char *keys, int sig, bool breaks)
{
	struct termios before, during, after;
	char name[64];
	int master = open_terminal(name, sizeof(name));
	int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct program p;
	struct guest g;

	guest_start(&g, 1);
	assert_int_equal(tcgetattr(slave, &before), 0);
	assert_true(before.c_lflag & ICANON);
	program_start(&p, &g, stdio, slave, slave);
	assert_int_equal(tcgetattr(slave, &during), 0);
	assert_false(during.c_lflag & (ICANON | ECHO | ISIG));
	type(master, "\x03");
	guest_hears(&g, "\x03");
	if (keys)
		type(master, keys);
	if (sig)
		kill(p.pid, sig);
	if (breaks)
		spoil(&g);
	assert_int_equal(program_wait(&p, NULL), breaks ? 2 : 0);
	assert_int_equal(tcgetattr(slave, &after), 0);
	assert_int_equal(after.c_lflag, before.c_lflag);
	assert_int_equal(after.c_iflag, before.c_iflag);
	assert_int_equal(after.c_oflag, before.c_oflag);
	guest_end(&g);
	close(master);
	close(slave);
}

static void test_escape(void **state)
{
	leave_by("\x1d", 0, false);
}

static void test_sigterm_restores_the_terminal(void **state)
{
	leave_by(NULL, SIGTERM, false);
}

static void test_sighup_restores_the_terminal(void **state)
{
	leave_by(NULL, SIGHUP, false);
}

static void test_broken_ring_restores_the_terminal(void **state)
{
	leave_by(NULL, 0, true);
}

/* Keys before the escape are the guest's; with --stay the console is served on. */
static void test_stay(void **state)
{
	char name[64], option[80];
	const char *const options[] = { "--stdio", "--stay", option, NULL };
	int master = open_terminal(name, sizeof(name));
	int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios t;
	struct program p;
	struct guest g;
	int fd;

	snprintf(option, sizeof(option), "--socket=%s/con", folder);
	guest_start(&g, 1);
	program_start(&p, &g, options, slave, slave);
	type(master, "ab\x1d");
	guest_hears(&g, "ab");
	expect(p.err, "\n[left the console of domain 1; it goes on]\n");
	assert_int_equal(tcgetattr(slave, &t), 0);
	assert_true(t.c_lflag & ICANON);
	/* Ctrl-C on the terminal is for others now. */
	kill(p.pid, SIGINT);
	fd = connect_to(option + 9);
	guest_say(&g, "on", 2);
	expect(fd, "on");
	close(fd);
	assert_int_equal(program_stop(&p), 0);
	guest_end(&g);
	close(master);
	close(slave);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stdio),
		cmocka_unit_test(test_much_input),
		cmocka_unit_test(test_last_words),
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_broken_out),
		cmocka_unit_test(test_broken_in),
		cmocka_unit_test(test_domain_goes),
		cmocka_unit_test(test_another_domain_goes),
		cmocka_unit_test(test_pty),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_primary_with_a_directory),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_sigterm_restores_the_terminal),
		cmocka_unit_test(test_sighup_restores_the_terminal),
		cmocka_unit_test(test_broken_ring_restores_the_terminal),
		cmocka_unit_test(test_stay),
	};
	int failed;

	hv_dropin(argv);
	hv_world_start(&world);
	failed = cmocka_run_group_tests(tests, rig_setup, rig_teardown);
	hv_world_stop(&world);
	return failed;
}

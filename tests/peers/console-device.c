// SPDX-License-Identifier: MIT
/* sluice-console from end to end, for secondary consoles: the xenbus life, and frontends that break rules. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/io/xenbus.h>

#include "frontends/consolefront.h"
#include "tests/peers/console-rig.h"

#define BACKEND "/local/domain/0/backend/console/1/2"
#define FRONTEND "/local/domain/1/device/console/2"

static char path_node[80], tape_option[80];
static struct xs_handle *home;

static int begin(void **state)
{
	if (rig_setup(state) < 0)
		return -1;
	snprintf(path_node, sizeof(path_node), "%s/con", folder);
	snprintf(tape_option, sizeof(tape_option), "--journal=%s/tape", folder);
	return 0;
}

/* --- the toolstack ------------------------------------------------------------------------ */

static void node(const char *dir, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_true(xs_write(tool, XBT_NULL, path, value, strlen(value)));
}

static char *read_node(const char *dir, const char *name)
{
	char path[128];
	unsigned len;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return xs_read(tool, XBT_NULL, path, &len);
}

static void own(const char *path, unsigned owner, unsigned reader)
{
	struct xs_permissions perms[2] = { { .id = owner, .perms = XS_PERM_NONE },
		{ .id = reader, .perms = XS_PERM_READ } };

	assert_true(xs_mkdir(tool, XBT_NULL, path));
	assert_true(xs_set_permissions(tool, XBT_NULL, path, perms, 2));
}

/* As libxl makes a channel. */
static void add_console(void)
{
	enter(0);
	home = server_home_of(1);
	own(BACKEND, 0, 1);
	own(FRONTEND, 1, 0);
	node(FRONTEND, "backend", BACKEND);
	node(FRONTEND, "backend-id", "0");
	node(FRONTEND, "type", "ioemu");
	node(FRONTEND, "output", "chardev:libxl-channel2");
	node(FRONTEND, "limit", "1048576");
	node(FRONTEND, "protocol", "vt100");
	node(FRONTEND, "state", "1");
	node(BACKEND, "frontend", FRONTEND);
	node(BACKEND, "frontend-id", "1");
	node(BACKEND, "connection", "socket");
	node(BACKEND, "path", path_node);
	node(BACKEND, "name", "test");
	node(BACKEND, "protocol", "vt100");
	node(BACKEND, "online", "1");
	node(BACKEND, "state", "1");
}

static void remove_console(void)
{
	assert_true(xs_rm(tool, XBT_NULL, BACKEND));
	assert_true(xs_rm(tool, XBT_NULL, FRONTEND));
	xs_close(home);
	assert_true(xs_release_domain(tool, 1));
	assert_true(xs_rm(tool, XBT_NULL, "/local/domain/1"));
}

static void await_state(const char *state)
{
	for (unsigned i = 0; i < PATIENCE_MS / 10; i++) {
		char *now = read_node(BACKEND, "state");
		bool same = now && strcmp(now, state) == 0;

		free(now);
		if (same)
			return;
		poll(NULL, 0, 10);
	}
	fail_msg("the backend does not come to state %s", state);
}

static void await_error(const char *part)
{
	char *error = read_node(BACKEND, "error");

	assert_non_null(error);
	if (!strstr(error, part))
		fail_msg("the error node says: %s", error);
	free(error);
}

/* --- the frontend -------------------------------------------------------------------------- */

static const char *const at_path[] = { "--backend=" BACKEND, NULL };

static struct consolefront *attach(void)
{
	struct consolefront *cf = NULL;
	char why[200] = "";

	enter(1);
	if (consolefront_open(2, PATIENCE_MS, &cf, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	enter(0);
	return cf;
}

static void say(struct consolefront *cf, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = consolefront_write(cf, text, len);

		assert_true(n >= 0);
		if (!n)
			assert_int_equal(consolefront_wait(cf, PATIENCE_MS), 0);
		text += n;
		len -= (size_t)n;
	}
}

static void hear(struct consolefront *cf, const char *text)
{
	char got[64];
	size_t used = 0;

	while (used < strlen(text)) {
		ssize_t n = consolefront_read(cf, got + used, strlen(text) - used);

		assert_true(n >= 0);
		if (!n)
			assert_int_equal(consolefront_wait(cf, PATIENCE_MS), 0);
		used += (size_t)n;
	}
	assert_memory_equal(got, text, used);
}

/* --- its life ------------------------------------------------------------------------------ */

static void test_socket(void **state)
{
	struct consolefront *cf;
	struct program p;
	char *socket;
	int fd;

	add_console();
	program_run(&p, at_path, -1, -1);
	assert_true(p.ready);
	await_state("2");
	cf = attach();
	await_state("4");
	socket = read_node(BACKEND, "socket");
	assert_string_equal(socket, path_node);
	free(socket);
	say(cf, "hello");
	fd = connect_to(path_node);
	expect(fd, "hello");
	type(fd, "world");
	hear(cf, "world");
	close(fd);
	consolefront_close(cf);
	assert_int_equal(program_stop(&p), 0);
	await_state("6");
	assert_int_equal(access(path_node, F_OK), -1);
	remove_console();
}

static void test_pty(void **state)
{
	struct consolefront *cf;
	struct program p;
	char *tty;
	int fd;

	add_console();
	node(BACKEND, "connection", "pty");
	program_run(&p, at_path, -1, -1);
	cf = attach();
	tty = read_node(BACKEND, "tty");
	assert_non_null(tty);
	fd = open(tty, O_RDWR | O_NOCTTY);
	assert_true(fd >= 0);
	free(tty);
	/* The same for xl, which looks in the frontend's directory. */
	tty = read_node(FRONTEND, "tty");
	assert_non_null(tty);
	free(tty);
	say(cf, "login: ");
	expect(fd, "login: ");
	type(fd, "root\r");
	hear(cf, "root\r");
	close(fd);
	consolefront_close(cf);
	assert_int_equal(program_stop(&p), 0);
	remove_console();
}

/* A log without anything else to read it. */
static void test_log_node(void **state)
{
	char path[80], text[32] = "";
	struct consolefront *cf;
	struct program p;
	int fd;

	add_console();
	snprintf(path, sizeof(path), "%s/log", folder);
	node(BACKEND, "log", path);
	program_run(&p, at_path, -1, -1);
	cf = attach();
	say(cf, "for the record");
	consolefront_close(cf);
	assert_int_equal(program_stop(&p), 0);
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, text, sizeof(text)), 14);
	assert_string_equal(text, "for the record");
	close(fd);
	unlink(path);
	remove_console();
}

/* As a boot loader and then the system do it; what was said stays to be read. */
static void test_connects_again(void **state)
{
	struct consolefront *cf;
	struct program p;
	int fd;

	add_console();
	program_run(&p, at_path, -1, -1);
	for (unsigned i = 0; i < 5; i++) {
		cf = attach();
		say(cf, "boot\n");
		consolefront_close(cf);
	}
	fd = connect_to(path_node);
	expect(fd, "boot\nboot\nboot\nboot\nboot\n");
	close(fd);
	assert_int_equal(program_stop(&p), 0);
	remove_console();
}

static void test_removed(void **state)
{
	struct consolefront *cf;
	struct program p;

	add_console();
	program_run(&p, at_path, -1, -1);
	cf = attach();
	node(BACKEND, "online", "0");
	node(BACKEND, "state", "5");
	while (consolefront_wait(cf, PATIENCE_MS) == 0)
		;
	consolefront_close(cf);
	assert_int_equal(program_wait(&p, NULL), 0);
	await_state("6");
	remove_console();
}

/* The guest is gone without a word. */
static void test_frontend_vanishes(void **state)
{
	struct consolefront *cf;
	struct program p;

	add_console();
	program_run(&p, at_path, -1, -1);
	cf = attach();
	node(BACKEND, "online", "0");
	assert_true(xs_rm(tool, XBT_NULL, FRONTEND));
	assert_int_equal(program_wait(&p, NULL), 0);
	own(FRONTEND, 1, 0);
	consolefront_close(cf);
	remove_console();
}

/* --- what cannot be served ----------------------------------------------------------------- */

static void refuses(const char *name, const char *value, const char *says)
{
	struct program p;

	add_console();
	node(BACKEND, name, value);
	program_run(&p, at_path, -1, -1);
	assert_false(p.ready);
	assert_int_equal(program_wait(&p, says), 2);
	await_error(says);
	await_state("6");
	remove_console();
}

static void test_bad_nodes(void **state)
{
	refuses("connection", "carrier pigeon", "neither pty nor socket");
	refuses("path", "relative/path", "no absolute path");
	refuses("path", "", "no absolute path");
	refuses("frontend-id", "32752", "whose console");
	refuses("frontend-id", "x", "whose console");
	refuses("log", "log", "no absolute path");
}

static void test_no_such_device(void **state)
{
	const char *const options[] = { "--backend=/local/domain/0/backend/console/1/9", NULL };
	struct program p;

	enter(0);
	program_run(&p, options, -1, -1);
	assert_int_equal(program_wait(&p, "frontend cannot be read"), 1);
}

/* --- hostile frontends --------------------------------------------------------------------- */

/* The device ends with a reason, the process does not: a frontend that behaves is served again. */
static void spoil(void (*how)(struct consolefront *cf))
{
	struct consolefront *cf;
	struct program p;
	int fd;

	add_console();
	program_run(&p, at_path, -1, -1);
	cf = attach();
	fd = connect_to(path_node);
	type(fd, "k");
	hear(cf, "k");
	how(cf);
	if (fd >= 0)
		(void)!write(fd, "x", 1); /* input meets the other index */
	await_state("6");
	await_error("broke the rules of its console ring");
	consolefront_close(cf);
	cf = attach();
	say(cf, "better");
	expect(fd, "better");
	close(fd);
	consolefront_close(cf);
	assert_int_equal(program_stop(&p), 0);
	remove_console();
}

static void set(uint32_t *index, uint32_t value)
{
	__atomic_store_n(index, value, __ATOMIC_RELEASE);
}

static void out_ahead(struct consolefront *cf)
{
	struct xencons_interface *page = consolefront_page(cf);

	set(&page->out_prod, page->out_cons + OUT_SIZE + 1);
	assert_int_equal(consolefront_notify(cf), 0);
}

static void out_back(struct consolefront *cf)
{
	struct xencons_interface *page = consolefront_page(cf);

	set(&page->out_prod, page->out_cons - 1);
	assert_int_equal(consolefront_notify(cf), 0);
}

static void in_ahead(struct consolefront *cf)
{
	struct xencons_interface *page = consolefront_page(cf);

	set(&page->in_cons, page->in_prod + 1);
}

static void in_back(struct consolefront *cf)
{
	struct xencons_interface *page = consolefront_page(cf);

	set(&page->in_cons, page->in_prod - IN_SIZE - 1);
}

static void test_hostile_indices(void **state)
{
	spoil(out_ahead);
	spoil(out_back);
	spoil(in_ahead);
	spoil(in_back);
}

/* The backend's own indices are the guest's to spoil, and nobody believes them. */
static void test_hostile_own_indices(void **state)
{
	struct consolefront *cf;
	struct program p;
	int fd;

	add_console();
	program_run(&p, at_path, -1, -1);
	cf = attach();
	fd = connect_to(path_node);
	say(cf, "one ");
	expect(fd, "one ");
	set(&consolefront_page(cf)->in_prod, 77777);
	set(&consolefront_page(cf)->out_cons, 4);
	say(cf, "two");
	expect(fd, "two");
	close(fd);
	consolefront_close(cf);
	assert_int_equal(program_stop(&p), 0);
	remove_console();
}

/* Nodes of the frontend that are none: the reason is told, and a better one is served. */
static void bad_frontend(const char *ref, const char *port, const char *says)
{
	struct consolefront *cf;
	struct program p;

	add_console();
	program_run(&p, at_path, -1, -1);
	await_state("2");
	if (ref)
		node(FRONTEND, "ring-ref", ref);
	if (port)
		node(FRONTEND, "port", port);
	node(FRONTEND, "state", "3");
	await_state("5");
	await_error(says);
	node(FRONTEND, "state", "6");
	await_state("6");
	node(FRONTEND, "state", "1");
	cf = attach();
	consolefront_close(cf);
	assert_int_equal(program_stop(&p), 0);
	remove_console();
}

static void test_bad_frontend_nodes(void **state)
{
	bad_frontend(NULL, "1", "ring-ref");
	bad_frontend("1", NULL, "port");
	bad_frontend("-1", "1", "ring-ref");
	bad_frontend("4294967296", "1", "ring-ref");
	bad_frontend("1", "x", "port");
	bad_frontend("999999", "1", "cannot be mapped");
}

static void test_bad_port(void **state)
{
	struct consolefront *cf;
	struct program p;

	add_console();
	program_run(&p, at_path, -1, -1);
	/* A page that can be mapped, and no port. */
	cf = attach();
	node(FRONTEND, "port", "4095");
	kill_program(&p);
	program_run(&p, at_path, -1, -1);
	await_state("5");
	await_error("cannot be bound");
	consolefront_close(cf);
	assert_int_equal(program_stop(&p), 0);
	remove_console();
}

/* --- a killed backend ---------------------------------------------------------------------- */

/* Its successor goes on in the same ring; the frontend sees no change of states. */
static void test_killed_and_resumed(void **state)
{
	const char *const options[] = { "--backend=" BACKEND, tape_option, NULL };
	struct consolefront *cf;
	struct program p;
	int fd;

	add_console();
	program_run(&p, options, -1, -1);
	cf = attach();
	say(cf, "before ");
	fd = connect_to(path_node);
	expect(fd, "before ");
	close(fd);
	for (unsigned i = 0; i < 5; i++) {
		kill_program(&p);
		say(cf, "meanwhile ");
		program_run(&p, options, -1, -1);
		assert_true(p.ready);
		assert_int_equal(consolefront_state(cf), XenbusStateConnected);
	}
	fd = connect_to(path_node);
	/* The scrollback has outlived it, too. */
	expect(fd, "before meanwhile meanwhile meanwhile meanwhile meanwhile ");
	type(fd, "on");
	hear(cf, "on");
	close(fd);
	consolefront_close(cf);
	assert_int_equal(program_stop(&p), 0);
	unlink(tape_option + 10);
	remove_console();
}

/* A place on the tape that cannot be one in the ring is not used. */
static void test_tape_of_another_ring(void **state)
{
	const char *const options[] = { "--backend=" BACKEND, tape_option, NULL };
	struct consolefront *cf;
	struct program p;
	int fd;

	add_console();
	program_run(&p, options, -1, -1);
	cf = attach();
	say(cf, "one ");
	fd = connect_to(path_node);
	expect(fd, "one ");
	close(fd);
	kill_program(&p);
	/* The frontend has begun its ring anew, far away. */
	set(&consolefront_page(cf)->out_cons, 1000000);
	set(&consolefront_page(cf)->out_prod, 1000000);
	program_run(&p, options, -1, -1);
	set(&consolefront_page(cf)->out_prod, 1000003);
	assert_int_equal(consolefront_notify(cf), 0);
	fd = connect_to(path_node);
	expect(fd, "one ");
	close(fd);
	consolefront_close(cf);
	assert_int_equal(program_stop(&p), 0);
	unlink(tape_option + 10);
	remove_console();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_pty),
		cmocka_unit_test(test_log_node),
		cmocka_unit_test(test_connects_again),
		cmocka_unit_test(test_removed),
		cmocka_unit_test(test_frontend_vanishes),
		cmocka_unit_test(test_bad_nodes),
		cmocka_unit_test(test_no_such_device),
		cmocka_unit_test(test_hostile_indices),
		cmocka_unit_test(test_hostile_own_indices),
		cmocka_unit_test(test_bad_frontend_nodes),
		cmocka_unit_test(test_bad_port),
		cmocka_unit_test(test_killed_and_resumed),
		cmocka_unit_test(test_tape_of_another_ring),
	};
	int failed;

	hv_dropin(argv);
	hv_world_start(&world);
	failed = cmocka_run_group_tests(tests, begin, rig_teardown);
	hv_world_stop(&world);
	return failed;
}

// SPDX-License-Identifier: MIT
/*
 * sluice-console from end to end: domains of a running hypervisor, a running store, and a
 * small console frontend in each domain.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <xen/io/console.h>
#include <xenevtchn.h>

#include "hypervisor/process/client.h"
#include "hypervisor/process/share-client.h"
#include "tests/unit/hv-harness.h"
#include "tests/unit/store-server.h"

#define PATIENCE_MS 20000
#define OUT_SIZE sizeof(((struct xencons_interface *)0)->out)
#define IN_SIZE sizeof(((struct xencons_interface *)0)->in)

static struct hv_world world;
static struct server server;
static struct xs_handle *tool;
static char folder[] = "/tmp/sluice-console-XXXXXX";

/* --- a frontend -------------------------------------------------------------------------- */

struct guest {
	unsigned domid;
	int fd;
	xenevtchn_handle *xce;
	int port;
	uint32_t ref;
	struct hvshare share;
	struct xencons_interface *page;
};

static void tool_write(unsigned domid, const char *node, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), "/local/domain/%u/%s", domid, node);
	assert_true(xs_write(tool, XBT_NULL, path, value, strlen(value)));
}

static char *tool_read(unsigned domid, const char *node)
{
	char path[64];
	unsigned len;

	snprintf(path, sizeof(path), "/local/domain/%u/%s", domid, node);
	return xs_read(tool, XBT_NULL, path, &len);
}

static void guest_start(struct guest *g, unsigned domid)
{
	char port[16];

	*g = (struct guest){ .domid = domid };
	g->fd = hvclient_open(hv_socket(&world, domid));
	assert_true(g->fd >= 0);
	g->share = (struct hvshare){ .domid = 0, .pages = 1, .writable = true };
	assert_int_equal(hvshare_make(g->fd, &g->share, &g->ref), 0);
	g->page = g->share.addr;
	hv_enter(&world, domid);
	g->xce = xenevtchn_open(NULL, 0);
	assert_non_null(g->xce);
	g->port = xenevtchn_bind_unbound_port(g->xce, 0);
	assert_true(g->port > 0);
	assert_true(xs_introduce_domain(tool, domid, 0, 0));
	snprintf(port, sizeof(port), "%d", g->port);
	tool_write(domid, "console/port", port);
	hv_enter(&world, 0);
}

static void guest_notify(struct guest *g)
{
	assert_int_equal(xenevtchn_notify(g->xce, g->port), 0);
}

static void guest_wait(struct guest *g)
{
	struct pollfd p = { .fd = xenevtchn_fd(g->xce), .events = POLLIN };

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(xenevtchn_pending(g->xce), g->port);
	assert_int_equal(xenevtchn_unmask(g->xce, g->port), 0);
}

/* All of @text, however often the ring is full meanwhile. */
static void guest_say(struct guest *g, const char *text, size_t len)
{
	while (len) {
		uint32_t prod = g->page->out_prod;
		uint32_t cons = __atomic_load_n(&g->page->out_cons, __ATOMIC_ACQUIRE);
		uint32_t n = 0;

		for (; n < len && prod + n - cons < OUT_SIZE; n++)
			g->page->out[(prod + n) % OUT_SIZE] = text[n];
		__atomic_store_n(&g->page->out_prod, prod + n, __ATOMIC_RELEASE);
		text += n;
		len -= n;
		if (n)
			guest_notify(g);
		else
			guest_wait(g);
	}
}

static void guest_hears(struct guest *g, const char *text)
{
	while (*text) {
		uint32_t cons = g->page->in_cons;

		while (__atomic_load_n(&g->page->in_prod, __ATOMIC_ACQUIRE) == cons)
			guest_wait(g);
		assert_int_equal(g->page->in[cons % IN_SIZE], *text++);
		__atomic_store_n(&g->page->in_cons, cons + 1, __ATOMIC_RELEASE);
		guest_notify(g);
	}
}

static void guest_end(struct guest *g)
{
	char path[64];

	xs_release_domain(tool, g->domid);
	snprintf(path, sizeof(path), "/local/domain/%u", g->domid);
	assert_true(xs_rm(tool, XBT_NULL, path));
	xenevtchn_close(g->xce);
	close(g->fd);
	munmap(g->share.addr, 4096);
}

/* --- the program ------------------------------------------------------------------------- */

struct program {
	pid_t pid;
	int in, out, err; /* our ends */
};

static _Noreturn void program_exec(const struct guest *g, const char *const *options, int in, int out,
	int err, int ready)
{
	const char *build = getenv("SLUICE_BUILDDIR");
	char path[4096], domain[32], ref[32], ready_arg[32];
	const char *argv[12] = { "sluice-console", domain, ref, ready_arg };

	for (unsigned i = 0; options[i]; i++)
		argv[4 + i] = options[i];
	snprintf(path, sizeof(path), "%s/backends/console/sluice-console", build ? build : ".");
	snprintf(domain, sizeof(domain), "--domain=%u", g->domid);
	snprintf(ref, sizeof(ref), "--ring-ref=%u", g->ref);
	snprintf(ready_arg, sizeof(ready_arg), "--ready-fd=%d", ready);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	execv(path, (char *const *)argv);
	_exit(127);
}

/* Returns when it serves. @in, @out: -1: pipes. */
static void program_start(struct program *p, const struct guest *g, const char *const *options, int in,
	int out)
{
	int ins[2], outs[2], errs[2], ready[2];
	char byte;

	assert_int_equal(pipe2(ins, O_CLOEXEC) | pipe2(outs, O_CLOEXEC) | pipe2(errs, O_CLOEXEC), 0);
	assert_int_equal(pipe(ready), 0);
	fcntl(ready[0], F_SETFD, FD_CLOEXEC);
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (p->pid == 0)
		program_exec(g, options, in < 0 ? ins[0] : in, out < 0 ? outs[1] : out, errs[1], ready[1]);
	close(ins[0]);
	close(outs[1]);
	close(errs[1]);
	close(ready[1]);
	*p = (struct program){ .pid = p->pid, .in = ins[1], .out = outs[0], .err = errs[0] };
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
}

/* Its exit status; @says: on stderr, or NULL. */
static int program_wait(struct program *p, const char *says)
{
	char text[1024] = "";
	ssize_t n;
	int status;

	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	n = read(p->err, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	if (says && !strstr(text, says))
		fail_msg("it says: %s", text);
	close(p->in);
	close(p->out);
	close(p->err);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int program_stop(struct program *p)
{
	kill(p->pid, SIGTERM);
	return program_wait(p, NULL);
}

static void expect_read(int fd, const char *text, size_t len)
{
	char bytes[4096];

	while (len) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		n = read(fd, bytes, len < sizeof(bytes) ? len : sizeof(bytes));
		assert_true(n > 0);
		assert_memory_equal(bytes, text, n);
		text += n;
		len -= n;
	}
}

static void expect(int fd, const char *text)
{
	expect_read(fd, text, strlen(text));
}

static void type(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

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

static int connect_to(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

static void test_socket(void **state)
{
	char option[80], *path;
	const char *const options[] = { option, NULL };
	struct program p;
	struct guest g;
	int fd, second;
	char byte;

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
	second = connect_to(path);
	expect(second, "this console has a client already\r\n");
	assert_int_equal(read(second, &byte, 1), 0);
	close(second);
	close(fd);
	/* The first one's going may be seen after the second's coming: until it is served. */
	guest_say(&g, "y", 1);
	do {
		fd = connect_to(path);
		assert_int_equal(read(fd, &byte, 1), 1);
		close(fd);
	} while (byte != 'y');
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

static int setup(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	hv_enter(&world, 0);
	server_start(&server, NULL);
	tool = server_open(&server, 0);
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	xs_close(tool);
	server_stop(&server);
	return rmdir(folder);
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
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_sigterm_restores_the_terminal),
		cmocka_unit_test(test_sighup_restores_the_terminal),
		cmocka_unit_test(test_broken_ring_restores_the_terminal),
		cmocka_unit_test(test_stay),
	};
	int failed;

	hv_dropin(argv);
	hv_world_start(&world);
	failed = cmocka_run_group_tests(tests, setup, teardown);
	hv_world_stop(&world);
	return failed;
}

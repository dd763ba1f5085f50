// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/peers/console-rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hypervisor/process/client.h"

struct hv_world world;
static struct server server;
struct xs_handle *tool;
char folder[] = "/tmp/sluice-console-XXXXXX";

/* --- a frontend -------------------------------------------------------------------------- */


void tool_write(unsigned domid, const char *node, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), "/local/domain/%u/%s", domid, node);
	assert_true(xs_write(tool, XBT_NULL, path, value, strlen(value)));
}

char *tool_read(unsigned domid, const char *node)
{
	char path[64];
	unsigned len;

	snprintf(path, sizeof(path), "/local/domain/%u/%s", domid, node);
	return xs_read(tool, XBT_NULL, path, &len);
}

void guest_start(struct guest *g, unsigned domid)
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

void guest_notify(struct guest *g)
{
	assert_int_equal(xenevtchn_notify(g->xce, g->port), 0);
}

void guest_wait(struct guest *g)
{
	struct pollfd p = { .fd = xenevtchn_fd(g->xce), .events = POLLIN };

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(xenevtchn_pending(g->xce), g->port);
	assert_int_equal(xenevtchn_unmask(g->xce, g->port), 0);
}

/* All of @text, however often the ring is full meanwhile. */
void guest_say(struct guest *g, const char *text, size_t len)
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

void guest_hears(struct guest *g, const char *text)
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

void guest_end(struct guest *g)
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


static _Noreturn void program_exec(const char *const *options, int in, int out, int err, int ready)
{
	const char *build = getenv("SLUICE_BUILDDIR");
	const char *argv[24] = { "sluice-console" };
	char path[4096], ready_arg[32];
	unsigned n = 1;

	for (unsigned i = 0; options[i]; i++)
		argv[n++] = options[i];
	argv[n++] = ready_arg;
	snprintf(path, sizeof(path), "%s/backends/console/sluice-console", build ? build : ".");
	snprintf(ready_arg, sizeof(ready_arg), "--ready-fd=%d", ready);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	execv(path, (char *const *)argv);
	_exit(127);
}

void program_run(struct program *p, const char *const *options, int in, int out)
{
	int ins[2], outs[2], errs[2], ready[2];
	char byte;

	hv_enter(&world, 0);
	setenv("XENSTORED_PATH", server.path, 1);
	assert_int_equal(pipe2(ins, O_CLOEXEC) | pipe2(outs, O_CLOEXEC) | pipe2(errs, O_CLOEXEC), 0);
	assert_int_equal(pipe(ready), 0);
	fcntl(ready[0], F_SETFD, FD_CLOEXEC);
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (p->pid == 0)
		program_exec(options, in < 0 ? ins[0] : in, out < 0 ? outs[1] : out, errs[1], ready[1]);
	close(ins[0]);
	close(outs[1]);
	close(errs[1]);
	close(ready[1]);
	*p = (struct program){ .pid = p->pid, .in = ins[1], .out = outs[0], .err = errs[0] };
	p->ready = read(ready[0], &byte, 1) == 1;
	close(ready[0]);
}

void program_start(struct program *p, const struct guest *g, const char *const *options, int in, int out)
{
	const char *all[20];
	char domain[32], ref[32];
	unsigned n = 2;

	snprintf(domain, sizeof(domain), "--domain=%u", g->domid);
	snprintf(ref, sizeof(ref), "--ring-ref=%u", g->ref);
	all[0] = domain;
	all[1] = ref;
	while ((all[n] = *options++))
		n++;
	program_run(p, all, in, out);
	assert_true(p->ready);
}

/* Its exit status; @says: on stderr, or NULL. */
int program_wait(struct program *p, const char *says)
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

int program_stop(struct program *p)
{
	kill(p->pid, SIGTERM);
	return program_wait(p, NULL);
}

void kill_program(struct program *p)
{
	int status;

	kill(p->pid, SIGKILL);
	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	close(p->in);
	close(p->out);
	close(p->err);
}

void expect_read(int fd, const char *text, size_t len)
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

void expect(int fd, const char *text)
{
	expect_read(fd, text, strlen(text));
}

void type(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

int connect_to(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

void enter(unsigned domid)
{
	static char path[128];

	hv_enter(&world, domid);
	if (domid)
		snprintf(path, sizeof(path), "%s/%u/store.sock", server.dir, domid);
	else
		snprintf(path, sizeof(path), "%s", server.path);
	setenv("XENSTORED_PATH", path, 1);
}


struct xs_handle *server_home_of(unsigned domid)
{
	return server_home(&server, tool, domid);
}

int rig_setup(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	hv_enter(&world, 0);
	server_start(&server, NULL);
	tool = server_open(&server, 0);
	return mkdtemp(folder) ? 0 : -1;
}

int rig_teardown(void **state)
{
	xs_close(tool);
	server_stop(&server);
	return rmdir(folder);
}

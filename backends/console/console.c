// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/console/console.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/common/confined.h"
#include "backends/common/ready.h"
#include "backends/console/console-private.h"
#include "common/log.h"

/* --- the guest's side -------------------------------------------------- */

static void on_output(void *opaque, const char *data, size_t len)
{
	struct console *c = opaque;

	tape_file_add(c->tape, data, len);
}

static void on_served(void *opaque)
{
	struct console *c = opaque;

	users_pump(c->users);
	users_resume(c->users);
}

static void on_failed(void *opaque, int error)
{
	struct console *c = opaque;
	char why[CONSOLE_WHY];

	if (error != -EPROTO) {
		loop_stop(c->loop, CONSOLE_LOST);
		return;
	}
	snprintf(why, sizeof(why), "domain %u broke the rules of its console ring (an index runs more than"
		" a ring ahead): its console is stopped", c->o.domid);
	c->kind->broken(c, why);
}

static const struct device_ops device_ops = {
	.output = on_output,
	.served = on_served,
	.failed = on_failed,
};

int console_connect(struct console *c, uint32_t ref, uint32_t port, bool resume, char *why, size_t room)
{
	uint32_t place;
	bool known = resume && tape_file_place(c->tape, &place);
	int error = device_connect(c->device, c->o.domid, ref, port, known ? &place : NULL, why, room);

	if (error == 0)
		tape_file_connect(c->tape, device_place(c->device));
	return error;
}

/* --- the users' side --------------------------------------------------- */

static size_t on_room(void *opaque)
{
	struct console *c = opaque;

	return device_room(c->device);
}

static void on_input(void *opaque, const char *data, size_t len)
{
	struct console *c = opaque;

	device_give(c->device, data, len);
}

static void on_left(void *opaque)
{
	console_stop(opaque);
}

static void on_window(void *opaque, unsigned short cols, unsigned short rows)
{
	struct console *c = opaque;
	char text[16];

	snprintf(text, sizeof(text), "%u %u", cols, rows);
	c->kind->write(c, "window", text);
}

static void on_status(void *opaque, char *text, size_t room)
{
	struct console *c = opaque;
	const struct device_counters *n = device_counters(c->device);

	snprintf(text, room, "bytes_out %" PRIu64 "\nbytes_in %" PRIu64 "\nevents %" PRIu64
		"\ndelays %" PRIu64 "\nscrollback %zu\n", n->bytes_out, n->bytes_in, n->events, n->delays,
		c->o.users.scrollback);
}

static const struct users_ops users_ops = { on_room, on_input, on_left, on_window, on_status };

/* --- life -------------------------------------------------------------- */

static int open_tape(struct console *c)
{
	size_t size = c->o.users.scrollback > CONSOLE_TAPE_MIN ? c->o.users.scrollback : CONSOLE_TAPE_MIN;
	char name[24];
	const char *device = c->o.backend ? c->o.backend : name;
	int error;

	snprintf(name, sizeof(name), "console/%u", c->o.domid);
	error = tape_file_open(c->o.tape, device, size, &c->tape);
	if (error < 0 && c->o.tape) {
		/* The guest is served all the same; only a successor will miss it. */
		log_warn("--journal=%s: %s; what is said is kept in memory", c->o.tape, strerror(-error));
		error = tape_file_open(NULL, device, size, &c->tape);
	}
	if (error < 0)
		log_err("the console's memory: %s", strerror(-error));
	return error;
}

static int open_users(struct console *c)
{
	const char *tty;

	c->o.users.confine = c->o.confine;
	c->o.users.domid = c->o.domid;
	c->users = users_open(c->loop, &c->o.users, tape_file_tape(c->tape), &users_ops, c);
	if (!c->users)
		return -errno;
	tty = users_tty(c->users);
	if (tty) {
		printf("%s\n", tty);
		fflush(stdout);
	}
	return 0;
}

/* The sockets' names are removed at the end: of their directory alone something is kept. */
static int confine(struct console *c)
{
	const char *socket = c->o.users.socket, *slash = socket ? strrchr(socket, '/') : NULL;
	struct confine_options options = { .keep_root = socket };
	CLEANUP_FREE char *dir = NULL;
	CLEANUP_CLOSE int fd = -1;

	if (!c->o.confine)
		return 0;
	if (socket) {
		dir = slash ? strndup(socket, (size_t)(slash - socket) + 1) : strdup(".");
		fd = dir ? open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
		options.keep_dir = fd > 0 ? fd : 0;
	}
	return confined_begin(&options);
}

static int start_all(struct console *c)
{
	int error = c->kind->open(c);

	if (error == 0)
		error = open_tape(c);
	if (error == 0) {
		c->device = device_new(c->loop, &c->o.limits, &device_ops, c);
		error = c->device ? 0 : -errno;
	}
	if (error == 0)
		error = open_users(c);
	/* The terminal late: messages of a failed start are read in a sane one. */
	if (error == 0)
		error = users_open_terminal(c->users);
	/* Before a watch, which starts a thread, and before a byte of the guest's is looked at. */
	if (error == 0)
		error = confine(c);
	return error == 0 ? c->kind->begin(c) : error;
}

struct console *console_start(struct loop *loop, const struct console_options *options, int *status)
{
	struct console *c = calloc(1, sizeof(*c));

	*status = CONSOLE_START;
	if (!c)
		return NULL;
	*c = (struct console){ .loop = loop, .o = *options, .status = CONSOLE_START,
		.kind = options->backend ? &console_secondary : &console_primary };
	if (start_all(c) == 0)
		return c;
	*status = c->status;
	console_free(c);
	return NULL;
}

void console_reopen_log(struct console *c)
{
	users_reopen_log(c->users);
}

void console_stop(struct console *c)
{
	if (c->stopping)
		return;
	c->stopping = true;
	/* What the guest wrote until now still counts. */
	device_drain(c->device);
	c->kind->stop(c);
}

void console_free(struct console *c)
{
	if (!c)
		return;
	users_close(c->users);
	device_free(c->device);
	tape_file_close(c->tape);
	/* One may have become the other. */
	console_primary.close(c);
	console_secondary.close(c);
	free(c);
}

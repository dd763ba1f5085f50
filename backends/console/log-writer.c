// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/console/log-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "backends/common/confined.h"
#include "backends/console/log-file.h"
#include "backends/console/log-format.h"
#include "common/array.h"
#include "common/log.h"

/* At once; the formatted bytes are more. */
#define CHUNK 4096u
/* A killed predecessor's writer is waited for as often as this, so many milliseconds each. */
#define OWN_TRIES 100u
#define OWN_PAUSE_MS 50

/* It opens and moves what is in the log's directory. */
CONFINE_TABLE(log_writer_confine, CONFINE_CALL(openat), CONFINE_CALL(renameat),
	CONFINE_CALL(renameat2), CONFINE_CALL(unlinkat), CONFINE_CALL(fstat),
	CONFINE_CALL(newfstatat), CONFINE_CALL(flock));

struct writer {
	struct log_file file;
	struct log_format format;
	int data_fd, control_fd;
	char in[CHUNK];
	char out[CHUNK * LOG_FORMAT_GROWTH];
};

static void await_predecessor(struct writer *w)
{
	for (unsigned i = 0; i < OWN_TRIES; i++) {
		if (log_file_own(&w->file))
			return;
		(void)poll(NULL, 0, OWN_PAUSE_MS);
	}
	log_warn("%s is being written by another console, too", w->file.name);
}

/* False: it was the end. */
static bool take_output(struct writer *w)
{
	ssize_t n = read(w->data_fd, w->in, sizeof(w->in));
	size_t len;

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	len = n ? log_format_add(&w->format, w->in, (size_t)n, time(NULL), w->out) :
		  log_format_end(&w->format, time(NULL), w->out);
	log_file_write(&w->file, w->out, len);
	return n > 0;
}

static void take_command(struct writer *w)
{
	char word;

	if (read(w->control_fd, &word, 1) == 1)
		log_file_reopen(&w->file);
	else
		w->control_fd = -1; /* its end comes with the data's */
}

static void serve(struct writer *w)
{
	bool more = true;

	while (more) {
		struct pollfd p[2] = { { .fd = w->data_fd, .events = POLLIN },
			{ .fd = w->control_fd, .events = POLLIN } };

		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents)
			take_command(w);
		if (p[0].revents)
			more = take_output(w);
	}
}

/* Nothing of the server's: its lock, its connections. */
static void close_others(const struct writer *w)
{
	const int keep[] = { w->file.dir_fd, w->file.fd, w->data_fd, w->control_fd };

	for (int fd = 0; fd < 256; fd++) {
		bool kept = fd == STDERR_FILENO;

		for (unsigned i = 0; i < ARRAY_SIZE(keep); i++)
			kept |= keep[i] == fd;
		if (!kept)
			close(fd);
	}
	(void)close_range(256, ~0u, 0);
}

/* It ends when the output does, whatever ends the server. */
static _Noreturn void run(struct writer *w, bool confine)
{
	const struct confine_options options = { .keep_root = true, .keep_dir = w->file.dir_fd,
		.extra = &log_writer_confine };
	static const int signals[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP };

	for (unsigned i = 0; i < ARRAY_SIZE(signals); i++)
		(void)signal(signals[i], SIG_IGN);
	close_others(w);
	if (confine && confined_begin(&options) < 0)
		_exit(1);
	await_predecessor(w);
	serve(w);
	_exit(0);
}

static int spawn(struct writer *w, struct log_writer *out, bool confine)
{
	int data[2], control[2];
	pid_t pid;

	if (pipe2(data, O_CLOEXEC) < 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, control) < 0) {
		close(data[0]);
		close(data[1]);
		return -errno;
	}
	w->data_fd = data[0];
	w->control_fd = control[0];
	pid = fork();
	if (pid == 0)
		run(w, confine);
	close(data[0]);
	close(control[0]);
	*out = (struct log_writer){ data[1], control[1] };
	/* The reading end waits; ours does not. */
	if (pid > 0 && fcntl(data[1], F_SETFL, O_NONBLOCK) == 0)
		return 0;
	return errno ? -errno : -EIO;
}

int log_writer_start(struct log_writer *out, const struct log_options *options, bool confine)
{
	CLEANUP_FREE struct writer *w = calloc(1, sizeof(*w));
	int error;

	*out = (struct log_writer){ -1, -1 };
	if (!w)
		return -ENOMEM;
	error = log_file_open(&w->file, options->path, options->limit, options->keep);
	if (error < 0)
		return error;
	w->format = (struct log_format){ .stamp = options->stamp, .escape = options->escape };
	error = spawn(w, out, confine);
	log_file_close(&w->file);
	return error;
}

void log_writer_reopen(struct log_writer *w)
{
	if (w->control_fd >= 0)
		(void)!write(w->control_fd, "r", 1); /* a word that waits already says the same */
}

void log_writer_end(struct log_writer *w, unsigned ms)
{
	struct pollfd p = { .fd = w->control_fd };

	if (w->data_fd >= 0)
		close(w->data_fd);
	if (w->control_fd < 0)
		return;
	/* It hangs up when it ends. */
	(void)poll(&p, 1, (int)ms);
	close(w->control_fd);
	*w = (struct log_writer){ -1, -1 };
}

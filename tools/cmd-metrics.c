// SPDX-License-Identifier: MIT
/* sluice metrics: what backends count, for Prometheus. */
#include "config.h"
#include "tools/sluice.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "common/log.h"
#include "common/spin.h"
#include "tools/metrics-http.h"
#include "tools/metrics-text.h"

/* However many ask, devices are looked at so often. */
#define TEXT_FRESH_NS 200000000u

struct metrics_args {
	const char *run_dir, *socket, *listen;
	bool once;
	/* the text that was made last */
	char *text;
	size_t size;
	uint64_t made_ns;
};

static void usage(void)
{
	printf("Usage: sluice metrics [--once]\n"
	       "       sluice metrics --socket=PATH|--listen=127.0.0.1:PORT\n"
	       "Shows what the backends of your stacks count in Prometheus's text format, or serves it\n"
	       "at http://127.0.0.1:PORT/metrics.\n\n"
	       "  --once           print it once (the default)\n"
	       "  --socket=PATH    serve it on a Unix socket that is yours alone\n"
	       "  --listen=ADDRESS serve it at 127.0.0.1:PORT or [::1]:PORT; port 0: any free one\n"
	       "  --run-dir=DIR    of one sluice-driverd, instead of all your stacks\n");
}

/* Return: -1 to go on, else the exit status. */
static int parse(int argc, char **argv, struct metrics_args *args)
{
	static const struct option options[] = {
		{ "once", no_argument, NULL, 'o' },
		{ "socket", required_argument, NULL, 's' },
		{ "listen", required_argument, NULL, 'l' },
		{ "run-dir", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (c) {
		case 'o':
			args->once = true;
			break;
		case 's':
			args->socket = optarg;
			break;
		case 'l':
			args->listen = optarg;
			break;
		case 'r':
			args->run_dir = optarg;
			break;
		case 'h':
			usage();
			return 0;
		default:
			log_err("%s %s; sluice help metrics lists the options", argv[optind - 1],
				c == ':' ? "needs a value" : "is no option of sluice metrics");
			return 1;
		}
	}
	if (optind == argc && args->once + !!args->socket + !!args->listen <= 1)
		return -1;
	log_err("%s; sluice help metrics lists the options", optind < argc ?
			"there are no arguments but options" : "only one of --once, --socket and --listen");
	return 1;
}

/* The text of now, malloc'ed; NULL with errno set. */
static char *make_text(const char *run_dir, size_t *size)
{
	struct metrics_list list;
	char *text = NULL;
	FILE *to;
	int rc = metrics_find(run_dir, &list);

	if (rc < 0) {
		errno = -rc;
		return NULL;
	}
	to = open_memstream(&text, size);
	if (to) {
		metrics_text(&list, to);
		if (fclose(to) != 0) {
			free(text);
			text = NULL;
		}
	}
	metrics_list_free(&list);
	return text;
}

static char *serve_text(void *opaque, size_t *size)
{
	struct metrics_args *args = opaque;
	uint64_t now = spin_now_ns();
	char *copy;

	if (!args->text || now - args->made_ns > TEXT_FRESH_NS) {
		free(args->text);
		args->text = make_text(args->run_dir, &args->size);
		args->made_ns = now;
	}
	copy = args->text ? malloc(args->size + 1) : NULL;
	if (copy)
		memcpy(copy, args->text, args->size);
	*size = copy ? args->size : 0;
	return copy;
}

static void on_signal(void *opaque, uint32_t events)
{
	loop_stop(opaque, 0);
}

static int take_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int serve(struct metrics_args *args, int fd, int signals)
{
	struct metrics_http_source source = { .text = serve_text, .opaque = args,
		.type = METRICS_TEXT_TYPE };
	struct loop *loop = loop_new();
	struct metrics_http *http = loop ? metrics_http_start(loop, fd, &source) : NULL;
	int rc = -ENOMEM;

	if (http && loop_add_fd(loop, signals, EPOLLIN, on_signal, loop))
		rc = loop_run(loop);
	if (rc < 0)
		log_err("cannot serve: %s", strerror(-rc));
	metrics_http_stop(http);
	loop_free(loop);
	free(args->text);
	return rc < 0;
}

static int print_once(const struct metrics_args *args)
{
	size_t size = 0;
	CLEANUP_FREE char *text = make_text(args->run_dir, &size);

	if (!text) {
		log_err("cannot look at %s: %m", args->run_dir ? args->run_dir : "your stacks");
		return 1;
	}
	if (fwrite(text, 1, size, stdout) == size && fflush(stdout) == 0)
		return 0;
	log_err("cannot write: %m");
	return 1;
}

int verb_metrics(int argc, char **argv)
{
	struct metrics_args args = { .once = false };
	char why[256] = "", where[64] = "";
	CLEANUP_CLOSE int fd = -1, signals = -1;
	int status = parse(argc, argv, &args);

	if (status >= 0)
		return status;
	status = 1;
	if (!args.socket && !args.listen)
		return print_once(&args);
	fd = args.socket ? metrics_http_listen_unix(args.socket, why, sizeof(why)) :
			   metrics_http_listen(args.listen, where, why, sizeof(why));
	if (fd < 0) {
		log_err("%s", why);
		return 1;
	}
	/* Before anybody knows of us: from here on the socket is removed. */
	signals = take_signals();
	printf("listening on %s\n", args.socket ? args.socket : where);
	if (signals < 0 || fflush(stdout) != 0)
		log_err("cannot begin: %m");
	else
		status = serve(&args, fd, signals);
	if (args.socket)
		unlink(args.socket);
	return status;
}

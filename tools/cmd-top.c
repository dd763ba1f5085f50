// SPDX-License-Identifier: MIT
/* sluice top: what the disks of the user's stacks are doing. */
#include "config.h"
#include "tools/sluice.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/spin.h"
#include "tools/top.h"

#define TOP_MIN_SECONDS 0.1
#define TOP_MAX_SECONDS 3600.0

struct top_args {
	const char *run_dir;
	bool batch, json;
	unsigned long iterations;    /* 0: no end */
	double interval;
};

static void usage(void)
{
	printf("Usage: sluice top [OPTION..]\n"
	       "Shows requests, bytes, latencies and queue depth of each disk that your stacks serve.\n"
	       "q quits, any other key refreshes.\n\n"
	       "  --interval=SECONDS      between refreshes, 0.1 to 3600; default 1\n"
	       "  --iterations=N          so many refreshes; default: until q\n"
	       "  --batch                 print, for scripts; no terminal is needed\n"
	       "  --output-format=FORMAT  normal, or json: --batch with an object per line\n"
	       "  --run-dir=DIR           disks of one sluice-driverd, instead of all your stacks\n");
}

static int parse_value(struct top_args *args, int option, const char *text)
{
	char *end;

	errno = 0;
	switch (option) {
	case 'r':
		args->run_dir = text;
		return 0;
	case 'f':
		args->json = strcmp(text, "json") == 0;
		args->batch |= args->json;
		if (args->json || strcmp(text, "normal") == 0)
			return 0;
		log_err("--output-format=%s: must be normal or json", text);
		return -EINVAL;
	case 'n':
		args->iterations = strtoul(text, &end, 10);
		if (!errno && text[0] >= '1' && text[0] <= '9' && !*end)
			return 0;
		log_err("--iterations=%s: must be a number from 1", text);
		return -EINVAL;
	default:
		args->interval = strtod(text, &end);
		/* The other way round a NaN would pass. */
		if (end != text && !*end && args->interval >= TOP_MIN_SECONDS &&
			args->interval <= TOP_MAX_SECONDS)
			return 0;
		log_err("--interval=%s: must be a number of seconds from 0.1 to 3600", text);
		return -EINVAL;
	}
}

/* Return: -1 to go on, else the exit status. */
static int parse(int argc, char **argv, struct top_args *args)
{
	static const struct option options[] = {
		{ "batch", no_argument, NULL, 'b' },
		{ "interval", required_argument, NULL, 'i' },
		{ "iterations", required_argument, NULL, 'n' },
		{ "output-format", required_argument, NULL, 'f' },
		{ "run-dir", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h') {
			usage();
			return 0;
		}
		if (c == ':' || c == '?') {
			log_err("%s %s; sluice help top lists the options", argv[optind - 1],
				c == ':' ? "needs a value" : "is no option of sluice top");
			return 1;
		}
		if (c == 'b')
			args->batch = true;
		else if (parse_value(args, c, optarg) < 0)
			return 1;
	}
	if (optind == argc)
		return -1;
	log_err("%s: unexpected argument; sluice help top lists the options", argv[optind]);
	return 1;
}

static int look(const struct top_args *args, struct metrics_list *list)
{
	int rc = metrics_find(args->run_dir, list);

	if (rc < 0)
		log_err("cannot look at %s: %s", args->run_dir ? args->run_dir : "your stacks",
			strerror(-rc));
	return rc;
}

static void show(const struct top_args *args, const struct metrics_list *list,
	const struct top_row *rows, double seconds)
{
	struct top_size none = { 0, 0 };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (args->json) {
		top_show_json(list, rows, (double)now.tv_sec + (double)now.tv_nsec / 1e9, seconds, stdout);
	} else if (args->batch) {
		top_show_table(list, rows, none, "\n", stdout);
	} else {
		/* Home, each line cleared behind its text, and what is below. */
		printf("\033[Hsluice top: every %.1f s, q quits\033[K\n", args->interval);
		top_show_table(list, rows, top_terminal_size(), "\033[K\n", stdout);
		printf("\033[J");
	}
	fflush(stdout);
}

static enum top_event pause_for(struct top_terminal *terminal, double seconds)
{
	struct timespec ts = { .tv_sec = (time_t)seconds };

	if (terminal)
		return top_terminal_wait(terminal, seconds);
	ts.tv_nsec = (long)((seconds - (double)ts.tv_sec) * 1e9);
	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
	return TOP_REFRESH;
}

/* One refresh: wait, look, show. @list becomes what was seen. 0, 1 to end, or -errno. */
static int refresh(const struct top_args *args, struct top_terminal *terminal,
	struct metrics_list *list, uint64_t *at_ns)
{
	struct metrics_list now;
	uint64_t now_ns;
	double seconds;
	struct top_row *rows;
	int rc;

	if (pause_for(terminal, args->interval) == TOP_QUIT)
		return 1;
	rc = look(args, &now);
	if (rc < 0)
		return rc;
	now_ns = spin_now_ns();
	seconds = (double)(now_ns - *at_ns) / 1e9;
	rows = top_rows(&now, list, seconds);
	if (rows)
		show(args, &now, rows, seconds);
	metrics_list_free(list);
	*list = now;
	*at_ns = now_ns;
	rc = rows ? 0 : -ENOMEM;
	free(rows);
	return rc == 0 && ferror(stdout) ? -EIO : rc;
}

static int run(const struct top_args *args, struct top_terminal *terminal)
{
	struct metrics_list list;
	uint64_t at_ns = spin_now_ns();
	int rc = look(args, &list);

	if (rc < 0)
		return rc;
	for (unsigned long i = 0; rc == 0 && (!args->iterations || i < args->iterations); i++)
		rc = refresh(args, terminal, &list, &at_ns);
	metrics_list_free(&list);
	return rc;
}

int verb_top(int argc, char **argv)
{
	struct top_args args = { .interval = 1 };
	struct top_terminal *terminal = NULL;
	int status = parse(argc, argv, &args);

	if (status >= 0)
		return status;
	if (!args.batch) {
		if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
			log_err("this is no terminal; sluice top --batch prints to anything");
			return 1;
		}
		terminal = top_terminal_open();
		if (!terminal) {
			log_err("the terminal cannot be used: %m; sluice top --batch needs none");
			return 1;
		}
	}
	status = run(&args, terminal);
	top_terminal_close(terminal);
	return status < 0;
}

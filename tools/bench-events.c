// SPDX-License-Identifier: MIT
/* sluice-bench events: options, rounds, the table. */
#include "config.h"
#include "tools/bench-events.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/log.h"
#include "tools/bench-options.h"
#include "tools/bench.h"

#define SIZES_MAX 16u
#define ROUNDS_MAX 99u

/* One line of the result. */
struct line {
	uint32_t channels;
	double ns[ROUNDS_MAX];
	struct events_direct *direct;
};

static const struct kind {
	const char *name, *text;
	uint32_t max;
	uint32_t sizes[SIZES_MAX]; /* by default; 0 ends them */
} kinds[EVENTS_KINDS] = {
	[EVENTS_FIFO] = { "fifo", "FIFO, the hypervisor's code called directly", 131071,
		{ 100, 1000, 10000, 100000, 131071 } },
	[EVENTS_TWO_LEVEL] = { "2-level", "2-level, the hypervisor's code called directly", 4095,
		{ 100, 1000, 4095 } },
	[EVENTS_PROCESS] = { "process", "between two process domains", 4096, { 2, 20, 200, 2000 } },
};

struct events {
	bool wanted[EVENTS_KINDS];
	uint32_t sizes[SIZES_MAX]; /* of all kinds; none: each has its own */
	unsigned nsizes;
	uint64_t runtime_us; /* of a round */
	unsigned rounds;
	bool sequential;
	bool json;
	bool said; /* something is in the JSON list by now */
	struct line lines[SIZES_MAX];
	unsigned nlines;
	uint32_t batch;      /* the same for all lines */
};

static void usage(FILE *to)
{
	fprintf(to,
		"Usage: sluice-bench events [OPTION..]\n"
		"Measures what an event costs from sender to receiver, by the number of bound channels.\n\n"
		"  --delivery=KIND,..       fifo, 2-level, process; default all\n"
		"  --channels=N,..          numbers of channels; those that a kind cannot have are left out\n"
		"  --order=ORDER            of channels: shuffled (default) or sequential\n"
		"  --runtime=TIME           of each measurement; default 100ms\n"
		"  --rounds=N               measurements of which the median is shown; default 5\n"
		"  --output-format=FORMAT   normal or json\n"
		"\nExit status: 0, 1 usage or start-up, 2 an event was lost.\n");
}

/* --- options ----------------------------------------------------------- */

static bool parse_delivery(struct events *e, char *list)
{
	memset(e->wanted, 0, sizeof(e->wanted));
	for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
		unsigned k = 0;

		while (k < EVENTS_KINDS && strcmp(kinds[k].name, name) != 0)
			k++;
		if (k == EVENTS_KINDS)
			return false;
		e->wanted[k] = true;
	}
	return true;
}

static bool parse_channels(struct events *e, char *list)
{
	e->nsizes = 0;
	for (char *text = strtok(list, ","); text; text = strtok(NULL, ",")) {
		char *end;
		unsigned long n = strtoul(text, &end, 10);

		if (*end || n < 1 || n > kinds[EVENTS_FIFO].max || e->nsizes == SIZES_MAX)
			return false;
		e->sizes[e->nsizes++] = n;
	}
	return e->nsizes > 0;
}

static bool parse_rounds(struct events *e, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	e->rounds = n;
	return *end == '\0' && n >= 1 && n <= ROUNDS_MAX;
}

static bool parse_format(struct events *e, const char *text)
{
	e->json = strcmp(text, "json") == 0;
	return e->json || strcmp(text, "normal") == 0;
}

static bool parse_order(struct events *e, const char *text)
{
	e->sequential = strcmp(text, "sequential") == 0;
	return e->sequential || strcmp(text, "shuffled") == 0;
}

static bool parse_runtime(struct events *e, const char *text)
{
	return time_parse(text, &e->runtime_us) == 0 && e->runtime_us > 0;
}

static int parse(struct events *e, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "delivery", required_argument, NULL, 'd' },
		{ "channels", required_argument, NULL, 'c' },
		{ "order", required_argument, NULL, 'o' },
		{ "runtime", required_argument, NULL, 't' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "output-format", required_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	int c, at = -1;
	bool ok = true;

	while (ok && (c = getopt_long(argc, argv, "h", options, &at)) != -1) {
		ok = c == 'd'	? parse_delivery(e, optarg)
			: c == 'c' ? parse_channels(e, optarg)
			: c == 'o' ? parse_order(e, optarg)
			: c == 't' ? parse_runtime(e, optarg)
			: c == 'r' ? parse_rounds(e, optarg)
			: c == 'f' ? parse_format(e, optarg)
				   : false;
		if (c == 'h')
			return 1;
		if (c == '?')
			return -EINVAL;
		if (!ok)
			log_err("--%s does not take that; see sluice-bench events --help", options[at].name);
	}
	if (ok && optind < argc)
		log_err("%s is no option; see sluice-bench events --help", argv[optind]);
	return ok && optind == argc ? 0 : -EINVAL;
}

/* --- measuring --------------------------------------------------------- */

static void choose_lines(struct events *e, enum events_kind k)
{
	const uint32_t *sizes = e->nsizes ? e->sizes : kinds[k].sizes;

	e->nlines = 0;
	e->batch = k == EVENTS_PROCESS ? EVENTS_PROCESS_BATCH : EVENTS_BATCH;
	for (unsigned i = 0; i < (e->nsizes ? e->nsizes : SIZES_MAX) && sizes[i]; i++)
		if (sizes[i] <= kinds[k].max)
			e->lines[e->nlines++] = (struct line){ .channels = sizes[i] };
	/* The same channel twice in a batch would be one event. */
	for (unsigned i = 0; i < e->nlines; i++)
		if (e->lines[i].channels < e->batch)
			e->batch = e->lines[i].channels;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(struct line *l, unsigned n)
{
	qsort(l->ns, n, sizeof(*l->ns), by_value);
	return n % 2 ? l->ns[n / 2] : (l->ns[n / 2 - 1] + l->ns[n / 2]) / 2;
}

/* What the machine does meanwhile is for all sizes alike: they take turns. */
static int rounds_direct(struct events *e, bool fifo)
{
	int rc = 0;

	for (unsigned i = 0; i < e->nlines && rc == 0; i++) {
		e->lines[i].direct = events_direct_new(
			fifo, !e->sequential, e->lines[i].channels);
		if (!e->lines[i].direct)
			rc = -errno;
	}
	for (unsigned r = 0; r < e->rounds && rc == 0; r++)
		for (unsigned i = 0; i < e->nlines && rc == 0; i++)
			rc = events_direct_run(
				e->lines[i].direct, e->batch, e->runtime_us, &e->lines[i].ns[r]);
	for (unsigned i = 0; i < e->nlines; i++)
		events_direct_free(e->lines[i].direct);
	if (rc < 0)
		log_err("%s", rc == -EIO ? "an event was lost" : strerror(-rc));
	return rc;
}

static int rounds_process(struct events *e)
{
	struct events_world *w = events_world_new();
	int rc = w ? 0 : -ENOENT;

	for (unsigned r = 0; r < e->rounds && rc == 0; r++)
		for (unsigned i = 0; i < e->nlines && rc == 0; i++)
			rc = events_world_run(w, !e->sequential, e->lines[i].channels, e->batch,
				e->runtime_us, &e->lines[i].ns[r]);
	events_world_free(w);
	return rc;
}

static void print_line(struct events *e, enum events_kind k, struct line *l, double first)
{
	double ns = median(l, e->rounds);
	double least = l->ns[0], most = l->ns[e->rounds - 1];

	if (e->json) {
		printf("%s\n    {\"delivery\": \"%s\", \"channels\": %u, \"ns_per_event\": %.1f, "
		       "\"min\": %.1f, \"max\": %.1f, \"ratio\": %.2f}",
			e->said ? "," : "", kinds[k].name, l->channels, ns, least, most, ns / first);
		e->said = true;
	} else {
		printf("  %8u channels  %9.1f ns/event  %9.1f..%-9.1f  %5.2f\n", l->channels, ns,
			least, most, ns / first);
	}
}

static int run_kind(struct events *e, enum events_kind k)
{
	int rc;

	choose_lines(e, k);
	if (!e->wanted[k] || !e->nlines)
		return 0;
	rc = k == EVENTS_PROCESS ? rounds_process(e) : rounds_direct(e, k == EVENTS_FIFO);
	if (rc < 0)
		return rc;
	if (!e->json)
		printf("%s\n", kinds[k].text);
	for (unsigned i = 0; i < e->nlines; i++)
		print_line(e, k, &e->lines[i], median(&e->lines[0], e->rounds));
	fflush(stdout);
	return 0;
}

int bench_events_main(int argc, char **argv)
{
	static struct events e = { .wanted = { true, true, true }, .runtime_us = 100000, .rounds = 5 };
	int rc = parse(&e, argc, argv);

	if (rc > 0) {
		usage(stdout);
		return BENCH_EXIT_OK;
	}
	if (rc < 0)
		return BENCH_EXIT_START;
	if (e.json)
		printf("{\"events\": [");
	for (enum events_kind k = 0; k < EVENTS_KINDS && rc == 0; k++)
		rc = run_kind(&e, k);
	if (e.json)
		printf("\n]}\n");
	if (rc < 0)
		return rc == -EIO ? BENCH_EXIT_IO : BENCH_EXIT_START;
	return fflush(stdout) == EOF ? BENCH_EXIT_START : BENCH_EXIT_OK;
}

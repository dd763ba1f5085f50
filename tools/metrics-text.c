// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/metrics-text.h"

#include <inttypes.h>

#include "common/array.h"

/* Bounds of latencies: powers of two in nanoseconds, 4 us to 17 s, where our buckets end. */
#define TEXT_FIRST_BIT 12u
#define TEXT_LAST_BIT 34u

/** struct text_counter - a family that each ring has a sample of. */
struct text_counter {
	const char *name, *help;
	enum metrics_counter counter;
	const char *label;           /* of one member of a family, or NULL */
};

static const struct text_counter text_counters[] = {
	{ "requests_total", "Requests that were served.", METRICS_READS, "op=\"read\"" },
	{ "requests_total", NULL, METRICS_WRITES, "op=\"write\"" },
	{ "requests_total", NULL, METRICS_FLUSHES, "op=\"flush\"" },
	{ "requests_total", NULL, METRICS_BARRIERS, "op=\"barrier\"" },
	{ "requests_total", NULL, METRICS_DISCARDS, "op=\"discard\"" },
	{ "bytes_total", "Bytes that were moved.", METRICS_READ_BYTES, "direction=\"read\"" },
	{ "bytes_total", NULL, METRICS_WRITTEN_BYTES, "direction=\"write\"" },
	{ "errors_total", "Valid requests that failed.", METRICS_ERRORS, NULL },
	{ "refused_total", "Requests that broke a rule of the protocol.", METRICS_REFUSED, NULL },
	{ "data_path_total", "Requests with data, by how their pages were reached.", METRICS_MAPPED,
		"path=\"mapped\"" },
	{ "data_path_total", NULL, METRICS_COPIED, "path=\"copied\"" },
	{ "indirect_total", "Requests with indirect segments.", METRICS_INDIRECT, NULL },
	{ "sweeps_total", "Passes over the ring that found requests.", METRICS_SWEEPS, NULL },
	{ "notifications_total", "Events sent to the frontend.", METRICS_NOTIFICATIONS, NULL },
	{ "wakeups_total", "Events received from the frontend.", METRICS_WAKEUPS, NULL },
	{ "polls_total", "Looks for work before sleeping, by what they found.", METRICS_POLL_HITS,
		"found=\"work\"" },
	{ "polls_total", NULL, METRICS_POLL_MISSES, "found=\"nothing\"" },
};

struct text_gauge {
	const char *name, *help;
	size_t offset;               /* of a uint64_t in struct metrics_ring_view */
};

static const struct text_gauge text_gauges[] = {
	{ "in_flight", "Requests taken and not answered.",
		offsetof(struct metrics_ring_view, in_flight) },
	{ "ring_slots", "Requests that the ring has room for.",
		offsetof(struct metrics_ring_view, depth) },
	{ "granted_pages", "Pages of the frontend that are mapped.",
		offsetof(struct metrics_ring_view, grants) },
	{ "indirect_segments", "Segments that an indirect request may have.",
		offsetof(struct metrics_ring_view, max_indirect) },
};

static const char *const text_ops[METRICS_OPS] = { "read", "write", "flush", "barrier", "discard" };

const char *const metrics_feature_names[METRICS_FEATURES] = { "persistent", "indirect", "flush",
	"barrier", "discard", "secure-discard", "read-only", "x86_32-abi" };

void metrics_text_label(const char *value, FILE *to)
{
	fputc('"', to);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			fputc('\\', to);
		if (*value == '\n')
			fputs("\\n", to);
		else
			fputc(*value, to);
	}
	fputc('"', to);
}

static void text_head(FILE *to, const char *name, const char *type, const char *help)
{
	fprintf(to, "# HELP sluice_blk_%s %s\n# TYPE sluice_blk_%s %s\n", name, help, name, type);
}

void metrics_text_device(const struct metrics_device *d, FILE *to)
{
	fputs("{stack=", to);
	metrics_text_label(d->place, to);
	fprintf(to, ",backend=\"%u\",domain=\"%u\",guest=", d->backend, d->name.frontend);
	metrics_text_label(d->guest, to);
	fputs(",kind=", to);
	metrics_text_label(d->name.kind, to);
	fputs(",device=", to);
	metrics_text_label(d->disk, to);
}

static void text_value(const struct metrics_device *d, const char *name, const char *label,
	uint64_t value, FILE *to)
{
	fprintf(to, "sluice_blk_%s", name);
	metrics_text_device(d, to);
	fprintf(to, "%s%s} %" PRIu64 "\n", label ? "," : "", label ? label : "", value);
}

static void text_ring_value(const struct metrics_device *d, unsigned ring, const char *name,
	const char *label, uint64_t value, FILE *to)
{
	fprintf(to, "sluice_blk_%s", name);
	metrics_text_device(d, to);
	fprintf(to, ",ring=\"%u\"%s%s} %" PRIu64 "\n", ring, label ? "," : "", label ? label : "",
		value);
}

/* Interfaces have families of their own: metrics-text-net.c. */
static unsigned text_rings(const struct metrics_device *d)
{
	return d->view->kind == METRICS_DISK ? d->view->rings : 0;
}

static void text_all_counters(const struct metrics_list *list, FILE *to)
{
	for (unsigned c = 0; c < ARRAY_SIZE(text_counters); c++) {
		const struct text_counter *t = &text_counters[c];

		if (t->help)
			text_head(to, t->name, "counter", t->help);
		for (unsigned i = 0; i < list->count; i++)
			for (unsigned r = 0; r < text_rings(&list->device[i]); r++)
				text_ring_value(&list->device[i], r, t->name, t->label,
					list->device[i].view->ring[r].counter[t->counter], to);
	}
}

static void text_all_gauges(const struct metrics_list *list, FILE *to)
{
	for (unsigned g = 0; g < ARRAY_SIZE(text_gauges); g++) {
		text_head(to, text_gauges[g].name, "gauge", text_gauges[g].help);
		for (unsigned i = 0; i < list->count; i++) {
			const struct metrics_view *v = list->device[i].view;

			for (unsigned r = 0; r < text_rings(&list->device[i]); r++)
				text_ring_value(&list->device[i], r, text_gauges[g].name, NULL,
					*(const uint64_t *)((const char *)&v->ring[r] +
							    text_gauges[g].offset), to);
		}
	}
}

static void text_features(const struct metrics_list *list, FILE *to)
{
	text_head(to, "feature", "gauge", "What a connected ring has: 1, or 0.");
	for (unsigned i = 0; i < list->count; i++) {
		const struct metrics_view *v = list->device[i].view;

		for (unsigned r = 0; r < text_rings(&list->device[i]); r++)
			for (unsigned f = 0; f < METRICS_FEATURES && v->ring[r].connected; f++) {
				char label[40];

				snprintf(label, sizeof(label), "feature=\"%s\"", metrics_feature_names[f]);
				text_ring_value(&list->device[i], r, "feature", label,
					v->ring[r].features >> f & 1, to);
			}
	}
}

static void text_bucket(const struct metrics_device *d, unsigned op, const char *le, uint64_t n,
	FILE *to)
{
	char label[64];

	snprintf(label, sizeof(label), "op=\"%s\",le=\"%s\"", text_ops[op], le);
	text_value(d, "latency_seconds_bucket", label, n, to);
}

static void text_latency(const struct metrics_device *d, unsigned op, FILE *to)
{
	const struct metrics_latency *l = &d->view->latency[op];
	uint64_t count = metrics_count(l);
	char text[40];

	for (unsigned bit = TEXT_FIRST_BIT; bit <= TEXT_LAST_BIT; bit++) {
		uint64_t ns = UINT64_C(1) << bit;

		snprintf(text, sizeof(text), "%" PRIu64 ".%09" PRIu64, ns / 1000000000u,
			ns % 1000000000u);
		text_bucket(d, op, text, metrics_below(l, ns), to);
	}
	text_bucket(d, op, "+Inf", count, to);
	fputs("sluice_blk_latency_seconds_sum", to);
	metrics_text_device(d, to);
	fprintf(to, ",op=\"%s\"} %" PRIu64 ".%09" PRIu64 "\n", text_ops[op],
		l->sum_ns / 1000000000u, l->sum_ns % 1000000000u);
	snprintf(text, sizeof(text), "op=\"%s\"", text_ops[op]);
	text_value(d, "latency_seconds_count", text, count, to);
}

/* What devices are; changes with a new backend. */
static void text_info(const struct metrics_list *list, FILE *to)
{
	text_head(to, "info", "gauge", "A device that is served; always 1.");
	for (unsigned i = 0; i < list->count; i++) {
		char label[32];

		if (!text_rings(&list->device[i]))
			continue;
		snprintf(label, sizeof(label), "driver=\"%s\"", list->device[i].view->driver);
		text_value(&list->device[i], "info", label, 1, to);
	}
	text_head(to, "sectors", "gauge", "Size of the disk in sectors of 512 bytes.");
	for (unsigned i = 0; i < list->count; i++)
		if (text_rings(&list->device[i]))
			text_value(&list->device[i], "sectors", NULL,
				list->device[i].view->sectors, to);
	text_head(to, "start_time_seconds", "gauge", "When the backend started, since the epoch.");
	for (unsigned i = 0; i < list->count; i++)
		if (text_rings(&list->device[i]))
			text_value(&list->device[i], "start_time_seconds", NULL,
				list->device[i].view->start_ns / 1000000000u, to);
}

void metrics_text(const struct metrics_list *list, FILE *to)
{
	text_info(list, to);
	text_features(list, to);
	text_all_gauges(list, to);
	text_all_counters(list, to);
	text_head(to, "latency_seconds", "histogram",
		"Time from taking a request from its ring to answering it.");
	for (unsigned i = 0; i < list->count; i++)
		for (unsigned op = 0; op < METRICS_OPS && text_rings(&list->device[i]); op++)
			text_latency(&list->device[i], op, to);
	metrics_text_net(list, to);
	fprintf(to, "# HELP sluice_metrics_unreadable Files of metrics that could not be used.\n"
		    "# TYPE sluice_metrics_unreadable gauge\nsluice_metrics_unreadable %u\n",
		list->skipped);
}

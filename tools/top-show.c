// SPDX-License-Identifier: MIT
/* All text from a device has been checked where it was read: see metrics-read.h. */
#include "config.h"
#include "tools/top.h"

#include <inttypes.h>
#include <string.h>

#include "common/array.h"
#include "tools/metrics-text.h"

/* Four digits and a unit, in powers of @base. */
void top_show_number(double n, double base, char *text, size_t room)
{
	static const char units[] = " KMGTPE";
	unsigned unit = 0;

	while (n >= 9999.5 && unit < sizeof(units) - 2) {
		n /= base;
		unit++;
	}
	if (n >= 9999.5)
		snprintf(text, room, ">9999%c", units[unit]);
	else if (unit && n < 99.95)
		snprintf(text, room, "%.1f%c", n, units[unit]);
	else
		snprintf(text, room, "%.0f%c", n, units[unit]);
	/* Without a unit there is no blank for it either. */
	text[strcspn(text, " ")] = '\0';
}

static void show_time(uint64_t ns, char *text, size_t room)
{
	double us = (double)ns / 1e3;

	if (ns == 0)
		snprintf(text, room, "-");
	else if (us < 99.95)
		snprintf(text, room, "%.1fus", us);
	else if (us < 9999.5)
		snprintf(text, room, "%.0fus", us);
	else if (us < 9999500)
		snprintf(text, room, "%.0fms", us / 1e3);
	else
		snprintf(text, room, "%.0fs", us / 1e6);
}

static void show_line(const char *line, struct top_size size, const char *eol, FILE *to)
{
	int width = size.columns ? (int)size.columns : 1000;

	fprintf(to, "%.*s%s", width, line, eol);
}

static void show_disk(const struct top_row *r, const char *guest, char *line, size_t room)
{
	const struct metrics_device *d = r->device;
	char n[9][16], polls[8] = "-";

	top_show_number(r->op[METRICS_OP_READ].iops, 1000, n[0], sizeof(n[0]));
	top_show_number(r->op[METRICS_OP_WRITE].iops + r->op[METRICS_OP_BARRIER].iops, 1000, n[1],
		sizeof(n[1]));
	top_show_number(r->op[METRICS_OP_FLUSH].iops + r->op[METRICS_OP_DISCARD].iops, 1000, n[2],
		sizeof(n[2]));
	top_show_number(r->op[METRICS_OP_READ].bytes, 1024, n[3], sizeof(n[3]));
	top_show_number(r->op[METRICS_OP_WRITE].bytes, 1024, n[4], sizeof(n[4]));
	show_time(r->all.p50_ns, n[5], sizeof(n[5]));
	show_time(r->all.p99_ns, n[6], sizeof(n[6]));
	show_time(r->all.p999_ns, n[7], sizeof(n[7]));
	top_show_number(r->errors + r->refused, 1000, n[8], sizeof(n[8]));
	if (r->poll_hits >= 0)
		snprintf(polls, sizeof(polls), "%.0f%%", r->poll_hits * 100);
	snprintf(line, room, "%-8s %-14.14s %-8s %7s %7s %6s %7s %7s %8s %8s %8s %6.1f %6s %5s",
		d->place, guest, d->disk, n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7],
		r->depth < 9999 ? r->depth : 9999, n[8], polls);
}

static void show_row(const struct top_row *r, char *line, size_t room)
{
	const struct metrics_device *d = r->device;
	char guest[40];

	snprintf(guest, sizeof(guest), d->guest[0] ? "%s" : "%s%u", d->guest[0] ? d->guest : "domain ",
		d->name.frontend);
	if (d->view->kind == METRICS_VIF)
		top_net_row(r, guest, line, room);
	else
		show_disk(r, guest, line, room);
}

static void show_head(enum metrics_kind kind, char *line, size_t room)
{
	if (kind == METRICS_VIF)
		top_net_head(line, room);
	else
		snprintf(line, room, "%-8s %-14s %-8s %7s %7s %6s %7s %7s %8s %8s %8s %6s %6s %5s",
			"STACK", "GUEST", "DISK", "READ/s", "WRITE/s", "F+D/s", "RB/s", "WB/s",
			"P50", "P99", "P99.9", "DEPTH", "ERR/s", "POLLS");
}

static unsigned show_count(const struct metrics_list *list, enum metrics_kind kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < list->count; i++)
		n += list->device[i].view->kind == kind;
	return n;
}

/* Disks first, then interfaces, each under its own headings. */
void top_show_table(const struct metrics_list *list, const struct top_row *rows,
	struct top_size size, const char *eol, FILE *to)
{
	unsigned heads = show_count(list, METRICS_VIF) && show_count(list, METRICS_DISK) ? 2 : 1;
	unsigned room = size.lines > heads + 2 ? size.lines - heads - 2 : list->count, shown = 0;
	char line[320];

	for (unsigned kind = 0; kind < METRICS_KINDS; kind++) {
		/* An empty table has the headings of disks. */
		if (!show_count(list, kind) && (kind != METRICS_DISK || list->count))
			continue;
		show_head(kind, line, sizeof(line));
		show_line(line, size, eol, to);
		for (unsigned i = 0; i < list->count && shown < room; i++) {
			if (list->device[i].view->kind != kind)
				continue;
			show_row(&rows[i], line, sizeof(line));
			show_line(line, size, eol, to);
			shown++;
		}
	}
	if (list->count > shown)
		fprintf(to, "and %u more%s", list->count - shown, eol);
	if (!list->count)
		show_line("no device is being served", size, eol, to);
}

/* --- JSON: every text in it is of letters, digits and ". _ -" -------------------------- */

static void json_rate(const char *name, const struct top_rate *r, FILE *to)
{
	fprintf(to, ",\"%s\":{\"iops\":%.3f,\"bytes_per_second\":%.3f,\"p50_ns\":%" PRIu64
		    ",\"p99_ns\":%" PRIu64 ",\"p99.9_ns\":%" PRIu64 "}", name, r->iops, r->bytes,
		r->p50_ns, r->p99_ns, r->p999_ns);
}

static void json_disk(const struct top_row *r, FILE *to)
{
	static const char *const ops[METRICS_OPS] = { "read", "write", "flush", "barrier", "discard" };

	fprintf(to, ",\"sectors\":%" PRIu64, r->device->view->sectors);
	json_rate("all", &r->all, to);
	for (unsigned op = 0; op < METRICS_OPS; op++)
		json_rate(ops[op], &r->op[op], to);
	fprintf(to, ",\"queue_depth\":%.3f,\"in_flight\":%" PRIu64 ",\"errors_per_second\":%.3f,"
		    "\"refused_per_second\":%.3f", r->depth, r->in_flight, r->errors, r->refused);
}

static void json_features(const struct top_row *r, FILE *to)
{
	const char *const *names = r->device->view->kind == METRICS_VIF ? metrics_net_feature_names :
									 metrics_feature_names;
	const char *separator = "";

	fprintf(to, ",\"rings\":%u,\"features\":[", r->connected);
	for (unsigned f = 0; f < METRICS_FEATURES; f++) {
		if (!(r->features >> f & 1))
			continue;
		fprintf(to, "%s\"%s\"", separator, names[f]);
		separator = ",";
	}
	fputs("]}", to);
}

static void json_row(const struct top_row *r, FILE *to)
{
	const struct metrics_device *d = r->device;

	fprintf(to, "{\"stack\":\"%s\",\"backend\":%u,\"domain\":%u,\"guest\":\"%s\",\"kind\":\"%s\","
		    "\"device\":\"%s\",\"driver\":\"%s\"",
		d->place, d->backend, d->name.frontend, d->guest, d->name.kind, d->disk,
		d->view->driver);
	if (d->view->kind == METRICS_VIF)
		top_net_json(r, to);
	else
		json_disk(r, to);
	fputs(",\"poll_hit_ratio\":", to);
	if (r->poll_hits < 0)
		fputs("null", to);
	else
		fprintf(to, "%.4f", r->poll_hits);
	json_features(r, to);
}

void top_show_json(const struct metrics_list *list, const struct top_row *rows, double now,
	double seconds, FILE *to)
{
	fprintf(to, "{\"time\":%.3f,\"interval\":%.3f,\"unreadable\":%u,\"devices\":[", now, seconds,
		list->skipped);
	for (unsigned i = 0; i < list->count; i++) {
		if (i)
			fputc(',', to);
		json_row(&rows[i], to);
	}
	fputs("]}\n", to);
}

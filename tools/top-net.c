// SPDX-License-Identifier: MIT
/* Network interfaces in sluice top. */
#include "config.h"
#include "tools/top.h"

#include <stdio.h>

/* Of a backend that started anew in between all counts; of one that goes backwards nothing. */
static double net_since(const struct metrics_view *now, const struct metrics_view *before, bool anew,
	enum metrics_net_counter which)
{
	uint64_t n = now->total[which], b = anew ? 0 : before->total[which];

	return n >= b ? (double)(n - b) : 0;
}

void top_net_rate(const struct metrics_view *now, const struct metrics_view *before, bool anew,
	double seconds, struct top_row *row)
{
	double n[METRICS_NET_COUNTERS], polls;

	for (unsigned c = 0; c < METRICS_NET_COUNTERS; c++)
		n[c] = net_since(now, before, anew, c);
	row->net = (struct top_net){
		.sent = n[METRICS_NET_TX_PACKETS] / seconds,
		.received = n[METRICS_NET_RX_PACKETS] / seconds,
		.sent_bytes = n[METRICS_NET_TX_BYTES] / seconds,
		.received_bytes = n[METRICS_NET_RX_BYTES] / seconds,
		.dropped = (n[METRICS_NET_TX_DROPPED] + n[METRICS_NET_RX_FULL] +
				   n[METRICS_NET_RX_OLD]) / seconds,
		.bad = (n[METRICS_NET_TX_BAD] + n[METRICS_NET_TX_ERRORS] + n[METRICS_NET_RX_BAD] +
			       n[METRICS_NET_RX_ERRORS]) / seconds,
	};
	polls = n[METRICS_NET_POLL_HITS] + n[METRICS_NET_POLL_MISSES];
	row->poll_hits = polls > 0 ? n[METRICS_NET_POLL_HITS] / polls : -1;
}

void top_net_head(char *line, size_t room)
{
	snprintf(line, room, "%-8s %-14s %-8s %-8s %7s %7s %7s %7s %7s %7s %6s %5s", "STACK", "GUEST", "VIF",
		"ATTACH", "SENT/s", "RECV/s", "SB/s", "RB/s", "DROP/s", "BAD/s", "QUEUES", "POLLS");
}

void top_net_row(const struct top_row *r, const char *guest, char *line, size_t room)
{
	const struct metrics_device *d = r->device;
	char n[6][16], polls[8] = "-";

	top_show_number(r->net.sent, 1000, n[0], sizeof(n[0]));
	top_show_number(r->net.received, 1000, n[1], sizeof(n[1]));
	top_show_number(r->net.sent_bytes, 1024, n[2], sizeof(n[2]));
	top_show_number(r->net.received_bytes, 1024, n[3], sizeof(n[3]));
	top_show_number(r->net.dropped, 1000, n[4], sizeof(n[4]));
	top_show_number(r->net.bad, 1000, n[5], sizeof(n[5]));
	if (r->poll_hits >= 0)
		snprintf(polls, sizeof(polls), "%.0f%%", r->poll_hits * 100);
	snprintf(line, room, "%-8s %-14.14s %-8s %-8s %7s %7s %7s %7s %7s %7s %6u %5s", d->place, guest,
		d->disk, d->view->driver, n[0], n[1], n[2], n[3], n[4], n[5], r->connected, polls);
}

void top_net_json(const struct top_row *r, FILE *to)
{
	fprintf(to, ",\"sent\":{\"packets_per_second\":%.3f,\"bytes_per_second\":%.3f}"
		    ",\"received\":{\"packets_per_second\":%.3f,\"bytes_per_second\":%.3f}"
		    ",\"dropped_per_second\":%.3f,\"bad_per_second\":%.3f",
		r->net.sent, r->net.sent_bytes, r->net.received, r->net.received_bytes, r->net.dropped,
		r->net.bad);
}

// SPDX-License-Identifier: MIT
/* The families of network interfaces: directions are the guest's. */
#include "config.h"
#include "tools/metrics-text.h"

#include <inttypes.h>

#include "common/array.h"

/** struct net_counter - a family that each queue has a sample of. */
struct net_counter {
	const char *name, *help;
	enum metrics_net_counter counter;
	const char *label;           /* of one member of a family, or NULL */
};

static const struct net_counter net_counters[] = {
	{ "packets_total", "Packets that were moved.", METRICS_NET_TX_PACKETS, "direction=\"sent\"" },
	{ "packets_total", NULL, METRICS_NET_RX_PACKETS, "direction=\"received\"" },
	{ "bytes_total", "Bytes that were moved.", METRICS_NET_TX_BYTES, "direction=\"sent\"" },
	{ "bytes_total", NULL, METRICS_NET_RX_BYTES, "direction=\"received\"" },
	{ "dropped_total", "Packets that were dropped, by why.", METRICS_NET_TX_DROPPED,
		"direction=\"sent\",why=\"attachment\"" },
	{ "dropped_total", NULL, METRICS_NET_TX_BAD, "direction=\"sent\",why=\"bad\"" },
	{ "dropped_total", NULL, METRICS_NET_TX_ERRORS, "direction=\"sent\",why=\"pages\"" },
	{ "dropped_total", NULL, METRICS_NET_RX_FULL, "direction=\"received\",why=\"full\"" },
	{ "dropped_total", NULL, METRICS_NET_RX_OLD, "direction=\"received\",why=\"age\"" },
	{ "dropped_total", NULL, METRICS_NET_RX_FILTERED, "direction=\"received\",why=\"filter\"" },
	{ "dropped_total", NULL, METRICS_NET_RX_BAD, "direction=\"received\",why=\"bad\"" },
	{ "dropped_total", NULL, METRICS_NET_RX_ERRORS, "direction=\"received\",why=\"buffers\"" },
	{ "steered_total", "Packets that another queue received.", METRICS_NET_STEERED, NULL },
	{ "segmented_total", "Packets that were cut up in software.", METRICS_NET_SEGMENTED, NULL },
	{ "checksummed_total", "Checksums that were made in software.", METRICS_NET_CHECKSUMMED, NULL },
	{ "filter_changes_total", "Changes of the multicast filter.", METRICS_NET_MCAST, NULL },
	{ "stalls_total", "Times that the guest gave no buffers for a minute.", METRICS_NET_STALLS, NULL },
	{ "sweeps_total", "Passes over the rings that found something.", METRICS_NET_SWEEPS, NULL },
	{ "notifications_total", "Events sent to the frontend.", METRICS_NET_NOTIFICATIONS, NULL },
	{ "wakeups_total", "Events received.", METRICS_NET_WAKEUPS, NULL },
	{ "polls_total", "Looks for work before sleeping, by what they found.",
		METRICS_NET_POLL_HITS, "found=\"work\"" },
	{ "polls_total", NULL, METRICS_NET_POLL_MISSES, "found=\"nothing\"" },
};

const char *const metrics_net_feature_names[METRICS_FEATURES] = { "scatter-gather", "tso4", "tso6",
	"checksum-ipv4", "checksum-ipv6", "split-channels", "control-ring", "rx-notify" };

static void net_head(FILE *to, const char *name, const char *type, const char *help)
{
	fprintf(to, "# HELP sluice_net_%s %s\n# TYPE sluice_net_%s %s\n", name, help, name, type);
}

static unsigned net_queues(const struct metrics_device *d)
{
	return d->view->kind == METRICS_VIF ? d->view->rings : 0;
}

static void net_value(const struct metrics_device *d, const char *name, const char *label,
	uint64_t value, FILE *to)
{
	fprintf(to, "sluice_net_%s", name);
	metrics_text_device(d, to);
	fprintf(to, "%s%s} %" PRIu64 "\n", label ? "," : "", label ? label : "", value);
}

static void net_queue_value(const struct metrics_device *d, unsigned queue, const char *name,
	const char *label, uint64_t value, FILE *to)
{
	char labels[96];

	snprintf(labels, sizeof(labels), "queue=\"%u\"%s%s", queue, label ? "," : "", label ? label : "");
	net_value(d, name, labels, value, to);
}

static void net_all_counters(const struct metrics_list *list, FILE *to)
{
	for (unsigned c = 0; c < ARRAY_SIZE(net_counters); c++) {
		const struct net_counter *n = &net_counters[c];

		if (n->help)
			net_head(to, n->name, "counter", n->help);
		for (unsigned i = 0; i < list->count; i++)
			for (unsigned q = 0; q < net_queues(&list->device[i]); q++)
				net_queue_value(&list->device[i], q, n->name, n->label,
					list->device[i].view->ring[q].counter[n->counter], to);
	}
}

static void net_info(const struct metrics_list *list, FILE *to)
{
	char label[40];

	net_head(to, "info", "gauge", "An interface that is served; always 1.");
	for (unsigned i = 0; i < list->count; i++) {
		if (!net_queues(&list->device[i]))
			continue;
		snprintf(label, sizeof(label), "attach=\"%s\"", list->device[i].view->driver);
		net_value(&list->device[i], "info", label, 1, to);
	}
	net_head(to, "start_time_seconds", "gauge", "When the backend started, since the epoch.");
	for (unsigned i = 0; i < list->count; i++)
		if (net_queues(&list->device[i]))
			net_value(&list->device[i], "start_time_seconds", NULL,
				list->device[i].view->start_ns / 1000000000u, to);
}

static void net_features(const struct metrics_list *list, FILE *to)
{
	char label[40];

	net_head(to, "feature", "gauge", "What a connected queue has: 1, or 0.");
	for (unsigned i = 0; i < list->count; i++)
		for (unsigned q = 0; q < net_queues(&list->device[i]); q++) {
			const struct metrics_ring_view *r = &list->device[i].view->ring[q];

			for (unsigned f = 0; f < METRICS_FEATURES && r->connected; f++) {
				snprintf(label, sizeof(label), "feature=\"%s\"",
					metrics_net_feature_names[f]);
				net_queue_value(&list->device[i], q, "feature", label,
					r->features >> f & 1, to);
			}
		}
}

void metrics_text_net(const struct metrics_list *list, FILE *to)
{
	net_info(list, to);
	net_features(list, to);
	net_all_counters(list, to);
}

// SPDX-License-Identifier: MIT
/* What sluice-bench net prints. Pure. */
#include "config.h"
#include "tools/bench-net.h"

#include <errno.h>
#include <stdlib.h>

#include "tools/compare.h"

const char *netbench_peer_name(enum netbench_peer peer)
{
	static const char *const names[] = { "sluice", "tap", "veth" };

	return peer < NETBENCH_PEERS ? names[peer] : "?";
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double value_of(const struct netbench_sample *s, bool bits)
{
	return bits ? s->bits : s->packets;
}

double netbench_median(const struct netbench_result *r, enum netbench_peer peer, bool bits)
{
	double values[NETBENCH_ROUNDS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < r->rounds; i++)
		if (r->sample[peer][i].packets > 0)
			values[n++] = value_of(&r->sample[peer][i], bits);
	qsort(values, n, sizeof(*values), by_value);
	return compare_median(values, n);
}

double netbench_ratio(const struct netbench_result *r, enum netbench_peer peer, enum netbench_peer other)
{
	double values[NETBENCH_ROUNDS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < r->rounds; i++) {
		double a = value_of(&r->sample[peer][i], r->load->bytes);
		double b = value_of(&r->sample[other][i], r->load->bytes);

		if (a > 0 && b > 0)
			values[n++] = a / b;
	}
	qsort(values, n, sizeof(*values), by_value);
	return compare_median(values, n);
}

static void print_ratio(FILE *to, const struct netbench_result *r, enum netbench_peer other)
{
	double ratio = netbench_ratio(r, NETBENCH_SLUICE, other);

	if (ratio > 0)
		fprintf(to, "   sluice/%s %.2f", netbench_peer_name(other), ratio);
}

void netbench_table(FILE *to, const struct netbench_result *r)
{
	fprintf(to, "%s: frames of %u bytes%s, %u queue%s, %u rounds\n", r->load->name, r->load->size,
		r->load->gso ? " (TSO)" : "", r->load->queues, r->load->queues == 1 ? "" : "s", r->rounds);
	for (unsigned p = 0; p < NETBENCH_PEERS; p++) {
		double packets = netbench_median(r, p, false);

		if (packets > 0)
			fprintf(to, "  %-8s %10.0f packets/s %8.3f Gbit/s\n", netbench_peer_name(p), packets,
				netbench_median(r, p, true) / 1e9);
		else if (r->left_out[p][0])
			fprintf(to, "  %-8s left out: %s\n", netbench_peer_name(p), r->left_out[p]);
	}
	fprintf(to, " ");
	for (unsigned p = NETBENCH_SLUICE + 1; p < NETBENCH_PEERS; p++)
		print_ratio(to, r, p);
	fprintf(to, "\n");
}

/* --- JSON ----------------------------------------------------------------------------- */

/* Texts of ours, but for what failed: that may quote. */
static void json_text(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', to);
		fputc((unsigned char)*text < ' ' ? ' ' : *text, to);
	}
	fputc('"', to);
}

static void json_peer(FILE *to, const struct netbench_result *r, enum netbench_peer peer)
{
	fprintf(to, "{\"name\": \"%s\", ", netbench_peer_name(peer));
	if (r->left_out[peer][0]) {
		fprintf(to, "\"left_out\": ");
		json_text(to, r->left_out[peer]);
		fprintf(to, ", ");
	}
	fprintf(to, "\"packets_per_second\": %.0f, \"bits_per_second\": %.0f, \"runs\": [",
		netbench_median(r, peer, false), netbench_median(r, peer, true));
	for (unsigned i = 0; i < r->rounds; i++)
		fprintf(to, "%s{\"packets_per_second\": %.0f, \"bits_per_second\": %.0f, \"cpus\": %.3f}",
			i ? ", " : "", r->sample[peer][i].packets, r->sample[peer][i].bits,
			r->sample[peer][i].cpu);
	fprintf(to, "]}");
}

static void json_result(FILE *to, const struct netbench_result *r)
{
	fprintf(to, "    {\"name\": \"%s\", \"frame_bytes\": %u, \"tso\": %s, \"queues\": %u, \"rounds\": %u,\n"
		"      \"judged_by\": \"%s\",\n      \"ratios\": {", r->load->name, r->load->size,
		r->load->gso ? "true" : "false", r->load->queues, r->rounds,
		r->load->bytes ? "bits_per_second" : "packets_per_second");
	for (unsigned p = NETBENCH_SLUICE + 1; p < NETBENCH_PEERS; p++)
		fprintf(to, "%s\"sluice/%s\": %.4f", p > NETBENCH_SLUICE + 1 ? ", " : "",
			netbench_peer_name(p), netbench_ratio(r, NETBENCH_SLUICE, p));
	fprintf(to, "},\n      \"ways\": [\n");
	for (unsigned p = 0; p < NETBENCH_PEERS; p++) {
		fprintf(to, "        ");
		json_peer(to, r, p);
		fprintf(to, "%s\n", p + 1 < NETBENCH_PEERS ? "," : "");
	}
	fprintf(to, "      ]}");
}

int netbench_json(FILE *to, const struct netbench_options *o, const struct netbench_result *results,
	unsigned n)
{
	fprintf(to, "{\n  \"sluice version\": \"" PACKAGE_VERSION "\",\n  \"runtime_us\": %llu,\n"
		"  \"ramp_us\": %llu,\n  \"workloads\": [\n", (unsigned long long)o->runtime_us,
		(unsigned long long)o->ramp_us);
	for (unsigned i = 0; i < n; i++) {
		json_result(to, &results[i]);
		fprintf(to, "%s\n", i + 1 < n ? "," : "");
	}
	fprintf(to, "  ]\n}\n");
	return fflush(to) == EOF || ferror(to) ? -EIO : 0;
}

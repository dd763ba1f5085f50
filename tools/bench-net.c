// SPDX-License-Identifier: MIT
/* sluice-bench net: runs the rounds, prints. */
#include "config.h"
#include "tools/bench-net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/array.h"
#include "common/log.h"
#include "tools/bench.h"
#include "tools/compare.h"
#include "tools/stack.h"

struct bench {
	struct netbench_options opt;
	struct netbench nb;
	struct netbench_result *results;
	unsigned nresults;
	bool progress, failed;
};

static volatile sig_atomic_t net_signal;

static void on_signal(int sig)
{
	net_signal = sig;
}

static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction sa = { .sa_handler = on_signal };

	for (unsigned i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static bool takes_part(const struct netbench_result *r, enum netbench_peer peer)
{
	return !r->left_out[peer][0] && (peer == NETBENCH_SLUICE || !(r->load->dir & NETBENCH_PAIR));
}

static void clear(const struct bench *b)
{
	if (b->progress)
		fputs("\r\033[K", stderr);
}

/* One way's turn. What fails once is left out from then on. */
static int take_turn(struct bench *b, struct netbench_result *r, unsigned round, enum netbench_peer peer)
{
	struct netbench_sample *sample = &r->sample[peer][round];
	char why[200] = "";
	int rc;

	if (b->progress)
		fprintf(stderr, "\r\033[K%s, round %u of %u: %s", r->load->name, round + 1, b->opt.rounds,
			netbench_peer_name(peer));
	rc = netbench_run_peer(&b->nb, peer, r->load, sample, why, sizeof(why));
	if (rc == 0)
		return 0;
	*sample = (struct netbench_sample){ .packets = 0 };
	if (net_signal)
		return -EINTR;
	clear(b);
	log_warn("%s fails at %s and is left out: %s", netbench_peer_name(peer), r->load->name, why);
	snprintf(r->left_out[peer], sizeof(r->left_out[peer]), "%s", why[0] ? why : strerror(-rc));
	/* What this machine does not have is no failure: as many queues as CPUs, for one. */
	b->failed |= peer == NETBENCH_SLUICE && rc != -EOPNOTSUPP;
	return 0;
}

static int run_load(struct bench *b, const struct netbench_load *load)
{
	struct netbench_result *r = &b->results[b->nresults++];
	int rc = 0;

	*r = (struct netbench_result){ .load = load };
	for (; rc == 0 && r->rounds < b->opt.rounds; r->rounds++)
		for (unsigned i = 0; i < NETBENCH_PEERS && rc == 0; i++) {
			/* Each begins in turn: what a run leaves behind disturbs another one each time. */
			enum netbench_peer peer = (compare_first(r->rounds, NETBENCH_PEERS) + i) % NETBENCH_PEERS;

			if (takes_part(r, peer))
				rc = take_turn(b, r, r->rounds, peer);
		}
	clear(b);
	return rc;
}

static int print_results(struct bench *b)
{
	FILE *to = b->opt.output[0] ? fopen(b->opt.output, "we") : stdout;
	int rc = 0;

	if (!to) {
		log_err("%s: %m", b->opt.output);
		return -errno;
	}
	if (b->opt.json)
		rc = netbench_json(to, &b->opt, b->results, b->nresults);
	for (unsigned i = 0; !b->opt.json && i < b->nresults; i++)
		netbench_table(to, &b->results[i]);
	if (to != stdout && fclose(to) == EOF)
		rc = -errno;
	if (rc < 0)
		log_err("cannot write the result: %s", strerror(-rc));
	return rc;
}

static int run_bench(struct bench *b)
{
	ssize_t n = readlink("/proc/self/exe", b->nb.self, sizeof(b->nb.self) - 1);
	int rc = 0;

	b->results = calloc(b->opt.nloads, sizeof(*b->results));
	if (n < 0 || !b->results)
		return BENCH_EXIT_START;
	b->nb.options = &b->opt;
	b->nb.signal = &net_signal;
	b->progress = isatty(STDERR_FILENO);
	catch_signals();
	for (unsigned i = 0; i < b->opt.nloads && rc == 0; i++)
		rc = run_load(b, b->opt.loads[i]);
	stack_stop(b->nb.stack);
	if (net_signal)
		return 128 + net_signal;
	if (print_results(b) < 0)
		return BENCH_EXIT_START;
	return b->failed ? BENCH_EXIT_IO : BENCH_EXIT_OK;
}

int bench_net_main(int argc, char **argv)
{
	struct bench *b = calloc(1, sizeof(*b));
	int status = BENCH_EXIT_START;
	char why[200];

	if (!b)
		return status;
	switch (netbench_options_parse(argc, argv, &b->opt, why, sizeof(why))) {
	case NETBENCH_HELP:
		netbench_usage(stdout);
		status = BENCH_EXIT_OK;
		break;
	case NETBENCH_WRONG:
		log_err("%s", why);
		break;
	case NETBENCH_PARSED:
		status = run_bench(b);
	}
	free(b->results);
	free(b);
	return status;
}

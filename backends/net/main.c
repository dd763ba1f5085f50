// SPDX-License-Identifier: MIT
/* sluice-net: serves one virtual network interface from a network driver domain. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/common/confined.h"
#include "backends/common/options.h"
#include "backends/common/program.h"
#include "backends/common/ready.h"
#include "backends/net/device.h"
#include "backends/net/record.h"
#include "common/log.h"
#include "protocol/netif-nodes.h"

#define DEFAULT_POLL_US 50u
#define MAX_POLL_US 1000u

static void print_help(void)
{
	const struct port_ops *ops;

	printf("Usage: sluice-net --backend=PATH [OPTION]...\n"
	       "Serve one virtual network interface (netif) until it is removed.\n\n"
	       "  --backend=PATH      its directory in the store, such as backend/vif/1/0\n"
	       "  --attach=KIND       what it is attached to, instead of the directory's node \"attach\"\n"
	       "  --ready-fd=N        write READY=1 there when a frontend may connect\n"
	       "  --journal=FILE|fd:N keep what survives a restart there, on a tmpfs\n"
	       "  --metrics=FILE|fd:N show counters there, see sluice-top(1)\n"
	       "  --poll-us=N         look for packets this long before sleeping (default %u,\n"
	       "                      0 to %u; 0 never spins)\n"
	       "  --confine=HOW       full (default): give up all that serving does not take; no:\n"
	       "                      keep it, to debug\n"
	       "  --max-queues=N      queues to offer, 1 to %u (default: as many as CPUs)\n"
	       "  --log-level=LEVEL   error, warning (default), info or debug\n"
	       "  --journal-version   say which journal it writes, and end\n"
	       "  --help, --version\n\n"
	       "Kinds of attachment:\n", DEFAULT_POLL_US, MAX_POLL_US, NETIF_MAX_QUEUES);
	for (unsigned i = 0; (ops = port_ops_at(i)); i++)
		printf("  %-10s %s\n", ops->name, ops->text);
	printf("\nExit status: 0 removed, 1 could not start, 2 the attachment could not be opened,\n"
	       "3 the store went away. See sluice-net(8).\n");
}

static int confine(const struct port_ops *ops)
{
	struct confine_options options = { .extra = ops->confine, .keep_network = ops->keep_network };

	return confined_begin(&options);
}

static const struct port_ops *parse_attach(const char *name)
{
	const struct port_ops *ops = port_ops_find(name);

	if (ops)
		return ops;
	if (port_ops_missing(name))
		die("--attach=%s: %s", name, port_ops_missing(name));
	die("--attach=%s: there is no such kind of attachment; --help lists them", name);
}

static void parse_options(int argc, char **argv, struct device_options *o)
{
	static const struct option options[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "attach", required_argument, NULL, 'a' },
		{ "ready-fd", required_argument, NULL, 'r' },
		{ "journal", required_argument, NULL, 'j' },
		{ "metrics", required_argument, NULL, 'm' },
		{ "poll-us", required_argument, NULL, 'p' },
		{ "max-queues", required_argument, NULL, 'q' },
		{ "confine", required_argument, NULL, 'c' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "journal-version", no_argument, NULL, 'J' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 'b':
			o->path = optarg;
			break;
		case 'a':
			o->ops = parse_attach(optarg);
			break;
		case 'r':
			o->ready_fd = (int)option_number("ready-fd", optarg, 0, 1u << 20);
			break;
		case 'j':
			o->journal = optarg;
			break;
		case 'm':
			o->metrics = optarg;
			break;
		case 'p':
			o->poll_us = option_number("poll-us", optarg, 0, MAX_POLL_US);
			break;
		case 'q':
			o->max_queues = option_number("max-queues", optarg, 1, NETIF_MAX_QUEUES);
			break;
		case 'c':
			o->confine = option_confine(optarg) ? confine : NULL;
			break;
		case 'l':
			option_log_level(optarg);
			break;
		case 'J':
			option_journal_version("net", RECORD_VERSION);
		case 'h':
			print_help();
			exit(0);
		case 'v':
			printf("sluice-net %s\n", PACKAGE_VERSION);
			exit(0);
		default:
			exit(DEVICE_USAGE); /* getopt said why */
		}
	}
	if (optind < argc)
		die("%s: unexpected argument; see --help", argv[optind]);
	if (!o->path || !o->path[0])
		die("--backend=PATH is missing; see --help");
}

/* --- the device as program_run() knows it ------------------------------------------------- */

static void *start(struct loop *loop, const void *options, int *status)
{
	return device_start(loop, options, status);
}

static void look(void *device)
{
	device_look(device);
}

static void stop(void *device)
{
	device_stop(device);
}

static void dispose(void *device)
{
	device_free(device);
}

int main(int argc, char **argv)
{
	static const struct program program = { start, look, stop, dispose };
	struct device_options options = { .ready_fd = -1, .poll_us = DEFAULT_POLL_US,
		.max_queues = program_cpus(NETIF_MAX_QUEUES), .confine = confine };

	log_init("sluice-net");
	parse_options(argc, argv, &options);
	program_name_device(options.path);
	ready_journal("net", RECORD_VERSION);
	return program_run(&program, &options);
}

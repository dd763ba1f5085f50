// SPDX-License-Identifier: MIT
/* sluice-blk: serves one virtual block device from a storage driver domain. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/blk/device.h"
#include "backends/blk/drivers.h"
#include "backends/blk/target.h"
#include "backends/common/confined.h"
#include "backends/common/journal.h"
#include "backends/common/options.h"
#include "backends/common/program.h"
#include "backends/common/ready.h"
#include "common/log.h"
#include "common/servers.h"
#include "protocol/blkif-nodes.h"

#define DEFAULT_POLL_US 50u
#define MAX_POLL_US 1000u

static void print_help(void)
{
	const struct target_kind *kind;
	const struct blk_driver_kind *driver;

	printf("Usage: sluice-blk --backend=PATH [OPTION]...\n"
	       "Serve one virtual block device (blkif) until it is removed.\n\n"
	       "  --backend=PATH      its directory in the store, such as backend/vbd/1/51712\n"
	       "  --driver=NAME       storage driver, instead of the directory's node \"driver\"\n"
	       "  --ready-fd=N        write READY=1 there when a frontend may connect\n"
	       "  --journal=FILE|fd:N keep requests in flight there, on a tmpfs\n"
	       "  --metrics=FILE|fd:N show counters and latencies there, see sluice-top(1)\n"
	       "  --poll-us=N         look for requests this long before sleeping (default %u,\n"
	       "                      0 to %u; 0 never spins)\n"
	       "  --confine=HOW       full (default): give up all that serving does not take; no:\n"
	       "                      keep it, to debug\n"
	       "  --max-queues=N      rings to offer, 1 to %u (default: as many as CPUs)\n"
	       "  --log-level=LEVEL   error, warning (default), info or debug\n"
	       "  --journal-version   say which journal it writes, and end\n"
	       "  --help, --version\n\n"
	       "Storage drivers:\n", DEFAULT_POLL_US, MAX_POLL_US, BLKIF_MAX_QUEUES);
	for (unsigned i = 0; (driver = blk_driver_kind_at(i)); i++)
		printf("  %-10s %s%s%s\n", driver->name, driver->text, driver->absent ? "; " : "",
			driver->absent ? driver->absent : "");
	printf("\nNames of storage: a path, SCHEME://.. of a driver, or\n");
	for (unsigned i = 0; (kind = target_kind_at(i)); i++)
		printf("  %s:%s\n", kind->name, kind->text);
	printf("\nExit status: 0 removed, 1 could not start, 2 storage could not be opened,\n"
	       "3 the store went away, 4 storage hung at the end. See sluice-blk(8).\n");
}

static int confine(const struct blk_driver *driver, const struct servers *servers)
{
	struct confine_options options = { .extra = driver->confine };
	struct servers_way way;
	int rc;

	if (servers->count) {
		rc = servers_start(servers, &way);
		if (rc < 0) {
			log_err("cannot start what reaches %s: %s", servers->text, strerror(-rc));
			return rc;
		}
		options.servers = &way;
	}
	return confined_begin(&options);
}

static void check_driver(const char *name)
{
	const struct blk_driver_kind *kind = blk_driver_by_name(name);

	if (kind && kind->absent)
		die("--driver=%s: %s", name, kind->absent);
	if (!kind)
		die("--driver=%s: there is no such storage driver; --help lists them", name);
}

static void parse_options(int argc, char **argv, struct device_options *o)
{
	static const struct option options[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "driver", required_argument, NULL, 'd' },
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
		case 'd':
			o->driver = optarg;
			break;
		case 'r':
			o->ready_fd = option_number("ready-fd", optarg, 0, 1u << 20);
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
			o->max_queues = option_number("max-queues", optarg, 1, BLKIF_MAX_QUEUES);
			break;
		case 'c':
			o->confine = option_confine(optarg) ? confine : NULL;
			break;
		case 'l':
			option_log_level(optarg);
			break;
		case 'J':
			option_journal_version("blk", JOURNAL_VERSION);
		case 'h':
			print_help();
			exit(0);
		case 'v':
			printf("sluice-blk %s\n", PACKAGE_VERSION);
			exit(0);
		default:
			exit(DEVICE_USAGE); /* getopt said why */
		}
	}
	if (optind < argc)
		die("%s: unexpected argument; see --help", argv[optind]);
	if (!o->path || !o->path[0])
		die("--backend=PATH is missing; see --help");
	if (o->driver)
		check_driver(o->driver);
}

/* --- the device as program_run() knows it ------------------------------------------------- */

static void *start(struct loop *loop, const void *options, int *status)
{
	return device_start(loop, options, status);
}

static void look(void *device)
{
	device_check_size(device);
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
		.max_queues = program_cpus(BLKIF_MAX_QUEUES), .confine = confine };

	log_init("sluice-blk");
	parse_options(argc, argv, &options);
	program_name_device(options.path);
	ready_journal("blk", JOURNAL_VERSION);
	return program_run(&program, &options);
}

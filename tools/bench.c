// SPDX-License-Identifier: MIT
/* sluice-bench(1): one subcommand per protocol. */
#include "config.h"
#include "tools/bench.h"

#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "common/log.h"
#include "tools/bench-load.h"

static int bench_help(int argc, char **argv);
static int bench_version(int argc, char **argv);

static const struct {
	const char *name;
	const char *text; /* NULL: for our own use */
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "blk", "block devices: sluice-bench blk --help", bench_blk_main },
	{ "compare", "our disk beside fio and QEMU's: sluice-bench compare --help", bench_compare_main },
	{ "events", "event channels: sluice-bench events --help", bench_events_main },
	{ "help", "show the subcommands", bench_help },
	{ "net", "network interfaces: sluice-bench net --help", bench_net_main },
	{ "version", "show the version", bench_version },
	{ "blk-guest", NULL, bench_guest_main },
	{ "events-peer", NULL, bench_events_peer_main },
	{ "net-guest", NULL, bench_net_guest_main },
	{ "vhost-user", NULL, bench_vhost_user_main },
};

static void print_commands(FILE *to)
{
	fprintf(to, "Usage: sluice-bench COMMAND [OPTION..]\n\n");
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].text)
			fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].text);
	fprintf(to, "\nSee also sluice-bench(1).\n");
}

static int bench_help(int argc, char **argv)
{
	char *args[] = { argc > 1 ? argv[1] : NULL, (char *)"--help", NULL };

	if (argc > 1 && strcmp(argv[1], "blk") == 0)
		return bench_blk_main(2, args);
	if (argc > 1 && strcmp(argv[1], "compare") == 0)
		return bench_compare_main(2, args);
	if (argc > 1 && strcmp(argv[1], "events") == 0)
		return bench_events_main(2, args);
	if (argc > 1 && strcmp(argv[1], "net") == 0)
		return bench_net_main(2, args);
	print_commands(stdout);
	return 0;
}

static int bench_version(int argc, char **argv)
{
	printf("sluice-bench %s\n", PACKAGE_VERSION);
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	log_init("sluice-bench");
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		name = "version";
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (*name)
		log_err("there is no subcommand %s; sluice-bench help lists them", name);
	else
		print_commands(stderr);
	return BENCH_EXIT_START;
}

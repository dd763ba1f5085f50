// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/bench-net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "tools/bench-options.h"

#define BOTH (NETBENCH_TX | NETBENCH_RX)

/* A frame of 1500 bytes of IP has 14 more; 64 bytes are the frame's. */
const struct netbench_load netbench_loads[] = {
	{ "mtu-tx", 1514, false, NETBENCH_TX, 1, false },
	{ "mtu-rx", 1514, false, NETBENCH_RX, 1, false },
	{ "mtu-both", 1514, false, BOTH, 1, false },
	{ "small-tx", 64, false, NETBENCH_TX, 1, false },
	{ "small-rx", 64, false, NETBENCH_RX, 1, false },
	{ "small-both", 64, false, BOTH, 1, false },
	{ "tso-tx", 65226, true, NETBENCH_TX, 1, true },
	{ "tso-rx", 65226, true, NETBENCH_RX, 1, true },
	{ "tso-pair", 65226, true, NETBENCH_PAIR, 1, true },
	{ "mtu-pair", 1514, false, NETBENCH_PAIR, 1, false },
	{ "mtu-tx-2q", 1514, false, NETBENCH_TX, 2, false },
	{ "mtu-rx-2q", 1514, false, NETBENCH_RX, 2, false },
	{ "mtu-tx-3q", 1514, false, NETBENCH_TX, 3, false },
	{ "mtu-rx-3q", 1514, false, NETBENCH_RX, 3, false },
	{ "mtu-tx-4q", 1514, false, NETBENCH_TX, 4, false },
	{ "mtu-rx-4q", 1514, false, NETBENCH_RX, 4, false },
	{ "small-tx-4q", 64, false, NETBENCH_TX, 4, false },
	{ "small-rx-4q", 64, false, NETBENCH_RX, 4, false },
};
const unsigned netbench_load_count = ARRAY_SIZE(netbench_loads);

void netbench_usage(FILE *to)
{
	fprintf(to, "Usage: sluice-bench net [OPTION..]\n"
		"Measures a guest domain's network interface, and in turn a TAP with a plain reader and\n"
		"writer and a veth pair with the same traffic. Needs no privilege.\n\n"
		"  --workloads=NAME,..  default: all of\n                       ");
	for (unsigned i = 0; i < netbench_load_count; i++)
		fprintf(to, "%s%s", i == 0 ? "" : i % 6 == 0 ? ",\n                       " : ", ",
			netbench_loads[i].name);
	fprintf(to, "\n"
		"  --rounds=N           runs of each, in turn; default 5\n"
		"  --runtime=TIME       of a run; default 2 (seconds)\n"
		"  --ramp-time=TIME     before it is measured; default 300ms\n"
		"  --output-format=normal|json\n"
		"  --output=FILE        where the result goes\n\n"
		"Exit status: 0, 1 usage or start-up, 2 a run of ours failed, 130 Ctrl-C.\n");
}

static int add_load(struct netbench_options *o, const char *name, size_t length)
{
	for (unsigned i = 0; i < netbench_load_count; i++) {
		if (strlen(netbench_loads[i].name) != length ||
			strncmp(netbench_loads[i].name, name, length) != 0)
			continue;
		if (o->nloads == ARRAY_SIZE(o->loads))
			return -ENOSPC;
		o->loads[o->nloads++] = &netbench_loads[i];
		return 0;
	}
	return -EINVAL;
}

static int parse_loads(struct netbench_options *o, const char *value, char *why, size_t room)
{
	while (*value) {
		size_t n = strcspn(value, ",");

		if (add_load(o, value, n) < 0) {
			snprintf(why, room, "--workloads: %.*s is none; --help lists them", (int)n, value);
			return -EINVAL;
		}
		value += n + (value[n] == ',');
	}
	return 0;
}

static int parse_rounds(struct netbench_options *o, const char *value, char *why, size_t room)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end || n < 1 || n > NETBENCH_ROUNDS_MAX) {
		snprintf(why, room, "--rounds=%s is not 1 to %u", value, NETBENCH_ROUNDS_MAX);
		return -EINVAL;
	}
	o->rounds = n;
	return 0;
}

static int parse_time(const char *name, const char *value, uint64_t least, uint64_t *us, char *why,
	size_t room)
{
	if (time_parse(value, us) == 0 && *us >= least && *us <= 3600000000u)
		return 0;
	snprintf(why, room, "--%s=%s is no time (2, 500ms)", name, value);
	return -EINVAL;
}

static int parse_format(struct netbench_options *o, const char *value, char *why, size_t room)
{
	o->json = strcmp(value, "json") == 0;
	if (o->json || strcmp(value, "normal") == 0)
		return 0;
	snprintf(why, room, "--output-format=%s is none of normal json", value);
	return -EINVAL;
}

static int take(struct netbench_options *o, const char *name, size_t length, const char *value, char *why,
	size_t room)
{
#define IS(text) (length == strlen(text) && strncmp(name, text, length) == 0)
	if (IS("workloads"))
		return parse_loads(o, value, why, room);
	if (IS("rounds"))
		return parse_rounds(o, value, why, room);
	if (IS("runtime"))
		return parse_time("runtime", value, 1000, &o->runtime_us, why, room);
	if (IS("ramp-time") || IS("ramp_time"))
		return parse_time("ramp-time", value, 0, &o->ramp_us, why, room);
	if (IS("output-format"))
		return parse_format(o, value, why, room);
	if (IS("output") && *value && strlen(value) < sizeof(o->output)) {
		strcpy(o->output, value);
		return 0;
	}
#undef IS
	snprintf(why, room, "--%.*s is no option of sluice-bench net; --help lists them", (int)length, name);
	return -EINVAL;
}

enum netbench_parsed netbench_options_parse(int argc, char **argv, struct netbench_options *o, char *why,
	size_t room)
{
	*o = (struct netbench_options){ .rounds = 5, .runtime_us = 2000000, .ramp_us = 300000 };
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i], *value = strchr(arg, '=');

		if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
			return NETBENCH_HELP;
		if (strncmp(arg, "--", 2) != 0 || (!value && i + 1 == argc)) {
			snprintf(why, room, "%s is no option of sluice-bench net, or lacks its value; --help "
				"lists them", arg);
			return NETBENCH_WRONG;
		}
		if (take(o, arg + 2, strcspn(arg + 2, "="), value ? value + 1 : argv[++i], why, room) < 0)
			return NETBENCH_WRONG;
	}
	for (unsigned i = 0; o->nloads == 0 && i < netbench_load_count; i++)
		o->loads[i] = &netbench_loads[i];
	if (o->nloads == 0)
		o->nloads = netbench_load_count;
	return NETBENCH_PARSED;
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "tools/bench-options.h"

#define DEFAULT_RUNTIME_US 3000000u
#define DEFAULT_ROUNDS 5u
#define DEFAULT_SIZE (1ull << 30)

void compare_usage(FILE *to)
{
	fprintf(to, "Usage: sluice-bench compare --filename=FILE|URI [OPTION..]\n"
		"Measures our disk, fio and QEMU on the same storage, in turn.\n\n"
		"  --filename=FILE          file or block device; a missing one is made and removed again\n"
		"  --filename=URI           gluster://, iscsi://, nbd://, nbd+unix://, or partition:PATH:NUMBER\n"
		"  --size=SIZE              of a file that is made, of what a URI names; default 1g\n"
		"  --runtime=SECONDS        of each run; default 3\n"
		"  --rounds=N               runs of each, 1 to %u; default 5\n"
		"  --workloads=LIST         comma-separated; default all:\n", COMPARE_ROUNDS_MAX);
	for (unsigned i = 0; i < compare_workload_count; i++)
		fprintf(to, "                           %s\n", compare_workloads[i].name);
	fprintf(to, "  --direct=0|1             with O_DIRECT; default 0\n"
		"  --allow-write=0|1        write to a FILE that is already there; default 0\n"
		"  --output-format=FORMAT   normal or json\n");
}

static int take_workloads(struct compare_options *o, const char *list)
{
	o->nworkloads = 0;
	for (const char *p = list; *p || p == list;) {
		size_t n = strcspn(p, ",");
		int i = compare_workload_find(p, n);

		if (i < 0 || o->nworkloads == ARRAY_SIZE(o->workloads))
			return -EINVAL;
		o->workloads[o->nworkloads++] = &compare_workloads[i];
		p += n + (p[n] == ',');
	}
	return 0;
}

static int take_bool(const char *value, bool *to)
{
	if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
		return -EINVAL;
	*to = value[0] == '1';
	return 0;
}

static int take_rounds(const char *value, unsigned *to)
{
	uint64_t n;

	if (size_parse(value, &n) < 0 || n < 1 || n > COMPARE_ROUNDS_MAX)
		return -EINVAL;
	*to = n;
	return 0;
}

static int take_format(const char *value, bool *json)
{
	*json = strcmp(value, "json") == 0;
	return *json || strcmp(value, "normal") == 0 ? 0 : -EINVAL;
}

static int take(struct compare_options *o, const char *name, const char *value)
{
	if (strcmp(name, "filename") == 0)
		return *value && snprintf(o->filename, sizeof(o->filename), "%s", value) <
			(int)sizeof(o->filename) ? 0 : -EINVAL;
	if (strcmp(name, "size") == 0)
		return size_parse(value, &o->size) == 0 && o->size >= 8u << 20 ? 0 : -EINVAL;
	if (strcmp(name, "runtime") == 0)
		return time_parse(value, &o->runtime_us) == 0 && o->runtime_us ? 0 : -EINVAL;
	if (strcmp(name, "rounds") == 0)
		return take_rounds(value, &o->rounds);
	if (strcmp(name, "workloads") == 0)
		return take_workloads(o, value);
	if (strcmp(name, "direct") == 0)
		return take_bool(value, &o->direct);
	if (strcmp(name, "allow-write") == 0)
		return take_bool(value, &o->allow_write);
	if (strcmp(name, "output-format") == 0)
		return take_format(value, &o->json);
	return -ENOENT;
}

/* One argument, or two where the value follows. Return: how many; -1 with @why. */
static int take_argument(struct compare_options *o, int argc, char **argv, int i, char *why,
	size_t room)
{
	char name[32];
	const char *value = strchr(argv[i], '=');
	size_t n = value ? (size_t)(value - argv[i]) : strlen(argv[i]);
	int used = 1, error = -ENOENT;

	if (strncmp(argv[i], "--", 2) == 0 && n - 2 < sizeof(name)) {
		snprintf(name, sizeof(name), "%.*s", (int)n - 2, argv[i] + 2);
		for (char *p = name; *p; p++)
			*p = *p == '_' ? '-' : *p;
		if (!value && strcmp(name, "allow-write") == 0)
			value = "=1";
		else if (!value && i + 1 < argc && ++used)
			value = argv[i + 1] - 1;
		error = value ? take(o, name, value + 1) : -EINVAL;
	}
	if (error == 0)
		return used;
	if (error == -ENOENT)
		snprintf(why, room, "%s is no option of sluice-bench compare; --help lists them", argv[i]);
	else if (value)
		snprintf(why, room, "--%s=%s: --help says what it takes", name, value + 1);
	else
		snprintf(why, room, "--%s needs a value", name);
	return -1;
}

enum compare_parsed compare_options_parse(int argc, char **argv, struct compare_options *o, char *why,
	size_t room)
{
	*o = (struct compare_options){ .size = DEFAULT_SIZE, .runtime_us = DEFAULT_RUNTIME_US,
		.rounds = DEFAULT_ROUNDS };
	for (unsigned i = 0; i < compare_workload_count; i++)
		o->workloads[o->nworkloads++] = &compare_workloads[i];
	for (int i = 1; i < argc;) {
		int used;

		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return COMPARE_HELP;
		used = take_argument(o, argc, argv, i, why, room);
		if (used < 0)
			return COMPARE_WRONG;
		i += used;
	}
	if (o->filename[0])
		return COMPARE_PARSED;
	snprintf(why, room, "on which file? --filename=FILE; a missing one is made and removed again");
	return COMPARE_WRONG;
}

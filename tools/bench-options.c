// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/bench-options.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "common/array.h"
#include "common/storage-name.h"

enum kind { OPT_TEXT, OPT_SIZE, OPT_SIZE32, OPT_NUMBER, OPT_NUMBER64, OPT_TIME, OPT_BOOL, OPT_CHOICE };

struct choice {
	const char *name;
	uint32_t value;
};

struct row {
	const char *name;
	const char *alias;
	enum kind kind;
	size_t where;
	uint64_t min, max;          /* of numbers; max: room of texts */
	const struct choice *choices;
	const char *argument;
	const char *help;           /* NULL: taken for fio's sake, without effect */
};

static const struct choice rw_choices[] = {
	{ "read", BENCH_RW_READ },
	{ "write", BENCH_RW_WRITE },
	{ "rw", BENCH_RW_READ | BENCH_RW_WRITE },
	{ "readwrite", BENCH_RW_READ | BENCH_RW_WRITE },
	{ "randread", BENCH_RW_READ | BENCH_RW_RANDOM },
	{ "randwrite", BENCH_RW_WRITE | BENCH_RW_RANDOM },
	{ "randrw", BENCH_RW_READ | BENCH_RW_WRITE | BENCH_RW_RANDOM },
	{ "trim", BENCH_RW_TRIM },
	{ "randtrim", BENCH_RW_TRIM | BENCH_RW_RANDOM },
	{ NULL, 0 },
};
static const struct choice verify_choices[] = {
	{ "none", BENCH_VERIFY_NONE },
	{ "0", BENCH_VERIFY_NONE },
	{ "crc32c", BENCH_VERIFY_CRC32C },
	{ NULL, 0 },
};
static const struct choice format_choices[] = {
	{ "normal", BENCH_NORMAL },
	{ "json", BENCH_JSON },
	{ NULL, 0 },
};
static const struct choice eta_choices[] = {
	{ "auto", BENCH_ETA_AUTO },
	{ "always", BENCH_ETA_ALWAYS },
	{ "never", BENCH_ETA_NEVER },
	{ NULL, 0 },
};
static const struct choice segment_choices[] = { { "11", 11 }, { "32", 32 }, { "256", 256 }, { NULL, 0 } };

#define AT(field) offsetof(struct bench_options, field)

static const struct row rows[] = {
	{ "filename", NULL, OPT_TEXT, AT(filename), 0, PATH_MAX, NULL, "FILE|URI",
		"what to serve; a file is made when it is missing and --size is given" },
	{ "rw", "readwrite", OPT_CHOICE, AT(rw), 0, 0, rw_choices, "KIND",
		"read, write, rw, trim, randread, randwrite, randrw, randtrim; default read" },
	{ "bs", "blocksize", OPT_SIZE32, AT(bs), 512, 64 << 20, NULL, "SIZE", "bytes per I/O; default 4k" },
	{ "iodepth", NULL, OPT_NUMBER, AT(iodepth), 1, 512, NULL, "N", "I/Os in flight; default 1" },
	{ "numjobs", NULL, OPT_NUMBER, AT(numjobs), 1, BENCH_JOBS_MAX, NULL, "N",
		"jobs, each with a thread and a queue of the disk; default 1" },
	{ "group_reporting", NULL, OPT_BOOL, AT(group_reporting), 0, 0, NULL, "0|1",
		"one result for all jobs" },
	{ "rate_iops", NULL, OPT_NUMBER, AT(rate_iops), 1, 100000000, NULL, "N",
		"I/Os per second of each job, evenly; latencies count from when an I/O was due" },
	{ "fsync", NULL, OPT_NUMBER, AT(fsync), 0, 1u << 30, NULL, "N",
		"flush after every N writes of a job; default 0: never" },
	{ "size", NULL, OPT_SIZE, AT(size), 512, 1ull << 60, NULL, "SIZE",
		"bytes of the disk to use; default all (the null driver: 64g)" },
	{ "offset", NULL, OPT_SIZE, AT(offset), 0, 1ull << 60, NULL, "SIZE", "begin there on the disk" },
	{ "runtime", NULL, OPT_TIME, AT(runtime_us), 1, 0, NULL, "SECONDS",
		"run this long; without it until size is done" },
	{ "time_based", NULL, OPT_BOOL, AT(time_based), 0, 0, NULL, "0|1",
		"start over until runtime is over; default 1, with --verify 0" },
	{ "ramp_time", NULL, OPT_TIME, AT(ramp_us), 0, 0, NULL, "SECONDS",
		"run this long before measuring" },
	{ "loops", NULL, OPT_NUMBER64, AT(loops), 1, 1u << 30, NULL, "N", "times to do size; default 1" },
	{ "rwmixread", NULL, OPT_NUMBER, AT(rwmixread), 0, 100, NULL, "PERCENT",
		"reads in a mix; default 50" },
	{ "driver", NULL, OPT_TEXT, AT(driver), 0, 32, NULL, "NAME",
		"uring (default), aio, gluster, iscsi, nbd, partition, lvm, or null, which needs no file" },
	{ "vdev", NULL, OPT_NUMBER, AT(vdev), 1, UINT32_MAX, NULL, "N",
		"in place of a file: disk N of the domain that this runs in, 51712 for xvda" },
	{ "direct", NULL, OPT_BOOL, AT(direct), 0, 0, NULL, "0|1",
		"the backend opens the file with O_DIRECT; default 0, as fio's" },
	{ "verify", NULL, OPT_CHOICE, AT(verify), 0, 0, verify_choices, "crc32c",
		"write blocks that prove themselves, read them back and check" },
	{ "segments", NULL, OPT_CHOICE, AT(segments), 0, 0, segment_choices, "N",
		"4 KiB segments per request, 11, 32 or 256; default 256" },
	{ "ring-order", NULL, OPT_NUMBER, AT(ring_order), 0, 4, NULL, "N",
		"1 << N ring pages; default: the fewest that hold iodepth" },
	{ "poll-us", NULL, OPT_NUMBER, AT(poll_us), 0, 1000000, NULL, "N",
		"microseconds that the frontend looks before it sleeps; default 50" },
	{ "randseed", NULL, OPT_NUMBER64, AT(randseed), 0, UINT64_MAX, NULL, "N",
		"of random offsets; default 1, so that runs can be repeated" },
	{ "name", NULL, OPT_TEXT, AT(name), 0, 64, NULL, "NAME", "of the job in the output" },
	{ "output-format", NULL, OPT_CHOICE, AT(format), 0, 0, format_choices, "FORMAT", "normal or json" },
	{ "output", NULL, OPT_TEXT, AT(output), 0, PATH_MAX, NULL, "FILE", "where the result goes" },
	{ "eta", NULL, OPT_CHOICE, AT(eta), 0, 0, eta_choices, "WHEN",
		"progress on standard error: auto (on a terminal), always, never" },
	{ "norandommap", NULL, OPT_BOOL, AT(ignored), 0, 0, NULL, NULL, NULL },
	{ "randrepeat", NULL, OPT_BOOL, AT(ignored), 0, 0, NULL, NULL, NULL },
	{ "thread", NULL, OPT_BOOL, AT(ignored), 0, 0, NULL, NULL, NULL },
};

void bench_options_help(FILE *to)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		char left[40];

		if (!rows[i].help)
			continue;
		snprintf(left, sizeof(left), "--%s=%s", rows[i].name, rows[i].argument);
		fprintf(to, "  %-24s %s\n", left, rows[i].help);
	}
}

const char *bench_rw_name(uint32_t rw)
{
	for (const struct choice *c = rw_choices; c->name; c++)
		if (c->value == rw)
			return c->name;
	return "?";
}

bool bench_is_time_based(const struct bench_options *o)
{
	if (!o->runtime_us)
		return false;
	return o->time_based == BENCH_TIME_BASED_AUTO ? !o->verify : o->time_based;
}

/* --- values ------------------------------------------------------------ */

/* The number at the start of @text; NULL when there is none or it is too large. */
static const char *parse_number(const char *text, uint64_t *value)
{
	const char *p = text;

	*value = 0;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, *p - '0', value))
			return NULL;
	return p == text ? NULL : p;
}

int size_parse(const char *text, uint64_t *bytes)
{
	static const char letters[] = "kmgtp";
	uint64_t value;
	const char *p = parse_number(text, &value);
	const char *letter;

	if (!p)
		return -EINVAL;
	letter = *p ? strchr(letters, *p | 0x20) : NULL;
	if (letter) {
		unsigned shift = 10 * (unsigned)(letter - letters + 1);

		if (value >> (64 - shift))
			return -ERANGE;
		value <<= shift;
		p++;
	}
	if (letter && (*p | 0x20) == 'b')
		p++;
	if (*p)
		return -EINVAL;
	*bytes = value;
	return 0;
}

int time_parse(const char *text, uint64_t *us)
{
	static const struct {
		const char *suffix;
		uint64_t us;
	} units[] = {
		{ "", 1000000 }, { "s", 1000000 }, { "ms", 1000 }, { "us", 1 },
		{ "m", 60000000 }, { "h", 3600000000 }, { "d", 86400000000 },
	};
	uint64_t value;
	const char *p = parse_number(text, &value);

	for (unsigned i = 0; p && i < ARRAY_SIZE(units); i++)
		if (strcmp(p, units[i].suffix) == 0)
			return __builtin_mul_overflow(value, units[i].us, us) ? -ERANGE : 0;
	return -EINVAL;
}

static int set_choice(const struct row *row, const char *value, uint32_t *to)
{
	for (const struct choice *c = row->choices; c->name; c++) {
		if (strcmp(c->name, value) == 0) {
			*to = c->value;
			return 0;
		}
	}
	return -EINVAL;
}

static int in_range(const struct row *row, uint64_t value)
{
	return value < row->min || (row->max && value > row->max) ? -ERANGE : 0;
}

static int set_number(const struct row *row, const char *value, uint64_t *number)
{
	const char *end;
	int error;

	switch (row->kind) {
	case OPT_SIZE:
	case OPT_SIZE32:
		error = size_parse(value, number);
		break;
	case OPT_TIME:
		error = time_parse(value, number);
		break;
	default:
		end = parse_number(value, number);
		error = end && !*end ? 0 : -EINVAL;
	}
	return error < 0 ? error : in_range(row, *number);
}

static int set_value(const struct row *row, const char *value, struct bench_options *o)
{
	void *to = (char *)o + row->where;
	uint64_t number;
	int error;

	switch (row->kind) {
	case OPT_TEXT:
		if (strlen(value) >= row->max || !*value)
			return -ERANGE;
		strcpy(to, value);
		return 0;
	case OPT_CHOICE:
		return set_choice(row, value, to);
	case OPT_BOOL:
		if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
			return -EINVAL;
		*(uint32_t *)to = value[0] - '0';
		return 0;
	default:
		error = set_number(row, value, &number);
		if (error < 0)
			return error;
		if (row->kind == OPT_SIZE32 || row->kind == OPT_NUMBER)
			*(uint32_t *)to = (uint32_t)number;
		else
			*(uint64_t *)to = number;
		return 0;
	}
}

/* --- the command line -------------------------------------------------- */

/* Whether @arg up to '=' or its end is @name; '_' and '-' are the same. */
static bool is_name(const char *arg, const char *name)
{
	for (; *name; arg++, name++)
		if ((*arg == '_' ? '-' : *arg) != (*name == '_' ? '-' : *name))
			return false;
	return *arg == '\0' || *arg == '=';
}

static const struct row *find_row(const char *arg)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (is_name(arg, rows[i].name) || (rows[i].alias && is_name(arg, rows[i].alias)))
			return &rows[i];
	return NULL;
}

static void describe(const struct row *row, const char *value, int error, char *why, size_t room)
{
	if (row->kind == OPT_CHOICE || row->kind == OPT_BOOL) {
		int n = snprintf(why, room, "--%s=%s is none of", row->name, value);

		for (const struct choice *c = row->choices; c && c->name && n < (int)room; c++)
			n += snprintf(why + n, room - n, " %s", c->name);
		if (row->kind == OPT_BOOL && n < (int)room)
			snprintf(why + n, room - n, " 0 1");
	} else if (row->kind == OPT_TEXT) {
		snprintf(why, room, "--%s= takes 1 to %llu characters", row->name,
			(unsigned long long)row->max - 1);
	} else if (error == -ERANGE && row->max) {
		snprintf(why, room, "--%s=%s is out of range: %llu to %llu", row->name, value,
			(unsigned long long)row->min, (unsigned long long)row->max);
	} else {
		snprintf(why, room, "--%s=%s is no %s%s", row->name, value,
			row->kind == OPT_TIME ? "time (5, 500ms, 2m)" :
			row->kind == OPT_SIZE || row->kind == OPT_SIZE32 ? "size (4096, 4k, 1g)" : "number",
			error == -ERANGE ? " that is possible here" : "");
	}
}

/* Take argv[*i], and argv[*i + 1] when it is its value. */
static int take(int argc, char **argv, int *i, struct bench_options *o, struct bench_given *given,
	char *why, size_t room)
{
	const char *arg = argv[*i];
	const struct row *row = strncmp(arg, "--", 2) == 0 ? find_row(arg + 2) : NULL;
	const char *value;
	int error;

	if (!row) {
		snprintf(why, room, "%s is no option of sluice-bench blk; --help lists them", arg);
		return -EINVAL;
	}
	value = strchr(arg, '=');
	if (value)
		value++;
	else if (row->kind == OPT_BOOL)
		value = "1";
	else if (*i + 1 < argc)
		value = argv[++*i];
	else {
		snprintf(why, room, "--%s needs a value", row->name);
		return -EINVAL;
	}
	error = set_value(row, value, o);
	if (error < 0) {
		describe(row, value, error, why, room);
		return error;
	}
	if (given->count < BENCH_OPTIONS_MAX) {
		given->name[given->count] = row->name;
		given->value[given->count++] = value;
	}
	return 0;
}

static const char *contradiction(const struct bench_options *o)
{
	if (o->bs % 512)
		return "--bs must be a multiple of 512";
	if (o->offset % 512)
		return "--offset must be a multiple of 512";
	if (o->vdev && (o->filename[0] || o->driver[0] || o->direct))
		return "--vdev is a disk that others serve: --filename, --driver and --direct are not ours to say";
	if (!o->vdev && !o->filename[0] && strcmp(o->driver, "null") != 0)
		return "which file? --filename=FILE or a URI, or --driver=null; or --vdev=N in a domain";
	if (o->size && o->size < o->bs)
		return "--size is less than --bs";
	if (o->verify && o->numjobs > 1)
		return "--verify needs --numjobs=1: jobs would overwrite each other's blocks";
	if (o->verify && o->rw & BENCH_RW_TRIM)
		return "--verify has nothing to check in what is trimmed";
	if (o->time_based == 1 && !o->runtime_us)
		return "--time_based needs --runtime=SECONDS";
	return NULL;
}

bool bench_storage_name(struct bench_options *o)
{
	static const char *const prefixes[] = { STORAGE_PARTITION, STORAGE_LVM };

	for (unsigned i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t n = strlen(prefixes[i]), length = strlen(o->filename);

		if (strlen(o->driver) != n - 1 || strncmp(o->driver, prefixes[i], n - 1) != 0)
			continue;
		o->driver[0] = '\0';
		if (strncmp(o->filename, prefixes[i], n) == 0)
			return true;
		if (length + n >= sizeof(o->filename))
			return false;
		memmove(o->filename + n, o->filename, length + 1);
		memcpy(o->filename, prefixes[i], n);
		return true;
	}
	return true;
}

enum bench_parsed bench_options_parse(int argc, char **argv, struct bench_options *o,
	struct bench_given *given, char *why, size_t why_room)
{
	const char *wrong;

	memset(o, 0, sizeof(*o));
	memset(given, 0, sizeof(*given));
	strcpy(o->name, "blk");
	o->rw = BENCH_RW_READ;
	o->bs = 4096;
	o->iodepth = 1;
	o->numjobs = 1;
	o->rwmixread = 50;
	o->segments = 256;
	o->ring_order = BENCH_RING_AUTO;
	o->poll_us = 50;
	o->time_based = BENCH_TIME_BASED_AUTO;
	o->loops = 1;
	o->randseed = 1;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return BENCH_HELP;
		if (take(argc, argv, &i, o, given, why, why_room) < 0)
			return BENCH_WRONG;
	}
	wrong = contradiction(o);
	if (!wrong && !bench_storage_name(o))
		wrong = "--filename is too long";
	if (!wrong)
		return BENCH_PARSED;
	snprintf(why, why_room, "%s", wrong);
	return BENCH_WRONG;
}

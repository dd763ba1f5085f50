// SPDX-License-Identifier: MIT
/*
 * sluice-probe NAME WHICH: where a partition is in the disk that is open as descriptor 3.
 * Prints "START LENGTH" in bytes. What is on the disk may be a guest's work: nothing of it is
 * read before this process can do no more than read it and answer.
 */
#include "config.h"

#include <blkid.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/blk/helper.h"
#include "common/confine.h"
#include "common/log.h"

#define PROBE_SECTOR 512u

/* libblkid looks at the open file by fstat(), which glibc makes of newfstatat(). */
CONFINE_RULES(probe,
	CONFINE_CALL(lseek), CONFINE_CALL(pread64), CONFINE_CALL(newfstatat), CONFINE_CALL(fstat),
	CONFINE_CALL_IF(ioctl, 1, BLKGETSIZE64), CONFINE_CALL_IF(ioctl, 1, BLKSSZGET));

/** struct probe_wish - what makes a partition the one that is meant. */
struct probe_wish {
	const char *what;    /* "PARTUUID", ..., or NULL: by number */
	const char *value;
	long number;
};

static void probe_parse(const char *which, struct probe_wish *wish)
{
	static const char *const known[] = { "PARTUUID=", "PARTLABEL=", "UUID=", "LABEL=" };
	static const char *const names[] = { "PARTUUID", "PARTLABEL", "UUID", "LABEL" };
	char *end;

	*wish = (struct probe_wish){ 0 };
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t n = strlen(known[i]);

		if (strncmp(which, known[i], n) == 0 && which[n]) {
			wish->what = names[i];
			wish->value = which + n;
			return;
		}
	}
	errno = 0;
	wish->number = strtol(which, &end, 10);
	if (errno || *end || end == which || wish->number <= 0)
		die("partition \"%.64s\": write a number from 1 on, PARTUUID=.., PARTLABEL=.., UUID=.. or LABEL=..",
			which);
}

/* A file system's label or UUID, which is in the partition itself. */
static bool probe_content_is(blkid_partition part, const struct probe_wish *wish)
{
	blkid_probe pr = blkid_new_probe();
	const char *value = NULL;
	bool is;

	if (!pr || blkid_probe_set_device(pr, HELPER_FD, blkid_partition_get_start(part) * PROBE_SECTOR,
			   blkid_partition_get_size(part) * PROBE_SECTOR) != 0)
		die("out of memory");
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID);
	is = blkid_do_safeprobe(pr) == 0 &&
	     blkid_probe_lookup_value(pr, wish->what, &value, NULL) == 0 && value &&
	     strcmp(value, wish->value) == 0;
	blkid_free_probe(pr);
	return is;
}

static bool probe_is(blkid_partition part, const struct probe_wish *wish)
{
	const char *value;

	if (!wish->what)
		return blkid_partition_get_partno(part) == wish->number;
	if (blkid_partition_is_extended(part))
		return false; /* it holds others, and has no data of its own */
	if (strncmp(wish->what, "PART", 4) != 0)
		return probe_content_is(part, wish);
	value = strcmp(wish->what, "PARTUUID") == 0 ? blkid_partition_get_uuid(part) :
						      blkid_partition_get_name(part);
	/* UUIDs are written in either case. */
	if (strcmp(wish->what, "PARTUUID") == 0)
		return value && strcasecmp(value, wish->value) == 0;
	return value && strcmp(value, wish->value) == 0;
}

static void probe_answer(blkid_partition part)
{
	uint64_t start = (uint64_t)blkid_partition_get_start(part);
	uint64_t size = (uint64_t)blkid_partition_get_size(part);

	if (size == 0 || start > UINT64_MAX / PROBE_SECTOR || size > UINT64_MAX / PROBE_SECTOR)
		die("the partition table gives it no size");
	printf("%" PRIu64 " %" PRIu64 "\n", start * PROBE_SECTOR, size * PROBE_SECTOR);
	if (fflush(stdout) != 0)
		die("cannot answer: %s", strerror(errno));
}

static void probe_find(blkid_partlist list, const char *name, const char *which)
{
	int n = blkid_partlist_numof_partitions(list);
	blkid_partition found = NULL;
	struct probe_wish wish;

	probe_parse(which, &wish);
	for (int i = 0; i < n; i++) {
		blkid_partition part = blkid_partlist_get_partition(list, i);

		if (!part || !probe_is(part, &wish))
			continue;
		/* Anyone who can write one of them can make such a pair. */
		if (found)
			die("%s: several partitions have %s; name it by its number", name, which);
		found = part;
	}
	if (!found)
		die("%s: has %d partition(s), and none of them is %s; sfdisk -l lists them", name, n,
			which);
	if (blkid_partition_is_extended(found))
		die("%s: partition %s holds other partitions and no data", name, which);
	probe_answer(found);
}

int main(int argc, char **argv)
{
	const struct confine_options options = { 0 };
	struct confine_report report;
	blkid_partlist list;
	blkid_probe pr;

	log_init("sluice-probe");
	if (argc != 3)
		die("run by sluice-blk, not by hand");
	pr = blkid_new_probe();
	if (!pr || blkid_probe_set_device(pr, HELPER_FD, 0, 0) != 0)
		die("%s: cannot be looked at: %s", argv[1], strerror(errno));
	if (confine_self(&options, &report) < 0)
		die("%s: not looked at, for want of confinement (%s)", argv[1], report.missing);
	blkid_probe_enable_superblocks(pr, 0);
	blkid_probe_enable_partitions(pr, 1);
	list = blkid_probe_get_partitions(pr);
	if (!list)
		die("%s: has no partition table that is known", argv[1]);
	probe_find(list, argv[1], argv[2]);
	blkid_free_probe(pr);
	return 0;
}

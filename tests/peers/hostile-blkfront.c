// SPDX-License-Identifier: MIT
/*
 * hostile-blkfront --list, or GROUP|CASE..: break rules on the first disk, and see after each
 * that the backend took it as it should, that the disk can be used again, and that
 * the second disk, which another backend serves, never noticed. Runs in a guest domain.
 */
#include "config.h"
#include "tests/peers/hostile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/blkfront.h"

#define VICTIM 51712
#define BYSTANDER 51728

static const struct {
	const char *name;
	const struct hostile_case *cases;
} groups[] = {
	{ "requests", hostile_requests },
	{ "grants", hostile_grants },
	{ "rings", hostile_rings },
	{ "races", hostile_races },
	{ "queues", hostile_queues },
	{ "barriers", hostile_barriers },
	{ "limits", hostile_limits },
	{ "nodes", hostile_nodes },
	{ "changes", hostile_changes },
	{ "states", hostile_states },
	{ "quirks", hostile_quirks },
	{ "discard", hostile_discard },
	{ "readonly", hostile_readonly },
	{ "blocks", hostile_blocks },
};

static int run_io(struct blkfront *bf, struct blkfront_io *io, enum blkfront_op op)
{
	io->op = op;
	io->error = 0;
	if (blkfront_submit(bf, io) < 0)
		return -1;
	return blkfront_wait(bf, HOSTILE_SECONDS * 1000) == 1 && io->error == 0 ? 0 : -1;
}

static int use_disk(struct blkfront *bf)
{
	struct blkfront_io *io = blkfront_get(bf);
	static unsigned char seed;

	io->offset = 1 << 20;
	io->length = 64 << 10;
	io->done = NULL;
	memset(io->data, ++seed, io->length);
	if (!blkfront_get_info(bf)->readonly && run_io(bf, io, BLKFRONT_WRITE) < 0)
		return hostile_fail("a write failed: %s", blkfront_why(bf));
	memset(io->data, 0, io->length);
	if (run_io(bf, io, BLKFRONT_READ) < 0)
		return hostile_fail("a read failed: %s", blkfront_why(bf));
	for (unsigned i = 0; !blkfront_get_info(bf)->readonly && i < io->length; i++)
		if (((unsigned char *)io->data)[i] != seed)
			return hostile_fail("a read gave other data than was written");
	return 0;
}

static struct blkfront *open_disk(unsigned vdev)
{
	struct blkfront_config config = { .vdev = vdev, .takeover = true,
		.timeout_ms = HOSTILE_SECONDS * 1000 };
	char why[256];
	struct blkfront *bf = blkfront_open(&config, why, sizeof(why));

	if (!bf)
		hostile_fail("disk %u cannot be opened: %s", vdev, why);
	return bf;
}

/* The disk works for a frontend that keeps the rules. */
static int check_victim(void)
{
	struct blkfront *bf = open_disk(VICTIM);
	int rc = bf ? use_disk(bf) : -1;

	blkfront_close(bf);
	return rc < 0 ? hostile_fail("the victim does not work afterwards") : 0;
}

static int run_case(const struct hostile_case *c, struct blkfront *bystander)
{
	struct peer p;
	int rc;

	printf("%s\n", c->name);
	rc = peer_open(&p, VICTIM);
	if (rc == 0)
		rc = peer_reset_store(&p);
	if (rc == 0 && !c->raw)
		rc = peer_connect(&p);
	if (rc == 0)
		rc = c->fn(&p);
	/* While the offender is still connected, and after it left without a word. */
	if (use_disk(bystander) < 0)
		rc = hostile_fail("the bystander suffered");
	peer_free(&p);
	if (check_victim() < 0)
		rc = -1;
	printf("%s: %s\n", c->name, rc < 0 ? "FAILED" : "ok");
	return rc;
}

static unsigned run_named(const char *name, struct blkfront *bystander, unsigned *failed)
{
	unsigned ran = 0;

	for (unsigned g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		bool all = strcmp(groups[g].name, name) == 0;

		for (const struct hostile_case *c = groups[g].cases; c->name; c++)
			if (all || strcmp(c->name, name) == 0) {
				*failed += run_case(c, bystander) < 0;
				ran++;
			}
	}
	return ran;
}

static void list_cases(void)
{
	for (unsigned g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
		for (const struct hostile_case *c = groups[g].cases; c->name; c++)
			printf("%s %s\n", groups[g].name, c->name);
}

int main(int argc, char **argv)
{
	struct blkfront *bystander;
	unsigned failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2) {
		fprintf(stderr, "Usage: hostile-blkfront --list | GROUP|CASE..\n");
		return 2;
	}
	if (strcmp(argv[1], "--list") == 0) {
		list_cases();
		return 0;
	}
	/* Connected all the time: if its backend, or what is below, breaks, it sees it. */
	bystander = open_disk(BYSTANDER);
	if (!bystander)
		return 1;
	for (int i = 1; i < argc; i++)
		if (run_named(argv[i], bystander, &failed) == 0) {
			fprintf(stderr, "hostile-blkfront: no case or group is named %s\n", argv[i]);
			return 2;
		}
	blkfront_close(bystander);
	printf("%u failed\n", failed);
	return failed ? 1 : 0;
}

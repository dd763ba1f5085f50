// SPDX-License-Identifier: MIT
/* Cases in which the script does something to the backend or its storage meanwhile. */
#include "config.h"
#include "tests/peers/conform.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define PATIENCE_MS 120000u

/* Until the file is there; the disk may be told something meanwhile. */
static void await_file(struct conform *c, const char *path)
{
	uint64_t end = conform_now() + PATIENCE_MS;

	while (path && !conform_exists(path) && !c->failed) {
		conform_wait(c, 50);
		if (conform_now() > end)
			conform_wrong(c, "%s does not come", path);
	}
}

/* Writes all over the disk: every one is answered, and then flushed if that is asked for. */
void case_flushed(struct conform *c)
{
	conform_write_all(c, 0, c->sectors);
	if (c->info->flush)
		conform_do(c, BLKFRONT_FLUSH, 0, 0);
	for (unsigned i = 0; i < 200 && !c->failed; i++) {
		uint64_t n = (1 + conform_random(c, 16)) * c->unit;

		while (!conform_start(c, BLKFRONT_WRITE,
			       conform_random(c, (c->sectors - n) / c->unit) * c->unit, n) && !c->failed)
			conform_wait(c, 100);
	}
	conform_drain(c);
	if (c->o.flush)
		conform_do(c, BLKFRONT_FLUSH, 0, 0);
	if (c->o.expect && model_dump(c, c->o.expect))
		conform_say("acknowledged");
	await_file(c, c->o.go);
	conform_read_all(c, 0, c->sectors);
}

void case_resize(struct conform *c)
{
	uint64_t end = conform_now() + PATIENCE_MS, old = c->sectors, size = (uint64_t)c->o.mib << 20;

	conform_write_all(c, 0, c->sectors);
	conform_say("ready");
	while (blkfront_size(c->bf) != size && !c->failed) {
		conform_wait(c, 50);
		if (conform_now() > end)
			conform_wrong(c, "the size stays %" PRIu64 ", not %" PRIu64, blkfront_size(c->bf), size);
	}
	conform_read_all(c, 0, old);
	model_free(c);
	c->sectors = size / SECTOR;
	if (c->failed || !model_init(c))
		return;
	conform_write_all(c, 0, c->sectors);
	conform_read_all(c, 0, c->sectors);
}

/* --- errors ------------------------------------------------------------- */

/* One I/O in the second half; true: it went well. */
static bool probe(struct conform *c)
{
	uint64_t half = c->sectors / 2 / c->unit * c->unit, n = 8 * c->unit;
	uint64_t at = half + conform_random(c, (c->sectors - half - n) / c->unit) * c->unit;
	bool read = c->o.reads && conform_random(c, 2);

	return conform_do(c, read ? BLKFRONT_READ : BLKFRONT_WRITE, at, n);
}

/*
 * Until it is to stop no I/O may vanish, each is answered; then all goes well again. What was
 * written before, and in vain, is known or may be anything.
 */
void case_errors(struct conform *c)
{
	uint64_t end = conform_now() + PATIENCE_MS, half = c->sectors / 2 / c->unit * c->unit;
	unsigned well = 0;

	conform_write_all(c, 0, half);
	if (c->info->flush)
		conform_do(c, BLKFRONT_FLUSH, 0, 0);
	conform_say("ready");
	await_file(c, c->o.go);
	c->errors_allowed = true;
	while (!c->failed && !conform_exists(c->o.stop)) {
		if (!probe(c) && c->errors == 1)
			conform_say("error %s", strerror(-c->last_error));
		if (conform_now() > end)
			conform_wrong(c, "%s", c->errors ? "nobody mended it" : "no error came");
	}
	if (!c->failed && !c->errors)
		conform_wrong(c, "no error came");
	for (end = conform_now() + PATIENCE_MS; well < 10 && !c->failed;) {
		well = probe(c) ? well + 1 : 0;
		if (conform_now() > end)
			conform_wrong(c, "errors do not end: %s", strerror(-c->last_error));
	}
	c->errors_allowed = false;
	conform_write_all(c, half, c->sectors - half);
	conform_read_all(c, 0, c->sectors);
	conform_say("%u errors", c->errors);
}

/* --- another guest's disk, closing ------------------------------------------ */

/* What an earlier guest left. */
void case_verify(struct conform *c)
{
	if (model_load(c, c->o.expect))
		conform_read_all(c, 0, c->sectors);
}

void case_readonly(struct conform *c)
{
	struct blkfront_io *io = blkfront_get(c->bf);

	if (!c->info->readonly || c->info->discard)
		conform_wrong(c, "the disk is not offered read only");
	io->op = BLKFRONT_WRITE;
	io->offset = 0;
	io->length = c->unit * SECTOR;
	if (blkfront_submit(c->bf, io) != -EROFS)
		conform_wrong(c, "a write is not refused");
	blkfront_put(c->bf, io);
	case_verify(c);
}

/* I/Os are in flight when the frontend closes: each was done, or not, and none in part elsewhere. */
void case_close(struct conform *c)
{
	uint64_t sectors = c->sectors;

	conform_write_all(c, 0, c->sectors);
	for (unsigned round = 0; round < 8 && !c->failed; round++) {
		for (unsigned i = 0; i < c->info->depth; i++) {
			uint64_t n = (1 + conform_random(c, 8)) * c->unit;

			conform_start(c, BLKFRONT_WRITE, conform_random(c, (sectors - n) / c->unit) * c->unit, n);
		}
		conform_say("closing with %u in flight", c->in_flight);
		conform_close(c);
		if (c->in_flight)
			conform_wrong(c, "%u I/Os were given up", c->in_flight);
		if (c->failed || !conform_open(c))
			return;
		if (c->sectors != sectors)
			conform_wrong(c, "the disk has another size after closing");
		conform_read_all(c, 0, c->sectors);
	}
}

/* The backend leaves under load, or the guest is killed: what was acknowledged is in the dump. */
void case_left(struct conform *c)
{
	uint64_t end = conform_now() + PATIENCE_MS;

	conform_write_all(c, 0, c->sectors);
	conform_say("loaded");
	c->errors_allowed = true;
	for (bool there = true; there && !c->failed;) {
		uint64_t n = (1 + conform_random(c, 16)) * c->unit;

		if (!conform_start(c, BLKFRONT_WRITE, conform_random(c, (c->sectors - n) / c->unit) * c->unit, n))
			there = conform_wait(c, 100);
		if (conform_now() > end)
			conform_wrong(c, "the backend does not leave");
	}
	/* What was refused at last was in no request. */
	if (c->o.expect && model_dump(c, c->o.expect))
		conform_say("left after %" PRIu64 " I/Os, %u without success", c->done, c->errors);
}

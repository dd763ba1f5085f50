// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/disk-arg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"

/* Ends the first word of @text in place; returns what follows it, or NULL. */
static char *split(char *text)
{
	char *to = text;

	for (char *from = text; *from; from++) {
		if (*from == ',') {
			if (from[1] != ',') {
				*to = '\0';
				return from + 1;
			}
			from++;
		}
		*to++ = *from;
	}
	*to = '\0';
	return NULL;
}

static int set_option(struct stack_disk *disk, const char *word, char *why, size_t room)
{
	if (strcmp(word, "ro") == 0)
		disk->readonly = true;
	else if (strcmp(word, "rw") == 0)
		disk->readonly = false;
	else if (strcmp(word, "buffered") == 0)
		disk->buffered = true;
	else if (strcmp(word, "shared") == 0)
		disk->shared = true;
	else if (strcmp(word, "cdrom") == 0)
		disk->cdrom = disk->readonly = true;
	else if (strcmp(word, "discard") == 0)
		disk->no_discard = false;
	else if (strcmp(word, "no-discard") == 0)
		disk->no_discard = true;
	else if (strcmp(word, "direct-io-safe") == 0)
		disk->direct_io_safe = true;
	else if (strcmp(word, "untrusted") == 0)
		disk->untrusted = true;
	else if (strncmp(word, "dev=", 4) == 0 && word[4])
		disk->dev = word + 4;
	else if (strncmp(word, "backend=", 8) == 0 && word[8])
		disk->backend = word + 8;
	else if (strncmp(word, "driver=", 7) == 0 && word[7])
		disk->driver = word + 7;
	else {
		snprintf(why, room, "a disk has no option \"%s\": there are ro, rw, shared, buffered, cdrom, discard,"
			" no-discard, direct-io-safe, untrusted, dev=NAME, driver=NAME and backend=NAME, and"
			" a comma in a file's name is written twice", word);
		return -EINVAL;
	}
	return 0;
}

int disk_arg_parse(char *text, struct stack_disk *disk, char *why, size_t why_room)
{
	char *rest = split(text);

	*disk = (struct stack_disk){ .filename = text };
	while (rest) {
		char *word = rest;
		int error;

		rest = split(rest);
		error = set_option(disk, word, why, why_room);
		if (error < 0)
			return error;
	}
	if (!*text && !disk->driver) {
		snprintf(why, why_room, "a disk needs a file: --disk=FILE");
		return -EINVAL;
	}
	return 0;
}

int disk_arg_add(char *text, struct stack_disk *disks, unsigned *ndisks, unsigned room)
{
	char why[256];

	if (*ndisks == room) {
		log_err("at most %u disks", room);
		return -E2BIG;
	}
	if (disk_arg_parse(text, &disks[*ndisks], why, sizeof(why)) < 0) {
		log_err("%s", why);
		return -EINVAL;
	}
	++*ndisks;
	return 0;
}

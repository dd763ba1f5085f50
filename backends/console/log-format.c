// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/console/log-format.h"

#include <stdio.h>
#include <string.h>

/* How long the character is that this byte begins; 0: none begins so. */
static unsigned utf8_length(unsigned char byte)
{
	if (byte < 0x80)
		return 1;
	if (byte >= 0xc2 && byte < 0xe0)
		return 2;
	if (byte >= 0xe0 && byte < 0xf0)
		return 3;
	return byte >= 0xf0 && byte < 0xf5 ? 4 : 0;
}

static bool is_control(const char *character, unsigned len)
{
	unsigned char first = (unsigned char)character[0];

	if (len == 1)
		return (first < 0x20 && first != '\n' && first != '\t') || first == 0x7f;
	/* C1, which terminals that take eight bits obey. */
	return len == 2 && first == 0xc2 && (unsigned char)character[1] < 0xa0;
}

static char *put_stamp(struct log_format *f, time_t now, char *to)
{
	struct tm tm;

	if (!f->stamp || f->in_line || !gmtime_r(&now, &tm))
		return to;
	return to + strftime(to, 32, "[%Y-%m-%d %H:%M:%SZ] ", &tm);
}

static char *put(struct log_format *f, const char *character, unsigned len, bool escaped, time_t now,
	char *to)
{
	to = put_stamp(f, now, to);
	f->in_line = character[0] != '\n';
	if (!escaped) {
		memcpy(to, character, len);
		return to + len;
	}
	for (unsigned i = 0; i < len; i++)
		to += sprintf(to, "\\x%02x", (unsigned char)character[i]);
	return to;
}

static char *put_carriage(struct log_format *f, time_t now, char *to)
{
	if (!f->carriage)
		return to;
	f->carriage = false;
	return put(f, "\r", 1, f->escape, now, to);
}

static char *put_character(struct log_format *f, const char *character, unsigned len, bool valid,
	time_t now, char *to)
{
	if (f->escape && len == 1 && character[0] == '\r') {
		to = put_carriage(f, now, to);
		f->carriage = true;
		return to;
	}
	if (character[0] == '\n')
		f->carriage = false;
	to = put_carriage(f, now, to);
	return put(f, character, len, f->escape && (!valid || is_control(character, len)), now, to);
}

static char *put_part(struct log_format *f, bool valid, time_t now, char *to)
{
	unsigned used = f->used;

	f->used = 0;
	return used ? put_character(f, f->part, used, valid, now, to) : to;
}

static char *add_byte(struct log_format *f, char byte, time_t now, char *to)
{
	bool rest = ((unsigned char)byte & 0xc0) == 0x80;

	/* A character that was not finished is none. */
	if (f->used && !rest)
		to = put_part(f, false, now, to);
	if (!f->used) {
		f->wanted = utf8_length((unsigned char)byte);
		if (f->wanted < 2)
			return put_character(f, &byte, 1, f->wanted, now, to);
	}
	f->part[f->used++] = byte;
	return f->used == f->wanted ? put_part(f, true, now, to) : to;
}

size_t log_format_add(struct log_format *f, const char *from, size_t len, time_t now, char *to)
{
	char *at = to;

	for (size_t i = 0; i < len; i++)
		at = add_byte(f, from[i], now, at);
	return (size_t)(at - to);
}

size_t log_format_end(struct log_format *f, time_t now, char *to)
{
	char *at = put_part(f, false, now, to);

	return (size_t)(put_carriage(f, now, at) - to);
}

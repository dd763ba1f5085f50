// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/store/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct record_head {
	uint32_t type;
	uint32_t len; /* of what follows */
};

static bool record_reserve(struct record_writer *writer, size_t more)
{
	size_t room = writer->room ? writer->room : 4096;
	char *data;

	if (writer->failed)
		return false;
	if (more <= writer->room - writer->used)
		return true;
	while (room - writer->used < more)
		room *= 2;
	data = realloc(writer->data, room);
	if (!data) {
		writer->failed = true;
		return false;
	}
	writer->data = data;
	writer->room = room;
	return true;
}

void record_put_raw(struct record_writer *writer, const void *data, size_t len)
{
	if (len == 0 || !record_reserve(writer, len))
		return;
	memcpy(writer->data + writer->used, data, len);
	writer->used += len;
}

void record_begin(struct record_writer *writer, uint32_t type)
{
	const struct record_head head = { .type = type };

	writer->begun = writer->used;
	record_put_raw(writer, &head, sizeof(head));
}

void record_put_u32(struct record_writer *writer, uint32_t value)
{
	record_put_raw(writer, &value, sizeof(value));
}

void record_put_u64(struct record_writer *writer, uint64_t value)
{
	record_put_raw(writer, &value, sizeof(value));
}

void record_put_bytes(struct record_writer *writer, const void *data, size_t len)
{
	record_put_u32(writer, len);
	record_put_raw(writer, data, len);
}

void record_end(struct record_writer *writer)
{
	uint32_t len = writer->used - writer->begun - sizeof(struct record_head);

	if (!writer->failed)
		memcpy(writer->data + writer->begun + offsetof(struct record_head, len), &len,
			sizeof(len));
}

void record_clear(struct record_writer *writer)
{
	writer->used = 0;
	writer->failed = false;
}

void record_dispose(struct record_writer *writer)
{
	free(writer->data);
	*writer = (struct record_writer){ .data = NULL };
}

/* The next @len bytes; NULL and bad when they are not there. */
static const char *record_take(struct record_reader *reader, size_t len)
{
	const char *at = reader->at;

	if (reader->bad || len > reader->left) {
		reader->bad = true;
		return NULL;
	}
	reader->at += len;
	reader->left -= len;
	return at;
}

int record_next(struct record_reader *reader, uint32_t *type, struct record_reader *record)
{
	struct record_head head;
	const char *at;

	if (reader->left == 0)
		return 0;
	at = record_take(reader, sizeof(head));
	if (!at)
		return -EINVAL;
	memcpy(&head, at, sizeof(head));
	at = record_take(reader, head.len);
	if (!at)
		return -EINVAL;
	*type = head.type;
	*record = (struct record_reader){ .at = at, .left = head.len };
	return 1;
}

uint32_t record_u32(struct record_reader *reader)
{
	const char *at = record_take(reader, sizeof(uint32_t));
	uint32_t value = 0;

	if (at)
		memcpy(&value, at, sizeof(value));
	return value;
}

uint64_t record_u64(struct record_reader *reader)
{
	const char *at = record_take(reader, sizeof(uint64_t));
	uint64_t value = 0;

	if (at)
		memcpy(&value, at, sizeof(value));
	return value;
}

const char *record_bytes(struct record_reader *reader, size_t *len)
{
	*len = record_u32(reader);
	return record_take(reader, *len);
}

const char *record_string(struct record_reader *reader)
{
	size_t len;
	const char *text = record_bytes(reader, &len);

	if (text && len && memchr(text, '\0', len) == text + len - 1)
		return text;
	reader->bad = true;
	return NULL;
}

bool record_done(const struct record_reader *reader)
{
	return !reader->bad && reader->left == 0;
}

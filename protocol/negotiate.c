// SPDX-License-Identifier: MIT
/*
 * Negotiation driven by tables. No I/O and no thread of its own; what is read is the
 * peer's, so each value is parsed strictly and bounded before it reaches a field.
 */
#include "config.h"
#include "protocol/negotiate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest part of a peer's text that an error quotes. */
#define QUOTE_MAX 32

void nego_fail(struct nego_error *error, const char *fmt, ...)
{
	va_list ap;

	if (!error)
		return;
	va_start(ap, fmt);
	vsnprintf(error->text, sizeof(error->text), fmt, ap);
	va_end(ap);
}

/* The text as it may go to a log: cut, and nothing that a terminal would obey. */
static const char *nego_quote(const char *text, char out[QUOTE_MAX + 4])
{
	size_t n = strnlen(text, QUOTE_MAX);

	for (size_t i = 0; i < n; i++)
		out[i] = text[i] >= ' ' && text[i] <= '~' && text[i] != '"' ? text[i] : '?';
	strcpy(out + n, text[n] ? "..." : "");
	return out;
}

/* Digits only: no sign, blank or prefix. 0, -EINVAL, or -ERANGE beyond 64 bits. */
static int nego_number(const char *text, uint64_t *value)
{
	bool overflow = false;
	uint64_t v = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		unsigned digit = (unsigned char)*text - '0';

		if (digit > 9)
			return -EINVAL;
		overflow = overflow || v > (UINT64_MAX - digit) / 10;
		v = v * 10 + digit;
	}
	if (overflow)
		return -ERANGE;
	*value = v;
	return 0;
}

/* The most that both the row and its field's type allow. */
static uint64_t node_max(const struct nego_node *node)
{
	if (node->type == NEGO_BOOL)
		return 1;
	if (node->type == NEGO_U32 && node->max > UINT32_MAX)
		return UINT32_MAX;
	return node->max;
}

int nego_parse(const struct nego_node *node, const char *name, const char *text, uint64_t *value,
	struct nego_error *error)
{
	uint64_t min = node->type == NEGO_BOOL ? 0 : node->min;
	uint64_t max = node_max(node);
	char quoted[QUOTE_MAX + 4];
	uint64_t v;
	int rc = nego_number(text, &v);

	if (rc == 0 && (v < min || v > max))
		rc = -ERANGE;
	if (rc < 0) {
		nego_fail(error, "%s is \"%s\": must be a number from %" PRIu64 " to %" PRIu64,
			name, nego_quote(text, quoted), min, max);
		return rc;
	}
	*value = v;
	return 0;
}

/* An alias has pages where its node has their logarithm. */
static int parse_alias(const struct nego_node *node, const char *name, const char *text,
	uint64_t *log2, struct nego_error *error)
{
	uint64_t v;
	int rc = nego_parse(node, name, text, &v, error);

	if (rc < 0)
		return rc;
	if (v == 0 || (v & (v - 1)) != 0) {
		nego_fail(error, "%s is %" PRIu64 ": must be a power of two", name, v);
		return -ERANGE;
	}
	for (*log2 = 0; v > 1; v >>= 1)
		++*log2;
	return 0;
}

static void set_number(const struct nego_node *node, void *fields, uint64_t value)
{
	uint8_t *field = (uint8_t *)fields + node->offset;

	if (node->type == NEGO_BOOL)
		*(bool *)field = value;
	else if (node->type == NEGO_U32)
		*(uint32_t *)field = value;
	else
		*(uint64_t *)field = value;
}

static uint64_t get_number(const struct nego_node *node, const void *fields)
{
	const uint8_t *field = (const uint8_t *)fields + node->offset;

	if (node->type == NEGO_BOOL)
		return *(const bool *)field;
	if (node->type == NEGO_U32)
		return *(const uint32_t *)field;
	return *(const uint64_t *)field;
}

/* Whether @text is one of the blank-separated @values. */
static bool is_listed(const char *values, const char *text)
{
	size_t len = strlen(text);

	while (*values) {
		size_t n = strcspn(values, " ");

		if (n == len && memcmp(values, text, n) == 0)
			return true;
		values += n;
		values += strspn(values, " ");
	}
	return false;
}

/* Takes @text over. */
static int set_string(const struct nego_node *node, const char *name, char *text, void *fields,
	struct nego_error *error)
{
	char **field = (char **)((uint8_t *)fields + node->offset);
	char quoted[QUOTE_MAX + 4];

	if (text && node->values && !is_listed(node->values, text)) {
		nego_fail(error, "%s is \"%s\": must be one of: %s", name,
			nego_quote(text, quoted), node->values);
		free(text);
		return -EINVAL;
	}
	free(*field);
	*field = text;
	return 0;
}

/* Reads a node, with "" as absent whatever the caller's function does. */
static char *read_text(nego_read_fn fn, void *opaque, const char *name)
{
	char *text = fn(opaque, name);

	if (text && !*text) {
		free(text);
		return NULL;
	}
	return text;
}

static const struct nego_node *find_alias(const struct nego_table *table,
	const struct nego_node *node)
{
	for (unsigned i = 0; i < table->count; i++) {
		const struct nego_node *n = &table->nodes[i];

		if (n->writer == node->writer && n->alias_of &&
				strcmp(n->alias_of, node->name) == 0)
			return n;
	}
	return NULL;
}

/* A number from its node, its alias or its fallback; 0 without any. */
static int read_number(const struct nego_table *table, const struct nego_node *node,
	const char *name, void *fields, nego_read_fn fn, void *opaque, struct nego_error *error)
{
	const struct nego_node *alias = find_alias(table, node);
	CLEANUP_FREE char *text = read_text(fn, opaque, name);
	uint64_t value = 0;
	int rc = 0;

	if (text) {
		rc = nego_parse(node, name, text, &value, error);
	} else if (alias && (text = read_text(fn, opaque, alias->name))) {
		rc = parse_alias(alias, alias->name, text, &value, error);
	} else if (node->required) {
		nego_fail(error, "%s is missing", name);
		return -ENOENT;
	} else if (node->fallback && nego_number(node->fallback, &value) < 0) {
		value = 0; /* words in the table, such as "sector-size": for the reader to apply */
	}
	if (rc == 0)
		set_number(node, fields, value);
	return rc;
}

static int read_string(const struct nego_node *node, const char *name, void *fields,
	nego_read_fn fn, void *opaque, struct nego_error *error)
{
	char *text = read_text(fn, opaque, name);

	if (!text && node->required) {
		nego_fail(error, "%s is missing", name);
		return -ENOENT;
	}
	if (!text && node->fallback) {
		text = strdup(node->fallback);
		if (!text) {
			nego_fail(error, "%s: out of memory", name);
			return -ENOMEM;
		}
		/* A fallback needs no check: "" may stand for a default and be unlisted. */
		free(*(char **)((uint8_t *)fields + node->offset));
		*(char **)((uint8_t *)fields + node->offset) = text;
		return 0;
	}
	return set_string(node, name, text, fields, error);
}

static int read_nodes(const struct nego_table *table, enum nego_writer writer, bool per_queue,
	const char *prefix, void *fields, nego_read_fn fn, void *opaque,
	struct nego_error *error)
{
	for (unsigned i = 0; i < table->count; i++) {
		const struct nego_node *node = &table->nodes[i];
		char name[64];
		int rc;

		if (node->writer != writer || node->per_queue != per_queue || node->alias_of ||
				node->offset == NEGO_NO_FIELD)
			continue;
		if (snprintf(name, sizeof(name), "%s%s", prefix, node->name) >= (int)sizeof(name))
			return -ENAMETOOLONG;
		if (node->type == NEGO_STRING)
			rc = read_string(node, name, fields, fn, opaque, error);
		else
			rc = read_number(table, node, name, fields, fn, opaque, error);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int nego_read(const struct nego_table *table, enum nego_writer writer, void *fields,
	nego_read_fn fn, void *opaque, struct nego_error *error)
{
	return read_nodes(table, writer, false, "", fields, fn, opaque, error);
}

int nego_read_queue(const struct nego_table *table, enum nego_writer writer, const char *prefix,
	void *fields, nego_read_fn fn, void *opaque, struct nego_error *error)
{
	return read_nodes(table, writer, true, prefix, fields, fn, opaque, error);
}

/* An alias is written from the field of the node that it is another spelling of. */
static int write_node(const struct nego_table *table, const struct nego_node *node,
	const void *fields, nego_write_fn fn, void *opaque)
{
	const struct nego_node *source = node;
	uint64_t value;
	char text[24];

	if (node->alias_of)
		source = nego_find(table, node->writer, node->alias_of);
	if (!source || source->offset == NEGO_NO_FIELD)
		return 0;
	if (source->type == NEGO_STRING) {
		const char *string = *(char *const *)((const uint8_t *)fields + node->offset);

		return string && *string ? fn(opaque, node->name, string) : 0;
	}
	value = get_number(source, fields);
	if (node->omit_zero && value == 0)
		return 0;
	if (node->alias_of && value >= 64)
		return -ERANGE;
	snprintf(text, sizeof(text), "%" PRIu64,
		node->alias_of ? UINT64_C(1) << value : value);
	return fn(opaque, node->name, text);
}

int nego_write(const struct nego_table *table, enum nego_writer writer, enum nego_when when,
	const void *fields, nego_write_fn fn, void *opaque)
{
	for (unsigned i = 0; i < table->count; i++) {
		const struct nego_node *node = &table->nodes[i];
		int rc;

		if (node->writer != writer || node->when != when || node->per_queue)
			continue;
		rc = write_node(table, node, fields, fn, opaque);
		if (rc < 0)
			return rc;
	}
	return 0;
}

const struct nego_node *nego_find(const struct nego_table *table, enum nego_writer writer,
	const char *name)
{
	for (unsigned i = 0; i < table->count; i++) {
		const struct nego_node *node = &table->nodes[i];

		if (node->writer == writer && strcmp(node->name, name) == 0)
			return node;
	}
	return NULL;
}

int nego_read_u32(const struct nego_node *node, const char *prefix, const char *base,
	uint32_t *value, nego_read_fn fn, void *opaque, struct nego_error *error)
{
	char name[64];
	CLEANUP_FREE char *text = NULL;
	uint64_t v;
	int rc;

	if (snprintf(name, sizeof(name), "%s%s", prefix, base) >= (int)sizeof(name))
		return -ENAMETOOLONG;
	text = fn(opaque, name);
	if (!text || !*text)
		return -ENOENT;
	rc = nego_parse(node, name, text, &v, error);
	if (rc == 0)
		*value = v;
	return rc;
}

void nego_clear(const struct nego_table *table, enum nego_writer writer, void *fields)
{
	for (unsigned i = 0; i < table->count; i++) {
		const struct nego_node *node = &table->nodes[i];
		char **field;

		if (node->writer != writer || node->type != NEGO_STRING || node->per_queue ||
				node->offset == NEGO_NO_FIELD)
			continue;
		field = (char **)((uint8_t *)fields + node->offset);
		free(*field);
		*field = NULL;
	}
}

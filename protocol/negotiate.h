/* SPDX-License-Identifier: MIT */
/*
 * Negotiation as data: each protocol has one table of its store nodes. The table
 * drives what a backend advertises, what each side reads and with what bounds,
 * and docs/protocol.md. This code does no I/O: the caller gives functions that
 * read and write one node.
 */
#ifndef SLUICE_PROTOCOL_NEGOTIATE_H
#define SLUICE_PROTOCOL_NEGOTIATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

enum nego_writer { NEGO_TOOLSTACK, NEGO_BACKEND, NEGO_FRONTEND };
/** In whose device directory the node is. */
enum nego_dir { NEGO_BACKEND_DIR, NEGO_FRONTEND_DIR };
/** When the writer publishes it. */
enum nego_when { NEGO_AT_CREATION, NEGO_BEFORE_INITWAIT, NEGO_BEFORE_CONNECTED, NEGO_BEFORE_INITIALISED };
/** The field's type: bool, uint32_t, uint64_t, or char * (malloc'ed; NULL when absent). */
enum nego_type { NEGO_BOOL, NEGO_U32, NEGO_U64, NEGO_STRING };

struct nego_node {
	const char *name;        /* relative to the device directory; "%u" counts ring pages */
	enum nego_writer writer;
	enum nego_dir dir;
	enum nego_when when;
	enum nego_type type;
	bool per_queue;          /* moves to queue-%u/ with two queues or more */
	bool required;           /* reading fails without it */
	bool deprecated;         /* documented; written only where offset is set */
	const char *fallback;    /* the value that absence means; NULL: none */
	uint64_t min, max;       /* bounds of numbers, inclusive */
	const char *values;      /* strings: the only ones, with blanks between; NULL: any */
	const char *alias_of;    /* older spelling of a node that holds a logarithm: has 1 << its
				    value, is written beside it and read in its absence */
	bool omit_zero;          /* a number: not written when it is 0 */
	const char *since;       /* the version that brought it, for the documentation */
	size_t offset;           /* of the field in its structure, NEGO_NO_FIELD: documented only */
	const char *text;        /* what it means: one sentence */
};
#define NEGO_NO_FIELD ((size_t)-1)

struct nego_table {
	const char *protocol;    /* "blkif" */
	const char *title;
	const struct nego_node *nodes;
	unsigned count;
};

/**
 * nego_read_fn - read one node of the device's directory.
 * Return: malloc'ed text, or NULL when it is absent (an empty value counts as absent).
 */
typedef char *(*nego_read_fn)(void *opaque, const char *name);
/** nego_write_fn - write one node. 0 or -errno. */
typedef int (*nego_write_fn)(void *opaque, const char *name, const char *value);

/** struct nego_error - the node that failed and why, for the log and the error node. */
struct nego_error {
	char text[160]; /* one line, printable: what the peer wrote is quoted and cut */
};

/**
 * nego_read() - fill @fields from all non-queue nodes of @writer that have a field.
 *
 * Everything read is the peer's and hostile: numbers are parsed strictly and must
 * lie within the table's bounds. Strings already in @fields are freed first, so
 * they start as NULL. @error may be NULL.
 * Return: 0, -ENOENT (a required node is missing), -EINVAL (no number or none of the
 * values), -ERANGE, -ENOMEM. After a failure fields of later rows keep what they were.
 */
int nego_read(const struct nego_table *table, enum nego_writer writer, void *fields,
	nego_read_fn fn, void *opaque, struct nego_error *error) must_check;
/** nego_read_queue() - the same for the per-queue nodes; @prefix is "" or "queue-N/". */
int nego_read_queue(const struct nego_table *table, enum nego_writer writer, const char *prefix,
	void *fields, nego_read_fn fn, void *opaque, struct nego_error *error) must_check;
/** nego_write() - write all non-queue nodes of @writer published at @when. 0 or -errno. */
int nego_write(const struct nego_table *table, enum nego_writer writer, enum nego_when when,
	const void *fields, nego_write_fn fn, void *opaque) must_check;
/** nego_fail() - set the error's text, cut to its room; NULL is fine. */
void nego_fail(struct nego_error *error, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/** nego_find() - the row of a node; NULL when there is none. */
const struct nego_node *nego_find(const struct nego_table *table, enum nego_writer writer,
	const char *name);
/**
 * nego_parse() - a node's text as its row's number, within its bounds.
 * @name: to call it by in @error (with prefix and page number)
 *
 * Return: 0, -EINVAL or -ERANGE with @error saying what is wrong; @value is then untouched.
 */
int nego_parse(const struct nego_node *node, const char *name, const char *text, uint64_t *value,
	struct nego_error *error) must_check;
/**
 * nego_read_u32() - read "@prefix@name" as the number of the row @node.
 *
 * Return: 0; -ENOENT: it is absent, with @error left alone; else as nego_parse().
 */
int nego_read_u32(const struct nego_node *node, const char *prefix, const char *name,
	uint32_t *value, nego_read_fn fn, void *opaque, struct nego_error *error) must_check;
/** nego_clear() - free the strings of @writer's fields. */
void nego_clear(const struct nego_table *table, enum nego_writer writer, void *fields);

#endif

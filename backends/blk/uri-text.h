/* SPDX-License-Identifier: MIT */
/* Pieces of URIs, for the parsers of storage's names. Pure; nothing is copied but by uri_decode(). */
#ifndef SLUICE_BACKENDS_BLK_URI_TEXT_H
#define SLUICE_BACKENDS_BLK_URI_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

/** struct uri_text - a piece, which no NUL ends. */
struct uri_text {
	const char *at;
	size_t len;
};

/** URI_SHOWN() - for "%.*s" in messages: no more of it than is of use. */
#define URI_SHOWN(t) (int)((t).len < 64 ? (t).len : 64), (t).at

/** struct uri_why - room for the reason that the user reads. */
struct uri_why {
	char *text;
	size_t room;
};

/** uri_refuse() - say why, in printable characters whatever the name had. Return: -EINVAL. */
int uri_refuse(const struct uri_why *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** uri_cut() - what stands before @c, all of it if nothing does; what follows @c stays in @rest. */
struct uri_text uri_cut(struct uri_text *rest, char c);
/** uri_is() - whether it is this word. */
bool uri_is(struct uri_text t, const char *word);
/** uri_has_only() - whether it is of letters, digits and @others. */
bool uri_has_only(struct uri_text t, const char *others);
/** uri_number() - a decimal number of at most six digits, from @min to @max. False: it is none. */
bool uri_number(struct uri_text t, unsigned min, unsigned max, unsigned *value) must_check;

/**
 * uri_decode() - resolve each %XX.
 * @what: the part's name, for @why
 *
 * Control characters, which no line can show, are refused. Return: 0 or -EINVAL.
 */
int uri_decode(struct uri_text t, const char *what, char *to, size_t room, const struct uri_why *why) must_check;

/**
 * uri_host_port() - take "HOST[:PORT]" apart, HOST being a name, an IPv4 address or an IPv6
 * address in brackets.
 * @host: gets it without its brackets
 * @port: the default; changed if there is one
 *
 * Return: 0 or -EINVAL.
 */
int uri_host_port(struct uri_text t, char *host, size_t room, unsigned *port, const struct uri_why *why) must_check;

#endif

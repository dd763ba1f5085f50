// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/uri-text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int uri_refuse(const struct uri_why *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, why->room, fmt, ap);
	va_end(ap);
	for (char *c = why->text; *c; c++)
		if (*c < ' ' || *c == 0x7f)
			*c = '?';
	return -EINVAL;
}

struct uri_text uri_cut(struct uri_text *rest, char c)
{
	const char *end = memchr(rest->at, c, rest->len);
	struct uri_text part = { rest->at, end ? (size_t)(end - rest->at) : rest->len };
	size_t over = part.len + (end ? 1 : 0);

	rest->at += over;
	rest->len -= over;
	return part;
}

bool uri_is(struct uri_text t, const char *word)
{
	return strlen(word) == t.len && memcmp(t.at, word, t.len) == 0;
}

/* Of ASCII, whatever the locale. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool uri_has_only(struct uri_text t, const char *others)
{
	for (size_t i = 0; i < t.len; i++) {
		char c = t.at[i], lower = c | 0x20;

		if (!(lower >= 'a' && lower <= 'z') && !is_digit(c) && !(c && strchr(others, c)))
			return false;
	}
	return true;
}

bool uri_number(struct uri_text t, unsigned min, unsigned max, unsigned *value)
{
	unsigned n = 0;

	if (t.len == 0 || t.len > 6)
		return false;
	for (size_t i = 0; i < t.len; i++) {
		if (!is_digit(t.at[i]))
			return false;
		n = n * 10 + (unsigned)(t.at[i] - '0');
	}
	*value = n;
	return n >= min && n <= max;
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that a '%' at @at stands for. -1: two hexadecimal digits do not follow. */
static int escaped(const char *at, const char *end)
{
	int high = end - at > 2 ? hex_digit(at[1]) : -1;
	int low = end - at > 2 ? hex_digit(at[2]) : -1;

	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

int uri_decode(struct uri_text t, const char *what, char *to, size_t room, const struct uri_why *why)
{
	const char *end = t.at + t.len;
	size_t n = 0;

	for (const char *at = t.at; at < end; at++) {
		bool percent = *at == '%';
		int c = percent ? escaped(at, end) : (unsigned char)*at;

		if (c < 0)
			return uri_refuse(why, "%s \"%.*s\": %% is followed by two hexadecimal digits; a percent sign is %%25",
				what, URI_SHOWN(t));
		if (c < ' ' || c == 0x7f)
			return uri_refuse(why, "%s \"%.*s\": has a control character", what, URI_SHOWN(t));
		if (n + 1 >= room)
			return uri_refuse(why, "%s: is longer than %zu bytes", what, room - 1);
		to[n++] = (char)c;
		at += percent ? 2 : 0;
	}
	to[n] = '\0';
	return 0;
}

static int bad_host(struct uri_text t, const struct uri_why *why)
{
	return uri_refuse(why, "host \"%.*s\": write a name, an IPv4 address, or an IPv6 address in brackets",
		URI_SHOWN(t));
}

/* False: it is none. */
static bool copy_host(struct uri_text t, bool six, char *host, size_t room)
{
	struct in6_addr address;

	if (t.len == 0 || t.len >= room || !uri_has_only(t, six ? ":." : "-._"))
		return false;
	memcpy(host, t.at, t.len);
	host[t.len] = '\0';
	return !six || inet_pton(AF_INET6, host, &address) == 1;
}

/* What stands between brackets; @rest begins with the colon then, if it is not empty. False: they are not closed. */
static bool cut_brackets(struct uri_text *rest, struct uri_text *host)
{
	rest->at++;
	rest->len--;
	if (!memchr(rest->at, ']', rest->len))
		return false;
	*host = uri_cut(rest, ']');
	return rest->len == 0 || rest->at[0] == ':';
}

int uri_host_port(struct uri_text t, char *host, size_t room, unsigned *port, const struct uri_why *why)
{
	struct uri_text name = t, rest = t;
	bool six = t.len && t.at[0] == '[';

	if (six && !cut_brackets(&rest, &name))
		return bad_host(t, why);
	if (!six) {
		name = uri_cut(&rest, ':');
		/* The colon is part of the rest again. */
		rest = (struct uri_text){ name.at + name.len, t.len - name.len };
	}
	if (!copy_host(name, six, host, room))
		return bad_host(t, why);
	if (rest.len == 0)
		return 0;
	rest.at++;
	rest.len--;
	if (memchr(rest.at, ':', rest.len))
		return bad_host(t, why);
	if (uri_number(rest, 1, UINT16_MAX, port))
		return 0;
	return uri_refuse(why, "port \"%.*s\": write a number from 1 to 65535", URI_SHOWN(rest));
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/nbd-uri.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** struct nbd_text - a part of the text. */
struct nbd_text {
	const char *at;
	size_t len;
};

static bool text_is(struct nbd_text t, const char *is)
{
	return strlen(is) == t.len && memcmp(t.at, is, t.len) == 0;
}

/* Shown in messages: no more than is of use. */
static int text_shown(struct nbd_text t)
{
	return t.len > 64 ? 64 : (int)t.len;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Resolve %XX. @what: the part's name. */
static int text_decode(struct nbd_text t, const char *what, char *to, size_t to_room, char *why,
	size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < t.len; i++) {
		int c = (unsigned char)t.at[i];

		if (c == '%') {
			int high = i + 2 < t.len ? hex_digit(t.at[i + 1]) : -1;
			int low = i + 2 < t.len ? hex_digit(t.at[i + 2]) : -1;

			if (high < 0 || low < 0) {
				snprintf(why, room, "%s \"%.*s\": %% is followed by two hexadecimal digits; a percent sign is %%25",
					what, text_shown(t), t.at);
				return -EINVAL;
			}
			c = high << 4 | low;
			i += 2;
		}
		if (c < ' ' || c == 0x7f) {
			snprintf(why, room, "%s: has a control character", what);
			return -EINVAL;
		}
		if (n + 1 >= to_room) {
			snprintf(why, room, "%s: is longer than %zu bytes", what, to_room - 1);
			return -EINVAL;
		}
		to[n++] = (char)c;
	}
	to[n] = '\0';
	return 0;
}

/* --- the parts ---------------------------------------------------------------------------- */

static int uri_scheme(struct nbd_text t, bool *local, char *why, size_t room)
{
	*local = text_is(t, "nbd+unix");
	if (*local || text_is(t, "nbd"))
		return 0;
	if (text_is(t, "nbds") || text_is(t, "nbds+unix"))
		snprintf(why, room, "%.*s://: TLS is not served; use nbd:// through a tunnel that encrypts (WireGuard, stunnel)",
			(int)t.len, t.at);
	else if (text_is(t, "nbd+vsock") || text_is(t, "nbds+vsock"))
		snprintf(why, room, "%.*s://: vsock is not served; use nbd:// or nbd+unix://", (int)t.len, t.at);
	else {
		snprintf(why, room, "scheme \"%.*s\": write nbd://HOST[:PORT]/EXPORT or nbd+unix:///EXPORT?socket=PATH",
			text_shown(t), t.at);
		return -EINVAL;
	}
	return -ENOTSUP;
}

static int uri_port(struct nbd_text t, struct nbd_uri *uri, char *why, size_t room)
{
	unsigned long port = 0;
	bool good = t.len > 0 && t.len <= 5;

	for (size_t i = 0; good && i < t.len; i++) {
		good = isdigit((unsigned char)t.at[i]);
		port = port * 10 + (unsigned long)(t.at[i] - '0');
	}
	if (!good || port == 0 || port > UINT16_MAX) {
		snprintf(why, room, "port \"%.*s\": write a number from 1 to 65535, or nothing for %u",
			text_shown(t), t.at, NBD_URI_PORT);
		return -EINVAL;
	}
	uri->port = (uint16_t)port;
	return 0;
}

static int uri_bad_host(struct nbd_text t, char *why, size_t room)
{
	snprintf(why, room, "host \"%.*s\": write a name, an IPv4 address, or an IPv6 address in brackets",
		text_shown(t), t.at);
	return -EINVAL;
}

/* HOST[:PORT], without a user. */
static int uri_host(struct nbd_text t, struct nbd_uri *uri, char *why, size_t room)
{
	struct nbd_text host = t, port = { NULL, 0 };
	const char *colon;

	if (t.len && t.at[0] == '[') {
		const char *end = memchr(t.at, ']', t.len);

		if (!end || (end + 1 < t.at + t.len && end[1] != ':'))
			return uri_bad_host(t, why, room);
		host = (struct nbd_text){ t.at + 1, (size_t)(end - t.at) - 1 };
		if (strspn(host.at, "0123456789abcdefABCDEF:.") < host.len)
			return uri_bad_host(t, why, room);
		colon = end + 1 < t.at + t.len ? end + 1 : NULL;
	} else {
		colon = memchr(t.at, ':', t.len);
		host.len = colon ? (size_t)(colon - t.at) : t.len;
		for (size_t i = 0; i < host.len; i++)
			if (!isalnum((unsigned char)host.at[i]) && !strchr("-._", host.at[i]))
				return uri_bad_host(t, why, room);
	}
	if (host.len == 0 || host.len >= sizeof(uri->host))
		return uri_bad_host(t, why, room);
	memcpy(uri->host, host.at, host.len);
	if (!colon)
		return 0;
	port = (struct nbd_text){ colon + 1, (size_t)(t.at + t.len - colon) - 1 };
	return uri_port(port, uri, why, room);
}

static int uri_authority(struct nbd_text t, bool local, struct nbd_uri *uri, char *why, size_t room)
{
	const char *at = memrchr(t.at, '@', t.len);

	/* Not shown: it may be a password. */
	if (at && memchr(t.at, ':', (size_t)(at - t.at)))
		snprintf(why, room, "there is a password before the \"@\"; it would stand in the store, and NBD has none: remove it");
	else if (at)
		snprintf(why, room, "there is a user before the \"@\"; NBD has users with TLS only: remove it");
	else if (local && t.len)
		snprintf(why, room, "host \"%.*s\": with nbd+unix there is none: nbd+unix:///EXPORT?socket=PATH",
			text_shown(t), t.at);
	else
		return local ? 0 : uri_host(t, uri, why, room);
	return -EINVAL;
}

static int uri_timeout(struct nbd_text t, struct nbd_uri *uri, char *why, size_t room)
{
	unsigned long seconds = 0;
	bool good = t.len > 0 && t.len <= 6;

	for (size_t i = 0; good && i < t.len; i++) {
		good = isdigit((unsigned char)t.at[i]);
		seconds = seconds * 10 + (unsigned long)(t.at[i] - '0');
	}
	if (!good || seconds == 0 || seconds > NBD_URI_TIMEOUT_MAX) {
		snprintf(why, room, "timeout=%.*s: write seconds, 1 to %u", text_shown(t), t.at,
			NBD_URI_TIMEOUT_MAX);
		return -EINVAL;
	}
	uri->timeout_s = (unsigned)seconds;
	return 0;
}

static int uri_unflushed(struct nbd_text t, struct nbd_uri *uri, char *why, size_t room)
{
	uri->unflushed_fails = text_is(t, "fail");
	if (uri->unflushed_fails || text_is(t, "continue"))
		return 0;
	snprintf(why, room, "unflushed=%.*s: write fail or continue", text_shown(t), t.at);
	return -EINVAL;
}

static int uri_socket(struct nbd_text t, bool local, struct nbd_uri *uri, char *why, size_t room)
{
	int rc = text_decode(t, "socket", uri->socket, sizeof(uri->socket), why, room);

	if (rc < 0)
		return rc;
	if (!local)
		snprintf(why, room, "socket=%.*s: is for nbd+unix://", text_shown(t), t.at);
	else if (uri->socket[0] != '/')
		snprintf(why, room, "socket=%.*s: write an absolute path", text_shown(t), t.at);
	else
		return 0;
	return -EINVAL;
}

static int uri_parameter(struct nbd_text t, bool local, struct nbd_uri *uri, char *why, size_t room)
{
	const char *equals = memchr(t.at, '=', t.len);
	struct nbd_text key = { t.at, equals ? (size_t)(equals - t.at) : t.len };
	struct nbd_text value = { t.at + key.len + 1, equals ? t.len - key.len - 1 : 0 };

	if (text_is(key, "socket"))
		return uri_socket(value, local, uri, why, room);
	if (text_is(key, "timeout"))
		return uri_timeout(value, uri, why, room);
	if (text_is(key, "unflushed"))
		return uri_unflushed(value, uri, why, room);
	if (key.len >= 3 && memcmp(key.at, "tls", 3) == 0)
		snprintf(why, room, "parameter \"%.*s\": TLS is not served", text_shown(key), key.at);
	else
		snprintf(why, room, "parameter \"%.*s\": known are socket, timeout and unflushed",
			text_shown(key), key.at);
	return -EINVAL;
}

static int uri_query(const char *text, bool local, struct nbd_uri *uri, char *why, size_t room)
{
	int rc = 0;

	while (rc == 0 && *text) {
		struct nbd_text t = { text, strcspn(text, "&") };

		if (t.len)
			rc = uri_parameter(t, local, uri, why, room);
		text += t.len + (text[t.len] == '&');
	}
	if (rc == 0 && local && !uri->socket[0]) {
		snprintf(why, room, "socket is missing: nbd+unix:///EXPORT?socket=PATH");
		rc = -EINVAL;
	}
	return rc;
}

int nbd_uri_parse(const char *text, struct nbd_uri *uri, char *why, size_t room)
{
	struct nbd_text scheme = { text, strcspn(text, ":") }, authority, path;
	bool local = false;
	int rc = uri_scheme(scheme, &local, why, room);

	*uri = (struct nbd_uri){ .port = NBD_URI_PORT, .timeout_s = NBD_URI_TIMEOUT };
	if (rc < 0)
		return rc;
	text += scheme.len;
	if (strncmp(text, "://", 3) != 0) {
		snprintf(why, room, "scheme: is followed by \"://\"");
		return -EINVAL;
	}
	authority = (struct nbd_text){ text + 3, strcspn(text + 3, "/?#") };
	text = authority.at + authority.len;
	path = (struct nbd_text){ text, strcspn(text, "?#") };
	if (strchr(text, '#')) {
		snprintf(why, room, "\"#\": a URI of a disk has no fragment; in a name it is %%23");
		return -EINVAL;
	}
	rc = uri_authority(authority, local, uri, why, room);
	if (rc == 0 && path.len)
		rc = text_decode((struct nbd_text){ path.at + 1, path.len - 1 }, "export", uri->export,
			sizeof(uri->export), why, room);
	text = path.at + path.len;
	return rc ? rc : uri_query(*text ? text + 1 : text, local, uri, why, room);
}

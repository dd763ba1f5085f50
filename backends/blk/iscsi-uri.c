// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/iscsi-uri.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"

#define URI_SCHEME "iscsi://"
#define URI_PORT 3260u
#define URI_MAX_LUN 16383u /* SAM-5's flat space */
#define URI_CONNECT_S 8u
#define URI_TIMEOUT_S 120u

struct text {
	const char *at;
	size_t len;
};

static int uri_refuse(char *why, size_t room, const char *part, struct text t, const char *remedy)
{
	snprintf(why, room, "iscsi://: %s \"%.*s\" %s", part, t.len < 64 ? (int)t.len : 64, t.at, remedy);
	return -EINVAL;
}

/* What stands before @c; what follows it stays in @rest. Without @c all of it. */
static struct text uri_cut(struct text *rest, char c)
{
	const char *end = memchr(rest->at, c, rest->len);
	struct text part = { rest->at, end ? (size_t)(end - rest->at) : rest->len };
	size_t over = part.len + (end ? 1 : 0);

	rest->at += over;
	rest->len -= over;
	return part;
}

static bool uri_is(struct text t, const char *word)
{
	return strlen(word) == t.len && memcmp(t.at, word, t.len) == 0;
}

/* Of both: letters and digits, and @others. */
static bool uri_has_only(const char *s, size_t len, const char *others)
{
	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    (c && strchr(others, c))))
			return false;
	}
	return true;
}

bool iscsi_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < ISCSI_URI_NAME && uri_has_only(name, len, ".:-_");
}

static bool uri_number(struct text t, unsigned min, unsigned max, unsigned *value)
{
	unsigned n = 0;

	if (t.len == 0 || t.len > 6)
		return false;
	for (size_t i = 0; i < t.len; i++) {
		if (t.at[i] < '0' || t.at[i] > '9')
			return false;
		n = n * 10 + (unsigned)(t.at[i] - '0');
	}
	*value = n;
	return n >= min && n <= max;
}

/* --- HOST[:PORT] ----------------------------------------------------------------------- */

static int uri_host(struct text t, const char *others, struct iscsi_uri *uri, char *why, size_t room)
{
	if (t.len == 0 || t.len >= sizeof(uri->host) || !uri_has_only(t.at, t.len, others))
		return uri_refuse(why, room, "host", t, "is no name, IPv4 address or [IPv6 address]");
	memcpy(uri->host, t.at, t.len);
	uri->host[t.len] = '\0';
	return 0;
}

static int uri_portal(struct text t, struct iscsi_uri *uri, char *why, size_t room)
{
	struct text all = t, host;
	unsigned port = URI_PORT;
	bool bracket = t.len && t.at[0] == '[', has_port;
	int rc;

	if (bracket) {
		t.at++;
		t.len--;
		host = uri_cut(&t, ']');
		if (host.at + host.len == all.at + all.len)
			return uri_refuse(why, room, "host", all, "has no closing bracket");
		if (t.len && t.at[0] != ':')
			return uri_refuse(why, room, "host", all, "has something between bracket and port");
		has_port = t.len > 0;
		if (has_port)
			(void)uri_cut(&t, ':');
	} else {
		host = uri_cut(&t, ':');
		has_port = host.len < all.len;
	}
	if (!bracket && memchr(t.at, ':', t.len))
		return uri_refuse(why, room, "host", all, "has several colons; write an IPv6 address in brackets");
	rc = uri_host(host, bracket ? ":." : ".-_", uri, why, room);
	if (rc == 0 && has_port && !uri_number(t, 1, 65535, &port))
		return uri_refuse(why, room, "port", t, "is no number from 1 to 65535");
	uri->port = (uint16_t)port;
	return rc;
}

/* --- TARGET/LUN ------------------------------------------------------------------------ */

static int uri_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int uri_target(struct text t, struct iscsi_uri *uri, char *why, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < t.len && n < sizeof(uri->target) - 1; i++) {
		char c = t.at[i];

		if (c == '%') {
			if (t.len - i < 3 || uri_hex(t.at[i + 1]) < 0 || uri_hex(t.at[i + 2]) < 0)
				return uri_refuse(why, room, "target", t, "has a % without two hexadecimal digits");
			c = (char)(uri_hex(t.at[i + 1]) << 4 | uri_hex(t.at[i + 2]));
			i += 2;
		}
		if (!c)
			return uri_refuse(why, room, "target", t, "has a byte of 0");
		uri->target[n++] = c;
	}
	uri->target[n] = '\0';
	if (n == sizeof(uri->target) - 1 || !iscsi_name_is_valid(uri->target))
		return uri_refuse(why, room, "target", t, "is no iSCSI name, such as iqn.2026-01.net.example:disk");
	return 0;
}

/* --- ?OPTION=VALUE --------------------------------------------------------------------- */

static int uri_credentials(struct text v, struct iscsi_uri *uri, char *why, size_t room)
{
	bool path = v.len && v.at[0] == '/';

	if (v.len == 0 || v.len >= sizeof(uri->credentials) || v.at[0] == '.' ||
		!uri_has_only(v.at, v.len, path ? "/.-_:+" : ".-_"))
		return uri_refuse(why, room, "credentials", v, "is no name of a file with a user and a password");
	memcpy(uri->credentials, v.at, v.len);
	return 0;
}

static int uri_initiator(struct text v, struct iscsi_uri *uri, char *why, size_t room)
{
	if (v.len < sizeof(uri->initiator))
		memcpy(uri->initiator, v.at, v.len);
	if (!iscsi_name_is_valid(uri->initiator))
		return uri_refuse(why, room, "initiator", v, "is no iSCSI name, such as iqn.2026-01.net.example:host");
	return 0;
}

static int uri_connect(struct text v, struct iscsi_uri *uri, char *why, size_t room)
{
	if (uri_number(v, 1, 600, &uri->connect_s))
		return 0;
	return uri_refuse(why, room, "connect-timeout", v, "is no number of seconds from 1 to 600");
}

static int uri_timeout(struct text v, struct iscsi_uri *uri, char *why, size_t room)
{
	if (uri_number(v, 1, 86400, &uri->timeout_s))
		return 0;
	return uri_refuse(why, room, "timeout", v, "is no number of seconds from 1 to 86400");
}

static int uri_reserve(struct text v, struct iscsi_uri *uri, char *why, size_t room)
{
	uri->reserve = uri_is(v, "yes");
	if (uri->reserve || uri_is(v, "no"))
		return 0;
	return uri_refuse(why, room, "reserve", v, "is neither yes nor no");
}

static const struct {
	const char *name;
	int (*take)(struct text value, struct iscsi_uri *uri, char *why, size_t room);
} options[] = {
	{ "connect-timeout", uri_connect },
	{ "credentials", uri_credentials },
	{ "initiator", uri_initiator },
	{ "reserve", uri_reserve },
	{ "timeout", uri_timeout },
};

static int uri_option(struct text t, unsigned *seen, struct iscsi_uri *uri, char *why, size_t room)
{
	struct text name = uri_cut(&t, '=');

	for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
		if (!uri_is(name, options[i].name))
			continue;
		if (*seen & 1u << i)
			return uri_refuse(why, room, "option", name, "stands there twice");
		*seen |= 1u << i;
		return options[i].take(t, uri, why, room);
	}
	return uri_refuse(why, room, "option", name,
		"is unknown; there are connect-timeout, credentials, initiator, reserve and timeout");
}

/* --- all of it ------------------------------------------------------------------------------ */

/* What other programs' URIs have passwords in. */
static bool uri_may_have_password(struct text t)
{
	static const char *const words[] = { "password", "passwd", "secret", "target_user" };

	if (memchr(t.at, '@', t.len))
		return true;
	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		if (memmem(t.at, t.len, words[i], strlen(words[i])))
			return true;
	return false;
}

int iscsi_uri_parse(const char *text, struct iscsi_uri *uri, char *why, size_t room)
{
	struct text rest = { text, strlen(text) }, path, portal, target;
	unsigned seen = 0;
	int rc;

	*uri = (struct iscsi_uri){ .connect_s = URI_CONNECT_S, .timeout_s = URI_TIMEOUT_S };
	if (strncmp(text, URI_SCHEME, strlen(URI_SCHEME)) != 0) {
		snprintf(why, room, "iscsi://HOST[:PORT]/TARGET/LUN is what names iSCSI storage");
		return -EINVAL;
	}
	rest.at += strlen(URI_SCHEME);
	rest.len -= strlen(URI_SCHEME);
	if (uri_may_have_password(rest)) {
		snprintf(why, room, "iscsi://: a user or a password does not belong into the name, which many can read: change it, and put it into a file that ?credentials=FILE names");
		return -EINVAL;
	}
	path = uri_cut(&rest, '?');
	portal = uri_cut(&path, '/');
	rc = uri_portal(portal, uri, why, room);
	if (rc < 0)
		return rc;
	target = uri_cut(&path, '/');
	rc = uri_target(target, uri, why, room);
	if (rc < 0)
		return rc;
	if (!uri_number(path, 0, URI_MAX_LUN, &uri->lun))
		return uri_refuse(why, room, "unit", path, "is no number from 0 to 16383, as in /TARGET/1");
	while (rc == 0 && rest.len)
		rc = uri_option(uri_cut(&rest, '&'), &seen, uri, why, room);
	return rc;
}

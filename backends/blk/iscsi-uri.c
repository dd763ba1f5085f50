// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/iscsi-uri.h"

#include <errno.h>
#include <string.h>

#include "backends/blk/uri-text.h"
#include "common/array.h"

#define URI_SCHEME "iscsi://"
#define URI_PORT 3260u
#define URI_MAX_LUN 16383u /* SAM-5's flat space */
#define URI_CONNECT_S 8u
#define URI_TIMEOUT_S 120u

bool iscsi_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < ISCSI_URI_NAME && uri_has_only((struct uri_text){ name, len }, ".:-_");
}

static int uri_portal(struct uri_text t, struct iscsi_uri *uri, const struct uri_why *why)
{
	unsigned port = URI_PORT;
	int rc = uri_host_port(t, uri->host, sizeof(uri->host), &port, why);

	uri->port = (uint16_t)port;
	return rc;
}

/* --- TARGET/LUN ------------------------------------------------------------------------ */

static int uri_target(struct uri_text t, struct iscsi_uri *uri, const struct uri_why *why)
{
	int rc = uri_decode(t, "target", uri->target, sizeof(uri->target), why);

	if (rc < 0 || iscsi_name_is_valid(uri->target))
		return rc;
	return uri_refuse(why, "target \"%.*s\": is no iSCSI name, such as iqn.2026-01.net.example:disk", URI_SHOWN(t));
}

/* --- ?OPTION=VALUE --------------------------------------------------------------------- */

static int uri_credentials(struct uri_text v, struct iscsi_uri *uri, const struct uri_why *why)
{
	bool path = v.len && v.at[0] == '/';

	if (v.len == 0 || v.len >= sizeof(uri->credentials) || v.at[0] == '.' ||
		!uri_has_only(v, path ? "/.-_:+" : ".-_"))
		return uri_refuse(why, "credentials \"%.*s\": is no name of a file with a user and a password", URI_SHOWN(v));
	memcpy(uri->credentials, v.at, v.len);
	return 0;
}

static int uri_initiator(struct uri_text v, struct iscsi_uri *uri, const struct uri_why *why)
{
	if (v.len < sizeof(uri->initiator))
		memcpy(uri->initiator, v.at, v.len);
	if (!iscsi_name_is_valid(uri->initiator))
		return uri_refuse(why, "initiator \"%.*s\": is no iSCSI name, such as iqn.2026-01.net.example:host", URI_SHOWN(v));
	return 0;
}

static int uri_connect(struct uri_text v, struct iscsi_uri *uri, const struct uri_why *why)
{
	if (uri_number(v, 1, 600, &uri->connect_s))
		return 0;
	return uri_refuse(why, "connect-timeout \"%.*s\": is no number of seconds from 1 to 600", URI_SHOWN(v));
}

static int uri_timeout(struct uri_text v, struct iscsi_uri *uri, const struct uri_why *why)
{
	if (uri_number(v, 1, 86400, &uri->timeout_s))
		return 0;
	return uri_refuse(why, "timeout \"%.*s\": is no number of seconds from 1 to 86400", URI_SHOWN(v));
}

static int uri_reserve(struct uri_text v, struct iscsi_uri *uri, const struct uri_why *why)
{
	uri->reserve = uri_is(v, "yes");
	if (uri->reserve || uri_is(v, "no"))
		return 0;
	return uri_refuse(why, "reserve \"%.*s\": is neither yes nor no", URI_SHOWN(v));
}

static const struct {
	const char *name;
	int (*take)(struct uri_text value, struct iscsi_uri *uri, const struct uri_why *why);
} options[] = {
	{ "connect-timeout", uri_connect },
	{ "credentials", uri_credentials },
	{ "initiator", uri_initiator },
	{ "reserve", uri_reserve },
	{ "timeout", uri_timeout },
};

static int uri_option(struct uri_text t, unsigned *seen, struct iscsi_uri *uri, const struct uri_why *why)
{
	struct uri_text name = uri_cut(&t, '=');

	for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
		if (!uri_is(name, options[i].name))
			continue;
		if (*seen & 1u << i)
			return uri_refuse(why, "option \"%.*s\": stands there twice", URI_SHOWN(name));
		*seen |= 1u << i;
		return options[i].take(t, uri, why);
	}
	return uri_refuse(why, "option \"%.*s\": is unknown; there are connect-timeout, credentials, initiator, reserve and timeout",
		URI_SHOWN(name));
}

/* --- all of it ------------------------------------------------------------------------------ */

/* What other programs' URIs have passwords in. */
static bool uri_may_have_password(struct uri_text t)
{
	static const char *const words[] = { "password", "passwd", "secret", "target_user" };

	if (memchr(t.at, '@', t.len))
		return true;
	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		if (memmem(t.at, t.len, words[i], strlen(words[i])))
			return true;
	return false;
}

int iscsi_uri_parse(const char *text, struct iscsi_uri *uri, char *why_text, size_t room)
{
	const struct uri_why why = { why_text, room };
	struct uri_text rest = { text, strlen(text) }, path, portal, target;
	unsigned seen = 0;
	int rc;

	*uri = (struct iscsi_uri){ .connect_s = URI_CONNECT_S, .timeout_s = URI_TIMEOUT_S };
	if (strncmp(text, URI_SCHEME, strlen(URI_SCHEME)) != 0)
		return uri_refuse(&why, "iscsi://HOST[:PORT]/TARGET/LUN is what names iSCSI storage");
	rest.at += strlen(URI_SCHEME);
	rest.len -= strlen(URI_SCHEME);
	if (uri_may_have_password(rest))
		return uri_refuse(&why, "iscsi://: a user or a password does not belong into the name, which many can read: change it, and put it into a file that ?credentials=FILE names");
	path = uri_cut(&rest, '?');
	portal = uri_cut(&path, '/');
	rc = uri_portal(portal, uri, &why);
	if (rc < 0)
		return rc;
	target = uri_cut(&path, '/');
	rc = uri_target(target, uri, &why);
	if (rc < 0)
		return rc;
	if (!uri_number(path, 0, URI_MAX_LUN, &uri->lun))
		return uri_refuse(&why, "unit \"%.*s\": is no number from 0 to 16383, as in /TARGET/1", URI_SHOWN(path));
	while (rc == 0 && rest.len)
		rc = uri_option(uri_cut(&rest, '&'), &seen, uri, &why);
	return rc;
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/nbd-uri.h"

#include <errno.h>
#include <string.h>

#include "backends/blk/uri-text.h"

static int uri_scheme(struct uri_text t, bool *local, const struct uri_why *why)
{
	*local = uri_is(t, "nbd+unix");
	if (*local || uri_is(t, "nbd"))
		return 0;
	if (uri_is(t, "nbds") || uri_is(t, "nbds+unix"))
		(void)uri_refuse(why, "%.*s://: TLS is not served; use nbd:// through a tunnel that encrypts (WireGuard, stunnel)",
			URI_SHOWN(t));
	else if (uri_is(t, "nbd+vsock") || uri_is(t, "nbds+vsock"))
		(void)uri_refuse(why, "%.*s://: vsock is not served; use nbd:// or nbd+unix://", URI_SHOWN(t));
	else
		return uri_refuse(why, "scheme \"%.*s\": write nbd://HOST[:PORT]/EXPORT or nbd+unix:///EXPORT?socket=PATH",
			URI_SHOWN(t));
	return -ENOTSUP;
}

/* HOST[:PORT], without a user. */
static int uri_authority(struct uri_text t, bool local, struct nbd_uri *uri, const struct uri_why *why)
{
	const char *at = memrchr(t.at, '@', t.len);
	unsigned port = NBD_URI_PORT;
	int rc;

	/* Not shown: it may be a password. */
	if (at && memchr(t.at, ':', (size_t)(at - t.at)))
		return uri_refuse(why, "there is a password before the \"@\"; it would stand in the store, and NBD has none: remove it");
	if (at)
		return uri_refuse(why, "there is a user before the \"@\"; NBD has users with TLS only: remove it");
	if (local && t.len)
		return uri_refuse(why, "host \"%.*s\": with nbd+unix there is none: nbd+unix:///EXPORT?socket=PATH",
			URI_SHOWN(t));
	if (local)
		return 0;
	rc = uri_host_port(t, uri->host, sizeof(uri->host), &port, why);
	uri->port = (uint16_t)port;
	return rc;
}

static int uri_timeout(struct uri_text t, struct nbd_uri *uri, const struct uri_why *why)
{
	if (uri_number(t, 1, NBD_URI_TIMEOUT_MAX, &uri->timeout_s))
		return 0;
	return uri_refuse(why, "timeout=%.*s: write seconds, 1 to %u", URI_SHOWN(t), NBD_URI_TIMEOUT_MAX);
}

static int uri_unflushed(struct uri_text t, struct nbd_uri *uri, const struct uri_why *why)
{
	uri->unflushed_fails = uri_is(t, "fail");
	if (uri->unflushed_fails || uri_is(t, "continue"))
		return 0;
	return uri_refuse(why, "unflushed=%.*s: write fail or continue", URI_SHOWN(t));
}

static int uri_socket(struct uri_text t, bool local, struct nbd_uri *uri, const struct uri_why *why)
{
	int rc = uri_decode(t, "socket", uri->socket, sizeof(uri->socket), why);

	if (rc < 0)
		return rc;
	if (!local)
		return uri_refuse(why, "socket=%.*s: is for nbd+unix://", URI_SHOWN(t));
	if (uri->socket[0] != '/')
		return uri_refuse(why, "socket=%.*s: write an absolute path", URI_SHOWN(t));
	return 0;
}

static int uri_parameter(struct uri_text value, bool local, struct nbd_uri *uri, const struct uri_why *why)
{
	struct uri_text key = uri_cut(&value, '=');

	if (uri_is(key, "socket"))
		return uri_socket(value, local, uri, why);
	if (uri_is(key, "timeout"))
		return uri_timeout(value, uri, why);
	if (uri_is(key, "unflushed"))
		return uri_unflushed(value, uri, why);
	if (key.len >= 3 && memcmp(key.at, "tls", 3) == 0)
		return uri_refuse(why, "parameter \"%.*s\": TLS is not served", URI_SHOWN(key));
	return uri_refuse(why, "parameter \"%.*s\": known are socket, timeout and unflushed", URI_SHOWN(key));
}

static int uri_query(struct uri_text t, bool local, struct nbd_uri *uri, const struct uri_why *why)
{
	int rc = 0;

	while (rc == 0 && t.len) {
		struct uri_text one = uri_cut(&t, '&');

		if (one.len)
			rc = uri_parameter(one, local, uri, why);
	}
	if (rc == 0 && local && !uri->socket[0])
		return uri_refuse(why, "socket is missing: nbd+unix:///EXPORT?socket=PATH");
	return rc;
}

int nbd_uri_parse(const char *text, struct nbd_uri *uri, char *why_text, size_t room)
{
	const struct uri_why why = { why_text, room };
	struct uri_text query = { text, strlen(text) }, scheme = { text, strcspn(text, ":") }, path, authority;
	bool local = false;
	int rc = uri_scheme(scheme, &local, &why);

	*uri = (struct nbd_uri){ .port = NBD_URI_PORT, .timeout_s = NBD_URI_TIMEOUT };
	if (rc < 0)
		return rc;
	if (strncmp(text + scheme.len, "://", 3) != 0)
		return uri_refuse(&why, "scheme: is followed by \"://\"");
	if (strchr(text, '#'))
		return uri_refuse(&why, "\"#\": a URI of a disk has no fragment; in a name it is %%23");
	query.at += scheme.len + 3;
	query.len -= scheme.len + 3;
	path = uri_cut(&query, '?');
	authority = uri_cut(&path, '/');
	rc = uri_authority(authority, local, uri, &why);
	if (rc == 0)
		rc = uri_decode(path, "export", uri->export, sizeof(uri->export), &why);
	return rc ? rc : uri_query(query, local, uri, &why);
}

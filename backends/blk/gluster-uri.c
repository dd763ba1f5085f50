// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/gluster-uri.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "backends/blk/uri-text.h"
#include "common/array.h"

/* Where glusterd and its bricks listen if nobody says otherwise. */
#define GLUSTERD_PORT 24007u
#define BRICKS_FIRST 49152u
#define BRICKS_LAST 60999u
#define MAX_TIMEOUT_S 86400u

/* --- transport and server -------------------------------------------------------------- */

static int parse_transport(struct uri_text t, struct gluster_uri *uri, const struct uri_why *why)
{
	struct uri_text transport = t, scheme = uri_cut(&transport, '+');

	if (!uri_is(scheme, "gluster"))
		return uri_refuse(why, "its scheme is not gluster, gluster+tcp or gluster+unix");
	uri->is_unix = uri_is(transport, "unix");
	if (scheme.len == t.len || uri->is_unix || uri_is(transport, "tcp"))
		return 0;
	if (uri_is(transport, "rdma"))
		return uri_refuse(why, "GlusterFS has no transport rdma any more; use gluster+tcp");
	return uri_refuse(why, "its transport \"%.*s\" is neither tcp nor unix", URI_SHOWN(transport));
}

static int parse_server(struct uri_text t, struct gluster_uri *uri, const struct uri_why *why)
{
	unsigned port = GLUSTERD_PORT;
	int rc;

	if (memchr(t.at, '@', t.len))
		return uri_refuse(why, "GlusterFS has no users: leave out what stands before the @");
	if (uri->is_unix && t.len)
		return uri_refuse(why, "with gluster+unix no host is named: its socket is, ?socket=PATH");
	if (uri->is_unix)
		return 0;
	rc = uri_host_port(t, uri->host, sizeof(uri->host), &port, why);
	uri->port = (uint16_t)port;
	return rc;
}

/* --- volume and path ------------------------------------------------------------------- */

/* As libgfapi has it. */
static int check_volume(const char *volume, const struct uri_why *why)
{
	if (!volume[0])
		return uri_refuse(why, "the volume is missing");
	for (const char *c = volume; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
			return uri_refuse(why, "the volume's name has another character than letters, digits, _ and -");
	if (volume[0] == '-')
		return uri_refuse(why, "the volume's name begins with -");
	return 0;
}

static int check_path(const char *path, const struct uri_why *why)
{
	size_t n = strlen(path);

	if (n < 2 || path[n - 1] == '/')
		return uri_refuse(why, "the path of the image in the volume is missing");
	for (const char *c = strstr(path, "/.."); c; c = strstr(c + 1, "/.."))
		if (!c[3] || c[3] == '/')
			return uri_refuse(why, "the path has a \"..\"");
	return 0;
}

/* What stands behind the server and its slash. */
static int parse_place(struct uri_text path, struct gluster_uri *uri, const struct uri_why *why)
{
	struct uri_text volume = uri_cut(&path, '/');
	int rc = uri_decode(volume, "volume", uri->volume, sizeof(uri->volume), why);

	if (rc == 0)
		rc = check_volume(uri->volume, why);
	if (rc < 0)
		return rc;
	/* libgfapi wants its slash. */
	uri->path[0] = '/';
	rc = uri_decode(path, "path", uri->path + 1, sizeof(uri->path) - 1, why);
	return rc < 0 ? rc : check_path(uri->path, why);
}

/* --- options --------------------------------------------------------------------------- */

static int set_socket(struct uri_text value, struct gluster_uri *uri, const struct uri_why *why)
{
	int rc;

	if (!uri->is_unix)
		return uri_refuse(why, "socket= goes with gluster+unix only");
	rc = uri_decode(value, "socket", uri->socket, sizeof(uri->socket), why);
	if (rc == 0 && uri->socket[0] != '/')
		return uri_refuse(why, "the socket is no absolute path");
	return rc;
}

static int set_timeout(struct uri_text value, struct gluster_uri *uri, const struct uri_why *why)
{
	if (uri_number(value, 1, MAX_TIMEOUT_S, &uri->timeout_s))
		return 0;
	return uri_refuse(why, "timeout= is no number of seconds from 1 to %u", MAX_TIMEOUT_S);
}

static int set_bricks(struct uri_text last, struct gluster_uri *uri, const struct uri_why *why)
{
	bool range = memchr(last.at, '-', last.len);
	struct uri_text first = range ? uri_cut(&last, '-') : last;
	unsigned from = 0, to = 0;

	if (!uri_number(first, 1, UINT16_MAX, &from) || !uri_number(last, from, UINT16_MAX, &to))
		return uri_refuse(why, "bricks= is no range of ports such as %u-%u", BRICKS_FIRST, BRICKS_LAST);
	uri->first = (uint16_t)from;
	uri->last = (uint16_t)to;
	return 0;
}

static const struct option {
	const char *name;
	int (*set)(struct uri_text value, struct gluster_uri *uri, const struct uri_why *why);
} options[] = { { "socket", set_socket }, { "timeout", set_timeout }, { "bricks", set_bricks } };

static int parse_option(struct uri_text value, struct gluster_uri *uri, unsigned *seen, const struct uri_why *why)
{
	struct uri_text all = value, name = uri_cut(&value, '=');

	if (name.len == all.len)
		return uri_refuse(why, "option \"%.*s\": is not NAME=VALUE", URI_SHOWN(name));
	for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
		if (!uri_is(name, options[i].name))
			continue;
		if (*seen & (1u << i))
			return uri_refuse(why, "%s= is there twice", options[i].name);
		*seen |= 1u << i;
		return options[i].set(value, uri, why);
	}
	if (uri_is(name, "debug") || uri_is(name, "logfile"))
		return uri_refuse(why, "%.*s= is QEMU's: what libgfapi logs is in the backend's log with --log-level=debug",
			URI_SHOWN(name));
	return uri_refuse(why, "there is no option %.*s=; there are socket=, timeout= and bricks=", URI_SHOWN(name));
}

static int parse_options(struct uri_text t, struct gluster_uri *uri, const struct uri_why *why)
{
	unsigned seen = 0;
	int rc = 0;

	while (rc == 0 && t.len)
		rc = parse_option(uri_cut(&t, '&'), uri, &seen, why);
	if (rc == 0 && uri->is_unix && !uri->socket[0])
		return uri_refuse(why, "gluster+unix needs ?socket=PATH");
	return rc;
}

int gluster_uri_parse(const char *text, struct gluster_uri *uri, char *why_text, size_t room)
{
	const struct uri_why why = { why_text, room };
	struct uri_text query = { text, strlen(text) }, scheme, server, path;
	const char *colon = strstr(text, "://");
	int rc;

	*uri = (struct gluster_uri){ .first = BRICKS_FIRST, .last = BRICKS_LAST };
	if (!colon)
		return uri_refuse(&why, "it has no ://");
	if (strchr(text, '#'))
		return uri_refuse(&why, "a # in it is written %%23");
	scheme = uri_cut(&query, ':');
	query.at += 2;
	query.len -= 2;
	path = uri_cut(&query, '?');
	server = uri_cut(&path, '/');
	rc = parse_transport(scheme, uri, &why);
	if (rc == 0)
		rc = parse_server(server, uri, &why);
	if (rc == 0)
		rc = parse_place(path, uri, &why);
	return rc < 0 ? rc : parse_options(query, uri, &why);
}

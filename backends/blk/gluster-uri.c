// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/gluster-uri.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"

/* Where glusterd and its bricks listen if nobody says otherwise. */
#define GLUSTERD_PORT 24007u
#define BRICKS_FIRST 49152u
#define BRICKS_LAST 60999u
#define MAX_TIMEOUT_S 86400u

struct parser {
	char *why;
	size_t room;
};

static int fail(const struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int fail(const struct parser *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->why, p->room, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* --- pieces ---------------------------------------------------------------------------- */

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
		c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* @n bytes of @text without their %XX. What no line and no name can show is refused. */
static int unescape(const struct parser *p, const char *part, const char *text, size_t n, char *to, size_t room)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		int c = (unsigned char)text[i];

		if (c == '%') {
			int high = i + 1 < n ? hex(text[i + 1]) : -1;

			c = i + 2 < n ? hex(text[i + 2]) : -1;
			if (high < 0 || c < 0)
				return fail(p, "the %s has a %% that no two hexadecimal digits follow", part);
			c |= high << 4;
			i += 2;
		}
		if (c < ' ' || c == 0x7f)
			return fail(p, "the %s has a control character", part);
		if (len + 1 >= room)
			return fail(p, "the %s is longer than %zu bytes", part, room - 1);
		to[len++] = (char)c;
	}
	to[len] = '\0';
	return 0;
}

/* A decimal number up to @most, and where it ends; -1: it is none. */
static long number(const char **text, long most)
{
	long n = 0;

	if (!isdigit((unsigned char)**text))
		return -1;
	for (; isdigit((unsigned char)**text); (*text)++) {
		n = n * 10 + (**text - '0');
		if (n > most)
			return -1;
	}
	return n;
}

/* --- transport and server -------------------------------------------------------------- */

static int parse_transport(const struct parser *p, const char *text, size_t n, struct gluster_uri *uri)
{
	if (n < 7 || strncmp(text, "gluster", 7) != 0 || (n > 7 && text[7] != '+'))
		return fail(p, "its scheme is not gluster, gluster+tcp or gluster+unix");
	text += 7;
	n -= 7;
	uri->is_unix = n == 5 && strncmp(text, "+unix", 5) == 0;
	if (n == 0 || uri->is_unix || (n == 4 && strncmp(text, "+tcp", 4) == 0))
		return 0;
	if (n == 5 && strncmp(text, "+rdma", 5) == 0)
		return fail(p, "GlusterFS has no transport rdma any more; use gluster+tcp");
	return fail(p, "its transport \"%.*s\" is neither tcp nor unix", n < 16 ? (int)n - 1 : 15, text + 1);
}

/* What stands before the port, with its brackets. */
static size_t host_length(const char *text, size_t n)
{
	const char *end;

	if (n && text[0] == '[') {
		end = memchr(text, ']', n);
		return end ? (size_t)(end - text) + 1 : n;
	}
	end = memchr(text, ':', n);
	return end ? (size_t)(end - text) : n;
}

static int check_host(const struct parser *p, const char *host)
{
	for (const char *c = host; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(".-_:", *c))
			return fail(p, "the host \"%.64s\" has a character that no host's name has", host);
	return 0;
}

static int parse_host(const struct parser *p, const char *text, size_t n, struct gluster_uri *uri)
{
	struct in6_addr six;
	int rc;

	if (text[0] != '[') {
		rc = unescape(p, "host", text, n, uri->host, sizeof(uri->host));
		return rc < 0 ? rc : check_host(p, uri->host);
	}
	if (n < 3 || text[n - 1] != ']')
		return fail(p, "the host's [ has no ]");
	rc = unescape(p, "host", text + 1, n - 2, uri->host, sizeof(uri->host));
	if (rc == 0 && inet_pton(AF_INET6, uri->host, &six) != 1)
		return fail(p, "the host in brackets is no IPv6 address");
	return rc;
}

static int parse_port(const struct parser *p, const char *text, size_t n, struct gluster_uri *uri)
{
	const char *at = text + 1;
	long port;

	uri->port = GLUSTERD_PORT;
	if (n == 0)
		return 0;
	if (text[0] != ':')
		return fail(p, "the host's ] is followed by neither : nor /");
	port = number(&at, UINT16_MAX);
	if (port <= 0 || at != text + n)
		return fail(p, "the port is no number from 1 to 65535");
	uri->port = (uint16_t)port;
	return 0;
}

static int parse_server(const struct parser *p, const char *text, size_t n, struct gluster_uri *uri)
{
	size_t host = host_length(text, n);
	int rc;

	if (memchr(text, '@', n))
		return fail(p, "GlusterFS has no users: leave out what stands before the @");
	if (uri->is_unix)
		return n ? fail(p, "with gluster+unix no host is named: its socket is, ?socket=PATH") : 0;
	if (host == 0)
		return n ? fail(p, "the port has no host") : fail(p, "the host is missing");
	rc = parse_host(p, text, host, uri);
	return rc < 0 ? rc : parse_port(p, text + host, n - host, uri);
}

/* --- volume and path ------------------------------------------------------------------- */

/* As libgfapi has it. */
static int check_volume(const struct parser *p, const char *volume)
{
	if (!volume[0])
		return fail(p, "the volume is missing");
	for (const char *c = volume; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
			return fail(p, "the volume's name has another character than letters, digits, _ and -");
	if (volume[0] == '-')
		return fail(p, "the volume's name begins with -");
	return 0;
}

static int check_path(const struct parser *p, const char *path)
{
	size_t n = strlen(path);

	if (n < 2 || path[n - 1] == '/')
		return fail(p, "the path of the image in the volume is missing");
	for (const char *c = strstr(path, "/.."); c; c = strstr(c + 1, "/.."))
		if (!c[3] || c[3] == '/')
			return fail(p, "the path has a \"..\"");
	return 0;
}

/* From the / behind the server. */
static int parse_place(const struct parser *p, const char *text, size_t n, struct gluster_uri *uri)
{
	const char *slash = n ? memchr(text + 1, '/', n - 1) : NULL;
	size_t volume = slash ? (size_t)(slash - text) - 1 : n ? n - 1 : 0;
	int rc;

	if (n == 0)
		return fail(p, "the volume is missing");
	rc = unescape(p, "volume", text + 1, volume, uri->volume, sizeof(uri->volume));
	if (rc == 0)
		rc = check_volume(p, uri->volume);
	if (rc == 0)
		rc = unescape(p, "path", text + 1 + volume, n - 1 - volume, uri->path, sizeof(uri->path));
	return rc < 0 ? rc : check_path(p, uri->path);
}

/* --- options --------------------------------------------------------------------------- */

static int set_socket(const struct parser *p, const char *value, struct gluster_uri *uri)
{
	int rc;

	if (!uri->is_unix)
		return fail(p, "socket= goes with gluster+unix only");
	rc = unescape(p, "socket", value, strlen(value), uri->socket, sizeof(uri->socket));
	if (rc == 0 && uri->socket[0] != '/')
		return fail(p, "the socket is no absolute path");
	return rc;
}

static int set_timeout(const struct parser *p, const char *value, struct gluster_uri *uri)
{
	long n = number(&value, MAX_TIMEOUT_S);

	if (n <= 0 || *value)
		return fail(p, "timeout= is no number of seconds from 1 to %u", MAX_TIMEOUT_S);
	uri->timeout_s = (uint32_t)n;
	return 0;
}

static int set_bricks(const struct parser *p, const char *value, struct gluster_uri *uri)
{
	long first = number(&value, UINT16_MAX), last = first;

	if (first > 0 && *value == '-') {
		value++;
		last = number(&value, UINT16_MAX);
	}
	if (first <= 0 || last < first || *value)
		return fail(p, "bricks= is no range of ports such as %u-%u", BRICKS_FIRST, BRICKS_LAST);
	uri->first = (uint16_t)first;
	uri->last = (uint16_t)last;
	return 0;
}

static const struct option {
	const char *name;
	int (*set)(const struct parser *p, const char *value, struct gluster_uri *uri);
} options[] = { { "socket", set_socket }, { "timeout", set_timeout }, { "bricks", set_bricks } };

static int parse_option(const struct parser *p, const char *text, size_t n, struct gluster_uri *uri, unsigned *seen)
{
	char copy[3 * GLUSTER_SOCKET + 16];
	char *value;

	if (n >= sizeof(copy))
		return fail(p, "an option is longer than %zu bytes", sizeof(copy) - 1);
	memcpy(copy, text, n);
	copy[n] = '\0';
	value = strchr(copy, '=');
	if (!value)
		return fail(p, "an option is not NAME=VALUE");
	*value++ = '\0';
	for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
		if (strcmp(options[i].name, copy) != 0)
			continue;
		if (*seen & (1u << i))
			return fail(p, "%s= is there twice", copy);
		*seen |= 1u << i;
		return options[i].set(p, value, uri);
	}
	if (strcmp(copy, "debug") == 0 || strcmp(copy, "logfile") == 0)
		return fail(p, "%s= is QEMU's: what libgfapi logs is in the backend's log with --log-level=debug", copy);
	for (char *c = copy; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
			*c = '?';
	return fail(p, "there is no option %.32s=; there are socket=, timeout= and bricks=", copy);
}

static int parse_options(const struct parser *p, const char *text, struct gluster_uri *uri)
{
	unsigned seen = 0;
	int rc = 0;

	while (rc == 0 && *text) {
		size_t n = strcspn(text, "&");

		rc = parse_option(p, text, n, uri, &seen);
		text += n + (text[n] == '&');
	}
	if (rc == 0 && uri->is_unix && !uri->socket[0])
		return fail(p, "gluster+unix needs ?socket=PATH");
	return rc;
}

int gluster_uri_parse(const char *text, struct gluster_uri *uri, char *why, size_t room)
{
	const struct parser p = { why, room };
	const char *server = strstr(text, "://"), *place, *query;
	int rc;

	*uri = (struct gluster_uri){ .first = BRICKS_FIRST, .last = BRICKS_LAST };
	if (!server)
		return fail(&p, "it has no ://");
	rc = parse_transport(&p, text, (size_t)(server - text), uri);
	server += 3;
	place = server + strcspn(server, "/?#");
	query = place + strcspn(place, "?#");
	if (rc == 0 && strchr(server, '#'))
		return fail(&p, "a # in it is written %%23");
	if (rc == 0)
		rc = parse_server(&p, server, (size_t)(place - server), uri);
	if (rc == 0)
		rc = parse_place(&p, place, (size_t)(query - place), uri);
	return rc < 0 ? rc : parse_options(&p, *query ? query + 1 : query, uri);
}

// SPDX-License-Identifier: MIT
/*
 * A volume's file is a graph of translators, each of which is
 *
 *	volume NAME
 *	    type KIND/NAME
 *	    option KEY VALUE
 *	    subvolumes NAME..
 *	end-volume
 *
 * libgfapi has a parser of its own. This one looks for what has to be known before.
 */
#include "config.h"
#include "backends/blk/gluster-volfile.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/array.h"

#define GLUSTERD_PORT 24007u
#define VOLFILE_LINE 4096u

/** struct xlator - the translator that is being read. */
struct xlator {
	bool open;
	char type[64];
	char host[VOLFILE_HOST];
	unsigned port;
	bool has_socket, tls, strict;
};

static int volfile_fail(char *why, size_t room, int error, const char *text)
{
	snprintf(why, room, "%s", text);
	return error;
}

static bool value_is_on(const char *value)
{
	static const char *const on[] = { "on", "yes", "true", "enable", "1" };

	for (unsigned i = 0; i < ARRAY_SIZE(on); i++)
		if (strcasecmp(value, on[i]) == 0)
			return true;
	return false;
}

/* It becomes part of a line for people, and of a query to a name server. */
static bool host_is_plain(const char *host)
{
	for (const char *c = host; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(".-_:", *c))
			return false;
	return host[0] && host[0] != '-';
}

static int add_host(const struct xlator *x, struct volfile *v, char *why, size_t room)
{
	unsigned port = x->port ? x->port : GLUSTERD_PORT;

	if (!host_is_plain(x->host))
		return volfile_fail(why, room, -EPROTO, "a brick's host is no name and no address");
	for (unsigned i = 0; i < v->hosts; i++)
		if (strcasecmp(v->host[i].name, x->host) == 0 && v->host[i].port == port)
			return 0;
	if (v->hosts == VOLFILE_HOSTS)
		return volfile_fail(why, room, -E2BIG, "its bricks are on more than 16 hosts");
	strcpy(v->host[v->hosts].name, x->host);
	v->host[v->hosts++].port = (uint16_t)port;
	return 0;
}

/* The translator is whole. */
static int end_xlator(const struct xlator *x, struct volfile *v, char *why, size_t room)
{
	if (strcmp(x->type, "performance/write-behind") == 0) {
		v->strict_o_direct = x->strict && (v->strict_o_direct || !v->write_behind);
		v->write_behind = true;
	}
	if (strcmp(x->type, "cluster/disperse") == 0)
		v->no_zerofill = true;
	if (strcmp(x->type, "protocol/client") != 0)
		return 0;
	if (x->tls)
		return volfile_fail(why, room, -EOPNOTSUPP,
			"it wants TLS of its clients, which needs files that a confined backend cannot open; set client.ssl off and encrypt its network");
	if (x->has_socket)
		return volfile_fail(why, room, -EOPNOTSUPP, "its bricks are reached by Unix sockets");
	return add_host(x, v, why, room);
}

/* --- lines ------------------------------------------------------------------------------- */

/* The next word, and the line after it. NULL: there is none. */
static char *next_word(char **line)
{
	char *word = *line + strspn(*line, " \t\r");

	if (!*word)
		return NULL;
	*line = word + strcspn(word, " \t\r");
	if (**line)
		*(*line)++ = '\0';
	return word;
}

static int take_option(struct xlator *x, const char *key, const char *value, char *why, size_t room)
{
	if (strcmp(key, "remote-host") == 0) {
		if (strlen(value) >= sizeof(x->host))
			return volfile_fail(why, room, -EPROTO, "a brick's host has too long a name");
		strcpy(x->host, value);
	} else if (strcmp(key, "remote-port") == 0) {
		unsigned long port = strtoul(value, NULL, 10);

		if (port == 0 || port > UINT16_MAX)
			return volfile_fail(why, room, -EPROTO, "a brick's port is none");
		x->port = (unsigned)port;
	} else if (strcmp(key, "transport.socket.connect-path") == 0) {
		x->has_socket = true;
	} else if (strcmp(key, "transport.socket.ssl-enabled") == 0) {
		x->tls = value_is_on(value);
	} else if (strcmp(key, "strict-O_DIRECT") == 0) {
		x->strict = value_is_on(value);
	}
	return 0;
}

static int take_line(struct xlator *x, char *line, struct volfile *v, char *why, size_t room)
{
	const char *word = next_word(&line), *key, *value;

	if (!word || word[0] == '#')
		return 0;
	if (strcmp(word, "volume") == 0) {
		if (x->open)
			return volfile_fail(why, room, -EPROTO, "a translator begins within another");
		*x = (struct xlator){ .open = true };
		return 0;
	}
	if (!x->open)
		return volfile_fail(why, room, -EPROTO, "it has lines outside of translators");
	key = next_word(&line);
	if (strcmp(word, "end-volume") == 0) {
		x->open = false;
		return end_xlator(x, v, why, room);
	}
	if (strcmp(word, "type") == 0 && key)
		snprintf(x->type, sizeof(x->type), "%s", key);
	if (strcmp(word, "option") != 0 || !key)
		return 0;
	value = next_word(&line);
	return take_option(x, key, value ? value : "", why, room);
}

int volfile_parse(const char *text, size_t length, struct volfile *v, char *why, size_t room)
{
	struct xlator x = { .open = false };
	char line[VOLFILE_LINE];
	int rc = 0;

	memset(v, 0, sizeof(*v));
	if (length > VOLFILE_BYTES)
		return volfile_fail(why, room, -E2BIG, "its file is larger than a megabyte");
	while (rc == 0 && length) {
		const char *end = memchr(text, '\n', length);
		size_t n = end ? (size_t)(end - text) : length;

		if (n >= sizeof(line) || memchr(text, '\0', n))
			return volfile_fail(why, room, -EPROTO, "its file has a line that is none");
		memcpy(line, text, n);
		line[n] = '\0';
		rc = take_line(&x, line, v, why, room);
		text += n + !!end;
		length -= n + !!end;
	}
	if (rc == 0 && (x.open || v->hosts == 0))
		return volfile_fail(why, room, -EPROTO, x.open ? "its file ends within a translator" : "its file names no bricks");
	return rc;
}

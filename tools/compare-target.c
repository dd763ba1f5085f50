// SPDX-License-Identifier: MIT
/* Names of storage as our drivers take them, for fio and QEMU, which take them in parts. */
#include "config.h"
#include "tools/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/storage-name.h"

static bool begins(const char **text, const char *with)
{
	size_t n = strlen(with);

	if (strncmp(*text, with, n) != 0)
		return false;
	*text += n;
	return true;
}

/* @text up to one of @ends, which it goes on to. False: nothing, or no room. */
static bool take(const char **text, const char *ends, char *to, size_t room)
{
	size_t n = strcspn(*text, ends);

	if (n == 0 || n >= room)
		return false;
	memcpy(to, *text, n);
	to[n] = '\0';
	*text += n;
	return true;
}

/* The value of @key in a URI's query. */
static bool query(const char *text, const char *key, char *to, size_t room)
{
	size_t n = strlen(key);

	for (text = strchr(text, '?'); text; text = strchr(text, '&')) {
		text++;
		if (strncmp(text, key, n) == 0 && text[n] == '=') {
			text += n + 1;
			return take(&text, "&", to, room);
		}
	}
	return false;
}

/* HOST[:PORT], also [ADDRESS]. */
static bool take_host(const char **text, struct compare_target *t)
{
	if (**text == '[') {
		++*text;
		if (!take(text, "]", t->host, sizeof(t->host)) || !begins(text, "]"))
			return false;
	} else if (!take(text, ":/?", t->host, sizeof(t->host))) {
		return false;
	}
	return !begins(text, ":") || take(text, "/?", t->port, sizeof(t->port));
}

/* HOST[:PORT]/VOLUME/PATH */
static bool take_gluster(const char *text, struct compare_target *t)
{
	t->kind = COMPARE_GLUSTER;
	return take_host(&text, t) && begins(&text, "/") && take(&text, "/?", t->name, sizeof(t->name)) &&
		take(&text, "?", t->path, sizeof(t->path));
}

/* HOST[:PORT]/TARGET/UNIT */
static bool take_iscsi(const char *text, struct compare_target *t)
{
	t->kind = COMPARE_ISCSI;
	(void)query(text, "initiator", t->initiator, sizeof(t->initiator));
	return take_host(&text, t) && begins(&text, "/") && take(&text, "/?", t->name, sizeof(t->name)) &&
		begins(&text, "/") && take(&text, "?", t->unit, sizeof(t->unit));
}

/* [HOST[:PORT]]/[EXPORT][?socket=PATH] */
static bool take_nbd(const char *text, bool unix_socket, struct compare_target *t)
{
	t->kind = COMPARE_NBD;
	if (unix_socket) {
		if (!query(text, "socket", t->path, sizeof(t->path)))
			return false;
	} else if (!take_host(&text, t)) {
		return false;
	}
	if (begins(&text, "/"))
		(void)take(&text, "?", t->name, sizeof(t->name));
	return true;
}

/* PATH:NUMBER */
static bool take_partition(const char *text, struct compare_target *t)
{
	const char *which = storage_name_which(text);

	t->kind = COMPARE_PARTITION;
	if (!which || (size_t)(which - text) >= sizeof(t->path) || !which[1] ||
		strspn(which + 1, "0123456789") != strlen(which + 1) || strlen(which + 1) >= sizeof(t->unit))
		return false;
	memcpy(t->path, text, which - text);
	strcpy(t->unit, which + 1);
	return true;
}

int compare_target_parse(const char *name, struct compare_target *t, char *why, size_t room)
{
	const char *text = name;
	bool fine;

	*t = (struct compare_target){ .kind = COMPARE_FILE };
	if (begins(&text, "gluster://") || begins(&text, "gluster+tcp://"))
		fine = take_gluster(text, t);
	else if (begins(&text, "iscsi://"))
		fine = take_iscsi(text, t);
	else if (begins(&text, "nbd://"))
		fine = take_nbd(text, false, t);
	else if (begins(&text, "nbd+unix://"))
		fine = take_nbd(text, true, t);
	else if (begins(&text, STORAGE_PARTITION))
		fine = take_partition(text, t);
	else
		fine = !strstr(name, "://");
	if (fine)
		return 0;
	snprintf(why, room, "%s: there is nobody to compare with for that; possible are a file or device,"
		" gluster://HOST/VOLUME/PATH, iscsi://HOST/TARGET/UNIT, nbd://HOST/EXPORT, nbd+unix:///?socket=PATH"
		" and partition:PATH:NUMBER", name);
	return -EINVAL;
}

bool compare_target_peers(const struct compare_target *t, enum compare_peer peer)
{
	switch (peer) {
	case PEER_SLUICE:
		return true;
	case PEER_FIO:
	case PEER_FIO_PSYNC:
		return t->kind == COMPARE_FILE || t->kind == COMPARE_PARTITION;
	case PEER_FIO_GFAPI:
		return t->kind == COMPARE_GLUSTER;
	case PEER_FIO_NBD:
		return t->kind == COMPARE_NBD;
	case PEER_QEMU_POLL:
	case PEER_QEMU_WAIT:
		return t->kind > COMPARE_PARTITION;
	default:
		return t->kind == COMPARE_FILE;
	}
}

static int put_gluster(const struct compare_target *t, char *to, size_t room)
{
	return snprintf(to, room, "driver=gluster,volume=%s,path=%s,server.0.type=inet,server.0.host=%s,server.0.port=%s",
		t->name, t->path, t->host, t->port[0] ? t->port : "24007");
}

static int put_iscsi(const struct compare_target *t, char *to, size_t room)
{
	bool address = strchr(t->host, ':') != NULL;

	return snprintf(to, room, "driver=iscsi,transport=tcp,portal=%s%s%s:%s,target=%s,lun=%s%s%s",
		address ? "[" : "", t->host, address ? "]" : "", t->port[0] ? t->port : "3260", t->name, t->unit,
		t->initiator[0] ? ",initiator-name=" : "", t->initiator);
}

static int put_nbd(const struct compare_target *t, char *to, size_t room)
{
	if (t->path[0])
		return snprintf(to, room, "driver=nbd,server.type=unix,server.path=%s,export=%s", t->path, t->name);
	return snprintf(to, room, "driver=nbd,server.type=inet,server.host=%s,server.port=%s,export=%s", t->host,
		t->port[0] ? t->port : "10809", t->name);
}

bool compare_target_blockdev(const struct compare_target *t, char *to, size_t room)
{
	static int (*const put[])(const struct compare_target *t, char *to, size_t room) = {
		[COMPARE_GLUSTER] = put_gluster,
		[COMPARE_ISCSI] = put_iscsi,
		[COMPARE_NBD] = put_nbd,
	};
	int n;

	/* QEMU's lists have commas; what has one itself would be taken apart. */
	if (t->kind >= ARRAY_SIZE(put) || !put[t->kind] || strpbrk(t->path, ",") || strpbrk(t->name, ","))
		return false;
	n = put[t->kind](t, to, room);
	return n > 0 && (size_t)n < room;
}

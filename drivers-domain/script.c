// SPDX-License-Identifier: MIT
#include "config.h"
#include "drivers-domain/script.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/array.h"

/* Ours alone to give; and a script is no backend, so it has no connection of its own. */
static const char *const script_hidden[] = { "SLUICE_HYPERVISOR=", "SLUICE_INITWAIT_MS=",
	"script=", "XENBUS_", "netdev=", "vif=", "INTERFACE=" };

static const char script_letters[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";

enum script_use script_use(const char *kind, const char *script)
{
	const char *name;

	if (!script)
		return SCRIPT_IGNORED;
	if (strcmp(kind, "vif") == 0)
		return SCRIPT_AFTER;
	if (strcmp(kind, "vbd") != 0)
		return SCRIPT_IGNORED;
	name = strrchr(script, '/');
	return strcmp(name ? name + 1 : script, "block") == 0 ? SCRIPT_NATIVE : SCRIPT_BEFORE;
}

int script_check(const char *script, const char *dir, char *why, size_t why_room)
{
	size_t n = strlen(dir);
	const char *name = script + n + 1;

	if (strncmp(script, dir, n) != 0 || script[n] != '/' || !*name || strchr(name, '/')) {
		snprintf(why, why_room, "%.100s is no file in %s, where scripts have to be"
			" (--script-dir)", script, dir);
		return -EPERM;
	}
	if (name[0] != '.' && strspn(name, script_letters) == strlen(name))
		return 0;
	snprintf(why, why_room, "the script's name has other characters than letters, digits"
		" and ._+-");
	return -EPERM;
}

static bool script_is_ours_alone(const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == geteuid()) && !(st->st_mode & 022);
}

int script_open(const char *script, const char *dir, char *why, size_t why_room)
{
	struct stat st;
	int rc = 0;

	if (lstat(script, &st) < 0) {
		rc = -errno;
		snprintf(why, why_room, "%.100s: %s; install it in this domain", script, strerror(-rc));
	} else if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111)) {
		rc = -EACCES;
		snprintf(why, why_room, "%.100s is no executable file", script);
	} else if (!script_is_ours_alone(&st) || stat(dir, &st) < 0 || !script_is_ours_alone(&st)) {
		rc = -EPERM;
		snprintf(why, why_room, "others may change %.100s or %s; make both root's, without"
			" write permission for group and others", script, dir);
	}
	return rc;
}

static bool script_is_hidden(const char *variable)
{
	for (unsigned i = 0; i < ARRAY_SIZE(script_hidden); i++)
		if (strncmp(variable, script_hidden[i], strlen(script_hidden[i])) == 0)
			return true;
	return false;
}

/* "NAME=VALUE" at the end of the text. */
static void script_put(char ***next, char **text, const char *end, const char *name, const char *value)
{
	int n = snprintf(*text, (size_t)(end - *text), "%s=%s", name, value);

	*(*next)++ = *text;
	*text += n + 1;
}

char **script_environment(char *const *base, const struct script_device *v)
{
	size_t inherited = 0, room = 512;
	char vif[32], emulated[40], **env, **next, *text, *end;

	while (base[inherited])
		inherited++;
	room += strlen(v->script) + 2 * strlen(v->leaf) + (v->gatewaydev ? strlen(v->gatewaydev) : 0);
	env = calloc(1, (inherited + 12) * sizeof(*env) + room);
	if (!env)
		return NULL;
	next = env;
	text = (char *)(env + inherited + 12);
	end = text + room;
	script_put(&next, &text, end, "script", v->script);
	script_put(&next, &text, end, "XENBUS_TYPE", v->name->kind);
	script_put(&next, &text, end, "XENBUS_PATH", v->leaf);
	script_put(&next, &text, end, "XENBUS_BASE_PATH", "backend");
	if (strcmp(v->name->kind, "vif") == 0) {
		snprintf(vif, sizeof(vif), "vif%" PRIu32 ".%" PRIu32, v->name->frontend, v->name->devid);
		snprintf(emulated, sizeof(emulated), "%s-emu", vif);
		script_put(&next, &text, end, "netdev", v->gatewaydev ? v->gatewaydev : "");
		script_put(&next, &text, end, "vif", vif);
		if (v->type && strcmp(v->type, "vif_ioemu") == 0)
			script_put(&next, &text, end, "INTERFACE", emulated);
	}
	for (size_t i = 0; i < inherited; i++)
		if (!script_is_hidden(base[i]))
			*next++ = base[i];
	return env;
}

const char *const *script_arguments(enum script_use use, bool up)
{
	static const char *const online[] = { "online", "type_if=vif", NULL };
	static const char *const offline[] = { "offline", "type_if=vif", NULL };
	static const char *const add[] = { "add", NULL };
	static const char *const removal[] = { "remove", NULL };

	if (use == SCRIPT_AFTER)
		return up ? online : offline;
	return up ? add : removal;
}

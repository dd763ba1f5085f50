// SPDX-License-Identifier: MIT
/* Process driver domains: type="process", and what such a domain may reach. */
#include "config.h"
#include "tools/cfg-private.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/net/link.h"
#include "common/array.h"
#include "common/servers-named.h"
#include "tools/cfg-keys.h"
#include "tools/reach-arg.h"

static const char *const process_keys[] = { "bridges", "devices", "directories", "interfaces", "servers" };
/* Those of xl.cfg(5) that a process domain has, too. */
static const char *const shared_keys[] = { "name", "type", "uuid", "driver_domain" };

static bool is_among(const char *const *names, unsigned count, const char *name)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

bool cfg_process_has(const char *name)
{
	return is_among(process_keys, ARRAY_SIZE(process_keys), name);
}

static int check_key(struct cfg *c, const struct set_key *set)
{
	if (cfg_process_has(set->name) || is_among(shared_keys, ARRAY_SIZE(shared_keys), set->name))
		return 0;
	if (cfg_key_find(set->name))
		cfg_fail(c, set->line, "%s is for vms: a process domain (type=\"process\") has no vCPUs, memory,"
			" kernel or devices of its own; remove it", set->name);
	else
		cfg_fail(c, set->line, "%s is no key of a process domain; sluice-create(1) lists them", set->name);
	return -EINVAL;
}

/* All of them, so that one run tells all that is wrong. */
static int check_keys(struct cfg *c)
{
	int error = 0;

	for (unsigned i = 0; i < c->nkeys; i++) {
		int e = check_key(c, &c->keys[i]);

		error = error ? error : e;
	}
	return error;
}

static int check_driver(struct cfg *c)
{
	long driver = 1;
	int error = cfg_want_number(c, "driver_domain", 0, 1, &driver);

	if (error < 0 || driver)
		return error;
	cfg_fail(c, cfg_line_of(c, "driver_domain"), "a process domain is a driver domain: driver_domain must"
		" be 1, or be left out");
	return -EINVAL;
}

/* --- what it may reach ------------------------------------------------- */

typedef int (*item_fn)(struct cfg *c, const char *key, const char *item);

static int each_item(struct cfg *c, const char *key, const char *example, unsigned max, item_fn fn)
{
	XLU_ConfigList *list = NULL;
	int count, error = 0;

	if (!cfg_find_set(c, key))
		return 0;
	count = cfg_list_length(c, key, &list);
	if (count < 0 || (unsigned)count > max) {
		cfg_fail(c, cfg_line_of(c, key), count < 0 ? "%s must be a list: %s=[ \"%s\" ]" :
			"%s: %s has more entries than are possible (such as \"%s\")", key, key, example);
		return -EINVAL;
	}
	for (int i = 0; i < count; i++) {
		const char *item = xlu_cfg_get_listitem(list, i);
		int e = item ? fn(c, key, item) : -EINVAL;

		if (!item)
			cfg_fail(c, cfg_line_of(c, key), "%s: each entry must be a string: %s=[ \"%s\" ]", key, key,
				example);
		error = error ? error : e;
	}
	return error;
}

static int fail_item(struct cfg *c, const char *key, const char *item, const char *why)
{
	cfg_fail(c, cfg_line_of(c, key), "%s: \"%s\": %s", key, item, why);
	return -EINVAL;
}

/* The path of @item, the caller's to free; NULL, said. */
static char *item_path(struct cfg *c, const char *key, const char *item, bool *readonly, struct stat *sb)
{
	struct stack_reach reach;
	char *text = strdup(item);

	if (!text)
		return NULL;
	reach_arg_parse(text, &reach);
	*readonly = reach.readonly;
	if (text[0] == '/' && stat(text, sb) == 0)
		return text;
	fail_item(c, key, item, text[0] == '/' ? strerror(errno) : "a path must begin with /");
	free(text);
	return NULL;
}

static int put_device(struct cfg *c, const char *key, const char *item)
{
	CLEANUP_FREE char *path = NULL;
	bool readonly;
	struct stat sb;

	path = item_path(c, key, item, &readonly, &sb);
	if (!path)
		return -EINVAL;
	if (S_ISDIR(sb.st_mode))
		return fail_item(c, key, item, "it is a directory: name it in directories=");
	if (!S_ISBLK(sb.st_mode) && !S_ISCHR(sb.st_mode))
		return fail_item(c, key, item, "it is no device: name the directory that it is in in directories=");
	if (readonly)
		return fail_item(c, key, item, "a device cannot be made read-only for one domain: leave ,ro out,"
			" and give its disks the access r");
	arg_list_add(c->args, "--device=%s", path);
	return 0;
}

/* What would be more than a directory with images in it. */
static const char *refuse_directory(const char *path)
{
	static const char *const trees[] = { "/proc", "/sys" };
	CLEANUP_FREE char *real = realpath(path, NULL);

	if (!real)
		return "it cannot be resolved";
	if (strcmp(real, "/") == 0)
		return "that would be all of the host: name the directories that it needs";
	if (strcmp(real, "/dev") == 0)
		return "that would be all devices: name those that it needs in devices=";
	for (unsigned i = 0; i < ARRAY_SIZE(trees); i++)
		if (strncmp(real, trees[i], strlen(trees[i])) == 0 &&
			(real[strlen(trees[i])] == '/' || !real[strlen(trees[i])]))
			return "the kernel's own files are not for a process domain: remove it";
	return NULL;
}

static int put_directory(struct cfg *c, const char *key, const char *item)
{
	CLEANUP_FREE char *path = NULL;
	const char *why;
	bool readonly;
	struct stat sb;

	path = item_path(c, key, item, &readonly, &sb);
	if (!path)
		return -EINVAL;
	if (!S_ISDIR(sb.st_mode))
		return fail_item(c, key, item, S_ISREG(sb.st_mode) ? "it is a file: name the directory that it is in" :
			"it is no directory: devices are named in devices=");
	why = refuse_directory(path);
	if (why)
		return fail_item(c, key, item, why);
	/* As it was written: a comma may be part of it. */
	arg_list_add(c->args, "--directory=%s,%s", path, readonly ? "ro" : "rw");
	return 0;
}

/* Why @name cannot be given to a domain; NULL: it can. */
static const char *refuse_interface(const char *name)
{
	if (strcmp(name, "lo") == 0)
		return "each domain has its own lo: remove it";
	if (!name[0] || strlen(name) >= IF_NAMESIZE || if_nametoindex(name) == 0)
		return "there is no such network interface; ip link shows them";
	if (geteuid() != 0)
		return "only root can give a network interface of the host to a domain";
	return NULL;
}

static int put_interface(struct cfg *c, const char *key, const char *item)
{
	const char *why = refuse_interface(item);

	if (why)
		return fail_item(c, key, item, why);
	arg_list_add(c->args, "--interface=%s", item);
	return 0;
}

static int put_bridge(struct cfg *c, const char *key, const char *item)
{
	const char *interface = strchr(item, '=');
	CLEANUP_FREE char *name = strndup(item, strcspn(item, "="));
	const char *why = name ? link_name_why(name) : "out of memory";

	if (!why && interface)
		why = refuse_interface(interface + 1);
	if (why)
		return fail_item(c, key, item, why);
	arg_list_add(c->args, "--bridge=%s", item);
	return 0;
}

/* What servers_named_add() says begins with the item's name, as what is said here does. */
static const char *without_name(const char *why)
{
	const char *reason = strstr(why, "\": ");

	return reason ? reason + 3 : why;
}

/* Looked up here and now, so that what is said names the line. */
static int put_server(struct cfg *c, const char *key, const char *item)
{
	struct servers_named n = { .servers = { .count = 0 } };
	CLEANUP_FREE char *text = strdup(item);
	char why[400], format[SERVERS_FORMAT_MAX];

	if (!text)
		return fail_item(c, key, item, "out of memory");
	if (strchr(text, ','))
		return fail_item(c, key, item, "one server each: [ \"HOST:PORT\", \"HOST:FIRST-LAST\" ]");
	if (servers_named_add(&n, text, why, sizeof(why)) < 0)
		return fail_item(c, key, item, without_name(why));
	c->nports += servers_ports(&n.servers);
	c->nservers += n.servers.count;
	if (c->nports > SERVERS_PORTS_MAX || c->nservers > SERVERS_MAX)
		return fail_item(c, key, item, "with this there are more than 64 addresses or 512 ports in all: name"
			" those that are needed");
	for (unsigned i = 0; i < n.servers.count; i++) {
		servers_named_format(&n, i, format, sizeof(format));
		arg_list_add(c->args, "--server=%s", format);
	}
	return 0;
}

int cfg_process(struct cfg *c)
{
	const char *name;
	int error = check_keys(c);

	if (error == 0)
		error = check_driver(c);
	if (error == 0)
		error = cfg_want_name(c, &name);
	if (error < 0)
		return error;
	arg_list_add(c->args, "--driver-process=%s", name);
	error = each_item(c, "devices", "/dev/sdb", STACK_PROCESS_PATHS, put_device);
	if (error == 0)
		error = each_item(c, "directories", "/srv/images,ro", STACK_PROCESS_PATHS, put_directory);
	if (error == 0)
		error = each_item(c, "interfaces", "eth1", STACK_PROCESS_INTERFACES, put_interface);
	if (error == 0)
		error = each_item(c, "bridges", "xenbr0=eth1", STACK_PROCESS_INTERFACES, put_bridge);
	if (error == 0)
		error = each_item(c, "servers", "198.51.100.7:3260", SERVERS_MAX, put_server);
	return error == 0 ? cfg_put_uuid(c) : error;
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/cfg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "tools/cfg-keys.h"
#include "tools/cfg-private.h"
#include "tools/boot.h"

/* A configuration file is text that somebody wrote. */
#define CFG_FILE_MAX (1u << 20)
/* --- the file ---------------------------------------------------------- */

static int read_all(int fd, char *text, size_t size, size_t *length)
{
	ssize_t n;

	while ((n = read(fd, text + *length, size - *length)) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		*length += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int load(struct cfg *c, const char *extra)
{
	CLEANUP_CLOSE int fd = open(c->path, O_RDONLY | O_CLOEXEC);
	size_t more = extra ? strlen(extra) + 2 : 0;
	int error = fd < 0 ? -errno : 0;

	c->text = malloc(CFG_FILE_MAX + more + 1);
	if (error == 0 && !c->text)
		error = -ENOMEM;
	if (error == 0)
		error = read_all(fd, c->text, CFG_FILE_MAX, &c->length);
	if (error == 0 && c->length == CFG_FILE_MAX)
		error = -EFBIG;
	if (error < 0) {
		log_err("%s: %s", c->path, strerror(-error));
		return error;
	}
	for (size_t i = 0; i < c->length; i++)
		c->lines += c->text[i] == '\n';
	c->lines += c->length && c->text[c->length - 1] != '\n';
	if (extra)
		c->length += (size_t)sprintf(c->text + c->length, "\n%s\n", extra);
	return 0;
}

static void say_lines(char *text)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		log_err("%s", line);
}

static int parse(struct cfg *c)
{
	CLEANUP_FREE char *said = NULL;
	size_t size;
	FILE *report = open_memstream(&said, &size);
	int error = ENOMEM;

	c->x = report ? xlu_cfg_init(report, c->path) : NULL;
	if (c->x)
		error = xlu_cfg_readdata(c->x, c->text, (int)c->length);
	if (report)
		fclose(report);
	if (error && said)
		say_lines(said);
	if (error) {
		/* It may not be asked for anything any more; nor does it report anything. */
		log_err("%s: cannot be read; xl.cfg(5) tells what is in such a file", c->path);
		return -error;
	}
	return 0;
}

void cfg_fail(const struct cfg *c, unsigned line, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (line > c->lines)
		log_err("on the command line: %s", text);
	else if (line)
		log_err("%s:%u: %s", c->path, line, text);
	else
		log_err("%s: %s", c->path, text);
}

struct set_key *cfg_find_set(struct cfg *c, const char *name)
{
	for (unsigned i = 0; i < c->nkeys; i++)
		if (strcmp(c->keys[i].name, name) == 0)
			return &c->keys[i];
	return NULL;
}

unsigned cfg_line_of(struct cfg *c, const char *name)
{
	const struct set_key *key = cfg_find_set(c, name);

	return key ? key->line : 0;
}

static int scan(struct cfg *c)
{
	char name[CFG_SCAN_NAME_MAX];
	struct cfg_scan s;
	unsigned line;

	cfg_scan_begin(&s, c->text, c->length);
	while ((line = cfg_scan_next(&s, name))) {
		struct set_key *key = cfg_find_set(c, name);

		if (!key && c->nkeys == CFG_KEYS_MAX) {
			cfg_fail(c, line, "more than %u keys", CFG_KEYS_MAX);
			return -E2BIG;
		}
		if (!key)
			key = &c->keys[c->nkeys++];
		memcpy(key->name, name, sizeof(name));
		key->line = line;
	}
	return 0;
}

/* --- keys -------------------------------------------------------------- */

static const char *get_string(const struct cfg *c, const char *name)
{
	const char *value = NULL;

	return xlu_cfg_get_string(c->x, name, &value, 1) == 0 ? value : NULL;
}

int cfg_list_length(const struct cfg *c, const char *name, XLU_ConfigList **list)
{
	int count = 0;

	return xlu_cfg_get_list(c->x, name, list, &count, 1) == 0 ? count : -1;
}

static bool is_off(const struct cfg *c, const struct cfg_key *key)
{
	const char *value = get_string(c, key->name);
	XLU_ConfigList *list;

	return value ? cfg_key_is_fine(key, value) : cfg_list_length(c, key->name, &list) == 0;
}

static int check_key(struct cfg *c, const struct set_key *set)
{
	const struct cfg_key *key = cfg_key_find(set->name);

	if (!key && cfg_process_has(set->name)) {
		cfg_fail(c, set->line, "%s is for process domains: write type=\"process\", or remove it", set->name);
		return -EINVAL;
	}
	if (!key) {
		cfg_fail(c, set->line, "%s is no key of xl.cfg(5); sluice create --keys lists them", set->name);
		return -EINVAL;
	}
	if (key->verdict == CFG_HONOURED || is_off(c, key))
		return 0;
	if (key->verdict == CFG_IGNORED) {
		log_warn("%s:%u: %s is ignored: %s", c->path, set->line, key->name, key->why);
		return 0;
	}
	cfg_fail(c, set->line, "%s is not supported: %s", key->name, key->why);
	return -EOPNOTSUPP;
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

/* --- values ------------------------------------------------------------ */

int cfg_want_string(struct cfg *c, const char *name, const char **value)
{
	*value = get_string(c, name);
	if (*value || !cfg_find_set(c, name))
		return 0;
	cfg_fail(c, cfg_line_of(c, name), "%s must be one value, not a list", name);
	return -EINVAL;
}

int cfg_want_number(struct cfg *c, const char *name, long min, long max, long *value)
{
	long n = 0;
	int error = xlu_cfg_get_long(c->x, name, &n, 1);

	if (error == ESRCH)
		return 0;
	if (error || n < min || n > max) {
		cfg_fail(c, cfg_line_of(c, name), "%s must be a number from %ld to %ld", name, min, max);
		return -EINVAL;
	}
	*value = n;
	return 0;
}

int cfg_put_uuid(struct cfg *c)
{
	const char *value;
	int error = cfg_want_string(c, "uuid", &value);

	if (error < 0 || !value)
		return error;
	if (!boot_uuid_is_good(value)) {
		cfg_fail(c, cfg_line_of(c, "uuid"), "uuid=\"%s\" has not the form " BOOT_UUID_FORM, value);
		return -EINVAL;
	}
	arg_list_add(c->args, "--uuid=%s", value);
	return 0;
}

/* A file that is there, as the stack, which is elsewhere, finds it. */
static int put_file(struct cfg *c, const char *key, const char *option)
{
	CLEANUP_FREE char *full = NULL;
	const char *value;
	int error = cfg_want_string(c, key, &value);

	if (error < 0 || !value)
		return error;
	full = realpath(value, NULL);
	if (!full || access(full, R_OK) < 0) {
		cfg_fail(c, cfg_line_of(c, key), "%s: %s: %s", key, value, strerror(errno));
		return -ENOENT;
	}
	/* By the name that it was given, but from the root. */
	arg_list_add(c->args, "--%s=%s", option, value[0] == '/' ? value : full);
	return 0;
}

int cfg_want_name(struct cfg *c, const char **name)
{
	int error = cfg_want_string(c, "name", name);

	if (error < 0)
		return error;
	if (!*name) {
		cfg_fail(c, 0, "the name is missing: name=\"guest\"");
		return -EINVAL;
	}
	if (!boot_name_is_good(*name)) {
		cfg_fail(c, cfg_line_of(c, "name"), "the name \"%s\" is not possible: " BOOT_NAME_RULE, *name);
		return -EINVAL;
	}
	return 0;
}

static int put_name(struct cfg *c)
{
	long driver = 0;
	const char *name;
	int error = cfg_want_name(c, &name);

	if (error == 0)
		error = cfg_want_number(c, "driver_domain", 0, 1, &driver);
	if (error == 0)
		arg_list_add(c->args, driver ? "--driver-vm=%s" : "--vm=%s", name);
	return error;
}

static int check_type(struct cfg *c)
{
	const char *type;
	int error = cfg_want_string(c, "type", &type);

	if (error < 0 || !type || strcmp(type, "pvh") == 0)
		return error;
	cfg_fail(c, cfg_line_of(c, "type"), "type=\"%s\" is not supported: guests are of type=\"pvh\", and driver"
		" domains of that or of type=\"process\"", type);
	return -EOPNOTSUPP;
}

static int put_memory(struct cfg *c)
{
	long memory = 0, most = 0;
	int error = cfg_want_number(c, "memory", STACK_VM_MIN_MIB, STACK_VM_MAX_MIB, &memory);

	if (error == 0)
		error = cfg_want_number(c, "maxmem", STACK_VM_MIN_MIB, STACK_VM_MAX_MIB, &most);
	if (error < 0)
		return error;
	if (memory && most && memory != most) {
		cfg_fail(c, cfg_line_of(c, "maxmem"), "a vm has all of its memory from the start: maxmem must be as"
			" much as memory, or be left out");
		return -EINVAL;
	}
	if (memory || most)
		arg_list_add(c->args, "--memory=%ld", memory ? memory : most);
	return 0;
}

static int put_vcpus(struct cfg *c)
{
	long vcpus = 0, most = 0;
	int error = cfg_want_number(c, "vcpus", 1, STACK_VM_MAX_VCPUS, &vcpus);

	if (error == 0)
		error = cfg_want_number(c, "maxvcpus", vcpus ? vcpus : 1, STACK_VM_MAX_VCPUS, &most);
	if (error < 0)
		return error;
	/* One of them alone stands for both, as for xl. */
	if (vcpus || most)
		arg_list_add(c->args, "--vcpus=%ld", vcpus ? vcpus : most);
	if (most)
		arg_list_add(c->args, "--maxvcpus=%ld", most);
	return 0;
}

/* As xl puts it together. */
static int put_cmdline(struct cfg *c)
{
	const char *cmdline, *root, *extra;
	int error = cfg_want_string(c, "cmdline", &cmdline);

	if (error == 0)
		error = cfg_want_string(c, "root", &root);
	if (error == 0)
		error = cfg_want_string(c, "extra", &extra);
	if (error < 0)
		return error;
	if (cmdline && (root || extra))
		log_warn("%s:%u: root and extra are ignored, since there is cmdline", c->path,
			cfg_line_of(c, root ? "root" : "extra"));
	if (cmdline)
		arg_list_add(c->args, "--append=%s", cmdline);
	else if (root || extra)
		arg_list_add(c->args, "--append=%s%s%s%s", root ? "root=" : "", root ? root : "",
			root && extra ? " " : "", extra ? extra : "");
	return 0;
}

static int put_action(struct cfg *c, const char *key, const char *option)
{
	const char *value;
	int error = cfg_want_string(c, key, &value);

	if (error < 0 || !value)
		return error;
	if (strcmp(value, "destroy") != 0 && strcmp(value, "restart") != 0 && strcmp(value, "preserve") != 0) {
		cfg_fail(c, cfg_line_of(c, key), "%s=\"%s\" is not supported: there are destroy, restart and preserve",
			key, value);
		return -EINVAL;
	}
	arg_list_add(c->args, "--%s=%s", option, value);
	return 0;
}

static int put_disk(struct cfg *c, const char *spec)
{
	CLEANUP_FREE char *option = NULL;
	char why[512];
	int error = spec ? 0 : -EINVAL;

	if (error == 0)
		error = cfg_disk_option(spec, &option, why, sizeof(why));
	if (error < 0)
		cfg_fail(c, cfg_line_of(c, "disk"), "disk \"%s\": %s", spec ? spec : "",
			spec ? why : "it must be a string");
	else
		arg_list_add(c->args, "--disk=%s", option);
	return error;
}

static int put_disks(struct cfg *c)
{
	XLU_ConfigList *list = NULL;
	int count, error = 0;

	if (!cfg_find_set(c, "disk"))
		return 0;
	count = cfg_list_length(c, "disk", &list);
	if (count < 0) {
		cfg_fail(c, cfg_line_of(c, "disk"), "disk must be a list: disk=[ \"/path,raw,xvda,rw\" ]");
		return -EINVAL;
	}
	for (int i = 0; i < count; i++) {
		int e = put_disk(c, xlu_cfg_get_listitem(list, i));

		error = error ? error : e;
	}
	return error;
}

static int put_kernel(struct cfg *c)
{
	int error = put_file(c, "kernel", "kernel");

	if (error == 0 && !cfg_find_set(c, "kernel")) {
		cfg_fail(c, 0, "the kernel is missing: kernel=\"/boot/vmlinuz\"");
		error = -EINVAL;
	}
	return error == 0 ? put_file(c, "ramdisk", "initrd") : error;
}

static int convert_vm(struct cfg *c)
{
	int (*const steps[])(struct cfg *c) = {
		check_keys, check_type, put_name, put_kernel, put_cmdline, put_memory, put_vcpus, put_disks,
		cfg_put_vifs,
	};
	static const char *const actions[][2] = {
		{ "on_poweroff", "on-poweroff" }, { "on_reboot", "on-reboot" },
		{ "on_watchdog", "on-watchdog" }, { "on_crash", "on-crash" },
	};
	int error = 0;

	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]) && error == 0; i++)
		error = steps[i](c);
	for (unsigned i = 0; i < 4 && error == 0; i++)
		error = put_action(c, actions[i][0], actions[i][1]);
	return error == 0 ? cfg_put_uuid(c) : error;
}

static int convert(struct cfg *c)
{
	const char *type = get_string(c, "type");

	return type && strcmp(type, "process") == 0 ? cfg_process(c) : convert_vm(c);
}

int cfg_read(const char *path, const char *extra, struct arg_list *args)
{
	struct cfg *c = calloc(1, sizeof(*c));
	int error = c ? 0 : -ENOMEM;

	if (c)
		*c = (struct cfg){ .path = path, .args = args };
	if (error == 0)
		error = load(c, extra);
	if (error == 0)
		error = parse(c);
	if (error == 0)
		error = scan(c);
	if (error == 0)
		error = convert(c);
	if (error == 0 && args->failed) {
		log_err("out of memory");
		error = -ENOMEM;
	}
	if (c && c->x)
		xlu_cfg_destroy(c->x);
	free(c ? c->text : NULL);
	free(c);
	return error;
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/net-arg.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxlutil.h>

#include "backends/net/link.h"
#include "common/array.h"

/* As in netif-nodes.c: with its header no packet may be longer. */
#define MTU_MAX 65521u
#define MTU_MIN 68u
/* xl's devices have 16 bits for it at the least; the guest makes a name of it. */
#define HANDLE_MAX 65535u

#define NO_EMULATION "a vm has no emulated cards"
#define NO_COLO "colo is not supported"

typedef int (*set_fn)(struct stack_vif *vif, const char *key, char *value, char *why, size_t room);

struct key {
	const char *name;
	set_fn set;
	size_t offset;
	const char *why; /* it is refused */
	bool ours, flag;
};

static int fail(char *why, size_t room, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int fail(char *why, size_t room, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, room, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* --- values ------------------------------------------------------------ */

bool net_arg_mac_is_good(const char *text)
{
	for (unsigned i = 0; i < 17; i++)
		if (i % 3 == 2 ? text[i] != ':' : !isxdigit((unsigned char)text[i]))
			return false;
	/* Not of a group. */
	return !text[17] && (strtoul(text, NULL, 16) & 1) == 0 && strspn(text, "0:") < 17;
}

static int set_mac(struct stack_vif *vif, const char *key, char *value, char *why, size_t room)
{
	if (!net_arg_mac_is_good(value))
		return fail(why, room, "mac=%s is no address of an interface, which has the form"
			" 00:16:3e:xx:xx:xx and an even first byte", value);
	vif->mac = value;
	return 0;
}

static int set_name(const char **name, const char *key, const char *value, char *why, size_t room)
{
	const char *wrong = link_name_why(value);

	if (wrong)
		return fail(why, room, "%s=%s: %s", key, value, wrong);
	*name = value;
	return 0;
}

static int set_bridge(struct stack_vif *vif, const char *key, char *value, char *why, size_t room)
{
	return set_name(&vif->bridge, key, value, why, room);
}

static int set_vifname(struct stack_vif *vif, const char *key, char *value, char *why, size_t room)
{
	return set_name(&vif->vifname, key, value, why, room);
}

static int set_gatewaydev(struct stack_vif *vif, const char *key, char *value, char *why, size_t room)
{
	return set_name(&vif->gatewaydev, key, value, why, room);
}

static int set_device(struct stack_vif *vif, const char *key, char *value, char *why, size_t room)
{
	return set_name(&vif->device, key, value, why, room);
}

static int set_ip(struct stack_vif *vif, const char *key, char *value, char *why, size_t room)
{
	vif->ip = value;
	return 0;
}

static int set_vlan(struct stack_vif *vif, const char *key, char *value, char *why, size_t room)
{
	vif->vlan = value;
	return 0;
}

static int set_script(struct stack_vif *vif, const char *key, char *value, char *why, size_t room)
{
	vif->script = value;
	return 0;
}

static int set_forward(struct stack_vif *vif, const char *key, char *value, char *why, size_t room)
{
	if (vif->forward)
		return fail(why, room, "forward= is there twice: write its ports with blanks between");
	vif->forward = value;
	return 0;
}

static int set_backend(struct stack_vif *vif, const char *key, char *value, char *why, size_t room)
{
	/* Domain 0 is where xl has its backends; here it has none, and its interfaces a domain of ours. */
	if (strcmp(value, "0") != 0 && strcmp(value, "Domain-0") != 0)
		vif->backend = value;
	return 0;
}

static int set_attach(struct stack_vif *vif, const char *key, char *value, char *why, size_t room)
{
	static const char *const kinds[] = { "user", "tap", "macvtap", "packet", "null" };

	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i], value) == 0) {
			vif->attach = kinds[i];
			return 0;
		}
	}
	return fail(why, room, "attach=%s: there are user, tap, macvtap, packet and null", value);
}

static int set_type(struct stack_vif *vif, const char *key, char *value, char *why, size_t room)
{
	if (strcmp(value, "vif") != 0)
		return fail(why, room, "type=%s: " NO_EMULATION "; write type=vif, or remove it", value);
	return 0;
}

static int number(const char *key, const char *value, unsigned min, unsigned max, unsigned *n, char *why,
	size_t room)
{
	char *end;
	unsigned long long read;

	errno = 0;
	read = strtoull(value, &end, 10);
	if (errno || !isdigit((unsigned char)value[0]) || *end || read < min || read > max)
		return fail(why, room, "%s=%s: it must be a number from %u to %u", key, value, min, max);
	*n = (unsigned)read;
	return 0;
}

static int set_mtu(struct stack_vif *vif, const char *key, char *value, char *why, size_t room)
{
	return number(key, value, MTU_MIN, MTU_MAX, &vif->mtu, why, room);
}

static int set_devid(struct stack_vif *vif, const char *key, char *value, char *why, size_t room)
{
	return number(key, value, 0, HANDLE_MAX, &vif->handle, why, room);
}

static int set_trusted(struct stack_vif *vif, const char *key, char *value, char *why, size_t room)
{
	unsigned on = 1;
	int error = *value ? number(key, value, 0, 1, &on, why, room) : 0;

	vif->untrusted = strcmp(key, "untrusted") == 0 ? on : !on;
	return error;
}

/* By xl's own parser, of "10Mb/s@50ms". */
static int parse_rate(const char *value, struct stack_rate *rate)
{
	CLEANUP_FREE char *said = NULL;
	size_t size;
	FILE *report = open_memstream(&said, &size);
	XLU_Config *x = report ? xlu_cfg_init(report, "rate") : NULL;
	libxl_device_nic nic;
	int error = ENOMEM;

	libxl_device_nic_init(&nic);
	if (x)
		error = xlu_vif_parse_rate(x, value, &nic);
	rate->bytes = nic.rate_bytes_per_interval;
	rate->usec = nic.rate_interval_usecs;
	libxl_device_nic_dispose(&nic);
	if (x)
		xlu_cfg_destroy(x);
	if (report)
		fclose(report);
	return error || !rate->bytes || !rate->usec ? -EINVAL : 0;
}

static int set_rate(struct stack_vif *vif, const char *key, char *value, char *why, size_t room)
{
	if (parse_rate(value, strcmp(key, "rate") == 0 ? &vif->rate : &vif->rate_in) < 0)
		return fail(why, room, "%s=%s: a rate is written as 10Mb/s or 1MB/s@20ms, see"
			" xl-network-configuration(5)", key, value);
	return 0;
}

/* --- keys -------------------------------------------------------------- */

static const struct key keys[] = {
	{ .name = "mac", .set = set_mac },
	{ .name = "bridge", .set = set_bridge },
	{ .name = "gatewaydev", .set = set_gatewaydev },
	{ .name = "netdev", .set = set_gatewaydev },
	{ .name = "type", .set = set_type },
	{ .name = "model", .why = NO_EMULATION "; remove it" },
	{ .name = "vifname", .set = set_vifname },
	{ .name = "script", .set = set_script },
	{ .name = "ip", .set = set_ip },
	{ .name = "backend", .set = set_backend },
	{ .name = "rate", .set = set_rate },
	{ .name = "devid", .set = set_devid },
	{ .name = "mtu", .set = set_mtu },
	{ .name = "trusted", .set = set_trusted, .flag = true },
	{ .name = "untrusted", .set = set_trusted, .flag = true },
	/* Of other versions of xl than 4.17's manual page has. */
	{ .name = "vlan", .set = set_vlan },
	{ .name = "accel", .why = "xl has had nothing for it for long; remove it" },
	{ .name = "forwarddev", .why = NO_COLO "; remove it" },
	{ .name = "colo_", .why = NO_COLO "; remove it" },
	/* Sluice's own. */
	{ .name = "attach", .set = set_attach, .ours = true },
	{ .name = "device", .set = set_device, .ours = true },
	{ .name = "forward", .set = set_forward, .ours = true },
	{ .name = "rate_in", .set = set_rate, .ours = true },
};

const unsigned net_arg_nkeys = ARRAY_SIZE(keys);

const char *net_arg_key(unsigned i, const char **why, bool *ours)
{
	*why = keys[i].why;
	*ours = keys[i].ours;
	return keys[i].name;
}

/* A name that ends with _ is what others begin with. */
static bool is_key(const struct key *key, const char *name)
{
	size_t n = strlen(key->name);

	return key->name[n - 1] == '_' ? strncmp(name, key->name, n) == 0 : strcmp(name, key->name) == 0;
}

static int set_key(struct stack_vif *vif, const char *name, char *value, char *why, size_t room)
{
	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!is_key(&keys[i], name))
			continue;
		if (keys[i].why)
			return fail(why, room, "%s is not supported: %s", name, keys[i].why);
		if (!value && !keys[i].flag)
			return fail(why, room, "%s needs a value", name);
		/* As for xl, an empty one says nothing. */
		return value && !*value ? 0 : keys[i].set(vif, name, value ? value : (char *)"", why, room);
	}
	return fail(why, room, "an interface has no key %s; sluice network-attach --keys lists them", name);
}

/* --- the whole --------------------------------------------------------- */

static char *trim(char *text)
{
	char *end;

	text += strspn(text, " \t");
	end = text + strlen(text);
	while (end > text && isblank((unsigned char)end[-1]))
		*--end = '\0';
	return text;
}

static bool needs_device(const struct stack_vif *vif)
{
	return vif->attach && (strcmp(vif->attach, "macvtap") == 0 || strcmp(vif->attach, "packet") == 0);
}

/* What there is no sense in; and the user's own network where nothing was said of another. */
static int check(struct stack_vif *vif, char *why, size_t room)
{
	bool placed = vif->bridge || vif->script || vif->gatewaydev || vif->device;
	bool user = vif->attach ? strcmp(vif->attach, "user") == 0 : !placed && !vif->backend;

	if (user && placed)
		return fail(why, room, "attach=user is a network of its own: remove bridge, device, gatewaydev"
			" and script, or attach");
	if (user)
		vif->attach = "user";
	if (!user && vif->forward)
		return fail(why, room, "forward is for attach=user; others see the guest itself: remove it");
	if (needs_device(vif) && !vif->device)
		return fail(why, room, "attach=%s needs the interface that it stands on: device=", vif->attach);
	if (vif->device && !vif->attach)
		return fail(why, room, "device=%s: say what it is for: attach=macvtap or attach=packet",
			vif->device);
	if (needs_device(vif) && !vif->backend)
		return fail(why, room, "attach=%s: %s is to be given to a driver domain that serves it: make one"
			" with type=\"process\" and interfaces=[ '%s' ], and name it by backend=",
			vif->attach, vif->device, vif->device);
	if (!user && !placed && !vif->backend && strcmp(vif->attach, "tap") == 0)
		return fail(why, room, "attach=tap needs the bridge that it is put on: bridge=");
	return 0;
}

int net_arg_parse(char *text, struct stack_vif *vif, char *why, size_t why_room)
{
	char *save = NULL;

	*vif = (struct stack_vif){ .handle = STACK_VIF_ANY };
	for (char *part = strtok_r(text, ",", &save); part; part = strtok_r(NULL, ",", &save)) {
		char *value = strchr(part, '=');
		int error;

		if (value)
			*value++ = '\0';
		part = trim(part);
		if (!*part && !value)
			continue;
		error = set_key(vif, part, value ? trim(value) : NULL, why, why_room);
		if (error < 0)
			return error;
	}
	return check(vif, why, why_room);
}

unsigned net_arg_number(const struct stack_vif *vifs, unsigned count)
{
	for (unsigned n = 0;; n++) {
		unsigned i = 0;

		while (i < count && vifs[i].handle != n)
			i++;
		if (i == count)
			return n;
	}
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "drivers-domain/gate-policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"

/* XENSTORE_PERMS of a request: a node has few. */
#define POLICY_PERMS_MAX 4u

/* What backends write in their directory, of all protocols. Names, so that their number is bounded. */
static const char *const policy_nodes[] = {
	"state", "error", "info", "carrier",
	"sectors", "sector-size", "physical-sector-size", "tty", "socket", "window",
	"discard-granularity", "discard-alignment", "discard-secure",
	"max-ring-page-order", "max-ring-pages", "multi-queue-max-queues",
	"feature-barrier", "feature-ctrl-ring", "feature-discard",
	"feature-dynamic-multicast-control", "feature-flush-cache", "feature-gso-tcpv4",
	"feature-gso-tcpv4-prefix", "feature-gso-tcpv6", "feature-gso-tcpv6-prefix", "feature-hash",
	"feature-ipv6-csum-offload", "feature-large-sector-size", "feature-max-indirect-segments",
	"feature-multicast-control", "feature-no-csum-offload", "feature-persistent",
	"feature-rx-copy", "feature-rx-flip", "feature-sg", "feature-split-event-channels",
	"feature-xdp-headroom",
};

bool gate_path_is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* As the store has it, but for names that begin with @, which are not paths. */
static bool policy_is_path(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '/' && ((i > 0 && text[i - 1] == '/') || i + 1 == len))
			return false;
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    c == '-' || c == '_' || c == '/' || (c == '@' && i > 0)))
			return false;
	}
	return len > 0;
}

int gate_rules_init(struct gate_rules *r, uint32_t own, const struct leaf_name *name,
	const char *frontend)
{
	char leaf[SCAN_PATH_MAX], home[32];
	size_t len = strnlen(frontend, GATE_FRONTEND_MAX);

	memset(r, 0, sizeof(*r));
	r->own = own;
	r->name = *name;
	scan_leaf_path(name, leaf);
	snprintf(r->home, sizeof(r->home), "/local/domain/%u", own);
	snprintf(r->dir, sizeof(r->dir), "%s/%s", r->home, leaf);
	snprintf(r->errors, sizeof(r->errors), "%s/error/%s", r->home, leaf);
	/* A directory of that domain, not all that it has. */
	snprintf(home, sizeof(home), "/local/domain/%u/", name->frontend);
	if (len == GATE_FRONTEND_MAX || !policy_is_path(frontend, len) ||
		strncmp(frontend, home, strlen(home)) != 0)
		return -EINVAL;
	memcpy(r->frontend, frontend, len + 1);
	return 0;
}

/* --- payloads --------------------------------------------------------------------------- */

/* The path at the beginning of a payload, in full. */
static int policy_take_path(const struct gate_rules *r, const char *payload, size_t len,
	struct gate_request *q)
{
	const char *end = memchr(payload, '\0', len);
	size_t n = end ? (size_t)(end - payload) : 0;

	if (!end || !policy_is_path(payload, n))
		return -EINVAL;
	q->relative = payload[0] != '/';
	if (n > (q->relative ? XENSTORE_REL_PATH_MAX : XENSTORE_ABS_PATH_MAX))
		return -EINVAL;
	snprintf(q->path, sizeof(q->path), "%s%s%s", q->relative ? r->home : "",
		q->relative ? "/" : "", payload);
	q->rest = end + 1;
	q->rest_len = len - n - 1;
	return 0;
}

/* Exactly one string with its NUL, not longer than @most. */
static bool policy_is_string(const char *text, size_t len, size_t most)
{
	return len > 0 && len <= most + 1 && memchr(text, '\0', len) == text + len - 1;
}

static bool policy_is_number(const char *text, size_t len)
{
	return policy_is_string(text, len, 10) && len > 1 &&
	       strspn(text, "0123456789") == len - 1;
}

/* One permission, "r5": of whom else than the two domains that the device is about? */
static int policy_check_perm(const struct gate_rules *r, const char *perm, bool first)
{
	char own[12], frontend[12];

	snprintf(own, sizeof(own), "%u", r->own);
	snprintf(frontend, sizeof(frontend), "%u", r->name.frontend);
	if (!perm[0] || !strchr("nrwb", perm[0]))
		return -EINVAL;
	if (strcmp(perm + 1, own) == 0)
		return 0;
	return !first && strcmp(perm + 1, frontend) == 0 ? 0 : -EACCES;
}

static int policy_check_perms(const struct gate_rules *r, const char *text, size_t len)
{
	unsigned n = 0;
	int rc = 0;

	if (len == 0 || text[len - 1] != '\0')
		return -EINVAL;
	for (size_t at = 0; rc == 0 && at < len; at += strlen(text + at) + 1)
		rc = n == POLICY_PERMS_MAX ? -EINVAL : policy_check_perm(r, text + at, n++ == 0);
	return rc;
}

/* --- paths ------------------------------------------------------------------------------ */

static bool policy_may_read(const struct gate_rules *r, const char *path)
{
	return gate_path_is_below(path, r->dir) || gate_path_is_below(path, r->frontend) ||
	       gate_path_is_below(path, r->errors);
}

/* Nodes of the frontend's directory that a backend of @kind writes, where the toolstack lets it. */
static const struct {
	const char *kind, *node;
} policy_frontend_nodes[] = {
	{ "vif", "/mtu" }, /* as the script vif-bridge does */
	{ "console", "/tty" },
};

static bool policy_is_frontend_node(const struct gate_rules *r, const char *path)
{
	for (unsigned i = 0; i < ARRAY_SIZE(policy_frontend_nodes); i++)
		if (strcmp(r->name.kind, policy_frontend_nodes[i].kind) == 0 &&
			gate_path_is_below(path, r->frontend) &&
			strcmp(path + strlen(r->frontend), policy_frontend_nodes[i].node) == 0)
			return true;
	return false;
}

/* Its name in the device's own directory, or NULL. */
static const char *policy_own_node(const struct gate_rules *r, const char *path)
{
	return gate_path_is_below(path, r->dir) && path[strlen(r->dir)] ?
		       path + strlen(r->dir) + 1 : NULL;
}

static bool policy_may_write(const struct gate_rules *r, const char *path)
{
	const char *name = policy_own_node(r, path);

	for (unsigned i = 0; name && i < ARRAY_SIZE(policy_nodes); i++)
		if (strcmp(name, policy_nodes[i]) == 0)
			return true;
	if (gate_path_is_below(path, r->errors)) {
		name = path + strlen(r->errors);
		return !*name || strcmp(name, "/error") == 0;
	}
	return policy_is_frontend_node(r, path);
}

/* A backend may give its device up, and nobody but the toolstack may want it again. */
static bool policy_gives_up(const struct gate_rules *r, const struct gate_request *q)
{
	const char *name = policy_own_node(r, q->path);

	return name && strcmp(name, "online") == 0 && q->rest_len == 1 && q->rest[0] == '0';
}

/* --- requests --------------------------------------------------------------------------- */

static int policy_check_read(const struct gate_rules *r, const struct xsd_sockmsg *h,
	const struct gate_request *q)
{
	size_t home = strlen(r->home);

	if (h->type == XS_DIRECTORY_PART ? !policy_is_number(q->rest, q->rest_len) : q->rest_len != 0)
		return -EINVAL;
	if (h->type == XS_READ && strncmp(q->path, r->home, home) == 0 &&
		strcmp(q->path + home, "/domid") == 0)
		return 0;
	return policy_may_read(r, q->path) ? 0 : -EACCES;
}

static int policy_check_watch(const struct gate_rules *r, const struct gate_request *q)
{
	if (!policy_is_string(q->rest, q->rest_len, GATE_TOKEN_MAX - 1))
		return -EINVAL;
	return policy_may_read(r, q->path) ? 0 : -EACCES;
}

static int policy_check_change(const struct gate_rules *r, const struct xsd_sockmsg *h,
	const struct gate_request *q)
{
	if (!policy_may_write(r, q->path) && !(h->type == XS_WRITE && policy_gives_up(r, q)))
		return -EACCES;
	if (h->type == XS_SET_PERMS)
		return policy_check_perms(r, q->rest, q->rest_len);
	return h->type == XS_WRITE || q->rest_len == 0 ? 0 : -EINVAL;
}

static int policy_check_path(const struct gate_rules *r, const struct xsd_sockmsg *h,
	const char *payload, struct gate_request *q)
{
	int rc = policy_take_path(r, payload, h->len, q);

	if (rc < 0)
		return rc;
	switch (h->type) {
	case XS_WATCH:
	case XS_UNWATCH:
		return policy_check_watch(r, q);
	case XS_WRITE:
	case XS_MKDIR:
	case XS_RM:
	case XS_SET_PERMS:
		return policy_check_change(r, h, q);
	default:
		return policy_check_read(r, h, q);
	}
}

static bool policy_is_end(const char *payload, size_t len)
{
	return policy_is_string(payload, len, 1) && (payload[0] == 'T' || payload[0] == 'F');
}

int gate_policy_check(const struct gate_rules *r, const struct xsd_sockmsg *header,
	const char *payload, struct gate_request *q)
{
	q->path[0] = '\0';
	q->relative = false;
	q->rest = payload;
	q->rest_len = header->len;
	switch (header->type) {
	case XS_DIRECTORY:
	case XS_DIRECTORY_PART:
	case XS_READ:
	case XS_GET_PERMS:
	case XS_WATCH:
	case XS_UNWATCH:
	case XS_WRITE:
	case XS_MKDIR:
	case XS_RM:
	case XS_SET_PERMS:
		return policy_check_path(r, header, payload, q);
	case XS_TRANSACTION_START:
		return header->len <= 1 ? 0 : -EINVAL;
	case XS_TRANSACTION_END:
		return policy_is_end(payload, header->len) ? 0 : -EINVAL;
	case XS_CONTROL:
	case XS_INTRODUCE:
	case XS_RELEASE:
	case XS_GET_DOMAIN_PATH:
	case XS_IS_DOMAIN_INTRODUCED:
	case XS_RESUME:
	case XS_SET_TARGET:
	case XS_RESET_WATCHES:
		return -EACCES;
	default:
		return -ENOSYS;
	}
}

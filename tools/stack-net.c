// SPDX-License-Identifier: MIT
/* Network interfaces of guest domains; see stack-net.h. */
#include "config.h"
#include "tools/stack-net.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>

#include "common/array.h"
#include "tools/stack-bridge.h"
#include "tools/stack-private.h"
#include "tools/stack-process.h"
#include "tools/stack-vm.h"
#include "xenstore/xsnode.h"

/* How long a backend may take to make its port, and its script to run (xl gives it 40 s). */
#define VIF_ATTACH_MS 40000u
/* The same in a vm, whose kernel may still be booting, in a lab under emulation. */
#define VIF_VM_MS 300000u
/* Where scripts are that are named without a path, as for xl. */
#define SCRIPTS "/etc/xen/scripts/"

/* --- nodes -------------------------------------------------------------------------- */

struct node {
	const char *name;
	const char *value; /* NULL: it is left out */
};

struct vif_nodes {
	const struct attached *at;
	const struct stack_vif *vif;
	char mac[20];
};

static int write_nodes(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const struct node *nodes, unsigned count)
{
	int error = 0;

	for (unsigned i = 0; i < count && error == 0; i++)
		if (nodes[i].value)
			error = xsn_write(xs, t, dir, nodes[i].name, nodes[i].value);
	return error;
}

static const char *number(char *text, size_t room, uint32_t n)
{
	snprintf(text, room, "%u", n);
	return text;
}

/* As libxl writes it; NULL: no limit. */
static const char *rate(char *text, size_t room, const struct stack_rate *r)
{
	snprintf(text, room, "%" PRIu64 ",%u", r->bytes, r->usec);
	return r->bytes ? text : NULL;
}

static const char *script(char *text, size_t room, const char *name)
{
	snprintf(text, room, "%s%s", name && name[0] != '/' ? SCRIPTS : "", name ? name : "");
	return name ? text : NULL;
}

static int backend_nodes(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const struct vif_nodes *v)
{
	const struct stack_vif *vif = v->vif;
	char id[12], handle[12], mtu[12], out[40], in[40], path[512];
	const struct node nodes[] = {
		{ "frontend", v->at->frontend },
		{ "frontend-id", number(id, sizeof(id), v->at->domid) },
		{ "online", "1" },
		{ "state", "1" },
		{ "script", script(path, sizeof(path), vif->script) },
		{ "mac", v->mac },
		{ "handle", number(handle, sizeof(handle), vif->handle) },
		{ "type", "vif" },
		{ "bridge", vif->bridge },
		{ "vifname", vif->vifname },
		{ "ip", vif->ip },
		{ "gatewaydev", vif->gatewaydev },
		{ "vlan", vif->vlan },
		{ "rate", rate(out, sizeof(out), &vif->rate) },
		{ "mtu", vif->mtu ? number(mtu, sizeof(mtu), vif->mtu) : NULL },
		{ "hotplug-status", "" },
		/* ours */
		{ "attach", vif->attach },
		{ "device", vif->device },
		{ "rate-in", rate(in, sizeof(in), &vif->rate_in) },
		{ "forward", vif->forward },
	};

	return write_nodes(xs, t, dir, nodes, ARRAY_SIZE(nodes));
}

static int frontend_nodes(struct xs_handle *xs, xs_transaction_t t, const struct vif_nodes *v)
{
	char id[12], handle[12], mtu[12];
	const struct node nodes[] = {
		{ "backend", v->at->backend },
		{ "backend-id", number(id, sizeof(id), v->at->backend_domid) },
		{ "state", "1" },
		{ "handle", number(handle, sizeof(handle), v->vif->handle) },
		{ "mac", v->mac },
		{ "trusted", v->vif->untrusted ? "0" : "1" },
	};
	/* The driver domain's scripts may change it. */
	struct xs_permissions perms[2] = {
		{ .id = v->at->backend_domid, .perms = XS_PERM_NONE },
		{ .id = v->at->domid, .perms = XS_PERM_READ },
	};
	int error = write_nodes(xs, t, v->at->frontend, nodes, ARRAY_SIZE(nodes));

	if (error < 0 || !v->vif->mtu)
		return error;
	error = xsn_write(xs, t, v->at->frontend, "mtu", number(mtu, sizeof(mtu), v->vif->mtu));
	return error < 0 ? error : xsn_set_perms(xs, t, v->at->frontend, "mtu", perms, 2);
}

static int write_vif(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	const struct vif_nodes *v = opaque;
	uint32_t backend = v->at->backend_domid;
	char parents[2][64];
	int error;

	snprintf(parents[0], sizeof(parents[0]), "/local/domain/%u/backend/vif", backend);
	snprintf(parents[1], sizeof(parents[1]), "/local/domain/%u/backend/vif/%u", backend, v->at->domid);
	/* libxl keeps its own copy, which neither domain can change. */
	error = stack_make_dir(xs, t, v->at->libxl, NULL, 0, -1);
	if (error == 0)
		error = backend_nodes(xs, t, v->at->libxl, v);
	if (error == 0)
		error = xsn_write(xs, t, v->at->libxl, "backend", v->at->backend);
	for (unsigned i = 0; i < ARRAY_SIZE(parents) && error == 0; i++)
		error = stack_make_dir(xs, t, parents[i], NULL, 0, (int)backend);
	if (error == 0)
		error = stack_make_dir(xs, t, v->at->frontend, NULL, v->at->domid, (int)backend);
	if (error == 0)
		error = frontend_nodes(xs, t, v);
	if (error == 0)
		error = stack_make_dir(xs, t, v->at->backend, NULL, backend, (int)v->at->domid);
	return error < 0 ? error : backend_nodes(xs, t, v->at->backend, v);
}

/*
 * An address of Xen's range that a guest of this name keeps on this host, and that one on another
 * host does not have, too.
 */
static void make_mac(struct stack *st, const struct attached *at, char mac[static 18])
{
	uint64_t hash = UINT64_C(14695981039346656037);
	char seed[160] = "";
	const char *name = stack_vm_name(st, at->domid);
	FILE *f = fopen("/etc/machine-id", "re");

	if (f) {
		(void)!fgets(seed, 34, f);
		fclose(f);
	}
	snprintf(seed + strlen(seed), sizeof(seed) - strlen(seed), "/%s/%u/%u", name ? name : "",
		name ? 0 : at->domid, at->vdev);
	for (const char *p = seed; *p; p++)
		hash = (hash ^ (uint8_t)*p) * UINT64_C(1099511628211);
	hash ^= hash >> 32;
	snprintf(mac, 18, "00:16:3e:%02x:%02x:%02x", (unsigned)(hash >> 16) & 0x7f,
		(unsigned)(hash >> 8) & 0xff, (unsigned)hash & 0xff);
}

/* --- attaching ------------------------------------------------------------------------ */

static struct attached *new_attached(uint32_t domid, uint32_t backend_domid, unsigned handle)
{
	struct attached *at = calloc(1, sizeof(*at));

	if (!at)
		return NULL;
	at->path = strdup("");
	if (!at->path) {
		free(at);
		return NULL;
	}
	at->domid = domid;
	at->backend_domid = backend_domid;
	at->vdev = handle;
	at->kind = STACK_VIF;
	snprintf(at->backend, sizeof(at->backend), "/local/domain/%u/backend/vif/%u/%u", backend_domid,
		domid, handle);
	snprintf(at->frontend, sizeof(at->frontend), "/local/domain/%u/device/vif/%u", domid, handle);
	snprintf(at->libxl, sizeof(at->libxl), "/libxl/%u/device/vif/%u", domid, handle);
	return at;
}

static unsigned patience(const struct attached *at)
{
	return at->in_vm ? VIF_VM_MS : VIF_ATTACH_MS;
}

/* 0: a frontend may connect; -EAGAIN: not yet. */
static int check_backend(struct stack *st, const struct attached *at, char *why, size_t room)
{
	XenbusState state = XenbusStateUnknown;
	int error = xsn_read_state(st->xs, XBT_NULL, at->backend, "state", &state);
	CLEANUP_FREE char *text = NULL;

	if (error < 0 && error != -ENOENT)
		return stack_fail(why, room, error, "cannot read the state of interface %u: %s", at->vdev,
			strerror(-error));
	if (error == 0 && state >= XenbusStateInitWait && state <= XenbusStateConnected)
		return 0;
	text = stack_backend_error(st, at);
	if (text) {
		stack_log_known(st, text);
		return stack_fail(why, room, -EIO, "interface %u: %s", at->vdev, text);
	}
	error = stack_check(st, why, room);
	if (error == 0)
		error = stack_backend_check(st, at->backend_domid, why, room);
	if (error < 0)
		return error;
	if (state == XenbusStateClosed || state == XenbusStateClosing)
		return stack_fail(why, room, -EIO, "interface %u: the backend closed without a reason", at->vdev);
	if (stack_now_ms() - at->since_ms < patience(at))
		return -EAGAIN;
	return stack_fail(why, room, -ETIMEDOUT, "interface %u: no backend came up within %u s; %s shows why",
		at->vdev, patience(at) / 1000, at->in_vm ? "the driver domain's console" : "SLUICE_LOG=debug");
}

/* What is a matter of this process' network, and of no other. */
static struct stack_process *own_backend(struct stack *st, const struct stack_vif *vif, char *why,
	size_t room)
{
	bool user = vif->attach && (strcmp(vif->attach, "user") == 0 || strcmp(vif->attach, "null") == 0);
	char text[512];
	struct stack_process *p = user ? stack_user_network(st, why, room) : stack_network(st, why, room);
	int error = p && vif->bridge ? stack_bridge_reach(p, vif->bridge, text, sizeof(text)) : 0;

	if (error == 0)
		return p;
	errno = -stack_fail(why, room, error, "interface %u: %s", vif->handle, text);
	return NULL;
}

static int find_backend(struct stack *st, const struct stack_vif *vif, uint32_t *domid, char *why,
	size_t room)
{
	struct stack_process *p;

	if (vif->backend)
		p = stack_process_find(st, vif->backend);
	else
		p = own_backend(st, vif, why, room);
	if (p)
		*domid = p->domid;
	if (p || (vif->backend && stack_vm_driver(st, vif->backend, domid)))
		return 0;
	return vif->backend ? stack_fail(why, room, -ENOENT, "interface %u: there is no driver domain %s in"
		" this stack", vif->handle, vif->backend) : -errno;
}

static int add(struct stack *st, struct attached *at, const struct stack_vif *vif, char *why, size_t room)
{
	struct vif_nodes v = { .vif = vif, .at = at };
	int error;

	if (vif->mac)
		snprintf(v.mac, sizeof(v.mac), "%s", vif->mac);
	else
		make_mac(st, at, v.mac);
	at->since_ms = stack_now_ms();
	error = xsn_transaction(st->xs, write_vif, &v);
	if (error < 0)
		return stack_fail(why, room, error, "the store refused the nodes of interface %u: %s",
			vif->handle, strerror(-error));
	at->next = st->disks;
	st->disks = at;
	return 0;
}

int stack_vif_begin(struct stack *st, uint32_t domid, const struct stack_vif *vif, char *why,
	size_t why_room)
{
	uint32_t backend_domid;
	struct attached *at;
	int error;

	if (stack_find_attached(st, domid, STACK_VIF, vif->handle))
		return stack_fail(why, why_room, -EEXIST, "interface %u is there already", vif->handle);
	error = find_backend(st, vif, &backend_domid, why, why_room);
	if (error < 0)
		return error;
	at = new_attached(domid, backend_domid, vif->handle);
	if (!at)
		return stack_fail(why, why_room, -ENOMEM, "out of memory");
	at->in_vm = !stack_process_of(st, backend_domid);
	error = add(st, at, vif, why, why_room);
	if (error < 0) {
		free(at->path);
		free(at);
	}
	return error;
}

int stack_vif_check(struct stack *st, uint32_t domid, unsigned handle, char *why, size_t why_room)
{
	struct attached *at = stack_find_attached(st, domid, STACK_VIF, handle);

	return at ? check_backend(st, at, why, why_room) :
		stack_fail(why, why_room, -ENOENT, "there is no interface %u", handle);
}

bool stack_vif_find(struct stack *st, uint32_t domid, const char *mac, unsigned *handle)
{
	for (const struct attached *at = st->disks; at; at = at->next) {
		CLEANUP_FREE char *text = NULL;

		if (at->kind != STACK_VIF || at->domid != domid)
			continue;
		text = xsn_read(st->xs, XBT_NULL, at->libxl, "mac");
		if (!text || strcasecmp(text, mac) != 0)
			continue;
		*handle = at->vdev;
		return true;
	}
	return false;
}

int stack_attach_vif(struct stack *st, uint32_t domid, const struct stack_vif *vif, char *why,
	size_t why_room)
{
	int error = stack_vif_begin(st, domid, vif, why, why_room);
	unsigned pause = 1;

	if (error < 0)
		return error;
	while ((error = stack_vif_check(st, domid, vif->handle, why, why_room)) == -EAGAIN) {
		if (stack_cancelled(st))
			return stack_fail(why, why_room, -EINTR, "interrupted");
		stack_pump_full(st);
		stack_sleep_ms(pause);
		if (pause < 16)
			pause *= 2;
	}
	return error;
}

/* --- more guests ---------------------------------------------------------------------- */

int stack_guest_add(struct stack *st, uint32_t *domid, char *why, size_t why_room)
{
	char name[24];
	struct stack_domain d = { .domid = st->next_domid, .name = name };
	int error;

	if (st->next_domid > STACK_LAST_DOMID)
		return stack_fail(why, why_room, -ENOSPC, "this stack has used up its domain ids");
	snprintf(name, sizeof(name), "guest-%u", d.domid);
	error = stack_domain_create(st, d.domid, name, why, why_room);
	if (error < 0)
		return error;
	*domid = st->next_domid++;
	error = stack_nodes_domain(st, &d);
	if (error == 0 && !xs_introduce_domain(st->xs, d.domid, 0, 0))
		error = -errno;
	return error == 0 ? 0 : stack_fail(why, why_room, error, "sluice-store refused the nodes of %s: %s",
		name, strerror(-error));
}

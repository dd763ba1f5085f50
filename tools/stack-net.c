// SPDX-License-Identifier: MIT
/* Network interfaces of guest domains; see stack-net.h. */
#include "config.h"
#include "tools/stack-net.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/nsfs.h>
#include <xenstore.h>

#include "common/array.h"
#include "tools/stack-private.h"
#include "tools/stack-process.h"
#include "xenstore/xsnode.h"

/* How long a backend may take to make its port, and its script to run (xl gives it 40 s). */
#define VIF_ATTACH_MS 40000u

/* --- the driver domain -------------------------------------------------------------- */

struct stack_process *stack_network(struct stack *st, char *why, size_t why_room)
{
	static const struct stack_process_config config = {
		.name = "network",
		.paths = { { "/dev/net/tun", false } },
		.npaths = 1,
	};
	struct stack_process *p = stack_process_find(st, config.name);

	return p ? p : stack_process_create(st, &config, why, why_room);
}

int stack_network_enter(const struct stack_process *p)
{
	CLEANUP_CLOSE int net = -1, user = -1;
	pid_t pid = stack_process_first(p);
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	net = pid ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (net < 0)
		return pid ? -errno : -ESRCH;
	/* Its owner, which is not where the domain's processes are. Without user namespaces: ours. */
	user = ioctl(net, NS_GET_USERNS);
	if (user >= 0 && setns(user, CLONE_NEWUSER) < 0 && errno != EINVAL)
		return -errno;
	return setns(net, CLONE_NEWNET) < 0 ? -errno : 0;
}

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

static int backend_nodes(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const struct vif_nodes *v)
{
	const struct stack_vif *vif = v->vif;
	char id[12], handle[12], mtu[12];
	const struct node nodes[] = {
		{ "frontend", v->at->frontend },
		{ "frontend-id", number(id, sizeof(id), v->at->domid) },
		{ "online", "1" },
		{ "state", "1" },
		{ "script", vif->script },
		{ "mac", v->mac },
		{ "handle", number(handle, sizeof(handle), vif->handle) },
		{ "type", "vif" },
		{ "bridge", vif->bridge },
		{ "vifname", vif->vifname },
		{ "rate", vif->rate },
		{ "mtu", vif->mtu ? number(mtu, sizeof(mtu), vif->mtu) : NULL },
		{ "hotplug-status", "" },
		/* ours */
		{ "attach", vif->attach },
		{ "device", vif->device },
		{ "rate-in", vif->rate_in },
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
		{ "trusted", "1" },
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
	at->vif = true;
	snprintf(at->backend, sizeof(at->backend), "/local/domain/%u/backend/vif/%u/%u", backend_domid,
		domid, handle);
	snprintf(at->frontend, sizeof(at->frontend), "/local/domain/%u/device/vif/%u", domid, handle);
	snprintf(at->libxl, sizeof(at->libxl), "/libxl/%u/device/vif/%u", domid, handle);
	return at;
}

/* 0: a frontend may connect; -EAGAIN: not yet. */
static int check_backend(struct stack *st, const struct attached *at, char *why, size_t room)
{
	XenbusState state = XenbusStateUnknown;
	int error = xsn_read_state(st->xs, XBT_NULL, at->backend, "state", &state);
	CLEANUP_FREE char *text = NULL;

	if (error < 0 && error != -ENOENT)
		return stack_fail(why, room, error, "cannot read the state of vif %u: %s", at->vdev,
			strerror(-error));
	if (error == 0 && state >= XenbusStateInitWait && state <= XenbusStateConnected)
		return 0;
	text = stack_backend_error(st, at);
	if (text) {
		stack_log_known(st, text);
		return stack_fail(why, room, -EIO, "vif %u: %s", at->vdev, text);
	}
	error = stack_check(st, why, room);
	if (error == 0)
		error = stack_backend_check(st, at->backend_domid, why, room);
	if (error < 0)
		return error;
	if (stack_now_ms() - at->since_ms < VIF_ATTACH_MS)
		return -EAGAIN;
	return stack_fail(why, room, -ETIMEDOUT, "vif %u: no backend came up within %u s; SLUICE_LOG=debug"
		" shows why", at->vdev, VIF_ATTACH_MS / 1000);
}

static int await_backend(struct stack *st, const struct attached *at, char *why, size_t room)
{
	unsigned pause = 1;
	int error;

	while ((error = check_backend(st, at, why, room)) == -EAGAIN) {
		if (stack_cancelled(st))
			return stack_fail(why, room, -EINTR, "interrupted");
		stack_pump_full(st);
		stack_sleep_ms(pause);
		if (pause < 16)
			pause *= 2;
	}
	return error;
}

static struct stack_process *find_backend(struct stack *st, const struct stack_vif *vif, char *why,
	size_t room)
{
	struct stack_process *p;

	if (!vif->backend)
		return stack_network(st, why, room);
	p = stack_process_find(st, vif->backend);
	if (!p) {
		stack_fail(why, room, -ENOENT, "vif %u: there is no driver domain %s in this stack",
			vif->handle, vif->backend);
		errno = ENOENT;
	}
	return p;
}

int stack_attach_vif(struct stack *st, uint32_t domid, const struct stack_vif *vif, char *why,
	size_t why_room)
{
	struct stack_process *p = find_backend(st, vif, why, why_room);
	struct vif_nodes v = { .vif = vif };
	struct attached *at;
	int error;

	if (!p)
		return -errno;
	at = new_attached(domid, p->domid, vif->handle);
	if (!at)
		return stack_fail(why, why_room, -ENOMEM, "out of memory");
	v.at = at;
	/* Xen's range of addresses, which nobody else has in this network. */
	snprintf(v.mac, sizeof(v.mac), "00:16:3e:%02x:%02x:%02x", domid >> 8 & 0x7f, domid & 0xff,
		vif->handle & 0xff);
	if (vif->mac)
		snprintf(v.mac, sizeof(v.mac), "%s", vif->mac);
	at->since_ms = stack_now_ms();
	at->next = st->disks;
	st->disks = at;
	error = xsn_transaction(st->xs, write_vif, &v);
	if (error < 0) {
		stack_forget(st, at);
		return stack_fail(why, why_room, error, "the store refused the nodes of vif %u: %s",
			vif->handle, strerror(-error));
	}
	return await_backend(st, at, why, why_room);
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

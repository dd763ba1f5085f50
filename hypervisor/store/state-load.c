// SPDX-License-Identifier: MIT
/* Saved state read back; see state.h. Whoever wrote it, it cannot make a broken store. */
#include "config.h"
#include "hypervisor/store/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/log.h"
#include "hypervisor/store/path.h"
#include "hypervisor/store/record.h"
#include "hypervisor/store/request.h"
#include "hypervisor/store/watch.h"

/* So that no generation is given twice, also none that nothing was kept of. */
#define LOAD_GENERATIONS (1ull << 32)

/* A path of the tree: "/a/b", or one of the nodes that stand for events. */
static bool load_path_is_valid(const char *path)
{
	return path && (path_is_valid(path) || strcmp(path, "@introduceDomain") == 0 ||
		strcmp(path, "@releaseDomain") == 0);
}

static int load_perms(struct record_reader *in, struct node *node)
{
	unsigned count = in->left / (2 * sizeof(uint32_t));
	CLEANUP_FREE struct perm *perms = calloc(count ? count : 1, sizeof(*perms));

	if (!perms)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++) {
		perms[i].domid = record_u32(in);
		perms[i].access = record_u32(in);
		if (perms[i].domid >= STORE_DOMIDS ||
			perms[i].access & ~(XS_PERM_READ | XS_PERM_WRITE))
			return -EINVAL;
	}
	if (count == 0 || !record_done(in))
		return -EINVAL;
	return node_set_perms(node, perms, count);
}

static int load_fill(struct record_reader *in, struct node *node)
{
	size_t value_len, children_len;
	const char *value = record_bytes(in, &value_len);
	const char *children = record_bytes(in, &children_len);
	int rc;

	if (in->bad || (children_len && children[children_len - 1] != '\0'))
		return -EINVAL;
	rc = node_set_value(node, value, value_len);
	if (rc == 0)
		rc = node_set_children(node, children, children_len);
	return rc < 0 ? rc : load_perms(in, node);
}

static int load_node(struct store *store, struct record_reader *in)
{
	uint64_t generation = record_u64(in);
	const char *path = record_string(in);
	struct node *node;
	int rc;

	if (generation == 0 || generation > UINT64_MAX / 2 || !load_path_is_valid(path))
		return -EINVAL;
	node = node_new(path);
	if (!node)
		return -ENOMEM;
	rc = load_fill(in, node);
	if (rc == 0)
		rc = tree_restore(&store->tree, node, generation);
	if (rc < 0)
		node_unref(node);
	return rc;
}

static int load_gone(struct store *store, struct record_reader *in)
{
	const char *path = record_string(in);

	if (!path || !record_done(in))
		return -EINVAL;
	tree_del(&store->tree, path);
	return 0;
}

static int load_domain(struct store *store, struct record_reader *in)
{
	uint32_t domid = record_u32(in), target = record_u32(in);
	uint64_t gfn = record_u64(in);
	uint32_t port = record_u32(in);
	struct domain *domain;

	if (!record_done(in) || domid == 0 || domid >= STORE_DOMIDS ||
		(target >= STORE_DOMIDS && target != STORE_NO_DOMID) || target == 0)
		return -EINVAL;
	domain = store_find_domain(store, domid);
	if (!domain)
		domain = store_add_domain(store, domid);
	if (!domain)
		return -ENOMEM;
	domain->target = target;
	domain->gfn = gfn;
	domain->port = port;
	return 0;
}

static int load_released(struct store *store, struct record_reader *in)
{
	uint32_t domid = record_u32(in);
	struct domain *domain = store_find_domain(store, domid);

	if (!record_done(in))
		return -EINVAL;
	/* One that could not be introduced was never there. */
	if (domain)
		store_forget_domain(store, domain);
	return 0;
}

static struct resumed *load_resumed(struct store *store, uint32_t domid)
{
	struct domain *domain = store_find_domain(store, domid);

	return domain ? domain->resumed : NULL;
}

/* The connection of a ring that STATE_RING has made. */
static int load_make_conn(struct store *store, struct domain *domain)
{
	struct resumed *resumed = calloc(1, sizeof(*resumed));

	if (!resumed)
		return -ENOMEM;
	resumed->conn = conn_new(store, domain->domid);
	if (!resumed->conn) {
		free(resumed);
		return -ENOMEM;
	}
	resumed->conn->kept = &resumed->pos;
	domain->resumed = resumed;
	return 0;
}

static int load_ring(struct store *store, struct record_reader *in)
{
	struct domain *domain = store_find_domain(store, record_u32(in));
	struct ring_pos pos = {
		.req_cons = record_u32(in),
	};
	int rc = 0;

	pos.rsp_prod = record_u32(in);
	pos.error = record_u32(in);
	if (!record_done(in) || !domain || pos.error > XENSTORE_ERROR_PROTO)
		return -EINVAL;
	if (!domain->resumed)
		rc = load_make_conn(store, domain);
	if (rc == 0)
		domain->resumed->pos = pos;
	return rc;
}

static int load_reset(struct resumed *to, struct record_reader *in)
{
	conn_reset(to->conn);
	return 0;
}

static int load_bad(struct resumed *to, struct record_reader *in)
{
	to->conn->bad = "it was to be dropped before the store's restart";
	return 0;
}

static int load_input(struct resumed *to, struct record_reader *in)
{
	size_t len;
	const char *data;

	to->pos.req_cons = record_u32(in);
	data = record_bytes(in, &len);
	return data ? conn_restore_input(to->conn, data, len) : -EINVAL;
}

static int load_answered(struct resumed *to, struct record_reader *in)
{
	to->conn->in_used = 0;
	return 0;
}

static int load_output(struct resumed *to, struct record_reader *in)
{
	size_t len;
	const char *data = record_bytes(in, &len);

	return data ? conn_restore_output(to->conn, data, len) : -EINVAL;
}

static int load_sent(struct resumed *to, struct record_reader *in)
{
	uint32_t len;
	const char *at;

	to->pos.rsp_prod = record_u32(in);
	len = record_u32(in);
	if (len == 0 || len > conn_output(to->conn, &at))
		return -EINVAL;
	conn_output_done(to->conn, len);
	return 0;
}

static int load_watch(struct resumed *to, struct record_reader *in)
{
	const char *path = record_string(in);
	const char *token = record_string(in);

	return token ? watch_restore(to->conn, path, token) : -EINVAL;
}

static int load_unwatch(struct resumed *to, struct record_reader *in)
{
	const char *path = record_string(in);
	const char *token = record_string(in);

	return token ? watch_remove(to->conn, path, token) : -EINVAL;
}

static int load_begin(struct resumed *to, struct record_reader *in)
{
	return request_restore_transaction(to->conn, record_u32(in));
}

static int load_end(struct resumed *to, struct record_reader *in)
{
	return request_drop_transaction(to->conn, record_u32(in));
}

static int (*const load_store_table[])(struct store *store, struct record_reader *in) = {
	[STATE_NODE] = load_node,
	[STATE_GONE] = load_gone,
	[STATE_DOMAIN] = load_domain,
	[STATE_RELEASED] = load_released,
	[STATE_RING] = load_ring,
};

static int (*const load_conn_table[])(struct resumed *to, struct record_reader *in) = {
	[STATE_RESET] = load_reset,
	[STATE_BAD] = load_bad,
	[STATE_INPUT] = load_input,
	[STATE_ANSWERED] = load_answered,
	[STATE_OUTPUT] = load_output,
	[STATE_SENT] = load_sent,
	[STATE_WATCH] = load_watch,
	[STATE_UNWATCH] = load_unwatch,
	[STATE_BEGIN] = load_begin,
	[STATE_END] = load_end,
};

static int load_record(struct store *store, uint32_t type, struct record_reader *in)
{
	struct resumed *to;
	int rc;

	if (type < ARRAY_SIZE(load_store_table) && load_store_table[type])
		return load_store_table[type](store, in);
	if (type >= ARRAY_SIZE(load_conn_table) || !load_conn_table[type])
		return -EINVAL;
	to = load_resumed(store, record_u32(in));
	if (in->bad || !to)
		return -EINVAL;
	rc = load_conn_table[type](to, in);
	return rc < 0 || record_done(in) ? rc : -EINVAL;
}

/* @at: where the group is, for the log. */
static int load_group(struct store *store, struct record_reader group, size_t at)
{
	struct record_reader record;
	uint32_t type = 0;
	int rc;

	while ((rc = record_next(&group, &type, &record)) > 0) {
		rc = load_record(store, type, &record);
		if (rc < 0)
			break;
	}
	if (rc == -ENOMEM)
		return rc;
	if (rc < 0) {
		log_err("saved state: a record of type %" PRIu32 " in the group at byte %zu is invalid",
			type, at);
		return -EINVAL;
	}
	return 0;
}

static int load_groups(struct store *store, const char *data, size_t len)
{
	size_t at = sizeof(struct state_head);
	struct state_group group;

	while (len - at >= sizeof(group)) {
		int rc;

		memcpy(&group, data + at, sizeof(group));
		at += sizeof(group);
		/* The writer was killed there. */
		if (group.len > len - at)
			break;
		rc = load_group(store, (struct record_reader){ .at = data + at, .left = group.len },
			at);
		if (rc < 0)
			return rc;
		at += group.len;
	}
	return 0;
}

static int load_head(const char *data, size_t len)
{
	struct state_head head;

	if (len >= sizeof(head))
		memcpy(&head, data, sizeof(head));
	if (len < sizeof(head) || memcmp(head.magic, STATE_MAGIC, sizeof(head.magic)) != 0) {
		log_err("saved state: it is not the state of a store");
		return -EINVAL;
	}
	if (head.version != STATE_VERSION || head.order != STATE_ORDER) {
		log_err("saved state: it is of version %" PRIu32 ", this store's is %u",
			head.version, STATE_VERSION);
		return -EINVAL;
	}
	return 0;
}

int store_load(const struct quota_limits *limits, const struct store_ops *ops, void *opaque,
	const void *data, size_t len, struct store **out)
{
	int rc = load_head(data, len);
	struct store *store;

	if (rc < 0)
		return rc;
	store = store_new_empty(limits, ops, opaque);
	if (!store)
		return -ENOMEM;
	rc = load_groups(store, data, len);
	if (rc == 0 && store_check(store))
		rc = -EINVAL;
	if (rc < 0) {
		store_free(store);
		return rc;
	}
	store->tree.generation += LOAD_GENERATIONS;
	*out = store;
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * Requests that read and change nodes. Those about domains and the store
 * itself are in request-domain.c.
 */
#include "config.h"
#include "hypervisor/store/request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "hypervisor/store/ops.h"
#include "hypervisor/store/path.h"
#include "hypervisor/store/request-domain.h"
#include "hypervisor/store/state.h"
#include "hypervisor/store/watch.h"

const char *request_string(struct request *request)
{
	const char *text = request->payload + request->at;
	const char *end = memchr(text, '\0', request->len - request->at);

	if (!end)
		return NULL;
	request->at += end - text + 1;
	return text;
}

const char *request_only_string(struct request *request)
{
	const char *text = request_string(request);

	return text && request->at == request->len ? text : NULL;
}

void request_ok(struct request *request)
{
	conn_reply(request->conn, request->conn->in_header.type, "OK", 3);
}

/* Ask for a path, make it absolute. */
static int request_path(struct request *request, const char *in, char path[STORE_PATH_SIZE])
{
	return in ? path_resolve(request->conn->domid, in, path) : -EINVAL;
}

/* The permissions of who may watch @introduceDomain and @releaseDomain are nodes too. */
static int request_perms_path(struct request *request, const char *in,
	char path[STORE_PATH_SIZE])
{
	if (in && in[0] == '@') {
		snprintf(path, STORE_PATH_SIZE, "%s", in);
		return tree_find(&request->conn->store->tree, path) ? 0 : -EINVAL;
	}
	return request_path(request, in, path);
}

/* Find the one node that the payload names. */
static int request_node(struct request *request, struct node **node)
{
	char path[STORE_PATH_SIZE];
	int rc = request_path(request, request_only_string(request), path);

	return rc < 0 ? rc : op_find(&request->op, path, XS_PERM_READ, node);
}

static int request_read(struct request *request)
{
	struct node *node;
	int rc = request_node(request, &node);

	if (rc < 0)
		return rc;
	if (node->value_len > XENSTORE_PAYLOAD_MAX)
		return -E2BIG;
	conn_reply(request->conn, XS_READ, node->value ? node->value : "", node->value_len);
	return 0;
}

static int request_directory(struct request *request)
{
	struct node *node;
	int rc = request_node(request, &node);

	if (rc < 0)
		return rc;
	if (node->children_len > XENSTORE_PAYLOAD_MAX)
		return -E2BIG;
	conn_reply(request->conn, XS_DIRECTORY, node->children ? node->children : "",
		node->children_len);
	return 0;
}

/* Whole names from @offset on, as many as fit; an empty name after the last. */
static void request_reply_part(struct request *request, const struct node *node,
	size_t offset)
{
	char reply[XENSTORE_PAYLOAD_MAX];
	size_t len = snprintf(reply, sizeof(reply), "%" PRIu64, node->generation) + 1;
	size_t at = offset < node->children_len ? offset : node->children_len;

	while (at < node->children_len) {
		size_t name = strnlen(node->children + at, node->children_len - at - 1) + 1;

		if (len + name + 1 > sizeof(reply))
			break;
		memcpy(reply + len, node->children + at, name);
		len += name;
		at += name;
	}
	if (at == node->children_len)
		reply[len++] = '\0';
	conn_reply(request->conn, XS_DIRECTORY_PART, reply, len);
}

static int request_directory_part(struct request *request)
{
	char path[STORE_PATH_SIZE];
	uint64_t offset;
	struct node *node;
	int rc = request_path(request, request_string(request), path);

	if (rc == 0)
		rc = request_number(request_only_string(request), UINT32_MAX, &offset);
	if (rc == 0)
		rc = op_find(&request->op, path, XS_PERM_READ, &node);
	if (rc < 0)
		return rc;
	request_reply_part(request, node, offset);
	return 0;
}

static int request_write(struct request *request)
{
	char path[STORE_PATH_SIZE];
	int rc = request_path(request, request_string(request), path);

	if (rc == 0)
		rc = op_write(&request->op, path, request->payload + request->at,
			request->len - request->at);
	if (rc == 0)
		request_ok(request);
	return rc;
}

static int request_mkdir(struct request *request)
{
	char path[STORE_PATH_SIZE];
	int rc = request_path(request, request_only_string(request), path);

	if (rc == 0)
		rc = op_mkdir(&request->op, path);
	if (rc == 0)
		request_ok(request);
	return rc;
}

static int request_rm(struct request *request)
{
	char path[STORE_PATH_SIZE];
	int rc = request_path(request, request_only_string(request), path);

	if (rc == 0)
		rc = op_rm(&request->op, path);
	if (rc == 0)
		request_ok(request);
	return rc;
}

static int request_get_perms(struct request *request)
{
	char path[STORE_PATH_SIZE], reply[XENSTORE_PAYLOAD_MAX];
	struct node *node;
	size_t len = 0;
	int rc = request_perms_path(request, request_only_string(request), path);

	if (rc == 0)
		rc = op_find(&request->op, path, XS_PERM_READ, &node);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < node->perm_count; i++) {
		char text[PERM_TEXT_SIZE];
		size_t n = perm_format(&node->perms[i], text);

		if (len + n > sizeof(reply))
			return -E2BIG;
		memcpy(reply + len, text, n);
		len += n;
	}
	conn_reply(request->conn, XS_GET_PERMS, reply, len);
	return 0;
}

static int request_set_perms(struct request *request)
{
	char path[STORE_PATH_SIZE];
	CLEANUP_FREE struct perm *perms = NULL;
	int rc = request_perms_path(request, request_string(request), path);

	if (rc == 0)
		rc = perms_parse(request->payload + request->at, request->len - request->at,
			&perms);
	if (rc > 0)
		rc = op_set_perms(&request->op, path, perms, rc);
	if (rc == 0)
		request_ok(request);
	return rc;
}

static int request_watch(struct request *request)
{
	const char *path = request_string(request);
	const char *token = path ? request_string(request) : NULL;
	int rc = token ? watch_add(request->conn, path, token) : -EINVAL;

	if (rc == 0)
		request_ok(request);
	return rc;
}

static int request_unwatch(struct request *request)
{
	const char *path = request_string(request);
	const char *token = path ? request_string(request) : NULL;
	int rc = token ? watch_remove(request->conn, path, token) : -EINVAL;

	if (rc == 0)
		request_ok(request);
	return rc;
}

static int request_reset_watches(struct request *request)
{
	watch_remove_all(request->conn);
	request_end_transactions(request->conn);
	request_ok(request);
	return 0;
}

static struct transaction *request_find_transaction(const struct conn *conn, uint32_t id)
{
	for (struct transaction *tx = conn->transactions; tx; tx = tx->next)
		if (tx->id == id)
			return tx;
	return NULL;
}

static int request_transaction_start(struct request *request)
{
	struct conn *conn = request->conn;
	const struct view *view = &request->op.view;
	struct transaction *tx;
	char reply[16];
	int rc = 0;

	if (view->tx)
		return -EBUSY;
	if (view->limits)
		rc = quota_check(view->account->transactions, 1, view->limits->transactions,
			-ENOSPC);
	if (rc < 0)
		return rc;
	do
		conn->last_tx++;
	while (!conn->last_tx || request_find_transaction(conn, conn->last_tx));
	tx = transaction_new(view, conn->last_tx);
	if (!tx)
		return -ENOMEM;
	tx->next = conn->transactions;
	conn->transactions = tx;
	state_begin(conn, tx->id);
	conn_reply(conn, XS_TRANSACTION_START, reply,
		snprintf(reply, sizeof(reply), "%" PRIu32, tx->id) + 1);
	return 0;
}

static void request_unlink_transaction(struct conn *conn, struct transaction *tx)
{
	struct transaction **link = &conn->transactions;

	while (*link != tx)
		link = &(*link)->next;
	*link = tx->next;
}

static int request_transaction_end(struct request *request)
{
	const char *how = request_only_string(request);
	struct transaction *tx = request->op.view.tx;
	int rc = 0;

	if (!tx)
		return -ENOENT;
	if (!how || (strcmp(how, "T") != 0 && strcmp(how, "F") != 0))
		return -EINVAL;
	if (how[0] == 'T') {
		rc = transaction_commit(&request->op.view);
		if (rc == 0) {
			request->changes = tx->changes;
			tx->changes = (struct change_list)CHANGE_LIST_INIT;
		}
	}
	request_unlink_transaction(request->conn, tx);
	state_end(request->conn, tx->id);
	transaction_free(&request->op.view, tx);
	if (rc == 0)
		request_ok(request);
	return rc;
}

/* The view of a connection's transactions that is enough to make and to free them. */
static struct view request_bare_view(const struct conn *conn)
{
	return (struct view){ .account = &conn->store->accounts[conn->domid] };
}

int request_restore_transaction(struct conn *conn, uint32_t id)
{
	const struct view view = request_bare_view(conn);
	struct transaction *tx;

	if (id == 0 || request_find_transaction(conn, id))
		return -EINVAL;
	tx = transaction_new(&view, id);
	if (!tx)
		return -ENOMEM;
	tx->lost = true;
	tx->next = conn->transactions;
	conn->transactions = tx;
	conn->last_tx = id;
	return 0;
}

int request_drop_transaction(struct conn *conn, uint32_t id)
{
	struct transaction *tx = request_find_transaction(conn, id);
	const struct view view = request_bare_view(conn);

	if (!tx)
		return -ENOENT;
	request_unlink_transaction(conn, tx);
	transaction_free(&view, tx);
	return 0;
}

void request_end_transactions(struct conn *conn)
{
	const struct view view = request_bare_view(conn);

	while (conn->transactions) {
		struct transaction *tx = conn->transactions;

		conn->transactions = tx->next;
		state_end(conn, tx->id);
		transaction_free(&view, tx);
	}
}

/* Which requests may belong to a transaction: for the others tx_id means nothing. */
static const struct {
	int (*fn)(struct request *request);
	bool transacted;
	bool privileged;
} request_table[XS_TYPE_COUNT] = {
	[XS_CONTROL] = { request_control, false, true },
	[XS_DIRECTORY] = { request_directory, true, false },
	[XS_READ] = { request_read, true, false },
	[XS_GET_PERMS] = { request_get_perms, true, false },
	[XS_WATCH] = { request_watch, false, false },
	[XS_UNWATCH] = { request_unwatch, false, false },
	[XS_TRANSACTION_START] = { request_transaction_start, true, false },
	[XS_TRANSACTION_END] = { request_transaction_end, true, false },
	[XS_INTRODUCE] = { request_introduce, false, true },
	[XS_RELEASE] = { request_release, false, true },
	[XS_GET_DOMAIN_PATH] = { request_get_domain_path, false, false },
	[XS_WRITE] = { request_write, true, false },
	[XS_MKDIR] = { request_mkdir, true, false },
	[XS_RM] = { request_rm, true, false },
	[XS_SET_PERMS] = { request_set_perms, true, false },
	[XS_IS_DOMAIN_INTRODUCED] = { request_is_introduced, false, false },
	[XS_RESUME] = { request_resume, false, true },
	[XS_SET_TARGET] = { request_set_target, false, true },
	[XS_RESET_WATCHES] = { request_reset_watches, false, false },
	[XS_DIRECTORY_PART] = { request_directory_part, true, false },
};

static int request_dispatch(struct request *request)
{
	const struct xsd_sockmsg *header = &request->conn->in_header;
	uint32_t type = header->type;

	if (type >= ARRAY_SIZE(request_table) || !request_table[type].fn)
		return -ENOSYS;
	if (request_table[type].privileged && request->conn->domid != 0)
		return -EACCES;
	if (request_table[type].transacted && header->tx_id) {
		request->op.view.tx = request_find_transaction(request->conn, header->tx_id);
		if (!request->op.view.tx)
			return -ENOENT;
		request->op.changes = &request->op.view.tx->changes;
	}
	return request_table[type].fn(request);
}

void request_answer(struct conn *conn, const char *payload, size_t len)
{
	struct request request = {
		.conn = conn,
		.payload = payload,
		.len = len,
		.op = {
			.conn = conn,
			.view = {
				.tree = &conn->store->tree,
				.domid = conn->domid,
				.account = &conn->store->accounts[conn->domid],
				.limits = conn_limits(conn),
			},
		},
	};
	int rc;

	request.op.changes = &request.changes;
	rc = request_dispatch(&request);
	if (rc < 0) {
		conn_reply_error(conn, rc);
		change_list_dispose(&request.changes);
	}
	store_changed(conn->store, &request.changes);
}

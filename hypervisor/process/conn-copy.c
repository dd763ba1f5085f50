// SPDX-License-Identifier: MIT
/*
 * Grant copy for process domains. Operations and local data are in a staging area
 * that the client can change at any time: an operation is read once, then checked,
 * then done.
 */
#include "config.h"
#include "hypervisor/process/server.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STAGING_PAGES (sizeof(struct wire_staging) / WIRE_PAGE)

void copy_release(struct conn *conn)
{
	if (!conn->staging)
		return;
	munmap(conn->staging, sizeof(*conn->staging));
	conn->staging = NULL;
	conn->pd->pages -= STAGING_PAGES;
}

/* Makes the staging area; returns its memfd, the caller's, or -errno. */
static int staging_make(struct conn *conn)
{
	int fd = memfd_make("sluice-copy", sizeof(*conn->staging), false);
	void *addr;
	int rc;

	if (fd < 0)
		return fd;
	addr = mmap(NULL, sizeof(*conn->staging), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (addr == MAP_FAILED) {
		rc = -errno;
		close(fd);
		return rc;
	}
	conn->staging = addr;
	conn->pd->pages += STAGING_PAGES;
	return fd;
}

int serve_copy_setup(struct conn *conn, const void *msg, size_t len)
{
	struct wire_reply reply = { .op = WIRE_COPY_SETUP, .status = STAGING_PAGES };
	CLEANUP_CLOSE int fd = -1;

	if (len != sizeof(struct wire_head) || conn->staging)
		return -EPROTO;
	if (STAGING_PAGES > conn->pd->max_pages - conn->pd->pages)
		return conn_result(conn, WIRE_COPY_SETUP, -ENOSPC);
	fd = staging_make(conn);
	if (fd < 0)
		return conn_result(conn, WIRE_COPY_SETUP, fd);
	return conn_reply(conn, &reply, sizeof(reply), &fd, 1);
}

/* Checks one end of an operation; a GNTST_* status. */
static int end_decode(struct conn *conn, const struct wire_copy_end *wire, uint16_t len,
	struct grant_copy_end *end)
{
	memset(end, 0, sizeof(*end));
	if (wire->is_ref > 1)
		return GNTST_bad_copy_arg;
	if (!wire->is_ref) {
		if (wire->offset > sizeof(conn->staging->data) - len)
			return GNTST_bad_copy_arg;
		end->local = conn->staging->data + wire->offset;
		return GNTST_okay;
	}
	if (!conn_may_name(conn, wire->domid))
		return GNTST_permission_denied;
	if (wire->offset > WIRE_PAGE)
		return GNTST_bad_copy_arg;
	end->kind = GRANT_COPY_REF;
	end->domid = wire->domid;
	end->ref = wire->ref;
	end->offset = wire->offset;
	return GNTST_okay;
}

static int copy_one(
	struct conn *conn, struct grant_copier *copier, const struct wire_copy_op *wire)
{
	struct grant_copy_op op = { .len = wire->len };
	int status = end_decode(conn, &wire->source, wire->len, &op.source);

	if (status == GNTST_okay)
		status = end_decode(conn, &wire->dest, wire->len, &op.dest);
	if (status == GNTST_okay)
		status = grant_copier_copy(copier, &op);
	return status;
}

int serve_copy(struct conn *conn, const void *msg, size_t len)
{
	const struct wire_copy *req = msg;
	struct grant_copier copier;

	if (len != sizeof(*req) || !conn->staging || !req->count || req->count > WIRE_COPY_MAX)
		return -EPROTO;
	grant_copier_init(&copier, &conn->pd->hv->set, &conn->pd->d);
	for (uint32_t i = 0; i < req->count; i++) {
		struct wire_copy_op op;

		memcpy(&op, &conn->staging->ops[i], sizeof(op));
		/* The compiler must not read the shared operation again. */
		__asm__ __volatile__("" ::: "memory");
		__atomic_store_n(&conn->staging->ops[i].status, copy_one(conn, &copier, &op),
			__ATOMIC_RELEASE);
	}
	grant_copier_end(&copier);
	return conn_result(conn, WIRE_COPY, 0);
}

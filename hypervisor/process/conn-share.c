// SPDX-License-Identifier: MIT
/*
 * Memory that a domain makes in order to grant it. One memfd per share, all of
 * whose pages go to the same domain with the same rights, because whoever maps one
 * page has a descriptor of all. Its memory is never used again for anything else.
 */
#include "config.h"
#include "hypervisor/process/server.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void share_free(struct share *share)
{
	struct pdomain *pd = share->pd;

	if (share->addr)
		munmap(share->addr, (size_t)share->nr_pages * WIRE_PAGE);
	if (share->fd >= 0)
		close(share->fd);
	pd->pages -= share->nr_pages;
	hv_fd_uncharge(pd, 1);
	free(share);
}

struct share *share_find(struct conn *conn, uint32_t id)
{
	for (struct share *s = conn->shares; s; s = s->next)
		if (s->id == id)
			return s;
	return NULL;
}

/* Makes the memory; the budgets are charged already, share_free() gives them back. */
static int share_make(struct share *share)
{
	size_t size = (size_t)share->nr_pages * WIRE_PAGE;
	void *addr;

	share->fd = memfd_make("sluice-grant", size, !share->writable);
	if (share->fd < 0)
		return share->fd;
	addr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, share->fd, 0);
	if (addr == MAP_FAILED)
		return -errno;
	share->addr = addr;
	share->sealed = share->writable;
	return 0;
}

static struct share *share_new(struct conn *conn, const struct wire_share *req, int *rc)
{
	struct pdomain *pd = conn->pd;
	struct share *share;

	*rc = -ENOSPC;
	if (req->pages > pd->max_pages - pd->pages || !hv_fd_charge(pd, 1))
		return NULL;
	share = calloc(1, sizeof(*share) + req->pages * sizeof(share->refs[0]));
	if (!share) {
		hv_fd_uncharge(pd, 1);
		*rc = -ENOMEM;
		return NULL;
	}
	pd->pages += req->pages;
	share->pd = pd;
	share->domid = req->domid == DOMID_SELF ? pd->d.domid : req->domid;
	share->nr_pages = req->pages;
	share->writable = req->writable;
	*rc = share_make(share);
	if (*rc < 0) {
		share_free(share);
		return NULL;
	}
	share->conn = conn;
	share->id = ++conn->next_share;
	share->next = conn->shares;
	conn->shares = share;
	return share;
}

int serve_share(struct conn *conn, const void *msg, size_t len)
{
	const struct wire_share *req = msg;
	struct wire_id_reply reply = { .reply.op = WIRE_SHARE };
	struct share *share;
	int rc;

	if (len != sizeof(*req) || req->writable > 1)
		return -EPROTO;
	if (!req->pages || req->pages > WIRE_SHARE_MAX ||
		(req->domid >= DOMID_FIRST_RESERVED && req->domid != DOMID_SELF))
		return conn_result(conn, WIRE_SHARE, -EINVAL);
	if (!conn_may_name(conn, req->domid))
		return conn_result(conn, WIRE_SHARE, -EACCES);
	share = share_new(conn, req, &rc);
	if (!share)
		return conn_result(conn, WIRE_SHARE, rc);
	reply.id = share->id;
	return conn_reply(conn, &reply, sizeof(reply), &share->fd, 1);
}

static void page_grant(struct share *share, uint32_t page, uint32_t ref)
{
	struct pdomain *pd = share->pd;

	share->refs[page] = ref;
	share->in_use++;
	domain_lock(&pd->d);
	pd->frames[ref] = (struct frame){ .share = share, .page = page };
	grant_entry_set(&pd->d, ref, share->domid, ref, !share->writable);
	domain_unlock(&pd->d);
}

/* May @count references from @first on be had? The reserved ones are given on request. */
static int refs_check(struct conn *conn, uint32_t first, uint32_t count)
{
	struct pdomain *pd = conn->pd;

	if (!first)
		return count <= pd->nr_free_refs ? 0 : -ENOSPC;
	if (first >= GNTTAB_NR_RESERVED_ENTRIES || count > GNTTAB_NR_RESERVED_ENTRIES - first)
		return -EINVAL;
	if (conn->restricted >= 0)
		return -EACCES;
	for (uint32_t ref = first; ref < first + count; ref++)
		if (pd->frames[ref].share)
			return -EBUSY;
	return 0;
}

static int grant_check(struct conn *conn, struct share *share, const struct wire_grant *req)
{
	if (!share || !req->count || req->count > WIRE_GRANT_MAX ||
		req->page >= share->nr_pages || req->count > share->nr_pages - req->page)
		return -EINVAL;
	for (uint32_t i = 0; i < req->count; i++)
		if (share->refs[req->page + i])
			return -EEXIST;
	return refs_check(conn, req->first_ref, req->count);
}

int serve_grant(struct conn *conn, const void *msg, size_t len)
{
	const struct wire_grant *req = msg;
	struct wire_refs_reply reply = { .reply.op = WIRE_GRANT };
	struct pdomain *pd = conn->pd;
	struct share *share;
	int rc;

	if (len != sizeof(*req))
		return -EPROTO;
	share = share_find(conn, req->id);
	rc = grant_check(conn, share, req);
	if (rc == 0 && !share->sealed) {
		rc = memfd_seal_readonly(share->fd);
		share->sealed = rc == 0;
	}
	if (rc < 0)
		return conn_result(conn, WIRE_GRANT, rc);
	for (uint32_t i = 0; i < req->count; i++) {
		reply.refs[i] = req->first_ref ? req->first_ref + i :
						 pd->free_refs[--pd->nr_free_refs];
		page_grant(share, req->page + i, reply.refs[i]);
	}
	return conn_reply(conn, &reply,
		offsetof(struct wire_refs_reply, refs) + req->count * sizeof(reply.refs[0]), NULL, 0);
}

void share_page_idle(struct pdomain *pd, uint32_t ref)
{
	struct share *share = pd->frames[ref].share;

	pd->frames[ref] = (struct frame){ 0 };
	if (ref >= GNTTAB_NR_RESERVED_ENTRIES)
		pd->free_refs[pd->nr_free_refs++] = ref;
	if (--share->in_use == 0 && !share->conn)
		share_free(share);
}

static void page_end(struct share *share, uint32_t page)
{
	struct pdomain *pd = share->pd;
	uint32_t ref = share->refs[page];

	if (!ref)
		return;
	share->refs[page] = 0;
	domain_lock(&pd->d);
	if (grant_entry_end(&pd->d, ref))
		share_page_idle(pd, ref);
	else
		pd->frames[ref].revoked = true;
	domain_unlock(&pd->d);
}

/* Ends all of it; memory that others still have mapped goes with its last user. */
static void share_release(struct share *share)
{
	struct conn *conn = share->conn;

	for (struct share **pp = &conn->shares; *pp; pp = &(*pp)->next) {
		if (*pp == share) {
			*pp = share->next;
			break;
		}
	}
	notify_run(conn, &share->notify, share->addr);
	for (uint32_t page = 0; page < share->nr_pages; page++)
		page_end(share, page);
	share->conn = NULL;
	if (!share->in_use)
		share_free(share);
}

void share_release_all(struct conn *conn)
{
	while (conn->shares)
		share_release(conn->shares);
}

static bool share_has_grants(const struct share *share)
{
	for (uint32_t page = 0; page < share->nr_pages; page++)
		if (share->refs[page])
			return true;
	return false;
}

/* Is every page of the range granted? One that was ended before is nobody's to end. */
static bool range_granted(const struct share *share, uint32_t page, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!share->refs[page + i])
			return false;
	return true;
}

int serve_unshare(struct conn *conn, const void *msg, size_t len)
{
	const struct wire_unshare *req = msg;
	struct share *share;

	if (len != sizeof(*req))
		return -EPROTO;
	share = share_find(conn, req->id);
	if (!share || req->page > share->nr_pages || req->count > share->nr_pages - req->page ||
		!range_granted(share, req->page, req->count))
		return conn_result(conn, WIRE_UNSHARE, -EINVAL);
	/* Count 0 ends what was made, granted or not. */
	if (req->count) {
		if (req->page == 0)
			notify_run(conn, &share->notify, share->addr);
		for (uint32_t i = 0; i < req->count; i++)
			page_end(share, req->page + i);
	}
	if (!req->count || !share_has_grants(share))
		share_release(share);
	return conn_result(conn, WIRE_UNSHARE, 0);
}

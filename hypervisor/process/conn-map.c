// SPDX-License-Identifier: MIT
/*
 * Mapping grants into a process domain: it gets the memfds that the granted pages
 * are in. Unmapping is the client's word; its kernel mapping may outlive it, but
 * then shows memory that nobody uses any more.
 */
#include "config.h"
#include "hypervisor/process/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hypervisor/vm/vm.h"

/* The memfds of one reply. */
struct map_fds {
	int fds[WIRE_MAP_MAX];
	unsigned nr;
};

struct map *map_find(struct conn *conn, uint32_t id)
{
	return id < conn->nr_maps ? conn->maps[id] : NULL;
}

/* Pages of arenas, see arena.h: a chunk costs what a share costs its maker. */
static bool arena_charge(void *opaque, uint32_t pages)
{
	struct conn *conn = opaque;
	struct pdomain *pd = conn->pd;

	if (pages > pd->max_pages - pd->pages || !hv_fd_charge(pd, 1))
		return false;
	pd->pages += pages;
	return true;
}

static void arena_uncharge(void *opaque, uint32_t pages)
{
	struct conn *conn = opaque;

	conn->pd->pages -= pages;
	hv_fd_uncharge(conn->pd, 1);
}

static const struct arena_ops arena_ops = {
	.charge = arena_charge,
	.uncharge = arena_uncharge,
};

void map_init(struct conn *conn)
{
	conn->arenas = (struct arena_set){ .ops = &arena_ops, .opaque = conn };
}

/* How many pages from @first on are of one grantor; @pages gets their frames. */
static uint32_t map_run(const struct map *map, uint32_t first, struct arena_page *pages)
{
	uint32_t n = 0;

	while (first + n < map->nr && map->pages[first + n].grantor == map->pages[first].grantor) {
		pages[n].gfn = map->pages[first + n].frame;
		n++;
	}
	return n;
}

/* Gives the lent ones of the first @nr pages back to their vms: before their grants are. */
static void map_return(struct conn *conn, struct map *map, uint32_t nr)
{
	struct arena_page pages[WIRE_MAP_MAX];
	uint32_t n;

	for (uint32_t i = 0; i < nr; i += n) {
		struct vm *vm = vm_is(map->pages[i].grantor);

		n = map_run(map, i, pages);
		if (vm)
			arena_return(&conn->arenas, vm, map->readonly, pages, n);
	}
}

static void map_undo(struct conn *conn, struct map *map)
{
	for (uint32_t i = 0; i < map->nr; i++)
		(void)grant_unmap(&conn->pd->hv->set, &conn->pd->d, map->pages[i].handle);
	free(map);
}

/* What its unmap notification asks for, before the event: who is woken must see it. */
static void map_clear_byte(struct map *map)
{
	struct domain *d = map->pages[0].grantor;
	uint32_t frame = map->pages[0].frame;
	uint8_t *page;

	page = d->ops->frame_hold(d, frame, true);
	if (page) {
		__atomic_store_n(page + map->notify.offset, 0, __ATOMIC_RELEASE);
		d->ops->frame_release(d, frame);
	}
}

static void map_release(struct conn *conn, uint32_t id)
{
	struct map *map = conn->maps[id];

	if (map->notify.action & WIRE_NOTIFY_CLEAR)
		map_clear_byte(map);
	notify_run(conn, &map->notify, NULL);
	conn->maps[id] = NULL;
	if (id < conn->map_hint)
		conn->map_hint = id;
	map_return(conn, map, map->nr);
	map_undo(conn, map);
}

void map_release_all(struct conn *conn)
{
	for (uint32_t id = 0; id < conn->nr_maps; id++)
		if (conn->maps[id])
			map_release(conn, id);
	free(conn->maps);
	conn->maps = NULL;
	conn->nr_maps = 0;
}

/* A free id, or -ENOMEM. */
static int id_take(struct conn *conn)
{
	uint32_t id = conn->map_hint;

	while (id < conn->nr_maps && conn->maps[id])
		id++;
	if (id == conn->nr_maps) {
		uint32_t nr = id ? id * 2 : 16;
		struct map **maps = realloc(conn->maps, nr * sizeof(struct map *));

		if (!maps)
			return -ENOMEM;
		memset(maps + id, 0, (nr - id) * sizeof(struct map *));
		conn->maps = maps;
		conn->nr_maps = nr;
	}
	conn->map_hint = id + 1;
	return id;
}

/* Where the client finds a page: in @page of @fd. Those of one ring are mostly of one memfd. */
static void page_tell(struct map_fds *fds, int fd, uint32_t page, struct wire_mapped *out)
{
	unsigned i = fds->nr;

	while (i > 0 && fds->fds[i - 1] != fd)
		i--;
	if (i == 0) {
		fds->fds[fds->nr++] = fd;
		i = fds->nr;
	}
	out->fd = i - 1;
	out->page = page;
}

static int map_one(struct conn *conn, struct map *map, const struct wire_ref *ref)
{
	uint32_t flags = GNTMAP_host_map | (map->readonly ? GNTMAP_readonly : 0);
	struct grant_mapped mapped;
	int status;

	if (!conn_may_name(conn, ref->domid))
		return GNTST_permission_denied;
	status = grant_map(
		&conn->pd->hv->set, &conn->pd->d, ref->domid, ref->ref, flags, &mapped);
	if (status != GNTST_okay)
		return status;
	map->pages[map->nr].handle = mapped.handle;
	map->pages[map->nr].grantor = mapped.grantor;
	map->pages[map->nr].frame = mapped.frame;
	map->nr++;
	return GNTST_okay;
}

static int status_to_errno(int status)
{
	switch (status) {
	case GNTST_okay:
		return 0;
	case GNTST_no_space:
		return -ENOSPC;
	case GNTST_permission_denied:
		return -EACCES;
	default:
		return -EINVAL; /* as Xen's driver has it */
	}
}

/* Pages of one process domain are where their shares are. */
static int show_shares(const struct map *map, uint32_t first, uint32_t n, struct map_fds *fds,
	struct wire_mapped *out)
{
	struct domain *d = map->pages[first].grantor;

	for (uint32_t i = first; i < first + n; i++) {
		struct share *share;
		uint32_t page;

		domain_lock(d);
		share = pdomain_memory(d, map->pages[i].frame, &page);
		domain_unlock(d);
		if (!share)
			return -EINVAL;
		page_tell(fds, share->fd, page, &out[i]);
	}
	return 0;
}

/* Pages of one vm are lent, all at once: it pauses for that. */
static int show_lent(struct conn *conn, const struct map *map, uint32_t first,
	struct arena_page *pages, uint32_t n, struct map_fds *fds, struct wire_mapped *out)
{
	int rc = arena_lend(
		&conn->arenas, vm_is(map->pages[first].grantor), map->readonly, pages, n);

	for (uint32_t i = 0; i < n && rc == 0; i++)
		page_tell(fds, pages[i].fd, pages[i].index, &out[first + i]);
	return rc;
}

/* Finds all pages a place where the client can map them. */
static int map_show(
	struct conn *conn, struct map *map, struct map_fds *fds, struct wire_map_reply *reply)
{
	struct arena_page pages[WIRE_MAP_MAX];
	uint32_t n;

	for (uint32_t i = 0; i < map->nr; i += n) {
		bool vm = vm_is(map->pages[i].grantor);
		int rc;

		n = map_run(map, i, pages);
		rc = vm ? show_lent(conn, map, i, pages, n, fds, reply->pages) :
			  show_shares(map, i, n, fds, reply->pages);
		if (rc < 0) {
			map_return(conn, map, i);
			reply->id = i;
			reply->reply.status =
				rc == -ENOSPC ? GNTST_no_space : GNTST_general_error;
			return rc;
		}
	}
	return 0;
}

/* Maps all or nothing. */
static int map_all(struct conn *conn, const struct wire_map *req, struct map_fds *fds,
	struct wire_map_reply *reply)
{
	struct map *map = calloc(1, sizeof(*map) + req->count * sizeof(map->pages[0]));
	int status = GNTST_okay;
	int id;

	if (!map)
		return -ENOMEM;
	map->readonly = req->readonly;
	for (uint32_t i = 0; i < req->count && status == GNTST_okay; i++) {
		status = map_one(conn, map, &req->refs[i]);
		reply->id = i;
	}
	reply->reply.status = status;
	id = status == GNTST_okay ? id_take(conn) : status_to_errno(status);
	if (id >= 0) {
		int rc = map_show(conn, map, fds, reply);

		if (rc < 0) {
			conn->map_hint = id;
			id = rc;
		}
	}
	if (id < 0) {
		map_undo(conn, map);
		return id;
	}
	conn->maps[id] = map;
	reply->id = id;
	reply->count = req->count;
	return 0;
}

int serve_map(struct conn *conn, const void *msg, size_t len)
{
	const struct wire_map *req = msg;
	struct wire_map_reply reply = { .reply.op = WIRE_MAP };
	struct map_fds fds = { .nr = 0 };

	if (len < offsetof(struct wire_map, refs) || req->readonly > 1 || !req->count ||
		req->count > WIRE_MAP_MAX ||
		len != offsetof(struct wire_map, refs) + req->count * sizeof(req->refs[0]))
		return -EPROTO;
	reply.reply.rc = map_all(conn, req, &fds, &reply);
	if (reply.reply.rc < 0)
		fds.nr = 0;
	return conn_reply(conn, &reply,
		offsetof(struct wire_map_reply, pages) + reply.count * sizeof(reply.pages[0]),
		fds.fds, fds.nr);
}

int serve_unmap(struct conn *conn, const void *msg, size_t len)
{
	const struct wire_id *req = msg;

	if (len != sizeof(*req))
		return -EPROTO;
	if (!map_find(conn, req->id))
		return conn_result(conn, WIRE_UNMAP, -EINVAL);
	map_release(conn, req->id);
	return conn_result(conn, WIRE_UNMAP, 0);
}

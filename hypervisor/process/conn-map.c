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

/* The memfds of one reply. */
struct map_fds {
	struct share *shares[WIRE_MAP_MAX];
	int fds[WIRE_MAP_MAX];
	unsigned nr;
};

struct map *map_find(struct conn *conn, uint32_t id)
{
	return id < conn->nr_maps ? conn->maps[id] : NULL;
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

	domain_lock(d);
	page = d->ops->frame_hold(d, frame, true);
	if (page) {
		__atomic_store_n(page + map->notify.offset, 0, __ATOMIC_RELEASE);
		d->ops->frame_release(d, frame);
	}
	domain_unlock(d);
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

/* Where the client finds a mapped page. */
static int page_locate(struct map_fds *fds, const struct grant_mapped *m, struct wire_mapped *out)
{
	struct share *share;
	unsigned i = fds->nr;

	domain_lock(m->grantor);
	share = pdomain_memory(m->grantor, m->frame, &out->page);
	domain_unlock(m->grantor);
	if (!share)
		return GNTST_bad_page;
	/* Pages of one ring or buffer are of one share: look at the last first. */
	while (i > 0 && fds->shares[i - 1] != share)
		i--;
	if (i == 0) {
		fds->shares[fds->nr] = share;
		fds->fds[fds->nr++] = share->fd;
		i = fds->nr;
	}
	out->fd = i - 1;
	return GNTST_okay;
}

static int map_one(struct conn *conn, struct map *map, const struct wire_ref *ref,
	struct map_fds *fds, struct wire_mapped *out)
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
	return page_locate(fds, &mapped, out);
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
		status = map_one(conn, map, &req->refs[i], fds, &reply->pages[i]);
		reply->id = i;
	}
	reply->reply.status = status;
	id = status == GNTST_okay ? id_take(conn) : status_to_errno(status);
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

// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/process/share-client.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hypervisor/process/client.h"

/* Has the memory made; returns its memfd or -errno. */
static int share_memory(int fd, struct hvshare *s)
{
	struct wire_share req = { .head.op = WIRE_SHARE,
		.domid = s->domid,
		.pages = s->pages,
		.writable = s->writable };
	struct wire_id_reply reply;
	int memfd = -1;
	unsigned nfds = 1;
	ssize_t n = hvclient_call(fd, &req, sizeof(req), &reply, sizeof(reply), &memfd, &nfds);

	if (n < 0)
		return n;
	if (n != sizeof(reply) || nfds != 1)
		return -EPROTO;
	s->id = reply.id;
	return memfd;
}

static int share_grant(int fd, const struct hvshare *s, uint32_t page, uint32_t *refs)
{
	uint32_t count = s->pages - page < WIRE_GRANT_MAX ? s->pages - page : WIRE_GRANT_MAX;
	struct wire_grant req = { .head.op = WIRE_GRANT,
		.id = s->id,
		.page = page,
		.count = count,
		.first_ref = s->first_ref ? s->first_ref + page : 0 };
	struct wire_refs_reply reply;
	ssize_t n = hvclient_call(fd, &req, sizeof(req), &reply, sizeof(reply), NULL, NULL);

	if (n < 0)
		return n;
	if ((size_t)n != offsetof(struct wire_refs_reply, refs) + count * sizeof(refs[0]))
		return -EPROTO;
	memcpy(refs + page, reply.refs, count * sizeof(refs[0]));
	return count;
}

static int share_drop(int fd, const struct hvshare *s, uint32_t page, uint32_t count)
{
	struct wire_unshare req = {
		.head.op = WIRE_UNSHARE, .id = s->id, .page = page, .count = count
	};
	struct wire_reply reply;
	ssize_t n = hvclient_call(fd, &req, sizeof(req), &reply, sizeof(reply), NULL, NULL);

	return n < 0 ? (int)n : 0;
}

int hvshare_make(int fd, struct hvshare *s, uint32_t *refs)
{
	size_t size = (size_t)s->pages * WIRE_PAGE;
	CLEANUP_CLOSE int memfd = -1;
	int rc = 0;

	if (!s->pages || s->pages > WIRE_SHARE_MAX)
		return -EINVAL;
	memfd = share_memory(fd, s);
	if (memfd < 0)
		return memfd;
	/* Before the first grant: memory that is shared read-only is sealed by it. */
	s->addr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (s->addr == MAP_FAILED)
		rc = -errno;
	for (uint32_t page = 0; rc >= 0 && page < s->pages; page += rc)
		rc = share_grant(fd, s, page, refs);
	if (rc >= 0)
		return 0;
	if (s->addr != MAP_FAILED)
		munmap(s->addr, size);
	(void)share_drop(fd, s, 0, 0);
	return rc;
}

int hvshare_end(int fd, const struct hvshare *s, uint32_t page, uint32_t count)
{
	int rc = share_drop(fd, s, page, count);

	/* What is refused is not ours any more: others may be at that address by now. */
	if (rc == 0 || rc == -ENODEV)
		munmap((char *)s->addr + (size_t)page * WIRE_PAGE, (size_t)count * WIRE_PAGE);
	return rc;
}

int hvshare_notify(int fd, const struct hvshare *s, uint32_t action, uint32_t offset, uint32_t port)
{
	struct wire_notify req = { .head.op = WIRE_NOTIFY,
		.kind = WIRE_NOTIFY_SHARE,
		.id = s->id,
		.action = action,
		.offset = offset,
		.port = port };
	struct wire_reply reply;
	ssize_t n = hvclient_call(fd, &req, sizeof(req), &reply, sizeof(reply), NULL, NULL);

	return n < 0 ? (int)n : 0;
}

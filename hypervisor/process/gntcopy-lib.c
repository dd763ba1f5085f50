// SPDX-License-Identifier: MIT
/*
 * Grant copy on Sluice's hypervisor: operations and local data go through a staging
 * area that both map, one message per batch.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hypervisor/process/gnt-handle.h"

/* What operations take; behind it is the client's own memory. */
#define STAGING_LEAST (offsetof(struct wire_staging, data) + WIRE_COPY_MAX * WIRE_PAGE)

/*
 * How much of it there is: a hypervisor that was started before this library was installed may
 * have less and does not say so, and memory beyond a file's end is a SIGBUS. The file is
 * not asked: a confined client may not look at files.
 */
static size_t staging_size(const struct wire_reply *reply)
{
	size_t bytes = reply->status > 0 ? (size_t)reply->status * WIRE_PAGE : 0;

	if (bytes < STAGING_LEAST)
		return STAGING_LEAST;
	return bytes < sizeof(struct wire_staging) ? bytes : sizeof(struct wire_staging);
}

static int staging_make(xengnttab_handle *xgt)
{
	struct wire_head req = { .op = WIRE_COPY_SETUP };
	struct wire_reply reply;
	CLEANUP_CLOSE int fd = -1;
	unsigned nfds = 1;
	ssize_t n = hvclient_call(xgt->fd, &req, sizeof(req), &reply, sizeof(reply), &fd, &nfds);
	size_t bytes;
	void *addr;

	if (n < 0)
		return n;
	if (nfds != 1)
		return -EPROTO;
	bytes = staging_size(&reply);
	addr = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (addr == MAP_FAILED)
		return -errno;
	xgt->staging = addr;
	xgt->staging_bytes = bytes;
	return 0;
}

/* Where the client's own buffers are. */
static uint8_t *local_area(xengnttab_handle *xgt)
{
	return xgt->staging->data + WIRE_COPY_MAX * WIRE_PAGE;
}

static size_t local_bytes(const xengnttab_handle *xgt)
{
	return xgt->staging_bytes - STAGING_LEAST;
}

/* Both map it already: nothing is to be moved. */
static bool is_local(xengnttab_handle *xgt, const void *virt, uint16_t len)
{
	uintptr_t at = (uintptr_t)virt - (uintptr_t)local_area(xgt);

	return at <= local_bytes(xgt) && len <= local_bytes(xgt) - at;
}

/* In the staging area's data: the operation's own page, or the buffer itself. */
static uint32_t data_offset(xengnttab_handle *xgt, uint32_t i, const void *virt, uint16_t len)
{
	if (is_local(xgt, virt, len))
		return (const uint8_t *)virt - xgt->staging->data;
	return i * WIRE_PAGE;
}

static void end_encode(struct wire_copy_end *end, const union xengnttab_copy_ptr *ptr,
	bool is_ref, uint32_t data_offset)
{
	*end = (struct wire_copy_end){ .is_ref = is_ref, .offset = data_offset };
	if (!is_ref)
		return;
	end->ref = ptr->foreign.ref;
	end->offset = ptr->foreign.offset;
	end->domid = ptr->foreign.domid;
}

/* Each operation has a page of the data area, whether it needs it or not. */
static void op_stage(xengnttab_handle *xgt, uint32_t i, const xengnttab_grant_copy_segment_t *seg)
{
	struct wire_copy_op op = { .len = seg->len, .status = GNTST_general_error };
	bool from_ref = seg->flags & GNTCOPY_source_gref;
	bool to_ref = seg->flags & GNTCOPY_dest_gref;

	end_encode(&op.source, &seg->source, from_ref,
		from_ref ? 0 : data_offset(xgt, i, seg->source.virt, seg->len));
	end_encode(&op.dest, &seg->dest, to_ref,
		to_ref ? 0 : data_offset(xgt, i, seg->dest.virt, seg->len));
	if (!from_ref && seg->len <= WIRE_PAGE && !is_local(xgt, seg->source.virt, seg->len))
		memcpy(&xgt->staging->data[i * WIRE_PAGE], seg->source.virt, seg->len);
	xgt->staging->ops[i] = op;
}

static void op_finish(xengnttab_handle *xgt, uint32_t i, xengnttab_grant_copy_segment_t *seg)
{
	/* The status before the data; pairs with the hypervisor's release. */
	seg->status = __atomic_load_n(&xgt->staging->ops[i].status, __ATOMIC_ACQUIRE);
	if (seg->status == GNTST_okay && !(seg->flags & GNTCOPY_dest_gref) &&
		!is_local(xgt, seg->dest.virt, seg->len))
		memcpy(seg->dest.virt, &xgt->staging->data[i * WIRE_PAGE], seg->len);
}

static int batch_start(
	xengnttab_handle *xgt, uint32_t count, const xengnttab_grant_copy_segment_t *segs)
{
	struct wire_copy req = { .head.op = WIRE_COPY, .count = count };

	for (uint32_t i = 0; i < count; i++)
		op_stage(xgt, i, &segs[i]);
	return hvclient_send(xgt->fd, &req, sizeof(req));
}

static int batch_end(xengnttab_handle *xgt, uint32_t count, xengnttab_grant_copy_segment_t *segs)
{
	struct wire_reply reply;
	ssize_t n = hvclient_receive(xgt->fd, WIRE_COPY, &reply, sizeof(reply), NULL, NULL);

	if (n < 0)
		return n;
	for (uint32_t i = 0; i < count; i++)
		op_finish(xgt, i, &segs[i]);
	return 0;
}

/*
 * Not in Xen's library: memory that grant copies read and write without one more copy between
 * here and the staging area. All of it, @bytes of it, as often as asked; it goes with the
 * handle. NULL: there is none.
 */
PUBLIC void *sluice_gnttab_memory(xengnttab_handle *xgt, size_t *bytes);
PUBLIC void *sluice_gnttab_memory(xengnttab_handle *xgt, size_t *bytes)
{
	int rc = 0;

	pthread_mutex_lock(&xgt->lock);
	if (!xgt->staging)
		rc = staging_make(xgt);
	pthread_mutex_unlock(&xgt->lock);
	if (rc < 0)
		return NULL;
	*bytes = local_bytes(xgt);
	return *bytes ? local_area(xgt) : NULL;
}

/* Operations before the last batch. */
static uint32_t before_last(uint32_t count)
{
	return count ? (count - 1) / WIRE_COPY_MAX * WIRE_COPY_MAX : 0;
}

/* Ends @rc's copy: the handle is everybody's again. */
static int copy_over(xengnttab_handle *xgt, int rc)
{
	pthread_mutex_unlock(&xgt->lock);
	if (rc == 0)
		return 0;
	gnt_error(xgt, rc, "grant copy failed");
	return -1;
}

/*
 * Not in Xen's library: xengnttab_grant_copy() in two halves, so that a caller can do other
 * things while the hypervisor copies. Between the two the handle is the calling thread's, and
 * that does nothing else with it: other threads' calls wait. Local memory is as if lent. When
 * the first half fails there is no second.
 */
PUBLIC int sluice_gnttab_copy_start(
	xengnttab_handle *xgt, uint32_t count, xengnttab_grant_copy_segment_t *segs);
PUBLIC int sluice_gnttab_copy_start(
	xengnttab_handle *xgt, uint32_t count, xengnttab_grant_copy_segment_t *segs)
{
	uint32_t last = before_last(count);
	int rc = 0;

	/* As with Xen's driver: between local buffers there is nothing to ask it for. */
	for (uint32_t i = 0; i < count; i++)
		if (!(segs[i].flags & (GNTCOPY_source_gref | GNTCOPY_dest_gref)))
			rc = -EINVAL;
	pthread_mutex_lock(&xgt->lock);
	if (rc == 0 && count && !xgt->staging)
		rc = staging_make(xgt);
	for (uint32_t done = 0; rc == 0 && done < last; done += WIRE_COPY_MAX) {
		rc = batch_start(xgt, WIRE_COPY_MAX, segs + done);
		if (rc == 0)
			rc = batch_end(xgt, WIRE_COPY_MAX, segs + done);
	}
	if (rc == 0 && count)
		rc = batch_start(xgt, count - last, segs + last);
	return rc == 0 ? 0 : copy_over(xgt, rc);
}

PUBLIC int sluice_gnttab_copy_end(
	xengnttab_handle *xgt, uint32_t count, xengnttab_grant_copy_segment_t *segs);
PUBLIC int sluice_gnttab_copy_end(
	xengnttab_handle *xgt, uint32_t count, xengnttab_grant_copy_segment_t *segs)
{
	uint32_t last = before_last(count);

	return copy_over(xgt, count ? batch_end(xgt, count - last, segs + last) : 0);
}

PUBLIC int xengnttab_grant_copy(
	xengnttab_handle *xgt, uint32_t count, xengnttab_grant_copy_segment_t *segs)
{
	int rc = sluice_gnttab_copy_start(xgt, count, segs);

	return rc < 0 ? rc : sluice_gnttab_copy_end(xgt, count, segs);
}

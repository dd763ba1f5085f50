// SPDX-License-Identifier: MIT
/*
 * The block protocol without I/O: pure functions on private copies of hostile bytes.
 * Any thread. The rules are those of xen/io/blkif.h and of the advisories that the
 * checks name.
 */
#include "config.h"
#include "protocol/blkif.h"

#include <errno.h>
#include <string.h>

#include <xen/io/protocols.h>

#include "common/array.h"

/*
 * Both layouts of the ring's structures, whatever this is compiled for: xen/io/blkif.h
 * has the native one only. Padding is explicit; 32-bit x86 aligns uint64_t to four.
 */
#define LAYOUT __attribute__((packed, aligned(4)))

struct x86_32_rw {
	uint8_t operation, nr_segments;
	uint16_t handle;
	uint64_t id;
	uint64_t sector;
	struct blkif_request_segment seg[BLKIF_MAX_SEGMENTS_PER_REQUEST];
} LAYOUT;

struct x86_32_discard {
	uint8_t operation, flag;
	uint16_t handle;
	uint64_t id;
	uint64_t sector;
	uint64_t nr_sectors;
} LAYOUT;

struct x86_32_indirect {
	uint8_t operation, indirect_op;
	uint16_t nr_segments;
	uint64_t id;
	uint64_t sector;
	uint16_t handle, pad1;
	uint32_t gref[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
	uint64_t pad2;
} LAYOUT;

struct x86_32_response {
	uint64_t id;
	uint8_t operation, pad;
	int16_t status;
} LAYOUT;

struct x86_64_rw {
	uint8_t operation, nr_segments;
	uint16_t handle;
	uint32_t pad;
	uint64_t id;
	uint64_t sector;
	struct blkif_request_segment seg[BLKIF_MAX_SEGMENTS_PER_REQUEST];
} LAYOUT;

struct x86_64_discard {
	uint8_t operation, flag;
	uint16_t handle;
	uint32_t pad;
	uint64_t id;
	uint64_t sector;
	uint64_t nr_sectors;
} LAYOUT;

struct x86_64_indirect {
	uint8_t operation, indirect_op;
	uint16_t nr_segments;
	uint32_t pad1;
	uint64_t id;
	uint64_t sector;
	uint16_t handle, pad2;
	uint32_t gref[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
	uint32_t pad3;
} LAYOUT;

struct x86_64_response {
	uint64_t id;
	uint8_t operation, pad1;
	int16_t status;
	uint32_t pad2;
} LAYOUT;

_Static_assert(sizeof(struct blkif_request_segment) == 8, "segment size");
_Static_assert(sizeof(struct x86_32_rw) == 108, "x86_32 request size");
_Static_assert(sizeof(struct x86_32_indirect) == 64, "x86_32 indirect size");
_Static_assert(sizeof(struct x86_32_response) == 12, "x86_32 response size");
_Static_assert(sizeof(struct x86_64_rw) == BLKIF_SLOT_MAX, "x86_64 request size");
_Static_assert(sizeof(struct x86_64_indirect) == 64, "x86_64 indirect size");
_Static_assert(sizeof(struct x86_64_response) == 16, "x86_64 response size");

#define LAYOUT_OF(abi_name, arch)                                                          \
	{                                                                                  \
		.name = abi_name,                                                          \
		.slot_size = sizeof(struct arch##_rw),                                     \
		.id = offsetof(struct arch##_rw, id),                                      \
		.sector = offsetof(struct arch##_rw, sector),                              \
		.seg = offsetof(struct arch##_rw, seg),                                    \
		.nr_sectors = offsetof(struct arch##_discard, nr_sectors),                 \
		.indirect_handle = offsetof(struct arch##_indirect, handle),               \
		.indirect_gref = offsetof(struct arch##_indirect, gref),                   \
		.rsp_size = sizeof(struct arch##_response),                                \
		.rsp_operation = offsetof(struct arch##_response, operation),              \
		.rsp_status = offsetof(struct arch##_response, status),                    \
	}

#define ID_AND_SECTOR_AS_RW(arch, kind)                                                    \
	_Static_assert(offsetof(struct arch##_##kind, id) == offsetof(struct arch##_rw, id) && \
			offsetof(struct arch##_##kind, sector) ==                          \
			offsetof(struct arch##_rw, sector),                                \
		#arch " " #kind)
ID_AND_SECTOR_AS_RW(x86_32, discard);
ID_AND_SECTOR_AS_RW(x86_32, indirect);
ID_AND_SECTOR_AS_RW(x86_64, discard);
ID_AND_SECTOR_AS_RW(x86_64, indirect);

static const struct blkif_layout layouts[] = {
	LAYOUT_OF(XEN_IO_PROTO_ABI_X86_32, x86_32),
	LAYOUT_OF(XEN_IO_PROTO_ABI_X86_64, x86_64),
};

/* The native layout is the one that xen/io/blkif.h has for the machine compiled for. */
#define NATIVE_IS_64 (sizeof(struct blkif_request) == sizeof(struct x86_64_rw))
#define NATIVE_HAS(field, native_field, in32, in64)                                        \
	_Static_assert(offsetof(struct native_field, field) == (NATIVE_IS_64 ? (in64) : (in32)), \
		"native " #native_field "." #field)
NATIVE_HAS(id, blkif_request, offsetof(struct x86_32_rw, id), offsetof(struct x86_64_rw, id));
NATIVE_HAS(seg, blkif_request, offsetof(struct x86_32_rw, seg), offsetof(struct x86_64_rw, seg));
NATIVE_HAS(nr_sectors, blkif_request_discard, offsetof(struct x86_32_discard, nr_sectors),
	offsetof(struct x86_64_discard, nr_sectors));
NATIVE_HAS(indirect_grefs, blkif_request_indirect, offsetof(struct x86_32_indirect, gref),
	offsetof(struct x86_64_indirect, gref));
NATIVE_HAS(status, blkif_response, offsetof(struct x86_32_response, status),
	offsetof(struct x86_64_response, status));
_Static_assert(sizeof(struct blkif_request) ==
		(NATIVE_IS_64 ? sizeof(struct x86_64_rw) : sizeof(struct x86_32_rw)), "native");

const struct blkif_layout *blkif_layout(enum blkif_abi abi)
{
	switch (abi) {
	case BLKIF_ABI_X86_32:
		return &layouts[0];
	case BLKIF_ABI_X86_64:
		return &layouts[1];
	case BLKIF_ABI_NATIVE:
		break;
	}
	return &layouts[NATIVE_IS_64];
}

int blkif_abi_parse(const char *protocol, enum blkif_abi *abi)
{
	if (!protocol || !*protocol)
		*abi = BLKIF_ABI_NATIVE;
	else if (strcmp(protocol, XEN_IO_PROTO_ABI_X86_32) == 0)
		*abi = BLKIF_ABI_X86_32;
	else if (strcmp(protocol, XEN_IO_PROTO_ABI_X86_64) == 0)
		*abi = BLKIF_ABI_X86_64;
	else if (strcmp(protocol, XEN_IO_PROTO_ABI_NATIVE) == 0)
		*abi = BLKIF_ABI_NATIVE; /* neither of the above on Arm */
	else
		return -EPROTONOSUPPORT;
	return 0;
}

const char *blkif_abi_name(enum blkif_abi abi)
{
	return abi == BLKIF_ABI_NATIVE ? "native" : blkif_layout(abi)->name;
}

size_t blkif_slot_size(enum blkif_abi abi)
{
	return blkif_layout(abi)->slot_size;
}

size_t blkif_rsp_size(enum blkif_abi abi)
{
	return blkif_layout(abi)->rsp_size;
}

static unsigned min_u(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static void decode_segments(const uint8_t *from, struct blkif_segment *to, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct blkif_request_segment s;

		memcpy(&s, from + i * sizeof(s), sizeof(s));
		to[i].gref = s.gref;
		to[i].first_sect = s.first_sect;
		to[i].last_sect = s.last_sect;
	}
}

static void encode_segments(const struct blkif_segment *from, uint8_t *to, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct blkif_request_segment s;

		memset(&s, 0, sizeof(s));
		s.gref = from[i].gref;
		s.first_sect = from[i].first_sect;
		s.last_sect = from[i].last_sect;
		memcpy(to + i * sizeof(s), &s, sizeof(s));
	}
}

void blkif_decode(enum blkif_abi abi, const void *slot, struct blkif_req *req)
{
	const struct blkif_layout *l = blkif_layout(abi);
	const uint8_t *p = slot;

	req->operation = p[0];
	req->flag = 0;
	req->indirect = false;
	req->nr_segments = 0;
	req->nr_sectors = 0;
	memcpy(&req->id, p + l->id, sizeof(req->id));
	memcpy(&req->sector, p + l->sector, sizeof(req->sector));
	switch (p[0]) {
	case BLKIF_OP_INDIRECT:
		req->indirect = true;
		req->operation = p[1];
		memcpy(&req->nr_segments, p + 2, sizeof(req->nr_segments));
		memcpy(req->indirect_gref, p + l->indirect_gref, sizeof(req->indirect_gref));
		break;
	case BLKIF_OP_DISCARD:
		req->flag = p[1];
		memcpy(&req->nr_sectors, p + l->nr_sectors, sizeof(req->nr_sectors));
		break;
	default:
		req->nr_segments = p[1];
		decode_segments(p + l->seg, req->seg,
			min_u(req->nr_segments, BLKIF_MAX_SEGMENTS_PER_REQUEST));
		break;
	}
}

/* How many descriptors of an indirect request page @index has; none beyond seg[]. */
static unsigned segments_in_page(const struct blkif_req *req, unsigned index)
{
	unsigned all = min_u(req->nr_segments, BLKIF_INDIRECT_SEGMENTS);
	size_t before = (size_t)index * BLKIF_SEGMENTS_PER_PAGE;

	return before >= all ? 0 : min_u(all - before, BLKIF_SEGMENTS_PER_PAGE);
}

void blkif_decode_segments(struct blkif_req *req, unsigned index, const void *page)
{
	unsigned n = segments_in_page(req, index);

	if (n)
		decode_segments(page, req->seg + index * BLKIF_SEGMENTS_PER_PAGE, n);
}

void blkif_encode_segments(const struct blkif_req *req, unsigned index, void *page)
{
	unsigned n = segments_in_page(req, index);

	if (n)
		encode_segments(req->seg + index * BLKIF_SEGMENTS_PER_PAGE, page, n);
}

void blkif_encode(enum blkif_abi abi, const struct blkif_req *req, void *slot)
{
	const struct blkif_layout *l = blkif_layout(abi);
	uint8_t *p = slot;

	memset(p, 0, l->slot_size);
	p[0] = req->operation;
	memcpy(p + l->id, &req->id, sizeof(req->id));
	memcpy(p + l->sector, &req->sector, sizeof(req->sector));
	if (req->indirect) {
		p[0] = BLKIF_OP_INDIRECT;
		p[1] = req->operation;
		memcpy(p + 2, &req->nr_segments, sizeof(req->nr_segments));
		memcpy(p + l->indirect_gref, req->indirect_gref,
			min_u(blkif_indirect_pages(req), BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST) *
				sizeof(req->indirect_gref[0]));
	} else if (req->operation == BLKIF_OP_DISCARD) {
		p[1] = req->flag;
		memcpy(p + l->nr_sectors, &req->nr_sectors, sizeof(req->nr_sectors));
	} else {
		p[1] = min_u(req->nr_segments, BLKIF_MAX_SEGMENTS_PER_REQUEST);
		encode_segments(req->seg, p + l->seg, p[1]);
	}
}

void blkif_encode_rsp(enum blkif_abi abi, const struct blkif_rsp *rsp, void *out)
{
	const struct blkif_layout *l = blkif_layout(abi);
	uint8_t *p = out;

	memset(p, 0, l->rsp_size);
	memcpy(p, &rsp->id, sizeof(rsp->id));
	p[l->rsp_operation] = rsp->operation;
	memcpy(p + l->rsp_status, &rsp->status, sizeof(rsp->status));
}

void blkif_decode_rsp(enum blkif_abi abi, const void *in, struct blkif_rsp *rsp)
{
	const struct blkif_layout *l = blkif_layout(abi);
	const uint8_t *p = in;

	memcpy(&rsp->id, p, sizeof(rsp->id));
	rsp->operation = p[l->rsp_operation];
	memcpy(&rsp->status, p + l->rsp_status, sizeof(rsp->status));
}

/* Without wrapping: the end is never computed. */
static bool in_range(uint64_t sector, uint64_t count, const struct blkif_limits *limits)
{
	return sector <= limits->sectors && count <= limits->sectors - sector;
}

/* logical_sectors is a power of two. */
static bool is_aligned(uint64_t sectors, const struct blkif_limits *limits)
{
	return (sectors & (limits->logical_sectors - 1)) == 0;
}

static enum blkif_verdict check_indirect(const struct blkif_req *req,
	const struct blkif_limits *limits)
{
	unsigned most = min_u(limits->max_indirect, BLKIF_INDIRECT_SEGMENTS);

	if (limits->max_indirect == 0)
		return BLKIF_BAD_OPERATION;
	if (req->operation != BLKIF_OP_READ && req->operation != BLKIF_OP_WRITE)
		return BLKIF_BAD_INDIRECT_OP;
	if (req->operation == BLKIF_OP_WRITE && limits->readonly)
		return BLKIF_READONLY;
	return req->nr_segments >= 1 && req->nr_segments <= most ? BLKIF_OK :
								   BLKIF_BAD_SEGMENT_COUNT;
}

static enum blkif_verdict check_discard(const struct blkif_req *req,
	const struct blkif_limits *limits)
{
	if (!limits->discard)
		return BLKIF_BAD_OPERATION;
	if (limits->readonly)
		return BLKIF_READONLY; /* CVE-2013-2140 */
	/* A secure discard done as a plain one would be a lie about the data's fate. */
	if (req->flag & ~(limits->secure_discard ? BLKIF_DISCARD_SECURE : 0))
		return BLKIF_BAD_FLAG;
	if (!is_aligned(req->sector, limits) || !is_aligned(req->nr_sectors, limits))
		return BLKIF_BAD_ALIGNMENT;
	return in_range(req->sector, req->nr_sectors, limits) ? BLKIF_OK : BLKIF_BAD_RANGE;
}

static enum blkif_verdict check_count(const struct blkif_req *req, unsigned least, unsigned most)
{
	return req->nr_segments >= least && req->nr_segments <= most ? BLKIF_OK :
								       BLKIF_BAD_SEGMENT_COUNT;
}

enum blkif_verdict blkif_check_header(const struct blkif_req *req,
	const struct blkif_limits *limits)
{
	if (req->indirect)
		return check_indirect(req, limits);
	switch (req->operation) {
	case BLKIF_OP_READ:
		return check_count(req, 1, BLKIF_MAX_SEGMENTS_PER_REQUEST);
	case BLKIF_OP_WRITE:
		if (limits->readonly)
			return BLKIF_READONLY;
		return check_count(req, 1, BLKIF_MAX_SEGMENTS_PER_REQUEST);
	case BLKIF_OP_WRITE_BARRIER:
		if (!limits->barrier)
			return BLKIF_BAD_OPERATION;
		if (limits->readonly)
			return BLKIF_READONLY;
		return check_count(req, 0, BLKIF_MAX_SEGMENTS_PER_REQUEST);
	case BLKIF_OP_FLUSH_DISKCACHE:
		/* With segments it would be a write that nobody specified: never drop data. */
		return limits->flush ? check_count(req, 0, 0) : BLKIF_BAD_OPERATION;
	case BLKIF_OP_DISCARD:
		return check_discard(req, limits);
	default:
		return BLKIF_BAD_OPERATION;
	}
}

enum blkif_verdict blkif_check_segments(const struct blkif_req *req,
	const struct blkif_limits *limits, uint32_t *total)
{
	unsigned room = req->indirect ? BLKIF_INDIRECT_SEGMENTS : BLKIF_MAX_SEGMENTS_PER_REQUEST;
	uint32_t sum = 0;

	*total = 0;
	if (req->nr_segments == 0)
		return BLKIF_OK; /* sector may be uninitialised */
	if (req->nr_segments > room)
		return BLKIF_BAD_SEGMENT_COUNT;
	for (unsigned i = 0; i < req->nr_segments; i++) {
		const struct blkif_segment *s = &req->seg[i];

		if (s->first_sect > s->last_sect || s->last_sect >= BLKIF_PAGE_SECTORS)
			return BLKIF_BAD_SEGMENT;
		if (!is_aligned(s->first_sect, limits) || !is_aligned(s->last_sect + 1u, limits))
			return BLKIF_BAD_ALIGNMENT;
		sum += s->last_sect - s->first_sect + 1u;
	}
	if (!is_aligned(req->sector, limits))
		return BLKIF_BAD_ALIGNMENT;
	if (!in_range(req->sector, sum, limits))
		return BLKIF_BAD_RANGE;
	*total = sum;
	return BLKIF_OK;
}

const char *blkif_verdict_text(enum blkif_verdict verdict)
{
	static const char *const text[] = {
		[BLKIF_OK] = "valid",
		[BLKIF_BAD_OPERATION] = "an operation that is unknown or was not advertised",
		[BLKIF_BAD_INDIRECT_OP] = "an indirect request that is neither read nor write",
		[BLKIF_BAD_SEGMENT_COUNT] = "a number of segments that its operation cannot have",
		[BLKIF_BAD_SEGMENT] = "a segment that ends before it begins or beyond its page",
		[BLKIF_BAD_RANGE] = "sectors beyond the end of the disk",
		[BLKIF_BAD_ALIGNMENT] = "sectors that are no multiple of the logical block size",
		[BLKIF_READONLY] = "a change to a read-only disk",
		[BLKIF_BAD_FLAG] = "a discard flag that is unknown or was not advertised",
	};

	return (unsigned)verdict < ARRAY_SIZE(text) ? text[verdict] : "?";
}

int16_t blkif_verdict_status(enum blkif_verdict verdict)
{
	switch (verdict) {
	case BLKIF_OK:
		return BLKIF_RSP_OKAY;
	case BLKIF_BAD_OPERATION:
		return BLKIF_RSP_EOPNOTSUPP;
	default:
		return BLKIF_RSP_ERROR;
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * The block protocol (xen/io/blkif.h) without I/O: slots of three ABIs to host
 * requests, the rules each request must pass, responses. Sectors are 512 bytes
 * everywhere here, whatever sector-size says.
 */
#ifndef SLUICE_PROTOCOL_BLKIF_H
#define SLUICE_PROTOCOL_BLKIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/blkif.h>

#include "common/cleanup.h"

#define BLKIF_SECTOR_SIZE 512u
#define BLKIF_PAGE_SIZE 4096u
#define BLKIF_PAGE_SECTORS (BLKIF_PAGE_SIZE / BLKIF_SECTOR_SIZE)
/** The most segments that we advertise and accept in an indirect request. */
#define BLKIF_INDIRECT_SEGMENTS 256u
/** Segment descriptors in one indirect page. */
#define BLKIF_SEGMENTS_PER_PAGE (BLKIF_PAGE_SIZE / sizeof(struct blkif_request_segment))
#define BLKIF_MAX_RING_ORDER 4u
/** Room for a slot of any ABI, in bytes. */
#define BLKIF_SLOT_MAX 112u

enum blkif_abi { BLKIF_ABI_NATIVE, BLKIF_ABI_X86_32, BLKIF_ABI_X86_64 };

/**
 * blkif_abi_parse() - the ABI that a frontend's protocol node names.
 * @protocol: the node's text; NULL or "" means native (blkif.h; QEMU does so, too)
 *
 * Return: 0 or -EPROTONOSUPPORT.
 */
int blkif_abi_parse(const char *protocol, enum blkif_abi *abi) must_check;
/** blkif_abi_name() - "native", "x86_32-abi", "x86_64-abi". */
const char *blkif_abi_name(enum blkif_abi abi);

/** struct blkif_layout - where an ABI has its fields: bytes from the slot's start. */
struct blkif_layout {
	const char *name;
	uint8_t slot_size;       /* of a request, and so of a slot */
	uint8_t id;              /* requests of all kinds */
	uint8_t sector;          /* requests of all kinds */
	uint8_t seg;             /* direct requests: the first of 11 segments */
	uint8_t nr_sectors;      /* discard */
	uint8_t indirect_handle; /* elsewhere handle is at 2 */
	uint8_t indirect_gref;   /* the first of 8 descriptor pages */
	uint8_t rsp_size;
	uint8_t rsp_operation;   /* id is at 0 */
	uint8_t rsp_status;
};
/** blkif_layout() - of an ABI; native gives the layout of this machine. */
const struct blkif_layout *blkif_layout(enum blkif_abi abi);
/** blkif_slot_size() - bytes per ring slot. */
size_t blkif_slot_size(enum blkif_abi abi);

/** struct blkif_segment - one piece of one granted page. */
struct blkif_segment {
	uint32_t gref;
	uint8_t first_sect;
	uint8_t last_sect; /* inclusive */
};

/** struct blkif_req - a request in host form, from one copy of a slot; not validated. */
struct blkif_req {
	uint64_t id;          /* the frontend's; echoed, never interpreted */
	uint64_t sector;      /* first sector, 512-byte units */
	uint64_t nr_sectors;  /* discard only */
	uint8_t operation;    /* BLKIF_OP_*; of an indirect request the inner one */
	uint8_t flag;         /* discard only: BLKIF_DISCARD_* */
	bool indirect;
	uint16_t nr_segments; /* as the frontend gave it */
	/* filled for direct requests by blkif_decode(), for indirect by blkif_decode_segments() */
	struct blkif_segment seg[BLKIF_INDIRECT_SEGMENTS];
	uint32_t indirect_gref[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
};

/**
 * blkif_decode() - host form of a slot copy.
 * @slot: a private copy, blkif_slot_size(abi) bytes
 *
 * Total: any bytes give some request; at most 11 direct segments are read. Of seg and
 * indirect_gref only what the request has is written; the rest keeps what it was.
 */
void blkif_decode(enum blkif_abi abi, const void *slot, struct blkif_req *req);

/** blkif_indirect_pages() - descriptor pages of an indirect request: ceil(n / 512). */
static inline unsigned blkif_indirect_pages(const struct blkif_req *req)
{
	return (req->nr_segments + BLKIF_SEGMENTS_PER_PAGE - 1) / BLKIF_SEGMENTS_PER_PAGE;
}

/**
 * blkif_decode_segments() - add the descriptors of an indirect request.
 * @page: a private copy of descriptor page @index (rule 3 of blk: copied once)
 *
 * Only after blkif_check_header() passed.
 */
void blkif_decode_segments(struct blkif_req *req, unsigned index, const void *page);

/** struct blkif_limits - what a request is checked against. */
struct blkif_limits {
	uint64_t sectors;              /* current capacity, 512-byte units */
	uint32_t logical_sectors;      /* alignment of requests in 512-byte units: 1, or 8 for 4Kn */
	uint16_t max_indirect;         /* as advertised; 0: none */
	bool readonly;
	bool flush;
	bool barrier;
	bool discard;
	bool secure_discard;
};

/** enum blkif_verdict - why a request is refused; blkif_verdict_text() says it. */
enum blkif_verdict {
	BLKIF_OK,
	BLKIF_BAD_OPERATION,     /* unknown or not advertised: answer EOPNOTSUPP */
	BLKIF_BAD_INDIRECT_OP,   /* an indirect request that is no read or write */
	BLKIF_BAD_SEGMENT_COUNT,
	BLKIF_BAD_SEGMENT,       /* first_sect > last_sect or beyond the page */
	BLKIF_BAD_RANGE,         /* beyond the end, or wraps */
	BLKIF_BAD_ALIGNMENT,     /* not a multiple of the logical block */
	BLKIF_READONLY,
	BLKIF_BAD_FLAG,
};

/**
 * blkif_check_header() - the rules that need no segments: operation, counts,
 * read-only, discard's range. Call first.
 */
enum blkif_verdict blkif_check_header(const struct blkif_req *req, const struct blkif_limits *limits) must_check;

/**
 * blkif_check_segments() - the rules on segments and the sum of their sectors.
 * @total: the request's length in sectors
 *
 * After blkif_check_header() and, for indirect requests, all blkif_decode_segments().
 */
enum blkif_verdict blkif_check_segments(const struct blkif_req *req,
	const struct blkif_limits *limits, uint32_t *total) must_check;

const char *blkif_verdict_text(enum blkif_verdict verdict);
/** blkif_verdict_status() - the BLKIF_RSP_* to answer with. */
int16_t blkif_verdict_status(enum blkif_verdict verdict);

/**
 * blkif_encode() - the slot of a request (frontends).
 * @slot: blkif_slot_size(abi) bytes, all written
 *
 * For indirect requests @req->indirect_gref must be set; the descriptors are the
 * caller's to write with blkif_encode_segments().
 */
void blkif_encode(enum blkif_abi abi, const struct blkif_req *req, void *slot);
/** blkif_encode_segments() - write descriptor page @index of an indirect request. */
void blkif_encode_segments(const struct blkif_req *req, unsigned index, void *page);

/** struct blkif_rsp - a response in host form. */
struct blkif_rsp {
	uint64_t id;
	uint8_t operation;
	int16_t status;
};
/** blkif_rsp_size() - bytes of a response: 12 (x86_32) or 16. */
size_t blkif_rsp_size(enum blkif_abi abi);
/** blkif_encode_rsp() - all blkif_rsp_size() bytes, padding cleared (XSA-216, CVE-2017-10911). */
void blkif_encode_rsp(enum blkif_abi abi, const struct blkif_rsp *rsp, void *out);
void blkif_decode_rsp(enum blkif_abi abi, const void *in, struct blkif_rsp *rsp);

#endif

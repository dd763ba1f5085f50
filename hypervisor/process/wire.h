/* SPDX-License-Identifier: MIT */
/*
 * What our libxenevtchn, libxengnttab and the hypervisor say to each other over a
 * SOCK_SEQPACKET Unix socket. Private: both ends are of the same build.
 *
 * One connection is one library handle; when it closes, what was made through it
 * is released. The client sends a request of exactly the size that its op has and
 * reads the reply before the next one; anything else closes the connection. Numbers
 * are in host order. Replies start with struct wire_reply.
 *
 * Descriptors go to clients only. Those that one sends are dropped unseen: to have a
 * stranger's file closed may take for ever.
 */
#ifndef SLUICE_HYPERVISOR_PROCESS_WIRE_H
#define SLUICE_HYPERVISOR_PROCESS_WIRE_H

#include <stdint.h>

#define WIRE_VERSION 3u
#define WIRE_PAGE 4096u

/** Most elements per message: they bound the work that one message causes. */
#define WIRE_MAP_MAX 128u
#define WIRE_GRANT_MAX 512u
#define WIRE_SHARE_MAX 16384u /* pages of one memfd */
#define WIRE_COPY_MAX 256u

enum wire_op {
	WIRE_HELLO = 1,   /* wire_hello; must come first. Reply: wire_hello_reply */
	/*
	 * wire_hello. Reply: wire_reply and the socket of a new connection with the same
	 * rights. The replies are all alike: processes that share a connection for this op
	 * alone may ask at once, and take each other's.
	 */
	WIRE_CONNECT,
	WIRE_RESTRICT,    /* wire_domid */
	WIRE_EVENT_UNBOUND, /* wire_domid. Reply: wire_event_reply and 2 descriptors */
	WIRE_EVENT_BIND,  /* wire_event_bind. Reply: the same */
	WIRE_EVENT_VIRQ,  /* wire_virq. Reply: wire_event_reply and 1 descriptor */
	WIRE_EVENT_CLOSE, /* wire_port */
	WIRE_SHARE,       /* wire_share. Reply: wire_id_reply and the memfd */
	WIRE_GRANT,       /* wire_grant. Reply: wire_refs_reply */
	WIRE_UNSHARE,     /* wire_unshare */
	WIRE_MAP,         /* wire_map. Reply: wire_map_reply and the memfds */
	WIRE_UNMAP,       /* wire_id */
	WIRE_NOTIFY,      /* wire_notify */
	WIRE_COPY_SETUP,  /* wire_head. Reply: wire_reply and the staging memfd */
	WIRE_COPY,        /* wire_copy; the operations are in the staging memfd */
	WIRE_OP_END,
};

/** struct wire_head - the start of every request. */
struct wire_head {
	uint32_t op;
	uint32_t zero;
};

/** struct wire_reply - @rc: 0 or -errno; @status: a GNTST_* where one applies. */
struct wire_reply {
	uint32_t op;
	int32_t rc;
	int32_t status;
	uint32_t zero;
};

struct wire_hello {
	struct wire_head head;
	uint32_t version;
	uint32_t zero;
};
struct wire_hello_reply {
	struct wire_reply reply;
	uint32_t version;
	uint32_t domid;
};

struct wire_domid {
	struct wire_head head;
	uint32_t domid;
	uint32_t zero;
};
struct wire_event_bind {
	struct wire_head head;
	uint32_t domid;
	uint32_t port;
};
struct wire_virq {
	struct wire_head head;
	uint32_t virq;
	uint32_t zero;
};
struct wire_port {
	struct wire_head head;
	uint32_t port;
	uint32_t zero;
};
/**
 * Descriptors: the read end of the port's pipe, and what its peer is told with by writing
 * 8 bytes, 1 as a 64-bit number: the write end of the peer's pipe or, for a vm, an eventfd.
 */
struct wire_event_reply {
	struct wire_reply reply;
	uint32_t port;
	uint32_t zero;
};

struct wire_id {
	struct wire_head head;
	uint32_t id;
	uint32_t zero;
};
struct wire_id_reply {
	struct wire_reply reply;
	uint32_t id;
	uint32_t zero;
};

/** WIRE_SHARE makes the memory; nothing is granted before WIRE_GRANT. */
struct wire_share {
	struct wire_head head;
	uint32_t domid;
	uint32_t pages;
	uint32_t writable; /* 0 or 1 */
	uint32_t zero;
};
/**
 * WIRE_GRANT grants @count pages from @page on. The first one ends the share's
 * preparation: read-only memory can be mapped writable by nobody from then on.
 * @first_ref: 0, or the wanted reference of the first page
 */
struct wire_grant {
	struct wire_head head;
	uint32_t id;
	uint32_t page;
	uint32_t count;
	uint32_t first_ref;
};
struct wire_refs_reply {
	struct wire_reply reply;
	uint32_t refs[WIRE_GRANT_MAX]; /* @count of them are sent */
};
struct wire_unshare {
	struct wire_head head;
	uint32_t id;
	uint32_t page;
	uint32_t count;
	uint32_t zero;
};

struct wire_ref {
	uint32_t domid;
	uint32_t ref;
};
struct wire_map {
	struct wire_head head;
	uint32_t readonly; /* 0 or 1 */
	uint32_t count;
	struct wire_ref refs[WIRE_MAP_MAX]; /* @count of them are sent */
};
struct wire_mapped {
	uint32_t fd;   /* index of the message's descriptors */
	uint32_t page; /* in that memfd */
};
/** On failure @id is the index of the first reference that failed. */
struct wire_map_reply {
	struct wire_reply reply;
	uint32_t id;
	uint32_t count;
	struct wire_mapped pages[WIRE_MAP_MAX]; /* @count of them are sent */
};

enum wire_notify_kind { WIRE_NOTIFY_SHARE = 1, WIRE_NOTIFY_MAP = 2 };
enum wire_notify_action { WIRE_NOTIFY_CLEAR = 1, WIRE_NOTIFY_SEND = 2 };

/** struct wire_notify - what happens when the first page of a share or map goes. */
struct wire_notify {
	struct wire_head head;
	uint32_t kind;
	uint32_t id;
	uint32_t action; /* a set of wire_notify_action */
	uint32_t offset;
	uint32_t port;
	uint32_t zero;
};

struct wire_copy {
	struct wire_head head;
	uint32_t count;
	uint32_t zero;
};

/** One end of a copy operation; @ref and @domid count when it is a grant. */
struct wire_copy_end {
	uint32_t ref;
	uint32_t offset; /* into the granted page, or into the staging data */
	uint16_t domid;
	uint16_t is_ref; /* 0 or 1 */
};
/** The hypervisor reads an operation once and writes @status alone. */
struct wire_copy_op {
	struct wire_copy_end source, dest;
	uint16_t len;
	int16_t status;
	uint32_t zero;
};
/** WIRE_COPY_SETUP's reply has the staging area's pages as its status; 0: as many as ops and their pages take. */
/** WIRE_COPY_LOCAL - bytes behind the operations' pages that are the client's own buffers. */
#define WIRE_COPY_LOCAL (4u << 20)
struct wire_staging {
	struct wire_copy_op ops[WIRE_COPY_MAX];
	uint8_t data[WIRE_COPY_MAX * WIRE_PAGE + WIRE_COPY_LOCAL] __attribute__((aligned(WIRE_PAGE)));
};

#endif

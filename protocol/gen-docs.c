// SPDX-License-Identifier: MIT
/* Writes docs/protocol.md from the tables that the programs run on. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "protocol/blkif-nodes.h"
#include "protocol/blkif.h"
#include "protocol/negotiate.h"
#include "protocol/netif-ctrl.h"
#include "protocol/netif-nodes.h"
#include "protocol/netif.h"
#include "protocol/ring.h"
#include "protocol/xenbus.h"

/* A protocol's sections: who writes and into whose directory. */
static const struct {
	enum nego_writer writer;
	enum nego_dir dir;
	const char *title;
} sections[] = {
	{ NEGO_TOOLSTACK, NEGO_BACKEND_DIR, "Written by the toolstack for the backend" },
	{ NEGO_TOOLSTACK, NEGO_FRONTEND_DIR, "Written by the toolstack for the frontend" },
	{ NEGO_BACKEND, NEGO_BACKEND_DIR, "Written by the backend" },
	{ NEGO_FRONTEND, NEGO_FRONTEND_DIR, "Written by the frontend" },
};

static const char *when_text(enum nego_when when)
{
	switch (when) {
	case NEGO_AT_CREATION:
		return "creation";
	case NEGO_BEFORE_INITWAIT:
		return "before InitWait";
	case NEGO_BEFORE_CONNECTED:
		return "before Connected";
	case NEGO_BEFORE_INITIALISED:
		return "before Initialised";
	}
	return "?";
}

static void print_bound(uint64_t n)
{
	if (n == UINT32_MAX)
		printf("2^32-1");
	else if (n == 1u << 31)
		printf("2^31");
	else if (n == UINT64_MAX / BLKIF_SECTOR_SIZE)
		printf("2^55-1");
	else
		printf("%" PRIu64, n);
}

static void print_type(const struct nego_node *n)
{
	if (n->type == NEGO_BOOL) {
		printf("0 or 1");
	} else if (n->type != NEGO_STRING) {
		print_bound(n->min);
		printf(" to ");
		print_bound(n->max);
		if (n->alias_of)
			printf(", power of 2");
	} else if (n->values) {
		printf("one of: %s", n->values);
	} else {
		printf("text");
	}
}

static void print_default(const struct nego_node *n)
{
	if (n->required)
		printf("required");
	else if (n->fallback)
		printf("%s", *n->fallback ? n->fallback : "(empty)");
}

static void print_node(const struct nego_node *n)
{
	printf("| `%s`%s%s | %s | ", n->name, n->per_queue ? " (per queue)" : "",
		n->deprecated ? " (deprecated)" : "", when_text(n->when));
	print_type(n);
	printf(" | ");
	print_default(n);
	printf(" | %s | %s |\n", n->since ? n->since : "", n->text);
}

static void print_section(const struct nego_table *t, unsigned s)
{
	printf("### %s\n\n"
	       "| Node | When | Value | Default | Since | Meaning |\n"
	       "| --- | --- | --- | --- | --- | --- |\n", sections[s].title);
	for (unsigned i = 0; i < t->count; i++) {
		const struct nego_node *n = &t->nodes[i];

		if (n->writer == sections[s].writer && n->dir == sections[s].dir)
			print_node(n);
	}
	printf("\n");
}

static void print_table(const struct nego_table *t)
{
	printf("## %s (%s)\n\n", t->title, t->protocol);
	for (unsigned s = 0; s < ARRAY_SIZE(sections); s++)
		print_section(t, s);
}

static void print_blkif_layouts(void)
{
	static const struct {
		const char *field;
		size_t offset;
	} rows[] = {
		{ "size of a request (a ring's slot)", offsetof(struct blkif_layout, slot_size) },
		{ "`id`, all requests", offsetof(struct blkif_layout, id) },
		{ "`sector_number`, all requests", offsetof(struct blkif_layout, sector) },
		{ "`seg[0]`, direct requests", offsetof(struct blkif_layout, seg) },
		{ "`nr_sectors`, discard", offsetof(struct blkif_layout, nr_sectors) },
		{ "`handle`, indirect requests",
			offsetof(struct blkif_layout, indirect_handle) },
		{ "`indirect_grefs[0]`", offsetof(struct blkif_layout, indirect_gref) },
		{ "size of a response", offsetof(struct blkif_layout, rsp_size) },
		{ "`operation`, responses", offsetof(struct blkif_layout, rsp_operation) },
		{ "`status`, responses", offsetof(struct blkif_layout, rsp_status) },
	};
	const uint8_t *l32 = (const uint8_t *)blkif_layout(BLKIF_ABI_X86_32);
	const uint8_t *l64 = (const uint8_t *)blkif_layout(BLKIF_ABI_X86_64);

	printf("### Layouts\n\n"
	       "In bytes from the slot's start. `operation` is at 0 of each request; `nr_segments`\n"
	       "(direct), `flag` (discard) or `indirect_op` (indirect) at 1; `handle` at 2, where\n"
	       "indirect requests have a 16-bit `nr_segments`; a response's `id` at 0. Native on\n"
	       "64-bit machines is as x86_64.\n\n"
	       "| | `%s` | `%s` |\n| --- | --- | --- |\n",
		blkif_abi_name(BLKIF_ABI_X86_32), blkif_abi_name(BLKIF_ABI_X86_64));
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		printf("| %s | %u | %u |\n", rows[i].field, l32[rows[i].offset],
			l64[rows[i].offset]);
	for (unsigned order = 0; order <= BLKIF_MAX_RING_ORDER; order++)
		printf("| slots of a ring of %u page%s | %u | %u |\n", 1u << order,
			order ? "s" : "",
			ring_slots((size_t)BLKIF_PAGE_SIZE << order, blkif_slot_size(BLKIF_ABI_X86_32)),
			ring_slots((size_t)BLKIF_PAGE_SIZE << order, blkif_slot_size(BLKIF_ABI_X86_64)));
	printf("\n");
}

struct constant {
	const char *name;
	int value;
	const char *meaning;
};
#define CONSTANT(c, meaning) { #c, c, meaning }

static void print_constants(const struct constant *rows, unsigned n)
{
	printf("### Constants\n\n| Name | Value | |\n| --- | --- | --- |\n");
	for (unsigned i = 0; i < n; i++)
		printf("| `%s` | %d | %s |\n", rows[i].name, rows[i].value, rows[i].meaning);
	printf("\n");
}

static void print_blkif_constants(void)
{
	static const struct constant rows[] = {
		CONSTANT(BLKIF_OP_READ, "1 to 11 segments"),
		CONSTANT(BLKIF_OP_WRITE, "1 to 11 segments"),
		CONSTANT(BLKIF_OP_WRITE_BARRIER, "0 to 11 segments; with feature-barrier"),
		CONSTANT(BLKIF_OP_FLUSH_DISKCACHE, "no segments; with feature-flush-cache"),
		CONSTANT(BLKIF_OP_DISCARD, "with feature-discard"),
		CONSTANT(BLKIF_OP_INDIRECT,
			"read or write; 1 to feature-max-indirect-segments segments"),
		CONSTANT(BLKIF_DISCARD_SECURE, "flag of a discard; with discard-secure"),
		CONSTANT(BLKIF_MAX_SEGMENTS_PER_REQUEST, "of direct requests"),
		CONSTANT(BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST, "of descriptors"),
		{ "BLKIF_SEGMENTS_PER_PAGE", BLKIF_SEGMENTS_PER_PAGE, "descriptors per page" },
		{ "BLKIF_INDIRECT_SEGMENTS", BLKIF_INDIRECT_SEGMENTS,
			"the most that Sluice offers" },
		CONSTANT(BLKIF_RSP_OKAY, "done"),
		CONSTANT(BLKIF_RSP_ERROR, "refused or failed"),
		CONSTANT(BLKIF_RSP_EOPNOTSUPP, "unknown operation, or not advertised"),
	};

	print_constants(rows, ARRAY_SIZE(rows));
}

static void print_blkif_verdicts(void)
{
	printf("### What is refused\n\n"
	       "Every request is copied once and then checked; a request with one of these gets the\n"
	       "response in the second column, and the device goes on. Sectors are 512 bytes here\n"
	       "and on the ring, whatever `sector-size` says.\n\n"
	       "| A request with | Response |\n| --- | --- |\n");
	for (int v = BLKIF_OK + 1; v <= BLKIF_BAD_FLAG; v++)
		printf("| %s | `%s` |\n", blkif_verdict_text(v),
			blkif_verdict_status(v) == BLKIF_RSP_EOPNOTSUPP ? "BLKIF_RSP_EOPNOTSUPP" :
									  "BLKIF_RSP_ERROR");
	printf("\nA ring whose producer index leaves its bounds is disconnected for good.\n\n");
}

/* Where a structure of the wire has its fields. */
struct layout_row {
	const char *slot, *field;
	size_t at, size;
};
#define FIELD(slot, type, field)                                                           \
	{ slot, #field, offsetof(type, field), sizeof(((type *)0)->field) }

static void print_netif_layouts(void)
{
	static const struct layout_row rows[] = {
		FIELD("transmit request", struct netif_tx_request, gref),
		FIELD("transmit request", struct netif_tx_request, offset),
		FIELD("transmit request", struct netif_tx_request, flags),
		FIELD("transmit request", struct netif_tx_request, id),
		FIELD("transmit request", struct netif_tx_request, size),
		FIELD("transmit response", struct netif_tx_response, id),
		FIELD("transmit response", struct netif_tx_response, status),
		FIELD("receive request", struct netif_rx_request, id),
		FIELD("receive request", struct netif_rx_request, gref),
		FIELD("receive response", struct netif_rx_response, id),
		FIELD("receive response", struct netif_rx_response, offset),
		FIELD("receive response", struct netif_rx_response, flags),
		FIELD("receive response", struct netif_rx_response, status),
		FIELD("extra segment", struct netif_extra_info, type),
		FIELD("extra segment", struct netif_extra_info, flags),
		FIELD("extra, GSO", struct netif_extra_info, u.gso.size),
		FIELD("extra, GSO", struct netif_extra_info, u.gso.type),
		FIELD("extra, multicast", struct netif_extra_info, u.mcast.addr),
		FIELD("extra, hash", struct netif_extra_info, u.hash.type),
		FIELD("extra, hash", struct netif_extra_info, u.hash.algorithm),
		FIELD("extra, hash", struct netif_extra_info, u.hash.value),
		FIELD("extra, XDP", struct netif_extra_xdp, headroom),
		FIELD("control request", struct xen_netif_ctrl_request, id),
		FIELD("control request", struct xen_netif_ctrl_request, type),
		FIELD("control request", struct xen_netif_ctrl_request, data),
		FIELD("control response", struct xen_netif_ctrl_response, id),
		FIELD("control response", struct xen_netif_ctrl_response, type),
		FIELD("control response", struct xen_netif_ctrl_response, status),
		FIELD("control response", struct xen_netif_ctrl_response, data),
	};

	printf("### Layouts\n\n"
	       "The same for all guests. Each ring is one page: %u slots of %zu bytes to transmit, %u\n"
	       "of %zu to receive, %u of %zu for control. A packet of the guest has its whole size in\n"
	       "its first slot, and the extra segments, if any, follow that slot; a packet for the\n"
	       "guest has in each slot what that slot has, at the places of the requests it uses.\n\n"
	       "| Slot | Field | At | Bytes |\n| --- | --- | --- | --- |\n",
		ring_slots(NETIF_PAGE_SIZE, sizeof(struct netif_tx_request)),
		sizeof(struct netif_tx_request),
		ring_slots(NETIF_PAGE_SIZE, sizeof(struct netif_rx_request)),
		sizeof(struct netif_rx_request),
		ring_slots(NETIF_PAGE_SIZE, sizeof(struct xen_netif_ctrl_request)),
		sizeof(struct xen_netif_ctrl_request));
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		printf("| %s | `%s` | %zu | %zu |\n", rows[i].slot, rows[i].field, rows[i].at,
			rows[i].size);
	printf("\n");
}

static void print_netif_constants(void)
{
	static const struct constant rows[] = {
		CONSTANT(NETTXF_csum_blank, "transmit flag: the transport's checksum is to be made"),
		CONSTANT(NETTXF_data_validated, "transmit flag: the sender vouches for the data"),
		CONSTANT(NETTXF_more_data, "transmit flag: the packet goes on in another slot"),
		CONSTANT(NETTXF_extra_info, "transmit flag: extra segments follow"),
		CONSTANT(NETRXF_data_validated, "receive flag: the other two bits, the other way round"),
		CONSTANT(NETRXF_csum_blank, "receive flag"),
		CONSTANT(NETRXF_more_data, "receive flag"),
		CONSTANT(NETRXF_extra_info, "receive flag"),
		CONSTANT(XEN_NETIF_EXTRA_FLAG_MORE, "flag of an extra segment: another follows"),
		CONSTANT(XEN_NETIF_EXTRA_TYPE_GSO, "extra type: to be segmented"),
		CONSTANT(XEN_NETIF_EXTRA_TYPE_MCAST_ADD,
			"extra type: let an address through the filter; the packet is a dummy"),
		CONSTANT(XEN_NETIF_EXTRA_TYPE_MCAST_DEL, "extra type: no longer"),
		CONSTANT(XEN_NETIF_EXTRA_TYPE_HASH, "extra type: the hash of the packet"),
		{ "XEN_NETIF_EXTRA_TYPE_XDP", NETIF_EXTRA_XDP,
			"extra type: bytes before the data; Linux's own" },
		CONSTANT(XEN_NETIF_GSO_TYPE_TCPV4, "segmentation of TCP over IPv4"),
		CONSTANT(XEN_NETIF_GSO_TYPE_TCPV6, "segmentation of TCP over IPv6"),
		CONSTANT(XEN_NETIF_NR_SLOTS_MIN, "data slots of a packet that every backend takes"),
		{ "NETIF_SLOTS_FATAL", NETIF_SLOTS_FATAL,
			"with more than these the device is disconnected" },
		CONSTANT(XEN_NETIF_MAX_TX_SIZE, "bytes of the largest packet"),
		{ "NETIF_PACKET_MIN", NETIF_PACKET_MIN, "bytes of the smallest: an Ethernet header" },
		{ "NETIF_HASH_KEY_MAX", NETIF_HASH_KEY_MAX, "bytes of a Toeplitz key" },
		{ "NETIF_HASH_MAPPING_MAX", NETIF_HASH_MAPPING_MAX,
			"entries of the mapping from hashes to queues" },
		CONSTANT(NETIF_RSP_OKAY, "done"),
		CONSTANT(NETIF_RSP_NULL, "response of an extra segment's slot"),
		CONSTANT(NETIF_RSP_ERROR, "refused, failed, or dropped"),
		CONSTANT(NETIF_RSP_DROPPED, "dropped for its number of slots"),
	};

	print_constants(rows, ARRAY_SIZE(rows));
}

static const char *netif_status_name(int16_t status)
{
	return status == NETIF_RSP_DROPPED ? "NETIF_RSP_DROPPED" : "NETIF_RSP_ERROR";
}

static void print_netif_verdicts(void)
{
	printf("### What is refused\n\n"
	       "Every slot is copied once and then checked. A packet that is dropped gets the response\n"
	       "in the second column in all of its data slots, and the ring goes on; after what is\n"
	       "fatal nothing more of that device is looked at until its frontend closes.\n\n"
	       "| A packet with | Response | Then |\n| --- | --- | --- |\n");
	for (int v = NETIF_OK + 1; v <= NETIF_FATAL_SG; v++)
		printf("| %s | `%s` | %s |\n", netif_verdict_text(v),
			netif_status_name(netif_verdict_status(v)),
			netif_is_fatal(v) ? "fatal" : "dropped");
	printf("\nA packet that is to be segmented has a blank checksum even if it does not say so.\n"
	       "Requests of the control ring are refused whole, before anything is copied or changed.\n\n");
}

static const char *action_name(enum xenbus_action action)
{
	switch (action) {
	case XENBUS_NOTHING:
		return "";
	case XENBUS_INITIALISE:
		return "initialise";
	case XENBUS_CONNECT:
		return "connect";
	case XENBUS_CLOSING:
		return "close";
	case XENBUS_DISCONNECT:
		return "disconnect";
	case XENBUS_REINIT:
		return "again";
	case XENBUS_RECONFIGURE:
		return "reconfigure";
	case XENBUS_RECONFIGURED:
		return "connected";
	case XENBUS_REMOVE:
		return "remove";
	}
	return "?";
}

static void print_action(int backend, int frontend, bool mapped, int target)
{
	const char *on = action_name(
		xenbus_backend_action(backend, frontend, true, mapped, target));
	const char *off = action_name(
		xenbus_backend_action(backend, frontend, false, mapped, target));

	if (strcmp(on, off) == 0)
		printf(" %s |", on);
	else
		printf(" %s / %s |", *on ? on : "-", *off ? off : "-");
}

static void print_actions(const char *title, bool mapped)
{
	printf("### %s\n\n| backend \\ frontend |", title);
	for (int f = XenbusStateUnknown; f <= XenbusStateReconfigured; f++)
		printf(" %s |", f == XenbusStateUnknown ? "gone" : xenbus_state_name(f));
	printf("\n| --- |");
	for (int f = XenbusStateUnknown; f <= XenbusStateReconfigured; f++)
		printf(" --- |");
	printf("\n");
	for (int b = XenbusStateInitialising; b <= XenbusStateReconfigured; b++) {
		if (b == XenbusStateReconfiguring)
			continue; /* a frontend's */
		printf("| %s |", xenbus_state_name(b));
		for (int f = XenbusStateUnknown; f <= XenbusStateReconfigured; f++)
			print_action(b, f, mapped, XenbusStateUnknown);
		printf("\n");
	}
	printf("| detach asked for |");
	for (int f = XenbusStateUnknown; f <= XenbusStateReconfigured; f++)
		print_action(XenbusStateConnected, f, mapped, XenbusStateClosing);
	printf("\n\n");
}

static void print_states(void)
{
	printf("## States (xenbus)\n\n"
	       "What a backend does next, by its own state and the frontend's. Two actions: the first\n"
	       "while `online` is 1, the second when it is 0. *initialise*: publish the features, go\n"
	       "to InitWait. *connect*: read the frontend's nodes, map the rings, go to Connected.\n"
	       "*close*: go to Closing and keep serving. *disconnect*: drain, unmap, go to Closed.\n"
	       "*reconfigure*, of networks only: read what may change while connected, go to\n"
	       "Reconfigured; *connected*: back to Connected.\n"
	       "*again*: go to InitWait for a frontend that starts over. *remove*: disconnect and end\n"
	       "for good. Detach is asked for by writing Closing over the backend's state; once the\n"
	       "backend follows it, the row of its state holds.\n\n");
	print_actions("While no ring is mapped", false);
	print_actions("While rings are mapped", true);
}

int main(void)
{
	printf("<!-- Generated by protocol/gen-docs.c: change the tables, then run"
	       " \"make update-protocol-docs\". -->\n"
	       "# Protocols\n\n"
	       "This page is generated from the tables that Sluice's backends, frontends and tools run\n"
	       "on. It lists the store nodes that each protocol negotiates with, the layout of what is\n"
	       "on the ring, and what each side does when the other's state changes.\n\n"
	       "*When*: the state before which the writer publishes the node. *Default*: what absence\n"
	       "means; an empty value counts as absent. *Since*: the Xen releases between which the\n"
	       "node came into the comments of Xen's public header, as far as those of 4.1, 4.2 and\n"
	       "4.17 tell; empty where that header does not name it. *Per queue*: with two queues or\n"
	       "more the node is in `queue-0/`, `queue-1/`, ... Numbers are decimal, digits only;\n"
	       "anything else, and a value outside its bounds, is refused.\n\n");
	print_table(&blkif_nodes);
	print_blkif_layouts();
	print_blkif_constants();
	print_blkif_verdicts();
	print_table(&netif_nodes);
	print_netif_layouts();
	print_netif_constants();
	print_netif_verdicts();
	print_states();
	return ferror(stdout) || fflush(stdout) == EOF;
}

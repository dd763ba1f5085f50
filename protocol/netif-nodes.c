// SPDX-License-Identifier: MIT
/*
 * The store nodes of the network protocol. The rows are in the order of docs/protocol.md,
 * which is made from them.
 */
#include "config.h"
#include "protocol/netif-nodes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "protocol/node-rows.h"

#define T_FIELD(f) offsetof(struct netif_toolstack_nodes, f)
#define B_FIELD(f) offsetof(struct netif_backend_nodes, f)
#define F_FIELD(f) offsetof(struct netif_frontend_nodes, f)
#define Q_FIELD(f) offsetof(struct netif_queue_nodes, f)

/* The longest interval that libxl writes: it has it in 32 bits. */
#define RATE_USEC_MAX UINT32_MAX
#define RATE_BYTES_MAX (UINT64_C(1) << 50)

static const struct nego_node nodes[] = {
	/* --- the toolstack, in the backend's directory --- */
	{ .name = "frontend", TOOLSTACK(NEGO_BACKEND_DIR), STRING, .required = true,
		.offset = T_FIELD(frontend),
		.text = "Path of the frontend's directory." },
	{ .name = "frontend-id", TOOLSTACK(NEGO_BACKEND_DIR), U32(0, DOMID_FIRST_RESERVED - 1),
		.required = true, .offset = T_FIELD(frontend_id),
		.text = "The frontend's domain." },
	{ .name = "mac", TOOLSTACK(NEGO_BACKEND_DIR), STRING,
		.offset = T_FIELD(mac),
		.text = "Address of the guest's interface, six bytes in hexadecimal with colons "
			"between." },
	{ .name = "handle", TOOLSTACK(NEGO_BACKEND_DIR), U32(0, U32_MAX), .fallback = "0",
		.offset = T_FIELD(handle),
		.text = "Number of the interface in the guest." },
	{ .name = "online", TOOLSTACK(NEGO_BACKEND_DIR), BOOL, .fallback = "0",
		.offset = T_FIELD(online),
		.text = "1 while the device is wanted: a closed frontend may connect again; "
			"0: a closed device is removed." },
	{ .name = "script", TOOLSTACK(NEGO_BACKEND_DIR), STRING,
		.offset = T_FIELD(script),
		.text = "Hotplug script that connects the host's interface; it runs at InitWait." },
	{ .name = "hotplug-status", TOOLSTACK(NEGO_BACKEND_DIR), STRING,
		.offset = T_FIELD(hotplug_status),
		.text = "\"connected\", \"error\" or \"busy\", written by the hotplug script." },
	{ .name = "vifname", TOOLSTACK(NEGO_BACKEND_DIR), STRING,
		.offset = T_FIELD(vifname),
		.text = "Name of the host's interface; the default is vif, the guest's domain, a "
			"dot and handle." },
	{ .name = "bridge", TOOLSTACK(NEGO_BACKEND_DIR), STRING,
		.offset = T_FIELD(bridge),
		.text = "Bridge that the host's interface is put on." },
	{ .name = "ip", TOOLSTACK(NEGO_BACKEND_DIR), STRING,
		.offset = T_FIELD(ip),
		.text = "Addresses of the guest, for the script." },
	{ .name = "rate", TOOLSTACK(NEGO_BACKEND_DIR), STRING,
		.offset = T_FIELD(rate),
		.text = "\"BYTES,USEC\": so many bytes may be sent each so many microseconds, by all "
			"queues together." },
	{ .name = "mtu", TOOLSTACK(NEGO_BACKEND_DIR), U32(0, NETIF_PACKET_MAX), .fallback = "0",
		.offset = T_FIELD(mtu),
		.text = "MTU that the host's interface is to have; 0: leave it." },
	{ .name = "type", TOOLSTACK(NEGO_BACKEND_DIR), STRING, .fallback = "vif",
		.offset = T_FIELD(type),
		.text = "vif, or vif_ioemu for guests that have an emulated card, too." },
	{ .name = "gatewaydev", TOOLSTACK(NEGO_BACKEND_DIR), STRING, NOWHERE,
		.text = "Interface that the script routes or translates through." },
	{ .name = "vlan", TOOLSTACK(NEGO_BACKEND_DIR), STRING, NOWHERE,
		.text = "VLANs that the script puts the interface in." },
	{ .name = "attach", TOOLSTACK(NEGO_BACKEND_DIR), STRING,
		.values = "tap macvtap user packet null", .offset = T_FIELD(attach),
		.since = "Sluice 0.1",
		.text = "Sluice's own: what the guest's frames go to on our side; the default is "
			"tap." },
	{ .name = "device", TOOLSTACK(NEGO_BACKEND_DIR), STRING,
		.offset = T_FIELD(device),
		.since = "Sluice 0.1",
		.text = "Sluice's own: the existing interface that macvtap and packet stand on." },
	{ .name = "rate-in", TOOLSTACK(NEGO_BACKEND_DIR), STRING,
		.offset = T_FIELD(rate_in),
		.since = "Sluice 0.1",
		.text = "Sluice's own: as rate, for what the guest receives; the default is rate." },
	{ .name = "forward", TOOLSTACK(NEGO_BACKEND_DIR), STRING,
		.offset = T_FIELD(forward),
		.since = "Sluice 0.1",
		.text = "Sluice's own: ports of the host that attach=user forwards to the guest: "
			"\"tcp:127.0.0.1:8022-22 udp:...\"." },
	/* --- the toolstack, in the frontend's directory --- */
	{ .name = "backend", TOOLSTACK(NEGO_FRONTEND_DIR), STRING, NOWHERE,
		.text = "Path of the backend's directory." },
	{ .name = "backend-id", TOOLSTACK(NEGO_FRONTEND_DIR), U32(0, DOMID_FIRST_RESERVED - 1), NOWHERE,
		.text = "The backend's domain." },
	{ .name = "mac", TOOLSTACK(NEGO_FRONTEND_DIR), STRING, NOWHERE,
		.text = "The interface's address." },
	{ .name = "handle", TOOLSTACK(NEGO_FRONTEND_DIR), U32(0, U32_MAX), NOWHERE,
		.text = "As in the backend's directory." },
	{ .name = "mtu", TOOLSTACK(NEGO_FRONTEND_DIR), U32(0, NETIF_PACKET_MAX), .fallback = "1500",
		NOWHERE, .since = "4.3 to 4.17",
		.text = "MTU that the frontend may use; written by the toolstack or its script. "
			"Beyond 1500 it needs feature-sg." },
	{ .name = "trusted", TOOLSTACK(NEGO_FRONTEND_DIR), BOOL, .fallback = "1", NOWHERE,
		.since = "4.3 to 4.17",
		.text = "0: the frontend should not trust its backend; Linux's then copies all data." },
	/* --- the backend, before InitWait --- */
	{ .name = "feature-rx-copy", BACKEND(INITWAIT), BOOL, .fallback = "0",
		.offset = B_FIELD(rx_copy),
		.text = "Received packets are copied into the guest's pages; Linux takes no backend "
			"that does not." },
	{ .name = "feature-rx-flip", BACKEND(INITWAIT), BOOL, .fallback = "0", .deprecated = true,
		.offset = B_FIELD(rx_flip),
		.text = "Received packets come in pages that change their owner; nobody does so any "
			"more." },
	{ .name = "feature-sg", BACKEND(INITWAIT), BOOL, .fallback = "0",
		.offset = B_FIELD(sg),
		.text = "A packet of the guest may have several slots: at least 18." },
	{ .name = "feature-gso-tcpv4", BACKEND(INITWAIT), BOOL, .fallback = "0",
		.offset = B_FIELD(gso_tcpv4),
		.since = "4.3 to 4.17",
		.text = "The guest may send TCP over IPv4 that is still to be segmented." },
	{ .name = "feature-gso-tcpv6", BACKEND(INITWAIT), BOOL, .fallback = "0",
		.offset = B_FIELD(gso_tcpv6),
		.since = "4.3 to 4.17",
		.text = "The same over IPv6." },
	{ .name = "feature-ipv6-csum-offload", BACKEND(INITWAIT), BOOL, .fallback = "0",
		.offset = B_FIELD(csum_ipv6),
		.since = "4.3 to 4.17",
		.text = "The guest may leave checksums of TCP and UDP over IPv6 blank; over IPv4 it "
			"always may." },
	{ .name = "feature-split-event-channels", BACKEND(INITWAIT), BOOL, .fallback = "0",
		.offset = B_FIELD(split_channels),
		.since = "4.3 to 4.17",
		.text = "Each direction of a queue may have a port of its own." },
	{ .name = "multi-queue-max-queues", BACKEND(INITWAIT), U32(1, U32_MAX), .fallback = "1",
		.omit_zero = true, .offset = B_FIELD(max_queues),
		.since = "4.3 to 4.17",
		.text = "Most queues that the device may have." },
	{ .name = "feature-ctrl-ring", BACKEND(INITWAIT), BOOL, .fallback = "0",
		.offset = B_FIELD(ctrl_ring),
		.since = "4.3 to 4.17",
		.text = "There may be a control ring, which says how the queue of a packet is chosen." },
	{ .name = "feature-multicast-control", BACKEND(INITWAIT), BOOL, .fallback = "0",
		.offset = B_FIELD(mcast),
		.since = "4.3 to 4.17",
		.text = "The backend can keep multicast from the guest but for addresses that it "
			"asked for." },
	{ .name = "feature-dynamic-multicast-control", BACKEND(INITWAIT), BOOL, .fallback = "0",
		.offset = B_FIELD(dynamic_mcast),
		.since = "4.3 to 4.17",
		.text = "request-multicast-control may change while connected." },
	{ .name = "feature-xdp-headroom", BACKEND(INITWAIT), BOOL, .fallback = "0",
		.offset = B_FIELD(xdp_headroom),
		.text = "Linux's own: xdp-headroom of the frontend is observed." },
	/* --- the backend, before Connected --- */
	{ .name = "carrier", BACKEND(CONNECTED), BOOL, .fallback = "1",
		.offset = B_FIELD(carrier),
		.since = "4.3 to 4.17",
		.text = "0: the link is down. May change while connected." },
	/* --- the frontend, before Initialised (or straight Connected) --- */
	{ .name = "request-rx-copy", FRONTEND, BOOL, .fallback = "0",
		.offset = F_FIELD(rx_copy),
		.text = "Must be 1: the frontend wants received packets copied." },
	{ .name = "feature-rx-notify", FRONTEND, BOOL, .fallback = "0",
		.offset = F_FIELD(rx_notify),
		.since = "4.1 or earlier",
		.text = "Frontend sends an event when it adds buffers; without it the backend looks "
			"from time to time." },
	{ .name = "feature-sg", FRONTEND, BOOL, .fallback = "0",
		.offset = F_FIELD(sg),
		.text = "A received packet may have several slots." },
	{ .name = "feature-gso-tcpv4", FRONTEND, BOOL, .fallback = "0",
		.offset = F_FIELD(gso_tcpv4),
		.since = "4.3 to 4.17",
		.text = "Takes TCP over IPv4 that is still to be segmented." },
	{ .name = "feature-gso-tcpv6", FRONTEND, BOOL, .fallback = "0",
		.offset = F_FIELD(gso_tcpv6),
		.since = "4.3 to 4.17",
		.text = "The same over IPv6." },
	{ .name = "feature-gso-tcpv4-prefix", FRONTEND, BOOL, .fallback = "0", .deprecated = true,
		NOWHERE,
		.text = "Takes the size of segments in a slot before the packet; old Windows drivers "
			"did. Such packets are segmented for it." },
	{ .name = "feature-gso-tcpv6-prefix", FRONTEND, BOOL, .fallback = "0", .deprecated = true,
		NOWHERE,
		.text = "The same over IPv6." },
	{ .name = "feature-no-csum-offload", FRONTEND, BOOL, .fallback = "0",
		.offset = F_FIELD(no_csum),
		.since = "4.3 to 4.17",
		.text = "1: takes no packets over IPv4 whose checksum is blank." },
	{ .name = "feature-ipv6-csum-offload", FRONTEND, BOOL, .fallback = "0",
		.offset = F_FIELD(csum_ipv6),
		.since = "4.3 to 4.17",
		.text = "Takes packets over IPv6 whose checksum is blank." },
	{ .name = "request-multicast-control", FRONTEND, BOOL, .fallback = "0",
		.offset = F_FIELD(mcast),
		.since = "4.3 to 4.17",
		.text = "1: deliver no multicast but of the addresses that were asked for." },
	{ .name = "multi-queue-num-queues", FRONTEND, U32(1, NETIF_MAX_QUEUES), .fallback = "1",
		.omit_zero = true, .offset = F_FIELD(num_queues),
		.since = "4.3 to 4.17",
		.text = "Queues in use, at most what the backend offered; from two on the nodes of "
			"each are below queue-N/." },
	{ .name = "xdp-headroom", FRONTEND, U32(0, NETIF_XDP_HEADROOM_MAX), .fallback = "0",
		.omit_zero = true, .offset = F_FIELD(xdp_headroom),
		.text = "Linux's own: bytes that are left free before the data in the first page; "
			"may change with the state Reconfiguring." },
	{ .name = "ctrl-ring-ref", FRONTEND, U32(1, U32_MAX), .omit_zero = true,
		.offset = F_FIELD(ctrl_ring_ref),
		.since = "4.3 to 4.17",
		.text = "Grant of the control ring; without it there is none." },
	{ .name = "event-channel-ctrl", FRONTEND, U32(1, PORT_MAX), .omit_zero = true,
		.offset = F_FIELD(ctrl_channel),
		.since = "4.3 to 4.17",
		.text = "Port of the control ring." },
	{ .name = "tx-ring-ref", FRONTEND, U32(1, U32_MAX), .per_queue = true, .required = true,
		.offset = Q_FIELD(tx_ring_ref),
		.since = "4.3 to 4.17",
		.text = "Grant of the ring of what the guest sends." },
	{ .name = "rx-ring-ref", FRONTEND, U32(1, U32_MAX), .per_queue = true, .required = true,
		.offset = Q_FIELD(rx_ring_ref),
		.since = "4.3 to 4.17",
		.text = "Grant of the ring of what it receives." },
	{ .name = "event-channel", FRONTEND, U32(1, PORT_MAX), .per_queue = true, NOWHERE,
		.since = "4.3 to 4.17",
		.text = "Port of both rings, where event-channel-tx and -rx are absent." },
	{ .name = "event-channel-tx", FRONTEND, U32(1, PORT_MAX), .per_queue = true, NOWHERE,
		.since = "4.3 to 4.17",
		.text = "Port of the ring of what the guest sends." },
	{ .name = "event-channel-rx", FRONTEND, U32(1, PORT_MAX), .per_queue = true, NOWHERE,
		.since = "4.3 to 4.17",
		.text = "Port of the ring of what it receives." },
};

const struct nego_table netif_nodes = {
	.protocol = "netif",
	.title = "Network interfaces",
	.nodes = nodes,
	.count = ARRAY_SIZE(nodes),
};

static int read_port(const char *prefix, const char *base, uint32_t *port, nego_read_fn fn,
	void *opaque, struct nego_error *error)
{
	return nego_read_u32(nego_find(&netif_nodes, NEGO_FRONTEND, base), prefix, base, port, fn,
		opaque, error);
}

static int read_channels(const char *prefix, struct netif_queue_nodes *queue, nego_read_fn fn,
	void *opaque, struct nego_error *error)
{
	const char *base = "event-channel-tx";
	int rc = read_port(prefix, base, &queue->tx_channel, fn, opaque, error);

	if (rc == 0) {
		base = "event-channel-rx";
		rc = read_port(prefix, base, &queue->rx_channel, fn, opaque, error);
	} else if (rc == -ENOENT) {
		base = "event-channel";
		rc = read_port(prefix, base, &queue->tx_channel, fn, opaque, error);
		queue->rx_channel = queue->tx_channel;
	}
	if (rc == -ENOENT)
		nego_fail(error, "%s%s is missing", prefix, base);
	return rc;
}

int netif_read_queue(const char *prefix, struct netif_queue_nodes *queue, nego_read_fn fn,
	void *opaque, struct nego_error *error)
{
	int rc;

	memset(queue, 0, sizeof(*queue));
	rc = nego_read_queue(&netif_nodes, NEGO_FRONTEND, prefix, queue, fn, opaque, error);
	if (rc == 0)
		rc = read_channels(prefix, queue, fn, opaque, error);
	return rc;
}

static int check_ctrl(const struct netif_backend_nodes *offered,
	struct netif_frontend_nodes *frontend, struct nego_error *error)
{
	if (!frontend->ctrl_ring_ref || !offered->ctrl_ring)
		return 0; /* a ring that was not offered is not served */
	if (!frontend->ctrl_channel) {
		nego_fail(error, "event-channel-ctrl is missing");
		return -ENOENT;
	}
	frontend->has_ctrl = true;
	return 0;
}

int netif_read_frontend(const struct netif_backend_nodes *offered,
	struct netif_frontend_nodes *frontend, nego_read_fn fn, void *opaque,
	struct nego_error *error)
{
	int rc;

	memset(frontend, 0, sizeof(*frontend));
	rc = nego_read(&netif_nodes, NEGO_FRONTEND, frontend, fn, opaque, error);
	if (rc < 0)
		return rc;
	if (!frontend->rx_copy) {
		nego_fail(error, "request-rx-copy is not 1: packets can only be copied");
		return -EOPNOTSUPP;
	}
	if (frontend->num_queues > offered->max_queues) {
		nego_fail(error, "multi-queue-num-queues is %" PRIu32 ": at most %" PRIu32
			" were offered", frontend->num_queues, offered->max_queues);
		return -ERANGE;
	}
	return check_ctrl(offered, frontend, error);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' ^ 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int netif_parse_mac(const char *text, uint8_t mac[6])
{
	uint8_t out[6];

	for (unsigned i = 0; i < 6; i++, text += 3) {
		int high = hex_digit(text[0]);
		int low = high < 0 ? -1 : hex_digit(text[1]);

		if (low < 0 || text[2] != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		out[i] = high << 4 | low;
	}
	if (out[0] & 1)
		return -EINVAL; /* a group's, which no interface has */
	memcpy(mac, out, sizeof(out));
	return 0;
}

/* Digits, up to @end; 0 is no rate. */
static int parse_part(const char *text, char end, uint64_t max, uint64_t *value,
	const char **after)
{
	const char *p = text;
	uint64_t v = 0;
	bool beyond = false;

	for (; *p >= '0' && *p <= '9'; p++) {
		v = v * 10 + (*p - '0');
		beyond = beyond || v > max;
		if (beyond)
			v = max;
	}
	if (p == text || *p != end)
		return -EINVAL;
	if (beyond || v == 0)
		return -ERANGE;
	*value = v;
	*after = p + 1;
	return 0;
}

int netif_parse_rate(const char *text, uint64_t *bytes, uint64_t *usec)
{
	uint64_t b, u;
	const char *p;
	int rc = parse_part(text, ',', RATE_BYTES_MAX, &b, &p);

	if (rc == 0)
		rc = parse_part(p, '\0', RATE_USEC_MAX, &u, &p);
	if (rc < 0)
		return rc;
	*bytes = b;
	*usec = u;
	return 0;
}

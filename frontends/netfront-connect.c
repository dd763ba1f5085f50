// SPDX-License-Identifier: MIT
/*
 * The network frontend's handshake, in Linux netfront's order: the backend in InitWait says
 * what it can; rings, channels and what we can go into one transaction with Connected.
 */
#include "config.h"
#include "frontends/netfront-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/fdpass.h"
#include "xenstore/xenlog.h"
#include "xenstore/xsnode.h"

#define DEFAULT_MTU 1500u
#define MTU_MAX (NETIF_PACKET_MAX - NETIF_PACKET_MIN)

/* ---- what both sides can ----------------------------------------------------------- */

static char *read_node(void *opaque, const char *name)
{
	struct netfront *nf = opaque;

	return xsn_read(nf->xf.xs, XBT_NULL, nf->xf.backend, name);
}

/* What may be sent: what the backend takes and we do not forbid. */
static void take_offer(struct netfront *nf, const struct netif_backend_nodes *offer)
{
	const struct netfront_config *c = &nf->config;
	struct netfront_info *info = &nf->info;

	info->sg = offer->sg && !c->no_sg;
	info->csum = !c->no_csum;
	info->csum_ipv6 = offer->csum_ipv6 && !c->no_csum && !c->no_csum_ipv6;
	info->gso_tcpv4 = offer->gso_tcpv4 && info->sg && info->csum && !c->no_gso;
	info->gso_tcpv6 = offer->gso_tcpv6 && info->sg && info->csum_ipv6 && !c->no_gso;
	info->split = offer->split_channels && !c->no_split;
	info->ctrl = offer->ctrl_ring && !c->no_ctrl;
	info->multicast = offer->mcast && c->multicast_filter;
	info->dynamic_multicast = offer->dynamic_mcast;
	info->xdp_headroom = offer->xdp_headroom ? c->xdp_headroom : 0;
	info->max_len = info->sg ? NETIF_PACKET_MAX : NETIF_PAGE_SIZE;
	nf->nr_queues = offer->max_queues < c->queues ? offer->max_queues : c->queues;
	if (nf->nr_queues == 0)
		nf->nr_queues = 1;
	info->queues = nf->nr_queues;
	nf->carrier = offer->carrier;
}

/* What may be received is a matter of ours alone. */
static void choose_nodes(struct netfront *nf)
{
	const struct netfront_config *c = &nf->config;

	nf->nodes = (struct netif_frontend_nodes){
		.rx_copy = true,
		.rx_notify = true,
		.sg = !c->no_sg,
		.gso_tcpv4 = !c->no_sg && !c->no_gso && !c->no_csum,
		.gso_tcpv6 = !c->no_sg && !c->no_gso && !c->no_csum && !c->no_csum_ipv6,
		.no_csum = c->no_csum,
		.csum_ipv6 = !c->no_csum && !c->no_csum_ipv6,
		.mcast = nf->info.multicast,
		.num_queues = nf->nr_queues > 1 ? nf->nr_queues : 0,
		.xdp_headroom = nf->info.xdp_headroom,
	};
	nf->limits = (struct netif_front_limits){
		.sg = nf->nodes.sg,
		.gso_tcpv4 = nf->nodes.gso_tcpv4,
		.gso_tcpv6 = nf->nodes.gso_tcpv6,
		.no_csum = nf->nodes.no_csum && !nf->nodes.csum_ipv6,
	};
}

static int read_offer(struct netfront *nf)
{
	struct netif_backend_nodes offer = { 0 };
	struct nego_error error = { "" };
	int rc = nego_read(&netif_nodes, NEGO_BACKEND, &offer, read_node, nf, &error);

	if (rc < 0) {
		xenfront_make_printable(error.text);
		rc = xenfront_why(&nf->xf, -EPROTO, "the backend's nodes are bad: %s", error.text);
	} else if (!offer.rx_copy) {
		rc = xenfront_why(&nf->xf, -EPROTO, "the backend does not copy to us (feature-rx-copy)");
	} else {
		take_offer(nf, &offer);
		choose_nodes(nf);
	}
	nego_clear(&netif_nodes, NEGO_BACKEND, &offer);
	return rc;
}

/* Written by the toolstack and its scripts. */
static int read_own(struct netfront *nf)
{
	CLEANUP_FREE char *mac = xsn_read(nf->xf.xs, XBT_NULL, nf->xf.dir, "mac");
	uint32_t mtu;

	if (!mac || netif_parse_mac(mac, nf->info.mac) < 0)
		return xenfront_why(&nf->xf, -EPROTO, "%s/mac is missing or no address", nf->xf.dir);
	nf->info.mtu = DEFAULT_MTU;
	if (xsn_read_u32(nf->xf.xs, XBT_NULL, nf->xf.dir, "mtu", &mtu) == 0 && mtu >= 68 && mtu <= MTU_MAX)
		nf->info.mtu = mtu;
	return 0;
}

/* ---- channels ----------------------------------------------------------------------- */

int nf_make_channel(struct netfront *nf, xenevtchn_handle *xce, int *port)
{
	*port = xenevtchn_bind_unbound_port(xce, nf->xf.backend_id);
	if (*port < 0)
		return xenfront_why(&nf->xf, -errno, "cannot allocate an event channel to domain %u: %m",
			nf->xf.backend_id);
	return 0;
}

static xenevtchn_handle *open_channels(struct netfront *nf)
{
	xenevtchn_handle *xce = xenevtchn_open(xenlog(), 0);

	if (!xce)
		xenfront_why(&nf->xf, -errno, "cannot open event channels: %m; is this a domain?");
	else if (fd_set_nonblock(xenevtchn_fd(xce)) < 0)
		xenfront_why(&nf->xf, -EIO, "cannot set up the event channels");
	else
		return xce;
	if (xce)
		xenevtchn_close(xce);
	return NULL;
}

static int make_channels(struct netfront_queue *q)
{
	int rc;

	q->xce = open_channels(q->nf);
	if (!q->xce)
		return -EIO;
	rc = nf_make_channel(q->nf, q->xce, &q->channel.port);
	if (rc == 0 && q->nf->info.split)
		rc = nf_make_channel(q->nf, q->xce, &q->rx_channel.port);
	return rc;
}

static int make_all_channels(struct netfront *nf)
{
	int rc = 0;

	if (nf->info.ctrl) {
		nf->ctrl.xce = open_channels(nf);
		if (!nf->ctrl.xce)
			return -EIO;
		rc = nf_make_channel(nf, nf->ctrl.xce, &nf->ctrl.port);
	}
	for (unsigned i = 0; rc == 0 && i < nf->nr_queues; i++)
		rc = make_channels(&nf->queues[i]);
	return rc;
}

static void close_queue(struct netfront_queue *q)
{
	if (q->epoll_fd >= 0)
		close(q->epoll_fd);
	q->epoll_fd = -1;
	if (q->xce)
		xenevtchn_close(q->xce); /* ends its channels, too */
	q->xce = NULL;
	q->channel = q->rx_channel = (struct nf_channel){ .port = -1 };
}

static void close_channels(struct netfront *nf)
{
	for (unsigned i = 0; i < nf->config.queues; i++)
		close_queue(&nf->queues[i]);
	if (nf->ctrl.xce)
		xenevtchn_close(nf->ctrl.xce);
	nf->ctrl.xce = NULL;
}

/* ---- our nodes ------------------------------------------------------------------------ */

struct writing {
	struct netfront *nf;
	xs_transaction_t t;
};

static int write_node(void *opaque, const char *name, const char *value)
{
	const struct writing *w = opaque;

	return xsn_write(w->nf->xf.xs, w->t, w->nf->xf.dir, name, value);
}

/* Nodes of an earlier driver (iPXE, another kernel) would be taken for ours. */
static int remove_old_nodes(struct netfront *nf, xs_transaction_t t)
{
	static const char *const old[] = { "tx-ring-ref", "rx-ring-ref", "event-channel",
		"event-channel-tx", "event-channel-rx", "multi-queue-num-queues", "ctrl-ring-ref",
		"event-channel-ctrl", "request-rx-copy", "feature-rx-notify", "feature-sg",
		"feature-gso-tcpv4", "feature-gso-tcpv6", "feature-no-csum-offload",
		"feature-ipv6-csum-offload", "request-multicast-control", "xdp-headroom" };
	char name[32];
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < sizeof(old) / sizeof(old[0]); i++)
		rc = xsn_rm(nf->xf.xs, t, nf->xf.dir, old[i]);
	for (unsigned i = 0; rc == 0 && i < NETFRONT_MAX_QUEUES; i++) {
		snprintf(name, sizeof(name), "queue-%u", i);
		rc = xsn_rm(nf->xf.xs, t, nf->xf.dir, name);
	}
	return rc;
}

static int write_number(struct netfront *nf, xs_transaction_t t, const char *prefix, const char *name,
	uint32_t value)
{
	char full[48];

	snprintf(full, sizeof(full), "%s%s", prefix, name);
	return xsn_writef(nf->xf.xs, t, nf->xf.dir, full, "%u", value);
}

/* @prefix: "", or "queue-N/" with several queues. */
static int write_queue(struct netfront_queue *q, xs_transaction_t t, const char *prefix)
{
	struct netfront *nf = q->nf;
	int rc = write_number(nf, t, prefix, "tx-ring-ref", q->tx_ref);

	if (rc == 0)
		rc = write_number(nf, t, prefix, "rx-ring-ref", q->rx_ref);
	if (rc == 0 && !nf->info.split)
		return write_number(nf, t, prefix, "event-channel", q->channel.port);
	if (rc == 0)
		rc = write_number(nf, t, prefix, "event-channel-tx", q->channel.port);
	if (rc == 0)
		rc = write_number(nf, t, prefix, "event-channel-rx", q->rx_channel.port);
	return rc;
}

static int write_queues(struct netfront *nf, xs_transaction_t t)
{
	char prefix[24] = "";
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < nf->nr_queues; i++) {
		if (nf->nr_queues > 1)
			snprintf(prefix, sizeof(prefix), "queue-%u/", i);
		rc = write_queue(&nf->queues[i], t, prefix);
	}
	return rc;
}

static int write_nodes(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	struct netfront *nf = opaque;
	struct writing w = { .nf = nf, .t = t };
	int rc = remove_old_nodes(nf, t);

	nf->nodes.ctrl_ring_ref = nf->info.ctrl ? nf->ctrl.ref : 0;
	nf->nodes.ctrl_channel = nf->info.ctrl ? nf->ctrl.port : 0;
	if (rc == 0)
		rc = nego_write(&netif_nodes, NEGO_FRONTEND, NEGO_BEFORE_INITIALISED, &nf->nodes,
			write_node, &w);
	return rc < 0 ? rc : write_queues(nf, t);
}

/* ---- the whole ------------------------------------------------------------------------ */

static int open_device(struct netfront *nf)
{
	uint64_t number = nf->config.vif == NETFRONT_FIRST_VIF ? XENFRONT_FIRST : nf->config.vif;

	return nf->xf.xs ? 0 : xenfront_open(&nf->xf, number);
}

static int begin(struct netfront *nf)
{
	int rc = xenfront_begin(&nf->xf, nf->config.takeover);

	return rc < 0 ? rc : xenfront_watch(&nf->xf, "carrier");
}

static int publish(struct netfront *nf)
{
	return xenfront_publish(&nf->xf, XenbusStateConnected, write_nodes, nf);
}

static int await_connected(struct netfront *nf)
{
	return xenfront_await_connected(&nf->xf);
}

int nf_connect(struct netfront *nf)
{
	static int (*const steps[])(struct netfront *) = { open_device, read_own, begin, read_offer,
		nf_share, make_all_channels, publish, await_connected };
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < sizeof(steps) / sizeof(steps[0]); i++)
		rc = steps[i](nf);
	/* A script may have set the MTU meanwhile. */
	return rc < 0 ? rc : read_own(nf);
}

void nf_disconnect(struct netfront *nf)
{
	xenfront_leave(&nf->xf);
	close_channels(nf);
	nf_unshare(nf);
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/net/offer.h"

void offer_make(unsigned max_queues, struct netif_backend_nodes *offer)
{
	*offer = (struct netif_backend_nodes){
		.rx_copy = true,
		.rx_flip = false,
		.sg = true,
		.gso_tcpv4 = true,
		.gso_tcpv6 = true,
		.csum_ipv6 = true,
		.split_channels = true,
		.max_queues = max_queues,
		.ctrl_ring = true,
		.mcast = true,
		.dynamic_mcast = true,
		.xdp_headroom = true,
		.carrier = true,
	};
}

struct netif_tx_limits offer_limits(const struct netif_backend_nodes *offer)
{
	return (struct netif_tx_limits){
		.sg = offer->sg,
		.gso_tcpv4 = offer->gso_tcpv4,
		.gso_tcpv6 = offer->gso_tcpv6,
		.mcast = offer->mcast || offer->dynamic_mcast,
	};
}

struct frame_offload offer_guest(const struct netif_frontend_nodes *guest)
{
	return (struct frame_offload){
		.csum_ipv4 = !guest->no_csum,
		.csum_ipv6 = guest->csum_ipv6,
		/* A frame to be segmented has more bytes than a page. */
		.tso4 = guest->sg && guest->gso_tcpv4,
		.tso6 = guest->sg && guest->gso_tcpv6,
		.max_len = guest->sg ? FRAME_MAX : NETIF_PAGE_SIZE,
	};
}

/* SPDX-License-Identifier: MIT */
/* What an interface offers to its frontend, and what each side takes of the other. Pure. */
#ifndef SLUICE_BACKENDS_NET_OFFER_H
#define SLUICE_BACKENDS_NET_OFFER_H

#include "backends/net/frame.h"
#include "protocol/netif-nodes.h"

/** offer_make() - the nodes that we advertise: all is served, whatever the port leaves to us. */
void offer_make(unsigned max_queues, struct netif_backend_nodes *offer);
/** offer_limits() - what a guest may send that was offered this. */
struct netif_tx_limits offer_limits(const struct netif_backend_nodes *offer);
/** offer_guest() - what a guest takes. */
struct frame_offload offer_guest(const struct netif_frontend_nodes *guest);

#endif

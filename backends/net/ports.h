/* SPDX-License-Identifier: MIT */
/* The kinds of ports of this build. */
#ifndef SLUICE_BACKENDS_NET_PORTS_H
#define SLUICE_BACKENDS_NET_PORTS_H

#include "backends/net/port.h"

extern const struct port_ops port_ops_macvtap;
extern const struct port_ops port_ops_null;
extern const struct port_ops port_ops_packet;
extern const struct port_ops port_ops_tap;
extern const struct port_ops port_ops_user;

#endif

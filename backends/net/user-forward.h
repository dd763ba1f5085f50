/* SPDX-License-Identifier: MIT */
/* Port forwards of the user-mode network: what the configuration says of them. Pure. */
#ifndef SLUICE_BACKENDS_NET_USER_FORWARD_H
#define SLUICE_BACKENDS_NET_USER_FORWARD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

/** USER_FORWARDS - that a device can have. */
#define USER_FORWARDS 32u

/** union user_address - IPv4 or IPv6. */
union user_address {
	struct sockaddr any;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

/** struct user_forward - what comes to an address of the host goes to one of the guest. */
struct user_forward {
	bool udp;
	union user_address host, guest;
};

/**
 * user_forward_parse() - read a list of forwards.
 * @text: PROTOCOL:[HOST:]PORT-[GUEST:]PORT, separated by blanks: "tcp:8022-22
 *	udp:192.0.2.1:53-10.0.2.15:53 tcp:[::1]:8080-[fec0::15]:80". Without HOST it is
 *	127.0.0.1, without GUEST the address that DHCP gives first. NULL: none
 * @forwards: room for USER_FORWARDS
 * @why: gets the part that is wrong, and what it should be
 *
 * Return: how many, or -EINVAL.
 */
int user_forward_parse(const char *text, struct user_forward *forwards, char *why, size_t room) must_check;

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What may pass between a guest and the user-mode network. The network is made of sockets of
 * this process, so what a guest could reach through it would be whatever the process can: the
 * host's own loopback services, its link, the metadata servers of clouds. Those it is refused.
 *
 * The name server that the guest sees, 10.0.2.3, is an alias of the host's, and made here:
 * slirp's own alias reads /etc/resolv.conf while it serves, which a confined process cannot. Pure.
 */
#ifndef SLUICE_BACKENDS_NET_USER_GATE_H
#define SLUICE_BACKENDS_NET_USER_GATE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/net/user-forward.h"

/** Addresses of the network, as users of QEMU know them. */
#define USER_NETWORK 0x0a000200u     /* 10.0.2.0 */
#define USER_MASK 0xffffff00u
#define USER_HOST 0x0a000202u        /* .2, the gateway */
#define USER_NAME_SERVER 0x0a000203u /* .3 */
#define USER_GUEST 0x0a00020fu       /* .15, the first that DHCP gives */

/** struct user_gate - zero at first, but for the server. */
struct user_gate {
	uint32_t server; /* IPv4, of the host; 0: it has none, and questions are dropped */
	/* Ports of the guest whose last question went to the alias, by TCP and by UDP. */
	uint8_t asked[2][65536 / 8];
	/*
	 * With forwards of UDP slirp must be able to send to the host's loopback addresses: these
	 * are the only datagrams that may go there, to ports that one came from.
	 */
	unsigned forwards;
	uint16_t forwarded[USER_FORWARDS]; /* ports of the guest */
	uint8_t heard[65536 / 8];
};

/** user_gate_forward() - there is a forward of UDP to that port of the guest. */
void user_gate_forward(struct user_gate *gate, uint16_t port);

/**
 * user_gate_out() - a frame of the guest, with all its checksums made, is about to go out.
 * Return: false: it must not. The question for a name is addressed to the server.
 */
bool user_gate_out(struct user_gate *gate, uint8_t *data, uint32_t len);

/** user_gate_in() - a frame for the guest: an answer of the server comes from the alias. */
void user_gate_in(struct user_gate *gate, uint8_t *data, uint32_t len);

/** user_gate_server() - the first name server of IPv4 in the text of a resolv.conf(5); 0: none. */
uint32_t user_gate_server(const char *text);

#endif

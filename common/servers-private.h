/* SPDX-License-Identifier: MIT */
/* What the broker and who asks it say to each other, one message each way. */
#ifndef SLUICE_COMMON_SERVERS_PRIVATE_H
#define SLUICE_COMMON_SERVERS_PRIVATE_H

#include "common/servers.h"

enum broker_op { BROKER_SOCKET = 1, BROKER_CONNECT = 2 };

/** struct broker_request - hostile. BROKER_CONNECT comes with the socket's descriptor. */
struct broker_request {
	uint32_t op;
	int32_t family, type, protocol; /* of BROKER_SOCKET */
	uint32_t length;                /* of address */
	uint8_t address[sizeof(struct sockaddr_storage)];
};

/** struct broker_reply - of BROKER_SOCKET with a descriptor, if error is 0. */
struct broker_reply {
	int32_t error; /* 0 or an errno */
};

/** broker_answer() - for one request: a descriptor to send along, *@made, or -1. 0 or -errno, of what was asked. */
int broker_answer(const struct servers *s, const struct broker_request *r, int given, int *made) must_check;
/** broker_serve() - answer what comes on @fd, a SOCK_SEQPACKET socket, until its other end is closed. */
void broker_serve(const struct servers *s, int fd);
/** broker_prepare() - open what paths lead to, before confinement. 0 or -errno. */
int broker_prepare(const struct servers *s) must_check;
/** broker_confine() - give up all that a broker does not need. 0 or -errno. */
int broker_confine(void) must_check;

/**
 * client_use() - from now on ask on @fd (which becomes the client's; -1: nobody) and not on
 * what there was before, which is closed in this process.
 */
void client_use(int fd);

/** resolve_use() - from now on getaddrinfo() knows the names of @s, which is copied, and no others. */
void resolve_use(const struct servers *s);

#endif

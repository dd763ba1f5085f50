/* SPDX-License-Identifier: MIT */
/* A TAP of this network namespace, with virtio headers: what the frontend's packets go to. */
#ifndef SLUICE_FRONTENDS_TAP_TAP_H
#define SLUICE_FRONTENDS_TAP_TAP_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "frontends/netfront.h"

/** struct tap - an interface and the descriptors of its queues. */
struct tap {
	char name[IFNAMSIZ];
	unsigned queues;
	int fd[NETFRONT_MAX_QUEUES]; /* non-blocking */
};

/** tap_namespace() - a new network namespace, ours to administer. 0 or -errno. One thread. */
int tap_namespace(void) must_check;

/** tap_open() - make the interface, down. 0, or -errno with the cause logged. */
int tap_open(struct tap *tap, const char *name, unsigned queues) must_check;
void tap_close(struct tap *tap);
/** tap_set() - address, MTU and offloads as negotiated; @mtu 0: the negotiated one. 0 or -errno, logged. */
int tap_set(const struct tap *tap, const struct netfront_info *info, uint32_t mtu) must_check;
/** tap_up() - the interface and lo. 0 or -errno, logged. */
int tap_up(const struct tap *tap) must_check;
/** tap_set_carrier() - whether there is a link; kernels before 5.0 do not have it. */
void tap_set_carrier(const struct tap *tap, bool up);

/** tap_add_address() - "10.0.0.2/24" or "fd00::2/64". 0, -EINVAL (no such text), -errno. */
int tap_add_address(const struct tap *tap, const char *text) must_check;
/** tap_add_gateway() - the default route over an address on the link. As tap_add_address(). */
int tap_add_gateway(const struct tap *tap, const char *text) must_check;

#endif

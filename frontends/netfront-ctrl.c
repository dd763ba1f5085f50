// SPDX-License-Identifier: MIT
/* The network frontend's control ring: one request at a time, each waited for. */
#include "config.h"
#include "frontends/netfront-internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define NS_PER_MS UINT64_C(1000000)

static int status_error(struct netfront *nf, uint32_t status)
{
	switch (status) {
	case XEN_NETIF_CTRL_STATUS_SUCCESS:
		return 0;
	case XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED:
		return -EOPNOTSUPP;
	case XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER:
	case XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW:
		return -EINVAL;
	}
	return nf_fail(nf, -EIO, "the backend answered a control request with an unknown status (%u)", status);
}

/* Sleep until an event, or a moment: events are not what this relies on. */
static void await_event(struct nf_ctrl *c)
{
	struct pollfd fd = { .fd = xenevtchn_fd(c->xce), .events = POLLIN };
	int port;

	if (poll(&fd, 1, 100) <= 0 || !(fd.revents & POLLIN))
		return;
	port = xenevtchn_pending(c->xce);
	if (port >= 0)
		(void)xenevtchn_unmask(c->xce, port); /* a failure shows as one to notify */
}

/* 1: the answer is there. */
static int await_answer(struct netfront *nf)
{
	struct nf_ctrl *c = &nf->ctrl;
	uint64_t end = xenfront_deadline(&nf->xf);
	int n;

	while ((n = ring_front_pending(&c->ring)) == 0) {
		if (nf_failed(nf))
			return nf_failed(nf);
		if (spin_now_ns() > end)
			return -ETIMEDOUT;
		if (!ring_front_final_check(&c->ring))
			await_event(c);
		nf_check_backend(nf);
	}
	return n > 0 ? 1 : nf_fail(nf, -EIO, "the backend answered more control requests than there are");
}

static int request(struct netfront *nf, uint16_t type, uint32_t a, uint32_t b, uint32_t d)
{
	struct nf_ctrl *c = &nf->ctrl;
	struct xen_netif_ctrl_request req = { .id = c->next_id++, .type = type, .data = { a, b, d } };
	struct xen_netif_ctrl_response rsp;
	int rc = nf_failed(nf);

	if (rc < 0)
		return rc;
	if (ring_front_room(&c->ring) == 0)
		return -ETIMEDOUT; /* earlier ones were never answered */
	ring_front_put(&c->ring, &req, sizeof(req));
	if (ring_front_push(&c->ring) && xenevtchn_notify(c->xce, c->port) < 0)
		return nf_fail(nf, -ENOTCONN, "cannot notify the backend: %m");
	/* Answers to requests that were given up come first. */
	do {
		rc = await_answer(nf);
		if (rc < 0)
			return rc;
		ring_front_get(&c->ring, &rsp, sizeof(rsp));
	} while ((uint16_t)(req.id - rsp.id) != 0 && (uint16_t)(req.id - rsp.id) < c->ring.nr);
	if (rsp.id != req.id || rsp.type != req.type)
		return nf_fail(nf, -EIO, "the backend answered a control request that was not made");
	return status_error(nf, rsp.status);
}

static int set_key(struct netfront *nf, const struct netif_hash_state *hash)
{
	memcpy(nf->ctrl.data, hash->key, hash->key_len);
	return request(nf, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, nf->ctrl.data_ref, hash->key_len, 0);
}

static int set_mapping(struct netfront *nf, const struct netif_hash_state *hash)
{
	int rc = request(nf, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, hash->mapping_size, 0, 0);

	if (rc < 0 || !hash->mapping_size)
		return rc;
	memcpy(nf->ctrl.data, hash->mapping, hash->mapping_size * sizeof(hash->mapping[0]));
	return request(nf, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, nf->ctrl.data_ref, hash->mapping_size, 0);
}

int netfront_set_hash(struct netfront *nf, const struct netif_hash_state *hash)
{
	int rc;

	if (!nf->ctrl.page)
		return -EOPNOTSUPP;
	if (hash->key_len > NETIF_HASH_KEY_MAX || hash->mapping_size > NETIF_HASH_MAPPING_MAX)
		return -EINVAL;
	rc = request(nf, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, hash->algorithm, 0, 0);
	if (rc < 0 || hash->algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE)
		return rc;
	rc = request(nf, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, hash->flags, 0, 0);
	if (rc == 0)
		rc = set_key(nf, hash);
	return rc < 0 ? rc : set_mapping(nf, hash);
}

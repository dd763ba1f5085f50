// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/net/port-vnet.h"

#include <errno.h>
#include <string.h>

#include "backends/net/checksum.h"
#include "backends/net/offload.h"
#include "protocol/packet.h"

/* Make a checksum wherever it is: its field has what is to be added to the sum of the rest. */
static void vnet_make_checksum(struct frame *f, uint32_t start, uint32_t field)
{
	uint16_t sum = (uint16_t)~checksum_fold(checksum_add(0, f->data + start, f->len - start));

	/* As UDP wants it, and the same number to the others. */
	checksum_store(f->data + field, sum ? sum : 0xffff);
}

/* Whether the blank checksum is that of the outermost transport. */
static bool vnet_is_transport(const struct virtio_net_hdr *hdr, const struct packet *p)
{
	if (!p->transport || p->fragment || hdr->csum_start != p->transport)
		return false;
	return (p->protocol == PACKET_PROTO_TCP && hdr->csum_offset == 16) ||
		(p->protocol == PACKET_PROTO_UDP && hdr->csum_offset == 6);
}

static int vnet_get_checksum(
	struct frame *f, const struct virtio_net_hdr *hdr, struct packet *p)
{
	uint32_t field = (uint32_t)hdr->csum_start + hdr->csum_offset;

	if (hdr->csum_start < PACKET_ETHER_HEADER || field + 2 > f->len)
		return -EINVAL;
	packet_parse(f->data, f->len, p);
	f->csum_blank = vnet_is_transport(hdr, p);
	if (f->csum_blank) {
		f->csum_start = hdr->csum_start;
		f->csum_offset = hdr->csum_offset;
	} else if (hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE) {
		vnet_make_checksum(f, hdr->csum_start, field);
	}
	return 0;
}

static int vnet_get_gso(
	struct frame *f, const struct virtio_net_hdr *hdr, const struct packet *p)
{
	/* With congestion notification it is segmented a bit differently; nobody asked for these. */
	uint8_t type = hdr->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
	uint32_t headers;

	if (!f->csum_blank || p->protocol != PACKET_PROTO_TCP ||
		hdr->gso_size < OFFLOAD_GSO_MIN)
		return -EINVAL;
	if (type != (p->version == 6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4))
		return -EINVAL;
	if (f->len < p->transport + 20 || f->data[p->transport + 12] >> 4 < 5)
		return -EINVAL;
	headers = p->transport + (f->data[p->transport + 12] >> 4) * 4u;
	if (headers > f->len)
		return -EINVAL;
	f->headers = (uint16_t)headers;
	/* What is one segment is none. */
	if (f->len - f->headers <= hdr->gso_size)
		return 0;
	f->gso = p->version == 6 ? NETIF_GSO_TCPV6 : NETIF_GSO_TCPV4;
	f->gso_size = hdr->gso_size;
	return 0;
}

int vnet_get(struct frame *frame)
{
	struct packet p = { 0 };
	struct virtio_net_hdr hdr;

	memcpy(&hdr, frame->data - VNET_BYTES, VNET_BYTES);
	frame->csum_blank = false;
	frame->csum_valid = hdr.flags & VIRTIO_NET_HDR_F_DATA_VALID;
	frame->gso = NETIF_GSO_NONE;
	frame->gso_size = 0;
	frame->headers = 0;
	frame->hash_type = NETIF_HASH_NONE;
	if (frame->len < PACKET_ETHER_HEADER || frame->len > FRAME_MAX)
		return -EINVAL;
	if (hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		int rc = vnet_get_checksum(frame, &hdr, &p);

		if (rc < 0)
			return rc;
	}
	return hdr.gso_type == VIRTIO_NET_HDR_GSO_NONE ? 0 : vnet_get_gso(frame, &hdr, &p);
}

void vnet_put(const struct frame *frame)
{
	struct virtio_net_hdr hdr = { 0 };

	if (frame->csum_blank) {
		hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		hdr.csum_start = frame->csum_start;
		hdr.csum_offset = frame->csum_offset;
	}
	if (frame->gso != NETIF_GSO_NONE) {
		hdr.gso_type = frame->gso == NETIF_GSO_TCPV4 ? VIRTIO_NET_HDR_GSO_TCPV4
							     : VIRTIO_NET_HDR_GSO_TCPV6;
		hdr.gso_size = frame->gso_size;
		hdr.hdr_len = frame->headers;
	}
	memcpy(frame->data - VNET_BYTES, &hdr, VNET_BYTES);
}

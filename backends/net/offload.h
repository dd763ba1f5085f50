/* SPDX-License-Identifier: MIT */
/*
 * Checksums and segmentation in software, where one side leaves to the other what that one
 * does not do. Frames are a stranger's: every length in them is checked. Pure.
 */
#ifndef SLUICE_BACKENDS_NET_OFFLOAD_H
#define SLUICE_BACKENDS_NET_OFFLOAD_H

#include "backends/net/frame.h"
#include "common/cleanup.h"

/**
 * OFFLOAD_GSO_MIN - bytes of payload per segment that are the least one may ask for: what
 * Linux leaves of its smallest segment (48) beside all options (40). With less, one packet
 * would become tens of thousands.
 */
#define OFFLOAD_GSO_MIN 8u

/**
 * offload_parse() - find out where the transport's header is, from the frame itself.
 * @frame: csum_blank, gso and gso_size are what its sender said; csum_start, csum_offset and
 *	headers are filled in
 *
 * VLAN tags and IPv6 extension headers are walked. With csum_blank the checksum field is
 * set to the pseudo header's sum, whatever was there, and what follows the IP packet is cut
 * off. With gso csum_blank is set, whatever it was; a gso that fits one segment becomes none.
 * Return: 0, or -EINVAL: what the sender said cannot be done with this frame: it is to be
 * dropped. Without either nothing is looked at. Where headers are, protocol/packet.h says.
 */
int offload_parse(struct frame *frame) must_check;

/**
 * offload_finish_checksum() - make the blank checksum of a frame without gso. It is no longer
 * blank then, but known to be right.
 */
void offload_finish_checksum(struct frame *frame);

/** offload_segments() - how many frames a GSO frame becomes; 1 without GSO. */
unsigned offload_segments(const struct frame *frame);
/**
 * offload_segment() - make segment @i of a GSO frame, with its checksums.
 * @i: below offload_segments()
 * @out: data points to room bytes of the caller's; the rest is filled in
 * Return: 0, -ENOSPC (headers + gso_size bytes are always enough), or -EINVAL: not as
 * offload_parse() left it.
 */
int offload_segment(const struct frame *frame, unsigned i, struct frame *out) must_check;

/** offload_is_taken() - whether @by takes the frame as it is. max_len bounds what has no gso. */
bool offload_is_taken(const struct frame *frame, const struct frame_offload *by);

#endif

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
 * offload_parse() - find out where the transport's header is, from the frame itself.
 * @frame: csum_blank, gso and gso_size are what its sender said; csum_start, csum_offset and
 *	headers are filled in
 *
 * VLAN tags and IPv6 extension headers are walked. With csum_blank the checksum field is
 * set to the pseudo header's sum, whatever was there. Return: 0, or -EINVAL: what the
 * sender said cannot be done with this frame: it is to be dropped.
 */
int offload_parse(struct frame *frame) must_check;

/** offload_finish_checksum() - make the blank checksum. The frame has none after it. */
void offload_finish_checksum(struct frame *frame);

/**
 * offload_segments() - how many frames a GSO frame becomes; 1 without GSO.
 */
unsigned offload_segments(const struct frame *frame);
/**
 * offload_segment() - make segment @i of a GSO frame, with its checksums.
 * @out: data points to room bytes of the caller's; the rest is filled in
 * Return: 0, or -ENOSPC.
 */
int offload_segment(const struct frame *frame, unsigned i, struct frame *out) must_check;

/** offload_is_taken() - whether @by takes the frame as it is. */
bool offload_is_taken(const struct frame *frame, const struct frame_offload *by);

#endif

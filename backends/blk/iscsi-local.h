/* SPDX-License-Identifier: MIT */
/* Who this machine is to a target, and that no two of its disks write one unit. */
#ifndef SLUICE_BACKENDS_BLK_ISCSI_LOCAL_H
#define SLUICE_BACKENDS_BLK_ISCSI_LOCAL_H

#include <stddef.h>
#include <stdint.h>

#include "backends/blk/driver.h"
#include "backends/blk/iscsi-uri.h"

/**
 * iscsi_local_initiator() - this machine's name: that of open-iscsi where it is installed, else one
 * made of the machine's identity.
 * @name: ISCSI_URI_NAME bytes
 * @lasts: it is the same after the machine was started anew
 */
int iscsi_local_initiator(char *name, bool *lasts, char *why, size_t room) must_check;

/** iscsi_local_initiator_parse() - the name in a file as open-iscsi has it, "InitiatorName=..". False: none. Pure. */
bool iscsi_local_initiator_parse(const char *text, char *name) must_check;

/**
 * iscsi_local_isid() - the session's part of the name of our end: the same after a restart of the
 * backend, another one for each disk, so that two guests of one unit do not end each other's sessions.
 * @isid: 24 bits; @qualifier: 16
 */
void iscsi_local_isid(const struct iscsi_uri *uri, const char *initiator, const char *device,
	uint32_t *isid, uint16_t *qualifier);

/** iscsi_local_key() - of this machine's reservations of that unit; never 0. */
uint64_t iscsi_local_key(const struct iscsi_uri *uri, const char *initiator) must_check;

/**
 * iscsi_local_lock() - lock the unit against other disks of this machine: for itself to write, with
 * others to read; none if it is shared.
 * @fd: to be closed, or -1
 *
 * Return: 0, or -EBUSY or another -errno with @why.
 */
int iscsi_local_lock(const struct iscsi_uri *uri, const struct blk_conf *conf, int *fd, char *why,
	size_t room) must_check;

#endif

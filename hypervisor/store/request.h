/* SPDX-License-Identifier: MIT */
/* Requests of the wire protocol: decode, do, reply. Pure. */
#ifndef SLUICE_HYPERVISOR_STORE_REQUEST_H
#define SLUICE_HYPERVISOR_STORE_REQUEST_H

#include "hypervisor/store/conn.h"

/**
 * request_answer() - do what conn->in_header and the payload ask.
 * @payload: @len bytes, not trusted
 *
 * Queues exactly one reply on @conn and watch events on any connection.
 */
void request_answer(struct conn *conn, const char *payload, size_t len);
/**
 * request_restore_transaction() - one that was open before a restart: it ends with EAGAIN.
 * Return: 0, -EINVAL for an id that none can have or another has, -ENOMEM.
 */
int request_restore_transaction(struct conn *conn, uint32_t id) must_check;
/** request_drop_transaction() - abandon one; -ENOENT. */
int request_drop_transaction(struct conn *conn, uint32_t id) must_check;
/** request_end_transactions() - abandon all of a connection's. */
void request_end_transactions(struct conn *conn);

#endif

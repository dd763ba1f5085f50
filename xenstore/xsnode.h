/* SPDX-License-Identifier: MIT */
/*
 * Typed reads and writes of store nodes over libxenstore, for backends,
 * frontends, the daemon and the tools. What a peer wrote is taken strictly:
 * a value is what it should be or it is refused.
 *
 * Everywhere: the node is "@dir/@node"; @dir NULL means @node alone (relative
 * to the caller's home when it has no leading slash), @node NULL means @dir
 * alone. @t is a transaction or XBT_NULL. A handle may be used by one thread at
 * a time, as libxenstore says. Errors are 0/-errno, where -EAGAIN, -EACCES,
 * -ENOSPC, ... are the store's own and -EPIPE or -EIO mean it is gone.
 */
#ifndef SLUICE_XENSTORE_XSNODE_H
#define SLUICE_XENSTORE_XSNODE_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/io/xenbus.h>
#include <xenstore.h>

#include "common/cleanup.h"

/** XSN_VALUE_MAX - longest value that is read or written, in bytes without the NUL. */
#define XSN_VALUE_MAX 2048

/**
 * xsn_read() - read a node as a string.
 *
 * Return: malloc'ed, NUL-terminated, never empty; or NULL with errno set: ENOENT
 * (no such node, or it is empty), EINVAL (a NUL byte inside), E2BIG (longer than
 * XSN_VALUE_MAX), or the store's error.
 */
char *xsn_read(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const char *node) must_check;

/**
 * xsn_read_u32() - read a node as an unsigned decimal number.
 * @value: written on success only
 *
 * Digits only: no sign, no blank, no prefix; leading zeros are fine. Return: 0,
 * -ENOENT (absent or empty), -EINVAL (not a number), -ERANGE (does not fit), or
 * another -errno as xsn_read().
 */
int xsn_read_u32(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const char *node, uint32_t *value) must_check;
/** xsn_read_u64() - as xsn_read_u32(). */
int xsn_read_u64(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const char *node, uint64_t *value) must_check;
/** xsn_read_bool() - "0" or "1"; any other number is -ERANGE. Else as xsn_read_u32(). */
int xsn_read_bool(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const char *node, bool *value) must_check;
/** xsn_read_state() - a XenbusState, 0 to 8; any other number is -ERANGE. */
int xsn_read_state(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const char *node, XenbusState *state) must_check;

/** xsn_parse_u64() - the number rule of xsn_read_u32() on a string; 0, -EINVAL, -ERANGE. */
int xsn_parse_u64(const char *text, uint64_t max, uint64_t *value) must_check;

/** xsn_write() - write @value as it is; it may be empty. 0 or -errno. */
int xsn_write(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const char *node, const char *value) must_check;
/** xsn_writef() - write a formatted value. -E2BIG: longer than XSN_VALUE_MAX. */
int xsn_writef(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const char *node, const char *fmt, ...) must_check
	__attribute__((format(printf, 5, 6)));
/** xsn_write_state() - write a XenbusState. */
int xsn_write_state(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const char *node, XenbusState state) must_check;

/** xsn_mkdir() - make a node and its parents; fine if it exists. */
int xsn_mkdir(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const char *node) must_check;
/** xsn_rm() - remove a node and all below it; fine if it does not exist. */
int xsn_rm(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const char *node) must_check;

/**
 * xsn_set_perms() - set the permissions of one node.
 * @perms: the first names the owner and what everybody else may do
 */
int xsn_set_perms(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const char *node, const struct xs_permissions *perms, unsigned count) must_check;

/** xsn_own_domid() - the caller's domid, from its relative node "domid". */
int xsn_own_domid(struct xs_handle *xs, uint32_t *domid) must_check;

/**
 * xsn_transaction() - run @fn in a transaction, again when it met a conflict.
 * @fn: does all its reads and writes with the transaction it is given, may run
 *	several times, and returns 0 to commit or -errno to abandon
 *
 * Return: 0 when committed, @fn's -errno, or -EAGAIN after 100 conflicts in a row.
 */
int xsn_transaction(struct xs_handle *xs,
	int (*fn)(struct xs_handle *xs, xs_transaction_t t, void *opaque),
	void *opaque) must_check;

#endif

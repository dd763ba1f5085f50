/* SPDX-License-Identifier: MIT */
/*
 * What Xen's libraries log goes to our log, at debug level and rate-limited: a
 * frontend can cause such a line with every bad grant reference, a frontend asks for more
 * grants than it may have, and the caller reports a failure itself.
 */
#ifndef SLUICE_XENSTORE_XENLOG_H
#define SLUICE_XENSTORE_XENLOG_H

struct xentoollog_logger;

/** xenlog() - the logger to open handles with; static, never freed. */
struct xentoollog_logger *xenlog(void);

#endif

/* SPDX-License-Identifier: MIT */
/* What sd_notify(3) says, without its library: the state of a service with Type=notify. */
#ifndef SLUICE_DRIVERS_DOMAIN_NOTIFY_H
#define SLUICE_DRIVERS_DOMAIN_NOTIFY_H

/** notify_init() - take NOTIFY_SOCKET out of the environment: it is ours, not the backends'. */
void notify_init(void);
/** notify_tell() - "READY=1", "STOPPING=1"; nothing where nobody asked for it. */
void notify_tell(const char *state);

#endif

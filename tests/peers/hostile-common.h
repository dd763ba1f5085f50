/* SPDX-License-Identifier: MIT */
/* What frontends made to break rules have in common: failing, waiting, and their nodes. */
#ifndef SLUICE_TESTS_PEERS_HOSTILE_COMMON_H
#define SLUICE_TESTS_PEERS_HOSTILE_COMMON_H

#include <stdarg.h>
#include <stdint.h>
#include <xenstore.h>

/** HOSTILE_SECONDS - for anything that has to happen. */
#define HOSTILE_SECONDS 10

/** hostile_fail() - say what was wrong; returns -1. */
int hostile_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/** hostile_now() - in seconds, monotonic. */
double hostile_now(void);
/** hostile_nap() - half a millisecond. */
void hostile_nap(void);

/** hostile_write() - write a node below @dir, of ours; NULL removes it. */
void hostile_write(struct xs_handle *xs, const char *dir, const char *name, const char *value);
/** hostile_vwritef() - the same, formatted. */
void hostile_vwritef(struct xs_handle *xs, const char *dir, const char *name, const char *fmt, va_list ap);
/** hostile_offered() - a number that the backend offers; 0 if it is absent. */
uint32_t hostile_offered(struct xs_handle *xs, const char *backend, const char *name);
/** hostile_state() - the backend's; 0 if it has none. */
int hostile_state(struct xs_handle *xs, const char *backend);
/** hostile_wait_state() - the backend is in one of @states (bits). Return: which, or -1. */
int hostile_wait_state(struct xs_handle *xs, const char *backend, unsigned states);

#endif

/* SPDX-License-Identifier: MIT */
/* fake-store.c's own reset; see fake-xen.h. */
#ifndef SLUICE_TESTS_PEERS_FAKE_STORE_H
#define SLUICE_TESTS_PEERS_FAKE_STORE_H

void fake_store_reset(void);

#endif

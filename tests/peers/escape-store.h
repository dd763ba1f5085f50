/* SPDX-License-Identifier: MIT */
/* Of escape: what it tries at the store, over the connection that a backend has. */
#ifndef SLUICE_TESTS_PEERS_ESCAPE_STORE_H
#define SLUICE_TESTS_PEERS_ESCAPE_STORE_H

#include <stdio.h>

/** escape_store_open() - before it is confined. The environment says what to reach: ESCAPE_NODES. */
void escape_store_open(void);
/** escape_store() - each operation on each of them, a line for each: "store-OP:NODE done|ERROR". */
void escape_store(FILE *out);

#endif

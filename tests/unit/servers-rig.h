/* SPDX-License-Identifier: MIT */
/*
 * For tests of the way to servers: a server that is configured and answers each connection with a
 * byte, and one that is not configured, where the test looks whether somebody came.
 */
#ifndef SLUICE_TESTS_UNIT_SERVERS_RIG_H
#define SLUICE_TESTS_UNIT_SERVERS_RIG_H

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/servers-private.h"

/** way_possible - false: built without what a way to servers takes. */
extern const bool way_possible;
extern uint16_t way_good_port, way_bad_port;
extern int way_bad_fd, way_good_fd;
/** way_unix_good - paths for servers of that kind; the test makes them. */
extern char way_unix_good[64], way_unix_bad[64];
/** way_tell - a pipe: a child's broker's id, on its way to the test. */
extern int way_tell[2], way_go[2];
/** way_servers - what is asked for; way_made - what came of that. */
extern struct servers way_servers;
extern struct servers_way way_made;

/** way_setup() - group setup: the servers run. */
int way_setup(void **state);
int way_teardown(void **state);

/** CHECK() - in a child: end with @step where @condition does not hold. */
#define CHECK(step, condition)                                                         \
	do {                                                                           \
		if (!(condition)) {                                                    \
			fprintf(stderr, "step %d: %s: %m\n", step, #condition);        \
			return step;                                                   \
		}                                                                      \
	} while (0)

/** way_in_child() - @fn returns 0 there. */
void way_in_child(int (*fn)(void));
struct sockaddr_in way_address(uint32_t host, uint16_t port);
/** way_listen_unix() - Return: a listening socket. */
int way_listen_unix(const char *path);
/** way_bad_was_reached() - whether anybody came to the other server, all of whom are sent home. */
bool way_bad_was_reached(void);
/** way_add_good() - the good server is asked for. 0 or -errno, as all below. */
int way_add_good(void);
/** way_confine() - as a backend that reaches what was asked for. */
int way_confine(void);
/** way_begin() - both. */
int way_begin(void);
/** way_reach() - a connection that works: a byte comes. */
int way_reach(const void *address, socklen_t len, int flags);
int way_reach_port(uint32_t host, uint16_t port, int flags);

#endif

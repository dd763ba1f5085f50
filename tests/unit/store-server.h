/* SPDX-License-Identifier: MIT */
/* For tests that talk to a running sluice-store. */
#ifndef SLUICE_TESTS_UNIT_STORE_SERVER_H
#define SLUICE_TESTS_UNIT_STORE_SERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/types.h>
#include <xenstore.h>

/** struct server - a private store that ends when the test does, however it does. */
struct server {
	pid_t pid;
	int life; /* closing it ends the store */
	char dir[64];
	char path[96]; /* the toolstack's socket */
};

/** server_start() - @option: one more command line option, or NULL. */
void server_start(struct server *server, const char *option);
/** server_again() - SIGKILL, and another one in its place. @option: as before */
void server_again(struct server *server, const char *option);
/** server_wait() - for its end; returns the exit status. */
int server_wait(struct server *server);
/** server_stop() - end it, assert that it ended well, remove its folder. */
void server_stop(struct server *server);

/** server_open() - libxenstore's handle of the toolstack (domid 0) or a domain. */
struct xs_handle *server_open(struct server *server, unsigned domid);
/** server_connect() - the same as a plain socket. */
int server_connect(struct server *server, unsigned domid);
/** server_home() - introduce a domain, make its home; returns its handle. */
struct xs_handle *server_home(struct server *server, struct xs_handle *tool, unsigned domid);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * For tests of sluice-console: domains of a running hypervisor, a running store, a small console
 * frontend in each domain, and the program in domain 0. All assert.
 */
#ifndef SLUICE_TESTS_PEERS_CONSOLE_RIG_H
#define SLUICE_TESTS_PEERS_CONSOLE_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <xen/io/console.h>
#include <xenevtchn.h>

#include "hypervisor/process/share-client.h"
#include "tests/unit/hv-harness.h"
#include "tests/unit/store-server.h"

#define PATIENCE_MS 20000
#define OUT_SIZE sizeof(((struct xencons_interface *)0)->out)
#define IN_SIZE sizeof(((struct xencons_interface *)0)->in)

extern struct hv_world world;
extern struct xs_handle *tool; /* the toolstack's */
extern char folder[];

int rig_setup(void **state);
int rig_teardown(void **state);
/** server_home_of() - introduce a domain and make its home. */
struct xs_handle *server_home_of(unsigned domid);
/** enter() - what is opened from now on is of domain @domid. */
void enter(unsigned domid);

/** tool_write(), tool_read() - nodes of a domain. */
void tool_write(unsigned domid, const char *node, const char *value);
char *tool_read(unsigned domid, const char *node);

/** struct guest - a domain with a primary console. */
struct guest {
	unsigned domid;
	int fd;
	xenevtchn_handle *xce;
	int port;
	uint32_t ref;
	struct hvshare share;
	struct xencons_interface *page;
};

void guest_start(struct guest *g, unsigned domid);
void guest_notify(struct guest *g);
void guest_wait(struct guest *g);
/** guest_say() - all of @text, however often the ring is full meanwhile. */
void guest_say(struct guest *g, const char *text, size_t len);
void guest_hears(struct guest *g, const char *text);
void guest_end(struct guest *g);

/** struct program - a sluice-console. */
struct program {
	pid_t pid;
	int in, out, err; /* our ends */
	bool ready;       /* it said so */
};

/** program_run() - returns when it serves or has ended. @in, @out: -1: pipes. */
void program_run(struct program *p, const char *const *options, int in, int out);
/** program_start() - for a guest's primary console; it serves. */
void program_start(struct program *p, const struct guest *g, const char *const *options, int in, int out);
/** program_wait() - its exit status; @says: on stderr, or NULL. */
int program_wait(struct program *p, const char *says);
int program_stop(struct program *p);
/** kill_program() - with SIGKILL. */
void kill_program(struct program *p);

/** expect(), expect_read() - that this is what comes next. */
void expect_read(int fd, const char *text, size_t len);
void expect(int fd, const char *text);
void type(int fd, const char *text);
/** connect_to() - a Unix socket. */
int connect_to(const char *path);

#endif

/* SPDX-License-Identifier: MIT */
/* Between gate-main.c and gate-store.c of sluice-store-gate. */
#ifndef SLUICE_DRIVERS_DOMAIN_GATE_MAIN_H
#define SLUICE_DRIVERS_DOMAIN_GATE_MAIN_H

#include "drivers-domain/gate-control.h"
#include "drivers-domain/gate.h"

/** MAIN_TURN - messages of one connection per turn of the loop. */
#define MAIN_TURN 16

struct main_gate;

/** struct main_device - where its backend connects. */
struct main_device {
	TAILQ_ENTRY(main_device) link;
	struct main_gate *main;
	struct gate_rules rules;
	char label[SCAN_PATH_MAX];
	int fd;
	struct loop_source *source;
	unsigned connections;
};
TAILQ_HEAD(main_devices, main_device);

/** struct main_connection - of a backend. */
struct main_connection {
	TAILQ_ENTRY(main_connection) link;
	struct main_gate *main;
	struct gate_client *client;
	struct main_device *device; /* NULL: removed since */
	char label[SCAN_PATH_MAX];
	int fd;
	uint32_t events;
	struct loop_source *source;
};
TAILQ_HEAD(main_connections, main_connection);

/** struct main_gate - the program's state. */
struct main_gate {
	struct loop *loop;
	struct gate gate;
	char confined[GATE_FRONTEND_MAX];
	struct main_devices devices;
	struct main_connections connections;
	int listen_fd;
	struct loop_source *listen_source;
	struct loop_source *full; /* connections wait for descriptors until then */
	int control_fd;
	struct loop_source *control_source;
	struct loop_source *want; /* the store is asked for again then */
	bool known;         /* it has said which domain this is */
	unsigned store_ms;  /* for so long backends wait for a store that went away */
	int store_fd;
	bool store_is_device;
	uint32_t store_events;
	struct loop_source *store_source;
	struct loop_source *store_timer;
	struct loop_source *tick;
	struct loop_source *unused;
};

/** main_now_ms() - monotonic. */
uint64_t main_now_ms(void);
/** main_tell() - say so to the daemon. */
void main_tell(struct main_gate *m, enum gate_control_what what);
/** main_pump() - until nobody has anything more to send. */
void main_pump(struct main_gate *m);

/** store_push() - send to the store what there is, as far as it takes it. */
void store_push(struct main_gate *m);
/** store_found() - a connection to it came; @fd is taken. */
void store_found(struct main_gate *m, int fd);

#endif

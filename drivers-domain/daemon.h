/* SPDX-License-Identifier: MIT */
/*
 * The daemon: the store's watch, the table of devices, and their backends. One
 * thread; calls to the store block.
 */
#ifndef SLUICE_DRIVERS_DOMAIN_DAEMON_H
#define SLUICE_DRIVERS_DOMAIN_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "drivers-domain/cgroup.h"
#include "drivers-domain/device.h"
#include "drivers-domain/files.h"
#include "drivers-domain/format.h"
#include "drivers-domain/hotplug.h"
#include "drivers-domain/policy.h"
#include "drivers-domain/scan.h"
#include "drivers-domain/upgrade.h"

struct loop;
struct loop_source;
struct xs_handle;
struct keeper;
struct daemon;

/** DAEMON_DEVICES_MAX - the most that --max-backends may be. */
#define DAEMON_DEVICES_MAX 4096u

/** DAEMON_CANDIDATES - names that are asked about in one pass. */
#define DAEMON_CANDIDATES 64u

/** SERVE_LOGGED_NONE - no end was logged; what no process ends with. */
#define SERVE_LOGGED_NONE (-2)

/** struct served - a device in the table. */
struct served {
	struct daemon *daemon;
	struct device machine;
	struct hotplug hotplug;
	struct format format;
	struct upgrade upgrade;
	struct leaf_name name;
	char leaf[SCAN_PATH_MAX];
	char label[SCAN_PATH_MAX]; /* for messages and file names */
	bool dirty;                /* its nodes may have changed */
	pid_t pid;                 /* 0: no process */
	int pidfd;                 /* of an adopted one, which is no child of ours; else -1 */
	int ready_fd;
	struct loop_source *pidfd_source;
	struct loop_source *ready_source;
	struct loop_source *timer;
	uint64_t timer_ms;         /* the deadline that the timer was set for */
	uint64_t print;            /* leaf_fingerprint() of what the last start read */
	int failed_state;
	bool failed_seen;          /* print and failed_state are of a failure */
	bool exit_pending;         /* it ended while there was no store to ask what then, */
	int exit_status;           /* with this wait status */
	bool script_pending, script_up, script_ok; /* so did its script, or what became of its format server */
	int logged_status;         /* of the last crash that was logged, */
	unsigned logged_delay_ms;  /* and the wait after it: said once per change */
};

/** struct daemon_options - from the command line. */
struct daemon_options {
	unsigned max_backends;
	bool kill_backends;        /* they die with us, however we end */
	int ready_fd;              /* -1: nobody waits */
	int initwait_ms;           /* how long backends stay at InitWait; -1: as the toolstack needs */
	const char *script_dir;    /* of the scripts that may be run */
	unsigned script_seconds;   /* that one may take */
	unsigned start_seconds;    /* that a backend may take until it is ready; 0: the default */
	unsigned store_ms;         /* for so long a store that went away is looked for */
	bool no_gate;              /* backends have the domain's whole right at the store */
	uint64_t limit[CGROUP_KINDS]; /* of each backend; 0: none */
};

struct daemon {
	struct daemon_options options;
	struct files files;
	struct cgroup cgroup;
	struct loop *loop;
	struct xs_handle *xs;
	char home[32];             /* "/local/domain/N" */
	struct served **devices;
	unsigned count;
	struct budget budget;
	struct keeper *keeper;     /* of the store gate; NULL: none is wanted */
	bool store_lost;           /* calls to xs fail; it is looked for */
	uint64_t link_lost_ms;
	unsigned link_delay_ms;
	struct loop_source *link_timer;
	struct loop_source *store_source;
	struct loop_source *pass_timer;
	struct loop_source *alive_timer;
	struct loop_source *sweep_timer;
	uint64_t pass_ms;          /* when the last pass ended */
	uint64_t scan_ms;          /* when the last whole scan ended */
	uint64_t scan_wait_ms;     /* from then to the next: a share of our time, however large it is */
	struct leaf_name candidates[DAEMON_CANDIDATES]; /* maybe devices, not in the table */
	unsigned candidate_count;
	bool scan_wanted;
	bool refused;              /* the table was full: scan again when there is room */
	bool failed;
	bool stopping;
};

/**
 * daemon_run() - serve until a signal ends it.
 * @d: options and files are filled in; the rest is zero
 *
 * Signals SIGTERM, SIGINT, SIGHUP and SIGCHLD must be blocked. Return: the exit status.
 */
int daemon_run(struct daemon *d);
/** daemon_find() - a device in the table, or NULL. */
struct served *daemon_find(const struct daemon *d, const struct leaf_name *name);
/** daemon_add() - find or add; NULL when the table is full (noted) or memory is out. */
struct served *daemon_add(struct daemon *d, const struct leaf_name *name);
/** daemon_want_pass() - dirty devices are looked at soon. */
void daemon_want_pass(struct daemon *d);
/** daemon_want_sweep() - files of devices that are gone are removed a little later. */
void daemon_want_sweep(struct daemon *d);
/** daemon_fail() - the daemon cannot go on: say why, once, and end with status 1. */
void daemon_fail(struct daemon *d, const char *text, int error);
uint64_t daemon_now_ms(void);

/** daemon_drop() - take a device out of the table and free it. */
void daemon_drop(struct daemon *d, struct served *s);

/* store-link.c */

/** daemon_store_lost() - the store does not answer: go on once it does. */
void daemon_store_lost(struct daemon *d, int error);
/** daemon_check_store() - see whether it answers. */
void daemon_check_store(struct daemon *d);

/* watch.c */

/** watch_start() - watch the backend directory. 0 or -errno. */
int watch_start(struct daemon *d) must_check;
/** watch_candidates() - add those of the names in events that are devices. */
void watch_candidates(struct daemon *d);
/** watch_scan() - mark every device that the store names, adding new ones. 0 or -errno. */
int watch_scan(struct daemon *d) must_check;

/* serve-launch.c */

/** serve_launch() - start the device's backend with what is its own. Return: its id or -errno. */
pid_t serve_launch(struct served *s, const char *program, int program_fd, int lock_fd) must_check;

/* serve.c */

/** serve_look() - read its nodes and act; may drop it. */
void serve_look(struct served *s);
/** serve_retry() - as serve_look(), and what failed is tried again. */
void serve_retry(struct served *s);
/** serve_exited() - its process ended with this wait status; may drop it. */
void serve_exited(struct served *s, int status);
/** serve_script_ended() - its hotplug script ended, or could not be run; may drop it. */
void serve_script_ended(struct served *s, bool ok);
/** serve_format_ended() - its format server is ready, has ended, or could not be started; may drop it. */
void serve_format_ended(struct served *s, bool up, bool ok);
/** serve_store_back() - the store can be asked again: do what had to wait; may drop it. */
void serve_store_back(struct served *s);
/** serve_replace() - another build is to take over from its backend; may drop it. */
void serve_replace(struct served *s);
/** serve_shutdown() - the daemon ends; may drop it. */
void serve_shutdown(struct served *s);
/** serve_adopt() - take over an older backend that lives. 0 or -errno as files_holder(). */
int serve_adopt(struct served *s) must_check;
/** serve_kill() - send a signal to its backend, SIGKILL to all of its process group. */
void serve_kill(struct served *s, int sig);
/** serve_dispose() - close and free what hangs on it; its process is left alone. */
void serve_dispose(struct served *s);

#endif

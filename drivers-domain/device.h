/* SPDX-License-Identifier: MIT */
/*
 * A device's life as the daemon sees it: a pure machine. It is told what happened
 * and answers what to do; it reads no clock, no store and starts nothing.
 *
 *                     +--------- changed, SIGHUP ---------+
 *                     v                                   |
 *   (new) --> WAITING --> STARTING --> RUNNING --exit 2--> FAILED
 *                ^            |           |                |
 *                +-- BACKOFF <+--- crash -+                | online = 0
 *                                         | exit 0         v
 *             leaf gone: STOPPING         +----------> DWELL --> deleted
 *
 * A hotplug script that the toolstack names sets a device up, before its backend is started
 * or once that is ready, and takes it down afterwards. What cannot go on meanwhile is SETUP.
 */
#ifndef SLUICE_DRIVERS_DOMAIN_DEVICE_H
#define SLUICE_DRIVERS_DOMAIN_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers-domain/policy.h"

/**
 * DEVICE_READY_MS - how long a backend may take until it is ready, if struct device says nothing
 * else. Storage may be slow to open: one volume after the other is activated, servers are far away.
 */
#define DEVICE_READY_MS 120000u
/** DEVICE_TRIAL_MS - the same of one whose predecessor served and was ended for it: the guest waits. */
#define DEVICE_TRIAL_MS 10000u
/** DEVICE_TERM_MS - how long between SIGTERM and SIGKILL. */
#define DEVICE_TERM_MS 10000u
/**
 * DEVICE_DWELL_MS - how long a leaf stays at Closed before it is deleted: libxl must
 * read exactly 6 (libxl_device.c devstate_callback); a node that is gone is an error to it.
 */
#define DEVICE_DWELL_MS 1500u
/** DEVICE_DEFER_MS - when to try again what the budget of starts did not allow. */
#define DEVICE_DEFER_MS 500u

/**
 * DEVICE_INITWAIT_MS - when a script that runs before the backend takes longer, or the backend
 * itself until it is ready, the daemon writes InitWait: libxl waits 10 s for it.
 */
#define DEVICE_INITWAIT_MS 4000u

/** enum device_script - how far a device's hotplug script is. */
enum device_script {
	DEVICE_SCRIPT_NONE,  /* none is named, or none that is to be run */
	DEVICE_SCRIPT_DOWN,
	DEVICE_SCRIPT_BUSY,  /* it runs: device_script_ended() comes */
	DEVICE_SCRIPT_UP,
	DEVICE_SCRIPT_DIRTY, /* half set up, or of an earlier device of that name */
};

/** struct device_view - the device's nodes, read just now. */
struct device_view {
	bool exists;
	bool valid;   /* frontend-id is there and is the path's */
	bool online;  /* absent counts as true: nothing is deleted for want of a node */
	bool changed; /* the toolstack's nodes differ from those that failed */
	int state;    /* XenbusState; 0 when absent or no state */
	enum device_script script;
	bool script_first; /* it makes what the backend opens, so it is run before that starts */
};

enum device_phase {
	DEVICE_WAITING,  /* no backend yet */
	DEVICE_SETUP,    /* no backend; a script runs, and when it has ended the nodes decide */
	DEVICE_STARTING, /* its READY is awaited */
	DEVICE_RUNNING,
	DEVICE_STOPPING, /* told to end, or killed */
	DEVICE_BACKOFF,  /* it failed; the next start has its time */
	DEVICE_FAILED,   /* it cannot be served as configured */
	DEVICE_DWELL,    /* at Closed, to be deleted */
};

/** enum device_do - what the caller does, in this order; bits. */
enum device_do {
	DEVICE_DO_KILL = 1 << 0,          /* SIGKILL */
	DEVICE_DO_TERM = 1 << 1,          /* SIGTERM */
	DEVICE_DO_REPORT_READY = 1 << 2,  /* publish: it was not ready in time */
	DEVICE_DO_REPORT_CRASH = 1 << 3,  /* publish and log: it ended unexpectedly */
	DEVICE_DO_REMEMBER = 1 << 4,      /* keep view.state: device_view.changed compares */
	DEVICE_DO_CLOSE = 1 << 5,         /* write state Closed: nobody else does */
	DEVICE_DO_DELETE = 1 << 6,        /* delete the leaf if it is still closed and offline */
	DEVICE_DO_CLEAN = 1 << 7,         /* remove the device's journal and lock files */
	DEVICE_DO_SPAWN = 1 << 8,         /* then device_ready(), device_exited() or device_defer() */
	DEVICE_DO_FORGET = 1 << 9,        /* drop the device from the table, last */
	DEVICE_DO_SCRIPT_KILL = 1 << 10,  /* a script that sets up, if one runs */
	DEVICE_DO_SCRIPT_UP = 1 << 11,    /* then device_script_ended() or device_defer() */
	DEVICE_DO_SCRIPT_DOWN = 1 << 12,  /* then device_script_ended() */
	DEVICE_DO_REPORT_SCRIPT = 1 << 13, /* publish and log: it failed */
	DEVICE_DO_INITWAIT = 1 << 14,     /* write state InitWait if it is Initialising */
};

enum device_exit { DEVICE_EXIT_CLEAN, DEVICE_EXIT_STORAGE, DEVICE_EXIT_CRASH };

/** enum device_stop - why a device is STOPPING. */
enum device_stop { DEVICE_STOP_GONE, DEVICE_STOP_RECREATED, DEVICE_STOP_LATE, DEVICE_STOP_SCRIPT,
	DEVICE_STOP_SHUTDOWN };

/** struct device - all zero to begin with, but for @ready_ms. */
struct device {
	enum device_phase phase;
	enum device_stop stop;
	unsigned ready_ms;    /* how long a backend may take until it is ready; 0: DEVICE_READY_MS */
	bool patient;         /* its toolstack waits for its storage, not for anybody to be there: not libxl */
	bool replacing;       /* its end is our doing: another is started at once */
	bool trial;           /* that other one, until it is ready */
	bool unwanted;        /* its script was to be killed: how that ends says nothing of a device made since */
	struct backoff backoff;
	uint64_t started_ms;
	uint64_t deadline_ms; /* call device_timer() then; 0: never */
};

/** device_ready_ms() - how long its backend may take until it is ready. */
unsigned device_ready_ms(const struct device *d);
/** device_has_process() - a backend of it lives. */
bool device_has_process(const struct device *d);
/** device_leaf() - its nodes may have changed. Return: enum device_do bits, as all below. */
unsigned device_leaf(struct device *d, const struct device_view *view, uint64_t now_ms);
/** device_ready() - the backend says that it is ready, or an older one was adopted. */
unsigned device_ready(struct device *d);
/** device_exited() - the backend ended, or could not be started (DEVICE_EXIT_CRASH). */
unsigned device_exited(struct device *d, enum device_exit how, const struct device_view *view,
	uint64_t now_ms);
/** device_replace() - another build is to take over from the one that runs. */
unsigned device_replace(struct device *d);
/** device_timer() - its deadline has come. */
unsigned device_timer(struct device *d, const struct device_view *view, uint64_t now_ms);
/** device_script_ended() - @up: it was to set up; @ok: it did what it should; the view knows it. */
unsigned device_script_ended(struct device *d, bool up, bool ok, const struct device_view *view,
	uint64_t now_ms);
/** device_defer() - the spawn or the script that was asked for is not allowed now. */
void device_defer(struct device *d, uint64_t now_ms);
/** device_retry() - the administrator asks: what failed is tried again. */
unsigned device_retry(struct device *d, const struct device_view *view, uint64_t now_ms);
/** device_shutdown() - the daemon ends. */
unsigned device_shutdown(struct device *d, uint64_t now_ms);

#endif

/* SPDX-License-Identifier: MIT */
/* A device's hotplug script: which, how far, and its process. */
#ifndef SLUICE_DRIVERS_DOMAIN_HOTPLUG_H
#define SLUICE_DRIVERS_DOMAIN_HOTPLUG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "drivers-domain/device.h"
#include "drivers-domain/script.h"

struct daemon;
struct loop_source;
struct served;

/** struct hotplug - of one device; all zero to begin with, but for pid. */
struct hotplug {
	enum device_script state;
	enum script_use use;
	bool up;                   /* the one that runs is to set up */
	bool failed;               /* it could not be started */
	bool published;            /* its nodes tell of a failure; they stay until the next attempt */
	pid_t pid;                 /* its process, and its group; 0: none */
	char *script;              /* as the store names it, ours */
	const char *why_killed;    /* NULL: it was not, by us */
	char why[256];             /* of a failure */
	struct loop_source *timer;
};

/** hotplug_look() - what the store names now, unless something is set up. */
void hotplug_look(struct served *s);
/** hotplug_find() - what an earlier daemon left set up. */
void hotplug_find(struct served *s);
/** hotplug_run() - start it; serve_script_ended() is called when it has ended, never from within. */
void hotplug_run(struct served *s, bool up);
/** hotplug_kill() - one that sets up is not wanted any more. */
void hotplug_kill(struct served *s);
/** hotplug_exited() - the process that is @s->hotplug.pid ended. */
void hotplug_exited(struct served *s, int status);
/** hotplug_settle() - serve_script_ended() takes note of how far the device is now. */
void hotplug_settle(struct served *s, bool ok);
/** hotplug_native() - the backend is ready, and did itself what xl's script would have done. */
void hotplug_native(struct served *s);
/** hotplug_dispose() - kill and free. */
void hotplug_dispose(struct served *s);

#endif

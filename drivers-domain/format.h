/* SPDX-License-Identifier: MIT */
/*
 * The format server of a device whose image is in a format: a sluice-format, which becomes
 * qemu-nbd, for that image alone. To the device's machine it is a script that sets the device up
 * before its backend starts. It is ended in order, with all it has written flushed, before another
 * backend connects: that is the fence behind which requests of a killed one may be repeated. In
 * order means that it has answered our own flush: its exit tells too little.
 */
#ifndef SLUICE_DRIVERS_DOMAIN_FORMAT_H
#define SLUICE_DRIVERS_DOMAIN_FORMAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "drivers-domain/device.h"
#include "drivers-domain/scan.h"

/** FORMAT_END_MS - it flushes and ends; what it has not written then, nobody will. */
#define FORMAT_END_MS 30000u

struct format_flush;
struct loop_source;
struct served;

/** struct format - of one device; all zero to begin with, but for the descriptors: -1. */
struct format {
	enum device_script state;
	bool wanted;           /* the device's name says a format, or a server runs */
	bool up;               /* BUSY: it is to start, not to end */
	bool lost;             /* it ended with what was not flushed, under the backend that is or was there */
	bool asked;            /* its end is our doing */
	bool flushed;          /* it has said so since, or had nothing to flush: no end of it loses anything */
	bool unflushed;        /* it could not, and that was reported: the report outlives the device */
	bool drop;             /* when it has ended, so has the device */
	bool adopted;          /* no child of ours */
	char *name;            /* FORMAT:PATH; NULL when adopted */
	bool readonly;
	pid_t pid;             /* 0: no process */
	int pidfd, report_fd, hello_fd; /* -1: none */
	struct format_flush *flush; /* under way; NULL: none */
	struct loop_source *pidfd_source, *report_source, *hello_source, *timer;
	uint64_t started_ms;
	char said[256];        /* its last line */
	char why[320];         /* of a failure */
};

/** format_init() - as daemon_add() wants it. */
void format_init(struct format *f);
/** format_look() - what the store names now, unless a server runs. */
void format_look(struct served *s);
/**
 * format_find() - a server that an earlier daemon left: after the backends were adopted. One that
 * has ended since, unseen, may have taken along what it had not flushed.
 */
void format_find(struct served *s);
/** format_run() - start or end it; serve_format_ended() is called then, never from within. */
void format_run(struct served *s, bool up);
/** format_kill() - one that is just starting is not wanted any more. */
void format_kill(struct served *s);
/** format_backend_ended() - the next backend gets another server. */
void format_backend_ended(struct served *s);
/** format_forget() - the device is another one now, or none. */
void format_forget(struct served *s);
/** format_socket() - for the backend, malloc'ed; NULL: its device needs none. */
char *format_socket(const struct served *s);
/** format_exited() - the process that is s->format.pid ended. The device may be gone afterwards. */
void format_exited(struct served *s, int status);
/** format_lingers() - the device is to go, and its server has to end first: it is told to. */
bool format_lingers(struct served *s);
/** format_dispose() - close and free; a server is left alone. */
void format_dispose(struct served *s);

#endif

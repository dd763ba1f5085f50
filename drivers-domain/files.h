/* SPDX-License-Identifier: MIT */
/*
 * The daemon's run directory: a lock, a journal, metrics and maybe a script's name per device. A backend
 * inherits its lock's descriptor, so that the lock is held for exactly as long as
 * a process of that backend lives, whatever became of the daemon that started it.
 */
#ifndef SLUICE_DRIVERS_DOMAIN_FILES_H
#define SLUICE_DRIVERS_DOMAIN_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "drivers-domain/scan.h"

/** struct files - the open directories. */
struct files {
	int run_fd;
	int journal_fd;
	int instance_fd;    /* locked while this daemon lives */
	char *journal_path; /* absolute, ours */
	char *run_path;     /* the same of the run directory */
};

/**
 * files_open() - open or make the directories and lock them against a second daemon.
 * @journal_dir: NULL: @run_dir
 * @why: the reason of a failure for the user, naming the remedy
 *
 * Return: 0 or -errno: -EBUSY another daemon has them, -EPERM they are not ours alone.
 */
int files_open(struct files *f, const char *run_dir, const char *journal_dir, char *why,
	size_t why_room) must_check;
void files_close(struct files *f);

/**
 * files_lock() - take a device's lock for a new backend.
 *
 * Return: a close-on-exec descriptor, or -errno; -EBUSY: an older backend lives.
 */
int files_lock(const struct files *f, const struct leaf_name *name) must_check;
/** files_lock_of() - the same of a lock with another suffix: FILES_FORMAT. */
int files_lock_of(const struct files *f, const struct leaf_name *name, const char *suffix) must_check;
/** files_pid() - the same file, to write a backend's id to. A close-on-exec descriptor, or -errno. */
int files_pid(const struct files *f, const struct leaf_name *name) must_check;
int files_pid_of(const struct files *f, const struct leaf_name *name, const char *suffix) must_check;
/** files_note() - add a line to it, behind the id; what fails is not worth a word. */
void files_note(const struct files *f, const struct leaf_name *name, const char *line);
/** files_noted() - what follows @key in such a line; "" when there is none. */
void files_noted(const struct files *f, const struct leaf_name *name, const char *key, char *value,
	size_t room);
/**
 * files_holder() - the process that holds a device's lock, by its pidfd.
 * @pid: its id
 *
 * Return: a pidfd, the caller's; or -errno: -ESRCH when the one that took the lock has
 * ended and only a helper of it is left, -ENOENT when the lock is free.
 */
int files_holder(const struct files *f, const struct leaf_name *name, pid_t *pid) must_check;
int files_holder_of(const struct files *f, const struct leaf_name *name, const char *suffix, pid_t *pid)
	must_check;
/**
 * files_listen() - a new socket for a device's format server to listen on.
 * @path: of it, malloc'ed
 * Return: a close-on-exec descriptor, or -errno.
 */
int files_listen(const struct files *f, const struct leaf_name *name, char **path) must_check;
/** files_forget_format() - the format server has ended, and nothing of what it did is lost. */
void files_forget_format(const struct files *f, const struct leaf_name *name);
/**
 * files_keep_lost() - note that a format server ended by itself under its backend, until
 * files_forget_lost() or files_forget_format(): what it takes along is not found again by flushing.
 */
void files_keep_lost(const struct files *f, const struct leaf_name *name);
bool files_lost(const struct files *f, const struct leaf_name *name);
void files_forget_lost(const struct files *f, const struct leaf_name *name);
/** files_socket() - where that is, malloc'ed; NULL with errno set. */
char *files_socket(const struct files *f, const struct leaf_name *name) must_check;
/** files_keep_script() - note that @script sets the device up, until files_forget_script(). 0 or -errno. */
int files_keep_script(const struct files *f, const struct leaf_name *name, const char *script) must_check;
/** files_script() - the script that an earlier daemon noted, malloc'ed; NULL: none. */
char *files_script(const struct files *f, const struct leaf_name *name) must_check;
void files_forget_script(const struct files *f, const struct leaf_name *name);
/** files_journal() - make a device's journal if need be. Return: its path, malloc'ed; or NULL
 * with errno set. */
char *files_journal(const struct files *f, const struct leaf_name *name) must_check;
/**
 * files_metrics() - a new, empty file for a backend's metrics; what a predecessor of the
 * backend may still have open is another file.
 *
 * Return: a close-on-exec descriptor; or -errno, logged: the device can do without.
 */
int files_metrics(const struct files *f, const struct leaf_name *name);
/**
 * files_clean() - remove a device's files.
 *
 * Return: 0; -EBUSY: its lock is still held, maybe by a helper of a killed backend that
 * has not quite ended, and nothing was removed; or -errno, logged.
 */
int files_clean(const struct files *f, const struct leaf_name *name) must_check;
/** files_id() - a number that no other daemon of this system has at the same time. */
uint64_t files_id(const struct files *f);
/** FILES_LOCK, FILES_SCRIPT, FILES_FORMAT - what files_each() looks for. */
#define FILES_FORMAT ".format"
#define FILES_LOCK ".lock"
#define FILES_SCRIPT ".script"
/** files_each() - call @fn for each device that has such a file. 0 or -errno. */
int files_each(const struct files *f, const char *suffix,
	void (*fn)(void *opaque, const struct leaf_name *name), void *opaque) must_check;

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Another build takes over from a backend that runs, as a successor does from one that was
 * killed. The toolstack asks with the node "upgrade" of the device, a word of its own choice, and
 * the answer comes in "upgrade-status": that word, then one of enum upgrade_end, milliseconds for
 * which nothing was served, and text. Which program that is no node says: it is the daemon's.
 *
 * The new build is asked which journals it understands before the old one is ended. When it
 * does not become ready, the old one is started again, from the descriptor of its program.
 */
#ifndef SLUICE_DRIVERS_DOMAIN_UPGRADE_H
#define SLUICE_DRIVERS_DOMAIN_UPGRADE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define UPGRADE_NODE "upgrade"
#define UPGRADE_STATUS_NODE "upgrade-status"
/** UPGRADE_TOKEN_MAX - letters, digits and '-'. */
#define UPGRADE_TOKEN_MAX 32u
/** UPGRADE_FORMAT_MAX - of a journal format's name. */
#define UPGRADE_FORMAT_MAX 31u
/** UPGRADE_ASK_MS - how long the new build may take to name its formats. */
#define UPGRADE_ASK_MS 5000u

struct served;
struct image;
struct loop_source;

enum upgrade_step {
	UPGRADE_NONE,
	UPGRADE_ASKING,   /* the new build which journals it understands */
	UPGRADE_ENDING,   /* the old one was killed */
	UPGRADE_TRIAL,    /* the new one was started */
	UPGRADE_FALLBACK, /* it failed, and the old one is to be started again */
};

/** enum upgrade_end - the words of the answer. */
enum upgrade_end {
	UPGRADE_DONE,      /* "done": the new build serves */
	UPGRADE_RECONNECT, /* "reconnect": it does, but the frontend has to connect again */
	UPGRADE_REFUSED,   /* "refused": nothing was touched */
	UPGRADE_KEPT,      /* "kept": the new build failed, the old one serves again */
	UPGRADE_LOST,      /* "lost": neither serves; starts go on as after a crash */
};

/** struct upgrade - of a device; all zero to begin with. */
struct upgrade {
	bool asked;                  /* the node may be there */
	enum upgrade_step step;
	char token[UPGRADE_TOKEN_MAX + 1];
	char format[UPGRADE_FORMAT_MAX + 1]; /* of the journal that the running backend writes; "" unknown */
	struct image *image;         /* of the backend that was ready last; NULL: unknown */
	struct image *starting;      /* of the one that was started last */
	struct image *next;          /* the new build */
	pid_t pid;                   /* of the question; 0 when it was reaped */
	int fd;
	struct loop_source *source, *timer;
	char answer[128];
	size_t used;
	uint64_t begun_ms;
	char why[160];               /* the new build failed */
};

/** upgrade_format_is_among() - whether @answer, of --journal-version, names @format. Pure. */
bool upgrade_format_is_among(const char *answer, const char *format);
/** upgrade_token_ok() - the toolstack's word can be said again in a node. Pure. */
bool upgrade_token_ok(const char *token);

/** upgrade_look() - the device's nodes may have changed: begin if that is asked for. */
void upgrade_look(struct served *s);
/**
 * upgrade_choose() - which program is to be started.
 * @program: the configured path
 * @fd: to start it by, or -1: by its path
 *
 * One that crashed is started again from the build that it was, which knows its journal,
 * whatever has taken the path meanwhile. Return: NULL with errno set when there is none.
 */
struct image *upgrade_choose(struct served *s, const char *program, int *fd);
/** upgrade_started() - what upgrade_choose() said is being started. */
void upgrade_started(struct served *s, struct image *image);
/** upgrade_adopted() - a running backend was taken over from an earlier daemon. */
void upgrade_adopted(struct served *s);
/** upgrade_ready() - what the backend said when it was ready. */
void upgrade_ready(struct served *s, const char *text);
/** upgrade_exited() - it ended, or could not be started: @how. Before the machine is told. */
void upgrade_exited(struct served *s, const char *how);
/** upgrade_dispose() - let go of all. */
void upgrade_dispose(struct served *s);

#endif

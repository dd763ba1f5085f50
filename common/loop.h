/* SPDX-License-Identifier: MIT */
/*
 * An epoll loop for control paths: descriptors, timers and deferred calls, all
 * in one thread. Data paths have their own loops. Sources may be added and
 * removed from inside callbacks, their own included.
 */
#ifndef SLUICE_COMMON_LOOP_H
#define SLUICE_COMMON_LOOP_H

#include <stdint.h>

#include "common/cleanup.h"

struct loop;
struct loop_source;

/** loop_new() - NULL with errno set on failure. */
struct loop *loop_new(void);
/** loop_free() - frees the loop and all its sources; NULL is fine. */
void loop_free(struct loop *loop);

/**
 * loop_add_fd() - call @fn whenever @fd has one of @events (EPOLLIN, ...).
 * @fd: stays the caller's; remove the source before closing it
 *
 * EPOLLHUP and EPOLLERR are always delivered. Return: NULL with errno set on failure.
 */
struct loop_source *loop_add_fd(struct loop *loop, int fd, uint32_t events,
	void (*fn)(void *opaque, uint32_t events), void *opaque) must_check;
/** loop_set_events() - change the awaited events; 0 parks the source. 0 or -errno. */
int loop_set_events(struct loop_source *source, uint32_t events);
/**
 * loop_add_timer() - call @fn once, @delay_ms from now; the source frees itself then.
 * Timers run in the order in which they are due.
 */
struct loop_source *loop_add_timer(struct loop *loop, unsigned delay_ms,
	void (*fn)(void *opaque), void *opaque) must_check;
/** loop_remove() - remove and free a source; NULL is fine. */
void loop_remove(struct loop_source *source);

/** loop_run() - until loop_stop(). Return: the value given to loop_stop(), or -errno. */
int loop_run(struct loop *loop);
/** loop_stop() - end loop_run() after the current callback, or at once the next one, with @status (>= 0). */
void loop_stop(struct loop *loop, int status);

#endif

// SPDX-License-Identifier: MIT
#include "config.h"
#include "drivers-domain/gate-watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int gate_watch_find(const struct gate_watches *w, const char *path, bool relative, const char *token)
{
	for (unsigned i = 0; i < GATE_WATCHES; i++) {
		const struct gate_watch *watch = &w->at[i];

		if (watch->state != GATE_WATCH_FREE && watch->state != GATE_WATCH_DROP &&
			watch->relative == relative && strcmp(watch->path, path) == 0 &&
			strcmp(watch->token, token) == 0)
			return (int)i;
	}
	return -ENOENT;
}

int gate_watch_add(struct gate_watches *w, uint64_t serial, const char *path, bool relative,
	const char *token)
{
	unsigned i = 0;

	if (gate_watch_find(w, path, relative, token) >= 0)
		return -EEXIST;
	while (i < GATE_WATCHES && w->at[i].state != GATE_WATCH_FREE)
		i++;
	if (i == GATE_WATCHES)
		return -ENOSPC;
	w->at[i] = (struct gate_watch){ .state = GATE_WATCH_ASKED, .serial = serial,
		.path = strdup(path), .relative = relative };
	snprintf(w->at[i].token, sizeof(w->at[i].token), "%s", token);
	if (!w->at[i].path) {
		w->at[i].state = GATE_WATCH_FREE;
		return -ENOMEM;
	}
	return (int)i;
}

static void watch_forget_events(struct gate_watch *watch)
{
	for (unsigned i = 0; i < watch->count; i++)
		free(watch->events[i]);
	watch->count = 0;
}

void gate_watch_free(struct gate_watch *watch)
{
	watch_forget_events(watch);
	free(watch->path);
	*watch = (struct gate_watch){ .state = GATE_WATCH_FREE };
}

void gate_watches_clear(struct gate_watches *w)
{
	for (unsigned i = 0; i < GATE_WATCHES; i++)
		gate_watch_free(&w->at[i]);
}

int gate_watch_event(struct gate_watch *watch, const char *path)
{
	for (unsigned i = 0; i < watch->count; i++)
		if (strcmp(watch->events[i], path) == 0)
			return 0;
	if (watch->count == GATE_EVENTS) {
		/* As when it was made: look at all of it. */
		watch_forget_events(watch);
		path = watch->path;
	}
	watch->events[watch->count] = strdup(path);
	if (!watch->events[watch->count])
		return -ENOMEM;
	watch->count++;
	return 0;
}

struct gate_watch *gate_watch_next(struct gate_watches *w, char **path)
{
	for (unsigned i = 0; i < GATE_WATCHES; i++) {
		struct gate_watch *watch = &w->at[(w->turn + i) % GATE_WATCHES];

		if (watch->count == 0)
			continue;
		w->turn = (w->turn + i + 1) % GATE_WATCHES;
		*path = watch->events[0];
		memmove(watch->events, watch->events + 1, --watch->count * sizeof(watch->events[0]));
		return watch;
	}
	return NULL;
}

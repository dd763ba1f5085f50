// SPDX-License-Identifier: MIT
#include "config.h"
#include "drivers-domain/device.h"

#include <xen/io/xenbus.h>

bool device_has_process(const struct device *d)
{
	return d->phase == DEVICE_STARTING || d->phase == DEVICE_RUNNING ||
		d->phase == DEVICE_STOPPING;
}

static bool device_is_startable(const struct device_view *view)
{
	return view->exists && view->valid && view->online &&
		view->state >= XenbusStateInitialising && view->state <= XenbusStateClosed;
}

/* The toolstack has given it up. Initialising may be a leaf that is half written. */
static bool device_is_removed(const struct device_view *view)
{
	return view->exists && !view->online && view->state >= XenbusStateInitWait &&
		view->state <= XenbusStateClosed;
}

static unsigned device_forget(struct device *d, unsigned more)
{
	d->phase = DEVICE_WAITING;
	d->deadline_ms = 0;
	return more | DEVICE_DO_FORGET;
}

static bool device_is_set_up(const struct device_view *view)
{
	return view->script == DEVICE_SCRIPT_UP || view->script == DEVICE_SCRIPT_DIRTY;
}

static unsigned device_await_script(struct device *d, unsigned todo)
{
	d->phase = DEVICE_SETUP;
	d->deadline_ms = 0;
	return todo;
}

static unsigned device_kill_script(struct device *d)
{
	d->unwanted = true;
	return DEVICE_DO_SCRIPT_KILL;
}

/* Once nothing is left of what a script set up. */
static unsigned device_let_go(struct device *d, const struct device_view *view, unsigned more)
{
	if (view->script == DEVICE_SCRIPT_BUSY)
		return device_await_script(d, device_kill_script(d));
	if (device_is_set_up(view))
		return device_await_script(d, DEVICE_DO_SCRIPT_DOWN);
	return device_forget(d, more);
}

static unsigned device_start(struct device *d, const struct device_view *view, uint64_t now)
{
	unsigned ready_ms = device_ready_ms(d);
	unsigned todo;

	if (view->script == DEVICE_SCRIPT_BUSY)
		return device_await_script(d, 0);
	/* What a network's script set up was its last backend's interface. */
	if (view->script == DEVICE_SCRIPT_DIRTY ||
		(view->script == DEVICE_SCRIPT_UP && !view->script_first))
		return device_await_script(d, DEVICE_DO_SCRIPT_DOWN);
	if (view->script == DEVICE_SCRIPT_DOWN && view->script_first) {
		todo = device_await_script(d, DEVICE_DO_SCRIPT_UP);
		d->deadline_ms = now + DEVICE_INITWAIT_MS;
		return todo;
	}
	d->phase = DEVICE_STARTING;
	d->started_ms = now;
	d->deadline_ms = now + (DEVICE_INITWAIT_MS < ready_ms ? DEVICE_INITWAIT_MS : ready_ms);
	return DEVICE_DO_SPAWN;
}

unsigned device_ready_ms(const struct device *d)
{
	unsigned ms = d->ready_ms ? d->ready_ms : DEVICE_READY_MS;

	return d->trial && ms > DEVICE_TRIAL_MS ? DEVICE_TRIAL_MS : ms;
}

static unsigned device_dwell(struct device *d, const struct device_view *view, uint64_t now)
{
	d->phase = DEVICE_DWELL;
	d->deadline_ms = now + DEVICE_DWELL_MS;
	return DEVICE_DO_CLEAN | (view->state == XenbusStateClosed ? 0 : DEVICE_DO_CLOSE) |
		(view->script == DEVICE_SCRIPT_BUSY ? device_kill_script(d) : 0) |
		(device_is_set_up(view) ? DEVICE_DO_SCRIPT_DOWN : 0);
}

static unsigned device_script_failed(struct device *d, const struct device_view *view)
{
	d->phase = DEVICE_FAILED;
	d->deadline_ms = 0;
	return DEVICE_DO_REMEMBER | (view->state == XenbusStateClosed ? 0 : DEVICE_DO_CLOSE) |
		(device_is_set_up(view) ? DEVICE_DO_SCRIPT_DOWN : 0);
}

static unsigned device_stopping(
	struct device *d, enum device_stop why, unsigned how, uint64_t now)
{
	d->phase = DEVICE_STOPPING;
	d->stop = why;
	d->deadline_ms = now + DEVICE_TERM_MS;
	return how;
}

static unsigned device_back_off(struct device *d, uint64_t ran_ms, uint64_t now)
{
	d->phase = DEVICE_BACKOFF;
	d->deadline_ms = now + backoff_next(&d->backoff, ran_ms);
	return 0;
}

/* No backend lives and none is due: what do the nodes ask for? */
static unsigned device_decide(struct device *d, const struct device_view *view, uint64_t now)
{
	if (!view->exists)
		return device_let_go(d, view, DEVICE_DO_CLEAN);
	if (device_is_removed(view))
		return device_dwell(d, view, now);
	if (device_is_startable(view))
		return device_start(d, view, now);
	/* Not remembered: an event brings it back when it is complete. */
	return device_let_go(d, view, 0);
}

/* While waiting for a better time only the end of the device counts. */
static unsigned device_leaf_idle(struct device *d, const struct device_view *view, uint64_t now)
{
	if (!view->exists)
		return device_let_go(d, view, DEVICE_DO_CLEAN);
	if (device_is_removed(view))
		return device_dwell(d, view, now);
	return 0;
}

static unsigned device_leaf_failed(struct device *d, const struct device_view *view, uint64_t now)
{
	unsigned todo = device_leaf_idle(d, view, now);

	/* The back-off bounds what a toolstack that writes in a loop costs. */
	if (d->phase == DEVICE_FAILED && view->changed && device_is_startable(view))
		todo |= device_back_off(d, 0, now);
	return todo;
}

static unsigned device_leaf_running(struct device *d, const struct device_view *view, uint64_t now)
{
	if (!view->exists)
		return device_stopping(d, DEVICE_STOP_GONE, DEVICE_DO_TERM, now);
	/* A backend that is ready has left Initialising: this is a new leaf of the same name. */
	if (d->phase == DEVICE_RUNNING && view->state == XenbusStateInitialising)
		return device_stopping(d, DEVICE_STOP_RECREATED, DEVICE_DO_TERM, now);
	/* It has made the interface that the script is to set up. */
	if (d->phase == DEVICE_RUNNING && !view->script_first && view->online &&
		(view->script == DEVICE_SCRIPT_DOWN || view->script == DEVICE_SCRIPT_DIRTY))
		return DEVICE_DO_SCRIPT_UP;
	return 0;
}

unsigned device_leaf(struct device *d, const struct device_view *view, uint64_t now)
{
	switch (d->phase) {
	case DEVICE_WAITING:
		return device_decide(d, view, now);
	case DEVICE_STARTING:
	case DEVICE_RUNNING:
		return device_leaf_running(d, view, now);
	case DEVICE_SETUP:
	case DEVICE_BACKOFF:
		return device_leaf_idle(d, view, now);
	case DEVICE_FAILED:
		return device_leaf_failed(d, view, now);
	case DEVICE_DWELL:
		if (!view->exists)
			return device_let_go(d, view, DEVICE_DO_CLEAN);
		/* Taken back or made anew while it dwelt. */
		return view->online ? device_decide(d, view, now) : 0;
	case DEVICE_STOPPING:
		break;
	}
	return 0;
}

unsigned device_ready(struct device *d)
{
	if (d->phase == DEVICE_STARTING) {
		d->phase = DEVICE_RUNNING;
		d->deadline_ms = 0;
	}
	return 0;
}

static unsigned device_exited_stopping(
	struct device *d, const struct device_view *view, uint64_t now)
{
	if (d->stop == DEVICE_STOP_SHUTDOWN)
		return device_forget(d, 0);
	if (d->stop == DEVICE_STOP_LATE && view->exists && view->online)
		return device_back_off(d, 0, now);
	if (d->stop == DEVICE_STOP_SCRIPT && device_is_startable(view))
		return device_script_failed(d, view);
	if (d->stop == DEVICE_STOP_RECREATED && device_is_set_up(view))
		return device_await_script(d, DEVICE_DO_CLEAN | DEVICE_DO_SCRIPT_DOWN);
	return DEVICE_DO_CLEAN | device_decide(d, view, now);
}

unsigned device_exited(struct device *d, enum device_exit how, const struct device_view *view,
	uint64_t now)
{
	uint64_t ran = d->phase == DEVICE_RUNNING ? now - d->started_ms : 0;
	bool replacing = d->replacing;

	d->deadline_ms = 0;
	d->replacing = false;
	d->trial = replacing;
	if (d->phase == DEVICE_STOPPING)
		return device_exited_stopping(d, view, now);
	if (replacing)
		return device_decide(d, view, now);
	if (!view->exists)
		return device_let_go(d, view, DEVICE_DO_CLEAN);
	if (device_is_removed(view))
		return device_dwell(d, view, now) |
			(how == DEVICE_EXIT_CRASH ? DEVICE_DO_REPORT_CRASH : 0);
	if (how == DEVICE_EXIT_STORAGE) {
		/* The time until the next start grows also when the storage is at fault. */
		(void)backoff_next(&d->backoff, ran);
		d->phase = DEVICE_FAILED;
		return DEVICE_DO_REMEMBER | (device_is_set_up(view) ? DEVICE_DO_SCRIPT_DOWN : 0);
	}
	/* Also an end in peace: the toolstack wants this device served. */
	return DEVICE_DO_REPORT_CRASH | device_back_off(d, ran, now);
}

unsigned device_replace(struct device *d)
{
	if (d->phase != DEVICE_RUNNING || d->replacing)
		return 0;
	d->replacing = true;
	return DEVICE_DO_KILL;
}

/* It has dwelt long enough; a script that takes it down still needs its nodes. */
static unsigned device_dwelt(struct device *d, const struct device_view *view, uint64_t now)
{
	if (!view->exists || !device_is_removed(view))
		return device_decide(d, view, now);
	if (view->script == DEVICE_SCRIPT_BUSY)
		return 0;
	if (device_is_set_up(view))
		return DEVICE_DO_SCRIPT_DOWN;
	return device_forget(d, DEVICE_DO_DELETE);
}

/* It takes its time: libxl is told that somebody is there, and it has until it is late. */
static unsigned device_not_ready(struct device *d, const struct device_view *view, uint64_t now)
{
	uint64_t late = d->started_ms + device_ready_ms(d);
	bool closing = view->state == XenbusStateClosing || view->state == XenbusStateClosed;

	if (now < late) {
		d->deadline_ms = late;
		return device_is_startable(view) && !closing && !d->patient ? DEVICE_DO_INITWAIT : 0;
	}
	/*
	 * One that found its device closing or closed waits there for the frontend,
	 * which may take days; InitWait, which READY speaks of, comes after that. One of a
	 * removed device has nobody to wait for, and a successor is ready with what it took over.
	 */
	if (closing && !device_is_removed(view))
		return device_ready(d);
	return DEVICE_DO_REPORT_READY | device_stopping(d, DEVICE_STOP_LATE, DEVICE_DO_KILL, now);
}

unsigned device_timer(struct device *d, const struct device_view *view, uint64_t now)
{
	d->deadline_ms = 0;
	switch (d->phase) {
	case DEVICE_STARTING:
		return device_not_ready(d, view, now);
	case DEVICE_STOPPING:
		d->deadline_ms = now + DEVICE_TERM_MS;
		return DEVICE_DO_KILL;
	case DEVICE_BACKOFF:
		return device_decide(d, view, now);
	case DEVICE_DWELL:
		return device_dwelt(d, view, now);
	case DEVICE_SETUP:
		return device_is_startable(view) ? DEVICE_DO_INITWAIT : 0;
	case DEVICE_WAITING:
	case DEVICE_RUNNING:
	case DEVICE_FAILED:
		break;
	}
	return 0;
}

unsigned device_script_ended(struct device *d, bool up, bool ok, const struct device_view *view,
	uint64_t now)
{
	bool failed = up && !ok && !d->unwanted;

	d->unwanted = false;
	switch (d->phase) {
	case DEVICE_SETUP:
		if (failed && device_is_startable(view))
			return DEVICE_DO_REPORT_SCRIPT | device_script_failed(d, view);
		return device_decide(d, view, now);
	case DEVICE_STARTING:
	case DEVICE_RUNNING:
		if (!failed)
			return device_leaf_running(d, view, now);
		return DEVICE_DO_REPORT_SCRIPT |
			device_stopping(d, DEVICE_STOP_SCRIPT, DEVICE_DO_TERM, now);
	case DEVICE_DWELL:
		if (d->deadline_ms == 0)
			return device_dwelt(d, view, now);
		return device_is_set_up(view) ? DEVICE_DO_SCRIPT_DOWN : 0;
	case DEVICE_FAILED:
		return device_is_set_up(view) ? DEVICE_DO_SCRIPT_DOWN : 0;
	case DEVICE_WAITING:
	case DEVICE_STOPPING:
	case DEVICE_BACKOFF:
		break;
	}
	return 0;
}

void device_defer(struct device *d, uint64_t now)
{
	d->phase = DEVICE_BACKOFF;
	d->deadline_ms = now + DEVICE_DEFER_MS;
}

unsigned device_retry(struct device *d, const struct device_view *view, uint64_t now)
{
	if (d->phase != DEVICE_FAILED && d->phase != DEVICE_BACKOFF)
		return device_leaf(d, view, now);
	return device_decide(d, view, now);
}

unsigned device_shutdown(struct device *d, uint64_t now)
{
	if (d->phase == DEVICE_STOPPING) {
		d->stop = DEVICE_STOP_SHUTDOWN;
		return 0;
	}
	if (device_has_process(d))
		return device_stopping(d, DEVICE_STOP_SHUTDOWN, DEVICE_DO_TERM, now);
	return device_forget(d, 0);
}

// SPDX-License-Identifier: MIT
/*
 * What a backend does next, as a table over (our state, the frontend's state). Pure;
 * the frontend's state is hostile input and every number has a column.
 *
 * Frontends that the table serves beside Linux's: GRUB says Initialised only, closes
 * with Closed at once and comes back through Initialising; Mini-OS, OVMF and MirageOS
 * go straight to Connected; Windows closes (Closing, Closed, Initialising) at boot
 * before it ever connected. A frontend back at Initialising while its rings are mapped
 * is a new kernel that lost them: they are let go through Closed first.
 */
#include "config.h"
#include "protocol/xenbus.h"

#include <stdint.h>

#include "common/array.h"

const char *xenbus_state_name(int state)
{
	static const char *const names[] = {
		[XenbusStateUnknown] = "Unknown",
		[XenbusStateInitialising] = "Initialising",
		[XenbusStateInitWait] = "InitWait",
		[XenbusStateInitialised] = "Initialised",
		[XenbusStateConnected] = "Connected",
		[XenbusStateClosing] = "Closing",
		[XenbusStateClosed] = "Closed",
		[XenbusStateReconfiguring] = "Reconfiguring",
		[XenbusStateReconfigured] = "Reconfigured",
	};

	return state >= 0 && (unsigned)state < ARRAY_SIZE(names) ? names[state] : "?";
}

/* A cell: an action, or one that depends on whether the toolstack wants the device. */
enum cell {
	NONE, /* nothing */
	INIT, /* initialise */
	CONN, /* connect */
	CLOS, /* closing */
	GONE, /* online: disconnect; else remove */
	BACK, /* online: reinitialise; else remove */
	IDLE, /* online: nothing; else remove */
	RECF, /* reconfigure */
	SEEN, /* reconfigured */
};

/* Rows: our states that matter. */
enum row {
	ROW_START,
	ROW_WAIT,
	ROW_CONNECTED,
	ROW_RECONFIGURED,
	ROW_CLOSING,
	ROW_CLOSED,
	ROW_DETACH,
	ROWS
};

#define FRONTEND_STATES 9

static const uint8_t unmapped[ROWS][FRONTEND_STATES] = {
	/* frontend:        gone  1     2     3     4     5     6     7     8 */
	[ROW_START] =     { INIT, INIT, INIT, INIT, INIT, INIT, INIT, INIT, INIT },
	[ROW_WAIT] =      { IDLE, NONE, NONE, CONN, CONN, CLOS, GONE, NONE, NONE },
	/* a successor of a backend that died connected, or one whose device never closed */
	[ROW_CONNECTED] = { GONE, BACK, NONE, CONN, CONN, CLOS, GONE, NONE, NONE },
	[ROW_RECONFIGURED] = { GONE, BACK, NONE, CONN, CONN, CLOS, GONE, NONE, NONE },
	[ROW_CLOSING] =   { GONE, GONE, IDLE, IDLE, IDLE, IDLE, GONE, IDLE, IDLE },
	/* 3 or 4 is what a frontend that we disconnected for cause still says: not again */
	[ROW_CLOSED] =    { IDLE, BACK, IDLE, IDLE, IDLE, IDLE, IDLE, IDLE, IDLE },
	[ROW_DETACH] =    { GONE, GONE, CLOS, CLOS, CLOS, CLOS, GONE, CLOS, CLOS },
};

static const uint8_t mapped[ROWS][FRONTEND_STATES] = {
	/* frontend:        gone  1     2     3     4     5     6     7     8 */
	[ROW_START] =     { GONE, GONE, NONE, NONE, NONE, CLOS, GONE, NONE, NONE },
	[ROW_WAIT] =      { GONE, GONE, NONE, NONE, NONE, CLOS, GONE, NONE, NONE },
	[ROW_CONNECTED] = { GONE, GONE, NONE, NONE, NONE, CLOS, GONE, RECF, NONE },
	/* Linux's netfront waits for Reconfigured, then says Connected again */
	[ROW_RECONFIGURED] = { GONE, GONE, NONE, NONE, SEEN, CLOS, GONE, NONE, NONE },
	/* keep serving: the guest flushes what it has while it closes */
	[ROW_CLOSING] =   { GONE, GONE, NONE, NONE, NONE, NONE, GONE, NONE, NONE },
	[ROW_CLOSED] =    { GONE, GONE, GONE, GONE, GONE, GONE, GONE, GONE, GONE },
	[ROW_DETACH] =    { GONE, GONE, CLOS, CLOS, CLOS, CLOS, GONE, CLOS, CLOS },
};

static enum row row_of(int backend, bool detach)
{
	switch (backend) {
	case XenbusStateClosing:
		return ROW_CLOSING;
	case XenbusStateClosed:
		return ROW_CLOSED;
	default:
		break;
	}
	if (detach)
		return ROW_DETACH;
	switch (backend) {
	case XenbusStateInitWait:
	case XenbusStateInitialised:
		return ROW_WAIT;
	case XenbusStateConnected:
	case XenbusStateReconfiguring:
		return ROW_CONNECTED;
	case XenbusStateReconfigured:
		return ROW_RECONFIGURED;
	default:
		return ROW_START;
	}
}

enum xenbus_action xenbus_backend_action(int backend, int frontend, bool online, bool connected,
	int backend_target)
{
	bool detach = backend_target == XenbusStateClosing || backend_target == XenbusStateClosed;
	enum row row = row_of(backend, detach);
	enum cell cell;

	/* A number that is no state asks for nothing, as Reconfiguring does. */
	if (frontend < 0 || frontend >= FRONTEND_STATES)
		frontend = XenbusStateReconfiguring;
	cell = connected ? mapped[row][frontend] : unmapped[row][frontend];
	/* What is being detached does not start over, whatever online says. */
	if (detach && cell == BACK)
		cell = IDLE;
	switch (cell) {
	case INIT:
		return XENBUS_INITIALISE;
	case CONN:
		return XENBUS_CONNECT;
	case CLOS:
		return XENBUS_CLOSING;
	case GONE:
		return online ? XENBUS_DISCONNECT : XENBUS_REMOVE;
	case BACK:
		return online ? XENBUS_REINIT : XENBUS_REMOVE;
	case IDLE:
		return online ? XENBUS_NOTHING : XENBUS_REMOVE;
	case RECF:
		return XENBUS_RECONFIGURE;
	case SEEN:
		return XENBUS_RECONFIGURED;
	case NONE:
		break;
	}
	return XENBUS_NOTHING;
}

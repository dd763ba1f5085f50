// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/peers/fake-evtchn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

static void evtchn_die(const char *what)
{
	fprintf(stderr, "fake-evtchn: %s\n", what);
	abort();
}

static void *evtchn_thread(void *opaque)
{
	struct fake_evtchn *e = opaque;
	struct pollfd p[2] = { { .fd = e->kernel, .events = POLLIN }, { .fd = e->end, .events = POLLIN } };
	uint32_t port;

	for (;;) {
		poll(p, 2, -1);
		if (p[1].revents)
			return NULL;
		/* Four bytes are written at once and are there at once. */
		if (read(e->kernel, &port, sizeof(port)) != sizeof(port))
			evtchn_die("what was written is no port");
		e->unmask(e->opaque, port);
	}
}

static int evtchn_open_ends(struct fake_evtchn *e)
{
	struct termios raw;
	char name[64];

	e->kernel = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (e->kernel < 0 || grantpt(e->kernel) < 0 || unlockpt(e->kernel) < 0 ||
		ptsname_r(e->kernel, name, sizeof(name)) != 0)
		return -errno;
	e->fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (e->fd < 0 || tcgetattr(e->fd, &raw) < 0)
		return -errno;
	cfmakeraw(&raw);
	/* A port, not a part of one. */
	raw.c_cc[VMIN] = sizeof(uint32_t);
	return tcsetattr(e->fd, TCSANOW, &raw) < 0 ? -errno : 0;
}

int fake_evtchn_open(struct fake_evtchn *e, void (*unmask)(void *opaque, uint32_t port), void *opaque)
{
	int rc = evtchn_open_ends(e);

	if (rc < 0)
		return rc;
	e->unmask = unmask;
	e->opaque = opaque;
	e->end = eventfd(0, EFD_CLOEXEC);
	return e->end < 0 ? -errno : -pthread_create(&e->thread, NULL, evtchn_thread, e);
}

static void evtchn_end_thread(struct fake_evtchn *e)
{
	uint64_t one = 1;

	if (write(e->end, &one, sizeof(one)) < 0)
		evtchn_die("eventfd");
	pthread_join(e->thread, NULL);
	close(e->end);
	close(e->kernel);
	e->end = e->kernel = -1;
}

void fake_evtchn_close(struct fake_evtchn *e)
{
	if (e->kernel >= 0)
		evtchn_end_thread(e);
	close(e->fd);
}

void fake_evtchn_raise(struct fake_evtchn *e, uint32_t port)
{
	if (e->kernel >= 0 && write(e->kernel, &port, sizeof(port)) != sizeof(port))
		evtchn_die("a port cannot be written");
}

void fake_evtchn_break(struct fake_evtchn *e)
{
	evtchn_end_thread(e);
}

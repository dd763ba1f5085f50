// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/peers/hostile-common.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "xenstore/xsnode.h"

int hostile_fail(const char *fmt, ...)
{
	va_list ap;

	printf("  FAILED: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	return -1;
}

double hostile_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

void hostile_nap(void)
{
	struct timespec ts = { .tv_nsec = 500000 };

	nanosleep(&ts, NULL);
}

void hostile_write(struct xs_handle *xs, const char *dir, const char *name, const char *value)
{
	int rc = value ? xsn_write(xs, XBT_NULL, dir, name, value) : xsn_rm(xs, XBT_NULL, dir, name);

	if (rc < 0)
		printf("  (the store refused %s: %s)\n", name, strerror(-rc));
}

void hostile_vwritef(struct xs_handle *xs, const char *dir, const char *name, const char *fmt, va_list ap)
{
	char value[64];

	vsnprintf(value, sizeof(value), fmt, ap);
	hostile_write(xs, dir, name, value);
}

uint32_t hostile_offered(struct xs_handle *xs, const char *backend, const char *name)
{
	uint32_t value;

	return xsn_read_u32(xs, XBT_NULL, backend, name, &value) < 0 ? 0 : value;
}

int hostile_state(struct xs_handle *xs, const char *backend)
{
	XenbusState state;

	return xsn_read_state(xs, XBT_NULL, backend, "state", &state) < 0 ? 0 : (int)state;
}

int hostile_wait_state(struct xs_handle *xs, const char *backend, unsigned states)
{
	double end = hostile_now() + HOSTILE_SECONDS;

	while (hostile_now() < end) {
		int state = hostile_state(xs, backend);

		if (states & 1u << state)
			return state;
		hostile_nap();
	}
	return hostile_fail("the backend is in state %d", hostile_state(xs, backend));
}

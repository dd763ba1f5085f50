// SPDX-License-Identifier: MIT
/* The table of kinds of ports; a new one is a row here and a line in local.mk. */
#include "config.h"
#include "backends/net/ports.h"

#include <string.h>

#include "common/array.h"

static const struct port_ops *const ports[] = {
	&port_ops_tap,
	&port_ops_macvtap,
	&port_ops_packet,
#ifdef HAVE_SLIRP
	&port_ops_user,
#endif
	&port_ops_null,
};

/* Kinds that the manual names and this build does not have. */
static const struct {
	const char *name, *why;
} missing[] = {
#ifndef HAVE_SLIRP
	{ "user", "built without libslirp: install it (on Debian: apt-get install libslirp-dev), configure and make again" },
#endif
	{ NULL, NULL },
};

const struct port_ops *port_ops_find(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(ports); i++)
		if (strcmp(ports[i]->name, name) == 0)
			return ports[i];
	return NULL;
}

const struct port_ops *port_ops_at(unsigned i)
{
	return i < ARRAY_SIZE(ports) ? ports[i] : NULL;
}

const char *port_ops_missing(const char *name)
{
	for (unsigned i = 0; missing[i].name; i++)
		if (strcmp(missing[i].name, name) == 0)
			return missing[i].why;
	return NULL;
}

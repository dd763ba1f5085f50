// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/common/error-node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "xenstore/xsnode.h"

/* The path below our domain's home. */
static const char *error_relative(const char *path)
{
	const char *p = strstr(path, "backend/");

	return path[0] == '/' && p ? p : path;
}

void error_node_publish(struct xs_handle *xs, const char *path, const char *why)
{
	CLEANUP_FREE char *frontend = xsn_read(xs, XBT_NULL, path, "frontend");
	char node[512];
	int rc;

	if (!frontend)
		return; /* nobody is left to read it */
	snprintf(node, sizeof(node), "error/%s/error", error_relative(path));
	rc = xsn_write(xs, XBT_NULL, NULL, node, why);
	if (rc == 0)
		rc = xsn_write(xs, XBT_NULL, path, "error", why);
	if (rc < 0)
		log_warn("the store did not take the error node: %s", strerror(-rc));
}

void error_node_clear(struct xs_handle *xs, const char *path)
{
	char node[512];

	snprintf(node, sizeof(node), "error/%s", error_relative(path));
	(void)!xsn_rm(xs, XBT_NULL, NULL, node); /* cosmetic */
	(void)!xsn_rm(xs, XBT_NULL, path, "error");
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/common/look.h"

#include <errno.h>

#include "xenstore/xsnode.h"

static int look_at_frontend(struct xs_handle *xs, const char *path, XenbusState *state)
{
	int rc = xsn_read_state(xs, XBT_NULL, path, "state", state);

	if (rc == -EINVAL || rc == -ERANGE)
		*state = XenbusStateReconfiguring;
	else if (rc == -ENOENT || rc == -EACCES || rc == -E2BIG || rc == -ENAMETOOLONG)
		*state = XenbusStateUnknown;
	else
		return rc;
	return 0;
}

static int look_at_own(struct xs_handle *xs, const char *path, XenbusState state,
	XenbusState *target)
{
	XenbusState own;
	int rc = xsn_read_state(xs, XBT_NULL, path, "state", &own);

	if (rc == 0 && own != state)
		*target = own;
	return rc == -ENOENT || rc == -EINVAL || rc == -ERANGE ? 0 : rc;
}

int look_at_device(struct xs_handle *xs, const char *path, const char *frontend, XenbusState state,
	struct look *look)
{
	CLEANUP_FREE char *there = xsn_read(xs, XBT_NULL, path, "frontend");
	int rc = there ? 0 : errno ? -errno : -EIO;

	*look = (struct look){ .gone = rc == -ENOENT };
	if (rc < 0)
		return look->gone ? 0 : rc;
	rc = xsn_read_bool(xs, XBT_NULL, path, "online", &look->online);
	if (rc == 0 || rc == -ENOENT)
		rc = look_at_frontend(xs, frontend, &look->frontend);
	return rc < 0 ? rc : look_at_own(xs, path, state, &look->target);
}

// SPDX-License-Identifier: MIT
/* libxenstore gives -1/errno and bool; this is where it becomes 0/-errno. */
#include "config.h"
#include "xenstore/xsnode.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define XSN_PATH_SIZE (XENSTORE_ABS_PATH_MAX + 1)
#define XSN_TRANSACTION_TRIES 100

/* "dir/node"; 0 or -ENAMETOOLONG. */
static int xsn_path(char path[XSN_PATH_SIZE], const char *dir, const char *node)
{
	bool both = dir && node;
	const char *slash = both && dir[0] && dir[strlen(dir) - 1] != '/' ? "/" : "";
	int n = snprintf(path, XSN_PATH_SIZE, "%s%s%s", dir ? dir : "", slash,
		node ? node : "");

	return n >= 0 && n < XSN_PATH_SIZE ? 0 : -ENAMETOOLONG;
}

/* errno of a failed libxenstore call; it must never read as success. */
static int xsn_error(void)
{
	return errno > 0 ? -errno : -EIO;
}

static int xsn_check_value(const char *value, unsigned len)
{
	if (len == 0)
		return -ENOENT;
	if (len > XSN_VALUE_MAX)
		return -E2BIG;
	return memchr(value, '\0', len) ? -EINVAL : 0;
}

char *xsn_read(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *node)
{
	char path[XSN_PATH_SIZE];
	unsigned len = 0;
	char *value;
	int rc = xsn_path(path, dir, node);

	if (rc < 0) {
		errno = -rc;
		return NULL;
	}
	value = xs_read(xs, t, path, &len);
	if (!value) {
		errno = -xsn_error();
		return NULL;
	}
	rc = xsn_check_value(value, len);
	if (rc < 0) {
		free(value);
		errno = -rc;
		return NULL;
	}
	return value;
}

int xsn_parse_u64(const char *text, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;
	bool overflow = false;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		uint64_t digit = (unsigned char)*text - '0';

		if (*text < '0' || *text > '9')
			return -EINVAL;
		overflow = overflow || v > (UINT64_MAX - digit) / 10;
		v = v * 10 + digit;
	}
	if (overflow || v > max)
		return -ERANGE;
	*value = v;
	return 0;
}

static int xsn_read_max(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const char *node, uint64_t max, uint64_t *value)
{
	CLEANUP_FREE char *text = xsn_read(xs, t, dir, node);

	if (!text)
		return -errno;
	return xsn_parse_u64(text, max, value);
}

int xsn_read_u32(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const char *node, uint32_t *value)
{
	uint64_t v;
	int rc = xsn_read_max(xs, t, dir, node, UINT32_MAX, &v);

	if (rc == 0)
		*value = v;
	return rc;
}

int xsn_read_u64(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const char *node, uint64_t *value)
{
	return xsn_read_max(xs, t, dir, node, UINT64_MAX, value);
}

int xsn_read_bool(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const char *node, bool *value)
{
	uint64_t v;
	int rc = xsn_read_max(xs, t, dir, node, 1, &v);

	if (rc == 0)
		*value = v;
	return rc;
}

int xsn_read_state(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const char *node, XenbusState *state)
{
	uint64_t v;
	int rc = xsn_read_max(xs, t, dir, node, XenbusStateReconfigured, &v);

	if (rc == 0)
		*state = v;
	return rc;
}

int xsn_write(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *node,
	const char *value)
{
	char path[XSN_PATH_SIZE];
	size_t len = strlen(value);
	int rc = xsn_path(path, dir, node);

	if (rc < 0)
		return rc;
	if (len > XSN_VALUE_MAX)
		return -E2BIG;
	return xs_write(xs, t, path, value, len) ? 0 : xsn_error();
}

int xsn_writef(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const char *node, const char *fmt, ...)
{
	char value[XSN_VALUE_MAX + 1];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	if (n < 0)
		return -EINVAL;
	if (n > XSN_VALUE_MAX)
		return -E2BIG;
	return xsn_write(xs, t, dir, node, value);
}

int xsn_write_state(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const char *node, XenbusState state)
{
	return xsn_writef(xs, t, dir, node, "%u", (unsigned)state);
}

int xsn_mkdir(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *node)
{
	char path[XSN_PATH_SIZE];
	int rc = xsn_path(path, dir, node);

	if (rc < 0)
		return rc;
	return xs_mkdir(xs, t, path) ? 0 : xsn_error();
}

int xsn_rm(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *node)
{
	char path[XSN_PATH_SIZE];
	int rc = xsn_path(path, dir, node);

	if (rc < 0)
		return rc;
	if (xs_rm(xs, t, path))
		return 0;
	/* A missing parent is an error to the store, but gone is gone. */
	return errno == ENOENT ? 0 : xsn_error();
}

int xsn_set_perms(struct xs_handle *xs, xs_transaction_t t, const char *dir,
	const char *node, const struct xs_permissions *perms, unsigned count)
{
	char path[XSN_PATH_SIZE];
	int rc = xsn_path(path, dir, node);

	if (rc < 0)
		return rc;
	/* The library takes them non-const but only reads them. */
	return xs_set_permissions(xs, t, path, (struct xs_permissions *)perms, count) ?
		0 : xsn_error();
}

int xsn_own_domid(struct xs_handle *xs, uint32_t *domid)
{
	uint64_t v;
	/* 0x7ff0 and up are not domains (xen.h, DOMID_FIRST_RESERVED). */
	int rc = xsn_read_max(xs, XBT_NULL, NULL, "domid", 0x7fef, &v);

	if (rc == 0)
		*domid = v;
	return rc;
}

/* 0 committed, 1 met a conflict, else -errno. */
static int xsn_transaction_once(struct xs_handle *xs,
	int (*fn)(struct xs_handle *xs, xs_transaction_t t, void *opaque), void *opaque)
{
	xs_transaction_t t = xs_transaction_start(xs);
	int rc;

	if (t == XBT_NULL)
		return xsn_error();
	rc = fn(xs, t, opaque);
	if (rc < 0) {
		/* The function's error is the one to tell. */
		(void)xs_transaction_end(xs, t, true);
		return rc == -EAGAIN ? 1 : rc;
	}
	if (xs_transaction_end(xs, t, false))
		return 0;
	return errno == EAGAIN ? 1 : xsn_error();
}

int xsn_transaction(struct xs_handle *xs,
	int (*fn)(struct xs_handle *xs, xs_transaction_t t, void *opaque), void *opaque)
{
	for (int i = 0; i < XSN_TRANSACTION_TRIES; i++) {
		int rc = xsn_transaction_once(xs, fn, opaque);

		if (rc <= 0)
			return rc;
	}
	return -EAGAIN;
}

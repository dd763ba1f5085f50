// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/build/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int build_fail(struct build_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

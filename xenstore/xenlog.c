// SPDX-License-Identifier: MIT
#include "config.h"
#include "xenstore/xenlog.h"

#include <stdio.h>
#include <string.h>

#include <xentoollog.h>

#include "common/log.h"

static void __attribute__((format(printf, 5, 0)))
xenlog_message(struct xentoollog_logger *logger, xentoollog_level level,
	int errnoval, const char *context, const char *format, va_list ap)
{
	/* Per thread: each queue's thread has its own handles. */
	static __thread struct log_limit limit = { .burst = 5, .interval_ms = 10000 };
	char text[256];

	if (!log_enabled(LOG_LEVEL_DEBUG) || !log_limit_ok(&limit))
		return;
	vsnprintf(text, sizeof(text), format, ap);
	if (errnoval > 0)
		log_debug("%s: %s: %s", context ? context : "xen", text, strerror(errnoval));
	else
		log_debug("%s: %s", context ? context : "xen", text);
}

static void xenlog_destroy(struct xentoollog_logger *logger)
{
	/* static */
}

struct xentoollog_logger *xenlog(void)
{
	static struct xentoollog_logger logger = {
		.vmessage = xenlog_message,
		.destroy = xenlog_destroy,
	};

	return &logger;
}

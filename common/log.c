// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = { "error", "warning", "info", "debug" };
static const char *log_program = "sluice";
static char log_device[64];
static enum log_level log_max = LOG_LEVEL_WARN;

int log_level_parse(const char *text, enum log_level *level)
{
	for (unsigned i = 0; i <= LOG_LEVEL_DEBUG; i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*level = i;
			return 0;
		}
	}
	return -EINVAL;
}

void log_init(const char *program)
{
	const char *level = getenv("SLUICE_LOG");

	log_program = program;
	if (level && log_level_parse(level, &log_max) < 0)
		log_warn("SLUICE_LOG=%s is none of error, warning, info, debug", level);
}

void log_set_device(const char *device)
{
	snprintf(log_device, sizeof(log_device), "%s", device ? device : "");
}

void log_set_level(enum log_level level)
{
	log_max = level;
}

bool log_enabled(enum log_level level)
{
	return level <= log_max;
}

static void log_line(enum log_level level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void log_line(enum log_level level, const char *fmt, va_list ap)
{
	char line[1024];
	int saved = errno;
	int n;

	if (level > log_max)
		return;
	if (log_device[0])
		n = snprintf(line, sizeof(line), "%s[%s]: ", log_program, log_device);
	else
		n = snprintf(line, sizeof(line), "%s: ", log_program);
	if (level != LOG_LEVEL_INFO)
		n += snprintf(line + n, sizeof(line) - n, "%s: ", level_names[level]);
	n += vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	/* Text that a peer supplied must not forge a second line. */
	for (int i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	/* There is nowhere to report a stderr that cannot be written. */
	(void)!write(STDERR_FILENO, line, n);
	errno = saved;
}

#define LOG_FUNCTION(name, level)             \
	void name(const char *fmt, ...)       \
	{                                     \
		va_list ap;                   \
                                              \
		va_start(ap, fmt);            \
		log_line(level, fmt, ap);     \
		va_end(ap);                   \
	}

LOG_FUNCTION(log_err, LOG_LEVEL_ERR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_LEVEL_ERR, fmt, ap);
	va_end(ap);
	exit(1);
}

bool log_limit_ok(struct log_limit *limit)
{
	struct timespec ts;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
	if (now - limit->window_start_ms >= limit->interval_ms || !limit->window_start_ms) {
		unsigned left_out = limit->left_out;

		limit->window_start_ms = now;
		limit->used = 0;
		limit->left_out = 0;
		if (left_out)
			log_warn("%u similar messages were left out", left_out);
	}
	if (limit->used < limit->burst) {
		limit->used++;
		return true;
	}
	limit->left_out++;
	return false;
}

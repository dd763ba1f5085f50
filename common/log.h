/* SPDX-License-Identifier: MIT */
/*
 * One line per message on stderr: "PROGRAM[DEVICE]: LEVEL: text". A line is
 * written by one write(2), so that processes that share a stderr do not mix.
 * All functions may be called from any thread and keep errno.
 */
#ifndef SLUICE_COMMON_LOG_H
#define SLUICE_COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

enum log_level { LOG_LEVEL_ERR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/**
 * log_init() - name this process in its messages; call once, before threads.
 * @program: kept by reference
 *
 * The environment's SLUICE_LOG (error, warning, info, debug) sets the level;
 * without it warnings and errors are shown.
 */
void log_init(const char *program);
/** log_set_device() - name the device served, copied; NULL for none. */
void log_set_device(const char *device);
void log_set_level(enum log_level level);
/** log_level_parse() - "error", "warning", "info", "debug"; 0 or -EINVAL. */
int log_level_parse(const char *text, enum log_level *level);
FOR_MODULES bool log_enabled(enum log_level level);

#define LOG_PRINTF(a, b) __attribute__((format(printf, a, b)))
FOR_MODULES void log_err(const char *fmt, ...) LOG_PRINTF(1, 2);
FOR_MODULES void log_warn(const char *fmt, ...) LOG_PRINTF(1, 2);
FOR_MODULES void log_info(const char *fmt, ...) LOG_PRINTF(1, 2);
FOR_MODULES void log_debug(const char *fmt, ...) LOG_PRINTF(1, 2);
/** die() - log an error and exit(1). For start-up only, never on a peer's data. */
_Noreturn void die(const char *fmt, ...) LOG_PRINTF(1, 2);

/**
 * struct log_limit - for lines that a peer can cause
 *
 * At most @burst lines per @interval_ms; the next line that passes says how
 * many were left out. One thread only.
 */
struct log_limit {
	unsigned burst;
	unsigned interval_ms;
	uint64_t window_start_ms;
	unsigned used;
	unsigned left_out;
};
/** log_limit_ok() - true when a line may be written now. */
FOR_MODULES bool log_limit_ok(struct log_limit *limit);

#endif

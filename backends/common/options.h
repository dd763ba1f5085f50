/* SPDX-License-Identifier: MIT */
/* Options that all backends have. For start-up: what is wrong ends the process, with a line that says what. */
#ifndef SLUICE_BACKENDS_COMMON_OPTIONS_H
#define SLUICE_BACKENDS_COMMON_OPTIONS_H

#include <stdbool.h>

/** option_number() - the value @text of --@option, a decimal number from @min to @max. */
unsigned option_number(const char *option, const char *text, unsigned min, unsigned max);
/** option_log_level() - --log-level: error, warning, info or debug. */
void option_log_level(const char *text);
/** option_confine() - --confine: whether the backend is to confine itself. */
bool option_confine(const char *text);
/**
 * option_journal_version() - --journal-version: print which journal this program writes, and end.
 *
 * Whoever replaces a backend asks before that ends: a program that does not name the format of
 * the one that runs cannot go on where that stops.
 */
_Noreturn void option_journal_version(const char *kind, unsigned version);

#endif

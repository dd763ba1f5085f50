/* SPDX-License-Identifier: MIT */
/* A request to a stack, at the control socket in its run directory. */
#ifndef SLUICE_TOOLS_BOOT_ASK_H
#define SLUICE_TOOLS_BOOT_ASK_H

#include "tools/boot.h"

/** enum boot_answer - what became of a request. */
enum boot_answer {
	BOOT_OK,
	BOOT_REFUSED, /* the reply says why */
	BOOT_ABSENT,  /* nobody takes requests there, or it has ended without a word */
	BOOT_SILENT,  /* it is there, and has not answered in time */
};

/**
 * boot_ask() - ask the stack whose run directory is @dir.
 * @words: the request, NULL-terminated
 * @timeout_ms: how long to wait for its answer, and for its turn among those who ask
 * @reply: BOOT_MESSAGE_MAX bytes: what follows "ok", or the error
 */
enum boot_answer boot_ask(const char *dir, const char *const *words, unsigned timeout_ms, char *reply);

#endif

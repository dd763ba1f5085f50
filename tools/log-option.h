/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_TOOLS_LOG_OPTION_H
#define SLUICE_TOOLS_LOG_OPTION_H

#include "common/cleanup.h"

/** log_option() - --log-level=@text, for us and the programs that we start. 0, or -EINVAL after a message. */
int log_option(const char *text) must_check;

#endif

// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/log-option.h"

#include <errno.h>
#include <stdlib.h>

#include "common/log.h"

int log_option(const char *text)
{
	enum log_level level;

	if (log_level_parse(text, &level) < 0) {
		log_err("--log-level=%s is none of error, warning, info, debug", text);
		return -EINVAL;
	}
	log_set_level(level);
	/* The children read it from there. */
	setenv("SLUICE_LOG", text, 1);
	return 0;
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/common/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

unsigned option_number(const char *option, const char *text, unsigned min, unsigned max)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || !isdigit((unsigned char)text[0]) || *end || n < min || n > max)
		die("--%s=%s: must be a number from %u to %u", option, text, min, max);
	return n;
}

void option_log_level(const char *text)
{
	enum log_level level;

	if (log_level_parse(text, &level) < 0)
		die("--log-level=%s: must be error, warning, info or debug", text);
	log_set_level(level);
}

bool option_confine(const char *text)
{
	if (strcmp(text, "full") == 0)
		return true;
	if (strcmp(text, "no") != 0)
		die("--confine=%s: must be full or no", text);
	log_warn("not confined: whoever takes over this process has all that its user has");
	return false;
}

void option_journal_version(const char *kind, unsigned version)
{
	printf("%s-%u\n", kind, version);
	exit(fflush(stdout) == 0 ? 0 : 1);
}

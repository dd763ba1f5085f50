// SPDX-License-Identifier: MIT
/* What of an upgrade is pure. */
#include "config.h"
#include "drivers-domain/upgrade.h"

#include <string.h>

bool upgrade_format_is_among(const char *answer, const char *format)
{
	size_t n = strlen(format);
	const char *end = strchr(answer, '\n');

	/* One whole line: the first of its words is what it writes, the others what it reads, too. */
	if (!end || end[1] || !n)
		return false;
	for (const char *word = answer; word < end; word += strcspn(word, " \n") + 1)
		if (strncmp(word, format, n) == 0 && (word[n] == ' ' || word[n] == '\n'))
			return true;
	return false;
}

bool upgrade_token_ok(const char *token)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	size_t n = strspn(token, letters);

	return n > 0 && n <= UPGRADE_TOKEN_MAX && !token[n];
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/cfg-scan.h"

#include <ctype.h>
#include <stdbool.h>

void cfg_scan_begin(struct cfg_scan *scan, const char *text, size_t length)
{
	*scan = (struct cfg_scan){ .at = text, .end = text + length, .line = 1 };
}

static char take(struct cfg_scan *s)
{
	char c = *s->at++;

	s->line += c == '\n';
	return c;
}

static void skip_comment(struct cfg_scan *s)
{
	while (s->at < s->end && *s->at != '\n')
		s->at++;
}

static void skip_string(struct cfg_scan *s, char quote)
{
	while (s->at < s->end) {
		char c = take(s);

		if (c == quote)
			return;
		if (c == '\\' && s->at < s->end)
			take(s);
	}
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* A word at *s->at; whether an assignment to it follows. */
static bool take_word(struct cfg_scan *s, char *name)
{
	size_t n = 0;

	while (s->at < s->end && is_word(*s->at)) {
		if (n + 1 < CFG_SCAN_NAME_MAX)
			name[n++] = *s->at;
		s->at++;
	}
	name[n] = '\0';
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
		s->at++;
	if (s->at < s->end && *s->at == '+')
		s->at++;
	return s->at < s->end && *s->at == '=' && s->depth == 0;
}

unsigned cfg_scan_next(struct cfg_scan *s, char *name)
{
	while (s->at < s->end) {
		unsigned line = s->line;

		if (is_word(*s->at)) {
			if (take_word(s, name))
				return line;
			continue;
		}
		switch (take(s)) {
		case '#':
			skip_comment(s);
			break;
		case '"':
			skip_string(s, '"');
			break;
		case '\'':
			skip_string(s, '\'');
			break;
		case '[':
			s->depth++;
			break;
		case ']':
			s->depth -= s->depth > 0;
			break;
		}
	}
	return 0;
}

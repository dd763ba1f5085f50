// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/console/ctl.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* 1 to 9999, without a leading zero; NULL: it is none. */
static const char *parse_size(const char *text, unsigned short *size)
{
	unsigned value = 0, digits = 0;

	for (; *text >= '0' && *text <= '9' && digits < 4; text++, digits++)
		value = value * 10 + (unsigned)(*text - '0');
	*size = (unsigned short)value;
	return value ? text : NULL;
}

static int parse_window(const char *word, struct ctl_request *r)
{
	const char *rest = parse_size(word, &r->cols);

	if (!rest || *rest != 'x')
		return -EINVAL;
	rest = parse_size(rest + 1, &r->rows);
	return rest && !*rest ? 0 : -EINVAL;
}

static int parse_attach_word(const char *word, struct ctl_request *r)
{
	if (strcmp(word, "read") == 0)
		r->read_only = true;
	else if (strcmp(word, "force") == 0)
		r->force = true;
	else if (strcmp(word, "write") != 0)
		return parse_window(word, r);
	return 0;
}

static int parse_verb(const char *word, struct ctl_request *r)
{
	static const char *const verbs[] = { "attach", "window", "status" };

	for (unsigned i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(word, verbs[i]) == 0) {
			r->verb = (enum ctl_verb)i;
			return 0;
		}
	}
	return -EINVAL;
}

int ctl_parse(const char *line, struct ctl_request *request)
{
	char copy[CTL_LINE_MAX], *rest = NULL;
	const char *word;
	int error;

	*request = (struct ctl_request){ .verb = CTL_STATUS };
	if (snprintf(copy, sizeof(copy), "%s", line) >= (int)sizeof(copy))
		return -EINVAL;
	word = strtok_r(copy, " ", &rest);
	error = word ? parse_verb(word, request) : -EINVAL;
	while (error == 0 && (word = strtok_r(NULL, " ", &rest))) {
		if (request->verb == CTL_ATTACH)
			error = parse_attach_word(word, request);
		else
			error = request->verb == CTL_WINDOW && !request->cols ?
					parse_window(word, request) : -EINVAL;
	}
	if (error == 0 && request->verb == CTL_WINDOW && !request->cols)
		error = -EINVAL;
	if (error == 0 && request->read_only && request->force)
		error = -EINVAL;
	return error;
}

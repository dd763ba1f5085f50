// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/reach-arg.h"

#include <string.h>

void reach_arg_parse(char *text, struct stack_reach *reach)
{
	size_t length = strlen(text);
	const char *tail = length > 3 ? text + length - 3 : "";

	*reach = (struct stack_reach){ .path = text, .readonly = strcmp(tail, ",ro") == 0 };
	/* What else has a comma is a path's. */
	if (reach->readonly || strcmp(tail, ",rw") == 0)
		text[length - 3] = '\0';
	length = strlen(text);
	while (length > 1 && text[length - 1] == '/')
		text[--length] = '\0';
}

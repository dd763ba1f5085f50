// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/arg-list.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void arg_list_add(struct arg_list *list, const char *fmt, ...)
{
	char **argv = realloc(list->argv, (list->argc + 2) * sizeof(*argv));
	va_list ap;

	if (argv)
		list->argv = argv;
	va_start(ap, fmt);
	if (!argv || vasprintf(&argv[list->argc], fmt, ap) < 0)
		list->failed = true;
	else
		argv[++list->argc] = NULL;
	va_end(ap);
}

void arg_list_free(struct arg_list *list)
{
	for (unsigned i = 0; i < list->argc; i++)
		free(list->argv[i]);
	free(list->argv);
	*list = (struct arg_list){ .argc = 0 };
}

// SPDX-License-Identifier: MIT
/* In place of bench-json.c where there is no jansson. */
#include "config.h"
#include "tools/bench-report.h"

#include <errno.h>

int bench_report_json(FILE *to, const struct bench_report *r)
{
	return -EOPNOTSUPP;
}

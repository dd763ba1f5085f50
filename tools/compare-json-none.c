// SPDX-License-Identifier: MIT
/* In place of compare-json.c where there is no jansson: results cannot be read. */
#include "config.h"
#include "tools/compare.h"

#include <errno.h>

int compare_read_json(const char *path, struct compare_sample *s, double *own_cpu, char *why,
	size_t room)
{
	snprintf(why, room, "JSON was left out of this build; install libjansson-dev, configure and make again");
	return -EOPNOTSUPP;
}

int compare_json(FILE *to, const struct compare_result *results, unsigned n,
	const struct compare_left_out *left_out)
{
	return -EOPNOTSUPP;
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/common/metrics.h"

#include <inttypes.h>
#include <stdio.h>

void metrics_format(const char *const *names, const uint64_t *counters, unsigned count,
	char *out, size_t room)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < count; i++) {
		uint64_t value = metric_read(&counters[i]);
		int n;

		if (!value)
			continue;
		n = snprintf(out + used, room - used, "%s%s %" PRIu64, used ? ", " : "",
			names[i], value);
		if (n < 0 || (size_t)n >= room - used)
			return;
		used += n;
	}
	if (!used)
		snprintf(out, room, "nothing");
}

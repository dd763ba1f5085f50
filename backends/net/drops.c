// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/net/drops.h"

void drops_note(struct drops *d, enum drops_of of, int status, uint64_t now_ns)
{
	if (!d->due_ns) {
		d->due_ns = now_ns + DROPS_WAIT_NS;
		d->status = status;
	}
	d->count[of]++;
}

bool drops_take(struct drops *d, uint64_t now_ns, struct drops *taken)
{
	if (!d->due_ns || now_ns < d->due_ns)
		return false;
	*taken = *d;
	*d = (struct drops){ .due_ns = 0 };
	return true;
}

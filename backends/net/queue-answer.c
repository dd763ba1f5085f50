// SPDX-License-Identifier: MIT
/* A batch's responses: recorded before they are put, published all at once. See record.h. */
#include "config.h"
#include "backends/net/queue-private.h"

#include <string.h>

void channel_answer(struct channel *c, const void *response)
{
	/* A ring has no more slots: what was taken is bounded by them. */
	if (c->nanswers < RECORD_SLOTS)
		memcpy(c->answer[c->nanswers++], response, c->answer_size);
}

static void channel_put(struct channel *c)
{
	for (unsigned i = 0; i < c->nanswers; i++)
		ring_back_put(&c->ring, c->answer[i], c->answer_size);
}

bool channel_push(struct channel *c)
{
	unsigned n = c->nanswers;

	if (!n)
		return false;
	if (c->record)
		memcpy(c->record->response, c->answer, n * sizeof(c->answer[0]));
	record_commit(c->record, c->ring.rsp_prod, n);
	channel_put(c);
	c->notify |= ring_back_push(&c->ring);
	record_clear(c->record);
	c->nanswers = 0;
	return true;
}

/* The predecessor may have died between publishing and telling: tell in any case. */
void channel_resume(struct channel *c, const struct record_batch *left)
{
	uint32_t n = record_pending(left, c->ring.rsp_prod);

	/* The record still says the same, and goes on to until they are published. */
	if (n && ring_back_resume(&c->ring, n) == 0) {
		memcpy(c->answer, left->response, n * sizeof(c->answer[0]));
		c->nanswers = n;
		(void)channel_push(c);
	}
	record_clear(c->record);
	c->notify = true;
}

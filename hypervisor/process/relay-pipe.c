// SPDX-License-Identifier: MIT
/* Bytes that pass without being copied: from a socket into a pipe, from there into the other. */
#include "config.h"
#include "hypervisor/process/relay-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/confine.h"

CONFINE_RULES(relay_pipe, CONFINE_CALL(pipe2), CONFINE_CALL(splice), CONFINE_CALL_IF(fcntl, 1, F_SETPIPE_SZ));

/* Those that are empty, kept for who needs one next. */
#define PIPE_SPARES 4u
/* Its slots, a piece of a page in each, are what this many bytes of pages would take. Fewer work, too. */
#define PIPE_ROOM (256 * 1024)

static void pipe_close(struct relay *r, struct relay_pipe *p)
{
	close(p->in);
	close(p->out);
	free(p);
	r->npipes--;
}

static struct relay_pipe *pipe_new(struct relay *r)
{
	struct relay_pipe *p = r->npipes < r->limits.pipes ? malloc(sizeof(*p)) : NULL;
	int fds[2];

	if (!p)
		return NULL;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
		free(p);
		return NULL;
	}
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_ROOM);
	*p = (struct relay_pipe){ .in = fds[1], .out = fds[0] };
	r->npipes++;
	return p;
}

struct relay_pipe *relay_pipe_get(struct relay *r)
{
	struct relay_pipe *p = r->spares;

	if (!p)
		return pipe_new(r);
	r->spares = p->next;
	r->nspares--;
	return p;
}

void relay_pipe_put(struct relay *r, struct relay_pipe *p)
{
	/* What is still in it is nobody's, least of all the next one's. */
	if (p->bytes || r->nspares == PIPE_SPARES) {
		pipe_close(r, p);
		return;
	}
	p->next = r->spares;
	r->spares = p;
	r->nspares++;
}

void relay_pipe_free(struct relay *r)
{
	while (r->spares) {
		struct relay_pipe *p = r->spares;

		r->spares = p->next;
		pipe_close(r, p);
	}
}

ssize_t relay_pipe_fill(struct relay_pipe *p, int from)
{
	ssize_t n = splice(from, NULL, p->in, NULL, RELAY_MOST, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n > 0)
		p->bytes += (size_t)n;
	return n;
}

ssize_t relay_pipe_drain(struct relay_pipe *p, int to)
{
	ssize_t n = splice(p->out, NULL, to, NULL, p->bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n > 0)
		p->bytes -= (size_t)n;
	return n;
}

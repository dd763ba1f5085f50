// SPDX-License-Identifier: MIT
/*
 * The wire of an event channel of a process domain: one pipe per direction.
 *
 * An end gets the read end of its own pipe and the write end of its peer's, and
 * the hypervisor keeps all four until both ports are closed: nobody sees a broken
 * pipe, and a successor finds what was sent meanwhile. An event between domains is
 * a byte written by one and read by the other; nobody else takes part.
 *
 * Where the other end is a vm's, the vm's events are teed into the domain's pipe, and the
 * other pipe's place has an eventfd, the bell: each write to it wakes the vm's own thread,
 * which raises the port. Nobody here reads it, for a pipe that its writer keeps locked (see
 * below) would stop who does.
 *
 * A write end's flags and content are at the mercy of the domain that has it, so the
 * hypervisor itself never writes to one: it tees a byte in. Even that waits for whoever
 * is reading: a process whose buffer is paged in by nobody keeps the pipe locked. It can
 * do so only while there is something to read, and then nothing needs to be added.
 */
#include "config.h"
#include "hypervisor/process/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct channel {
	struct pdomain *pd; /* pays for the descriptors; a reference */
	int pipe[2][2];     /* [side that reads][0 read end, 1 write end]; -1: none */
	int bell;           /* what side 0 tells a vm with; -1: the other side is no vm */
};

static unsigned channel_cost(const struct channel *ch)
{
	return ch->bell >= 0 ? 3 : ch->pipe[1][0] < 0 ? 2 : 4;
}

static int pipe_make(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
		int rc = -errno;

		fds[0] = fds[1] = -1;
		return rc;
	}
	/* One page is enough for "pending". Where it is refused the pipe is just larger. */
	(void)fcntl(fds[1], F_SETPIPE_SZ, 4096);
	return 0;
}

static void channel_close(struct channel *ch)
{
	for (int side = 0; side < 2; side++)
		for (int end = 0; end < 2; end++)
			if (ch->pipe[side][end] >= 0)
				close(ch->pipe[side][end]);
	if (ch->bell >= 0)
		close(ch->bell);
	free(ch);
}

/* What the other side has. */
static int other_make(struct channel *ch, enum channel_kind kind)
{
	switch (kind) {
	case CHANNEL_PROCESS:
		return pipe_make(ch->pipe[1]);
	case CHANNEL_VM:
		ch->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		return ch->bell < 0 ? -errno : 0;
	default:
		return 0;
	}
}

struct channel *channel_new(struct pdomain *pd, enum channel_kind kind)
{
	struct channel *ch = calloc(1, sizeof(*ch));
	int rc;

	if (!ch)
		return NULL;
	ch->pipe[1][0] = ch->pipe[1][1] = ch->bell = -1;
	rc = pipe_make(ch->pipe[0]);
	if (rc == 0)
		rc = other_make(ch, kind);
	if (rc == 0 && !hv_fd_charge(pd, channel_cost(ch)))
		rc = -ENOSPC;
	if (rc < 0) {
		channel_close(ch);
		errno = -rc;
		return NULL;
	}
	ch->pd = pd;
	domain_hold(&pd->hv->set, &pd->d);
	return ch;
}

void channel_free(struct channel *ch)
{
	struct pdomain *pd = ch->pd;

	hv_fd_uncharge(pd, channel_cost(ch));
	channel_close(ch);
	domain_put(&pd->hv->set, &pd->d);
}

void channel_raise(struct hv *hv, struct channel *ch, unsigned side)
{
	struct pollfd pending = { .fd = ch->pipe[side][0], .events = POLLIN };

	/*
	 * What this event announces is visible before we look whether another one is unread;
	 * partner: the reader takes that one, under the pipe's lock, and looks then.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	if (poll(&pending, 1, 0) == 1 && (pending.revents & POLLIN))
		return;
	(void)tee(hv->token_fd, ch->pipe[side][1], 1, SPLICE_F_NONBLOCK);
}

unsigned channel_fds(struct channel *ch, unsigned side, int fds[2])
{
	int tell = ch->bell >= 0 ? ch->bell : ch->pipe[!side][1];
	unsigned n = 0;

	if (ch->pipe[side][0] < 0)
		return 0;
	fds[n++] = ch->pipe[side][0];
	if (tell >= 0)
		fds[n++] = tell;
	/* A predecessor may have made them blocking. */
	for (unsigned i = 0; i < n; i++)
		(void)fcntl(fds[i], F_SETFL, O_NONBLOCK);
	return n;
}

int channel_listen(const struct channel *ch, unsigned side)
{
	return side == 0 && ch->bell >= 0 ? ch->bell : -EBUSY;
}

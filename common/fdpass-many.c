// SPDX-License-Identifier: MIT
/* More descriptors than a message takes: each message says how many come after it. */
#include "config.h"
#include "common/fdpass.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>

int fd_send_many(int sock, const int *fds, unsigned nfds)
{
	int rc;

	do {
		unsigned n = nfds < FDPASS_MAX ? nfds : FDPASS_MAX;
		uint32_t left = nfds - n;

		rc = fd_send(sock, &left, sizeof(left), fds, n);
		fds += n;
		nfds -= n;
	} while (rc == 0 && nfds);
	return rc;
}

/* One message, at most @room descriptors of it. *@left: what is to come after it. */
static int recv_some(int sock, int *fds, unsigned room, unsigned *got, uint32_t *left, int timeout_ms)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	ssize_t n;
	int rc;

	*got = room < FDPASS_MAX ? room : FDPASS_MAX;
	do
		rc = poll(&p, 1, timeout_ms);
	while (rc < 0 && errno == EINTR);
	if (rc <= 0)
		return rc < 0 ? -errno : -ETIMEDOUT;
	n = fd_recv(sock, left, sizeof(*left), fds, got);
	if (n < 0)
		return (int)n;
	if (n == sizeof(*left) && (*left == 0 || *got))
		return 0;
	for (unsigned i = 0; i < *got; i++)
		close(fds[i]);
	return n ? -EPROTO : -EPIPE;
}

int fd_recv_many(int sock, int *fds, unsigned *nfds, int timeout_ms)
{
	unsigned room = *nfds, have = 0;
	uint32_t left;
	int rc;

	do {
		unsigned got;

		rc = recv_some(sock, fds + have, room - have, &got, &left, timeout_ms);
		if (rc == 0)
			have += got;
		if (rc == 0 && left > room - have)
			rc = -EMSGSIZE;
	} while (rc == 0 && left);
	while (rc < 0 && have)
		close(fds[--have]);
	*nfds = have;
	return rc;
}

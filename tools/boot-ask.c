// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/boot-ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tools/stack-private.h"

/* How often a stack with a full queue is tried. */
#define RETRY_MS 20u

/* Words that end with a NUL each; 0: there is no room. */
static size_t join(const char *const *words, char *request, size_t room)
{
	size_t used = 0;

	for (; *words; words++) {
		size_t length = strlen(*words) + 1;

		if (length > room - used)
			return 0;
		memcpy(request + used, *words, length);
		used += length;
	}
	return used;
}

/* The descriptor, nonblocking, or -errno. */
static int connect_to(const char *dir, uint64_t end)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (fd < 0)
		return -errno;
	if ((size_t)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/" BOOT_SOCKET, dir) >=
		sizeof(sun.sun_path))
		error = -ENAMETOOLONG;
	while (error == 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		/* EAGAIN: as many wait for their turn as can. */
		if ((errno != EAGAIN && errno != EINTR) || stack_now_ms() >= end)
			error = -errno;
		else
			stack_sleep_ms(RETRY_MS);
	}
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

/* Whether there is something to read before @end. */
static bool await(int fd, uint64_t end)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do {
		uint64_t now = stack_now_ms();

		n = poll(&p, 1, now < end ? (int)(end - now) : 0);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

static enum boot_answer exchange(int fd, const char *request, size_t length, uint64_t end, char *reply)
{
	ssize_t n;

	if (send(fd, request, length, MSG_NOSIGNAL) != (ssize_t)length)
		return errno == EPIPE || errno == ECONNRESET ? BOOT_ABSENT : BOOT_SILENT;
	if (!await(fd, end))
		return BOOT_SILENT;
	n = recv(fd, reply, BOOT_MESSAGE_MAX - 1, 0);
	reply[n > 0 ? n : 0] = '\0';
	if (n <= 0)
		return BOOT_ABSENT;
	if (strncmp(reply, "ok\n", 3) == 0) {
		memmove(reply, reply + 3, strlen(reply + 3) + 1);
		return BOOT_OK;
	}
	reply[strcspn(reply, "\n")] = '\0';
	return BOOT_REFUSED;
}

enum boot_answer boot_ask(const char *dir, const char *const *words, unsigned timeout_ms, char *reply)
{
	uint64_t end = stack_now_ms() + timeout_ms;
	char request[BOOT_MESSAGE_MAX];
	size_t length = join(words, request, sizeof(request) - 1);
	CLEANUP_CLOSE int fd = -1;

	reply[0] = '\0';
	if (!length) {
		snprintf(reply, BOOT_MESSAGE_MAX, BOOT_TOO_LONG, BOOT_MESSAGE_MAX - 1);
		return BOOT_REFUSED;
	}
	fd = connect_to(dir, end);
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR || fd == -ECONNREFUSED ? BOOT_ABSENT : BOOT_SILENT;
	return exchange(fd, request, length, end, reply);
}

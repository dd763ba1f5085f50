// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/boot-ask.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

bool boot_ask_list(const char *dir, int timeout_ms, char *list)
{
	/* Not to wait for a place in its queue either. */
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if ((size_t)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/" BOOT_SOCKET, dir) >=
		sizeof(sun.sun_path))
		return false;
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
		send(fd, "list", sizeof("list"), MSG_NOSIGNAL) < 0 || poll(&p, 1, timeout_ms) <= 0)
		return false;
	n = recv(fd, list, BOOT_MESSAGE_MAX - 1, 0);
	list[n > 0 ? n : 0] = '\0';
	if (strncmp(list, "ok\n", 3) != 0)
		return false;
	memmove(list, list + 3, strlen(list + 3) + 1);
	return true;
}

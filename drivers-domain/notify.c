// SPDX-License-Identifier: MIT
#include "config.h"
#include "drivers-domain/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/cleanup.h"
#include "common/log.h"

static struct sockaddr_un notify_address;
static socklen_t notify_length;

void notify_init(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path ? strlen(path) : 0;

	if (n >= 2 && n < sizeof(notify_address.sun_path) && (path[0] == '/' || path[0] == '@')) {
		notify_address.sun_family = AF_UNIX;
		memcpy(notify_address.sun_path, path, n);
		if (path[0] == '@')
			notify_address.sun_path[0] = '\0';
		notify_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	}
	(void)unsetenv("NOTIFY_SOCKET");
}

void notify_tell(const char *state)
{
	CLEANUP_CLOSE int fd = -1;

	if (!notify_length)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL,
			(const struct sockaddr *)&notify_address, notify_length) < 0)
		log_warn("cannot tell the service manager %s: %s", state, strerror(errno));
}

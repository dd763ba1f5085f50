// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/common/ready.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

void ready_notify(int *fd)
{
	static const char text[] = "READY=1\n";
	ssize_t n;

	if (*fd < 0)
		return;
	do
		n = write(*fd, text, sizeof(text) - 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		log_debug("nobody reads the ready descriptor: %s", strerror(errno));
	close(*fd);
	*fd = -1;
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/common/ready.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

static const char *ready_line;

void ready_note(const char *line)
{
	ready_line = line;
}

void ready_notify(int *fd)
{
	char text[640];
	int len = snprintf(text, sizeof(text), "READY=1\n%s", ready_line ? ready_line : "");
	ssize_t n;

	if (*fd < 0)
		return;
	do
		n = write(*fd, text, len < (int)sizeof(text) ? len : (int)sizeof(text) - 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		log_debug("nobody reads the ready descriptor: %s", strerror(errno));
	close(*fd);
	*fd = -1;
}

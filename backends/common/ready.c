// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/common/ready.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

static const char *ready_lines[READY_LINES];
static unsigned ready_count;

void ready_note(const char *line)
{
	if (ready_count < READY_LINES)
		ready_lines[ready_count++] = line;
}

void ready_journal(const char *kind, unsigned version)
{
	static char line[32];

	snprintf(line, sizeof(line), "JOURNAL=%s-%u\n", kind, version);
	ready_note(line);
}

static size_t ready_text(char *text, size_t room)
{
	size_t used = (size_t)snprintf(text, room, "READY=1\n");

	for (unsigned i = 0; i < ready_count && used < room; i++)
		used += (size_t)snprintf(text + used, room - used, "%s", ready_lines[i]);
	return used < room ? used : room - 1;
}

void ready_notify(int *fd)
{
	char text[760];
	size_t len = ready_text(text, sizeof(text));
	ssize_t n;

	if (*fd < 0)
		return;
	do
		n = write(*fd, text, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		log_debug("nobody reads the ready descriptor: %s", strerror(errno));
	close(*fd);
	*fd = -1;
}

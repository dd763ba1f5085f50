// SPDX-License-Identifier: MIT
/*
 * A guest on a secondary console, run by scripts: console-guest DEVID FILE. It numbers lines of eight
 * bytes until FILE is there, then says "THE END" and how many there were; what is typed is told
 * on the standard output.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "frontends/consolefront.h"

#define PATIENCE_MS 60000

static void check(struct consolefront *cf, long rc, const char *what)
{
	if (rc >= 0)
		return;
	consolefront_close(cf);
	die("%s: %s", what, strerror((int)-rc));
}

static void hear(struct consolefront *cf)
{
	char bytes[256];
	ssize_t n = consolefront_read(cf, bytes, sizeof(bytes) - 1);

	check(cf, n, "read");
	if (n > 0) {
		bytes[n] = '\0';
		printf("heard %s\n", bytes);
		fflush(stdout);
	}
}

static void say(struct consolefront *cf, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = consolefront_write(cf, text, len);

		check(cf, n, "write");
		if (!n)
			check(cf, consolefront_wait(cf, PATIENCE_MS), "wait");
		text += n;
		len -= (size_t)n;
		hear(cf);
	}
}

int main(int argc, char **argv)
{
	struct consolefront *cf;
	char text[64], why[256];
	unsigned line = 0;

	log_init("console-guest");
	if (argc != 3)
		die("Usage: console-guest DEVID FILE");
	if (consolefront_open((unsigned)atoi(argv[1]), PATIENCE_MS, &cf, why, sizeof(why)) < 0)
		die("%s", why);
	printf("connected\n");
	fflush(stdout);
	for (; access(argv[2], F_OK) < 0; line++) {
		snprintf(text, sizeof(text), "%07u\n", line % 10000000);
		say(cf, text);
		usleep(200);
	}
	snprintf(text, sizeof(text), "THE END %u\n", line);
	say(cf, text);
	/* Somebody says that it was seen. */
	while (consolefront_wait(cf, PATIENCE_MS) == 0)
		hear(cf);
	consolefront_close(cf);
	return 0;
}

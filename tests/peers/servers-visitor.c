// SPDX-License-Identifier: MIT
/*
 * servers-visitor [--only=HOST:PORT] ADDRESS PORT: connects, as a storage driver's library does,
 * and says "reached" or the error's name; with --only as a confined backend that was given that server.
 * --serve PORT: is the server, and ends when it was visited.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/log.h"
#include "common/servers.h"

static void be_a_backend(const char *server)
{
	static struct servers list;
	struct confine_report report;
	struct servers_way way;
	struct confine_options options = { .servers = &way };
	char why[300];
	int rc;

	if (servers_add(&list, server, why, sizeof(why)) < 0)
		die("%s", why);
	rc = servers_start(&list, &way);
	if (rc == 0)
		rc = confine_self(&options, &report);
	if (rc < 0)
		die("not confined: %s", strerror(-rc));
}

static int serve(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 16) < 0 ||
		getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		die("cannot serve: %s", strerror(errno));
	printf("%u\n", ntohs(a.sin_port));
	fflush(stdout);
	for (;;) {
		int one = accept(fd, NULL, NULL);

		if (one < 0)
			return 1;
		printf("visited\n");
		fflush(stdout);
		(void)!send(one, "!", 1, MSG_NOSIGNAL);
		close(one);
	}
}

static int visit(const char *host, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char byte;

	if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
		die("%s is no address", host);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		puts(strerrorname_np(errno));
	else
		puts(recv(fd, &byte, 1, 0) == 1 && byte == '!' ? "reached" : "silent");
	return 0;
}

int main(int argc, char **argv)
{
	log_init("servers-visitor");
	if (argc == 2 && strcmp(argv[1], "--serve") == 0)
		return serve();
	if (argc == 4 && strncmp(argv[1], "--only=", 7) == 0)
		be_a_backend(argv[1] + 7);
	else if (argc != 3)
		die("usage: servers-visitor [--only=HOST:PORT] ADDRESS PORT, or --serve");
	return visit(argv[argc - 2], argv[argc - 1]);
}

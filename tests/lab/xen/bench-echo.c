/* SPDX-License-Identifier: MIT */
/*
 * Small packets for bench-net: datagrams in units, of which the guest sends some and the driver
 * domain answers with some, when the last of a unit came. So many units are on their way at once
 * that no socket's buffer is full: none is lost, or the load has failed.
 *
 *   bench-echo serve PORT
 *   bench-echo ADDRESS PORT SIZE SENT ANSWERED DEPTH COUNT
 *
 * SIZE: bytes of each; SENT and ANSWERED: datagrams per unit; DEPTH: units at once; COUNT: units.
 * Prints how many microseconds they took. Each datagram says to the end which it is.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_SIZE = 1472, PATIENCE_MS = 20000, BUFFER = 16 << 20 };

/** struct head - of each datagram, either way. */
struct head {
	uint32_t unit, index;    /* index: in its unit, of those of its way */
	uint32_t sent, answered; /* per unit */
};

static void give_up(const char *what)
{
	fprintf(stderr, "bench-echo: %s: %s\n", what, errno ? strerror(errno) : "wrong");
	exit(1);
}

static unsigned number(const char *text, unsigned least, unsigned most)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	errno = 0;
	if (*end || n < least || n > most)
		give_up(text);
	return (unsigned)n;
}

static void fill(uint8_t *data, size_t size, const struct head *head)
{
	memset(data, (uint8_t)(head->unit + head->index), size);
	memcpy(data, head, sizeof(*head));
}

/* What it is; ends the program where it is none of ours. */
static struct head look(const uint8_t *data, size_t size)
{
	struct head head;

	errno = 0;
	if (size < sizeof(head) || size > MAX_SIZE)
		give_up("the size of a datagram");
	memcpy(&head, data, sizeof(head));
	for (size_t i = sizeof(head); i < size; i++)
		if (data[i] != (uint8_t)(head.unit + head.index))
			give_up("what is in a datagram");
	return head;
}

/* Frontends give a page for each datagram, which counts: the usual buffer is full with some forty. */
static int open_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), bytes = BUFFER;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		give_up("a socket with a large buffer");
	return fd;
}

static void serve(unsigned port)
{
	struct sockaddr_in self = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = open_socket();

	if (bind(fd, (struct sockaddr *)&self, sizeof(self)) < 0)
		give_up("the server's socket");
	for (;;) {
		struct sockaddr_in peer;
		socklen_t len = sizeof(peer);
		uint8_t data[MAX_SIZE + 1];
		ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&peer, &len);
		struct head head;

		if (n < 0)
			give_up("recvfrom");
		head = look(data, (size_t)n);
		if (head.index + 1 < head.sent)
			continue;
		for (head.index = 0; head.index < head.answered; head.index++) {
			fill(data, (size_t)n, &head);
			if (sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&peer, len) < 0)
				give_up("sendto");
		}
	}
}

static int client(const char *address, unsigned port)
{
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = open_socket();

	if (inet_pton(AF_INET, address, &peer.sin_addr) != 1)
		give_up(address);
	if (connect(fd, (struct sockaddr *)&peer, sizeof(peer)) < 0)
		give_up("the client's socket");
	return fd;
}

static void send_unit(int fd, struct head head, size_t size)
{
	uint8_t data[MAX_SIZE];

	for (head.index = 0; head.index < head.sent; head.index++) {
		fill(data, size, &head);
		if (send(fd, data, size, 0) < 0)
			give_up("send");
	}
}

static void receive_answer(int fd, size_t size)
{
	uint8_t data[MAX_SIZE + 1];
	ssize_t n = recv(fd, data, sizeof(data), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };

		if (poll(&pfd, 1, PATIENCE_MS) <= 0)
			give_up("datagrams were lost");
		n = recv(fd, data, sizeof(data), 0);
	}
	if (n < 0)
		give_up("recv");
	(void)look(data, (size_t)n);
	if ((size_t)n != size)
		give_up("the size of an answer");
}

static void ask(int fd, struct head head, size_t size, unsigned depth, unsigned count)
{
	for (head.unit = 0; head.unit < depth && head.unit < count; head.unit++)
		send_unit(fd, head, size);
	for (unsigned ended = 0; ended < count; ended++) {
		for (unsigned i = 0; i < head.answered; i++)
			receive_answer(fd, size);
		if (head.unit < count) {
			send_unit(fd, head, size);
			head.unit++;
		}
	}
}

int main(int argc, char **argv)
{
	struct head head = { 0 };
	struct timespec from, to;
	unsigned size, depth, count;
	int fd;

	errno = EINVAL;
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		serve(number(argv[2], 1, 65535));
	if (argc != 8)
		give_up("serve PORT | ADDRESS PORT SIZE SENT ANSWERED DEPTH COUNT");
	fd = client(argv[1], number(argv[2], 1, 65535));
	size = number(argv[3], sizeof(head), MAX_SIZE);
	head.sent = number(argv[4], 1, 64);
	head.answered = number(argv[5], 1, 64);
	depth = number(argv[6], 1, 64);
	count = number(argv[7], 1, 1u << 30);
	clock_gettime(CLOCK_MONOTONIC, &from);
	ask(fd, head, size, depth, count);
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%lld\n", (to.tv_sec - from.tv_sec) * 1000000ll + (to.tv_nsec - from.tv_nsec) / 1000);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * A guest whose network backend is killed again and again. It sends numbered packets to a
 * port that sends them back, over all queues and in all sizes, and checks what comes: packets
 * may be lost, or come twice; one that was never sent, a wrong byte, a device that breaks, or
 * buffers and slots that are lost for good end it with a message. Says how long nothing came.
 *
 *     net-survivor SECONDS FILE [queues=N] [split=0|1] [bytes=N]
 *
 * It ends when FILE is there, and fails when it is not in SECONDS.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/array.h"
#include "common/log.h"
#include "common/spin.h"
#include "frontends/netfront.h"

#define SECOND UINT64_C(1000000000)
#define GAP_NS (SECOND / 1000)
#define HEADER 26u        /* Ethernet's, the number, the length */
#define SILENT_NS (20 * SECOND)
#define BURST 100u        /* fits the rings and the port */

struct survivor {
	struct netfront *nf;
	unsigned queues;
	uint32_t most;
	uint64_t sent, received, twice, last_ns, gaps, worst_ns;
	uint64_t highest;
	uint8_t seen[1 << 16]; /* of numbers, as a ring: what was received of the last ones */
	bool failed;
};

static void wrong(struct survivor *s, const char *what, uint64_t number)
{
	printf("FAILED: %s (%" PRIu64 "): %s\n", what, number, netfront_why(s->nf));
	fflush(stdout);
	s->failed = true;
}

static uint8_t byte_of(uint64_t number, uint32_t i)
{
	return (uint8_t)(number * 31 + i * 7 + (i >> 8));
}

static uint32_t length_of(const struct survivor *s, uint64_t number)
{
	return HEADER + (uint32_t)(number * 2654435761u % (s->most - HEADER));
}

static void make(const struct survivor *s, uint8_t *p, uint64_t number)
{
	static const uint8_t header[14] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5 };
	uint32_t len = length_of(s, number);

	memcpy(p, header, sizeof(header));
	memcpy(p + 14, &number, 8);
	memcpy(p + 22, &len, 4);
	for (uint32_t i = HEADER; i < len; i++)
		p[i] = byte_of(number, i);
}

/* As many as there is room for. */
static unsigned send_some(struct survivor *s, struct netfront_queue *q, unsigned most)
{
	unsigned n = 0;

	for (; n < most; n++) {
		struct netif_rx_meta meta = { .size = length_of(s, s->sent) };
		void *room = netfront_queue_get(q, meta.size);

		if (!room)
			break;
		make(s, room, s->sent);
		s->seen[s->sent % ARRAY_SIZE(s->seen)] = 0;
		if (netfront_queue_put(q, &meta) < 0) {
			wrong(s, "a packet was not taken", s->sent);
			break;
		}
		s->sent++;
	}
	if (netfront_queue_kick(q) < 0)
		wrong(s, "a kick", s->sent);
	return n;
}

static void check(struct survivor *s, const uint8_t *p, uint32_t len)
{
	uint64_t number;
	uint32_t said;

	memcpy(&number, p + 14, 8);
	memcpy(&said, p + 22, 4);
	if (len < HEADER || number >= s->sent || said != len || len != length_of(s, number)) {
		wrong(s, "a packet that was never sent", number);
		return;
	}
	for (uint32_t i = HEADER; i < len; i++)
		if (p[i] != byte_of(number, i)) {
			wrong(s, "a wrong byte", number);
			return;
		}
	if (s->sent - number < ARRAY_SIZE(s->seen) && s->seen[number % ARRAY_SIZE(s->seen)]++)
		s->twice++;
	s->received++;
}

static void note_gap(struct survivor *s)
{
	uint64_t now = spin_now_ns(), gap = now - s->last_ns;

	s->last_ns = now;
	if (gap < GAP_NS)
		return;
	s->gaps++;
	if (gap > s->worst_ns)
		s->worst_ns = gap;
}

static unsigned receive(struct survivor *s, struct netfront_queue *q)
{
	static uint8_t bytes[NETIF_PACKET_MAX];
	struct netfront_rx rx[16];
	int n = netfront_queue_recv(q, rx, ARRAY_SIZE(rx));

	if (n < 0) {
		wrong(s, "receiving", s->received);
		return 0;
	}
	for (int i = 0; i < n; i++)
		check(s, bytes, netfront_rx_copy(&rx[i], bytes, sizeof(bytes)));
	netfront_queue_done(q, rx, (unsigned)n);
	if (n)
		note_gap(s);
	return (unsigned)n;
}

/* Waits, but not for long: who is killed may have taken what we wait for with it. */
static void look(struct survivor *s, struct netfront_queue *q)
{
	int rc = netfront_queue_wait(q, NETFRONT_RX | NETFRONT_TX, 5);

	if (rc < 0)
		wrong(s, "waiting", s->received);
	else if (spin_now_ns() - s->last_ns > SILENT_NS)
		wrong(s, "nothing came for 20 s", s->received);
}

static void load(struct survivor *s, const char *stop, uint64_t until)
{
	for (uint64_t round = 0; !s->failed; round++) {
		struct netfront_queue *q = netfront_queue(s->nf, round % s->queues);

		send_some(s, q, 16);
		while (receive(s, q) && !s->failed)
			;
		look(s, q);
		if (round % 64)
			continue;
		if (access(stop, F_OK) == 0)
			return;
		if (spin_now_ns() > until)
			wrong(s, "nobody ended it", round);
	}
}

/* What is on its way comes or is lost by now. */
static void settle(struct survivor *s)
{
	for (unsigned quiet = 0; quiet < 100 && !s->failed; quiet++)
		for (unsigned i = 0; i < s->queues; i++) {
			struct netfront_queue *q = netfront_queue(s->nf, i);

			if (netfront_queue_wait(q, NETFRONT_RX, 2) < 0)
				wrong(s, "waiting", quiet);
			while (receive(s, q))
				quiet = 0;
		}
}

/* Neither slots nor buffers were lost: bursts come back whole, several rings of them. */
static void prove(struct survivor *s, struct netfront_queue *q)
{
	for (unsigned round = 0; round < 20 && !s->failed; round++) {
		uint64_t want = s->received, start = spin_now_ns();

		s->most = 1514;
		want += send_some(s, q, BURST);
		while (s->received < want && !s->failed && spin_now_ns() - start < SILENT_NS)
			if (!receive(s, q))
				look(s, q);
		if (s->received != want)
			wrong(s, "of a burst some did not come", want - s->received);
	}
}

static bool parse(struct netfront_config *c, struct survivor *s, const char *text)
{
	unsigned n;

	if (sscanf(text, "queues=%u", &n) == 1)
		c->queues = n;
	else if (sscanf(text, "split=%u", &n) == 1)
		c->no_split = !n;
	else if (sscanf(text, "bytes=%u", &n) == 1)
		s->most = n;
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	static struct survivor s = { .most = 9000 };
	struct netfront_config config = { .queues = 1 };
	char why[256];

	log_init("net-survivor");
	for (int i = 3; i < argc; i++)
		if (!parse(&config, &s, argv[i]))
			die("%s: what is that?", argv[i]);
	if (argc < 3)
		die("usage: net-survivor SECONDS FILE [OPTION..]");
	s.nf = netfront_open(&config, why, sizeof(why));
	if (!s.nf)
		die("%s", why);
	s.queues = netfront_get_info(s.nf)->queues;
	if (s.most > netfront_get_info(s.nf)->max_len)
		s.most = netfront_get_info(s.nf)->max_len;
	printf("connected: %u queue(s)\n", s.queues);
	fflush(stdout);
	s.last_ns = spin_now_ns();
	load(&s, argv[2], s.last_ns + strtoul(argv[1], NULL, 10) * SECOND);
	settle(&s);
	for (unsigned i = 0; i < s.queues && !s.failed; i++)
		prove(&s, netfront_queue(s.nf, i));
	if (!s.failed)
		printf("survived: %" PRIu64 " sent, %" PRIu64 " came, %" PRIu64 " of them again, %" PRIu64
		       " pauses, the longest %" PRIu64 " ms\n", s.sent, s.received, s.twice, s.gaps,
			s.worst_ns / 1000000);
	netfront_close(s.nf);
	return s.failed;
}

// SPDX-License-Identifier: MIT
/*
 * Exports of NBD servers, by libnbd. A module.
 *
 * A connection per queue where the server says that they see each other's writes and flushes
 * (multi-conn), else one; each is driven by its queue's thread. libnbd takes one piece of memory
 * per command: requests of several pieces are copied into one, which costs less than a command
 * for each.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backends/blk/nbd-private.h"
#include "common/confine.h"
#include "common/log.h"
#include "common/servers.h"

#define NBD_SECTOR 512u
#define NBD_MAX_BLOCK (64u << 10)
#define NBD_MAX_IOV 1024u
/* Requests are split at that: it is what one may need of memory. */
#define NBD_MAX_LENGTH (2u << 20)
/* One that takes the server long holds up nobody else's requests. */
#define NBD_MAX_TRIM (64u << 20)
/* As GLUSTER_ATTACH_S. */
#define NBD_ATTACH_MS 8000
#define NBD_RETRY_MS 100

static int64_t nbd_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* --- connecting, while it may take its time ------------------------------------------------ */

/* Until it is UP, DOWN, or @end. Return: whether it got as far as to be greeted. */
static bool nbd_await(struct nbd_link *link, int64_t end)
{
	bool greeted = false;

	while (link->phase == NBD_LINK_CONNECTING || link->phase == NBD_LINK_GREETING) {
		struct pollfd p = { .fd = -1 };
		int64_t left = end - nbd_clock_ms();

		greeted = link->phase == NBD_LINK_GREETING;
		p.events = (short)nbd_link_wants(link, &p.fd);
		if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR)) {
			nbd_link_close(link);
			snprintf(link->why, sizeof(link->why), greeted ?
				"is connected to, and does not speak" : "does not answer");
			break;
		}
		if (p.revents)
			nbd_link_event(link, (uint32_t)p.revents);
	}
	return greeted;
}

static int64_t nbd_attach_ms(const struct nbd *n)
{
	int64_t ms = n->server.uri.timeout_s * INT64_C(1000);

	return ms < NBD_ATTACH_MS ? ms : NBD_ATTACH_MS;
}

static const struct timespec nbd_pause = { .tv_nsec = NBD_RETRY_MS * 1000000L };

static int nbd_is_away(const struct nbd *n, int64_t begun, const char *clause, char *why, size_t room)
{
	snprintf(why, room, "NBD server %s: %s (after %.1f s)", n->server.name, clause,
		(double)(nbd_clock_ms() - begun) / 1000);
	return -EHOSTUNREACH;
}

/* Confined nobody finds a path: the socket of a server that is just being started is waited for here. */
static int nbd_await_socket(const struct nbd *n, char *why, size_t room)
{
	int64_t begun = nbd_clock_ms(), end = begun + nbd_attach_ms(n);

	while (n->server.uri.socket[0] && access(n->server.uri.socket, F_OK) < 0) {
		if (nbd_clock_ms() + NBD_RETRY_MS >= end)
			return nbd_is_away(n, begun, strerror(errno), why, room);
		nanosleep(&nbd_pause, NULL);
	}
	return 0;
}

/* A server that is just being started is waited for; one that says no is believed. */
static int nbd_connect(struct nbd *n, char *why, size_t room)
{
	int64_t begun = nbd_clock_ms(), end = begun + nbd_attach_ms(n);

	for (;;) {
		bool greeted;

		nbd_link_begin(&n->spare, &n->server);
		greeted = nbd_await(&n->spare, end);
		if (n->spare.phase == NBD_LINK_UP)
			return 0;
		if (greeted || nbd_clock_ms() + NBD_RETRY_MS >= end)
			break;
		nanosleep(&nbd_pause, NULL);
	}
	return nbd_is_away(n, begun, n->spare.why, why, room);
}

/* --- what the export is ------------------------------------------------------------------------- */

static bool is_power_of_two(uint32_t n)
{
	return n && (n & (n - 1)) == 0;
}

static uint32_t nbd_block_size(const struct nbd_export *e)
{
	return e->min_block < NBD_SECTOR ? NBD_SECTOR : e->min_block;
}

static int nbd_check_export(const struct nbd *n, char *why, size_t room)
{
	const struct nbd_export *e = &n->export;
	uint32_t block = nbd_block_size(e);

	if (e->readonly && !n->readonly)
		snprintf(why, room, "NBD server %s: the export is read-only; attach the disk with mode r",
			n->server.name);
	else if (!is_power_of_two(block) || block > NBD_MAX_BLOCK)
		snprintf(why, room, "NBD server %s: its blocks are of %" PRIu32 " bytes; disks have blocks up to 64 KiB",
			n->server.name, e->min_block);
	else if (e->size == 0 || e->size > INT64_MAX || e->size % block)
		snprintf(why, room, "NBD server %s: the export has %" PRIu64 " bytes; a disk has a multiple of %" PRIu32
			" and not none", n->server.name, e->size, block);
	else if (e->max_payload < block)
		snprintf(why, room, "NBD server %s: it takes at most %" PRIu64 " bytes at once, less than a block",
			n->server.name, e->max_payload);
	else
		return 0;
	return -EINVAL;
}

static uint64_t nbd_hash(uint64_t h, const char *text)
{
	do {
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	} while (*text++);
	return h;
}

static void nbd_describe(const struct nbd *n, struct blk_info *info)
{
	const struct nbd_export *e = &n->export;
	uint32_t block = nbd_block_size(e);
	uint32_t preferred = is_power_of_two(e->preferred_block) && e->preferred_block > block ?
				     e->preferred_block : block;
	uint64_t place = nbd_hash(nbd_hash(UINT64_C(0xcbf29ce484222325), n->server.uri.host),
		n->server.uri.socket) + n->server.uri.port;

	*info = (struct blk_info){
		.size = e->size,
		.block_size = block,
		.physical_size = block > 4096 ? block : preferred < 4096 ? preferred : 4096,
		.max_iov = NBD_MAX_IOV,
		.max_length = e->max_payload < NBD_MAX_LENGTH ? e->max_payload : NBD_MAX_LENGTH,
		.max_discard = NBD_MAX_TRIM,
		.discard_granularity = preferred,
		.identity = { place, nbd_hash(place, n->server.uri.export) },
		.flags = BLK_INFO_SERVED | (n->own_server ? BLK_INFO_FENCED : 0) |
			 (e->flush ? BLK_INFO_FLUSH : 0) |
			 (n->readonly ? BLK_INFO_READONLY : 0) |
			 (e->multi && !n->strict ? BLK_INFO_MULTI_QUEUE : 0) |
			 (e->rotational ? BLK_INFO_ROTATIONAL : 0) |
			 (!n->readonly && e->trim ? BLK_INFO_DISCARD : 0) |
			 (!n->readonly && e->zeroes ? BLK_INFO_ZEROES : 0),
	};
	if (!n->readonly && !e->flush)
		log_warn("%s: the server offers no flush: what it acknowledges is taken to be durable",
			n->server.name);
	log_info("%s: %" PRIu64 " bytes, blocks of %" PRIu32 "%s", n->server.name, e->size, block,
		e->multi ? ", several connections" : "");
}

static void nbd_close_all(void *state)
{
	struct nbd *n = state;

	if (!n)
		return;
	nbd_link_close(&n->spare);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

static int nbd_prepare(struct nbd *n, const struct blk_conf *conf, char *why, size_t room)
{
	int rc = nbd_uri_parse(conf->filename, &n->server.uri, why, room);

	if (rc == 0)
		rc = nbd_server_resolve(&n->server, why, room);
	n->strict = n->server.uri.unflushed_fails;
	n->readonly = conf->readonly;
	n->own_server = conf->own_server;
	/* After an allocation that failed qemu-nbd gives that vhd's next block the same place. */
	n->errors_last = conf->own_server && strncmp(n->server.uri.export, "vhd:", 4) == 0;
	n->server.silent_ms = n->server.uri.timeout_s * 1000u / 3;
	return rc ? rc : nbd_await_socket(n, why, room);
}

static int nbd_open_driver(const struct blk_conf *conf, struct blk_info *info, void **state, char *why,
	size_t why_room)
{
	struct nbd *n = calloc(1, sizeof(*n));
	int rc;

	if (!n) {
		snprintf(why, why_room, "out of memory");
		return -ENOMEM;
	}
	n->spare.fd = -1;
	pthread_mutex_init(&n->lock, NULL);
	rc = nbd_prepare(n, conf, why, why_room);
	if (rc < 0) {
		nbd_close_all(n);
		return rc;
	}
	*state = n;
	return 0;
}

/* What libnbd reads here is a stranger's. */
static int nbd_attach(void *state, struct blk_info *info, char *why, size_t room)
{
	struct nbd *n = state;
	int rc = nbd_connect(n, why, room);

	if (rc == 0)
		rc = nbd_link_export(&n->spare, &n->export, why, room);
	if (rc == 0)
		rc = nbd_check_export(n, why, room);
	if (rc == 0)
		nbd_describe(n, info);
	return rc;
}

/* By their numbers: no name is resolved twice, and so never to something else. */
static int nbd_servers(void *state, struct servers *list, char *why, size_t room)
{
	const struct nbd *n = state;
	char host[NI_MAXHOST], port[NI_MAXSERV], text[NI_MAXHOST + NI_MAXSERV + 8];
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < n->server.addresses; i++) {
		const struct sockaddr *at = (const struct sockaddr *)&n->server.address[i];

		if (at->sa_family == AF_UNIX)
			snprintf(text, sizeof(text), "unix:%s", n->server.uri.socket);
		else if (getnameinfo(at, n->server.address_len[i], host, sizeof(host), port, sizeof(port),
				 NI_NUMERICHOST | NI_NUMERICSERV) == 0)
			snprintf(text, sizeof(text), at->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
		else
			continue;
		rc = servers_add(list, text, why, room);
	}
	return rc;
}

static const struct blk_driver blk_driver_nbd = {
	.name = "nbd",
	.servers = nbd_servers,
	.open = nbd_open_driver,
	.attach = nbd_attach,
	.queue_start = nbd_queue_start,
	.queue_stop = nbd_queue_stop,
	.submit = nbd_queue_submit,
	.kick = nbd_queue_kick,
	.poll = nbd_queue_poll,
	.reap = nbd_queue_reap,
	/* No refresh: the protocol has no word for a size that changed. */
	.close = nbd_close_all,
};

BLK_MODULE(blk_driver_nbd);

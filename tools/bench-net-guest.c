// SPDX-License-Identifier: MIT
/* The endpoint in a guest domain: a thread per queue of a network frontend. */
#include "config.h"
#include "tools/bench-net.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "frontends/netfront.h"
#include "tools/bench.h"

#define TX_BATCH 32u
#define RX_BATCH 64u
#define PAUSE_MS 50
/* Flows of a queue, as other endpoints have. */
#define FLOWS 32u

struct queue {
	struct netbench_run *run;
	struct netfront_queue *q;
	unsigned index, next;
	uint8_t *frames;       /* FLOWS of them */
	pthread_t thread;
};

/* Return: how many; fewer than a batch: there is no room. */
static unsigned send_batch(struct queue *w)
{
	struct netbench_run *run = w->run;
	struct netif_rx_meta meta = { .size = run->size };
	unsigned n = 0;

	if (run->gso) {
		meta.csum_blank = true;
		meta.gso = NETIF_GSO_TCPV4;
		meta.gso_size = NETBENCH_GSO_SEGMENT;
	}
	for (; n < TX_BATCH; n++) {
		void *room = netfront_queue_get(w->q, run->size);

		if (!room)
			break;
		memcpy(room, w->frames + (size_t)(w->next++ % FLOWS) * run->size, run->size);
		if (netfront_queue_put(w->q, &meta) < 0)
			break;
	}
	netbench_count(&run->tx[w->index], n, (uint64_t)n * run->size);
	return n;
}

static unsigned receive_batch(struct queue *w)
{
	struct netfront_rx rx[RX_BATCH];
	int n = netfront_queue_recv(w->q, rx, RX_BATCH);
	uint64_t bytes = 0;

	for (int i = 0; i < n; i++)
		bytes += rx[i].meta.size;
	if (n <= 0)
		return 0;
	netfront_queue_done(w->q, rx, n);
	netbench_count(&w->run->rx[w->index], n, bytes);
	return n;
}

static void *queue_main(void *opaque)
{
	struct queue *w = opaque;
	struct netbench_run *run = w->run;
	bool tx = run->dir & NETBENCH_TX, rx = run->dir & NETBENCH_RX;

	while (!run->stop) {
		unsigned sent = tx ? send_batch(w) : 0, got = rx ? receive_batch(w) : 0;
		unsigned want = (rx ? NETFRONT_RX : 0) | (tx && sent < TX_BATCH ? NETFRONT_TX : 0);
		int rc = 0;

		if ((tx && sent == TX_BATCH) || got)
			rc = netfront_queue_kick(w->q);
		else
			rc = netfront_queue_wait(w->q, want, PAUSE_MS);
		if (rc < 0)
			run->stop = 1;
	}
	return NULL;
}

static int start_queue(struct queue *w, struct netbench_run *run, struct netfront *nf, unsigned i)
{
	*w = (struct queue){ .run = run, .q = netfront_queue(nf, i), .index = i,
		.frames = malloc((size_t)run->size * FLOWS) };
	if (!w->frames)
		return netbench_fail(run, "out of memory");
	for (unsigned f = 0; f < FLOWS; f++)
		netbench_frame(run, run->mac, i * FLOWS + f, w->frames + (size_t)f * run->size);
	if (pthread_create(&w->thread, NULL, queue_main, w) != 0)
		return netbench_fail(run, "cannot start a thread");
	return 0;
}

static int use(struct netbench_run *run, struct netfront *nf)
{
	const struct netfront_info *info = netfront_get_info(nf);
	struct queue queues[NETBENCH_QUEUES_MAX];
	unsigned n = 0;

	run->unsupported = info->queues < run->queues;
	if (run->unsupported)
		return netbench_fail(run, "the interface has only %u queue%s", info->queues,
			info->queues == 1 ? "" : "s");
	if (run->gso && !info->gso_tcpv4)
		return netbench_fail(run, "the interface takes no TSO");
	memcpy(run->mac, info->mac, sizeof(run->mac));
	while (n < run->queues && start_queue(&queues[n], run, nf, n) == 0)
		n++;
	run->stop |= run->failed;
	run->ready = !run->failed;
	for (unsigned i = 0; i < n; i++)
		pthread_join(queues[i].thread, NULL);
	if (*netfront_why(nf))
		netbench_fail(run, "%s", netfront_why(nf));
	for (unsigned i = 0; i < n; i++)
		free(queues[i].frames);
	return run->failed;
}

int bench_net_guest_main(int argc, char **argv)
{
	struct netfront_config config = { .timeout_ms = 30000, .takeover = true };
	struct netbench_run *run;
	struct netfront *nf;
	char why[200] = "";
	int rc;

	if (argc < 3)
		return 1;
	run = mmap(NULL, sizeof(*run), PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[1]), 0);
	if (run == MAP_FAILED)
		return 1;
	config.vif = strtoul(argv[2], NULL, 10);
	config.queues = run->queues;
	nf = netfront_open(&config, why, sizeof(why));
	if (!nf)
		return netbench_fail(run, "%s", why);
	rc = use(run, nf);
	netfront_close(nf);
	return rc;
}

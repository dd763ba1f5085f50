// SPDX-License-Identifier: MIT
/*
 * hostile-netfront --list, or GROUP|CASE..: break rules on the first interface, and see after
 * each that the backend took it as it should, that the interface can be used again, and that
 * the second one, which another backend serves, never noticed. Runs in a guest domain; the
 * backends' ports send back what they are sent.
 */
#include "config.h"
#include "tests/peers/hostile-net.h"

#include <stdio.h>
#include <string.h>

#include "frontends/netfront.h"

#define VICTIM 0
#define BYSTANDER 1

static const struct {
	const char *name;
	const struct np_case *cases;
} groups[] = {
	{ "rings", np_rings },
	{ "packets", np_packets },
	{ "grants", np_grants },
	{ "receiving", np_receiving },
	{ "control", np_control },
	{ "nodes", np_nodes },
	{ "states", np_states },
};

/* A frame goes and comes. */
static int use_vif(struct netfront *nf)
{
	static unsigned seed;
	struct netfront_queue *q = netfront_queue(nf, 0);
	struct netif_rx_meta meta = { .size = 60 + ++seed * 97 % 9000 };
	uint8_t data[9100], got[9100];
	struct iovec iov = { data, meta.size };
	struct netfront_rx rx;

	np_frame(data, meta.size, seed);
	if (netfront_queue_send(q, &iov, 1, &meta) < 0 || netfront_queue_kick(q) < 0)
		return hostile_fail("it takes nothing: %s", netfront_why(nf));
	if (netfront_queue_wait(q, NETFRONT_RX, HOSTILE_SECONDS * 1000) != NETFRONT_RX ||
		netfront_queue_recv(q, &rx, 1) != 1)
		return hostile_fail("nothing comes back: %s", netfront_why(nf));
	(void)netfront_rx_copy(&rx, got, sizeof(got));
	netfront_queue_done(q, &rx, 1);
	if (rx.meta.size != meta.size || memcmp(got + 12, data + 12, meta.size - 12) != 0)
		return hostile_fail("something else comes back (%u bytes, not %u)", rx.meta.size, meta.size);
	return 0;
}

static struct netfront *open_vif(unsigned vif)
{
	struct netfront_config config = { .vif = vif, .takeover = true, .timeout_ms = HOSTILE_SECONDS * 1000 };
	char why[256];
	struct netfront *nf = netfront_open(&config, why, sizeof(why));

	if (!nf)
		hostile_fail("interface %u cannot be opened: %s", vif, why);
	return nf;
}

/* The interface works for a frontend that keeps the rules. */
static int check_victim(void)
{
	struct netfront *nf = open_vif(VICTIM);
	int rc = nf ? use_vif(nf) : -1;

	netfront_close(nf);
	return rc < 0 ? hostile_fail("the victim does not work afterwards") : 0;
}

static int run_case(const struct np_case *c, struct netfront *bystander)
{
	static struct netpeer p;
	int rc;

	printf("%s\n", c->name);
	rc = np_open(&p, VICTIM);
	if (rc == 0)
		rc = np_reset_store(&p);
	if (rc == 0 && !c->raw)
		rc = np_connect(&p);
	if (rc == 0)
		rc = c->fn(&p);
	/* While the offender is still connected, and after it left without a word. */
	if (use_vif(bystander) < 0)
		rc = hostile_fail("the bystander suffered");
	np_free(&p);
	if (check_victim() < 0)
		rc = -1;
	printf("%s: %s\n", c->name, rc < 0 ? "FAILED" : "ok");
	return rc;
}

static unsigned run_named(const char *name, struct netfront *bystander, unsigned *failed)
{
	unsigned ran = 0;

	for (unsigned g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		bool all = strcmp(groups[g].name, name) == 0;

		for (const struct np_case *c = groups[g].cases; c->name; c++)
			if (all || strcmp(c->name, name) == 0) {
				*failed += run_case(c, bystander) < 0;
				ran++;
			}
	}
	return ran;
}

static void list_cases(void)
{
	for (unsigned g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
		for (const struct np_case *c = groups[g].cases; c->name; c++)
			printf("%s %s\n", groups[g].name, c->name);
}

int main(int argc, char **argv)
{
	struct netfront *bystander;
	unsigned failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2) {
		fprintf(stderr, "Usage: hostile-netfront --list | GROUP|CASE..\n");
		return 2;
	}
	if (strcmp(argv[1], "--list") == 0) {
		list_cases();
		return 0;
	}
	/* Connected all the time: if its backend, or what is below, breaks, it sees it. */
	bystander = open_vif(BYSTANDER);
	if (!bystander)
		return 1;
	for (int i = 1; i < argc; i++)
		if (run_named(argv[i], bystander, &failed) == 0) {
			fprintf(stderr, "hostile-netfront: no case or group is named %s\n", argv[i]);
			return 2;
		}
	netfront_close(bystander);
	printf("%u failed\n", failed);
	return failed ? 1 : 0;
}

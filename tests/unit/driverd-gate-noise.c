// SPDX-License-Identifier: MIT
/* The gate between backends and a store: anything in any order. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/gate-rig.h"

static uint64_t noise_state;

static unsigned noise(unsigned most)
{
	noise_state = noise_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(noise_state >> 33) % most;
}

#define PAYLOAD(text) { text, sizeof(text) - 1 }

static void noise_request(struct gate_client *c)
{
	static const struct {
		const char *text;
		size_t len;
	} payloads[] = { PAYLOAD(OWN "\0"), PAYLOAD(LEAF "/state\0"), PAYLOAD(OWN "\0t\0"),
		PAYLOAD(LEAF "\0u\0"), PAYLOAD(OWN "\0v\0"), PAYLOAD("T\0"), PAYLOAD("F\0"),
		PAYLOAD("\0"), PAYLOAD(OWN "/state\0" "4"), PAYLOAD("/") };
	static const uint32_t types[] = { XS_READ, XS_WATCH, XS_UNWATCH, XS_TRANSACTION_START,
		XS_TRANSACTION_END, XS_WRITE, XS_RM, XS_CONTROL, 1000 };
	struct xsd_sockmsg header = { .type = types[noise(ARRAY_SIZE(types))] };
	unsigned i = noise(ARRAY_SIZE(payloads));
	char message[128] = "";

	if (header.type != XS_TRANSACTION_START && noise(2))
		header.tx_id = c->last_tx - noise(3);
	header.len = (uint32_t)payloads[i].len;
	memcpy(message, &header, sizeof(header));
	memcpy(message + sizeof(header), payloads[i].text, payloads[i].len);
	/* What was left of one that was cut short begins the next. */
	client_put(c, message, noise(40) ? sizeof(header) + header.len : noise(sizeof(message)));
}

static void noise_answer(void)
{
	unsigned i = noise(GATE_FLIGHT);
	struct gate_client *c = gate.flight[i];
	const char *texts[] = { "OK", "17", "EAGAIN", "ENOENT" };
	const char *text = texts[noise(ARRAY_SIZE(texts))];
	uint32_t type = XS_ERROR;
	int rc;

	if (!c)
		return;
	if (noise(4))
		type = c->job == GATE_ABORT ? XS_TRANSACTION_END : c->job == GATE_WATCH ? XS_WATCH :
		       c->job == GATE_UNWATCH ? XS_UNWATCH : c->in.header.type;
	rc = store_send(gate.flight_id[i], type, text, strlen(text) + 1);
	if (rc < 0)
		gate_down(&gate);
}

static void noise_step(struct gate_client *c[8])
{
	unsigned i = noise(8);
	char path[64];

	switch (noise(12)) {
	case 0:
		if (c[i] && noise(8) == 0) {
			gate_client_close(c[i]);
			c[i] = NULL;
		}
		break;
	case 1:
		snprintf(path, sizeof(path), "%u/%x", noise(10), noise(2000));
		if (gate.up)
			store_fires(OWN "/state", path);
		break;
	case 2:
		if (noise(20) == 0 && gate.up)
			gate_down(&gate);
		else if (!gate.up)
			gate_up(&gate, noise(2) ? GATE_FLIGHT : 1);
		break;
	case 3:
		gate_tick(&gate, gate.now_ms + noise(300));
		break;
	case 4:
	case 5:
		noise_answer();
		break;
	case 6:
	case 7:
		(void)store_take();
		break;
	default:
		if (c[i] && c[i]->bad) {
			gate_client_close(c[i]);
			c[i] = NULL;
		}
		if (!c[i])
			c[i] = client_new();
		noise_request(c[i]);
		(void)client_take(c[i]);
		break;
	}
}

static void test_anything_in_any_order(void **state)
{
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct gate_client *c[8] = { NULL };

		noise_state = seed;
		for (unsigned i = 0; i < 20000; i++)
			noise_step(c);
		for (unsigned i = 0; i < 8; i++)
			if (c[i])
				gate_client_close(c[i]);
		if (!gate.up)
			gate_up(&gate, GATE_FLIGHT);
		for (unsigned i = 0; i < 1000 && gate.count; i++) {
			while (store_take())
				;
			for (unsigned j = 0; j < GATE_FLIGHT; j++)
				if (gate.flight[j]) {
					struct gate_client *f = gate.flight[j];
					uint32_t type = f->job == GATE_ABORT ? XS_TRANSACTION_END :
							f->job == GATE_REQUEST ? f->in.header.type : XS_UNWATCH;

					assert_int_equal(store_send(gate.flight_id[j], type, LITERAL("3\0")), 0);
				}
		}
		assert_int_equal(gate.count, 0);
		assert_int_equal(gate.tx_held, 0);
		assert_null(gate_take_dirty(&gate));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		GATE_TEST(test_anything_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/* The backend's states: every pair has an action, real frontends get through, nothing spins. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/array.h"
#include "protocol/xenbus.h"

/* A backend that does what it is told. */
struct model {
	int own, target;
	bool online, connected, removed;
	unsigned connects, disconnects;
};

/* False: nothing left to do. */
static bool step(struct model *m, int frontend)
{
	switch (xenbus_backend_action(m->own, frontend, m->online, m->connected, m->target)) {
	case XENBUS_NOTHING:
		return false;
	case XENBUS_INITIALISE:
	case XENBUS_REINIT:
		assert_false(m->connected);
		m->own = XenbusStateInitWait;
		return true;
	case XENBUS_CONNECT:
		assert_false(m->connected);
		m->connected = true;
		m->connects++;
		m->own = XenbusStateConnected;
		return true;
	case XENBUS_CLOSING:
		m->own = XenbusStateClosing;
		return true;
	case XENBUS_RECONFIGURE:
		assert_true(m->connected);
		m->own = XenbusStateReconfigured;
		return true;
	case XENBUS_RECONFIGURED:
		assert_true(m->connected);
		m->own = XenbusStateConnected;
		return true;
	case XENBUS_DISCONNECT:
		m->connected = false;
		m->disconnects++;
		m->own = XenbusStateClosed;
		return true;
	case XENBUS_REMOVE:
		m->connected = false;
		m->own = XenbusStateClosed;
		m->removed = true;
		return false;
	}
	fail_msg("no action");
	return false;
}

static void settle(struct model *m, int frontend)
{
	for (unsigned i = 0; i < 4; i++)
		if (!step(m, frontend))
			return;
	fail_msg("spins: backend %d, frontend %d", m->own, frontend);
}

/* Each pair: the frontend's next state, and the backend's that it waits for. */
struct scene {
	int frontend, backend;
};

static void play(struct model *m, const struct scene *scenes, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		settle(m, scenes[i].frontend);
		if (m->own != scenes[i].backend)
			fail_msg("scene %u: frontend %s, backend %s instead of %s", i,
				xenbus_state_name(scenes[i].frontend), xenbus_state_name(m->own),
				xenbus_state_name(scenes[i].backend));
	}
}

static struct model created(void)
{
	return (struct model){ .own = XenbusStateInitialising, .online = true };
}

#define PLAY(m, ...)                                                                       \
	do {                                                                               \
		static const struct scene scenes[] = { __VA_ARGS__ };                      \
		play(m, scenes, ARRAY_SIZE(scenes));                                       \
	} while (0)

static void test_linux(void **state)
{
	struct model m = created();

	PLAY(&m, { 1, 2 }, { 3, 4 }, { 4, 4 }, { 5, 5 });
	assert_true(m.connected); /* Closing keeps serving */
	PLAY(&m, { 6, 6 }, { 1, 2 }, { 3, 4 }, { 4, 4 });
	assert_int_equal(m.connects, 2);
	assert_false(m.removed);
}

/* Waits for exactly Closed after its own Closed, comes back through Initialising. */
static void test_grub(void **state)
{
	struct model m = created();

	PLAY(&m, { 0, 2 }, { 1, 2 }, { 3, 4 }, { 6, 6 }, { 1, 2 });
	assert_false(m.connected);
	PLAY(&m, { 3, 4 }, { 4, 4 });
}

static void test_straight_to_connected(void **state)
{
	struct model m = created();

	PLAY(&m, { 1, 2 }, { 4, 4 }, { 5, 5 }, { 6, 6 }, { 1, 2 }, { 4, 4 });
	assert_int_equal(m.connects, 2);
}

/* Closes before it ever connected, and expects InitWait after that. */
static void test_windows(void **state)
{
	struct model m = created();

	PLAY(&m, { 1, 2 }, { 5, 5 }, { 6, 6 }, { 1, 2 }, { 3, 4 }, { 4, 4 });
	assert_int_equal(m.connects, 1);
	m = created();
	PLAY(&m, { 5, 5 }, { 6, 6 }, { 1, 2 });
}

/* Linux's netfront, when an XDP program comes or goes. */
static void test_reconfigures(void **state)
{
	struct model m = created();

	PLAY(&m, { 1, 2 }, { 4, 4 }, { 7, 8 }, { 4, 4 }, { 7, 8 }, { 4, 4 }, { 7, 8 }, { 6, 6 });
	assert_int_equal(m.connects, 1);
	m = created();
	PLAY(&m, { 1, 2 }, { 7, 2 }, { 4, 4 }); /* nothing to configure anew */
}

/* Watches coalesce: only the last of 5, 6, 1 may be seen. */
static void test_coalesced_restart(void **state)
{
	struct model m = created();

	PLAY(&m, { 1, 2 }, { 3, 4 }, { 1, 2 });
	assert_int_equal(m.disconnects, 1);
	PLAY(&m, { 4, 4 });
}

static void test_frontend_vanishes(void **state)
{
	struct model m = created();

	PLAY(&m, { 1, 2 }, { 4, 4 }, { 0, 6 });
	assert_false(m.connected);
	assert_false(m.removed);
	m.online = false;
	settle(&m, 0);
	assert_true(m.removed);
	m = created();
	PLAY(&m, { 1, 2 }, { 4, 4 });
	m.online = false;
	settle(&m, 0);
	assert_true(m.removed && !m.connected);
}

/* xl block-detach: online 0 and Closing written over our state; the guest follows. */
static void test_detach(void **state)
{
	struct model m = created();

	PLAY(&m, { 1, 2 }, { 3, 4 }, { 4, 4 });
	m.online = false;
	m.target = XenbusStateClosing;
	PLAY(&m, { 4, 5 });
	assert_true(m.connected && !m.removed);
	PLAY(&m, { 5, 5 });
	assert_true(m.connected && !m.removed);
	settle(&m, 6);
	assert_true(m.removed && !m.connected);
}

static void test_detach_before_connect(void **state)
{
	static const int own[] = { 1, 2, 5, 6 };
	static const int frontend[] = { 0, 1, 2, 3, 4, 5, 6 };

	for (unsigned o = 0; o < ARRAY_SIZE(own); o++) {
		for (unsigned f = 0; f < ARRAY_SIZE(frontend); f++) {
			struct model m = { .own = own[o], .target = XenbusStateClosing };

			settle(&m, frontend[f]);
			assert_true(m.removed);
		}
	}
}

/* A guest's shutdown closes; the toolstack takes the device away later. */
static void test_offline_after_close(void **state)
{
	struct model m = created();

	PLAY(&m, { 1, 2 }, { 4, 4 }, { 5, 5 }, { 6, 6 });
	assert_false(m.removed);
	m.online = false;
	settle(&m, 6);
	assert_true(m.removed);
}

/* Offline alone does not take a disk from a guest that uses it. */
static void test_offline_while_connected(void **state)
{
	struct model m = created();

	PLAY(&m, { 1, 2 }, { 4, 4 });
	m.online = false;
	PLAY(&m, { 4, 4 });
	assert_true(m.connected && !m.removed);
	PLAY(&m, { 5, 5 });
	settle(&m, 6);
	assert_true(m.removed);
}

/* We closed for cause; the frontend still says Connected and must not be let in again. */
static void test_no_reconnect_of_the_expelled(void **state)
{
	struct model m = { .own = XenbusStateClosed, .online = true };

	PLAY(&m, { 4, 6 }, { 3, 6 }, { 2, 6 }, { 5, 6 }, { 6, 6 }, { 1, 2 });
	assert_int_equal(m.connects, 0);
}

/* A backend that died and was started again finds its old state in the store. */
static void test_successor(void **state)
{
	struct model m = { .own = XenbusStateConnected, .online = true };

	PLAY(&m, { 4, 4 });
	assert_true(m.connected);
	m = (struct model){ .own = XenbusStateConnected, .online = true };
	PLAY(&m, { 1, 2 });
	m = (struct model){ .own = XenbusStateInitWait, .online = true };
	PLAY(&m, { 1, 2 }, { 3, 4 });
	m = (struct model){ .own = XenbusStateClosing, .online = true };
	PLAY(&m, { 5, 5 }, { 6, 6 }, { 1, 2 });
}

static void test_every_pair_settles(void **state)
{
	static const int odd[] = { -1, -2147483647 - 1, 9, 10, 99, 2147483647 };

	for (unsigned bits = 0; bits < 4; bits++) {
		for (int target = 0; target < 9; target++) {
			for (int own = -1; own < 11; own++) {
				struct model m = { .own = own, .target = target,
					.online = bits & 1, .connected = bits & 2 };
				struct model before = m;

				for (int frontend = 0; frontend < 9; frontend++) {
					m = before;
					settle(&m, frontend);
					assert_true(m.own != 99);
				}
				for (unsigned i = 0; i < ARRAY_SIZE(odd); i++) {
					m = before;
					settle(&m, odd[i]);
				}
			}
		}
	}
}

/* Whatever the frontend does: never connected twice, never removed while wanted. */
static void test_random_frontends(void **state)
{
	uint32_t seed = 1;

	for (unsigned run = 0; run < 2000; run++) {
		struct model m = created();

		for (unsigned i = 0; i < 50; i++) {
			int frontend;

			seed = seed * 1664525 + 1013904223;
			frontend = (seed >> 16) % 10;
			for (unsigned j = 0; j < (seed >> 28) % 4; j++)
				if (!step(&m, frontend))
					break;
			assert_false(m.removed);
			/* rings are mapped in the states that say so, and only there */
			assert_true(!m.connected || m.own == XenbusStateConnected ||
				m.own == XenbusStateReconfigured || m.own == XenbusStateClosing);
		}
		settle(&m, XenbusStateClosed);
		assert_false(m.connected);
		settle(&m, XenbusStateInitialising);
		settle(&m, XenbusStateConnected);
		assert_true(m.connected && m.own == XenbusStateConnected);
	}
}

static void test_names(void **state)
{
	assert_string_equal(xenbus_state_name(0), "Unknown");
	assert_string_equal(xenbus_state_name(4), "Connected");
	assert_string_equal(xenbus_state_name(8), "Reconfigured");
	assert_string_equal(xenbus_state_name(9), "?");
	assert_string_equal(xenbus_state_name(-1), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_linux),
		cmocka_unit_test(test_grub),
		cmocka_unit_test(test_straight_to_connected),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_reconfigures),
		cmocka_unit_test(test_coalesced_restart),
		cmocka_unit_test(test_frontend_vanishes),
		cmocka_unit_test(test_detach),
		cmocka_unit_test(test_detach_before_connect),
		cmocka_unit_test(test_offline_after_close),
		cmocka_unit_test(test_offline_while_connected),
		cmocka_unit_test(test_no_reconnect_of_the_expelled),
		cmocka_unit_test(test_successor),
		cmocka_unit_test(test_every_pair_settles),
		cmocka_unit_test(test_random_frontends),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

/* A pipe whose read end is watched. */
struct input {
	struct loop *loop;
	int fds[2];
	struct loop_source *source;
	unsigned calls;
	uint32_t events;
	struct input *victim; /* removed by the callback */
};

static int setup(void **state)
{
	*state = loop_new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	loop_free(*state);
	return 0;
}

static void stop(void *opaque)
{
	loop_stop(opaque, 0);
}

/* Runs what is ready, and timers of 0 ms, once each. */
static void run_ready(struct loop *loop)
{
	assert_non_null(loop_add_timer(loop, 0, stop, loop));
	assert_int_equal(loop_run(loop), 0);
}

static void input_drop(struct input *in)
{
	loop_remove(in->source);
	in->source = NULL;
	close(in->fds[0]);
	close(in->fds[1]);
}

static void input_ready(void *opaque, uint32_t events)
{
	struct input *in = opaque;

	in->calls++;
	in->events = events;
	if (in->victim && in->victim->source)
		input_drop(in->victim);
}

static void input_open(struct input *in, struct loop *loop)
{
	*in = (struct input){ .loop = loop };
	assert_int_equal(pipe2(in->fds, O_CLOEXEC), 0);
	in->source = loop_add_fd(loop, in->fds[0], EPOLLIN, input_ready, in);
	assert_non_null(in->source);
}

static void input_fill(struct input *in)
{
	assert_int_equal(write(in->fds[1], "x", 1), 1);
}

static void test_fd_calls(void **state)
{
	struct input in;

	input_open(&in, *state);
	run_ready(*state);
	assert_int_equal(in.calls, 0);
	input_fill(&in);
	run_ready(*state);
	assert_int_equal(in.calls, 1);
	assert_int_equal(in.events, EPOLLIN);
	/* Level-triggered: it is not read, so it is told again. */
	run_ready(*state);
	assert_int_equal(in.calls, 2);
	input_drop(&in);
	run_ready(*state);
	assert_int_equal(in.calls, 2);
}

static void test_parked(void **state)
{
	struct input in;

	input_open(&in, *state);
	input_fill(&in);
	assert_int_equal(loop_set_events(in.source, 0), 0);
	run_ready(*state);
	assert_int_equal(in.calls, 0);
	assert_int_equal(loop_set_events(in.source, EPOLLIN), 0);
	run_ready(*state);
	assert_int_equal(in.calls, 1);
	input_drop(&in);
}

static void test_hangup_is_told(void **state)
{
	struct input in;

	input_open(&in, *state);
	close(in.fds[1]);
	run_ready(*state);
	assert_int_equal(in.calls, 1);
	assert_true(in.events & EPOLLHUP);
	in.fds[1] = dup(0);
	input_drop(&in);
}

static void test_remove_self(void **state)
{
	struct input in;

	input_open(&in, *state);
	input_fill(&in);
	in.victim = &in;
	run_ready(*state);
	run_ready(*state);
	assert_int_equal(in.calls, 1);
}

/* Both are ready in one round; whoever comes first removes the other, whose event is in hand. */
static void test_remove_other(void **state)
{
	struct input a, b;

	input_open(&a, *state);
	input_open(&b, *state);
	input_fill(&a);
	input_fill(&b);
	a.victim = &b;
	b.victim = &a;
	run_ready(*state);
	assert_int_equal(a.calls + b.calls, 1);
	input_drop(a.source ? &a : &b);
}

/* The removed one's descriptor is used anew in the same callback: its event is not the new one's. */
struct reuse {
	struct input *old;
	struct input *fresh;
};

static void reuse_ready(void *opaque, uint32_t events)
{
	struct reuse *r = opaque;
	int old = r->old->fds[0];

	if (!r->old->source)
		return;
	input_drop(r->old);
	input_open(r->fresh, r->old->loop);
	assert_true(r->fresh->fds[0] == old || r->fresh->fds[1] == old);
}

static void test_descriptor_reused(void **state)
{
	struct input first, old, fresh = { .calls = 0 };
	struct reuse r = { .old = &old, .fresh = &fresh };
	struct loop_source *before, *after;

	input_open(&first, *state);
	loop_remove(first.source);
	/* One before and one after in whatever order the kernel tells them. */
	before = loop_add_fd(*state, first.fds[0], EPOLLIN, reuse_ready, &r);
	input_open(&old, *state);
	after = loop_add_fd(*state, first.fds[1], EPOLLOUT, reuse_ready, &r);
	assert_true(before && after);
	input_fill(&first);
	input_fill(&old);
	run_ready(*state);
	assert_true(old.calls <= 1);
	assert_int_equal(fresh.calls, 0);
	input_fill(&fresh);
	run_ready(*state);
	assert_int_equal(fresh.calls, 1);
	loop_remove(before);
	loop_remove(after);
	first.source = NULL;
	input_drop(&first);
	input_drop(&fresh);
}

struct ticks {
	struct loop *loop;
	unsigned count;
	struct loop_source *other;
};

static void tick(void *opaque)
{
	((struct ticks *)opaque)->count++;
}

static void tick_again(void *opaque)
{
	struct ticks *t = opaque;

	if (++t->count == 3)
		loop_stop(t->loop, 7);
	else
		assert_non_null(loop_add_timer(t->loop, 1, tick_again, t));
}

static void tick_remove(void *opaque)
{
	struct ticks *t = opaque;

	t->count++;
	loop_remove(t->other);
	t->other = NULL;
}

static void test_timer_fires_once(void **state)
{
	struct ticks t = { .loop = *state };

	assert_non_null(loop_add_timer(*state, 0, tick, &t));
	run_ready(*state);
	run_ready(*state);
	assert_int_equal(t.count, 1);
}

static void test_timer_waits(void **state)
{
	struct ticks t = { .loop = *state };
	struct loop_source *late = loop_add_timer(*state, 3600 * 1000, tick, &t);

	assert_non_null(late);
	run_ready(*state);
	assert_int_equal(t.count, 0);
	loop_remove(late);
	loop_remove(NULL);
}

static void test_timer_from_timer(void **state)
{
	struct ticks t = { .loop = *state };

	assert_non_null(loop_add_timer(*state, 1, tick_again, &t));
	assert_int_equal(loop_run(*state), 7);
	assert_int_equal(t.count, 3);
}

/* Of two that are due at once the one that runs first removes the other. */
static void test_timer_removes_timer(void **state)
{
	struct ticks a = { .loop = *state }, b = { .loop = *state };
	struct loop_source *sa = loop_add_timer(*state, 0, tick_remove, &a);
	struct loop_source *sb = loop_add_timer(*state, 0, tick_remove, &b);

	a.other = sb;
	b.other = sa;
	run_ready(*state);
	assert_int_equal(a.count + b.count, 1);
}

static char order[8];

static void order_a(void *opaque)
{
	strcat(order, "a");
}

static void order_b(void *opaque)
{
	strcat(order, "b");
}

static void order_c(void *opaque)
{
	strcat(order, "c");
	assert_non_null(loop_add_timer(opaque, 0, order_a, opaque));
}

/* Late timers run as they were due, not as they were made; their own wait a round. */
static void test_timers_in_order(void **state)
{
	assert_non_null(loop_add_timer(*state, 20, stop, *state));
	assert_non_null(loop_add_timer(*state, 15, order_c, *state));
	assert_non_null(loop_add_timer(*state, 5, order_a, *state));
	assert_non_null(loop_add_timer(*state, 5, order_b, *state));
	usleep(40000);
	assert_int_equal(loop_run(*state), 0);
	assert_string_equal(order, "abc");
	run_ready(*state);
	assert_string_equal(order, "abca");
}

static void input_stop(void *opaque, uint32_t events)
{
	struct input *in = opaque;

	in->calls++;
	loop_stop(in->loop, 3);
}

/* After a stop nothing else of the round is called, and the loop can run again. */
static void test_stop(void **state)
{
	struct ticks t = { .loop = *state };
	struct input in;

	input_open(&in, *state);
	loop_remove(in.source);
	in.source = loop_add_fd(*state, in.fds[0], EPOLLIN, input_stop, &in);
	assert_non_null(in.source);
	assert_non_null(loop_add_timer(*state, 0, tick, &t));
	input_fill(&in);
	assert_int_equal(loop_run(*state), 3);
	assert_int_equal(t.count, 0);
	input_drop(&in);
	run_ready(*state);
	assert_int_equal(t.count, 1);
}

/* As by what is found at the start: it counts, once. */
static void test_stop_before_it_runs(void **state)
{
	loop_stop(*state, 5);
	assert_int_equal(loop_run(*state), 5);
	run_ready(*state);
}

static void test_bad_descriptor(void **state)
{
	assert_null(loop_add_fd(*state, -1, EPOLLIN, input_ready, NULL));
	assert_int_equal(errno, EBADF);
	run_ready(*state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fd_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hangup_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove_self, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove_other, setup, teardown),
		cmocka_unit_test_setup_teardown(test_descriptor_reused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timer_fires_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timer_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timer_from_timer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timer_removes_timer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timers_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_before_it_runs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_descriptor, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

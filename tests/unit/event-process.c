// SPDX-License-Identifier: MIT
/* Event channels between process domains, through the public library. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <xenevtchn.h>
#include <xentoolcore.h>

#include "hv-harness.h"

#define PATIENCE_MS 10000
#define VIRQ_DOM_EXC 3

static struct hv_world world;

static xenevtchn_handle *open_as(uint32_t domid)
{
	xenevtchn_handle *xce;

	hv_enter(&world, domid);
	xce = xenevtchn_open(NULL, 0);
	assert_non_null(xce);
	assert_int_equal(fcntl(xenevtchn_fd(xce), F_SETFL, O_NONBLOCK), 0);
	return xce;
}

static bool fires(xenevtchn_handle *xce, int ms)
{
	struct pollfd p = { .fd = xenevtchn_fd(xce), .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

static void expect_event(xenevtchn_handle *xce, int port)
{
	assert_true(fires(xce, PATIENCE_MS));
	assert_int_equal(xenevtchn_pending(xce), port);
}

static void expect_none(xenevtchn_handle *xce)
{
	assert_false(fires(xce, 0));
	errno = 0;
	assert_int_equal(xenevtchn_pending(xce), -1);
	assert_int_equal(errno, EAGAIN);
}

/* Two ends of a channel between domains 1 and 2; the binder's first event is taken. */
struct pair {
	xenevtchn_handle *a, *b;
	int pa, pb;
};

static struct pair pair_make(void)
{
	struct pair p = { .a = open_as(1), .b = open_as(2) };

	p.pa = xenevtchn_bind_unbound_port(p.a, 2);
	assert_true(p.pa > 0);
	p.pb = xenevtchn_bind_interdomain(p.b, 1, p.pa);
	assert_true(p.pb > 0);
	expect_event(p.b, p.pb);
	assert_int_equal(xenevtchn_unmask(p.b, p.pb), 0);
	return p;
}

static void pair_close(struct pair *p)
{
	xenevtchn_close(p->a);
	xenevtchn_close(p->b);
}

static void test_both_ways(void **state)
{
	struct pair p = pair_make();

	for (int i = 0; i < 3; i++) {
		assert_int_equal(xenevtchn_notify(p.a, p.pa), 0);
		expect_event(p.b, p.pb);
		assert_int_equal(xenevtchn_unmask(p.b, p.pb), 0);
		expect_none(p.b);
		assert_int_equal(xenevtchn_notify(p.b, p.pb), 0);
		expect_event(p.a, p.pa);
		assert_int_equal(xenevtchn_unmask(p.a, p.pa), 0);
		expect_none(p.a);
	}
	pair_close(&p);
}

static void test_events_merge(void **state)
{
	struct pair p = pair_make();

	for (int i = 0; i < 10; i++)
		assert_int_equal(xenevtchn_notify(p.a, p.pa), 0);
	expect_event(p.b, p.pb);
	assert_int_equal(xenevtchn_unmask(p.b, p.pb), 0);
	expect_none(p.b);
	pair_close(&p);
}

static void test_masked_until_unmask(void **state)
{
	struct pair p = pair_make();

	assert_int_equal(xenevtchn_notify(p.a, p.pa), 0);
	expect_event(p.b, p.pb);
	/* It was returned, so it is masked; what comes now is kept. */
	assert_int_equal(xenevtchn_notify(p.a, p.pa), 0);
	expect_none(p.b);
	assert_int_equal(xenevtchn_unmask(p.b, p.pb), 0);
	expect_event(p.b, p.pb);
	pair_close(&p);
}

static void test_sent_before_bound_is_kept(void **state)
{
	xenevtchn_handle *a = open_as(1), *b = open_as(2);
	int pa = xenevtchn_bind_unbound_port(a, 2), pb;

	assert_int_equal(xenevtchn_notify(a, pa), 0);
	pb = xenevtchn_bind_interdomain(b, 1, pa);
	assert_true(pb > 0);
	expect_event(b, pb);
	xenevtchn_close(a);
	xenevtchn_close(b);
}

static void test_binder_starts_pending(void **state)
{
	xenevtchn_handle *a = open_as(1), *b = open_as(2);
	int pa = xenevtchn_bind_unbound_port(a, 2);
	int pb = xenevtchn_bind_interdomain(b, 1, pa);

	expect_event(b, pb);
	expect_none(a);
	xenevtchn_close(a);
	xenevtchn_close(b);
}

static void test_flood_blocks_nobody(void **state)
{
	struct pair p = pair_make();

	/* Far beyond what a pipe holds, in both directions, nobody reading. */
	for (int i = 0; i < 200000; i++) {
		assert_int_equal(xenevtchn_notify(p.a, p.pa), 0);
		assert_int_equal(xenevtchn_notify(p.b, p.pb), 0);
	}
	expect_event(p.a, p.pa);
	expect_event(p.b, p.pb);
	pair_close(&p);
}

struct flood {
	struct pair *p;
	int stop;
};

static void *flood_thread(void *opaque)
{
	struct flood *f = opaque;

	while (!__atomic_load_n(&f->stop, __ATOMIC_ACQUIRE))
		xenevtchn_notify(f->p->a, f->p->pa);
	return NULL;
}

static void test_flood_does_not_starve_reader(void **state)
{
	struct pair p = pair_make();
	struct flood f = { .p = &p };
	int other_a = xenevtchn_bind_unbound_port(p.a, 2);
	int other_b = xenevtchn_bind_interdomain(p.b, 1, other_a);
	bool seen = false;
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, flood_thread, &f), 0);
	/* The other port's first event must come through between the flood's. */
	for (int i = 0; i < 100000 && !seen; i++) {
		int port;

		assert_true(fires(p.b, PATIENCE_MS));
		port = xenevtchn_pending(p.b);
		seen = port == other_b;
		if (port > 0)
			assert_int_equal(xenevtchn_unmask(p.b, port), 0);
	}
	__atomic_store_n(&f.stop, 1, __ATOMIC_RELEASE);
	pthread_join(t, NULL);
	assert_true(seen);
	pair_close(&p);
}

#define FDS 256

static bool is_pipe_writer(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) == O_WRONLY && fcntl(fd, F_GETPIPE_SZ) > 0;
}

/* What a process that knows our pipes could do: make its write end blocking and fill it. */
static void test_blocking_pipe_harms_nobody(void **state)
{
	bool inherited[FDS];
	struct pair p;

	/* Those that were there before, such as make's, are not ours to fill. */
	for (int fd = 0; fd < FDS; fd++)
		inherited[fd] = fcntl(fd, F_GETFD) >= 0;
	p = pair_make();
	for (int fd = 0; fd < FDS; fd++) {
		if (inherited[fd] || !is_pipe_writer(fd))
			continue;
		for (int i = 0; i < 100000; i++)
			if (write(fd, "", 1) < 0)
				break;
		fcntl(fd, F_SETFL, 0);
	}
	/* Binding again makes the hypervisor raise the port: it must not hang. */
	assert_int_equal(xenevtchn_unbind(p.b, p.pb), 0);
	p.pb = xenevtchn_bind_interdomain(p.b, 1, p.pa);
	assert_true(p.pb > 0);
	expect_event(p.b, p.pb);
	/* And the successor got a pipe that is full, but not one that blocks. */
	assert_int_equal(xenevtchn_notify(p.b, p.pb), 0);
	pair_close(&p);
}

static void test_close_leaves_peer_unbound(void **state)
{
	struct pair p = pair_make();
	int again;

	assert_int_equal(xenevtchn_unbind(p.b, p.pb), 0);
	/* No error, no hang-up at the end that stays; what it sends is kept. */
	assert_int_equal(xenevtchn_notify(p.a, p.pa), 0);
	expect_none(p.a);
	again = xenevtchn_bind_interdomain(p.b, 1, p.pa);
	assert_true(again > 0);
	expect_event(p.b, again);
	assert_int_equal(xenevtchn_notify(p.b, again), 0);
	expect_event(p.a, p.pa);
	pair_close(&p);
}

/* A process of domain 2 that binds, says so, and waits to be killed. */
static pid_t victim_start(int pa)
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		xenevtchn_handle *xce;

		hv_enter(&world, 2);
		xce = xenevtchn_open(NULL, 0);
		if (xce && xenevtchn_bind_interdomain(xce, 1, pa) > 0 && write(ready[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static int bind_patiently(xenevtchn_handle *xce, uint32_t domid, int port)
{
	for (int i = 0; i < PATIENCE_MS; i++) {
		int rc = xenevtchn_bind_interdomain(xce, domid, port);

		if (rc > 0)
			return rc;
		usleep(1000);
	}
	return -1;
}

static void test_rebind_after_kill(void **state)
{
	xenevtchn_handle *a = open_as(1), *b;
	int pa = xenevtchn_bind_unbound_port(a, 2), pb;
	pid_t pid = victim_start(pa);

	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(xenevtchn_notify(a, pa), 0);
	b = open_as(2);
	pb = bind_patiently(b, 1, pa);
	assert_true(pb > 0);
	expect_event(b, pb);
	assert_int_equal(xenevtchn_unmask(b, pb), 0);
	assert_int_equal(xenevtchn_notify(b, pb), 0);
	expect_event(a, pa);
	xenevtchn_close(a);
	xenevtchn_close(b);
}

static void test_bind_errors(void **state)
{
	struct pair p = pair_make();
	xenevtchn_handle *c = open_as(3);
	int for2 = xenevtchn_bind_unbound_port(p.a, 2);

	errno = 0;
	assert_int_equal(xenevtchn_bind_interdomain(c, 1, for2), -1);
	assert_int_equal(errno, EINVAL); /* not for domain 3 */
	assert_int_equal(xenevtchn_bind_interdomain(p.b, 1, p.pa), -1);
	assert_int_equal(errno, EINVAL); /* taken */
	assert_int_equal(xenevtchn_bind_interdomain(p.b, 1, 4000), -1);
	assert_int_equal(errno, EINVAL); /* no such port */
	assert_int_equal(xenevtchn_bind_interdomain(p.b, 77, 1), -1);
	assert_int_equal(errno, ESRCH); /* no such domain */
	assert_int_equal(xenevtchn_bind_virq(p.b, 99), -1);
	assert_int_equal(errno, EINVAL);
	xenevtchn_close(c);
	pair_close(&p);
}

static void test_unknown_ports(void **state)
{
	xenevtchn_handle *a = open_as(1), *b = open_as(1);
	int port = xenevtchn_bind_unbound_port(a, 2);

	assert_int_equal(xenevtchn_notify(a, 999), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(xenevtchn_unmask(a, 999), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(xenevtchn_unbind(a, 999), -1);
	assert_int_equal(errno, EINVAL);
	/* Another handle's port, though the same domain's. */
	assert_int_equal(xenevtchn_unbind(b, port), -1);
	assert_int_equal(errno, EINVAL);
	assert_null(xenevtchn_open(NULL, 0x80));
	xenevtchn_close(a);
	xenevtchn_close(b);
}

static void test_loopback(void **state)
{
	xenevtchn_handle *a = open_as(1);
	int p1 = xenevtchn_bind_unbound_port(a, 0x7ff0), p2;

	assert_true(p1 > 0);
	p2 = xenevtchn_bind_interdomain(a, 1, p1);
	assert_true(p2 > 0);
	expect_event(a, p2);
	assert_int_equal(xenevtchn_notify(a, p2), 0);
	expect_event(a, p1);
	assert_int_equal(xenevtchn_unbind(a, p1), 0);
	assert_int_equal(xenevtchn_unbind(a, p2), 0);
	xenevtchn_close(a);
}

static void test_restrict(void **state)
{
	xenevtchn_handle *a = open_as(1), *b = open_as(2);
	int pa = xenevtchn_bind_unbound_port(a, 2);

	assert_int_equal(xenevtchn_restrict(b, 1), 0);
	assert_true(xenevtchn_bind_interdomain(b, 1, pa) > 0);
	errno = 0;
	assert_int_equal(xenevtchn_bind_unbound_port(b, 3), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(xenevtchn_bind_interdomain(b, 3, 1), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(xenevtchn_bind_virq(b, VIRQ_DOM_EXC), -1);
	assert_int_equal(errno, EACCES);
	/* Irrevocable; the same again is fine. */
	assert_int_equal(xenevtchn_restrict(b, 3), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(xenevtchn_restrict(b, 1), 0);
	xenevtchn_close(a);
	xenevtchn_close(b);
}

static void test_toolcore_restrict_all(void **state)
{
	xenevtchn_handle *b = open_as(2);

	assert_int_equal(xentoolcore_restrict_all(1), 0);
	assert_true(xenevtchn_bind_unbound_port(b, 1) > 0);
	assert_int_equal(xenevtchn_bind_unbound_port(b, 3), -1);
	assert_int_equal(errno, EACCES);
	xenevtchn_close(b);
}

static void test_virq_on_destroy(void **state)
{
	struct hvctl_domain_config config = { .domid = HVCTL_DOMID_ANY, .name = "short-lived" };
	xenevtchn_handle *x = open_as(0), *y = open_as(0);
	int port = xenevtchn_bind_virq(x, VIRQ_DOM_EXC);
	uint32_t domid;

	assert_true(port > 0);
	assert_int_equal(xenevtchn_bind_virq(y, VIRQ_DOM_EXC), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(xenevtchn_notify(x, port), -1);
	expect_none(x);
	assert_int_equal(hv_domain_add(&world, &config, "short", &domid), 0);
	assert_int_equal(hvctl_domain_destroy(world.ctl, domid), 0);
	expect_event(x, port);
	assert_int_equal(hvctl_domain_destroy(world.ctl, domid), -ESRCH);
	xenevtchn_close(x);
	xenevtchn_close(y);
}

static void *late_notifier(void *opaque)
{
	struct pair *p = opaque;

	usleep(20000);
	xenevtchn_notify(p->a, p->pa);
	return NULL;
}

static void test_pending_blocks_when_asked_to(void **state)
{
	struct pair p = pair_make();
	pthread_t t;

	assert_int_equal(fcntl(xenevtchn_fd(p.b), F_SETFL, 0), 0);
	assert_int_equal(pthread_create(&t, NULL, late_notifier, &p), 0);
	assert_int_equal(xenevtchn_pending(p.b), p.pb);
	pthread_join(t, NULL);
	pair_close(&p);
}

static void test_channel_quota(void **state)
{
	struct hvctl_domain_config config = { .domid = 9, .max_channels = 3 };
	xenevtchn_handle *x;
	uint32_t domid;
	int port = 0;

	assert_int_equal(hv_domain_add(&world, &config, "9", &domid), 0);
	x = open_as(9);
	for (int i = 0; i < 3; i++) {
		port = xenevtchn_bind_unbound_port(x, 1);
		assert_true(port > 0);
	}
	assert_int_equal(xenevtchn_bind_unbound_port(x, 1), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(xenevtchn_unbind(x, port), 0);
	assert_int_equal(xenevtchn_bind_unbound_port(x, 1), port);
	xenevtchn_close(x);
	assert_int_equal(hvctl_domain_destroy(world.ctl, domid), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_events_merge),
		cmocka_unit_test(test_masked_until_unmask),
		cmocka_unit_test(test_sent_before_bound_is_kept),
		cmocka_unit_test(test_binder_starts_pending),
		cmocka_unit_test(test_flood_blocks_nobody),
		cmocka_unit_test(test_flood_does_not_starve_reader),
		cmocka_unit_test(test_blocking_pipe_harms_nobody),
		cmocka_unit_test(test_close_leaves_peer_unbound),
		cmocka_unit_test(test_rebind_after_kill),
		cmocka_unit_test(test_bind_errors),
		cmocka_unit_test(test_unknown_ports),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_restrict),
		cmocka_unit_test(test_toolcore_restrict_all),
		cmocka_unit_test(test_virq_on_destroy),
		cmocka_unit_test(test_pending_blocks_when_asked_to),
		cmocka_unit_test(test_channel_quota),
	};
	int failed;

	hv_dropin(argv);
	hv_world_start(&world);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	hv_world_stop(&world);
	return failed;
}

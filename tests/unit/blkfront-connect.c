// SPDX-License-Identifier: MIT
/* The block frontend's handshake, its bounds on the backend's nodes, and the ways it ends. */
#include "config.h"
#include "tests/unit/blkfront-test.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <xen/io/protocols.h>

#define front(name) fake_get(FAKE_FRONT "/" name)

static void test_nodes(void **state)
{
	struct blkfront *bf = test_open();
	const struct blkfront_info *info = blkfront_get_info(bf);

	assert_string_equal(front("state"), "4");
	assert_string_equal(front("protocol"), XEN_IO_PROTO_ABI_NATIVE);
	assert_string_equal(front("feature-persistent"), "1");
	assert_string_equal(front("event-channel"), "9");
	assert_non_null(front("ring-ref"));
	assert_null(front("ring-page-order"));
	assert_int_equal(info->size, BACKEND_DISK_BYTES);
	assert_int_equal(info->sector_size, 512);
	assert_int_equal(info->physical_sector_size, 4096);
	assert_int_equal(info->depth, 32);
	assert_int_equal(info->max_segments, 256);
	assert_int_equal(info->max_io, 1 << 20);
	assert_int_equal(info->discard_granularity, 4096);
	assert_true(info->persistent && info->indirect && info->flush && info->discard);
	assert_false(info->readonly || info->barrier || info->secure_discard);
	blkfront_close(bf);
	assert_string_equal(front("state"), "6");
	assert_string_equal(fake_get(FAKE_BACK "/state"), "6");
}

static void test_close_nothing(void **state)
{
	blkfront_close(NULL);
}

static void test_open_again(void **state)
{
	blkfront_close(test_open());
	blkfront_close(test_open());
	assert_string_equal(front("state"), "6");
}

static void test_no_persistent(void **state)
{
	struct blkfront *bf = test_open_with((struct blkfront_config){ .no_persistent = true });

	assert_string_equal(front("feature-persistent"), "0");
	assert_false(blkfront_get_info(bf)->persistent);
	blkfront_close(bf);
}

/* Nodes that GRUB or another kernel left would change the meaning of ours. */
static void test_stale_nodes(void **state)
{
	struct blkfront *bf;

	fake_set(FAKE_FRONT "/ring-page-order", "3");
	fake_set(FAKE_FRONT "/num-ring-pages", "8");
	fake_set(FAKE_FRONT "/ring-ref5", "1");
	fake_set(FAKE_FRONT "/multi-queue-num-queues", "2");
	fake_set(FAKE_FRONT "/queue-1/ring-ref", "1");
	bf = test_open();
	assert_null(front("ring-page-order"));
	assert_null(front("num-ring-pages"));
	assert_null(front("ring-ref5"));
	assert_null(front("multi-queue-num-queues"));
	assert_null(front("queue-1/ring-ref"));
	blkfront_close(bf);
	bf = test_open_with((struct blkfront_config){ .ring_order = 1, .max_segments = 11 });
	assert_string_equal(front("ring-page-order"), "1");
	assert_null(front("ring-ref"));
	assert_non_null(front("ring-ref1"));
	assert_null(front("ring-ref2"));
	blkfront_close(bf);
}

static void test_transaction_conflict(void **state)
{
	fakes.conflicts = 3;
	blkfront_close(test_open());
	assert_int_equal(fakes.conflicts, 0);
}

/* ---- which disk ---- */

static int open_error(struct blkfront_config config)
{
	struct blkfront *bf = test_open_with(config);
	int error = errno;

	assert_null(bf);
	assert_true(strlen(test_why) > 0);
	assert_null(strchr(test_why, '\n'));
	return error;
}

static void test_no_disk(void **state)
{
	fakes_reset();
	assert_int_equal(open_error((struct blkfront_config){ .vdev = 0 }), ENODEV);
}

static void test_no_such_disk(void **state)
{
	assert_int_equal(open_error((struct blkfront_config){ .vdev = 51728 }), ENODEV);
	assert_non_null(strstr(test_why, "51728"));
}

static void test_first_disk(void **state)
{
	struct blkfront *bf;

	fake_set(FAKE_HOME "device/vbd/51728/backend", "/local/domain/3/backend/vbd/7/51728");
	fake_set(FAKE_HOME "device/vbd/garbage/backend", "/nowhere");
	bf = test_open();
	assert_non_null(bf);
	blkfront_close(bf);
}

static void test_bad_protocol(void **state)
{
	assert_int_equal(open_error((struct blkfront_config){ .protocol = "vax-abi" }),
		EPROTONOSUPPORT);
	assert_non_null(strstr(test_why, "vax-abi"));
}

static void test_bad_backend_id(void **state)
{
	fake_set(FAKE_FRONT "/backend-id", "32752"); /* DOMID_SELF */
	assert_int_equal(open_error((struct blkfront_config){ .vdev = 0 }), ERANGE);
}

/* ---- a backend that does not come ---- */

static void test_timeout(void **state)
{
	backend.deaf = true;
	backend_set_state(1);
	fake_set(FAKE_BACK "/error", "disk.img: No such file");
	assert_int_equal(open_error((struct blkfront_config){ .timeout_ms = 30 }), ETIMEDOUT);
	assert_non_null(strstr(test_why, "disk.img: No such file"));
}

static void test_timeout_no_backend(void **state)
{
	backend.deaf = true;
	fake_set(FAKE_BACK "/state", "1");
	fake_set(FAKE_BACK "/state", NULL);
	assert_int_equal(open_error((struct blkfront_config){ .timeout_ms = 30 }), ETIMEDOUT);
	assert_non_null(strstr(test_why, "no backend runs"));
}

static void test_refused(void **state)
{
	backend.refuse = true;
	assert_int_equal(open_error((struct blkfront_config){ .vdev = 0 }), EPROTO);
	assert_non_null(strstr(test_why, "2 no such?file")); /* printable, one line */
	assert_string_equal(front("state"), "6");
}

static void test_store_gone(void **state)
{
	fake_set(FAKE_BACK "/state", "2");
	fakes.store_gone = true;
	assert_null(test_open());
}

/* ---- somebody else's connection ---- */

static void test_in_use(void **state)
{
	fake_set(FAKE_FRONT "/state", "4");
	backend_set_state(4);
	assert_int_equal(open_error((struct blkfront_config){ .vdev = 0 }), EBUSY);
	assert_string_equal(front("state"), "4");
}

static void somebody_else(void)
{
	fake_set(FAKE_FRONT "/state", "3");
}

/* Two find the backend waiting; who comes second must not write over the first's nodes. */
static void test_in_use_race(void **state)
{
	fakes.before_transaction = somebody_else;
	fakes.conflicts = 0;
	assert_int_equal(open_error((struct blkfront_config){ .vdev = 0 }), EBUSY);
	assert_null(front("ring-ref"));
	assert_string_equal(front("state"), "3");
}

static void test_takeover(void **state)
{
	struct blkfront *bf;

	fake_set(FAKE_FRONT "/state", "4");
	backend_set_state(4);
	bf = test_open_with((struct blkfront_config){ .takeover = true });
	assert_non_null(bf);
	assert_int_equal(test_run(bf, BLKFRONT_READ, 0, 512), 0);
	blkfront_close(bf);
}

/* Nobody listens any more: what a dead user left needs no takeover. */
static void test_left_over(void **state)
{
	fake_set(FAKE_FRONT "/state", "4");
	backend_set_state(6);
	blkfront_close(test_open());
	assert_string_equal(front("state"), "6");
}

/* ---- numbers from a hostile backend ---- */

static void refused(const char *name, const char *value)
{
	void *none = NULL;

	test_setup(&none);
	backend_node(name, value);
	print_message("# %s = %s\n", name, value ? value : "(absent)");
	assert_int_equal(open_error((struct blkfront_config){ .vdev = 0 }), EPROTO);
	assert_non_null(strstr(test_why, name));
	assert_int_equal(fakes.shared, 0);
	assert_int_equal(fakes.open_handles, 0);
}

static void test_bad_sectors(void **state)
{
	refused("sectors", NULL);
	refused("sectors", "");
	refused("sectors", "-1");
	refused("sectors", "8192 ");
	refused("sectors", "0x2000");
	refused("sectors", "garbage");
	refused("sectors", "18446744073709551615");
	refused("sectors", "18014398509481984"); /* 2^63 bytes */
	refused("sectors", "99999999999999999999999999");
}

static void test_bad_sector_size(void **state)
{
	refused("sector-size", "0");
	refused("sector-size", "256");
	refused("sector-size", "513");
	refused("sector-size", "8192");
	refused("sector-size", "4294967296");
	refused("sector-size", "-512");
	refused("sector-size", "%n%n");
}

static void test_bad_ring_order(void **state)
{
	refused("max-ring-page-order", "many");
	refused("max-ring-page-order", "-1");
	refused("max-ring-page-order", "4294967296");
}

static void test_bad_features(void **state)
{
	refused("feature-max-indirect-segments", "lots");
	refused("feature-persistent", "yes");
	refused("info", "9999999999");
	refused("discard-granularity", "-1");
}

/* A size the backend could offer in good faith is cut, never trusted. */
static void test_cut(void **state)
{
	struct blkfront *bf;

	backend_node("max-ring-page-order", "30");
	backend_node("physical-sector-size", "77");
	backend_node("feature-max-indirect-segments", "4096");
	bf = test_open_with((struct blkfront_config){ .ring_order = 30, .max_segments = 16 });
	assert_non_null(bf);
	assert_string_equal(front("ring-page-order"), "4");
	assert_int_equal(blkfront_get_info(bf)->depth, 512);
	assert_int_equal(blkfront_get_info(bf)->max_segments, 16);
	assert_int_equal(blkfront_get_info(bf)->physical_sector_size, 512);
	blkfront_close(bf);
}

/* ---- the domain's limit on granted pages ---- */

static void test_grant_limit(void **state)
{
	struct blkfront *bf;

	fakes.grant_limit = 1024; /* the default of gntalloc */
	bf = test_open();
	assert_non_null(bf);
	assert_int_equal(blkfront_get_info(bf)->max_segments, 16);
	assert_int_equal(test_run(bf, BLKFRONT_WRITE, 0, 16 * 4096), 0);
	blkfront_close(bf);
}

static void test_grant_limit_too_low(void **state)
{
	fakes.grant_limit = 300;
	assert_int_equal(open_error((struct blkfront_config){ .vdev = 0 }), ENOSPC);
	assert_string_equal(front("state"), "6");
	fakes.grant_limit = 0;
	assert_int_equal(open_error((struct blkfront_config){ .vdev = 0 }), ENOSPC);
}

/* ---- while connected ---- */

static void test_resize(void **state)
{
	struct blkfront *bf = test_open();

	fake_set(FAKE_BACK "/sectors", "16384");
	backend_set_state(4);
	assert_int_equal(blkfront_wait(bf, 0), 0);
	assert_int_equal(blkfront_get_info(bf)->size, 16384 * 512);
	fake_set(FAKE_BACK "/sectors", "18446744073709551615");
	backend_set_state(4);
	assert_int_equal(blkfront_wait(bf, 0), 0);
	assert_int_equal(blkfront_get_info(bf)->size, 16384 * 512);
	blkfront_close(bf);
}

static void lost(int backend_state)
{
	struct blkfront *bf = test_open();
	struct blkfront_io *io;

	backend.serve = false;
	io = test_start(bf, BLKFRONT_READ, 0, 512);
	if (backend_state)
		backend_set_state(backend_state);
	else
		fake_set(FAKE_BACK "/state", NULL);
	backend.deaf = true;
	assert_int_equal(blkfront_wait(bf, -1), -ENOTCONN);
	assert_int_equal(io->error, -ENOTCONN);
	assert_int_equal(blkfront_submit(bf, io), -ENOTCONN);
	assert_int_equal(blkfront_wait(bf, -1), -ENOTCONN);
	assert_true(strlen(blkfront_why(bf)) > 0);
	blkfront_put(bf, io);
	blkfront_close(bf);
}

static void test_lost_node(void **state)
{
	lost(0);
}

static void test_lost_closed(void **state)
{
	lost(6);
}

static void test_lost_restarted(void **state)
{
	lost(2);
}

/* No watch fires when the store itself is gone: found while waiting for answers. */
static void test_lost_store(void **state)
{
	struct blkfront *bf = test_open();
	struct blkfront_io *io;

	backend.serve = false;
	io = test_start(bf, BLKFRONT_READ, 0, 512);
	fakes.store_gone = true;
	assert_int_equal(blkfront_wait(bf, -1), -ENOTCONN);
	assert_int_equal(io->error, -ENOTCONN);
	blkfront_close(bf);
}

/* An idle disk hears of its store's end, and of its backend's from the next one. */
static void test_store_restarted(void **state)
{
	struct sockaddr_un sa;
	int listening = fakes_store_listen(&sa);
	struct pollfd p = { .events = POLLIN };
	struct blkfront *bf;

	fakes.store_socket = sa.sun_path;
	bf = test_open();
	p.fd = blkfront_fd(bf);
	assert_int_equal(blkfront_wait(bf, 0), 0);
	fakes.store_gone = true;
	fakes.store_epoch++;
	fakes_store_end(listening, &sa);
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(blkfront_wait(bf, 0), 0);
	assert_int_equal(test_run(bf, BLKFRONT_WRITE, 0, 4096), 0);
	listening = fakes_store_listen(&sa);
	fakes.store_gone = false;
	/* It looks for it from time to time. */
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(blkfront_wait(bf, 0), 0);
	assert_int_equal(blkfront_wait(bf, 50), 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(test_run(bf, BLKFRONT_WRITE, 0, 4096), 0);
	backend_set_state(6);
	backend.deaf = true;
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(blkfront_wait(bf, 0), -ENOTCONN);
	assert_non_null(strstr(blkfront_why(bf), "the backend left"));
	fakes_store_end(listening, &sa);
	blkfront_close(bf);
}

/* Nobody waited meanwhile: it is found at the end, and the backend is told. */
static void test_store_restarted_before_the_end(void **state)
{
	struct sockaddr_un sa;
	int listening = fakes_store_listen(&sa);
	struct blkfront *bf;

	fakes.store_socket = sa.sun_path;
	bf = test_open();
	fakes.store_epoch++;
	fakes_store_end(listening, &sa);
	blkfront_close(bf);
	assert_string_equal(front("state"), "6");
}

/* Where nothing tells, an answer that does not come does. */
static void test_store_restarted_unheard(void **state)
{
	struct blkfront *bf = test_open();
	struct blkfront_io *io;

	backend.serve = false;
	io = test_start(bf, BLKFRONT_READ, 0, 512);
	fakes.store_epoch++;
	assert_int_equal(blkfront_wait(bf, 1500), 0);
	backend_set_state(6);
	backend.deaf = true;
	assert_int_equal(blkfront_wait(bf, 2000), -ENOTCONN);
	assert_int_equal(io->error, -ENOTCONN);
	assert_non_null(strstr(blkfront_why(bf), "the backend left"));
	blkfront_close(bf);
}

static void test_lost_channel(void **state)
{
	struct blkfront *bf = test_open();
	struct blkfront_io *io = blkfront_get(bf);

	io->op = BLKFRONT_FLUSH;
	io->offset = io->length = 0;
	fakes.notify_fails = true;
	assert_int_equal(blkfront_submit(bf, io), 0);
	assert_int_equal(blkfront_kick(bf), -ENOTCONN);
	assert_int_equal(blkfront_wait(bf, -1), -ENOTCONN);
	assert_int_equal(io->error, -ENOTCONN);
	blkfront_close(bf);
}

/* On Closing the backend still answers what it has; then it is over. */
static void test_closing(void **state)
{
	struct blkfront *bf = test_open();
	struct blkfront_io *io, *other;

	backend.serve = false;
	io = test_start(bf, BLKFRONT_READ, 0, 512);
	backend_set_state(5);
	assert_int_equal(blkfront_wait(bf, 0), 0);
	other = blkfront_get(bf);
	other->op = BLKFRONT_READ;
	other->offset = 0;
	other->length = 512;
	assert_int_equal(blkfront_submit(bf, other), -ENOTCONN);
	backend_serve_all();
	assert_int_equal(blkfront_wait(bf, 2000), 1);
	assert_int_equal(io->error, 0);
	assert_int_equal(blkfront_wait(bf, -1), -ENOTCONN);
	blkfront_close(bf);
}

/* The successor of a backend that died cannot answer: it says so in its error node. */
static void test_closing_with_error(void **state)
{
	struct blkfront *bf = test_open();
	struct blkfront_io *io;

	backend.serve = false;
	io = test_start(bf, BLKFRONT_READ, 0, 512);
	fake_set(FAKE_BACK "/error", "an earlier backend ended");
	backend_set_state(5);
	assert_int_equal(blkfront_wait(bf, -1), -ENOTCONN);
	assert_int_equal(io->error, -ENOTCONN);
	assert_non_null(strstr(blkfront_why(bf), "an earlier backend ended"));
	blkfront_close(bf);
}

static void test_closing_silent(void **state)
{
	struct blkfront *bf = test_open_with((struct blkfront_config){ .timeout_ms = 30 });
	struct blkfront_io *io;

	backend.serve = false;
	io = test_start(bf, BLKFRONT_READ, 0, 512);
	backend_set_state(5);
	backend.deaf = true;
	assert_int_equal(blkfront_wait(bf, -1), -ENOTCONN);
	assert_int_equal(io->error, -ENOTCONN);
	blkfront_close(bf);
}

static void test_close_waits_for_answers(void **state)
{
	struct blkfront *bf = test_open();
	struct blkfront_io *io = blkfront_get(bf);

	io->op = BLKFRONT_WRITE;
	io->offset = 0;
	io->length = 512;
	memset(io->data, 0x5a, 512);
	assert_int_equal(blkfront_submit(bf, io), 0); /* not even kicked */
	blkfront_close(bf);
	assert_int_equal(backend.disk[511], 0x5a);
}

static void test_close_gives_up(void **state)
{
	struct blkfront *bf = test_open_with((struct blkfront_config){ .timeout_ms = 30 });

	backend.serve = false;
	(void)test_start(bf, BLKFRONT_READ, 0, 512);
	backend.deaf = true;
	blkfront_close(bf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nodes),
		TEST(test_close_nothing),
		TEST(test_open_again),
		TEST(test_no_persistent),
		TEST(test_stale_nodes),
		TEST(test_transaction_conflict),
		TEST(test_no_disk),
		TEST(test_no_such_disk),
		TEST(test_first_disk),
		TEST(test_bad_protocol),
		TEST(test_bad_backend_id),
		TEST(test_timeout),
		TEST(test_timeout_no_backend),
		TEST(test_refused),
		TEST(test_store_gone),
		TEST(test_in_use),
		TEST(test_in_use_race),
		TEST(test_takeover),
		TEST(test_left_over),
		TEST(test_bad_sectors),
		TEST(test_bad_sector_size),
		TEST(test_bad_ring_order),
		TEST(test_bad_features),
		TEST(test_cut),
		TEST(test_grant_limit),
		TEST(test_grant_limit_too_low),
		TEST(test_resize),
		TEST(test_lost_node),
		TEST(test_lost_closed),
		TEST(test_lost_restarted),
		TEST(test_lost_store),
		TEST(test_store_restarted),
		TEST(test_store_restarted_before_the_end),
		TEST(test_store_restarted_unheard),
		TEST(test_lost_channel),
		TEST(test_closing),
		TEST(test_closing_with_error),
		TEST(test_closing_silent),
		TEST(test_close_waits_for_answers),
		TEST(test_close_gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

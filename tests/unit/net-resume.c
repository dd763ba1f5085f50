// SPDX-License-Identifier: MIT
/*
 * A successor of a backend that was killed, at each moment that counts: what was taken is
 * answered once, in order, whatever the predecessor had put over the requests by then.
 */
#include "config.h"
#include "tests/unit/net-rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backends/net/record.h"
#include "tests/peers/fake-xen.h"

#define PACKETS 5u

static char journal[64];
static uint8_t bytes[FRAME_MAX], got[FRAME_MAX + 4096];

static int setup(void **state)
{
	int fd;

	rig_setup(state);
	snprintf(journal, sizeof(journal), "/dev/shm/sluice-net-XXXXXX");
	fd = mkstemp(journal);
	close(fd);
	rig.journal = journal;
	return fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	rig_teardown(state);
	unlink(journal);
	return 0;
}

/* The nodes and rings of a guest that a dead backend was connected to. */
static void connected(unsigned queues, unsigned buffers)
{
	rig_start();
	assert_non_null(rig.device);
	run_until(BACK "/state", "2");
	device_free(rig.device);
	rig.device = NULL;
	rig_nodes();
	rig_queues(queues, buffers);
	front("state", "4");
	fake_store_write(BACK "/state", "4");
}

static struct netif_queue_nodes nodes_of(unsigned i)
{
	return (struct netif_queue_nodes){ RIG_TX_RING(i), RIG_RX_RING(i),
		FAKE_REMOTE_PORT + rig.queue[i].tx_channel, FAKE_REMOTE_PORT + rig.queue[i].rx_channel };
}

static struct record *dead_record(unsigned queues, struct record_queue **first)
{
	struct record *r;

	assert_int_equal(record_open(journal, BACK, 7, &r), 0);
	record_reset(r);
	for (unsigned i = queues; i-- > 0;) {
		struct netif_queue_nodes n = nodes_of(i);

		*first = record_begin(r, i, &n);
	}
	return r;
}

static void resumes(void)
{
	rig_start();
	assert_non_null(rig.device);
	expect_node("state", "4");
	expect_node("error", NULL);
}

/* Answers to ids 0 to PACKETS - 1, in order, and no more. */
static void answered_once(int16_t first_status, unsigned with_it)
{
	struct rig_queue *q = &rig.queue[0];

	for (unsigned i = 0; i < PACKETS; i++) {
		struct netif_tx_response rsp = rig_response(q);

		assert_int_equal(rsp.id, i);
		assert_int_equal(rsp.status, i < with_it ? first_status : NETIF_RSP_OKAY);
	}
	assert_int_equal(ring_front_pending(&q->tx), 0);
}

static void send_all(void)
{
	for (unsigned i = 0; i < PACKETS; i++) {
		rig_fill(bytes, 100 + i, i);
		rig_send(&rig.queue[0], NULL, bytes, 100 + i);
	}
	rig_kick(&rig.queue[0]);
}

/* A response as the ring has it, in place of a request. */
static void overwrite(struct ring_front *ring, unsigned index, const void *response, size_t len,
	size_t slot)
{
	memcpy(ring->page + RING_HEADER_SIZE + (index & (ring->nr - 1)) * slot, response, len);
}

static void killed_before_anything_was_recorded(void **state)
{
	struct record_queue *dead;
	struct frame f;

	connected(1, 4);
	send_all();
	record_close(dead_record(1, &dead));
	resumes();
	answered_once(NETIF_RSP_OKAY, 0);
	for (unsigned i = 0; i < PACKETS; i++) {
		assert_true(port_fake_get(&f, got, 10000));
		rig_fill(bytes, 100 + i, i);
		assert_int_equal(f.len, 100 + i);
		assert_memory_equal(got, bytes, f.len);
	}
	assert_true(fake_wait_event_on(rig.queue[0].tx_channel, 10000));
}

/* Three of five are in the batch that was recorded; @put of them lie over their requests. */
static void killed_while_putting(unsigned put, bool published)
{
	struct rig_queue *q = &rig.queue[0];
	struct record_queue *dead;
	struct record *r;

	connected(1, 4);
	send_all();
	r = dead_record(1, &dead);
	for (unsigned i = 0; i < 3; i++) {
		struct netif_tx_response rsp = { .id = i, .status = NETIF_RSP_DROPPED };

		memcpy(dead->tx.response[i], &rsp, sizeof(rsp));
		if (i < put)
			overwrite(&q->tx, i, &rsp, sizeof(rsp), 12);
	}
	record_commit(&dead->tx, 0, 3);
	if (published)
		((uint32_t *)(void *)q->tx.page)[2] = 3; /* rsp_prod */
	record_close(r);
	resumes();
	answered_once(NETIF_RSP_DROPPED, 3);
	for (unsigned i = 3; i < PACKETS; i++) {
		struct frame f;

		assert_true(port_fake_get(&f, got, 10000));
		assert_int_equal(f.len, 100 + i);
	}
	assert_int_equal(port_fake_sent(), 0);
}

static void killed_before_the_first_was_put(void **state)
{
	killed_while_putting(0, false);
}

static void killed_between_two_that_were_put(void **state)
{
	killed_while_putting(2, false);
}

static void killed_before_they_were_published(void **state)
{
	killed_while_putting(3, false);
}

static void killed_before_it_was_known_that_they_were_published(void **state)
{
	killed_while_putting(3, true);
}

/* While the next batch's responses are written the one before is over and says so. */
static void killed_while_recording_the_next_batch(void **state)
{
	struct record_queue *dead;
	struct record *r;

	connected(1, 4);
	send_all();
	r = dead_record(1, &dead);
	memset(dead->tx.response, 0xdd, sizeof(dead->tx.response));
	record_commit(&dead->tx, 0xfffffff0u, 16); /* that ended at index 0 */
	record_close(r);
	resumes();
	answered_once(NETIF_RSP_OKAY, 0);
}

static void buffers_are_neither_lost_nor_used_twice(void **state)
{
	for (unsigned put = 0; put <= 2; put++) {
		struct rig_queue *q = &rig.queue[0];
		struct record_queue *dead;
		struct record *r;

		if (put) {
			teardown(state);
			setup(state);
		}
		connected(1, 4);
		r = dead_record(1, &dead);
		/* A packet over two buffers was copied and recorded. */
		for (unsigned i = 0; i < 2; i++) {
			struct netif_rx_response rsp = { .id = i, .status = 50,
				.flags = i == 0 ? NETRXF_more_data : 0 };

			memcpy(dead->rx.response[i], &rsp, sizeof(rsp));
			if (i < put)
				overwrite(&q->rx, i, &rsp, sizeof(rsp), 8);
		}
		record_commit(&dead->rx, 0, 2);
		record_close(r);
		resumes();
		assert_int_equal(rig_receive(q, NULL, got, 10000), 100);
		/* The other two take what comes next, each once. */
		for (unsigned i = 0; i < 2; i++) {
			rig_fill(bytes, 300, i);
			rig_put(0, bytes, 300);
			assert_int_equal(rig_receive(q, NULL, got, 10000), 300);
			assert_memory_equal(got, bytes, 300);
		}
		assert_int_equal(ring_front_pending(&q->rx), 0);
		assert_int_equal(q->rx.rsp_cons, 4);
	}
}

static void several_queues_go_on(void **state)
{
	struct record_queue *dead;

	rig.split = true;
	connected(4, 4);
	record_close(dead_record(4, &dead));
	resumes();
	for (unsigned i = 0; i < 4; i++) {
		rig_fill(bytes, 100, i);
		rig_send(&rig.queue[i], NULL, bytes, 100);
		rig_kick(&rig.queue[i]);
		assert_int_equal(rig_response(&rig.queue[i]).status, NETIF_RSP_OKAY);
	}
	assert_int_equal(port_fake.connects, 1);
}

static void the_filter_and_the_hash_go_on(void **state)
{
	static const uint8_t group[6] = { 0x01, 0, 0x5e, 0, 0, 1 }, other[6] = { 0x01, 0, 0x5e, 0, 0, 2 };
	struct netif_hash_state hash = { .algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ,
		.flags = 15 };
	struct xen_netif_ctrl_response rsp = { .id = 77, .type = 1, .data = 15 }, answer;
	struct mcast_list list = { .count = 1 };
	struct record_queue *dead;
	struct record_ctrl *ctrl;
	struct record *r;

	connected(1, 4);
	rig_ctrl();
	front("request-multicast-control", "1");
	r = dead_record(1, &dead);
	ctrl = record_begin_ctrl(r, RIG_CTRL_RING, FAKE_REMOTE_PORT + FAKE_CHANNELS - 1, &hash);
	/* A request was answered, recorded, and not published. */
	ring_front_put(&rig.ctrl, &rsp, sizeof(rsp));
	(void)ring_front_push(&rig.ctrl);
	record_ctrl_answer(ctrl, 0, &rsp, &hash);
	memcpy(list.addr[0], group, 6);
	record_note_mcast(r, &list);
	record_close(r);
	resumes();
	assert_int_equal(ring_front_pending(&rig.ctrl), 1);
	ring_front_get(&rig.ctrl, &answer, sizeof(answer));
	assert_memory_equal(&answer, &rsp, sizeof(rsp));
	answer = rig_ask(XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS, 0, 0, 0);
	assert_int_equal(answer.status, XEN_NETIF_CTRL_STATUS_SUCCESS);
	assert_int_equal(answer.data, 15);
	rig_fill(bytes, 100, 0);
	memcpy(bytes, other, 6);
	rig_put(0, bytes, 100);
	memcpy(bytes, group, 6);
	rig_put(0, bytes, 100);
	assert_int_equal(rig_receive(&rig.queue[0], NULL, got, 10000), 100);
	assert_memory_equal(got, group, 6);
}

/* The predecessor died while the guest gave no buffers: nobody else would say that it is over. */
static void the_carrier_is_on_again(void **state)
{
	struct record_queue *dead;

	connected(1, 4);
	fake_store_write(BACK "/carrier", "0");
	record_close(dead_record(1, &dead));
	resumes();
	expect_node("carrier", "1");
}

/* --- what a successor does not take ------------------------------------------------------- */

static void refuses(const char *why)
{
	rig_start();
	assert_non_null(rig.device);
	run_until(BACK "/error", NULL);
	expect_error(why);
	front("state", "6");
	run_until(BACK "/state", "6");
}

static void without_a_record_the_guest_connects_again(void **state)
{
	connected(1, 4);
	refuses("left no record");
}

static void other_rings_than_the_record_has(void **state)
{
	struct record_queue *dead;

	connected(1, 4);
	record_close(dead_record(1, &dead));
	frontf("tx-ring-ref", 9);
	refuses("not about the rings");
}

static void another_number_of_queues(void **state)
{
	struct record_queue *dead;

	connected(1, 4);
	record_close(dead_record(2, &dead));
	refuses("about 2 queue(s)");
}

/* XSA-374: what was stopped for cause is not served because somebody killed the backend. */
static void one_that_was_stopped_stays_so(void **state)
{
	struct record_queue *dead;
	struct record *r;

	connected(1, 4);
	r = dead_record(1, &dead);
	record_note_broken(r);
	record_close(r);
	refuses("broken a rule");
}

/* The record is a stranger's: whatever is in it, a device is there, and refuses or goes on. */
static void a_hostile_record(void **state)
{
	struct record_queue *dead;
	FILE *file;
	uint32_t seed = 1;

	connected(1, 4);
	record_close(dead_record(1, &dead));
	for (unsigned i = 0; i < 100; i++) {
		file = fopen(journal, "r+");
		assert_non_null(file);
		for (unsigned k = 0; k < 1 + i % 4; k++) {
			seed = seed * 1664525 + 1013904223;
			assert_int_equal(fseek(file, 24 + (seed >> 8) % (sizeof(struct record_page) - 24),
						 SEEK_SET), 0);
			fputc((int)(seed >> 24), file);
		}
		fclose(file);
		front("state", "4");
		fake_store_write(BACK "/state", "4");
		rig_start();
		assert_non_null(rig.device);
		device_free(rig.device);
		rig.device = NULL;
	}
}

static void a_record_is_one_backends(void **state)
{
	struct record *a, *b;

	assert_int_equal(record_open(journal, BACK, 7, &a), 0);
	assert_int_equal(record_open(journal, BACK, 7, &b), -EBUSY);
	record_close(a);
	assert_int_equal(record_open(journal, BACK, 7, &b), 0);
	record_close(b);
}

/* Groups of one connection are not those of the next. */
static void a_new_connection_begins_without_groups(void **state)
{
	struct mcast_list list = { .count = 1, .addr = { { 0x01, 0, 0x5e, 0, 0, 1 } } };
	const struct record_page *left;
	struct record_queue *dead;
	struct record *r;

	connected(1, 4);
	r = dead_record(1, &dead);
	record_note_mcast(r, &list);
	record_close(r);
	record_close(dead_record(1, &dead));
	assert_int_equal(record_open(journal, BACK, 7, &r), 0);
	left = record_predecessor(r);
	assert_non_null(left);
	assert_int_equal(left->mcast[left->mcast_current].count, 0);
	record_close(r);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(killed_before_anything_was_recorded),
		TEST(killed_before_the_first_was_put),
		TEST(killed_between_two_that_were_put),
		TEST(killed_before_they_were_published),
		TEST(killed_before_it_was_known_that_they_were_published),
		TEST(killed_while_recording_the_next_batch),
		TEST(buffers_are_neither_lost_nor_used_twice),
		TEST(several_queues_go_on),
		TEST(the_filter_and_the_hash_go_on),
		TEST(the_carrier_is_on_again),
		TEST(without_a_record_the_guest_connects_again),
		TEST(other_rings_than_the_record_has),
		TEST(another_number_of_queues),
		TEST(one_that_was_stopped_stays_so),
		TEST(a_hostile_record),
		TEST(a_record_is_one_backends),
		TEST(a_new_connection_begins_without_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

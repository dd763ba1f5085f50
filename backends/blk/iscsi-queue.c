// SPDX-License-Identifier: MIT
/*
 * Requests of an iSCSI disk. They are in one of three lists: queued (to be sent), flying (the
 * target has them), delayed (to be sent again in a moment). When the session is lost, all that
 * were flying go back, in their order, before those that are queued, and are sent in the next
 * session. That may repeat a write that was done already, with the same data; that no old command is
 * done after a repeated one is what the session's start sees to (iscsi_link.fence). Where it cannot,
 * changes that were flying end with -EIO instead: an old one could take effect behind newer ones.
 *
 * A request that is not done in time ends with -ETIMEDOUT. If the target has it, the session
 * is given up first, so that it cannot take effect behind what comes later.
 */
#include "config.h"
#include "backends/blk/drv-iscsi.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>

#include "common/array.h"

#define QUEUE_NOP_MS 5000       /* of silence while commands are out, then the target is asked */
#define QUEUE_NOPS_LOST 3       /* unanswered: it is gone */
#define QUEUE_DELAY_MS 20       /* before a command is sent again; more each time */
#define QUEUE_MAX_DELAY_MS 1000
#define QUEUE_LATER_MS 30000    /* that the unit may say "later" */
#define QUEUE_MAX_RETRY_MS 4000 /* between connections */
#define QUEUE_LASTS_MS 10000    /* a session that did is followed by another at once */
#define QUEUE_ZEROES 65536u

/* The block of a WRITE SAME. */
static const uint8_t queue_zeroes[QUEUE_ZEROES];

static struct iscsi_op *queue_op(struct blk_req *req)
{
	return (struct iscsi_op *)req->driver_private;
}

static struct blk_req *queue_req(struct iscsi_op *op)
{
	return container_of((void *)op, struct blk_req, driver_private);
}

/* --- lists --------------------------------------------------------------------------------- */

static void list_init(struct iscsi_list *l)
{
	l->first = NULL;
	l->tail = &l->first;
}

static void list_add(struct iscsi_list *l, struct iscsi_op *op)
{
	op->next = NULL;
	op->link = l->tail;
	*l->tail = op;
	l->tail = &op->next;
}

static void list_remove(struct iscsi_list *l, struct iscsi_op *op)
{
	*op->link = op->next;
	if (op->next)
		op->next->link = op->link;
	else
		l->tail = op->link;
}

/* All of @from before all of @to. */
static void list_put_before(struct iscsi_list *to, struct iscsi_list *from)
{
	if (!from->first)
		return;
	*from->tail = to->first;
	if (to->first)
		to->first->link = from->tail;
	else
		to->tail = from->tail;
	to->first = from->first;
	to->first->link = &to->first;
	list_init(from);
}

/* --- sending --------------------------------------------------------------------------------- */

static void queue_on_answer(struct iscsi_context *iscsi, int status, void *data, void *opaque);

static void queue_end(struct iscsi_disk *d, struct iscsi_op *op, int error)
{
	blk_req_done(d->queue, queue_req(op), error);
}

/* What a command carries. Return: its bytes. */
static uint32_t queue_data(struct iscsi_disk *d, struct blk_req *req, uint64_t block, uint32_t blocks,
	int *direction, struct scsi_iovec **iov, unsigned *niov)
{
	struct iscsi_op *op = queue_op(req);

	*direction = req->op == BLK_READ ? SCSI_XFER_READ : SCSI_XFER_WRITE;
	*iov = &op->iov;
	*niov = 1;
	switch (req->op) {
	case BLK_READ:
	case BLK_WRITE:
		/* By their definitions the same. */
		_Static_assert(sizeof(struct scsi_iovec) == sizeof(struct iovec), "one kind of iovec");
		*iov = (struct scsi_iovec *)req->iov;
		*niov = req->niov;
		return (uint32_t)req->length;
	case BLK_FLUSH:
		*direction = SCSI_XFER_NONE;
		return 0;
	case BLK_DISCARD:
		if (lun_trim_for(&d->lun, req->op) == LUN_TRIM_UNMAP) {
			lun_unmap_list(block, blocks, op->list);
			op->iov = (struct scsi_iovec){ op->list, sizeof(op->list) };
			return sizeof(op->list);
		}
		break;
	case BLK_ZEROES:
		break;
	}
	op->iov = (struct scsi_iovec){ (void *)queue_zeroes, d->lun.block_size };
	return d->lun.block_size;
}

/* To the library. */
static void queue_send(struct iscsi_disk *d, struct iscsi_op *op)
{
	struct blk_req *req = queue_req(op);
	uint64_t block = req->offset / d->lun.block_size;
	uint32_t blocks = (uint32_t)(req->length / d->lun.block_size), length;
	uint8_t cdb[LUN_CDB];
	struct scsi_iovec *iov;
	unsigned niov;
	int direction;

	lun_command(&d->lun, req->op, block, blocks, cdb);
	length = queue_data(d, req, block, blocks, &direction, &iov, &niov);
	op->unsure = true;
	op->task = iscsi_link_send(&d->link, cdb, cdb[0] == 0x42 ? 10 : LUN_CDB, direction, iov, niov, length,
		queue_on_answer, op);
	if (!op->task) {
		queue_end(d, op, -ENOMEM);
		return;
	}
	list_add(&d->flying, op);
}

static void queue_send_all(struct iscsi_disk *d)
{
	struct iscsi_op *op;

	while (iscsi_link_is_ready(&d->link) && (op = d->queued.first)) {
		list_remove(&d->queued, op);
		queue_send(d, op);
	}
}

/* --- answers ----------------------------------------------------------------------------------- */

static void queue_delay(struct iscsi_disk *d, struct iscsi_op *op, bool at_once)
{
	int64_t pause = QUEUE_DELAY_MS << (op->delays < 6 ? op->delays : 6);

	op->delays++;
	if (pause > QUEUE_MAX_DELAY_MS)
		pause = QUEUE_MAX_DELAY_MS;
	op->again_ms = iscsi_now_ms() + (at_once && op->delays < 4 ? 0 : pause);
	list_add(&d->delayed, op);
}

static const char *const queue_names[] = { "read", "write", "flush", "discard", "zeroes" };

static void queue_log(struct iscsi_disk *d, const struct blk_req *req, int error, const char *text)
{
	if (error != -EOPNOTSUPP && log_limit_ok(&d->limit))
		log_warn("%s unit %u: %s of %llu bytes at %llu: %s: %s", d->uri.target, d->uri.lun,
			queue_names[req->op], (unsigned long long)req->length, (unsigned long long)req->offset,
			text, strerror(-error));
}

/* The unit did what it was told, but not with all data. */
static bool queue_is_short(const struct blk_req *req, const struct scsi_task *task)
{
	return req->op <= BLK_WRITE && task->residual_status != SCSI_RESIDUAL_NO_RESIDUAL;
}

static void queue_judge(struct iscsi_disk *d, struct iscsi_op *op, struct lun_answer answer)
{
	struct blk_req *req = queue_req(op);

	if (answer.changed)
		d->look = true;
	if (answer.verdict != LUN_RECONNECT)
		list_remove(&d->flying, op);
	switch (answer.verdict) {
	case LUN_DONE:
		break;
	case LUN_RECONNECT:
		/* It stays where it is, so that its place among the others is kept. */
		iscsi_link_fail(&d->link, -EIO, "%s", answer.text);
		return;
	case LUN_AGAIN:
		queue_delay(d, op, true);
		return;
	case LUN_LATER:
		if (iscsi_now_ms() - op->since_ms < QUEUE_LATER_MS) {
			queue_delay(d, op, false);
			return;
		}
		break;
	}
	if (answer.error)
		queue_log(d, req, answer.error, answer.text);
	queue_end(d, op, answer.error);
}

static void queue_on_answer(struct iscsi_context *iscsi, int status, void *data, void *opaque)
{
	struct iscsi_op *op = opaque;
	struct iscsi_disk *d = op->disk;
	struct scsi_task *task = op->task;
	struct lun_answer answer;

	if (!task)
		return;
	answer = lun_judge(status, task->sense.key, (unsigned)task->sense.ascq);
	if (answer.verdict == LUN_DONE && answer.error == 0 && queue_is_short(queue_req(op), task))
		answer = (struct lun_answer){ LUN_DONE, -EIO, false, "it moved less than it was told to" };
	op->task = NULL;
	op->unsure = status == SCSI_STATUS_CANCELLED || status == SCSI_STATUS_ERROR;
	iscsi_link_free(&d->link, task, status);
	if (iscsi_link_is_ready(&d->link))
		queue_judge(d, op, answer);
	/* Else the session is on its way down, and takes those that fly with it: queue_down(). */
}

/* --- the unit's size ------------------------------------------------------------------------------ */

static void queue_on_capacity(struct iscsi_context *iscsi, int status, void *data, void *opaque)
{
	struct iscsi_disk *d = opaque;
	struct scsi_task *task = data;
	struct lun now = d->lun;
	char why[128];
	bool read = status == SCSI_STATUS_GOOD && task && task->residual_status == SCSI_RESIDUAL_NO_RESIDUAL;

	if (task)
		iscsi_link_free(&d->link, task, status);
	d->looking = false;
	if (!read) {
		/* Cancelled: the next session asks. */
		d->look = !iscsi_link_is_ready(&d->link) || status == SCSI_STATUS_CHECK_CONDITION;
		return;
	}
	if (lun_parse_capacity(d->capacity, sizeof(d->capacity), &now, why, sizeof(why)) < 0 ||
		now.block_size != d->lun.block_size) {
		log_err("%s unit %u: its blocks are not what they were; attach it anew", d->uri.target, d->uri.lun);
		return;
	}
	if (now.blocks == d->lun.blocks)
		return;
	d->lun.blocks = now.blocks;
	__atomic_store_n(&d->size, now.blocks * now.block_size, __ATOMIC_RELEASE); /* with iscsi_queue_refresh() */
	if (d->queue)
		blk_queue_resized(d->queue);
}

/* Now, not after another turn of the loop. */
static void queue_write(struct iscsi_disk *d)
{
	if (iscsi_link_is_ready(&d->link) && (iscsi_which_events(d->link.iscsi) & POLLOUT))
		iscsi_link_service(&d->link, POLLOUT);
}

/* One at a time: what it reads into is the disk's. */
static void queue_look(struct iscsi_disk *d)
{
	static const uint8_t cdb[LUN_CDB] = { 0x9e, 0x10, [13] = sizeof(d->capacity) };

	if (!d->look || d->looking || !iscsi_link_is_ready(&d->link))
		return;
	d->look = false;
	d->capacity_iov = (struct scsi_iovec){ d->capacity, sizeof(d->capacity) };
	d->looking = iscsi_link_send(&d->link, cdb, sizeof(cdb), SCSI_XFER_READ, &d->capacity_iov, 1,
		sizeof(d->capacity), queue_on_capacity, d);
}

static void queue_on_post(struct blk_queue *queue, struct blk_post *post)
{
	struct iscsi_disk *d = container_of(post, struct iscsi_disk, post);

	pthread_mutex_lock(&d->mutex);
	d->posted = false;
	pthread_mutex_unlock(&d->mutex);
	d->look = true;
	queue_look(d);
	queue_write(d);
}

int iscsi_queue_refresh(void *state, struct blk_info *info)
{
	struct iscsi_disk *d = state;

	info->size = __atomic_load_n(&d->size, __ATOMIC_ACQUIRE); /* with queue_on_capacity() */
	pthread_mutex_lock(&d->mutex);
	if (d->running && !d->posted) {
		d->posted = true;
		d->post.fn = queue_on_post;
		blk_queue_post(d->running, &d->post);
	}
	pthread_mutex_unlock(&d->mutex);
	return 0;
}

/* --- the session ------------------------------------------------------------------------------------- */

static int64_t queue_retry_ms(struct iscsi_disk *d)
{
	int64_t pause = d->tries ? INT64_C(100) << (d->tries < 7 ? d->tries - 1 : 6) : 0;

	return pause < QUEUE_MAX_RETRY_MS ? pause : QUEUE_MAX_RETRY_MS;
}

/* A change that the target may still do. */
static bool queue_is_unsure(struct iscsi_op *op)
{
	return op->unsure && queue_req(op)->op != BLK_READ && queue_req(op)->op != BLK_FLUSH;
}

/* It was lost: everything that flew goes back to the queue. */
static void queue_down(struct iscsi_disk *d)
{
	int64_t now = iscsi_now_ms();

	for (struct iscsi_op *op = d->flying.first; op; op = op->next)
		d->may_change |= queue_is_unsure(op);
	iscsi_link_down(&d->link);
	list_put_before(&d->queued, &d->flying);
	d->looking = false;
	if (d->was_ready) {
		if (log_limit_ok(&d->link_limit))
			log_warn("%s at %s: the session is lost (%s); requests wait for it up to %u s", d->uri.target,
				d->setup.portal, d->link.why, d->uri.timeout_s);
		d->lost_ms = now;
		if (now - d->ready_ms >= QUEUE_LASTS_MS)
			d->tries = 0;
	} else if (d->tries < 2) {
		log_warn("%s at %s: %s; tried again until it works", d->uri.target, d->setup.portal, d->link.why);
	}
	d->was_ready = false;
	d->retry_ms = now + queue_retry_ms(d);
	d->tries++;
}

/* Only now: this login ended the old session's commands, as far as this target does that. */
static void queue_end_unsure(struct iscsi_disk *d)
{
	struct iscsi_op *op = d->queued.first, *next;

	for (; op; op = next) {
		next = op->next;
		if (!queue_is_unsure(op))
			continue;
		list_remove(&d->queued, op);
		queue_log(d, queue_req(op), -EIO, "it was in flight when the session was lost, and may be done or not");
		queue_end(d, op, -EIO);
	}
}

static void queue_up(struct iscsi_disk *d)
{
	if (d->may_change && !(d->exclusive && d->link.fenced))
		queue_end_unsure(d);
	d->look = true;
	d->was_ready = true;
	d->may_change = false;
	d->ready_ms = iscsi_now_ms();
	d->nop_ms = d->ready_ms + QUEUE_NOP_MS;
	if (log_limit_ok(&d->link_limit))
		log_warn("%s at %s: the session is there again, after %lld ms", d->uri.target, d->setup.portal,
			(long long)(d->ready_ms - d->lost_ms));
}

/* Whatever the library's calls left to be done. */
static void queue_check_link(struct iscsi_disk *d)
{
	iscsi_link_check_time(&d->link);
	if (d->link.step == ISCSI_LOST)
		queue_down(d);
	if (d->link.step == ISCSI_DOWN && iscsi_now_ms() >= d->retry_ms) {
		d->link.fence = d->exclusive && d->may_change;
		iscsi_link_up(&d->link);
		if (d->link.step == ISCSI_LOST)
			queue_down(d);
	}
	if (iscsi_link_is_ready(&d->link) && !d->was_ready)
		queue_up(d);
}

/* --- time ----------------------------------------------------------------------------------------------- */

static void queue_expire_list(struct iscsi_disk *d, struct iscsi_list *list, int64_t before_ms)
{
	struct iscsi_op *op = list->first, *next;

	for (; op; op = next) {
		next = op->next;
		if (op->since_ms > before_ms)
			continue;
		list_remove(list, op);
		queue_log(d, queue_req(op), -ETIMEDOUT, "not done in time");
		queue_end(d, op, -ETIMEDOUT);
	}
}

static void queue_expire(struct iscsi_disk *d)
{
	int64_t before = iscsi_now_ms() - (int64_t)d->uri.timeout_s * 1000;

	if (d->flying.first && d->flying.first->since_ms <= before) {
		iscsi_link_fail(&d->link, -ETIMEDOUT, "a command has no answer after %u s", d->uri.timeout_s);
		queue_check_link(d);
	}
	queue_expire_list(d, &d->queued, before);
	queue_expire_list(d, &d->delayed, before);
}

static void queue_undelay(struct iscsi_disk *d)
{
	int64_t now = iscsi_now_ms();
	struct iscsi_op *op = d->delayed.first, *next;

	for (; op; op = next) {
		next = op->next;
		if (op->again_ms > now)
			continue;
		list_remove(&d->delayed, op);
		list_add(&d->queued, op);
	}
}

static void queue_on_nop(struct iscsi_context *iscsi, int status, void *data, void *opaque)
{
	/* The library counts. */
}

/* A target that says nothing while it has commands is asked whether it is there. */
static void queue_ask(struct iscsi_disk *d)
{
	int64_t now = iscsi_now_ms();

	if (!iscsi_link_is_ready(&d->link) || now < d->nop_ms)
		return;
	d->nop_ms = now + QUEUE_NOP_MS;
	if (!d->flying.first && !d->looking)
		return;
	if (iscsi_get_nops_in_flight(d->link.iscsi) >= QUEUE_NOPS_LOST)
		iscsi_link_fail(&d->link, -ETIMEDOUT, "it has not answered for %d s",
			QUEUE_NOP_MS / 1000 * QUEUE_NOPS_LOST);
	else
		(void)iscsi_nop_out_async(d->link.iscsi, queue_on_nop, NULL, 0, d);
}

/* --- the driver's calls --------------------------------------------------------------------------------- */

void iscsi_queue_submit(void *state, struct blk_queue *queue, struct blk_req *req)
{
	struct iscsi_disk *d = state;
	struct iscsi_op *op = queue_op(req);

	op->disk = d;
	op->task = NULL;
	op->unsure = false;
	op->delays = 0;
	op->since_ms = 0; /* at the kick */
	list_add(&d->queued, op);
}

/* Those that came since the last kick are the last. */
static void queue_stamp(struct iscsi_disk *d)
{
	int64_t now = iscsi_now_ms();

	for (struct iscsi_op *op = d->queued.first; op; op = op->next)
		if (!op->since_ms)
			op->since_ms = now;
}

void iscsi_queue_kick(void *state, struct blk_queue *queue)
{
	struct iscsi_disk *d = state;

	queue_stamp(d);
	queue_check_link(d);
	queue_look(d);
	queue_send_all(d);
	queue_write(d);
	queue_check_link(d);
}

void iscsi_queue_reap(void *state, struct blk_queue *queue, uint32_t revents)
{
	struct iscsi_disk *d = state;

	if (revents) {
		iscsi_link_service(&d->link, (int)revents);
		if (iscsi_link_is_ready(&d->link))
			d->nop_ms = iscsi_now_ms() + QUEUE_NOP_MS;
	} else {
		/* The core may have submitted since the last kick: these are not as old as time itself. */
		queue_stamp(d);
		queue_ask(d);
		queue_expire(d);
	}
	queue_undelay(d);
	iscsi_queue_kick(d, queue);
}

static void queue_sooner(int64_t *at, int64_t ms)
{
	if (ms < *at)
		*at = ms;
}

/* When there is something to do though no descriptor says so; INT64_MAX: never. */
static int64_t queue_deadline(struct iscsi_disk *d)
{
	int64_t at = INT64_MAX, patience = (int64_t)d->uri.timeout_s * 1000;

	for (struct iscsi_op *op = d->delayed.first; op; op = op->next)
		queue_sooner(&at, op->again_ms);
	if (d->queued.first)
		queue_sooner(&at, d->queued.first->since_ms + patience);
	if (d->link.step == ISCSI_DOWN)
		queue_sooner(&at, d->retry_ms);
	else if (!iscsi_link_is_ready(&d->link))
		queue_sooner(&at, d->link.deadline_ms);
	else if (d->flying.first || d->looking)
		queue_sooner(&at, d->nop_ms);
	if (d->flying.first)
		queue_sooner(&at, d->flying.first->since_ms + patience);
	return at;
}

void iscsi_queue_poll(void *state, struct blk_queue *queue, struct blk_poll *poll)
{
	struct iscsi_disk *d = state;
	int64_t at = queue_deadline(d), left = at - iscsi_now_ms();

	poll->changes = d->link.connections;
	if (d->link.iscsi && d->link.step != ISCSI_LOST) {
		poll->fd = iscsi_get_fd(d->link.iscsi);
		poll->events = (uint32_t)iscsi_which_events(d->link.iscsi);
	}
	if (at != INT64_MAX)
		poll->timeout_ms = left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left + 1;
}

int iscsi_queue_start(void *state, struct blk_queue *queue)
{
	struct iscsi_disk *d = state;

	list_init(&d->queued);
	list_init(&d->flying);
	list_init(&d->delayed);
	d->queue = queue;
	d->look = true; /* it may have changed while nobody looked */
	d->was_ready = iscsi_link_is_ready(&d->link);
	d->nop_ms = iscsi_now_ms() + QUEUE_NOP_MS;
	pthread_mutex_lock(&d->mutex);
	d->running = queue;
	d->posted = false;
	pthread_mutex_unlock(&d->mutex);
	iscsi_queue_kick(d, queue);
	return 0;
}

void iscsi_queue_stop(void *state, struct blk_queue *queue)
{
	struct iscsi_disk *d = state;

	pthread_mutex_lock(&d->mutex);
	d->running = NULL;
	pthread_mutex_unlock(&d->mutex);
	d->queue = NULL; /* the session outlives it, and with it a look at the unit's size */
}

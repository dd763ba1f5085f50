// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/iscsi-link.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backends/blk/iscsi-lun.h"
#include "common/log.h"

#define LINK_MAX_ATTENTIONS 32u
#define LINK_WRITE_EXCLUSIVE 1u   /* SPC-4, 5.13.7: only the holder writes */

int64_t iscsi_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* What a target sent may be in it. */
static void link_clean(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void iscsi_link_fail(struct iscsi_link *l, int error, const char *fmt, ...)
{
	va_list ap;

	if (l->step == ISCSI_LOST)
		return;
	l->step = ISCSI_LOST;
	l->error = error;
	va_start(ap, fmt);
	vsnprintf(l->why, sizeof(l->why), fmt, ap);
	va_end(ap);
	link_clean(l->why);
}

static void link_fail_by_library(struct iscsi_link *l, int error, const char *what)
{
	const char *text = iscsi_get_error(l->iscsi);

	iscsi_link_fail(l, error, "%s%s%.160s", what, text[0] ? ": " : "", text);
}

/* --- commands ---------------------------------------------------------------------------- */

struct scsi_task *iscsi_link_send(struct iscsi_link *l, const uint8_t *cdb, unsigned cdb_size, int direction,
	struct scsi_iovec *iov, unsigned niov, uint32_t length, iscsi_command_cb done, void *opaque)
{
	struct scsi_task *task = scsi_create_task((int)cdb_size, (unsigned char *)cdb, direction, (int)length);

	if (!task)
		return NULL;
	if (direction == SCSI_XFER_READ)
		scsi_task_set_iov_in(task, iov, (int)niov);
	else if (direction == SCSI_XFER_WRITE)
		scsi_task_set_iov_out(task, iov, (int)niov);
	if (iscsi_scsi_command_async(l->iscsi, (int)l->setup->lun, task, done, NULL, opaque) == 0) {
		l->last_sn = task->cmdsn;
		return task;
	}
	scsi_free_scsi_task(task);
	return NULL;
}

/* The queue's length leaves out what was begun with; the events do not. */
static bool link_has_sent_all(struct iscsi_link *l)
{
	return !l->iscsi || (iscsi_out_queue_length(l->iscsi) == 0 && !(iscsi_which_events(l->iscsi) & POLLOUT));
}

/* All, or those that ended before the command @sn was given to the library. */
static void link_free_spent(struct iscsi_link *l, bool all, uint32_t sn)
{
	struct scsi_task *task;

	while ((task = l->spent) && (all || (int32_t)(sn - task->cmdsn) > 0)) {
		l->spent = task->ptr;
		scsi_free_scsi_task(task);
	}
}

void iscsi_link_free(struct iscsi_link *l, struct scsi_task *task, int status)
{
	bool all = link_has_sent_all(l);

	/* The library sends in the order of commands, so what has an answer of the target left it behind them. */
	if (all || (status != SCSI_STATUS_CANCELLED && status != SCSI_STATUS_ERROR))
		link_free_spent(l, all, task->cmdsn);
	if (all || task->xfer_dir != SCSI_XFER_WRITE) {
		scsi_free_scsi_task(task);
		return;
	}
	scsi_task_set_iov_out(task, NULL, 0);
	task->cmdsn = l->last_sn;
	task->ptr = NULL;
	if (l->spent)
		l->last_spent->ptr = task;
	else
		l->spent = task;
	l->last_spent = task;
}

/* --- becoming ready: each step's callback begins the next ----------------------------------- */

static void link_next(struct iscsi_link *l);

/* A command of a step ended. True: as expected; else the session is lost or goes on otherwise. */
static bool link_step_done(struct iscsi_link *l, int status, struct scsi_task *task, struct lun_answer *answer)
{
	*answer = lun_judge(status, task ? task->sense.key : 0, task ? (unsigned)task->sense.ascq : 0);
	if (task)
		iscsi_link_free(l, task, status);
	/* Cancelled while the session is taken down. */
	return l->step != ISCSI_DOWN && l->step != ISCSI_LOST;
}

static void link_clear(struct iscsi_link *l);

static void link_on_cleared(struct iscsi_context *iscsi, int status, void *data, void *opaque)
{
	struct iscsi_link *l = opaque;
	struct scsi_task *task = data;
	bool attention = status == SCSI_STATUS_CHECK_CONDITION && task && task->sense.key == SCSI_SENSE_UNIT_ATTENTION;
	struct lun_answer answer;

	if (!link_step_done(l, status, data, &answer))
		return;
	/* Somebody's reservation is found out by who wants one, or writes. */
	if ((answer.verdict == LUN_DONE && answer.error == 0) || status == SCSI_STATUS_RESERVATION_CONFLICT)
		link_next(l);
	else if (attention && ++l->attempts < LINK_MAX_ATTENTIONS)
		link_clear(l); /* there may be more */
	else
		iscsi_link_fail(l, answer.error, "unit %u: %s", l->setup->lun, answer.text);
}

static void link_clear(struct iscsi_link *l)
{
	static const uint8_t test_unit_ready[6];

	if (!iscsi_link_send(l, test_unit_ready, sizeof(test_unit_ready), SCSI_XFER_NONE, NULL, 0, 0,
		    link_on_cleared, l))
		link_fail_by_library(l, -ENOMEM, "no command can be sent");
}

/* PERSISTENT RESERVE OUT. */
static void link_reserve_out(struct iscsi_link *l, unsigned action, unsigned type, uint64_t key, uint64_t other,
	iscsi_command_cb done)
{
	uint8_t cdb[10] = { 0x5f, (uint8_t)action, (uint8_t)type };

	lun_put(cdb + 5, sizeof(l->parameters), 4);
	memset(l->parameters, 0, sizeof(l->parameters));
	lun_put(l->parameters, key, 8);
	lun_put(l->parameters + 8, other, 8);
	l->iov = (struct scsi_iovec){ l->parameters, sizeof(l->parameters) };
	if (!iscsi_link_send(l, cdb, sizeof(cdb), SCSI_XFER_WRITE, &l->iov, 1, sizeof(l->parameters), done, l))
		link_fail_by_library(l, -ENOMEM, "no command can be sent");
}

static void link_on_reserved(struct iscsi_context *iscsi, int status, void *data, void *opaque)
{
	struct iscsi_link *l = opaque;
	struct lun_answer answer;

	if (!link_step_done(l, status, data, &answer))
		return;
	if (answer.verdict == LUN_AGAIN || answer.verdict == LUN_RECONNECT) {
		if (status != SCSI_STATUS_CHECK_CONDITION || ++l->attempts >= LINK_MAX_ATTENTIONS)
			iscsi_link_fail(l, -EIO, "reserving unit %u: %s", l->setup->lun, answer.text);
		else
			link_next(l);
		return;
	}
	if (l->step == ISCSI_RESERVING && status == SCSI_STATUS_RESERVATION_CONFLICT && !l->preempted) {
		/* Perhaps it is our own of an earlier session, which targets may count as another's. */
		l->preempted = true;
		l->step = ISCSI_PREEMPTING;
	} else if (status == SCSI_STATUS_RESERVATION_CONFLICT) {
		iscsi_link_fail(l, -EBUSY, "unit %u is reserved by another initiator, which has to end first; if that is gone, clear its reservation at the target",
			l->setup->lun);
		return;
	} else if (answer.error) {
		iscsi_link_fail(l, answer.error, "unit %u cannot be reserved: %s; leave out reserve=yes", l->setup->lun,
			answer.text);
		return;
	} else if (l->step == ISCSI_RESERVING) {
		l->reserved = true;
	} else {
		l->step = ISCSI_RESERVING; /* registered, or the old one is gone */
	}
	link_next(l);
}

static void link_on_reset(struct iscsi_context *iscsi, int status, void *data, void *opaque)
{
	struct iscsi_link *l = opaque;
	uint32_t response = data ? *(uint32_t *)data : ISCSI_TMR_FUNC_REJECTED;

	if (l->step != ISCSI_RESETTING)
		return;
	if (status != SCSI_STATUS_GOOD) {
		link_fail_by_library(l, -EIO, "the unit's reset");
		return;
	}
	l->fence = false;
	l->fenced = response == ISCSI_TMR_FUNC_COMPLETE;
	if (!l->fenced && !l->no_reset)
		log_warn("%s: unit %u cannot be reset (response %u): a backend that is killed cannot be followed by another while its guest runs",
			l->setup->target, l->setup->lun, response);
	l->no_reset = !l->fenced;
	l->step = ISCSI_CLEARING;
	l->attempts = 0;
	link_clear(l);
}

/* Whatever step is over or to be repeated. */
static void link_next(struct iscsi_link *l)
{
	const struct iscsi_setup *s = l->setup;

	if (l->step == ISCSI_PREEMPTING) {
		link_reserve_out(l, SCSI_PERSISTENT_RESERVE_PREEMPT, LINK_WRITE_EXCLUSIVE, s->reserve_key,
			s->reserve_key, link_on_reserved);
	} else if (l->step == ISCSI_RESERVING && !l->reserved) {
		link_reserve_out(l, SCSI_PERSISTENT_RESERVE_RESERVE, LINK_WRITE_EXCLUSIVE, s->reserve_key, 0,
			link_on_reserved);
	} else if (s->reserve && !l->reserved) {
		l->step = ISCSI_REGISTERING;
		link_reserve_out(l, SCSI_PERSISTENT_RESERVE_REGISTER_AND_IGNORE_EXISTING_KEY, 0, 0, s->reserve_key,
			link_on_reserved);
	} else if (l->fence && !l->no_reset) {
		l->step = ISCSI_RESETTING;
		l->reset_due = true;
	} else {
		l->step = ISCSI_READY;
	}
}

/*
 * Never from a command's callback: the library cancels all commands then, the one whose callback
 * that is, too.
 */
static void link_reset(struct iscsi_link *l)
{
	if (!l->reset_due || l->step != ISCSI_RESETTING)
		return;
	l->reset_due = false;
	if (iscsi_task_mgmt_lun_reset_async(l->iscsi, l->setup->lun, link_on_reset, l) < 0)
		link_fail_by_library(l, -ENOMEM, "the unit's reset");
}

/*
 * The library's copies of passwords: each session gets its own, and what it frees it does not
 * wipe. Of an empty text it would copy the first byte only, of others it fills the room.
 */
static void link_wipe(struct iscsi_context *iscsi)
{
	iscsi_set_initiator_username_pwd(iscsi, "-", "-");
	iscsi_set_target_username_pwd(iscsi, "-", "-");
}

static void link_on_login(struct iscsi_context *iscsi, int status, void *data, void *opaque)
{
	struct iscsi_link *l = opaque;

	if (l->step != ISCSI_LOGGING_IN)
		return;
	link_wipe(iscsi);
	if (status == SCSI_STATUS_REDIRECT) {
		iscsi_link_fail(l, -EREMCHG, "the target is at %.64s now; name that portal, redirections are not followed",
			iscsi_get_target_address(iscsi));
		return;
	}
	if (status != SCSI_STATUS_GOOD) {
		link_fail_by_library(l, -EACCES, "no login");
		return;
	}
	l->step = ISCSI_CLEARING;
	l->attempts = 0;
	link_clear(l);
}

static void link_on_connected(struct iscsi_context *iscsi, int status, void *data, void *opaque)
{
	struct iscsi_link *l = opaque;

	if (l->step != ISCSI_CONNECTING) {
		if (l->step != ISCSI_DOWN && status != SCSI_STATUS_GOOD)
			link_fail_by_library(l, -ECONNRESET, "the connection is gone");
		return;
	}
	if (status != SCSI_STATUS_GOOD) {
		link_fail_by_library(l, -ECONNREFUSED, "no connection");
		return;
	}
	l->step = ISCSI_LOGGING_IN;
	if (iscsi_login_async(iscsi, link_on_login, l) != 0)
		link_fail_by_library(l, -EIO, "no login");
}

static void link_on_log(int level, const char *text)
{
	log_debug("libiscsi: %s", text);
}

static void link_configure(struct iscsi_link *l)
{
	const struct iscsi_setup *s = l->setup;

	if (log_enabled(LOG_LEVEL_DEBUG)) {
		iscsi_set_log_level(l->iscsi, 2);
		iscsi_set_log_fn(l->iscsi, link_on_log);
	}
	iscsi_set_noautoreconnect(l->iscsi, 1);
	iscsi_set_session_type(l->iscsi, ISCSI_SESSION_NORMAL);
	iscsi_set_targetname(l->iscsi, s->target);
	iscsi_set_isid_random(l->iscsi, s->isid, s->isid_qualifier);
	/* An idle session sends nothing: the kernel finds out if its peer died. */
	iscsi_set_tcp_keepidle(l->iscsi, 20);
	iscsi_set_tcp_keepintvl(l->iscsi, 5);
	iscsi_set_tcp_keepcnt(l->iscsi, 4);
	if (!s->secret->user[0])
		return;
	iscsi_set_initiator_username_pwd(l->iscsi, s->secret->user, s->secret->password);
	if (s->secret->target_user[0])
		iscsi_set_target_username_pwd(l->iscsi, s->secret->target_user, s->secret->target_password);
}

void iscsi_link_up(struct iscsi_link *l)
{
	l->step = ISCSI_CONNECTING;
	l->reserved = false;
	l->preempted = false;
	l->reset_due = false;
	l->why[0] = '\0';
	l->deadline_ms = iscsi_now_ms() + l->setup->login_ms;
	l->iscsi = iscsi_create_context(l->setup->initiator);
	if (!l->iscsi) {
		iscsi_link_fail(l, -ENOMEM, "out of memory");
		return;
	}
	link_configure(l);
	l->connections++;
	if (iscsi_connect_async(l->iscsi, l->setup->portal, link_on_connected, l) != 0)
		link_fail_by_library(l, -ECONNREFUSED, "no connection");
}

void iscsi_link_down(struct iscsi_link *l)
{
	struct iscsi_context *iscsi = l->iscsi;

	l->step = ISCSI_DOWN;
	l->iscsi = NULL;
	if (!iscsi)
		return;
	link_wipe(iscsi);
	iscsi_destroy_context(iscsi);
	link_free_spent(l, true, 0);
}

void iscsi_link_service(struct iscsi_link *l, int revents)
{
	if (l->step == ISCSI_DOWN || l->step == ISCSI_LOST)
		return;
	if (iscsi_service(l->iscsi, revents) < 0)
		link_fail_by_library(l, -ECONNRESET, "the connection is gone");
	link_reset(l);
}

void iscsi_link_check_time(struct iscsi_link *l)
{
	static const char *const doing[] = {
		[ISCSI_CONNECTING] = "no connection",
		[ISCSI_LOGGING_IN] = "no login",
		[ISCSI_CLEARING] = "the unit does not answer",
		[ISCSI_REGISTERING] = "the unit does not answer",
		[ISCSI_RESERVING] = "the unit does not answer",
		[ISCSI_PREEMPTING] = "the unit does not answer",
		[ISCSI_RESETTING] = "the unit's reset does not end",
	};

	if (l->step == ISCSI_DOWN || l->step >= ISCSI_READY || iscsi_now_ms() < l->deadline_ms)
		return;
	iscsi_link_fail(l, -ETIMEDOUT, "%s within %u s", doing[l->step], l->setup->login_ms / 1000);
}

/* --- waiting, in the control thread ------------------------------------------------------------ */

/* One round. */
static void link_turn(struct iscsi_link *l, int64_t until_ms)
{
	struct pollfd p = { .fd = iscsi_get_fd(l->iscsi), .events = (short)iscsi_which_events(l->iscsi) };
	int64_t left = until_ms - iscsi_now_ms();

	if (poll(&p, 1, left < 0 ? 0 : (int)left) > 0)
		iscsi_link_service(l, p.revents);
}

int iscsi_link_wait(struct iscsi_link *l)
{
	while (l->step != ISCSI_READY && l->step != ISCSI_LOST && l->step != ISCSI_DOWN) {
		link_turn(l, l->deadline_ms);
		iscsi_link_check_time(l);
	}
	return iscsi_link_is_ready(l) ? 0 : l->error;
}

int iscsi_link_fence(struct iscsi_link *l)
{
	l->deadline_ms = iscsi_now_ms() + l->setup->login_ms;
	l->step = ISCSI_CLEARING;
	l->attempts = 0;
	link_next(l);
	link_reset(l);
	return iscsi_link_wait(l);
}

struct link_run {
	bool done;
	int status;
	unsigned key, code;
	size_t residual;
};

static void link_on_run(struct iscsi_context *iscsi, int status, void *data, void *opaque)
{
	struct link_run *run = opaque;
	struct scsi_task *task = data;

	run->done = true;
	run->status = status;
	if (!task)
		return;
	run->key = task->sense.key;
	run->code = (unsigned)task->sense.ascq;
	run->residual = task->residual_status == SCSI_RESIDUAL_UNDERFLOW ? task->residual : 0;
	scsi_free_scsi_task(task);
}

/* Once. */
static int link_run(struct iscsi_link *l, const uint8_t *cdb, unsigned cdb_size, struct scsi_iovec *iov,
	struct lun_answer *answer)
{
	struct link_run run = { .done = false };
	uint32_t room = (uint32_t)iov->iov_len;

	if (!iscsi_link_send(l, cdb, cdb_size, room ? SCSI_XFER_READ : SCSI_XFER_NONE, iov, 1, room, link_on_run, &run))
		return -ENOMEM;
	while (!run.done && iscsi_link_is_ready(l)) {
		link_turn(l, l->deadline_ms);
		if (iscsi_now_ms() >= l->deadline_ms)
			iscsi_link_fail(l, -ETIMEDOUT, "the unit does not answer within %u s", l->setup->login_ms / 1000);
	}
	if (!run.done) {
		iscsi_link_down(l); /* run goes out of scope: its callback comes now */
		l->step = ISCSI_LOST;
		return l->error;
	}
	*answer = lun_judge(run.status, run.key, run.code);
	return run.residual < room ? (int)(room - run.residual) : 0;
}

int iscsi_link_run(struct iscsi_link *l, const uint8_t *cdb, unsigned cdb_size, void *data, uint32_t room)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	struct scsi_iovec iov = { data, room };
	struct lun_answer answer = { LUN_DONE, 0, false, "" };

	if (!iscsi_link_is_ready(l))
		return l->error;
	/* Not all that an answer claims to have has to come. */
	if (data)
		memset(data, 0, room);
	l->deadline_ms = iscsi_now_ms() + l->setup->login_ms;
	for (unsigned i = 0; i < LINK_MAX_ATTENTIONS; i++) {
		int n = link_run(l, cdb, cdb_size, &iov, &answer);

		if (n < 0)
			return n;
		if (answer.verdict == LUN_DONE)
			return answer.error ? answer.error : n;
		if (answer.verdict == LUN_LATER)
			nanosleep(&pause, NULL);
	}
	return answer.error;
}

/* --- the end --------------------------------------------------------------------------------------- */

static void link_on_end(struct iscsi_context *iscsi, int status, void *data, void *opaque)
{
	*(bool *)opaque = true;
}

static void link_on_released(struct iscsi_context *iscsi, int status, void *data, void *opaque)
{
	struct iscsi_link *l = opaque;

	if (data)
		iscsi_link_free(l, data, status);
	l->attempts++;
}

/* Give the reservation back, so that another machine may have it. */
static void link_release(struct iscsi_link *l, int64_t until_ms)
{
	const uint64_t key = l->setup->reserve_key;

	if (!l->reserved)
		return;
	l->attempts = 0;
	link_reserve_out(l, SCSI_PERSISTENT_RESERVE_RELEASE, LINK_WRITE_EXCLUSIVE, key, 0, link_on_released);
	while (l->attempts < 1 && iscsi_link_is_ready(l) && iscsi_now_ms() < until_ms)
		link_turn(l, until_ms);
	if (l->attempts != 1 || !iscsi_link_is_ready(l))
		return;
	link_reserve_out(l, SCSI_PERSISTENT_RESERVE_REGISTER, 0, key, 0, link_on_released);
	while (l->attempts < 2 && iscsi_link_is_ready(l) && iscsi_now_ms() < until_ms)
		link_turn(l, until_ms);
}

void iscsi_link_logout(struct iscsi_link *l, unsigned ms)
{
	int64_t until_ms = iscsi_now_ms() + ms;
	bool ended = false;

	if (iscsi_link_is_ready(l))
		link_release(l, until_ms);
	if (iscsi_link_is_ready(l) && iscsi_logout_async(l->iscsi, link_on_end, &ended) == 0)
		while (!ended && iscsi_link_is_ready(l) && iscsi_now_ms() < until_ms)
			link_turn(l, until_ms);
	iscsi_link_down(l);
}

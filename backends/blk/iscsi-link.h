/* SPDX-License-Identifier: MIT */
/*
 * A session with an iSCSI target: connecting, logging in, becoming the only writer. Asynchronous;
 * the caller waits for the descriptor, or lets iscsi_link_wait() do so. One thread at a time.
 *
 * libiscsi's own reconnection is off: it would send what is in flight again behind our back,
 * under a random ISID so that the old session and its commands stayed, and follow redirections.
 * A session that fails is taken down as a whole, and the caller says what is sent again.
 */
#ifndef SLUICE_BACKENDS_BLK_ISCSI_LINK_H
#define SLUICE_BACKENDS_BLK_ISCSI_LINK_H

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <stdbool.h>
#include <stdint.h>

#include "backends/blk/driver.h"
#include "backends/blk/iscsi-secret.h"

#define ISCSI_LINK_PORTAL 80u
#define ISCSI_LINK_WHY 256u

/** struct iscsi_setup - what a session is made with; lives as long as the link. */
struct iscsi_setup {
	char portal[ISCSI_LINK_PORTAL]; /* numeric */
	const char *target;
	const char *initiator;
	unsigned lun;
	/*
	 * The same for this disk of this machine every time, and of no other: a login with it ends
	 * the session of a process that was killed, or of ours that failed, and its commands
	 * (session reinstatement, RFC 7143, 6.3.5).
	 */
	uint32_t isid;
	uint16_t isid_qualifier;
	const struct iscsi_secret *secret;
	bool reserve;
	uint64_t reserve_key;
	unsigned login_ms;      /* that becoming ready may take */
};

enum iscsi_step {
	ISCSI_DOWN,         /* no session */
	ISCSI_CONNECTING,
	ISCSI_LOGGING_IN,
	ISCSI_CLEARING,     /* TEST UNIT READY, until nothing is reported any more */
	ISCSI_REGISTERING,
	ISCSI_RESERVING,
	ISCSI_PREEMPTING,   /* our own earlier reservation */
	ISCSI_RESETTING,
	ISCSI_READY,
	ISCSI_LOST,         /* to be taken down by iscsi_link_down() */
};

/** struct iscsi_link - zero but for setup at first. */
struct iscsi_link {
	const struct iscsi_setup *setup;
	struct iscsi_context *iscsi;
	enum iscsi_step step;
	/*
	 * The unit is to be reset before it is used: whatever an earlier session sent
	 * has ended then, even where a target answers a login before it has.
	 */
	bool fence;
	bool fenced;         /* that was done at least once, and since the last command of an earlier session */
	bool no_reset;       /* the target does not have it */
	bool reserved, preempted; /* in this session */
	bool reset_due;      /* to be sent when no callback is running */
	unsigned attempts;   /* of the step */
	int64_t deadline_ms;
	uint32_t connections; /* so far */
	uint8_t parameters[24]; /* of PERSISTENT RESERVE OUT */
	struct scsi_iovec iov;
	struct scsi_task *spent, *last_spent; /* answered, but see iscsi_link_free(); by their ptr */
	uint32_t last_sn;    /* of the last command */
	int error;           /* why it was lost */
	char why[ISCSI_LINK_WHY];
};

/** iscsi_link_up() - begin a session; its step tells how it went. Needs ISCSI_DOWN. */
void iscsi_link_up(struct iscsi_link *l);
/** iscsi_link_down() - end it without a word; commands' callbacks get SCSI_STATUS_CANCELLED. */
void iscsi_link_down(struct iscsi_link *l);
/** iscsi_link_fail() - it is of no use any more: @why, a clause. The first reason is kept. */
void iscsi_link_fail(struct iscsi_link *l, int error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** iscsi_link_service() - after poll(2) said @revents. */
void iscsi_link_service(struct iscsi_link *l, int revents);
/** iscsi_link_check_time() - fail it if it takes too long to become ready. */
void iscsi_link_check_time(struct iscsi_link *l);
/** iscsi_link_wait() - until it is ready. 0, or -errno: it is lost, see why. */
int iscsi_link_wait(struct iscsi_link *l) must_check;
/** iscsi_link_fence() - with a ready session: reserve and reset as setup and fence say, as at each login. 0 or -errno as above. */
int iscsi_link_fence(struct iscsi_link *l) must_check;
/** iscsi_link_logout() - end a ready session in good order, in @ms at most. */
void iscsi_link_logout(struct iscsi_link *l, unsigned ms);

static inline bool iscsi_link_is_ready(const struct iscsi_link *l)
{
	return l->step == ISCSI_READY;
}

/**
 * iscsi_link_send() - a command, when the session is up.
 * @direction: SCSI_XFER_*; @iov, of @length bytes, is the caller's until the callback
 *
 * Return: the task, or NULL: no memory. In the callback it is for iscsi_link_free().
 */
struct scsi_task *iscsi_link_send(struct iscsi_link *l, const uint8_t *cdb, unsigned cdb_size, int direction,
	struct scsi_iovec *iov, unsigned niov, uint32_t length, iscsi_command_cb done, void *opaque) must_check;

/**
 * iscsi_link_free() - @task was answered with @status.
 *
 * A target can answer a write before it has all the data it asked for. What the library has still
 * to send of it points to the task, so that lives on, without its data: these are the
 * caller's again, and the session fails when it comes to sending them.
 */
void iscsi_link_free(struct iscsi_link *l, struct scsi_task *task, int status);

/**
 * iscsi_link_run() - a command that reads at most @room bytes, with a ready session; waits for it.
 *
 * What may be repeated is. Return: bytes, or -errno; if that is of the unit, the session goes on.
 */
int iscsi_link_run(struct iscsi_link *l, const uint8_t *cdb, unsigned cdb_size, void *data, uint32_t room) must_check;

/** iscsi_now_ms() - a clock that only goes forward. */
int64_t iscsi_now_ms(void) must_check;

#endif

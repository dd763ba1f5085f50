// SPDX-License-Identifier: MIT
/* What a unit's answers mean for the command, the session and the guest. */
#include "config.h"
#include "backends/blk/iscsi-lun.h"

#include <errno.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

/* CHECK CONDITION, by sense key and code; the first row that fits. */
static const struct sense_row {
	uint8_t key;
	uint8_t code, qualifier; /* ANY: every one */
	struct lun_answer answer;
} sense_rows[] = {
#define ANY 0xff
	{ SCSI_SENSE_NO_SENSE, ANY, ANY, { LUN_DONE, 0, false, "no error" } },
	{ SCSI_SENSE_RECOVERED_ERROR, ANY, ANY, { LUN_DONE, 0, false, "an error that it recovered from" } },
	{ SCSI_SENSE_NOT_READY, 0x3a, ANY, { LUN_DONE, -ENOMEDIUM, false, "it has no medium" } },
	{ SCSI_SENSE_NOT_READY, ANY, ANY, { LUN_LATER, -EIO, false, "it is not ready" } },
	{ SCSI_SENSE_MEDIUM_ERROR, ANY, ANY, { LUN_DONE, -EIO, false, "a medium error" } },
	{ SCSI_SENSE_HARDWARE_ERROR, ANY, ANY, { LUN_DONE, -EIO, false, "a hardware error" } },
	{ SCSI_SENSE_ILLEGAL_REQUEST, 0x20, ANY, { LUN_DONE, -EOPNOTSUPP, false, "it does not have the command" } },
	{ SCSI_SENSE_ILLEGAL_REQUEST, 0x24, ANY, { LUN_DONE, -EOPNOTSUPP, false, "it does not have a part of the command" } },
	{ SCSI_SENSE_ILLEGAL_REQUEST, 0x26, ANY, { LUN_DONE, -EOPNOTSUPP, false, "it does not take the command's parameters" } },
	{ SCSI_SENSE_ILLEGAL_REQUEST, 0x21, ANY, { LUN_DONE, -EIO, true, "the range is beyond its end" } },
	/* A target that was started anew has its units a little later. */
	{ SCSI_SENSE_ILLEGAL_REQUEST, 0x25, ANY, { LUN_LATER, -ENXIO, false, "the target has no such unit" } },
	{ SCSI_SENSE_ILLEGAL_REQUEST, ANY, ANY, { LUN_DONE, -EIO, false, "it refuses the command" } },
	/* A reset, or CLEAR TASK SET by somebody else: commands may be gone without an answer. */
	{ SCSI_SENSE_UNIT_ATTENTION, 0x29, ANY, { LUN_RECONNECT, -EIO, true, "the unit was reset" } },
	{ SCSI_SENSE_UNIT_ATTENTION, 0x2f, ANY, { LUN_RECONNECT, -EIO, false, "another initiator cleared the commands" } },
	{ SCSI_SENSE_UNIT_ATTENTION, 0x2a, 0x09, { LUN_AGAIN, -EIO, true, "its size changed" } },
	{ SCSI_SENSE_UNIT_ATTENTION, 0x3f, ANY, { LUN_AGAIN, -EIO, true, "it is not what it was" } },
	{ SCSI_SENSE_UNIT_ATTENTION, ANY, ANY, { LUN_AGAIN, -EIO, false, "something changed" } },
	{ SCSI_SENSE_DATA_PROTECTION, 0x27, 0x07, { LUN_DONE, -ENOSPC, false, "its pool has no space left" } },
	{ SCSI_SENSE_DATA_PROTECTION, ANY, ANY, { LUN_DONE, -EROFS, false, "it is write-protected" } },
	{ SCSI_SENSE_COMMAND_ABORTED, ANY, ANY, { LUN_LATER, -EIO, false, "it aborted the command" } },
#undef ANY
};

static struct lun_answer sense_judge(unsigned key, unsigned code)
{
	for (unsigned i = 0; i < sizeof(sense_rows) / sizeof(sense_rows[0]); i++) {
		const struct sense_row *r = &sense_rows[i];

		if (r->key == key && (r->code == 0xff || r->code == code >> 8) &&
			(r->qualifier == 0xff || r->qualifier == (code & 0xff)))
			return r->answer;
	}
	return (struct lun_answer){ LUN_DONE, -EIO, false, "an error of an unknown kind" };
}

struct lun_answer lun_judge(int status, unsigned key, unsigned code)
{
	switch (status) {
	case SCSI_STATUS_GOOD:
	case SCSI_STATUS_CONDITION_MET:
		return (struct lun_answer){ LUN_DONE, 0, false, "done" };
	case SCSI_STATUS_CHECK_CONDITION:
		return sense_judge(key, code);
	case SCSI_STATUS_BUSY:
		return (struct lun_answer){ LUN_LATER, -EBUSY, false, "it is busy" };
	case SCSI_STATUS_TASK_SET_FULL:
		return (struct lun_answer){ LUN_LATER, -EBUSY, false, "it has too many commands" };
	case SCSI_STATUS_TASK_ABORTED:
		return (struct lun_answer){ LUN_AGAIN, -EIO, false, "another initiator aborted the command" };
	case SCSI_STATUS_RESERVATION_CONFLICT:
		return (struct lun_answer){ LUN_DONE, -EACCES, false, "another initiator has it reserved" };
	default: /* of the library: cancelled, an error of the protocol */
		return (struct lun_answer){ LUN_RECONNECT, -EIO, false, "the session failed" };
	}
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/iscsi-local.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/blk/iscsi-lun.h"

#define LOCAL_LOCKS "/run/lock/sluice"
#define LOCAL_OPEN_ISCSI "/etc/iscsi/initiatorname.iscsi"
#define LOCAL_MACHINE_ID "/etc/machine-id"

/* Of a small text file. Bytes, or -errno. */
static ssize_t local_read(const char *path, char *text, size_t room)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, room - 1);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	return n;
}

bool iscsi_local_initiator_parse(const char *text, char *name)
{
	static const char key[] = "InitiatorName=";

	while (*text) {
		size_t len = strcspn(text, "\n"), skip = sizeof(key) - 1;

		if (len > skip && strncmp(text, key, skip) == 0) {
			snprintf(name, ISCSI_URI_NAME, "%.*s", (int)(len - skip), text + skip);
			name[strcspn(name, " \t\r")] = '\0';
			return len - skip < ISCSI_URI_NAME && iscsi_name_is_valid(name);
		}
		text += len + (text[len] == '\n');
	}
	return false;
}

int iscsi_local_initiator(char *name, char *why, size_t room)
{
	char text[4096];
	ssize_t n;

	if (local_read(LOCAL_OPEN_ISCSI, text, sizeof(text)) > 0 && iscsi_local_initiator_parse(text, name))
		return 0;
	n = local_read(LOCAL_MACHINE_ID, text, sizeof(text));
	if (n < 32) {
		snprintf(why, room, "iscsi://: this machine has no name for targets; write one as InitiatorName=.. into "
			LOCAL_OPEN_ISCSI ", or name one with ?initiator=");
		return -ENOENT;
	}
	/* NAA 3: whoever makes it up sees to it that it is unique (RFC 3980). The machine's own id stays a secret. */
	snprintf(name, ISCSI_URI_NAME, "naa.3%015" PRIx64, lun_hash(0x5c5, text, 32) >> 4);
	return 0;
}

/* A unit, whatever portal it is reached by. */
static uint64_t local_unit(const struct iscsi_uri *uri, uint64_t seed)
{
	return lun_hash(seed + uri->lun, uri->target, strlen(uri->target));
}

void iscsi_local_isid(const struct iscsi_uri *uri, const char *initiator, const char *device,
	uint32_t *isid, uint16_t *qualifier)
{
	uint64_t h = local_unit(uri, 0x1000);

	if (device)
		h = lun_hash(h, device, strlen(device));
	h = lun_hash(h, initiator, strlen(initiator));
	*isid = (uint32_t)(h >> 16) & 0xffffff;
	*qualifier = (uint16_t)h;
}

uint64_t iscsi_local_key(const struct iscsi_uri *uri, const char *initiator)
{
	uint64_t key = lun_hash(local_unit(uri, 0x2000), initiator, strlen(initiator));

	return key ? key : 1;
}

static int local_open_lock(const struct iscsi_uri *uri, char *why, size_t room)
{
	const char *dir = getenv("SLUICE_LOCK_DIR");
	char path[512];
	int fd, rc;

	if (!dir)
		dir = LOCAL_LOCKS;
	(void)mkdir(dir, 0755); /* the open tells */
	snprintf(path, sizeof(path), "%s/iscsi-%016" PRIx64, dir, local_unit(uri, 0x3000));
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		return fd;
	rc = -errno;
	snprintf(why, room, "iscsi://: %s, which keeps two disks from writing one unit: %s; make its directory, or say shared=1",
		path, strerror(-rc));
	return rc;
}

int iscsi_local_lock(const struct iscsi_uri *uri, const struct blk_conf *conf, int *fd, char *why, size_t room)
{
	struct flock lock = { .l_type = conf->readonly ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };
	int rc;

	*fd = -1;
	if (conf->shared)
		return 0;
	/* A part of the unit excludes who wants it, and no other parts. */
	lock.l_start = (off_t)conf->range_start;
	lock.l_len = (off_t)conf->range_length;
	rc = local_open_lock(uri, why, room);
	if (rc < 0)
		return rc;
	*fd = rc;
	if (fcntl(*fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	rc = errno == EACCES || errno == EAGAIN ? -EBUSY : -errno;
	snprintf(why, room, "unit %u of %s: %s", uri->lun, uri->target,
		rc == -EBUSY ? "another disk of this machine has it locked; if both guests shall write it, say shared=1 of both" :
			       strerror(-rc));
	close(*fd);
	*fd = -1;
	return rc;
}

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
#include "common/array.h"

#define LOCAL_OPEN_ISCSI "/etc/iscsi/initiatorname.iscsi"
#define LOCAL_MACHINE_ID "/etc/machine-id"
#define LOCAL_BOOT_ID "/proc/sys/kernel/random/boot_id"

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

int iscsi_local_initiator(char *name, bool *lasts, char *why, size_t room)
{
	/* The second is not there in a domain that sees little of its machine: it is the same until that starts anew. */
	static const char *const ids[] = { LOCAL_MACHINE_ID, LOCAL_BOOT_ID };
	char text[4096];

	*lasts = true;
	if (local_read(LOCAL_OPEN_ISCSI, text, sizeof(text)) > 0 && iscsi_local_initiator_parse(text, name))
		return 0;
	for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
		if (local_read(ids[i], text, sizeof(text)) < 32)
			continue;
		/* NAA 3: whoever makes it up sees to it that it is unique (RFC 3980). The id itself stays here. */
		snprintf(name, ISCSI_URI_NAME, "naa.3%015" PRIx64, lun_hash(0x5c5, text, 32) >> 4);
		*lasts = i == 0;
		return 0;
	}
	snprintf(why, room, "iscsi://: this machine has no name for targets; write one as InitiatorName=.. into "
		LOCAL_OPEN_ISCSI ", or name one with ?initiator=");
	return -ENOENT;
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

/* Ours, and nobody else can put another file there. A descriptor, or -errno. */
static int local_open_dir(const char *path)
{
	struct stat sb;
	int fd;

	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &sb) == 0 && sb.st_uid == geteuid() && !(sb.st_mode & (S_IWGRP | S_IWOTH)))
		return fd;
	close(fd);
	return -EPERM;
}

static int local_open_lock(const struct iscsi_uri *uri, char *why, size_t room)
{
	/* In a process domain only the last can be made, and is that domain's own. */
	const char *const dirs[] = { getenv("SLUICE_LOCK_DIR"), "/run/lock/sluice", "/run/sluice", "/tmp/sluice-locks" };
	CLEANUP_CLOSE int dir = -1;
	char name[40];
	int fd, rc;

	for (unsigned i = 0; dir < 0 && i < ARRAY_SIZE(dirs); i++)
		if (dirs[i])
			dir = local_open_dir(dirs[i]);
	snprintf(name, sizeof(name), "iscsi-%016" PRIx64, local_unit(uri, 0x3000));
	fd = dir < 0 ? -1 : openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		return fd;
	rc = dir < 0 ? dir : -errno;
	snprintf(why, room, "iscsi://: no lock, which keeps two disks from writing one unit, can be made in /run/lock/sluice, /run/sluice or /tmp/sluice-locks: %s; make one of them writable, or say shared=1",
		strerror(-rc));
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

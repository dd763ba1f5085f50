// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/iscsi-secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/array.h"

#define SECRET_FILE 4096u

static const struct {
	const char *key;
	size_t at;
} secret_keys[] = {
	{ "user", offsetof(struct iscsi_secret, user) },
	{ "password", offsetof(struct iscsi_secret, password) },
	{ "target-user", offsetof(struct iscsi_secret, target_user) },
	{ "target-password", offsetof(struct iscsi_secret, target_password) },
};

/* Without its end. 0, or -EINVAL with @why. */
static int secret_line(const char *line, size_t len, unsigned number, struct iscsi_secret *s, char *why, size_t room)
{
	const char *equals = memchr(line, '=', len);
	size_t key = equals ? (size_t)(equals - line) : 0, value = equals ? len - key - 1 : 0;

	if (len == 0 || line[0] == '#')
		return 0;
	if (!equals || value == 0 || value >= ISCSI_SECRET_ROOM || memchr(line, '\0', len)) {
		snprintf(why, room, "line %u is no KEY=VALUE of up to %u bytes", number, ISCSI_SECRET_ROOM - 1);
		return -EINVAL;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(secret_keys); i++) {
		char *to = (char *)s + secret_keys[i].at;

		if (strlen(secret_keys[i].key) != key || memcmp(secret_keys[i].key, line, key) != 0)
			continue;
		if (to[0]) {
			snprintf(why, room, "line %u says %s once more", number, secret_keys[i].key);
			return -EINVAL;
		}
		memcpy(to, equals + 1, value);
		return 0;
	}
	snprintf(why, room, "line %u has an unknown key; known are user, password, target-user and target-password", number);
	return -EINVAL;
}

static int secret_check(const struct iscsi_secret *s, char *why, size_t room)
{
	if (!s->user[0] || !s->password[0])
		snprintf(why, room, "it has no user= and password=");
	else if (!s->target_user[0] != !s->target_password[0])
		snprintf(why, room, "target-user= and target-password= belong together");
	/* RFC 7143, 9.2.1: else who hears one side prove itself could play it back as the other. */
	else if (strcmp(s->password, s->target_password) == 0)
		snprintf(why, room, "the two passwords are the same; the two sides need one each");
	else
		return 0;
	return -EINVAL;
}

int iscsi_secret_parse(const char *text, size_t len, struct iscsi_secret *s, char *why, size_t room)
{
	unsigned number = 1;
	int rc = 0;

	memset(s, 0, sizeof(*s));
	while (rc == 0 && len) {
		const char *end = memchr(text, '\n', len);
		size_t line = end ? (size_t)(end - text) : len, over = line + (end ? 1 : 0);

		rc = secret_line(text, line, number++, s, why, room);
		text += over;
		len -= over;
	}
	if (rc == 0)
		rc = secret_check(s, why, room);
	if (rc < 0)
		iscsi_secret_wipe(s);
	return rc;
}

/* 0, or -errno with @why, a clause. */
static int secret_check_file(int fd, char *why, size_t room)
{
	struct stat sb;

	if (fstat(fd, &sb) < 0) {
		int rc = -errno;

		snprintf(why, room, "%s", strerror(-rc));
		return rc;
	}
	if (!S_ISREG(sb.st_mode))
		snprintf(why, room, "it is no file");
	else if (sb.st_uid != 0 && sb.st_uid != geteuid())
		snprintf(why, room, "it is not root's; chown root");
	else if (sb.st_mode & (S_IRWXG | S_IRWXO))
		snprintf(why, room, "others than its owner may have read it: change the password and chmod 600");
	else if (sb.st_size > SECRET_FILE)
		snprintf(why, room, "it has more than %u bytes", SECRET_FILE);
	else
		return 0;
	return -EACCES;
}

static int secret_read_fd(int fd, struct iscsi_secret *s, char *why, size_t room)
{
	char text[SECRET_FILE];
	size_t len = 0;
	ssize_t n = 0;
	int rc = secret_check_file(fd, why, room);

	if (rc < 0)
		return rc;
	while (len < sizeof(text) && (n = read(fd, text + len, sizeof(text) - len)) > 0)
		len += (size_t)n;
	if (n < 0) {
		rc = -errno;
		snprintf(why, room, "%s", strerror(-rc));
	} else {
		rc = iscsi_secret_parse(text, len, s, why, room);
	}
	explicit_bzero(text, sizeof(text));
	return rc;
}

int iscsi_secret_read(const char *name, struct iscsi_secret *s, char *why, size_t room)
{
	char path[512], clause[128] = "";
	CLEANUP_CLOSE int fd = -1;
	int rc;

	snprintf(path, sizeof(path), "%s%s", name[0] == '/' ? "" : ISCSI_SECRET_DIR "/", name);
	/* O_NONBLOCK: a FIFO must not hang. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		rc = -errno;
		snprintf(why, room, "credentials %s: %s", path, strerror(-rc));
		return rc;
	}
	rc = secret_read_fd(fd, s, clause, sizeof(clause));
	if (rc < 0)
		snprintf(why, room, "credentials %s: %s", path, clause);
	return rc;
}

void iscsi_secret_wipe(struct iscsi_secret *s)
{
	explicit_bzero(s, sizeof(*s));
}

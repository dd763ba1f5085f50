// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/build/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The kernel takes a little less than 2 GiB at a time anyway. */
#define READ_MAX ((size_t)1 << 30)

static void input_name(struct input *in, const char *what)
{
	char link[64], path[96];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", in->fd);
	n = in->seekable ? readlink(link, path, sizeof(path)) : -1;
	/* A path that was cut short would name another file. */
	if (n > 0 && n < (ssize_t)sizeof(path))
		snprintf(in->name, sizeof(in->name), "%s %.*s", what, (int)n, path);
	else
		snprintf(in->name, sizeof(in->name), "%s", what);
}

int input_init(struct input *in, int fd, const char *what, struct build_error *err)
{
	struct stat st;

	*in = (struct input){ .fd = fd };
	if (fstat(fd, &st) < 0)
		return build_fail(err, "--%s-fd=%d: %s", what, fd, strerror(errno));
	in->seekable = S_ISREG(st.st_mode);
	in->size = in->seekable ? st.st_size : 0;
	if (!in->seekable && !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode))
		return build_fail(err, "--%s-fd=%d is neither a regular file nor a pipe", what, fd);
	input_name(in, what);
	return 0;
}

/* As read(2), from @offset. */
static ssize_t input_some(const struct input *in, void *to, size_t room, uint64_t offset)
{
	ssize_t n;

	if (room > READ_MAX)
		room = READ_MAX;
	do
		n = in->seekable ? pread(in->fd, to, room, offset) : read(in->fd, to, room);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int input_read(const struct input *in, uint8_t *to, size_t room, size_t *len)
{
	uint8_t more;
	ssize_t n;

	for (*len = 0; *len < room; *len += n) {
		n = input_some(in, to + *len, room - *len, *len);
		if (n <= 0)
			return n;
	}
	n = input_some(in, &more, 1, *len);
	return n > 0 ? -EFBIG : n;
}

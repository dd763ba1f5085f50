// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/tty.h"

#include <errno.h>
#include <stdlib.h>
#include <termios.h>

static struct termios tty_before;
static volatile int tty_fd = -1;

int tty_raw(int fd)
{
	static int registered;
	struct termios raw;

	if (tcgetattr(fd, &tty_before) < 0)
		return -errno;
	if (!registered && atexit(tty_restore) != 0)
		return -ENOMEM;
	registered = 1;
	raw = tty_before;
	cfmakeraw(&raw);
	raw.c_oflag |= tty_before.c_oflag & OPOST;
	tty_fd = fd;
	if (tcsetattr(fd, TCSADRAIN, &raw) < 0) {
		tty_fd = -1;
		return -errno;
	}
	return 0;
}

void tty_restore(void)
{
	int fd = tty_fd;

	tty_fd = -1;
	if (fd >= 0)
		tcsetattr(fd, TCSADRAIN, &tty_before);
}

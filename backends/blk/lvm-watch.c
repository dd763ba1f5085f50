// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/lvm-watch.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Of kernel events, as opposed to those that udevd sends on. */
#define WATCH_KERNEL 1u
#define WATCH_TEXT 200u

/* Messages begin with "ACTION@PATH" and a NUL. */
static int watch_head(dev_t device, char text[static WATCH_TEXT])
{
	char name[64], target[WATCH_TEXT];
	const char *path;
	ssize_t n;

	snprintf(name, sizeof(name), "/sys/dev/block/%u:%u", major(device), minor(device));
	n = readlink(name, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	path = strstr(target, "/devices/");
	if (!path)
		return -ENOENT;
	n = snprintf(text, WATCH_TEXT, "change@%s", path);
	return n < (int)WATCH_TEXT ? (int)n + 1 : -ENAMETOOLONG;
}

/* Accept what begins with these @n bytes, and drop all else. */
static unsigned watch_program(const char *head, unsigned n, struct sock_filter *code)
{
	unsigned used = 0, at = 0;

	while (at < n) {
		bool word = n - at >= 4;
		const uint8_t *b = (const uint8_t *)head + at;
		uint32_t is = word ? (uint32_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3] : b[0];

		code[used++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_ABS | (word ? BPF_W : BPF_B), at);
		code[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, is, 1, 0);
		code[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
		at += word ? 4 : 1;
	}
	code[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	return used;
}

int lvm_watch_open(dev_t device)
{
	struct sock_filter code[WATCH_TEXT / 4 * 3 + 3 * 4 + 1];
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK, .nl_groups = WATCH_KERNEL };
	struct sock_fprog program = { .filter = code };
	char head[WATCH_TEXT];
	int n = watch_head(device, head), fd, rc;

	if (n < 0)
		return n;
	program.len = (unsigned short)watch_program(head, (unsigned)n, code);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0 &&
		bind(fd, (struct sockaddr *)&kernel, sizeof(kernel)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

int lvm_watch_drain(int fd)
{
	char text[4096];

	/* What it says is not read: the size is asked for. Of what was lost nothing is missed. */
	while (recv(fd, text, sizeof(text), 0) >= 0 || errno == EINTR || errno == ENOBUFS)
		;
	return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
}

uint64_t lvm_watch_size(dev_t device)
{
	uint64_t size = 0;
	char name[64];
	FILE *f;

	snprintf(name, sizeof(name), "/sys/dev/block/%u:%u/size", major(device), minor(device));
	f = fopen(name, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%" SCNu64, &size) != 1)
		size = 0;
	fclose(f);
	return size;
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "drivers-domain/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Few: one for each build that runs or is to be started. */
struct image {
	struct image *next;
	unsigned holders;
	int fd;
	struct stat stat;
};

static struct image *image_list;

/* A file that was written anew in its place is another one, too. */
static bool image_is(const struct image *i, const struct stat *st)
{
	return i->stat.st_dev == st->st_dev && i->stat.st_ino == st->st_ino &&
	       i->stat.st_size == st->st_size && i->stat.st_mtim.tv_sec == st->st_mtim.tv_sec &&
	       i->stat.st_mtim.tv_nsec == st->st_mtim.tv_nsec;
}

static struct image *image_new(int fd, const struct stat *st)
{
	struct image *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	*i = (struct image){ .next = image_list, .holders = 1, .fd = fd, .stat = *st };
	image_list = i;
	return i;
}

struct image *image_open(const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct image *i;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	for (i = image_list; i; i = i->next)
		if (image_is(i, &st))
			return image_get(i);
	i = image_new(fd, &st);
	if (i)
		fd = -1;
	return i;
}

struct image *image_get(struct image *i)
{
	if (i)
		i->holders++;
	return i;
}

void image_put(struct image *i)
{
	struct image **at = &image_list;

	if (!i || --i->holders)
		return;
	while (*at != i)
		at = &(*at)->next;
	*at = i->next;
	close(i->fd);
	free(i);
}

bool image_is_script(const struct image *i)
{
	char first[2];

	return pread(i->fd, first, sizeof(first), 0) == sizeof(first) && first[0] == '#' &&
	       first[1] == '!';
}

int image_fd(const struct image *i)
{
	return i->fd;
}

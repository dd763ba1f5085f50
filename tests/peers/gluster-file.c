// SPDX-License-Identifier: MIT
/*
 * A file on a GlusterFS volume, beside whoever else has it:
 *
 *	gluster-file HOST VOLUME PATH size BYTES	made if it is not there
 *	gluster-file HOST VOLUME PATH lock		take the lock of a writer, print "locked", keep it until killed
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glusterfs/api/glfs.h>

static int fail(const char *what)
{
	fprintf(stderr, "gluster-file: %s: %s\n", what, strerror(errno));
	return 1;
}

static int set_size(struct glfs *fs, const char *path, const char *bytes)
{
	struct glfs_fd *fd = glfs_creat(fs, path, O_RDWR, 0600);

	if (!fd)
		return fail(path);
	if (glfs_ftruncate(fd, strtoll(bytes, NULL, 10), NULL, NULL) < 0 || glfs_close(fd) < 0)
		return fail("its size cannot be changed");
	return 0;
}

static int keep_lock(struct glfs *fs, const char *path)
{
	char owner[] = "another-one";
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct glfs_fd *fd = glfs_open(fs, path, O_RDWR);

	if (!fd)
		return fail(path);
	if (glfs_fd_set_lkowner(fd, owner, sizeof(owner)) < 0 || glfs_posix_lock(fd, F_SETLK, &lock) < 0)
		return fail("it cannot be locked");
	printf("locked\n");
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	struct glfs *fs;

	if (argc < 5)
		return fail("HOST VOLUME PATH size BYTES | lock");
	fs = glfs_new(argv[2]);
	if (!fs || glfs_set_volfile_server(fs, "tcp", argv[1], 24007) < 0 || glfs_init(fs) < 0)
		return fail(argv[2]);
	if (strcmp(argv[4], "lock") == 0)
		return keep_lock(fs, argv[3]);
	/* What it did is there; its threads end with it. */
	_exit(argc > 5 ? set_size(fs, argv[3], argv[5]) : fail("size needs BYTES"));
}

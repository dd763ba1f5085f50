// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/console/tape-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/common/state-file.h"
#include "protocol/console.h"

#define TAPE_MAGIC (UINT64_C(0x31455041544c5320) + TAPE_VERSION)
#define TAPE_HEADER 4096u
#define TAPE_DEVICE_MAX 192u

struct tape_image {
	uint64_t magic;
	uint64_t size;      /* of what follows the header */
	uint64_t end;       /* see struct tape; the commit */
	uint64_t begin;
	uint64_t connected; /* 1: bias is valid */
	uint64_t bias;      /* out_cons - end, modulo 2^32 */
	char device[TAPE_DEVICE_MAX];
};

struct tape_file {
	struct tape tape;
	struct tape_image *image; /* mapped; NULL: only memory */
	size_t mapped;
	int fd;                   /* holds the lock */
	uint32_t place;
	bool has_place;
};

/* The file system's room is taken here: what is written later cannot fail. */
static int map_file(struct tape_file *tf, size_t size)
{
	struct stat sb;
	void *at;
	int error;

	error = state_file_lock(tf->fd);
	if (error < 0)
		return error;
	if (fstat(tf->fd, &sb) < 0)
		return -errno;
	tf->mapped = TAPE_HEADER + size;
	/* Another size is another tape. */
	if (sb.st_size != (off_t)tf->mapped && ftruncate(tf->fd, 0) < 0)
		return -errno;
	error = posix_fallocate(tf->fd, 0, (off_t)tf->mapped);
	if (error)
		return -error;
	at = mmap(NULL, tf->mapped, PROT_READ | PROT_WRITE, MAP_SHARED, tf->fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	/* A mapping holds the lock as a descriptor does: the log's process is to have neither. */
	(void)madvise(at, tf->mapped, MADV_DONTFORK);
	tf->image = at;
	tf->tape.data = (char *)at + TAPE_HEADER;
	return 0;
}

static bool is_of(const struct tape_image *image, const char *device, size_t size)
{
	return image->magic == TAPE_MAGIC && image->size == size && image->begin <= image->end &&
	       strncmp(image->device, device, sizeof(image->device)) == 0;
}

static void adopt(struct tape_file *tf)
{
	const struct tape_image *image = tf->image;
	struct tape *t = &tf->tape;

	t->end = image->end;
	t->begin = image->begin;
	/* The predecessor may have been about to write over the oldest. */
	if (t->end > t->size - CONSOLE_OUT_SIZE && t->begin < t->end - (t->size - CONSOLE_OUT_SIZE))
		t->begin = t->end - (t->size - CONSOLE_OUT_SIZE);
	tf->has_place = image->connected == 1;
	tf->place = (uint32_t)(t->end + image->bias);
}

static void begin_new(struct tape_file *tf, const char *device)
{
	*tf->image = (struct tape_image){ .size = tf->tape.size };
	strncpy(tf->image->device, device, sizeof(tf->image->device) - 1);
	tf->image->magic = TAPE_MAGIC;
}

static int open_file(struct tape_file *tf, const char *where, const char *device)
{
	int error;

	tf->fd = state_file_open(where);
	if (tf->fd < 0)
		return tf->fd;
	error = map_file(tf, tf->tape.size);
	if (error < 0)
		return error;
	if (is_of(tf->image, device, tf->tape.size))
		adopt(tf);
	else
		begin_new(tf, device);
	return 0;
}

int tape_file_open(const char *where, const char *device, size_t size, struct tape_file **out)
{
	struct tape_file *tf = calloc(1, sizeof(*tf));
	int error = 0;

	if (!tf)
		return -ENOMEM;
	*tf = (struct tape_file){ .tape = { .size = size }, .fd = -1 };
	if (where) {
		error = open_file(tf, where, device);
	} else {
		tf->tape.data = malloc(size);
		error = tf->tape.data ? 0 : -ENOMEM;
	}
	if (error == 0)
		*out = tf;
	else
		tape_file_close(tf);
	return error;
}

void tape_file_close(struct tape_file *tf)
{
	if (!tf)
		return;
	if (tf->image)
		munmap(tf->image, tf->mapped);
	else
		free(tf->fd < 0 ? tf->tape.data : NULL);
	if (tf->fd >= 0)
		close(tf->fd);
	free(tf);
}

const struct tape *tape_file_tape(const struct tape_file *tf)
{
	return &tf->tape;
}

void tape_file_add(struct tape_file *tf, const void *from, size_t len)
{
	tape_add(&tf->tape, from, len);
	/* After the bytes, before their room in the ring is given back; partner: adopt(). */
	if (tf->image)
		__atomic_store_n(&tf->image->end, tf->tape.end, __ATOMIC_RELEASE);
}

void tape_file_connect(struct tape_file *tf, uint32_t out_cons)
{
	if (!tf->image)
		return;
	__atomic_store_n(&tf->image->connected, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&tf->image->bias, (uint32_t)(out_cons - tf->tape.end), __ATOMIC_RELEASE);
	__atomic_store_n(&tf->image->connected, 1, __ATOMIC_RELEASE);
}

bool tape_file_place(const struct tape_file *tf, uint32_t *out_cons)
{
	*out_cons = tf->place;
	return tf->has_place;
}

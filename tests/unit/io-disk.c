// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/unit/io-disk.h"

#include <stdlib.h>
#include <string.h>

struct fail_disk disk;
struct io *io;
struct io_rig rig;
uint8_t *memory; /* 4096-byte aligned */

const struct blk_info plain = {
	.size = SIZE, .block_size = 512, .max_iov = 64, .discard_granularity = 4096,
	.flags = BLK_INFO_FLUSH | BLK_INFO_DISCARD | BLK_INFO_ZEROES,
};

const struct blk_info blocks = {
	.size = SIZE, .block_size = 4096, .memory_align = 512, .max_iov = 64,
	.flags = BLK_INFO_FLUSH | BLK_INFO_DISCARD,
};

void io_disk_start(const struct blk_info *info)
{
	fail_disk_init(&disk, info);
	assert_int_equal(io_adopt(&fail_driver, &disk, info, &io), 0);
	io_rig_start(&rig, io);
	assert_int_equal(posix_memalign((void **)&memory, 4096, SIZE), 0);
}

void io_disk_finish(void)
{
	io_rig_stop(&rig);
	io_close(io);
	assert_int_equal(disk.broken_promises, 0);
	assert_int_equal(disk.submitted, disk.completed);
	fail_disk_fini(&disk);
	free(memory);
}

/* Elements of 512 to 4096 bytes, back to back or not, @n of them. */
static uint64_t scatter(struct iovec *iov, unsigned n, unsigned unit)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++) {
		iov[i] = (struct iovec){ memory + i * 8192 + (i % 5) * unit, unit * (1 + i % 7) };
		sum += iov[i].iov_len;
	}
	return sum;
}

void io_disk_scattered(const struct blk_info *info, unsigned n, unsigned unit,
	uint64_t offset, unsigned parts)
{
	struct iovec iov[256], keep[256];
	struct blk_req req = { .op = BLK_WRITE, .offset = offset, .iov = iov, .niov = n };
	uint64_t at;

	io_disk_start(info);
	for (unsigned i = 0; i < SIZE; i++)
		memory[i] = i * 31 + (i >> 9);
	req.length = scatter(iov, n, unit);
	memcpy(keep, iov, sizeof(keep));
	io_queue_submit(&rig.io, &req);
	io_kick(&rig.io);
	io_rig_wait(&rig, 1);
	assert_int_equal(req.error, 0);
	if (parts)
		assert_int_equal(disk.submitted, parts);
	at = offset;
	for (unsigned i = 0; i < n; at += keep[i++].iov_len)
		assert_memory_equal(disk.data + at, keep[i].iov_base, keep[i].iov_len);
	assert_int_equal(disk.data[offset - 1], (uint8_t)((offset - 1) >> 9));
	assert_int_equal(disk.data[at], (uint8_t)(at >> 9));
	/* And back. */
	memset(memory, 0, SIZE);
	memcpy(iov, keep, sizeof(keep));
	req.op = BLK_READ;
	req.iov = iov;
	req.niov = n;
	io_queue_submit(&rig.io, &req);
	io_kick(&rig.io);
	io_rig_wait(&rig, 2);
	assert_int_equal(req.error, 0);
	at = offset;
	for (unsigned i = 0; i < n; at += keep[i++].iov_len)
		assert_memory_equal(disk.data + at, keep[i].iov_base, keep[i].iov_len);
	io_disk_finish();
}

// SPDX-License-Identifier: MIT
/* What stays beside a device for its storage's sake: it tells of new sizes, and of its end. */
#include "config.h"
#include "backends/blk/device-private.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/log.h"

static void device_target_said(void *opaque, uint32_t events)
{
	struct device *d = opaque;
	char text[256];
	ssize_t n;

	do
		n = read(d->target.resized_fd, text, sizeof(text));
	while (n > 0 || (n < 0 && errno == EINTR));
	if (n == 0) {
		log_warn("nobody watches the storage any more; after a change of its size write the node resize");
		loop_remove(d->resized_source);
		d->resized_source = NULL;
	}
	device_check_size(d);
}

int device_target_watch(struct device *d)
{
	if (d->target.resized_fd <= 0)
		return 0;
	d->resized_source = loop_add_fd(d->loop, d->target.resized_fd, EPOLLIN, device_target_said, d);
	return d->resized_source ? 0 : -errno;
}

void device_target_release(struct device *d)
{
	loop_remove(d->resized_source);
	d->resized_source = NULL;
	d->target.has_successor = d->exiting ? d->exit_status == DEVICE_LOST_STORE :
					       device_has_predecessor(d);
	target_release(&d->target);
}

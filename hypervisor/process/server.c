// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/process/server.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/open-files.h"
#include "hypervisor/vm/kvm.h"

/* What is kept free for the control sockets, the loop and what is in flight. */
#define FD_RESERVE 64u

/* Raises the limit of descriptors as far as it goes and shares it out. */
static unsigned fd_budget(void)
{
	unsigned long most = open_files_raise();

	if (most > 1u << 20)
		most = 1u << 20;
	if (most < 4 * FD_RESERVE)
		return FD_RESERVE;
	/* No domain may use up what the others need: four can fill all. */
	return (unsigned)(most - FD_RESERVE) / 4;
}

static void idle_ready(void *opaque, uint32_t events)
{
	struct hv *hv = opaque;
	uint64_t n;

	(void)!read(hv->idle_fd, &n, sizeof(n));
	pdomain_tidy(hv);
}

int hv_init(struct hv *hv)
{
	int fds[2];

	memset(hv, 0, sizeof(*hv));
	hv->control_fd = -1;
	hv->idle_fd = -1;
	hv->thread = pthread_self();
	pthread_mutex_init(&hv->idle_lock, NULL);
	hv->token_fd = hv->token_write_fd = -1;
	domain_set_init(&hv->set);
	hv->loop = loop_new();
	if (!hv->loop)
		return -errno;
	hv->fd_budget = fd_budget();
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	hv->token_fd = fds[0];
	hv->token_write_fd = fds[1];
	if (write(hv->token_write_fd, "", 1) != 1)
		return -EIO;
	hv->idle_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (hv->idle_fd < 0)
		return -errno;
	hv->idle_source = loop_add_fd(hv->loop, hv->idle_fd, EPOLLIN, idle_ready, hv);
	return hv->idle_source ? 0 : -errno;
}

void hv_fini(struct hv *hv)
{
	control_close_all(hv);
	kvm_close(hv->kvm);
	while (hv->domains)
		pdomain_destroy(hv->domains);
	pdomain_tidy(hv);
	loop_free(hv->loop);
	if (hv->idle_fd >= 0)
		close(hv->idle_fd);
	pthread_mutex_destroy(&hv->idle_lock);
	if (hv->token_fd >= 0) {
		close(hv->token_fd);
		close(hv->token_write_fd);
	}
	domain_set_fini(&hv->set);
}

bool hv_fd_charge(struct pdomain *pd, unsigned n)
{
	if (pd->fds + n > pd->hv->fd_budget)
		return false;
	pd->fds += n;
	return true;
}

void hv_fd_uncharge(struct pdomain *pd, unsigned n)
{
	pd->fds -= n;
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/process/control.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fdpass.h"
#include "hypervisor/process/control-wire.h"

struct hvctl {
	int fd;
};

struct hvctl *hvctl_fdopen(int fd)
{
	struct hvctl *ctl = calloc(1, sizeof(*ctl));

	if (ctl)
		ctl->fd = fd;
	else
		close(fd);
	return ctl;
}

struct hvctl *hvctl_open(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(sa.sun_path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return NULL;
	}
	return hvctl_fdopen(fd);
}

void hvctl_close(struct hvctl *ctl)
{
	if (!ctl)
		return;
	close(ctl->fd);
	free(ctl);
}

static int control_call(struct hvctl *ctl, struct control_request *req, const int *fds,
	unsigned nfds, struct control_reply *reply)
{
	unsigned none = 0;
	ssize_t n;
	int rc;

	req->version = CONTROL_VERSION;
	rc = fd_send(ctl->fd, req, sizeof(*req), fds, nfds);
	if (rc < 0)
		return rc == -ECONNRESET ? -EPIPE : rc;
	n = fd_recv(ctl->fd, reply, sizeof(*reply), NULL, &none);
	if (n < 0)
		return n == -ECONNRESET ? -EPIPE : (int)n;
	if (n == 0)
		return -EPIPE;
	if (n < (ssize_t)offsetof(struct control_reply, info) || reply->count > CONTROL_LIST_MAX ||
		n != (ssize_t)(offsetof(struct control_reply, info) +
			      reply->count * sizeof(reply->info[0])))
		return -EPROTO;
	return reply->rc;
}

int hvctl_domain_create(struct hvctl *ctl, const struct hvctl_domain_config *config,
	int listen_fd, uint32_t *domid)
{
	struct control_request req = { .op = CONTROL_CREATE, .config = *config };
	struct control_reply reply;
	int rc;

	if (listen_fd < 0)
		return -EINVAL;
	rc = control_call(ctl, &req, &listen_fd, 1, &reply);
	if (rc == 0)
		*domid = reply.domid;
	return rc;
}

int hvctl_vm_create(struct hvctl *ctl, const struct hvctl_vm_config *config, int builder_fd,
	int life_fd, struct hvctl_vm_made *made)
{
	struct control_request req = { .op = CONTROL_VM_CREATE, .vm = *config };
	const int fds[] = { builder_fd, life_fd };
	struct control_reply reply;
	int rc;

	if (builder_fd < 0)
		return -EINVAL;
	rc = control_call(ctl, &req, fds, life_fd >= 0 ? 2 : 1, &reply);
	if (rc == 0)
		*made = reply.vm;
	return rc;
}

/* A request that names a domain and no more. */
static int control_domain(struct hvctl *ctl, enum control_op op, uint32_t domid)
{
	struct control_request req = { .op = op, .config.domid = domid };
	struct control_reply reply;

	return control_call(ctl, &req, NULL, 0, &reply);
}

int hvctl_domain_pause(struct hvctl *ctl, uint32_t domid)
{
	return control_domain(ctl, CONTROL_PAUSE, domid);
}

int hvctl_domain_unpause(struct hvctl *ctl, uint32_t domid)
{
	return control_domain(ctl, CONTROL_UNPAUSE, domid);
}

int hvctl_domain_destroy(struct hvctl *ctl, uint32_t domid)
{
	return control_domain(ctl, CONTROL_DESTROY, domid);
}

int hvctl_domain_list(struct hvctl *ctl, struct hvctl_domain_info *info, unsigned max)
{
	struct control_request req = { .op = CONTROL_LIST };
	struct control_reply reply;
	unsigned seen = 0;

	do {
		int rc = control_call(ctl, &req, NULL, 0, &reply);

		if (rc < 0)
			return rc;
		for (uint32_t i = 0; i < reply.count && seen + i < max; i++)
			info[seen + i] = reply.info[i];
		seen += reply.count;
		if (reply.count)
			req.config.domid = reply.info[reply.count - 1].domid + 1;
	} while (reply.total > reply.count && reply.count);
	return seen;
}

int hvctl_domain_find(struct hvctl *ctl, uint32_t domid, struct hvctl_domain_info *info)
{
	struct control_request req = { .op = CONTROL_LIST, .config.domid = domid };
	struct control_reply reply;
	int rc = control_call(ctl, &req, NULL, 0, &reply);

	if (rc < 0)
		return rc;
	/* It begins with the first from there on. */
	if (!reply.count || reply.info[0].domid != domid)
		return -ESRCH;
	*info = reply.info[0];
	return 0;
}

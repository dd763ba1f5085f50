// SPDX-License-Identifier: MIT
/*
 * The toolstack's sockets. Whoever reaches one is trusted to create and destroy
 * domains, but a malformed request still costs only its connection.
 */
#include "config.h"
#include "hypervisor/process/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fdpass.h"
#include "hypervisor/process/control-wire.h"
#include "hypervisor/vm/kvm.h"
#include "hypervisor/vm/vm.h"

struct control {
	struct control *next;
	struct hv *hv;
	int fd;
	bool last_words; /* the hypervisor ends when it closes */
	struct loop_source *source;
};

static void control_close(struct control *c)
{
	struct hv *hv = c->hv;

	for (struct control **pp = &hv->controls; *pp; pp = &(*pp)->next) {
		if (*pp == c) {
			*pp = c->next;
			break;
		}
	}
	if (c->last_words)
		loop_stop(hv->loop, 0);
	loop_remove(c->source);
	close(c->fd);
	free(c);
}

void control_close_all(struct hv *hv)
{
	while (hv->controls)
		control_close(hv->controls);
	acceptor_close(&hv->control_acceptor);
	if (hv->control_fd >= 0)
		close(hv->control_fd);
	hv->control_fd = -1;
}

/* The most descriptors that come with a request. */
#define CONTROL_FDS 2u

/* The descriptors that came; those that were taken are -1. */
static int do_create(struct hv *hv, const struct control_request *req, int *fds, uint32_t *domid)
{
	int rc;

	if (fds[0] < 0 || fds[1] >= 0)
		return -EINVAL;
	rc = pdomain_create(hv, &req->config, fds[0], domid);
	if (rc == 0)
		fds[0] = -1;
	return rc;
}

static int do_vm_create(
	struct hv *hv, const struct control_request *req, int *fds, struct hvctl_vm_made *made)
{
	int rc;

	if (fds[0] < 0)
		return -EINVAL;
	rc = kvm_vm_create(hv->kvm, &req->vm, fds[0], fds[1], made);
	if (rc == 0)
		fds[0] = fds[1] = -1;
	return rc;
}

/* NULL: there is none, or it is no vm. The loop's thread makes and ends domains: it stays. */
static struct vm *vm_find(struct hv *hv, uint32_t domid)
{
	struct domain *d = domid < DOMID_FIRST_RESERVED ? hv->set.by_id[domid] : NULL;

	return d ? vm_is(d) : NULL;
}

static int do_pause(struct hv *hv, uint32_t domid, bool pause)
{
	struct vm *vm = vm_find(hv, domid);

	if (!vm)
		return pdomain_find(hv, domid) ? -EINVAL : -ESRCH;
	return pause ? kvm_vm_pause(vm) : kvm_vm_unpause(vm);
}

static int do_destroy(struct hv *hv, uint32_t domid)
{
	struct pdomain *pd = pdomain_find(hv, domid);
	struct vm *vm = vm_find(hv, domid);

	if (pd)
		pdomain_destroy(pd);
	else if (vm)
		kvm_vm_destroy(vm);
	else
		return -ESRCH;
	return 0;
}

static void do_list(struct hv *hv, uint32_t first, struct control_reply *reply)
{
	for (uint32_t domid = first; domid < DOMID_FIRST_RESERVED; domid++) {
		struct domain *d = hv->set.by_id[domid];
		struct pdomain *pd = d ? pdomain_is(d) : NULL;

		if (!d)
			continue;
		reply->total++;
		if (reply->count == CONTROL_LIST_MAX)
			continue;
		if (pd)
			pdomain_info(pd, &reply->info[reply->count++]);
		else
			kvm_vm_info(vm_is(d), &reply->info[reply->count++]);
	}
}

/* 0, or -errno to close the connection. */
static int control_serve(struct control *c, const struct control_request *req, int *fds)
{
	struct control_reply reply = { 0 };

	if (req->version != CONTROL_VERSION) {
		log_err("the control client speaks version %u, this is %u: they are of "
			"different builds", req->version, CONTROL_VERSION);
		return -EPROTO;
	}
	switch (req->op) {
	case CONTROL_CREATE:
		reply.rc = do_create(c->hv, req, fds, &reply.domid);
		break;
	case CONTROL_VM_CREATE:
		reply.rc = do_vm_create(c->hv, req, fds, &reply.vm);
		break;
	case CONTROL_PAUSE:
	case CONTROL_UNPAUSE:
		reply.rc = do_pause(c->hv, req->config.domid, req->op == CONTROL_PAUSE);
		break;
	case CONTROL_DESTROY:
		reply.rc = do_destroy(c->hv, req->config.domid);
		break;
	case CONTROL_LIST:
		do_list(c->hv, req->config.domid, &reply);
		break;
	default:
		return -EPROTO;
	}
	return fd_send_now(c->fd, &reply,
		offsetof(struct control_reply, info) + reply.count * sizeof(reply.info[0]), NULL, 0);
}

static void control_ready(void *opaque, uint32_t events)
{
	struct control *c = opaque;
	struct control_request req;
	int fds[CONTROL_FDS] = { -1, -1 };
	unsigned nfds = CONTROL_FDS;
	ssize_t n = fd_recv_now(c->fd, &req, sizeof(req), fds, &nfds);
	int rc;

	if (n == -EAGAIN)
		return;
	if (n <= 0)
		rc = n ? n : -EPIPE;
	else
		rc = n == sizeof(req) ? control_serve(c, &req, fds) : -EPROTO;
	for (unsigned i = 0; i < nfds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (rc == -EPIPE || rc == -ECONNRESET) {
		control_close(c);
	} else if (rc < 0) {
		log_warn("a control connection was closed: %s", strerror(-rc));
		control_close(c);
	}
}

int control_adopt(struct hv *hv, int fd, bool last_words)
{
	struct control *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	c->source = loop_add_fd(hv->loop, fd, EPOLLIN, control_ready, c);
	if (!c->source) {
		rc = -errno;
		free(c);
		return rc;
	}
	c->hv = hv;
	c->fd = fd;
	c->last_words = last_words;
	c->next = hv->controls;
	hv->controls = c;
	return 0;
}

static void control_connect(void *opaque, int fd)
{
	int rc = control_adopt(opaque, fd, false);

	if (rc < 0) {
		log_warn("a control connection was refused: %s", strerror(-rc));
		close(fd);
	}
}

int control_listen(struct hv *hv, int fd)
{
	hv->control_fd = fd;
	return acceptor_open(&hv->control_acceptor, hv->loop, fd, "the control socket", control_connect, hv);
}

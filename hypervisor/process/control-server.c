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

#define CONTROL_RETRY_MS 1000u

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
	loop_remove(hv->control_timer);
	hv->control_timer = NULL;
	loop_remove(hv->control_listener);
	hv->control_listener = NULL;
	if (hv->control_fd >= 0)
		close(hv->control_fd);
	hv->control_fd = -1;
}

static int do_create(struct hv *hv, const struct control_request *req, int *fd, uint32_t *domid)
{
	int rc;

	if (*fd < 0)
		return -EINVAL;
	rc = pdomain_create(hv, &req->config, *fd, domid);
	if (rc == 0)
		*fd = -1;
	return rc;
}

static int do_destroy(struct hv *hv, uint32_t domid)
{
	struct pdomain *pd = pdomain_find(hv, domid);

	if (!pd)
		return -ESRCH;
	pdomain_destroy(pd);
	return 0;
}

static void do_list(struct hv *hv, uint32_t first, struct control_reply *reply)
{
	for (uint32_t domid = first; domid < DOMID_FIRST_RESERVED; domid++) {
		struct domain *d = hv->set.by_id[domid];
		struct pdomain *pd = d ? pdomain_is(d) : NULL;

		if (!pd)
			continue;
		if (reply->count < CONTROL_LIST_MAX)
			pdomain_info(pd, &reply->info[reply->count++]);
		reply->total++;
	}
}

/* 0, or -errno to close the connection. */
static int control_serve(struct control *c, const struct control_request *req, int *fd)
{
	struct control_reply reply = { 0 };

	if (req->version != CONTROL_VERSION) {
		log_err("the control client speaks version %u, this is %u: they are of "
			"different builds", req->version, CONTROL_VERSION);
		return -EPROTO;
	}
	switch (req->op) {
	case CONTROL_CREATE:
		reply.rc = do_create(c->hv, req, fd, &reply.domid);
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
	CLEANUP_CLOSE int fd = -1;
	unsigned nfds = 1;
	ssize_t n = fd_recv_now(c->fd, &req, sizeof(req), &fd, &nfds);
	int rc;

	if (n == -EAGAIN)
		return;
	if (n <= 0)
		rc = n ? n : -EPIPE;
	else
		rc = n == sizeof(req) ? control_serve(c, &req, &fd) : -EPROTO;
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

static void control_retry(void *opaque)
{
	struct hv *hv = opaque;

	hv->control_timer = NULL;
	loop_set_events(hv->control_listener, EPOLLIN);
}

/* Without descriptors accept() fails again at once: look away for a while. */
static void control_park(struct hv *hv)
{
	log_warn("cannot accept a control connection: %s", strerror(errno));
	hv->control_timer = loop_add_timer(hv->loop, CONTROL_RETRY_MS, control_retry, hv);
	if (hv->control_timer)
		loop_set_events(hv->control_listener, 0);
}

static void control_connect(void *opaque, uint32_t events)
{
	struct hv *hv = opaque;
	int fd = accept4(hv->control_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int rc;

	if (fd < 0) {
		if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
			control_park(hv);
		return;
	}
	rc = control_adopt(hv, fd, false);
	if (rc < 0) {
		log_warn("a control connection was refused: %s", strerror(-rc));
		close(fd);
	}
}

int control_listen(struct hv *hv, int fd)
{
	hv->control_fd = fd;
	hv->control_listener = loop_add_fd(hv->loop, fd, EPOLLIN, control_connect, hv);
	return hv->control_listener ? 0 : -errno;
}

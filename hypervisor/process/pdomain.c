// SPDX-License-Identifier: MIT
/* Process domains: their creation, their end, and their side of domain_ops. */
#include "config.h"
#include "hypervisor/process/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/array.h"
#include "hypervisor/vm/kvm.h"
#include "hypervisor/vm/vm.h"

static void ops_raise(struct domain *d, uint32_t port)
{
	struct pdomain *pd = container_of(d, struct pdomain, d);
	struct event_port *p = event_port_get(d, port);
	void *link = p ? event_port_link(d, port) : NULL;

	if (link)
		channel_raise(pd->hv, link, p->side);
}

static void ops_link_free(struct domain *d, void *link)
{
	channel_free(link);
}

/* The other end is a vm's: it hears the bell. */
static int ops_bound(struct domain *d, uint32_t port, struct domain *remote)
{
	const struct event_port *p = event_port_get(d, port);
	int fd = channel_listen(event_port_link(d, port), p->side);

	return fd < 0 ? fd : vm_watch_bell(vm_is(remote), p->remote_port, fd);
}

static void ops_unbound(struct domain *d, uint32_t port, struct domain *remote)
{
	vm_unwatch_bell(vm_is(remote), event_port_get(d, port)->remote_port);
}

static void *ops_frame_hold(struct domain *d, uint32_t frame, bool write)
{
	uint32_t page;
	struct share *share = pdomain_memory(d, frame, &page);

	return share ? share->addr + (size_t)page * WIRE_PAGE : NULL;
}

/* A page of a share stays where it is while it is pinned. */
static void ops_frame_release(struct domain *d, uint32_t frame)
{
}

static int ops_frame_locate(struct domain *d, uint32_t frame, struct frame_place *place)
{
	uint32_t page;
	struct share *share = pdomain_memory(d, frame, &page);

	if (!share)
		return -ENOENT;
	*place = (struct frame_place){ .fd = share->fd, .offset = (uint64_t)page * WIRE_PAGE };
	return 0;
}

static void ops_frame_unlocate(struct domain *d, uint32_t frame)
{
}

/* Has the loop call pdomain_tidy(); @pd's lock is held. */
static void idle_queue(struct pdomain *pd)
{
	struct hv *hv = pd->hv;

	domain_hold(&hv->set, &pd->d);
	pthread_mutex_lock(&hv->idle_lock);
	pd->next_idle = hv->idle;
	hv->idle = pd;
	pthread_mutex_unlock(&hv->idle_lock);
	/* Its counter cannot overflow, and a wake-up that is there already is enough. */
	(void)!write(hv->idle_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

static void ops_grant_idle(struct domain *d, uint32_t ref)
{
	struct pdomain *pd = container_of(d, struct pdomain, d);
	bool queued = pd->idle_refs != 0;

	if (!pd->frames[ref].revoked)
		return;
	if (pthread_equal(pthread_self(), pd->hv->thread)) {
		share_page_idle(pd, ref);
		return;
	}
	pd->frames[ref].next_idle = pd->idle_refs;
	pd->idle_refs = ref;
	if (!queued)
		idle_queue(pd);
}

static struct pdomain *idle_take(struct hv *hv)
{
	struct pdomain *pd;

	pthread_mutex_lock(&hv->idle_lock);
	pd = hv->idle;
	if (pd)
		hv->idle = pd->next_idle;
	pthread_mutex_unlock(&hv->idle_lock);
	return pd;
}

void pdomain_tidy(struct hv *hv)
{
	struct pdomain *pd;

	while ((pd = idle_take(hv))) {
		domain_lock(&pd->d);
		while (pd->idle_refs) {
			uint32_t ref = pd->idle_refs;

			pd->idle_refs = pd->frames[ref].next_idle;
			share_page_idle(pd, ref);
		}
		domain_unlock(&pd->d);
		domain_put(&hv->set, &pd->d);
	}
}

static void ops_release(struct domain *d)
{
	struct pdomain *pd = container_of(d, struct pdomain, d);

	domain_fini(d);
	free(pd->entries);
	free(pd->frames);
	free(pd->free_refs);
	free(pd);
}

static const struct domain_ops process_ops = {
	.raise = ops_raise,
	.link_free = ops_link_free,
	.bound = ops_bound,
	.unbound = ops_unbound,
	.frame_hold = ops_frame_hold,
	.frame_release = ops_frame_release,
	.frame_locate = ops_frame_locate,
	.frame_unlocate = ops_frame_unlocate,
	.grant_idle = ops_grant_idle,
	.release = ops_release,
};

struct pdomain *pdomain_is(struct domain *d)
{
	return d->ops == &process_ops ? container_of(d, struct pdomain, d) : NULL;
}

struct share *pdomain_memory(struct domain *d, uint32_t frame, uint32_t *page)
{
	struct pdomain *pd = pdomain_is(d);

	if (!pd || frame >= d->grants.nr)
		return NULL;
	*page = pd->frames[frame].page;
	return pd->frames[frame].share;
}

struct pdomain *pdomain_find(struct hv *hv, uint32_t domid)
{
	for (struct pdomain *pd = hv->domains; pd; pd = pd->next)
		if (pd->d.domid == domid)
			return pd;
	return NULL;
}

static void on_connection(void *opaque, int fd)
{
	struct pdomain *pd = opaque;
	int rc = conn_new(pd, fd, -1);

	if (rc < 0 && log_limit_ok(&pd->limit))
		log_warn("domain %u: a connection was refused: %s", pd->d.domid, strerror(-rc));
}

/* A listening SOCK_SEQPACKET Unix socket, or -errno. */
static int listener_check(int fd)
{
	int domain = 0, type = 0, listening = 0;
	socklen_t len = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0)
		return -EINVAL;
	if (domain != AF_UNIX || type != SOCK_SEQPACKET || !listening)
		return -EINVAL;
	socket_refuse_fds(fd);
	return fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int config_check(const struct hvctl_domain_config *c)
{
	if (memchr(c->name, '\0', sizeof(c->name)) == NULL)
		return -EINVAL;
	if (c->domid != HVCTL_DOMID_ANY && c->domid >= DOMID_FIRST_RESERVED)
		return -EINVAL;
	return c->max_pages > HV_MAX_PAGES || c->max_channels >= EVENT_MAX_PORTS ? -EINVAL : 0;
}

/* The free references, lowest on top; the reserved ones are given on request only. */
static void refs_init(struct pdomain *pd, uint32_t nr)
{
	for (uint32_t ref = nr - 1; ref >= GNTTAB_NR_RESERVED_ENTRIES; ref--)
		pd->free_refs[pd->nr_free_refs++] = ref;
}

/* All that needs no descriptor; on failure nothing is left. */
static struct pdomain *pdomain_alloc(struct hv *hv, const struct hvctl_domain_config *config)
{
	struct domain_limits limits = {
		.max_ports = config->max_channels ? config->max_channels : HV_DEFAULT_CHANNELS,
		.max_mapped = HV_MAX_MAPPED,
	};
	struct pdomain *pd = calloc(1, sizeof(*pd));

	if (!pd)
		return NULL;
	pd->hv = hv;
	pd->listen_fd = -1;
	pd->limit = (struct log_limit){ .burst = 10, .interval_ms = 10000 };
	pd->max_pages = config->max_pages ? config->max_pages : HV_DEFAULT_PAGES;
	limits.max_grants = pd->max_pages + GNTTAB_NR_RESERVED_ENTRIES;
	pd->entries = calloc(limits.max_grants, sizeof(*pd->entries));
	pd->frames = calloc(limits.max_grants, sizeof(*pd->frames));
	pd->free_refs = calloc(limits.max_grants, sizeof(*pd->free_refs));
	if (!pd->entries || !pd->frames || !pd->free_refs ||
		domain_init(&pd->d, config->name, &process_ops, &limits, pd->entries) < 0) {
		free(pd->entries);
		free(pd->frames);
		free(pd->free_refs);
		free(pd);
		return NULL;
	}
	refs_init(pd, limits.max_grants);
	return pd;
}

int pdomain_create(struct hv *hv, const struct hvctl_domain_config *config, int listen_fd,
	uint32_t *domid)
{
	int rc = config_check(config);
	struct pdomain *pd;
	char what[24];

	if (rc == 0)
		rc = listener_check(listen_fd);
	if (rc < 0)
		return rc;
	pd = pdomain_alloc(hv, config);
	if (!pd)
		return -ENOMEM;
	rc = domain_set_add(&hv->set, &pd->d, config->domid);
	if (rc < 0)
		goto out;
	snprintf(what, sizeof(what), "domain %u", pd->d.domid);
	rc = acceptor_open(&pd->acceptor, hv->loop, listen_fd, what, on_connection, pd);
	if (rc < 0) {
		domain_set_remove(&hv->set, &pd->d);
		goto out;
	}
	pd->listen_fd = listen_fd;
	pd->next = hv->domains;
	hv->domains = pd;
	*domid = pd->d.domid;
	log_info("domain %u (%s) created", pd->d.domid, pd->d.name);
	return 0;
out:
	domain_put(&hv->set, &pd->d);
	return rc;
}

void pdomain_destroy(struct pdomain *pd)
{
	struct hv *hv = pd->hv;
	struct domain *control;

	for (struct pdomain **pp = &hv->domains; *pp; pp = &(*pp)->next) {
		if (*pp == pd) {
			*pp = pd->next;
			break;
		}
	}
	log_info("domain %u (%s) destroyed", pd->d.domid, pd->d.name);
	acceptor_close(&pd->acceptor);
	close(pd->listen_fd);
	while (pd->conns)
		conn_close(pd->conns);
	pdomain_tidy(hv);
	/* Ports that unmap notifications held are closed by now. */
	event_close_owned(&hv->set, &pd->d, NULL);
	domain_set_remove(&hv->set, &pd->d);
	domain_put(&hv->set, &pd->d);
	control = domain_get(&hv->set, NULL, 0);
	if (control) {
		event_raise_virq(control, VIRQ_DOM_EXC);
		domain_put(&hv->set, control);
	}
}

void pdomain_info(const struct pdomain *pd, struct hvctl_domain_info *info)
{
	memset(info, 0, sizeof(*info));
	info->domid = pd->d.domid;
	memcpy(info->name, pd->d.name, sizeof(info->name));
	info->connections = pd->nr_conns;
	info->channels = pd->d.events.used;
	info->granted_pages = pd->pages;
	info->mapped_pages = pd->d.maptrack.used;
}

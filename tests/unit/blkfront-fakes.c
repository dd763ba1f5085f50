// SPDX-License-Identifier: MIT
/* Xen's libraries for one frontend in one thread; see blkfront-fakes.h. */
#include "config.h"
#include "tests/unit/blkfront-fakes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#define PORT 9 /* of the first handle; the others follow */
#define MAX_CHANNELS 8
#define MAX_NODES 128
#define FIRST_REF 1000
#define MAX_REFS 40000

struct fakes fakes;

/* ---- store ---------------------------------------------------------------- */

struct node {
	char *path;
	char *value;
};
struct xs_handle {
	int fd;
	unsigned epoch; /* fakes.store_epoch of its store */
	char *watched[4];
};
static struct node nodes[MAX_NODES], saved[MAX_NODES];
static unsigned watch_events;
static struct xs_handle *store; /* the one that was opened last */
static int state_written = -1; /* inside a transaction: told to the backend at its end */
static bool in_transaction;
static unsigned transactions;

static void nodes_free(struct node *list)
{
	for (unsigned i = 0; i < MAX_NODES; i++) {
		free(list[i].path);
		free(list[i].value);
		list[i] = (struct node){ NULL, NULL };
	}
}

static void nodes_copy(struct node *to, const struct node *from)
{
	nodes_free(to);
	for (unsigned i = 0; i < MAX_NODES; i++)
		if (from[i].path)
			to[i] = (struct node){ strdup(from[i].path), strdup(from[i].value) };
}

static struct node *node_find(const char *path)
{
	for (unsigned i = 0; i < MAX_NODES; i++)
		if (nodes[i].path && strcmp(nodes[i].path, path) == 0)
			return &nodes[i];
	return NULL;
}

static char *absolute(const char *path)
{
	char *out;

	if (asprintf(&out, "%s%s", path[0] == '/' ? "" : FAKE_HOME, path) < 0)
		abort();
	return out;
}

static void fire(const char *path)
{
	uint64_t one = 1;
	unsigned i = 0;

	if (!store || store->epoch != fakes.store_epoch)
		return;
	while (i < 4 && !(store->watched[i] && strcmp(store->watched[i], path) == 0))
		i++;
	if (i == 4)
		return;
	watch_events++;
	if (write(store->fd, &one, sizeof(one)) < 0)
		abort();
}

const char *fake_get(const char *path)
{
	struct node *n = node_find(path);

	return n ? n->value : NULL;
}

void fake_set(const char *path, const char *value)
{
	struct node *n = node_find(path);
	char *changed = strdup(path); /* may be the node's own, which goes */

	for (unsigned i = 0; !n && value && i < MAX_NODES; i++)
		if (!nodes[i].path)
			n = &nodes[i];
	if (value && !n)
		abort();
	if (value) {
		char *p = strdup(path), *v = strdup(value);

		free(n->path);
		free(n->value);
		*n = (struct node){ p, v };
	} else if (n) {
		free(n->path);
		free(n->value);
		*n = (struct node){ NULL, NULL };
	}
	fire(changed);
	free(changed);
}

struct xs_handle *xs_open(unsigned long flags)
{
	if (fakes.store_gone) {
		errno = ECONNREFUSED;
		return NULL;
	}
	store = calloc(1, sizeof(*store));
	if (!store)
		abort();
	*store = (struct xs_handle){ .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		.epoch = fakes.store_epoch };
	fakes.open_handles++;
	return store;
}

const char *xs_daemon_socket(void)
{
	return fakes.store_socket ? fakes.store_socket : "/nonexistent/store";
}

void xs_close(struct xs_handle *h)
{
	if (!h)
		return;
	close(h->fd);
	fakes.open_handles--;
	for (unsigned i = 0; i < 4; i++)
		free(h->watched[i]);
	if (store == h)
		store = NULL;
	free(h);
}

int fakes_store_listen(struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(sa->sun_path, sizeof(sa->sun_path), "fake-store.%d", getpid());
	(void)unlink(sa->sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)sa, sizeof(*sa)) < 0 || listen(fd, 4) < 0)
		abort();
	return fd;
}

void fakes_store_end(int listening, const struct sockaddr_un *sa)
{
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	close(listening);
	if (fd < 0 || close(fd) < 0)
		abort();
	(void)unlink(sa->sun_path);
}

static bool gone(const struct xs_handle *h)
{
	if (!fakes.store_gone && h->epoch == fakes.store_epoch)
		return false;
	errno = EPIPE;
	return true;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
	char *full = absolute(path);
	struct node *n = node_find(full);
	char *value = NULL;

	free(full);
	if (gone(h))
		return NULL;
	errno = ENOENT;
	if (n) {
		value = strdup(n->value);
		*len = strlen(value);
	}
	return value;
}

static void tell_backend(void)
{
	int state = state_written;

	state_written = -1;
	if (state >= 0)
		backend_frontend_wrote_state(state);
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data,
	unsigned int len)
{
	char *full = absolute(path);
	char *value = strndup(data, len);

	if (!gone(h)) {
		fake_set(full, value);
		if (strcmp(full, fakes.front_state) == 0)
			state_written = atoi(value);
	}
	free(full);
	free(value);
	if (!in_transaction)
		tell_backend();
	return !gone(h);
}

bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
	char *full = absolute(path);
	size_t len = strlen(full);

	if (gone(h)) {
		free(full);
		return false;
	}
	for (unsigned i = 0; i < MAX_NODES; i++)
		if (nodes[i].path && strncmp(nodes[i].path, full, len) == 0 &&
			(nodes[i].path[len] == '/' || !nodes[i].path[len]))
			fake_set(nodes[i].path, NULL);
	free(full);
	return true;
}

/* The names directly below @path, in one allocation as libxenstore gives them. */
char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *num)
{
	char *full = absolute(path);
	size_t len = strlen(full);
	char **names = malloc(MAX_NODES * (sizeof(char *) + 64));
	char *text = (char *)(names + MAX_NODES);

	*num = 0;
	for (unsigned i = 0; i < MAX_NODES; i++) {
		const char *p = nodes[i].path;
		unsigned j;

		if (!p || strncmp(p, full, len) != 0 || p[len] != '/')
			continue;
		snprintf(text, 64, "%.*s", (int)strcspn(p + len + 1, "/"), p + len + 1);
		for (j = 0; j < *num && strcmp(names[j], text) != 0; j++)
			;
		if (j < *num)
			continue;
		names[(*num)++] = text;
		text += 64;
	}
	free(full);
	return names;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	unsigned i = 0;

	if (gone(h))
		return false;
	while (i < 4 && h->watched[i])
		i++;
	if (i == 4)
		abort();
	h->watched[i] = strdup(path);
	fire(path);
	return true;
}

char **xs_check_watch(struct xs_handle *h)
{
	uint64_t n;

	if (watch_events == 0 || gone(h)) {
		(void)!read(h->fd, &n, sizeof(n));
		errno = EAGAIN;
		return NULL;
	}
	watch_events--;
	return malloc(sizeof(char *) * 2);
}

int xs_fileno(struct xs_handle *h)
{
	return h->fd;
}

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
	if (fakes.before_transaction && transactions++ == 1)
		fakes.before_transaction();
	nodes_copy(saved, nodes);
	in_transaction = true;
	return 1;
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool cancel)
{
	bool conflict = fakes.conflicts > 0;

	in_transaction = false;
	if (cancel || conflict) {
		nodes_copy(nodes, saved);
		state_written = -1;
	}
	nodes_free(saved);
	if (conflict) {
		fakes.conflicts--;
		errno = EAGAIN;
		return false;
	}
	tell_backend();
	return true;
}

/* ---- event channel --------------------------------------------------------- */

struct xenevtchn_handle {
	int fd;
	int port;
	bool open, pending, masked;
};
static struct xenevtchn_handle channels[MAX_CHANNELS];

/* Queues may belong to different threads. */
static void count(unsigned *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static void channel_update(struct xenevtchn_handle *c)
{
	uint64_t n = 1;

	if (c->pending && !c->masked)
		(void)!write(c->fd, &n, sizeof(n));
	else
		(void)!read(c->fd, &n, sizeof(n));
}

void fake_event_on(unsigned queue)
{
	struct xenevtchn_handle *c = &channels[queue];

	if (!c->open)
		return;
	c->pending = true;
	channel_update(c);
}

void fake_event(void)
{
	fake_event_on(0);
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
	for (unsigned i = 0; i < MAX_CHANNELS; i++) {
		struct xenevtchn_handle *c = &channels[i];

		if (c->open)
			continue;
		*c = (struct xenevtchn_handle){ .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
			.port = PORT + i, .open = true };
		fakes.open_handles++;
		return c;
	}
	errno = EMFILE;
	return NULL;
}

int xenevtchn_close(xenevtchn_handle *xce)
{
	close(xce->fd);
	xce->open = false;
	fakes.open_handles--;
	return 0;
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
	return xce->fd;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
	count(&fakes.calls);
	if (fakes.notify_fails || port != (evtchn_port_t)xce->port) {
		errno = ENXIO;
		return -1;
	}
	count(&fakes.notifies);
	backend_notified(port - PORT);
	return 0;
}

xenevtchn_port_or_error_t xenevtchn_bind_unbound_port(xenevtchn_handle *xce, uint32_t domid)
{
	return xce->port;
}

int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
	return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
	count(&fakes.calls);
	if (!xce->pending || xce->masked)
		abort(); /* the real one would block for ever */
	xce->pending = false;
	xce->masked = true;
	channel_update(xce);
	return xce->port;
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
	count(&fakes.calls);
	xce->masked = false;
	channel_update(xce);
	return 0;
}

/* ---- grants ------------------------------------------------------------------ */

static char gntshr;
static uint8_t *pages[MAX_REFS];
static uint32_t next_ref;

void *fake_page(uint32_t ref)
{
	return ref >= FIRST_REF && ref < FIRST_REF + MAX_REFS ? pages[ref - FIRST_REF] : NULL;
}

xengntshr_handle *xengntshr_open(struct xentoollog_logger *logger, unsigned open_flags)
{
	fakes.open_handles++;
	return (xengntshr_handle *)&gntshr;
}

int xengntshr_close(xengntshr_handle *xgs)
{
	fakes.open_handles--;
	return 0;
}

void *xengntshr_share_pages(xengntshr_handle *xgs, uint32_t domid, int count, uint32_t *refs,
	int writable)
{
	uint8_t *p;

	if (fakes.shared + count > fakes.grant_limit || next_ref + count > MAX_REFS) {
		errno = ENOSPC;
		return NULL;
	}
	p = aligned_alloc(BLKIF_PAGE_SIZE, (size_t)count * BLKIF_PAGE_SIZE);
	if (!p)
		return NULL;
	memset(p, 0, (size_t)count * BLKIF_PAGE_SIZE);
	for (int i = 0; i < count; i++) {
		pages[next_ref] = p + (size_t)i * BLKIF_PAGE_SIZE;
		refs[i] = FIRST_REF + next_ref++;
	}
	fakes.shared += count;
	return p;
}

int xengntshr_unshare(xengntshr_handle *xgs, void *start, uint32_t count)
{
	unsigned ended = 0;

	for (unsigned i = 0; i < MAX_REFS; i++)
		if (pages[i] >= (uint8_t *)start &&
			pages[i] < (uint8_t *)start + (size_t)count * BLKIF_PAGE_SIZE) {
			pages[i] = NULL;
			ended++;
		}
	if (ended != count)
		abort();
	fakes.shared -= count;
	free(start);
	return 0;
}

void fakes_reset(void)
{
	nodes_free(nodes);
	fakes = (struct fakes){ .grant_limit = MAX_REFS,
		.front_state = FAKE_FRONT "/state" };
	next_ref = 0;
	watch_events = 0;
	transactions = 0;
	state_written = -1;
}

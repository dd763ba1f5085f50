// SPDX-License-Identifier: MIT
/* libxenstore on a table in memory. Transactions write through: one thread uses it. */
#include "config.h"
#include "tests/peers/fake-store.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <xenstore.h>

#include "tests/peers/fake-xen.h"

#define MAX_NODES 256
#define MAX_WATCHES 8
#define MAX_EVENTS 1024
#define HOME "/local/domain/0/"

struct xs_handle {
	int fd; /* an eventfd: watch events wait */
	struct {
		char *path, *token;
		bool relative; /* so are the paths of its events */
		char *event[MAX_EVENTS];
		unsigned pending;
	} watch[MAX_WATCHES];
	unsigned watches;
};

static struct {
	pthread_mutex_t lock;
	struct {
		char *path, *value;
	} node[MAX_NODES];
	unsigned nodes;
	struct xs_handle *handle; /* one at a time is enough for one backend */
	unsigned conflicts;
	char *refuse; /* a read that is to fail */
	int refuse_error;
} store = { .lock = PTHREAD_MUTEX_INITIALIZER };

static char *full_path(const char *path)
{
	char *full;

	if (asprintf(&full, "%s%s", path[0] == '/' ? "" : HOME, path) < 0)
		abort();
	return full;
}

static bool is_at_or_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static void add_event(struct xs_handle *h, unsigned i, const char *path)
{
	unsigned skip = h->watch[i].relative && strncmp(path, HOME, strlen(HOME)) == 0 ?
				strlen(HOME) : 0;

	if (h->watch[i].pending == MAX_EVENTS)
		abort();
	h->watch[i].event[h->watch[i].pending++] = strdup(path + skip);
}

static void fire(const char *path, bool removed)
{
	struct xs_handle *h = store.handle;
	uint64_t one = 1;

	for (unsigned i = 0; h && i < h->watches; i++) {
		if (!is_at_or_below(path, h->watch[i].path) &&
			!(removed && is_at_or_below(h->watch[i].path, path)))
			continue;
		add_event(h, i, path);
		if (write(h->fd, &one, sizeof(one)) < 0)
			abort();
	}
}

static int find(const char *path)
{
	for (unsigned i = 0; i < store.nodes; i++)
		if (strcmp(store.node[i].path, path) == 0)
			return i;
	return -1;
}

static void set(const char *path, const char *value, unsigned len)
{
	int i = find(path);

	if (i < 0) {
		if (store.nodes == MAX_NODES)
			abort();
		i = store.nodes++;
		store.node[i].path = strdup(path);
		store.node[i].value = NULL;
	}
	free(store.node[i].value);
	store.node[i].value = strndup(value, len);
	fire(path, false);
}

static bool drop(const char *path)
{
	bool any = false;

	for (unsigned i = 0; i < store.nodes;) {
		if (!is_at_or_below(store.node[i].path, path)) {
			i++;
			continue;
		}
		free(store.node[i].path);
		free(store.node[i].value);
		store.node[i] = store.node[--store.nodes];
		any = true;
	}
	if (any)
		fire(path, true);
	return any;
}

void fake_store_reset(void)
{
	if (store.handle)
		abort(); /* the backend left its connection open */
	while (store.nodes) {
		store.nodes--;
		free(store.node[store.nodes].path);
		free(store.node[store.nodes].value);
	}
	store.conflicts = 0;
	free(store.refuse);
	store.refuse = NULL;
}

void fake_store_conflicts(unsigned n)
{
	store.conflicts = n;
}

void fake_store_refuse(const char *path, int error)
{
	pthread_mutex_lock(&store.lock);
	free(store.refuse);
	store.refuse = full_path(path);
	store.refuse_error = error;
	pthread_mutex_unlock(&store.lock);
}

bool fake_store_refused(void)
{
	bool yes;

	pthread_mutex_lock(&store.lock);
	yes = !store.refuse;
	pthread_mutex_unlock(&store.lock);
	return yes;
}

/* The errno of a read of @path, once; or 0. */
static int take_refusal(const char *path)
{
	char *full = full_path(path);
	int error = 0;

	pthread_mutex_lock(&store.lock);
	if (store.refuse && strcmp(store.refuse, full) == 0) {
		error = store.refuse_error;
		free(store.refuse);
		store.refuse = NULL;
	}
	pthread_mutex_unlock(&store.lock);
	free(full);
	return error;
}

void fake_store_write(const char *path, const char *value)
{
	char *full = full_path(path);

	pthread_mutex_lock(&store.lock);
	set(full, value, strlen(value));
	pthread_mutex_unlock(&store.lock);
	free(full);
}

void fake_store_rm(const char *path)
{
	char *full = full_path(path);

	pthread_mutex_lock(&store.lock);
	drop(full);
	pthread_mutex_unlock(&store.lock);
	free(full);
}

char *fake_store_read(const char *path)
{
	char *full = full_path(path), *value = NULL;
	int i;

	pthread_mutex_lock(&store.lock);
	i = find(full);
	if (i >= 0)
		value = strdup(store.node[i].value);
	pthread_mutex_unlock(&store.lock);
	free(full);
	return value;
}

/* --- libxenstore --------------------------------------------------------------------------- */

struct xs_handle *xs_open(unsigned long flags)
{
	struct xs_handle *h = calloc(1, sizeof(*h));

	h->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	store.handle = h;
	return h;
}

void xs_close(struct xs_handle *h)
{
	if (!h)
		return;
	for (unsigned i = 0; i < h->watches; i++) {
		free(h->watch[i].path);
		free(h->watch[i].token);
		while (h->watch[i].pending)
			free(h->watch[i].event[--h->watch[i].pending]);
	}
	close(h->fd);
	store.handle = NULL;
	free(h);
}

int xs_fileno(struct xs_handle *h)
{
	return h->fd;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	uint64_t one = 1;

	if (h->watches == MAX_WATCHES)
		abort();
	pthread_mutex_lock(&store.lock);
	h->watch[h->watches].path = full_path(path);
	h->watch[h->watches].token = strdup(token);
	h->watch[h->watches].relative = path[0] != '/';
	add_event(h, h->watches, h->watch[h->watches].path); /* the initial event */
	h->watches++;
	pthread_mutex_unlock(&store.lock);
	return write(h->fd, &one, sizeof(one)) == sizeof(one);
}

/* One block, as libxenstore's. */
static char **make_event(const char *path, const char *token)
{
	size_t n = strlen(path) + 1;
	char **event = malloc(2 * sizeof(*event) + n + strlen(token) + 1);

	event[0] = (char *)(event + 2);
	event[1] = event[0] + n;
	memcpy(event[0], path, n);
	memcpy(event[1], token, strlen(token) + 1);
	return event;
}

/* The oldest event of a watch. */
static char **take_event(struct xs_handle *h, unsigned i)
{
	char *path = h->watch[i].event[0];
	char **event = make_event(path, h->watch[i].token);

	free(path);
	h->watch[i].pending--;
	memmove(&h->watch[i].event[0], &h->watch[i].event[1],
		h->watch[i].pending * sizeof(h->watch[i].event[0]));
	return event;
}

char **xs_check_watch(struct xs_handle *h)
{
	char **event = NULL;
	uint64_t n;

	pthread_mutex_lock(&store.lock);
	for (unsigned i = 0; i < h->watches && !event; i++) {
		if (h->watch[i].pending)
			event = take_event(h, i);
	}
	if (!event && read(h->fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		abort();
	pthread_mutex_unlock(&store.lock);
	if (!event)
		errno = EAGAIN;
	return event;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
	int error = take_refusal(path);
	char *value = error ? NULL : fake_store_read(path);

	if (!value)
		errno = error ?: ENOENT;
	else if (len)
		*len = strlen(value);
	return value;
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data,
	unsigned int len)
{
	char *full = full_path(path);

	pthread_mutex_lock(&store.lock);
	set(full, data, len);
	pthread_mutex_unlock(&store.lock);
	free(full);
	return true;
}

bool xs_mkdir(struct xs_handle *h, xs_transaction_t t, const char *path)
{
	return xs_write(h, t, path, "", 0);
}

bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
	char *full = full_path(path);
	bool any;

	pthread_mutex_lock(&store.lock);
	any = drop(full);
	pthread_mutex_unlock(&store.lock);
	free(full);
	if (!any)
		errno = ENOENT;
	return any;
}

bool xs_set_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
	struct xs_permissions *perms, unsigned int num)
{
	return true;
}

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
	return 1;
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort_it)
{
	if (abort_it || !store.conflicts)
		return true;
	store.conflicts--;
	errno = EAGAIN;
	return false;
}

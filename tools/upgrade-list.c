// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/upgrade-list.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xenstore.h>

#include "common/array.h"
#include "common/log.h"
#include "drivers-domain/scan.h"
#include "tools/rundir.h"
#include "tools/vdev.h"
#include "xenstore/xsnode.h"

#define DOMAINS "/local/domain"
/* Guests may be many, and stores are not all ours: a bound. */
#define UPGRADE_DEVICES 4096u

struct search {
	const struct upgrade_want *want;
	struct upgrade_list *list;
	const char *store;
	struct xs_handle *xs;
	unsigned stores; /* that have such a device */
	int error;
};

struct xs_handle *upgrade_store(const char *store)
{
	/* libxenstore takes the socket's path from here only. */
	setenv("XENSTORED_PATH", store, 1);
	return xs_open(XS_OPEN_SOCKETONLY);
}

void upgrade_list_free(struct upgrade_list *list)
{
	free(list->target);
	*list = (struct upgrade_list){ .count = 0 };
}

static bool is_guest(const struct search *s, unsigned domid, const char *name)
{
	char number[12];

	snprintf(number, sizeof(number), "%u", domid);
	return !s->want->guest || strcmp(s->want->guest, number) == 0 ||
	       (name && strcmp(s->want->guest, name) == 0);
}

static void device_name(const struct leaf_name *n, char *text, size_t room)
{
	if (strcmp(n->kind, "vbd") == 0 || strcmp(n->kind, "qdisk") == 0)
		vdev_format(n->devid, text, room);
	else
		snprintf(text, room, "%s%u", n->kind, n->devid);
}

static bool is_device(const struct search *s, const struct leaf_name *n, const char *name)
{
	char number[12];
	uint32_t vdev;

	if (!s->want->device || strcmp(s->want->device, name) == 0)
		return true;
	snprintf(number, sizeof(number), "%u", n->devid);
	if (strcmp(s->want->device, number) == 0)
		return true;
	/* Other spellings of a disk's name. */
	return n->kind[0] != 'c' && n->kind[1] != 'i' && vdev_parse(s->want->device, &vdev) == 0 &&
	       vdev == n->devid;
}

static int add(struct search *s, unsigned backend, const struct leaf_name *n, const char *label)
{
	struct upgrade_list *l = s->list;
	char leaf[SCAN_PATH_MAX];
	struct upgrade_target *t;

	if (l->count == UPGRADE_DEVICES)
		return -E2BIG;
	t = realloc(l->target, (l->count + 1) * sizeof(*t));
	if (!t)
		return -ENOMEM;
	l->target = t;
	t = &t[l->count++];
	scan_leaf_path(n, leaf);
	snprintf(t->store, sizeof(t->store), "%s", s->store);
	snprintf(t->leaf, sizeof(t->leaf), DOMAINS "/%u/%s", backend, leaf);
	snprintf(t->label, sizeof(t->label), "%s", label);
	return 0;
}

/* Whose device it is; what a guest wrote is shown without what a terminal would obey. */
static void look(struct search *s, unsigned backend, const struct leaf_name *n)
{
	char home[40], device[24], label[64];
	CLEANUP_FREE char *guest = NULL;

	snprintf(home, sizeof(home), DOMAINS "/%u", n->frontend);
	guest = xsn_read(s->xs, XBT_NULL, home, "name");
	for (char *p = guest; p && *p; p++)
		if (*p <= ' ' || *p > '~')
			*p = '?';
	device_name(n, device, sizeof(device));
	if (!is_guest(s, n->frontend, guest) || !is_device(s, n, device))
		return;
	if (guest)
		snprintf(label, sizeof(label), "%.40s %.22s", guest, device);
	else
		snprintf(label, sizeof(label), "domain %u %.23s", n->frontend, device);
	s->error = add(s, backend, n, label);
}

typedef void (*name_fn)(struct search *s, unsigned backend, struct leaf_name *n, const char *text);

static void each(struct search *s, const char *path, unsigned backend, struct leaf_name *n, name_fn fn)
{
	unsigned count = 0;
	CLEANUP_FREE char **names = xs_directory(s->xs, XBT_NULL, path, &count);

	for (unsigned i = 0; names && i < count && !s->error; i++)
		fn(s, backend, n, names[i]);
}

static void each_device(struct search *s, unsigned backend, struct leaf_name *n, const char *text)
{
	if (scan_parse_devid(text, n) == 0)
		look(s, backend, n);
}

static void each_frontend(struct search *s, unsigned backend, struct leaf_name *n, const char *text)
{
	char path[96];

	if (scan_parse_frontend(text, n) < 0)
		return;
	snprintf(path, sizeof(path), DOMAINS "/%u/backend/%s/%u", backend, n->kind, n->frontend);
	each(s, path, backend, n, each_device);
}

static void each_domain(struct search *s, unsigned unused, struct leaf_name *n, const char *text)
{
	static const char *const kinds[] = { "vbd", "qdisk", "vif", "console" };
	struct leaf_name domain = { .frontend = 0 };
	char path[64];

	if (scan_parse_frontend(text, &domain) < 0)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(n->kind, sizeof(n->kind), "%s", kinds[i]);
		snprintf(path, sizeof(path), DOMAINS "/%u/backend/%s", domain.frontend, kinds[i]);
		each(s, path, domain.frontend, n, each_frontend);
	}
}

static int look_in_store(struct search *s, const char *store)
{
	struct leaf_name n = { .frontend = 0 };
	unsigned before = s->list->count;

	s->store = store;
	s->xs = upgrade_store(store);
	if (!s->xs)
		return -errno;
	each(s, DOMAINS, 0, &n, each_domain);
	xs_close(s->xs);
	s->stores += s->list->count > before;
	return s->error;
}

static int look_in_stack(const char *dir, void *opaque)
{
	struct search *s = opaque;
	char path[sizeof(((struct upgrade_target *)NULL)->store)];

	if ((size_t)snprintf(path, sizeof(path), "%s/store.sock", dir) < sizeof(path))
		(void)!look_in_store(s, path); /* its owner may be dead */
	return s->error;
}

int upgrade_find(const char *store, const struct upgrade_want *want, struct upgrade_list *list)
{
	struct search s = { .want = want, .list = list };
	int rc;

	*list = (struct upgrade_list){ .count = 0 };
	if (!store)
		rundir_each(look_in_stack, &s);
	rc = store ? look_in_store(&s, store) : s.error;
	if (rc < 0)
		log_err("%s: %s", store ? store : "cannot look for devices", strerror(-rc));
	if (rc == 0 && want->guest && s.stores > 1) {
		log_err("%u stacks of yours have a guest %s; --store=PATH says which", s.stores, want->guest);
		rc = -ENOTUNIQ;
	}
	if (rc < 0)
		upgrade_list_free(list);
	return rc;
}

/* SPDX-License-Identifier: MIT */
/* A device directory in memory, for the tests of negotiation. */
#ifndef SLUICE_TESTS_UNIT_FAKE_NODES_H
#define SLUICE_TESTS_UNIT_FAKE_NODES_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FAKE_NODES 64

struct fake_dir {
	struct {
		char name[64];
		char value[128];
	} node[FAKE_NODES];
	unsigned count;
	unsigned fail_at; /* the write that fails, from 1; 0: none */
	unsigned writes;
};

static inline const char *fake_get(const struct fake_dir *dir, const char *name)
{
	for (unsigned i = 0; i < dir->count; i++)
		if (strcmp(dir->node[i].name, name) == 0)
			return dir->node[i].value;
	return NULL;
}

/* NULL removes the node. */
static inline void fake_set(struct fake_dir *dir, const char *name, const char *value)
{
	unsigned i;

	for (i = 0; i < dir->count; i++)
		if (strcmp(dir->node[i].name, name) == 0)
			break;
	if (!value) {
		if (i < dir->count)
			dir->node[i] = dir->node[--dir->count];
		return;
	}
	if (i == FAKE_NODES || strlen(name) >= sizeof(dir->node[i].name) ||
			strlen(value) >= sizeof(dir->node[i].value))
		abort();
	strcpy(dir->node[i].name, name);
	strcpy(dir->node[i].value, value);
	if (i == dir->count)
		dir->count++;
}

static inline char *fake_read(void *opaque, const char *name)
{
	const char *value = fake_get(opaque, name);

	return value ? strdup(value) : NULL;
}

static inline int fake_write(void *opaque, const char *name, const char *value)
{
	struct fake_dir *dir = opaque;

	if (++dir->writes == dir->fail_at)
		return -ENOSPC;
	fake_set(dir, name, value);
	return 0;
}

#endif

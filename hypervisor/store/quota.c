// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/store/quota.h"

#include <errno.h>
#include <string.h>

#include "common/array.h"

const struct quota_limits quota_defaults = {
	.nodes = 1000,
	.watches = 128,
	.transactions = 10,
	.transaction_nodes = 1024,
	.node_size = 2048,
	.permissions = 5,
	.outstanding = 20,
	.memory = 2560 * 1024,
};

static const struct {
	const char *name;
	size_t offset;
} quota_names[] = {
	{ "nodes", offsetof(struct quota_limits, nodes) },
	{ "watches", offsetof(struct quota_limits, watches) },
	{ "transactions", offsetof(struct quota_limits, transactions) },
	{ "transaction-nodes", offsetof(struct quota_limits, transaction_nodes) },
	{ "node-size", offsetof(struct quota_limits, node_size) },
	{ "permissions", offsetof(struct quota_limits, permissions) },
	{ "outstanding", offsetof(struct quota_limits, outstanding) },
	{ "memory", offsetof(struct quota_limits, memory) },
};

int quota_check(unsigned long used, unsigned long more, unsigned long limit, int error)
{
	return used > limit || more > limit - used ? error : 0;
}

int quota_check_memory(const struct quota_limits *limits, const struct account *account,
	unsigned long more)
{
	return quota_check(account->memory, more, limits->memory - limits->memory / 8,
		-ENOMEM);
}

static unsigned long *quota_field(const struct quota_limits *limits, unsigned index)
{
	return (unsigned long *)((char *)limits + quota_names[index].offset);
}

static int quota_parse(const char *text, unsigned long *value)
{
	unsigned long v = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		v = v * 10 + (*text - '0');
		if (v > 1ul << 31)
			return -ERANGE;
	}
	*value = v;
	return v == 0 ? -ERANGE : 0;
}

int quota_set_by_name(struct quota_limits *limits, const char *name, const char *value)
{
	unsigned long v;
	int rc;

	for (unsigned i = 0; i < ARRAY_SIZE(quota_names); i++) {
		if (strcmp(name, quota_names[i].name) != 0)
			continue;
		rc = quota_parse(value, &v);
		if (rc == 0)
			*quota_field(limits, i) = v;
		return rc;
	}
	return -ENOENT;
}

const char *quota_name(const struct quota_limits *limits, unsigned index,
	unsigned long *value)
{
	if (index >= ARRAY_SIZE(quota_names))
		return NULL;
	*value = *quota_field(limits, index);
	return quota_names[index].name;
}

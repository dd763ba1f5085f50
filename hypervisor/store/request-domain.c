// SPDX-License-Identifier: MIT
/* Requests about domains, and XS_CONTROL. */
#include "config.h"
#include "hypervisor/store/request-domain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "common/log.h"
#include "hypervisor/store/state.h"

int request_number(const char *text, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;

	if (!text || !*text)
		return -EINVAL;
	for (; *text; text++) {
		uint64_t digit = (unsigned char)*text - '0';

		if (*text < '0' || *text > '9' || v > (max - digit) / 10)
			return -EINVAL;
		v = v * 10 + digit;
	}
	*value = v;
	return 0;
}

static int request_domid(const char *text, uint32_t *domid)
{
	uint64_t v;
	int rc = request_number(text, STORE_DOMIDS - 1, &v);

	if (rc == 0)
		*domid = v;
	return rc;
}

int request_introduce(struct request *request)
{
	uint64_t gfn, port;
	uint32_t domid;
	int rc = request_domid(request_string(request), &domid);

	if (rc == 0)
		rc = request_number(request_string(request), UINT64_MAX, &gfn);
	if (rc == 0)
		rc = request_number(request_string(request), UINT32_MAX, &port);
	if (rc == 0)
		rc = store_introduce(request->conn->store, domid, gfn, port);
	if (rc == 0)
		request_ok(request);
	return rc;
}

int request_release(struct request *request)
{
	uint32_t domid;
	int rc = request_domid(request_only_string(request), &domid);

	if (rc == 0 && domid == 0)
		rc = -EINVAL;
	if (rc == 0)
		rc = store_release(request->conn->store, domid);
	if (rc == 0)
		request_ok(request);
	return rc;
}

int request_get_domain_path(struct request *request)
{
	char reply[32];
	uint32_t domid;
	int rc = request_domid(request_only_string(request), &domid);

	if (rc < 0)
		return rc;
	conn_reply(request->conn, XS_GET_DOMAIN_PATH, reply,
		snprintf(reply, sizeof(reply), "/local/domain/%" PRIu32, domid) + 1);
	return 0;
}

int request_is_introduced(struct request *request)
{
	uint32_t domid;
	int rc = request_domid(request_only_string(request), &domid);
	bool yes;

	if (rc < 0)
		return rc;
	yes = domid == 0 || store_find_domain(request->conn->store, domid);
	conn_reply(request->conn, XS_IS_DOMAIN_INTRODUCED, yes ? "T" : "F", 2);
	return 0;
}

/*
 * There is no shut-down state here to clear: @releaseDomain is told once, on
 * RELEASE. All that remains of the request is whether the domain is there.
 */
int request_resume(struct request *request)
{
	uint32_t domid;
	int rc = request_domid(request_only_string(request), &domid);

	if (rc < 0)
		return rc;
	if (!store_find_domain(request->conn->store, domid))
		return -ENOENT;
	request_ok(request);
	return 0;
}

int request_set_target(struct request *request)
{
	struct domain *domain;
	uint32_t domid, target;
	int rc = request_domid(request_string(request), &domid);

	if (rc == 0)
		rc = request_domid(request_only_string(request), &target);
	if (rc < 0)
		return rc;
	domain = store_find_domain(request->conn->store, domid);
	/* Domain 0's rights are nobody's to inherit: it is never introduced. */
	if (!domain || !store_find_domain(request->conn->store, target))
		return -ENOENT;
	domain->target = target;
	state_domain(request->conn->store, domain);
	request_ok(request);
	return 0;
}

static int control_help(struct request *request)
{
	static const char text[] = "check\nhelp\nprint <text>\nquota [<domid>]\n";

	conn_reply(request->conn, XS_CONTROL, text, sizeof(text));
	return 0;
}

static int control_check(struct request *request)
{
	if (store_check(request->conn->store))
		return -EIO;
	request_ok(request);
	return 0;
}

static int control_print(struct request *request)
{
	const char *text = request_only_string(request);

	if (!text)
		return -EINVAL;
	log_info("%s", text);
	request_ok(request);
	return 0;
}

static size_t control_format_limits(const struct quota_limits *limits, char *reply,
	size_t room)
{
	const char *name;
	unsigned long value;
	size_t len = 0;

	for (unsigned i = 0; (name = quota_name(limits, i, &value)); i++)
		len += snprintf(reply + len, room - len, "%s: %lu\n", name, value);
	return len + 1;
}

/* Without a domid the limits, with one what the domain uses. */
static int control_quota(struct request *request)
{
	struct store *store = request->conn->store;
	const struct account *account;
	char reply[512];
	uint32_t domid;
	size_t len;
	int rc;

	if (request->at == request->len) {
		len = control_format_limits(&store->limits, reply, sizeof(reply));
	} else {
		rc = request_domid(request_only_string(request), &domid);
		if (rc < 0)
			return rc;
		account = &store->accounts[domid];
		len = snprintf(reply, sizeof(reply),
			"nodes: %lu\nwatches: %lu\ntransactions: %lu\nmemory: %lu\n",
			account->nodes, account->watches, account->transactions,
			account->memory) + 1;
	}
	conn_reply(request->conn, XS_CONTROL, reply, len);
	return 0;
}

int request_control(struct request *request)
{
	static const struct {
		const char *name;
		int (*fn)(struct request *request);
	} commands[] = {
		{ "check", control_check },
		{ "help", control_help },
		{ "print", control_print },
		{ "quota", control_quota },
	};
	const char *name = request_string(request);

	for (unsigned i = 0; name && i < ARRAY_SIZE(commands); i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].fn(request);
	return -EINVAL;
}

/* SPDX-License-Identifier: MIT */
/* Inside of request decoding: what request.c and request-domain.c share. */
#ifndef SLUICE_HYPERVISOR_STORE_REQUEST_DOMAIN_H
#define SLUICE_HYPERVISOR_STORE_REQUEST_DOMAIN_H

#include "hypervisor/store/ops.h"

/** struct request - one request being answered. */
struct request {
	struct conn *conn;
	const char *payload;
	size_t len;
	size_t at; /* how far it is decoded */
	struct op op;
	struct change_list changes; /* to tell watches of once the reply is queued */
};

/** request_string() - the next NUL-terminated string; NULL when there is none. */
const char *request_string(struct request *request);
/** request_only_string() - the same, and nothing may follow it. */
const char *request_only_string(struct request *request);
/** request_number() - decimal digits only; -EINVAL for NULL, anything else and above @max. */
int request_number(const char *text, uint64_t max, uint64_t *value) must_check;
/** request_ok() - reply "OK". */
void request_ok(struct request *request);

/*
 * Each replies and returns 0, or returns -errno and has not replied.
 */
int request_control(struct request *request);
int request_introduce(struct request *request);
int request_release(struct request *request);
int request_get_domain_path(struct request *request);
int request_is_introduced(struct request *request);
int request_resume(struct request *request);
int request_set_target(struct request *request);

#endif

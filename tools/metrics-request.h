/* SPDX-License-Identifier: MIT */
/* What sluice metrics understands of HTTP/1.1. Pure. */
#ifndef SLUICE_TOOLS_METRICS_REQUEST_H
#define SLUICE_TOOLS_METRICS_REQUEST_H

#include <stddef.h>

/** METRICS_REQUEST_MAX - a longer request is refused. */
#define METRICS_REQUEST_MAX 4096u

/** enum metrics_answer - the status of the response, or what keeps it from being one. */
enum metrics_answer {
	METRICS_INCOMPLETE = 0,
	METRICS_OK = 200,
	METRICS_OK_HEAD = 1, /* 200 without the body */
	METRICS_BAD = 400,
	METRICS_NOT_FOUND = 404,
	METRICS_BAD_METHOD = 405,
	METRICS_TOO_LARGE = 431,
	METRICS_BAD_VERSION = 505,
};

/** metrics_request() - what the first @size bytes of a connection ask for. */
enum metrics_answer metrics_request(const char *bytes, size_t size);
/** metrics_reason() - the words of a status. */
const char *metrics_reason(enum metrics_answer answer);

#endif
